"""The driver: what it owes to machines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest

from loadtests.endpoint import driver as driving
from loadtests.endpoint.driver import Driver, Finder, Reservations, Threads
from loadtests.endpoint.folder import Identity
from loadtests.endpoint.limits import Postponed, Quotas
from loadtests.endpoint.store.base import Audited
from loadtests.endpoint.writer import Lasting
from loadtests.exchange.acceptance import Accepted, Rejected, accept
from loadtests.exchange.effects import Find, Machine, Release, Reserve, Seal, Verify, ask
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.receipts import check_evidence
from loadtests.exchange.records import EntryKey, MessageKey, Stored
from loadtests.exchange.reporting import Taken, report
from loadtests.exchange.terms import Known, View
from loadtests.exchange.verification import Authentic, Received
from tests.unit.loadtests import exchanges
from tests.unit.loadtests.authorities import AT, key
from tests.unit.loadtests.endpoint.servers import Clock, certificate
from tests.unit.loadtests.exchanges import (
    BODY,
    EXCHANGE_CERTIFICATE,
    ISSUER,
    NAME,
    SECOND,
    SENDER,
    TERMS,
    THIRD,
    submission,
    trusted,
)

KEY = MessageKey(SENDER, "message-1")
ENTRY = EntryKey(KEY, SECOND)


@dataclass
class Writing:
    """A writer whose answers are given by the test, or at once."""

    at_once: bool = True
    store: exchanges.Store = field(default_factory=exchanges.Store)
    sealing: list[tuple[Any, Lasting[bytes]]] = field(default_factory=list)
    kept: list[Audited] = field(default_factory=list)

    def seal(self, item: Any) -> Lasting[bytes]:
        """Give the item a leaf."""
        future: Lasting[bytes] = Lasting(loop=asyncio.get_running_loop())
        self.sealing.append((item, future))
        if self.at_once:
            future.set_result(exchanges.Exchange(self.store).perform(Seal(item)))
        return future

    def keep(self, audited: Audited) -> Lasting[None]:
        """Keep a rejection."""
        future: Lasting[None] = Lasting(loop=asyncio.get_running_loop())
        self.kept.append(audited)
        future.set_result(None)
        return future


@dataclass
class Rig:
    """A driver and what it stands on."""

    writing: Writing
    known: dict[bytes, Known]
    driver: Driver
    clock: Clock


def rig(per_s: float = 1000, burst: int = 1000, chains_max: int = 10, **changes: Any) -> Rig:
    """A driver over a store in memory."""
    writing, known, clock = Writing(), dict[bytes, Known](), Clock(0)
    store: Any = SimpleNamespace(  # as much of it as machines ask for
        find=lambda keys: tuple(writing.store.find(one) for one in keys),
        standing=writing.store.standing,
        event=writing.store.event,
    )
    driver = Driver(
        view=lambda: View(AT, trusted(), known),
        store=store,
        writer=writing,  # type: ignore[arg-type] # likewise
        identity=Identity(NAME, key("exchange"), certificate(), EXCHANGE_CERTIFICATE),
        quotas=Quotas(per_s, burst, clock),
        clock=lambda: AT,
        known=known,
        chains_max=chains_max,
        **changes,
    )
    return Rig(writing, known, driver, clock)


async def bodies(manifest: Manifest) -> tuple[Received, ...]:
    """The documents as they are named."""
    return tuple(Received(sha256(BODY).digest(), len(BODY), BODY) for _ in manifest.documents)


def run(main: Any) -> Any:
    """Run it, within a deadline."""
    return asyncio.run(asyncio.wait_for(main, 10))


@contextmanager
def threads(number: int) -> Iterator[Threads]:
    """Threads that end."""
    with ThreadPoolExecutor(number) as executor:
        yield Threads(executor)


def machine(*effects: Any) -> Machine[list[Any]]:
    """Asks for these, and ends with what it was sent."""
    found = [None] * len(effects)
    for place, effect in enumerate(effects):
        found[place] = yield from ask(effect)
    return found


def test_a_submission() -> None:
    """The accept sequence comes to its receipt, and lets go of its key."""

    async def main() -> None:
        made = rig()
        outcome = await made.driver.run(accept(submission(), TERMS), bodies, charged=True)
        assert isinstance(outcome, Accepted)
        assert check_evidence(outcome.receipt, ISSUER).sender == SENDER
        assert not len(made.driver.reservations)

    run(main())


def test_a_rejection_is_signed_and_kept() -> None:
    """A final refusal has evidence that the writer kept with the time of now."""

    async def main() -> None:
        made = rig()
        outcome = await made.driver.run(accept(submission(audience="other.example"), TERMS), bodies)
        assert isinstance(outcome, Rejected)
        assert outcome.evidence is not None
        said = check_evidence(outcome.evidence, ISSUER)
        kept = Audited(said.evidence_id, SENDER, said.message_id, AT, outcome.evidence)
        assert made.writing.kept == [kept]

    run(main())


def test_reports_are_performed() -> None:
    """A report is verified, found its entry, and sealed; its evidence is found again for the same report."""

    async def main() -> None:
        made = rig()
        await made.driver.run(accept(submission(message_id=KEY.message_id), TERMS), bodies)
        said = exchanges.signed_report("event-0001", Action.ACCEPT, KEY)
        first = await made.driver.run(report(said, TERMS), charged=True)
        again = await made.driver.run(report(said, TERMS), charged=True)
        assert isinstance(first, Taken)
        assert isinstance(again, Taken)
        assert (first.replayed, again.replayed) == (False, True)
        assert first.evidence == again.evidence

    run(main())


def test_faults_are_thrown_in() -> None:
    """What an effect fails with reaches the machine, which lets go of what it holds."""

    async def main() -> None:
        made = rig()

        async def gone(_: Manifest) -> tuple[Received, ...]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await made.driver.run(accept(submission(), TERMS), gone)
        assert not len(made.driver.reservations)

    run(main())


def test_what_has_no_body_is_incomplete() -> None:
    """A machine that asks for documents where nobody sends any is refused."""

    async def main() -> None:
        outcome = await rig().driver.run(accept(submission(), TERMS))
        assert isinstance(outcome, Rejected)
        assert outcome.refusal.code == "request-incomplete"

    run(main())


def test_cancelled_while_receiving() -> None:
    """Who is cancelled while documents come ends as an incomplete request, with nothing held."""

    async def main() -> None:
        made, receiving = rig(), asyncio.Event()

        async def slow(_: Manifest) -> tuple[Received, ...]:
            receiving.set()
            await asyncio.sleep(60)
            return ()

        task = asyncio.create_task(made.driver.run(accept(submission(), TERMS), slow))
        await receiving.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not len(made.driver.reservations)
        assert not made.writing.sealing

    run(main())


@pytest.mark.parametrize("fault", [None, Refusal("store-full", "no room")])
def test_cancelled_while_sealing(fault: Refusal | None) -> None:
    """Who is cancelled at ``Seal`` holds the key until the commit has ended, well or not."""

    async def main() -> None:
        made = rig()
        made.writing.at_once = False
        task = asyncio.create_task(made.driver.run(accept(submission(), TERMS), bodies))
        while not made.writing.sealing:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(made.driver.reservations) == 1
        _, future = made.writing.sealing[0]
        future.set_exception(fault) if fault else future.set_result(b"receipt")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not len(made.driver.reservations)

    run(main())


def test_quota_counts_the_first_reservation_only() -> None:
    """A recall that reserves many entries counts once, for its sender; what the server does itself counts never."""

    async def main() -> None:
        made = rig(per_s=1, burst=1)
        effects = [Reserve(KEY), Reserve(ENTRY), Release(ENTRY), Release(KEY)]
        assert await made.driver.run(machine(*effects), charged=True) == [True, True, None, None]
        with pytest.raises(Postponed):
            await made.driver.run(machine(*effects), charged=True)
        await made.driver.run(machine(*effects))
        await made.driver.run(machine(Reserve(ENTRY), Release(ENTRY)), charged=True)

    run(main())


def test_quota_of_a_report_is_the_recipients() -> None:
    """A report counts for who reports, so that a busy sender does not silence its recipients."""

    async def main() -> None:
        made = rig(per_s=1, burst=1)
        await made.driver.run(machine(Reserve(KEY), Release(KEY)), charged=True)
        await made.driver.run(machine(Reserve(ENTRY), Release(ENTRY)), charged=True)

    run(main())


def test_a_message_is_reserved_once() -> None:
    """The second to ask for a message's key is told no at once, and may have it when it is given back."""

    async def main() -> None:
        reservations = Reservations()
        assert reservations.take(KEY) is True
        assert reservations.take(KEY) is False
        reservations.release(KEY)
        assert reservations.take(KEY) is True

    run(main())


def test_an_entry_is_waited_for() -> None:
    """The second to ask for an entry gets it when the first has done with it, in the order of asking."""

    async def main() -> None:
        reservations = Reservations(wait_s_max=5)
        assert reservations.take(ENTRY) is True
        second, third = reservations.take(ENTRY), reservations.take(ENTRY)
        assert isinstance(second, Lasting)
        assert isinstance(third, Lasting)
        reservations.release(ENTRY)
        assert await second
        assert not third.done()
        reservations.release(ENTRY)
        assert await third
        reservations.release(ENTRY)
        assert not len(reservations)

    run(main())


def test_an_entry_is_not_waited_for_without_end() -> None:
    """Who waits too long for an entry is told no, and does not get it afterwards."""

    async def main() -> None:
        reservations = Reservations(wait_s_max=0.01)
        reservations.take(ENTRY)
        waiting = reservations.take(ENTRY)
        assert isinstance(waiting, Lasting)
        assert await waiting is False
        reservations.release(ENTRY)
        assert not len(reservations)

    run(main())


def test_chains_are_remembered_within_bounds() -> None:
    """A chain that was found is used again; the oldest goes when there are too many."""

    async def main() -> None:
        made = rig(chains_max=2)
        for sender, other in ((SENDER, SECOND), (SECOND, THIRD), (THIRD, SENDER)):
            sent = submission(signer=sender, sender=sender, recipients=[other])
            view = View(AT, trusted(), made.known)
            for _ in range(2):
                (found,) = await made.driver.run(machine(Verify(sent, view, TERMS)))
                assert isinstance(found, Authentic)
                assert made.known[found.registered.sha256] is found.known
        owners = [trusted().registry.owners[one] for one in made.known]
        assert owners == [SECOND, THIRD]

    run(main())


def test_verifying_in_threads() -> None:
    """With verifiers, signatures are checked beside the event loop, with the same result and the same refusals."""

    async def main() -> None:
        with threads(2) as verifiers:
            made = rig(verifiers=verifiers)
            outcome = await made.driver.run(accept(submission(), TERMS), bodies)
            assert isinstance(outcome, Accepted)
            assert len(made.known) == 1
            refused = await made.driver.run(accept(b"a.b.c", TERMS), bodies)
            assert isinstance(refused, Rejected)

    run(main())


def test_looking_up_in_threads() -> None:
    """With readers, nothing is looked up on the event loop's thread."""

    async def main() -> None:
        asked: list[int] = []

        def find(keys: Sequence[MessageKey]) -> tuple[Stored | None, ...]:
            asked.append(threading.get_ident())
            return tuple(None for _ in keys)

        with threads(1) as readers:
            finder = Finder(find, readers)
            assert await finder.find(KEY) is None
            assert asked
            assert asked != [threading.get_ident()]

    run(main())


def test_finds_are_asked_together() -> None:
    """What is asked in one turn of the loop, and while an answer is on its way, is one question each."""

    async def main() -> None:
        asked: list[int] = []
        go = threading.Semaphore(0)

        def find(keys: Sequence[MessageKey]) -> tuple[Stored | None, ...]:
            asked.append(len(keys))
            assert go.acquire(timeout=10)
            return tuple(Stored(key.message_id.encode(), b"") for key in keys)

        with threads(2) as readers:
            finder = Finder(find, readers)
            names = [MessageKey(SENDER, f"message-{n}") for n in range(5)]
            early = [finder.find(one) for one in names[:2]]
            while not asked:
                await asyncio.sleep(0)
            late = [finder.find(one) for one in names[2:]]
            go.release(2)
            found = await asyncio.gather(*early, *late)
            assert asked == [2, 3]
            assert [one.manifest_sha256.decode() for one in found if one] == [one.message_id for one in names]

    run(main())


@pytest.mark.parametrize("in_place", [True, False])
def test_a_question_that_fails_fails_for_all_who_asked(in_place: bool) -> None:
    """Each who asked gets the refusal, as an object of his own; the next question is asked anew."""

    async def main() -> None:
        faults: list[Exception] = [Refusal("store-unavailable", "away")]

        def find(keys: Sequence[MessageKey]) -> tuple[Stored | None, ...]:
            if faults:
                raise faults.pop()
            return tuple(None for _ in keys)

        with threads(1) as readers:
            finder = Finder(find, None if in_place else readers)
            one, other = await asyncio.gather(finder.find(KEY), finder.find(KEY), return_exceptions=True)
            assert isinstance(one, Refusal)
            assert isinstance(other, Refusal)
            assert one is not other
            assert await finder.find(KEY) is None

    run(main())


@pytest.mark.parametrize("in_place", [True, False])
def test_no_question_is_larger_than_allowed(monkeypatch: pytest.MonkeyPatch, in_place: bool) -> None:
    """More keys than one question may have are asked in several."""

    async def main() -> None:
        asked: list[int] = []

        def find(keys: Sequence[MessageKey]) -> tuple[Stored | None, ...]:
            asked.append(len(keys))
            return tuple(None for _ in keys)

        monkeypatch.setattr(driving, "FINDS_MAX", 2)
        with threads(1) as readers:
            finder = Finder(find, None if in_place else readers)
            await asyncio.gather(*(finder.find(KEY) for _ in range(5)))
        assert asked == [2, 2, 1]

    run(main())


def test_find_over_readers_in_a_machine() -> None:
    """A machine's look-ups go through the readers where there are any."""

    async def main() -> None:
        with threads(1) as readers:
            made = rig(readers=readers)
            outcome = await made.driver.run(accept(submission(message_id=KEY.message_id), TERMS), bodies)
            assert isinstance(outcome, Accepted)
            (found,) = await made.driver.run(machine(Find(KEY)))
            assert found is not None
            assert found.receipt == outcome.receipt

    run(main())
