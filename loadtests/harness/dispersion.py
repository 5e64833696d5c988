"""How bursty arrivals are: index of dispersion of counts, and a test of exponential gaps.

Rule kept here: a figure that a reader may compare stands beside the band in which a Poisson process would fall, and
there is no band where its approximation does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
MEAN_MIN: Final = 1.0
"""Fewer arrivals in a window on average, and the chi-square approximation is not good at its ends."""
WINDOWS_MIN: Final = 5
GAPS_MIN: Final = 8


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Counts of arrivals in windows of one length.

    Args:
        window_s: Length of a window.
        windows: How many whole ones there were.
        mean: Arrivals in a window.
        index: Variance / mean of the counts: 0 for even gaps, 1 for a Poisson process of constant rate, more for
            bursts or a rate that changes; NaN with fewer than two windows or no arrival.
        poisson_low: The index that a Poisson process of constant rate keeps above, and
        poisson_high: below, each except for half of 1 - ``confidence``; NaN where the windows are too few or too empty.
        confidence: Of the band, a share.
    """

    window_s: float
    windows: int
    mean: float
    index: float
    poisson_low: float
    poisson_high: float
    confidence: float

    @property
    def poisson_like(self) -> bool | None:
        """Whether the index lies in the band; None without one."""
        if np.isnan(self.poisson_low):
            return None
        return bool(self.poisson_low <= self.index <= self.poisson_high)


def dispersion(due_s: Floats, duration_s: float, window_s: float, *, confidence: float = 0.95) -> Dispersion:
    """Compute the index of dispersion of counts.

    The band is that of the chi-square distribution: (windows - 1) · index has windows - 1 degrees of freedom for a
    Poisson process (Cox and Lewis 1966, section 6.2).

    Args:
        due_s: Arrivals, in [0, ``duration_s``).
        duration_s: What they were seen over; a last, incomplete window is left out.
        window_s: Length of a window, more than 0.
        confidence: Of the band, a share.
    """
    windows = int(duration_s / window_s + 1e-9)
    counts = np.bincount((due_s / window_s).astype(np.int64), minlength=windows)[:windows]
    mean = float(counts.mean()) if windows else float("nan")
    index = float(counts.var(ddof=1) / mean) if windows > 1 and mean > 0 else float("nan")
    low = high = float("nan")
    if windows >= WINDOWS_MIN and mean >= MEAN_MIN:
        free = windows - 1
        tail = (1.0 - confidence) / 2
        low, high = (float(stats.chi2.ppf(share, free) / free) for share in (tail, 1.0 - tail))
    return Dispersion(window_s, windows, mean, index, low, high, confidence)


@dataclass(frozen=True, slots=True)
class GapTest:
    """A test of the hypothesis that gaps are exponential with the stated rate.

    Args:
        gaps: How many.
        statistic: Largest distance between the gaps' distribution and the exponential one.
        p_value: Chance of so large a distance where the hypothesis holds; NaN with fewer than 8 gaps.
    """

    gaps: int
    statistic: float
    p_value: float


def exponential_gaps(units: Floats) -> GapTest:
    """Test gaps against the exponential distribution of mean 1: Kolmogorov and Smirnov's, with nothing estimated.

    Arrivals at a constant rate are tested as ``due_s * rate_per_s``, and those of any other planned rate as its
    integral up to each arrival (``Profile.expected``): by random time change these are a Poisson process of rate 1
    exactly if the arrivals are one of the planned rate (Brown et al. 2002).

    Args:
        units: Ascending, in expected arrivals since the start; the first gap is that from 0.
    """
    gaps = np.diff(units, prepend=0.0)
    if len(gaps) < GAPS_MIN:
        return GapTest(len(gaps), float("nan"), float("nan"))
    found = stats.kstest(gaps, "expon")
    return GapTest(len(gaps), float(found.statistic), float(found.pvalue))
