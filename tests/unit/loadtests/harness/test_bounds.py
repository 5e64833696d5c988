"""Bounds: the published sample sizes, exact binomial tails, and coverage on correlated series."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from loadtests.harness import bounds
from tests.unit.loadtests.harness.series import arrivals, autoregressive, clustered

CONFIDENCE = 0.99


@pytest.mark.parametrize(
    ("share", "over", "needed"),
    [
        (0.05, 0, 90), (0.05, 1, 130), (0.05, 5, 259),
        (0.01, 0, 459), (0.01, 1, 662), (0.01, 5, 1307),
        (0.001, 0, 4603), (0.001, 1, 6636), (0.001, 5, 13105),
    ],
)  # fmt: skip
def test_the_least_samples_are_those_of_mlperf_loadgen(share: float, over: int, needed: int) -> None:
    """Published and measured for p95, p99 and p99.9 at 99 % confidence."""
    assert bounds.samples_needed(over, share, CONFIDENCE) == needed


@given(st.integers(0, 40), st.sampled_from([0.001, 0.01, 0.05, 0.5]), st.sampled_from([0.9, 0.99]))
def test_so_many_samples_prove_it_and_one_fewer_does_not(over: int, share: float, confidence: float) -> None:
    """By the definition: the binomial tail at the allowed share."""
    needed = bounds.samples_needed(over, share, confidence)
    assert binom.cdf(over, needed, share) <= 1 - confidence + 1e-12
    assert binom.cdf(over, needed - 1, share) > 1 - confidence - 1e-12


@given(st.integers(0, 400), st.integers(1, 400), st.sampled_from([0.01, 0.05, 0.3]))
def test_a_decision_is_made_only_where_the_exact_tail_makes_it(over: int, samples: int, share: float) -> None:
    """Both ways: met, missed, and open between them."""
    over = min(over, samples)
    met = binom.cdf(over, samples, share) <= 1 - CONFIDENCE
    missed = binom.sf(over - 1, samples, share) < 1 - CONFIDENCE
    assert bounds.decide(over, samples, share, CONFIDENCE) is (True if met else False if missed else None)


def test_of_no_samples_nothing_is_decided() -> None:
    """An empty step meets nothing."""
    assert bounds.decide(0, 0, 0.01, CONFIDENCE) is None
    assert bounds.share_at_most(0, 0, CONFIDENCE) == 1.0
    assert bounds.share_at_least(0, 0, CONFIDENCE) == 0.0


@given(st.integers(1, 3000), st.sampled_from([50.0, 90.0, 95.0, 99.0]))
def test_the_interval_of_a_percentile_and_the_decision_agree(samples: int, percentile: float) -> None:
    """The upper sample is below a bound exactly where the binomial decision says met."""
    low, high = bounds.percentile_ranks(percentile, samples, CONFIDENCE)
    share = 1 - percentile / 100
    assert 0 <= low <= high <= samples + 1
    assert low <= math.ceil(samples * percentile / 100)
    for over in {0, max(0, samples - high), max(0, samples - high + 1)}:
        assert (over <= samples - high) == (samples >= bounds.samples_needed(over, share, CONFIDENCE))


def test_the_interval_of_a_percentile_holds_it_as_often_as_it_says() -> None:
    """Each end fails in at most 1 % of 2000 samples; more than 45 fail with a chance below 1 in 100,000."""
    rng = np.random.default_rng(11)
    low, high = bounds.percentile_ranks(95, 400, CONFIDENCE)
    ascending = np.sort(rng.random((2000, 400)), axis=1)
    assert np.count_nonzero(ascending[:, low - 1] > 0.95) <= 45
    assert np.count_nonzero(ascending[:, high - 1] < 0.95) <= 45
    assert bounds.percentile_ranks(95, 400, CONFIDENCE, 4, 4)[0] < low
    assert bounds.percentile_ranks(95, 400, CONFIDENCE, 4, 4)[1] > high
    assert bounds.percentile_ranks(95, 400, CONFIDENCE, 5000, 5000) == (0, 401)


RUNS = 300
ALARMS = 21
"""More of 300 runs happen with a chance of 1 in 5,000 if the true rate is 3 %."""


@pytest.mark.parametrize(
    ("kind", "strength", "count"),
    [
        ("autoregressive", 0.0, 4000),
        ("autoregressive", 0.9, 6000),
        ("autoregressive", 0.97, 20_000),
        ("clustered", 10, 6000),
    ],
)
def test_bootstrap_bounds_cover_the_share_of_correlated_series_where_binomial_ones_do_not(
    kind: str, strength: float, count: int
) -> None:
    """At 99 % each bound fails in at most 3 % of the runs; the binomial one in over 10 % of correlated ones."""
    rng = np.random.default_rng(5)
    share, above, below, naive = 0.05, 0, 0, 0
    for _ in range(RUNS):
        due = arrivals(count, 50, rng)
        make = autoregressive if kind == "autoregressive" else clustered
        over = make(count, strength, share, rng) > 0.5
        found = bounds.clustering(over, due, confidence=CONFIDENCE, rng=rng)
        seen = int(over.sum())
        above += bounds.share_at_least(seen / found.low_effect, count / found.low_effect, CONFIDENCE) > share
        below += bounds.share_at_most(seen / found.high_effect, count / found.high_effect, CONFIDENCE) < share
        naive += bounds.share_at_most(seen, count, CONFIDENCE) < share
    assert above <= ALARMS
    assert below <= ALARMS
    assert naive <= ALARMS if strength == 0 else naive > RUNS / 10


def test_independent_samples_have_a_design_effect_of_about_one() -> None:
    """Otherwise every run would have to be longer than the binomial bound asks."""
    rng = np.random.default_rng(8)
    effects = [
        bounds.clustering(
            rng.random(8000) < 0.01, arrivals(8000, 50, rng), confidence=CONFIDENCE, rng=rng
        ).high_effect
        for _ in range(50)
    ]
    assert np.median(effects) < 1.2


def test_clusters_of_forty_are_worth_about_one_sample_each() -> None:
    """The design effect of clusters of equal size is that size."""
    rng = np.random.default_rng(9)
    over = np.zeros(40_000, np.bool_)
    for start in rng.choice(40_000 // 40, 100, replace=False) * 40:
        over[start : start + 40] = True
    found = bounds.clustering(over, np.arange(40_000) / 100, confidence=CONFIDENCE, rng=rng)
    assert over.sum() / found.effective_over == pytest.approx(40, rel=0.35)
    assert 1 < found.low_effect <= found.high_effect < 1.5 * found.low_effect


def test_of_two_clusters_the_size_of_a_third_is_hardly_known() -> None:
    """Then an upper bound needs several times as many samples as a lower one."""
    over = np.zeros(20_000, np.bool_)
    over[[*range(3000, 3020), *range(12_000, 12_020)]] = True
    due, rng = np.linspace(0, 200, 20_000), np.random.default_rng(10)
    found = bounds.clustering(over, due, confidence=CONFIDENCE, rng=rng)
    assert found.effective_over == pytest.approx(2, rel=0.35)
    assert found.high_effect > 2.5 * found.low_effect


def test_the_same_draws_give_the_same_bound() -> None:
    """A verdict that is computed again must come out the same."""
    rng = np.random.default_rng(4)
    over, due = autoregressive(2000, 0.9, 0.05, rng) > 0.5, arrivals(2000, 50, rng)
    found = [bounds.clustering(over, due, confidence=0.99, rng=np.random.default_rng(1)) for _ in range(2)]
    assert found[0] == found[1]


def test_too_few_samples_tell_nothing_of_how_they_depend() -> None:
    """Eleven cannot be cut into twelve blocks."""
    found = bounds.clustering(
        np.ones(11, np.bool_), np.arange(11.0), confidence=0.99, rng=np.random.default_rng(1)
    )
    assert found.blocks == 0
    assert found.high_effect == math.inf


def test_arrivals_at_one_instant_are_cut_by_their_order() -> None:
    """A trace may hold thousands in one second, and a stage may last none."""
    rng = np.random.default_rng(3)
    found = bounds.clustering(rng.random(600) < 0.1, np.zeros(600), confidence=0.99, rng=rng)
    assert found.blocks >= bounds.BLOCKS_MIN
