from __future__ import annotations

import math

import numpy as np
import pytest

from sim.analysis.intervals import Estimate, number, student
from sim.errors import InputError


def test_interval_of_three_values() -> None:
    """Three values give the mean and the tabulated quantile of Student's t with two degrees of freedom."""
    estimate = student([1.0, 2.0, 3.0])
    assert estimate.estimate == 2.0
    assert estimate.half_width == pytest.approx(4.302652729749464 / math.sqrt(3))
    assert estimate.low == pytest.approx(2 - estimate.half_width)
    assert estimate.high == pytest.approx(2 + estimate.half_width)


def test_replications_without_value_are_dropped_and_told() -> None:
    """NaN and infinite values do not count, and the number of replications says so."""
    assert student([1.0, math.nan, 3.0, math.inf]) == student([1.0, 3.0])
    assert student(np.array([1.0, math.nan])).replications == 1


def test_one_value_has_no_interval() -> None:
    """One replication gives an estimate and no half-width, none gives neither."""
    assert student([5.0]).to_json() == {
        "estimate": 5.0,
        "half_width": None,
        "confidence": 0.95,
        "replications": 1,
    }
    assert student([]).to_json() == {
        "estimate": None,
        "half_width": None,
        "confidence": 0.95,
        "replications": 0,
    }


def test_equal_values_have_width_zero() -> None:
    """Without any variation the interval is a point."""
    assert student([4.0, 4.0, 4.0]) == Estimate(4.0, 0.0, 0.95, 3)


@pytest.mark.parametrize("confidence", [0.0, 1.0, math.nan, 95.0])
def test_confidence_out_of_range(confidence: float) -> None:
    """A confidence that is no share between 0 and 1 is the caller's error."""
    with pytest.raises(InputError, match="E-CONFIDENCE"):
        student([1.0, 2.0], confidence)


def test_numbers_for_json() -> None:
    """NaN and infinities, which JSON lacks, become None."""
    assert [number(value) for value in (1.5, math.nan, math.inf, -math.inf)] == [1.5, None, None, None]
