"""What may happen to a message at one recipient, and who may say so: one transition table.

Rule kept here: ``TRANSITIONS`` is the only place that knows what follows what and who signs it; the answers,
the hints and the picture in the documentation are all read from it.

Status codes are those of QCVN 102:2016 as public implementations use them (01 to 06, 13, 15, 16); expiry has
none there. A refused recall leads back to where the work was, so a pending recall is one state per place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from loadtests.exchange.errors import Refusal

REASON_CHARS_MAX: Final = 500
"""Characters of a reason: as many as a subject may have (Decree 30/2020/ND-CP, Annex VI)."""
EVENT_ID_CHARS_MAX: Final = 64
"""Characters of an event id: a UUID or a SHA-256 in hexadecimal fits."""


class Role(StrEnum):
    """Who signs an event, seen from one recipient's copy of a message."""

    RECIPIENT = "recipient"
    SENDER = "sender"
    EXCHANGE = "exchange"


class State(StrEnum):
    """Where a message stands at one recipient; it begins as ``AVAILABLE``."""

    AVAILABLE = "available"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    IN_PROCESS = "in-process"
    DONE = "done"
    RECALL_OF_AVAILABLE = "recall-of-available"
    RECALL_OF_ACCEPTED = "recall-of-accepted"
    RECALL_OF_ASSIGNED = "recall-of-assigned"
    RECALL_OF_IN_PROCESS = "recall-of-in-process"
    RECALLED = "recalled"
    EXPIRED = "expired"


class Action(StrEnum):
    """What an event says has happened."""

    REFUSE = "refuse"
    ACCEPT = "accept"
    ASSIGN = "assign"
    START = "start"
    FINISH = "finish"
    ASK_RECALL = "ask-recall"
    CONSENT_TO_RECALL = "consent-to-recall"
    REFUSE_RECALL = "refuse-recall"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table: ``action``, signed by ``role``, leads from ``before`` to ``after``."""

    before: State
    action: Action
    role: Role
    after: State


def _rows(role: Role, action: Action, *steps: tuple[State, State]) -> tuple[Transition, ...]:
    return tuple(Transition(before, action, role, after) for before, after in steps)


_RECALLS: Final = (
    (State.AVAILABLE, State.RECALL_OF_AVAILABLE),
    (State.ACCEPTED, State.RECALL_OF_ACCEPTED),
    (State.ASSIGNED, State.RECALL_OF_ASSIGNED),
    (State.IN_PROCESS, State.RECALL_OF_IN_PROCESS),
)

TRANSITIONS: Final = (
    *_rows(Role.RECIPIENT, Action.REFUSE, (State.AVAILABLE, State.REFUSED)),
    *_rows(Role.RECIPIENT, Action.ACCEPT, (State.AVAILABLE, State.ACCEPTED)),
    *_rows(Role.RECIPIENT, Action.ASSIGN, (State.ACCEPTED, State.ASSIGNED)),
    *_rows(
        Role.RECIPIENT,
        Action.START,  # a small office has nobody to assign to
        (State.ACCEPTED, State.IN_PROCESS),
        (State.ASSIGNED, State.IN_PROCESS),
    ),
    *_rows(
        Role.RECIPIENT,
        Action.FINISH,  # what came for information only is filed without being worked on
        (State.ACCEPTED, State.DONE),
        (State.ASSIGNED, State.DONE),
        (State.IN_PROCESS, State.DONE),
    ),
    *_rows(Role.SENDER, Action.ASK_RECALL, *_RECALLS),
    *_rows(Role.RECIPIENT, Action.CONSENT_TO_RECALL, *((asked, State.RECALLED) for _, asked in _RECALLS)),
    *_rows(Role.RECIPIENT, Action.REFUSE_RECALL, *((asked, before) for before, asked in _RECALLS)),
    *_rows(
        Role.EXCHANGE,
        Action.EXPIRE,  # only what the recipient never answered can expire
        (State.AVAILABLE, State.EXPIRED),
        (State.RECALL_OF_AVAILABLE, State.EXPIRED),
    ),
)

STATUS_CODES: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.AVAILABLE: "01",
        State.REFUSED: "02",
        State.ACCEPTED: "03",
        State.ASSIGNED: "04",
        State.IN_PROCESS: "05",
        State.DONE: "06",
        State.RECALL_OF_AVAILABLE: "13",
        State.RECALL_OF_ACCEPTED: "13",
        State.RECALL_OF_ASSIGNED: "13",
        State.RECALL_OF_IN_PROCESS: "13",
        State.RECALLED: "15",
    }
)
"""Status code by state. 16 (recall refused) is no state: see ``ACTION_CODES``. Expiry has no code."""

ACTION_CODES: Final[Mapping[Action, str]] = MappingProxyType(
    {
        Action.REFUSE: "02",
        Action.ACCEPT: "03",
        Action.ASSIGN: "04",
        Action.START: "05",
        Action.FINISH: "06",
        Action.ASK_RECALL: "13",
        Action.CONSENT_TO_RECALL: "15",
        Action.REFUSE_RECALL: "16",
    }
)
"""The status code that an event reports."""

TERMINAL: Final = frozenset(State) - {row.before for row in TRANSITIONS}
"""States that nothing leaves."""
NEEDS_REASON: Final = frozenset({Action.REFUSE, Action.REFUSE_RECALL})
"""Who refuses must say why (Decision 28/2018/QD-TTg)."""

_TABLE: Final = {(row.before, row.action): row for row in TRANSITIONS}
_SIGNERS: Final = {
    action: frozenset(row.role for row in TRANSITIONS if row.action is action) for action in Action
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, after its signature was checked.

    Args:
        event_id: Made by the signer, unique for the message and recipient, 1 to ``EVENT_ID_CHARS_MAX``.
        action: What happened.
        content_sha256: SHA-256 of the signed bytes (never of the signature), which tells a replay from an id
            used twice.
        reason: Why, at most ``REASON_CHARS_MAX``; must be given for refusals.

    Raises:
        Refusal: ``event-invalid``.
    """

    event_id: str
    action: Action
    content_sha256: bytes
    reason: str = ""

    def __post_init__(self) -> None:
        if not 0 < len(self.event_id) <= EVENT_ID_CHARS_MAX:
            raise _invalid(f"an event id of {len(self.event_id)} characters", f"1 to {EVENT_ID_CHARS_MAX}")
        if len(self.content_sha256) != 32:
            raise _invalid(f"a digest of {len(self.content_sha256)} bytes", "a SHA-256 has 32")
        if len(self.reason) > REASON_CHARS_MAX:
            raise _invalid(f"a reason of {len(self.reason)} characters", f"at most {REASON_CHARS_MAX}")
        if self.action in NEEDS_REASON and not self.reason.strip():
            raise _invalid(f"{self.action} without a reason", "say why, in a few words")


@dataclass(frozen=True, slots=True)
class Applied:
    """An event that was taken, and the state it led to: what a replay is answered with."""

    event_id: str
    content_sha256: bytes
    state: State


@dataclass(frozen=True, slots=True)
class Entry:
    """A message at one recipient.

    Args:
        sender: Code of the agency that sent it.
        recipient: Code of the agency in whose inbox it stands.
        state: Where it stands now.
        history: Events taken, in order.
    """

    sender: str
    recipient: str
    state: State = State.AVAILABLE
    history: tuple[Applied, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event.

    Args:
        entry: The entry afterwards; unchanged for a replay.
        applied: What the event did, now or when it first came.
        replayed: True when the very same event had been taken before, and nothing was done.
    """

    entry: Entry
    applied: Applied
    replayed: bool


def roles(entry: Entry, agency: str, exchange: str) -> frozenset[Role]:
    """All roles of an agency towards an entry; who sends to itself has two, a stranger none.

    Args:
        entry: A message at one recipient.
        agency: Code of whoever signed.
        exchange: The exchange's own code.
    """
    held = {Role.RECIPIENT: entry.recipient, Role.SENDER: entry.sender, Role.EXCHANGE: exchange}
    return frozenset(role for role, code in held.items() if code == agency)


def apply(entry: Entry, event: Event, signer: frozenset[Role]) -> Outcome:
    """Let an event happen; the same event again gives the same answer and changes nothing.

    Args:
        entry: The message at the recipient whom the event names.
        event: What happened; its signature has been checked.
        signer: ``roles`` of whoever signed it.

    Raises:
        Refusal: ``event-not-permitted`` when none of the signer's roles may say this,
            ``event-id-reused`` when another event had this id, ``event-out-of-order`` when it cannot happen now.
    """
    if not signer & _SIGNERS[event.action]:
        raise Refusal(
            "event-not-permitted",
            f"found {event.action} signed by {' and '.join(sorted(signer)) or 'an agency that has no part in it'}",
            f"only the {' or '.join(sorted(_SIGNERS[event.action]))} may sign this",
        )
    for applied in entry.history:
        if applied.event_id == event.event_id:
            if applied.content_sha256 != event.content_sha256:
                raise Refusal(
                    "event-id-reused",
                    f"event {event.event_id!r} was taken before with other content",
                    "give every event an id of its own",
                )
            return Outcome(entry, applied, replayed=True)
    row = _TABLE.get((entry.state, event.action))
    if row is None:
        possible = ", ".join(followers(entry.state, signer)) or "nothing"
        raise Refusal(
            "event-out-of-order",
            f"{event.action} cannot happen to a message that is {entry.state}",
            f"the signer may now report: {possible}",
        )
    applied = Applied(event.event_id, event.content_sha256, row.after)
    taken = replace(entry, state=row.after, history=(*entry.history, applied))
    return Outcome(taken, applied, replayed=False)


def followers(state: State, signer: frozenset[Role]) -> tuple[Action, ...]:
    """What holders of these roles may report in a state, in the order of the table."""
    return tuple(row.action for row in TRANSITIONS if row.before is state and row.role in signer)


def mermaid() -> str:
    """The table as a Mermaid state diagram, for the documentation; each arrow says what and who signs it."""
    lines = ["stateDiagram-v2"]
    for state in State:
        code = STATUS_CODES.get(state, "")
        lines.append(f'    state "{f"{code} {state}".strip()}" as {_node(state)}')
    lines.append(f"    [*] --> {_node(State.AVAILABLE)}")
    lines += [
        f"    {_node(row.before)} --> {_node(row.after)}: {row.action} ({row.role})" for row in TRANSITIONS
    ]
    lines += [f"    {_node(state)} --> [*]" for state in State if state in TERMINAL]
    return "\n".join(lines) + "\n"


def _node(state: State) -> str:
    return state.replace("-", "_")


def _invalid(found: str, right: str) -> Refusal:
    return Refusal("event-invalid", f"found {found}", right)
