"""Large documents as files, named by what is in them.

Rule kept here: a file under its digest is complete and synced, its name too, before anybody can refer to it; what is
not referred to goes only after whoever put it there had time to.

One process takes documents in; any other may read.
"""

from __future__ import annotations

import errno
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from loadtests.exchange.errors import Refusal

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FOLDER_NAME: Final = re.compile(r"[0-9a-f]{2}")
_NAME: Final = re.compile(r"[0-9a-f]{62}")


class Blobs:
    """A folder of files.

    Args:
        folder: Where they stay; made if it is missing.
        incoming: Where they are written first, on the same file system; made if it is missing. What an earlier
            process left there goes when the first document comes.
        monotonic: A clock that never jumps, s.

    Raises:
        Refusal: ``store-unavailable``, ``store-full``: the folders cannot be made.
    """

    def __init__(self, folder: Path, incoming: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._incoming = incoming
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._cleared = False
        self._kept_at: dict[bytes, float] = {}
        self._durable: set[Path] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            incoming.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refusal(error) from error

    def incoming(self) -> Incoming:
        """A new file, to be written.

        Raises:
            Refusal: ``store-unavailable``, ``store-full``.
        """
        try:
            with self._lock:
                self._clear_once()
            descriptor, name = mkstemp(dir=self._incoming)
        except OSError as error:
            raise _refusal(error) from error
        return Incoming(self, descriptor, Path(name))

    def path(self, digest: bytes) -> Path:
        """Where the file with this SHA-256 is, if it is there."""
        name = digest.hex()
        return self._folder / name[:2] / name[2:]

    def orphans(self, is_referenced: Callable[[bytes], bool]) -> Iterator[Path]:
        """The files that nothing refers to now; some of them may belong to a commit that is on its way.

        Args:
            is_referenced: What the store says of a digest.
        """
        for digest, path in self._files():
            if not is_referenced(digest):
                yield path

    def collect(self, is_referenced: Callable[[bytes], bool], older_than_s: float, now: float) -> int:
        """Remove the files that nothing refers to, unless they are young.

        Args:
            is_referenced: What the store says of a digest.
            older_than_s: Longer than any commit may take, s; by the files' time, and for those that this process
                put there or found there for a new message also by the monotonic clock, so that no jump of the other
                makes them old.
            now: s since the epoch.

        Returns:
            How many were removed.

        Raises:
            Refusal: ``store-unavailable``: what is referred to cannot be told, or a file cannot be removed.
        """
        with self._lock:
            earliest = self._monotonic() - older_than_s
            self._kept_at = {digest: at for digest, at in self._kept_at.items() if at > earliest}
        removed = 0
        for digest, path in self._files():
            # First the age, then the question: what is old now was committed before, or never will be.
            if not _is_young(path, now - older_than_s) and not is_referenced(digest):
                removed += self._remove(digest, path)
        return removed

    def keep(self, source: Path, digest: bytes, size_bytes: int) -> None:
        """Give a written and synced file its name; an equal one that is there already serves as well."""
        target = self.path(digest)
        with self._lock:
            self._make_durable(target.parent)
            self._kept_at[digest] = self._monotonic()
            if _size_bytes(target) == size_bytes:
                source.unlink()
            else:  # there is none, or the disk has damaged it
                source.replace(target)
        # Also where it was there: whoever put it there may not have come to this line.
        _sync_folder(target.parent)

    def _make_durable(self, folder: Path) -> None:
        """Make a folder of documents; once in every process, as one that was killed may not have synced it."""
        if folder not in self._durable:
            folder.mkdir(exist_ok=True)
            _sync_folder(self._folder)
            self._durable.add(folder)

    def _remove(self, digest: bytes, path: Path) -> bool:
        try:
            with self._lock:
                if digest in self._kept_at:  # it is young, whatever the time of day has become
                    return False
                path.unlink()
        except OSError as error:
            raise _refusal(error) from error
        return True

    def _clear_once(self) -> None:
        if not self._cleared:
            for path in self._incoming.iterdir():
                path.unlink()
            self._cleared = True

    def _files(self) -> Iterator[tuple[bytes, Path]]:
        try:
            for folder in sorted(self._folder.iterdir()):
                if _FOLDER_NAME.fullmatch(folder.name):
                    for path in sorted(folder.iterdir()):
                        if _NAME.fullmatch(path.name):
                            yield bytes.fromhex(folder.name + path.name), path
        except OSError as error:
            raise _refusal(error) from error


class Incoming:
    """A document that is being received; used by one thread at a time, and kept or discarded in the end.

    Args:
        blobs: Where it will stay.
        descriptor: Of the open file.
        path: Of the file.
    """

    def __init__(self, blobs: Blobs, descriptor: int, path: Path) -> None:
        self._blobs = blobs
        self._descriptor: int | None = descriptor
        self._path = path
        self._hash = sha256()
        self._size_bytes = 0

    @property
    def sha256(self) -> bytes:
        """SHA-256 of what was written so far, 32 bytes."""
        return self._hash.digest()

    @property
    def size_bytes(self) -> int:
        """How much was written so far."""
        return self._size_bytes

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append some bytes.

        Raises:
            Refusal: ``store-unavailable``, ``store-full``; discard it then.
        """
        assert self._descriptor is not None, "kept or discarded before"
        self._hash.update(data)
        left = memoryview(data)
        self._size_bytes += left.nbytes
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise _refusal(error) from error

    def keep(self) -> Path:
        """Sync it and give it its name, durably; where that fails it is gone.

        Returns:
            Where it is now.

        Raises:
            Refusal: ``store-unavailable``, ``store-full``.
        """
        assert self._descriptor is not None, "kept or discarded before"
        digest = self.sha256
        try:
            os.fsync(self._descriptor)
            self._close()
            self._blobs.keep(self._path, digest, self._size_bytes)
        except OSError as error:
            self.discard()
            raise _refusal(error) from error
        return self._blobs.path(digest)

    def discard(self) -> None:
        """Let go of it, unless it was kept; may be called at any time, and never raises."""
        with suppress(OSError):
            self._close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size_bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _is_young(path: Path, since: float) -> bool:
    try:
        return path.stat().st_mtime >= since
    except OSError as error:
        raise _refusal(error) from error


def _refusal(error: OSError) -> Refusal:
    if error.errno in _FULL:
        return Refusal("store-full", "the disk of the documents is full", "the operator must make room")
    found = f"a document cannot be stored: {errno.errorcode.get(error.errno or 0, 'unknown')}"
    return Refusal("store-unavailable", found, "try again later")
