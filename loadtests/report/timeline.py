"""What all figures over time share: the axis, the faults and stages on it, and series thinned to what can be seen.

Rule kept here: the time axis is the same in every figure, so that a fault stands at the same place in all of them;
thinning keeps the worst value of each group and adds up counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtests.report.context import Context, finite, reach
from loadtests.report.plot import LEFT, RED, RIGHT, WIDTH, Plot, Scale, path, rect, text
from sim.report.svg import MUTED

POINTS_MAX = 450
BAND = 22  # height of the band "no answer" above a plot
FAULT_FILL = "#f6d5d2"
_LETTER = 6.3  # mean width of a letter, pixels


@dataclass(frozen=True, slots=True)
class Series:
    """The run second by second, or in groups of ``step_s`` where it is long.

    Args:
        at_s: Start of each group, s since T0.
        step_s: Length of a group.
        columns: By name; sums of counts, the worst of the others, nothing where all are missing.
    """

    at_s: tuple[float, ...]
    step_s: float
    columns: Mapping[str, tuple[float | None, ...]]

    def points(self, name: str, size: float = 1.0) -> list[tuple[float, float | None]]:
        """Return (time, value / size) of a column, counts left as counts of a group."""
        found = self.columns.get(name) or (None,) * len(self.at_s)
        return [(at, None if y is None else y / size) for at, y in zip(self.at_s, found, strict=True)]


_COUNTS = frozenset({"offered", "sent", "done", "shed", "failed", "polls"})


def series(context: Context) -> Series:
    """Return the series of the summary, thinned to at most ``POINTS_MAX`` groups."""
    raw: Mapping[str, Sequence[Any]] = context.get("series", {})
    seconds = [float(at) for at in raw.get("second_s", [])]
    group = max(1, -(-len(seconds) // POINTS_MAX))
    columns = {
        name: tuple(_merged(name, values[at : at + group]) for at in range(0, len(seconds), group))
        for name, values in raw.items()
        if name != "second_s" and len(values) == len(seconds)
    }
    return Series(tuple(seconds[::group]), float(group), columns)


def _merged(name: str, values: Sequence[Any]) -> float | None:
    known = [float(value) for value in values if finite(value)]
    if not known:
        return None
    return sum(known) if name in _COUNTS else max(known)


def span(context: Context) -> tuple[float, float]:
    """Return begin and end of the time axis, s since T0: all that is on any figure."""
    ends = [float(at) + 1.0 for at in context.get("series.second_s", [])]
    ends += [float(at) for at in context.get("heat.time_edges_s", [])]
    ends += [float(row["until_s"]) for row in context.rows("stages") if finite(row.get("until_s"))]
    duration = context.get("plan.duration_s")
    if finite(duration):
        ends.append(float(duration))
    return 0.0, max(ends, default=1.0) or 1.0


def axis(context: Context) -> Scale:
    """Return the horizontal scale of every figure over time."""
    low, high = span(context)
    return Scale(low, high, LEFT, WIDTH - RIGHT)


def seconds(context: Context, scale: Scale) -> tuple[Any, str]:
    """Return how ticks of the time axis are shown, and its title with the unit."""
    minutes = scale.high - scale.low > 1200
    size = 60.0 if minutes else 1.0
    unit = context.texts("units.min" if minutes else "units.s")
    return (lambda value: context.tick(round(value / size, 6))), context.texts("time.x", unit=unit)


def ticks(scale: Scale) -> list[float]:
    """Return the ticks of the time axis: round seconds, or round minutes of a long run."""
    if scale.high - scale.low <= 1200:
        return scale.ticks(12)
    return [60 * value for value in Scale(scale.low / 60, scale.high / 60, scale.start, scale.end).ticks(12)]


def ground(context: Context, plot: Plot, *, top: float, named: bool = True) -> None:
    """Shade faults and the warm-up behind a plot, and name them in the line above it.

    Args:
        context: The run.
        plot: What is drawn on.
        top: Upper end of the shading, pixels.
        named: Write the names; else the shading only.
    """
    bottom = plot.y.start
    warm_up = context.get("plan.warmup_s", 0.0)
    if warm_up:
        right = plot.x(warm_up)
        plot.parts.append(rect(plot.x.start, top, right - plot.x.start, bottom - top, "#eceff2"))
        if named:
            plot.parts.append(
                text(plot.x.start + 3, top - 5, context.texts("time.warm_up"), tint=MUTED, size=11)
            )
    for place, fault in enumerate(context.faults, 1):
        if not finite(fault.get("at_s")):
            continue
        left = plot.x(fault["at_s"])
        right = plot.x(reach(fault, "until_s", fault["at_s"]))
        plot.parts.append(rect(left, top, max(right - left, 1.5), bottom - top, FAULT_FILL))
        plot.parts.append(path([(left, top), (left, bottom)], RED, width=1.2, dash=(3, 2)))
        if named:
            plot.parts.append(
                text(left, top - 5, f"{place} {fault_name(context, fault)}", tint=RED, size=11, bold=True)
            )


def fault_name(context: Context, fault: Mapping[str, Any]) -> str:
    """Return the name of a kind of fault."""
    return context.texts.name("fault", fault.get("kind"))


def stages(context: Context, plot: Plot, y: float) -> None:
    """Write the stages of the load above a plot: a rule from begin to end with name and rate."""
    for row in context.rows("stages"):
        if not (finite(row.get("from_s")) and finite(row.get("until_s"))):
            continue
        left, right = plot.x(row["from_s"]), plot.x(row["until_s"])
        ends = [(left + 1, y - 4), (left + 1, y), (right - 1, y), (right - 1, y - 4)]
        plot.parts.append(path(ends, MUTED))
        words = f"{context.texts.name('stage', row.get('name', ''))} · {context.rate(row.get('rate_per_s'))}"
        room = int((right - left - 4) / _LETTER)
        if len(words) > room:
            words = context.rate(row.get("rate_per_s"))
        if len(words) <= room:
            plot.parts.append(text((left + right) / 2, y - 6, words, anchor="middle", tint=MUTED, size=11))


def no_answer(context: Context, plot: Plot, low: float, high: float) -> None:
    """Draw the band above a plot where what got no answer stands; ``low`` is its upper edge in pixels."""
    plot.parts.append(
        rect(plot.x.start, low, plot.x.end - plot.x.start, high - low, "none", 'stroke="#d5dae1"')
    )
    plot.parts.append(
        text(
            plot.x.start - 6,
            (low + high) / 2 + 4,
            context.texts("words.no_answer"),
            anchor="end",
            tint=RED,
            size=11,
        )
    )
