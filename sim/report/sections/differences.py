"""Differences between alternatives, and means over a cohort of which some is still open.

Rule kept here: a difference is paired by replication and says what pairing was worth, and where inputs were drawn
it has both its ranges; percentiles of differences and differences of percentiles are named apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.report.context import Context
from sim.report.metrics import metric_name, metric_unit
from sim.report.numbers import NONE, SHARE, Unit
from sim.report.sections import ranges
from sim.report.sections.answer import HEADLINE, RELATIVE
from sim.report.sections.sources import words
from sim.report.tables import View, alternative_row, body, column, row, table

_RESTRICTED = "restricted_mean_s"
_COUNTS = ("shared", "only_baseline", "only_alternative")


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
    return context.texts(f"turnaround.{'differs' if differs else 'same'}", p=ranges.p_value(context, p))


def _metric(context: Context, metric: str) -> str:
    """Return the name of a metric in a comparison, where the two kinds of percentile are told apart."""
    compared = context.texts.name("compared", metric)
    return metric_name(context, metric) if compared == metric.replace("-", " ") else compared


def _title(context: Context, each: Mapping[str, Any]) -> str:
    return f"{context.title_of(each['alternative'])} − {context.title_of(each['baseline'])}"


def _shared(context: Context, each: Mapping[str, Any]) -> str:
    """Return how many deliveries a comparison shares, and how many only one side has."""
    if each.get("shared") is None:
        return ""
    counts = {key: context.numbers.plain(each.get(key)) for key in _COUNTS}
    return context.texts("turnaround.shared", **counts)


def _steady(context: Context, each: Mapping[str, Any]) -> bool:
    pair = [context.alternative(each[key]) for key in ("baseline", "alternative")]
    return all(a is None or a.stable for a in pair)


def _told(context: Context) -> list[Mapping[str, Any]]:
    """Return the comparisons that are shown; where nothing is open the restricted mean repeats the mean."""
    every = context.summary.get("comparisons", [])
    return [each for each in every if each["metric"] != _RESTRICTED or _anything_open(context)]


def differences(context: Context) -> list[View]:
    """Return the tables of differences: every metric, which range rules it, and what drives it."""
    if not context.summary.get("comparisons"):
        return []
    return [comparisons(context), *(_both_ranges(context) if ranges.drawn(context) else [])]


def comparisons(context: Context) -> View:
    """Return every metric of every comparison; rows of what is unstable say so instead of a number."""
    texts = context.texts
    bodies: dict[str, list[View]] = {}
    shared: dict[str, str] = {}
    for each in _told(context):
        shared[_title(context, each)] = shared.get(_title(context, each)) or _shared(context, each)
        whole = texts("turnaround.whole") if each.get("shared") is None else ""
        line = row(_metric(context, each["metric"]), _cells(context, each), note=whole)
        bodies.setdefault(_title(context, each), []).append(line)
    columns = [
        column(texts("turnaround.metric")),
        column(texts("turnaround.unit"), short=True),
        column(texts("turnaround.baseline")),
        column(texts("turnaround.alternative")),
        column(texts("turnaround.difference")),
        column(texts("turnaround.percent")),
        column(texts("turnaround.verdict")),
        column(texts("turnaround.pairing")),
    ]
    groups = [body(rows, f"{title}{shared[title]}") for title, rows in bodies.items()]
    notes = [texts(f"turnaround.{key}_note") for key in ("percentiles", "verdict", "pairing")]
    if any(_unit(context, each) is SHARE for each in _told(context)):
        notes.append(texts("turnaround.points_note"))
    if ranges.drawn(context):
        notes.append(texts("turnaround.range_note", varied=ranges.varied(context)))
    return table(texts("turnaround.comparisons"), columns, groups, notes=notes, wide=True)


def _unit(context: Context, each: Mapping[str, Any]) -> Unit:
    """Return the unit of a comparison."""
    sides = [each["baseline_value"], each["alternative_value"]]
    if all(side.get("estimate") is None for side in sides):
        sides = [each["difference"]]
    return metric_unit(context, each["metric"], sides)


def _cells(context: Context, each: Mapping[str, Any]) -> list[str]:
    """Return the cells of a comparison; a difference has both its ranges."""
    numbers, unit = context.numbers, _unit(context, each)
    verdict = [context.texts("numbers.not_steady")] * 3
    if _steady(context, each):
        difference = numbers.estimate(each["difference"], unit, sign=True)
        percent = numbers.percent(each["percent"], RELATIVE, sign=True)
        verdict = [
            numbers.beside(difference, each.get("spread"), unit, sign=True),
            numbers.beside(percent, each.get("percent_spread"), RELATIVE, sign=True, mark="\u00a0%"),
            _verdict(context, each),
        ]
    return [
        numbers.unit(unit) or NONE,
        numbers.estimate(each["baseline_value"], unit),
        numbers.estimate(each["alternative_value"], unit),
        *verdict,
        _pairing(context, each),
    ]


def _both_ranges(context: Context) -> list[View]:
    """Return which of its two ranges rules each difference and where its sign holds, and what drives it."""
    texts = context.texts
    bodies: dict[str, list[View]] = {}
    driven: list[View] = []
    for each in _told(context):
        if each.get("spread") is None or not _steady(context, each):
            continue
        name = _metric(context, each["metric"])
        bodies.setdefault(_title(context, each), []).append(row(name, _rules(context, each)))
        if each["metric"] == HEADLINE + ".mean" or each.get("shared") is None:
            driven.append(body(_drivers(context, each), f"{_title(context, each)}: {name}"))
    columns = [
        column(texts("turnaround.metric")),
        column(texts("ranges.ruled_by"), left=True),
        column(texts("ranges.same_sign")),
        column(texts("ranges.at_least")),
        column(texts("ranges.holds"), left=True),
    ]
    groups = [body(rows, title) for title, rows in bodies.items()]
    notes = [texts("ranges.table_note", confidence=context.confidence)]
    made = table(texts("ranges.table"), columns, groups, notes=notes, wide=True)
    columns = [
        column(texts("ranges.input")),
        column(texts("assumptions.value"), left=True),
        column(texts("assumptions.range"), left=True),
        column(texts("ranges.correlation")),
        column(texts("ranges.p_holm")),
    ]
    notes = [texts("ranges.drivers_note", varied=ranges.varied(context))]
    return [made, table(texts("ranges.drivers"), columns, driven, notes=notes, wide=True)]


def _rules(context: Context, each: Mapping[str, Any]) -> list[str]:
    """Return which range rules a difference, how many draws have its sign, and where all of them do."""
    texts, numbers, spread = context.texts, context.numbers, each["spread"]
    if each["difference"].get("estimate") is None:
        return [NONE] * 4
    ruled = texts(f"ranges.name_{spread['rules'] or 'unknown'}")
    sign = spread["sign"]
    if sign is None:
        return [ruled, *[NONE] * 3]
    held = f"{numbers.plain(sign['same'])} / {numbers.plain(sign['draws'])}"
    every = sign["same"] == sign["draws"]
    where = texts("ranges.everywhere") if every else ranges.where(context, each)
    return [ruled, held, ranges.at_least(context, sign["share_low"]), where]


def _drivers(context: Context, each: Mapping[str, Any]) -> list[View]:
    """Return the inputs that move a difference, or that none can be told apart with so few draws."""
    texts, numbers, spread = context.texts, context.numbers, each["spread"]
    rows = []
    for one in spread["drivers"]:
        stated = ranges.stated(context, one["name"], each["alternative"])
        cells = [words(stated.get(key)) for key in ("value", "range")]
        correlation = numbers.plain(one["correlation"], 2, sign=True)
        rows.append(row(one["name"], [*cells, correlation, ranges.p_value(context, one["p_holm"])]))
    if rows:
        return rows
    count = numbers.plain((ranges.drawn(context) or {}).get("varied"))
    return [row(texts("ranges.driver_none", n=count, draws=numbers.plain(spread["draws"])), [NONE] * 4)]
