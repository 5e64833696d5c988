"""Hours of the day and points in time, as people write them and as the simulation counts them.

The rule of this file: it knows clocks, not calendars. Nothing here asks whether a day is worked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sim.errors import InputError
from sim.units import DAY_S, HOUR_S, MINUTE_S

_HOURS = re.compile(r"\s*(\d{1,2}):([0-5]\d)\s*[-–]\s*(\d{1,2}):([0-5]\d)\s*", re.ASCII)


def parse_hours(text: str) -> tuple[float, float]:
    """Read a range of hours within one day.

    Args:
        text: Such as ``07:30-11:30``; ``24:00`` is the end of the day.

    Returns:
        Start and end in seconds since midnight, ``0 <= start < end <= 86400``.

    Raises:
        InputError: ``E-HOURS`` not a range of hours, or its end is not after its start.
    """
    match = _HOURS.fullmatch(text)
    if match is None:
        raise InputError("E-HOURS", f"found {text!r}", "write hours as 07:30-11:30")
    h1, m1, h2, m2 = (int(part) for part in match.groups())
    start, end = h1 * HOUR_S + m1 * MINUTE_S, h2 * HOUR_S + m2 * MINUTE_S
    if end > DAY_S:
        raise InputError("E-HOURS", f"found {text!r}", "a day ends at 24:00")
    if start >= end:
        raise InputError(
            "E-HOURS",
            f"found {text!r}, which ends before it starts",
            "write a night shift as two ranges: 22:00-24:00 and 00:00-06:00",
        )
    return start, end


def merge_hours(ranges: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Put the hours of one day in order and join ranges that touch.

    Args:
        ranges: Starts and ends in seconds since midnight, in any order.

    Returns:
        The same hours, ascending and apart from one another.

    Raises:
        InputError: ``E-HOURS`` there are none, they overlap, or one is empty or not within a day.
    """
    if not ranges:
        raise InputError("E-HOURS", "found no hours", "write at least one range, such as 07:30-11:30")
    merged: list[tuple[float, float]] = []
    for start, end in sorted(ranges):
        if not 0 <= start < end <= DAY_S:
            raise InputError(
                "E-HOURS", f"found {_show(start, end)}", "write hours within one day, 00:00-24:00"
            )
        if merged and start < merged[-1][1]:
            found = f"found {_show(*merged[-1])} and {_show(start, end)}, which overlap"
            raise InputError("E-HOURS", found, "write ranges that do not overlap")
        if merged and start == merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def _show(start: float, end: float) -> str:
    return "-".join(f"{int(t // HOUR_S):02d}:{int(t % HOUR_S // MINUTE_S):02d}" for t in (start, end))


def clock(origin: date, t: float) -> datetime:
    """Return the local date and time of a simulated time.

    Args:
        origin: The day whose midnight is time 0.
        t: Finite seconds since then; rounded to microseconds.
    """
    return datetime.combine(origin, time()) + timedelta(seconds=t)


def seconds(origin: date, when: datetime) -> float:
    """Return the simulated time of a local date and time, in seconds.

    Args:
        origin: The day whose midnight is time 0.
        when: Local time without a time zone; negative seconds if before the origin.

    Raises:
        InputError: ``E-TIME-ZONE`` the time has a zone, so that it is not a reading of the local clock.
    """
    if when.tzinfo is not None:
        raise InputError(
            "E-TIME-ZONE", f"found {when.isoformat()}", "give the local time without a time zone"
        )
    return (when - datetime.combine(origin, time())).total_seconds()


def day_of(t: float) -> int:
    """Return the number of whole days from the origin's midnight to ``t`` seconds: 0 is the origin."""
    return math.floor(t / DAY_S)
