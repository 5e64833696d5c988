"""Comparing load runs: from the summaries of two sides to what may be said about them.

Rule kept here: only what the summaries hold is used; which runs may be compared is decided by ``harness.comparison``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from loadtests.campaign.directory import load_summary, new_run, write_manifest
from loadtests.harness.comparison import compare
from loadtests.harness.run_facts import METRICS, RunFacts, facts_of
from sim import runs
from sim.errors import InputError

FIRST, SECOND = "A", "B"
KIND: Final = "load-comparison"


def compare_loads(first: Sequence[Path], second: Sequence[Path], *, seed: int) -> dict[str, Any]:
    """Compare the runs of two sides, every metric that all of them have.

    Args:
        first: Folders of the runs of one side.
        second: Those of the other.
        seed: Of the bootstrap.

    Raises:
        InputError: ``E-RUN``: a folder is no load run; the codes of ``harness.comparison.compare``.
    """
    if twice := {one.resolve() for one in first} & {one.resolve() for one in second}:
        found = ", ".join(str(one) for one in sorted(twice))
        raise InputError("E-COMPARE-SIDES", f"found {found} on both sides", "each run once")
    sides = [(FIRST, path) for path in first] + [(SECOND, path) for path in second]
    facts = [_facts(label, path) for label, path in sides]
    shared = [name for name in METRICS if all(one.values.get(name) is not None for one in facts)]
    rng = np.random.Generator(np.random.PCG64(seed))
    out = compare(facts, shared, rng=rng).to_json()
    names = {label: [str(path) for side, path in sides if side == label] for label in (FIRST, SECOND)}
    left_out = [name for name in METRICS if name not in shared]
    return {**out, "runs": names, "left_out": left_out, "environment": _shared_environment([*first, *second])}


def write(out: Path | None, found: Mapping[str, Any], command: Sequence[str], language: str) -> Path:
    """Write a comparison as a directory with a report of its own.

    Args:
        out: A new folder; None: one under ``results/runs``.
        found: From ``compare_loads``.
        command: The command line, the program's name first.
        language: Of the report.

    Returns:
        The report's path.

    Raises:
        InputError: ``E-OUT-EXISTS``.
        RunError: ``E-WRITE``.
    """
    from loadtests.report import write_report  # noqa: PLC0415 - charts are slow to import

    started = runs.utc_now()
    folder = new_run(out, "comparison", started)
    title = " against ".join(f"{len(paths)} runs of {label}" for label, paths in found["runs"].items())
    summary = {"schema": 1, "kind": KIND, "title": title, "command": list(command), **found}
    runs.write_bytes(folder.path / runs.SUMMARY, runs.dump_json(summary))
    stamp = f"{started:%Y-%m-%dT%H:%M:%SZ}"
    write_manifest(folder, command=list(command), plan=None, started=stamp)
    report = write_report(folder.path, language="vi" if language == "vi" else "en")
    write_manifest(folder, command=list(command), plan=None, started=stamp)
    return report


def lines(found: Mapping[str, Any]) -> list[str]:
    """A comparison in lines for people."""
    said = [f"{label}: {', '.join(paths)}" for label, paths in found["runs"].items()]
    said += [f"caution: {one}" for one in found["cautions"]]
    said += [one["text"] for one in found["differences"]]
    if found["left_out"]:
        said.append(f"not compared, because a run has no such value: {', '.join(found['left_out'])}")
    return said


def _shared_environment(paths: Sequence[Path]) -> dict[str, Any]:
    """What all runs say of the machine they ran on, alike."""
    said = [load_summary(path).get("environment") or {} for path in paths]
    return {name: value for name, value in said[0].items() if all(one.get(name) == value for one in said[1:])}


def _facts(label: str, path: Path) -> RunFacts:
    summary, manifest = load_summary(path), runs.read_json(path, runs.MANIFEST)
    if summary.get("search") is not None:
        raise InputError("E-RUN", f"{path} is a search, not one run", "name folders of `congvan load run`")
    began = datetime.fromisoformat(manifest["started_utc"])
    return facts_of(summary, label, began.timestamp(), str(path))
