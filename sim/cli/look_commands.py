"""Commands that look closer: one document's life, this installation against theory."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.console import Console

from sim import trace
from sim.cli.app import app, err, run_folder
from sim.cli.bar import Bar
from sim.selftest import REPLICATIONS, REPLICATIONS_MIN, selftest, tables, verdict


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
    path = run_folder(folder)
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
    with Bar() as bar:
        found = selftest(bar, replications, jobs or os.cpu_count() or 1)
    Console().print(*tables(found), verdict(found), sep="\n", highlight=False)
    if not found.passed:
        raise typer.Exit(1)
