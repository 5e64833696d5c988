"""Turnaround, its segments, and its parts by flow and urgency.

Rule kept here: calendar time and working time stand in tables of their own, each under its own unit;
nothing is shown pooled only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.analysis.bootstrap import POOLED
from sim.report import bars, figures
from sim.report.context import DIST, Alternative, Context
from sim.report.marks import SEGMENT_FILLS, SEGMENTS, chip
from sim.report.metrics import flow_title
from sim.report.numbers import Unit
from sim.report.sections.differences import differences, restricted
from sim.report.tables import View, alternative_row, alternatives_key, body, column, figure, row, table

_PER_DOCUMENT = (
    ("first", "turnaround_first_s"),
    ("p90_recipients", "turnaround_p90_recipients_s"),
    ("last", "turnaround_last_s"),
)
_URGENCIES = ("normal", "urgent", "very-urgent", "express")


def _dist_columns(context: Context, first: str, unit: Unit, count: str) -> list[View]:
    texts = context.texts
    name = context.numbers.unit(unit)
    heads = [column(texts(f"turnaround.{key}"), name) for key in DIST]
    return [column(first), *heads, column(texts(f"turnaround.{count}"))]


def _dist_cells(context: Context, dist: Mapping[str, Any], unit: Unit) -> list[str]:
    cells = [context.quantile(dist, key, unit) for key in DIST]
    return [*cells, context.numbers.plain(dist.get("n"))]


def _hidden(dist: Mapping[str, Any]) -> bool:
    """Tell whether a quantile lies among the open deliveries."""
    return bool(dist.get("n")) and any((dist.get(key) or {}).get("estimate") is None for key in DIST[1:])


def _pooled(node: Any) -> bool:
    """Tell whether some percentile of a part of the summary was pooled over replications."""
    if isinstance(node, Mapping):
        return node.get("method") == POOLED or any(_pooled(one) for one in node.values())
    return False


def turnaround(context: Context) -> View:
    """Return distribution, tables per delivery and per document, and the differences from the base."""
    texts = context.texts
    tables = []
    for caption, key, working in (
        ("working", "turnaround_working_s", True),
        ("calendar", "turnaround_s", False),
    ):
        dists = [a.data[key] for a in context.alternatives]
        unit = context.unit_of(dists, working=working)
        columns = _dist_columns(context, texts("answer.alternative"), unit, "legs")
        rows = [
            alternative_row(context, a, _dist_cells(context, a.data[key], unit)) for a in context.alternatives
        ]
        notes = [texts("turnaround.quantile_note")] if any(_hidden(dist) for dist in dists) else []
        tables.append(table(texts(f"turnaround.{caption}"), columns, [body(rows)], notes=notes))
    unit = context.unit_of(
        [a.data[key] for a in context.alternatives for _, key in _PER_DOCUMENT], working=False
    )
    bodies = [
        body(
            [
                row(texts(f"turnaround.{name}"), _dist_cells(context, a.data[key], unit))
                for name, key in _PER_DOCUMENT
            ],
            context.label(a),
        )
        for a in context.alternatives
    ]
    columns = _dist_columns(context, texts("turnaround.until"), unit, "documents")
    pooled = any(_pooled(a.data) for a in context.alternatives)
    notes = [texts("turnaround.pooled_note")] if pooled else []
    tables.append(table(texts("turnaround.document"), columns, bodies, notes=notes))
    told = restricted(context)
    if told:
        tables.append(told)
    tables += differences(context)
    caption = texts("turnaround.figure", confidence=context.confidence)
    return {
        "figures": [figure(figures.distribution(context), caption, alternatives_key(context))],
        "tables": tables,
    }


def segments(context: Context) -> View:
    """Return the times between the moments of a delivery's life."""
    texts, numbers = context.texts, context.numbers
    found = {a.key: a.data.get("segments_s") or {} for a in context.alternatives}
    parts = {key: {s: (each.get(s) or {}).get("mean") for s in SEGMENTS} for key, each in found.items()}
    unit = context.unit_of([p for each in parts.values() for p in each.values()], working=False)
    svg = bars.by_alternative(
        context,
        parts,
        dict(zip(SEGMENTS, SEGMENT_FILLS, strict=True)),
        unit,
        ident="segments",
        title=texts("groups.x", unit=numbers.unit(unit)),
        label=texts("segments.figure"),
    )
    key = [
        {"mark": chip(fill), "text": texts.name("segment", s)}
        for s, fill in zip(SEGMENTS, SEGMENT_FILLS, strict=True)
    ]
    bodies = []
    for segment in dict.fromkeys([*SEGMENTS, *(s for each in found.values() for s in each)]):
        rows = []
        for each in context.alternatives:
            dist = found[each.key].get(segment) or {}
            unit = context.unit_of([dist], working=False)
            cells = [numbers.unit(unit), *_dist_cells(context, dist, unit)]
            rows.append(alternative_row(context, each, cells))
        bodies.append(body(rows, texts.name("segment", segment)))
    columns = [
        column(texts("answer.alternative")),
        column(texts("turnaround.unit"), short=True),
        *(column(texts(f"turnaround.{name}")) for name in DIST),
        column(texts("turnaround.legs")),
    ]
    return {
        "figures": [figure(svg, texts("segments.figure"), key)],
        "tables": [table(texts("segments.table"), columns, bodies)],
    }


def _parts(context: Context, part: str) -> list[str]:
    """Return the keys of a grouped part of the alternatives, in their order, without repeats."""
    return list(dict.fromkeys(key for a in context.alternatives for key in a.data.get(part) or {}))


def flows_of(context: Context) -> list[tuple[str, str]]:
    """Return (flow, title) of every flow of the run."""
    return [(flow, flow_title(context, flow)) for flow in _parts(context, "by_flow")]


def _group_table(
    context: Context, part: str, names: Sequence[tuple[str, str]], shown: Sequence[tuple[str, str, str, bool]]
) -> View:
    """Return a table with one body per group and one row per alternative.

    Args:
        context: The run.
        part: Name of the grouped part, such as ``by_flow``.
        names: (key, title) of the groups.
        shown: (column text, distribution, mean or quantile, whether working time).
    """
    texts = context.texts
    every = {
        (a.key, key): (a.data.get(part) or {}).get(key) for a in context.alternatives for key, _ in names
    }
    units = {}
    for _, dist, _, working in shown:
        estimates = [(group or {}).get(dist) or {} for group in every.values()]
        units[dist] = context.unit_of(estimates, working=working)

    def line(each: Alternative, key: str) -> View | None:
        group = every[each.key, key]
        if not group:
            return None
        cells = [context.quantile(group.get(dist), which, units[dist]) for _, dist, which, _ in shown]
        return alternative_row(context, each, [context.numbers.plain(group.get("n")), *cells])

    bodies = [
        body([made for a in context.alternatives if (made := line(a, key))], title) for key, title in names
    ]
    columns = [column(texts("answer.alternative")), column(texts("groups.legs"))]
    columns += [
        column(texts(f"groups.{text}"), context.numbers.unit(units[dist])) for text, dist, _, _ in shown
    ]
    return table(texts("groups.flow" if part == "by_flow" else "groups.urgency"), columns, bodies)


def groups(context: Context) -> View:
    """Return turnaround by flow and by urgency."""
    texts = context.texts
    flows = flows_of(context)
    found = _parts(context, "by_urgency")
    order = sorted(found, key=lambda key: _URGENCIES.index(key) if key in _URGENCIES else len(_URGENCIES))
    urgencies = [(key, texts.name("urgency", key)) for key in order]
    times = [
        ("working_mean", "turnaround_working_s", "mean", True),
        ("working_p90", "turnaround_working_s", "p90", True),
        ("calendar_mean", "turnaround_s", "mean", False),
    ]
    more = [
        ("signed_registered", "signed_registered_s", "mean", False),
        ("last", "turnaround_last_s", "mean", False),
    ]
    means = [
        (part.get("turnaround_working_s") or {})
        for a in context.alternatives
        for part in a.data["by_flow"].values()
    ]
    svg = figures.dots(context, flows, context.unit_of(means, working=True))
    caption = texts("groups.figure", confidence=context.confidence)
    tables = [
        _group_table(context, "by_flow", flows, times + more),
        _group_table(context, "by_urgency", urgencies, times),
    ]
    both = _both(context, flows, order)
    fold = {"title": texts("groups.both"), "table": both, "open": False}
    return {
        "figures": [figure(svg, caption, alternatives_key(context))],
        "tables": tables,
        "folds": [fold] if both["bodies"] else [],
    }


def _both(context: Context, flows: Sequence[tuple[str, str]], urgencies: Sequence[str]) -> View:
    """Return mean calendar time by flow and urgency, one column per alternative."""
    cells: dict[tuple[str, str, str], Mapping[str, Any]] = {
        (flow, urgency, a.key): part
        for a in context.alternatives
        for flow, parts in (a.data.get("by_flow_urgency") or {}).items()
        for urgency, part in parts.items()
    }
    unit = context.unit_of([part.get("turnaround_s") or {} for part in cells.values()], working=False)
    bodies = []
    for flow, title in flows:
        rows = []
        for urgency in urgencies:
            parts = [cells.get((flow, urgency, a.key)) for a in context.alternatives]
            if any(parts):
                shown = [context.quantile((part or {}).get("turnaround_s"), "mean", unit) for part in parts]
                rows.append(row(context.texts.name("urgency", urgency), shown))
        bodies.append(body(rows, title))
    name = context.numbers.unit(unit)
    heads = [column(context.label(a), name) for a in context.alternatives]
    return table("", [column(context.texts("groups.urgency")), *heads], bodies, even=True)
