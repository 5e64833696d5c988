"""Opening a store by its address.

Rule kept here: what cannot be opened is a ``StoreError`` with what to do about it, before anything is served.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loadtests.endpoint.store.base import Store
from loadtests.endpoint.store.database import Database, StoreError
from loadtests.endpoint.store.sql import SqlStore
from loadtests.endpoint.store.sqlite import SqliteDatabase
from loadtests.exchange.errors import Refusal

if TYPE_CHECKING:
    from loadtests.endpoint.store.postgres import PostgresDatabase

__all__ = ["StoreError", "open_store"]


def open_store(url_or_path: str | Path, *, read_only: bool = False) -> Store:
    """Open a store, and make it where there is none yet.

    Args:
        url_or_path: ``postgresql://…`` with an existing database, or the path of an SQLite file.
        read_only: True for whoever only looks (``fsck``, a backup): nothing is made, nothing can be written, and a
            server may be writing at the same time.

    Raises:
        StoreError: ``store-address`` (neither a path nor such a URL), ``store-driver-missing``,
            ``store-unreachable``, ``store-missing``, ``store-unreadable``, ``store-not-writable``, ``store-foreign``
            (not a database, or one of something else), ``store-newer``, ``store-in-use`` (PostgreSQL: another
            server writes there).
    """
    try:
        return SqlStore(_database(url_or_path, read_only), read_only=read_only)
    except Refusal as refusal:  # the database failed between being reached and being ready
        raise StoreError(
            "store-unreadable", refusal.message, "try again; look into the log of the database"
        ) from refusal


def _database(url_or_path: str | Path, read_only: bool) -> Database:
    text = str(url_or_path)
    scheme, separator, _ = text.partition("://")
    if not separator or isinstance(url_or_path, Path):
        file = SqliteDatabase(Path(url_or_path), read_only=read_only)
        file.prepare()
        return file
    if scheme not in {"postgresql", "postgres"}:
        raise StoreError("store-address", f"found {scheme}://…", "postgresql://… or the path of a file")
    server = _postgres(text)
    server.prepare()
    return server


def _postgres(url: str) -> PostgresDatabase:
    try:
        from loadtests.endpoint.store.postgres import PostgresDatabase  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        message = "PostgreSQL needs psycopg, which is not installed or finds no libpq"
        raise StoreError("store-driver-missing", message, "pip install 'congvan[postgres]'") from error
    return PostgresDatabase(url)
