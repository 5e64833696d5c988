"""Estimates over replications: one number per replication, Student's interval over those numbers.

Rule kept here: an interval is built over independent replications only, never over the legs of one run, which
are not independent. What a replication cannot say is left out, and the estimate tells how many could.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sim.errors import InputError

CONFIDENCE = 0.95  # share of intervals that cover the true mean; the convention of the field


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over replications with its confidence interval.

    Args:
        estimate: The mean, NaN where no replication has a value; in the unit of the values.
        half_width: Half of the interval's width, NaN with fewer than two values; same unit.
        confidence: Confidence of the interval, between 0 and 1.
        replications: How many replications had a value.
    """

    estimate: float
    half_width: float
    confidence: float
    replications: int

    @property
    def low(self) -> float:
        """Lower end of the interval, NaN where there is none."""
        return self.estimate - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the interval, NaN where there is none."""
        return self.estimate + self.half_width

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON data; what is not known is ``None``."""
        return {
            "estimate": number(self.estimate),
            "half_width": number(self.half_width),
            "confidence": self.confidence,
            "replications": self.replications,
        }


def number(value: float) -> float | None:
    """Return a float for JSON: ``None`` for NaN and the infinities, which JSON does not have."""
    return float(value) if math.isfinite(value) else None


def student(values: Sequence[float] | NDArray[np.float64], confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of one number per replication with Student's t interval.

    Source: Law, Simulation Modeling and Analysis, 5th edition, chapter 9 (the replication approach).

    Args:
        values: One number per replication; NaN or infinite where a replication has no value.
        confidence: Confidence of the interval, above 0 and below 1.

    Raises:
        InputError: ``E-CONFIDENCE`` the confidence is out of range.
    """
    if not 0 < confidence < 1:
        raise InputError("E-CONFIDENCE", f"found confidence {confidence}", "use a share such as 0.95")
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    n = int(known.size)
    mean = float(np.mean(known)) if n else math.nan
    half_width = math.nan
    if n > 1:
        t = float(stdtrit(n - 1, 0.5 + confidence / 2))
        half_width = t * float(np.std(known, ddof=1)) / math.sqrt(n)
    return Estimate(mean, half_width, confidence, n)
