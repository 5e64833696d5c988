"""What a database of the exchange holds, and the transactions that it takes as a whole or not at all.

Rule kept here: a transaction is checked against the tables that it would change before anything is changed, and
applying it cannot fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from loadtests.exchange import merkle
from loadtests.exchange.evidence import Evidence
from loadtests.exchange.lifecycle import Entry
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.records import (
    Change,
    EntryKey,
    EventKey,
    Group,
    Handover,
    Happening,
    Message,
    MessageKey,
    Standing,
    Stored,
    Unit,
)


class Conflict(Exception):  # noqa: N818 - no fault, what a database says
    """The transaction does not fit to what is stored; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Evidence of a rejection, for the audit table."""

    evidence: Evidence
    compact: bytes


@dataclass(frozen=True, slots=True)
class Marked:
    """A signed checkpoint, before it is given out."""

    size: int
    issued_at: int
    compact: bytes


Transaction = Group | Kept | Marked


@dataclass(slots=True)
class Tables:
    """The contents of a database.

    Args:
        unique: False for a database without its unique indices, which a broken exchange has.
        remembers: False for one that takes a change of an entry whatever became of the entry meanwhile.
    """

    unique: bool = True
    remembers: bool = True
    head: Frontier = field(default_factory=Frontier)
    units: list[Unit] = field(default_factory=list)
    messages: dict[MessageKey, Unit] = field(default_factory=dict)
    entries: dict[EntryKey, Entry] = field(default_factory=dict)
    events: dict[EventKey, Unit] = field(default_factory=dict)
    handovers: dict[EntryKey, Unit] = field(default_factory=dict)
    inboxes: dict[str, list[tuple[int, MessageKey]]] = field(default_factory=dict)
    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)
    files: set[bytes] = field(default_factory=set)
    audit: dict[str, Kept] = field(default_factory=dict)
    checkpoints: list[Marked] = field(default_factory=list)

    # --- writing --------------------------------------------------------------------------------------------

    def check(self, transaction: Transaction) -> None:
        """Return if the transaction fits.

        Raises:
            Conflict: The log went on, a key is there, or an entry has moved.
        """
        if not isinstance(transaction, Group):
            return
        if self.unique and transaction.before != self.head:
            raise Conflict("the log went on")
        for unit in transaction.units:
            if self.unique and self._holds(unit):
                raise Conflict(f"{unit.item.key} is there")
            for change in _changes(unit):
                if self.remembers and self.entries.get(change.standing.key) != change.standing.entry:
                    raise Conflict(f"{change.standing.key} has moved")

    def _holds(self, unit: Unit) -> bool:
        match unit.item:
            case Message(key):
                return key in self.messages
            case Happening(key):
                return key in self.events
            case Handover(key):
                return key in self.handovers

    def apply(self, transaction: Transaction) -> None:
        """Take a transaction that was checked."""
        match transaction:
            case Kept(evidence):
                self.audit.setdefault(evidence.evidence_id, transaction)
            case Marked():
                self.checkpoints.append(transaction)
            case Group():
                self.head = transaction.after
                self.nodes |= {(node.level, node.index): node.hash for node in transaction.nodes}
                for unit in transaction.units:
                    self._take(unit)

    def _take(self, unit: Unit) -> None:
        index = len(self.units)
        self.units.append(unit)
        for change in _changes(unit):
            self.entries[change.standing.key] = change.after
        match unit.item:
            case Message(key):
                self.messages[key] = unit
                for entry in unit.item.inbox:
                    self.entries[EntryKey(key, entry.recipient)] = entry
                    self.inboxes.setdefault(entry.recipient, []).append((index, key))
                self.files |= {one.sha256 for one in unit.item.documents if one.place is None}
            case Happening(event):
                self.events[event] = unit
            case Handover(entry_key):
                self.handovers[entry_key] = unit

    # --- reading --------------------------------------------------------------------------------------------

    def find(self, key: MessageKey) -> Stored | None:
        """The accepted message of this key."""
        unit = self.messages.get(key)
        return Stored(unit.evidence.manifest_sha256, unit.receipt) if unit else None

    def standing(self, key: EntryKey) -> Standing | None:
        """The message at this recipient."""
        unit, entry = self.messages.get(key.message), self.entries.get(key)
        if unit is None or entry is None or unit.evidence.log is None or not isinstance(unit.item, Message):
            return None
        authentic = unit.item.verified.authentic
        return Standing(
            key=key,
            leaf_index=unit.evidence.log.leaf_index,
            entry=entry,
            handed_over=key in self.handovers,
            accepted_at=unit.evidence.event_at,
            manifest=authentic.manifest,
            manifest_sha256=authentic.manifest_sha256,
            sender_certificate_sha256=authentic.registered.sha256,
        )

    def event(self, key: EventKey) -> bytes | None:
        """The evidence of an event."""
        unit = self.events.get(key)
        return unit.receipt if unit else None

    def read_node(self, level: int, index: int) -> bytes:
        """Hash of a complete subtree; a ``merkle.NodeReader``."""
        return self.nodes[level, index]

    def root(self, size: int) -> bytes:
        """Root of the first leaves."""
        return merkle.root(size, self.read_node)


def _changes(unit: Unit) -> tuple[Change, ...]:
    return () if isinstance(unit.item, Handover) else unit.item.changes


MakeTables = Callable[[], Tables]
