"""The range of an answer over draws of its assumed inputs."""

from __future__ import annotations

from math import factorial, inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from sim.analysis.spread import (
    CENTRAL_DRAWS_MIN,
    assumption_sd,
    correlation_p,
    drivers,
    holds_where,
    of_difference,
    ranked,
    share_low,
    spearman,
    spread,
)


def test_few_draws_are_told_from_lowest_to_highest() -> None:
    """Below twenty draws one of them is more than 5 %, so the ends are the outermost draws."""
    found = spread([3.0, 1.0, 2.0, nan, inf])
    assert (found.low, found.median, found.high, found.central) == (1.0, 2.0, 3.0, 1.0)
    assert (found.draws, found.missing) == (3, 2)


def test_many_draws_are_told_by_their_central_share() -> None:
    """From twenty draws on, 5 % are left out at either end."""
    found = spread(np.arange(101.0))
    assert [found.low, found.high, found.central] == pytest.approx([5.0, 95.0, 0.9])
    assert spread(np.arange(float(CENTRAL_DRAWS_MIN - 1))).central == 1.0


def test_no_draw_with_a_value_is_no_range() -> None:
    """Where no draw has a value, JSON says null and how many are missing."""
    told = spread([nan, nan]).to_json()
    assert (told["low"], told["high"], told["draws"], told["missing"]) == (None, None, 0, 2)


@given(st.integers(1, 40), st.data())
def test_bound_of_a_share_is_that_of_scipy(draws: int, data: st.DataObject) -> None:
    """The lower bound is Clopper and Pearson's one-sided bound, as an independent library computes it."""
    hits = data.draw(st.integers(0, draws))
    expected = stats.binomtest(hits, draws, alternative="greater").proportion_ci(0.95).low
    assert share_low(hits, draws) == pytest.approx(expected, abs=1e-9)


def test_noise_is_taken_off_the_spread() -> None:
    """What the assumptions add is the variance beyond that of the replications, never below nought."""
    fixed, sampled = np.array([1.0, 2.0, 3.0]), np.array([0.0, 5.0, 10.0])
    sd, noise = assumption_sd(sampled, fixed)
    assert [sd, noise] == pytest.approx([np.sqrt(24.0), 1.0])
    assert assumption_sd(fixed, sampled)[0] == 0.0
    assert np.isnan(assumption_sd(sampled[:1], fixed)).all()


@given(
    arrays.arrays(np.float64, st.integers(3, 30), elements=st.integers(0, 6).map(float)), st.integers(0, 999)
)
def test_rank_correlation_is_that_of_scipy(values: np.ndarray, seed: int) -> None:
    """Ranks, Spearman's correlation and its p value agree with an independent library, ties included."""
    assert ranked(values).tolist() == stats.rankdata(values).tolist()
    inputs = np.random.default_rng(seed).integers(0, 5, (values.size, 2)).astype(float)
    found = spearman(inputs, values)
    for column, one in zip(inputs.T, found, strict=True):
        if np.ptp(column) > 0 and np.ptp(values) > 0:
            expected = stats.spearmanr(column, values)
            assert one == pytest.approx(expected.statistic, abs=1e-12)
            if abs(one) < 1 - 1e-9:
                p = correlation_p(np.array([one]), values.size)[0]
                assert p == pytest.approx(max(expected.pvalue, 2 / factorial(values.size)), rel=1e-6)
        else:
            assert one == 0.0


def test_few_draws_prove_little() -> None:
    """Five draws in perfect order are two of 120 orders: enough alone, not enough among fifty inputs."""
    assert correlation_p(np.array([1.0]), 5)[0] == pytest.approx(2 / 120)
    inputs = np.random.default_rng(5).random((5, 50))
    inputs[:, 3] = np.arange(5)
    assert drivers([str(at) for at in range(50)], inputs, np.arange(5.0)) == []
    assert [one["name"] for one in drivers(["3"], inputs[:, 3:4], np.arange(5.0))] == ["3"]


def test_an_input_that_rules_is_found_among_many() -> None:
    """Of fifty inputs the one that the metric follows is named, and none of the others."""
    random = np.random.default_rng(1)
    inputs = random.random((40, 50))
    names = [f"input-{at}" for at in range(50)]
    found = drivers(names, inputs, 3 * inputs[:, 7] + 0.1 * random.random(40))
    assert [one["name"] for one in found] == ["input-7"]
    assert found[0]["correlation"] > 0.9


def test_pure_noise_names_a_driver_no_more_often_than_one_time_in_twenty() -> None:
    """Holm's correction over all inputs: false drivers in at most 5 % of runs, within binomial bounds."""
    random = np.random.default_rng(2)
    names = [f"input-{at}" for at in range(30)]
    false = sum(bool(drivers(names, random.random((20, 30)), random.random(20))) for _ in range(300))
    assert stats.binomtest(false, 300, 0.05, alternative="greater").pvalue > 1e-4


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_part_that_keeps_the_sign_holds_only_draws_that_do(holds: list[bool]) -> None:
    """All draws in the part keep the sign, and it is the largest such part at either end."""
    inputs = np.arange(len(holds)) / len(holds)
    kept = np.array(holds)
    found = holds_where(inputs, kept)
    if found is None:
        assert kept.all() or not (kept[0] or kept[-1])
        return
    side, quantile, count = found
    part = inputs <= quantile if side == "below" else inputs >= quantile
    assert kept[part].all()
    assert np.count_nonzero(part) == count
    runs = [int(np.argmin(kept)), int(np.argmin(kept[::-1]))]
    assert count == max(runs)


def test_a_difference_says_which_range_rules_and_where_its_sign_holds() -> None:
    """A sign that one strong input decides: the share of draws, the driver and its part are told."""
    random = np.random.default_rng(3)
    inputs = random.random((30, 5))
    sampled = 10 * (inputs[:, 2] - 0.2) + 0.01 * random.random(30)
    fixed = 3.0 + 0.01 * random.random(8)
    found = of_difference([f"input-{at}" for at in range(5)], inputs, sampled, fixed)
    same = int(np.count_nonzero(sampled > 0))
    assert found["rules"] == "assumptions"
    assert found["sign"] == {"same": same, "draws": 30, "share_low": share_low(same, 30)}
    assert found["drivers"][0]["name"] == "input-2"
    assert found["holds_where"]["side"] == "above"
    assert found["holds_where"]["quantile"] == pytest.approx(0.2, abs=0.1)


def test_where_draws_vary_no_more_than_replications_noise_rules() -> None:
    """Draws that only repeat the noise of the replications leave the answer to simulation noise."""
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    found = of_difference(["one"], np.linspace(0, 1, 5)[:, None], values, values)
    assert found["rules"] == "noise"
    assert found["sd_assumptions"] == 0.0


def test_a_difference_of_nought_has_no_sign() -> None:
    """No difference at the stated inputs, or no draw with a value: nothing is claimed of a sign."""
    found = of_difference(["one"], np.array([[0.5], [0.6]]), np.array([1.0, 2.0]), np.zeros(3))
    assert found["sign"] is None
    found = of_difference(["one"], np.array([[0.5], [0.6]]), np.array([nan, nan]), np.ones(3))
    assert (found["sign"], found["draws"], found["rules"]) == (None, 0, None)
