"""The folder of a backup: its files, and the list that says what each of them must be.

Rule kept here: a backup is believed only as far as its list goes, and the list names nothing outside the backup; it is
written last, so that a folder with a list is a whole backup.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Final

from loadtests.endpoint.files import sync_folder, write_whole
from loadtests.endpoint.upkeep.errors import UpkeepError

FORMAT: Final = 1
LIST: Final = "backup.json"
STORE: Final = "store.sqlite3"
OWN: Final = frozenset({"incoming", "lock", "blobs"})
"""What of a data directory is not copied as it is: what is being received, the lock, and documents, of which only
those go into a backup that its store refers to."""
LIST_BYTES_MAX: Final = 1024**3
"""A line of the list has 200 bytes: five million files."""
_CHUNK_BYTES: Final = 1024**2
_PATH: Final = re.compile(r"(?!\.)[^/\\\x00]+(/(?!\.)[^/\\\x00]+)*")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Line:
    """One file: its path in the backup, SHA-256 of its bytes in hexadecimal, and their number."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What a backup holds.

    Args:
        made_at: When it was begun, s since the epoch, UTC.
        leaves: Size of the log in it.
        faults: What was missing or damaged in the store already, in words.
        files: Its files.
    """

    made_at: int
    leaves: int
    faults: tuple[str, ...]
    files: tuple[Line, ...]


def write_listing(folder: Path, listing: Listing) -> None:
    """Put the list into a backup, durably.

    Raises:
        OSError: The disk refuses.
    """
    values = {"format": FORMAT, **asdict(listing)}
    write_whole(folder / LIST, json.dumps(values, ensure_ascii=False, indent=1).encode())


def read_listing(folder: Path) -> Listing:
    """The list of a backup.

    Raises:
        UpkeepError: ``not-a-backup``, ``backup-damaged``, ``backup-newer``.
    """
    path = folder / LIST
    hint = "name a folder that `congvan backup` made"
    try:
        if path.stat().st_size > LIST_BYTES_MAX:
            raise UpkeepError("backup-damaged", f"{path} is too large", hint)
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        raise UpkeepError("not-a-backup", f"found no {LIST} that can be read in {folder}", hint) from None
    try:
        if values["format"] != FORMAT:
            found = f"{folder} has the format {values['format']}, this program knows {FORMAT}"
            raise UpkeepError("backup-newer", found, "use the program that made it, or a newer one")
        files = _lines(values["files"])
        faults = tuple(str(one) for one in values["faults"])
        return Listing(int(values["made_at"]), int(values["leaves"]), faults, files)
    except (KeyError, TypeError, ValueError):
        raise UpkeepError("backup-damaged", f"{path} is not as it was written", "another backup") from None


def _lines(values: Any) -> tuple[Line, ...]:
    files = tuple(_line(one) for one in values)
    paths = {one.path for one in files}
    if STORE not in paths or len(paths) < len(files):
        raise ValueError(STORE)
    return files


def _line(values: Any) -> Line:
    line = Line(str(values["path"]), str(values["sha256"]), int(values["size_bytes"]))
    if not _PATH.fullmatch(line.path) or not _DIGEST.fullmatch(line.sha256):
        raise ValueError(line.path)
    return line


def verify(folder: Path, listing: Listing) -> None:
    """Return if every file of a backup is there and has the digest of its line.

    Raises:
        UpkeepError: ``backup-damaged``.
    """
    for line in listing.files:
        path = folder / line.path
        if path.is_symlink() or not path.is_file():
            raise UpkeepError("backup-damaged", f"{path} is missing", "another backup")
        if describe(path, line.path) != line:
            raise UpkeepError("backup-damaged", f"{path} has another digest or size", "another backup")


def describe(path: Path, name: str) -> Line:
    """The line of a file as it is.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return Line(name, file_digest(file, "sha256").hexdigest(), file.tell())


def copy_file(source: Path, folder: Path, name: str) -> Line:
    """Copy a file, durably, with its permissions; its folders are made.

    Args:
        source: The file.
        folder: Where the copy goes.
        name: Its path there.

    Returns:
        What was copied.

    Raises:
        OSError: A disk refuses.
    """
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size_bytes = sha256(), 0
    with source.open("rb") as read, target.open("xb") as written:
        shutil.copymode(source, target)  # before the first byte: it may be a private key
        while chunk := read.read(_CHUNK_BYTES):
            digest.update(chunk)
            written.write(chunk)
            size_bytes += len(chunk)
        written.flush()
        os.fsync(written.fileno())
    return Line(name, digest.hexdigest(), size_bytes)


def sync_folders(folder: Path) -> None:
    """Make the names in a folder and all below it durable.

    Raises:
        OSError: A disk refuses.
    """
    for inner in folder.rglob("*"):
        if inner.is_dir():
            sync_folder(inner)
    sync_folder(folder)


def plain_files(folder: Path, left_out: frozenset[str]) -> Iterator[str]:
    """The files of a data directory that are copied as they are, by path, hidden ones left out."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if parts[0] not in left_out and not any(part.startswith(".") for part in parts) and path.is_file():
            yield "/".join(parts)
