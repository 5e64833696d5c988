"""Times counted in buckets that are everywhere finer than 0.1 %, so that workers, seconds and runs can be added up.

Rule kept here: what never came is counted too, as +inf, and stands above every time in the percentiles. A percentile
is that of the nearest rank, of which an exact sort gives the same to within ``RELATIVE_ERROR`` (and 1 µs).

Buckets: each doubling of 1 µs has ``SUB_BUCKETS`` of equal width, the first lies below 1 µs. A bucket is told by its
middle, so the error is at most half a width: 1 / (2 * 1024) = 0.049 % of its lower edge. The edges from 1024 µs on are
HdrHistogram's own for three digits, those below divide its buckets of 1 µs: a conversion moves no count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtests.harness import hdr
from sim.errors import InputError

SCHEMA: Final = 1
SUB_BUCKETS: Final = 1024
RELATIVE_ERROR: Final = 0.5 / SUB_BUCKETS
HIGHEST_S: Final = 3600.0

_US: Final = 1e6
_NS: Final = 1e9
_ROUNDING: Final = 1 + 2.0**-50  # what rounding put below a whole number of µs belongs to it
_WRITTEN: Final = "a histogram as this version writes it"
_PART: Final = 2**20  # so many times of an hour, in ns, do not overflow 64 bits
_BUCKETS: Final = 1 + 32 * SUB_BUCKETS  # 2 ** 32 µs are more than an hour

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def nearest_rank(percentile: float, count: int) -> int:
    """Return the rank, from 1 on, of a percentile among ``count`` values in ascending order.

    It is the least rank whose share of the values is at least the percentile. The percentile is taken as the decimal
    that it prints as: 99.9 of 1000 values is the 999th, whatever binary fractions make of it.

    Args:
        percentile: 0 to 100.
        count: 1 or more.
    """
    return max(1, math.ceil(Fraction(Decimal(repr(float(percentile)))) * count / 100))


class Histogram:
    """Counts of times, s, and of what never came.

    Attributes:
        count: All of them, with those that never came.
        missed: How many never came.
        clamped: How many were longer than ``HIGHEST_S`` and count as that long.
        min_s: The least time, exact; +inf where there is none.
        max_s: The greatest time that came, exact; -inf where there is none.
    """

    __slots__ = ("_counts", "_total_ns", "clamped", "max_s", "min_s", "missed")

    def __init__(self) -> None:
        self._counts: Counts = np.zeros(_BUCKETS, np.int64)
        self._total_ns = 0  # a whole number: sums are the same in any order
        self.missed = 0
        self.clamped = 0
        self.min_s = math.inf
        self.max_s = -math.inf

    @property
    def completed(self) -> int:
        """How many came."""
        return int(self._counts.sum())

    @property
    def count(self) -> int:
        """How many there are, with those that never came."""
        return self.completed + self.missed

    @property
    def mean_s(self) -> float:
        """Mean of the times that came, to the nanosecond; NaN where there is none."""
        completed = self.completed
        return self._total_ns / completed / _NS if completed else math.nan

    def record(self, values_s: Floats) -> None:
        """Count times.

        Args:
            values_s: 0 or more; +inf is one that never came.

        Raises:
            ValueError: A time is negative or NaN; then none of them is counted.
        """
        values = np.asarray(values_s, np.float64).ravel()
        if not np.all(values >= 0):
            raise ValueError("a time to be counted is negative or not a number")
        came = values[np.isfinite(values)]
        self.missed += values.size - came.size
        if not came.size:
            return
        self.clamped += int(np.count_nonzero(came > HIGHEST_S))
        came = np.minimum(came, HIGHEST_S)
        np.add.at(self._counts, _places(came), 1)
        came_ns = np.rint(came * _NS).astype(np.int64)
        self._total_ns += sum(int(came_ns[at : at + _PART].sum()) for at in range(0, came_ns.size, _PART))
        self.min_s = min(self.min_s, float(came.min()))
        self.max_s = max(self.max_s, float(came.max()))

    def miss(self, count: int) -> None:
        """Count what never came.

        Raises:
            ValueError: ``count`` is negative.
        """
        if count < 0:
            raise ValueError("fewer than none cannot be missed")
        self.missed += count

    def merge(self, other: Histogram) -> None:
        """Add what another histogram has counted; the order of merging changes nothing."""
        self._counts += other._counts
        self._total_ns += other._total_ns
        self.missed += other.missed
        self.clamped += other.clamped
        self.min_s = min(self.min_s, other.min_s)
        self.max_s = max(self.max_s, other.max_s)

    def percentile(self, percentile: float) -> float:
        """Return a percentile, s: +inf where it falls among what never came, NaN where nothing was counted.

        Args:
            percentile: 0 to 100.

        Raises:
            ValueError: It is not.
        """
        return self.percentiles((percentile,))[0]

    def percentiles(self, percentiles: tuple[float, ...]) -> tuple[float, ...]:
        """Return several percentiles, s, as :meth:`percentile` does.

        Raises:
            ValueError: One is not between 0 and 100.
        """
        if not all(0 <= one <= 100 for one in percentiles):
            raise ValueError("a percentile lies between 0 and 100")
        up_to = np.cumsum(self._counts)
        completed, count = int(up_to[-1]), int(up_to[-1]) + self.missed
        if not count:
            return (math.nan,) * len(percentiles)
        ranks = [nearest_rank(one, count) for one in percentiles]
        return tuple(math.inf if rank > completed else self._at(up_to, rank) for rank in ranks)

    def _at(self, up_to: Counts, rank: int) -> float:
        if rank in {1, int(up_to[-1])}:
            return self.min_s if rank == 1 else self.max_s
        middle = float(_middles(np.searchsorted(up_to, [rank]))[0])
        return min(max(middle, self.min_s), self.max_s)

    def buckets(self) -> tuple[Floats, Floats, Counts]:
        """Return lower edge and upper edge, s, and count of the buckets that hold any."""
        places = np.flatnonzero(self._counts)
        return _edges_us(places) / _US, _edges_us(places + 1) / _US, self._counts[places]

    def to_json(self) -> dict[str, Any]:
        """As plain data for JSON; only buckets that hold any."""
        places = np.flatnonzero(self._counts)
        return {
            "schema": SCHEMA,
            "sub_buckets": SUB_BUCKETS,
            "places": places.tolist(),
            "counts": self._counts[places].tolist(),
            "missed": self.missed,
            "clamped": self.clamped,
            "total_ns": self._total_ns,
            "min_s": self.min_s if places.size else None,
            "max_s": self.max_s if places.size else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Histogram:
        """Read what ``to_json`` gave.

        Raises:
            InputError: ``E-HISTOGRAM``: another schema, members missing, counts that cannot be.
        """
        made = cls()
        try:
            written = (int(data["schema"]), int(data["sub_buckets"]))
            places, counts = np.array(data["places"], np.int64), np.array(data["counts"], np.int64)
            made.missed, made.clamped = int(data["missed"]), int(data["clamped"])
            made._total_ns = int(data["total_ns"])
            if places.size:
                made.min_s, made.max_s = float(data["min_s"]), float(data["max_s"])
            np.add.at(made._counts, places, counts)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError("E-HISTOGRAM", f"a histogram does not hold: {error}", _WRITTEN) from None
        if written != (SCHEMA, SUB_BUCKETS):
            raise InputError("E-HISTOGRAM", "found a histogram of another schema", _WRITTEN)
        if min(made.missed, made.clamped, *counts.tolist(), *places.tolist()) < 0:
            raise InputError("E-HISTOGRAM", "found a negative count in a histogram", _WRITTEN)
        return made

    def hdr_v2(self) -> str:
        """Return it in HdrHistogram's V2 compressed format, in base64, in µs; what never came is not in it."""
        places = np.flatnonzero(self._counts)
        return hdr.encode(np.floor(_edges_us(places)).astype(np.int64), self._counts[places])


def _places(values_s: Floats) -> Counts:
    """Return the bucket of each time; exact but for the first step, as all others are by powers of two."""
    values_us = values_s * (_US * _ROUNDING)
    mantissa, exponent = np.frexp(values_us)
    sub_bucket = ((2 * mantissa - 1) * SUB_BUCKETS).astype(np.int64)
    inside = 1 + (exponent.astype(np.int64) - 1) * SUB_BUCKETS + sub_bucket
    return np.where(values_us < 1, 0, inside)


def _edges_us(places: Counts) -> Floats:
    """Return the lower edge of each bucket, µs."""
    octave, sub_bucket = np.divmod(places - 1, SUB_BUCKETS)
    return np.where(places == 0, 0.0, np.ldexp(1 + sub_bucket / SUB_BUCKETS, octave))


def _middles(places: Counts) -> Floats:
    """Return the middle of each bucket, s."""
    return (_edges_us(places) + _edges_us(places + 1)) / (2 * _US)
