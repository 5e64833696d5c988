"""The accept sequence and the sequencer: what is asked for in which order, and what a failure leaves behind."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from hashlib import sha256
from queue import SimpleQueue
from typing import Any

import pytest
import simpy

from loadtests.exchange import effects, merkle
from loadtests.exchange.acceptance import Accepted, Outcome, Rejected, accept
from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.effects import (
    Commit,
    Effect,
    Find,
    Keep,
    Locate,
    Look,
    Machine,
    Receive,
    Release,
    Reserve,
    Seal,
    Sign,
    Verify,
    drive,
)
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import Event, Evidence, LogEntry, Reason
from loadtests.exchange.lifecycle import Action, State
from loadtests.exchange.manifest import MessageKind
from loadtests.exchange.receipts import check_evidence, check_logged, check_receipt
from loadtests.exchange.records import Group, Item, MessageKey
from loadtests.exchange.registry import Right
from loadtests.exchange.sequencer import Sequencer
from tests.unit.loadtests.authorities import AT, DAY_S, key
from tests.unit.loadtests.exchanges import (
    BODY,
    ISSUER,
    NAME,
    SECOND,
    SENDER,
    TERMS,
    THIRD,
    Exchange,
    Store,
    manifest_bytes,
    message_of,
    numbered,
    registered_leaf,
    registry,
    signed_report,
    submission,
)

GOOD = submission()
KEY = MessageKey(SENDER, "0b1d1e36-7e0f-4a51-9a38-0d8e4c0c9b11")
GONE = Refusal("store-unavailable", "the store is gone")


@pytest.fixture
def exchange() -> Exchange:
    """An exchange with an empty store."""
    return Exchange(Store())


def accepted(outcome: Outcome) -> Accepted:
    """The acceptance that an outcome must be."""
    assert isinstance(outcome, Accepted), outcome
    return outcome


def rejected(outcome: Outcome, code: str) -> Rejected:
    """The rejection that an outcome must be, with this code."""
    assert isinstance(outcome, Rejected), outcome
    assert outcome.refusal.code == code
    return outcome


def assert_no_trace(exchange: Exchange) -> None:
    """Neither message store, inbox, log nor reservations know of anything."""
    store = exchange.store
    assert not {*store.messages, *store.inbox, *store.units, *exchange.reserved}
    assert store.head.size == 0


def assert_kept(exchange: Exchange, outcome: Rejected, payload: bytes) -> Evidence:
    """The evidence of a rejection checks, is about these bytes and stands in the audit table."""
    assert outcome.evidence is not None
    statement = check_evidence(outcome.evidence, ISSUER)
    assert statement.event is Event.SUBMISSION_REJECTION
    assert statement.reason == Reason.of(outcome.refusal)
    assert statement.manifest_sha256 == sha256(payload).digest()
    assert exchange.store.audit == {statement.evidence_id: outcome.evidence}
    return statement


# --- acceptance -------------------------------------------------------------------------------------------------


def test_a_receipt_stands_on_what_is_stored(exchange: Exchange) -> None:
    """It checks as its holder checks it; message, documents, inbox entries and leaf are in the store."""
    answer = accepted(exchange.send(GOOD))
    assert (answer.key, answer.replayed) == (KEY, False)
    own = registered_leaf(SENDER).sha256
    told = check_receipt(answer.receipt, manifest_bytes(), ISSUER, sender_certificate_sha256=own)
    assert told.log == LogEntry(NAME, 0)
    assert told.event_at == AT
    store = exchange.store
    unit = store.messages[KEY]
    message = message_of(unit)
    assert (unit.receipt, unit.evidence, message.compact) == (answer.receipt, told, GOOD)
    assert [(one.sha256, one.size_bytes) for one in message.documents] == [(sha256(BODY).digest(), 3)]
    assert store.inbox == {(code, KEY): State.AVAILABLE for code in (SECOND, THIRD)}
    assert (store.head.size, store.head.root()) == (1, unit.leaf)
    check_logged(answer.receipt, told, Checkpoint(NAME, 1, store.head.root(), AT), ())
    assert not exchange.reserved


def test_the_order_is_the_promise(exchange: Exchange) -> None:
    """Signed before the commit, answered after it; reserved before looking up, released last."""
    exchange.send(GOOD)
    assert exchange.names() == [
        *("Look", "Verify", "Reserve", "Find", "Receive", "Look", "Seal"),
        *("Locate", "Sign", "Commit", "Release"),
    ]
    exchange.performed.clear()
    exchange.send(numbered(2))
    assert exchange.names()[-4:] == ["Seal", "Sign", "Commit", "Release"]


def test_the_same_message_again_gets_the_same_bytes(exchange: Exchange) -> None:
    """Whether it comes byte by byte or signed anew, and whatever became of its terms since; nothing is read."""
    first = accepted(exchange.send(GOOD))
    exchange.bodies = {"Quyết định 12.pdf": b"others"}
    exchange.trusted = replace(exchange.trusted, registry=registry().suspend(THIRD, at=AT))
    exchange.now = AT + DAY_S // 2
    for again in (GOOD, submission(at=AT - 20)):
        exchange.performed.clear()
        answer = accepted(exchange.send(again))
        assert (answer.receipt, answer.replayed) == (first.receipt, True)
        assert exchange.names() == ["Look", "Verify", "Reserve", "Find", "Release"]
    assert len(exchange.store.units) == 1
    assert not exchange.store.audit


def test_an_expired_message_that_was_accepted_gets_its_receipt(exchange: Exchange) -> None:
    """An acceptance is a fact: no evidence may contradict it."""
    short = submission(expires_at=AT + 5)
    first = accepted(exchange.send(short))
    exchange.now = AT + 6
    assert accepted(exchange.send(short)).receipt == first.receipt
    rejected(exchange.send(numbered(2, expires_at=AT + 5)), "manifest-expired")


def test_an_id_is_used_once(exchange: Exchange) -> None:
    """Other content under the id is refused, with evidence; another sender's ids are its own."""
    first = accepted(exchange.send(GOOD))
    other = rejected(exchange.send(submission(number="13")), "message-id-reused")
    assert_kept(exchange, other, manifest_bytes(number="13"))
    assert accepted(exchange.send(GOOD)).receipt == first.receipt
    second = submission(signer=SECOND, sender=SECOND, recipients=[SENDER])
    assert not accepted(exchange.send(second)).replayed
    assert len(exchange.store.messages) == len(exchange.store.units) == 2


def test_what_is_in_flight_is_not_taken_twice(exchange: Exchange) -> None:
    """Even with equal bytes; no evidence, because the answer may be a receipt in a moment."""
    machine = accept(GOOD, TERMS)
    effect: Effect[Any] = next(machine)
    while not isinstance(effect, Receive):
        effect = machine.send(exchange.perform(effect))
    for same_id in (GOOD, submission(number="13")):
        assert rejected(exchange.send(same_id), "message-in-flight").evidence is None
    accepted(exchange.send(numbered(2)))
    assert exchange.reserved == {KEY}
    first = accepted(finished(machine, effect, exchange))
    assert accepted(exchange.send(GOOD)).receipt == first.receipt


def finished(machine: Machine[Outcome], effect: Effect[Any], exchange: Exchange) -> Outcome:
    """The outcome of a machine that waits for an effect."""
    try:
        while True:
            effect = machine.send(exchange.perform(effect))
    except StopIteration as end:
        ended: Outcome = end.value
        return ended


# --- rejection --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"audience": "other.example"}, "audience-mismatch"),
        ({"recipients": ["000.00.09.H41"]}, "recipient-unknown"),
        ({"recipients": [SENDER]}, "recipient-is-sender"),
        ({"kind": int(MessageKind.RECALL), "refers_to": "never-sent"}, "reference-unknown"),
        (
            {
                "documents": [
                    {"name": "a.pdf", "media_type": "application/pdf", "size_bytes": 3, "sha256": "A" * 43}
                ]
            },
            "document-mismatch",
        ),
    ],
)
def test_a_final_refusal_leaves_evidence_and_no_trace(
    exchange: Exchange, changes: dict[str, Any], code: str
) -> None:
    """A known sender gets it signed; the id stays usable."""
    outcome = rejected(exchange.send(submission(**changes)), code)
    assert_kept(exchange, outcome, manifest_bytes(**changes))
    assert_no_trace(exchange)
    assert not accepted(exchange.send(GOOD)).replayed


def test_equal_rejections_are_one_statement(exchange: Exchange) -> None:
    """In the same second it is the same evidence; later it is another one."""
    bad = submission(audience="other.example")
    first, again = (rejected(exchange.send(bad), "audience-mismatch").evidence for _ in range(2))
    assert first == again
    assert len(exchange.store.audit) == 1
    exchange.now += 1
    assert rejected(exchange.send(bad), "audience-mismatch").evidence != first
    assert len(exchange.store.audit) == 2


@pytest.mark.parametrize(
    ("compact", "code"),
    [
        (b"junk", "jws-invalid"),
        (submission(signing_key=key("nobody's")), "signature-invalid"),
        (submission(b"{}"), "manifest-invalid"),
    ],
)
def test_a_stranger_gets_a_reason_but_no_evidence(exchange: Exchange, compact: bytes, code: str) -> None:
    """Nothing is signed, stored or reserved for whom nobody knows."""
    assert rejected(exchange.send(compact), code).evidence is None
    assert exchange.names() == ["Look", "Verify"]
    assert not exchange.store.audit


def test_a_recall_needs_the_message_that_it_is_about(exchange: Exchange) -> None:
    """Accepted, and of the same sender; a recall without documents reads none."""
    recall = {"kind": int(MessageKind.RECALL), "refers_to": KEY.message_id, "documents": []}
    accepted(exchange.send(GOOD))
    exchange.performed.clear()
    accepted(exchange.send(numbered(2, **recall)))
    assert "Receive" not in exchange.names()
    assert Find(KEY) in exchange.performed
    foreign = numbered(3, signer=SECOND, sender=SECOND, recipients=[THIRD], **recall)
    rejected(exchange.send(foreign), "reference-unknown")


class Slow(Exchange):
    """An exchange whose documents take so long that the world changes meanwhile."""

    later: Any = staticmethod(lambda _: None)

    def do(self, effect: Effect[Any]) -> Any:
        """As always, but the world changes while documents are received."""
        result = super().do(effect)
        if isinstance(effect, Receive):
            self.later(self)
        return result


def _suspend(exchange: Exchange) -> None:
    exchange.trusted = replace(exchange.trusted, registry=registry().suspend(SENDER, at=AT))


def _disentitle(exchange: Exchange) -> None:
    changed = registry().entitle(THIRD, {Right.SEND})
    exchange.trusted = replace(exchange.trusted, registry=changed)


def _wait(exchange: Exchange) -> None:
    exchange.now += DAY_S


@pytest.mark.parametrize(
    ("later", "code"),
    [(_suspend, "agency-suspended"), (_disentitle, "recipient-not-permitted"), (_wait, "crl-stale")],
)
def test_nothing_is_accepted_on_what_was_true_before_it_came(later: Any, code: str) -> None:
    """What may not be taken when its documents are complete is refused then."""
    exchange = Slow(Store())
    exchange.later = later
    rejected(exchange.send(GOOD), code)
    assert_no_trace(exchange)


# --- failures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Look, Verify, Reserve, Find, Receive, Seal, Locate, Sign, Commit])
@pytest.mark.parametrize("fault", [GONE, Refusal("store-full", "no room"), OSError("broken")])
def test_a_failure_acknowledges_nothing(
    exchange: Exchange, kind: type[Effect[Any]], fault: Exception
) -> None:
    """Wherever it happens: a refusal that may be retried, or the fault itself; then the same bytes are taken."""
    exchange.fails[kind] = fault
    if isinstance(fault, Refusal):
        outcome = rejected(exchange.send(GOOD), fault.code)
        assert outcome.refusal.kind.retryable
        assert outcome.evidence is None
    else:
        with pytest.raises(OSError, match="broken"):
            exchange.send(GOOD)
    assert_no_trace(exchange)
    exchange.fails.clear()
    assert not accepted(exchange.send(GOOD)).replayed
    assert exchange.store.units[0].evidence.log == LogEntry(NAME, 0)


@pytest.mark.parametrize("kind", [Sign, Keep])
def test_a_rejection_without_a_place_for_its_evidence_is_still_told(
    exchange: Exchange, kind: type[Effect[Any]]
) -> None:
    """No evidence is given out that is not kept."""
    bad = submission(audience="other.example")
    exchange.fails[kind] = GONE
    assert rejected(exchange.send(bad), "audience-mismatch").evidence is None
    exchange.fails[kind] = OSError("broken")
    with pytest.raises(OSError, match="broken"):
        exchange.send(bad)
    assert_no_trace(exchange)
    assert not exchange.store.audit


class Torn(Exchange):
    """An exchange whose store commits but whose answer gets lost."""

    torn = False

    def do(self, effect: Effect[Any]) -> Any:
        """As always, but the answer of a commit may be lost."""
        result = super().do(effect)
        if isinstance(effect, Commit) and self.torn:
            raise GONE
        return result


def test_a_commit_whose_answer_is_lost_is_found_again() -> None:
    """Nobody is told yes or no; who tries again gets the receipt, and the log goes on behind its leaf."""
    exchange = Torn(Store())
    exchange.torn = True
    assert rejected(exchange.send(GOOD), "store-unavailable").evidence is None
    exchange.torn = False
    again = accepted(exchange.send(GOOD))
    assert again.replayed
    assert again.receipt == exchange.store.messages[KEY].receipt
    accepted(exchange.send(numbered(2)))
    assert [unit.evidence.log for unit in exchange.store.units] == [LogEntry(NAME, 0), LogEntry(NAME, 1)]


def test_a_closed_machine_asks_for_nothing(exchange: Exchange) -> None:
    """A crash is the end: nothing is released, signed or stored on the way out."""
    for last in (Look, Verify, Reserve, Find, Receive, Seal):
        machine = accept(GOOD, TERMS)
        effect: Effect[Any] = next(machine)
        while not isinstance(effect, last):
            effect = machine.send(exchange.do(effect))
        machine.close()
        exchange.reserved.clear()
    assert_no_trace(exchange)


# --- groups -----------------------------------------------------------------------------------------------------


def messages(count: int, start: int = 0) -> tuple[Item, ...]:
    """Messages that wait to be sealed."""
    found = []
    for number in range(start, start + count):
        machine, exchange = accept(numbered(number), TERMS), Exchange(Store())
        effect: Effect[Any] = next(machine)
        while not isinstance(effect, Seal):
            effect = machine.send(exchange.perform(effect))
        found.append(effect.item)
    return tuple(found)


def test_a_group_has_consecutive_leaves_and_one_commit(exchange: Exchange) -> None:
    """Each unit has its receipt; the nodes are those of the tree over the leaves, the head is remembered."""
    sequencer = Sequencer(NAME)
    for first, count in ((0, 3), (3, 2), (5, 4)):
        units = drive(sequencer.seal(messages(count, first), AT), exchange.perform)
        assert [unit.evidence.log for unit in units] == [LogEntry(NAME, first + n) for n in range(count)]
    assert [effect for effect in exchange.names() if effect in {"Locate", "Commit"}] == [
        *("Locate", "Commit", "Commit", "Commit")
    ]
    leaves = exchange.store.leaves()
    read = merkle.nodes_over(leaves.__getitem__)
    assert exchange.store.head == merkle.frontier(9, read)
    groups = [effect.group for effect in exchange.performed if isinstance(effect, Commit)]
    nodes = [node for group in groups for node in group.nodes]
    assert len({(node.level, node.index) for node in nodes}) == len(nodes) == 9 + 4 + 2 + 1
    assert all(read(node.level, node.index) == node.hash for node in nodes)


@pytest.mark.parametrize("kind", [Locate, Sign, Commit])
def test_a_group_that_fails_gives_its_indices_back(exchange: Exchange, kind: type[Effect[Any]]) -> None:
    """None of it is stored; the next group takes the same indices, after a look at the store."""
    sequencer = Sequencer(NAME)
    drive(sequencer.seal(messages(2), AT), exchange.perform)
    if kind is Locate:
        sequencer = Sequencer(NAME)
    exchange.fails[kind] = GONE
    with pytest.raises(Refusal):
        drive(sequencer.seal(messages(3, 2), AT), exchange.perform)
    assert exchange.store.head.size == 2
    exchange.fails.clear()
    exchange.performed.clear()
    units = drive(sequencer.seal(messages(2, 4), AT), exchange.perform)
    assert [unit.evidence.log for unit in units] == [LogEntry(NAME, 2), LogEntry(NAME, 3)]
    assert exchange.names() == ["Locate", "Sign", "Commit"]


def test_a_group_is_not_empty_and_names_each_message_once(exchange: Exchange) -> None:
    """Both are slips of a driver."""
    (message,) = messages(1)
    for slip in ((), (message, message)):
        with pytest.raises(ValueError, match="each of them once"):
            drive(Sequencer(NAME).seal(slip, AT), exchange.perform)
    assert exchange.performed == []


# --- drivers ----------------------------------------------------------------------------------------------------


class Threaded(Exchange):
    """A driver for many threads with group commit: a writer thread seals what has come together meanwhile."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.lock = threading.Lock()
        self.queue: SimpleQueue[tuple[Item, Future[bytes]] | None] = SimpleQueue()
        self.groups: list[Group] = []

    def do(self, effect: Effect[Any]) -> Any:
        """Sealing waits for the writer; all else happens under one lock, verifying apart."""
        if isinstance(effect, Verify):
            return effect.perform()
        if isinstance(effect, Seal):
            future: Future[bytes] = Future()
            self.queue.put((effect.item, future))
            return future.result(timeout=30)
        with self.lock:
            if isinstance(effect, Commit):
                self.groups.append(effect.group)
            return super().do(effect)

    def write(self) -> None:
        """Seal groups until told to end."""
        while first := self.queue.get():
            waiting = [first]
            while not self.queue.empty() and (more := self.queue.get()):
                waiting.append(more)
            messages = tuple(message for message, _ in waiting)
            units = drive(self.sequencer.seal(messages, self.now), self.perform)
            for (_, future), unit in zip(waiting, units, strict=True):
                future.set_result(unit.receipt)


def test_threads_drive_it() -> None:
    """Equal submissions from many threads give one message and one receipt; others are not held up."""
    exchange = Threaded(Store())
    outcomes: list[Outcome] = []
    writer = threading.Thread(target=exchange.write)
    writer.start()
    sent = [GOOD] * 24 + [numbered(number) for number in range(8)]
    threads = [
        threading.Thread(target=lambda compact=compact: outcomes.append(exchange.send(compact)))
        for compact in sent
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    exchange.queue.put(None)
    writer.join()
    counts = Counter(type(one).__name__ for one in outcomes)
    assert counts["Accepted"] >= 9
    assert {one.refusal.code for one in outcomes if isinstance(one, Rejected)} <= {"message-in-flight"}
    equal = {one.receipt for one in outcomes if isinstance(one, Accepted) and one.key == KEY}
    assert equal == {exchange.store.messages[KEY].receipt}
    assert len(exchange.store.units) == len(exchange.store.messages) == 9
    assert [unit.evidence.log for unit in exchange.store.units] == [LogEntry(NAME, n) for n in range(9)]
    assert not exchange.reserved


async def drive_async(machine: Machine[Outcome], exchange: Exchange) -> Outcome:
    """The loop of ``drive`` as a coroutine."""
    try:
        effect = next(machine)
        while True:
            await asyncio.sleep(0)
            try:
                result = exchange.perform(effect)
            except Refusal as refusal:
                effect = machine.throw(refusal)
            else:
                effect = machine.send(result)
    except StopIteration as end:
        ended: Outcome = end.value
        return ended


def test_asyncio_and_simpy_drive_it_to_the_same_bytes() -> None:
    """The same machine, unchanged; under both the second of two equal submissions is in flight."""

    async def both(exchange: Exchange) -> list[Outcome]:
        return list(await asyncio.gather(*(drive_async(accept(GOOD, TERMS), exchange) for _ in range(2))))

    def process(env: simpy.Environment, exchange: Exchange, outcomes: list[Outcome]) -> Any:
        machine = accept(GOOD, TERMS)
        try:
            effect = next(machine)
            while True:
                yield env.timeout(1)
                effect = machine.send(exchange.perform(effect))
        except StopIteration as end:
            outcomes.append(end.value)

    simulated: list[Outcome] = []
    env, stores = simpy.Environment(), (Store(), Store())
    in_simpy = Exchange(stores[1])
    for _ in range(2):
        env.process(process(env, in_simpy, simulated))
    env.run()
    in_asyncio = asyncio.run(both(Exchange(stores[0])))
    assert sorted(type(one).__name__ for one in in_asyncio) == ["Accepted", "Rejected"]
    assert {type(one) for one in in_asyncio} == {type(one) for one in simulated}
    assert stores[0].messages[KEY].receipt == stores[1].messages[KEY].receipt


def test_every_effect_is_performed_somewhere_here() -> None:
    """An effect that no machine yields would be dead."""
    named = {name for name, value in vars(effects).items() if isinstance(value, type)}
    known = {one.__name__ for one in Effect.__subclasses__()}
    exchange = Exchange(Store())
    exchange.send(GOOD)
    exchange.send(submission(number="13"))
    for _ in range(2):
        exchange.report(signed_report("event-0001", Action.ACCEPT, KEY))
    assert known <= named
    assert {type(effect).__name__ for effect in exchange.performed} == known
    assert Release(KEY) in exchange.performed
