"""What a run's summary says, as tables on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from sim.units import DAY_S


def shown(estimate: dict[str, Any], scale: float) -> str:
    """Render an estimate with its half-width."""
    value, half = estimate["estimate"], estimate["half_width"]
    if value is None:
        return "–"
    return f"{value / scale:.2f} ± {half / scale:.2f}" if half is not None else f"{value / scale:.2f} ± ?"


def print_table(summary: dict[str, Any]) -> None:
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
        table.add_row(name, *(shown(took[key], day_s) for key in ("mean", "p50", "p95")),
                      f"{one['counts']['open']:,}", "yes" if one["stable"] else "NO")  # fmt: skip
    console = Console()
    console.print(table)
    for one in summary["comparisons"]:
        if one["metric"] == "turnaround_s.mean":
            console.print(
                f"{one['alternative']} against {one['baseline']}: "
                f"{shown(one['difference'], DAY_S)} calendar days "
                f"({shown(one['percent'], 1.0)} %)", highlight=False,
            )  # fmt: skip
