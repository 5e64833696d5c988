"""Documents as files: complete and synced before they have a name, and collected only when nobody needs them."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from loadtests.endpoint.store.blobs import Blobs, Incoming
from loadtests.exchange.errors import Refusal

BODY = b"a document" * 1000
DIGEST = sha256(BODY).digest()
HOUR_S = 3600.0


class Clock:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """The time, s."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """The clock of ``blobs``."""
    return Clock()


@pytest.fixture
def blobs(tmp_path: Path, clock: Clock) -> Blobs:
    """An empty folder of documents."""
    return Blobs(tmp_path / "blobs", tmp_path / "incoming", clock)


def written(blobs: Blobs, body: bytes = BODY) -> Incoming:
    """A document that came completely."""
    incoming = blobs.incoming()
    for first in range(0, len(body), 4096):
        incoming.write(body[first : first + 4096])
    return incoming


def received(tmp_path: Path) -> list[Path]:
    """What is in the folder of what comes."""
    return list((tmp_path / "incoming").iterdir())


def nothing(_digest: bytes) -> bool:
    """A store that refers to no file."""
    return False


def fails_with(number: int) -> Callable[..., None]:
    """A call of the system that fails."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_kept_document_stands_under_its_digest(blobs: Blobs, tmp_path: Path) -> None:
    """What was written is hashed on the way, and stands under its digest in two levels."""
    incoming = written(blobs)
    assert (incoming.sha256, incoming.size_bytes) == (DIGEST, len(BODY))
    path = incoming.keep()
    name = DIGEST.hex()
    assert path == blobs.path(DIGEST) == tmp_path / "blobs" / name[:2] / name[2:]
    assert path.read_bytes() == BODY
    assert received(tmp_path) == []


def test_files_are_synced_before_they_are_named(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the file is synced, then the folders with its name; a file that was there has its folder synced too."""
    synced: list[tuple[int, bool]] = []
    sync = os.fsync

    def record(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, blobs.path(DIGEST).exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    first, folder = written(blobs), blobs.path(DIGEST).parent
    (incoming,) = received(tmp_path)
    file, top = incoming.stat().st_ino, (tmp_path / "blobs").stat().st_ino
    first.keep()
    below = folder.stat().st_ino
    assert synced == [(file, False), (top, False), (below, True)]
    synced.clear()
    written(blobs).keep()
    assert [number for number, _ in synced[1:]] == [below]
    synced.clear()
    written(
        Blobs(tmp_path / "blobs", tmp_path / "incoming")
    ).keep()  # one before may have been killed half-way
    assert [number for number, _ in synced[1:]] == [top, below]


def test_an_equal_document_is_kept_once(blobs: Blobs, tmp_path: Path) -> None:
    """The same bytes again use the file that is there."""
    path = written(blobs).keep()
    number = path.stat().st_ino
    assert written(blobs).keep() == path
    assert path.stat().st_ino == number
    assert received(tmp_path) == []


def test_a_damaged_file_is_replaced(blobs: Blobs) -> None:
    """A file that has not the size of what has its digest gives way to the good one."""
    path = written(blobs).keep()
    path.write_bytes(BODY[:-1])
    written(blobs).keep()
    assert path.read_bytes() == BODY


def test_a_discarded_document_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    """Discarded is gone, also twice; after keeping it does nothing."""
    incoming = written(blobs)
    incoming.discard()
    incoming.discard()
    assert received(tmp_path) == []
    kept = written(blobs)
    kept.keep()
    kept.discard()
    assert blobs.path(DIGEST).read_bytes() == BODY


def test_leftovers_go_when_the_first_document_comes(tmp_path: Path) -> None:
    """What a killed server left half received goes, but not through someone who only reads."""
    written(Blobs(tmp_path / "blobs", tmp_path / "incoming"))
    again = Blobs(tmp_path / "blobs", tmp_path / "incoming")
    assert list(again.orphans(nothing)) == []
    assert len(received(tmp_path)) == 1
    first = again.incoming()
    assert len(received(tmp_path)) == 1
    second = again.incoming()
    assert len(received(tmp_path)) == 2
    first.discard()
    second.discard()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "store-full"),
        (errno.EDQUOT, "store-full"),
        (errno.EIO, "store-unavailable"),
        (errno.EROFS, "store-unavailable"),
    ],
)
@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_disk_that_fails_is_named(
    call: str, number: int, code: str, blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full or broken disk is a refusal that can be tried again, and nothing has the name of the document."""
    incoming = written(blobs)
    if call == "replace":
        monkeypatch.setattr(Path, call, fails_with(number))
    else:
        monkeypatch.setattr(os, call, fails_with(number))
    with pytest.raises(Refusal) as caught:
        incoming.write(b"more") if call == "write" else incoming.keep()
    monkeypatch.undo()
    assert caught.value.code == code
    incoming.discard()
    assert received(tmp_path) == []
    assert not blobs.path(DIGEST).exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Where a file stands in the place of a folder, the documents are unavailable."""
    (tmp_path / "blobs").write_bytes(b"")
    with pytest.raises(Refusal, match="store-unavailable"):
        Blobs(tmp_path / "blobs", tmp_path / "incoming")


def test_orphans_are_what_nothing_refers_to(blobs: Blobs) -> None:
    """Files of stored messages are no orphans, and what is no document is not touched."""
    path = written(blobs).keep()
    other = written(blobs, b"another").keep()
    (path.parent / "README").write_bytes(b"")
    assert list(blobs.orphans(lambda digest: digest == DIGEST)) == [other]


def test_old_orphans_are_collected(blobs: Blobs, clock: Clock) -> None:
    """An orphan goes when it is old by both clocks; what is referred to stays."""
    kept, orphan = written(blobs).keep(), written(blobs, b"another").keep()
    now = time.time()
    assert blobs.collect(lambda digest: digest == DIGEST, HOUR_S, now) == 0
    clock.now_s += HOUR_S + 1
    assert blobs.collect(lambda digest: digest == DIGEST, HOUR_S, now) == 0  # its own time is not old
    assert blobs.collect(lambda digest: digest == DIGEST, HOUR_S, now + HOUR_S + 1) == 1
    assert kept.exists()
    assert not orphan.exists()


def test_a_jump_of_the_clock_makes_nothing_old(blobs: Blobs) -> None:
    """A document whose commit is on its way stays, whatever the time of day has become."""
    path = written(blobs).keep()
    assert blobs.collect(nothing, HOUR_S, time.time() + 10 * HOUR_S) == 0
    assert path.exists()


def test_an_old_file_that_is_used_again_is_young(tmp_path: Path) -> None:
    """An orphan of an earlier process that a new message has just found is not collected under its hands."""
    written(Blobs(tmp_path / "blobs", tmp_path / "incoming")).keep()
    later = Blobs(tmp_path / "blobs", tmp_path / "incoming")
    path = written(later).keep()
    assert later.collect(nothing, HOUR_S, time.time() + 10 * HOUR_S) == 0
    assert path.exists()
    third = Blobs(tmp_path / "blobs", tmp_path / "incoming")
    assert third.collect(nothing, HOUR_S, time.time() + 10 * HOUR_S) == 1


def test_a_document_that_comes_while_it_is_collected_stays(blobs: Blobs, clock: Clock) -> None:
    """A new message that finds the file after the store was asked keeps it."""
    path = written(blobs).keep()
    clock.now_s += HOUR_S + 1

    def asked(_digest: bytes) -> bool:
        written(blobs).keep()
        return False

    assert blobs.collect(asked, HOUR_S, time.time() + HOUR_S + 1) == 0
    assert path.exists()


def test_a_store_that_cannot_be_asked_collects_nothing(blobs: Blobs, clock: Clock) -> None:
    """Where nobody knows what is referred to, nothing is removed."""
    path = written(blobs).keep()
    clock.now_s += HOUR_S + 1

    def away(_digest: bytes) -> bool:
        raise Refusal("store-unavailable", "the database is away")

    with pytest.raises(Refusal, match="store-unavailable"):
        blobs.collect(away, HOUR_S, time.time() + HOUR_S + 1)
    assert path.exists()
