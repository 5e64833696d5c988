"""The search for the highest sustained rate, on servers whose capacity is known."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from loadtests.harness.search import Ask, Ended, Found, Phase, Probe, Search, Settings, backlog_slope, grows
from loadtests.harness.verdict import Outcome
from sim.errors import InputError

SERVICE_S = 0.01
BOUND_S = 0.1
Floats = NDArray[np.float64]


@dataclass
class Clock:
    """Time that passes only while a probe runs."""

    now_s: float = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now_s


def queue(rate_per_s: float, duration_s: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Arrivals and departures of M/D/1, first come first served, by Lindley's recursion."""
    arrived = np.sort(rng.random(rng.poisson(rate_per_s * duration_s)) * duration_s)
    steps = np.concatenate([[0.0], SERVICE_S - np.diff(arrived)])
    walk = np.cumsum(steps)
    return arrived, arrived + walk - np.minimum.accumulate(walk) + SERVICE_S


def p99_s(rate_per_s: float, duration_s: float, rng: np.random.Generator) -> float:
    """Its 99th percentile of the response."""
    arrived, left = queue(rate_per_s, duration_s, rng)
    return float(np.quantile(left - arrived, 0.99))


def true_capacity() -> float:
    """The rate at which a long simulation of M/D/1 has its p99 at the bound."""
    low, high = 50.0, 99.0
    for _ in range(12):
        middle = (low + high) / 2
        held = p99_s(middle, 20_000, np.random.default_rng(99)) < BOUND_S
        low, high = (middle, high) if held else (low, middle)
    return low


@dataclass
class QueueServer:
    """A probe that runs M/D/1 and compares the percentile that it saw with the bound."""

    clock: Clock
    asked: list[Ask] = field(default_factory=list)

    def __call__(self, ask: Ask) -> Probe:
        """One run."""
        self.asked.append(ask)
        self.clock.now_s += ask.duration_s
        rng = np.random.default_rng(ask.seed)
        arrived, left = queue(ask.rate_per_s, ask.duration_s, rng)
        response_s = left - arrived
        tenths = [float(np.quantile(part, 0.99)) for part in np.array_split(response_s, 10)]
        seen = float(np.quantile(response_s, 0.99))
        error = 1.0 * float(np.std(tenths, ddof=1)) / math.sqrt(10)
        outcome = Outcome.PASS if seen < BOUND_S else Outcome.FAIL
        if seen - error < BOUND_S < seen + error:
            outcome = Outcome.INCONCLUSIVE
        at = np.arange(10.0, ask.duration_s)
        backlog = np.searchsorted(arrived, at) - np.searchsorted(left, at)
        slope, slope_error = backlog_slope(backlog)
        leans = seen < BOUND_S
        achieved = len(arrived) / ask.duration_s
        return Probe(ask, outcome, achieved, seen, seen - error, seen + error, slope, slope_error, leans)


@dataclass
class KnownServer:
    """A probe that holds up to a known rate, and says something else in a share of the runs."""

    clock: Clock
    truth_per_s: float
    wrong: float = 0.0
    invalid: Callable[[Ask], bool] = lambda _: False
    unsure: Callable[[Ask], bool] = lambda _: False
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    asked: list[Ask] = field(default_factory=list)

    def __call__(self, ask: Ask) -> Probe:
        """One run."""
        self.asked.append(ask)
        self.clock.now_s += ask.duration_s
        held = (ask.rate_per_s <= self.truth_per_s) != (self.rng.random() < self.wrong)
        outcome = Outcome.PASS if held else Outcome.FAIL
        if self.unsure(ask):
            outcome = Outcome.INCONCLUSIVE
        if self.invalid(ask):
            outcome = Outcome.INVALID
        return Probe(ask, outcome, ask.rate_per_s, 0.1, 0.09, 0.11, -0.001, 0.01)


SOME = Settings(start_per_s=10, budget_s=1e9, confirm_s=600)


def known(truth: float, *, wrong: float = 0, seed: int = 0, how: Settings = SOME) -> Found:
    """Search a server of known capacity."""
    clock = Clock()
    server = KnownServer(clock, truth, wrong, rng=np.random.default_rng(seed))
    return Search(server, how, clock=clock).run()


def test_capacity_of_a_queue_is_found_within_five_percent() -> None:
    """M/D/1, p99 of the response below ten service times: every one of several seeds is within 5 % of the truth."""
    truth = true_capacity()
    for seed in range(8):
        clock = Clock()
        how = replace(SOME, probe_s=300, longest_s=1200, confirm_s=1800, seed=1 + 1000 * seed)
        found = Search(QueueServer(clock), how, clock=clock).run()
        assert found.last_pass is not None
        assert found.first_fail is not None
        assert found.last_pass == pytest.approx(truth, rel=0.05)
        assert found.confirmed
        assert not found.at_least
        assert found.first_fail > found.last_pass


@settings(max_examples=60, deadline=None)
@given(st.floats(0.2, 5000), st.floats(0.2, 5000), st.sampled_from([1.3, 2.0, 10.0]))
def test_without_noise_the_bracket_holds_the_truth(truth: float, start: float, growth: float) -> None:
    """Wherever it starts and however it widens, the truth lies in an interval as narrow as was asked."""
    found = known(truth, how=replace(SOME, start_per_s=start, growth=growth))
    low, high = found.interval
    assert low is not None
    assert high is not None
    assert low <= truth < high <= low * 1.05 * (1 + 1e-9)
    assert found.ended is Ended.NARROW


def test_wrong_verdicts_rarely_fool_the_search() -> None:
    """With a tenth of all verdicts wrong, no more than a tenth of the results are off by more than 10 %.

    One bisection without re-tests asks about nine times and is misled in more than half of all searches. If the true
    share is 5 % or less, this test fails with a probability below 1e-6.
    """
    runs, bound = 600, 0.1
    results = [known(100.0, wrong=0.1, seed=seed).last_pass or 0.0 for seed in range(runs)]
    assert sum(not 100 / 1.1 <= one <= 100 * 1.1 for one in results) <= bound * runs
    assert binom.sf(bound * runs, runs, 0.05) < 1e-6


def test_both_ends_are_tested_again_by_fresh_seeds() -> None:
    """What is told as last pass and first fail was seen twice at least, and no seed was used twice."""
    found = known(123.0)
    for end in found.interval:
        at = [one for one in found.probes if one.ask.rate_per_s == end and one.ask.phase is not Phase.CONFIRM]
        assert len(at) >= 2
        assert at[-1].ask.duration_s > at[0].ask.duration_s
    seeds = [one.ask.seed for one in found.probes]
    assert len(set(seeds)) == len(seeds)


def test_one_wrong_pass_is_undone() -> None:
    """A server that held once, by chance, at a rate far too high is found out."""
    clock = Clock()
    server = KnownServer(clock, 100.0)

    def lucky(ask: Ask) -> Probe:
        found = server(ask)
        first = sum(one.rate_per_s == ask.rate_per_s for one in server.asked) == 1
        return replace(found, outcome=Outcome.PASS) if first and 150 < ask.rate_per_s < 170 else found

    found = Search(lucky, SOME, clock=clock).run()
    assert any(one.outcome is Outcome.PASS and one.ask.rate_per_s > 150 for one in found.probes)
    assert found.last_pass == pytest.approx(100, rel=0.05)


def test_invalid_probes_move_no_end() -> None:
    """With a third of all probes INVALID at random, the result is that of the valid ones alone."""
    clock = Clock()
    dice = np.random.default_rng(5)
    server = KnownServer(clock, 321.0, invalid=lambda _: bool(dice.random() < 0.3))
    found = Search(server, replace(SOME, invalid_retries=20), clock=clock).run()
    plain = known(321.0)
    assert found.interval == plain.interval
    assert sum(one.outcome is Outcome.INVALID for one in found.probes) > 3
    assert all(point.outcome is not Outcome.INVALID for point in found.curve)


def test_a_generator_that_fails_below_its_ceiling_ends_the_search() -> None:
    """INVALID however often it is tried: the search says so, and what held is "at least"."""
    clock = Clock()
    server = KnownServer(clock, 1e6, invalid=lambda ask: ask.rate_per_s > 300)
    null = KnownServer(clock, 1e9, invalid=lambda ask: ask.rate_per_s > 5000)
    found = Search(server, SOME, clock=clock, null_probe=null).run()
    assert found.ended is Ended.INVALID
    assert found.at_least
    assert found.last_pass == pytest.approx(300, rel=0.05)
    assert found.first_fail is None
    assert "generator failed" in found.text


def test_the_ceiling_gives_at_least() -> None:
    """A server that can do more than the generator has a capacity of "at least", and the ceiling is told."""
    clock = Clock()
    limit = 700.0
    server = KnownServer(clock, 1e6, invalid=lambda ask: ask.rate_per_s > limit)
    null = KnownServer(clock, 1e9, invalid=lambda ask: ask.rate_per_s > limit)
    found = Search(server, SOME, clock=clock, null_probe=null).run()
    assert found.ended is Ended.CEILING
    assert found.at_least
    assert found.confirmed
    assert found.ceiling is not None
    assert limit / 1.2 < found.ceiling <= limit
    assert found.last_pass == found.ceiling
    assert "at least" in found.text
    assert found.probes[0].ask.phase is Phase.CEILING


def test_a_ceiling_above_the_capacity_changes_nothing() -> None:
    """Where the server fails first, the ceiling is told and the result stands."""
    clock = Clock()
    null = KnownServer(clock, 1e9, invalid=lambda ask: ask.rate_per_s > 5000)
    found = Search(KnownServer(clock, 200.0), SOME, clock=clock, null_probe=null).run()
    assert not found.at_least
    assert found.last_pass == pytest.approx(200, rel=0.05)


def test_a_generator_that_keeps_nothing_ends_at_once() -> None:
    """INVALID against the null server even at the least rate: nothing is asked of the server."""
    clock = Clock()
    server = KnownServer(clock, 100.0)
    null = KnownServer(clock, 1e9, invalid=lambda _: True)
    found = Search(server, SOME, clock=clock, null_probe=null).run()
    assert found.ended is Ended.INVALID
    assert found.last_pass is None
    assert not found.at_least
    assert server.asked == []


def test_a_server_that_holds_nothing() -> None:
    """Below the least rate the search ends and says that nothing holds."""
    found = known(0.0)
    assert found.ended is Ended.NOTHING
    assert found.last_pass is None
    assert not found.confirmed
    assert found.first_fail == SOME.least_per_s


def test_unsure_probes_are_asked_longer_and_never_hold() -> None:
    """INCONCLUSIVE at a rate however long, and no estimate: it does not hold, and the text says why."""
    clock = Clock()
    server = KnownServer(clock, 200.0, unsure=lambda ask: 90 < ask.rate_per_s < 250)
    found = Search(server, SOME, clock=clock).run()
    assert found.last_pass == pytest.approx(90, rel=0.05)
    assert "proved nothing" in found.text
    lengths = [one.duration_s for one in server.asked if one.rate_per_s == 160.0]
    assert len(lengths) == SOME.unsure_max
    assert lengths == sorted(lengths)
    assert lengths[-1] > lengths[0]


def test_estimates_decide_where_nothing_is_proved_and_the_confirmation_proves() -> None:
    """Where short probes prove nothing within 30 % of the truth, their estimates lead to it, and long ones confirm."""
    clock = Clock()
    server = KnownServer(
        clock, 200.0, unsure=lambda ask: abs(ask.rate_per_s / 200 - 1) < (0.06 if ask.preloaded else 0.3)
    )

    def leaning(ask: Ask) -> Probe:
        return replace(server(ask), leans=ask.rate_per_s <= 200)

    found = Search(leaning, SOME, clock=clock).run()
    low, high = found.narrowed
    assert low is not None
    assert high is not None
    assert low <= 200 < high < low * 1.05
    assert found.confirmed
    assert found.last_pass is not None
    assert 200 / 1.12 < found.last_pass <= 200 * 0.94
    assert "Short probes saw the limit between" in found.text


def test_time_that_runs_out_is_told() -> None:
    """A budget too small gives what is known so far, unconfirmed or wide, never more time than given."""
    for budget_s in (10.0, 100.0, 1000.0, 3000.0):
        clock = Clock()
        found = Search(
            KnownServer(clock, 200.0), replace(SOME, budget_s=budget_s, confirm_s=300), clock=clock
        ).run()
        assert clock.now_s <= budget_s
        if budget_s < 1000:
            assert found.ended is Ended.TIME
            assert not found.confirmed
            assert "ran out of time" in found.text


def test_time_is_kept_for_the_confirmation() -> None:
    """Where time gets short, the interval stays wide and the confirmation is made all the same."""
    clock = Clock()
    how = replace(SOME, budget_s=3 * 300 + 160, confirm_s=300, longest_s=20)
    found = Search(KnownServer(clock, 200.0), how, clock=clock).run()
    assert found.ended is Ended.TIME
    assert found.confirmed
    assert found.last_pass == 160


def test_recovery_is_looked_for_after_the_first_overload() -> None:
    """A server that fails everything after its first overload is told as one that did not recover."""
    clock = Clock()
    broken: list[bool] = []

    def fragile(ask: Ask) -> Probe:
        clock.now_s += ask.duration_s
        if ask.rate_per_s > 100:
            broken.append(True)
        return Probe(ask, Outcome.FAIL if broken else Outcome.PASS)

    found = Search(fragile, SOME, clock=clock).run()
    assert found.recovered is False
    assert "did not hold even a low rate" in found.text
    assert known(100.0).recovered is True


def test_a_growing_backlog_is_no_confirmation() -> None:
    """All verdicts PASS but a backlog that grows: the next lower rate is tried, the refused one told."""
    clock = Clock()
    server = KnownServer(clock, 200.0)

    def probe(ask: Ask) -> Probe:
        found = server(ask)
        return replace(found, backlog_slope_per_s=0.5) if ask.rate_per_s > 185 else found

    found = Search(probe, SOME, clock=clock).run()
    assert found.confirmed
    assert found.last_pass is not None
    assert 185 / 1.06 < found.last_pass <= 185
    assert found.first_fail is not None
    assert 185 < found.first_fail <= found.last_pass * 1.0501


def test_confirmations_use_the_preloaded_store_and_three_seeds() -> None:
    """Confirmation probes, and no others, ask for the preloaded store; a rate that never holds is not confirmed."""
    found = known(200.0)
    assert all(one.ask.preloaded is (one.ask.phase is Phase.CONFIRM) for one in found.probes)
    confirming = [one for one in found.probes if one.ask.phase is Phase.CONFIRM]
    assert len(confirming) == 3
    assert "3 of 3 held" in found.text
    assert "10 min each" in found.text
    clock = Clock()
    server = KnownServer(clock, 200.0)

    def soaked(ask: Ask) -> Probe:
        found = server(ask)
        return replace(found, outcome=Outcome.FAIL) if ask.preloaded else found

    refused = Search(soaked, SOME, clock=clock).run()
    assert not refused.confirmed
    assert refused.text.count("Not confirmed") == 1


def test_found_is_plain_json() -> None:
    """The result is JSON without numbers that JSON lacks, with the members that the report reads."""
    data = json.loads(json.dumps(known(200.0).to_json(["submit p99 < 500 ms"]), allow_nan=False))
    assert {
        "probes",
        "last_pass",
        "first_fail",
        "interval",
        "at_least",
        "ceiling",
        "confirm_s",
        "text",
    } <= set(data)
    assert data["interval"] == [data["last_pass"], data["first_fail"]]
    assert {"rate", "outcome", "p99_s", "low_s", "high_s", "achieved_per_s", "phase", "seed"} <= set(
        data["probes"][0]
    )


@pytest.mark.parametrize(
    "wrong",
    [{"growth": 1.0}, {"start_per_s": 0.0}, {"confirm_seeds": 2}, {"tolerance": 0.0}, {"votes_max": 1}],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    """What no search can be made with is an error of the input."""
    with pytest.raises(InputError, match="E-SEARCH"):
        replace(SOME, **wrong)


def test_a_steady_backlog_is_seldom_called_growing() -> None:
    """At 80 and 95 % of capacity no more than 1 % of runs of 10 min; the bound's own false alarm rate is 1e-6."""
    calls, runs = 0, 300
    for seed in range(runs):
        arrived, left = queue(80 if seed % 2 else 95, 600, np.random.default_rng(seed))
        at = np.arange(10.0, 600)
        calls += grows(*backlog_slope(np.searchsorted(arrived, at) - np.searchsorted(left, at)), 0.01)
    assert calls <= binom.isf(1e-6, runs, 0.01)


def test_an_overload_of_three_percent_is_called_growing() -> None:
    """Thirty minutes at 103 % of capacity are always found out, and the slope is what cannot be served."""
    for seed in range(20):
        arrived, left = queue(103, 1800, np.random.default_rng(seed))
        at = np.arange(10.0, 1800)
        slope, error = backlog_slope(np.searchsorted(arrived, at) - np.searchsorted(left, at))
        assert grows(slope, error, 0.01)
        assert slope == pytest.approx(3.0, abs=1.5)


def test_a_backlog_of_a_few_seconds_says_nothing() -> None:
    """Too short a record has no slope and shows no growth; a constant one has slope and error zero."""
    slope, error = backlog_slope(np.arange(39.0))
    assert math.isnan(slope)
    assert not grows(slope, error, 0.01)
    assert backlog_slope(np.ones(100)) == (0.0, 0.0)
