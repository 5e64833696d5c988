"""Waking those who wait for their inbox: long polls end as soon as something has arrived.

Rule kept here: whoever begins to watch before looking misses nothing: what is committed after the look rings the bell.
All of it happens on the event loop, so there is no lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from loadtests.exchange.errors import Refusal

WATCHERS_MAX: Final = 64
"""Requests of one agency that wait at a time: a few clients behind one certificate, not a flood of open connections."""


class Bell:
    """What one waiting request listens to; made by ``Arrivals.watch``."""

    __slots__ = ("_rung",)

    def __init__(self, *, rung: bool = False) -> None:
        self._rung = asyncio.Event()
        if rung:
            self._rung.set()

    def ring(self) -> None:
        """Something has arrived, or there is nothing to wait for any more."""
        self._rung.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait until it was rung since the last call.

        Args:
            timeout_s: At most so long, s, from 0 on.

        Returns:
            True where it was rung, False where the time is over.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), timeout_s)
        rung = self._rung.is_set()
        self._rung.clear()
        return rung


class Arrivals:
    """Who waits for which inbox; used on one event loop only.

    Args:
        watchers_max: Requests that may wait for one recipient at a time, at least 1.
    """

    __slots__ = ("_bells", "_closed", "_watchers_max")

    def __init__(self, watchers_max: int = WATCHERS_MAX) -> None:
        self._bells: dict[str, set[Bell]] = {}
        self._closed = False
        self._watchers_max = watchers_max

    @property
    def closed(self) -> bool:
        """True when nobody shall wait any more."""
        return self._closed

    def notify(self, recipients: Iterable[str]) -> None:
        """Ring for all who watch one of these inboxes; call it after the commit."""
        for recipient in recipients:
            for bell in self._bells.get(recipient, ()):
                bell.ring()

    def close(self) -> None:
        """The server stops: ring for all, and for everybody who comes later."""
        self._closed = True
        self.notify(tuple(self._bells))

    @contextmanager
    def watch(self, recipient: str) -> Iterator[Bell]:
        """A bell for this inbox; take it **before** looking into the store.

        Raises:
            Refusal: ``too-many-requests``: so many requests of this recipient are waiting already.
        """
        bells = self._bells.setdefault(recipient, set())
        if len(bells) >= self._watchers_max:
            found = f"{len(bells)} requests of {recipient} are waiting already"
            raise Refusal("too-many-requests", found, "wait with one request at a time")
        bell = Bell(rung=self._closed)
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)
            if not bells:
                self._bells.pop(recipient, None)

    def watching(self, recipient: str) -> int:
        """How many requests wait for this inbox."""
        return len(self._bells.get(recipient, ()))
