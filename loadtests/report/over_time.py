"""Figures over the time of the run: heat map, response, load, lateness of the generator, the server's own metrics.

Rule kept here: all of them have the time axis of ``timeline``, with faults shaded and stages named; what got no answer
has a band of its own above the plot, never a place among the times.
"""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.report import timeline
from loadtests.report.context import Context, finite, reach
from loadtests.report.plot import RED, Plot, Point, Scale, log_span, rect, svg, text
from loadtests.report.server_metrics import courses
from sim.report.svg import INK, MUTED

HEAT = ("#e4edf1", "#a9cbd8", "#5f9fb8", "#2a6496", "#143a66", "#0a1c38")
"""From few to many, ever darker: they can be told apart in a black-and-white print."""
MISS_HEAT = ("#f6d5d2", "#dd7a72", "#a3231b")
MEDIAN, HIGH, DONE = "#0067a5", "#1c2430", "#0b7d5c"
P99_DASH = (7, 3)
_HEAD = 40  # above a plot: stages, names of faults
_PANEL_WIDTH, _PANEL_HEIGHT, _PANELS = 276, 96, 3


def _head(context: Context) -> float:
    return _HEAD if context.rows("stages") else 24


# --- heat map -----------------------------------------------------------------------------------------------


def heat(context: Context) -> tuple[str, list[tuple[str, int, int]]]:
    """Return the heat map and its key: (fill, from, to) in completed arrivals per cell; nothing without cells."""
    edges = [float(at) for at in context.get("heat.time_edges_s", [])]
    levels = [float(at) for at in context.get("heat.value_edges_s", [])]
    counts = [[int(count) for count in line] for line in context.get("heat.counts", [])]
    if len(edges) < 2 or len(levels) < 2 or len(counts) < len(levels) - 1:
        return "", []
    most = max((count for line in counts[: len(levels) - 1] for count in line), default=0)
    if not most:
        return "", []
    x = timeline.axis(context)
    head = _head(context)
    top = head + timeline.BAND
    y = Scale(levels[0], levels[-1], top + min(290, 16 * (len(levels) - 1)), top, log=True)
    plot = Plot(x, y)
    classes = _classes(most)
    timeline.stages(context, plot, head - 18)
    shown, title = timeline.seconds(context, x)
    plot.x_axis(shown, title, timeline.ticks(x))
    plot.y_axis(context.tick_time)
    for row, line in enumerate(counts[: len(levels) - 1]):
        high, low = y(levels[row + 1]), y(levels[row])
        for column, count in enumerate(line):
            if count:
                left, right = x(edges[column]), x(edges[column + 1])
                fill = next(fill for fill, _, most in classes if count <= most)
                plot.parts.append(rect(left, high, right - left + 0.2, low - high + 0.2, fill))
    _miss_row(context, plot, head, edges, counts[len(levels) - 1 :])
    _fault_frames(context, plot, head)
    return svg(plot.parts, y.start + 44, context.texts("time.heat")), classes


def _classes(most: int) -> list[tuple[str, int, int]]:
    """Return fills with the counts they stand for, each class wider than the one before by the same ratio."""
    bounds = sorted({round(most ** (k / len(HEAT))) for k in range(1, len(HEAT) + 1)})
    fills = HEAT[: len(bounds)] if len(bounds) < len(HEAT) else HEAT
    lows = [1, *(bound + 1 for bound in bounds[:-1])]
    return list(zip(fills, lows, bounds, strict=True))


def _miss_row(
    context: Context, plot: Plot, head: float, edges: Sequence[float], rows: Sequence[Sequence[int]]
) -> None:
    """Fill the band of misses: by the time at which they were due; ``rows`` are those above all values."""
    timeline.no_answer(context, plot, head, head + timeline.BAND)
    sums = [sum(row[column] for row in rows) for column in range(len(edges) - 1)]
    most = max(sums, default=0)
    for column, count in enumerate(sums):
        if count:
            fill = MISS_HEAT[min(2, int(3 * count / (most + 1)))]
            left, right = plot.x(edges[column]), plot.x(edges[column + 1])
            plot.parts.append(rect(left, head + 1, max(right - left, 1.5) + 0.2, timeline.BAND - 2, fill))


def _fault_frames(context: Context, plot: Plot, head: float) -> None:
    """Frame the faults over the cells, so that both can be seen."""
    for place, fault in enumerate(context.faults, 1):
        if not finite(fault.get("at_s")):
            continue
        left = plot.x(fault["at_s"])
        right = max(plot.x(reach(fault, "until_s", fault["at_s"])), left + 1.5)
        frame = f'stroke="{RED}" stroke-width="1.4" stroke-dasharray="4 3"'
        plot.parts.append(rect(left, head, right - left, plot.y.start - head, "none", frame))
        words = f"{place} {timeline.fault_name(context, fault)}"
        plot.parts.append(text(left, head - 5, words, tint=RED, size=11, bold=True))


# --- response and load --------------------------------------------------------------------------------------


def response(context: Context, bounds: Sequence[tuple[str, float]]) -> str:
    """Return median and 99th percentile second by second, with the bounds of the objectives.

    Args:
        context: The run.
        bounds: (words, bound in seconds) of what is asked of the submission.
    """
    found = timeline.series(context)
    values = [v for name in ("p50_s", "p99_s") for v in found.columns.get(name, ())]
    if not any(finite(value) for value in values):
        return ""
    low, high = log_span([*values, *(bound for _, bound in bounds)])
    x = timeline.axis(context)
    head = _head(context)
    top = head + timeline.BAND
    plot = Plot(x, Scale(low, high, top + 230, top, log=True))
    timeline.stages(context, plot, head - 18)
    timeline.ground(context, plot, top=head)
    shown, title = timeline.seconds(context, x)
    plot.x_axis(shown, title, timeline.ticks(x))
    plot.y_axis(context.tick_time)
    timeline.no_answer(context, plot, head, top)
    for at, count in _sum(found, ("shed", "failed")):
        if count:
            width = max(2.0, x(x.low + found.step_s) - x(x.low))
            plot.parts.append(rect(x(at), head + 3, width, timeline.BAND - 6, RED))
    half = found.step_s / 2
    for name, tint, dash in (("p99_s", HIGH, P99_DASH), ("p50_s", MEDIAN, ())):
        plot.line([(at + half, value) for at, value in found.points(name)], tint, dash=dash)
    for words, bound in bounds:
        plot.level(bound, words)
    return svg(plot.parts, plot.y.start + 44, context.texts("time.response"))


def _sum(found: timeline.Series, names: Sequence[str]) -> list[tuple[float, float]]:
    columns = [found.columns[name] for name in names if name in found.columns]
    return [(at, sum(column[k] or 0.0 for column in columns)) for k, at in enumerate(found.at_s)]


def load(context: Context) -> list[str]:
    """Return two drawings: arrivals due and completed per second, and messages under way."""
    found = timeline.series(context)
    drawn = []
    if "offered" in found.columns:
        per_s = found.step_s
        lines: list[tuple[list[Point], str, tuple[int, ...]]] = [
            (found.points("done", per_s), DONE, ()),
            ([(at, count / per_s) for at, count in _sum(found, ("shed", "failed"))], RED, (3, 2)),
        ]
        missed = any(count for _, count in lines[1][0])
        fill = found.points("offered", per_s)
        drawn.append(
            _linear(
                context,
                fill,
                lines if missed else lines[:1],
                context.texts("time.per_second"),
                150,
                title=False,
            )
        )
    if any(finite(value) for value in found.columns.get("in_flight", ())):
        points = found.points("in_flight")
        drawn.append(
            _linear(context, [], [(points, HIGH, ())], context.texts("time.in_flight"), 100, title=True)
        )
    return drawn


def lateness(context: Context, bound_s: float | None) -> str:
    """Return the generator's lateness second by second, with the bound above which the run is invalid."""
    found = timeline.series(context)
    points = found.points("lateness_p99_s", 1e-3)
    if not any(finite(value) for _, value in points):
        return ""
    levels = (
        []
        if bound_s is None
        else [(bound_s * 1e3, context.texts("lateness.bound", bound=context.time(bound_s)))]
    )
    unit = context.texts("lateness.y")
    return _linear(context, [], [(points, HIGH, ())], unit, 150, title=True, levels=levels)


def _linear(
    context: Context,
    fill: Sequence[Point],
    lines: Sequence[tuple[Sequence[Point], str, Sequence[int]]],
    unit: str,
    height: float,
    *,
    title: bool,
    levels: Sequence[tuple[float, str]] = (),
) -> str:
    """Return a drawing over time from nought up, in one unit."""
    known = [value for points, _, _ in lines for _, value in points] + [value for _, value in fill]
    most = max([value for value in known if value is not None and finite(value)], default=0.0)
    most = 1.12 * max([most, *(level for level, _ in levels)]) or 1.0
    x = timeline.axis(context)
    plot = Plot(x, Scale(0.0, most, 40 + height, 40))
    timeline.ground(context, plot, top=40, named=False)
    shown, axis = timeline.seconds(context, x)
    plot.x_axis(shown, axis if title else "", timeline.ticks(x))
    plot.y_axis(context.tick, most=5)
    plot.parts.append(text(2, 24, unit, tint=MUTED))
    plot.area(fill, "#2a6496")
    step = fill[1][0] - fill[0][0] if len(fill) > 1 else 1.0
    for points, tint, dash in lines:
        plot.line([(at + step / 2, value) for at, value in points], tint, dash=dash)
    for level, words in levels:
        plot.level(level, words)
    return svg(plot.parts, plot.y.start + (44 if title else 26), unit)


# --- the server's own metrics -------------------------------------------------------------------------------


def server(context: Context) -> str:
    """Return small drawings over one time axis: what the client saw first, then each metric of the server."""
    panels = [(name, points, MEDIAN) for name, points in _client_panels(context)]
    found = courses(context.rows("server.metrics"))
    for one in found:
        unit = f" ({one.unit})" if one.unit else ""
        panels.append((f"{one.name}{unit}", list(one.points), HIGH))
    if not found:
        return ""
    parts: list[str] = []
    low, high = timeline.span(context)
    pitch = _PANEL_HEIGHT + 62
    for place, (name, points, tint) in enumerate(panels):
        left = (place % _PANELS) * (_PANEL_WIDTH + 22) + 44
        top = (place // _PANELS) * pitch + 28
        parts += _panel(context, (low, high), (left, top), name, points, tint)
    return svg(parts, -(-len(panels) // _PANELS) * pitch, context.texts("server.figure"))


def _client_panels(context: Context) -> list[tuple[str, list[Point]]]:
    found = timeline.series(context)
    panels = []
    for name, size in (("done", found.step_s), ("p99_s", 1e-3), ("in_flight", 1.0)):
        points = found.points(name, size)
        if any(value is not None for _, value in points):
            panels.append((context.texts(f"server.client.{name}"), points))
    return panels


def _panel(
    context: Context,
    over: tuple[float, float],
    corner: tuple[float, float],
    name: str,
    points: Sequence[Point],
    tint: str,
) -> list[str]:
    left, top = corner
    values = [value for at, value in points if value is not None and over[0] <= at <= over[1]]
    low, high = min([0.0, *values]), max([0.0, *values]) * 1.05
    if high <= low:
        high = low + 1.0
    x = Scale(*over, left, left + _PANEL_WIDTH - 44)
    plot = Plot(x, Scale(low, high, top + _PANEL_HEIGHT, top))
    timeline.ground(context, plot, top=top, named=False)
    shown, _ = timeline.seconds(context, x)
    plot.x_axis(shown, "", timeline.ticks(x)[::3])
    plot.y_axis(context.tick, most=4)
    plot.line(points, tint, width=1.4)
    label = name if len(name) <= 44 else name[:43] + "…"
    plot.parts.append(text(left - 40, top - 11, label, tint=INK if tint == HIGH else tint, bold=True))
    return plot.parts
