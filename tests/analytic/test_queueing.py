"""The engine, through the public scenario format, against exact results of queueing theory."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from sim.analysis.intervals import CONFIDENCE, Estimate, student
from tests.analytic.models import MODELS, replicate

REPLICATIONS = range(1, 21)
HALF_WIDTH_MOST = 0.02  # of the exact value
FAR = 4  # half-widths; about eight standard errors
RARE = 1e-4
LONGEST_FIRST = [one.name for one in sorted(MODELS.values(), key=lambda one: -one.hours * one.per_h)]
SEEDS = {name: place for place, name in enumerate(MODELS, 1)}

SOAK_FIRST_SEED = 100_000
SOAK_REPLICATIONS = range(1, 11)
SOAK_LEAST_HOURS = 100

Results = Callable[[str], Mapping[str, Estimate]]


@pytest.fixture(autouse=True)
def _at_full_speed() -> Iterator[None]:
    """Take a coverage tracer off while millions of steps are simulated: it makes them four times slower.

    The marker ``no_cover`` does not do it in workers of pytest-xdist.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


def _most_misses(intervals: int) -> int:
    """Return the number of misses that so many independent intervals exceed with probability below RARE."""
    return int(binom.isf(RARE, intervals, 1 - CONFIDENCE))


def _misses(name: str, found: Mapping[str, Estimate]) -> list[str]:
    return [f"{name}: {key}" for key, exact in MODELS[name].exact.items()
            if not found[key].low <= exact <= found[key].high]  # fmt: skip


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return the estimates of a model; workers of one test run share what they have simulated."""
    own: Path = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "analytic"
    folder.mkdir(exist_ok=True)

    def of(name: str) -> Mapping[str, Estimate]:
        path = folder / f"{SEEDS[name]}.json"
        if not path.exists():
            values = replicate(MODELS[name], SEEDS[name], REPLICATIONS)
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(values), encoding="utf-8")
            part.replace(path)
        return {key: student(values) for key, values in json.loads(path.read_text(encoding="utf-8")).items()}

    return of


@pytest.mark.parametrize("name", LONGEST_FIRST)
def test_a_model_agrees_with_its_formula(results: Results, name: str) -> None:
    """Every metric is known to two per cent or better, and is not impossibly far from the truth."""
    for key, exact in MODELS[name].exact.items():
        found = results(name)[key]
        assert found.half_width <= HALF_WIDTH_MOST * exact, (key, found.half_width / exact)
        assert abs(found.estimate - exact) <= FAR * found.half_width, (key, found.estimate, exact)


def test_as_many_intervals_miss_as_chance_allows(results: Results) -> None:
    """Misses of the 95 % intervals stay within the binomial law, over all metrics and one per model."""
    found = {name: results(name) for name in MODELS}
    every = [miss for name in MODELS for miss in _misses(name, found[name])]
    chosen = [f"{name}: {model.main}" for name, model in MODELS.items()]
    main = [miss for miss in every if miss in chosen]
    assert len(every) <= _most_misses(sum(len(model.exact) for model in MODELS.values())), every
    assert len(main) <= _most_misses(len(MODELS)), main  # independent: one per model, seeds apart


@pytest.mark.soak
def test_intervals_cover_with_fresh_seeds() -> None:
    """Over many experiments the 95 % intervals cover the truth about as often as they say."""
    experiments = int(os.environ.get("CONGVAN_SOAK_SEEDS", "200"))
    lines = []
    wrong = []
    for name, model in MODELS.items():
        misses = dict.fromkeys(model.exact, 0)
        first = SOAK_FIRST_SEED * SEEDS[name]  # models of one seed would share arrivals
        for seed in range(first, first + experiments):
            hours = max(SOAK_LEAST_HOURS, model.hours // 5)
            values = replicate(model, seed, SOAK_REPLICATIONS, hours)
            for key, exact in model.exact.items():
                found = student(values[key])
                misses[key] += not found.low <= exact <= found.high
        for key, count in misses.items():
            lines.append(f"{name:22} {key:12} {100 * (1 - count / experiments):6.1f} %")
            chance = binom.sf(count - 1, experiments, 1 - CONFIDENCE)
            if min(chance, binom.cdf(count, experiments, 1 - CONFIDENCE)) < RARE:
                wrong.append(lines[-1])
    head = f"\ncoverage of 95 % intervals, {experiments} experiments"
    print(head, *lines, sep="\n")  # noqa: T201 - the result of the soak
    assert not wrong, wrong


def test_the_table_is_what_the_models_say() -> None:
    """Each model's metrics are those that it has exact values for, all of them positive."""
    for model in MODELS.values():
        found = replicate(model, 1, [1], hours=10)
        assert set(found) == set(model.exact)
        assert np.all(np.array(list(model.exact.values())) > 0)
