"""What an operator did that backup and restore cannot take.

Rule kept here: nothing has been changed where this is raised, but files that were begun and are removed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loadtests.exchange.errors import ExchangeError


class UpkeepError(ExchangeError):
    """A backup cannot be made or restored as asked; the operator can mend it."""


@contextmanager
def disk(what: str) -> Iterator[None]:
    """Say of a failing disk what was being done.

    Raises:
        UpkeepError: ``disk-failed``.
    """
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise UpkeepError(
            "disk-failed", f"{what}: {where}{error.strerror}", "mend the disk, or make room"
        ) from error
