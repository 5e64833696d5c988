"""The figure of open work over time, with what Welch's graph and MSER-5 say about the warm-up.

Rule kept here: the measured period and the warm-up are told by lines, grounds and words, not by colour alone.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import altair as alt

from sim.report.context import Context
from sim.report.figures import AXIS_WIDTH, LINE, WIDTH, Rows, curves, every, styles, values
from sim.report.svg import INK, MUTED, to_svg

_HEIGHT = 300
_TICKS_MAX = 12


def open_work(context: Context) -> str:
    """Return the figure of open deliveries by calendar day, with the measured period marked."""
    rows: Rows = []
    for each in context.alternatives:
        series = each.data.get("open_over_time") or {}
        mean = series.get("mean", [])
        low, high = series.get("low") or mean, series.get("high") or mean
        for day, middle, bottom, top in zip(series.get("date", []), mean, low, high, strict=True):
            if middle is not None:
                least = middle if bottom is None else max(bottom, 0.0)
                most = middle if top is None else top
                rows.append({"key": each.key, "x": day, "y": middle, "low": least, "high": most})
    if not rows:
        return ""
    step = max(1, len({row["x"] for row in rows}) // 10)
    markers = [r for a in context.alternatives for r in every(rows, a.key, step=step, start=a.index % step)]
    style = "%d/%m" if context.texts.language == "vi" else "%-d %b"
    x = alt.X(
        "x:T",
        title=context.texts("open.x"),
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(format=style, values=_ticks(rows), grid=False, labelOverlap=True),
    )
    y = alt.Y("y:Q", title=context.texts("open.y"), scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6))
    design = context.design
    until = date.fromisoformat(str(design["measured_to"])) + timedelta(days=1)
    last = max(row["x"] for row in rows)
    span = {"from": design["measured_from"], "to": min(until.isoformat(), last)}
    ground = (
        alt.Chart(values([span])).mark_rect(color=INK, opacity=0.07).encode(alt.X("from:T"), alt.X2("to:T"))
    )
    name = alt.Chart(values([{**span, "text": context.texts("open.measured")}]))
    name = name.mark_text(align="left", baseline="top", dx=6, dy=6, color=MUTED)
    name = name.encode(alt.X("from:T"), alt.Y(value=0), alt.Text("text:N"))
    chart = alt.layer(ground, *_warm_up(context), name, curves(context, rows, markers, x, y))
    return to_svg(
        chart.properties(width=WIDTH - AXIS_WIDTH, height=_HEIGHT),
        ident="open-work",
        label=context.texts("open.figure", confidence=context.confidence, welch=""),
        texts=context.texts,
    )


def has_welch(context: Context) -> bool:
    """Tell whether the figure of open work shows the warm-up: only a steady run has one."""
    steady = context.design.get("kind") != "terminating"
    return steady and any((a.data.get("warm_up") or {}).get("welch") for a in context.alternatives)


def _warm_up(context: Context) -> list[Any]:
    """Return Welch's lines, the end of the warm-up, and the ends that MSER-5 advises, by its weeks."""
    if not has_welch(context):
        return []
    rows: Rows = []
    advised: set[int] = set()
    for each in context.alternatives:
        found = each.data.get("warm_up") or {}
        graph = found.get("welch") or {}
        for day, value in zip(graph.get("date", []), graph.get("smoothed", []), strict=True):
            if value is not None:
                rows.append({"key": each.key, "x": day, "y": value})
        if found.get("mser5_weeks") is not None:
            advised.add(found["mser5_weeks"])
    tint, _, _ = styles(context)
    x = alt.X("x:T")
    line = alt.Chart(values(rows)).mark_line(strokeWidth=7, opacity=0.3, strokeCap="round")
    end = alt.Chart(values([{"x": context.design["measured_from"]}])).mark_rule(color=INK, strokeWidth=1.5)
    return [line.encode(x, alt.Y("y:Q"), tint), end.encode(x), *_advice(context, sorted(advised))]


def _advice(context: Context, advised: list[int]) -> list[Any]:
    """Return a dashed line with its name at the end of so many weeks from the start, for each number of them."""
    start = date.fromisoformat(str(context.design["start"]))
    layers = []
    for place, weeks in enumerate(advised):
        text = context.texts.count("open.mser5", weeks, context.numbers.plain(weeks))
        data = alt.Chart(values([{"x": (start + timedelta(weeks=weeks)).isoformat(), "text": text}]))
        rule = data.mark_rule(color=INK, strokeWidth=1.5, strokeDash=[4, 4])
        name = data.mark_text(align="left", baseline="bottom", dx=4, color=MUTED)
        height = alt.Y(value=_HEIGHT - 4 - LINE * place)
        layers += [rule.encode(alt.X("x:T")), name.encode(alt.X("x:T"), height, alt.Text("text:N"))]
    return layers


def _ticks(rows: Rows) -> list[int]:
    """Return about a dozen days for the axis, in milliseconds of UTC; whole weeks where there are many."""
    days = sorted({row["x"] for row in rows})
    step = math.ceil(len(days) / _TICKS_MAX)
    step = step if step == 1 or len(days) < 21 else 7 * math.ceil(step / 7)
    return [int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000) for day in days[::step]]
