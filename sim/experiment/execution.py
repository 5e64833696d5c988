"""Run every alternative in every replication, and leave a run directory behind.

Rule kept here: what a replication yields depends on the scenario, the seed and its number only, never on how
many worker processes there are or in which order they finish.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import joblib
import polars as pl

from sim import engine, runs
from sim.analysis import PairedNumbers, ReplicationNumbers, pair, replication_numbers
from sim.analysis.cohort import by_document, taken
from sim.errors import InputError, RunError
from sim.experiment.summary import Results, build
from sim.observations import Observations, Outcome, StepKind, frame
from sim.report import write_report
from sim.scenario import ScenarioFile
from sim.streams import Streams
from sim.workload import ASKS, URGENCIES, Workload, generate

ROWS_PER_GROUP = 250_000
PARTS = ".parts"


class Progress(Protocol):
    """What is told how far a run is."""

    def __call__(self, done: int, total: int, text: str) -> None:
        """Take note that ``done`` of ``total`` simulations are finished; ``text`` says what comes next."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run.

    Args:
        file: The scenario.
        alternatives: Names, the base first.
        replications: How many, 1 or more.
        seed: 0 or more.
        jobs: Worker processes, 1 or more.
        keep_steps: Keep the steps of every replication, not of the first only.
        out: Folder of the run; default ``results/runs/…``.
        command: Command line, for the manifest.
        language: Of the report.
    """

    file: ScenarioFile
    alternatives: tuple[str, ...]
    replications: int
    seed: int
    jobs: int
    keep_steps: bool
    out: Path | None
    command: tuple[str, ...]
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Ctrl-C was pressed: how many replications were kept of how many asked for."""

    kept: int
    asked: int


def choose(file: ScenarioFile, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the alternatives to run, the base first.

    Raises:
        InputError: ``E-ALTERNATIVE`` for a name the scenario does not have.
    """
    known = list(file.cases)
    if names is None:
        wanted = known
    else:
        for name in names:
            if name not in known:
                raise InputError(
                    "E-ALTERNATIVE", f"found no alternative {name!r}", f"known: {', '.join(known)}"
                )
        wanted = list(dict.fromkeys(names))
    base = file.base if file.base in wanted else wanted[0]
    return (base, *[name for name in wanted if name != base])


@dataclass(frozen=True, slots=True)
class _Task:
    file: ScenarioFile
    chosen: tuple[str, ...]
    alternative: str
    replication: int
    seed: int
    parts: Path
    keep_steps: bool


@lru_cache(maxsize=1)
def _workload(digest: str, chosen: tuple[str, ...], seed: int, replication: int, source: _Once) -> Workload:
    """Draw a replication's documents once per process; alternatives of one replication follow one another."""
    del digest
    return generate(source.file, Streams(seed, replication), chosen)


class _Once:
    """Carries the scenario into the cache without being part of its key."""

    def __init__(self, file: ScenarioFile) -> None:
        self.file = file

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once)


def _run_one(task: _Task) -> ReplicationNumbers:
    """Simulate one replication of one alternative in a worker process; write its rows, return its numbers."""
    file = task.file
    workload = _workload(file.digest, task.chosen, task.seed, task.replication, _Once(file))
    streams = Streams(task.seed, task.replication)
    obs = engine.run(file, file.cases[task.alternative], workload, streams)
    _write_rows(obs, task)
    return replication_numbers(obs, file.office, file.horizon.cap_s - file.horizon.measure_end_s)


def _write_rows(obs: Observations, task: _Task) -> None:
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
            _named("agency", names.agencies), _named("person", names.people),
            _named("relay", names.procedures),
        )  # fmt: skip
        _part(steps, task, "steps")


def _named(column: str, names: Sequence[str]) -> pl.Expr:
    """Return a column of indices as names; -1 becomes null."""
    return pl.col(column).replace_strict(
        pl.Series(range(len(names)), dtype=pl.Int32), pl.Series(list(names), dtype=pl.String), default=None
    )


def _part(table: pl.DataFrame, task: _Task, name: str) -> None:
    """Write one part of a table; times are kept to the microsecond, which compresses far better."""
    rounded = table.with_columns(pl.col(pl.Float64).round(6))
    path = task.parts / f"{name}-{task.replication:06d}-{task.alternative}.parquet"
    rounded.write_parquet(path, compression="zstd", row_group_size=ROWS_PER_GROUP)


def execute(plan: Plan, progress: Progress) -> tuple[Path, dict[str, Any], Interrupted | None]:
    """Run a plan and write its run directory.

    Args:
        plan: What is to be run.
        progress: Told after every replication of an alternative.

    Returns:
        The run directory, its summary, and how the run was interrupted if it was.

    Raises:
        InputError: The plan cannot be run.
        RunError: ``E-INTERRUPTED`` before the first replication was finished, ``E-WRITE``, ``E-WORKER``.
    """
    if plan.replications < 1 or plan.jobs < 1:
        raise InputError(
            "E-REPLICATIONS", f"found {plan.replications} replications, {plan.jobs} jobs", "1 or more"
        )
    started, git = runs.utc_now(), runs.git_state()
    run = runs.new_folder(plan.out, plan.file.scenario.id, started)
    parts = run / PARTS
    parts.mkdir()
    finished: list[dict[str, ReplicationNumbers]] = []
    pairs: dict[str, list[PairedNumbers]] = {name: [] for name in plan.alternatives[1:]}
    interrupted: Interrupted | None = None
    try:
        for numbers in _replications(plan, parts, progress):
            for name, paired in pairs.items():
                paired.append(pair(numbers[plan.alternatives[0]], numbers[name]))
            finished.append({name: one.slim() for name, one in numbers.items()})
    except KeyboardInterrupt:
        interrupted = Interrupted(len(finished), plan.replications)
        if not finished:
            shutil.rmtree(run, ignore_errors=True)
            hint = "nothing was kept; ask for less with --set period.measure=…"
            raise RunError(
                "E-INTERRUPTED", "stopped before the first replication was finished", hint
            ) from None
    except BaseException as error:
        shutil.rmtree(parts, ignore_errors=True)
        if isinstance(error, BrokenProcessPool):
            hint = "it may have run out of memory; try --jobs 1, or a shorter period"
            raise RunError("E-WORKER", "a worker process ended before its replication did", hint) from None
        if isinstance(error, OSError):
            hint = "free some space or name another --out"
            raise RunError("E-WRITE", f"{run}: {error.strerror or error}", hint) from None
        raise
    results = Results(plan.alternatives, tuple(finished), pairs, plan.seed)
    summary = build(plan.file, results)
    _finish(plan, run, summary, len(finished), started, git)
    return run, summary, interrupted


def _replications(plan: Plan, parts: Path, progress: Progress) -> Iterator[dict[str, ReplicationNumbers]]:
    """Give the numbers of all alternatives, replication by replication, in order."""
    tasks = [
        _Task(plan.file, plan.alternatives, name, number, plan.seed, parts, plan.keep_steps or number == 1)
        for number in range(1, plan.replications + 1)
        for name in plan.alternatives
    ]
    progress(0, len(tasks), f"{plan.alternatives[0]}, replication 1")
    gathered: dict[str, ReplicationNumbers] = {}
    for done, (task, numbers) in enumerate(zip(tasks, _results(tasks, plan.jobs), strict=True), 1):
        gathered[task.alternative] = numbers
        following = tasks[min(done, len(tasks) - 1)]
        progress(done, len(tasks), f"{following.alternative}, replication {following.replication}")
        if len(gathered) == len(plan.alternatives):
            yield gathered
            gathered = {}


def _results(tasks: Sequence[_Task], jobs: int) -> Iterator[ReplicationNumbers]:
    """Run tasks in this process, or in worker processes; results come in the order of the tasks."""
    if jobs == 1 or len(tasks) == 1:
        yield from map(_run_one, tasks)
        return
    parallel = joblib.Parallel(
        n_jobs=min(jobs, len(tasks)), return_as="generator", batch_size=1, pre_dispatch="n_jobs"
    )
    call: Callable[[_Task], Any] = joblib.delayed(_run_one)
    yield from parallel(call(task) for task in tasks)


def _finish(
    plan: Plan, run: Path, summary: Mapping[str, Any], kept: int, started: Any, git: Mapping[str, Any]
) -> None:
    """Join the parts, copy the inputs, write summary, manifest and report."""
    file = plan.file
    for name in ("documents", "legs", "steps"):
        found = sorted((run / PARTS).glob(f"{name}-*.parquet"))
        wanted = [path for path in found if int(path.name.split("-")[1]) <= kept]
        if wanted:
            pl.scan_parquet(wanted).sink_parquet(
                run / f"{name}.parquet",
                compression="zstd",
                maintain_order=True,
                row_group_size=ROWS_PER_GROUP,
            )
    shutil.rmtree(run / PARTS)
    for name, content in file.texts.items():
        runs.write_bytes(run / runs.INPUTS / name, content.encode())
    runs.write_bytes(run / runs.SUMMARY, runs.dump_json(summary))
    scenario = {
        "id": file.scenario.id,
        "digest": file.digest,
        "files": dict(file.files),
        "main": file.path.name,
    }
    days = {
        "off": {day.isoformat(): name for day, name in sorted(file.resolved.days_off.items())},
        "make_up": {day.isoformat(): name for day, name in sorted(file.resolved.make_up.items())},
    }

    def manifest(files: Mapping[str, str]) -> dict[str, Any]:
        return runs.manifest(
            command=plan.command, scenario=scenario, seed=plan.seed, replications=kept,
            replications_asked=plan.replications, alternatives=plan.alternatives, sets=file.sets,
            steps_kept=list(range(1, kept + 1)) if plan.keep_steps else [1], days=days, git=git,
            started=started, ended=runs.utc_now(), files=files,
        )  # fmt: skip

    first = manifest(runs.digests(run))
    runs.write_bytes(run / runs.MANIFEST, runs.dump_json(first))
    report = write_report(run, language="vi" if plan.language == "vi" else "en")
    first["files"] = {**first["files"], report.name: runs.sha256_of(report)}
    runs.write_bytes(run / runs.MANIFEST, runs.dump_json(first))
