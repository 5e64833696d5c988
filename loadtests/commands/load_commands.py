"""``congvan load …``: load an exchange on schedule, find its capacity, compare runs, make reports again.

Rule kept here: no logic; the exit code is the verdict's: 0 PASS, 1 FAIL, 4 INCONCLUSIVE, 3 INVALID; 2 for wrong input.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from loadtests.commands.load_options import takes_load
from loadtests.commands.told import one_of, say, told
from loadtests.harness.options import Options
from sim.errors import InputError

LANGUAGES: Final = ("en", "vi")
FORMATS: Final = ("table", "json")

load = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Load an exchange on schedule and judge what came of it.

Messages are sent when they are due, whether or not the exchange keeps up: what it makes wait, waits in the figures too.

Try it:

    congvan load run --rate 20/s --duration 1min              our own exchange, on this machine

    congvan load run --scenario quang-ninh --day 2015-03-02  a simulated day of a province

    congvan load search --slo "submit p99 < 500 ms"          what it can do

    congvan load compare A1 A2 A3 --versus B1 --versus B2 --versus B3     whether a change made a difference
""",
)

Out = Annotated[Path | None, typer.Option(help="new folder for the run; default: results/runs/…")]
Language = Annotated[str, typer.Option(help="of the report: en or vi")]
Shown = Annotated[
    str, typer.Option("--format", help="table, or json: the summary on stdout, all else on stderr")
]
Faulty = Annotated[
    str,
    typer.Option(
        metavar="KIND=SHARE,…",
        help="load a faulty exchange instead, to see it caught: lose=0.01, duplicate=…; see loadtests/README.md",
    ),
]
Preload = Annotated[int, typer.Option(min=0, help="messages to put into the store of our own exchange first")]
Runs = Annotated[list[Path], typer.Argument(metavar="RUN", help="folders of load runs")]


@load.command()
@told
@takes_load()
def run(
    options: Options,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help='do this to our own exchange: "freeze 2s at 4s", "kill at 10s restart after 1s", '
            '"slow 200ms from 5s to 10s", "cut from 5s to 6s"; repeat it'
        ),
    ] = None,
    faulty: Faulty = "",
    preload: Preload = 0,
    keep: Annotated[
        bool, typer.Option("--keep", help="keep raw/ and .server/ in the folder of the run")
    ] = False,
    out: Out = None,
    language: Language = "en",
    format_: Shown = "table",
) -> None:
    """Send a load on schedule, check every receipt and every inbox, and give a verdict with a report.

    PASS: the objectives hold and nothing was lost, doubled or forged. FAIL: not so. INCONCLUSIVE: too few messages to
    tell. INVALID: the generator itself did not keep its schedule. Exit codes 0, 1, 4, 3.

    Try it:

      congvan load run --rate 20/s --duration 1min

      congvan load run --scenario quang-ninh --day 2015-03-02 --days 100 --from 08:00 --slo "submit p99 < 500 ms"

      congvan load run --rate 20/s --duration 20s --fault "freeze 2s at 8s"

      congvan load run --target https://exchange.example --option keys=keys --authorised "its owner, until Friday"
    """
    from dataclasses import replace  # noqa: PLC0415

    from loadtests.campaign.campaigns import run_load  # noqa: PLC0415
    from loadtests.commands.load_progress import LoadBar  # noqa: PLC0415
    from sim.cli.app import command_line  # noqa: PLC0415

    one_of("--language", language, LANGUAGES)
    one_of("--format", format_, FORMATS)
    asked = replace(options, faults=tuple(fault or ()), faulty=faulty, preload=preload)
    with LoadBar() as bar:
        done = run_load(asked, out=out, command=command_line(), language=language, keep=keep, progress=bar)
    _tell(done.summary, done.path, format_)
    if done.interrupted:
        _aside("interrupted: what was sent until then is judged and kept")
        raise typer.Exit(1)
    raise typer.Exit(int(done.summary["verdict"]["exit_code"]))


@load.command()
@told
@takes_load()
def plan(
    options: Options,
    out: Annotated[Path | None, typer.Option(help="new folder for plan.json and schedule.npz")] = None,
) -> None:
    """Write plan and schedule of a load without sending it, for Locust started by hand or on several hosts.

    Try it:

      congvan load plan --target http://127.0.0.1:8421 --option keys=exchange-demo --rate 50/s --out my-plan

      CONGVAN_LOAD_PLAN=my-plan locust -f loadtests/locustfiles/exchange.py --headless

      python -m loadtests.campaign.conclude my-plan
    """
    from loadtests.campaign.campaigns import plan_load  # noqa: PLC0415

    path, planned = plan_load(options, out=out)
    say(f"{path}: {planned.title}; digest {planned.plan.digest[:12]}")


@load.command()
@told
@takes_load(without=("rate", "profile", "scenario", "day", "days", "speed", "start", "duration"))
def search(
    options: Options,
    start: Annotated[float, typer.Option(min=0.1, help="first rate, messages/s")] = 20.0,
    most: Annotated[
        float | None, typer.Option(min=0.1, help="no rate above this is tried, messages/s")
    ] = None,
    tolerance: Annotated[str, typer.Option(help="how narrow the interval shall be")] = "10 %",
    probe: Annotated[str, typer.Option(help="judged time of one probe")] = "15 s",
    confirm: Annotated[
        bool, typer.Option("--confirm", help="confirm for 30 min with each of three seeds, not for 1 min")
    ] = False,
    budget: Annotated[
        str | None, typer.Option(help="time for everything; default: 30 min, 3 h with --confirm")
    ] = None,
    preload: Annotated[int, typer.Option(min=0, help="messages in the store when it is confirmed")] = 2000,
    out: Out = None,
    language: Language = "en",
    format_: Shown = "table",
) -> None:
    """Find the highest rate at which the objectives hold.

    First what the generator itself can do, against a server that does nothing; then wider steps, bisection with
    re-tests, a look whether the exchange recovers, and a confirmation with fresh seeds on a filled store.

    Try it:

      congvan load search --slo "submit p99 < 500 ms"

      congvan load search --size "4 KiB" --no-collect --budget 5min --slo "submit p95 < 100 ms"
    """
    from loadtests.campaign.searching import SearchOptions, search_load  # noqa: PLC0415
    from loadtests.commands.load_progress import LoadBar  # noqa: PLC0415
    from sim.cli.app import command_line  # noqa: PLC0415

    one_of("--language", language, LANGUAGES)
    one_of("--format", format_, FORMATS)
    wanted = SearchOptions(
        start=start,
        most=most,
        tolerance=tolerance,
        probe=probe,
        confirm=confirm,
        budget=budget,
        preload=preload,
    )
    with LoadBar() as bar:
        done = search_load(
            options, wanted, out=out, command=command_line(), language=language, progress=bar, note=_aside
        )
    if format_ == "json":
        say(_json(done.summary))
    else:
        say(done.summary["search"]["text"])
    _aside(f"report: {done.path / 'report.html'}")
    raise typer.Exit(int(done.summary["verdict"]["exit_code"]))


@load.command()
@told
def compare(
    runs: Runs,
    versus: Annotated[
        list[Path], typer.Option(metavar="RUN", help="a run of the other side; repeat it for each")
    ],
    seed: Annotated[int, typer.Option(min=0, help="of the bootstrap")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="new folder for the comparison; default: results/runs/…")
    ] = None,
    language: Language = "en",
    format_: Shown = "table",
) -> None:
    """Compare two sides of several runs each: the run is the unit, and the plans must be the same.

    Runs of both sides should take turns (A B B A …), with the same seeds; three of each side is the least that can
    show anything, six or more are better.

    Example:  congvan load compare a1 a2 a3 --versus b1 --versus b2 --versus b3
    """
    from loadtests.campaign.comparing import compare_loads, lines, write  # noqa: PLC0415
    from sim.cli.app import command_line  # noqa: PLC0415

    one_of("--format", format_, FORMATS)
    one_of("--language", language, LANGUAGES)
    found = compare_loads(runs, versus, seed=seed)
    written = write(out, found, command_line(), language)
    if format_ == "json":
        say(_json(found))
    else:
        for line in [*lines(found), f"report: {written}"]:
            say(line)


@load.command()
@told
def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="folder of a load run")],
    language: Annotated[str, typer.Option(help="en or vi")] = "en",
) -> None:
    """Make a run's report.html and junit.xml again, without sending anything.

    Example:  congvan load report results/runs/… --language vi
    """
    from loadtests.campaign.conclude import show  # noqa: PLC0415

    one_of("--language", language, LANGUAGES)
    if not folder.is_dir():
        raise InputError("E-RUN", f"found no folder {folder}", "name the folder of a load run")
    say(str(show(folder, language)))


def _tell(summary: dict[str, Any], path: Path, format_: str) -> None:
    from loadtests.campaign.conclude import told as lines  # noqa: PLC0415

    if format_ == "json":
        say(_json(summary))
        _aside(f"report: {path / 'report.html'}")
        return
    for line in lines(summary, path):
        say(line)


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)


def _aside(line: str) -> None:
    """Say something that is no part of the result."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
