"""The simulation clock: SimPy's environment, with absolute times.

Rule kept here: one scheduled event per activity. An activity's event is its token itself, which quacks like
a SimPy event: ``Environment.step`` reads ``callbacks`` and ``_ok`` of an event and nothing else.

SimPy's environment stays the clock and the queue. Only the loop is ours: ``Clock.run_while`` does with an
event what ``step`` does, less what only events that fail or stop the run need (a call, a ``try`` and a check).
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Protocol

from simpy import Environment
from simpy.events import NORMAL, EventPriority

NEVER = float("inf")
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
        if time_s < NEVER:
            heappush(self._queue, (time_s, priority, next(self._eid), event))  # type: ignore[misc]

    def run_while(self, going: Callable[[], bool], least_s: float, cap_s: float) -> float:
        """Process events until ``going`` is false after one, none is left, or the next lies beyond ``cap_s``.

        Args:
            going: Asked after every event from ``least_s`` on.
            least_s: Before this, the run goes on in any case.
            cap_s: Beyond this, it does not go on.

        Returns:
            The time at which the run ended: now, or the cap.
        """
        queue = self._queue
        while queue and queue[0][0] <= cap_s:
            self._now, _, _, event = heappop(queue)
            callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
            for call in callbacks:
                call(event)
            if self._now >= least_s and not going():
                return float(self._now)
        return cap_s


class Alarm:
    """An event that calls a function once."""

    __slots__ = ("_ok", "callbacks")

    def __init__(self, call: Callable[[Any], None]) -> None:
        self.callbacks: list[Callable[[Any], None]] | None = [call]
        self._ok = True
