"""Whether two runs can be paired, and if not, why not.

Rule kept here: deliveries are paired that are the same delivery. Two runs must have the same scenario, seed,
period and calendar, and wherever both have a delivery it must be the same document, between the same agencies,
asked for at the same moment; the first difference is named. Deliveries that only one of them has are no
obstacle: they are counted, not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from sim.comparing.opening import Deliveries, OpenRun
from sim.errors import InputError
from sim.units import HOUR_S

# Tables hold times to the microsecond: two roundings of one moment are at most a microsecond apart, give or
# take the last digit.
ROUNDING_S = 1.5e-6

_PERIOD_HINT = "compare runs of the same period and calendar; --set changes them for a new run"
_WORKLOAD_HINT = (
    "what changes volumes, recipients or shares that ask for a reply makes other documents; "
    "write both as alternatives of one scenario and run them together"
)


def check_design(first: OpenRun, other: OpenRun) -> None:
    """Make sure that two runs are of the same scenario, seed, period and calendar.

    Raises:
        InputError: ``E-NOT-PAIRED`` with the first difference.
    """
    found = next(_design_differences(first, other), None)
    if found is not None:
        raise InputError("E-NOT-PAIRED", *found)


def _design_differences(first: OpenRun, other: OpenRun) -> Iterator[tuple[str, str]]:
    """Give what differs, in words, and what would be right."""
    both = (first, other)
    yield from _differing(
        "scenario", both, [run.file.scenario.id for run in both], "name runs of one scenario"
    )
    seeds = [run.manifest["seed"] for run in both]
    yield from _differing("seed", both, seeds, "run again with the same --seed")
    periods = [run.file.scenario.period for run in both]
    yield from _differing("period.kind", both, [one.kind for one in periods])
    yield from _differing("the first day", both, [one.start.isoformat() for one in periods])
    reach = periods[0].start + timedelta(days=min(run.file.horizon.days for run in both))
    special = [_special_days(run) for run in both]
    for day in sorted({*special[0], *special[1]}):
        if day < reach:
            yield from _differing(day.isoformat(), both, [one.get(day, "an ordinary day") for one in special])
    for what, moment in (
        ("the start of measuring", "measure_start_s"),
        ("the end of measuring", "measure_end_s"),
        ("the latest end of the run", "cap_s"),
    ):
        ends = [_moment(periods[0].start, getattr(run.file.horizon, moment)) for run in both]
        yield from _differing(what, both, ends)
    yield from _differing(
        "a full day's working hours", both, [run.file.office.day_s / HOUR_S for run in both]
    )
    openings = [list(_openings(run)) for run in both]
    yield from _differing("openings of the offices", both, [len(one) for one in openings])
    for number, opening in enumerate(zip(*openings, strict=True), 1):
        told = [" to ".join(_moment(periods[0].start, time_s) for time_s in span) for span in opening]
        yield from _differing(f"the offices' opening {number}", both, told)


def _differing(
    what: str, runs: tuple[OpenRun, OpenRun], values: Sequence[object], hint: str = _PERIOD_HINT
) -> Iterator[tuple[str, str]]:
    """Give the difference, if there is one."""
    if values[0] != values[1]:
        yield f"found {what}: {values[0]} in {runs[0].label}, {values[1]} in {runs[1].label}", hint


def _special_days(run: OpenRun) -> dict[date, str]:
    """Return the days that are not like others of their weekday; what the holiday is called is no matter."""
    resolved = run.file.resolved
    return dict.fromkeys(resolved.days_off, "a day off") | dict.fromkeys(resolved.make_up, "a make-up day")


def _openings(run: OpenRun) -> Iterator[tuple[float, float]]:
    """Give the offices' openings that begin before the latest end of the run; none round the clock."""
    office = run.file.office
    if not office.is_always:
        for start_s, end_s in zip(office.starts, office.ends, strict=True):
            if start_s < run.file.horizon.cap_s:
                yield start_s, end_s


def _moment(start: date, time_s: float) -> str:
    """Return a time of the run as date and time of day."""
    return str(datetime.combine(start, datetime.min.time()) + timedelta(seconds=round(time_s)))


def check_workload(runs: tuple[OpenRun, OpenRun], sides: tuple[Deliveries, Deliveries]) -> None:
    """Make sure that what two runs call the same delivery is the same delivery, in one replication.

    The moment of being asked for is not looked at where the document is a reply: that moment follows from how
    the document it answers was handled. Which document a reply answers is.

    Args:
        runs: Two runs of the same design.
        sides: A replication of an alternative of either.

    Raises:
        InputError: ``E-NOT-PAIRED`` with the first delivery that differs, and what it is in either run.
    """
    replies = list(runs[0].reply_flows() | runs[1].reply_flows())
    both = sides[0].identity.join(sides[1].identity, on="leg", suffix="_other")
    differs = [pl.col(name) != pl.col(f"{name}_other") for name in ("doc", "flow", "sender", "recipient")]
    differs.append(
        ((pl.col("created_s") - pl.col("created_s_other")).abs() > ROUNDING_S)
        & ~pl.col("flow").is_in(replies)
    )
    answered = (pl.col("reply_doc") >= 0) & (pl.col("reply_doc_other") >= 0)
    differs.append(answered & (pl.col("reply_doc") != pl.col("reply_doc_other")))
    found = both.filter(pl.any_horizontal(differs)).sort("leg").head(1)
    if found.is_empty():
        return
    row = found.row(0, named=True)
    start = runs[0].file.scenario.period.start
    told = (
        f"{run.label} has {_told(row, end, start)}" for run, end in zip(runs, ("", "_other"), strict=True)
    )
    raise InputError(
        "E-NOT-PAIRED",
        f"found different documents under delivery {row['leg']} of replication {sides[0].replication}: "
        + "; ".join(told),
        _WORKLOAD_HINT,
    )


def _told(row: Mapping[str, Any], end: str, start: date) -> str:
    """Return what a delivery is in one of the runs."""
    reply = row[f"reply_doc{end}"]
    return (
        f"document {row[f'doc{end}']} ({row[f'flow{end}']}) from {row[f'sender{end}']} to {row[f'recipient{end}']}, "
        f"asked for {_moment(start, row[f'created_s{end}'])}"
        + (f", to be answered by document {reply}" if reply >= 0 else "")
    )
