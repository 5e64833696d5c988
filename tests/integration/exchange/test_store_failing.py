"""A store whose database fails: a clear refusal, nothing half done, and work goes on when it is back."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from loadtests.endpoint.store.base import Store
from loadtests.endpoint.store.opening import open_store
from loadtests.exchange.errors import Refusal
from loadtests.exchange.records import Group, Item, Message
from tests.integration.exchange.databases import Postgres
from tests.unit.loadtests.endpoint.store.groups import (
    OnStore,
    entry_key,
    group_of,
    group_on,
    key_of,
    messages,
)

FILES = ("store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm")


def code_of(ask: Callable[[], object]) -> str:
    """The code of a refusal."""
    with pytest.raises(Refusal) as caught:
        ask()
    return caught.value.code


@pytest.fixture
def url(postgres: Postgres) -> str:
    """A new database of PostgreSQL."""
    return postgres.create()


@pytest.fixture
def on_postgres(url: str) -> Iterator[Store]:
    """A store there."""
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a store in SQLite is."""
    return tmp_path / FILES[0]


@pytest.fixture
def on_sqlite(file: Path) -> Iterator[Store]:
    """A store there."""
    store = open_store(file)
    yield store
    store.close()


def test_a_stopped_server_is_waited_for(on_postgres: Store, postgres: Postgres) -> None:
    """While PostgreSQL is away reads and writes are refused; when it is back, the first of each succeeds."""
    exchange = OnStore(on_postgres)
    exchange.take(1)
    group = group_on(on_postgres, 2)
    postgres.stop()
    assert code_of(on_postgres.size) == "store-unavailable"
    assert code_of(lambda: on_postgres.find([key_of(1)])) == "store-unavailable"
    assert code_of(on_postgres.locate) == "store-unavailable"
    assert code_of(lambda: on_postgres.commit(group)) == "store-unavailable"
    postgres.start()
    on_postgres.commit(group)
    assert on_postgres.locate() == group.after
    assert None not in on_postgres.find([key_of(1), key_of(2)])


LATE = """
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION late();
"""
"""Every commit takes a second more, and its session does not notice meanwhile that nobody waits for it."""


def _cut(descriptor: int) -> None:
    """Lose a connection as a network loses it: neither side lets go of it."""
    with socket.socket(fileno=os.dup(descriptor)) as line:
        line.shutdown(socket.SHUT_RDWR)


def test_a_commit_whose_session_was_lost_is_waited_for(on_postgres: Store, url: str) -> None:
    """While a commit may still arrive nobody is told that its message is not there; then it is there."""
    with psycopg.connect(url, autocommit=True) as operator:
        operator.execute(LATE)
    group = group_on(on_postgres, 1)
    assert on_postgres.settle()
    descriptor = cast("Any", on_postgres)._connection._raw.fileno()
    cut = threading.Timer(0.3, _cut, (descriptor,))
    cut.start()
    assert code_of(lambda: on_postgres.commit(group)) == "store-unavailable"
    cut.join()
    assert code_of(lambda: on_postgres.find([key_of(1)])) == "store-unavailable"
    assert code_of(lambda: on_postgres.standing(entry_key(1))) == "store-unavailable"
    assert on_postgres.size() in {0, 1}  # what says nothing about a message may be asked
    assert on_postgres.settle()
    assert None not in on_postgres.find([key_of(1)])
    assert on_postgres.locate() == group.after


def test_a_lost_commit_stays_unknown_as_long_as_the_database_is_away(
    on_postgres: Store, postgres: Postgres, url: str
) -> None:
    """Finding out fails without harm, and succeeds when the database is back."""
    with psycopg.connect(url, autocommit=True) as operator:
        operator.execute(LATE)
    group = group_on(on_postgres, 1)
    crash = threading.Timer(0.3, postgres.kill)
    crash.start()
    assert code_of(lambda: on_postgres.commit(group)) == "store-unavailable"
    crash.join()
    assert not on_postgres.settle()
    postgres.start()
    assert code_of(lambda: on_postgres.find([key_of(1)])) == "store-unavailable"
    assert on_postgres.settle()
    assert on_postgres.find([key_of(1)]) == (None,)


def test_idle_sessions_that_were_ended_harm_nobody(on_postgres: Store, url: str) -> None:
    """Sessions that the server ended while nobody used them are replaced before the next question."""
    OnStore(on_postgres).take(1)
    group = group_on(on_postgres, 2)
    with psycopg.connect(url, autocommit=True) as operator:
        ended = operator.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert len(ended) >= 2
    on_postgres.commit(group)
    assert on_postgres.size() == 2


def test_a_server_that_crashes_leaves_whole_groups(on_postgres: Store, postgres: Postgres) -> None:
    """Whatever PostgreSQL was doing when it crashed, the log holds whole groups, and all that were acknowledged."""
    size = 4
    parts = [messages(on_postgres, *range(first, first + size)) for first in range(0, 20 * size, size)]
    acknowledged: list[Item] = []
    codes: set[str] = set()
    started = threading.Event()

    def commit_all() -> None:
        for items in parts:
            try:
                on_postgres.commit(group_of(items, on_postgres.locate()))
            except Refusal as refusal:
                codes.add(refusal.code)
            else:
                acknowledged.extend(items)
                started.set()

    writer = threading.Thread(target=commit_all)
    writer.start()
    assert started.wait(30)
    postgres.kill()
    postgres.start()
    writer.join()
    assert codes <= {"store-unavailable"}
    assert on_postgres.settle()
    assert on_postgres.size() % size == 0
    assert on_postgres.size() >= len(acknowledged) >= size
    assert None not in on_postgres.find([item.key for item in acknowledged if isinstance(item, Message)])
    stored = sum(found is not None for found in on_postgres.find([key_of(n) for n in range(20 * size)]))
    assert stored == on_postgres.size()
    assert on_postgres.locate().size == stored


def test_a_full_disk_of_postgresql_is_named(on_postgres: Store, url: str) -> None:
    """Where the server has no room, the group is refused with ``store-full``, and stored once there is some."""
    group = group_on(on_postgres, 1, 2)
    with psycopg.connect(url, autocommit=True) as operator:
        operator.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$"
        )
        operator.execute("CREATE TRIGGER full_disk BEFORE INSERT ON inbox EXECUTE FUNCTION full_disk()")
        assert code_of(lambda: on_postgres.commit(group)) == "store-full"
        assert on_postgres.size() == 0
        operator.execute("DROP TRIGGER full_disk ON inbox")
    on_postgres.commit(group)


def test_a_full_disk_of_sqlite_is_named(on_sqlite: Store) -> None:
    """Where the file cannot grow, the group is refused with ``store-full``, and stored once there is room."""
    group = group_of(messages(on_sqlite, *range(40)), on_sqlite.locate())
    raw = on_sqlite._writer()._raw  # type: ignore[attr-defined] # only the connection that writes has the limit
    ((pages,),) = raw.execute("PRAGMA page_count").fetchall()
    raw.execute(f"PRAGMA max_page_count = {pages + 2}")
    assert code_of(lambda: on_sqlite.commit(group)) == "store-full"
    assert on_sqlite.size() == 0
    on_sqlite.commit(group)  # by a new connection, which has no such limit
    assert on_sqlite.size() == 40


def test_a_file_that_was_taken_away_is_missed(on_sqlite: Store, file: Path, tmp_path: Path) -> None:
    """Nothing is written to a file that has lost its name; put back, it goes on with all that was acknowledged."""
    OnStore(on_sqlite).take(1)
    group = group_on(on_sqlite, 2)
    away = tmp_path / "away"
    away.mkdir()
    for name in FILES:
        (tmp_path / name).rename(away / name)
    assert code_of(lambda: on_sqlite.commit(group)) == "store-unavailable"
    assert code_of(on_sqlite.size) == "store-unavailable"
    assert not file.exists()
    for name in FILES:
        if (away / name).exists():
            (away / name).rename(tmp_path / name)
    on_sqlite.commit(group)
    assert on_sqlite.size() == 2
    assert None not in on_sqlite.find([key_of(1), key_of(2)])


def test_a_store_that_is_locked_is_unavailable(
    on_sqlite: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group is refused while another program holds the file, and stored when it lets go."""
    monkeypatch.setattr("loadtests.endpoint.store.sqlite.BUSY_S", 0.05)
    on_sqlite.close()
    store: Store = open_store(file)
    group: Group = group_on(store, 1)
    other = sqlite3.connect(file, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert code_of(lambda: store.commit(group)) == "store-unavailable"
        assert store.size() == 0
        other.execute("ROLLBACK")
        store.commit(group)
    finally:
        other.close()
        store.close()
