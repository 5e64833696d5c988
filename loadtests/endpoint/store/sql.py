"""The store over a database: the same statements, whichever it is.

Rule kept here: a group is one transaction that begins with the question whether the log still ends where the group
begins; a connection that failed is never used again, and as long as its last commit may still arrive, nobody is told
that something is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from loadtests.endpoint.store import schema
from loadtests.endpoint.store.base import (
    Audited,
    Listed,
    Statement,
    StoredCheckpoint,
    StoredDocument,
    StoredEvent,
    StoredMessage,
)
from loadtests.endpoint.store.database import Connection, Database, Insert, Pool, Row, Run, Step, StoreError
from loadtests.endpoint.store.rows import (
    GroupRows,
    document_of,
    entry_of,
    event_of,
    message_of,
    standing_of,
)
from loadtests.exchange import merkle
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import Entry, State
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.records import EntryKey, EventKey, Group, MessageKey, Standing, Stored

CHECKPOINTS_AT_A_TIME: Final = 1000


class SqlStore:
    """A store; implements ``base.Store``.

    Args:
        database: Where connections come from.
        read_only: True where nothing may be written.

    Raises:
        StoreError: ``store-missing``, ``store-foreign``, ``store-newer``, and what the database raises.
    """

    def __init__(self, database: Database, *, read_only: bool) -> None:
        self._database = database
        self._read_only = read_only
        self._readers = Pool(database.reader)
        self._connection: Connection | None = None
        self._settled = True
        try:
            if not read_only:
                self._connection = database.writer()
            self._prepare()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the database."""
        self._readers.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- writing ----------------------------------------------------------------------------------------------------

    def locate(self) -> Frontier:
        """The log as it is durably stored."""
        if self._read_only:
            with self._readers.taken() as connection:
                return _frontier(connection)
        return _frontier(self._writer())

    def commit(self, group: Group) -> None:
        """Store all of the group in one transaction."""
        self._write(GroupRows(group).steps(group))

    def keep(self, audited: Audited) -> None:
        """Keep evidence of a rejection; the same ``evidence_id`` once."""
        values = (
            audited.evidence_id,
            audited.sender,
            audited.message_id,
            audited.kept_at,
            audited.evidence,
        )
        self._write([Run(schema.KEEP_AUDITED, values)])

    def state(self, statement: Statement) -> bytes:
        """Keep a statement unless its id is there; returns the evidence that is there afterwards."""
        values = (
            statement.evidence_id,
            statement.message_leaf_index,
            statement.recipient,
            statement.evidence,
        )
        self._write([Run(schema.KEEP_STATEMENT, values)])
        (kept,) = self._ask(schema.STATEMENT, statement.evidence_id)
        return Statement(*kept).evidence

    def mark(self, checkpoint: StoredCheckpoint) -> None:
        """Keep a checkpoint that was signed."""
        values = (checkpoint.size, checkpoint.issued_at, checkpoint.compact)
        self._write([Run(schema.KEEP_CHECKPOINT, values)])

    def settle(self) -> bool:
        """Find out what became of a commit that failed; False where the database still does not say."""
        if not self._settled:
            try:
                self._writer()
            except Refusal:
                return False
        return True

    # --- reading ----------------------------------------------------------------------------------------------------

    def find(self, keys: Sequence[MessageKey]) -> tuple[Stored | None, ...]:
        """The accepted messages of these keys, in their order."""
        self._require_settled()
        with self._readers.taken() as connection:
            rows = connection.ask_each(schema.FIND, [(key.sender, key.message_id) for key in keys])
        return tuple(Stored(*row) if row else None for row in rows)

    def standing(self, key: EntryKey) -> Standing | None:
        """The message at this recipient."""
        self._require_settled()
        row = self._ask_one(schema.STANDING, key.message.sender, key.message.message_id, key.recipient)
        return standing_of(key, row) if row else None

    def event(self, key: EventKey) -> bytes | None:
        """The evidence of a lifecycle event."""
        self._require_settled()
        entry = key.entry
        row = self._ask_one(
            schema.EVENT, entry.message.sender, entry.message.message_id, entry.recipient, key.event_id
        )
        return row[0] if row else None

    def message(self, key: MessageKey) -> StoredMessage | None:
        """The message of this key."""
        row = self._ask_one(schema.MESSAGE, key.sender, key.message_id)
        return message_of(row) if row else None

    def message_at(self, leaf_index: int) -> StoredMessage | None:
        """The message whose acceptance is this leaf."""
        row = self._ask_one(schema.MESSAGE_AT, leaf_index)
        return message_of(row) if row else None

    def documents(self, leaf_index: int) -> tuple[StoredDocument, ...]:
        """The documents of a message in the manifest's order, without their contents."""
        return tuple(document_of(*row) for row in self._ask(schema.DOCUMENTS_OF, leaf_index))

    def document(self, leaf_index: int, position: int) -> StoredDocument | None:
        """One document, with its content where the database holds it."""
        row = self._ask_one(schema.DOCUMENT, leaf_index, position)
        return document_of(*row) if row else None

    def entries(self, leaf_index: int) -> tuple[Entry, ...]:
        """Where a message stands at each recipient, ordered by recipient."""
        return tuple(entry_of(row) for row in self._ask(schema.ENTRIES, leaf_index))

    def inbox(self, recipient: str, after: int, limit: int) -> tuple[Listed, ...]:
        """At most ``limit`` entries of a recipient with a leaf index above ``after``, in its order."""
        return tuple(
            Listed(leaf_index, MessageKey(sender, message_id), accepted_at, State(state))
            for leaf_index, sender, message_id, accepted_at, state in self._ask(
                schema.LISTED, recipient, after, limit
            )
        )

    def events(self, leaf_index: int, recipient: str | None = None) -> tuple[StoredEvent, ...]:
        """What the log holds about a message (at one recipient), in the order of the leaves."""
        if recipient is None:
            rows = self._ask(schema.EVENTS_OF, leaf_index)
        else:
            rows = self._ask(schema.EVENTS_AT_RECIPIENT, leaf_index, recipient)
        return tuple(event_of(row) for row in rows)

    def event_at(self, leaf_index: int) -> StoredEvent | None:
        """The event or hand-over of this leaf."""
        row = self._ask_one(schema.EVENT_AT, leaf_index)
        return event_of(row) if row else None

    def statements(self, leaf_index: int, recipient: str | None = None) -> tuple[Statement, ...]:
        """Evidence outside the log about a message (at one recipient)."""
        if recipient is None:
            rows = self._ask(schema.STATEMENTS_OF, leaf_index)
        else:
            rows = self._ask(schema.STATEMENTS_AT_RECIPIENT, leaf_index, recipient)
        return tuple(Statement(*row) for row in rows)

    def overdue(self, accepted_before: int, limit: int) -> tuple[EntryKey, ...]:
        """Entries that nobody answered, accepted before that time, the oldest first."""
        rows = self._ask(schema.OVERDUE, accepted_before, limit)
        return tuple(EntryKey(MessageKey(sender, message_id), code) for sender, message_id, code in rows)

    def size(self) -> int:
        """Number of leaves of the log."""
        ((size,),) = self._ask(schema.SIZE)
        return int(size)

    def node(self, level: int, index: int) -> bytes:
        """Hash of a complete subtree."""
        with self._readers.taken() as connection:
            return _node(connection, level, index)

    def checkpoint(self) -> StoredCheckpoint | None:
        """The last checkpoint that was signed."""
        row = self._ask_one(schema.LAST_CHECKPOINT)
        return StoredCheckpoint(*row) if row else None

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        """All checkpoints that were signed, oldest first."""
        number = 0
        while rows := self._ask(schema.CHECKPOINTS_AFTER, number, CHECKPOINTS_AT_A_TIME):
            for number, *checkpoint in rows:  # noqa: B007 - the last one is where the next question begins
                yield StoredCheckpoint(*checkpoint)

    def audit(self, sender: str, message_id: str) -> tuple[Audited, ...]:
        """Evidence of the rejections of this id, oldest first."""
        return tuple(Audited(*row) for row in self._ask(schema.AUDITED, sender, message_id))

    def is_referenced(self, sha256: bytes) -> bool:
        """True where a stored message has a document with this digest that is a file."""
        return bool(self._ask(schema.REFERENCED, sha256))

    # --- connections ------------------------------------------------------------------------------------------------

    def _ask(self, statement: str, *values: object) -> list[Row]:
        with self._readers.taken() as connection:
            return connection.ask(statement, values)

    def _ask_one(self, statement: str, *values: object) -> Row | None:
        rows = self._ask(statement, *values)
        return rows[0] if rows else None

    def _write(self, steps: Sequence[Step]) -> None:
        connection = self._writer()
        try:
            connection.write(steps)
        finally:
            # The session that was lost may still be committing; only the next writer's lock says that it has ended.
            self._settled = connection.usable

    def _writer(self) -> Connection:
        """The connection that writes, opened again where it was lost."""
        if self._read_only:
            raise Refusal("store-unavailable", "the store was opened for reading only", "ask the operator")
        if self._connection is not None and not self._connection.usable:
            self._connection.close()
            self._connection = None
        if self._connection is None:
            try:
                self._connection = self._database.writer()
            except StoreError as error:
                raise Refusal("store-unavailable", error.message, error.hint) from error
            self._settled = True
        return self._connection

    def _require_settled(self) -> None:
        """Return unless a commit may still arrive: then what is not there now may be there in a moment."""
        if not self._settled:
            raise Refusal(
                "store-unavailable", "what became of the last commit is not known yet", "try again later"
            )

    def _prepare(self) -> None:
        """Make the tables in an empty database, or see whether those that are there are ours."""
        with self._readers.taken() as connection:
            found = {name for (name,) in connection.ask(self._database.tables)}
        ours = {table.name for table in schema.TABLES}
        if not found:
            if self._read_only:
                raise StoreError("store-missing", "the database is empty", "give the address of a store")
            version = (("schema", str(schema.VERSION)),)
            creation = [Run(statement) for statement in self._database.creation()]
            self._write([*creation, Insert(schema.META, version)])
        elif not ours <= found:
            hint = "give the exchange a database of its own"
            raise StoreError("store-foreign", "the database holds tables of something else", hint)
        ((version_found,),) = self._ask(schema.SCHEMA_VERSION)
        if version_found != str(schema.VERSION):
            message = f"the store has tables of version {version_found}, this program knows {schema.VERSION}"
            raise StoreError("store-newer", message, "use the program that made it, or a newer one")


def _frontier(connection: Connection) -> Frontier:
    ((size,),) = connection.ask(schema.SIZE)
    return merkle.frontier(size, lambda level, index: _node(connection, level, index))


def _node(connection: Connection, level: int, index: int) -> bytes:
    rows = connection.ask(schema.NODE, (level, index))
    if not rows:
        raise LookupError(level, index)
    found: bytes = rows[0][0]
    return found
