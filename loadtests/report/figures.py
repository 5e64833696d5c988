"""Figures that are not over time: response against rate, percentile spectrum, steps, capacity, comparison.

Rule kept here: every estimate has its interval, every outcome a marker shape of its own, and a percentile that lies
among the misses stands in the band "no answer".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from loadtests.report.context import Context, finite, reach
from loadtests.report.plot import (
    LEFT,
    RED,
    RIGHT,
    WIDTH,
    Plot,
    Scale,
    halo,
    log_span,
    marker,
    path,
    rect,
    svg,
    text,
)
from loadtests.report.timeline import BAND, no_answer
from sim.report.marks import colour, dash
from sim.report.svg import GRID, INK, MUTED

OUTCOMES: Mapping[str, tuple[str, str]] = {
    "PASS": ("circle", "#0b7d5c"),
    "FAIL": ("cross", RED),
    "INCONCLUSIVE": ("diamond", "#b36b00"),
    "INVALID": ("square", "#5b6573"),
}
"""Shape and colour of each outcome; an invalid one is hollow, too."""
NOISE_FILL = "#e3e7ec"
_DEPTH = 5  # the spectrum ends at 99.999 %
_SPECTRUM_TICKS = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)
_ROW = 30


def outcome_mark(x: float, y: float, outcome: str) -> str:
    """Return the marker of an outcome at a place in pixels."""
    shape, tint = OUTCOMES.get(outcome, OUTCOMES["INVALID"])
    return marker(x, y, shape, tint, hollow=outcome not in OUTCOMES or outcome == "INVALID")


def outcome_icon(outcome: str) -> str:
    """Return the marker of an outcome as a small drawing for keys and tables."""
    return f'<svg class="chip" viewBox="0 0 18 12" aria-hidden="true">{outcome_mark(9, 6, outcome)}</svg>'


# --- response against rate ----------------------------------------------------------------------------------


def rate_curve(
    context: Context, rows: Sequence[Mapping[str, Any]], bounds: Sequence[tuple[str, float]]
) -> str:
    """Return response against offered rate.

    Args:
        context: The run.
        rows: ``rate``, ``p99_s``, and where known ``low_s``, ``high_s``, ``outcome``, ``name``, ``misses``.
        bounds: (words, bound in seconds) that the response is held against.
    """
    points = sorted((row for row in rows if finite(row.get("rate"))), key=lambda row: float(row["rate"]))
    if not points:
        return ""
    times = [row.get(name) for row in points for name in ("p99_s", "low_s", "high_s")]
    low, high = log_span([*times, *(bound for _, bound in bounds)])
    most = 1.08 * float(points[-1]["rate"]) or 1.0
    top = 12 + BAND
    plot = Plot(Scale(0.0, most, LEFT, WIDTH - RIGHT), Scale(low, high, top + 270, top, log=True))
    plot.x_axis(context.tick, context.texts("rate.x"))
    plot.y_axis(context.tick_time)
    no_answer(context, plot, 12, top)
    best: dict[float, float] = {}
    for row in points:
        if finite(row.get("p99_s")) and row.get("outcome") != "INVALID":
            best.setdefault(float(row["rate"]), float(row["p99_s"]))
    plot.line(sorted(best.items()), "#9aa4b0", width=1.4)
    for words, bound in bounds:
        plot.level(bound, words)
    for row in points:
        _rate_point(context, plot, row, (12 + top) / 2)
    return svg(plot.parts, plot.y.start + 44, context.texts("rate.figure"))


def _rate_point(context: Context, plot: Plot, row: Mapping[str, Any], nowhere: float) -> None:
    rate, value, outcome = float(row["rate"]), row.get("p99_s"), str(row.get("outcome") or "")
    tint = OUTCOMES[outcome][1] if outcome in OUTCOMES else colour(1)
    known = value is not None and finite(value)
    at = plot.y(float(value)) if known and value is not None else nowhere
    if known and finite(row.get("low_s")):
        top = float(row["high_s"]) if finite(row.get("high_s")) else plot.y.high
        plot.interval(rate, float(row["low_s"]), top, tint)
    x = plot.x(rate)
    plot.parts.append(outcome_mark(x, at, outcome) if outcome in OUTCOMES else marker(x, at, "circle", tint))
    if row.get("name"):
        name = context.texts.name("stage", row["name"])
        plot.parts.append(halo(x, at - 10 if known else at + 26, name[:24], anchor="middle", tint=MUTED))


# --- percentile spectrum ------------------------------------------------------------------------------------


def spectrum(context: Context, steps: Sequence[str], bounds: Sequence[tuple[str, float, float]]) -> str:
    """Return the percentile spectrum of steps, misses included.

    Args:
        context: The run.
        steps: In the order of colours and dashes.
        bounds: (words, percentile, bound in seconds) of the objectives.
    """
    found: Mapping[str, Any] = context.get("spectrum", {})
    values = [pair[1] for step in steps for pair in found.get(step, [])]
    if not any(finite(value) for value in values):
        return ""
    low, high = log_span([*values, *(bound for _, _, bound in bounds)])
    top = 12 + BAND
    x = Scale(0.0, float(_DEPTH), LEFT, WIDTH - RIGHT - 18)
    plot = Plot(x, Scale(low, high, top + 300, top, log=True))
    shown = {
        depth(tick): context.numbers.plain(tick, max(0, _decimals(tick))) + "\u00a0%"
        for tick in _SPECTRUM_TICKS
    }
    plot.x_axis(lambda value: shown[value], context.texts("spectrum.x"), list(shown))
    plot.y_axis(context.tick_time)
    no_answer(context, plot, 12, top)
    for index, step in enumerate(steps):
        line = [(depth(float(percent)), value) for percent, value in found.get(step, [])]
        plot.line(line, colour(index), width=2, dash=dash(index))
        missing = [at for at, value in line if not finite(value)]
        if missing:
            y = 12 + BAND * (index + 1) / (len(steps) + 1)
            ends = [(x(missing[0]), y), (x.end, y)]
            plot.parts.append(path(ends, colour(index), width=2.4, dash=dash(index)))
            last = [(at, value) for at, value in line if finite(value)][-1:]
            for at, value in last:
                jump = [(x(at), plot.y(float(value))), (x(missing[0]), y)]
                plot.parts.append(path(jump, colour(index), width=1, dash=(1, 3)))
    for words, percent, bound in bounds:
        at, level = x(depth(percent)), plot.y(bound)
        plot.parts.append(path([(at, level), (x.end, level)], RED, width=1.4, dash=(6, 3)))
        plot.parts.append(path([(at, level), (at, top)], RED, width=1.4, dash=(6, 3)))
        plot.parts.append(halo(x.end - 4, level + 14, words, anchor="end", tint=RED))
    return svg(plot.parts, plot.y.start + 44, context.texts("spectrum.figure"))


def depth(percent: float) -> float:
    """Return the place of a percentile: each further nine is one to the right, 99.999 % and above stand at the end."""
    return min(float(_DEPTH), -math.log10(max(1 - percent / 100, 10.0**-_DEPTH)))


def _decimals(percent: float) -> int:
    text_ = f"{percent:g}"
    return len(text_.partition(".")[2])


# --- rows on a logarithmic axis -----------------------------------------------------------------------------


def steps(context: Context, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Return, for each step, the median, the 90th and the 99th percentile on one axis.

    Args:
        context: The run.
        rows: (name, percentiles in seconds) from top to bottom; a missing one lies among the misses.
    """
    values = [row.get(key) for _, row in rows for key in ("p50", "p90", "p99")]
    if not any(finite(value) for value in values):
        return ""
    low, high = log_span(values)
    left = 30 + 6.6 * max(len(name) for name, _ in rows)
    end = WIDTH - 92
    plot = Plot(Scale(low, high, left, end, log=True), Scale(0, 1, 10 + _ROW * len(rows), 10))
    plot.x_axis(context.tick_time, context.texts("steps.x"))
    plot.parts.append(rect(end + 8, 10, WIDTH - end - 10, _ROW * len(rows), "none", 'stroke="#d5dae1"'))
    middle = (end + 8 + WIDTH - 2) / 2
    bottom = plot.y.start + 17
    plot.parts.append(
        text(middle, bottom + 18, context.texts("words.no_answer"), anchor="middle", tint=RED, size=11)
    )
    for place, (name, row) in enumerate(rows):
        y = 10 + _ROW * (place + 0.5)
        plot.parts.append(text(left - 10, y + 4, name, anchor="end"))
        plot.parts.append(path([(left, y + _ROW / 2), (end, y + _ROW / 2)], GRID))
        places = {
            key: plot.x(float(row[key])) if finite(row.get(key)) else middle for key in ("p50", "p90", "p99")
        }
        plot.parts.append(path([(places["p50"], y), (places["p99"], y)], colour(1), width=2))
        for key, shape in (("p99", "diamond"), ("p90", "square"), ("p50", "circle")):
            plot.parts.append(marker(places[key], y, shape, colour(1), hollow=key == "p50"))
    return svg(plot.parts, bottom + 27, context.texts("steps.figure"))


def capacity(context: Context, row: Mapping[str, Any]) -> str:
    """Return one capacity beside what it is held against, on a logarithmic axis in its unit."""
    others = [one for one in row.get("beside", []) if finite(one.get("value")) and one["value"] > 0]
    here = row.get("here")
    if here is None or not finite(here) or here <= 0 or not others:
        return ""
    low, high = log_span(
        [here, *(one.get(key) for one in (row, *others) for key in ("value", "low", "high"))], 100
    )
    spans = [(row.get("low"), row.get("high")), *((one.get("low"), one.get("high")) for one in others)]
    names = [context.texts("capacity.here"), *(context.texts.title(one.get("name")) for one in others)]
    values = [float(here), *(float(one["value"]) for one in others)]
    names = [name if len(name) <= 52 else name[:51] + "…" for name in names]
    left = 30 + 6.5 * max(map(len, names))
    plot = Plot(Scale(low, high, left, WIDTH - 90, log=True), Scale(0, 1, 8 + 26 * len(names), 8))
    plot.x_axis(context.tick)
    plot.parts.append(path([(plot.x(here), 8), (plot.x(here), plot.y.start)], colour(1), dash=(4, 3)))
    for place, (name, value, span) in enumerate(zip(names, values, spans, strict=True)):
        y = 8 + 26 * (place + 0.5)
        own = place == 0
        plot.parts.append(text(left - 10, y + 4, name, anchor="end", bold=own))
        ends = [plot.x(float(end)) for end in span if end is not None and finite(end) and end > 0]
        if len(ends) == 2:
            plot.parts.append(path([(ends[0], y), (ends[1], y)], colour(1) if own else INK, width=2))
        plot.parts.append(marker(plot.x(value), y, "circle" if own else "diamond", colour(1) if own else INK))
        plot.parts.append(halo(max([plot.x(value), *ends]) + 10, y + 4, context.figure(value)))
    return svg(plot.parts, plot.y.start + 26, context.texts("capacity.figure"))


# --- comparison ---------------------------------------------------------------------------------------------


def ratios(context: Context, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return ratios with their intervals around one, the noise of A/A comparisons shaded behind each."""
    known = [row for row in rows if finite(row.get("ratio")) and float(row["ratio"]) > 0]
    if not known:
        return ""
    ends = [float(row[key]) for row in known for key in ("ratio", "low", "high") if finite(row.get(key))]
    noises = [float(reach(row, "noise", 0.0)) for row in known]
    most = (
        max([1.1, *(max(end, 1 / end) for end in ends if end > 0), *(1 + noise for noise in noises)]) * 1.08
    )
    names = [context.texts.name("metric", row.get("metric")) for row in known]
    left = 30 + 6.6 * max(map(len, names))
    plot = Plot(Scale(1 / most, most, left, WIDTH - 110, log=True), Scale(0, 1, 10 + _ROW * len(known), 10))
    plot.x_axis(context.tick, context.texts("compare.x"), sorted({*_ratio_ticks(most), 1.0}))
    for place, (name, row, noise) in enumerate(zip(names, known, noises, strict=True)):
        y, value = 10 + _ROW * (place + 0.5), float(row["ratio"])
        a, b = plot.x(1 / (1 + noise)), plot.x(1 + noise)
        plot.parts.append(rect(a, y - _ROW / 2 + 2, b - a, _ROW - 4, NOISE_FILL))
        plot.parts.append(text(left - 10, y + 4, name, anchor="end"))
        if finite(row.get("low")) and finite(row.get("high")):
            span = [(plot.x(float(row["low"])), y), (plot.x(float(row["high"])), y)]
            plot.parts.append(path(span, colour(1), width=2))
        told = row.get("told") in {"higher", "lower"}
        plot.parts.append(marker(plot.x(value), y, "circle", colour(1), hollow=not told))
        plot.parts.append(text(WIDTH - 100, y + 4, context.figure(value)))
    plot.parts.append(path([(plot.x(1.0), 10), (plot.x(1.0), plot.y.start)], MUTED, width=1.4))
    return svg(plot.parts, plot.y.start + 44, context.texts("compare.figure"))


def _ratio_ticks(most: float) -> list[float]:
    steps_ = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    step = next((step for step in steps_ if (most - 1) / step <= 4), 0.0)
    if not step:
        return [10.0**k for k in range(-4, 5) if 1 / most <= 10.0**k <= most]
    up = [1 + step * k for k in range(1, 5) if 1 + step * k <= most]
    down = [1 - step * k for k in range(1, 5) if 1 - step * k >= 1 / most]
    return [round(value, 4) for value in (*down, *up)]


# --- search -------------------------------------------------------------------------------------------------


def ceiling(row: Mapping[str, Any]) -> bool:
    """Return whether a probe was one of the generator itself, against a null server."""
    return row.get("phase") == "ceiling"


def probes(context: Context) -> str:
    """Return the probes of the exchange in their order, each at its rate with the shape of its outcome."""
    found = list(enumerate(context.rows("search.probes"), 1))
    rows = [(place, row) for place, row in found if finite(row.get("rate")) and not ceiling(row)]
    if not rows:
        return ""
    last, first = (context.get(f"search.{key}") for key in ("last_pass", "first_fail"))
    rates = [float(row["rate"]) for _, row in rows]
    most = 1.1 * max([*rates, *(float(value) for value in (last, first) if finite(value))])
    places = [place for place, _ in rows]
    plot = Plot(
        Scale(places[0] - 0.5, places[-1] + 0.5, LEFT, WIDTH - RIGHT), Scale(0.0, most or 1.0, 230, 26)
    )
    plot.x_axis(context.count, context.texts("search.x"), places[:: -(-len(places) // 20)])
    plot.y_axis(context.tick, context.texts("search.y"))
    for value, key, up in ((last, "last_pass", False), (first, "first_fail", True)):
        if value is not None and finite(value):
            at = plot.y(float(value))
            plot.parts.append(path([(plot.x.start, at), (plot.x.end, at)], INK, dash=(2, 3)))
            words = f"{context.texts(f'search.{key}')} {context.rate(value)}"
            plot.parts.append(halo(plot.x.start + 6, at - 5 if up else at + 14, words))
    plot.line(list(zip(places, rates, strict=True)), "#c3cad2", width=1.2)
    for place, row in rows:
        at = plot.y(float(row["rate"]))
        plot.parts.append(outcome_mark(plot.x(place), at, str(row.get("outcome") or "")))
    return svg(plot.parts, plot.y.start + 44, context.texts("search.figure"))
