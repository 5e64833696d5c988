"""What a store of the exchange does, whichever database keeps it.

Rule kept here: one thread of one process writes (``Writing``), any thread reads (``Reading``); a read sees every
write that returned before it. A store raises ``Refusal`` with ``store-unavailable`` or ``store-full`` where the
database fails, whatever the database calls it, and any other exception only for a fault of the program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from loadtests.exchange.lifecycle import Entry, State
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.records import EntryKey, EventKey, Group, MessageKey, Standing, Stored


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it is stored.

    Args:
        key: Sender and id.
        leaf_index: Leaf of its acceptance.
        accepted_at: s since the epoch, UTC.
        manifest_sha256: SHA-256 of the manifest's bytes.
        compact: The signed manifest as it came.
        receipt: The receipt's bytes.
    """

    key: MessageKey
    leaf_index: int
    accepted_at: int
    manifest_sha256: bytes
    compact: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it is stored.

    Args:
        position: Its place in the manifest, from 0.
        sha256: Digest of its bytes.
        size_bytes: Their number.
        content: Its bytes; None where they are a file under their digest, or were not asked for.
    """

    position: int
    sha256: bytes
    size_bytes: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """What the log holds about a message at one recipient, beside the acceptance.

    Args:
        leaf_index: Its own leaf.
        message_leaf_index: The leaf of the message.
        recipient: Code of the recipient.
        event_id: The id of the lifecycle event; None for a hand-over.
        compact: The signed report as it came; None where the exchange itself saw it.
        evidence: The evidence's bytes.
    """

    leaf_index: int
    message_leaf_index: int
    recipient: str
    event_id: str | None
    compact: bytes | None
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """Evidence outside the log (``ContentConsignment``): kept so that the same bytes are given out for good."""

    evidence_id: str
    message_leaf_index: int
    recipient: str
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Audited:
    """Evidence of a rejection, in the audit table outside message store and log."""

    evidence_id: str
    sender: str
    message_id: str
    kept_at: int
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of an inbox; the leaf index is the cursor."""

    leaf_index: int
    key: MessageKey
    accepted_at: int
    state: State


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint that was signed, and may have been given out."""

    size: int
    issued_at: int
    compact: bytes


class Writing(Protocol):
    """What the one writer asks for. Every call is durable when it returns, or has changed nothing that counts."""

    def locate(self) -> Frontier:
        """The log as it is durably stored."""
        ...

    def commit(self, group: Group) -> None:
        """Store all of the group in one transaction; see ``effects.Commit`` for what it checks.

        A document whose ``place`` is bytes is stored in the database; one whose ``place`` is None is a file already.

        Raises:
            Refusal: ``store-unavailable`` (the log went on, a key is there, an entry has moved, the database fails),
                ``store-full``.
        """
        ...

    def keep(self, audited: Audited) -> None:
        """Keep evidence of a rejection; the same ``evidence_id`` once."""
        ...

    def state(self, statement: Statement) -> bytes:
        """Keep a statement unless its id is there; returns the evidence that is there afterwards."""
        ...

    def mark(self, checkpoint: StoredCheckpoint) -> None:
        """Keep a checkpoint that was signed; must be called before it is given out."""
        ...

    def settle(self) -> bool:
        """Find out what became of a commit that failed; False where the database still does not say.

        Until then ``find``, ``standing`` and ``event`` refuse with ``store-unavailable``: an answer that something is
        not there could be followed by the commit, and by evidence of an acceptance after that of a rejection.
        """
        ...


class Reading(Protocol):
    """What anybody may ask, from any thread."""

    def find(self, keys: Sequence[MessageKey]) -> tuple[Stored | None, ...]:
        """The accepted messages of these keys, in their order; see ``Writing.settle``."""
        ...

    def standing(self, key: EntryKey) -> Standing | None:
        """The message at this recipient; see ``Writing.settle``."""
        ...

    def event(self, key: EventKey) -> bytes | None:
        """The evidence of a lifecycle event; see ``Writing.settle``."""
        ...

    def message(self, key: MessageKey) -> StoredMessage | None:
        """The message of this key."""
        ...

    def message_at(self, leaf_index: int) -> StoredMessage | None:
        """The message whose acceptance is this leaf; None where the leaf is an event's, or there is none."""
        ...

    def documents(self, leaf_index: int) -> tuple[StoredDocument, ...]:
        """The documents of a message in the manifest's order, without their contents."""
        ...

    def document(self, leaf_index: int, position: int) -> StoredDocument | None:
        """One document, with its content where the database holds it."""
        ...

    def entries(self, leaf_index: int) -> tuple[Entry, ...]:
        """Where a message stands at each recipient, ordered by recipient."""
        ...

    def inbox(self, recipient: str, after: int, limit: int) -> tuple[Listed, ...]:
        """At most ``limit`` entries of a recipient with a leaf index above ``after`` (-1 for all), in its order."""
        ...

    def events(self, leaf_index: int, recipient: str | None = None) -> tuple[StoredEvent, ...]:
        """What the log holds about a message (at one recipient), in the order of the leaves."""
        ...

    def event_at(self, leaf_index: int) -> StoredEvent | None:
        """The event or hand-over of this leaf."""
        ...

    def statements(self, leaf_index: int, recipient: str | None = None) -> tuple[Statement, ...]:
        """Evidence outside the log about a message (at one recipient)."""
        ...

    def overdue(self, accepted_before: int, limit: int) -> tuple[EntryKey, ...]:
        """Entries that nobody answered (``available`` or ``recall-of-available``), accepted before that time."""
        ...

    def size(self) -> int:
        """Number of leaves of the log."""
        ...

    def node(self, level: int, index: int) -> bytes:
        """Hash of a complete subtree; a ``merkle.NodeReader``.

        Raises:
            LookupError: It is not stored.
        """
        ...

    def checkpoint(self) -> StoredCheckpoint | None:
        """The last checkpoint that was signed."""
        ...

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        """All checkpoints that were signed, oldest first."""
        ...

    def audit(self, sender: str, message_id: str) -> tuple[Audited, ...]:
        """Evidence of the rejections of this id, oldest first."""
        ...

    def is_referenced(self, sha256: bytes) -> bool:
        """True where a stored message has a document with this digest that is a file."""
        ...


class Store(Writing, Reading, Protocol):
    """One database, opened."""

    def close(self) -> None:
        """Let go of it; nothing may be asked afterwards."""
        ...
