"""What a recipient may report, and how it is written."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from loadtests.exchange import events
from loadtests.exchange.errors import Refusal
from loadtests.exchange.events import REPORTABLE, Report
from loadtests.exchange.lifecycle import NEEDS_REASON, REASON_CHARS_MAX, Action, Entry, Role, State, apply

REPORT = Report(
    event_id="event-0001",
    message_id="message-0001",
    sender="000.00.00.H49",
    recipient="000.00.01.H49",
    action=Action.ACCEPT,
    reported_at=1_700_000_000,
    audience="exchange.example",
)


def changed(**values: object) -> bytes:
    """The report as JSON with values changed, or left out for ``...``."""
    whole = json.loads(events.render(REPORT)) | values
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


@pytest.mark.parametrize("action", REPORTABLE)
def test_every_report_is_read_back(action: Action) -> None:
    """With a reason, and without one where none is needed."""
    with_reason = replace(REPORT, action=action, reason="gửi nhầm cơ quan")
    assert events.parse(events.render(with_reason)) == with_reason
    if action not in NEEDS_REASON:
        without = replace(with_reason, reason=None)
        assert events.parse(events.render(without)) == without


def test_a_recipient_reports_neither_a_recall_nor_an_expiry() -> None:
    """The sender asks for the one with a message, the exchange sees the other."""
    assert set(Action) - set(REPORTABLE) == {Action.ASK_RECALL, Action.EXPIRE}


@pytest.mark.parametrize(
    "data",
    [
        changed(event_id=""),
        changed(event_id=...),
        changed(message_id="a/b"),
        changed(sender="H49"),
        changed(recipient=None),
        changed(action="expire"),
        changed(action="ask-recall"),
        changed(action="refuse"),
        changed(action="refuse-recall"),
        changed(action="refuse", reason=""),
        changed(reason="x" * (REASON_CHARS_MAX + 1)),
        changed(reason="seen\u202eunseen"),
        changed(reported_at="now"),
        changed(audience="Exchange"),
        changed(comment="x"),
    ],
)
def test_a_report_out_of_its_form_is_refused(data: bytes) -> None:
    """Each member has its range, there is no other, and who refuses must say why."""
    with pytest.raises(Refusal) as caught:
        events.parse(data)
    assert caught.value.code == "event-invalid"


def test_a_client_learns_before_it_signs() -> None:
    """What would be refused is not rendered."""
    with pytest.raises(Refusal):
        events.render(replace(REPORT, action=Action.REFUSE))


def test_the_longest_reason_fits_however_it_is_escaped() -> None:
    """500 letters outside the basic plane, each written as two escapes."""
    longest = replace(REPORT, action=Action.REFUSE, reason="\U0001f4c4" * REASON_CHARS_MAX)
    escaped = json.dumps(json.loads(events.render(longest)), ensure_ascii=True).encode()
    assert events.parse(escaped) == longest


def test_a_report_becomes_an_event_of_the_lifecycle() -> None:
    """Told from another one by the digest of the signed bytes."""
    payload = events.render(REPORT)
    event = events.event_of(REPORT, payload)
    assert event.content_sha256 == sha256(payload).digest()
    entry = Entry(REPORT.sender, REPORT.recipient)
    assert apply(entry, event, frozenset({Role.RECIPIENT})).entry.state is State.ACCEPTED
