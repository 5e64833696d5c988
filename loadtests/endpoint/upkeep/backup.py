"""Making a backup of an exchange while it serves.

Rule kept here: the store is copied first and as it was at one moment, then the documents that this copy refers to:
what a stored message refers to is never removed, so nothing that the copy needs can be gone.

A backup holds the exchange's private key, and is readable by its owner only. What was accepted after it was made is not
in it: whoever restores it takes the log back to then, and holders of later receipts can prove that.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from loadtests.endpoint.files import sync_folder
from loadtests.endpoint.folder import Folder
from loadtests.endpoint.store.blobs import Blobs
from loadtests.endpoint.upkeep import archive
from loadtests.endpoint.upkeep.archive import OWN, STORE, Line, Listing
from loadtests.endpoint.upkeep.copying import is_server, to_file
from loadtests.endpoint.upkeep.errors import UpkeepError, disk
from loadtests.endpoint.upkeep.findings import silent


def backup(
    folder: Folder,
    store_url: str | Path,
    out: Path,
    made_at: int,
    progress: Callable[[int, int], object] = silent,
) -> Listing:
    """Copy all of an exchange into a new folder; a server may go on writing.

    Args:
        folder: The data directory.
        store_url: The store, as for ``open_store``: a path or ``postgresql://…``; the copy is always a file.
        out: The new folder; it appears under its name when it is whole.
        made_at: The time now, s since the epoch, UTC.
        progress: Told how many of how many files are copied.

    Returns:
        What the backup holds, with what was missing or damaged in the store already.

    Raises:
        UpkeepError: ``target-not-empty``, ``disk-failed``, ``store-failed``.
        FolderError: It is no data directory.
        StoreError: The store cannot be opened.
    """
    folder.authorities()  # says what is missing where this is no exchange's folder
    partial = out.with_name(f"{out.name}.partial")
    for taken in (out, partial):
        if taken.exists():
            raise UpkeepError("target-not-empty", f"there is {taken} already", "name another, or remove it")
    with disk("the backup cannot be written"):
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir(mode=0o700)
        try:
            listing = _filled(folder, store_url, partial, made_at, progress)
            archive.sync_folders(partial)
            archive.write_listing(partial, listing)
            partial.replace(out)
            sync_folder(out.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return listing


def _filled(
    folder: Folder, store_url: str | Path, partial: Path, made_at: int, progress: Callable[[int, int], object]
) -> Listing:
    store_file = partial / STORE
    copied = to_file(store_url, store_file)
    _sync_file(store_file)
    # By its real name: a store that lies in the folder under another name is not copied twice.
    left_out = OWN | {STORE, f"{STORE}-wal", f"{STORE}-shm"} | _own_names(folder, store_url)
    plain = list(archive.plain_files(folder.path, left_out))
    lines = [archive.describe(store_file, STORE)]
    faults: list[str] = []
    blobs = Blobs(folder.blobs_path, folder.incoming_path)
    of = len(plain) + len(copied.files)
    for done, name in enumerate(plain, 1):
        lines.append(archive.copy_file(folder.path / name, partial, name))
        progress(done, of)
    for done, digest in enumerate(copied.files, len(plain) + 1):
        lines += _document(folder, blobs, partial, digest, faults)
        progress(done, of)
    return Listing(made_at, copied.leaves, tuple(faults), tuple(lines))


def _document(
    folder: Folder, blobs: Blobs, partial: Path, digest: bytes, faults: list[str]
) -> Iterator[Line]:
    """Copy one document; a missing or damaged one is told and does not keep the rest from being saved."""
    source = blobs.path(digest)
    try:
        line = archive.copy_file(source, partial, source.relative_to(folder.path).as_posix())
    except FileNotFoundError:
        faults.append(f"the document {digest.hex()} was missing in the store")
        return
    if line.sha256 != digest.hex():
        faults.append(f"the document {digest.hex()} was damaged in the store: its digest is {line.sha256}")
    yield line


def _own_names(folder: Folder, store_url: str | Path) -> frozenset[str]:
    path = Path(store_url)
    if is_server(store_url) or path.parent.absolute() != folder.path.absolute():
        return frozenset()
    return frozenset({path.name, f"{path.name}-wal", f"{path.name}-shm"})


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
