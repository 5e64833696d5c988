"""PostgreSQL as the store's database, through psycopg 3.

Rule kept here: whoever writes holds an advisory lock of the database for as long as its connection lives, so that
there is one sequencer, and a commit that was given up has come to its end before another one begins.

A group is one pipeline and a ``COMMIT``: two round trips, and one statement for each table, with a column in an array.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from typing import Final

import psycopg
from psycopg import conninfo, errors, pq

from loadtests.endpoint.store.database import (
    Change,
    Connection,
    Expect,
    Insert,
    Row,
    Run,
    Step,
    StoreError,
    moved_on,
)
from loadtests.endpoint.store.schema import INDEXES, TABLES, Kind, Table
from loadtests.exchange.errors import Refusal

# Codes are compared byte by byte, as SQLite does it, whatever language the database was made for.
TYPES: Final = {Kind.INTEGER: "bigint", Kind.TEXT: 'text COLLATE "C"', Kind.BYTES: "bytea"}
_ARRAYS: Final = {Kind.INTEGER: "bigint[]", Kind.TEXT: "text[]", Kind.BYTES: "bytea[]"}
LOCK: Final = int.from_bytes(sha256(b"sequencer of the exchange").digest()[:8], "big", signed=True)
"""The advisory lock of the one who writes."""
LOCK_WAIT_S: Final = 3
"""How long to wait for it, s: the session of a server that was killed ends in less, unless its host was lost."""
CONNECT_S: Final = 5
"""How long a host may take to answer, s."""
SILENCE_S: Final = 10
"""After how long without an answer a host counts as lost, s, on both sides."""

_DEFAULTS: Final[dict[str, str | int]] = {
    "application_name": "congvan",
    "connect_timeout": CONNECT_S,
    "tcp_user_timeout": SILENCE_S * 1000,
    "keepalives_idle": SILENCE_S,
}
_READER_SETTINGS: Final = {"default_transaction_read_only": "on"}
_WRITER_SETTINGS: Final = {
    "lock_timeout": f"{LOCK_WAIT_S}s",
    # Without them a host that was lost would keep the lock for hours.
    "tcp_keepalives_idle": str(SILENCE_S),
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
}
# Whatever the operator set that is at least as durable stays.
_DURABLE: Final = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)


_FAULTS: Final = (psycopg.ProgrammingError, psycopg.InterfaceError, psycopg.NotSupportedError)


class PostgresDatabase:
    """A database of a server.

    Args:
        url: ``postgresql://…``.
    """

    tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"

    def __init__(self, url: str) -> None:
        self._url = url

    def prepare(self) -> None:
        """See whether the database can be reached, and the lock is free where it will be asked for.

        Raises:
            StoreError: ``store-address``, ``store-unreachable``.
        """
        try:
            given = conninfo.conninfo_to_dict(self._url)
        except psycopg.ProgrammingError as error:
            hint = "postgresql://user@host:port/database"
            raise StoreError("store-address", "this is no address of a PostgreSQL database", hint) from error
        self._url = conninfo.make_conninfo(
            self._url, **{k: v for k, v in _DEFAULTS.items() if k not in given}
        )
        try:
            self._open(_READER_SETTINGS).close()
        except psycopg.Error as error:
            hint = "is it running, does it know the user, is there such a database?"
            raise StoreError(
                "store-unreachable", f"PostgreSQL cannot be reached: {_first_line(error)}", hint
            ) from error

    def creation(self) -> list[str]:
        """Statements that make all tables."""
        return [*(_creation(table) for table in TABLES), *INDEXES]

    def reader(self) -> Connection:
        """A new connection that only reads."""
        try:
            return PostgresConnection(self._open(_READER_SETTINGS))
        except psycopg.Error as error:
            raise refusal(error) from error

    def writer(self) -> Connection:
        """A new connection that writes, with the lock.

        Raises:
            StoreError: ``store-in-use``.
        """
        try:
            raw = self._open(_WRITER_SETTINGS)
            try:
                raw.execute(_DURABLE)
                raw.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            except BaseException:
                raw.close()
                raise
        except errors.LockNotAvailable as error:
            found = "another server of the exchange writes into this database"
            raise StoreError(
                "store-in-use", found, "stop the other one, or give this one a database of its own"
            ) from error
        except psycopg.Error as error:
            raise refusal(error) from error
        return PostgresConnection(raw)

    def _open(self, settings: dict[str, str]) -> psycopg.Connection[Row]:
        raw = psycopg.connect(self._url, autocommit=True)
        try:
            calls = ", ".join(["set_config(%s, %s, false)"] * len(settings))
            raw.execute(
                f"SELECT {calls}".encode(), [part for setting in settings.items() for part in setting]
            )
        except BaseException:
            raw.close()
            raise
        return raw


class PostgresConnection:
    """A connection of psycopg.

    Args:
        raw: Opened, every statement its own transaction.
    """

    def __init__(self, raw: psycopg.Connection[Row]) -> None:
        self._raw = raw
        self._poll = select.poll()
        self._poll.register(raw.fileno(), select.POLLIN)

    @property
    def usable(self) -> bool:
        """False where the session broke, and where the server has said good-bye: it says nothing else unasked."""
        return not self._raw.closed and not self._poll.poll(0)

    def ask(self, statement: str, values: Row = ()) -> list[Row]:
        """All rows of an answer."""
        try:
            return self._raw.execute(_query(statement), values, binary=True).fetchall()
        except psycopg.Error as error:
            raise refusal(error) from error

    def ask_each(self, statement: str, many: Sequence[Row]) -> list[Row | None]:
        """The first row of the answer to each of these values, in one round trip."""
        query = _query(statement)
        try:
            if len(many) == 1:
                return [self._raw.execute(query, many[0], binary=True).fetchone()]
            with self._raw.pipeline():
                cursors = [self._raw.execute(query, values, binary=True) for values in many]
            return [cursor.fetchone() for cursor in cursors]
        except psycopg.Error as error:
            raise refusal(error) from error

    def write(self, steps: Sequence[Step]) -> None:
        """All steps in one transaction."""
        raw = self._raw
        try:
            with raw.pipeline():
                raw.execute(b"BEGIN")
                cursors = [self._send(step) for step in steps]
            for step, cursor in zip(steps, cursors, strict=True):
                _check(step, cursor)
            raw.execute(b"COMMIT")
        except psycopg.Error as error:
            raise refusal(error) from error
        finally:
            self._end()

    def close(self) -> None:
        """Let go of it."""
        with suppress(psycopg.Error):
            self._raw.close()

    def _send(self, step: Step) -> psycopg.Cursor[Row]:
        raw = self._raw
        match step:
            case Insert(table, rows):
                return raw.execute(_INSERTS[table.name], [list(column) for column in zip(*rows, strict=True)])
            case Change(statement, rows):
                cursor = raw.cursor()
                cursor.executemany(_query(statement), rows)
                return cursor
            case Expect(statement, _):
                return raw.execute(_query(statement), binary=True)
            case Run(statement, values):
                return raw.execute(_query(statement), values)

    def _end(self) -> None:
        """Roll back what has not been committed."""
        if self._raw.info.transaction_status is pq.TransactionStatus.IDLE:
            return
        try:
            self._raw.rollback()
        except psycopg.Error:
            self.close()


def refusal(error: psycopg.Error) -> Exception:
    """What a sender is told when the database fails; the error itself where the program is at fault."""
    if isinstance(error, psycopg.IntegrityError):
        return moved_on()
    if isinstance(error, errors.DiskFull):
        return Refusal("store-full", "the disk of the database is full", "the operator must make room")
    if isinstance(error, _FAULTS) and not isinstance(error, errors.InsufficientPrivilege):
        return error
    found = f"the database failed: {type(error).__name__}"
    return Refusal("store-unavailable", found, "try again later")


def _check(step: Step, cursor: psycopg.Cursor[Row]) -> None:
    match step:
        case Change(_, rows):
            fits = cursor.rowcount == len(rows)
        case Expect(_, row):
            fits = cursor.fetchall() == [row]
        case _:
            return
    if not fits:
        raise moved_on()


def _creation(table: Table) -> str:
    # A message with its receipt, or a document of 4 KiB, stays one row: the default would part it at 2 kB.
    return table.creation(TYPES) + ("" if table.clustered else " WITH (toast_tuple_target = 8160)")


@cache
def _query(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()


def _insert(table: Table) -> bytes:
    arrays = ", ".join(f"%b::{_ARRAYS[column.kind]}" for column in table.columns)
    return f"INSERT INTO {table.name} ({table.column_names}) SELECT * FROM unnest({arrays})".encode()


_INSERTS: Final = {table.name: _insert(table) for table in TABLES}


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
