"""Response times whose true share above a bound is known, independent, correlated and in clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import ndtri

Floats = NDArray[np.float64]


def arrivals(count: int, rate_per_s: float, rng: np.random.Generator) -> Floats:
    """Poisson arrivals."""
    return np.cumsum(rng.exponential(1 / rate_per_s, count))


def autoregressive(
    count: int, correlation: float, share: float, rng: np.random.Generator, bound_s: float = 0.5
) -> Floats:
    """Lognormal times of a first-order autoregression, of which in the long run ``share`` are above the bound."""
    noise = rng.standard_normal(count) * np.sqrt(1 - correlation**2)
    noise[0] = rng.standard_normal()
    normal = np.asarray(lfilter([1.0], [1.0, -correlation], noise), dtype=np.float64)
    return bound_s * np.exp(0.7 * (normal - float(ndtri(1 - share))))


def clustered(count: int, length: float, share: float, rng: np.random.Generator) -> Floats:
    """10 ms, with incidents of ``length`` arrivals on average that take 1 s; ``share`` of all in the long run."""
    incidents = int(5 + 4 * count * share / length)
    slow = rng.geometric(1 / length, incidents)
    quick = rng.geometric(share / (length * (1 - share)), incidents)
    runs = np.column_stack((quick, slow)).ravel()
    times = np.repeat(np.tile([0.01, 1.0], incidents), runs)
    start = int(rng.integers(0, max(1, times.size // 4)))
    return np.resize(times[start:], count)


def queue(due_s: Floats, service_s: Floats) -> Floats:
    """Response times of one server that serves in order (Lindley's recursion)."""
    done = np.cumsum(service_s) + np.maximum.accumulate(
        due_s - np.concatenate(([0.0], np.cumsum(service_s)[:-1]))
    )
    return done - due_s
