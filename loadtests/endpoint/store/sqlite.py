"""SQLite as the store's database: one file, a write-ahead log that is synced at every commit.

Rule kept here: a commit returns after the sync (``synchronous=FULL``), and nobody writes on into a file that was
removed or replaced under its name.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from loadtests.endpoint.files import sync_file
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

TYPES: Final = {Kind.INTEGER: "INTEGER", Kind.TEXT: "TEXT", Kind.BYTES: "BLOB"}
BUSY_S: Final = 5.0
"""How long a writer waits for another process, such as a backup that ends, s."""
PAGE_BYTES: Final = 16 * 1024
"""Size of a page: a message with a document of 4 KiB and its receipt fits, instead of being cut into three."""
CHECKPOINT_PAGES: Final = 1024
"""Pages in the write-ahead log before they are moved into the file: 16 MiB, four times the default."""
WAL_BYTES_MAX: Final = 64 * 1024**2
"""What the write-ahead log keeps of the disk after a burst."""
CACHE_KIB: Final = 32 * 1024
"""Page cache of the writer: the indexes of some hundred thousand messages."""

_WRITER_PRAGMAS: Final = (
    f"page_size = {PAGE_BYTES}",  # counts only where the file is made
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    f"journal_size_limit = {WAL_BYTES_MAX}",
    f"cache_size = -{CACHE_KIB}",
)
_INSERTS: Final = {
    table.name: f"INSERT INTO {table.name} ({table.column_names}) VALUES ({', '.join('?' * len(table.columns))})"
    for table in TABLES
}


class SqliteDatabase:
    """A file.

    Args:
        path: The file.
        read_only: True where even its folder may be read-only.
    """

    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self._path = path.absolute()
        self._read_only = read_only

    def prepare(self) -> None:
        """Make the file if it is missing, and see whether it can be used.

        Raises:
            StoreError: ``store-missing``, ``store-foreign``, ``store-not-writable``, ``store-unreadable``.
        """
        missing = not self._path.exists()
        if missing and (self._read_only or not self._path.parent.is_dir()):
            raise StoreError("store-missing", f"there is no {self._path}", "give the path of a store")
        try:
            if self._read_only:
                self._open_reader().close()
            else:
                self._open("rwc" if missing else "rw").close()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def creation(self) -> list[str]:
        """Statements that make all tables."""
        return [*(_creation(table) for table in TABLES), *INDEXES]

    def reader(self) -> Connection:
        """A new connection that only reads."""
        try:
            return self._open_reader()
        except sqlite3.Error as error:
            raise refusal(error) from error

    def writer(self) -> Connection:
        """A new connection that writes; that it is the only one is the business of whoever owns the folder.

        What a killed process wrote may be seen here and not be on the disk yet; it is before anybody relies on it.
        """
        log = Path(
            f"{self._path}-wal"
        )  # not the file itself: closing that would let go of SQLite's locks on it
        try:
            if log.exists():
                sync_file(log)
            return self._open("rw")
        except OSError as error:
            found = f"the database cannot be synced: {error.strerror}"
            raise Refusal("store-unavailable", found, "try again later") from error
        except sqlite3.Error as error:
            raise refusal(error) from error

    def _open_reader(self) -> SqliteConnection:
        if not self._read_only:
            return self._open("rw", ("query_only = ON",))
        try:
            return self._open("ro", ())
        except sqlite3.OperationalError:
            # In a folder that cannot be written to, SQLite cannot make the index of a write-ahead log. Without such a
            # log nobody is writing either, and the file holds everything.
            if Path(f"{self._path}-wal").exists():
                raise
            return self._open("ro&immutable=1", ())

    def _open(self, mode: str, pragmas: Sequence[str] = _WRITER_PRAGMAS) -> SqliteConnection:
        raw = sqlite3.connect(
            f"{self._path.as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            for pragma in pragmas:
                raw.execute(f"PRAGMA {pragma}")
            raw.execute("SELECT count(*) FROM sqlite_master").fetchall()
            return SqliteConnection(raw, self._path)
        except BaseException:
            raw.close()
            raise

    def _unusable(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_NOTADB or self._path.is_dir():
            return StoreError("store-foreign", f"{self._path} is not a database", "give the path of a store")
        unwritable = code == sqlite3.SQLITE_CANTOPEN and not self._read_only
        if code == sqlite3.SQLITE_READONLY or unwritable:
            found = f"{self._path} or its folder cannot be written to"
            return StoreError("store-not-writable", found, "mend the permissions, or the disk")
        found = f"{self._path} cannot be read: {error}"
        return StoreError("store-unreadable", found, "mend the permissions, or the disk")


class SqliteConnection:
    """A connection of the standard library's driver.

    Args:
        raw: Opened, every statement its own transaction.
        path: The file that it has opened, by its name.
    """

    def __init__(self, raw: sqlite3.Connection, path: Path) -> None:
        self._raw = raw
        self._path = str(path)
        self._identity = self._identify()
        self._failed = False

    @property
    def usable(self) -> bool:
        """False after a failure, and where the file is gone or another one has its name."""
        return not self._failed and self._identity is not None and self._identify() == self._identity

    def ask(self, statement: str, values: Row = ()) -> list[Row]:
        """All rows of an answer."""
        try:
            return self._raw.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._refusal(error) from error

    def ask_each(self, statement: str, many: Sequence[Row]) -> list[Row | None]:
        """The first row of the answer to each of these values."""
        execute = self._raw.execute
        try:
            return [execute(statement, values).fetchone() for values in many]
        except sqlite3.Error as error:
            raise self._refusal(error) from error

    def write(self, steps: Sequence[Step]) -> None:
        """All steps in one transaction."""
        raw = self._raw
        try:
            raw.execute("BEGIN IMMEDIATE")
            for step in steps:
                self._take(step)
            raw.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._refusal(error) from error
        finally:
            if raw.in_transaction:
                with suppress(sqlite3.Error):
                    raw.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of it."""
        with suppress(sqlite3.Error):
            self._raw.close()

    def _take(self, step: Step) -> None:
        raw = self._raw
        match step:
            case Insert(table, rows):
                raw.executemany(_INSERTS[table.name], rows)
            case Change(statement, rows):
                if raw.executemany(statement, rows).rowcount != len(rows):
                    raise moved_on()
            case Expect(statement, row):
                if raw.execute(statement).fetchall() != [row]:
                    raise moved_on()
            case Run(statement, values):
                raw.execute(statement, values)

    def _refusal(self, error: sqlite3.Error) -> Exception:
        self._failed = not isinstance(error, sqlite3.IntegrityError)
        return refusal(error)

    def _identify(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - asked before every read
        except OSError:
            return None
        return found.st_dev, found.st_ino


def refusal(error: sqlite3.Error) -> Exception:
    """What a sender is told when the database fails; the error itself where the program is at fault."""
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError | sqlite3.NotSupportedError):
        return error
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_CONSTRAINT:
        return moved_on()
    if code == sqlite3.SQLITE_FULL:
        return Refusal("store-full", "the disk of the database is full", "the operator must make room")
    found = f"the database failed: {getattr(error, 'sqlite_errorname', type(error).__name__)}"
    return Refusal("store-unavailable", found, "try again later")


def _creation(table: Table) -> str:
    return table.creation(TYPES) + (" WITHOUT ROWID" if table.clustered else "")
