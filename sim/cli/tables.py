"""What a run's summary says, as tables on a terminal.

Rule kept here: every range says what it is; simulation noise and the spread over the assumptions stand apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

HEADLINE = "turnaround_working_s"


def shown(estimate: Mapping[str, Any], scale: float) -> str:
    """Render an estimate with its half-width."""
    value, half = estimate["estimate"], estimate["half_width"]
    if value is None:
        return "–"
    return f"{value / scale:.2f} ± {half / scale:.2f}" if half is not None else f"{value / scale:.2f} ± ?"


def ranged(spread: Mapping[str, Any] | None, scale: float) -> str:
    """Render the range over draws of the assumptions."""
    if spread is None or spread["low"] is None:
        return "–"
    return f"{spread['low'] / scale:.2f} to {spread['high'] / scale:.2f}"


def print_table(summary: Mapping[str, Any]) -> None:
    """Print turnaround per alternative, and the differences, in the office's own working days."""
    console, day_s = Console(), summary["design"]["day_s"]
    sampled = _sampled(summary)
    table = Table(title=_title(summary))
    for column in (
        "alternative",
        "mean\nover draws" if sampled else "mean",
        "median",
        "p95",
        "open",
        "stable",
    ):
        table.add_column(column, justify="left" if column == "alternative" else "right")
    for name, one in summary["alternatives"].items():
        took = one[HEADLINE]
        mean = shown(took["mean"], day_s)
        if sampled:
            mean += f"\n{ranged(took['mean'].get('spread'), day_s)}"
        table.add_row(name, mean, shown(took["p50"], day_s), shown(took["p95"], day_s),
                      f"{one['counts']['open']:,}", "yes" if one["stable"] else "NO")  # fmt: skip
    console.print(table)
    lines = [
        line
        for one in summary["comparisons"]
        if one["metric"] == HEADLINE + ".mean"
        for line in _told(summary, one, day_s)
    ]
    if not sampled:
        lines.append("simulation noise only; --assumptions sampled gives the other range")
    for line in (*lines, *_notes(summary), *_overloaded(summary), *_precision(summary)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _sampled(summary: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return how the uncertain inputs were drawn, nothing where they were fixed."""
    found: Mapping[str, Any] = summary["design"].get("assumptions") or {}
    return found if found.get("mode") == "sampled" else None


def _title(summary: Mapping[str, Any]) -> str:
    design, sampled = summary["design"], _sampled(summary)
    many = f"{design['replications']} replications, ± {100 * design['confidence']:g} % intervals"
    what = f"{many}, simulation noise only"
    if sampled is not None:
        spread = next(
            (one[HEADLINE]["mean"].get("spread") or {} for one in summary["alternatives"].values()), {}
        )
        part = (
            f"the middle {100 * spread.get('central', 1.0):g} % of " if spread.get("central", 1.0) < 1 else ""
        )
        what += (
            f"; over draws: {part}{sampled['draws']} draws in which {sampled['varied']} uncertain inputs vary"
        )
    return (
        f"{summary['scenario']['title']['en']}: from asked to finished, per delivery, in working days of "
        f"{design['day_s'] / 3600:g} h ({what})"
    )


def _told(summary: Mapping[str, Any], one: Mapping[str, Any], day_s: float) -> list[str]:
    """Return the lines on a difference; what cannot keep up is not compared."""
    unsteady = [one[key] for key in ("baseline", "alternative") if not _stable(summary, one[key])]
    if unsteady:
        return [f"{one['alternative']} against {one['baseline']}: no difference, {unsteady[0]} is not steady"]
    return _difference(one, day_s)


def _stable(summary: Mapping[str, Any], name: str) -> bool:
    return bool(summary["alternatives"].get(name, {}).get("stable", True))


def _difference(one: Mapping[str, Any], day_s: float) -> list[str]:
    """Return the lines on a difference: both ranges, and the draws that keep its sign."""
    spread, percent = one.get("spread"), one.get("percent_spread")
    text = (
        f"{one['alternative']} against {one['baseline']}: {shown(one['difference'], day_s)} working days "
        f"({shown(one['percent'], 1.0)} %)"
    )
    if spread is None:
        return [text]
    lines = [f"{text}; over draws {ranged(spread, day_s)} working days ({ranged(percent, 1.0)} %)"]
    sign = spread["sign"]
    if sign is not None:
        least = math.floor(100 * sign["share_low"])
        line = (
            f"  same sign in {sign['same']} of {sign['draws']} draws, at least {least} % of the joint ranges"
        )
        where = spread["holds_where"]
        if where is not None:
            line += f"; in all {where['draws']} with {where['name']} {_side(where)}"
        lines.append(line)
    return lines


def _side(where: Mapping[str, Any]) -> str:
    return f"at {where['text']} or {'more' if where['side'] == 'above' else 'less'}"


def _notes(summary: Mapping[str, Any]) -> list[str]:
    """Return who is asked for more than there is time for in a terminating period, which is not judged unstable."""
    return [
        f"{name}: {note['en']}"
        for name, one in summary["alternatives"].items()
        for note in one.get("overload_notes", [])
    ]


def _overloaded(summary: Mapping[str, Any]) -> list[str]:
    """Return a line for each alternative in which draws ask somebody for more work than there is time."""
    found = {name: one.get("draws") or {} for name, one in summary["alternatives"].items()}
    return [
        f"{name}: overloaded in {one['overloaded']} of {one['count']} draws; means count finished deliveries only"
        for name, one in found.items()
        if one.get("overloaded")
    ]


def _precision(summary: Mapping[str, Any]) -> list[str]:
    """Return the line on the precision that was asked for."""
    found = summary["design"].get("precision")
    if not found:
        return []
    reached = "not known" if found["reached"] is None else f"{100 * found['reached']:.1f} %"
    text = f"precision: {100 * found['asked']:g} % asked, {reached} reached"
    if not found["met"]:
        text += f" ({found['which']}): NOT met"
    return [f"{text}, bound of {found['replications_max']} replications hit" if found["bound_hit"] else text]
