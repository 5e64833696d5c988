"""What a self-test found, for people: two tables and a sentence.

Rule kept here: every number carries its unit; nothing is printed here, only made ready.
"""

from __future__ import annotations

from rich import box
from rich.table import Table

from sim.selftest.execution import Metric, Selftest

UNITS = {"s": (1.0, " s"), "share": (100.0, " %"), "documents": (1.0, "")}
"""By unit of a metric: what it is multiplied by, and what is written behind it."""


def tables(found: Selftest) -> tuple[Table, Table]:
    """Return theory beside simulation, metric by metric, and the calendar cases."""
    theory = _plain(f"queueing theory ({found.replications} replications, 95 % intervals)")
    theory.caption = "present: documents in the system; FAR OFF: further than chance explains"
    for column in ("model", "metric", "expected", "simulated", "interval", "inside"):
        theory.add_column(column, justify="left" if column in ("model", "metric") else "right")
    for one in found.metrics:
        theory.add_row(*_cells(one), end_section=one is _last_of_model(found, one))
    calendar = _plain("a task of 6 h, office hours 08:00-12:00 and 13:00-17:00")
    for column in ("calendar case", "asked for", "must end", "simulated", "exact"):
        calendar.add_column(column)
    for case, ended in found.calendar:
        exact = "yes" if case.completed == ended else "NO"
        calendar.add_row(case.name, case.asked, case.completed, ended or "never", exact)
    return theory, calendar


def _plain(title: str) -> Table:
    """Return a table that fits into 80 columns."""
    return Table(title=title, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))


def _last_of_model(found: Selftest, metric: Metric) -> Metric:
    return [one for one in found.metrics if one.model == metric.model][-1]


def _cells(one: Metric) -> tuple[str, ...]:
    """Return the cells of one metric."""
    scale, unit = UNITS[one.unit]
    exact, mean, low, high = (
        f"{scale * value:.2f}" for value in (one.exact, one.found.estimate, one.found.low, one.found.high)
    )
    inside = "FAR OFF" if one.is_far else "yes" if one.is_inside else "no"
    return one.model, one.name, f"{exact}{unit}", f"{mean}{unit}", f"{low}–{high}", inside


def verdict(found: Selftest) -> str:
    """Return the verdict in one sentence, with the bounds it rests on."""
    word = "agrees" if found.passed else "DOES NOT AGREE"
    return (
        f"{word}: {found.misses} of {len(found.metrics)} intervals miss (chance explains up to "
        f"{found.misses_most}), {len(found.far)} far off, {found.wrong_times} of {len(found.calendar)} "
        "calendar cases wrong"
    )
