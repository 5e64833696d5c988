"""Runs compared with runs: false alarms, real differences, refusals."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu, wilcoxon

from loadtests.harness import run_statistics
from loadtests.harness.comparison import Comparison, Told, compare, compare_runs
from loadtests.harness.plan import Plan
from loadtests.harness.run_facts import RunFacts
from sim.errors import InputError

METRIC = "submit p99"


def sides(
    first: Sequence[float | None], second: Sequence[float | None], seeds: Sequence[int] | None = None
) -> list[RunFacts]:
    """Interleaved runs ABAB…, by default each pair with a seed of its own."""
    out = []
    for label, values, shift in (("old", first, 0.0), ("new", second, 0.5)):
        for number, value in enumerate(values):
            seed = number if seeds is None else seeds[number]
            out.append(RunFacts(label, f"digest {seed}", {METRIC: value}, seed, number + shift))
    return out


def judged(runs: Sequence[RunFacts], seed: int = 0) -> Comparison:
    """Compare them."""
    return compare(runs, [METRIC], rng=np.random.default_rng(seed))


@pytest.mark.parametrize(("count", "same_seed"), [(4, False), (5, True), (6, False), (10, True)])
def test_a_server_compared_with_itself_raises_few_false_alarms(count: int, same_seed: bool) -> None:
    """Noise from run to run, an effect of the seed and a drift: no more alarms than stated.

    Were the true share 5 %, the bound would be passed with a probability of 1e-6.
    """
    rng = np.random.default_rng(count)
    alarms, comparisons = 0, 400
    for number in range(comparisons):
        effect = np.zeros(count) if same_seed else rng.normal(0, 0.05, count)
        drift = np.cumsum(rng.normal(0, 0.01, 2 * count))
        noise = rng.standard_t(4, 2 * count) * 0.04
        values = 0.1 * np.exp(np.repeat(effect, 2) + drift + noise)
        runs = sides(list(values[::2]), list(values[1::2]), [7] * count if same_seed else None)
        alarms += judged(runs, number).differences[0].told is not Told.NO_DIFFERENCE
    assert alarms <= binom.isf(1e-6, comparisons, 0.05)


def test_a_real_difference_is_told_with_its_size() -> None:
    """A server that is 20 % slower, at 2 % of noise, is found each time by five pairs, and the interval holds 20 %."""
    rng = np.random.default_rng(3)
    for number in range(50):
        values = 0.1 * np.exp(rng.normal(0, 0.02, (2, 5)))
        (one,) = judged(sides(list(values[0]), list(values[1] * 1.2)), number).differences
        assert one.told is Told.HIGHER
        assert one.low - 0.05 < 1.2 < one.high + 0.05
        assert math.isnan(one.bound)
        (back,) = judged(sides(list(values[1] * 1.2), list(values[0])), number).differences
        assert back.told is Told.LOWER


def test_the_bound_of_no_difference_holds() -> None:
    """Where "no difference above x" is said of servers that differ by 5 %, x is below 5 % in 5 % of cases at most."""
    rng = np.random.default_rng(4)
    wrong, comparisons = 0, 400
    for number in range(comparisons):
        count = 3 + number % 5
        values = 0.1 * np.exp(rng.normal(0, 0.04, (2, count)))
        (one,) = judged(sides(list(values[0]), list(values[1] * 1.05)), number).differences
        wrong += one.told is Told.NO_DIFFERENCE and one.bound < 0.05
    assert wrong <= binom.isf(1e-6, comparisons, 0.05)


def test_what_is_said() -> None:
    """A difference with its interval, no difference with its bound, too few runs, and what few runs cannot show."""
    (differs,) = judged(sides([1, 1.01, 0.99, 1.0, 1.02], [2, 2.02, 1.99, 2.01, 2.0])).differences
    assert "higher: +" in differs.text
    (equal,) = judged(sides([1, 1.01, 0.99, 1.0], [1.005, 1.0, 1.0, 0.995])).differences
    assert equal.text.startswith("submit p99: no difference above ")
    assert 0 < equal.bound < 0.05
    (few,) = judged(sides([1, 1], [2, 2])).differences
    assert few.told is Told.TOO_FEW
    (three,) = judged(sides([1, 1.01, 0.99], [2, 2.02, 2.01])).differences
    assert three.told is Told.NO_DIFFERENCE
    assert "cannot go below p = 0.1" in three.text
    assert three.bound > 1
    assert three.confidence == 0.75


def test_a_run_without_a_value_gives_no_ratio() -> None:
    """A percentile among the misses has no value; nothing is invented for it."""
    for missing in (None, math.inf, 0.0):
        (one,) = judged(sides([1, 1, missing, 1], [1, 1, 1, 1])).differences
        assert one.told is Told.TOO_FEW
        assert "no such value" in one.text


def test_noise_of_repeats_on_one_side_is_a_floor() -> None:
    """With repeats of one seed the A/A noise is known, and a shift smaller than it is not told as a difference."""
    first = [1.0, 1.1, 0.9, 1.05, 0.95, 1.02]
    second = [value * 1.01 for value in first]
    (repeated,) = judged(sides(first, second, [1] * 6)).differences
    assert 0.05 < repeated.noise < 0.5
    assert repeated.p < 0.05
    assert repeated.told is Told.NO_DIFFERENCE
    (paired,) = judged(sides(first, second)).differences
    assert math.isnan(paired.noise)
    assert paired.told is Told.HIGHER


def test_noise_share_is_what_medians_of_two_sides_show() -> None:
    """Estimated from many repeats, the floor is passed by about the stated share of A/A pairs of medians."""
    rng = np.random.default_rng(8)
    values = np.exp(rng.normal(0, 0.05, (2000, 2, 9)))
    floor = run_statistics.noise_share([list(values[:, 0, 0])], 9, 0.05)
    apart = np.abs(np.median(values[:, 0], axis=1) / np.median(values[:, 1], axis=1) - 1)
    share = float(np.mean(apart > floor))
    assert binom.ppf(1e-6, 2000, 0.035) <= share * 2000 <= binom.isf(1e-6, 2000, 0.065)


def test_rank_tests_agree_with_scipy() -> None:
    """Without ties the exact p is scipy's, of both tests."""
    rng = np.random.default_rng(9)
    for _ in range(30):
        ratios = rng.normal(0.3, 1, 8)
        p, test = run_statistics.rank_test(ratios, ratios, ratios)
        assert test == run_statistics.SIGNED_RANK
        assert p == pytest.approx(float(wilcoxon(ratios, method="exact").pvalue))
        first, second = rng.normal(0, 1, 4), rng.normal(0.5, 1, 5)
        p, test = run_statistics.rank_test(ratios[:4], first, second)
        assert test == run_statistics.RANK_SUM
        assert p == pytest.approx(float(mannwhitneyu(first, second, method="exact").pvalue))


def test_rank_tests_with_ties_agree_with_enumeration() -> None:
    """With ties the exact p is that of all permutations."""
    first, second = np.array([1.0, 2.0, 2.0]), np.array([2.0, 3.0, 3.0])
    p, _ = run_statistics.rank_test(second - first, first, second)
    values = np.concatenate([first, second])
    ranks = np.array([1, 3, 3, 3, 5.5, 5.5])
    assert sorted(values) == list(values)
    sums = np.array([ranks[list(chosen)].sum() for chosen in combinations(range(6), 3)])
    seen = ranks[3:].sum()
    assert p == pytest.approx(min(1, 2 * min(np.mean(sums >= seen), np.mean(sums <= seen))))
    moved = np.array([1.0, 1.0, -1.0, 2.0, 2.0, 3.0])
    p, _ = run_statistics.rank_test(moved, moved, moved)
    ranks = np.array([2, 2, 2, 4.5, 4.5, 6])
    signs = np.array(list(product([0, 1], repeat=6)))
    sums = signs @ ranks
    seen = ranks[moved > 0].sum()
    assert p == pytest.approx(min(1, 2 * min(np.mean(sums >= seen), np.mean(sums <= seen))))


def plan_of(seed: int, **other: Any) -> Plan:
    """A plan of one side."""
    given = {
        "adapter": "null",
        "nonce": "0" * 12,
        "profile": {"kind": "constant"},
        "duration_s": 60.0,
        **other,
    }
    return Plan(**{"target": "http://127.0.0.1:1", "seed": seed, "schedule_sha256": f"{seed:064x}", **given})


def summary_of(plan: Plan, p99_s: float | None, **other: Any) -> dict[str, Any]:
    """As much of a summary as a comparison reads."""
    return {
        "kind": "load",
        "plan": plan.to_json(),
        "plan_digest": plan.digest,
        "verdict": {"outcome": "PASS"},
        "steps": {"submit": {"response_s": {"p99": p99_s}}},
        "completed_per_s": 50.0,
        "generator": {"signing": "presigned"},
        "environment": {"fingerprint": {"cores": 2}},
        **other,
    }


def test_summaries_are_compared_and_told_as_json() -> None:
    """From summaries of interleaved runs with the same seeds; targets, nonces and workers may differ."""
    runs = []
    for seed in range(6):
        runs.append(("old", summary_of(plan_of(seed), 0.100 + seed / 1000)))
        runs.append(
            (
                "new",
                summary_of(plan_of(seed, target="http://127.0.0.1:2", nonce="1" * 12), 0.200 + seed / 900),
            )
        )
    found = compare_runs(runs, rng=np.random.default_rng(1))
    by = {one.metric: one for one in found.differences}
    assert set(by) == {"submit p99", "completed per s"}
    assert by["submit p99"].told is Told.HIGHER
    assert by["completed per s"].told is Told.NO_DIFFERENCE
    assert found.cautions == ()
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert data["first"] == "old"
    assert data["differences"][0]["bound"] is None


@pytest.mark.parametrize(
    ("code", "named", "change"),
    [
        ("E-PLAN-DIFFERS", "duration_s", {"plan": plan_of(0, duration_s=90.0)}),
        ("E-PLAN-DIFFERS", "adapter", {"plan": plan_of(0, adapter="as2")}),
        ("E-PLAN-DIFFERS", "seed", {"plan": plan_of(5)}),
        ("E-HOST-DIFFERS", "cores", {"environment": {"fingerprint": {"cores": 4}}}),
        ("E-GENERATOR-DIFFERS", "locust", {"generator": {"versions": {"locust": "1"}}}),
        ("E-RUN-INVALID", "run 2", {"verdict": {"outcome": "INVALID"}}),
        ("E-COMPARE-KIND", "run 2", {"kind": "simulation"}),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(code: str, named: str, change: dict[str, Any]) -> None:
    """Another plan, seed, machine, generator or an INVALID run: the error names what differs."""
    changed = dict(change)
    plan = changed.pop("plan", plan_of(0))
    runs = [("old", summary_of(plan_of(0), 0.1)), ("new", summary_of(plan, 0.1, **changed))]
    with pytest.raises(InputError) as raised:
        compare_runs(runs, rng=np.random.default_rng(1))
    assert raised.value.code == code
    assert named in str(raised.value)


def test_sides_and_order() -> None:
    """Exactly two sides; runs that were not interleaved, or without partners, are cautioned about."""
    with pytest.raises(InputError, match="E-COMPARE-SIDES"):
        judged(sides([1, 1, 1], []))
    runs = sides([1.0, 1.1, 0.9], [1.0, 1.1, 0.9])
    blocks = [replace(one, order=one.order + 100 * (one.label == "new")) for one in runs]
    assert any("interleaved" in text for text in judged(blocks).cautions)
    assert judged(runs).cautions == ()
    assert any("3 runs against 2" in text for text in judged(sides([1, 1, 1], [1, 1], [1, 1, 1])).cautions)
