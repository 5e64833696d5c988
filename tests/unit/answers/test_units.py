"""In which unit a metric is told."""

from __future__ import annotations

import pytest

from sim.answers.units import unit_of
from sim.units import DAY_S, HOUR_S

ESTIMATE = {"estimate": -1.5 * DAY_S, "half_width": 0.25 * DAY_S}


@pytest.mark.parametrize(
    ("metric", "value", "name"),
    [
        ("turnaround_working_s.mean", 8 * HOUR_S, "wd"),
        ("turnaround_s.p90", 5 * DAY_S, "d"),
        ("by_flow.directive.last_registered_s.p90", 3 * HOUR_S, "h"),
        ("by_flow_level.directive.commune.registered_within.1", 0.5, "%"),
        ("ledgers.deliveries_per_working_day", 100.0, ""),
        ("cost.npv", 2e9, "bn VND"),
        ("cost.cash_saved_per_year", 2e8, "m VND"),
        ("cost.payback_years", 2.0, "years"),
        ("cost.break_even_deliveries_per_year", 2e5, "deliveries a year"),
        ("cost.hours_freed_per_year", 2e3, "hours"),
    ],
)
def test_the_path_tells_the_unit(metric: str, value: float, name: str) -> None:
    """Working time in the office's days, calendar time in days or hours, shares in percent."""
    assert unit_of(metric, [value, None], 8 * HOUR_S).name == name


def test_numbers_carry_both_ranges() -> None:
    """An estimate has its half-width, a range both ends with a true minus sign, and what is missing is said."""
    unit = unit_of("turnaround_s.mean", [5 * DAY_S], 8 * HOUR_S)
    assert unit.signed(ESTIMATE) == "\u22121.50 ± 0.25 d"
    told = unit.range({"low": -2 * DAY_S, "high": DAY_S, "missing": 1}, sign=True)
    assert told == ", from \u22122.00 to +1.00 (no value in 1 draws)"


def test_what_is_not_known_is_said() -> None:
    """No estimate and no half-width are words, not numbers."""
    unit = unit_of("turnaround_s.mean", [5 * DAY_S], 8 * HOUR_S)
    assert unit.plain({"estimate": None, "half_width": None}) == "no value"
    assert unit.plain({"estimate": DAY_S, "half_width": None}) == "1.00 ± ? d"
    assert "no draw has a value" in unit.range({"low": None, "high": None, "missing": 4})
