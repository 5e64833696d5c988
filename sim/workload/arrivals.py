"""When documents are asked for.

Rule kept here: arrivals form a Poisson process over office hours whose rate follows the flow's profile and,
if asked, a gamma-distributed day factor of mean one that all senders of the flow share. A unit-rate process
is drawn by sender and seen through the integral of the rate (Cinlar 1975), so that a document keeps its
place in the order whatever the volume.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np

from sim import distributions
from sim.calendars import WorkingTime, day_of
from sim.scenario import Scenario
from sim.scenario.schema import WEEKDAYS, Flow, Profile
from sim.streams import Streams
from sim.units import DAY_S, HOUR_S, MINUTE_S
from sim.workload.tables import Floats


def _weight(table: Mapping[object, float] | None, key: object, known: Sequence[object]) -> float:
    """Return a relative weight scaled so that the mean over ``known`` is one."""
    if not table:
        return 1.0
    mean = sum(table.get(one, 0.0) for one in known) / len(known)
    return table.get(key, 0.0) / mean if mean > 0 else 0.0


def _hour_pieces(hours: Mapping[str, float], start: float, end: float) -> list[tuple[float, float, float]]:
    """Cut an office interval where the hour profile changes: (start, end, weight), seconds of the run."""
    day = day_of(start) * DAY_S
    marks = sorted((day + HOUR_S * int(k[:2]) + MINUTE_S * int(k[3:]), w) for k, w in hours.items())
    cuts = sorted({start, end, *(t for t, _ in marks if start < t < end)})
    pieces = []
    for a, b in pairwise(cuts):
        earlier = [w for t, w in marks if t <= a]
        pieces.append((a, b, earlier[-1] if earlier else marks[-1][1]))
    return pieces


def intensity(
    profile: Profile | None, office: WorkingTime, scenario: Scenario, end_s: float, day_factor: Floats
) -> tuple[Floats, Floats]:
    """Integrate the relative arrival rate of a flow over the run.

    Args:
        profile: How arrivals vary; ``None``: evenly over office hours.
        office: Office hours.
        scenario: For its first day and weekdays.
        end_s: End of the run.
        day_factor: Relative rate of each calendar day, mean one; empty: one throughout.

    Returns:
        Clock times and the integral up to them (open seconds, weighted); both non-decreasing.
    """
    if office.is_always and profile is None and not len(day_factor):
        return np.array([0.0, end_s]), np.array([0.0, end_s])
    if office.is_always:
        intervals = [(float(d * DAY_S), float((d + 1) * DAY_S)) for d in range(int(end_s // DAY_S) + 1)]
    else:
        intervals = list(zip(office.starts, office.ends, strict=True))
    hours = {k: v.value for k, v in profile.hours.items()} if profile and profile.hours else None
    weekdays = {k: v.value for k, v in profile.weekdays.items()} if profile and profile.weekdays else None
    months = {k: v.value for k, v in profile.months.items()} if profile and profile.months else None
    pieces: list[tuple[float, float, float]] = []
    for start, end in intervals:
        if start >= end_s:
            break
        day = day_of(start)
        date = scenario.period.start + timedelta(days=day)
        weekday = WEEKDAYS[date.weekday()]
        usual_day = weekday in scenario.calendar.weekdays or weekday in (weekdays or {})
        # a make-up day is as busy as an average one, unless the profile says otherwise
        weight = 1.0 if not usual_day else _weight(weekdays, weekday, scenario.calendar.weekdays)  # type: ignore[arg-type]
        weight *= _weight(months, date.month, range(1, 13))  # type: ignore[arg-type]
        weight *= float(day_factor[day]) if len(day_factor) else 1.0
        cut = min(end, end_s)
        parts = _hour_pieces(hours, start, cut) if hours else [(start, cut, 1.0)]
        pieces += [(a, b, w * weight) for a, b, w in parts]
    if hours:  # one over the office hours of an ordinary day
        usual = [
            (b - a, w) for s, e in intervals[: _per_day(intervals)] for a, b, w in _hour_pieces(hours, s, e)
        ]
        mean = sum(d * w for d, w in usual) / sum(d for d, _ in usual)
        pieces = [(a, b, w / mean) for a, b, w in pieces]
    clock = np.array([t for a, b, _ in pieces for t in (a, b)])
    gain = np.array([g for a, b, w in pieces for g in (0.0, (b - a) * w)])
    return clock, np.cumsum(gain)


def _per_day(intervals: Sequence[tuple[float, float]]) -> int:
    """Count the intervals of the first day."""
    first = day_of(intervals[0][0])
    return sum(1 for start, _ in intervals[:50] if day_of(start) == first)


def arrivals(streams: Streams, name: str, purpose: str, clock: Floats, total: Floats, rate: float) -> Floats:
    """Draw the arrival times of one sender: a unit-rate Poisson process seen through the integral."""
    expected = rate * float(total[-1])
    if expected <= 0:
        return np.empty(0)
    n = int(expected + 6 * np.sqrt(expected) + 10)
    while True:
        ticks = np.cumsum(-np.log1p(-streams.uniforms(n, purpose, name)))
        if ticks[-1] >= expected:
            break
        n *= 2
    ticks = ticks[ticks < expected]
    return np.interp(ticks / rate, total, clock)


def day_factor(scenario: Scenario, flow: Flow, name: str, streams: Streams, days: int) -> Floats:
    """Draw the relative rate of each day, where the flow's profile asks for over-dispersion."""
    profile = scenario.profiles[flow.profile] if flow.profile else None
    if profile is None or profile.day_cv is None or profile.day_cv.value == 0:
        return np.empty(0)
    gamma = distributions.Gamma(shape=profile.day_cv.value**-2, scale=profile.day_cv.value**2)  # mean one
    return gamma.ppf(streams.uniforms(days + 1, "day factor", name))
