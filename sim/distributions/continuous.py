"""Distributions with a density: uniform, triangular, exponential, lognormal, gamma, Weibull.

Rule kept here: each class stores the parameters of its textbook formula; how a scenario may write them is
read elsewhere. Formulas: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, 2nd edition,
1994-95.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from sim.distributions.base import Distribution, Floats, impossible, require_ordered, require_positive

UPPER: dict[str, float] = {"p90": 0.90, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Every value from ``low`` to ``high`` alike; equal ends give that one value."""

    kind: ClassVar[str] = "uniform"
    low: float
    high: float

    def __post_init__(self) -> None:
        require_ordered(("min", self.low), ("max", self.high))

    def _moments(self) -> tuple[float, float]:
        return (self.low + self.high) / 2, (self.high - self.low) ** 2 / 12

    def _ppf(self, u: Floats) -> Floats:
        return np.minimum(self.low + (self.high - self.low) * u, self.high)

    def _cdf(self, x: Floats) -> Floats:
        return _share(x, self.low, self.high)

    def _scaled(self, factor: float) -> Distribution:
        return Uniform(self.low * factor, self.high * factor)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return ("min", fmt(self.low)), ("max", fmt(self.high))


@dataclass(frozen=True, slots=True)
class Triangular(Distribution):
    """Density rising from ``low`` to ``mode`` and falling to ``high``; equal ends give that one value."""

    kind: ClassVar[str] = "triangular"
    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        require_ordered(("min", self.low), ("mode", self.mode), ("max", self.high))

    def _moments(self) -> tuple[float, float]:
        a, c, b = self.low, self.mode, self.high
        # (a² + b² + c² - ab - ac - bc) / 18, written without cancellation
        return (a + b + c) / 3, ((b - a) ** 2 + (c - a) ** 2 + (b - c) ** 2) / 36

    def _ppf(self, u: Floats) -> Floats:
        turn = self._turn()
        # falling is 1 - sqrt((1 - u) (1 - turn)), written without cancellation near 0
        falling = (u + turn - u * turn) / (1 + np.sqrt((1 - u) * (1 - turn)))
        x = self.low + (self.high - self.low) * np.where(u < turn, np.sqrt(u * turn), falling)
        return np.where(u < turn, np.minimum(x, self.mode), np.clip(x, self.mode, self.high))

    def _cdf(self, x: Floats) -> Floats:
        z, turn = _share(x, self.low, self.high), self._turn()
        rising = z * z / turn if turn > 0 else np.ones_like(z)
        falling = (z * (2 - z) - turn) / (1 - turn) if turn < 1 else np.ones_like(z)
        return np.where(z < turn, rising, falling)

    def _turn(self) -> float:
        width = self.high - self.low
        return (self.mode - self.low) / width if width > 0 else 0.0

    def _scaled(self, factor: float) -> Distribution:
        return Triangular(self.low * factor, self.mode * factor, self.high * factor)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return ("min", fmt(self.low)), ("mode", fmt(self.mode)), ("max", fmt(self.high))


@dataclass(frozen=True, slots=True)
class Exponential(Distribution):
    """Times without memory; ``scale`` is the mean."""

    kind: ClassVar[str] = "exponential"
    scale: float

    def __post_init__(self) -> None:
        require_positive("mean", self.scale)

    def _moments(self) -> tuple[float, float]:
        return self.scale, self.scale**2

    def _ppf(self, u: Floats) -> Floats:
        return self.scale * -np.log1p(-u)

    def _cdf(self, x: Floats) -> Floats:
        return -np.expm1(-np.maximum(x, 0.0) / self.scale)

    def _scaled(self, factor: float) -> Distribution:
        return Exponential(self.scale * factor)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return (("mean", fmt(self.scale)),)


@dataclass(frozen=True, slots=True)
class Lognormal(Distribution):
    """The exponential of a normal variable: mean ``exp(mu + sigma²/2)``, median ``exp(mu)``.

    Args:
        mu: Mean of the logarithm of the value in base units.
        sigma: Standard deviation of that logarithm, above 0.
        written: Names and values of the two parameters it was made from, for :meth:`describe`.
    """

    kind: ClassVar[str] = "lognormal"
    mu: float
    sigma: float
    written: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.mu):
            raise impossible(f"mu is {self.mu:g}", "mu must be a finite number")
        require_positive("sigma", self.sigma)

    def _moments(self) -> tuple[float, float]:
        mean = math.exp(self.mu + self.sigma**2 / 2)
        return mean, mean**2 * math.expm1(self.sigma**2)

    def _ppf(self, u: Floats) -> Floats:
        return np.asarray(np.exp(self.mu + self.sigma * special.ndtri(u)))

    def _cdf(self, x: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(special.ndtr((np.log(np.maximum(x, 0.0)) - self.mu) / self.sigma))

    def _scaled(self, factor: float) -> Distribution:
        written = tuple((name, value if name == "cv" else value * factor) for name, value in self.written)
        return Lognormal(self.mu + math.log(factor), self.sigma, written)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        written = self.written or (("mean", self.mean), ("cv", math.sqrt(math.expm1(self.sigma**2))))
        return tuple((name, f"{value:g}" if name == "cv" else fmt(value)) for name, value in written)


def lognormal(given: Mapping[str, float]) -> Lognormal:
    """Return the lognormal with two given properties.

    With z the standard normal quantile of the percentile's level: mean m and percentile q give
    ``ln(q/m) = z sigma - sigma²/2``, whose smaller root ``sigma = z - sqrt(z² - 2 ln(q/m))`` is taken (the
    larger one, above z, has its median far below any usual service time); it exists for
    ``m < q <= m exp(z²/2)``. Mean and median give ``sigma² = 2 ln(m/p50)``; median and percentile
    ``sigma = ln(q/p50)/z``; mean and coefficient of variation ``sigma² = ln(1 + cv²)``.

    Args:
        given: One of the pairs mean with p50, p90, p95, p99, cv or sd; p50 with p90, p95 or p99. Base units.

    Raises:
        InputError: ``E-DIST-IMPOSSIBLE`` when no lognormal has them.
    """
    for name, value in given.items():
        require_positive(name, value)
    written = tuple(given.items())
    if "mean" not in given:
        level = next(name for name in given if name in UPPER)
        sigma = _log_ratio(given, level, "p50") / float(special.ndtri(UPPER[level]))
        return Lognormal(math.log(given["p50"]), sigma, written)
    mean = given["mean"]
    if "p50" in given:
        sigma = math.sqrt(2 * _log_ratio(given, "mean", "p50"))
    elif "cv" in given or "sd" in given:
        cv = given["cv"] if "cv" in given else given["sd"] / mean
        sigma = math.sqrt(math.log1p(cv * cv) if cv < 1e8 else 2 * math.log(cv))
        require_positive("cv", sigma)
    else:
        sigma = _sigma_of_mean_and(given, next(name for name in given if name in UPPER))
    return Lognormal(math.log(mean) - sigma**2 / 2, sigma, written)


def _sigma_of_mean_and(given: Mapping[str, float], level: str) -> float:
    z = float(special.ndtri(UPPER[level]))
    ratio = _log_ratio(given, level, "mean")
    if ratio > z * z / 2:
        most = math.floor(100 * math.exp(z * z / 2)) / 100
        raise impossible(
            f"{level} is {math.exp(min(ratio, 700)):.4g} times the mean",
            f"a lognormal's {level} is at most {most:g} times its mean; a heavier tail takes p50, {level}",
        )
    return 2 * ratio / (z + math.sqrt(z * z - 2 * ratio))


def _log_ratio(given: Mapping[str, float], larger: str, smaller: str) -> float:
    ratio = math.log(given[larger]) - math.log(given[smaller])
    if ratio <= 0:
        raise impossible(
            f"{larger} {given[larger]:g} is not above {smaller} {given[smaller]:g}",
            f"a lognormal has its {larger} above its {smaller}; for a fixed value use constant",
        )
    return ratio


@dataclass(frozen=True, slots=True)
class Gamma(Distribution):
    """Gamma with mean ``shape * scale``; the coefficient of variation is ``1 / sqrt(shape)``."""

    kind: ClassVar[str] = "gamma"
    shape: float
    scale: float

    def __post_init__(self) -> None:
        require_positive("shape", self.shape)
        require_positive("scale", self.scale)

    def _moments(self) -> tuple[float, float]:
        return self.shape * self.scale, self.shape * self.scale**2

    def _ppf(self, u: Floats) -> Floats:
        return np.asarray(self.scale * special.gammaincinv(self.shape, u))

    def _cdf(self, x: Floats) -> Floats:
        return np.asarray(special.gammainc(self.shape, np.maximum(x, 0.0) / self.scale))

    def _scaled(self, factor: float) -> Distribution:
        return Gamma(self.shape, self.scale * factor)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return ("mean", fmt(self.mean)), ("cv", f"{1 / math.sqrt(self.shape):g}")


@dataclass(frozen=True, slots=True)
class Weibull(Distribution):
    """Weibull with CDF ``1 - exp(-(x/scale)**shape)`` and mean ``scale * Gamma(1 + 1/shape)``."""

    kind: ClassVar[str] = "weibull"
    shape: float
    scale: float

    def __post_init__(self) -> None:
        require_positive("shape", self.shape)
        require_positive("scale", self.scale)

    def _moments(self) -> tuple[float, float]:
        log_first = math.lgamma(1 + 1 / self.shape)
        mean = self.scale * math.exp(log_first)
        return mean, mean**2 * math.expm1(math.lgamma(1 + 2 / self.shape) - 2 * log_first)

    def _ppf(self, u: Floats) -> Floats:
        return np.asarray(self.scale * (-np.log1p(-u)) ** (1 / self.shape))

    def _cdf(self, x: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return np.asarray(-np.expm1(-((np.maximum(x, 0.0) / self.scale) ** self.shape)))

    def _scaled(self, factor: float) -> Distribution:
        return Weibull(self.shape, self.scale * factor)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return ("mean", fmt(self.mean)), ("shape", f"{self.shape:g}")


def _share(x: Floats, low: float, high: float) -> Floats:
    if low == high:
        return (x >= low).astype(np.float64)
    return (np.clip(x, low, high) - low) / (high - low)
