"""What is stored in tests: groups that the sequencer makes of messages, and an exchange on a real store."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

from loadtests.endpoint.store.base import Audited, Store
from loadtests.exchange import evidence
from loadtests.exchange.acceptance import Accepted
from loadtests.exchange.effects import (
    Commit,
    Effect,
    Find,
    FindEntry,
    FindEvent,
    Keep,
    Locate,
    Seal,
    Sign,
    drive,
)
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.records import EntryKey, Group, Item, Message, MessageKey
from loadtests.exchange.sequencer import Sequencer
from loadtests.exchange.verification import Received
from tests.unit.loadtests.authorities import key
from tests.unit.loadtests.exchanges import (
    BODY,
    EXCHANGE_CERTIFICATE,
    NAME,
    SECOND,
    SENDER,
    Exchange,
    numbered,
)
from tests.unit.loadtests.manifests import AT


def key_of(number: int, sender: str = SENDER) -> MessageKey:
    """The key of ``numbered(number)``."""
    return MessageKey(sender, f"message-{number:04d}")


def entry_key(number: int, recipient: str = SECOND) -> EntryKey:
    """That message at a recipient."""
    return EntryKey(key_of(number), recipient)


class OnStore(Exchange):
    """The exchange of the unit tests, on a store.

    Args:
        store: Opened.
        as_files: True where documents count as files that are there already.
    """

    def __init__(self, store: Store, *, as_files: bool = False) -> None:
        super().__init__(None)  # type: ignore[arg-type] # what would ask it is overridden
        self.kept = store
        self.as_files = as_files

    def take(self, number: int, **changes: Any) -> bytes:
        """Have message ``number`` accepted; its receipt."""
        outcome = self.send(numbered(number, **changes))
        assert isinstance(outcome, Accepted), outcome
        return outcome.receipt

    def do(self, effect: Effect[Any]) -> Any:  # noqa: PLR0911 - one answer for each effect
        """What the store is asked for; all else as before."""
        match effect:
            case Find(wanted):
                return self.kept.find([wanted])[0]
            case FindEntry(entry):
                return self.kept.standing(entry)
            case FindEvent(event):
                return self.kept.event(event)
            case Locate():
                return self.kept.locate()
            case Commit(group):
                return self.kept.commit(group)
            case Keep(statement, compact):
                told = (statement.evidence_id, statement.sender, statement.message_id, statement.event_at)
                return self.kept.keep(Audited(*told, compact))
        return super().do(effect)

    def receive(self, content: Manifest) -> tuple[Received, ...]:
        """The documents as they come, with their bytes unless they are files."""
        bodies = [self.bodies.get(document.name, BODY) for document in content.documents]
        return tuple(
            Received(sha256(body).digest(), len(body), None if self.as_files else body) for body in bodies
        )


class _Collected(Exception):  # noqa: N818 - no fault
    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item


class _Collecting(OnStore):
    def do(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Seal):
            raise _Collected(effect.item)
        return super().do(effect)


def prepared(store: Store, act: Callable[[OnStore], object], *, as_files: bool = False) -> Item:
    """What an exchange would seal, and does not."""
    try:
        act(_Collecting(store, as_files=as_files))
    except _Collected as collected:
        return collected.item
    raise AssertionError("nothing was to be sealed")


def messages(store: Store, *numbers: int, as_files: bool = False) -> tuple[Item, ...]:
    """These messages, ready to be sealed together."""
    takes = (partial(OnStore.take, number=number) for number in numbers)
    return tuple(prepared(store, take, as_files=as_files) for take in takes)


def group_of(parts: tuple[Item, ...], before: Frontier) -> Group:
    """The group that the sequencer makes of these items."""
    made: list[Group] = []

    def perform(effect: Effect[Any]) -> Any:
        match effect:
            case Locate():
                return before
            case Sign(evidences):
                return tuple(evidence.sign(one, key("exchange"), EXCHANGE_CERTIFICATE) for one in evidences)
            case Commit(group):
                return made.append(group)
        raise AssertionError(effect)

    drive(Sequencer(NAME).seal(parts, AT), perform)
    return made[0]


def group_on(store: Store, *numbers: int) -> Group:
    """A group with these messages that fits the store's log."""
    return group_of(messages(store, *numbers), store.locate())


def message_of(group: Group, place: int) -> Message:
    """The message of a unit that must be one."""
    item = group.units[place].item
    assert isinstance(item, Message)
    return item
