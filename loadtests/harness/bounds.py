"""What a sample proves about the share of times above a bound: exact for independent times, and for correlated ones.

Rule kept here: every bound is one-sided and holds with the confidence given; nothing is said of a share that the sample
does not prove. Response times of one run come in clusters (a queue, a pause of the server), so that 1000 of them know
less than 1000 independent ones; the *design effect* tells how many times less.

Sources:
    Binomial bound: Clopper and Pearson (1934). Its use to end a test early, and the least sample sizes: Reddi et al.
    (2020), MLPerf Inference Benchmark, section "early stopping" of its LoadGen.
    Circular block bootstrap: Politis and Romano (1992). Length of blocks: a multiple of the integrated autocorrelation
    time, by the window of Sokal (1989), Monte Carlo methods in statistical mechanics.
    Bound of a share with a design effect: Korn and Graubard (1998), Confidence intervals for proportions with small
    expected number of positive counts: Clopper and Pearson's with the effective sample size.
    Interval of a percentile from that of its share: Woodruff (1952).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, ndtri, stdtrit
from scipy.stats import binom

BLOCKS_MIN: Final = 12  # of fewer the variance between them is hardly known
CELLS_MAX: Final = 1024
RESAMPLES: Final = 1000
BLOCK_TIMES: Final = 4  # in integrated autocorrelation times; what ties blocks together is then small
WINDOW_TIMES: Final = 5  # Sokal's
CLUSTERS_DF_MIN: Final = 3

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def share_at_most(over: float, samples: float, confidence: float) -> float:
    """Return the upper Clopper-Pearson bound of a share; 1 without samples.

    Args:
        over: How many of the samples are above the bound; need not be whole.
        samples: How many there are, independent ones.
        confidence: Of this one-sided bound, such as 0.99.
    """
    return 1.0 if samples <= over else float(betaincinv(over + 1, samples - over, confidence))


def share_at_least(over: float, samples: float, confidence: float) -> float:
    """Return the lower Clopper-Pearson bound of a share; 0 without samples. Arguments as ``share_at_most``."""
    return 0.0 if over <= 0 else float(betaincinv(over, samples - over + 1, 1 - confidence))


def samples_needed(over: int, share: float, confidence: float) -> int:
    """Return the least number of samples that, with so many above the bound, proves their share to be below ``share``.

    It is the least n for which a binomial number of n trials is at most ``over`` with a probability of at most
    1 - confidence.

    Args:
        over: Samples above the bound, 0 or more.
        share: Allowed share, above 0 and below 1.
        confidence: Such as 0.99.
    """

    def proves(samples: int) -> bool:
        return float(betainc(samples - over, over + 1, 1 - share)) <= 1 - confidence

    low, high = over, max(2 * over, 1)
    while not proves(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle, high)
    return high


def decide(over: int, samples: int, share: float, confidence: float) -> bool | None:
    """Tell whether independent samples prove that their share above the bound is below ``share``, or above it.

    Returns:
        True: certainly below; False: certainly above; None: neither is proved.
    """
    if not samples:
        return None
    if samples >= samples_needed(over, share, confidence):
        return True
    return False if share_at_least(over, samples, confidence) > share else None


def percentile_ranks(
    percentile: float, samples: int, confidence: float, low_effect: float = 1.0, high_effect: float = 1.0
) -> tuple[int, int]:
    """Return the ranks of the two samples, in ascending order, between which a percentile lies.

    Args:
        percentile: Above 0 and below 100.
        samples: How many there are.
        confidence: Of each end, so that both hold with 2 * confidence - 1.
        low_effect: Design effect for the lower end, 1 for independent samples.
        high_effect: The same for the upper end.

    Returns:
        Ranks from 1 on; 0 where no sample is certainly below it, ``samples`` + 1 where none is certainly above.
    """
    low_samples, high_samples = int(samples / low_effect), int(samples / high_effect)
    low = int(binom.ppf(1 - confidence, low_samples, percentile / 100)) if low_samples else 0
    high = int(binom.ppf(confidence, high_samples, percentile / 100)) + 1 if high_samples else 1
    if high > high_samples:
        return math.floor(low * samples / max(low_samples, 1)), samples + 1
    return math.floor(low * samples / max(low_samples, 1)), math.ceil(high * samples / high_samples)


@dataclass(frozen=True, slots=True)
class Clustering:
    """How much less a correlated sample knows of a share than an independent one.

    Args:
        low_effect: Design effect for a lower bound of the share, 1 or more.
        high_effect: Design effect for an upper bound: where only few clusters were seen, their size is hardly known,
            and a sample with small clusters by chance has few samples above the bound, too.
        effective_over: Samples above the bound, counted as independent ones.
        blocks: How many blocks a resample has; 0: too few samples to tell.
        block_s: Length of a block.
    """

    low_effect: float
    high_effect: float
    effective_over: float
    blocks: int
    block_s: float


def clustering(over: Bools, due_s: Floats, *, confidence: float, rng: np.random.Generator) -> Clustering:
    """Measure the design effect by a circular block bootstrap over counts by due time.

    The run is cut into cells of equal time, blocks of neighbouring cells are drawn with replacement, and the variance
    of the share above the bound is compared with the binomial one. Excess over 1 is enlarged by the squared ratio of
    Student's to the normal quantile: for a lower bound with the degrees of freedom of the blocks (as Korn and Graubard
    do), for an upper bound with those of the clusters seen, ``CLUSTERS_DF_MIN`` at least.

    Args:
        over: Whether each sample is above the bound.
        due_s: When each was due.
        confidence: Of the bounds to be made with it.
        rng: Source of the resampling.
    """
    samples, above = over.size, int(np.count_nonzero(over))
    if samples < BLOCKS_MIN:
        return Clustering(math.inf, math.inf, 0.0, 0, 0.0)
    counts, totals, cell_s = _cells(over, due_s)
    share = above / samples
    length = _block_length(counts - share * totals)
    blocks = counts.size // length
    if above in {0, samples}:
        return Clustering(1.0, 1.0, float(above), blocks, length * cell_s)
    starts = rng.integers(0, counts.size, (RESAMPLES, blocks))
    drawn = _sums(totals, length)[starts].sum(axis=1)
    shares = _sums(counts, length)[starts].sum(axis=1) / np.maximum(drawn, 1.0)
    effect = max(1.0, float(np.var(shares)) / (share * (1 - share) / samples))
    clusters = min(above, samples - above) / effect
    high_df = max(CLUSTERS_DF_MIN, min(blocks, clusters) - 1)
    low_effect, high_effect = (1 + (effect - 1) * _widened(df, confidence) for df in (blocks - 1, high_df))
    return Clustering(low_effect, high_effect, above / effect, blocks, length * cell_s)


def _widened(freedom: float, confidence: float) -> float:
    return float(stdtrit(freedom, confidence) / ndtri(confidence)) ** 2


def _cells(over: Bools, due_s: Floats) -> tuple[Floats, Floats, float]:
    """Return samples above the bound and all samples by cell of time, and the length of a cell, s."""
    first, window_s = float(due_s.min()), float(np.ptp(due_s))
    cells = min(over.size, CELLS_MAX)
    place = (due_s - first) / window_s * cells if window_s > 0 else np.arange(over.size) * (cells / over.size)
    inside = np.minimum(place.astype(np.int64), cells - 1)
    counts = np.bincount(inside[over], minlength=cells).astype(np.float64)
    return counts, np.bincount(inside, minlength=cells).astype(np.float64), window_s / cells


def _block_length(series: Floats) -> int:
    """Return the length of blocks in cells, so that there are ``BLOCKS_MIN`` blocks at least."""
    cells = series.size
    spectrum = np.fft.rfft(series, 2 * cells)
    covariance: Floats = np.fft.irfft(spectrum * np.conj(spectrum))[:cells]
    time = 1.0
    if covariance[0] > 0:
        times = 1 + 2 * np.cumsum(covariance[1:] / covariance[0])
        window = np.argmax(
            np.arange(1, cells) >= WINDOW_TIMES * times
        )  # there is one: the series adds up to 0
        time = max(1.0, float(times[window]))
    wanted = max(BLOCK_TIMES * time, cells ** (1 / 3))
    return int(max(1, min(math.ceil(wanted), cells // BLOCKS_MIN)))


def _sums(values: Floats, length: int) -> Floats:
    """Return the sum of ``length`` values from each place on, round the end to the start."""
    running = np.concatenate(([0.0], np.cumsum(np.concatenate((values, values[:length])))))
    sums: Floats = running[length : length + values.size] - running[: values.size]
    return sums
