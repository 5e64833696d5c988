"""Working time against a slow and obvious model that walks from minute to minute."""

from __future__ import annotations

import math
import pickle
from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.calendars import ResolvedDays, WorkingTime, away_days
from sim.units import DAY_S, MINUTE_S

HORIZON = 240
MINUTES = range(HORIZON)

minute = st.integers(0, HORIZON)
span = st.tuples(minute, minute).map(lambda pair: (min(pair), max(pair)))
spans = st.lists(span, max_size=8)
odd_time = st.floats(0, HORIZON * MINUTE_S)
odd_work = st.floats(0, 1.2 * HORIZON * MINUTE_S)


def compiled(pieces: list[tuple[int, int]]) -> WorkingTime:
    """Return the working time under test."""
    return WorkingTime.from_intervals([(a * MINUTE_S, b * MINUTE_S) for a, b in pieces], DAY_S)


def minutes(pieces: list[tuple[int, int]]) -> set[int]:
    """Return the minutes that the pieces cover."""
    return {m for a, b in pieces for m in range(a, b)}


def minutes_of(calendar: WorkingTime) -> set[int]:
    """Return the minutes on duty, asked one by one."""
    return {m for m in MINUTES if calendar.is_open(m * MINUTE_S)}


def walk_next_open(duty: set[int], t: int) -> float:
    """Return the first minute on duty from ``t`` on, in seconds."""
    return next((m * MINUTE_S for m in range(t, HORIZON) if m in duty), math.inf)


def walk_finish(duty: set[int], start: int, work: int) -> float:
    """Return when the work is done, in seconds, taking one minute on duty after the other."""
    if work == 0:
        return walk_next_open(duty, start)
    for m in range(start, HORIZON):
        work -= m in duty
        if work == 0:
            return (m + 1) * MINUTE_S
    return math.inf


@given(spans, minute)
def test_duty_and_openings_agree_with_the_walk(pieces: list[tuple[int, int]], t: int) -> None:
    """Intervals in any order, overlapping or empty, mean the minutes that they cover."""
    calendar, duty = compiled(pieces), minutes(pieces)
    assert calendar.is_open(t * MINUTE_S) == (t in duty)
    assert calendar.next_open(t * MINUTE_S) == walk_next_open(duty, t)
    if t in duty:
        end = next(m for m in range(t, HORIZON + 1) if m not in duty)
        assert calendar.next_close(t * MINUTE_S) == end * MINUTE_S


@given(spans, minute, minute)
def test_finish_agrees_with_the_walk(pieces: list[tuple[int, int]], start: int, work: int) -> None:
    """Work is done in the minute in which the last of its minutes on duty has passed."""
    expected = walk_finish(minutes(pieces), start, work)
    assert compiled(pieces).finish(start * MINUTE_S, work * MINUTE_S) == expected


@given(spans, minute, minute)
def test_elapsed_agrees_with_the_walk(pieces: list[tuple[int, int]], a: int, b: int) -> None:
    """Working time is the number of minutes on duty between two times."""
    expected = MINUTE_S * len(minutes(pieces) & set(range(a, b)))
    assert compiled(pieces).elapsed(a * MINUTE_S, b * MINUTE_S) == expected


@given(spans, spans)
def test_sets_of_minutes(one: list[tuple[int, int]], two: list[tuple[int, int]]) -> None:
    """Minus, intersect and union are what they are for sets of minutes; intervals stay apart."""
    a, b = compiled(one), compiled(two)
    cases = [
        (a.minus([(s * MINUTE_S, e * MINUTE_S) for s, e in two]), minutes(one) - minutes(two)),
        (a.intersect(b), minutes(one) & minutes(two)),
        (a.union(b), minutes(one) | minutes(two)),
    ]
    for calendar, expected in cases:
        assert minutes_of(calendar) == expected
        assert all(s < e for s, e in zip(calendar.starts, calendar.ends, strict=True))
        assert all(e < s for e, s in zip(calendar.ends[:-1], calendar.starts[1:], strict=True))
        assert calendar.elapsed(0.0, math.inf) == MINUTE_S * len(expected)


@given(spans, odd_time, odd_work)
def test_elapsed_undoes_finish(pieces: list[tuple[int, int]], start: float, work: float) -> None:
    """Between the start and the end of a task lies its work, and it ends on duty or with duty."""
    calendar = compiled(pieces)
    end = calendar.finish(start, work)
    if end == math.inf:
        assert calendar.elapsed(start, math.inf) <= work
    else:
        assert abs(calendar.elapsed(start, end) - work) < 2e-6
        assert calendar.is_open(end) or end in calendar.ends


@given(spans, odd_time, odd_time)
def test_finish_undoes_elapsed(pieces: list[tuple[int, int]], a: float, b: float) -> None:
    """Doing the work that was measured never takes longer than the time it was measured in."""
    calendar = compiled(pieces)
    work = calendar.elapsed(a, b)
    if work > 0:
        end = calendar.finish(a, work)
        assert end <= b + 1e-6
        assert abs(calendar.elapsed(a, end) - work) < 2e-6


@given(spans, odd_time, odd_time, odd_time)
def test_elapsed_is_additive(pieces: list[tuple[int, int]], a: float, b: float, c: float) -> None:
    """Working time over two periods in turn is their sum."""
    a, b, c = sorted((a, b, c))
    calendar = compiled(pieces)
    assert abs(calendar.elapsed(a, b) + calendar.elapsed(b, c) - calendar.elapsed(a, c)) < 1e-6


@given(spans, st.booleans(), st.lists(st.tuples(odd_time, odd_work), min_size=1, max_size=20))
def test_vectorised_is_scalar(
    pieces: list[tuple[int, int]], endless: bool, queries: list[tuple[float, float]]
) -> None:
    """Arrays give the very same numbers, for unknown and infinite times and at the edges of duty too."""
    calendar = compiled(pieces)
    if endless:
        calendar = calendar.union(WorkingTime.always().minus([(0.0, 100 * MINUTE_S)]))
    edges = [(t, 600.0) for t in (*calendar.starts, *calendar.ends)]
    special = [(math.nan, 1.0), (1.0, math.nan), (math.inf, math.inf), (0.0, math.inf), (math.inf, 0.0)]
    to_edges = [(queries[0][0], t) for t, _ in edges]
    cases = [*queries, *edges, *[(t, 0.0) for t, _ in edges], *to_edges, *special]
    x, y = (np.array(column) for column in zip(*cases, strict=True))
    np.testing.assert_array_equal(calendar.finish_many(x, y), [calendar.finish(a, b) for a, b in cases])
    np.testing.assert_array_equal(calendar.elapsed_many(x, y), [calendar.elapsed(a, b) for a, b in cases])


@given(spans, st.lists(st.tuples(st.integers(0, 4), odd_time, odd_work), max_size=30))
def test_the_order_of_questions_does_not_matter(
    pieces: list[tuple[int, int]], questions: list[tuple[int, float, float]]
) -> None:
    """A calendar that was asked many things answers as one that was never asked."""
    shared = compiled(pieces)

    def ask(calendar: WorkingTime, question: tuple[int, float, float]) -> float:
        kind, t, work = question
        if kind == 0:
            return calendar.is_open(t)
        if kind == 1:
            return calendar.next_open(t)
        if kind == 2:
            return calendar.elapsed(t, work)
        if kind == 3 and calendar.is_open(t):
            return calendar.next_close(t)
        return calendar.finish(t, work)

    for question in questions:
        assert ask(shared, question) == ask(compiled(pieces), question)
    assert pickle.dumps(shared) == pickle.dumps(compiled(pieces))


hour_ranges = st.lists(st.integers(0, 24), min_size=2, max_size=6, unique=True).map(
    lambda hours: [(a * 3600.0, b * 3600.0) for a, b in zip(*[iter(sorted(hours))] * 2, strict=False)]
)
offsets = st.sets(st.integers(0, 9), max_size=4)


@settings(max_examples=50)
@given(hour_ranges, st.sets(st.integers(0, 6), min_size=1), offsets, offsets, st.integers(0, 6))
def test_an_office_is_open_in_its_hours_on_its_days(
    hours: list[tuple[float, float]], weekdays: set[int], off: set[int], worked: set[int], first: int
) -> None:
    """An office is on duty in the hours of its working days and at no other time."""
    origin = date(2015, 1, 5) + timedelta(days=first)
    days = [origin + timedelta(days=n) for n in range(10)]
    resolved = ResolvedDays({days[n]: "" for n in off - worked}, {days[n]: "" for n in worked})
    calendar = WorkingTime.from_office(hours, weekdays, resolved, origin, 10)
    expected = set()
    for n, day in enumerate(days):
        if n in worked or (n not in off and day.weekday() in weekdays):
            expected |= {n * 24 + hour for hour in range(24) if any(a <= hour * 3600 < b for a, b in hours)}
    assert {m // 2 for m in range(480) if calendar.is_open(m * 1800.0)} == expected
    assert calendar.working_days() == sorted({hour // 24 for hour in expected})
    assert calendar.day_s == sum(b - a for a, b in hours)


@given(st.lists(st.floats(0, 1, exclude_max=True), max_size=40), st.floats(0, 0.45), st.floats(0, 0.45))
def test_a_day_away_depends_on_the_past_only(draws: list[float], one: float, two: float) -> None:
    """Later numbers do not change earlier days, and a larger share takes nobody back to work."""
    u = np.array(draws, dtype=np.float64)
    away = away_days(range(len(u)), u, min(one, two), 6.0)
    half = len(u) // 2
    np.testing.assert_array_equal(away[:half], away_days(range(half), u[:half], min(one, two), 6.0))
    assert (away <= away_days(range(len(u)), u, max(one, two), 6.0)).all()
