"""The common zero of time: T0 on the master's wall clock, and where it lies on a worker's own counter.

Rule kept here: a worker's clock is corrected only by as much as pings prove that it differs; the rest is doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ping:
    """One question to the master and its answer.

    Args:
        asked_s: When it was asked, on the worker's wall clock.
        told_s: What the master's wall clock showed.
        heard_s: When the answer had come, on the worker's wall clock.
    """

    asked_s: float
    told_s: float
    heard_s: float

    @property
    def doubt_s(self) -> float:
        """The clocks' difference is known no better than this: half the way there and back."""
        return (self.heard_s - self.asked_s) / 2

    @property
    def ahead_s(self) -> float:
        """How far the master's clock is ahead of the worker's, if both ways took as long (as NTP assumes)."""
        return self.told_s - (self.asked_s + self.heard_s) / 2


@dataclass(frozen=True, slots=True)
class Skew:
    """How far the master's wall clock is ahead of a worker's: seconds, give or take ``doubt_s``."""

    ahead_s: float = 0.0
    doubt_s: float = 0.0

    @property
    def proved_s(self) -> float:
        """What is beyond doubt: zero where the clocks may well agree."""
        return self.ahead_s if abs(self.ahead_s) > self.doubt_s else 0.0


def skew_of(pings: Sequence[Ping]) -> Skew:
    """The skew as the quickest of some pings shows it; none without pings."""
    if not pings:
        return Skew()
    best = min(pings, key=lambda one: one.doubt_s)
    return Skew(best.ahead_s, best.doubt_s)


def anchored(t0_unix: float, skew: Skew, *, wall_s: float, counter_s: float) -> float:
    """Where T0 lies on a worker's counter.

    Args:
        t0_unix: T0 on the master's wall clock, s since the epoch.
        skew: The master's clock against the worker's.
        wall_s: The worker's wall clock now.
        counter_s: The worker's counter (``perf_counter``) at the same moment.
    """
    return counter_s + (t0_unix - skew.proved_s - wall_s)
