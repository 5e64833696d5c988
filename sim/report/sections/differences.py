"""Differences between alternatives, and means over a cohort of which some is still open.

Rule kept here: a difference is paired by replication and says what pairing was worth; percentiles of differences
and differences of percentiles are named apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.report.context import Context
from sim.report.numbers import NONE
from sim.report.sections.answer import RELATIVE
from sim.report.tables import View, alternative_row, body, column, row, table

_RESTRICTED = "restricted_mean_s"
_P_MIN = 0.001  # smaller p values are told as smaller than this


def _anything_open(context: Context) -> bool:
    """Tell whether a measured delivery was open at the end of any alternative."""
    return any(a.data["counts"]["open"] for a in context.alternatives)


def restricted(context: Context) -> View | None:
    """Return the restricted means, which count open deliveries too; nothing where none is open."""
    texts, numbers = context.texts, context.numbers
    found = [a.data.get(_RESTRICTED) or {} for a in context.alternatives]
    horizons = [each["horizon_s"] for each in found if each.get("horizon_s") is not None]
    if not horizons or not _anything_open(context):
        return None
    unit = context.unit_of(list(found), working=False)
    rows = [
        alternative_row(
            context,
            a,
            [numbers.estimate(each, unit), numbers.plain(a.data["counts"]["open"])],
        )
        for a, each in zip(context.alternatives, found, strict=True)
    ]
    horizon = numbers.duration(max(horizons), working=False)
    columns = [
        column(texts("answer.alternative")),
        column(texts("turnaround.restricted"), numbers.unit(unit)),
        column(texts("turnaround.still_open")),
    ]
    notes = [texts("turnaround.restricted_note", horizon=horizon)]
    return table(texts("turnaround.restricted_table", horizon=horizon), columns, [body(rows)], notes=notes)


def _pairing(context: Context, each: Mapping[str, Any]) -> str:
    """Return the correlation that pairing achieved and the share of variance it saved."""
    numbers = context.numbers
    saved = each.get("variance_saved")
    if each.get("correlation") is None and saved is None:
        return NONE
    percent = NONE if saved is None else f"{numbers.plain(100 * saved, 0)}\u00a0%"
    return f"{numbers.plain(each.get('correlation'), 2)} / {percent}"


def _verdict(context: Context, each: Mapping[str, Any]) -> str:
    """Return whether the two differ, by Holm's adjusted p value, which stands beside it."""
    differs, p = each.get("differs"), each.get("p_holm")
    if differs is None or p is None:
        return NONE
    shown = context.numbers.plain(p, 3) if p >= _P_MIN else "<" + context.numbers.plain(_P_MIN, 3)
    return context.texts(f"turnaround.{'differs' if differs else 'same'}", p=shown)


def _metric(context: Context, metric: str) -> str:
    """Return the name of a metric in a comparison, where the two kinds of percentile are told apart."""
    compared = context.texts.name("compared", metric)
    return context.texts.name("metric", metric) if compared == metric else compared


def comparisons(context: Context) -> View:
    """Return every metric of every comparison; rows of what is unstable say so instead of a number.

    The restricted mean is shown where something is open; elsewhere it repeats the mean.
    """
    texts, numbers = context.texts, context.numbers
    bodies: dict[str, list[View]] = {}
    for each in context.summary["comparisons"]:
        if each["metric"] == _RESTRICTED and not _anything_open(context):
            continue
        pair = [context.alternative(each[key]) for key in ("baseline", "alternative")]
        steady = all(a is None or a.stable for a in pair)
        working = "_working_" in each["metric"]
        sides = [each["baseline_value"], each["alternative_value"]]
        if all(side.get("estimate") is None for side in sides):
            sides = [each["difference"]]
        unit = context.unit_of(list(sides), working=working)
        hidden = texts("numbers.not_steady")
        cells = [
            numbers.unit(unit),
            numbers.estimate(each["baseline_value"], unit),
            numbers.estimate(each["alternative_value"], unit),
            numbers.estimate(each["difference"], unit, sign=True) if steady else hidden,
            numbers.percent(each["percent"], RELATIVE, sign=True) if steady else hidden,
            _verdict(context, each) if steady else hidden,
            _pairing(context, each),
            numbers.plain(each["shared"]),
            f"{numbers.plain(each['only_baseline'])} / {numbers.plain(each['only_alternative'])}",
        ]
        title = f"{context.title_of(each['alternative'])} − {context.title_of(each['baseline'])}"
        bodies.setdefault(title, []).append(row(_metric(context, each["metric"]), cells))
    columns = [
        column(texts("turnaround.metric")),
        column(texts("turnaround.unit"), short=True),
        column(texts("turnaround.baseline")),
        column(texts("turnaround.alternative")),
        column(texts("turnaround.difference")),
        column(texts("turnaround.percent")),
        column(texts("turnaround.verdict")),
        column(texts("turnaround.pairing")),
        column(texts("turnaround.shared")),
        column(texts("turnaround.unshared")),
    ]
    groups = [body(rows, title) for title, rows in bodies.items()]
    notes = [texts(f"turnaround.{key}_note") for key in ("percentiles", "verdict", "pairing")]
    return table(texts("turnaround.comparisons"), columns, groups, notes=notes, wide=True)
