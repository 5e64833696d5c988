"""This installation against queueing theory: every model simulated, every calendar case, and the verdict.

Rule kept here: seeds are those of the table, so that the same number of replications gives the same verdict on
the same platform, whatever the number of worker processes.

A 95 % interval misses the truth in one of twenty cases, so some misses are right. Two bounds tell chance from a
fault, each exceeded by chance with a probability of about :data:`RARE` at most: the number of misses under the
binomial law, and the distance of the worst metric by Student's law, corrected for the number of metrics
(Bonferroni). Metrics of one model are correlated; the binomial bound takes them as independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import joblib
from scipy.stats import binom

from sim.analysis.intervals import CONFIDENCE, Estimate, student
from sim.errors import InputError
from sim.selftest.calendar_cases import CASES, CalendarCase
from sim.selftest.models import MODELS, Model, replicate

RARE = 1e-4  # probability of a false alarm, per bound; the one of tests/analytic
REPLICATIONS = 20  # half-widths below two per cent of the exact values, in about a minute
REPLICATIONS_MIN = 2  # an interval needs two

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of one model.

    Args:
        model: Name of the model.
        name: Name of the metric.
        exact: What theory says; numbers of documents, shares of one, all else in seconds.
        found: What the simulation says, in the same unit.
        is_far: The exact value lies outside the interval of probability 1 - RARE / metrics, too.
    """

    model: str
    name: str
    exact: float
    found: Estimate
    is_far: bool

    @property
    def is_inside(self) -> bool:
        """True when the 95 % interval holds the exact value."""
        return self.found.low <= self.exact <= self.found.high

    @property
    def unit(self) -> str:
        """Unit of its numbers: ``documents``, ``share`` or ``s``."""
        return {"present": "documents", "utilisation": "share"}.get(self.name, "s")


@dataclass(frozen=True, slots=True)
class Selftest:
    """What a self-test found.

    Args:
        metrics: Every metric of every model, in the order of the table.
        calendar: Every calendar case, and when its task ended in the simulation.
        replications: Of each model.
    """

    metrics: tuple[Metric, ...]
    calendar: tuple[tuple[CalendarCase, str], ...]
    replications: int

    @property
    def misses(self) -> int:
        """Number of 95 % intervals that do not hold the exact value."""
        return sum(not one.is_inside for one in self.metrics)

    @property
    def misses_most(self) -> int:
        """Number of misses that chance exceeds with a probability below RARE."""
        return int(binom.isf(RARE, len(self.metrics), 1 - CONFIDENCE))

    @property
    def far(self) -> tuple[Metric, ...]:
        """Metrics that are further off than chance explains."""
        return tuple(one for one in self.metrics if one.is_far)

    @property
    def wrong_times(self) -> int:
        """Number of calendar cases that did not end when they must."""
        return sum(case.completed != found for case, found in self.calendar)

    @property
    def passed(self) -> bool:
        """True when chance explains every miss and every calendar case is exact."""
        return self.misses <= self.misses_most and not self.far and not self.wrong_times


def selftest(
    progress: Progress,
    replications: int = REPLICATIONS,
    jobs: int = 1,
    *,
    models: Iterable[Model] = tuple(MODELS.values()),
    hours: int | None = None,
) -> Selftest:
    """Simulate every model and every calendar case.

    Args:
        progress: Told after every replication of a model: how many are done, of how many, and what comes next.
        replications: Of each model, 2 or more.
        jobs: Worker processes, 1 or more.
        models: Of the table.
        hours: Length of the measured period; default the model's own. Intervals widen as it shrinks.

    Raises:
        InputError: ``E-REPLICATIONS`` replications or jobs are out of range.
        RunError: ``E-SELFTEST`` a model did not come to its end.
    """
    if replications < REPLICATIONS_MIN or jobs < 1:
        raise InputError(
            "E-REPLICATIONS",
            f"found {replications} replications, {jobs} jobs",
            f"{REPLICATIONS_MIN} or more replications, 1 or more jobs",
        )
    chosen = list(models)
    tasks = [(one.name, number, hours) for one in chosen for number in range(1, replications + 1)]
    values: dict[str, dict[str, list[float]]] = {one.name: {key: [] for key in one.exact} for one in chosen}
    calendar = tuple((case, case.simulated()) for case in CASES)
    progress(0, len(tasks), chosen[0].name if chosen else "")
    for done, (task, found) in enumerate(zip(tasks, _results(tasks, jobs), strict=True), 1):
        for key, (value,) in found.items():
            values[task[0]][key].append(value)
        progress(done, len(tasks), tasks[min(done, len(tasks) - 1)][0])
    count = sum(len(one.exact) for one in chosen)
    metrics = [_judged(one, key, values[one.name][key], count) for one in chosen for key in one.exact]
    return Selftest(tuple(metrics), calendar, replications)


def _judged(model: Model, key: str, values: Sequence[float], count: int) -> Metric:
    """Return one metric; ``count`` is the number of all metrics."""
    exact, wide = model.exact[key], student(values, 1 - RARE / count)
    return Metric(model.name, key, exact, student(values), not wide.low <= exact <= wide.high)


def _one(name: str, number: int, hours: int | None) -> dict[str, list[float]]:
    """Simulate one replication of a model; its seed is its place in the table."""
    return replicate(MODELS[name], list(MODELS).index(name) + 1, [number], hours)


def _results(tasks: Sequence[tuple[str, int, int | None]], jobs: int) -> Iterator[dict[str, list[float]]]:
    """Run tasks in this process, or in worker processes; results come in the order of the tasks."""
    if jobs == 1:
        yield from (_one(*task) for task in tasks)
        return
    parallel = joblib.Parallel(n_jobs=min(jobs, len(tasks)), return_as="generator", batch_size=1)
    call: Callable[..., Any] = joblib.delayed(_one)
    yield from parallel(call(*task) for task in tasks)
