"""Commands that make and remake runs: run, report, reproduce."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sim import experiment, runs, scenario, units
from sim.cli.app import app, command_line, err, run_folder
from sim.cli.bar import Bar
from sim.cli.tables import print_table
from sim.errors import InputError
from sim.experiment.plan import REPLICATIONS_MAX, choose
from sim.report import write_report
from sim.units import Dimension


def sets_of(values: list[str]) -> dict[str, str]:
    """Read ``path=value`` pairs."""
    out: dict[str, str] = {}
    for one in values:
        path, equals, value = one.partition("=")
        if not equals or not path:
            raise InputError(
                "E-SET", f"found --set {one!r}", "write --set path=value, as in period.measure='4 weeks'"
            )
        out[path] = value
    return out


def _precision(text: str | None) -> float | None:
    """Read a relative error such as ``5%`` or ``0.05``."""
    if text is None:
        return None
    try:
        return units.read(text, Dimension.SHARE).value
    except InputError:
        raise InputError("E-PRECISION", f"found --precision {text!r}", "write a share such as 5%") from None


def _pairs(text: str | None) -> tuple[tuple[str, str], ...]:
    """Read pairs such as ``paper:scanned,scanned:signed``."""
    out = []
    for one in text.split(",") if text else ():
        baseline, colon, alternative = one.partition(":")
        if not colon:
            raise InputError("E-OPTION", f"found --versus {one!r}", "write BASELINE:ALTERNATIVE")
        out.append((baseline, alternative))
    return tuple(out)


@app.command()
def run(
    name: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="a bundled id, a scenario.yaml or its folder")
    ],
    alternatives: Annotated[
        str | None, typer.Option(help="names with commas; default: all of the scenario")
    ] = None,
    replications: Annotated[
        int | None, typer.Option(min=1, help="independent runs; default: the scenario's")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="start of all random numbers; default: the scenario's")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PATH=VALUE", help="change a value in every alternative; may be repeated"
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="worker processes; default: one per core")] = None,
    out: Annotated[Path | None, typer.Option(help="new folder for the run; default: results/runs/…")] = None,
    assumptions: Annotated[
        str,
        typer.Option(
            help="fixed: inputs as stated, simulation noise only; sampled: also draws of all assumed inputs over "
            "their ranges, for the second range of every answer"
        ),
    ] = "fixed",
    draws: Annotated[
        int | None, typer.Option(min=2, help="draws of the assumptions; default: as many as replications")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="add replications until mean turnaround is known this well, such as 5%"),
    ] = None,
    replications_max: Annotated[
        int, typer.Option(min=1, help="where --precision ends all the same")
    ] = REPLICATIONS_MAX,
    metrics: Annotated[
        str | None,
        typer.Option(help="further metrics to compare, as paths below alternatives.<name> in summary.json"),
    ] = None,
    versus: Annotated[
        str | None,
        typer.Option(
            metavar="A:B,…", help="further pairs to compare, B against A; all are compared with the base"
        ),
    ] = None,
    keep_steps: Annotated[
        bool, typer.Option("--keep-steps", help="keep every step of every replication, not of the first only")
    ] = False,
    language: Annotated[str, typer.Option(help="of the report: en or vi")] = "en",
    format_: Annotated[
        str, typer.Option("--format", help="table, or json: summary.json on stdout, all else on stderr")
    ] = "table",
) -> None:
    """Simulate a scenario and write results/runs/…/report.html.

    Try it:

      congvan run quang-ninh --alternatives paper,signed --set period.measure='4 weeks' --replications 5

      congvan run my-province/scenario.yaml --set channels.electronic.share=0.5 --format json > summary.json

      congvan run gia-lai --alternatives paper,signed --assumptions sampled --precision 5%
    """
    for value, allowed, option in (
        (assumptions, ("fixed", "sampled"), "--assumptions"),
        (language, ("en", "vi"), "--language"),
        (format_, ("table", "json"), "--format"),
    ):
        if value not in allowed:
            raise InputError("E-OPTION", f"found {option} {value!r}", f"one of: {', '.join(allowed)}")
    file = scenario.load(scenario.find(name), sets=sets_of(set_ or []))
    for warning in file.warnings:
        err.print(str(warning), markup=False, highlight=False, soft_wrap=True)
    chosen = choose(file, alternatives.split(",") if alternatives else None)
    count = replications or file.scenario.replications
    if draws is not None and assumptions == "fixed":
        raise InputError(
            "E-OPTION", f"found --draws {draws} and fixed assumptions", "add --assumptions sampled"
        )
    plan = experiment.Plan(
        file=file, alternatives=chosen, replications=count, language=language,
        seed=seed if seed is not None else file.scenario.seed, jobs=jobs or os.cpu_count() or 1,
        keep_steps=keep_steps, out=out, command=command_line(),
        assumptions="sampled" if assumptions == "sampled" else "fixed",
        draws=(draws or max(count, 2)) if assumptions == "sampled" else 0,
        precision=_precision(precision), replications_max=replications_max,
        metrics=tuple(metrics.split(",")) if metrics else (),
        versus=_pairs(versus),
    )  # fmt: skip
    with Bar() as bar:
        folder, summary, interrupted = experiment.execute(plan, bar)
    if format_ == "json":
        sys.stdout.write(runs.dump_json(summary).decode())
    else:
        print_table(summary)
    err.print(f"report: {folder / runs.REPORT}", highlight=False, soft_wrap=True)
    if interrupted is not None:
        dropped = "; the draws of the assumptions are not" if plan.draws else ""
        err.print(
            f"interrupted: {interrupted.kept} of {interrupted.asked} replications are finished and kept{dropped}"
        )
        raise typer.Exit(1)


@app.command()
def report(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="folder of a run")],
    language: Annotated[str, typer.Option(help="en or vi")] = "en",
) -> None:
    """Make a run's report.html again, without simulating.

    Example:  congvan report results/reference/quang-ninh --language vi
    """
    if language not in ("en", "vi"):
        raise InputError("E-OPTION", f"found --language {language!r}", "one of: en, vi")
    path = run_folder(folder)
    manifest = runs.read_json(path, runs.MANIFEST)
    manifest["files"].pop(runs.REPORT, None)
    runs.write_bytes(path / runs.MANIFEST, runs.dump_json(manifest))
    made = write_report(path, language="vi" if language == "vi" else "en")
    manifest["files"][runs.REPORT] = runs.sha256_of(made)
    runs.write_bytes(path / runs.MANIFEST, runs.dump_json(manifest))
    print(made)  # noqa: T201


@app.command()
def reproduce(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="folder of a run")],
    jobs: Annotated[int | None, typer.Option(min=1, help="worker processes; default: one per core")] = None,
) -> None:
    """Run again what a run's manifest says, and compare: bytes on the same platform, 1e-9 relative elsewhere.

    Example:  congvan reproduce results/reference/quang-ninh
    """
    with Bar() as bar:
        verdict = experiment.reproduce(run_folder(folder), jobs or os.cpu_count() or 1, bar)
    where = "the same platform fingerprint" if verdict.same_platform else "another platform fingerprint"
    if verdict.difference is not None:
        found = verdict.difference
        print(f"NOT reproduced ({where}). First difference: {found.where}: {found.old} → {found.new}")  # noqa: T201
        raise typer.Exit(1)
    print(f"reproduced ({where}): {'; '.join(verdict.compared)}")  # noqa: T201
