"""The command that sets runs beside one another: compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from sim import runs
from sim.cli.app import app, err, run_folder
from sim.cli.tables import shown
from sim.comparing import compare_runs
from sim.errors import InputError

METRIC = "turnaround_working_s.mean"
P_LEAST = 0.001  # smaller p values are told as smaller than this


@app.command(name="compare")
def compare_(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN", help="folders of runs, one or more")],
    baseline: Annotated[
        str | None,
        typer.Option(help="the alternative to compare with; default: the base of the first run"),
    ] = None,
    alternatives: Annotated[
        str | None, typer.Option(help="names with commas, as ALTERNATIVE or RUN:ALTERNATIVE; default: all")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="table, or json: every metric on stdout, all else on stderr")
    ] = "table",
) -> None:
    """Compare alternatives of runs of the same workload, paired delivery by delivery.

    Runs can be paired that have the same scenario, seed, period and calendar, and the same documents where both
    have them; what cannot be paired is refused, with the first difference. A second clerk changes no document:

      congvan run my-province --out results/runs/now

      congvan run my-province --set staff.district.clerk=2 --out results/runs/two-clerks

      congvan compare results/runs/now results/runs/two-clerks --baseline now:paper

    A change of volume makes other documents: write it as an alternative of the scenario instead. With one RUN,
    `--baseline` compares its alternatives with another than its base.
    """
    if format_ not in ("table", "json"):
        raise InputError("E-OPTION", f"found --format {format_!r}", "one of: table, json")
    found = compare_runs(
        [run_folder(str(folder)) for folder in folders],
        baseline,
        alternatives.split(",") if alternatives else None,
    )
    for one in found["warnings"]:
        err.print(f"{one['code']}: {one['message']}\n    hint: {one['hint']}",
                  markup=False, highlight=False, soft_wrap=True)  # fmt: skip
    if format_ == "json":
        sys.stdout.write(runs.dump_json(found).decode())
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    """Print the mean turnaround of every alternative beside the baseline's, and what pairing rests on."""
    day_s, design = found["design"]["day_s"], found["design"]
    baseline, others = found["baseline"], [one for one in found["comparisons"] if one["metric"] == METRIC]
    unstable = {name for name, one in found["alternatives"].items() if not one["stable"]}
    answer = _table(
        f"{found['scenario']['title']['en']}: mean time from asked to finished, in working days of "
        f"{day_s / 3600:g} h, against {baseline}",
        ("alternative", "mean", "difference", "%", "differs"),
    )
    rests = _table(
        "What each difference rests on: deliveries of all replications, and what pairing was worth",
        ("alternative", f"mean of {baseline}", "shared", "only one has", "correlation / variance saved"),
    )
    for one in others:
        name, only = one["alternative"], (one["only_baseline"], one["only_alternative"])
        verdict = "unstable" if unstable & {name, baseline} else _verdict(one)
        values = (shown(one[key], day_s) for key in ("alternative_value", "difference"))
        answer.add_row(name, *values, shown(one["percent"], 1.0), verdict)
        rests.add_row(
            name,
            shown(one["baseline_value"], day_s),
            f"{one['shared']:,}",
            " / ".join(f"{count:,}" for count in only),
            f"{_share(one['correlation'], '{:.2f}')} / {_share(one['variance_saved'], '{:.0%}')}",
        )
    console = Console()
    console.print(answer, rests)
    console.print(
        f"Means are over the deliveries that both completed, in the {design['replications']} replications that all "
        "runs have; ranges are 95 % intervals, simulation noise only. differs: paired t test at 5 %, after Holm's "
        f"correction for all alternatives compared ({len(others)}).",
        highlight=False,
    )


def _table(title: str, columns: tuple[str, ...]) -> Table:
    """Return an empty table whose numbers stand on the right; nothing is cut off where room is short."""
    table = Table(title=title)
    for column in columns:
        justify: Literal["left", "right"] = "left" if column == "alternative" else "right"
        table.add_column(column, justify=justify, overflow="fold")
    return table


def _verdict(one: dict[str, Any]) -> str:
    """Return whether the two differ, with the adjusted p value."""
    if one["differs"] is None:
        return "–"
    p = f"p {one['p_holm']:.3f}" if one["p_holm"] >= P_LEAST else f"p < {P_LEAST}"
    return f"{'yes' if one['differs'] else 'not shown'}, {p}"


def _share(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
