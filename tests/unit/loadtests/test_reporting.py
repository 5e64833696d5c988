"""Reports, hand-overs and expiry: each has one leaf, one evidence and one answer, however often it comes."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from loadtests.exchange import jws
from loadtests.exchange.effects import (
    Commit,
    Effect,
    FindEvent,
    Release,
)
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import EVENT_OF_ACTION, Event, Evidence, LogEntry, Progress, Revocation
from loadtests.exchange.lifecycle import TRANSITIONS, Action, Role, State
from loadtests.exchange.receipts import check_evidence
from loadtests.exchange.records import EntryKey, EventKey, Happening
from loadtests.exchange.registry import Registry
from loadtests.exchange.reporting import Refused, Taken
from loadtests.exchange.revocation import Revocations
from tests.unit.loadtests.authorities import AT, DAY_S, issuing, leaf, registered, root
from tests.unit.loadtests.exchanges import (
    ISSUER,
    NAME,
    SECOND,
    SENDER,
    THIRD,
    Exchange,
    crl,
    registered_leaf,
    registry,
    revocations,
    signed_report,
    trusted,
)
from tests.unit.loadtests.journeys import ENTRY, KEY, MESSAGE, arrived, reported

GONE = Refusal("store-unavailable", "the store is gone")
STRANGER = EntryKey(KEY, "000.00.09.H41")
REPORTS = [row for row in TRANSITIONS if row.role is Role.RECIPIENT]


def taken(answer: Taken | Refused) -> Taken:
    """The answer that a report must get."""
    assert isinstance(answer, Taken), answer
    return answer


def refused(answer: Taken | Refused, code: str) -> None:
    """A report must have been refused with this code."""
    assert isinstance(answer, Refused), answer
    assert answer.refusal.code == code


def told(evidence: bytes | None) -> Evidence:
    """What evidence says, whose signature was checked."""
    assert evidence is not None
    return check_evidence(evidence, ISSUER)


# --- reports ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", REPORTS, ids=lambda row: f"{row.before}-{row.action}")
def test_a_report_moves_the_entry_and_its_evidence_says_how(row: Any) -> None:
    """Every row of the table that a recipient signs: state, history, log and evidence are of one piece."""
    exchange = arrived(row.before)
    before = exchange.store.head.size
    compact = reported(row.action, 50)
    answer = taken(exchange.report(compact))
    digest = sha256(jws.parse(compact).payload).digest()
    said = told(answer.evidence)
    assert answer == Taken(EventKey(ENTRY, "event-0050"), answer.evidence, replayed=False)
    assert exchange.store.entries[ENTRY].state is row.after
    assert exchange.store.entries[ENTRY].history[-1].event_id == "event-0050"
    assert said.event is EVENT_OF_ACTION[row.action]
    assert said.progress == Progress("event-0050", row.action, row.after, digest)
    assert said.log == LogEntry(NAME, before)
    assert (said.message_id, said.sender, said.recipients) == (KEY.message_id, SENDER, (SECOND,))
    assert said.manifest_sha256 == sha256(jws.parse(MESSAGE).payload).digest()
    assert said.sender_certificate_sha256 == registered_leaf(SENDER).sha256
    assert said.revocation is None
    happening = exchange.store.units[before].item
    assert isinstance(happening, Happening)
    assert happening.compact == compact
    assert exchange.store.inbox[THIRD, KEY] is State.AVAILABLE
    assert not exchange.reserved


def test_the_order_is_the_promise() -> None:
    """Verified before anything is looked up, looked up under the reservation, answered after the commit."""
    exchange = arrived()
    taken(exchange.report(reported(Action.ACCEPT, 1)))
    assert exchange.names() == [
        *("Look", "VerifyReport", "Reserve", "FindEntry", "Seal", "Sign", "Commit", "Release")
    ]


def test_the_same_report_again_gets_the_same_bytes() -> None:
    """Whether it comes byte by byte or signed anew, and whatever happened since; nothing is sealed."""
    exchange = arrived()
    first = taken(exchange.report(reported(Action.ACCEPT, 1)))
    taken(exchange.report(reported(Action.FINISH, 2)))
    exchange.now += 3600
    payload = jws.parse(reported(Action.ACCEPT, 1)).payload
    anew = signed_report("event-0001", Action.ACCEPT, KEY, at=AT - 9, reported_at=AT - 10)
    assert jws.parse(anew).payload == payload
    for again in (reported(Action.ACCEPT, 1), anew):
        exchange.performed.clear()
        assert taken(exchange.report(again)) == replace(first, replayed=True)
        assert exchange.names() == ["Look", "VerifyReport", "Reserve", "FindEntry", "FindEvent", "Release"]
    assert exchange.store.head.size == 3


@pytest.mark.parametrize(
    ("compact", "code"),
    [
        (reported(Action.ACCEPT, 1, reason=None), "event-id-reused"),
        (reported(Action.REFUSE, 1), "event-id-reused"),
        (reported(Action.ACCEPT, 2), "event-out-of-order"),
        (reported(Action.CONSENT_TO_RECALL, 2), "event-out-of-order"),
        (reported(Action.ASSIGN, 2, message_id="message-0002"), "message-unknown"),
        (reported(Action.ASSIGN, 2, sender=THIRD), "message-unknown"),
        (reported(Action.ASSIGN, 2, recipient=SENDER, signer=SENDER), "message-unknown"),
        (reported(Action.ASSIGN, 2, signer=THIRD), "event-not-permitted"),
        (reported(Action.ASSIGN, 2, signer=SENDER), "event-not-permitted"),
    ],
)
def test_what_cannot_happen_is_refused_and_leaves_no_trace(compact: bytes, code: str) -> None:
    """By the table, by the registry, or because there is no such message for who signs."""
    exchange = arrived(State.ACCEPTED)
    if code == "event-id-reused":
        taken(exchange.report(reported(Action.FINISH, 1)))
    before = dict(exchange.store.entries), exchange.store.head
    refused(exchange.report(compact), code)
    assert (dict(exchange.store.entries), exchange.store.head) == before
    assert not exchange.reserved
    assert not exchange.store.audit


def test_evidence_that_is_missing_is_a_fault_of_the_store() -> None:
    """The recipient cannot mend it, so it is no refusal; what was reserved is released."""
    exchange = arrived(State.ACCEPTED)
    del exchange.store.items[EventKey(ENTRY, "event-0000")]
    with pytest.raises(LookupError, match="event-0000"):
        exchange.report(reported(Action.ACCEPT, 0))
    assert not exchange.reserved


# --- hand-over --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
def test_a_hand_over_is_put_on_record_once(state: State) -> None:
    """Wherever the entry stands, which it does not move; the second time there is nothing to say."""
    exchange = arrived(state)
    before = exchange.store.entries[ENTRY]
    size = exchange.store.head.size
    said = told(exchange.hand_over(ENTRY))
    assert (said.event, said.recipients, said.event_at) == (Event.CONTENT_HANDOVER, (SECOND,), AT)
    assert said.log == LogEntry(NAME, size)
    assert said.progress is None
    assert exchange.hand_over(ENTRY) is None
    assert exchange.store.entries[ENTRY] == before
    assert exchange.store.head.size == size + 1
    told(exchange.hand_over(EntryKey(KEY, THIRD)))


class Torn(Exchange):
    """An exchange whose store commits but whose answer gets lost."""

    def do(self, effect: Effect[Any]) -> Any:
        """As always, but every commit seems to fail."""
        result = super().do(effect)
        if isinstance(effect, Commit):
            raise GONE
        return result


def test_an_answer_that_is_lost_is_found_again() -> None:
    """Nobody is told yes or no; who asks again gets what was stored, and nothing happens twice."""
    store = arrived().store
    torn = Torn(store)
    refused(torn.report(reported(Action.ACCEPT, 1)), "store-unavailable")
    with pytest.raises(Refusal):
        torn.hand_over(ENTRY)
    with pytest.raises(Refusal):
        torn.expire(EntryKey(KEY, THIRD))
    assert not torn.reserved
    exchange = Exchange(store)
    assert taken(exchange.report(reported(Action.ACCEPT, 1))).replayed
    assert exchange.hand_over(ENTRY) is None
    assert exchange.expire(EntryKey(KEY, THIRD)) is None
    assert store.head.size == 4


# --- expiry -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
def test_only_what_nobody_answered_expires(state: State) -> None:
    """The exchange says so itself; an answer that was quicker stands, and so does an expiry before."""
    exchange = arrived(state)
    before = exchange.store.entries[ENTRY], exchange.store.head
    evidence = exchange.expire(ENTRY)
    if state not in {State.AVAILABLE, State.RECALL_OF_AVAILABLE}:
        assert evidence is None
        assert (exchange.store.entries[ENTRY], exchange.store.head) == before
        return
    said = told(evidence)
    event_id = "expiry-000000000000-0"
    statement = {
        "event_id": event_id,
        "message_id": KEY.message_id,
        "sender": SENDER,
        "recipient": SECOND,
        "action": "expire",
        "audience": NAME,
    }
    digest = sha256(json.dumps(statement, separators=(",", ":")).encode()).digest()
    assert said.event is Event.ACCEPTANCE_REJECTION_EXPIRY
    assert said.progress == Progress(event_id, Action.EXPIRE, State.EXPIRED, digest)
    assert exchange.store.entries[ENTRY].state is State.EXPIRED
    assert exchange.store.event(EventKey(ENTRY, event_id)) == evidence


def test_no_recipient_can_prevent_expiry() -> None:
    """An id that it used for a report of its own is passed over."""
    exchange = arrived(State.RECALL_OF_AVAILABLE)
    taken(exchange.report(signed_report("expiry-000000000000-0", Action.REFUSE_RECALL, KEY)))
    said = told(exchange.expire(ENTRY))
    assert said.progress is not None
    assert said.progress.event_id == "expiry-000000000000-1"


# --- revocation -------------------------------------------------------------------------------------------------

SERIAL = leaf(SENDER, code=SENDER).serial_number
LISTED = revocations(SERIAL)
RECORDED = Revocation(AT - 3600, sha256(crl(issuing(), SERIAL)).digest())
ISSUER_LISTED = revocations().updated(
    crl(root(), issuing().certificate.serial_number, number=2), root().certificate
)
ROTATED = registry().rotate(SENDER, registered("renewed", AT), overlap_s=0)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("changed", "later_s", "recorded"),
    [
        ({}, 0, None),
        ({"revocations": LISTED}, 0, RECORDED),
        ({"revocations": LISTED, "registry": ROTATED}, 60, RECORDED),
        ({"revocations": LISTED, "registry": registry().suspend(SENDER, at=AT)}, 0, RECORDED),
        ({"revocations": LISTED, "intermediates": (root().certificate, issuing().certificate)}, 0, RECORDED),
        ({"revocations": ISSUER_LISTED}, 0, None),
        ({"revocations": Revocations()}, 0, None),
        ({"revocations": LISTED}, DAY_S, None),
    ],
)
def test_a_later_revocation_is_recorded_and_withholds_nothing(
    changed: dict[str, Any], later_s: int, recorded: Revocation | None, *, known: bool
) -> None:
    """By a current list, whether the chain is known or not and whatever the registry says now; else none is."""
    exchange = arrived()
    if not known:
        exchange.known.clear()
    at_work = taken(exchange.report(reported(Action.ACCEPT, 1))).evidence
    assert told(at_work).revocation is None
    exchange.trusted = replace(trusted(), **changed)
    exchange.now += later_s
    if not known:
        exchange.known.clear()
    for evidence in (exchange.hand_over(ENTRY), exchange.expire(EntryKey(KEY, THIRD))):
        assert told(evidence).revocation == recorded


def test_a_report_records_it_as_well() -> None:
    """The sender's certificate, not the recipient's: a recipient's that is revoked reports nothing."""
    exchange = arrived()
    exchange.trusted = replace(trusted(), revocations=LISTED)
    assert told(taken(exchange.report(reported(Action.ACCEPT, 1))).evidence).revocation == RECORDED
    lists = revocations(leaf(SECOND, code=SECOND).serial_number)
    exchange.trusted = replace(trusted(), revocations=lists)
    refused(exchange.report(reported(Action.FINISH, 2)), "certificate-revoked")


@pytest.mark.parametrize("changed", [{"intermediates": ()}, {"registry": Registry.of()}])
def test_a_hand_over_asks_nothing_of_what_is_trusted_now(changed: dict[str, Any]) -> None:
    """Neither an issuer nor an agency that went takes from the recipient what it was sent; a known chain is enough."""
    exchange = arrived()
    exchange.trusted = replace(trusted(), revocations=LISTED, **changed)
    assert told(exchange.hand_over(ENTRY)).revocation == RECORDED
    exchange.known.clear()
    assert told(exchange.hand_over(EntryKey(KEY, THIRD))).revocation is None


def test_what_is_not_there_is_said() -> None:
    """An entry that nobody has is neither handed over nor expires."""
    exchange = arrived()
    for machine in (exchange.hand_over, exchange.expire):
        with pytest.raises(Refusal) as caught:
            machine(STRANGER)
        assert caught.value.code == "message-unknown"
    assert not exchange.reserved


def test_a_replay_needs_the_evidence_only() -> None:
    """The effects of a replay, with the event's own key."""
    exchange = arrived(State.ACCEPTED)
    taken(exchange.report(reported(Action.ACCEPT, 0)))
    assert FindEvent(EventKey(ENTRY, "event-0000")) in exchange.performed
    assert exchange.performed[-1] == Release(ENTRY)
