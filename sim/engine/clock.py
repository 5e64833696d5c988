"""The simulation clock: SimPy's environment, with absolute times.

Rule kept here: one scheduled event per activity. An activity's event is its token itself, which quacks like
a SimPy event: ``Environment.step`` reads ``callbacks`` and ``_ok`` of an event and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any, Protocol

from simpy import Environment
from simpy.events import NORMAL, EventPriority

EARLY = EventPriority(NORMAL - 1)  # offices open before anything else happens at that moment


class Scheduled(Protocol):
    """What SimPy's ``step`` needs of an event."""

    callbacks: list[Callable[[Any], None]] | None
    _ok: bool


class Clock(Environment):
    """SimPy's environment with a method to schedule at a time, not after a delay.

    ``now + (t - now)`` is not always ``t`` in floating point; an activity that ends at 12:00 must end at 12:00.
    """

    def at(self, time_s: float, event: Scheduled, priority: EventPriority = NORMAL) -> None:
        """Schedule an event at a time, in seconds; times that never come (inf) are not scheduled."""
        if time_s < float("inf"):
            heappush(self._queue, (time_s, priority, next(self._eid), event))  # type: ignore[misc]

    def run_while(self, going: Callable[[], bool], cap_s: float) -> float:
        """Process events until ``going`` is false after one, none is left, or the next lies beyond ``cap_s``.

        Returns:
            The time at which the run ended: now, or the cap.
        """
        queue, step = self._queue, self.step
        while queue and queue[0][0] <= cap_s:
            step()
            if not going():
                return float(self._now)
        return cap_s


class Alarm:
    """An event that calls a function once."""

    __slots__ = ("_ok", "callbacks")

    def __init__(self, call: Callable[[Any], None]) -> None:
        self.callbacks: list[Callable[[Any], None]] | None = [call]
        self._ok = True
