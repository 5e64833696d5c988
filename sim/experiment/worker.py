"""One simulation in a worker process: its workload, its rows on disk, its numbers.

Rule kept here: what a simulation yields depends on the scenario, the seed, its number and its draw of the
assumptions only, never on how many worker processes there are or in which order they finish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import joblib
import polars as pl

from sim import engine
from sim.analysis import ReplicationNumbers, replication_numbers
from sim.analysis.cohort import by_document, taken
from sim.analysis.cost_drivers import terms
from sim.observations import Observations, Outcome, StepKind, frame
from sim.scenario import ScenarioFile, sampled
from sim.streams import Streams
from sim.workload import ASKS, URGENCIES, Workload, generate

ROWS_PER_GROUP = 250_000


@dataclass(frozen=True, slots=True)
class Task:
    """One replication of one alternative.

    Args:
        file: The scenario.
        chosen: All alternatives of the run, whose documents make the workload.
        alternative: The one to simulate.
        replication: Its number, from 1.
        seed: Of the run.
        parts: Folder for its rows.
        keep_steps: Whether its steps are written, too.
        inputs: Quantile of each varied input by name; ``None``: as stated, and its rows are written.
    """

    file: ScenarioFile
    chosen: tuple[str, ...]
    alternative: str
    replication: int
    seed: int
    parts: Path
    keep_steps: bool
    inputs: Mapping[str, float] | None = None


class _Unkeyed:
    """Carries a value into a cache without being part of its key."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unkeyed)


@lru_cache(maxsize=1)
def _prepared(
    digest: str, chosen: tuple[str, ...], seed: int, replication: int, drawn: bool, task: _Unkeyed
) -> tuple[ScenarioFile, Workload, engine.Memory]:
    """Draw inputs and documents once per process; alternatives of one replication follow one another."""
    del digest, drawn
    file: ScenarioFile = task.value.file
    if task.value.inputs is not None:
        file = sampled(file, task.value.inputs)
    return file, generate(file, Streams(seed, replication), chosen), engine.Memory()


def run_one(task: Task) -> ReplicationNumbers:
    """Simulate one replication of one alternative; write its rows, return its numbers."""
    file, workload, memory = _prepared(
        task.file.digest, task.chosen, task.seed, task.replication, task.inputs is not None, _Unkeyed(task)
    )
    streams = Streams(task.seed, task.replication)
    obs = engine.run(file, file.cases[task.alternative], workload, streams, memory)
    if task.inputs is None:
        _write_rows(obs, task)
    prices = terms(file, file.cases[task.alternative], workload)
    return replication_numbers(obs, file.office, file.horizon.cap_s - file.horizon.measure_end_s, prices)


def results(tasks: Sequence[Task], jobs: int) -> Iterator[ReplicationNumbers]:
    """Run tasks in this process, or in worker processes; results come in the order of the tasks."""
    if jobs == 1 or len(tasks) == 1:
        yield from map(run_one, tasks)
        return
    parallel = joblib.Parallel(
        n_jobs=min(jobs, len(tasks)), return_as="generator", batch_size=1, pre_dispatch="n_jobs"
    )
    yield from parallel(joblib.delayed(run_one)(task) for task in tasks)


def _write_rows(obs: Observations, task: Task) -> None:
    """Write the rows of one simulation beside those of the others, with names in place of indices."""
    names = obs.names
    key = {"alternative": obs.alternative, "replication": obs.replication}
    legs = frame(obs.legs, **key).filter(pl.col("measured")).drop("measured").with_columns(
        _named("flow", names.flows), _named("sender", names.agencies), _named("recipient", names.agencies),
        _named("procedure", names.procedures), _named("urgency", URGENCIES), _named("asks", ASKS),
        _named("outcome", [outcome.name.lower() for outcome in Outcome]),
    )  # fmt: skip
    _part(legs, task, "legs")
    turnaround_s = (legs["finished_s"] - legs["created_s"]).to_numpy()
    told = by_document(taken(obs.legs, obs.legs.measured), turnaround_s)
    documents = (
        legs.group_by("doc", maintain_order=True)
        .agg(pl.col("flow", "sender", "created_s").first(), pl.len().alias("legs"))
        .select([pl.lit(value).alias(name) for name, value in key.items()] + [pl.all()])
    )
    extra = pl.DataFrame(
        {"doc": told.doc, "first_s": told.first_s, "p90_s": told.most_s, "last_s": told.last_s}
    )
    _part(documents.join(extra, on="doc", how="left", maintain_order="left"), task, "documents")
    if task.keep_steps:
        steps = frame(obs.steps, **key).with_columns(
            _named("task", names.tasks), _named("kind", [kind.name.lower() for kind in StepKind]),
            _named("agency", names.agencies), _named("person", names.people), _named("role", names.roles),
            _named("relay", names.procedures),
        )  # fmt: skip
        _part(steps, task, "steps")


def _named(column: str, names: Sequence[str]) -> pl.Expr:
    """Return a column of indices as names; -1 becomes null."""
    return pl.col(column).replace_strict(
        pl.Series(range(len(names)), dtype=pl.Int32), pl.Series(list(names), dtype=pl.String), default=None
    )


def _part(table: pl.DataFrame, task: Task, name: str) -> None:
    """Write one part of a table; times are kept to the microsecond, which compresses far better."""
    rounded = table.with_columns(pl.col(pl.Float64).round(6))
    path = task.parts / f"{name}-{task.replication:06d}-{task.alternative}.parquet"
    rounded.write_parquet(path, compression="zstd", row_group_size=ROWS_PER_GROUP)
