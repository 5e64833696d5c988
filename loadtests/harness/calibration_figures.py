"""Figures of a measured profile: means, percentiles and shares, each with an interval.

Rule kept here: neighbours in a run are alike, so that no interval takes them for independent; where so few values allow
no end of an interval, there is none.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from loadtests.harness import bounds
from loadtests.harness.histogram import nearest_rank

CONFIDENCE: Final = 0.95
PERCENTILES: Final = {"p50": 50.0, "p95": 95.0, "p99": 99.0}
_BATCHES: Final = 20
_EACH_END: Final = (1 + CONFIDENCE) / 2

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def number(value: float | None) -> float | None:
    """For JSON: ``None`` for what is not finite."""
    return float(value) if value is not None and math.isfinite(value) else None


def mean(values: Floats) -> dict[str, float | None]:
    """The mean with Student's interval over the means of 20 batches, in the order in which the values came.

    Args:
        values: Finite, in order of time; with fewer than 40 each is a batch of its own.

    Returns:
        ``value``, ``low`` and ``high``, in the unit of the values; None where there is none.
    """
    if not len(values):
        return {"value": None, "low": None, "high": None}
    middle, half = float(np.mean(values)), math.nan
    parts = np.array_split(values, _BATCHES) if len(values) >= 2 * _BATCHES else values
    batches = np.array([float(np.mean(part)) for part in parts])
    if len(batches) > 1:
        spread = float(np.std(batches, ddof=1)) / math.sqrt(len(batches))
        half = float(stdtrit(len(batches) - 1, _EACH_END)) * spread
    return {"value": middle, "low": number(max(middle - half, 0.0)), "high": number(middle + half)}


def percentile(
    values: Floats, at_s: Floats, level: float, rng: np.random.Generator
) -> dict[str, float | None]:
    """A percentile by nearest rank, and its interval by order statistics, widened for clustering.

    Args:
        values: Finite, in order of time.
        at_s: When each was due.
        level: Above 0 and below 100.
        rng: For the block bootstrap of the clustering.

    Returns:
        As ``mean``; an end that so few values do not allow is None.
    """
    if not len(values):
        return {"value": None, "low": None, "high": None}
    ascending = np.sort(values)
    value = float(ascending[nearest_rank(level, len(values)) - 1])
    seen = bounds.clustering(values >= value, at_s, confidence=_EACH_END, rng=rng)
    if not seen.blocks:
        return {"value": value, "low": None, "high": None}
    low, high = bounds.percentile_ranks(level, len(values), _EACH_END, seen.low_effect, seen.high_effect)
    return {
        "value": value,
        "low": float(ascending[low - 1]) if low > 0 else None,
        "high": float(ascending[high - 1]) if high <= len(values) else None,
    }


def distribution(values: Floats, at_s: Floats, rng: np.random.Generator) -> dict[str, Any]:
    """Number, mean and percentiles of times in order."""
    return {
        "n": len(values),
        "mean": mean(values),
        **{name: percentile(values, at_s, level, rng) for name, level in PERCENTILES.items()},
    }


def share(which: Bools, at_s: Floats, rng: np.random.Generator) -> dict[str, float | None]:
    """A share with Clopper and Pearson's interval, widened for clustering.

    Args:
        which: In order of time.
        at_s: When each was due.
        rng: For the block bootstrap of the clustering.

    Returns:
        ``share``, ``low``, ``high`` and ``n``.
    """
    n, count = len(which), int(np.count_nonzero(which))
    if not n:
        return {"share": None, "low": None, "high": None, "n": 0}
    seen = bounds.clustering(which, at_s, confidence=_EACH_END, rng=rng)
    low, high = 0.0, 1.0
    if seen.blocks:
        low = bounds.share_at_least(count / seen.low_effect, n / seen.low_effect, _EACH_END)
        high = bounds.share_at_most(count / seen.high_effect, n / seen.high_effect, _EACH_END)
    return {"share": count / n, "low": low, "high": high, "n": n}
