"""Drawings by hand: a frame with two scales, and what stands in it, as SVG without a size of its own.

Rule kept here: same numbers, same bytes; a place is rounded to a tenth of a pixel, every text is escaped, and nothing
in a drawing refers to anything outside it.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from loadtests.report.context import finite
from sim.report.svg import FONT, GRID, INK, MUTED

WIDTH = 900  # of a whole figure, in the pixels of its view box
LEFT, RIGHT = (
    74,
    12,
)  # beside the plot; the same in all figures over time, so that they stand below one another
RED = "#b3261e"
_OUTLINES = {
    "circle": "M{x} {y}m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
    "square": "M{x} {y}m-3.6 -3.6h7.2v7.2h-7.2Z",
    "diamond": "M{x} {y}m0 -5.2l5.2 5.2l-5.2 5.2l-5.2 -5.2Z",
    "triangle": "M{x} {y}m0 -5l5 9h-10Z",
    "cross": "M{x} {y}m-4.5 -2.6l1.9 -1.9l2.6 2.6l2.6 -2.6l1.9 1.9l-2.6 2.6l2.6 2.6l-1.9 1.9l-2.6 -2.6l-2.6 2.6"
    "l-1.9 -1.9l2.6 -2.6Z",
}
Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Scale:
    """Turns values into pixels.

    Args:
        low: Value at ``start``; above 0 where ``log``.
        high: Value at ``end``, another one.
        start: Pixels at ``low``.
        end: Pixels at ``high``.
        log: Equal ratios are equal lengths.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value; what lies outside stands at the edge."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 8) -> list[float]:
        """Return round values inside the scale, at most about ``most`` of them."""
        return _log_ticks(self.low, self.high, most) if self.log else _linear_ticks(self.low, self.high, most)


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    raw = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [float(f"{factor}e{exponent}") for exponent in exponents for factor in factors]
        ticks = [value for value in found if low * 0.999 <= value <= high * 1.001]
        if len(ticks) <= most:
            return ticks
    return ticks[:: -(-len(ticks) // most)]


def number(value: float) -> str:
    """Return a place, to a tenth of a pixel, without needless zeros."""
    text = f"{value:.1f}"
    return "0" if text == "-0.0" else text.removesuffix(".0")


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    tint: str = INK,
    size: float = 12,
    bold: bool = False,
) -> str:
    """Return a line of text at a place; ``anchor`` is start, middle or end."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}"{weight} text-anchor="{anchor}" '
        f'fill="{tint}">{html.escape(words)}</text>'
    )


def rect(x: float, y: float, width: float, height: float, fill: str, more: str = "") -> str:
    """Return a filled rectangle; ``more`` are further attributes, made by this package."""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" height="{number(max(height, 0))}" '
        f'fill="{fill}"{" " + more if more else ""}/>'
    )


def path(
    points: Iterable[tuple[float, float]], stroke: str, *, width: float = 1.0, dash: Sequence[int] = ()
) -> str:
    """Return a line through places."""
    d = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    dashes = f' stroke-dasharray="{" ".join(map(str, dash))}"' if dash and dash[-1] else ""
    return f'<path d="M{d}" fill="none" stroke="{stroke}" stroke-width="{number(width)}"{dashes}/>'


def marker(x: float, y: float, shape: str, tint: str, *, hollow: bool = False) -> str:
    """Return a marker; a hollow one is white inside."""
    outline = _OUTLINES[shape].format(x=number(x), y=number(y))
    return f'<path d="{outline}" fill="{"#ffffff" if hollow else tint}" stroke="{tint}" stroke-width="1.6"/>'


def svg(parts: Iterable[str], height: float, label: str, width: float = WIDTH) -> str:
    """Return the drawing; ``label`` says what it shows to those who cannot see it."""
    return (
        f'<svg class="chart" role="img" aria-label="{html.escape(label)}" viewBox="0 0 {number(width)} '
        f'{number(height)}" style="max-width:{number(width)}px" font-family="{html.escape(FONT)}">'
        f"{''.join(parts)}</svg>"
    )


@dataclass(slots=True)
class Plot:
    """A frame that things are drawn into.

    Args:
        x: Horizontal scale.
        y: Vertical scale, its ``start`` at the bottom.
        parts: What has been drawn.
    """

    x: Scale
    y: Scale
    parts: list[str] = field(default_factory=list)

    def x_axis(
        self, shown: Callable[[float], str], title: str = "", ticks: Sequence[float] | None = None
    ) -> None:
        """Draw the lower axis with its title; ``shown`` turns a value into words."""
        for value in self.x.ticks(10) if ticks is None else ticks:
            at = self.x(value)
            self.parts.append(path([(at, self.y.end), (at, self.y.start)], GRID))
            self.parts.append(text(at, self.y.start + 17, shown(value), anchor="middle"))
        self.parts.append(path([(self.x.start, self.y.start), (self.x.end, self.y.start)], "#9aa4b0"))
        if title:
            middle = (self.x.start + self.x.end) / 2
            self.parts.append(text(middle, self.y.start + 35, title, anchor="middle", tint=MUTED))

    def y_axis(self, shown: Callable[[float], str], title: str = "", most: int = 7) -> None:
        """Draw the left axis, its title above it."""
        for value in self.y.ticks(most):
            at = self.y(value)
            self.parts.append(path([(self.x.start, at), (self.x.end, at)], GRID))
            self.parts.append(text(self.x.start - 6, at + 4, shown(value), anchor="end"))
        if title:
            self.parts.append(text(2, self.y.end - 9, title, tint=MUTED))

    def line(
        self, points: Sequence[Point], tint: str, *, width: float = 1.6, dash: Sequence[int] = ()
    ) -> None:
        """Draw a line, broken where a value is missing or off the axis; a lone point becomes a dot."""
        run: list[tuple[float, float]] = []
        for x, y in (*points, (0.0, None)):
            if y is not None and finite(y) and self.x.low <= x <= self.x.high:
                run.append((self.x(x), self.y(y)))
                continue
            if len(run) > 1:
                self.parts.append(path(run, tint, width=width, dash=dash))
            elif run:
                self.parts.append(
                    f'<circle cx="{number(run[0][0])}" cy="{number(run[0][1])}" r="1.8" fill="{tint}"/>'
                )
            run = []

    def area(self, points: Sequence[Point], tint: str, opacity: float = 0.18) -> None:
        """Fill from the lower axis up to a line, step by step; a missing value is nought."""
        if len(points) < 2:
            return
        step = points[1][0] - points[0][0]
        d = f"M{number(self.x(points[0][0]))} {number(self.y.start)}"
        for x, y in points:
            d += f"V{number(self.y(y or 0.0))}H{number(self.x(x + step))}"
        self.parts.append(f'<path d="{d}V{number(self.y.start)}Z" fill="{tint}" fill-opacity="{opacity}"/>')

    def mark(self, x: float, y: float, shape: str, tint: str, *, hollow: bool = False) -> None:
        """Draw a marker at values."""
        self.parts.append(marker(self.x(x), self.y(y), shape, tint, hollow=hollow))

    def level(self, value: float, words: str, tint: str = RED) -> None:
        """Draw a horizontal limit with its words above its right end."""
        if not self.y.low <= value <= self.y.high:
            return
        at = self.y(value)
        self.parts.append(path([(self.x.start, at), (self.x.end, at)], tint, width=1.2, dash=(6, 3)))
        self.parts.append(halo(self.x.end - 4, at - 5, words, anchor="end", tint=tint))

    def interval(self, x: float, low: float, high: float, tint: str) -> None:
        """Draw a vertical interval with feet."""
        at, foot, head = self.x(x), self.y(low), self.y(high)
        self.parts.append(path([(at, foot), (at, head)], tint, width=1.6))
        for edge in (foot, head):
            self.parts.append(path([(at - 3.5, edge), (at + 3.5, edge)], tint, width=1.6))


def halo(
    x: float, y: float, words: str, *, anchor: str = "start", tint: str = INK, size: float = 11.5
) -> str:
    """Return a text with a white rim, to be read over lines."""
    plain = text(x, y, words, anchor=anchor, tint=tint, size=size)
    return plain.replace("<text ", '<text stroke="#ffffff" stroke-width="3.5" paint-order="stroke" ', 1)


def log_span(values: Iterable[float | None], least_ratio: float = 30.0) -> tuple[float, float]:
    """Return round ends of a logarithmic scale that hold all values above nought."""
    found = [float(value) for value in values if value is not None and finite(value) and value > 0]
    low, high = (min(found), max(found)) if found else (1e-3, 1.0)
    low, high = low / 1.15, high * 1.15
    if high / low < least_ratio:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(least_ratio), middle * math.sqrt(least_ratio)
    return low, high
