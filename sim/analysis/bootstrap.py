"""Quantiles of small samples: the replications pooled, and whole replications resampled.

Rule kept here: where a replication has too few items beyond a quantile to place it, the quantile is that of
all replications together. What is resampled is the replication, never the item: items of one run are not
independent. Intervals are the same in every process: the resampling has a stream of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from sim.analysis.intervals import CONFIDENCE, number
from sim.analysis.quantiles import quantiles, whole
from sim.observations import Floats
from sim.streams import Streams

BEYOND_MIN = 20  # items beyond a quantile, per replication, that are enough to place it in each of them
RESAMPLES = 1000  # the least that Efron and Tibshirani (1993) advise for the ends of an interval
SAMPLE_MAX = 500  # items; larger samples stay in the worker: they have 25 items beyond the 95 % quantile
REPLICATIONS_MIN = (
    5  # of three, 27 resamples are too few: their intervals covered 81-87 % of 200 known quantiles
)
REPLICATIONS = "replications"
POOLED = "pooled bootstrap"

_STREAM = Streams(0, 1)


def compact(sample: Floats) -> NDArray[np.float32] | None:
    """Return a small sample as it travels, ascending and with open items; ``None`` for a large one.

    Single precision keeps a time of ten days to a tenth of a second.

    Args:
        sample: See the rule of :mod:`sim.analysis.quantiles`.
    """
    counted = sample[~np.isnan(sample)]
    return np.sort(counted).astype(np.float32) if counted.size <= SAMPLE_MAX else None


def too_few(samples: Sequence[NDArray[np.floating[Any]]], level: float) -> bool:
    """Tell whether replications have on average fewer than :data:`BEYOND_MIN` items beyond a quantile.

    Args:
        samples: One per replication; those without items do not count.
        level: Share from 0 to 1.

    Returns:
        Also false with fewer than :data:`REPLICATIONS_MIN` replications: then there is nothing to resample.
    """
    sizes = [one.size for one in samples if one.size]
    return len(sizes) >= REPLICATIONS_MIN and round(sum(sizes) / len(sizes) * (1 - level), 6) < BEYOND_MIN


def pooled_quantile(
    samples: Sequence[NDArray[np.floating[Any]]], level: float, name: str, confidence: float = CONFIDENCE
) -> dict[str, Any]:
    """Return the quantile of all replications together, with a bootstrap interval over replications.

    The interval is the expanded percentile interval: its ends are the quantiles of the resampled estimates
    at the level that gives the mean of as many normal values Student's interval; the plain percentile
    interval is too short with few replications. Source: Hesterberg (2015), What teachers should know about
    the bootstrap, on expanded percentile intervals.

    Args:
        samples: One per replication, open items as ``+inf``, none as NaN; two or more with items.
        level: Share from 0 to 1.
        name: Name of the metric, the key of its resampling; the same name resamples alike.
        confidence: Confidence of the interval.

    Returns:
        An estimate as JSON, with ``low`` and ``high`` of the interval; ``half_width`` reaches the farther one.
        An end among the open items, and then the half-width, is ``None``.
    """
    held = [np.asarray(one, dtype=np.float64) for one in samples if one.size]
    (estimate,) = quantiles(np.concatenate(held), (level,))
    resampled = np.sort(_resampled(held, level, name))
    n = len(held)
    t = float(stdtrit(n - 1, 0.5 - confidence / 2))
    outside = float(ndtr(math.sqrt(n / (n - 1)) * t))
    low = float(resampled[math.floor(outside * (RESAMPLES - 1))])
    high = float(resampled[math.ceil((1 - outside) * (RESAMPLES - 1))])
    return {
        "estimate": number(estimate),
        "half_width": number(max(estimate - low, high - estimate)),
        "confidence": confidence,
        "replications": n,
        "method": POOLED,
        "low": number(low),
        "high": number(high),
    }


def _resampled(held: Sequence[Floats], level: float, name: str) -> Floats:
    """Return the pooled quantile of each resample of whole replications; ``+inf`` among open items."""
    n = len(held)
    chosen = (_STREAM.uniforms(RESAMPLES * n, "bootstrap", name) * n).astype(np.int64)
    row = np.repeat(np.arange(RESAMPLES), n)
    times = np.bincount(row * n + chosen, minlength=RESAMPLES * n).reshape(RESAMPLES, n)
    finite = [one[np.isfinite(one)] for one in held]
    owner = np.repeat(np.arange(n), [one.size for one in finite])
    values = np.concatenate(finite)
    order = np.argsort(values, kind="stable")
    ascending = np.append(values[order], math.inf)
    below = np.cumsum(owner[order][:, None] == np.arange(n), axis=0)  # items of each up to each value
    below = np.vstack([below, [one.size for one in held]])
    position = whole((times @ np.array([one.size for one in held]) - 1) * level)
    lower = np.floor(position)
    low = ascending[_first(below, times, lower + 1)]
    high = ascending[_first(below, times, np.ceil(position) + 1)]
    between = np.zeros(low.shape)
    np.subtract(high, low, out=between, where=np.isfinite(low))
    return low + np.where(position > lower, between * (position - lower), 0.0)


def _first(below: NDArray[np.int64], times: NDArray[np.int64], wanted: Floats) -> NDArray[np.int64]:
    """Return by bisection the first value up to which a resample has as many items as wanted."""
    low, high = np.zeros(wanted.size, dtype=np.int64), np.full(wanted.size, len(below) - 1)
    while np.any(low < high):
        middle = (low + high) // 2
        enough = np.sum(times * below[middle], axis=1) >= wanted
        high = np.where(enough, middle, high)
        low = np.where(enough, low, np.minimum(middle + 1, high))
    return low
