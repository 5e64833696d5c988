"""Bar figures: stacked times and loads of desks.

Rule kept here: the parts of a bar stand in the order of the key, dark to light and outlined, so that they
can be told apart without colour; a bar's length is a sum of numbers of the summary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from sim.report.context import Alternative, Context
from sim.report.figures import WIDTH, Rows, bounds, named_axis, room, step_for, values, wrap
from sim.report.marks import OUTLINE, letters_on
from sim.report.numbers import SHARE, Unit, decimals_for
from sim.report.svg import INK, to_svg

_LABEL_SHARE_MIN = 0.055  # a part narrower than this share of the axis has no room for its number
_PANELS_PER_ROW = 3
_VALUE_WIDTH = 110  # room for a number and its interval to the right of a bar chart


def _stack(
    context: Context, key: str, parts: Mapping[str, Any], order: Sequence[str], unit: Unit
) -> tuple[Rows, float]:
    """Return the pieces of one bar and its length; parts without a value are passed over."""
    rows: Rows = []
    at = 0.0
    for part in order:
        seconds = (parts.get(part) or {}).get("estimate")
        if not seconds:
            continue
        width = seconds / unit.size
        shown = context.numbers.plain(width, _decimals(width))
        rows.append(
            {"key": key, "part": part, "from": at, "to": at + width, "at": at + width / 2, "text": shown}
        )
        at += width
    return rows, at


def _decimals(value: float) -> int:
    """Return decimals for a number inside a drawing: two significant digits, at most two decimals."""
    return min(2, max(0, decimals_for(value, None) - 1))


def _panel(
    rows: Rows,
    totals: Rows,
    names: Mapping[str, str],
    fills: Mapping[str, str],
    *,
    title: str | list[str],
    length: float,
    width: int,
    label_width: int = 32,
    show_names: bool = True,
    step: int = 26,
) -> Any:
    """Return stacked horizontal bars, one per name, each ending in its total."""
    axis = named_axis(names, label_width, shown=show_names)
    y = alt.Y("key:N", title=None, sort=list(names), scale=alt.Scale(domain=list(names)), axis=axis)
    span = alt.Scale(domain=[0, length], nice=False)
    x = alt.X("from:Q", title=title, scale=span, axis=alt.Axis(tickCount=max(3, width // 90)))
    tint = alt.Color("part:N", legend=None, scale=alt.Scale(domain=list(fills), range=list(fills.values())))
    bar = alt.Chart(values(rows)).mark_bar(stroke=OUTLINE, strokeWidth=0.6, height={"band": 0.74})
    total = alt.Chart(values(totals)).mark_text(align="left", dx=5, color=INK)
    layers = [bar.encode(x, alt.X2("to:Q"), y, tint), total.encode(alt.X("to:Q"), y, alt.Text("text:N"))]
    for letters in ("#ffffff", "#1c2430"):
        inside = [
            row
            for row in rows
            if row["to"] - row["from"] >= _LABEL_SHARE_MIN * length * WIDTH / width
            and letters_on(fills[row["part"]]) == letters
        ]
        text = alt.Chart(values(inside)).mark_text(color=letters, fontSize=11)
        layers.append(text.encode(alt.X("at:Q"), y, alt.Text("text:N")))
    return alt.layer(*layers).properties(
        width=width, height=alt.Step(step_for(names.values(), label_width, step))
    )


def by_alternative(
    context: Context,
    parts: Mapping[str, Mapping[str, Any]],
    fills: Mapping[str, str],
    unit: Unit,
    *,
    ident: str,
    title: str,
    label: str,
) -> str:
    """Return one stacked bar per alternative.

    Args:
        context: The run.
        parts: By alternative, then by part: estimates in seconds.
        fills: Colour of each part, in the order of stacking.
        unit: Unit of calendar time.
        ident: Name of the figure.
        title: Title of the axis, with its unit.
        label: What the figure shows.
    """
    rows: Rows = []
    totals: Rows = []
    for each in context.alternatives:
        pieces, length = _stack(context, each.key, parts.get(each.key, {}), list(fills), unit)
        rows += pieces
        totals.append(
            {"key": each.key, "to": length, "text": context.numbers.plain(length, _decimals(length))}
        )
    if not rows:
        return ""
    longest = max(row["to"] for row in totals)
    names = {a.key: context.label(a) for a in context.alternatives}
    chart = _panel(
        rows, totals, names, fills, title=title, length=longest * 1.08, width=room(names.values()), step=44
    )
    return to_svg(chart, ident=ident, label=label, texts=context.texts)


def by_stage(
    context: Context, stages: Sequence[tuple[str, str]], fills: Mapping[str, str], unit: Unit
) -> str:
    """Return stacked bars stage by stage, one panel per alternative over the same axis.

    Args:
        context: The run.
        stages: (stage, name) from top to bottom.
        fills: Colour of each category, in the order of stacking.
        unit: Unit of calendar time.
    """
    drawn: list[tuple[Alternative, Rows, Rows]] = []
    for each in context.alternatives:
        rows: Rows = []
        totals: Rows = []
        for stage, _ in stages:
            parts = (each.data.get("stages") or {}).get(stage) or {}
            pieces, length = _stack(context, stage, parts, list(fills), unit)
            rows += pieces
            if pieces:
                shown = context.numbers.plain(length, _decimals(length))
                totals.append({"key": stage, "to": length, "text": shown})
        if rows:
            drawn.append((each, rows, totals))
    if not drawn:
        return ""
    longest = max(row["to"] for _, _, totals in drawn for row in totals)
    across = min(len(drawn), _PANELS_PER_ROW)
    width = (room((name for _, name in stages), 26) - 20 * (across - 1)) // across
    title = context.texts("where.x", unit=context.numbers.unit(unit))
    panels = []
    for place, (each, rows, totals) in enumerate(drawn):
        panel = _panel(
            rows,
            totals,
            dict(stages),
            fills,
            title=wrap(title, max(18, width // 7)),
            length=longest * (1 + 45 / width),
            width=width,
            label_width=26,
            show_names=place % across == 0,
            step=24,
        )
        heading = alt.Title(wrap(context.label(each), width // 8), anchor="start", fontSize=13, color=INK)
        panels.append(panel.properties(title=heading))
    lines = [alt.hconcat(*panels[at : at + across], spacing=20) for at in range(0, len(panels), across)]
    return to_svg(
        alt.vconcat(*lines, spacing=24),
        ident="stages",
        label=context.texts("where.stages"),
        texts=context.texts,
    )


def desks(context: Context, alternative: Alternative, names: Sequence[str], longest: float) -> str:
    """Return the busiest desks of one alternative: offered load with its interval, and the share used.

    Args:
        context: The run.
        alternative: Whose desks.
        names: Name of each desk, in the order of the summary.
        longest: End of the axis, in percent.
    """
    rows: Rows = []
    for place, desk in enumerate(alternative.data["utilisation"]["busiest"]):
        if desk["offered_load"].get("estimate") is None:
            continue
        middle, low, high = bounds(desk["offered_load"], SHARE.size)
        used = desk["utilisation"].get("estimate")
        text = context.numbers.percent(desk["offered_load"])
        rows.append(
            {
                "key": str(place),
                "x": middle,
                "low": max(0.0, low),  # a load is never below nought, however wide its interval
                "high": high,
                "used": None if used is None else used / SHARE.size,
                "text": text,
            }
        )
    if not rows:
        return ""
    shown = {str(place): name for place, name in enumerate(names)}
    axis = named_axis(shown, 40)
    y = alt.Y("key:N", title=None, sort=list(shown), axis=axis)
    span = alt.Scale(domain=[0, longest], nice=False)
    x = alt.X("x:Q", title=context.texts("desks.x"), scale=span, axis=alt.Axis(tickCount=6))
    data = values(rows)
    full = alt.Chart(values([{"x": 100}])).mark_rule(color="#b3261e", strokeDash=[5, 3]).encode(alt.X("x:Q"))
    bar = alt.Chart(data).mark_bar(color="#a9c4d6", height={"band": 0.7}).encode(x, y)
    used = alt.Chart(data).mark_tick(color="#0d2a4a", thickness=3, height={"band": 0.7})
    interval = (
        alt.Chart(data).mark_rule(color=INK, strokeWidth=1.5).encode(alt.X("low:Q"), alt.X2("high:Q"), y)
    )
    width = room(names, 40) - _VALUE_WIDTH
    text = alt.Chart(data).mark_text(align="left", dx=10)
    text = text.encode(alt.X(value=width), y, alt.Text("text:N"))
    chart = alt.layer(bar, used.encode(alt.X("used:Q"), y), full, interval, text)
    return to_svg(
        chart.properties(width=width, height=alt.Step(step_for(names, 40, 28))),
        ident=f"desks-{alternative.index}",
        label=context.texts("desks.figure", name=alternative.title, confidence=context.confidence),
        texts=context.texts,
    )
