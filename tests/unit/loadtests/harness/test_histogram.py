"""Histograms: percentiles of an exact sort to within 0.1 %, misses above every time, and what must be refused."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from loadtests.harness.histogram import HIGHEST_S, RELATIVE_ERROR, Histogram, nearest_rank
from sim.errors import InputError

PERCENTILES = (0.0, 1.0, 50.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0)


def of(*values_s: float) -> Histogram:
    """A histogram of these times."""
    made = Histogram()
    made.record(np.array(values_s))
    return made


@pytest.mark.parametrize(
    ("percentile", "count", "rank"),
    [
        (50, 10, 5),
        (50, 11, 6),
        (99.9, 1000, 999),
        (99, 100, 99),
        (99, 101, 100),
        (100, 7, 7),
        (0, 7, 1),
        (1, 1, 1),
    ],
)
def test_a_percentile_is_the_least_value_with_so_great_a_share_at_or_below(
    percentile: float, count: int, rank: int
) -> None:
    """99.9 % of 1000 is the 999th, though 99.9 / 100 * 1000 is more than 999 in binary fractions."""
    assert nearest_rank(percentile, count) == rank


@pytest.mark.parametrize("seed", range(4))
def test_percentiles_are_those_of_an_exact_sort_within_a_thousandth(seed: int) -> None:
    """Over nine orders of magnitude; the resolution is proved, the promise is 0.1 %."""
    rng = np.random.default_rng(seed)
    values = np.exp(rng.uniform(np.log(1e-6), np.log(HIGHEST_S), 20_000))
    ascending, counted = np.sort(values), of(*values)
    for percentile, found in zip(PERCENTILES, counted.percentiles(PERCENTILES), strict=True):
        exact = ascending[nearest_rank(percentile, values.size) - 1]
        assert found == pytest.approx(exact, rel=RELATIVE_ERROR * (1 + 1e-9))
    assert RELATIVE_ERROR <= 0.001


def test_locusts_buckets_would_have_passed_what_these_fail() -> None:
    """1049.9 ms is told as 1000 ms with two digits, and a bound of 1000 ms then seems to hold."""
    assert of(1.0499).percentile(99) > 1.0488


def test_every_edge_falls_into_the_bucket_that_begins_there() -> None:
    """Powers of two and whole microseconds are where rounding would show."""
    for value_us in [*range(1, 3000), *(2**n for n in range(32)), 3_600_000_000]:
        low, high, counts = of(value_us / 1e6).buckets()
        assert counts.tolist() == [1]
        assert low[0] <= value_us / 1e6 * (1 + 1e-12)
        assert high[0] > value_us / 1e6
        assert high[0] - low[0] <= 2 * RELATIVE_ERROR * low[0] * (1 + 1e-9)


def test_what_takes_less_than_a_microsecond_is_told_within_one() -> None:
    """There is one bucket below 1 µs."""
    assert of(0.0, 3e-7, 9e-7).percentile(50) == pytest.approx(3e-7, abs=1e-6)
    assert of(0.0).percentile(50) == 0.0


def test_what_never_came_is_above_every_time() -> None:
    """Leaving misses out is how a generator hides an overload."""
    counted = of(*np.linspace(0.01, 0.02, 98))
    counted.miss(2)
    assert (counted.count, counted.completed, counted.missed) == (100, 98, 2)
    assert counted.percentile(98) == pytest.approx(0.02, rel=0.001)
    assert counted.percentile(99) == math.inf
    assert counted.max_s == 0.02


def test_an_infinite_time_is_one_that_never_came() -> None:
    """The rows of a run give misses so."""
    counted = of(0.1, math.inf, math.inf)
    assert (counted.completed, counted.missed) == (1, 2)


def test_longer_than_an_hour_is_counted_as_an_hour_and_told() -> None:
    """Nothing is lost silently."""
    counted = of(1.0, 3600.0, 3600.5, 1e9)
    assert (counted.count, counted.clamped, counted.max_s) == (4, 2, HIGHEST_S)
    assert counted.percentile(100) == HIGHEST_S


@pytest.mark.parametrize("bad", [-1e-9, math.nan, -math.inf])
def test_times_that_cannot_be_are_refused_and_nothing_is_counted(bad: float) -> None:
    """A negative time is a fault of clocks, which a percentile must not swallow."""
    counted = Histogram()
    with pytest.raises(ValueError, match="negative or not a number"):
        counted.record(np.array([0.1, bad, math.inf]))
    assert counted.count == 0


def test_fewer_than_none_cannot_be_missed() -> None:
    """A slip in a subtraction would take misses away."""
    with pytest.raises(ValueError, match="fewer than none"):
        Histogram().miss(-1)


@pytest.mark.parametrize("bad", [-0.1, 100.1, math.nan])
def test_a_percentile_outside_its_range_is_refused(bad: float) -> None:
    """Such as one given as 0 to 1000."""
    with pytest.raises(ValueError, match="between 0 and 100"):
        of(1.0).percentile(bad)


def test_of_nothing_no_percentile_and_no_mean_is_known() -> None:
    """Not 0, which would meet every objective."""
    counted = Histogram()
    counted.record(np.empty(0))
    assert math.isnan(counted.percentile(99))
    assert math.isnan(counted.mean_s)


def test_the_mean_is_exact_to_the_nanosecond_and_leaves_misses_out() -> None:
    """It is summed, not taken from buckets; of a million hours, too."""
    counted = of(0.001, 0.002, 0.0060003, math.inf)
    assert counted.mean_s == pytest.approx(0.0030001, abs=1e-9)
    hours = Histogram()
    hours.record(np.full(2_600_000, HIGHEST_S))
    assert hours.mean_s == HIGHEST_S


def test_it_comes_back_from_json_as_it_was() -> None:
    """Workers send it as JSON once a second, with empty buckets left out."""
    counted = of(0.001, 0.001, 7.5, 4000.0)
    counted.miss(3)
    written = json.dumps(counted.to_json())
    again = Histogram.from_json(json.loads(written))
    assert len(written) < 300
    assert again.to_json() == counted.to_json()
    assert again.percentiles((10, 40, 60, 99)) == counted.percentiles((10, 40, 60, 99))
    empty = Histogram.from_json(json.loads(json.dumps(Histogram().to_json())))
    empty.merge(of(1.0))
    assert (empty.min_s, empty.max_s) == (1.0, 1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"sub_buckets": 512},
        {"counts": [-1]},
        {"places": [-1]},
        {"places": [10**6]},
        {"missed": None},
        {"missed": -1},
        {"counts": [1, 2]},
        {"counts": "x"},
    ],
)
def test_json_that_is_no_histogram_is_refused(change: dict[str, Any]) -> None:
    """A report of another version must not be added up."""
    with pytest.raises(InputError, match="E-HISTOGRAM"):
        Histogram.from_json({**of(1.0).to_json(), **change})
