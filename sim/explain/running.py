"""Try remedies at the desks of a run that hold documents up most.

Rule kept here: same seed, same documents, same period as the run; every remedy is paired with the unchanged
alternative replication by replication, and Holm's correction is over all of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim import runs
from sim.errors import InputError
from sim.experiment import Interrupted, Plan, execute
from sim.experiment.plan import Assumptions, Progress
from sim.experiment.typical import texts_of, titles_of
from sim.explain.choosing import TOP, pick
from sim.explain.remedies import remedies
from sim.explain.remedy import Remedy
from sim.explain.rewriting import UNCHANGED, Source, named, titled
from sim.scenario import load


def explain(
    run: Path,
    *,
    jobs: int,
    command: tuple[str, ...],
    progress: Progress,
    alternative: str | None = None,
    replications: int | None = None,
    out: Path | None = None,
    top: int = TOP,
    language: str = "en",
    assumptions: Assumptions = "fixed",
    draws: int | None = None,
) -> tuple[Path, dict[str, Any], Interrupted | None]:
    """Find what would help an alternative of a run, by simulation; leave a run directory of it.

    Args:
        run: The run directory.
        jobs: Worker processes, 1 or more.
        command: Command line, for the manifest.
        progress: Told after every simulation.
        alternative: Its name; default the base of the run.
        replications: How many; default as many as the run has.
        out: Folder of the new run; default ``results/runs/…``.
        top: How many levels and roles remedies are tried at, 1 or more.
        language: Of the report.
        assumptions: ``sampled``: also at drawn inputs, the same for all remedies.
        draws: How many; default as many as replications.

    Returns:
        The new run directory, its summary with a part ``explain``, and how it was interrupted if it was.

    Raises:
        InputError: ``E-RUN`` no run of a simulation, and as :func:`sim.explain.choosing.pick`.
        RunError: As :func:`sim.experiment.execute`.
    """
    manifest = runs.read_json(run, runs.MANIFEST)
    if manifest.get("kind") != "simulation" or manifest.get("schema") != runs.SCHEMA_VERSION:
        raise InputError(
            "E-RUN", f"{run} holds no simulation of schema {runs.SCHEMA_VERSION}", "name another run"
        )
    picked = pick(runs.read_json(run, runs.SUMMARY), alternative, top)
    inputs = run / runs.INPUTS
    before = load(inputs / manifest["scenario"]["main"], sets=manifest["sets"], library=inputs / "library")
    source = Source(run, manifest, picked.alternative)
    case = before.cases[picked.alternative]
    tried = remedies(case, source.staff, before.office.day_s, picked)
    found = named([one for one in tried if isinstance(one, Remedy)])
    name = case.scenario.titles.get(picked.alternative, picked.alternative)
    titles = titled(found, texts_of(name, picked.alternative), titles_of(case.scenario))
    with tempfile.TemporaryDirectory(prefix="congvan-") as scratch:
        path = source.write(Path(scratch) / "inputs", found, titles)
        file = load(path, sets=source.common, library=path.parent / "library")
        asked: Mapping[str, Any] = {
            "alternative": picked.alternative,
            "digest": manifest["scenario"]["digest"],
            "desks": [desk.to_json() for desk in picked.desks],
            "worst": picked.worst.to_json() if picked.worst else None,
            "remedies": [{"alternative": name, **one.to_json()} for name, one in found.items()],
            "missing": [one.to_json() for one in tried if not isinstance(one, Remedy)],
        }
        count = replications or manifest["replications"]
        plan = Plan(
            file=file, alternatives=(UNCHANGED, *found), replications=count,
            seed=manifest["seed"], jobs=jobs, keep_steps=False, out=out, command=command, language=language,
            assumptions=assumptions,
            draws=(draws or max(2, count)) if assumptions == "sampled" else 0, extra={"explain": asked},
        )  # fmt: skip
        return execute(plan, progress)
