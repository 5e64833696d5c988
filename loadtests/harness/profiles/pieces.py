"""What a profile is made of.

Rule kept here: plain values; nothing is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from loadtests.harness.traces import Trace


class Stage(NamedTuple):
    """A part of a profile, for reports; its rate is the mean over it."""

    name: str
    start_s: float
    end_s: float
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a profile whose rate is steady or changes linearly.

    Args:
        name: For reports.
        duration_s: Its length, more than 0.
        first_per_s: Rate at its start, 0 or more.
        last_per_s: Rate at its end, 0 or more.
    """

    name: str
    duration_s: float
    first_per_s: float
    last_per_s: float

    @property
    def expected(self) -> float:
        """Expected arrivals in it."""
        return (self.first_per_s + self.last_per_s) / 2 * self.duration_s


@dataclass(frozen=True, slots=True)
class Played:
    """A trace, and how it is played.

    Args:
        trace: What was recorded.
        from_s: Where in the trace to begin, s.
        speed: Seconds of the trace in one second.
    """

    trace: Trace
    from_s: float = 0.0
    speed: float = 1.0
