from __future__ import annotations

from math import inf, isnan, nan

import numpy as np
import pytest

from sim.analysis.quantiles import mean, quantiles, share_within, size


def test_open_items_count_as_long() -> None:
    """With one of five open, the median is the third value and the 95 % quantile is not known."""
    sample = np.array([30.0, inf, 10.0, nan, 20.0, 40.0])
    median, p75, p95 = quantiles(sample, (0.5, 0.75, 0.95))
    assert (median, p75) == (30.0, 40.0)
    assert isnan(p95)


def test_interpolation_needs_both_neighbours() -> None:
    """Between a value and an open item nothing is made up."""
    (between,) = quantiles(np.array([1.0, 2.0, inf, inf]), (0.5,))
    assert isnan(between)
    assert quantiles(np.array([1.0, 2.0, 4.0, inf]), (0.5,)) == (3.0,)


def test_a_whole_position_needs_no_neighbour() -> None:
    """Rounding in the position of a quantile does not ask for the next item, which may be open."""
    level = 0.29  # 0.29 * 100 is 28.999999999999996 in floats, and 0.07 * 100 is 7.000000000000001
    sample = np.concatenate([np.arange(8.0), np.full(93, inf)])
    assert quantiles(sample, (0.07,)) == (7.0,)
    sample = np.concatenate([np.arange(30.0), np.full(71, inf)])
    assert quantiles(sample, (level,)) == (29.0,)


def test_empty_sample() -> None:
    """A sample without items has no quantile, no mean and no share."""
    nothing = np.array([nan])
    assert isnan(quantiles(nothing, (0.5,))[0])
    assert isnan(mean(nothing))
    assert np.isnan(share_within(nothing, np.array([1.0]))).all()
    assert size(nothing) == 0


def test_mean_and_size_leave_open_items_out() -> None:
    """A mean is over what is finished, and the size says how many that were."""
    sample = np.array([1.0, 3.0, inf, nan])
    assert mean(sample) == 2.0
    assert size(sample) == 2


def test_share_within_counts_open_items_as_outside() -> None:
    """Open items are in the denominator and inside no bound; a bound includes itself up to rounding."""
    sample = np.array([1.0, 2.0 + 1e-9, inf, nan])
    assert share_within(sample, np.array([0.5, 2.0, 1e12])) == pytest.approx([0, 2 / 3, 2 / 3])
