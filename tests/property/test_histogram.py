"""What holds for histograms of any times: order of merging, percentiles, nothing lost."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadtests.harness.histogram import HIGHEST_S, Histogram, nearest_rank

TIMES = st.lists(
    st.one_of(st.floats(0, 2 * HIGHEST_S), st.floats(0, 1e-3), st.just(math.inf)), min_size=0, max_size=40
)


def of(*parts: list[float]) -> Histogram:
    """One histogram of several parts, merged in this order."""
    made = Histogram()
    for part in parts:
        one = Histogram()
        one.record(np.array(part))
        made.merge(one)
    return made


@given(TIMES, TIMES, TIMES)
def test_the_order_of_merging_changes_nothing(
    first: list[float], second: list[float], third: list[float]
) -> None:
    """Workers report in any order; sums and extremes, too, are the same to the last bit."""
    whole = of([*first, *second, *third]).to_json()
    assert of(first, second, third).to_json() == whole
    assert of(third, first, second).to_json() == whole
    left, right = of(first, second), of(second, third)
    left.merge(of(third))
    outer = of(first)
    outer.merge(right)
    assert left.to_json() == outer.to_json() == whole


@given(TIMES.filter(bool), st.floats(0, 100))
def test_a_percentile_is_the_exact_sorts_within_a_thousandth_or_a_microsecond(
    values: list[float], percentile: float
) -> None:
    """Misses stay above every time, and what is longer than an hour counts as one."""
    came = np.array([min(value, HIGHEST_S) if math.isfinite(value) else math.inf for value in values])
    exact = float(np.sort(came)[nearest_rank(percentile, came.size) - 1])
    found = of(values).percentile(percentile)
    assert found == exact or abs(found - exact) <= max(0.001 * exact, 1e-6)


@given(TIMES)
def test_nothing_is_lost_and_percentiles_never_fall(values: list[float]) -> None:
    """Every time is in one bucket, between its edges."""
    counted = of(values)
    assert counted.count == len(values)
    assert counted.missed == sum(math.isinf(value) for value in values)
    assert int(counted.buckets()[2].sum()) == counted.completed
    levels = counted.percentiles(tuple(np.linspace(0, 100, 11).tolist()))
    assert not values or all(low <= high for low, high in pairwise(levels))


@given(TIMES)
def test_json_brings_it_back(values: list[float]) -> None:
    """To the last bit."""
    counted = of(values)
    assert Histogram.from_json(counted.to_json()).to_json() == counted.to_json()
