"""The accept sequence under everything that may happen to it: crashes, lost answers, duplicates, full disks.

Hypothesis plays the driver and the world. It performs one effect of any machine at a time, in any order, forms groups,
loses answers of commits, lets given-up commits arrive late, and kills the process between any two effects.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loadtests.exchange import merkle
from loadtests.exchange.acceptance import Accepted, Outcome, Rejected, accept
from loadtests.exchange.effects import (
    Commit,
    Effect,
    Find,
    FindEntry,
    FindEvent,
    Keep,
    Machine,
    Receive,
    Seal,
    Sign,
)
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import Event
from loadtests.exchange.jws import parse
from loadtests.exchange.receipts import check_evidence, log_leaf
from loadtests.exchange.records import Group, Message, MessageKey, Unit
from loadtests.exchange.registry import Registry
from tests.unit.loadtests.authorities import AT
from tests.unit.loadtests.exchanges import (
    ISSUER,
    SECOND,
    SENDER,
    TERMS,
    THIRD,
    Exchange,
    Store,
    registry,
    submission,
    trusted,
)

SENDERS = (SENDER, SECOND)
IDS = ("message-a", "message-b", "message-c")
SUBJECTS = ("Một", "Hai")
BAD: dict[str, dict[str, Any]] = {
    "recipient-unknown": {"recipients": ["000.00.09.H41"]},
    "audience-mismatch": {"audience": "other.example"},
    "manifest-invalid": {"urgency": 9},
}
GROUP_MAX = 3
EFFECTS_MAX = 16  # more than any machine and its group ask for
FAULT = Refusal("store-unavailable", "the store is gone")
FALLIBLE = Find | FindEntry | FindEvent | Receive | Keep | Sign
# Which machine, how many effects of it, and how the last of them ends.
TURNS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from((1, 2, 4, 8)),
        st.sampled_from((*["well"] * 12, "fails", *["answer-lost", "late"] * 2)),
    ),
    min_size=8,
    max_size=30,
)


@cache
def sent(sender: str, message_id: str, subject: str, bad: str = "", signed_at: int = AT) -> bytes:
    """A submission; with a fault, or signed at another time, where that is asked for."""
    others = [code for code in (SENDER, SECOND, THIRD) if code != sender]
    changes: dict[str, Any] = {"sender": sender, "recipients": others, "subject": subject}
    changes |= {"message_id": message_id} | (BAD[bad] if bad else {})
    return submission(signer=sender, at=signed_at, **changes)


SUBMISSIONS = st.lists(
    st.tuples(
        st.builds(
            sent,
            st.sampled_from(SENDERS),
            st.sampled_from(IDS),
            st.sampled_from(SUBJECTS),
            st.sampled_from((*[""] * 9, *BAD)),
            st.sampled_from((AT, AT + 1)),
        ),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=4,
)


@dataclass(slots=True, eq=False)
class Flight:
    """One machine and the effect that it waits for."""

    machine: Machine[Any]
    effect: Effect[Any]
    compact: bytes = b""

    def go_on(self, result: Any) -> None:
        """Hand over a result, or an exception."""
        throws = isinstance(result, Exception)
        self.effect = self.machine.throw(result) if throws else self.machine.send(result)


@dataclass(slots=True, eq=False)
class World:
    """What outlives the process: the durable store, commits still on their way, and what senders hold."""

    store: Store = field(default_factory=Store)
    late: list[Group] = field(default_factory=list)
    answers: list[tuple[bytes, Outcome]] = field(default_factory=list)
    units_seen: tuple[Unit, ...] = ()


class Process(RuleBasedStateMachine):
    """The exchange, its senders and its misfortunes."""

    @property
    def good(self) -> list[bytes]:
        """All that may be taken, in an order in which it can be."""
        return sorted(ALL_GOOD)

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.now = AT
        self.start()

    def start(self) -> None:
        """A new process over the same store."""
        self.exchange = Exchange(self.world.store)
        self.exchange.now = self.now
        self.flights: list[Flight] = []
        self.queue: list[Flight] = []
        self.group: tuple[Flight, list[Flight]] | None = None

    # --- senders --------------------------------------------------------------------------------------------

    @initialize(submissions=SUBMISSIONS, turns=TURNS)
    def begin(self, submissions: list[tuple[bytes, int]], turns: list[tuple[int, int, str]]) -> None:
        """Something is on its way from the beginning."""
        self.submit(submissions, turns)

    @rule(submissions=SUBMISSIONS, turns=TURNS)
    def submit(self, submissions: list[tuple[bytes, int]], turns: list[tuple[int, int, str]]) -> None:
        """Submissions come, some of them several times at once, and some of the work is done."""
        for compact, times in submissions:
            for _ in range(times):
                machine = accept(compact, TERMS)
                self.flights.append(Flight(machine, next(machine), compact))
        self.work(turns)

    @rule(data=st.data())
    @precondition(lambda self: self.world.answers)
    def again(self, data: st.DataObject) -> None:
        """Who has an answer sends the same bytes once more, in peace: an acceptance is told again, byte by byte."""
        compact, outcome = data.draw(st.sampled_from(self.world.answers))
        if key_of(compact) in self.exchange.reserved or self.group:
            return
        replay = self.exchange.send(compact)
        if isinstance(outcome, Accepted):
            assert isinstance(replay, Accepted)
            assert (replay.receipt, replay.replayed) == (outcome.receipt, True)
        self.world.answers.append((compact, replay))

    # --- the driver -----------------------------------------------------------------------------------------

    def work(self, turns: list[tuple[int, int, str]]) -> None:
        """Machines and the sequencer go on by some effects, in any order; some of the effects fail."""
        for turn, effects, fate in turns:
            ready = self.ready()
            if turn < len(ready):
                for left in reversed(range(effects)):
                    if ready[turn] in self.ready():
                        self.step(ready[turn], "well" if left else fate)
            elif self.group or self.queue:
                self.step_group(fate)
            elif ready:
                self.step(ready[0], fate)

    def ready(self) -> list[Flight]:
        """Machines that do not wait for the sequencer."""
        return [one for one in self.flights if one not in self.queue and not self._in_group(one)]

    def _in_group(self, flight: Flight) -> bool:
        return self.group is not None and flight in self.group[1]

    def step(self, flight: Flight, fate: str) -> None:
        """One machine goes on by one effect; a sender may go away while its documents are read."""
        if isinstance(flight.effect, Seal):
            self.queue.append(flight)
        elif fate != "fails" or not isinstance(flight.effect, FALLIBLE):
            self.resume(flight, self.performed(flight.effect))
        elif isinstance(flight.effect, Receive):
            self.resume(flight, Refusal("request-incomplete", "the sender went away"))
        else:
            self.resume(flight, FAULT)

    def performed(self, effect: Effect[Any]) -> Any:
        """The result of an effect, or the refusal that it ended with."""
        try:
            return self.exchange.do(effect)
        except Refusal as refusal:
            return refusal

    def resume(self, flight: Flight, result: Any) -> None:
        """Hand a result, or an exception, to a machine; an end is an answer in its sender's hands."""
        try:
            flight.go_on(result)
        except StopIteration as end:
            self.flights.remove(flight)
            self.answered(flight, end.value)
        except Refusal as refusal:
            self.flights.remove(flight)
            self.answered(flight, refusal)

    def answered(self, flight: Flight, answer: Any) -> None:
        """An answer is in its sender's hands."""
        assert isinstance(answer, Accepted | Rejected)
        self.world.answers.append((flight.compact, answer))

    def step_group(self, fate: str) -> None:
        """The sequencer takes what has come together, or goes on by one effect.

        A commit may fail, or happen and seem to fail, or seem to fail and happen later.
        """
        if self.group is None:
            members, self.queue = self.queue[:GROUP_MAX], self.queue[GROUP_MAX:]
            items = tuple(one.effect.item for one in members if isinstance(one.effect, Seal))
            machine = self.exchange.sequencer.seal(items, self.now)
            self.group = Flight(machine, next(machine)), members
            return
        sealing, members = self.group
        result: Any = FAULT
        if isinstance(sealing.effect, Commit) and fate == "late":
            self.world.late.append(sealing.effect.group)
        elif isinstance(sealing.effect, Commit) and fate == "answer-lost":
            self.performed(sealing.effect)
        elif fate != "fails":
            result = self.performed(sealing.effect)
        try:
            sealing.go_on(result)
        except StopIteration as end:
            self.group = None
            for member, unit in zip(members, end.value, strict=True):
                self.resume(member, unit.receipt)
        except Refusal as refusal:
            self.group = None
            for member in members:
                self.resume(member, refusal)

    # --- the world ------------------------------------------------------------------------------------------

    @rule(seconds=st.integers(-30, 90), suspended=st.booleans())
    def change(self, seconds: int, *, suspended: bool) -> None:
        """Clocks go on, and are set back; the operator suspends a recipient, or lifts it.

        A commit that was given up reaches the store after all, which takes it only if it still fits.
        """
        self.now += seconds
        self.exchange.now = self.now
        now: Registry = registry().suspend(THIRD, at=AT - 3600) if suspended else registry()
        self.exchange.trusted = replace(trusted(), registry=now)
        if self.world.late:
            with suppress(Refusal):
                self.world.store.commit(self.world.late.pop(0))

    @rule()
    @precondition(lambda self: self.flights)
    def crash(self) -> None:
        """The process is gone, between any two effects of any machine."""
        for flight in self.flights:
            flight.machine.close()
        self.start()

    def teardown(self) -> None:
        """In peace everything comes to an end: who sends again gets a receipt, or learns that another one has it."""
        self.change(0, suspended=False)
        for _ in range(EFFECTS_MAX * len(self.flights)):
            self.work([(0, 1, "well"), (len(self.flights), 1, "well")])
        assert not self.flights
        assert not self.exchange.reserved
        for compact in self.good:
            outcome = self.exchange.send(compact)
            self.world.answers.append((compact, outcome))
            if not isinstance(outcome, Accepted):
                assert outcome.refusal.code == "message-id-reused"
        assert self.world.store.messages.keys() == {key_of(compact) for compact in self.good}
        self.every_receipt_stands_on_what_is_stored()
        self.the_store_is_whole()
        self.the_log_only_grows()
        self.a_refusal_leaves_no_trace()

    # --- what always holds ----------------------------------------------------------------------------------

    @invariant()
    def every_receipt_stands_on_what_is_stored(self) -> None:
        """Message, inbox entries and leaf, whatever happened; and equal submissions have equal bytes."""
        store = self.world.store
        for compact, outcome in self.world.answers:
            if not isinstance(outcome, Accepted):
                continue
            told = check_evidence(outcome.receipt, ISSUER)
            unit = store.messages[outcome.key]
            assert unit.receipt == outcome.receipt
            assert told.manifest_sha256 == sha256(parse(compact).payload).digest()
            assert told.log is not None
            assert store.units[told.log.leaf_index] is unit
            assert store.leaves()[told.log.leaf_index] == log_leaf(outcome.receipt)
            assert all((code, outcome.key) in store.inbox for code in told.recipients)

    @invariant()
    def the_store_is_whole(self) -> None:
        """One message for each sender and id, one leaf for each item, and only what may be taken."""
        store = self.world.store
        assert len(store.units) == len(store.items) == store.head.size
        assert store.head == merkle.frontier(store.head.size, merkle.nodes_over(store.leaves().__getitem__))
        assert store.inbox.keys() == {
            (code, key) for key, unit in store.messages.items() for code in unit.evidence.recipients
        }
        for index, unit in enumerate(store.units):
            log = check_evidence(unit.receipt, ISSUER).log
            assert log is not None
            assert log.leaf_index == index
            assert not isinstance(unit.item, Message) or unit.item.compact in self.good

    @invariant()
    def the_log_only_grows(self) -> None:
        """What stood in it stands in it for good."""
        seen, units = self.world.units_seen, tuple(self.world.store.units)
        assert units[: len(seen)] == seen
        self.world.units_seen = units

    @invariant()
    def a_refusal_leaves_no_trace(self) -> None:
        """Evidence is signed, kept in the audit table, and never contradicts an earlier receipt."""
        accepted: set[bytes] = set()
        for _, outcome in self.world.answers:
            if isinstance(outcome, Accepted):
                accepted.add(check_evidence(outcome.receipt, ISSUER).manifest_sha256)
            elif outcome.evidence is not None:
                assert isinstance(outcome, Rejected)
                told = check_evidence(outcome.evidence, ISSUER)
                assert told.event is Event.SUBMISSION_REJECTION
                assert told.log is None
                assert told.manifest_sha256 not in accepted
                assert self.world.store.audit[told.evidence_id] == outcome.evidence

    @invariant()
    def nothing_stays_reserved(self) -> None:
        """A key is held by a machine that is under way."""
        if not self.flights:
            assert not self.exchange.reserved


ALL_GOOD = {
    sent(sender, message_id, subject, "", signed_at)
    for sender in SENDERS
    for message_id in IDS
    for subject in SUBJECTS
    for signed_at in (AT, AT + 1)
}


def key_of(compact: bytes) -> MessageKey:
    """Sender and id of a submission of this test, faulty or not."""
    values = json.loads(parse(compact).payload)
    return MessageKey(values["sender"], values["message_id"])


TestAcceptance = Process.TestCase
TestAcceptance.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
