"""Alternatives of one run or of several, each against one baseline, replication by replication.

Rule kept here: what cannot be paired is refused before anything is said; all alternatives are compared over the
same replications, and a verdict is corrected for all of them. The range is simulation noise only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.analysis import CONFIDENCE, PairedNumbers, adjusted, compare, pair
from sim.comparing.opening import OpenRun, open_runs
from sim.comparing.pairable import check_design, check_workload
from sim.errors import InputError

SCHEMA_VERSION = 1
SHARED_LEAST = 0.5  # of the smaller cohort; below, what is compared is not what most deliveries are
REPLICATIONS_MIN = 2  # fewer give no interval


@dataclass(frozen=True, slots=True)
class Alternative:
    """One alternative of one run.

    Args:
        run: The run.
        own: Its name in the run.
        name: Its name in the comparison: its own where no other run has one of that name, else with the
            run's label before it.
    """

    run: OpenRun
    own: str
    name: str

    @property
    def full(self) -> str:
        """Its name with the run's label before it."""
        return f"{self.run.label}:{self.own}"

    @property
    def data(self) -> Mapping[str, Any]:
        """Its part of the run's summary."""
        part: Mapping[str, Any] = self.run.summary["alternatives"][self.own]
        return part


def compare_runs(
    folders: Sequence[Path], baseline: str | None = None, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Compare alternatives of runs of the same workload, paired.

    Args:
        folders: The run directories, one or more.
        baseline: The alternative that others are compared with; default the base of the first run.
        names: Which others; default all. A name that several runs have means all of them.

    Returns:
        JSON data: ``design`` (what all runs share, and how many replications they have in common),
        ``baseline``, ``runs`` by label, ``alternatives`` by name, ``comparisons`` as in summary.json, and
        ``warnings``.

    Raises:
        InputError: ``E-NOT-PAIRED`` runs or deliveries that are not the same, ``E-ALTERNATIVE`` an unknown or
            ambiguous name or nothing to compare, and those of :func:`sim.comparing.opening.open_runs`.
    """
    opened = open_runs(folders)
    for other in opened[1:]:
        check_design(opened[0], other)
    known = _named(opened)
    base = _baseline(known, baseline)
    others = _others(known, base, names)
    replications = _common(opened)
    pairs: dict[str, list[PairedNumbers]] = {one.name: [] for one in others}
    for replication in replications:
        for name, paired in _paired(base, others, replication):
            pairs[name].append(paired)
    comparisons = adjusted([entry for one in pairs.values() for entry in compare(one)])
    shared = {one["alternative"]: one for one in comparisons}
    for one in others:
        if not shared[one.name]["shared"]:
            raise InputError("E-NOT-PAIRED", f"found no delivery that {base.name} and {one.name} both have",
                             "leave it out with --alternatives")  # fmt: skip
    found = [*_few(shared), *_of_runs(opened, replications), *_of_alternatives([base, *others])]
    return {
        "schema": SCHEMA_VERSION,
        "kind": "comparison",
        "scenario": opened[0].summary["scenario"],
        "design": _design(opened[0], replications),
        "baseline": base.name,
        "runs": {run.label: _run(run) for run in opened},
        "alternatives": {
            one.name: {
                "run": one.run.label, "alternative": one.own,
                **{key: one.data[key] for key in ("title", "overlay", "counts", "stable", "unstable_reasons")},
            }
            for one in [base, *others]
        },
        "comparisons": comparisons,
        "warnings": [dict(zip(("code", "message", "hint"), one, strict=True)) for one in found],
    }  # fmt: skip


def _named(opened: Sequence[OpenRun]) -> list[Alternative]:
    """Return all alternatives, the first run's first."""
    every = [(run, own) for run in opened for own in run.alternatives]
    often = [own for _, own in every]
    return [
        Alternative(run, own, own if often.count(own) == 1 else f"{run.label}:{own}") for run, own in every
    ]


def _called(known: Sequence[Alternative], name: str) -> list[Alternative]:
    """Return the alternatives that a user's name can mean: one with its run, or all of that name."""
    found = [one for one in known if one.full == name] or [one for one in known if one.own == name]
    if not found:
        hint = f"known: {', '.join(one.name for one in known)}"
        raise InputError("E-ALTERNATIVE", f"found no alternative {name!r}", hint)
    return found


def _baseline(known: Sequence[Alternative], name: str | None) -> Alternative:
    if name is None:
        return known[0]
    found = _called(known, name)
    if len(found) > 1:
        hint = f"one of: {', '.join(one.full for one in found)}"
        raise InputError("E-ALTERNATIVE", f"found baseline {name!r} in several runs", hint)
    return found[0]


def _others(
    known: Sequence[Alternative], base: Alternative, names: Sequence[str] | None
) -> list[Alternative]:
    """Return the alternatives to be compared with the baseline, in the order asked for, each once."""
    wanted = known if names is None else [one for name in names for one in _called(known, name)]
    others = list({one.full: one for one in wanted if one is not base}.values())
    if not others:
        hint = f"known: {', '.join(one.name for one in known)}"
        raise InputError("E-ALTERNATIVE", f"found nothing to compare with {base.name}", hint)
    return others


def _common(opened: Sequence[OpenRun]) -> list[int]:
    """Return the replications that every run has."""
    common = sorted(frozenset.intersection(*(run.replications() for run in opened)))
    if not common:
        raise InputError("E-NOT-PAIRED", "found no replication that all runs have", "run them again")
    return common


def _paired(
    base: Alternative, others: Sequence[Alternative], replication: int
) -> Iterator[tuple[str, PairedNumbers]]:
    """Pair each alternative with the baseline in one replication; two alternatives are in memory at a time."""
    before = base.run.deliveries(base.own, base.name, replication)
    for one in others:
        after = one.run.deliveries(one.own, one.name, replication)
        if one.run is not base.run:
            check_workload((base.run, one.run), (before, after))
        yield one.name, pair(before, after)


def _design(run: OpenRun, replications: Sequence[int]) -> dict[str, Any]:
    """Return what all runs share."""
    same = ("kind", "start", "measured_from", "measured_to", "measured_working_days", "day_s", "seed")
    return {
        **{key: run.summary["design"][key] for key in same},
        "replications": len(replications), "confidence": CONFIDENCE, "range": "simulation noise only",
    }  # fmt: skip


def _run(run: OpenRun) -> dict[str, Any]:
    """Return what distinguishes a run from the others."""
    manifest = run.manifest
    return {
        "digest": manifest["scenario"]["digest"], "sets": manifest["sets"], "command": manifest["command"],
        "replications": manifest["replications"], "alternatives": manifest["alternatives"],
        "git": manifest["git"], "congvan": manifest["packages"]["congvan"],
    }  # fmt: skip


# --- what a reader should know besides: code, what was found, what would be right -----------------------------------


def _few(entries: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Say where the deliveries that two alternatives share are few."""
    for name, one in entries.items():
        smaller = one["shared"] + min(one["only_baseline"], one["only_alternative"])
        if one["shared"] < SHARED_LEAST * smaller:
            found = (
                f"{name} and {one['baseline']} share {one['shared']} deliveries; the smaller has {smaller}"
            )
            yield "W-FEW-SHARED", found, "the difference is that of the shared ones only"


def _of_runs(opened: Sequence[OpenRun], replications: Sequence[int]) -> Iterator[tuple[str, str, str]]:
    """Say which replications are left out, and where the program was not the same."""
    counts = [len(run.replications()) for run in opened]
    if max(counts) > len(replications):
        had = ", ".join(f"{run.label} {count}" for run, count in zip(opened, counts, strict=True))
        found = f"{len(replications)} replications in common are compared ({had})"
        yield "W-REPLICATIONS", found, "run with the same --replications to use them all"
    if len(replications) < REPLICATIONS_MIN:
        yield "W-REPLICATIONS", "one replication gives no interval", "run with more --replications"
    programs = {run.label: (run.manifest["packages"]["congvan"], run.manifest["git"]) for run in opened}
    if len({repr(program) for program in programs.values()}) > 1:
        found = "; ".join(f"{label}: {_program(*program)}" for label, program in programs.items())
        yield (
            "W-PROGRAM",
            f"the runs were made by different programs ({found})",
            ("a difference may be the program's; run them again with one"),
        )


def _program(version: str, git: Mapping[str, Any]) -> str:
    commit = f", commit {git['commit'][:10]}" if git.get("commit") else ""
    return f"{version}{commit}{' with changes' if git.get('dirty') else ''}"


def _of_alternatives(every: Sequence[Alternative]) -> Iterator[tuple[str, str, str]]:
    """Say which alternatives are unstable or have open deliveries."""
    for one in every:
        if not one.data["stable"]:
            reasons = "; ".join(reason["en"] for reason in one.data["unstable_reasons"])
            yield (
                "W-UNSTABLE",
                f"{one.name} does not keep up: {reasons}",
                ("its differences grow with the length of the run and are no answer"),
            )
        elif one.data["counts"]["open"]:
            left = f"{one.data['counts']['open']} deliveries of {one.name} were open at the end of its run"
            yield "W-OPEN", left, "means leave them out; restricted_mean_s (--format json) counts them"
