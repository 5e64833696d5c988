"""Stalls: moments at which the whole process, or its hub, did not run.

Rule kept here: a native thread that wants to wake every 50 ms and wakes more than 100 ms late has proved that the
process stood still, and a late greenlet that the hub did (as Hyperfoil's jitter watchdog; reference/load-testing.md).
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

import gevent
from gevent.monkey import get_original

TICK_S: Final = 0.05
LATE_S: Final = 0.1


class Watchdog:
    """Watches from ``start`` until ``stop``.

    Args:
        zero_s: T0 on ``counter``.
        counter: Counts seconds.
    """

    def __init__(self, zero_s: float, counter: Callable[[], float] = perf_counter) -> None:
        self._zero_s = zero_s
        self._counter = counter
        self._found: list[tuple[float, float]] = []
        self._going = True

    def start(self) -> None:
        """Begin to watch."""
        get_original("_thread", "start_new_thread")(self._watch, (get_original("time", "sleep"),))
        gevent.spawn(self._watch, gevent.sleep)

    def stop(self) -> None:
        """Watch no longer."""
        self._going = False

    @property
    def stalls(self) -> list[tuple[float, float]]:
        """When each stall was over, s since T0, and how long it was, s; what both watchers saw counts once."""
        out: list[tuple[float, float]] = []
        for at_s, late_s in sorted(self._found):
            if out and at_s - late_s < out[-1][0]:
                out[-1] = (at_s, max(late_s, out[-1][1]))
            else:
                out.append((at_s, late_s))
        return out

    def _watch(self, sleep: Callable[[float], None]) -> None:
        before_s = self._counter()
        while self._going:
            sleep(TICK_S)
            now_s = self._counter()
            late_s = now_s - before_s - TICK_S
            if late_s > LATE_S:
                self._found.append((now_s - self._zero_s, late_s))
            before_s = now_s
