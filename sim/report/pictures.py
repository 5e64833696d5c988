"""Pictures of how an answer comes about: who holds documents up, one delivery's life, what would help.

Rule kept here: drawn from numbers of the summary only; every axis names its unit, every estimate has its interval,
and the category of a moment is told by lightness as in every other figure of the report.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt

from sim.report.context import Context
from sim.report.figures import WIDTH, Rows, bounds, named_axis, room, styles, values
from sim.report.marks import CATEGORIES, CATEGORY_FILLS, OUTLINE
from sim.report.numbers import Unit
from sim.report.svg import FONT, GRID, INK, MUTED, to_svg
from sim.units import DAY_S, HOUR_S

_FILLS = dict(zip(CATEGORIES, CATEGORY_FILLS, strict=True))
_LABELS = 290  # width beside the bars, in the pixels of the view box
_ROW, _BAR, _HEAD, _AXIS = 19, 12, 22, 24  # heights
_THIN = 1.6  # width of what is too short to be seen
_LABEL_LETTERS = 46
_CLOSED = "#eceff2"
_VALUE_WIDTH = 150
_KINDS = {"person": "#0067a5", "hour": "#0b7d5c", "hop": "#c4501b"}


Place = Callable[[float], float]
"""Where a moment stands, in the pixels of the view box."""


# --- who holds documents up ---------------------------------------------------------------------------------


def held_up(context: Context, desks: Sequence[tuple[str, str]], found: Mapping[str, Any], unit: Unit) -> str:
    """Return the figure of waiting for a person by desk and alternative.

    Args:
        context: The run.
        desks: (key, name) from top to bottom.
        found: By alternative and key: estimates of waiting for a person, seconds.
        unit: Unit of time.
    """
    rows: Rows = []
    for each in context.alternatives:
        for key, _ in desks:
            value = found.get(each.key, {}).get(key)
            if value is not None and value.get("estimate") is not None:
                middle, low, high = bounds(value, unit.size)
                rows.append({"desk": key, "key": each.key, "x": middle, "low": max(low, 0.0), "high": high})
    if not rows:
        return ""
    tint, _, shapes = styles(context)
    keys = [a.key for a in context.alternatives if a.key in found]
    y = alt.Y(
        "desk:N",
        title=None,
        sort=[key for key, _ in desks],
        axis=named_axis(dict(desks)),
        scale=alt.Scale(paddingInner=1 / (len(keys) + 1), paddingOuter=0.15),
    )
    offset = alt.YOffset("key:N", sort=keys, scale=alt.Scale(domain=keys))
    title = context.texts("held_up.x", unit=context.numbers.unit(unit))
    x = alt.X("x:Q", title=title, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=8))
    data = values(rows)
    bar = alt.Chart(data).mark_rule(strokeWidth=2).encode(alt.X("low:Q"), alt.X2("high:Q"), y, offset, tint)
    point = alt.Chart(data).mark_point(filled=True, size=58, opacity=1).encode(x, y, offset, tint, shapes)
    chart = alt.layer(bar, point).properties(
        width=room(name for _, name in desks),
        height=alt.Step(13 if len(keys) > 2 else 17, **{"for": "offset"}),
    )
    return to_svg(chart, ident="held-up", label=context.texts("held_up.title"), texts=context.texts)


# --- what would help ----------------------------------------------------------------------------------------


def help_(context: Context, names: Mapping[str, str], found: Mapping[str, Any], unit: Unit) -> str:
    """Return the figure of what was tried: change of the mean with its interval.

    Args:
        context: The run.
        names: Alternative -> title, from top to bottom.
        found: By alternative: ``kind``, and its comparison under ``effect``.
        unit: Unit of working time.
    """
    rows: Rows = []
    for key in names:
        effect = found[key]["effect"]
        if effect["difference"].get("estimate") is None:
            continue
        middle, low, high = bounds(effect["difference"], unit.size)
        shown = context.numbers.estimate(effect["difference"], unit, sign=True)
        rows.append({"key": key, "kind": found[key]["kind"], "x": middle, "low": low, "high": high,
                     "sure": effect.get("differs") is True, "text": shown})  # fmt: skip
    if not rows:
        return ""
    y = alt.Y("key:N", title=None, sort=list(names), axis=named_axis(names, 40))
    scale = alt.Scale(domain=list(_KINDS), range=list(_KINDS.values()))
    tint = alt.Color("kind:N", legend=None, scale=scale)
    inside = alt.condition("datum.sure", alt.Color("kind:N", legend=None, scale=scale), alt.value("#ffffff"))
    width = room(names.values(), 40) - _VALUE_WIDTH
    x = alt.X(
        "x:Q",
        title=context.texts("help.x", unit=context.numbers.unit(unit)),
        scale=alt.Scale(zero=True),
        axis=alt.Axis(tickCount=7),
    )
    data = values(rows)
    nought = alt.Chart(values([{"x": 0}])).mark_rule(color=MUTED).encode(alt.X("x:Q"))
    bar = alt.Chart(data).mark_bar(opacity=0.3, height={"band": 0.55}).encode(x, alt.X2(datum=0), y, tint)
    span = alt.Chart(data).mark_rule(strokeWidth=2).encode(alt.X("low:Q"), alt.X2("high:Q"), y, tint)
    point = alt.Chart(data).mark_point(filled=True, size=70, opacity=1, strokeWidth=2)
    point = point.encode(x, y, stroke=tint, fill=inside)
    text = alt.Chart(data).mark_text(align="left", dx=10)
    text = text.encode(alt.X(value=width), y, alt.Text("text:N"))
    chart = alt.layer(bar, nought, span, point, text).properties(width=width, height=alt.Step(34))
    return to_svg(chart, ident="help", label=context.texts("help.title"), texts=context.texts)


# --- one delivery's life ------------------------------------------------------------------------------------


def life(context: Context, place: int, title: str, told: Mapping[str, Any], frame: Mapping[str, Any]) -> str:
    """Return the time-line of one delivery in one alternative: a row per step, shaded where offices are closed.

    Args:
        context: The run.
        place: Number of the figure, for its name.
        title: What the figure shows.
        told: The alternative's part of ``life`` in the summary.
        frame: ``from``, ``until`` of the axis in seconds, and ``closed`` spans.
    """
    start_s, end_s = float(frame["from"]), float(frame["until"])
    scale = (WIDTH - _LABELS - 10) / max(end_s - start_s, 1.0)

    def x(time_s: float) -> float:
        return _LABELS + (min(max(time_s, start_s), end_s) - start_s) * scale

    lines: list[str] = []
    y = 4.0
    for part in ("sender", "leg"):
        steps = [step for step in told["steps"] if step["part"] == part]
        who = told["sender" if part == "sender" else "recipient"]
        lines.append(_text(6, y + 15, f"{context.texts(f'life.{part}')}: {who}", weight="bold"))
        y += _HEAD
        for step in steps:
            lines += _row(context, step, y, x)
            y += _ROW
    height = y + _AXIS
    ground = [
        f'<rect x="{x(a):.1f}" y="4" width="{x(b) - x(a):.1f}" height="{y - 4:.0f}" fill="{_CLOSED}"/>'
        for a, b in frame["closed"] if b > start_s and a < end_s
    ]  # fmt: skip
    marks = [
        f'<path d="M{x(moment):.1f} 4V{y:.0f}" stroke="{INK}" stroke-width="1" stroke-dasharray="3 3"/>'
        for moment in (told["created_s"], told["finished_s"])
    ]
    axis = list(_axis(context, start_s, end_s, y, x))
    body = "".join((*ground, *axis, *lines, *marks))
    return (
        f'<svg class="chart" role="img" aria-label="{html.escape(title)}" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'style="max-width:{WIDTH}px" font-family="{html.escape(FONT)}" data-figure="life-{place}">{body}</svg>'
    )


def _text(
    x: float, y: float, text: str, *, weight: str = "normal", anchor: str = "start", tint: str = INK
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{tint}">{html.escape(text)}</text>'
    )


def _row(context: Context, step: Mapping[str, Any], y: float, x: Place) -> Iterator[str]:
    """Give the label and the bars of one step; what is too short to be seen is drawn last and a little wider."""
    name = context.texts.title(step["title"], step["task"])
    if step["role"]:
        name = f"{name} · {context.texts.name('role', step['role'])}"
    shown = textwrap.shorten(name, _LABEL_LETTERS, placeholder=" …")
    yield _text(_LABELS - 8, y + 13, shown, anchor="end")
    top = y + (_ROW - _BAR) / 2
    yield f'<path d="M{_LABELS} {y + _ROW:.1f}H{WIDTH - 10}" stroke="{GRID}" stroke-width=".5"/>'
    for a, b, category in sorted(step["spans"], key=lambda span: -(span[1] - span[0])):
        width = max(x(b) - x(a), _THIN)
        yield (
            f'<rect x="{x(a):.1f}" y="{top:.1f}" width="{width:.1f}" height="{_BAR}" fill="{_FILLS[category]}" '
            f'stroke="{OUTLINE}" stroke-width=".4"/>'
        )


def _axis(context: Context, start_s: float, end_s: float, y: float, x: Place) -> Iterator[str]:
    """Give the days below the rows: a tick at midnight, or at noon too where there is room."""
    first = date.fromisoformat(str(context.design["start"]))
    days = max(1, round((end_s - start_s) / DAY_S))
    every = max(1, -(-days // 9))
    for day in range(int(start_s // DAY_S), int(end_s // DAY_S) + 1):
        at = day * DAY_S
        if at < start_s:
            continue
        yield f'<path d="M{x(at):.1f} 4V{y + 4:.0f}" stroke="#9aa4b0" stroke-width=".7"/>'
        if (day - int(start_s // DAY_S)) % every == 0 and WIDTH - x(at) > 30:
            moment = first + timedelta(days=day)
            shown = f"{moment.day:02d}/{moment.month:02d}" if context.texts.language == "vi" else (
                f"{moment.day} {context.texts('months').split()[moment.month - 1]}"
            )  # fmt: skip
            yield _text(x(at), y + 18, shown, anchor="middle", tint=MUTED)
    if end_s - start_s < 1.5 * DAY_S:
        for hour in range(int(start_s // HOUR_S) + 1, int(end_s // HOUR_S) + 1):
            if hour % 24 and hour % 3 == 0:
                yield _text(x(hour * HOUR_S), y + 18, f"{hour % 24}:00", anchor="middle", tint=MUTED)
