"""Capacity in the planner's words: arithmetic, grades, and that nothing is mixed."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.harness import capacity, reference_traffic
from loadtests.harness.capacity import Measured, rows
from loadtests.harness.reference_traffic import Grade, Traffic, axis_mean, inside_provinces, national_axis
from sim.calendars.days import resolve_holidays

SEEN = Measured(100.0, 3.0, 250_000.0, 50_000, 95.0, 105.0, how="found by search")
PROVINCE = Traffic(
    "Quang Ninh, busiest hour", (0.2, 0.2, 0.2), (0.5, 0.5, 0.5), (1e5, 1e5, 1e5), Grade.COMPUTED, "scenario"
)


def working_days(first: date, last: date) -> int:
    """By the calendar that the simulator uses."""
    days = resolve_holidays("VN", first, last)
    every = (first + timedelta(number) for number in range((last - first).days + 1))
    return sum(days.is_working_day(day, range(5)) for day in every)


@pytest.mark.parametrize(
    ("first", "last", "stated"),
    [
        (date(2022, 7, 1), date(2022, 7, 31), reference_traffic.JULY_2022_WORKING_DAYS),
        (date(2021, 1, 1), date(2021, 8, 31), reference_traffic.GIA_LAI_WORKING_DAYS),
        (date(2020, 1, 1), date(2020, 12, 31), reference_traffic.BINH_DUONG_WORKING_DAYS),
        (date(2015, 1, 1), date(2018, 10, 31), reference_traffic.QUANG_NINH_WORKING_DAYS),
    ],
)
def test_working_days_are_those_of_the_calendar(first: date, last: date, stated: int) -> None:
    """The constants of this room are what the simulator's calendar of Viet Nam counts."""
    assert working_days(first, last) == stated


def test_the_axis_of_july_2022_as_rates() -> None:
    """The month's counts in 21 days of 8 hours; at 7.5 hours they are the 0.24 and 0.86 a second of the reference."""
    axis = axis_mean()
    assert axis.submissions_per_s[0] == pytest.approx(135_164 / (21 * 8 * 3600))
    assert axis.deliveries_per_s[0] == pytest.approx(485_666 / (21 * 8 * 3600))
    assert axis.submissions_per_s[2] == pytest.approx(0.24, abs=0.005)
    assert axis.deliveries_per_s[2] == pytest.approx(0.86, abs=0.005)
    assert axis.grade is Grade.COMPUTED


def test_the_estimate_inside_provinces_says_that_it_is_one() -> None:
    """It is assumed, has a range that holds the third published province, and exceeds the axis."""
    inside = inside_provinces()
    assert inside.grade is Grade.ASSUMED
    assert inside.source.startswith("assumed")
    third = (
        63 * reference_traffic.QUANG_NINH_EXCHANGED / reference_traffic.QUANG_NINH_WORKING_DAYS / (8 * 3600)
    )
    assert inside.deliveries_per_s[1] < third < inside.deliveries_per_s[2]
    assert inside.deliveries_per_s[0] > axis_mean().deliveries_per_s[0]


def test_ranges_hold_their_values_and_peaks_are_assumed() -> None:
    """Lowest, value and highest are in order; every busiest hour is graded assumed and names its factor."""
    for one in national_axis():
        for value, low, high in (one.submissions_per_s, one.deliveries_per_s):
            assert low < value < high
        if "busiest" in one.name:
            assert one.grade is Grade.ASSUMED
            assert "peak factor of 7 (5 to 10)" in one.source


def test_three_units_stand_apart() -> None:
    """Submissions, deliveries and bytes of one capacity, each beside the same unit of a province."""
    by = {one.what: one for one in rows(SEEN, [PROVINCE])}
    assert by["submissions"].here == 100
    assert by["deliveries"].here == 300
    assert by["MB"].here == pytest.approx(25)
    assert (by["deliveries"].low, by["deliveries"].high) == (285, 315)
    assert by["MB"].unit == "MB/s"
    ratios = {what: one.beside[0].ratio for what, one in by.items()}
    assert ratios == pytest.approx({"submissions": 500, "deliveries": 600, "MB": 250})
    assert by["deliveries"].beside[0].text == "600 times"
    assert by["MB"].beside[0].grade is Grade.COMPUTED


def test_bytes_of_the_axis_are_assumed_to_be_as_here() -> None:
    """No sizes were published: the ratio in bytes is that of submissions, and says what was assumed."""
    by = {one.what: one for one in rows(SEEN)}
    for sent, size in zip(by["submissions"].beside, by["MB"].beside, strict=True):
        assert size.ratio == pytest.approx(sent.ratio)
        assert size.grade is Grade.ASSUMED
        assert "250 kB" in size.source


@given(st.floats(1e-3, 1e5), st.floats(1, 300), st.floats(100, 1e8), st.booleans())
def test_ratios_are_consistent(rate: float, fan_out: float, size: float, at_least: bool) -> None:
    """Value times ratio is what was measured, the range of the ratio holds it, and "at least" is passed on."""
    for row in rows(Measured(rate, fan_out, size, at_least=at_least), [PROVINCE]):
        assert row.low is None
        for one in row.beside:
            assert one.value * one.ratio == pytest.approx(row.here)
            assert one.ratio_low <= one.ratio * (1 + 1e-9)
            assert one.ratio <= one.ratio_high * (1 + 1e-9)
            assert one.text.startswith("at least ") is at_least
        json.dumps(row.to_json(), allow_nan=False)


def test_multiples_in_words() -> None:
    """Two digits below ten, whole numbers above."""
    assert capacity.times(0.123) == "0.12 times"
    assert capacity.times(4.449) == "4.4 times"
    assert capacity.times(1234.5) == "1,234 times"
