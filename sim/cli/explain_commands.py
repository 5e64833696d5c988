"""The command that tries what would help: explain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sim import runs
from sim.cli.app import app, command_line, err, run_folder
from sim.cli.bar import Bar
from sim.errors import InputError
from sim.explain import TOP, explain, lines, notes, rows, warnings


@app.command(name="explain")
def explain_(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="folder of a run")],
    alternative: Annotated[str | None, typer.Option(help="default: the base of the run")] = None,
    replications: Annotated[
        int | None, typer.Option(min=1, help="independent runs; default: as many as the run has")
    ] = None,
    assumptions: Annotated[
        str, typer.Option(help="fixed: inputs as stated; sampled: also draws of all assumed inputs")
    ] = "fixed",
    draws: Annotated[
        int | None, typer.Option(min=2, help="draws of the assumptions; default: as many as replications")
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=6, help="levels and roles to try remedies at")] = TOP,
    jobs: Annotated[int | None, typer.Option(min=1, help="worker processes; default: one per core")] = None,
    out: Annotated[Path | None, typer.Option(help="new folder for the run; default: results/runs/…")] = None,
    language: Annotated[str, typer.Option(help="of the report: en or vi")] = "en",
) -> None:
    """Tell which level, role and agency hold documents up most, and find by simulation what would help there.

    One more person, one more hour of presence a day, one approval hop fewer: each is run on the same documents as
    the run's alternative, and leaves a run directory with a report.

    Example:  congvan explain results/runs/… --alternative signed --replications 10
    """
    for value, allowed, option in (
        (assumptions, ("fixed", "sampled"), "--assumptions"),
        (language, ("en", "vi"), "--language"),
    ):
        if value not in allowed:
            raise InputError("E-OPTION", f"found {option} {value!r}", f"one of: {', '.join(allowed)}")
    if draws is not None and assumptions == "fixed":
        raise InputError(
            "E-OPTION", f"found --draws {draws} and fixed assumptions", "add --assumptions sampled"
        )
    with Bar() as bar:
        made, summary, interrupted = explain(
            run_folder(folder), jobs=jobs or os.cpu_count() or 1, command=command_line(), progress=bar,
            alternative=alternative, replications=replications, out=out, top=top, language=language,
            assumptions="sampled" if assumptions == "sampled" else "fixed", draws=draws,
        )  # fmt: skip
    for line in warnings(summary):
        err.print(line, markup=False, highlight=False, soft_wrap=True)
    console = Console()
    console.print(*lines(summary), sep="\n", markup=False, highlight=False, soft_wrap=True)
    design = summary["design"]
    table = Table(
        title=f"What would help: change of the mean turnaround in working days of {design['day_s'] / 3600:g} h "
        f"({design['replications']} replications, 95 % intervals, simulation noise only)"
    )
    for column in ("remedy", "takes", "change", "%", "per unit", "differs"):
        table.add_column(column, justify="left" if column in ("remedy", "takes") else "right")
    for row in rows(summary):
        table.add_row(*row)
    console.print(table)
    console.print(*notes(summary), sep="\n", markup=False, highlight=False, soft_wrap=True)
    err.print(f"report: {made / runs.REPORT}", highlight=False, soft_wrap=True)
    if interrupted is not None:
        err.print(
            f"interrupted: {interrupted.kept} of {interrupted.asked} replications are finished and kept"
        )
        raise typer.Exit(1)
