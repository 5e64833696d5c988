"""Dispersion: even, Poisson and bursty arrivals are told apart, with false alarms as rare as stated."""

from __future__ import annotations

import math

import numpy as np
import pytest

from loadtests.harness.dispersion import dispersion, exponential_gaps
from loadtests.harness.profiles import Profile

RATE = 50.0
LENGTH_S = 200.0


def test_even_arrivals_have_no_dispersion() -> None:
    """Counts of even arrivals do not vary at all, which no Poisson process does."""
    found = dispersion(Profile.steady(RATE, LENGTH_S, "even").due_s(1) + 1e-6, LENGTH_S, 1.0)
    assert found.index == 0.0
    assert found.mean == RATE
    assert found.poisson_like is False


@pytest.mark.parametrize("window_s", [1.0, 10.0])
def test_the_band_holds_poisson_arrivals_as_often_as_stated(window_s: float) -> None:
    """Of 200 seeds, 95 % lie in the band of 95 %: between 175 and 199 (outside: below one in 10,000)."""
    found = [
        dispersion(Profile.steady(RATE, LENGTH_S).due_s(seed), LENGTH_S, window_s) for seed in range(200)
    ]
    inside = sum(one.poisson_like is True for one in found)
    assert 175 <= inside <= 199
    assert np.mean([one.index for one in found]) == pytest.approx(1.0, abs=0.12)


def test_bursts_are_seen() -> None:
    """Arrivals in groups of four at one moment have four times the dispersion of single ones."""
    due = np.repeat(Profile.steady(RATE / 4, LENGTH_S).due_s(1), 4)
    found = dispersion(due, LENGTH_S, 1.0)
    assert found.index == pytest.approx(4.0, rel=0.5)
    assert found.poisson_like is False
    assert exponential_gaps(due * RATE).p_value < 1e-9


@pytest.mark.parametrize(
    ("length_s", "window_s", "rate"), [(9.0, 10.0, 50.0), (30.0, 10.0, 50.0), (200.0, 1.0, 0.3)]
)
def test_there_is_no_band_where_it_would_not_hold(length_s: float, window_s: float, rate: float) -> None:
    """With few windows, or nearly empty ones, no band is claimed."""
    found = dispersion(Profile.steady(rate, length_s).due_s(1), length_s, window_s)
    assert math.isnan(found.poisson_low)
    assert found.poisson_like is None


def test_nothing_has_no_index() -> None:
    """Without arrivals there is no index and no test."""
    assert math.isnan(dispersion(np.empty(0), 60.0, 1.0).index)
    assert math.isnan(exponential_gaps(np.empty(0)).p_value)


def test_a_last_incomplete_window_is_left_out() -> None:
    """Ten seconds and a half are ten windows of a second."""
    found = dispersion(np.arange(0.0, 10.5, 0.25), 10.5, 1.0)
    assert (found.windows, found.mean, found.index) == (10, 4.0, 0.0)


def test_gaps_of_another_rate_or_shape_are_not_exponential() -> None:
    """Even gaps, and Poisson arrivals of a rate 20 % higher than stated, fail the test."""
    even = Profile.steady(RATE, LENGTH_S, "even").due_s(1)
    fast = Profile.steady(1.2 * RATE, LENGTH_S).due_s(1)
    assert exponential_gaps(even * RATE).p_value < 1e-9
    assert exponential_gaps(fast * RATE).p_value < 1e-9


def test_p_values_are_uniform() -> None:
    """Of 300 seeds, at most 12 % have a p-value below 0.05, and some have (false alarm below one in 100,000)."""
    below = sum(
        exponential_gaps(Profile.steady(RATE, 20.0).due_s(seed) * RATE).p_value < 0.05 for seed in range(300)
    )
    assert 1 <= below <= 36
