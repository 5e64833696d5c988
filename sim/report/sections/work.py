"""Where the time goes, what is in time, and how busy desks are.

Rule kept here: shares are of everything that was measured, open deliveries included; a load is told with
the time it is a share of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.report import bars
from sim.report.context import Alternative, Context
from sim.report.marks import CATEGORIES, CATEGORY_FILLS, chip
from sim.report.numbers import NONE, SHARE, Unit
from sim.report.sections.times import flows_of
from sim.report.tables import View, alternative_row, body, column, figure, row, table

_FILLS = dict(zip(CATEGORIES, CATEGORY_FILLS, strict=True))
LIFE = (
    "sender", "drafting", "approval", "signing", "issuing", "travel", "receiving", "recipient", "assigning",
    "relaying", "handling", "reply",
)  # fmt: skip
_ROUNDING_S = 1e-3  # a stage shorter than this in every alternative is what rounding left of its sums
_PARTS = (*CATEGORIES, "total_s")


def where(context: Context) -> View:
    """Return the time by stage and category."""
    texts, numbers = context.texts, context.numbers
    totals = {a.key: a.data.get("where_time_goes") or {} for a in context.alternatives}
    unit = context.unit_of([each.get("total_s") or {} for each in totals.values()], working=False)
    stages = _stages(context)
    total = bars.by_alternative(
        context,
        totals,
        _FILLS,
        unit,
        ident="where",
        title=texts("where.x", unit=numbers.unit(unit)),
        label=texts("where.total"),
    )
    stage_means = [
        part.get("total_s") or {}
        for a in context.alternatives
        for part in (a.data.get("stages") or {}).values()
    ]
    # Stages are short beside the whole: the unit follows the typical one, alike in figure and tables.
    lengths = sorted(part["estimate"] for part in stage_means if part.get("estimate") is not None)
    stage_unit = context.unit_of(lengths[len(lengths) // 2 :][:1], working=False)
    key = [{"mark": chip(fill), "text": texts.name("category", part)} for part, fill in _FILLS.items()]
    rows = [
        alternative_row(context, a, _where_cells(context, totals[a.key], unit)) for a in context.alternatives
    ]
    heads = _where_heads(context, texts("answer.alternative"), unit)
    tables = [table(texts("where.totals"), heads, [body(rows)])]
    for each in context.alternatives:
        found = each.data.get("stages") or {}
        lines = [
            row(name, _where_cells(context, found[stage], stage_unit))
            for stage, name in stages
            if stage in found
        ]
        lines.append(row(texts("where.all"), _where_cells(context, totals[each.key], stage_unit)))
        caption = texts("where.table", name=context.label(each))
        heads = _where_heads(context, texts("where.stage"), stage_unit)
        tables.append(table(caption, heads, [body(lines)]))
    return {
        "figures": [
            figure(total, texts("where.total"), key),
            figure(bars.by_stage(context, stages, _FILLS, stage_unit), texts("where.stages"), key),
        ],
        "tables": tables,
    }


def _stages(context: Context) -> list[tuple[str, str]]:
    """Return (stage, name) in the order of a document's life.

    The summary may say the order in ``design.stages``; else stages known by name come in the order of
    :data:`LIFE`, others before ``other`` as they are found.
    """
    found = list(
        dict.fromkeys(
            stage
            for each in context.alternatives
            for stage, parts in (each.data.get("stages") or {}).items()
            if abs((parts.get("total_s") or {}).get("estimate") or 0.0) > _ROUNDING_S
        )
    )
    life = [*(context.design.get("stages") or LIFE)]
    places = {stage: place for place, stage in enumerate(life)} | {"other": len(life) + 1}
    found.sort(key=lambda stage: places.get(stage, len(life)))
    return [(stage, context.texts.name("stage", stage)) for stage in found]


def _where_heads(context: Context, first: str, unit: Unit) -> list[View]:
    texts, name = context.texts, context.numbers.unit(unit)
    parts = [column(texts.name("category", part), name) for part in CATEGORIES]
    return [column(first), *parts, column(texts("where.total_column"), name)]


def _where_cells(context: Context, parts: Mapping[str, Any], unit: Unit) -> list[str]:
    return [context.numbers.estimate(parts.get(part), unit) for part in _PARTS]


def deadlines(context: Context) -> View:
    """Return the shares finished in time."""
    texts, numbers = context.texts, context.numbers
    days = sorted(
        {d for a in context.alternatives for d in a.data.get("within_working_days") or {}}, key=float
    )
    heads = [
        column(texts("answer.within_one") if day == "1" else texts("answer.within", n=day), "%")
        for day in days
    ]
    rows = [
        alternative_row(
            context,
            a,
            [
                *(numbers.estimate(a.data["within_working_days"].get(day), SHARE) for day in days),
                numbers.estimate(a.data.get("inside_deadline"), SHARE),
            ],
        )
        for a in context.alternatives
    ]
    columns = [column(texts("answer.alternative")), *heads, column(texts("deadlines.inside"), "%")]
    tables = [table(texts("deadlines.within"), columns, [body(rows)])]
    lines = []
    for flow, title in flows_of(context):
        parts = [(a.data.get("by_flow") or {}).get(flow) or {} for a in context.alternatives]
        allowed = next((p["deadline_s"] for p in parts if p.get("deadline_s") is not None), None)
        shares = [
            numbers.estimate(p.get("inside_deadline"), SHARE) if p.get("deadline_s") is not None else NONE
            for p in parts
        ]
        lines.append(row(title, [_deadline(context, allowed), *shares]))
    columns = [
        column(texts("groups.flow")),
        column(texts("deadlines.deadline"), short=True),
        *(column(context.label(a), "%") for a in context.alternatives),
    ]
    tables.append(table(texts("deadlines.flow"), columns, [body(lines)], even=True))
    return {"figures": [], "tables": tables}


def _deadline(context: Context, seconds: float | None) -> str:
    """Return a deadline in working days, or ``none``."""
    if seconds is None:
        return context.texts("deadlines.none")
    days = seconds / context.numbers.day_s
    if days < 1:
        return context.numbers.duration(seconds, working=True)
    shown = context.numbers.plain(days, 0 if abs(days - round(days)) < 1e-9 else 1)
    return context.texts.count("deadlines.days", round(days) if days == round(days) else 2, shown)


def _desk(context: Context, desk: Mapping[str, Any]) -> str:
    """Return the name of a desk: agency, role and people."""
    people = context.texts.count("desks.people_short", desk["people"], context.numbers.plain(desk["people"]))
    return (
        f"{desk.get('agency_name') or desk['agency']}\n{context.texts.name('role', desk['role'])} · {people}"
    )


def desks(context: Context) -> View:
    """Return utilisation by level and role, bottlenecks and the busiest desks."""
    texts = context.texts
    lines = []
    for each in context.alternatives:
        neck = each.data.get("bottleneck")
        if neck:
            text = texts.title(neck.get("text"), neck.get("agency_name", ""))
            lines.append(texts("desks.bottleneck", name=each.title, text=text))
        else:
            lines.append(texts("desks.no_bottleneck", name=each.title))
    with_desks = [a for a in context.alternatives if _busiest(a)]
    ends = [
        (desk["offered_load"].get("estimate") or 0.0) + (desk["offered_load"].get("half_width") or 0.0)
        for a in with_desks
        for desk in _busiest(a)
    ]
    longest = max(105.0, 102 * max(ends, default=1.0))
    shown_figures = [
        figure(
            bars.desks(context, a, [_desk(context, desk) for desk in _busiest(a)], longest),
            texts("desks.figure", name=context.label(a), confidence=context.confidence),
        )
        for a in with_desks
    ]
    folds = [
        {
            "title": texts("desks.busiest", name=context.label(a)),
            "table": _busiest_table(context, a),
            "open": False,
        }
        for a in with_desks
    ]
    return {"items": lines, "figures": shown_figures, "tables": [_by_role(context)], "folds": folds}


def _busiest(alternative: Alternative) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = (alternative.data.get("utilisation") or {}).get("busiest") or []
    return found


def _by_role(context: Context) -> View:
    """Return utilisation by level and role, three columns per alternative."""
    texts, numbers = context.texts, context.numbers
    found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for each in context.alternatives:
        for line in (each.data.get("utilisation") or {}).get("by_role") or []:
            found.setdefault((line["level"], line["role"]), {})[each.key] = line
    bodies: dict[str, list[View]] = {}
    for (level, role), lines in found.items():
        people = sorted({line["people"] for line in lines.values()})
        cells = [" / ".join(numbers.plain(count) for count in people)]
        for each in context.alternatives:
            desk: Mapping[str, Any] = lines.get(each.key) or {}
            highest = desk.get("highest")
            cells += [
                numbers.estimate(desk.get("utilisation"), SHARE),
                numbers.estimate(desk.get("offered_load"), SHARE),
                NONE if highest is None else numbers.plain(100 * highest, 0),
            ]
        bodies.setdefault(texts.name("level", level), []).append(row(texts.name("role", role), cells))
    columns = [column(texts("desks.level_role")), column(texts("desks.people"))]
    for _ in context.alternatives:
        columns += [column(texts(f"desks.{key}"), "%") for key in ("used", "offered", "highest")]
    spans = [("", 1), *((context.label(a), 3) for a in context.alternatives)]
    groups = [body(rows, level) for level, rows in bodies.items()]
    notes = [texts("desks.highest_note")]
    return table(texts("desks.table"), columns, groups, spans=spans, notes=notes, wide=True)


def _busiest_table(context: Context, alternative: Alternative) -> View:
    """Return the busiest desks of an alternative as numbers."""
    texts, numbers = context.texts, context.numbers
    rows = [
        row(
            str(desk.get("agency_name") or desk["agency"]),
            [
                texts.name("role", desk["role"]),
                numbers.plain(desk["people"]),
                numbers.estimate(desk["utilisation"], SHARE),
                numbers.estimate(desk["offered_load"], SHARE),
                numbers.plain(desk.get("waiting_end"), 1),
            ],
        )
        for desk in _busiest(alternative)
    ]
    columns = [
        column(texts("desks.agency")),
        column(texts("desks.role"), left=True),
        column(texts("desks.people")),
        column(texts("desks.used"), "%"),
        column(texts("desks.offered"), "%"),
        column(texts("desks.waiting")),
    ]
    return table("", columns, [body(rows)])
