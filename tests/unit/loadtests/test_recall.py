"""A recall asks wherever the table allows it, is delivered in any case, and asks each recipient once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtests.exchange.acceptance import Accepted, Outcome, Rejected
from loadtests.exchange.effects import Effect, FindEntry, Receive, Release, Reserve, Seal
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import TRANSITIONS, Action, Applied, State
from loadtests.exchange.manifest import MessageKind
from loadtests.exchange.receipts import check_evidence
from loadtests.exchange.records import EntryKey, MessageKey
from loadtests.exchange.reporting import report
from tests.unit.loadtests.authorities import AT
from tests.unit.loadtests.exchanges import (
    ISSUER,
    SECOND,
    SENDER,
    TERMS,
    THIRD,
    Exchange,
    numbered,
    recall,
    signed_report,
    submission,
)
from tests.unit.loadtests.journeys import ENTRY, KEY, arrived, asked, go, reported, run
from tests.unit.loadtests.manifests import a_document

ASKS = {row.before: row.after for row in TRANSITIONS if row.action is Action.ASK_RECALL}
GONE = Refusal("store-unavailable", "the store is gone")


def accepted(outcome: Outcome) -> Accepted:
    """The acceptance that an outcome must be."""
    assert isinstance(outcome, Accepted), outcome
    return outcome


def rejected(outcome: Outcome, code: str) -> Rejected:
    """The rejection that an outcome must be, with this code."""
    assert isinstance(outcome, Rejected), outcome
    assert outcome.refusal.code == code
    return outcome


@pytest.mark.parametrize("state", State)
def test_a_recall_moves_what_the_table_lets_it_move(state: State) -> None:
    """In every state it is delivered; the entry it is about moves, or stays as it is, and no other one moves."""
    exchange = arrived(state)
    before = dict(exchange.store.entries)
    answer = accepted(exchange.send(asked(50)))
    told = check_evidence(answer.receipt, ISSUER)
    after = exchange.store.entries
    assert exchange.store.inbox[SECOND, answer.key] is State.AVAILABLE
    assert {key: entry for key, entry in after.items() if key in before and key != ENTRY} == {
        key: entry for key, entry in before.items() if key != ENTRY
    }
    if state not in ASKS:
        assert after[ENTRY] == before[ENTRY]
    else:
        applied = Applied("recall-0050", told.manifest_sha256, ASKS[state])
        history = (*before[ENTRY].history, applied)
        assert after[ENTRY] == replace(before[ENTRY], state=ASKS[state], history=history)


def test_a_recall_asks_all_whom_it_names() -> None:
    """Each where it stands: one of them was quicker and is done."""
    exchange = arrived(State.DONE)
    accepted(exchange.send(asked(50, recipients=[THIRD, SECOND])))
    assert exchange.store.inbox[SECOND, KEY] is State.DONE
    assert exchange.store.inbox[THIRD, KEY] is State.RECALL_OF_AVAILABLE


def test_a_recall_that_comes_again_asks_for_nothing() -> None:
    """It was answered: the sender gets its receipt once more, and the recipient is left in peace."""
    exchange = arrived()
    first = accepted(exchange.send(asked(50)))
    go(exchange, Action.REFUSE_RECALL, 1)
    again = accepted(exchange.send(asked(50, at=AT - 20)))
    assert (again.receipt, again.replayed) == (first.receipt, True)
    assert exchange.store.inbox[SECOND, KEY] is State.AVAILABLE


def test_a_recall_names_recipients_of_the_message_only() -> None:
    """Whom the message was never sent to has nothing to give back: refused with evidence, and nothing is left."""
    exchange = arrived()
    accepted(exchange.send(numbered(2, recipients=[THIRD])))
    about_it = recall("recall-0050", "message-0002", recipients=[THIRD, SECOND])
    outcome = rejected(exchange.send(about_it), "recall-recipient-unknown")
    assert outcome.evidence in exchange.store.audit.values()
    assert exchange.store.inbox[THIRD, MessageKey(SENDER, "message-0002")] is State.AVAILABLE
    assert not exchange.reserved
    assert exchange.store.head.size == 2


def test_a_recall_waits_for_nobody() -> None:
    """While a recipient reports, it is told to come again; then it finds the entry where the report left it."""
    exchange = arrived()
    reporting = run(report(reported(Action.ACCEPT, 1), TERMS), exchange)
    while not isinstance(next(reporting), Seal):
        pass
    both = asked(50, recipients=[THIRD, SECOND])
    assert rejected(exchange.send(both), "message-in-flight").evidence is None
    assert exchange.reserved == {ENTRY}
    assert exchange.store.head.size == 1
    for _ in reporting:
        pass
    accepted(exchange.send(both))
    assert exchange.store.inbox[SECOND, KEY] is State.RECALL_OF_ACCEPTED


def test_entries_are_reserved_when_the_documents_have_come() -> None:
    """So that a recall with a slow annex holds up nobody; each is released, the message last."""
    exchange = arrived()
    accepted(exchange.send(asked(50, recipients=[SECOND, THIRD], documents=[a_document()])))
    third = EntryKey(KEY, THIRD)
    own = MessageKey(SENDER, "recall-0050")
    kinds = (Reserve, Release, Receive, FindEntry, Seal)
    assert [
        (type(one), getattr(one, "key", None)) for one in exchange.performed if isinstance(one, kinds)
    ] == [
        (Reserve, own),
        (Receive, None),
        (Reserve, ENTRY),
        (FindEntry, ENTRY),
        (Reserve, third),
        (FindEntry, third),
        (Seal, None),
        (Release, third),
        (Release, ENTRY),
        (Release, own),
    ]


@pytest.mark.parametrize("kind", [MessageKind.UPDATE, MessageKind.REPLACE])
def test_an_update_or_a_replacement_moves_nothing(kind: MessageKind) -> None:
    """They are messages about a message; what becomes of the first one its recipients say."""
    exchange = arrived(State.ACCEPTED)
    accepted(exchange.send(submission(message_id="message-0002", kind=int(kind), refers_to=KEY.message_id)))
    assert exchange.store.inbox[SECOND, KEY] is State.ACCEPTED
    assert not any(isinstance(one, FindEntry) for one in exchange.performed)


def test_a_recall_whose_id_the_recipient_used_needs_another() -> None:
    """Two events of one entry never share an id; the sender learns it and takes another one."""
    exchange = arrived()
    exchange.report(signed_report("recall-0050", Action.ACCEPT, KEY))
    rejected(exchange.send(asked(50)), "event-id-reused")
    accepted(exchange.send(asked(51)))
    assert exchange.store.inbox[SECOND, KEY] is State.RECALL_OF_ACCEPTED


@pytest.mark.parametrize("fault", [GONE, OSError("broken")])
@pytest.mark.parametrize("place", range(2))
def test_a_failure_among_the_entries_lets_go_of_all(fault: Exception, place: int) -> None:
    """Whichever of them it strikes: nothing is stored, nothing stays reserved, no rejection is put on record."""

    class Failing(Exchange):
        found = 0

        def do(self, effect: Effect[object]) -> object:
            """As always, but one entry cannot be read."""
            if isinstance(effect, FindEntry):
                self.found += 1
                if self.found > place:
                    raise fault
            return super().do(effect)

    exchange = Failing(arrived().store)
    both = asked(50, recipients=[THIRD, SECOND])
    if isinstance(fault, Refusal):
        assert rejected(exchange.send(both), fault.code).evidence is None
    else:
        with pytest.raises(OSError, match="broken"):
            exchange.send(both)
    assert not exchange.reserved
    assert exchange.store.head.size == 1
    assert exchange.store.inbox[THIRD, KEY] is State.AVAILABLE
