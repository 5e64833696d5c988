"""The warm-up: what settles after its end is its fault, what grows is the server's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from loadtests.harness.stationarity import RELATIVE_MIN, settled, settling
from tests.unit.loadtests.harness.series import Floats, arrivals, autoregressive, queue

LENGTH_S = 120.0
RATE = 50.0


def due_times(seed: int = 1) -> Floats:
    """Two minutes of Poisson arrivals."""
    return arrivals(int(LENGTH_S * RATE), RATE, np.random.default_rng(seed))


def steady(due_s: Floats, seed: int = 2) -> Floats:
    """Times around 50 ms that depend on nothing."""
    return 0.05 * np.exp(0.5 * np.random.default_rng(seed).standard_normal(due_s.size))


def test_steady_times_are_settled() -> None:
    """And the text names the figures."""
    found = settling(due_times(), steady(due_times()))
    assert (found.settled, found.growing) == (True, False)
    assert "p50" in found.text
    assert "p90" in found.text


@pytest.mark.parametrize("time_s", [6.0, 12.0, 30.0])
def test_times_that_fall_from_three_times_the_level_are_not_settled(time_s: float) -> None:
    """A cache that fills, a pool that opens, code that is compiled: the warm-up ended too early."""
    due = due_times()
    found = settling(due, steady(due) * (1 + 2 * np.exp(-due / time_s)))
    assert found.settled is False
    assert not found.growing
    assert "warm-up was too short" in found.text


def test_a_tail_that_settles_is_seen_where_the_median_does_not_move() -> None:
    """Objectives are about tails."""
    due, rng = due_times(), np.random.default_rng(3)
    slow = (rng.random(due.size) < 0.2) & (due < LENGTH_S / 4)
    assert settling(due, np.where(slow, 1.0, steady(due))).settled is False


def test_a_queue_that_starts_full_has_not_settled() -> None:
    """A server that is twice as slow at first, in the time that is judged, and then catches up."""
    rng, due = np.random.default_rng(4), due_times()
    service = rng.exponential(1 / 100, due.size) * np.where(due < 10, 3.0, 1.0)
    assert settling(due, queue(due, service)).settled is False


@pytest.mark.parametrize("capacity", [47.0, 40.0, 25.0, 5.0])
def test_an_overloaded_server_grows_and_is_never_a_warm_up_problem(capacity: float) -> None:
    """It must end in FAIL, never in INVALID."""
    rng, due = np.random.default_rng(5), due_times()
    found = settling(due, queue(due, rng.exponential(1 / capacity, due.size)))
    assert found.settled is True
    assert found.growing
    assert "does not keep up" in found.text


def test_overload_with_requests_that_never_come_is_growth_too() -> None:
    """Times beyond the time-out are misses: they stand above all that came."""
    rng, due = np.random.default_rng(6), due_times()
    times = queue(due, rng.exponential(1 / 40, due.size))
    assert settling(due, np.where(times > 10, math.inf, times)).settled is True


def test_slow_at_first_and_overloaded_at_the_end_is_no_warm_up_problem() -> None:
    """What is slow at the end, too, has not settled into anything faster."""
    due = due_times()
    shape = 1 + 2 * np.exp(-due / 10) + 3 * np.exp((due - LENGTH_S) / 20)
    assert settling(due, steady(due) * shape).settled is True


def test_a_server_that_is_soon_as_slow_again_as_at_first_has_not_settled_into_anything() -> None:
    """The first quarter is slower than the rest on average, but the rest grows up to it."""
    due = due_times()
    shape = np.where(due < LENGTH_S / 4, 2.0, 2.0 ** ((due - LENGTH_S / 4) / (0.75 * LENGTH_S)))
    assert settling(due, steady(due) * shape).settled is True


def test_failures_at_the_start_alone_are_a_settling() -> None:
    """Refused connections until a pool has grown."""
    due, rng = due_times(), np.random.default_rng(7)
    times = np.where((rng.random(due.size) < 0.5) & (due < 20), math.inf, steady(due))
    assert settling(due, times).settled is False


def test_a_difference_that_is_small_or_does_not_matter_is_none() -> None:
    """Below 20 %, or below what the clock and the objective can care about."""
    due = due_times()
    early = due < LENGTH_S / 4
    assert settling(due, steady(due) * np.where(early, 1 + RELATIVE_MIN / 2, 1)).settled is True
    doubled = steady(due) * np.where(early, 2.0, 1.0)
    assert settling(due, doubled).settled is False
    assert settling(due, doubled / 1000).settled is True
    assert settling(due, doubled, relevant_s=0.2).settled is True


def test_a_planned_fault_at_the_start_is_left_out() -> None:
    """A freeze in the first quarter is what the run was to do; where too little of it is left, nothing is said."""
    due = due_times()
    frozen = steady(due) + np.where((due > 5) & (due < 14), 14 - due, 0.0)
    assert settling(due, frozen).settled is False
    assert settling(due, frozen, leave_out=[(5.0, 10.0), (10.0, 14.0)]).settled is True
    assert settling(due, frozen, leave_out=[(0.0, 30.0)]).settled is None


def test_a_profile_that_itself_falls_tells_nothing() -> None:
    """More load at first makes slower answers at first; that is no warm-up, and no proof against one either."""
    rng = np.random.default_rng(8)
    due = np.sort(np.concatenate((rng.uniform(0, 30, 4500), rng.uniform(30, 120, 4500))))
    found = settling(due, steady(due) * np.where(due < 30, 2.0, 1.0))
    assert found.settled is None
    assert "times the rate" in found.text


@pytest.mark.parametrize("count", [0, 1, 99])
def test_too_few_arrivals_tell_nothing(count: int) -> None:
    """Neither good nor bad."""
    due = np.linspace(0, 10, count)
    assert settling(due, np.full(count, 0.05)).settled is None


def test_where_nothing_came_there_is_no_trend() -> None:
    """The objectives say what is to be said."""
    due = due_times()
    assert settling(due, np.full(due.size, math.inf)).settled is None


def test_times_that_are_all_equal_are_settled() -> None:
    """No variance is no alarm, and one slow quarter among them is one."""
    due = due_times()
    assert settling(due, np.full(due.size, 0.05)).settled is True
    assert settling(due, np.where(due < LENGTH_S / 4, 0.5, 0.05)).settled is False


@pytest.mark.parametrize("correlation", [0.0, 0.9, 0.99])
def test_false_alarms_are_rare_on_correlated_times(correlation: float) -> None:
    """At most 5 of 150 runs: with a true rate of 1 % more than that happen with a chance below 1 in 200."""
    alarms = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        due = arrivals(3000, RATE, rng)
        alarms += settling(due, autoregressive(3000, correlation, 0.05, rng)).settled is False
    assert alarms <= 5


def test_the_verdict_takes_a_pair() -> None:
    """Whether, and why."""
    due = due_times()
    found = settling(due, steady(due))
    assert settled(due, steady(due)) == (found.settled, found.text)
