"""Copying a store whole, from either database, as it was at one moment.

Rule kept here: a copy is taken in one transaction of the source and put in place in one of the target, so that it is
a store that was, not a mixture of two; rows are streamed, never held all at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loadtests.endpoint.store.database import Row, StoreError
from loadtests.endpoint.store.opening import open_store
from loadtests.endpoint.store.schema import TABLES, Table
from loadtests.endpoint.store.sqlite import BUSY_S, SqliteDatabase
from loadtests.endpoint.upkeep.errors import UpkeepError

if TYPE_CHECKING:
    from loadtests.endpoint.upkeep import postgres_copying

ROWS_AT_A_TIME: Final = 500
"""Rows held in memory while a table is copied: at 32 KiB of a small document each, 16 MiB."""
_SCHEMES: Final = frozenset({"postgresql", "postgres"})
_FILES: Final = "SELECT DISTINCT sha256 FROM documents WHERE content IS NULL ORDER BY sha256"


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of a store in a file.

    Args:
        leaves: Size of its log.
        files: SHA-256 of every document that is a file.
    """

    leaves: int
    files: tuple[bytes, ...]


def is_server(store_url: str | Path) -> bool:
    """True for the address of a PostgreSQL database, False for the path of a file."""
    return not isinstance(store_url, Path) and store_url.partition("://")[0] in _SCHEMES


def to_file(store_url: str | Path, out: Path) -> Copied:
    """Copy a store into a new SQLite file, while a server may be writing into it.

    Args:
        store_url: As for ``open_store``.
        out: The file, which is not there.

    Raises:
        StoreError: It is no store, or cannot be reached.
        UpkeepError: ``store-failed``: the database failed while it was read or written.
    """
    open_store(store_url, read_only=True).close()  # says what is wrong with an address
    with _told("the store cannot be copied"):
        if is_server(store_url):
            server = _server()
            with closing(_new_file(out)) as target, server.reading(str(store_url)) as source:
                target.execute("BEGIN")
                for table in TABLES:
                    _insert(target, table, server.rows(source, table))
                target.execute("COMMIT")
        else:
            with closing(_opened(Path(store_url))) as source_file, closing(sqlite3.connect(out)) as target:
                source_file.backup(target)  # in one step: one moment of the source, whoever writes
                # The copy is one file, which can be read from a disk that nobody can write to.
                target.execute("PRAGMA journal_mode = DELETE").fetchall()
        return _described(out)


def from_file(file: Path, store_url: str) -> None:
    """Copy an SQLite file that ``to_file`` made into an empty PostgreSQL database.

    Raises:
        StoreError: The database cannot be reached.
        UpkeepError: ``target-not-empty``, ``store-in-use``, ``store-failed``.
    """
    server = _server()
    failing = _told("the store cannot be restored")
    with failing, closing(_opened(file)) as source, server.writing(store_url) as target:
        for table in TABLES:
            server.insert(target, table, _rows(source, table))


def _described(file: Path) -> Copied:
    with closing(_opened(file)) as raw:
        files = tuple(row[0] for row in raw.execute(_FILES))
    store = open_store(file, read_only=True)
    try:
        return Copied(store.size(), files)
    finally:
        store.close()


def _server() -> type[postgres_copying.Server]:
    try:
        from loadtests.endpoint.upkeep.postgres_copying import Server  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        message = "PostgreSQL needs psycopg, which is not installed or finds no libpq"
        raise StoreError("store-driver-missing", message, "pip install 'congvan[postgres]'") from error
    return Server


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None
    )


def _new_file(out: Path) -> sqlite3.Connection:
    raw = sqlite3.connect(out, isolation_level=None)
    try:
        raw.execute("PRAGMA synchronous = OFF")  # the whole file is synced in the end
        for statement in SqliteDatabase(out, read_only=False).creation():
            raw.execute(statement)
    except BaseException:
        raw.close()
        raise
    return raw


def _rows(source: sqlite3.Connection, table: Table) -> Iterator[Row]:
    yield from source.execute(f"SELECT {table.column_names} FROM {table.name}")


def _insert(target: sqlite3.Connection, table: Table, rows: Iterable[Row]) -> None:
    places = ", ".join("?" * len(table.columns))
    statement = f"INSERT INTO {table.name} ({table.column_names}) VALUES ({places})"
    waiting = iter(rows)
    while some := list(islice(waiting, ROWS_AT_A_TIME)):
        target.executemany(statement, some)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say of a failing database what was being done."""
    try:
        yield
    except sqlite3.Error as error:
        raise UpkeepError(
            "store-failed", f"{what}: {error}", "look at the disk, and check with `congvan fsck`"
        ) from error
