"""The ``congvan`` command: parse, call the library, print with units.

Rule kept here: no logic. Other packages add their own commands through the entry-point group
``congvan.commands``: each entry is a function that takes the root ``typer.Typer`` and registers on it.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from sim import experiment, runs, scenario, trace
from sim.errors import CongvanError, InputError
from sim.experiment.execution import choose
from sim.report import write_report
from sim.selftest import REPLICATIONS, REPLICATIONS_MIN, selftest, tables, verdict
from sim.units import DAY_S

COMMANDS_GROUP = "congvan.commands"
# The root of a wrong command line's errors; it lives in click or inside typer, depending on typer's version.
UsageProblem: type[Any] = next(one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException")

app = typer.Typer(
    name="congvan",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Simulate how documents travel between agencies, on paper and digitally signed.

Try it:

    congvan scenarios                          what is bundled

    congvan run quang-ninh --alternatives paper,signed --replications 5

    congvan report results/runs/…              make its report.html again

    congvan new my-province                    a commented scenario to start from

    congvan check my-province                  every fault, with file, line and what would be right

    congvan trace results/runs/…               one document's life, step by step

    congvan selftest                           this installation against queueing theory
""",
)
err = Console(stderr=True)


def _fail(error: CongvanError) -> None:
    """Print an error for people and leave with its exit code."""
    err.print(str(error), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(error.exit_code)


def _run_folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise InputError(
            "E-RUN", f"found no folder {text}", "name the folder of a run, such as results/runs/…"
        )
    return path


@app.command()
def scenarios() -> None:
    """List the bundled scenarios and their alternatives."""
    for name, path in scenario.bundled().items():
        try:
            title, alternatives = scenario.outline(path)
        except CongvanError:
            print(f"{name}: faulty; `congvan check {name}` says why")  # noqa: T201
            continue
        print(f"{name}: {title}")  # noqa: T201
        print(f"    alternatives: {', '.join(alternatives)}")  # noqa: T201


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="lower-case name with hyphens; also the folder's name")
    ],
    folder: Annotated[Path, typer.Option("--in", help="where it is made")] = Path(),
) -> None:
    """Lay down a commented scenario to start from.

    Example:  congvan new my-province  and then  congvan run my-province
    """
    target = folder / name
    if target.exists():
        raise InputError(
            "E-OUT-EXISTS", f"{target} exists already", "choose another ID, or --in another folder"
        )
    for file, text in scenario.template(name).items():
        runs.write_bytes(target / file, text.encode())
        print(target / file)  # noqa: T201


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="bundled ids, files or folders")],
) -> None:
    """Check scenario files: every fault at once, with file, line and what would be right.

    Example:  congvan check quang-ninh my-province/scenario.yaml
    """
    worst = 0
    for name in files:
        try:
            file = scenario.load(scenario.find(name))
        except CongvanError as error:
            print(error)  # noqa: T201
            worst = max(worst, error.exit_code)
            continue
        for found in file.warnings:
            print(found)  # noqa: T201
        stated = scenario.numbers(file)
        share = scenario.assumed_share(stated)
        print(  # noqa: T201
            f"{name}: right. {len(file.cases)} alternatives, {len(file.cases[file.base].agencies)} agencies, "
            f"{len(file.warnings)} warnings, {share:.0%} of {len(stated)} numbers assumed."
        )
    if worst:
        raise typer.Exit(worst)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the scenario file, for editors."""
    print(scenario.render(), end="")  # noqa: T201


def _sets(values: list[str]) -> dict[str, str]:
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


class _Bar:
    """A progress bar on stderr; without a terminal, a line from time to time."""

    def __init__(self) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("left"), TimeRemainingColumn(), console=err, disable=not err.is_terminal,
        )  # fmt: skip
        self.task: Any = None

    def __enter__(self) -> _Bar:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def __call__(self, done: int, total: int, text: str) -> None:
        if not err.is_terminal:
            err.print(
                f"{done}/{total} simulated" + (f", next: {text}" if done < total else ""), highlight=False
            )
        elif self.task is None:
            self.task = self.bar.add_task(text, total=total)
        else:
            self.bar.update(self.task, completed=done, description=text if done < total else "done")


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
    """
    for value, allowed, option in (
        (language, ("en", "vi"), "--language"),
        (format_, ("table", "json"), "--format"),
    ):
        if value not in allowed:
            raise InputError("E-OPTION", f"found {option} {value!r}", f"one of: {', '.join(allowed)}")
    file = scenario.load(scenario.find(name), sets=_sets(set_ or []))
    for warning in file.warnings:
        err.print(str(warning), markup=False, highlight=False, soft_wrap=True)
    chosen = choose(file, alternatives.split(",") if alternatives else None)
    plan = experiment.Plan(
        file=file, alternatives=chosen, replications=replications or file.scenario.replications,
        seed=seed if seed is not None else file.scenario.seed, jobs=jobs or os.cpu_count() or 1,
        keep_steps=keep_steps, out=out, command=_command(), language=language,
    )  # fmt: skip
    with _Bar() as bar:
        folder, summary, interrupted = experiment.execute(plan, bar)
    if format_ == "json":
        sys.stdout.write(runs.dump_json(summary).decode())
    else:
        _print_table(summary)
    err.print(f"report: {folder / runs.REPORT}", highlight=False, soft_wrap=True)
    if interrupted is not None:
        err.print(
            f"interrupted: {interrupted.kept} of {interrupted.asked} replications are finished and kept"
        )
        raise typer.Exit(1)


def _command() -> tuple[str, ...]:
    """Return the command line as typed, the program by its name."""
    return ("congvan", *sys.argv[1:])


def _shown(estimate: dict[str, Any], scale: float) -> str:
    """Render an estimate with its half-width."""
    value, half = estimate["estimate"], estimate["half_width"]
    if value is None:
        return "–"
    return f"{value / scale:.2f} ± {half / scale:.2f}" if half is not None else f"{value / scale:.2f} ± ?"


def _print_table(summary: dict[str, Any]) -> None:
    """Print turnaround per alternative in the office's own working days."""
    design = summary["design"]
    day_s = design["day_s"]
    title = (
        f"{summary['scenario']['title']['en']}: from asked to finished, per delivery, in working days of "
        f"{day_s / 3600:g} h ({design['replications']} replications, 95 % intervals, simulation noise only)"
    )
    table = Table(title=title)
    for column in ("alternative", "mean", "median", "p95", "open", "stable"):
        table.add_column(column, justify="left" if column == "alternative" else "right")
    for name, one in summary["alternatives"].items():
        took = one["turnaround_working_s"]
        table.add_row(name, *(_shown(took[key], day_s) for key in ("mean", "p50", "p95")),
                      f"{one['counts']['open']:,}", "yes" if one["stable"] else "NO")  # fmt: skip
    console = Console()
    console.print(table)
    for one in summary["comparisons"]:
        if one["metric"] == "turnaround_s.mean":
            console.print(
                f"{one['alternative']} against {one['baseline']}: "
                f"{_shown(one['difference'], DAY_S)} calendar days "
                f"({_shown(one['percent'], 1.0)} %)", highlight=False,
            )  # fmt: skip


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
    path = _run_folder(folder)
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
    with _Bar() as bar:
        verdict = experiment.reproduce(_run_folder(folder), jobs or os.cpu_count() or 1, bar)
    where = "the same platform fingerprint" if verdict.same_platform else "another platform fingerprint"
    if verdict.difference is not None:
        found = verdict.difference
        print(f"NOT reproduced ({where}). First difference: {found.where}: {found.old} → {found.new}")  # noqa: T201
        raise typer.Exit(1)
    print(f"reproduced ({where}): {'; '.join(verdict.compared)}")  # noqa: T201


@app.command(name="trace")
def trace_(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="folder of a run")],
    document: Annotated[
        int | None, typer.Argument(metavar="[DOCUMENT]", help="its number; without it, a few are listed")
    ] = None,
    alternative: Annotated[str | None, typer.Option(help="default: the first of the run")] = None,
    replication: Annotated[
        int | None, typer.Option(min=1, help="default: the first whose steps were kept")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help=f"all deliveries, not the first {trace.LEGS_SHOWN}")
    ] = False,
) -> None:
    """Tell one document's life, step by step: when, where, who, and what it waited for.

    *busy*: whoever took it up was at other tasks. *away*: on leave, at another duty, not yet allowed to stand in,
    or without the seal.

    Example:  congvan trace results/runs/…  and then  congvan trace results/runs/… 1234 --alternative signed
    """
    path = _run_folder(folder)
    first = trace.Traced(path, alternative, replication)
    if document is not None:
        told = trace.Told(first, first.life(document))
        print(*told.lines(None if every else trace.LEGS_SHOWN), sep="\n")  # noqa: T201
        return
    for name in [alternative] if alternative else first.manifest["alternatives"]:
        print(*trace.listed(trace.Traced(path, name, replication)), sep="\n")  # noqa: T201
    err.print("`congvan trace RUN DOCUMENT --alternative NAME` tells one of them", highlight=False)


@app.command(name="selftest")
def selftest_(
    replications: Annotated[
        int, typer.Option(min=REPLICATIONS_MIN, help="independent runs of each model")
    ] = REPLICATIONS,
    jobs: Annotated[int | None, typer.Option(min=1, help="worker processes; default: one per core")] = None,
) -> None:
    """Check this installation against queueing theory and against a calendar on paper; about a minute.

    Example:  congvan selftest --replications 5
    """
    with _Bar() as bar:
        found = selftest(bar, replications, jobs or os.cpu_count() or 1)
    Console().print(*tables(found), verdict(found), sep="\n", highlight=False)
    if not found.passed:
        raise typer.Exit(1)


def _mount_plugins() -> None:
    """Let other packages add their commands."""
    for entry in sorted(metadata.entry_points(group=COMMANDS_GROUP), key=lambda one: one.name):
        entry.load()(app)


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; default those of the process.

    Returns:
        0 done, 1 the run failed, 2 the input is wrong.
    """
    _mount_plugins()
    try:
        code = app(args=argv, standalone_mode=False)
    except CongvanError as error:
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return error.exit_code
    except UsageProblem as error:
        error.show()
        return 2
    except (typer.Abort, KeyboardInterrupt):
        err.print("stopped")
        return 1
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
