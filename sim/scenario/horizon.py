"""The times of a run: when measuring starts and ends, and how far calendars must reach.

Rule kept here: the clock starts at the midnight of the first day; a span of working days ends at the midnight
after the last of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sim import calendars
from sim.calendars import ResolvedDays, WorkingTime
from sim.errors import InputError
from sim.scenario.params import Param
from sim.scenario.schema import ROUND_THE_CLOCK, WEEKDAYS, Calendar, Scenario
from sim.units import DAY_S, Dimension

DRAIN_MARGIN_DAYS = 120  # calendars reach beyond the run's end, so that work begun there can still be timed
SPAN_DAYS_MAX = 36_600  # a hundred years; holidays of later years are not known anyway


@dataclass(frozen=True, slots=True)
class Horizon:
    """The run's times, in seconds since midnight of the first day.

    Args:
        measure_start_s: End of warm-up.
        measure_end_s: End of the measured period.
        cap_s: Latest end of the run.
        days: Calendar days that the calendars cover.
    """

    measure_start_s: float
    measure_end_s: float
    cap_s: float
    days: int


def span_days(span: Param, calendar: Calendar) -> float:
    """Return about how many calendar days a span takes; holidays are not looked at."""
    if span.dimension is not Dimension.WORKING_DAYS:
        return span.value / DAY_S
    always = calendar.hours == ROUND_THE_CLOCK
    return span.value if always else span.value * 7 / len(set(calendar.weekdays))


def resolve(scenario: Scenario, days: int) -> tuple[ResolvedDays, WorkingTime]:
    """Return the holidays, and the office hours, of the first ``days`` days.

    Raises:
        InputError: ``E-COUNTRY``, ``E-DAYS`` or ``E-HOURS``.
    """
    start, calendar = scenario.period.start, scenario.calendar
    resolved = calendars.resolve_holidays(
        calendar.country, start, start + timedelta(days=days),
        days_off=calendar.days_off, make_up=calendar.make_up,
    )  # fmt: skip
    if calendar.hours == ROUND_THE_CLOCK:
        return resolved, WorkingTime.always()
    hours = calendars.merge_hours([calendars.parse_hours(one) for one in calendar.hours])
    weekdays = [WEEKDAYS.index(one) for one in calendar.weekdays]
    return resolved, WorkingTime.from_office(hours, weekdays, resolved, start, days)


def times(scenario: Scenario) -> tuple[Horizon, ResolvedDays, WorkingTime]:
    """Resolve holidays, office hours and the run's times.

    Args:
        scenario: Checked.

    Raises:
        InputError: ``E-PERIOD`` where days off leave too few working days.
    """
    period, calendar = scenario.period, scenario.calendar
    spans = [period.warm_up, period.measure, period.cool_down]
    least = sum(span_days(span, calendar) for span in spans)
    days = int(least) + DRAIN_MARGIN_DAYS
    while True:
        resolved, office = resolve(scenario, days)
        ends: list[float] = [0.0]
        for span in spans:
            end = _after(ends[-1], span, office)
            if end is None:
                break
            ends.append(end)
        else:
            if ends[-1] <= (days - DRAIN_MARGIN_DAYS) * DAY_S:
                return Horizon(ends[1], ends[2], ends[3], days), resolved, office
        if days > least + SPAN_DAYS_MAX:
            raise InputError("E-PERIOD", "found too few working days for the period", "shorten it")
        days += days // 2


def _after(start_s: float, span: Param, office: WorkingTime) -> float | None:
    """Return the moment a span after ``start_s``; ``None`` where the calendar does not reach so far."""
    if span.dimension is not Dimension.WORKING_DAYS or office.is_always:
        return start_s + span.value * (DAY_S if span.dimension is Dimension.WORKING_DAYS else 1.0)
    later = [day for day in office.working_days() if day * DAY_S >= start_s]
    count = round(span.value)
    if count > len(later):
        return None
    return (later[count - 1] + 1) * DAY_S if count else start_s
