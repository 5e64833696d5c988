"""Small files that are whole or not there: what the operator's commands write while a server reads.

Rule kept here: a reader finds the file before or the file after, never a part of it, whatever was killed when;
private keys can be read by their owner only, from their first byte on.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PUBLIC: Final = 0o644
SECRET: Final = 0o600


def write_whole(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Put these bytes in place of the file, durably: a new file beside it, synced, then renamed.

    Args:
        path: The file; its folder is there.
        data: All that it shall hold.
        mode: Its permissions, ``PUBLIC`` or ``SECRET``.

    Raises:
        OSError: The disk refuses; the file is what it was.
    """
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # mkstemp gives it mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make what a file holds durable, whoever wrote it."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold the lock of this file; the system lets go of it when the process ends, however it ends.

    Args:
        path: The file; made where it is missing.
        wait: True to wait for whoever holds it.

    Raises:
        BlockingIOError: Somebody else holds it, and ``wait`` is False.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PUBLIC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
