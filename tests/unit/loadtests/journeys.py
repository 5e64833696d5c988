"""A message on its way at one recipient: reports and recalls that bring its entry into a state."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Final

from loadtests.exchange.acceptance import Accepted, accept
from loadtests.exchange.effects import Effect, Machine
from loadtests.exchange.lifecycle import Action, State
from loadtests.exchange.records import EntryKey, MessageKey
from loadtests.exchange.reporting import Taken, expire, hand_over, report
from tests.unit.loadtests.exchanges import (
    SECOND,
    SENDER,
    TERMS,
    Exchange,
    Store,
    numbered,
    recall,
    signed_report,
)

KEY: Final = MessageKey(SENDER, "message-0001")
ENTRY: Final = EntryKey(KEY, SECOND)
MESSAGE: Final = numbered(1)

_TO: Final[Mapping[State, tuple[Action, ...]]] = {
    State.AVAILABLE: (),
    State.REFUSED: (Action.REFUSE,),
    State.ACCEPTED: (Action.ACCEPT,),
    State.ASSIGNED: (Action.ACCEPT, Action.ASSIGN),
    State.IN_PROCESS: (Action.ACCEPT, Action.START),
    State.DONE: (Action.ACCEPT, Action.FINISH),
    State.RECALL_OF_AVAILABLE: (Action.ASK_RECALL,),
    State.RECALL_OF_ACCEPTED: (Action.ACCEPT, Action.ASK_RECALL),
    State.RECALL_OF_ASSIGNED: (Action.ACCEPT, Action.ASSIGN, Action.ASK_RECALL),
    State.RECALL_OF_IN_PROCESS: (Action.ACCEPT, Action.START, Action.ASK_RECALL),
    State.RECALLED: (Action.ASK_RECALL, Action.CONSENT_TO_RECALL),
    State.EXPIRED: (Action.EXPIRE,),
}


def arrived(state: State = State.AVAILABLE) -> Exchange:
    """An exchange with one message, which stands in this state at ``SECOND``."""
    exchange = Exchange(Store())
    assert isinstance(exchange.send(MESSAGE), Accepted)
    for number, action in enumerate(_TO[state]):
        go(exchange, action, number)
    assert exchange.store.entries[ENTRY].state is state
    exchange.performed.clear()
    return exchange


def go(exchange: Exchange, action: Action, number: int) -> None:
    """Let this happen to the message at ``SECOND``; the number makes its id."""
    match action:
        case Action.ASK_RECALL:
            assert isinstance(exchange.send(asked(number)), Accepted)
        case Action.EXPIRE:
            assert exchange.expire(ENTRY) is not None
        case _:
            assert isinstance(exchange.report(reported(action, number)), Taken)


def asked(number: int, **changes: Any) -> bytes:
    """A recall of the message at ``SECOND``."""
    return recall(f"recall-{number:04d}", KEY.message_id, **{"recipients": [SECOND]} | changes)


def reported(action: Action, number: int, **changes: Any) -> bytes:
    """What ``SECOND`` reports of the message."""
    return signed_report(f"event-{number:04d}", action, KEY, **changes)


MACHINES: Final[Mapping[str, Callable[[], Machine[Any]]]] = {
    "recall": lambda: accept(asked(90), TERMS),
    "report": lambda: report(reported(Action.ACCEPT, 91), TERMS),
    "hand-over": lambda: hand_over(ENTRY, TERMS),
    "expiry": lambda: expire(ENTRY, TERMS),
}
"""Each of those that work on the entry of a message that is available."""


def run(machine: Machine[Any], exchange: Exchange) -> Generator[Effect[Any], None, Any]:
    """Perform one effect with each step, after it was yielded; what the machine ends with is the end's value."""
    try:
        effect = next(machine)
        while True:
            yield effect
            try:
                result = exchange.perform(effect)
            except Exception as fault:
                effect = machine.throw(fault)
            else:
                effect = machine.send(result)
    except StopIteration as end:
        return end.value
