"""Run again what a run directory says was run, and compare.

Rule kept here: on the same platform fingerprint every data file must have the same bytes; elsewhere every
number of the summary must agree within 1e-9, relative. Host, times and the report's mention of them are
excepted: the report is rendered anew from the new summary and the old manifest, and compared without its
drawings, whose layout depends on the fonts that a machine has.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sim import runs
from sim.errors import InputError
from sim.experiment.execution import Plan, Progress, execute
from sim.report import render
from sim.scenario import load

TOLERANCE = 1e-9  # relative; far above rounding in sums, far below anything a reader could see
NEEDED = (
    "alternatives",
    "command",
    "draws",
    "files",
    "fingerprint",
    "metrics",
    "precision",
    "replications",
    "scenario",
    "seed",
    "sets",
    "steps_kept",
    "versus",
)
ASKED = ("explain",)
DATA_FILES = (runs.SUMMARY, runs.DOCUMENTS, runs.LEGS, runs.STEPS)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where the new run differs from the old one.

    Args:
        where: File, and path inside it.
        old: What the run directory says.
        new: What the new run gave.
    """

    where: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a reproduction.

    Args:
        same_platform: The fingerprints agree, so bytes were compared.
        compared: What was compared, for people.
        difference: The first difference, or ``None``.
    """

    same_platform: bool
    compared: tuple[str, ...]
    difference: Difference | None


def reproduce(run: Path, jobs: int, progress: Progress) -> Verdict:
    """Run a run directory's scenario again and compare.

    Args:
        run: The run directory.
        jobs: Worker processes.
        progress: Told after every replication of an alternative.

    Raises:
        InputError: ``E-RUN`` no run directory, ``E-RUN-DAMAGED`` its own files do not fit its manifest.
    """
    manifest = runs.read_json(run, runs.MANIFEST)
    if manifest.get("kind") != "simulation" or manifest.get("schema") != runs.SCHEMA_VERSION:
        raise InputError(
            "E-RUN", f"{run} holds no simulation of schema {runs.SCHEMA_VERSION}", "name another run"
        )
    missing = [key for key in NEEDED if key not in manifest]
    if missing:
        raise InputError("E-RUN-DAMAGED", f"the manifest of {run} has no {', '.join(missing)}",
                         "fetch the run directory again")  # fmt: skip
    _intact(run, manifest)
    inputs = run / runs.INPUTS
    file = load(inputs / manifest["scenario"]["main"], sets=manifest["sets"], library=inputs / "library")
    if file.digest != manifest["scenario"]["digest"]:
        raise InputError("E-RUN-DAMAGED", f"the scenario in {inputs} is not the one that was run",
                         "fetch the run directory again")  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="congvan-") as scratch:
        out = Path(scratch) / "run"
        plan = Plan(
            file=file, alternatives=tuple(manifest["alternatives"]), replications=manifest["replications"],
            seed=manifest["seed"], jobs=jobs, keep_steps=len(manifest["steps_kept"]) > 1, out=out,
            command=tuple(manifest["command"]), draws=manifest["draws"],
            assumptions="sampled" if manifest["draws"] else "fixed", metrics=tuple(manifest["metrics"]),
            versus=tuple((a, b) for a, b in manifest["versus"]),
            extra=_asked(run),
        )  # fmt: skip
        precision = manifest["precision"]
        if precision is not None:
            plan = replace(plan, precision=precision["asked"], replications=precision["first"],
                           replications_max=precision["replications_max"])  # fmt: skip
        execute(plan, progress)
        return compare(run, out)


def _asked(run: Path) -> dict[str, Any]:
    """Return the parts of a run's summary that say what was asked, and that no simulation gives."""
    summary = runs.read_json(run, runs.SUMMARY)
    return {name: summary[name] for name in ASKED if name in summary}


def _intact(run: Path, manifest: Mapping[str, Any]) -> None:
    """Make sure that the files which are there are those that the manifest lists."""
    for name, digest in manifest["files"].items():
        path = run / name
        if path.is_file() and runs.sha256_of(path) != digest:
            raise InputError(
                "E-RUN-DAMAGED", f"{name} was changed since the run", "fetch the run directory again"
            )
    for name in (runs.SUMMARY, f"{runs.INPUTS}/{manifest['scenario']['main']}"):
        if not (run / name).is_file():
            raise InputError("E-RUN-DAMAGED", f"found no {name} in {run}", "fetch the run directory again")


def compare(old: Path, new: Path) -> Verdict:
    """Compare two run directories of the same plan.

    Args:
        old: The run to be confirmed; large files may be left out of it, its manifest has their digests.
        new: The run just made.
    """
    theirs, ours = runs.read_json(old, runs.MANIFEST), runs.read_json(new, runs.MANIFEST)
    same = theirs["fingerprint"] == ours["fingerprint"]
    before, after = runs.read_json(old, runs.SUMMARY), runs.read_json(new, runs.SUMMARY)
    tolerance = 0.0 if same else TOLERANCE
    found = next(differences(before, after, tolerance), None)
    compared = [f"{runs.SUMMARY}: every number, within {tolerance:g}"]
    if found is not None:
        return Verdict(same, tuple(compared), replace(found, where=f"{runs.SUMMARY}: {found.where}"))
    if not same:
        return Verdict(same, tuple(compared), None)
    for name in DATA_FILES:
        digest = theirs["files"].get(name)
        if digest is None:
            continue
        compared.append(f"{name}: SHA-256")
        if ours["files"].get(name) != digest:
            return Verdict(same, tuple(compared), Difference(name, digest, str(ours["files"].get(name))))
    page = old / runs.REPORT
    if page.is_file():
        compared.append(f"{runs.REPORT}: rendered anew, drawings aside")
        language = "vi" if '<html lang="vi"' in page.read_text(encoding="utf-8")[:500] else "en"
        text = render(after, _before_report(theirs), language=language)  # type: ignore[arg-type]
        if _words(text) != _words(page.read_text(encoding="utf-8")):
            return Verdict(same, tuple(compared), Difference(runs.REPORT, "as stored", "rendered otherwise"))
    return Verdict(same, tuple(compared), None)


def _words(page: str) -> str:
    """Return a page without its drawings, whose layout depends on the fonts that a machine has."""
    return re.sub(r"<svg\b.*?</svg>", "", page, flags=re.DOTALL)


def _before_report(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest as it was when the report was made: without the report's own digest."""
    files = {name: digest for name, digest in manifest["files"].items() if name != runs.REPORT}
    return {**manifest, "files": files}


def differences(old: Any, new: Any, tolerance: float, path: str = "") -> Iterator[Difference]:
    """Give every place where two JSON values differ, in order.

    Args:
        old: The stored value.
        new: The new value.
        tolerance: Relative difference of numbers that is let pass; 0: none.
        path: Where we are.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            where = f"{path}.{key}" if path else str(key)
            if key not in old or key not in new:
                yield Difference(
                    where, "present" if key in old else "absent", "present" if key in new else "absent"
                )
            else:
                yield from differences(old[key], new[key], tolerance, where)
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield Difference(path, f"{len(old)} items", f"{len(new)} items")
        for number, (a, b) in enumerate(zip(old, new, strict=False)):
            yield from differences(a, b, tolerance, f"{path}[{number}]")
    elif isinstance(old, float) or isinstance(new, float):
        numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (old, new))
        if not numbers or not (
            old == new or math.isclose(old, new, rel_tol=tolerance, abs_tol=tolerance * 1e-3)
        ):
            yield Difference(path, repr(old), repr(new))
    elif old != new:
        yield Difference(path, repr(old), repr(new))
