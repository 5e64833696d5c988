"""In which unit a metric is told in the table of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.units import DAY_S, HOUR_S

SHARES = (
    "within_working_days",
    "inside_deadline",
    "registered_within",
    "all_registered_within",
    "procedures",
)
HOURS_BELOW_S = 2 * DAY_S  # shorter times read better in hours
MILLION, BILLION = 1e6, 1e9
MINUS = "\u2212"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit to tell numbers in.

    Args:
        name: As written after the number.
        scale: Base units in one of it.
        digits: Decimals.
    """

    name: str
    scale: float
    digits: int = 2

    def number(self, value: float, *, sign: bool = False) -> str:
        """Return a number with its unit."""
        return f"{self._digits(value, sign=sign)} {self.name}".strip()

    def plain(self, one: Mapping[str, Any]) -> str:
        """Return an estimate with its half-width."""
        return self._estimate(one, sign=False)

    def signed(self, one: Mapping[str, Any]) -> str:
        """Return an estimate with its sign and half-width."""
        return self._estimate(one, sign=True)

    def range(self, spread: Mapping[str, Any], *, sign: bool = False) -> str:
        """Return the range over the draws, and how many draws have no value."""
        missing = f" (no value in {spread['missing']} draws)" if spread["missing"] else ""
        if spread["low"] is None:
            return f"; no draw has a value{missing}"
        low, high = (self._digits(spread[end], sign=sign) for end in ("low", "high"))
        return f", from {low} to {high}{missing}"

    def _estimate(self, one: Mapping[str, Any], *, sign: bool) -> str:
        if one["estimate"] is None:
            return "no value"
        half = one["half_width"]
        width = f" ± {self._digits(half, sign=False)}" if half is not None else " ± ?"
        return f"{self._digits(one['estimate'], sign=sign)}{width} {self.name}".strip()

    def _digits(self, value: float, *, sign: bool) -> str:
        text = f"{value / self.scale:{'+' if sign else ''},.{self.digits}f}"
        return text.replace("-", MINUS)


def unit_of(metric: str, values: Sequence[float | None], day_s: float) -> Unit:
    """Return the unit in which a metric is told.

    Args:
        metric: Dotted path below an alternative in summary.json.
        values: Its estimates, for the choice between days and hours.
        day_s: Working seconds of an office's day.
    """
    parts = metric.split(".")
    if parts[0] == "cost":
        return _money(parts[1], values)
    if any(part in SHARES for part in parts):
        return Unit("%", 0.01, 1)
    if any("_working_s" in part for part in parts):
        return Unit("wd", day_s)
    if any(part.endswith("_s") for part in parts):
        known = [abs(one) for one in values if one is not None]
        return Unit("h", HOUR_S, 1) if known and max(known) < HOURS_BELOW_S else Unit("d", DAY_S)
    return Unit("", 1.0)


def _money(name: str, values: Sequence[float | None]) -> Unit:
    """Return the unit of what an alternative saves against another."""
    if name.endswith("_years"):
        return Unit("years", 1.0, 1)
    if name.startswith("break_even"):
        return Unit("deliveries a year", 1.0, 0)
    if name.startswith("hours"):
        return Unit("hours", 1.0, 0)
    known = [abs(one) for one in values if one is not None]
    return Unit("bn VND", BILLION) if known and max(known) >= BILLION else Unit("m VND", MILLION, 1)
