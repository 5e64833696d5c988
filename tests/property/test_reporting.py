"""Recalls, reports, hand-overs and expiry beside submissions, under everything that may happen to them.

The world of ``test_acceptance`` with recipients in it: they report, the sender recalls, the exchange hands over and
lets expire, all at once on the same entries, with lost answers, late commits and crashes between any two effects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from loadtests.exchange.acceptance import accept
from loadtests.exchange.errors import Refusal
from loadtests.exchange.events import REPORTABLE
from loadtests.exchange.evidence import EVENT_OF_ACTION, Event
from loadtests.exchange.jws import parse
from loadtests.exchange.lifecycle import TRANSITIONS, Action, Entry, State
from loadtests.exchange.receipts import check_evidence
from loadtests.exchange.records import EntryKey, EventKey, Handover, Message, MessageKey
from loadtests.exchange.reporting import Refused, Taken, expire, hand_over, report
from tests.property.test_acceptance import ALL_GOOD, IDS, TURNS, Flight, Process, sent
from tests.unit.loadtests.authorities import AT
from tests.unit.loadtests.exchanges import (
    ISSUER,
    SECOND,
    SENDER,
    TERMS,
    THIRD,
    changes_of,
    recall,
    signed_report,
)

RECIPIENTS = {SENDER: (SECOND, THIRD), SECOND: (SENDER, THIRD)}
MESSAGES = [MessageKey(SENDER, IDS[0]), MessageKey(SECOND, IDS[1])]
ENTRIES = [EntryKey(key, recipient) for key in MESSAGES for recipient in RECIPIENTS[key.sender]]
STEPS = {(row.before, row.after) for row in TRANSITIONS}


@cache
def recalled(key: MessageKey, number: int) -> bytes:
    """A recall of a message at all of its recipients."""
    named = {"recipients": list(RECIPIENTS[key.sender])}
    return recall(f"recall-{key.message_id}-{number}", key.message_id, signer=key.sender, **named)


@cache
def reported(entry: EntryKey, action: Action, number: int, reason: str) -> bytes:
    """What a recipient reports; few ids, so that some are used twice."""
    event_id = f"event-{action}-{number}"
    return signed_report(event_id, action, entry.message, recipient=entry.recipient, reason=reason)


RECALLS = [recalled(key, number) for key in MESSAGES for number in range(2)]
REPORTS = st.builds(
    reported,
    st.sampled_from(ENTRIES),
    # What comes first, and what answers a recall, more often: all the rest is out of order until then.
    st.sampled_from([Action.ACCEPT, Action.REFUSE_RECALL] * 3 + list(REPORTABLE)),
    st.integers(0, 1),
    st.sampled_from(("vì sao", "vì thế")),
)
WORK = st.lists(
    st.one_of(
        REPORTS,
        REPORTS,
        REPORTS,
        REPORTS,
        st.sampled_from(RECALLS),
        st.tuples(st.just("hand-over"), st.sampled_from(ENTRIES)),
        st.tuples(st.just("expiry"), st.sampled_from(ENTRIES)),
    ),
    min_size=1,
    max_size=6,
)


@dataclass(slots=True, eq=False)
class Work(Flight):
    """A machine that is no submission; for a report, its bytes are kept."""

    kind: str = "report"
    entry: EntryKey | None = None


class Offices(Process):
    """The exchange with recipients that work on what they got."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[bytes, Taken]] = []
        self.handed: dict[EntryKey, bytes] = {}

    @property
    def good(self) -> list[bytes]:
        """Recalls come after the messages that they are about."""
        return [*sorted(ALL_GOOD), *RECALLS]

    @initialize(work=WORK, turns=TURNS)
    def arrive(self, work: list[Any], turns: list[tuple[int, int, str]]) -> None:
        """The messages that all of this is about have come."""
        for key in MESSAGES:
            self.exchange.send(sent(key.sender, key.message_id, "Một"))
        self.begin_work(work, turns)

    @initialize()
    def begin(self) -> None:
        """Nothing else is on its way from the beginning."""

    @rule(work=WORK, turns=TURNS)
    def begin_work(self, work: list[Any], turns: list[tuple[int, int, str]]) -> None:
        """Recalls, reports, hand-overs and expiries begin, and some of the work is done."""
        for one in work:
            self.flights.append(self.flight(one))
        self.work(turns)

    def flight(self, one: Any) -> Flight:
        """The machine of one piece of work, at its first effect."""
        if isinstance(one, tuple):
            kind, entry = one
            machine: Any = hand_over(entry, TERMS) if kind == "hand-over" else expire(entry, TERMS)
            return Work(machine, next(machine), kind=kind, entry=entry)
        if one in RECALLS:
            machine = accept(one, TERMS)
            return Flight(machine, next(machine), one)
        machine = report(one, TERMS)
        return Work(machine, next(machine), one)

    def answered(self, flight: Flight, answer: Any) -> None:
        """A hand-over has evidence once; a refusal of a store may be anything."""
        if not isinstance(flight, Work):
            super().answered(flight, answer)
        elif flight.kind == "report":
            assert isinstance(answer, Taken | Refused)
            if isinstance(answer, Taken):
                self.taken.append((flight.compact, answer))
        elif isinstance(answer, Refusal):
            assert answer.kind.retryable
        elif flight.kind == "hand-over" and answer is not None:
            assert flight.entry is not None
            assert flight.entry not in self.handed
            self.handed[flight.entry] = answer

    @rule(data=st.data())
    @precondition(lambda self: self.taken)
    def report_again(self, data: st.DataObject) -> None:
        """Who has evidence of an event sends the same report once more, in peace: the same bytes come."""
        compact, answer = data.draw(st.sampled_from(self.taken))
        if answer.key.entry in self.exchange.reserved or self.group:
            return
        self.change(max(0, AT - self.now), suspended=False)
        replay = self.exchange.report(compact)
        assert replay == Taken(answer.key, answer.evidence, replayed=True)

    def teardown(self) -> None:
        """In peace every entry can be handed over, once in its life."""
        super().teardown()
        for entry in ENTRIES:
            there = self.world.store.items.get(entry)
            answer = self.exchange.hand_over(entry)
            assert (answer is None) == (there is not None)
            assert self.exchange.hand_over(entry) is None
        self.evidence_stands_on_what_is_stored()
        self.entries_are_what_the_log_tells()

    @invariant()
    def evidence_stands_on_what_is_stored(self) -> None:
        """Every answer is the stored evidence, and says what the entry's history says."""
        store = self.world.store
        for compact, answer in self.taken:
            told = check_evidence(answer.evidence, ISSUER)
            assert store.items[answer.key].receipt == answer.evidence
            assert told.progress is not None
            assert told.event is EVENT_OF_ACTION[told.progress.action]
            assert told.progress.event_sha256 == sha256(parse(compact).payload).digest()
            (applied,) = (
                one
                for one in store.entries[answer.key.entry].history
                if one.event_id == told.progress.event_id
            )
            assert (applied.state, applied.content_sha256) == (
                told.progress.state,
                told.progress.event_sha256,
            )
        for entry, evidence in self.handed.items():
            assert store.items[entry].receipt == evidence
            assert check_evidence(evidence, ISSUER).event is Event.CONTENT_HANDOVER

    @invariant()
    def entries_are_what_the_log_tells(self) -> None:
        """Played from the first leaf, each change begins where the last one ended and is a row of the table."""
        store, entries = self.world.store, dict[EntryKey, Entry]()
        for unit in store.units:
            for change in changes_of(unit):
                key, before = change.standing.key, change.standing.entry
                assert entries[key] == before
                assert (before.state, change.after.state) in STEPS
                assert change.after.history[:-1] == before.history
                entries[key] = change.after
            if isinstance(unit.item, Message):
                entries |= {EntryKey(unit.item.key, one.recipient): one for one in unit.item.inbox}
        assert entries == store.entries
        for entry in entries.values():
            states = [State.AVAILABLE, *(applied.state for applied in entry.history)]
            assert all(step in STEPS for step in pairwise(states))
            assert states[-1] is entry.state
            assert len({applied.event_id for applied in entry.history}) == len(entry.history)

    @invariant()
    def what_moves_an_entry_is_in_the_log(self) -> None:
        """A recall with its message, every other event with a leaf of its own; a hand-over moves nothing."""
        store = self.world.store
        for key, entry in store.entries.items():
            for applied in entry.history:
                asked = MessageKey(key.message.sender, applied.event_id) in store.messages
                assert asked != (EventKey(key, applied.event_id) in store.items)
        assert all(
            isinstance(store.items[key].item, Handover) for key in store.items if isinstance(key, EntryKey)
        )


TestReporting = Offices.TestCase
TestReporting.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
