"""Line and dot figures: shares over time, means with intervals.

Rule kept here: a figure is drawn from numbers of the summary only; every axis names its unit, and every
line has its interval, a dash and a marker. Keys stand in the page, not in the drawing.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

from sim.report.context import Context
from sim.report.marks import colour, dash, shape
from sim.report.numbers import Unit
from sim.report.svg import to_svg

WIDTH = 900  # of a whole figure, in the pixels of its view box; the page has room for a few more
_LETTER = 6.7  # mean width of a letter of axis labels, in the same pixels
LINE = 14  # from one line of a label to the next
AXIS_WIDTH = 60  # labels and title beside a vertical axis of numbers
Rows = list[dict[str, Any]]


def wrap(text: str, width: int = 32) -> list[str]:
    """Return the text in lines of at most ``width`` letters, as charts need it; a newline is kept."""
    parts = [textwrap.wrap(part, width, max_lines=3, placeholder=" …") for part in text.split("\n")]
    return [line for part in parts for line in part] or [""]


def labels(names: Mapping[str, str], width: int = 32) -> str:
    """Return the expression that shows, for each key on an axis, its name in wrapped lines."""
    return json.dumps({key: wrap(name, width) for key, name in names.items()}) + "[datum.value]"


def offsets(names: Mapping[str, str], width: int = 32) -> dict[str, Any]:
    """Return the upward shift, by key, that centres labels of several lines on their tick."""
    lines = {key: len(wrap(name, width)) for key, name in names.items()}
    tests = [
        {"test": f"{json.dumps(lines)}[datum.value] === {count}", "value": -LINE / 2 * (count - 1)}
        for count in sorted(set(lines.values()) - {1})
    ]
    return {"condition": tests, "value": 0}


def named_axis(names: Mapping[str, str], width: int = 32, *, shown: bool = True) -> Any:
    """Return a vertical axis that shows names instead of keys, in wrapped lines, without line or ticks."""
    return alt.Axis(
        labels=shown,
        labelExpr=labels(names, width),
        labelOffset=offsets(names, width),
        labelLimit=340,
        labelLineHeight=LINE,
        ticks=False,
        domain=False,
    )


def room(names: Iterable[str], width: int = 32) -> int:
    """Return the width left for the plot beside axis labels that are wrapped at ``width`` letters."""
    longest = max((len(line) for name in names for line in wrap(name, width)), default=0)
    return round(WIDTH - 14 - _LETTER * longest)


def step_for(names: Iterable[str], width: int, least: int) -> int:
    """Return the height of a row that has room for the tallest of the wrapped labels, at least ``least``."""
    return max([least, *(LINE * len(wrap(name, width)) + 6 for name in names)])


def values(rows: Rows) -> Any:
    """Return rows as the data of a chart."""
    return alt.InlineData(values=rows)


def bounds(value: Mapping[str, Any], size: float) -> tuple[float, float, float]:
    """Return (estimate, low, high) in a unit of ``size``; without interval all three are the estimate."""
    estimate = value["estimate"] / size
    half = (value.get("half_width") or 0.0) / size
    return estimate, estimate - half, estimate + half


def styles(context: Context) -> tuple[Any, Any, Any]:
    """Return colour, dash and marker encodings that look the same in every figure."""
    keys = [a.key for a in context.alternatives]
    places = [a.index for a in context.alternatives]
    return (
        alt.Color("key:N", legend=None, scale=alt.Scale(domain=keys, range=[colour(i) for i in places])),
        alt.StrokeDash("key:N", legend=None, scale=alt.Scale(domain=keys, range=[dash(i) for i in places])),
        alt.Shape("key:N", legend=None, scale=alt.Scale(domain=keys, range=[shape(i) for i in places])),
    )


def curves(context: Context, rows: Rows, markers: Rows, x: Any, y: Any) -> Any:
    """Return bands, lines and markers of all alternatives over the same axes."""
    tint, dashes, shapes = styles(context)
    band = alt.Chart(values(rows)).mark_area(opacity=0.14).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), tint)
    line = alt.Chart(values(rows)).mark_line(strokeWidth=2, strokeCap="butt").encode(x, y, tint, dashes)
    point = alt.Chart(values(markers)).mark_point(filled=True, size=46, opacity=1)
    return alt.layer(band, line, point.encode(x, y, tint, shapes)).properties(
        width=WIDTH - AXIS_WIDTH, height=300
    )


def distribution(context: Context) -> str:
    """Return the figure of the share finished against working days."""
    rows: Rows = []
    for each in context.alternatives:
        curve = each.data.get("distribution") or {}
        for days, share in zip(curve.get("working_days", []), curve.get("share_finished", []), strict=True):
            if share.get("estimate") is None:
                continue
            middle, low, high = bounds(share, 0.01)
            low, high = max(low, 0.0), min(high, 100.0)
            rows.append({"key": each.key, "x": days, "y": middle, "low": low, "high": high})
    if not rows:
        return ""
    last = max(row["x"] for row in rows)
    places = {a.key: a.index for a in context.alternatives}
    # A marker at every tenth of the width, a little later for each alternative so that none hides another.
    markers = [row for key, at in places.items() for row in every(rows, key, step=8, start=2 * (at % 4))]
    x = alt.X("x:Q", title=context.texts("turnaround.x"), scale=alt.Scale(domain=[0, last], nice=False))
    y = alt.Y(
        "y:Q",
        title=context.texts("turnaround.y"),
        scale=alt.Scale(domain=[0, 100]),
        axis=alt.Axis(tickCount=5),
    )
    chart = curves(context, rows, markers, x, y)
    return to_svg(
        chart, ident="distribution", label=_plain(context, "turnaround.figure"), texts=context.texts
    )


def every(rows: Rows, key: str, *, step: int, start: int) -> Rows:
    """Return every ``step``-th row of one alternative."""
    return [row for row in rows if row["key"] == key][start::step]


def _plain(context: Context, key: str) -> str:
    """Return a caption that has the confidence as its only field."""
    return context.texts(key, confidence=context.confidence)


def dots(context: Context, groups: Sequence[tuple[str, str]], unit: Unit) -> str:
    """Return the figure of mean turnaround by flow and alternative.

    Args:
        context: The run.
        groups: (flow, title) from top to bottom.
        unit: Unit of working time.
    """
    means = {
        (flow, a.key): ((a.data.get("by_flow") or {}).get(flow) or {}).get("turnaround_working_s") or {}
        for flow, _ in groups
        for a in context.alternatives
    }
    found = {key: dist.get("mean") or {} for key, dist in means.items()}
    title = context.texts("groups.x", unit=context.numbers.unit(unit))
    return _dots(
        context, groups, found, unit, ident="flows", title=title, label=_plain(context, "groups.figure")
    )


def reach(
    context: Context,
    groups: Sequence[tuple[str, str]],
    means: Mapping[tuple[str, str], Mapping[str, Any]],
    unit: Unit,
) -> str:
    """Return the figure of mean times until the last recipient has registered.

    Args:
        context: The run.
        groups: (key, title) of flows and levels from top to bottom.
        means: Estimate by that key and the alternative's.
        unit: Unit of calendar time.
    """
    title = context.texts("reach.x", unit=context.numbers.unit(unit))
    return _dots(
        context, groups, means, unit, ident="reach", title=title, label=_plain(context, "reach.figure")
    )


def _dots(
    context: Context,
    groups: Sequence[tuple[str, str]],
    means: Mapping[tuple[str, str], Mapping[str, Any]],
    unit: Unit,
    *,
    ident: str,
    title: str,
    label: str,
) -> str:
    """Return estimates as dots with their intervals, one row per group and alternative."""
    rows: Rows = []
    for group, _ in groups:
        for each in context.alternatives:
            mean = means.get((group, each.key)) or {}
            if mean.get("estimate") is not None:
                middle, low, high = bounds(mean, unit.size)
                rows.append({"flow": group, "key": each.key, "x": middle, "low": max(low, 0.0), "high": high})
    if not rows:
        return ""
    tint, _, shapes = styles(context)
    keys = [a.key for a in context.alternatives]
    axis = named_axis(dict(groups))
    y = alt.Y(
        "flow:N",
        title=None,
        sort=[flow for flow, _ in groups],
        axis=axis,
        scale=alt.Scale(paddingInner=1 / (len(keys) + 1), paddingOuter=0.15),
    )
    offset = alt.YOffset("key:N", sort=keys, scale=alt.Scale(domain=keys))
    x = alt.X("x:Q", title=title, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=8))
    data = values(rows)
    interval = (
        alt.Chart(data).mark_rule(strokeWidth=2).encode(alt.X("low:Q"), alt.X2("high:Q"), y, offset, tint)
    )
    point = alt.Chart(data).mark_point(filled=True, size=64, opacity=1).encode(x, y, offset, tint, shapes)
    chart = alt.layer(interval, point).properties(
        width=room(name for _, name in groups), height=alt.Step(17, **{"for": "offset"})
    )
    return to_svg(chart, ident=ident, label=label, texts=context.texts)
