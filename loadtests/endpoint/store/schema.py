"""The tables of the store, and every statement that is asked of them, once for all databases.

Rule kept here: what must never be twice is a key here (a leaf of the log, a message of a sender, an event at a
recipient), so that no fault of a program above can store it; a changed table is another ``VERSION``.

Statements have ``?`` for values; a dialect writes it as its driver wants it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from loadtests.exchange.lifecycle import TRANSITIONS, Action

VERSION: Final = 1
"""Of the tables; a store of a higher one is left alone."""

OPEN_STATES: Final = tuple(sorted({row.before.value for row in TRANSITIONS if row.action is Action.EXPIRE}))
"""Where a recipient has not answered yet."""
_OPEN: Final = "state IN ({})".format(", ".join(f"'{state}'" for state in OPEN_STATES))


class Kind(Enum):
    """What a column holds; a dialect has a type for each."""

    INTEGER = "integer"
    TEXT = "text"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; holds a value in every row unless ``optional``."""

    name: str
    kind: Kind
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Args:
        name: Its name.
        columns: In the order of a row.
        constraints: Keys, as SQL.
        clustered: True where short rows should stand in the order of the primary key, if a database can do that.
    """

    name: str
    columns: tuple[Column, ...]
    constraints: tuple[str, ...]
    clustered: bool = False

    @property
    def column_names(self) -> str:
        """The columns, as SQL."""
        return ", ".join(column.name for column in self.columns)

    def creation(self, types: Mapping[Kind, str]) -> str:
        """The statement that makes the table, with a database's types."""
        columns = [
            f"{column.name} {types[column.kind]}{'' if column.optional else ' NOT NULL'}"
            for column in self.columns
        ]
        return f"CREATE TABLE {self.name} ({', '.join([*columns, *self.constraints])})"


def _integer(name: str) -> Column:
    return Column(name, Kind.INTEGER)


def _text(name: str, *, optional: bool = False) -> Column:
    return Column(name, Kind.TEXT, optional)


def _bytes(name: str, *, optional: bool = False) -> Column:
    return Column(name, Kind.BYTES, optional)


META: Final = Table("meta", (_text("name"), _text("value")), ("PRIMARY KEY (name)",), clustered=True)
NODES: Final = Table(  # the log: level 0 holds the leaf hashes, and its key makes a fork impossible
    "nodes",
    (_integer("level"), _integer("position"), _bytes("hash")),
    ("PRIMARY KEY (level, position)",),
    clustered=True,
)
MESSAGES: Final = Table(  # the large columns stand last, so that reading the others does not touch them
    "messages",
    (
        _integer("leaf_index"),
        _text("sender"),
        _text("message_id"),
        _integer("accepted_at"),
        _bytes("manifest_sha256"),
        _bytes("sender_certificate_sha256"),
        _bytes("receipt"),
        _bytes("compact"),
    ),
    ("PRIMARY KEY (leaf_index)", "UNIQUE (sender, message_id)"),
)
_OF_MESSAGE: Final = "FOREIGN KEY (message_leaf) REFERENCES messages (leaf_index)"
DOCUMENTS: Final = Table(  # content is NULL where it is a file
    "documents",
    (
        _integer("message_leaf"),
        _integer("position"),
        _bytes("sha256"),
        _integer("size_bytes"),
        _bytes("content", optional=True),
    ),
    ("PRIMARY KEY (message_leaf, position)", _OF_MESSAGE),
)
INBOX: Final = Table(  # the time of acceptance stands here too, for an index of what nobody answered
    "inbox",
    (
        _integer("message_leaf"),
        _text("recipient"),
        _integer("accepted_at"),
        _text("state"),
        _text("history"),
        _integer("handed_over"),
    ),
    ("PRIMARY KEY (message_leaf, recipient)", _OF_MESSAGE),
    clustered=True,
)
EVENTS: Final = Table(  # event_id is NULL for a hand-over, compact where the exchange itself saw it
    "events",
    (
        _integer("leaf_index"),
        _integer("message_leaf"),
        _text("recipient"),
        _text("event_id", optional=True),
        _bytes("compact", optional=True),
        _bytes("evidence"),
    ),
    (
        "PRIMARY KEY (leaf_index)",
        "UNIQUE (message_leaf, recipient, event_id)",
        "FOREIGN KEY (message_leaf, recipient) REFERENCES inbox (message_leaf, recipient)",
    ),
)
STATEMENTS: Final = Table(
    "statements",
    (_text("evidence_id"), _integer("message_leaf"), _text("recipient"), _bytes("evidence")),
    ("PRIMARY KEY (evidence_id)", _OF_MESSAGE),
)
CHECKPOINTS: Final = Table(
    "checkpoints",
    (_integer("number"), _integer("size"), _integer("issued_at"), _bytes("compact")),
    ("PRIMARY KEY (number)",),
)
AUDIT: Final = Table(
    "audit",
    (
        _text("evidence_id"),
        _text("sender"),
        _text("message_id"),
        _integer("kept_at"),
        _bytes("evidence"),
    ),
    ("PRIMARY KEY (evidence_id)",),
)

TABLES: Final = (META, NODES, MESSAGES, DOCUMENTS, INBOX, EVENTS, STATEMENTS, CHECKPOINTS, AUDIT)
INDEXES: Final = (
    "CREATE UNIQUE INDEX inbox_of_recipient ON inbox (recipient, message_leaf)",
    f"CREATE INDEX inbox_open ON inbox (accepted_at, message_leaf, recipient) WHERE {_OPEN}",
    "CREATE INDEX documents_as_files ON documents (sha256) WHERE content IS NULL",
    "CREATE INDEX statements_of_message ON statements (message_leaf, recipient)",
    "CREATE INDEX audit_of_message ON audit (sender, message_id)",
)

# --- writing ----------------------------------------------------------------------------------------------------

MOVE_ENTRY: Final = (
    "UPDATE inbox SET state = ?, history = ? WHERE message_leaf = ? AND recipient = ? AND history = ?"
)
HAND_OVER: Final = (
    "UPDATE inbox SET handed_over = 1 WHERE message_leaf = ? AND recipient = ? AND handed_over = 0"
)
KEEP_AUDITED: Final = (
    f"INSERT INTO audit ({AUDIT.column_names}) VALUES (?, ?, ?, ?, ?) ON CONFLICT (evidence_id) DO NOTHING"
)
KEEP_STATEMENT: Final = (
    f"INSERT INTO statements ({STATEMENTS.column_names}) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (evidence_id) DO NOTHING"
)
KEEP_CHECKPOINT: Final = (
    f"INSERT INTO checkpoints ({CHECKPOINTS.column_names})"
    " SELECT coalesce(max(number), 0) + 1, ?, ?, ? FROM checkpoints"
)

# --- reading ----------------------------------------------------------------------------------------------------

SCHEMA_VERSION: Final = "SELECT value FROM meta WHERE name = 'schema'"
SIZE: Final = "SELECT coalesce(max(position), -1) + 1 FROM nodes WHERE level = 0"
NODE: Final = "SELECT hash FROM nodes WHERE level = ? AND position = ?"
FIND: Final = "SELECT manifest_sha256, receipt FROM messages WHERE sender = ? AND message_id = ?"
_MESSAGE: Final = (
    "SELECT sender, message_id, leaf_index, accepted_at, manifest_sha256, compact, receipt FROM messages"
)
MESSAGE: Final = f"{_MESSAGE} WHERE sender = ? AND message_id = ?"
MESSAGE_AT: Final = f"{_MESSAGE} WHERE leaf_index = ?"
STANDING: Final = (
    "SELECT leaf_index, state, history, handed_over, m.accepted_at, compact, manifest_sha256,"
    " sender_certificate_sha256"
    " FROM messages m JOIN inbox i ON i.message_leaf = m.leaf_index"
    " WHERE sender = ? AND message_id = ? AND recipient = ?"
)
EVENT: Final = (
    "SELECT evidence FROM messages m JOIN events e ON e.message_leaf = m.leaf_index"
    " WHERE sender = ? AND message_id = ? AND recipient = ? AND event_id = ?"
)
DOCUMENTS_OF: Final = (
    "SELECT position, sha256, size_bytes FROM documents WHERE message_leaf = ? ORDER BY position"
)
DOCUMENT: Final = (
    "SELECT position, sha256, size_bytes, content FROM documents WHERE message_leaf = ? AND position = ?"
)
ENTRIES: Final = (
    "SELECT sender, recipient, state, history FROM inbox i JOIN messages m ON m.leaf_index = i.message_leaf"
    " WHERE i.message_leaf = ? ORDER BY recipient"
)
LISTED: Final = (
    "SELECT leaf_index, sender, message_id, m.accepted_at, state"
    " FROM inbox i JOIN messages m ON m.leaf_index = i.message_leaf"
    " WHERE recipient = ? AND i.message_leaf > ? ORDER BY i.message_leaf LIMIT ?"
)
_EVENTS: Final = "SELECT leaf_index, message_leaf, recipient, event_id, compact, evidence FROM events"
EVENTS_OF: Final = f"{_EVENTS} WHERE message_leaf = ? ORDER BY leaf_index"
EVENTS_AT_RECIPIENT: Final = f"{_EVENTS} WHERE message_leaf = ? AND recipient = ? ORDER BY leaf_index"
EVENT_AT: Final = f"{_EVENTS} WHERE leaf_index = ?"
_STATEMENTS: Final = f"SELECT {STATEMENTS.column_names} FROM statements"
STATEMENT: Final = f"{_STATEMENTS} WHERE evidence_id = ?"
STATEMENTS_OF: Final = f"{_STATEMENTS} WHERE message_leaf = ? ORDER BY evidence_id"
STATEMENTS_AT_RECIPIENT: Final = (
    f"{_STATEMENTS} WHERE message_leaf = ? AND recipient = ? ORDER BY evidence_id"
)
OVERDUE: Final = (
    "SELECT sender, message_id, recipient FROM inbox i JOIN messages m ON m.leaf_index = i.message_leaf"
    f" WHERE i.{_OPEN} AND i.accepted_at < ? ORDER BY i.accepted_at, i.message_leaf, i.recipient LIMIT ?"
)
LAST_CHECKPOINT: Final = "SELECT size, issued_at, compact FROM checkpoints ORDER BY number DESC LIMIT 1"
CHECKPOINTS_AFTER: Final = (
    "SELECT number, size, issued_at, compact FROM checkpoints WHERE number > ? ORDER BY number LIMIT ?"
)
AUDITED: Final = (
    f"SELECT {AUDIT.column_names} FROM audit WHERE sender = ? AND message_id = ?"
    " ORDER BY kept_at, evidence_id"
)
REFERENCED: Final = "SELECT 1 FROM documents WHERE sha256 = ? AND content IS NULL LIMIT 1"
