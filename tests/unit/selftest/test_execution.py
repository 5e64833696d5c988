"""The self-test's verdict: what counts as chance, what as a fault, and that worker processes change nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from sim.analysis.intervals import Estimate
from sim.errors import InputError, RunError
from sim.selftest import Metric, Selftest, calendar_cases, selftest, tables, verdict
from sim.selftest.calendar_cases import CASES, CalendarCase
from sim.selftest.models import MODELS, replicate

HOURS = 20
RIGHT = tuple((case, case.completed) for case in CASES)


def quiet(done: int, total: int, text: str) -> None:
    """Take note of nothing."""


def metric(*, inside: bool = True, far: bool = False, name: str = "wait") -> Metric:
    """Return a metric whose exact value is 10, and whose interval is one wide to each side."""
    found = Estimate(10.5 if inside else 12.0, 1.0, 0.95, 20)
    return Metric("M/M/1", name, 10.0, found, far)


def test_a_few_misses_are_chance() -> None:
    """Of twenty intervals, six may miss; seven are a fault."""
    hits = [metric()] * 20
    found = Selftest((*hits[6:], *[metric(inside=False)] * 6), RIGHT, 20)
    assert (found.misses, found.misses_most, found.passed) == (6, 6, True)
    found = Selftest((*hits[7:], *[metric(inside=False)] * 7), RIGHT, 20)
    assert not found.passed


def test_one_metric_that_is_far_off_is_a_fault() -> None:
    """The number of misses does not excuse a single one that chance does not explain."""
    found = Selftest((*[metric()] * 20, metric(inside=False, far=True)), RIGHT, 20)
    assert not found.passed
    assert "1 far off" in verdict(found)


def test_a_wrong_calendar_case_is_a_fault() -> None:
    """The calendar is exact: a task that ends a minute late fails the self-test."""
    late = ((CASES[0], "2015-01-05 15:01"), *RIGHT[1:])
    found = Selftest((metric(),) * 20, late, 20)
    assert not found.passed
    assert verdict(found).startswith("DOES NOT AGREE")
    assert "1 of 10 calendar cases wrong" in verdict(found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_calendar_case_is_exact(case: CalendarCase) -> None:
    """A task of six hours ends at the minute that a reader finds on paper."""
    assert case.simulated() == case.completed


def test_a_task_that_never_ends_has_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not end before the run does is not exact, and is not guessed."""
    monkeypatch.setattr(calendar_cases, "SIX_HOURS", calendar_cases.SIX_HOURS.replace("6 h", "1000 h"))
    assert CASES[0].simulated() == ""


def test_the_same_result_whatever_the_number_of_processes() -> None:
    """Two worker processes find what one finds, and progress is told after every replication."""
    told: list[tuple[int, int]] = []
    models = [MODELS["M/M/1"], MODELS["fork and join"]]
    one = selftest(lambda done, total, _: told.append((done, total)), 2, 1, models=models, hours=HOURS)
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert selftest(quiet, 2, 2, models=models, hours=HOURS) == one
    assert [found.name for found in one.metrics] == [key for model in models for key in model.exact]


def test_a_wrong_formula_is_found() -> None:
    """A simulation that is off by half is not excused by chance."""
    model = MODELS["M/D/1"]
    wrong = replace(model, exact={key: 1.5 * value for key, value in model.exact.items()})
    found = selftest(quiet, 20, models=[wrong], hours=HOURS)
    assert found.far
    assert not found.passed


def test_a_model_that_does_not_come_to_its_end_is_an_error() -> None:
    """Documents left open would be missing from the means, so there is no verdict."""
    overloaded = replace(MODELS["M/D/1"], per_h=600)
    with pytest.raises(RunError, match="E-SELFTEST"):
        replicate(overloaded, 1, [1], HOURS)


@pytest.mark.parametrize(("replications", "jobs"), [(1, 1), (2, 0)])
def test_an_interval_needs_two_replications(replications: int, jobs: int) -> None:
    """Fewer than two replications, or no worker, are refused."""
    with pytest.raises(InputError, match="E-REPLICATIONS"):
        selftest(quiet, replications, jobs)


def test_numbers_are_shown_with_their_units() -> None:
    """Seconds, documents and shares read differently, and a metric that is far off catches the eye."""
    metrics = (metric(), metric(name="present"), metric(name="utilisation", inside=False, far=True))
    console = Console(width=80, file=(out := io.StringIO()))
    console.print(*tables(Selftest(metrics, ((CASES[0], ""),), 20)))
    shown = out.getvalue()
    for part in ("10.00 s", "10.50 s", "9.50–11.50", "1000.00 %", "FAR OFF", "never", "NO"):
        assert part in shown
