"""What every distribution can do, and how it refuses what cannot be.

Rule kept here: callers see whole arrays and one public interface; a kind of distribution fills in the five
private methods, in the base unit of whatever it measures.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import InputError

Floats = NDArray[np.float64]

TOP = 1.0 - 2.0**-53
"""The largest uniform below one; what is above it is clipped to it, so that every value is finite."""


class Distribution(ABC):
    """A distribution of a quantity that is never negative: a time, a count, a size.

    Objects are immutable, hashable, and can be pickled to worker processes.
    """

    __slots__ = ()

    kind: ClassVar[str]
    """The word that a scenario uses for it."""

    @property
    def mean(self) -> float:
        """Expected value, in the base unit of the quantity."""
        return self._moments()[0]

    @property
    def variance(self) -> float:
        """Variance, in the square of the base unit."""
        return self._moments()[1]

    def ppf(self, u: ArrayLike) -> Floats:
        """Return the inverse CDF: the smallest value x with ``cdf(x) >= u``.

        Args:
            u: Uniforms in [0, 1); clipped to [0, 1 - 2**-53]. At 0 the lower end of the support is returned.

        Returns:
            Finite values of the shape of ``u``, non-decreasing in ``u`` (up to rounding in the last digits).
        """
        return np.asarray(self._ppf(np.clip(np.asarray(u, dtype=np.float64), 0.0, TOP)))

    def cdf(self, x: ArrayLike) -> Floats:
        """Return the probability of a value not above ``x``, in [0, 1], of the shape of ``x``."""
        return np.asarray(self._cdf(np.asarray(x, dtype=np.float64)))

    def scaled(self, factor: float) -> Distribution:
        """Return the distribution of ``factor`` times this quantity.

        Args:
            factor: Finite and above zero.

        Raises:
            InputError: ``E-DIST-IMPOSSIBLE`` for another factor.
        """
        require_positive("scale factor", factor)
        return self if factor == 1.0 else self._scaled(factor)

    def describe(self, fmt: Callable[[float], str]) -> str:
        """Return the distribution in words, such as ``lognormal, mean 2 h, p95 6 h``.

        Args:
            fmt: Renders a number in the base unit for people.
        """
        return ", ".join([self.kind, *(f"{name} {text}".strip() for name, text in self._parameters(fmt))])

    @abstractmethod
    def _moments(self) -> tuple[float, float]: ...

    @abstractmethod
    def _ppf(self, u: Floats) -> Floats: ...

    @abstractmethod
    def _cdf(self, x: Floats) -> Floats: ...

    @abstractmethod
    def _scaled(self, factor: float) -> Distribution: ...

    @abstractmethod
    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]: ...


def impossible(found: str, hint: str) -> InputError:
    """Return the error for parameters that no distribution can have."""
    return InputError("E-DIST-IMPOSSIBLE", found, hint)


def require_positive(name: str, value: float) -> None:
    """Refuse a ``value`` that is not finite and above zero.

    Raises:
        InputError: ``E-DIST-IMPOSSIBLE``.
    """
    if not (math.isfinite(value) and value > 0):
        raise impossible(f"{name} is {value:g}", f"{name} must be a finite number above 0")


def require_not_negative(name: str, value: float) -> None:
    """Refuse a ``value`` that is not finite or is below zero.

    Raises:
        InputError: ``E-DIST-IMPOSSIBLE``.
    """
    if not (math.isfinite(value) and value >= 0):
        raise impossible(f"{name} is {value:g}", f"{name} must be a finite number of 0 or more")


def require_ordered(*named: tuple[str, float]) -> None:
    """Refuse named values that are negative, not finite, or not in non-decreasing order.

    Raises:
        InputError: ``E-DIST-IMPOSSIBLE``.
    """
    for name, value in named:
        require_not_negative(name, value)
    for (name, value), (next_name, next_value) in pairwise(named):
        if value > next_value:
            raise impossible(
                f"{name} {value:g} is above {next_name} {next_value:g}",
                f"write {' <= '.join(n for n, _ in named)}",
            )
