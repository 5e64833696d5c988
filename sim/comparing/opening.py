"""A finished run, opened to be compared: its manifest, its scenario and its deliveries.

Rule kept here: a run is read, nothing is simulated, and what is read is what the run left: every file that is
looked at has the digest that the manifest lists. Tables are read a replication of an alternative at a time.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sim import runs
from sim.analysis.cohort import CohortLegs, segment, working_turnaround
from sim.errors import InputError
from sim.observations import Legs, Outcome
from sim.scenario import ScenarioFile, load

NEEDED = ("alternatives", "command", "files", "replications", "scenario", "seed", "sets")

# Columns of legs.parquet: what tells one delivery from another, and what a comparison measures.
IDENTITY = ("leg", "doc", "flow", "sender", "recipient", "created_s", "reply_doc")
MEASURED = ("outcome", "signed_s", "sent_s", "registered_s", "finished_s")

_OUTCOMES = {outcome.name.lower(): int(outcome) for outcome in Outcome}
_NONE: Mapping[str, float] = {"Floats": math.nan, "Ints": -1, "Bools": False}


@dataclass(frozen=True, slots=True)
class Deliveries:
    """One replication of one alternative, read from the tables of its run.

    Args:
        alternative: Its name in the comparison.
        replication: Its number, from 1.
        horizon_s: Horizon of the restricted mean in calendar seconds, NaN where there is none.
        legs: Its measured legs.
        identity: The columns :data:`IDENTITY` of the same legs, ascending by ``leg``.
    """

    alternative: str
    replication: int
    horizon_s: float
    legs: CohortLegs
    identity: pl.DataFrame


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run whose files are there and unchanged.

    Args:
        label: What it is called in the comparison.
        folder: The run directory.
        manifest: How it was made.
        summary: What its report shows.
        file: Its scenario, from its own inputs.
    """

    label: str
    folder: Path
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]
    file: ScenarioFile

    @property
    def alternatives(self) -> Sequence[str]:
        """Names of its alternatives, its base first."""
        names: Sequence[str] = self.manifest["alternatives"]
        return names

    def replications(self) -> frozenset[int]:
        """Return the numbers of the replications that the tables hold."""
        legs = pl.scan_parquet(self.folder / runs.LEGS).select(pl.col("replication").unique())
        return frozenset(legs.collect()["replication"].to_list())

    def reply_flows(self) -> frozenset[str]:
        """Return the flows of replies, which are asked for when the model says and not by the workload."""
        flows = (flow for case in self.file.cases.values() for flow in case.scenario.flows.values())
        return frozenset(flow.reply for flow in flows if flow.reply is not None)

    def deliveries(self, alternative: str, name: str, replication: int) -> Deliveries:
        """Read the measured deliveries of one replication of one alternative.

        Args:
            alternative: Its name in this run.
            name: Its name in the comparison.
            replication: Its number.
        """
        mine = (pl.col("alternative") == alternative) & (pl.col("replication") == replication)
        table = (
            pl.scan_parquet(self.folder / runs.LEGS)
            .filter(mine)
            .select(*IDENTITY, *MEASURED)
            .collect()
            .sort("leg")
            .with_columns(pl.col("outcome").replace_strict(_OUTCOMES, return_dtype=pl.Int32))
        )
        horizon = self.file.horizon
        horizon_s = horizon.cap_s - horizon.measure_end_s
        return Deliveries(
            alternative=name,
            replication=replication,
            horizon_s=horizon_s if 0 < horizon_s < math.inf else math.nan,
            legs=self._cohort(_legs(table)),
            identity=table.select(IDENTITY),
        )

    def _cohort(self, legs: Legs) -> CohortLegs:
        return CohortLegs(
            leg=legs.leg,
            doc=legs.doc,
            outcome=legs.outcome.astype(np.int8),
            turnaround_s=segment(legs, "created_s", "finished_s"),
            turnaround_working_s=working_turnaround(legs, self.file.office),
            signed_registered_s=segment(legs, "signed_s", "registered_s"),
        )


def _legs(table: pl.DataFrame) -> Legs:
    """Return the legs of a table; a column that is not read, or holds names, says "none" throughout."""
    columns: dict[str, Any] = {}
    for field in fields(Legs):
        if field.name in table.columns and table[field.name].dtype != pl.String:
            columns[field.name] = table[field.name].to_numpy()
        else:
            columns[field.name] = np.broadcast_to(np.array(_NONE[str(field.type)]), table.height)
    return Legs(**columns)


def open_runs(folders: Sequence[Path]) -> tuple[OpenRun, ...]:
    """Open runs under labels that tell them apart: the folder's name, the path, or the name with a number.

    Args:
        folders: Their folders, as the user names them.

    Raises:
        InputError: ``E-RUN`` no run of a simulation, ``E-NO-TABLES`` a run kept without its deliveries,
            ``E-RUN-DAMAGED`` files that are not those of the manifest.
    """
    labels = zip(_labels(folders), folders, strict=True)
    return tuple(_opened(label, folder) for label, folder in labels)


def _labels(folders: Sequence[Path]) -> Iterator[str]:
    """Give each folder a name of its own."""
    names, paths = [folder.resolve().name for folder in folders], [str(folder) for folder in folders]
    for at, (name, path) in enumerate(zip(names, paths, strict=True)):
        if names.count(name) == 1:
            yield name
        elif paths.count(path) == 1:
            yield path
        else:
            yield f"{name}#{paths[: at + 1].count(path)}"


def _opened(label: str, folder: Path) -> OpenRun:
    """Open one run and make sure that it is whole."""
    manifest = runs.read_json(folder, runs.MANIFEST)
    if manifest.get("kind") != "simulation" or manifest.get("schema") != runs.SCHEMA_VERSION:
        raise InputError(
            "E-RUN", f"{folder} holds no simulation of schema {runs.SCHEMA_VERSION}", "name another run"
        )
    missing = [key for key in NEEDED if key not in manifest]
    if missing:
        raise _damaged(f"the manifest of {folder} has no {', '.join(missing)}")
    if not (folder / runs.LEGS).is_file():
        again = shlex.join(manifest["command"])
        raise InputError("E-NO-TABLES", f"{folder} is kept without {runs.LEGS}, its deliveries",
                         f"run it again, with an --out of your own: {again}")  # fmt: skip
    for name, digest in manifest["files"].items():
        if name in {runs.SUMMARY, runs.LEGS} or name.startswith(f"{runs.INPUTS}/"):
            if not (folder / name).is_file():
                raise _damaged(f"found no {name} in {folder}")
            if runs.sha256_of(folder / name) != digest:
                raise _damaged(f"{name} in {folder} was changed since the run")
    inputs = folder / runs.INPUTS
    file = load(inputs / manifest["scenario"]["main"], sets=manifest["sets"], library=inputs / "library")
    if file.digest != manifest["scenario"]["digest"]:
        raise _damaged(f"the scenario in {inputs} is not the one that was run")
    return OpenRun(label, folder, manifest, runs.read_json(folder, runs.SUMMARY), file)


def _damaged(found: str) -> InputError:
    return InputError("E-RUN-DAMAGED", found, "fetch the run directory again, or run it again")
