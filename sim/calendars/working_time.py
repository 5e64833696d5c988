"""Arithmetic on the time that somebody or some office is on duty.

The rule of this file: a working time is a list of half-open intervals and their running total, nothing else.
Every answer is a function of its arguments alone; the interval looked up last is remembered for speed and
never changes an answer.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from itertools import accumulate
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from sim.calendars.clock import day_of, merge_hours
from sim.calendars.days import ResolvedDays
from sim.errors import InputError
from sim.units import DAY_S

# Work that overruns an interval by less than this ends with it: a rounding error must not send a person who
# finishes at 12:00 through the lunch break.
_ROUNDING_S = 1e-6

Interval = tuple[float, float]


class WorkingTime:
    """When somebody or some office is on duty, compiled for fast arithmetic; immutable to its users.

    Made by :meth:`always`, :meth:`from_office` or :meth:`from_intervals`. Times and durations are in seconds,
    times since midnight of the origin. Where the calendar is exhausted, answers are infinite. Not for use by
    several threads at once.

    Args:
        intervals: Half-open intervals on duty; ascending and apart from one another.
        day_s: Working seconds in the office's own nominal full day.

    Attributes:
        starts: Starts of the intervals, ascending.
        ends: Their ends; the last one may be infinite.
        day_s: Working seconds in the office's own nominal full day.
        is_always: True for :meth:`always`: on duty round the clock from time 0.
        lo: Start of the interval looked up last.
        hi: End of the interval looked up last.
    """

    __slots__ = ("_arrays", "_at", "_before", "_until", "day_s", "ends", "hi", "is_always", "lo", "starts")

    def __init__(self, intervals: Sequence[Interval], day_s: float) -> None:
        if not 0 < day_s <= DAY_S:
            raise ValueError(f"found a working day of {day_s} s")
        self.starts = tuple(start for start, _ in intervals)
        self.ends = tuple(end for _, end in intervals)
        self.day_s = day_s
        self.is_always = self.starts == (0.0,) and self.ends == (inf,)
        totals = _running_total(intervals)
        self._before, self._until = totals[:-1], totals[1:]
        self._arrays: tuple[NDArray[np.float64], ...] | None = None
        self._at = 0
        self.lo, self.hi = intervals[0] if intervals else (0.0, 0.0)

    @classmethod
    def always(cls) -> WorkingTime:
        """Return duty round the clock from time 0 on, with days of 24 hours."""
        return cls([(0.0, inf)], DAY_S)

    @classmethod
    def from_office(
        cls,
        hours: Sequence[Interval],
        weekdays: Collection[int],
        resolved: ResolvedDays,
        origin: date,
        days: int,
    ) -> WorkingTime:
        """Compile the working time of an office.

        Args:
            hours: Hours of a working day in seconds since midnight, in any order.
            weekdays: Days of the week that are worked, 0 is Monday.
            resolved: Holidays and make-up days that cover the period.
            origin: First day, whose midnight is time 0.
            days: Number of days to compile, the origin included.

        Raises:
            InputError: ``E-HOURS`` as :func:`merge_hours`, ``E-WEEKDAYS`` none, or not numbers from 0 to 6.
        """
        day_hours = merge_hours(hours)
        if not weekdays or not set(weekdays) <= set(range(7)):
            found = ", ".join(map(str, weekdays)) or "no weekdays"
            raise InputError("E-WEEKDAYS", f"found {found}", "use days from 0 (Monday) to 6 (Sunday)")
        intervals = (
            (day * DAY_S + start, day * DAY_S + end)
            for day in range(days)
            if resolved.is_working_day(origin + timedelta(days=day), weekdays)
            for start, end in day_hours
        )
        return cls.from_intervals(intervals, sum(end - start for start, end in day_hours))

    @classmethod
    def from_intervals(cls, intervals: Iterable[Interval], day_s: float) -> WorkingTime:
        """Compile half-open intervals in any order; joins those that touch or overlap, drops empty ones.

        Args:
            intervals: Starts and ends in seconds; an end may be infinite.
            day_s: Working seconds in the nominal full day, above 0 and at most 86400.

        Raises:
            ValueError: An interval ends before it starts, or ``day_s`` is out of range.
        """
        return cls(_joined(intervals), day_s)

    def __reduce__(self) -> tuple[type[WorkingTime], tuple[list[Interval], float]]:
        # Without the remembered interval, so that equal calendars have equal bytes.
        return type(self), (self._intervals(), self.day_s)

    def __repr__(self) -> str:
        total_h = (self._until[-1] if self._until else 0.0) / 3600
        return f"<WorkingTime: {len(self.starts)} intervals, {total_h:g} h, days of {self.day_s / 3600:g} h>"

    def _intervals(self) -> list[Interval]:
        return list(zip(self.starts, self.ends, strict=True))

    def _seek(self, t: float) -> float:
        """Remember the first interval that ends after ``t``; return when it is first open from ``t`` on."""
        at = bisect_right(self.ends, t)
        if at == len(self.ends):
            return nan if math.isnan(t) else inf
        self._at = at
        self.lo = self.starts[at]
        self.hi = self.ends[at]
        return max(t, self.lo)

    def is_open(self, t: float) -> bool:
        """Return whether ``t`` is on duty; the end of an interval is not."""
        return self.lo <= t < self.hi or (t < inf and self._seek(t) == t)

    def next_open(self, t: float) -> float:
        """Return the first time on duty from ``t`` on: ``t`` itself if open, infinity if there is none."""
        if self.lo <= t < self.hi:
            return t
        return self._seek(t)

    def next_close(self, t: float) -> float:
        """Return the end of the interval that is open at ``t``.

        Raises:
            ValueError: ``t`` is not on duty.
        """
        if not self.is_open(t):
            raise ValueError(f"found time {t}, which is not on duty")
        return self.hi

    def finish(self, start: float, work_s: float) -> float:
        """Return when work begun at ``start`` is done, being suspended off duty.

        Args:
            start: When the work is begun; off duty, it waits for the next time on duty.
            work_s: Working seconds, not negative.

        Returns:
            Clock time; work that ends with an interval ends then, not at the next one's start. Infinity where
            the calendar is exhausted.

        Raises:
            ValueError: ``work_s`` is negative.
        """
        if not self.lo <= start < self.hi:
            start = self._seek(start)
        done = start + work_s
        if start <= done <= self.hi:
            return done
        return self._carry_over(start, work_s)

    def _carry_over(self, start: float, work_s: float) -> float:
        """Finish work that does not fit into the remembered interval, in which ``start`` lies."""
        if math.isnan(start) or math.isnan(work_s):
            return nan
        if work_s < 0:
            raise ValueError(f"found {work_s} s of work")
        if start == inf:
            return inf
        target = self._before[self._at] + (start - self.lo) + work_s
        at = bisect_left(self._until, target - _ROUNDING_S, self._at)
        if at == len(self.ends):
            return inf
        return min(self.ends[at], self.starts[at] + (target - self._before[at]))

    def elapsed(self, a: float, b: float) -> float:
        """Return the working seconds from ``a`` to ``b``; 0 if ``b`` is not after ``a``."""
        if self.lo <= a < b <= self.hi:
            return b - a
        if math.isnan(a) or math.isnan(b):
            return nan
        first = bisect_right(self.ends, a)
        if b <= a or first == len(self.ends):
            return 0.0
        last = min(bisect_left(self.ends, b), len(self.ends) - 1)
        a = max(a, self.starts[first])
        b = min(max(b, self.starts[last]), self.ends[last])
        if first == last:
            return max(b - a, 0.0)
        return (self._before[last] - self._before[first]) + (
            (b - self.starts[last]) - (a - self.starts[first])
        )

    def elapsed_many(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return :meth:`elapsed` for whole arrays; where a time is NaN, so is the answer."""
        a, b = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
        unknown = np.isnan(a) | np.isnan(b)
        if not self.starts:
            return np.where(unknown, nan, 0.0)
        starts, ends, before, _ = self._as_arrays()
        first = np.searchsorted(ends, a, side="right")
        nothing = (b <= a) | (first == len(ends))
        first = np.minimum(first, len(ends) - 1)
        last = np.minimum(np.searchsorted(ends, b, side="left"), len(ends) - 1)
        a = np.maximum(a, starts[first])
        b = np.minimum(np.maximum(b, starts[last]), ends[last])
        with np.errstate(invalid="ignore"):  # infinity less infinity, where the answer is nothing
            same = np.maximum(b - a, 0.0)
            across = (before[last] - before[first]) + ((b - starts[last]) - (a - starts[first]))
        result = np.where(nothing, 0.0, np.where(first == last, same, across))
        return np.where(unknown, nan, result)

    def finish_many(self, start: NDArray[np.float64], work_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return :meth:`finish` for whole arrays; where an argument is NaN, so is the answer.

        Raises:
            ValueError: Some ``work_s`` is negative.
        """
        start, work_s = np.broadcast_arrays(
            np.asarray(start, dtype=np.float64), np.asarray(work_s, dtype=np.float64)
        )
        if bool(np.any(work_s < 0)):
            raise ValueError(f"found {np.nanmin(work_s)} s of work")
        unknown = np.isnan(start) | np.isnan(work_s)
        if not self.starts:
            return np.where(unknown, nan, inf)
        starts, ends, before, until = self._as_arrays()
        at = np.searchsorted(ends, start, side="right")
        exhausted = at == len(ends)
        at = np.minimum(at, len(ends) - 1)
        start = np.maximum(start, starts[at])
        done = start + work_s
        target = before[at] + (start - starts[at]) + work_s
        to = np.maximum(at, np.searchsorted(until, target - _ROUNDING_S, side="left"))
        exhausted |= to == len(ends)
        to = np.minimum(to, len(ends) - 1)
        later = np.minimum(ends[to], starts[to] + (target - before[to]))
        result = np.where(exhausted, inf, np.where(done <= ends[at], done, later))
        return np.where(unknown, nan, result)

    def _as_arrays(self) -> tuple[NDArray[np.float64], ...]:
        if self._arrays is None:
            columns = (self.starts, self.ends, self._before, self._until)
            self._arrays = tuple(np.array(column, dtype=np.float64) for column in columns)
        return self._arrays

    def minus(self, intervals: Iterable[Interval]) -> WorkingTime:
        """Return this working time without the given half-open intervals, in any order; ``day_s`` stays."""
        return WorkingTime(_overlap(self._intervals(), _gaps(_joined(intervals))), self.day_s)

    def intersect(self, other: WorkingTime) -> WorkingTime:
        """Return the time on duty in both; ``day_s`` stays that of the first."""
        return WorkingTime(_overlap(self._intervals(), other._intervals()), self.day_s)

    def union(self, other: WorkingTime) -> WorkingTime:
        """Return the time on duty in either; ``day_s`` stays that of the first."""
        return WorkingTime(_joined(self._intervals() + other._intervals()), self.day_s)

    def working_days(self, until: float = inf) -> list[int]:
        """Return the day offsets with any duty, ascending.

        Args:
            until: Duty from this time on does not count; needed where duty never ends.

        Raises:
            ValueError: Duty never ends and ``until`` is infinite.
        """
        found: list[int] = []
        for start, end in zip(self.starts, self.ends, strict=True):
            stop = min(end, until)
            if stop == inf:
                raise ValueError("found duty without end: say until when to list its days")
            if start < stop:
                first = max(day_of(start), found[-1] + 1) if found else day_of(start)
                found.extend(range(first, math.ceil(stop / DAY_S)))
        return found


def _running_total(intervals: Sequence[Interval]) -> tuple[float, ...]:
    """Return the working seconds before each interval and, last, in all of them."""
    # No compensated sum: a total does not exceed the clock and so is as fine as the lengths added to it.
    return tuple(accumulate((end - start for start, end in intervals), initial=0.0))


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the union of half-open intervals, ascending and apart from one another."""
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if not -inf < start <= end:
            raise ValueError(f"found an interval from {start} to {end}")
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((float(start), float(end)))
    return joined


def _gaps(joined: Sequence[Interval]) -> list[Interval]:
    """Return what lies before, between and after intervals that are ascending and apart."""
    edges = [-inf, *(edge for interval in joined for edge in interval), inf]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [(start, end) for start, end in pairs if start < end]


def _overlap(one: Sequence[Interval], two: Sequence[Interval]) -> list[Interval]:
    """Return what is in both of two lists of intervals, each ascending and apart."""
    both: list[Interval] = []
    i = j = 0
    while i < len(one) and j < len(two):
        start = max(one[i][0], two[j][0])
        end = min(one[i][1], two[j][1])
        if start < end:
            both.append((start, end))
        if one[i][1] <= two[j][1]:
            i += 1
        else:
            j += 1
    return both
