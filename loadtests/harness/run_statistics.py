"""Statistics of a few runs: exact rank tests, a bootstrap interval of their median, the noise of repeats.

Rule kept here: few runs are few; nothing relies on a normal approximation, and what so few runs cannot show is said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb, ndtr, stdtrit
from scipy.stats import rankdata

PAIRED_MIN: Final = 6  # pairs from which the signed-rank test can go below 5 %
SIGNED_RANK: Final = "Wilcoxon signed rank, exact"
RANK_SUM: Final = "Mann-Whitney, exact"
_RESAMPLES: Final = 4000
_ROUND: Final = 12  # decimals at which two logarithms tie
_ALMOST: Final = 1e-9

Floats = NDArray[np.float64]


def interval(ratios: Floats, rng: np.random.Generator, confidence: float) -> tuple[float, float, float]:
    """Bootstrap interval of the median.

    The expanded percentile interval: the plain one is too short for few values. Source: Hesterberg (2015), What
    teachers should know about the bootstrap. No resample reaches beyond the extremes, which hold the median with a
    probability of ``1 - 2^(1 - n)`` only.

    Args:
        ratios: Two or more finite values.
        rng: For resampling.
        confidence: Wanted.

    Returns:
        Lower end, upper end, and the confidence that so few values allow.
    """
    n = len(ratios)
    medians = np.sort(np.median(ratios[rng.integers(0, n, (_RESAMPLES, n))], axis=1))
    outside = float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 - confidence) / 2)))
    low = float(medians[math.floor(outside * (_RESAMPLES - 1))])
    high = float(medians[math.ceil((1 - outside) * (_RESAMPLES - 1))])
    return low, high, min(confidence, 1 - 2.0 ** (1 - n))


def student(ratios: Floats, confidence: float) -> tuple[float, float]:
    """Student's interval of the mean; wide for few values, as it must be."""
    n = len(ratios)
    half = float(stdtrit(n - 1, (1 + confidence) / 2) * np.std(ratios, ddof=1) / math.sqrt(n))
    return float(np.mean(ratios)) - half, float(np.mean(ratios)) + half


def rank_test(ratios: Floats, first: Floats, second: Floats) -> tuple[float, str]:
    """Test that neither side's values tend to be higher, two-sided and exact, ties included.

    From ``PAIRED_MIN`` pairs on the signed ranks of the paired log ratios, with fewer the rank sum of the two sides,
    which can show more of so few; which of them is decided by their number alone.

    Args:
        ratios: Log ratio of each pair.
        first: Values of one side.
        second: Values of the other.

    Returns:
        p, and the name of the test.
    """
    if len(ratios) >= PAIRED_MIN:
        moved = np.round(ratios, _ROUND)
        moved = moved[moved != 0]
        doubled = np.rint(2 * rankdata(np.abs(moved))).astype(np.int64)
        counts = np.zeros(int(doubled.sum()) + 1)
        counts[0] = 1
        for rank in doubled:
            counts[rank:] = counts[rank:] + counts[:-rank]
        return _two_sided(counts, int(doubled[moved > 0].sum())), SIGNED_RANK
    doubled = np.rint(2 * rankdata(np.round(np.concatenate([first, second]), _ROUND))).astype(np.int64)
    chosen = np.zeros((len(second) + 1, int(doubled.sum()) + 1))
    chosen[0, 0] = 1
    for rank in doubled:
        chosen[1:, rank:] = chosen[1:, rank:] + chosen[:-1, :-rank]
    return _two_sided(chosen[-1], int(doubled[len(first) :].sum())), RANK_SUM


def least_p(paired: int, first: int, second: int) -> float:
    """The smallest p that the test of ``rank_test`` can give with so many runs."""
    if paired >= PAIRED_MIN:
        return 2.0 ** (1 - paired)
    return float(2 / comb(first + second, first))


def noise_share(groups: Sequence[Sequence[float]], count: int, alpha: float) -> float:
    """How far the medians of two sides of one and the same server lie apart, from repeats that should be equal.

    Args:
        groups: Positive finite values of runs that differ in nothing, by group.
        count: Runs of each side.
        alpha: Share of such comparisons that lie further apart.

    Returns:
        A share; NaN where no group has two values. Normal noise of the logarithms is assumed: a median's variance is
        pi/2 of a mean's.
    """
    logs = [np.log(np.asarray(one, dtype=np.float64)) for one in groups if len(one) > 1]
    degrees = sum(len(one) - 1 for one in logs)
    if not degrees:
        return math.nan
    variance = sum(float(np.sum((one - one.mean()) ** 2)) for one in logs) / degrees
    return math.expm1(float(stdtrit(degrees, 1 - alpha / 2)) * math.sqrt(variance * math.pi / count))


def _two_sided(counts: Floats, seen: int) -> float:
    """Twice the smaller tail at what was seen, itself included; at most one."""
    tail = min(float(counts[: seen + 1].sum()), float(counts[seen:].sum()))
    return min(1.0, 2 * tail / float(counts.sum()) * (1 + _ALMOST)) if tail else 1.0
