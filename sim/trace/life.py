"""One document's life, step by step, read from the tables of a run.

Rule kept here: a run is read, nothing is simulated; every second of a step is given exactly one reason. Before a
task is taken up, time outside office hours is the closed office; the rest is the person who took it up: busy
with other tasks, or else away (on leave, on another duty, not yet allowed to stand in, without the seal). After
that, what is not work is a closed office or the person's absence. Office hours are those of the run's own inputs.

Not checked: whether a colleague could have done the work; the engine holds that nobody free and on duty idles.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from sim import runs
from sim.calendars import WorkingTime
from sim.errors import InputError
from sim.scenario import ScenarioFile, load

OLDEST_OPEN = "oldest open"
SHOWN_LEAST_S = 0.5  # shorter spans would read as 0 s

Span = tuple[float, str]
"""Seconds, and what they went to."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a document's life.

    Args:
        row: Its row of ``steps.parquet``, by column.
        waits: What the time between enabled and started went to.
        breaks: What the time between started and completed went to, beyond work or travel.
    """

    row: Mapping[str, Any]
    waits: tuple[Span, ...]
    breaks: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """One delivery of the document.

    Args:
        key: Its number.
        row: Its row of ``legs.parquet``, by column; ``None`` where the document is not of the measured period.
        steps: Its steps in time order, the making of copies included.
        passed_on: Deliveries that set out because this recipient passed copies on.
        reply: Document that answers it, if that was begun.
    """

    key: int
    row: Mapping[str, Any] | None
    steps: tuple[Step, ...]
    passed_on: tuple[int, ...]
    reply: int | None


@dataclass(frozen=True, slots=True)
class Life:
    """One document's life in one replication of one alternative.

    Args:
        doc: Its number.
        row: Its row of ``documents.parquet``, by column; ``None`` outside the measured period.
        sender: Steps of the sender part in time order.
        legs: Its deliveries, by number.
        answers: Delivery and document that it answers, if it is a reply.
    """

    doc: int
    row: Mapping[str, Any] | None
    sender: tuple[Step, ...]
    legs: tuple[Leg, ...]
    answers: tuple[int, int] | None


class Traced:
    """One replication of one alternative of a run, open for tracing.

    Args:
        run: The run directory.
        alternative: Its name; default the first of the run.
        replication: Its number; default the first whose steps were kept.

    Raises:
        InputError: ``E-RUN`` no run of a simulation, ``E-ALTERNATIVE``, ``E-REPLICATION`` not of this run,
            ``E-NO-TABLES`` a run without tables, ``E-NO-STEPS`` the replication's steps were not kept.
    """

    def __init__(self, run: Path, alternative: str | None = None, replication: int | None = None) -> None:
        self.run = run
        self.manifest = manifest = runs.read_json(run, runs.MANIFEST)
        if manifest.get("kind") != "simulation" or manifest.get("schema") != runs.SCHEMA_VERSION:
            raise InputError(
                "E-RUN", f"{run} holds no simulation of schema {runs.SCHEMA_VERSION}", "name another run"
            )
        names, kept = manifest["alternatives"], manifest["steps_kept"]
        self.alternative: str = alternative or names[0]
        self.replication: int = replication or kept[0]
        if self.alternative not in names:
            raise InputError(
                "E-ALTERNATIVE", f"found no alternative {alternative!r}", f"known: {', '.join(names)}"
            )
        if not 1 <= self.replication <= manifest["replications"]:
            raise InputError("E-REPLICATION", f"found no replication {replication}",
                             f"1 to {manifest['replications']}")  # fmt: skip
        if not all((run / name).is_file() for name in (runs.DOCUMENTS, runs.LEGS)):
            raise InputError("E-NO-TABLES", f"{run} is kept without its tables",
                             f"run it again, with an --out of your own: {shlex.join(manifest['command'])}")  # fmt: skip
        if self.replication not in kept or not (run / runs.STEPS).is_file():
            raise InputError("E-NO-STEPS", f"the steps of replication {self.replication} were not kept",
                             f"kept: {', '.join(map(str, kept))}; run again with --keep-steps")  # fmt: skip

    @cached_property
    def file(self) -> ScenarioFile:
        """The scenario, from the run's own inputs."""
        inputs, manifest = self.run / runs.INPUTS, self.manifest
        main = inputs / manifest["scenario"]["main"]
        return load(main, sets=manifest["sets"], library=inputs / "library")

    def table(self, name: str, *where: pl.Expr) -> pl.DataFrame:
        """Return the rows of one of the run's tables that belong to this replication of this alternative."""
        mine = (pl.col("alternative") == self.alternative) & (pl.col("replication") == self.replication)
        return pl.scan_parquet(self.run / name).filter(mine, *where).collect()

    # --- which documents --------------------------------------------------------------------------------------

    def picks(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return a few documents worth a look: what they stand for, and their row of ``documents.parquet``."""
        unfinished = self.table(runs.LEGS, pl.col("outcome") == "open")["doc"].unique()
        is_open = pl.col("doc").is_in(unfinished.implode())
        rows = self.table(runs.DOCUMENTS)
        done = rows.filter(~is_open & pl.col("last_s").is_not_null() & ~pl.col("last_s").is_nan())
        done = done.sort("last_s", "doc", descending=[True, False])
        places = {"slowest": 0, "median": done.height // 2, "fastest": done.height - 1}
        out = [(what, done.row(at, named=True)) for what, at in places.items() if done.height]
        still = rows.filter(is_open).sort("created_s", "doc")
        return out + ([(OLDEST_OPEN, still.row(0, named=True))] if still.height else [])

    # --- one document -----------------------------------------------------------------------------------------

    def life(self, doc: int) -> Life:
        """Return a document's life.

        Raises:
            InputError: ``E-DOCUMENT`` this replication of this alternative has no such document.
        """
        mine = pl.col("doc") == doc
        documents, legs = self.table(runs.DOCUMENTS, mine), self.table(runs.LEGS, mine).sort("leg")
        steps = self._steps(mine)
        if not steps and not legs.height:
            raise InputError(
                "E-DOCUMENT",
                f"found no document {doc} in {self.alternative}, replication {self.replication}",
                "`congvan trace RUN` without a document lists a few",
            )
        rows = {row["leg"]: row for row in legs.iter_rows(named=True)}
        keys = sorted({*rows, *(step.row["leg"] for step in steps)} - {-1})
        passed_on: dict[int, list[int]] = {}
        for key, row in rows.items():
            passed_on.setdefault(row["released_by"], []).append(key)
        asked = self.table(runs.LEGS, pl.col("reply_doc") == doc)
        answers = legs["reply_doc"].filter(legs["reply_doc"] >= 0)
        begun = set(self.table(runs.STEPS, pl.col("doc").is_in(answers.implode()))["doc"])
        replies = {key: row["reply_doc"] for key, row in rows.items() if row["reply_doc"] in begun}
        return Life(
            doc=doc,
            row=documents.row(0, named=True) if documents.height else None,
            sender=tuple(step for step in steps if step.row["leg"] < 0),
            legs=tuple(
                Leg(key, rows.get(key), tuple(step for step in steps if step.row["leg"] == key),
                    tuple(passed_on.get(key, ())), replies.get(key))
                for key in keys
            ),
            answers=(asked["leg"][0], asked["doc"][0]) if asked.height else None,
        )  # fmt: skip

    def _steps(self, mine: pl.Expr) -> list[Step]:
        """Return the chosen steps in time order, each with the reasons for its time."""
        rows = self.table(runs.STEPS, mine).sort("enabled_s", "completed_s", maintain_order=True)
        if not rows.height:
            return []
        people = rows["person"].drop_nulls().unique()
        overlaps = (pl.col("completed_s") >= rows["enabled_s"].min()) & (
            pl.col("started_s") <= rows["completed_s"].max()
        )
        other = self.table(runs.STEPS, pl.col("person").is_in(people.implode()) & overlaps)
        of = {key[0]: list(group.iter_rows(named=True)) for key, group in other.group_by("person")}
        office = self.file.office
        return [explained(row, of.get(row["person"], ()), office) for row in rows.iter_rows(named=True)]


def explained(row: Mapping[str, Any], of_person: Sequence[Mapping[str, Any]], office: WorkingTime) -> Step:
    """Return a step with the reasons for its time.

    Args:
        row: Its row of ``steps.parquet``.
        of_person: Rows of all work of the person who did it, this one included.
        office: Office hours.
    """
    ready_s, start_s, end_s = row["enabled_s"], row["started_s"], row["completed_s"]
    if row["kind"] == "transport":
        return Step(row, _spans((start_s - ready_s, "for the pick-up")), ())
    if row["kind"] == "wait":
        open_s = min(office.elapsed(ready_s, end_s), end_s - ready_s)
        return Step(
            row, _spans((end_s - ready_s - open_s, "office closed"), (open_s, "for its set time")), ()
        )
    wait_s = start_s - ready_s
    who = row["person"].removeprefix(f"{row['agency']}/")
    if row["work_s"] == 0 and any(
        one["task"] == row["task"] and one["completed_s"] == end_s and one["work_s"] > 0 for one in of_person
    ):
        return Step(row, _spans((wait_s, f"joined what {who} was already making up")), ())
    open_s = min(office.elapsed(ready_s, start_s), wait_s)
    busy_s = sum(
        office.elapsed(max(one["started_s"], ready_s), min(one["completed_s"], start_s)) for one in of_person
    )
    busy_s = min(busy_s, open_s)
    waits = _spans((wait_s - open_s, "office closed"), (busy_s, f"{who} busy with other tasks"),
                   (open_s - busy_s, f"{who} away"))  # fmt: skip
    span_s, work_s = end_s - start_s, row["work_s"]
    present_s = min(max(office.elapsed(start_s, end_s), work_s), span_s)
    return Step(row, waits, _spans((span_s - present_s, "office closed"), (present_s - work_s, "away")))


def _spans(*spans: Span) -> tuple[Span, ...]:
    return tuple(span for span in spans if span[0] >= SHOWN_LEAST_S)
