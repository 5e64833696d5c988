"""What holds for every distribution, whatever its parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.distributions import Distribution, build
from sim.streams import Streams

EXAMPLES = 40
INNER = (np.arange(300) + 0.5) / 300.1
"""Uniforms that no sum of simple weights hits, so that rounding decides on no side of a jump."""

U = np.unique(
    np.concatenate(
        (
            [0.0],
            10.0 ** -np.arange(1, 16, dtype=float),
            np.linspace(0.001, 0.999, 301),
            1 - 10.0 ** -np.arange(2, 15, dtype=float),
            [1 - 2.0**-53],
        )
    )
)


def plain(raw: object, _field: str) -> float:
    """Take a number as it is."""
    assert isinstance(raw, (int, float))
    return float(raw)


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers spread evenly over the orders of magnitude from ``low`` to ``high``."""
    return st.floats(math.log(low), math.log(high)).map(math.exp)


TIMES = numbers(1e-3, 1e7)
Spec = Mapping[str, object]


@st.composite
def ordered(draw: st.DrawFn, kind: str, *names: str) -> Spec:
    """Parameters that must not fall; they may coincide, or differ by one part in a hundred and more."""
    steps = st.lists(st.just(1.0) | numbers(1.01, 100.0), min_size=len(names), max_size=len(names))
    values = np.cumprod(draw(steps)) * draw(TIMES)
    values[0] *= draw(st.sampled_from([0.0, 1.0]))
    return {kind: dict(zip(names, values.tolist(), strict=True))}


@st.composite
def lognormals(draw: st.DrawFn) -> Spec:
    """Pairs of properties that some lognormal has."""
    first = draw(TIMES)
    names, times = draw(
        st.sampled_from(
            [
                (("mean", "p90"), numbers(1.01, 2.2)),
                (("mean", "p95"), numbers(1.01, 3.8)),
                (("mean", "p99"), numbers(1.01, 14.0)),
                (("mean", "sd"), numbers(0.01, 10.0)),
                (("p50", "mean"), numbers(1.01, 5.0)),
                (("p50", "p95"), numbers(1.01, 20.0)),
            ]
        )
    )
    return {"lognormal": {names[0]: first, names[1]: first * draw(times)}}


@st.composite
def integers(draw: st.DrawFn) -> Spec:
    """Ranges of whole numbers."""
    low, more = draw(st.integers(0, 1000)), draw(st.integers(0, 1000))
    return {"integer": {"min": low, "max": low + more}}


@st.composite
def samples(draw: st.DrawFn) -> Spec:
    """Weighted samples, with ties."""
    values = draw(st.lists(TIMES | st.just(0.0), min_size=1, max_size=20))
    raw = draw(st.lists(st.integers(1, 9), min_size=len(values), max_size=len(values)))
    return {"empirical": {"values": values, "weights": [weight / sum(raw) for weight in raw]}}


CONTINUOUS: dict[str, st.SearchStrategy[Spec]] = {
    "exponential": TIMES.map(lambda m: {"exponential": {"mean": m}}),
    "lognormal": lognormals(),
    "gamma": st.builds(lambda m, cv: {"gamma": {"mean": m, "cv": cv}}, TIMES, numbers(0.01, 3.0)),
    "weibull": st.builds(lambda m, k: {"weibull": {"mean": m, "shape": k}}, TIMES, numbers(0.3, 20.0)),
}
STEPPED: dict[str, st.SearchStrategy[Spec]] = {
    "constant": (TIMES | st.just(0.0)).map(lambda v: {"constant": v}),
    "uniform": ordered("uniform", "min", "max"),
    "triangular": ordered("triangular", "min", "mode", "max"),
    "integer": integers(),
    "geometric": numbers(1.0, 1e5).map(lambda m: {"geometric": {"mean": max(m, 1.0)}}),
    "poisson": numbers(1e-3, 1e5).map(lambda m: {"poisson": {"mean": m}}),
    "empirical": samples(),
}


@st.composite
def mixtures(draw: st.DrawFn) -> Spec:
    """Up to three components of any kind; some may have weight 0."""
    parts = draw(st.lists(st.one_of(*CONTINUOUS.values(), *STEPPED.values()), min_size=1, max_size=3))
    raw = draw(st.lists(st.integers(0, 9), min_size=len(parts), max_size=len(parts)).filter(any))
    return {"mixture": {"of": [{"weight": w / sum(raw), **part} for w, part in zip(raw, parts, strict=True)]}}


ALL = {**CONTINUOUS, **STEPPED, "mixture": mixtures()}
each_kind = pytest.mark.parametrize("kind", ALL)


def example(data: st.DataObject, kind: str) -> Distribution:
    """Build one distribution of a kind."""
    return build(data.draw(ALL[kind], label="spec"), plain)


@each_kind
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_quantiles_never_fall(kind: str, data: st.DataObject) -> None:
    """A larger uniform gives no smaller value (to one part in 10**12), none negative, all finite."""
    values = example(data, kind).ppf(U)
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert (np.diff(values) >= -1e-12 * values[1:]).all()


@each_kind
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_quantile_is_the_smallest_value_that_reaches_its_uniform(kind: str, data: st.DataObject) -> None:
    """The CDF reaches u at the quantile of u, and is not above u just below it."""
    distribution = example(data, kind)
    x = distribution.ppf(U)
    assert (distribution.cdf(x) >= U - 1e-11).all()
    below = np.where(x > 0, np.nextafter(x * (1 - 1e-13), -1.0), -1.0)
    assert (distribution.cdf(below) <= U + 1e-11).all()


@pytest.mark.parametrize("kind", CONTINUOUS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_density_kinds_return_the_uniform(kind: str, data: st.DataObject) -> None:
    """Without atoms, the CDF at the quantile of u is u."""
    distribution = example(data, kind)
    np.testing.assert_allclose(distribution.cdf(distribution.ppf(U)), U, atol=1e-11)


def moments(distribution: Distribution) -> tuple[float, float]:
    """Mean and standard deviation by a Stieltjes sum over cells between some 2000 quantiles, each cut in 32.

    The probability at a cell's upper end itself (an atom) counts there, the rest at the middle of the cell.
    The quantiles lie densely towards 0 and 1, where a quantile function may be steep.
    """
    tail = 2.0 ** -np.arange(53, 0, -0.1)
    x = np.unique(distribution.ppf(np.concatenate(([0.0], tail, np.linspace(0.05, 0.95, 1001), 1 - tail))))
    x = np.unique(np.append((x[:-1, None] + np.diff(x)[:, None] * np.arange(32) / 32).ravel(), x))
    at, below = distribution.cdf(x), distribution.cdf(np.nextafter(x, -1.0))
    values = np.concatenate((x, (x[1:] + x[:-1]) / 2))
    weights = np.concatenate((at - below, below[1:] - at[:-1]))
    mean = float((weights * values).sum())
    return mean, math.sqrt(float((weights * (values - mean) ** 2).sum()))


@each_kind
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_moments_are_those_of_the_quantile_function(kind: str, data: st.DataObject) -> None:
    """Mean and standard deviation agree with numerical integration: within 1e-3, and 1 % for the latter."""
    distribution = example(data, kind)
    mean, sd = moments(distribution)
    true_sd = math.sqrt(distribution.variance)
    assert mean == pytest.approx(distribution.mean, rel=1e-3, abs=1e-3 * true_sd)
    assert sd == pytest.approx(true_sd, rel=0.01, abs=1e-6 * distribution.mean)


@each_kind
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data(), factor=numbers(1e-3, 1e3))
def test_scaling_scales(kind: str, data: st.DataObject, factor: float) -> None:
    """Quantiles and mean scale with the factor, the variance with its square."""
    distribution = example(data, kind)
    scaled = distribution.scaled(factor)
    assert scaled.mean == pytest.approx(factor * distribution.mean, rel=1e-9)
    assert scaled.variance == pytest.approx(
        factor**2 * distribution.variance, rel=1e-6, abs=1e-25 * scaled.mean**2
    )
    np.testing.assert_allclose(scaled.cdf(scaled.ppf(U)), distribution.cdf(distribution.ppf(U)), atol=1e-9)
    np.testing.assert_allclose(scaled.ppf(INNER), factor * distribution.ppf(INNER), rtol=1e-9, atol=1e-300)


@each_kind
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_larger_scale_gives_no_smaller_value_for_the_same_uniform(kind: str, data: st.DataObject) -> None:
    """Common random numbers order alternatives: slower work takes longer in every draw."""
    distribution = example(data, kind)
    u = Streams(1, 1).uniforms(200, "service")
    assert (distribution.scaled(1.1).ppf(u) >= distribution.ppf(u)).all()


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    streams=st.builds(Streams, st.integers(0, 2**70), st.integers(1, 10**6)),
    key=st.tuples(st.text(), st.text(), st.integers(0, 1000)),
    n=st.integers(0, 50),
)
def test_streams_extend_and_differ(streams: Streams, key: tuple[str, str, int], n: int) -> None:
    """For any key a longer request extends the shorter one, and the next visit is another stream."""
    purpose, name, visit = key
    long = streams.uniforms(60, purpose, name, visit)
    np.testing.assert_array_equal(streams.uniforms(n, purpose, name, visit), long[:n])
    assert not np.array_equal(streams.uniforms(60, purpose, name, visit + 1), long)
