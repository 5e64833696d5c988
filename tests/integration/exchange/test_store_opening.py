"""Opening a store: what cannot be used is named, with a code, before anything is served."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest

from loadtests.endpoint.store import postgres as dialect
from loadtests.endpoint.store.database import Run
from loadtests.endpoint.store.opening import StoreError, open_store
from loadtests.exchange.errors import Refusal
from tests.integration.exchange.databases import Postgres
from tests.unit.loadtests.endpoint.store.groups import OnStore, group_on, key_of

NOBODY = 65534


def code_of(address: str | Path, *, read_only: bool = False) -> str:
    """The code of the error; a hint must be with it."""
    with pytest.raises(StoreError) as caught:
        open_store(address, read_only=read_only).close()
    assert caught.value.hint
    return caught.value.code


def execute(address: str, *statements: str) -> None:
    """Do this to a database, past the store."""
    if address.startswith("postgresql"):
        with psycopg.connect(address, autocommit=True) as operator:
            for statement in statements:
                operator.execute(statement.encode())
        return
    connection = sqlite3.connect(address, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


@contextmanager
def without_rights() -> Iterator[None]:
    """Be a user to whom permissions apply."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own is not."""
    made = Path(mkdtemp(prefix="store-"))
    made.chmod(0o755)
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


def test_a_reader_changes_nothing(database_url: str) -> None:
    """Who opens for reading only sees what another one writes meanwhile, and cannot write."""
    writer = open_store(database_url)
    reader = open_store(database_url, read_only=True)
    group = group_on(writer, 1)
    with pytest.raises(Refusal, match="store-unavailable"):
        reader.commit(group)
    writer.commit(group)
    assert reader.locate() == group.after
    assert reader.find([key_of(1)]) == writer.find([key_of(1)])
    reader.close()
    writer.close()


def test_a_connection_that_reads_cannot_write(database_url: str) -> None:
    """The database itself refuses what a connection for reading would change."""
    store = open_store(database_url)
    OnStore(store).take(1)
    connection = store._readers.take()  # type: ignore[attr-defined]
    with pytest.raises(Refusal, match="store-unavailable"):
        connection.write([Run("DELETE FROM nodes")])
    connection.close()
    assert store.size() == 1
    store.close()


def test_tables_of_a_newer_program_are_left_alone(database_url: str) -> None:
    """A store with a higher version of the tables is not opened, for writing or reading."""
    open_store(database_url).close()
    execute(database_url, "UPDATE meta SET value = '2' WHERE name = 'schema'")
    assert code_of(database_url) == "store-newer"
    assert code_of(database_url, read_only=True) == "store-newer"


def test_a_database_of_something_else_is_left_alone(database_url: str) -> None:
    """Where other tables are, none are made."""
    execute(database_url, "CREATE TABLE invoices (number INTEGER)")
    assert code_of(database_url) == "store-foreign"
    execute(database_url, "DROP TABLE invoices")
    open_store(database_url).close()


def test_a_reader_makes_no_store(database_url: str, tmp_path: Path) -> None:
    """Opening for reading only where nothing is leaves nothing there."""
    assert code_of(database_url, read_only=True) == "store-missing"
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """Any other file, and a folder, are named as no database, and left as they are."""
    file = tmp_path / "letter.txt"
    file.write_bytes(b"no database" * 1000)
    assert code_of(file) == "store-foreign"
    assert code_of(file, read_only=True) == "store-foreign"
    assert code_of(tmp_path) == "store-foreign"
    assert file.read_bytes() == b"no database" * 1000


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """A database whose pages are overwritten is unreadable, with one clear error."""
    file = tmp_path / "store.sqlite3"
    open_store(file).close()
    data = file.read_bytes()
    file.write_bytes(data[:100] + bytes(len(data) - 100))
    assert code_of(file) == "store-unreadable"


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """No folders are made for a mistyped path."""
    assert code_of(tmp_path / "missing" / "store.sqlite3") == "store-missing"
    assert not (tmp_path / "missing").exists()


def test_a_read_only_folder_can_be_read(folder: Path) -> None:
    """In a folder that cannot be written to a store is read, but neither opened for writing nor made."""
    file = folder / "store.sqlite3"
    store = open_store(file)
    receipt = OnStore(store).take(1)
    store.close()
    file.chmod(0o444)
    folder.chmod(0o555)
    with without_rights():
        assert code_of(file) == "store-not-writable"
        assert code_of(folder / "another.sqlite3") == "store-not-writable"
        reader = open_store(file, read_only=True)
        (found,) = reader.find([key_of(1)])
        reader.close()
    assert found is not None
    assert found.receipt == receipt


def test_a_file_without_permission_is_named(folder: Path) -> None:
    """A file that may not be read is unreadable."""
    file = folder / "store.sqlite3"
    open_store(file).close()
    file.chmod(0o000)
    with without_rights():
        assert code_of(file, read_only=True) == "store-unreadable"


def test_two_servers_cannot_write(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of PostgreSQL has one writer at a time; the next one gets in when the first has gone."""
    monkeypatch.setitem(dialect._WRITER_SETTINGS, "lock_timeout", "50ms")
    url = postgres.create()
    first = open_store(url)
    OnStore(first).take(1)
    assert code_of(url) == "store-in-use"
    OnStore(first).take(2)
    first.close()
    second = open_store(url)
    assert second.size() == 2
    second.close()


def test_a_writer_that_lost_its_lock_does_not_write(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who lost its session while another server took over is refused, and changes nothing."""
    monkeypatch.setitem(dialect._WRITER_SETTINGS, "lock_timeout", "50ms")
    url = postgres.create()
    first = open_store(url)
    group = group_on(first, 1)
    lock = "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
    execute(url, lock)
    second = open_store(url)
    with pytest.raises(Refusal, match="store-unavailable"):
        first.commit(group)
    assert second.size() == 0
    second.close()
    first.commit(group)
    first.close()


def test_a_server_that_is_away_is_named(postgres: Postgres) -> None:
    """An address without a server, or a server without the database, is unreachable."""
    url = postgres.create()
    assert code_of(postgres.url("nowhere")) == "store-unreachable"
    postgres.stop()
    assert code_of(url) == "store-unreachable"


@pytest.mark.parametrize("address", ["mysql://host/database", "postgresql://[host/database"])
def test_an_address_of_nothing_is_named(address: str) -> None:
    """What is neither a path nor an address of PostgreSQL is refused before anything is tried."""
    assert code_of(address) == "store-address"


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without psycopg an address of PostgreSQL says what to install; SQLite does not need it."""
    monkeypatch.delitem(sys.modules, "loadtests.endpoint.store.postgres")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError) as caught:
        open_store("postgresql://localhost/database")
    assert caught.value.code == "store-driver-missing"
    assert "congvan[postgres]" in caught.value.hint
