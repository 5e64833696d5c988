"""Does the backlog of a server grow while the load stays the same?

Rule kept here: one number per second is not one independent number; the standard error knows of the correlation.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

BATCHES: Final = 20  # so many means of equal length; with fewer the slope's error is not known well enough
DEGREES: Final = BATCHES - 2  # of freedom, at most
_CORRELATION_MOST: Final = 0.9  # of neighbouring batch means; above it the run is too short to tell at all


def backlog_slope(in_flight: ArrayLike) -> tuple[float, float]:
    """The trend of what is under way, and how sure it is.

    A straight line through the means of 20 batches. The standard error of ordinary least squares is widened by
    ``sqrt((1 + r) / (1 - r))`` for the correlation r of neighbouring residuals, itself corrected for the trend that was
    taken out (source: Law, Simulation Modeling and Analysis, 5th edition, chapter 9, on batch means; Kendall 1954 on
    the bias of r).

    Args:
        in_flight: Messages under way, one number per second, warm-up left out.

    Returns:
        Slope in messages per second per second, that is 1/s of growth, and its standard error in the same unit; both
        NaN with fewer than 40 seconds.
    """
    seen = np.asarray(in_flight, dtype=np.float64)
    length = len(seen) // BATCHES
    if length < 2:
        return math.nan, math.nan
    means = seen[len(seen) - length * BATCHES :].reshape(BATCHES, length).mean(axis=1)
    at_s = (np.arange(BATCHES) - (BATCHES - 1) / 2) * length
    spread = float(at_s @ at_s)
    slope = float(at_s @ means) / spread
    left = means - means.mean() - slope * at_s
    variance = float(left @ left) / DEGREES
    if variance == 0:
        return slope, 0.0
    neighbours = float(left[1:] @ left[:-1]) / float(left @ left)
    corrected = min(max(neighbours + (2 + 4 * max(neighbours, 0.0)) / BATCHES, 0.0), _CORRELATION_MOST)
    return slope, math.sqrt(variance / spread * (1 + corrected) / (1 - corrected))


def grows(slope_per_s: float, error_per_s: float, alpha: float) -> bool:
    """Tell whether a backlog is shown to grow, by a one-sided t test of the slope.

    Args:
        slope_per_s: As ``backlog_slope`` gives it; NaN where it was not recorded, which shows nothing.
        error_per_s: Its standard error.
        alpha: Share of steady backlogs that may be called growing, 0 to 0.5.
    """
    if math.isnan(slope_per_s) or math.isnan(error_per_s):
        return False
    return slope_per_s > float(stdtrit(DEGREES, 1 - alpha)) * error_per_s
