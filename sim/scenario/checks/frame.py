"""Checks of the frame: period, calendar, levels and agencies that are named, published figures."""

from __future__ import annotations

import math

from sim.calendars import merge_hours, parse_hours
from sim.errors import InputError
from sim.scenario.checks.subject import SUM_TOLERANCE, Subject
from sim.scenario.documents import Path_
from sim.scenario.horizon import SPAN_DAYS_MAX, resolve, span_days
from sim.scenario.overlays import closest
from sim.scenario.schema import ROUND_THE_CLOCK, Selector
from sim.scenario.selection import as_list
from sim.scenario.steps import When
from sim.units import WEEK_S, Dimension


def check_period(subject: Subject) -> None:
    """Spans fit the kind of period: whole weeks of warm-up, or none, and something to measure."""
    scenario = subject.scenario
    period = scenario.period
    spans = {"warm_up": period.warm_up, "measure": period.measure, "cool_down": period.cool_down}
    for name, span in spans.items():
        if span.dimension is Dimension.WORKING_DAYS and span.value != round(span.value):
            subject.report("E-PERIOD", ("period", name), f"found {span.text!r}", "whole working days")
    if period.measure.value <= 0:
        hint = "measure for more than nothing, such as 12 weeks"
        subject.report("E-PERIOD", ("period", "measure"), f"found {period.measure.text!r}", hint)
    total = math.fsum(span_days(span, scenario.calendar) for span in spans.values())
    if total > SPAN_DAYS_MAX:
        subject.report(
            "E-PERIOD", ("period",), f"found a period of {total:g} days", f"at most {SPAN_DAYS_MAX}"
        )
    warm_up = period.warm_up
    whole_weeks = (
        warm_up.dimension is Dimension.DURATION
        and abs(warm_up.value / WEEK_S - round(warm_up.value / WEEK_S)) <= SUM_TOLERANCE
    )
    if period.kind == "terminating" and warm_up.value > 0:
        found = f"found {warm_up.text!r} in a terminating period"
        hint = "a terminating period starts empty and measures from its start: warm_up: 0 days"
        subject.report("E-WARM-UP", ("period", "warm_up"), found, hint)
    elif warm_up.value > 0 and scenario.calendar.hours != ROUND_THE_CLOCK and not whole_weeks:
        hint = "whole weeks, so that every weekday is dropped alike, such as 2 weeks"
        subject.report("E-WARM-UP", ("period", "warm_up"), f"found {warm_up.text!r}", hint)


def check_hours(subject: Subject, path: Path_, hours: list[str]) -> None:
    """Spans of a day do not overlap, and there is one at least."""
    try:
        merge_hours([parse_hours(one) for one in hours])
    except InputError as error:
        subject.report(error.code, path, error.message, error.hint)


def check_calendar(subject: Subject) -> None:
    """The country is known, hours do not overlap, and no date is both off and made up."""
    calendar = subject.scenario.calendar
    if calendar.hours != ROUND_THE_CLOCK:
        check_hours(subject, ("calendar", "hours"), list(calendar.hours))
    both = sorted(calendar.days_off.keys() & calendar.make_up.keys())
    if both:
        found = f"found {both[0]} as day off and as make-up day"
        subject.report("E-DAYS", ("calendar", "make_up", str(both[0])), found, "keep one of the two")
    try:
        resolve(subject.scenario, 1)
    except InputError as error:
        if error.code not in {"E-DAYS", "E-HOURS"}:
            subject.report(error.code, ("calendar", "country"), error.message, error.hint)


def check_when(subject: Subject, when: When, path: Path_) -> None:
    """Conditions name levels and flows that exist."""
    for name in ("sender_level", "recipient_level"):
        for level in getattr(when, name) or ():
            subject.known("E-LEVEL", (*path, name), level, subject.levels, "level")
    for flow in when.flow or ():
        subject.known("E-FLOW", (*path, "flow"), flow, subject.scenario.flows, "flow")


def _selector(subject: Subject, value: Selector, path: Path_) -> None:
    for level in as_list(value.level) or ():
        subject.known("E-LEVEL", (*path, "level"), level, subject.levels, "level")
    for name in ("id", "within", "exclude"):
        for one in as_list(getattr(value, name)) or ():
            subject.known("E-AGENCY", (*path, name), one, subject.ids, "agency")


def check_levels(subject: Subject) -> None:
    """Levels and agencies that the scenario names exist."""
    scenario = subject.scenario
    for key in scenario.staff:
        if key not in subject.levels and key not in subject.ids:
            found = f"found {key!r}, which is no level and no agency"
            subject.report("E-LEVEL", ("staff", key), found, closest(key, subject.levels))
    for name, flow in scenario.flows.items():
        _selector(subject, flow.sender, ("flows", name, "from"))
        _selector(subject, flow.to, ("flows", name, "to"))
        for level in flow.relay.levels if flow.relay else ():
            subject.known("E-LEVEL", ("flows", name, "relay", "levels"), level, subject.levels, "level")
    for name, channel in scenario.channels.items():
        if channel.agencies:
            _selector(subject, channel.agencies, ("channels", name, "agencies"))
        if channel.when:
            check_when(subject, channel.when, ("channels", name, "when"))
    for role, absence in scenario.absence.items():
        for level in absence.levels or ():
            subject.known("E-LEVEL", ("absence", role, "levels"), level, subject.levels, "level")


def check_published(subject: Subject) -> None:
    """A published figure is set beside an alternative that exists."""
    alternatives = subject.scenario.alternatives or {"base": {}}
    for name, figure in subject.scenario.published.items():
        if figure.alternative is not None:
            path: Path_ = ("published", name, "alternative")
            subject.known("E-ALTERNATIVE", path, figure.alternative, alternatives, "alternative")
