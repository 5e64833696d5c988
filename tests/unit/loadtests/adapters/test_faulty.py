from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.adapters.base import NOT_TO_BE_HAD, AdapterError, Message, Outcome, ReceiptError, ServerRecord
from loadtests.adapters.blocking_io import BlockingIo
from loadtests.adapters.reference import ReferenceAdapter
from loadtests.adapters.servers.faults import Faults, Planted, read_planted
from loadtests.adapters.servers.faulty import Stalling
from loadtests.adapters.servers.faulty_store import EarlyStore, FaultyStore
from loadtests.endpoint.store.base import Listed
from loadtests.exchange.lifecycle import State
from loadtests.exchange.records import MessageKey
from loadtests.harness.records import Poison
from tests.unit.loadtests.adapters.running import (
    AGENCIES,
    asking,
    context,
    make,
    schedule,
    serving,
    set_up,
    wait_ready,
)

FORGED = (Poison.TAMPERED, Poison.FOREIGN_KEY, Poison.REVOKED, Poison.WRONG_DIGEST)
ARRIVALS = 64
SCHEDULE = schedule(ARRIVALS, poison={kind.value: kind for kind in FORGED})
FAULTS = "lose=0.2,duplicate=0.2,wrong-receipt=20%,hollow=0.2,forge=1"


@dataclass
class Run:
    """What was sent to a faulty exchange, and what came of it."""

    adapter: ReferenceAdapter
    messages: list[Message]
    outcomes: list[Outcome]
    records: list[ServerRecord]
    planted: dict[str, set[str]]
    seen: dict[int, list[str]] = field(default_factory=dict)

    def wrong(self) -> set[str]:
        """The ids of messages whose receipt does not hold."""
        found = set()
        for message, outcome in zip(self.messages, self.outcomes, strict=True):
            try:
                self.adapter.verify(message, outcome.receipt)
            except ReceiptError:
                found.add(message.id)
        return found


@pytest.fixture(scope="module")
def io(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BlockingIo, Path, dict[str, str]]]:
    """Connections to a faulty exchange, its file of what was planted, and the adapter's options."""
    path = tmp_path_factory.mktemp("faulty")
    made, planted = make(path / "data"), path / "planted.jsonl"
    arguments = ("--data", str(made.data), "--faults", FAULTS, "--seed", "3", "--planted", str(planted))
    with serving("faulty", *arguments) as (url, _), asking(url) as found:
        wait_ready(found)
        yield found, planted, made.options


@pytest.fixture(scope="module")
def run(io: tuple[BlockingIo, Path, dict[str, str]]) -> Run:
    """All messages sent, every inbox polled, and the audit."""
    asked, planted, options = io
    adapter = set_up(asked, context(asked.target, options, SCHEDULE))
    messages = [adapter.sign(adapter.make(number)) for number in range(ARRIVALS)]
    outcomes = [adapter.submit(message, asked) for message in messages]
    records = list(adapter.audit(asked))
    polled = {agency: adapter.poll(agency, None, asked).entries for agency in range(AGENCIES)}
    seen = {agency: [one.id for one in entries] for agency, entries in polled.items()}
    return Run(adapter, messages, outcomes, records, read_planted(planted), seen)


def test_everything_is_answered_as_accepted(run: Run) -> None:
    """Faults do not show in the status: also what is forged gets a 201."""
    assert all(one.taken for one in run.outcomes)


def test_forgeries_are_accepted(run: Run) -> None:
    """Every kind is taken, told, and has a receipt about the very bytes that were sent."""
    forged = {run.messages[kind.value].id for kind in FORGED}
    assert run.planted["forge"] == forged
    for kind in FORGED:
        message = run.messages[kind.value]
        if message.id not in run.planted["wrong-receipt"]:
            run.adapter.verify(message, run.outcomes[kind.value].receipt)


def test_replayed_reads_are_answered(run: Run, io: tuple[BlockingIo, Path, dict[str, str]]) -> None:
    """A nonce counts twice here."""
    assert run.adapter.poisoned_read(io[0]).taken
    assert read_planted(io[1])["forged-read"]


def test_wrong_receipts_are_those_that_were_planted(run: Run) -> None:
    """Each receipt that does not hold was planted, and each that was planted does not hold."""
    assert len(run.planted["wrong-receipt"]) > 3
    assert run.wrong() == run.planted["wrong-receipt"]


def test_losses_are_those_that_were_planted(run: Run) -> None:
    """What is in no inbox was planted as lost; everything else is in the inbox of each recipient."""
    assert len(run.planted["lose"]) > 3
    found = {(one.id, one.recipient) for one in run.records}
    missing = {
        run.messages[number].id
        for number in range(ARRIVALS)
        for recipient in SCHEDULE.recipients_of(number)
        if (run.messages[number].id, recipient) not in found
    }
    assert missing == run.planted["lose"]
    assert not {one for one, _ in found} & run.planted["lose"]


def test_duplicates_are_those_that_were_planted(run: Run) -> None:
    """What stands twice was planted so; polls show both places, once each."""
    assert len(run.planted["duplicate"]) > 3
    assert {one.id for one in run.records if one.copies > 1} == run.planted["duplicate"]
    assert {one.copies for one in run.records} == {1, 2}
    for one in run.records:
        assert run.seen[one.recipient].count(one.id) == one.copies


def test_hollow_messages_are_those_that_were_planted(run: Run) -> None:
    """Their documents are not given out; all others that are not forged are the right ones."""
    forged = run.messages[Poison.WRONG_DIGEST].id
    gone = {one.id for one in run.records if one.digest in {NOT_TO_BE_HAD, b""}}
    assert len(run.planted["hollow"]) > 3
    assert gone - {forged} == run.planted["hollow"] - {forged}
    for one in run.records:
        number = run.adapter.number_of(one.id)
        assert number is not None
        if one.id not in gone and one.id != forged:
            assert one.digest == run.adapter.document_sha256(number)


def test_what_comes_again_is_struck_again(run: Run, io: tuple[BlockingIo, Path, dict[str, str]]) -> None:
    """The same message again gets the same bytes, right or wrong."""
    struck = next(place for place, one in enumerate(run.messages) if one.id in run.planted["wrong-receipt"])
    for place in (struck, ARRIVALS - 1):
        assert run.adapter.submit(run.messages[place], io[0]).receipt == run.outcomes[place].receipt


# --- answered before it is stored --------------------------------------------------------------------------------


def test_what_was_answered_too_early_is_gone_after_a_kill(tmp_path: Path) -> None:
    """Receipts hold, and after SIGKILL and a new start nothing of it is there."""
    made, planted, few = make(tmp_path / "data"), tmp_path / "planted", schedule(4)
    arguments = ("--data", str(made.data), "--planted", str(planted), "--faults", "early=600s")
    with serving("faulty", *arguments) as (url, process), asking(url) as io:
        adapter = set_up(io, context(url, made.options, few))
        messages = [adapter.sign(adapter.make(number)) for number in range(4)]
        for message in (
            *messages,
            messages[0],
        ):  # the last is a replay, which is known although it is not stored
            outcome = adapter.submit(message, io)
            assert outcome.taken
            adapter.verify(message, outcome.receipt)
        process.kill()
        process.wait(10)
    told = read_planted(planted)
    assert told["early"] == {one.id for one in messages}
    assert "early-stored" not in told
    with serving("reference_server", "--data", str(made.data)) as (url, _), asking(url) as io:
        adapter = set_up(io, context(url, made.options, few))
        wait_ready(io)
        assert list(adapter.audit(io)) == []


def test_what_was_answered_too_early_is_there_in_the_end(tmp_path: Path) -> None:
    """Given time, it is stored, shown, and can be accepted; nothing is told twice."""
    made, planted, few = make(tmp_path / "data"), tmp_path / "planted", schedule(3)
    arguments = ("--data", str(made.data), "--planted", str(planted), "--faults", "early=300ms")
    with serving("faulty", *arguments) as (url, _), asking(url) as io:
        adapter = set_up(io, context(url, made.options, few))
        wait_ready(io)
        for number in range(3):
            assert adapter.submit(adapter.sign(adapter.make(number)), io).taken
        until_s = time.monotonic() + 20
        while len(read_planted(planted).get("early-stored", ())) < 3:
            assert time.monotonic() < until_s
            time.sleep(0.05)
        entry = adapter.poll(1, None, io).entries[0]
        assert adapter.acknowledge(1, entry, io).done
        assert (
            adapter.acknowledge(1, entry, io).code == "event-out-of-order"
        )  # though the report may wait still
        assert len(list(adapter.audit(io))) == 6


class Frame:
    """A group that nobody looks into."""

    units = ()
    after = "head"


class Behind:
    """A store that notes what is asked of it."""

    def __init__(self) -> None:
        self.committed: list[object] = []

    def commit(self, group: object) -> None:
        """Store."""
        self.committed.append(group)

    def settle(self) -> bool:
        """All is known."""
        return True

    def locate(self) -> str:
        """The head."""
        return "stored"


def test_early_groups_are_stored_in_order_when_their_time_has_come(tmp_path: Path) -> None:
    """Until then ``settle`` says no, so that the writer asks again; the head is that of the last group."""
    now = [0.0]
    behind = Behind()
    store: Any = EarlyStore(behind, 2.0, Planted(1, tmp_path / "planted"), lambda: now[0])
    assert (store.settle(), store.locate()) == (True, "stored")
    first, second = Frame(), Frame()
    store.commit(first)
    now[0] = 1.0
    store.commit(second)
    assert (store.settle(), store.locate(), behind.committed) == (False, "head", [])
    now[0] = 2.0
    assert (store.settle(), behind.committed) == (False, [first])
    now[0] = 3.0
    assert (store.settle(), store.locate(), behind.committed) == (True, "stored", [first, second])


# --- parts -------------------------------------------------------------------------------------------------------


@dataclass
class Shelf:
    """A store with one inbox."""

    leaves: list[int]

    def inbox(self, _: str, after: int, limit: int) -> tuple[Listed, ...]:
        """Entries after a leaf."""
        found = [leaf for leaf in self.leaves if leaf > after][:limit]
        return tuple(Listed(leaf, MessageKey("s", f"m{leaf}"), 0, State.AVAILABLE) for leaf in found)


@given(st.sets(st.integers(0, 60)).map(sorted), st.integers(1, 7), st.floats(0, 1), st.floats(0, 1))
def test_an_inbox_read_in_pages_is_the_inbox_read_at_once(
    leaves: list[int], limit: int, lose: float, duplicate: float
) -> None:
    """Whatever the pages, every entry that is not lost comes once, and twice where it is a duplicate."""
    planted = Planted(5, None)
    store = FaultyStore(Shelf(leaves), Faults(lose=lose, duplicate=duplicate), planted)  # type: ignore[arg-type]
    places, ids, after = list[int](), list[str](), -1
    while page := store.inbox("r", after, limit):
        assert len(page) <= limit
        places += [one.leaf_index for one in page]
        ids += [one.key.message_id for one in page]
        after = places[-1]
    assert places == sorted(set(places))
    for leaf in leaves:
        lost = planted.strikes("lose", lose, f"m{leaf}")
        twice = planted.strikes("duplicate", duplicate, f"m{leaf}")
        assert ids.count(f"m{leaf}") == (0 if lost else 2 if twice else 1)


def test_a_share_is_a_share() -> None:
    """Of 4000 ids about a tenth is struck (6 sigma), the same ones each time, others with another seed or fault."""
    struck = [Planted(1, None).strikes("lose", 0.1, f"id-{number}") for number in range(4000)]
    assert abs(sum(struck) - 400) < 6 * (4000 * 0.1 * 0.9) ** 0.5
    assert struck == [Planted(1, None).strikes("lose", 0.1, f"id-{number}") for number in range(4000)]
    for other, kind in ((2, "lose"), (1, "duplicate")):
        assert struck != [Planted(other, None).strikes(kind, 0.1, f"id-{number}") for number in range(4000)]
    assert all(Planted(1, None).strikes("lose", 1.0, f"id-{number}") for number in range(100))
    assert not any(Planted(1, None).strikes("lose", 0.0, f"id-{number}") for number in range(100))


def test_faults_are_read() -> None:
    """Shares, percent, times, and nothing at all."""
    found = Faults.parse("lose=0.01, duplicate=2%,forge=1,wrong-receipt=0.5,early=250ms,stall=2s@10s")
    right = Faults(
        lose=0.01, duplicate=0.02, forge=1, wrong_receipt=0.5, early_s=0.25, stall_s=2, stall_every_s=10
    )
    assert found == right
    assert Faults.parse("") == Faults()


@pytest.mark.parametrize(
    "text",
    ["lose", "lose=2", "lose=x", "loose=0.1", "early=soon", "stall=2s", "stall=10s@2s", "early_s=0.2", "=1"],
)
def test_faults_that_cannot_be_meant_are_refused(text: str) -> None:
    """With a list of what there is."""
    with pytest.raises(AdapterError, match="E-FAULTS"):
        Faults.parse(text)


def test_a_stall_holds_back_what_comes_while_it_lasts(tmp_path: Path) -> None:
    """A request within a stall begins at its end, one outside at once; the stall is told."""
    now, begun = [100.0], list[float]()

    async def application(*_: Any) -> None:
        begun.append(asyncio.get_running_loop().time())

    planted = tmp_path / "planted"
    stalling = Stalling(
        application, Faults(stall_s=0.08, stall_every_s=1.0), Planted(1, planted), lambda: now[0]
    )

    async def took_s() -> float:
        at_s = asyncio.get_running_loop().time()
        await stalling({}, None, None)  # type: ignore[arg-type]
        return begun[-1] - at_s

    now[0] = 100.9
    asyncio.run(took_s())
    assert not planted.exists()
    now[0] = 100.93
    assert asyncio.run(took_s()) > 0.06
    assert set(read_planted(planted)) == {"stall"}
