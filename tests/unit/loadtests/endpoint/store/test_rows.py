"""The texts and rows of the tables, and what a failing database is called."""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from loadtests.endpoint.store import postgres, schema, sqlite
from loadtests.endpoint.store.database import Pool
from loadtests.endpoint.store.rows import NO_HISTORY, parse_history, render_history, stored_manifest
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import Applied, State
from tests.unit.loadtests.exchanges import numbered

HISTORY = (
    Applied("event-0001", sha256(b"a").digest(), State.ACCEPTED),
    Applied('"quoted" \\ sự kiện', sha256(b"b").digest(), State.RECALL_OF_ACCEPTED),
)


def test_a_history_comes_back_as_it_was() -> None:
    """Every prefix of a history has a text of its own that gives it back."""
    histories = [HISTORY[:length] for length in range(3)]
    texts = [render_history(history) for history in histories]
    assert [parse_history(text) for text in texts] == histories
    assert len(set(texts)) == 3
    assert texts[0] == NO_HISTORY


def test_the_manifest_of_a_stored_message_is_read_once() -> None:
    """The second question for a manifest gives the very same value."""
    compact = numbered(1)
    assert stored_manifest(compact).message_id == "message-0001"
    assert stored_manifest(bytes(compact)) is stored_manifest(compact)


def sqlite_error(code: int) -> sqlite3.OperationalError:
    """An error of SQLite with this code."""
    error = sqlite3.OperationalError("it failed")
    error.sqlite_errorcode = code
    error.sqlite_errorname = "SQLITE_X"
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (sqlite_error(sqlite3.SQLITE_FULL), "store-full"),
        (sqlite_error(sqlite3.SQLITE_IOERR_FSYNC), "store-unavailable"),
        (sqlite_error(sqlite3.SQLITE_READONLY), "store-unavailable"),
        (sqlite_error(sqlite3.SQLITE_CORRUPT), "store-unavailable"),
    ],
)
def test_failures_of_sqlite_are_named(error: sqlite3.Error, code: str) -> None:
    """Whatever SQLite calls it, a sender gets a code that can be tried again."""
    refusal = sqlite.refusal(error)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert refusal.kind.retryable


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (psycopg.errors.DiskFull("it failed"), "store-full"),
        (psycopg.errors.AdminShutdown("it failed"), "store-unavailable"),
        (psycopg.errors.ReadOnlySqlTransaction("it failed"), "store-unavailable"),
        (psycopg.errors.InsufficientPrivilege("it failed"), "store-unavailable"),
        (psycopg.errors.UniqueViolation("Key (sender)=(secret) exists"), "store-unavailable"),
        (psycopg.OperationalError("it failed"), "store-unavailable"),
    ],
)
def test_failures_of_postgresql_are_named(error: psycopg.Error, code: str) -> None:
    """Whatever PostgreSQL calls it, a sender gets a code that can be tried again, and no values."""
    refusal = postgres.refusal(error)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert "secret" not in str(refusal)


@pytest.mark.parametrize("error", [sqlite3.ProgrammingError("closed"), psycopg.errors.SyntaxError("no SQL")])
def test_faults_of_the_program_are_not_hidden(error: Exception) -> None:
    """What the program did wrong comes out as it is."""
    described = sqlite.refusal(error) if isinstance(error, sqlite3.Error) else postgres.refusal(error)  # type: ignore[arg-type]
    assert described is error


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (schema.FIND, "sqlite_autoindex_messages_1"),
        (schema.OVERDUE, "inbox_open"),
        (schema.LISTED, "inbox_of_recipient"),
        (schema.REFERENCED, "documents_as_files"),
        (schema.AUDITED, "audit_of_message"),
        (schema.STATEMENTS_OF, "statements_of_message"),
        (schema.EVENTS_OF, "sqlite_autoindex_events_1"),
        (schema.SIZE, "PRIMARY KEY"),
        (schema.ENTRIES, "PRIMARY KEY"),
    ],
)
def test_questions_are_answered_from_an_index(statement: str, index: str) -> None:
    """No question walks through a table, however large it grows."""
    raw = sqlite3.connect(":memory:")
    database = sqlite.SqliteDatabase(Path("unused"), read_only=False)
    for creation in database.creation():
        raw.execute(creation)
    values = [0] * statement.count("?")
    plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    raw.close()
    assert any(index in step for step in plan), plan
    assert not any(step.startswith("SCAN") and "INDEX" not in step for step in plan), plan


class Counted:
    """A connection that knows whether it is closed."""

    def __init__(self) -> None:
        self.usable = True
        self.closed = False

    def close(self) -> None:
        """Note it."""
        self.closed = True


def fail_with(pool: Pool, *, usable: bool) -> None:
    """Take a connection, and fail."""
    with pool.taken() as connection:
        connection.usable = usable  # type: ignore[misc]
        raise LookupError


def test_a_pool_keeps_few_and_only_good_connections() -> None:
    """Connections are used again while they are usable, and the idle ones are bounded and closed in the end."""
    pool = Pool(Counted, idle_max=2)  # type: ignore[arg-type] # it only takes, gives and closes
    taken = [pool.take() for _ in range(3)]
    for connection in taken:
        pool.give(connection)
    assert [one.closed for one in taken] == [False, False, True]  # type: ignore[attr-defined]
    taken[1].usable = False  # type: ignore[misc]
    assert pool.take() is taken[0]
    assert taken[1].closed  # type: ignore[attr-defined]
    pool.give(taken[0])
    with pytest.raises(LookupError):
        fail_with(pool, usable=True)
    assert not taken[0].closed  # type: ignore[attr-defined]
    with pytest.raises(LookupError):
        fail_with(pool, usable=False)
    assert taken[0].closed  # type: ignore[attr-defined]
    pool.give(Counted())  # type: ignore[arg-type]
    last = pool.take()
    pool.give(last)
    pool.close()
    assert last.closed  # type: ignore[attr-defined]
    late = Counted()
    pool.give(late)  # type: ignore[arg-type]
    assert late.closed
