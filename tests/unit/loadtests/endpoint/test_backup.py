"""A backup that is made while the exchange serves, and what restoring it takes and refuses."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from loadtests.endpoint.folder import Folder, FolderError
from loadtests.endpoint.store.database import StoreError
from loadtests.endpoint.upkeep import archive
from loadtests.endpoint.upkeep.archive import LIST, Listing
from loadtests.endpoint.upkeep.backup import backup
from loadtests.endpoint.upkeep.errors import UpkeepError
from loadtests.endpoint.upkeep.restore import restore
from tests.unit.loadtests.authorities import AT
from tests.unit.loadtests.endpoint.upkept import LARGE, Place, Working, writing


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which something of everything happened; never changed."""
    path = tmp_path_factory.mktemp("kept") / "data"
    Place.made(path)
    return path


@pytest.fixture
def place(kept: Path, tmp_path: Path) -> Place:
    """A copy of it."""
    path = tmp_path / "data"
    shutil.copytree(kept, path)
    return Place.at(path)


def saved(place: Place, out: Path) -> Listing:
    """A backup of it."""
    return backup(place.folder, place.store_url, out, AT)


def code_of(call: Callable[[], object]) -> str:
    """The code with which an operator's mistake is answered."""
    with pytest.raises((UpkeepError, FolderError, StoreError)) as caught:
        call()
    return caught.value.code


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_what_is_restored_is_what_was_saved(place: Place, tmp_path: Path) -> None:
    """Store, documents, trust and the exchange's own files come back, and the check finds nothing wrong."""
    told: list[tuple[int, int]] = []
    listing = backup(place.folder, place.store_url, tmp_path / "out", AT, lambda *step: told.append(step))
    assert (listing.made_at, listing.leaves, listing.faults) == (AT, 9, ())
    assert told[-1][0] == told[-1][1] == len(listing.files) - 1
    restored = restore(tmp_path / "out", tmp_path / "new" / "data")
    assert restored == listing
    again = Place.at(tmp_path / "new" / "data")
    assert again.folder.identity().issuer == place.folder.identity().issuer
    assert again.folder.crls() == place.folder.crls()
    assert again.checked() == place.checked()
    assert again.large_path.read_bytes() == LARGE
    with place.open() as old, again.open() as new:
        assert (old.locate(), old.message_at(0)) == (new.locate(), new.message_at(0))
        Working(new, again.blobs).take(9)  # it goes on where it was
    assert again.checked().is_sound


def test_a_backup_is_readable_by_its_owner_only(place: Place, tmp_path: Path) -> None:
    """It holds the exchange's private key, which keeps its permissions when it is restored as well."""
    saved(place, tmp_path / "out")
    restore(tmp_path / "out", tmp_path / "new")
    for folder in (tmp_path / "out", tmp_path / "new"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "exchange" / "key.pem").stat().st_mode) == 0o600


def test_only_what_belongs_to_it_is_saved(place: Place, tmp_path: Path) -> None:
    """Orphans, what is being received, locks and hidden files are left out; the store is one file."""
    incoming = place.blobs.incoming()
    incoming.write(b"of nobody")
    incoming.keep()
    (place.folder.incoming_path / "half").write_bytes(b"half a document")
    (place.folder.path / "lock").write_bytes(b"")
    (place.folder.trust_path / ".new-1").write_bytes(b"")
    saved(place, tmp_path / "out")
    names = set(files(tmp_path / "out"))
    assert {LIST, "store.sqlite3", "exchange/key.pem", "trust/registry.json"} < names
    assert [name for name in names if name.startswith("blobs/")] == [
        place.large_path.relative_to(place.folder.path).as_posix()
    ]
    assert not [
        name for name in names if name.startswith(("incoming", "lock", "store.sqlite3-")) or "/." in name
    ]


def test_a_backup_can_be_read_where_nothing_can_be_written(place: Place, tmp_path: Path) -> None:
    """The store in it does not need a write-ahead log beside it."""
    saved(place, tmp_path / "out")
    with closing(sqlite3.connect(tmp_path / "out" / "store.sqlite3")) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_backup_while_a_server_writes_is_of_one_moment(place: Place, tmp_path: Path) -> None:
    """Each of several backups taken while messages come in is sound by itself, and the later ones hold more."""
    listings = []
    with writing(place) as wait:
        for number in range(4):
            listings.append(saved(place, tmp_path / f"out-{number}"))
            wait()
    for number, listing in enumerate(listings):
        restore(tmp_path / f"out-{number}", tmp_path / f"new-{number}")
        found = Place.at(tmp_path / f"new-{number}").checked()
        assert (found.faults, found.leaves) == ((), listing.leaves)
    assert listings[-1].leaves > listings[0].leaves >= 9


def test_a_store_outside_the_folder_is_saved_and_restored(tmp_path: Path) -> None:
    """Store and data directory may lie apart, before and after."""
    place = Place.made(tmp_path / "data", str(tmp_path / "apart.sqlite3"))
    saved(place, tmp_path / "out")
    (tmp_path / "other").mkdir()
    restore(tmp_path / "out", tmp_path / "new", tmp_path / "other" / "place.sqlite3")
    assert not (tmp_path / "new" / "store.sqlite3").exists()
    assert Place.at(tmp_path / "new", str(tmp_path / "other" / "place.sqlite3")).checked() == place.checked()


def test_a_store_under_another_name_in_the_folder_is_saved_once(tmp_path: Path) -> None:
    """Neither the file that is written meanwhile nor its log is copied as a plain file."""
    place = Place.made(tmp_path / "data", str(tmp_path / "data" / "mine.db"))
    with place.open():
        saved(place, tmp_path / "out")
    assert not [name for name in files(tmp_path / "out") if name.startswith("mine")]


def test_a_missing_or_damaged_document_is_told_and_the_rest_saved(place: Place, tmp_path: Path) -> None:
    """One bad sector keeps nobody from saving what is left; the list says what was wrong already."""
    place.large_path.write_bytes(LARGE[:-1])
    (fault,) = saved(place, tmp_path / "damaged").faults
    assert "damaged" in fault
    place.large_path.unlink()
    (fault,) = saved(place, tmp_path / "missing").faults
    assert "missing" in fault
    restore(tmp_path / "missing", tmp_path / "new")
    assert Place.at(tmp_path / "new").codes() == ["document-missing"]


def test_nothing_that_is_there_is_overwritten(place: Place, tmp_path: Path) -> None:
    """A backup or a restored folder goes into a new place only, and nothing is begun where one is not."""
    saved(place, tmp_path / "out")
    assert code_of(lambda: saved(place, tmp_path / "out")) == "target-not-empty"
    assert code_of(lambda: restore(tmp_path / "out", place.folder.path)) == "target-not-empty"
    (tmp_path / "half.partial").mkdir()
    assert code_of(lambda: saved(place, tmp_path / "half")) == "target-not-empty"
    assert code_of(lambda: restore(tmp_path / "out", tmp_path / "half")) == "target-not-empty"
    for left in ("there.db", "gone.db-wal", "gone.db-journal"):
        (tmp_path / left).write_bytes(b"")
        target = tmp_path / left.partition("-")[0]
        found = code_of(lambda target=target: restore(tmp_path / "out", tmp_path / "new", target))  # type: ignore[misc]
        assert found == "target-not-empty", left
    assert not (tmp_path / "new").exists()


def test_an_empty_folder_that_is_there_is_filled(place: Place, tmp_path: Path) -> None:
    """An operator may have made it beforehand."""
    saved(place, tmp_path / "out")
    (tmp_path / "new").mkdir()
    restore(tmp_path / "out", tmp_path / "new")
    assert Place.at(tmp_path / "new").checked().is_sound


def _changed(folder: Path) -> None:
    path = folder / "trust" / "registry.json"
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))


def _link(folder: Path) -> None:
    path = folder / "trust" / "registry.json"
    path.rename(folder.parent / "elsewhere")
    path.symlink_to(folder.parent / "elsewhere")


def _list(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        values = json.loads((folder / LIST).read_bytes())
        change(values)
        (folder / LIST).write_text(json.dumps(values))

    return changed


def _first(**changes: object) -> Callable[[dict[str, object]], object]:
    def change(values: dict[str, object]) -> None:
        lines = values["files"]
        assert isinstance(lines, list)
        lines[0].update(changes)

    return change


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda folder: (folder / LIST).unlink(), "not-a-backup"),
        (lambda folder: (folder / LIST).write_bytes(b"{"), "not-a-backup"),
        (lambda folder: (folder / LIST).write_bytes(b"[]"), "backup-damaged"),
        (_list(lambda values: values.pop("files")), "backup-damaged"),
        (_list(lambda values: values.update(format=2)), "backup-newer"),
        (_list(_first(path="../evil")), "backup-damaged"),
        (_list(_first(path="/etc/passwd")), "backup-damaged"),
        (_list(_first(path="trust/registry.json")), "backup-damaged"),
        (_list(_first(sha256="00")), "backup-damaged"),
        (_list(_first(size_bytes=1)), "backup-damaged"),
        (_changed, "backup-damaged"),
        (_link, "backup-damaged"),
        (lambda folder: (folder / "exchange" / "key.pem").unlink(), "backup-damaged"),
        (lambda folder: (folder / "store.sqlite3").write_bytes(b"x"), "backup-damaged"),
    ],
)
def test_a_damaged_backup_is_not_restored(
    place: Place, tmp_path: Path, damage: Callable[[Path], None], code: str
) -> None:
    """Every file must be as the list says, and the list leads nowhere else; nothing is written otherwise."""
    saved(place, tmp_path / "out")
    damage(tmp_path / "out")
    assert code_of(lambda: restore(tmp_path / "out", tmp_path / "new")) == code
    assert not list(tmp_path.glob("new*"))


def test_what_is_no_exchange_is_not_saved(place: Place, tmp_path: Path) -> None:
    """A wrong folder, a missing store and a file that is no store are told before anything is made."""
    out = tmp_path / "out"
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "text").write_bytes(b"no database, but long enough to be looked at" * 100)
    assert code_of(lambda: backup(Folder(empty), place.store_url, out, AT)) == "file-missing"
    assert code_of(lambda: backup(place.folder, tmp_path / "gone", out, AT)) == "store-missing"
    assert code_of(lambda: backup(place.folder, tmp_path / "text", out, AT)) == "store-foreign"
    assert not list(tmp_path.glob("out*"))


def test_a_failing_disk_is_told_and_leaves_nothing(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file cannot be written, one line says which, and what was begun is removed."""
    saved(place, tmp_path / "out")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(archive, "copy_file", full)
    assert code_of(lambda: saved(place, tmp_path / "more")) == "disk-failed"
    assert code_of(lambda: restore(tmp_path / "out", tmp_path / "new")) == "disk-failed"
    assert not [*tmp_path.glob("more*"), *tmp_path.glob("new*")]
