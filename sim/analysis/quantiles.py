"""Samples in which some items are not finished yet, and what can be said about them all the same.

Rule kept here, for all of this room: in a *sample* a finite number is a value, ``+inf`` stands for an item
that is still open, and NaN for an item that has no value and never will have one. Open items count in
quantiles and shares, where it is enough to know that they are long; they cannot count in a mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sim.observations import Floats

# A moment that is later than a bound by less than this is inside it: sums of floats are not exact.
ROUNDING_S = 1e-6

_WHOLE = 1e-9  # a position this close to a whole number is that number: 0.95 * 60 need not be 57 exactly


def quantiles(sample: Floats, levels: Sequence[float]) -> tuple[float, ...]:
    """Return quantiles of a sample with open items, interpolated linearly.

    Source: Hyndman and Fan (1996), definition 7, the default of numpy.

    Args:
        sample: See the rule of this file.
        levels: Shares from 0 to 1.

    Returns:
        One quantile per level, in the unit of the sample; NaN where the sample is empty or where one of the
        two neighbours of the position is open.
    """
    counted = sample[~np.isnan(sample)]
    finite = np.sort(counted[np.isfinite(counted)])
    return tuple(_at(finite, (counted.size - 1) * level) for level in levels)


def whole(positions: Floats) -> Floats:
    """Return positions in a sample, those next to a whole number rounded to it."""
    rounded = np.round(positions)
    return np.where(np.abs(positions - rounded) < _WHOLE, rounded, positions)


def _at(ascending: Floats, position: float) -> float:
    if abs(position - round(position)) < _WHOLE:
        position = round(position)
    lower, upper = math.floor(position), math.ceil(position)
    if lower < 0 or upper >= ascending.size:
        return math.nan
    low, high = float(ascending[lower]), float(ascending[upper])
    return low + (high - low) * (position - lower)


def mean(sample: Floats) -> float:
    """Return the mean of the finite values of a sample, NaN where there is none."""
    finite = sample[np.isfinite(sample)]
    return float(np.mean(finite)) if finite.size else math.nan


def size(sample: Floats) -> int:
    """Return how many items of a sample have a value."""
    return int(np.count_nonzero(np.isfinite(sample)))


def share_within(sample: Floats, bounds: Floats) -> Floats:
    """Return the share of a sample that is at most each bound; open items are above every bound.

    Args:
        sample: See the rule of this file; in seconds.
        bounds: In seconds.

    Returns:
        Shares from 0 to 1, by bound; NaN where the sample is empty.
    """
    counted = np.sort(sample[~np.isnan(sample)])
    if not counted.size:
        return np.full(bounds.shape, math.nan)
    return np.searchsorted(counted, bounds + ROUNDING_S, side="right") / counted.size
