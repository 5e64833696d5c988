"""Holidays and make-up days of a country, looked up once and then written down.

The rule of this file: the holidays package is asked here only, and what it says becomes plain dates, so that
a run's manifest shows the days it was computed with and a later release of the package cannot change them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import holidays

from sim.errors import InputError

_MAKE_UP = "Make-up working day"


@dataclass(frozen=True, slots=True)
class ResolvedDays:
    """Holidays and make-up working days as plain dates, ascending.

    Args:
        days_off: Date to name, for days on which nobody works.
        make_up: Date to name, for days that are worked although they are a weekend or were a holiday.
    """

    days_off: Mapping[date, str]
    make_up: Mapping[date, str]

    def is_working_day(self, day: date, weekdays: Collection[int]) -> bool:
        """Return whether an office that works on ``weekdays`` (0 is Monday) works on ``day``."""
        if day in self.make_up:
            return True
        return day not in self.days_off and day.weekday() in weekdays


def resolve_holidays(
    country: str | None,
    start: date,
    end: date,
    *,
    days_off: Mapping[date, str] = {},
    make_up: Mapping[date, str] = {},
) -> ResolvedDays:
    """List the days off and the make-up days of a period.

    Args:
        country: Two-letter ISO 3166 code, or ``None`` for no public holidays.
        start: First day.
        end: Last day, included.
        days_off: Further days off; they win over the country's make-up days.
        make_up: Further worked days; they win over the country's holidays.

    Returns:
        The days from ``start`` to ``end``; others that were given are left out.

    Raises:
        InputError: ``E-COUNTRY`` unknown country, ``E-PERIOD`` the end is before the start, ``E-DAYS`` a date
            is given both as day off and as make-up day.
    """
    if end < start:
        raise InputError("E-PERIOD", f"found {start} to {end}", "end the period on or after its first day")
    both = sorted(days_off.keys() & make_up.keys())
    if both:
        raise InputError("E-DAYS", f"found {both[0]} as day off and as make-up day", "keep one of the two")
    off, worked = _of_country(country, start, end) if country is not None else ({}, {})
    off = {**{d: name for d, name in off.items() if d not in make_up}, **days_off}
    worked = {**{d: name for d, name in worked.items() if d not in days_off}, **make_up}
    return ResolvedDays(_within(off, start, end), _within(worked, start, end))


def _within(days: Mapping[date, str], start: date, end: date) -> dict[date, str]:
    return {day: days[day] for day in sorted(days) if start <= day <= end}


def _of_country(country: str, start: date, end: date) -> tuple[dict[date, str], dict[date, str]]:
    # Neighbouring years, because a day off in January may be made up for in December before. English, because
    # the package would otherwise take the language of whoever runs the simulation.
    years = range(start.year - 1, end.year + 2)
    unknown = InputError(
        "E-COUNTRY", f"found country {country!r}", "use a two-letter ISO 3166 code such as VN"
    )
    if re.fullmatch(r"[A-Z]{2}", country) is None:
        raise unknown
    try:
        table = holidays.country_holidays(country, years=years, language="en_US")
    except NotImplementedError:
        raise unknown from None
    off: dict[date, str] = {}
    worked: dict[date, str] = {}
    for offset in range((end - start).days + 1):
        day = start + timedelta(days=offset)
        if table.is_working_day(day):
            if table.is_weekend(day):
                worked[day] = _MAKE_UP
        elif day in table:
            off[day] = table[day]
    return off, worked
