"""Restoring a backup into a place where nothing is.

Rule kept here: every digest is verified before anything is written, nothing that is there is ever overwritten, and the
data directory appears when all of it, the store too, is in place.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from loadtests.endpoint.files import sync_folder
from loadtests.endpoint.upkeep import archive
from loadtests.endpoint.upkeep.archive import STORE, Listing
from loadtests.endpoint.upkeep.copying import from_file, is_server
from loadtests.endpoint.upkeep.errors import UpkeepError, disk
from loadtests.endpoint.upkeep.findings import silent


def restore(
    backup: Path,
    folder: Path,
    store_url: str | Path | None = None,
    progress: Callable[[int, int], object] = silent,
) -> Listing:
    """Put a backup in place as a data directory and a store.

    Args:
        backup: The folder that ``backup`` made.
        folder: The data directory to be; it is missing or empty.
        store_url: Where the store goes: None for a file in the data directory, the path of a file that is not there,
            or ``postgresql://…`` with an empty database.
        progress: Told how many of how many files are in place.

    Returns:
        What was restored.

    Raises:
        UpkeepError: ``not-a-backup``, ``backup-newer``, ``backup-damaged``, ``target-not-empty``, ``store-in-use``,
            ``store-failed``, ``disk-failed``.
        StoreError: The database cannot be reached.
    """
    with disk("the backup cannot be read"):
        listing = archive.read_listing(backup)
        archive.verify(backup, listing)
    partial = folder.with_name(f"{folder.name}.partial")
    _require_free(folder, partial, store_url)
    with disk("the backup cannot be restored"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir(mode=0o700)
        try:
            _fill(backup, listing, partial, progress)
            archive.sync_folders(partial)
            _place_store(partial / STORE, folder, store_url)
            partial.replace(folder)
            sync_folder(folder.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return listing


def _require_free(folder: Path, partial: Path, store_url: str | Path | None) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UpkeepError("target-not-empty", f"{folder} is not empty", "name a folder that is not there")
    if partial.exists():
        found = f"there is {partial}, of an earlier attempt"
        raise UpkeepError("target-not-empty", found, "look at it, and remove it")
    if store_url is None or is_server(store_url):
        return
    # SQLite would play what another store left in such a log into this one.
    for taken in (Path(f"{store_url}{end}") for end in ("", "-wal", "-shm", "-journal")):
        if taken.exists():
            raise UpkeepError(
                "target-not-empty", f"there is {taken} already", "name a file that is not there"
            )


def _fill(backup: Path, listing: Listing, partial: Path, progress: Callable[[int, int], object]) -> None:
    for done, line in enumerate(listing.files, 1):
        if archive.copy_file(backup / line.path, partial, line.path) != line:
            raise UpkeepError("backup-damaged", f"{backup / line.path} changed just now", "another backup")
        progress(done, len(listing.files))


def _place_store(file: Path, folder: Path, store_url: str | Path | None) -> None:
    """Move the store to where it shall be, where that is not the file in the data directory."""
    if store_url is None or Path(store_url).absolute() == (folder / STORE).absolute():
        return
    if is_server(store_url):
        from_file(file, str(store_url))
        file.unlink()
        return
    archive.copy_file(file, Path(store_url).parent, Path(store_url).name)
    sync_folder(Path(store_url).parent)
    file.unlink()
