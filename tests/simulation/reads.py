"""What the program answers to who reads: inbox, message with documents, checkpoint; and the hand-over after it.

Rule kept here: what is shown is what the database shows. Who may read is not asked in the simulation.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import simpy

from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import State
from loadtests.exchange.records import EntryKey, Message, MessageKey, Unit
from loadtests.exchange.reporting import hand_over
from tests.simulation.files import blob
from tests.simulation.life import Doing
from tests.simulation.network import AskHead, AskInbox, Collect
from tests.simulation.parties import TERMS

if TYPE_CHECKING:
    from tests.simulation.program import Program

PAGE = 5
"""Lines of an inbox that are answered at a time."""
HAND_OVER_TRIES_MAX = 5


@dataclass(frozen=True, slots=True)
class Page:
    """A part of an inbox: leaf index and key of each message, in their order."""

    lines: tuple[tuple[int, MessageKey], ...]


@dataclass(frozen=True, slots=True)
class Collected:
    """A message as its recipient gets it; a body is None where it cannot be read."""

    key: EntryKey
    compact: bytes
    receipt: bytes
    bodies: tuple[bytes | None, ...]
    state: State


def answered(program: Program, request: AskInbox | Collect | AskHead) -> Generator[simpy.Event, Any, Any]:
    """The answer, or the refusal."""
    yield program.pause()
    try:
        match request:
            case AskInbox(code, after):
                lines = program.readable().inboxes.get(code, [])
                return Page(tuple(line for line in lines if line[0] > after)[:PAGE])
            case Collect(key):
                return _collected(program, key)
            case AskHead():
                return (yield from program.checkpoint())
    except Refusal as refusal:
        return refusal


def _collected(program: Program, key: EntryKey) -> Collected | Refusal:
    tables = program.readable()
    unit = tables.messages.get(key.message)
    if unit is None or not isinstance(unit.item, Message):
        return Refusal("message-unknown", "there is no such message")
    bodies = bodies_of(unit, program.site.files.read)
    return Collected(key, unit.item.compact, unit.receipt, bodies, tables.entries[key].state)


def bodies_of(unit: Unit, read: Any) -> tuple[bytes | None, ...]:
    """The documents of a message, from the database or by reading files.

    Args:
        unit: The message.
        read: Gives the bytes of a file by its name, or None.
    """
    documents = unit.item.documents if isinstance(unit.item, Message) else ()
    return tuple(one.place if isinstance(one.place, bytes) else read(blob(one.sha256)) for one in documents)


def handed_over(program: Program, key: EntryKey) -> Doing:
    """Put on record that a recipient was given all of a message; somebody else may be at the entry."""
    for _ in range(HAND_OVER_TRIES_MAX):
        try:
            first = yield from program.drive(hand_over(key, TERMS))
        except Refusal as refusal:
            program.site.trace.note("hand-over-refused", refusal.code)
            yield program.env.timeout(1.0)
        else:
            program.site.trace.note("handed-over" if first else "handed-over-before", key)
            return
