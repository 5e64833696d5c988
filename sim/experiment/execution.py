"""Run every alternative in every replication, and leave a run directory behind.

Rule kept here: first all replications at the stated inputs, then the draws of the assumptions; each kind comes in
the order of its numbers, whatever the number of worker processes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from sim import runs
from sim.analysis import PairedNumbers, ReplicationNumbers, pair
from sim.analysis.precision import reached, to_json
from sim.errors import InputError, RunError
from sim.experiment.plan import Interrupted, Plan, Progress, choose
from sim.experiment.summary import Arm, Pair, Results, build
from sim.experiment.typical import typical_life
from sim.experiment.worker import ROWS_PER_GROUP, Task, results
from sim.report import write_report
from sim.scenario import Draws, check_ranges, hypercube
from sim.scenario.overlays import closest

__all__ = ["Interrupted", "Plan", "Progress", "choose", "execute"]

PARTS = ".parts"


@dataclass(slots=True)
class _Gathered:
    """The numbers of one arm as they come."""

    finished: list[dict[str, ReplicationNumbers]] = field(default_factory=list)
    pairs: dict[Pair, list[PairedNumbers]] = field(default_factory=dict)

    def add(self, numbers: Mapping[str, ReplicationNumbers], wanted: Iterable[Pair]) -> None:
        """Note one replication of all alternatives; the legs are compared and then dropped."""
        for one in wanted:
            baseline, alternative = one
            self.pairs.setdefault(one, []).append(pair(numbers[baseline], numbers[alternative]))
        self.finished.append({name: one.slim() for name, one in numbers.items()})

    def arm(self) -> Arm:
        return Arm(tuple(self.finished), self.pairs)


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
    plan.check()
    started, git = runs.utc_now(), runs.git_state()
    run = runs.new_folder(plan.out, plan.file.scenario.id, started)
    parts = run / PARTS
    parts.mkdir()
    made = _Making(plan, parts, progress)
    interrupted: Interrupted | None = None
    try:
        made.replications()
        made.draws()
    except KeyboardInterrupt:
        kept = len(made.stated.finished)
        interrupted = Interrupted(kept, made.asked)
        if not kept:
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
    summary = build(plan.file, made.results(whole=interrupted is None))
    summary |= {**plan.extra, "life": typical_life(parts, plan.file, plan.alternatives)}
    _finish(made, run, summary, started, git, whole=interrupted is None)
    return run, summary, interrupted


class _Making:
    """A plan on its way: the replications at the stated inputs, then the draws of the assumptions.

    Args:
        plan: What is to be run.
        parts: Folder for the rows.
        progress: Told after every simulation.
    """

    def __init__(self, plan: Plan, parts: Path, progress: Progress) -> None:
        self.plan = plan
        self.parts = parts
        self.progress = progress
        self.asked = plan.first
        self.inputs: Draws | None = None
        if plan.assumptions == "sampled":
            check_ranges(plan.file)
            self.inputs = hypercube(plan.file, plan.seed, plan.draws, plan.alternatives)
            if not self.inputs.names:
                raise InputError("E-DRAWS", f"{plan.file.path} has no number with a range",
                                 "add range: [lowest, highest], or leave out --assumptions sampled")  # fmt: skip
        self.stated, self.drawn = _Gathered(), _Gathered()
        self.precision: dict[str, Any] | None = None

    @property
    def total(self) -> int:
        """Simulations to be made, as far as is known."""
        return (self.asked + self.plan.draws * (self.inputs is not None)) * len(self.plan.alternatives)

    def replications(self) -> None:
        """Make the replications at the stated inputs, as many as asked for or as the precision needs."""
        plan = self.plan
        while True:
            have = len(self.stated.finished)
            self._gather(self.stated, range(have + 1, self.asked + 1), have * len(plan.alternatives))
            if plan.precision is None:
                return
            found = reached(plan.precision, self.stated.finished, self.stated.pairs)
            self.precision = to_json(plan.precision, found, plan.replications_max, self.asked)
            if self.precision["met"] or self.asked >= plan.replications_max:
                return
            self.asked = min(max(found.needed, self.asked + 1), plan.replications_max)

    def draws(self) -> None:
        """Make one replication of every draw of the assumptions."""
        if self.inputs is not None:
            done = len(self.stated.finished) * len(self.plan.alternatives)
            self._gather(self.drawn, range(1, self.plan.draws + 1), done, self.inputs)

    def results(self, *, whole: bool) -> Results:
        """Return what was made; of an interrupted run the replications at the stated inputs only."""
        drawn = self.drawn.arm() if whole and self.inputs is not None else None
        return Results(
            alternatives=self.plan.alternatives, stated=self.stated.arm(), seed=self.plan.seed,
            drawn=drawn, inputs=self.inputs if drawn is not None else None,
            precision=self.precision if whole else None, metrics=self.plan.metrics,
        )  # fmt: skip

    def _gather(self, into: _Gathered, numbers: range, before: int, inputs: Draws | None = None) -> None:
        """Simulate all alternatives in these replications, or in these draws of the assumptions."""
        names = self.plan.alternatives
        tasks = list(self._tasks(numbers, inputs))
        together: dict[str, ReplicationNumbers] = {}
        if tasks:
            self.progress(before, self.total, self._told(tasks[0]))
        for done, (task, one) in enumerate(zip(tasks, results(tasks, self.plan.jobs), strict=True), 1):
            together[task.alternative] = one
            self.progress(before + done, self.total, self._told(tasks[min(done, len(tasks) - 1)]))
            if len(together) == len(names):
                self._known_metrics(together)
                into.add(together, self.plan.pairs)
                together = {}

    def _known_metrics(self, numbers: Mapping[str, ReplicationNumbers]) -> None:
        """Refuse a metric that no alternative has."""
        known = {".".join(path) for one in numbers.values() for path in one.values}
        for metric in self.plan.metrics:
            if metric not in known:
                near = closest(metric, sorted(known))
                raise InputError("E-METRIC", f"found no metric {metric!r}", near)

    def _tasks(self, numbers: range, inputs: Draws | None) -> Iterator[Task]:
        plan = self.plan
        for number in numbers:
            drawn = inputs.of(number) if inputs is not None else None
            for name in plan.alternatives:
                yield Task(
                    plan.file, plan.alternatives, name, number, plan.seed, self.parts,
                    drawn is None and (plan.keep_steps or number == 1), drawn,
                )  # fmt: skip

    def _told(self, task: Task) -> str:
        kind = "replication" if task.inputs is None else "draw of the assumptions"
        return f"{task.alternative}, {kind} {task.replication}"


def _finish(
    made: _Making,
    run: Path,
    summary: Mapping[str, Any],
    started: datetime,
    git: Mapping[str, Any],
    *,
    whole: bool,
) -> None:
    """Join the parts, copy the inputs, write summary, manifest and report."""
    plan, file, kept = made.plan, made.plan.file, len(made.stated.finished)
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
    sampled = whole and made.inputs is not None
    precise = whole and plan.precision is not None

    def manifest(files: Mapping[str, str]) -> dict[str, Any]:
        return runs.manifest(
            command=plan.command, scenario=scenario, seed=plan.seed, replications=kept,
            replications_asked=made.asked, alternatives=plan.alternatives, sets=file.sets,
            steps_kept=list(range(1, kept + 1)) if plan.keep_steps else [1], days=days, git=git,
            started=started, ended=runs.utc_now(), files=files, draws=plan.draws if sampled else 0,
            precision={
                "asked": plan.precision, "first": plan.first, "replications_max": plan.replications_max
            } if precise else None,
            metrics=plan.metrics, versus=plan.versus,
        )  # fmt: skip

    first = manifest(runs.digests(run))
    runs.write_bytes(run / runs.MANIFEST, runs.dump_json(first))
    report = write_report(run, language="vi" if plan.language == "vi" else "en")
    first["files"] = {**first["files"], report.name: runs.sha256_of(report)}
    runs.write_bytes(run / runs.MANIFEST, runs.dump_json(first))
