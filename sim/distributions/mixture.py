"""A mixture of distributions, drawn with one uniform.

Rule kept here: the inverse of the mixture's own CDF is used, never the choice of a component, so that a value
stays monotone in its uniform and one uniform is all that a draw costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sim.distributions.base import Distribution, Floats, impossible, require_not_negative

BLOCK = 8192
"""Values inverted together; small enough to stay in a processor's cache."""


@dataclass(frozen=True, slots=True)
class Mixture(Distribution):
    """Each component's distribution with the probability that is its weight.

    Args:
        components: One or more distributions.
        weights: One per component, 0 or more, summing to 1 within 1e-9.
    """

    kind: ClassVar[str] = "mixture"
    components: tuple[Distribution, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.components or len(self.components) != len(self.weights):
            raise impossible(
                f"{len(self.components)} components with {len(self.weights)} weights",
                "give one weight per component",
            )
        for weight in self.weights:
            require_not_negative("weight", weight)
        total = math.fsum(self.weights)
        if abs(total - 1) > 1e-9:
            raise impossible(f"the weights sum to {total:.10g}", "weights must sum to 1")

    def _moments(self) -> tuple[float, float]:
        parts = [(weight, *part._moments()) for weight, part in self._parts()]
        mean = math.fsum(weight * m for weight, m, _ in parts)
        return mean, math.fsum(weight * (v + (m - mean) ** 2) for weight, m, v in parts)

    def _ppf(self, u: Floats) -> Floats:
        flat = u.ravel()
        out: Floats = np.empty_like(flat)
        for start in range(0, flat.size, BLOCK):
            out[start : start + BLOCK] = self._invert(flat[start : start + BLOCK])
        return out.reshape(u.shape)

    def _invert(self, u: Floats) -> Floats:
        """Bisect the CDF over the floating-point numbers themselves, which makes atoms come out exactly.

        The quantile lies between the least and the greatest quantile of the components. Floats of 0 or more
        are ordered as their bits are when read as integers; bisecting those finds, in at most 63 steps, the
        smallest float whose CDF reaches u.
        """
        quantiles = np.stack([part.ppf(u) for _, part in self._parts()]) + 0.0  # no negative zero
        low = quantiles.min(axis=0).view(np.int64) - 1  # a number whose CDF is below u, or before zero
        high = quantiles.max(axis=0).view(np.int64)
        while np.any(high - low > 1):
            middle = low + (high - low) // 2
            reached = self._cdf(middle.view(np.float64)) >= u
            high = np.where(reached & (middle > low), middle, high)
            low = np.where(reached, low, middle)
        return np.asarray(high.view(np.float64))

    def _cdf(self, x: Floats) -> Floats:
        total = np.zeros_like(x)
        for weight, part in self._parts():
            total += weight * part.cdf(x)
        return np.minimum(total, 1.0)

    def _parts(self) -> list[tuple[float, Distribution]]:
        total = math.fsum(self.weights)
        return [(w / total, part) for w, part in zip(self.weights, self.components, strict=True) if w > 0]

    def _scaled(self, factor: float) -> Distribution:
        return Mixture(tuple(part.scaled(factor) for part in self.components), self.weights)

    def _parameters(self, fmt: Callable[[float], str]) -> tuple[tuple[str, str], ...]:
        return tuple(
            (f"{100 * weight:g} %", f"({part.describe(fmt)})")
            for weight, part in zip(self.weights, self.components, strict=True)
        )
