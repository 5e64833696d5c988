"""Check, backup and restore over each database, and from one into the other."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest

from loadtests.endpoint.store.database import StoreError
from loadtests.endpoint.upkeep import copying
from loadtests.endpoint.upkeep.backup import backup
from loadtests.endpoint.upkeep.errors import UpkeepError
from loadtests.endpoint.upkeep.fsck import check_held
from loadtests.endpoint.upkeep.restore import restore
from tests.integration.exchange.databases import Postgres
from tests.unit.loadtests.authorities import AT
from tests.unit.loadtests.endpoint.upkept import Place, Working, writing
from tests.unit.loadtests.exchanges import ISSUER


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    """A data directory whose store is in this database."""
    return Place.made(tmp_path / "data", database_url)


def test_a_sound_store_is_found_sound(place: Place) -> None:
    """The check says the same of a store in either database, and of the receipts that it gave out."""
    found = place.checked()
    assert (found.faults, found.leaves, found.documents) == ((), 9, 4)
    with place.open(read_only=True) as store:
        assert check_held(place.receipts, store, place.blobs, ISSUER).is_sound


def test_a_backup_is_restored_into_a_file(place: Place, tmp_path: Path) -> None:
    """Whatever the database, a backup becomes an exchange with a store in its folder."""
    backup(place.folder, place.store_url, tmp_path / "out", AT)
    restore(tmp_path / "out", tmp_path / "new")
    assert Place.at(tmp_path / "new").checked() == place.checked()


def test_a_backup_is_restored_into_postgresql(place: Place, tmp_path: Path, postgres: Postgres) -> None:
    """Whatever the database, a backup becomes an exchange in PostgreSQL, which goes on where it was."""
    backup(place.folder, place.store_url, tmp_path / "out", AT)
    url = postgres.create()
    restore(tmp_path / "out", tmp_path / "new", url)
    assert not (tmp_path / "new" / "store.sqlite3").exists()
    again = Place.at(tmp_path / "new", url)
    assert again.checked() == place.checked()
    with again.open() as store:
        Working(store, again.blobs).take(50)
    assert again.checked().is_sound


def test_a_backup_while_a_server_writes_is_of_one_moment(place: Place, tmp_path: Path) -> None:
    """All tables are copied as of one moment, whatever is committed meanwhile."""
    with writing(place) as wait:
        for number in range(3):
            backup(place.folder, place.store_url, tmp_path / f"out-{number}", AT)
            wait()
    leaves = []
    for number in range(3):
        restore(tmp_path / f"out-{number}", tmp_path / f"new-{number}")
        found = Place.at(tmp_path / f"new-{number}").checked()
        assert found.faults == ()
        leaves.append(found.leaves)
    assert leaves[-1] > 9


def test_a_database_that_is_not_empty_is_left_alone(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables of a store, or of anything else, are never written into; a failed restore leaves no table."""
    place = Place.made(tmp_path / "data", postgres.create())
    backup(place.folder, place.store_url, tmp_path / "out", AT)
    other, fresh = postgres.create(), postgres.create()
    with psycopg.connect(other) as raw:
        raw.execute("CREATE TABLE something (id int)")
    for url in (place.store_url, other):
        with pytest.raises(UpkeepError) as caught:
            restore(tmp_path / "out", tmp_path / "new", url)
        assert caught.value.code == "target-not-empty"

    def broken(*_: object) -> object:
        raise sqlite3.DatabaseError("database disk image is malformed")

    with monkeypatch.context() as patched:
        patched.setattr(copying, "_rows", broken)
        with pytest.raises(UpkeepError) as caught:
            restore(tmp_path / "out", tmp_path / "new", fresh)
    assert caught.value.code == "store-failed"
    assert not list(tmp_path.glob("new*"))
    restore(tmp_path / "out", tmp_path / "new", fresh)
    assert Place.at(tmp_path / "new", fresh).checked() == place.checked()


def test_a_server_that_is_gone_is_told(tmp_path: Path, postgres: Postgres) -> None:
    """An address that leads nowhere is one line, for backup and restore."""
    place = Place.made(tmp_path / "data", postgres.create())
    backup(place.folder, place.store_url, tmp_path / "out", AT)
    nowhere = postgres.url("no_such_database")
    with pytest.raises(StoreError) as caught:
        backup(place.folder, nowhere, tmp_path / "more", AT)
    assert caught.value.code == "store-unreachable"
    with pytest.raises(StoreError) as caught:
        restore(tmp_path / "out", tmp_path / "new", nowhere)
    assert caught.value.code == "store-unreachable"
    assert not [*tmp_path.glob("more*"), *tmp_path.glob("new*")]
