"""From what a run recorded to its verdict: summary, tables, histograms, profile, JUnit, report, manifest.

Rule kept here: nothing is measured here; the manifest is written last, and only then may what was recorded go.

    python -m loadtests.campaign.conclude RUN       what ``locust -f …`` calls when it ends
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from loadtests.adapters.finding import find_adapter
from loadtests.adapters.ids import Ids
from loadtests.campaign.auditing import AUDIT_NAME, asked
from loadtests.campaign.directory import RunFolder, load_summary, write_manifest
from loadtests.campaign.summary import About, Concluded, summarise
from loadtests.harness.calibration import profile
from loadtests.report.tables import write_rows, write_series
from sim import runs
from sim.errors import CongvanError

HISTOGRAMS, CALIBRATION, JUNIT = "histograms.json", "calibration.json", "junit.xml"
CONTEXT: Final = "context.json"


def conclude(folder: RunFolder, *, language: str = "en", keep: bool = False) -> dict[str, Any]:
    """Write everything that a run directory holds; its summary.

    Args:
        folder: With plan, schedule and ``raw/``.
        language: Of the report.
        keep: True to leave ``raw/`` and ``.server/`` where they are.

    Raises:
        InputError: ``E-RUN``, ``E-PLAN``: the folder holds no run.
        RunError: ``E-WRITE``.
    """
    context = folder.read_raw(CONTEXT, {})
    about = about_run(folder)
    concluded = summarise(folder, about)
    summary = concluded.summary
    runs.write_bytes(folder.path / runs.SUMMARY, runs.dump_json(summary))
    raw = concluded.raw
    write_rows(folder.path, raw.schedule, raw.arrivals, raw.deliveries, raw.polls)
    write_series(folder.path, summary["series"])
    histograms = {
        name: {**one.to_json(), "hdr_v2": one.hdr_v2()} for name, one in concluded.histograms.items()
    }
    runs.write_bytes(folder.path / HISTOGRAMS, runs.dump_json(histograms))
    started = str(context.get("started_utc") or f"{runs.utc_now():%Y-%m-%dT%H:%M:%SZ}")
    runs.write_bytes(folder.path / CALIBRATION, runs.dump_json(_profile(concluded, about, started)))
    if not keep:
        folder.clear()
    write_manifest(folder, command=list(about.command), plan=concluded.raw.plan.to_json(), started=started)
    show(folder.path, language)
    return summary


def _profile(concluded: Concluded, about: About, started: str) -> dict[str, Any]:
    """The measured profile of the exchange, which a scenario may cite."""
    plan = concluded.raw.plan
    return profile(
        plan,
        concluded.seen,
        target=about.described or {},
        machine=concluded.summary["environment"]["fingerprint"],
        rng=np.random.Generator(np.random.PCG64(plan.seed)),
        measured_on=started[:10],
    )


def about_run(folder: RunFolder) -> About:
    """What the rows do not say: from whoever started the run; a run driven by hand has only its plan.

    Raises:
        InputError: ``E-RUN``, ``E-PLAN``.
    """
    plan, context = folder.read_plan(), folder.read_raw(CONTEXT, {})
    return About(
        title=str(context.get("title") or f"{plan.adapter} at {plan.target}"),
        command=tuple(context.get("command") or ("locust", "-f", "loadtests/locustfiles/exchange.py")),
        id_of=Ids(bytes.fromhex(plan.nonce)).id_of,
        stamp_resolution_s=find_adapter(plan.adapter).stamp_resolution_s,
        described=context.get("described"),
        store_messages=context.get("store_messages"),
    )


def show(path: Path, language: str) -> Path:
    """Write what people and build servers read, the report and the JUnit file, and name both in the manifest.

    Args:
        path: Folder with summary and manifest.
        language: ``en`` or ``vi``.

    Returns:
        The report's path.

    Raises:
        InputError: ``E-RUN``: it is no load run.
    """
    from loadtests.report import write_report  # noqa: PLC0415 - charts are slow to import
    from loadtests.report.junit import junit  # noqa: PLC0415

    summary, manifest = load_summary(path), runs.read_json(path, runs.MANIFEST)
    runs.write_bytes(path / JUNIT, junit(summary))
    _name(path, manifest, JUNIT)  # before the report, which shows what the manifest names
    report = write_report(path, language="vi" if language == "vi" else "en")
    _name(path, manifest, runs.REPORT)
    return report


def _name(path: Path, manifest: dict[str, Any], name: str) -> None:
    """Enter a file of a run into its manifest."""
    manifest["files"][name] = runs.sha256_of(path / name)
    runs.write_bytes(path / runs.MANIFEST, runs.dump_json(manifest))


def main(arguments: list[str]) -> int:
    """Conclude a run that somebody drove by hand; the exit code of its verdict.

    Args:
        arguments: The run's folder.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m loadtests.campaign.conclude RUN\n")
        return 2
    folder = RunFolder(Path(arguments[0]))
    try:
        if not (folder.raw / f"{AUDIT_NAME}.json").exists():
            asked(folder)
        summary = conclude(folder)
    except CongvanError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write("\n".join(told(summary, folder.path)) + "\n")
    return int(summary["verdict"]["exit_code"])


def told(summary: dict[str, Any], path: Path) -> list[str]:
    """The verdict in lines for people: reasons first, then what it rests on, then where to look."""
    verdict, offered = summary["verdict"], summary["offered"]
    lines = [verdict["outcome"]]
    counts = {one["code"]: f" ({one['count']})" for one in summary["ledger"]["findings"]}
    lines += [
        f"  {one['outcome']} {one['code']}{counts.get(one['code'], '')}: {one['text']}"
        for one in verdict["reasons"]
    ]
    lines.append(
        f"  offered {offered['messages']} messages at {offered['rate_per_s']:.4g}/s, "
        f"completed {summary['completed']} at {summary['completed_per_s']:.4g}/s, shed {summary['counts']['shed']}"
    )
    lines += [f"  {_judged(one)}" for one in summary["objectives"]]
    return [*lines, f"report: {path / runs.REPORT}"]


def _judged(one: dict[str, Any]) -> str:
    met = {True: "met", False: "not met", None: "cannot be told"}[one["met"]]
    if one.get("bound_s") is None or one["estimate_s"] is None:
        return f"{one['text']}: {met}, {one['misses']} misses of {one['samples']}"
    low, high = (("–" if one[name] is None else f"{1000 * one[name]:.4g}") for name in ("low_s", "high_s"))
    return f"{one['text']}: {met}, {1000 * one['estimate_s']:.4g} ms ({low} to {high}) of {one['samples']}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
