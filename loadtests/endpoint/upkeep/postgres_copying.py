"""Copying a store out of PostgreSQL and into it, through psycopg 3.

Rule kept here: reading is one snapshot (REPEATABLE READ), and writing is one transaction that makes the tables as
well, so that a database is a whole store or empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from loadtests.endpoint.store.database import Row
from loadtests.endpoint.store.postgres import LOCK, PostgresDatabase
from loadtests.endpoint.store.schema import Kind, Table
from loadtests.endpoint.upkeep.errors import UpkeepError

_TYPES: Final = {Kind.INTEGER: "int8", Kind.TEXT: "text", Kind.BYTES: "bytea"}
_HINT: Final = "look into the log of the database"


class Server:
    """What copying asks of a PostgreSQL server; a name for four functions."""

    @staticmethod
    @contextmanager
    def reading(url: str) -> Iterator[psycopg.Connection[Row]]:
        """A connection that sees the database as it is now, for as long as it is used.

        Raises:
            UpkeepError: ``store-failed``.
        """
        with _told(), psycopg.connect(url) as raw:
            raw.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            raw.read_only = True
            yield raw

    @staticmethod
    def rows(source: psycopg.Connection[Row], table: Table) -> Iterator[Row]:
        """All rows of a table, streamed."""
        with source.cursor() as cursor:
            query = f"COPY {table.name} ({table.column_names}) TO STDOUT (FORMAT BINARY)"
            with cursor.copy(query.encode()) as copy:
                copy.set_types([_TYPES[column.kind] for column in table.columns])
                yield from copy.rows()

    @staticmethod
    @contextmanager
    def writing(url: str) -> Iterator[psycopg.Connection[Row]]:
        """A connection to an empty database with new tables; committed at the end, or nothing was done.

        Raises:
            UpkeepError: ``target-not-empty``, ``store-in-use``, ``store-failed``.
        """
        database = PostgresDatabase(url)
        database.prepare()
        with _told(), psycopg.connect(url) as raw:
            if raw.execute(database.tables.encode()).fetchall():
                hint = "name an empty database, or drop what is in this one"
                raise UpkeepError("target-not-empty", "the database holds tables", hint)
            locked = raw.execute("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,)).fetchone()
            if locked != (True,):
                raise UpkeepError("store-in-use", "a server of the exchange writes there", "stop it first")
            for statement in database.creation():
                raw.execute(statement.encode())
            yield raw

    @staticmethod
    def insert(target: psycopg.Connection[Row], table: Table, rows: Iterable[Row]) -> None:
        """Put rows into a table, streamed."""
        with target.cursor() as cursor:
            query = f"COPY {table.name} ({table.column_names}) FROM STDIN (FORMAT BINARY)"
            with cursor.copy(query.encode()) as copy:
                copy.set_types([_TYPES[column.kind] for column in table.columns])
                for row in rows:
                    copy.write_row(row)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UpkeepError("store-failed", f"PostgreSQL failed: {first}", _HINT) from error
