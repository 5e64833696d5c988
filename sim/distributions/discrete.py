"""Distributions with atoms: constant, whole numbers, and a sample as it was observed.

Rule kept here: a value that was written or counted comes back exactly, never interpolated or rounded away;
the inverse CDF is the smallest value whose CDF reaches u. Formulas: Johnson, Kemp and Kotz, Univariate
Discrete Distributions, 3rd edition, 2005.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np
from scipy import special

from sim.distributions.base import (
    Distribution,
    Floats,
    impossible,
    require_not_negative,
    require_ordered,
    require_positive,
)

LARGEST_COUNT = 1e9
"""Whole-number distributions stay below this mean, where a count is still exact and a table still small."""


@dataclass(frozen=True, slots=True)
class Constant(Distribution):
    """Always ``value``."""

    kind: ClassVar[str] = "constant"
    value: float

    def __post_init__(self) -> None:
        require_not_negative("value", self.value)

    def _moments(self) -> tuple[float, float]:
        return self.value, 0.0

    def _ppf(self, u: Floats) -> Floats:
        return np.full_like(u, self.value)

    def _cdf(self, x: Floats) -> Floats:
        return (x >= self.value).astype(np.float64)

    def _scaled(self, factor: float) -> Distribution:
        return Constant(self.value * factor)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return (("", fmt(self.value)),)


class Lattice(Distribution):
    """A whole number times ``step``; the step is 1 until the distribution is scaled."""

    __slots__ = ()
    step: float

    @abstractmethod
    def _count_moments(self) -> tuple[float, float]: ...

    @abstractmethod
    def _count_ppf(self, u: Floats) -> Floats: ...

    @abstractmethod
    def _count_cdf(self, k: Floats) -> Floats: ...

    def _moments(self) -> tuple[float, float]:
        mean, variance = self._count_moments()
        return mean * self.step, variance * self.step**2

    def _ppf(self, u: Floats) -> Floats:
        return self._count_ppf(u) * self.step

    def _cdf(self, x: Floats) -> Floats:
        k = np.floor(x / self.step)
        k = k + ((k + 1) * self.step <= x)  # the division may round k * step / step to just below k
        return self._count_cdf(k)

    def _settle(self, k: Floats, u: Floats, least: float) -> Floats:
        """Move a count that a formula has rounded to the wrong side: the least k whose CDF reaches u."""
        k = np.maximum(k, least)
        k = np.where((k > least) & (self._count_cdf(k - 1) >= u), k - 1, k)
        return np.where(self._count_cdf(k) < u, k + 1, k)

    def _steps(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return () if self.step == 1.0 else (("in steps of", fmt(self.step)),)


@dataclass(frozen=True, slots=True)
class IntegerUniform(Lattice):
    """Every whole number from ``low`` to ``high`` alike, both included."""

    kind: ClassVar[str] = "integer"
    low: float
    high: float
    step: float = 1.0

    def __post_init__(self) -> None:
        require_ordered(("min", self.low), ("max", self.high))
        for name, value in (("min", self.low), ("max", self.high)):
            if value != math.floor(value) or value > LARGEST_COUNT:
                raise impossible(
                    f"{name} is {value:.12g}", f"{name} must be a whole number, at most {LARGEST_COUNT:g}"
                )

    def _count_moments(self) -> tuple[float, float]:
        return (self.low + self.high) / 2, ((self.high - self.low + 1) ** 2 - 1) / 12

    def _count_ppf(self, u: Floats) -> Floats:
        return self._settle(self.low + np.ceil(u * (self.high - self.low + 1)) - 1, u, self.low)

    def _count_cdf(self, k: Floats) -> Floats:
        return np.clip((k - self.low + 1) / (self.high - self.low + 1), 0.0, 1.0)

    def _scaled(self, factor: float) -> Distribution:
        return IntegerUniform(self.low, self.high, self.step * factor)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return (
            ("min", fmt(self.low * self.step)),
            ("max", fmt(self.high * self.step)),
            *self._steps(fmt),
        )


@dataclass(frozen=True, slots=True)
class Geometric(Lattice):
    """Trials up to and including the first success: 1, 2, …; ``expected`` is the mean, 1 or more."""

    kind: ClassVar[str] = "geometric"
    expected: float
    step: float = 1.0

    def __post_init__(self) -> None:
        if not 1.0 <= self.expected <= LARGEST_COUNT:
            raise impossible(f"mean is {self.expected:g}", f"mean must be from 1 to {LARGEST_COUNT:g}")

    def _count_moments(self) -> tuple[float, float]:
        return self.expected, self.expected * (self.expected - 1)

    def _count_ppf(self, u: Floats) -> Floats:
        if self.expected == 1.0:
            return np.ones_like(u)
        return self._settle(np.ceil(np.log1p(-u) / math.log1p(-1 / self.expected)), u, 1.0)

    def _count_cdf(self, k: Floats) -> Floats:
        if self.expected == 1.0:
            return (k >= 1).astype(np.float64)
        return np.asarray(-np.expm1(np.maximum(k, 0.0) * math.log1p(-1 / self.expected)))

    def _scaled(self, factor: float) -> Distribution:
        return Geometric(self.expected, self.step * factor)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return ("mean", fmt(self.expected * self.step)), *self._steps(fmt)


@dataclass(frozen=True, slots=True)
class Poisson(Lattice):
    """Poisson counts 0, 1, 2, …; ``rate`` is the mean. Uniforms below 1e-30 are served as if they were 1e-30.

    The inverse CDF looks up a table of the CDF, which is built once per process and mean.
    """

    kind: ClassVar[str] = "poisson"
    rate: float
    step: float = 1.0

    def __post_init__(self) -> None:
        require_positive("mean", self.rate)
        if self.rate > LARGEST_COUNT:
            raise impossible(f"mean is {self.rate:g}", f"mean must be at most {LARGEST_COUNT:g}")

    def _count_moments(self) -> tuple[float, float]:
        return self.rate, self.rate

    def _count_ppf(self, u: Floats) -> Floats:
        first, table = _poisson_table(self.rate)
        return first + np.minimum(np.searchsorted(table, u), table.size - 1).astype(np.float64)

    def _count_cdf(self, k: Floats) -> Floats:
        return np.where(k < 0, 0.0, special.pdtr(np.maximum(k, 0.0), self.rate))

    def _scaled(self, factor: float) -> Distribution:
        return Poisson(self.rate, self.step * factor)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return ("mean", fmt(self.rate * self.step)), *self._steps(fmt)


@lru_cache(maxsize=64)
def _poisson_table(rate: float) -> tuple[float, Floats]:
    # Chernoff: beyond 12 standard deviations (and 60 more for small rates) lies less than 1e-30
    spread = 12 * math.sqrt(rate)
    first, last = float(max(0, math.floor(rate - spread))), math.ceil(rate + spread + 60)
    table = np.asarray(special.pdtr(np.arange(first, last + 1, dtype=np.float64), rate), dtype=np.float64)
    table.flags.writeable = False
    return first, table


@dataclass(frozen=True, slots=True)
class Empirical(Distribution):
    """The weighted sample itself: a step function, no interpolation.

    Args:
        values: The observed values, in any order.
        weights: One per value, relative (counts, for instance); zero weights drop out.
    """

    kind: ClassVar[str] = "empirical"
    values: tuple[float, ...]
    weights: tuple[float, ...]
    _sorted: Floats = field(init=False, repr=False, compare=False)
    _weight: Floats = field(init=False, repr=False, compare=False)
    _cumulative: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values, weights = np.asarray(self.values, np.float64), np.asarray(self.weights, np.float64)
        if values.size != weights.size:
            raise impossible(f"{values.size} values with {weights.size} weights", "give one weight per value")
        for name, numbers in (("value", values), ("weight", weights)):
            wrong = numbers[~(np.isfinite(numbers) & (numbers >= 0))]
            if wrong.size:
                require_not_negative(name, float(wrong[0]))
        if not weights.any():
            raise impossible("no value with a weight above 0", "give at least one value")
        atoms, place = np.unique(values[weights > 0], return_inverse=True)
        weight = np.bincount(place, weights=weights[weights > 0])
        cumulative = np.cumsum(weight)
        object.__setattr__(self, "_sorted", atoms)
        object.__setattr__(self, "_weight", weight / cumulative[-1])
        object.__setattr__(self, "_cumulative", cumulative / cumulative[-1])

    def _moments(self) -> tuple[float, float]:
        mean = math.fsum(self._weight * self._sorted)
        deviations = self._sorted - mean
        return mean, math.fsum(self._weight * deviations * deviations)

    def _ppf(self, u: Floats) -> Floats:
        return self._sorted[np.searchsorted(self._cumulative, u)]

    def _cdf(self, x: Floats) -> Floats:
        return np.concatenate(([0.0], self._cumulative))[np.searchsorted(self._sorted, x, side="right")]

    def _scaled(self, factor: float) -> Distribution:
        return Empirical(tuple(value * factor for value in self.values), self.weights)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return ("of", f"{len(self.values)} values"), ("mean", fmt(self.mean))
