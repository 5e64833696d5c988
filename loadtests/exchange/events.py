"""What a recipient signs about its work on a message: the event as JSON, to and from the lifecycle.

Rule kept here: an event names the message, the recipient and the exchange it is meant for, so that no signature
can be carried over to another message or another exchange; the rest is the table's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Final

from loadtests.exchange.issuer import NAME, NAME_WORDS
from loadtests.exchange.lifecycle import NEEDS_REASON, REASON_CHARS_MAX, TRANSITIONS, Action, Event, Role
from loadtests.exchange.manifest import AGENCY_CODE, AGENCY_CODE_WORDS, MESSAGE_ID, MESSAGE_ID_WORDS
from loadtests.exchange.members import Members
from loadtests.exchange.strict import TIME_MAX, Limits, parse_object, render_object

EVENT_TYPE: Final = "edoc-event+jws"
LIMITS: Final = Limits(payload_bytes_max=8 * 1024, json_depth_max=1)
"""A reason of 500 characters takes up to 6 kB where every letter is escaped as a pair of halves, the rest 600 bytes."""
REPORTABLE: Final = tuple(
    action
    for action in Action
    if any(row.action is action and row.role is Role.RECIPIENT for row in TRANSITIONS)
)
"""What a recipient reports; a recall is asked for by a message of its own, and the exchange itself sees expiry."""
_ACTIONS: Final = re.compile("|".join(REPORTABLE))


@dataclass(frozen=True, slots=True)
class Report:
    """What a recipient says has happened; a member of the JSON object has the name of the field.

    Args:
        event_id: Made by the recipient, who never uses it for anything else.
        message_id: The message, as its sender named it.
        sender: Code of the agency that sent it; with ``message_id`` it names the message.
        recipient: Code of the agency that reports.
        action: One of ``REPORTABLE``.
        reported_at: When, s since the epoch, UTC; the signature is of the same time, as near as clocks may differ.
        audience: The exchange it is meant for.
        reason: Why, 1 to ``REASON_CHARS_MAX`` characters; must be there for refusals, else None or a remark.
    """

    event_id: str
    message_id: str
    sender: str
    recipient: str
    action: Action
    reported_at: int
    audience: str
    reason: str | None = None


_REQUIRED: Final = frozenset(field.name for field in fields(Report)) - {"reason"}


def render(report: Report) -> bytes:
    """The report as JSON, for a client to sign.

    Raises:
        Refusal: What ``parse`` would refuse, so that a client learns it before it signs.
    """
    values = {field.name: getattr(report, field.name) for field in fields(Report)}
    data = render_object({name: value for name, value in values.items() if value is not None})
    parse(data)
    return data


def parse(data: bytes) -> Report:
    """Read a report.

    Whether the signer is the recipient, the audience is this exchange and the message exists is **not** checked.

    Raises:
        Refusal: ``event-invalid`` or one of the ``json-…`` codes.
    """
    values = parse_object(data, size_bytes_max=LIMITS.payload_bytes_max, depth_max=LIMITS.json_depth_max)
    members = Members(values, "event-invalid")
    members.expect(_REQUIRED, frozenset({"reason"}))
    action = Action(members.matching("action", _ACTIONS, f"one of {', '.join(REPORTABLE)}"))
    if action in NEEDS_REASON and "reason" not in values:
        raise members.fault("reason", f"missing with {action}", "why, in a few words")
    return Report(
        event_id=members.matching("event_id", MESSAGE_ID, MESSAGE_ID_WORDS),
        message_id=members.matching("message_id", MESSAGE_ID, MESSAGE_ID_WORDS),
        sender=members.matching("sender", AGENCY_CODE, AGENCY_CODE_WORDS),
        recipient=members.matching("recipient", AGENCY_CODE, AGENCY_CODE_WORDS),
        action=action,
        reported_at=members.integer("reported_at", 0, TIME_MAX),
        audience=members.matching("audience", NAME, NAME_WORDS),
        reason=members.text("reason", REASON_CHARS_MAX) if "reason" in values else None,
    )


def event_of(report: Report, payload: bytes) -> Event:
    """The lifecycle event of a report, with the digest of the bytes that were signed."""
    return Event(report.event_id, report.action, sha256(payload).digest(), report.reason or "")
