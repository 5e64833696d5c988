"""Quantities with units: ``2 h``, ``90 min``, ``3 working days``, ``40 / working day / agency``.

Rule kept here: outside this file a quantity is a plain number in the base unit of its dimension (seconds,
working days, years, events per working day, VND, VND per hour, metres, metres per second, bytes, shares of
one), and the name of whatever holds it ends in that unit.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from sim.errors import InputError


class Dimension(StrEnum):
    """What a quantity measures; the value names its base unit."""

    DURATION = "s"
    WORKING_DAYS = "working days"
    YEARS = "years"
    RATE = "per working day"
    RATE_PER_AGENCY = "per working day per agency"
    CLOCK_RATE = "per s"
    MONEY = "VND"
    WAGE = "VND / h"
    DISTANCE = "m"
    SPEED = "m/s"
    SIZE = "bytes"
    SHARE = "share"
    COUNT = "count"


MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86400.0
WEEK_S = 7 * DAY_S

_UNITS: dict[str, tuple[Dimension, float]] = {}
for _names, _dimension, _factor in (
    (("ms", "millisecond", "milliseconds"), Dimension.DURATION, 1e-3),
    (("s", "sec", "second", "seconds"), Dimension.DURATION, 1.0),
    (("min", "minute", "minutes"), Dimension.DURATION, MINUTE_S),
    (("h", "hour", "hours"), Dimension.DURATION, HOUR_S),
    (("d", "day", "days"), Dimension.DURATION, DAY_S),
    (("week", "weeks"), Dimension.DURATION, WEEK_S),
    (("working day", "working days"), Dimension.WORKING_DAYS, 1.0),
    (("year", "years"), Dimension.YEARS, 1.0),
    (("/ working day",), Dimension.RATE, 1.0),
    (("/ working day / agency",), Dimension.RATE_PER_AGENCY, 1.0),
    (("/ s",), Dimension.CLOCK_RATE, 1.0),
    (("/ min",), Dimension.CLOCK_RATE, 1 / MINUTE_S),
    (("/ h",), Dimension.CLOCK_RATE, 1 / HOUR_S),
    (("/ day",), Dimension.CLOCK_RATE, 1 / DAY_S),
    (("VND",), Dimension.MONEY, 1.0),
    (("million VND",), Dimension.MONEY, 1e6),
    (("billion VND",), Dimension.MONEY, 1e9),
    (("VND / h",), Dimension.WAGE, 1.0),
    (("m",), Dimension.DISTANCE, 1.0),
    (("km",), Dimension.DISTANCE, 1000.0),
    (("km/h",), Dimension.SPEED, 1000.0 / HOUR_S),
    (("B", "bytes"), Dimension.SIZE, 1.0),
    (("kB",), Dimension.SIZE, 1e3),
    (("MB",), Dimension.SIZE, 1e6),
    (("GB",), Dimension.SIZE, 1e9),
    (("%",), Dimension.SHARE, 0.01),
):
    for _name in _names:
        _UNITS[_name] = (_dimension, _factor)

_NUMBER = re.compile(
    r"^\s*([+-]?(?:\d+(?:_\d{3})*)(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(.*?)\s*$", re.DOTALL | re.ASCII
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in the base unit of its dimension.

    Args:
        value: Finite number in the base unit.
        dimension: What it measures; ``None`` for a bare number.
        text: The quantity as it was written.
    """

    value: float
    dimension: Dimension | None
    text: str


def units_of(*dimensions: Dimension) -> tuple[str, ...]:
    """Return the unit names that measure one of ``dimensions``, in the order of this file."""
    return tuple(name for name, (dimension, _) in _UNITS.items() if dimension in dimensions)


def _write(names: tuple[str, ...]) -> str:
    """Return a hint that says how a quantity in one of these units is written."""
    if not names:
        return "write a number without a unit"
    return "write a number with its unit" + (
        f": {', '.join(names)}" if len(names) < len(_UNITS) else ", such as 90 min"
    )


def _finite(number: str | float, text: object, factor: float = 1.0) -> float:
    """Return a number in its base unit, or refuse what floating point cannot hold."""
    try:
        value = float(number) * factor
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        short = isinstance(text, float) or (isinstance(text, str) and len(text) <= 40)
        shown = repr(text) if short else "a number beyond all bounds"
        raise InputError("E-NOT-FINITE", f"found {shown}", "write a finite number")
    return value


def _known_units(unit: str, names: tuple[str, ...]) -> str:
    """Return a hint that names the closest unit, and what else there is."""
    near = get_close_matches(unit, names, 1, 0.5)
    return (f"did you mean {near[0]!r}? " if near else "") + (
        f"known units: {', '.join(names)}" if names else "it has no unit"
    )


def parse(text: str | int | float) -> Quantity:
    """Read a quantity as a planner writes it.

    Args:
        text: A number, or a number followed by a unit.

    Returns:
        The quantity in its base unit; a number without unit has no dimension.

    Raises:
        InputError: ``E-QUANTITY`` not a number with a unit, ``E-UNIT`` unknown unit, ``E-NOT-FINITE``.
    """
    return _parse(text, tuple(_UNITS))


def _parse(text: str | int | float, names: tuple[str, ...]) -> Quantity:
    """Read a quantity; ``names`` are the units that a hint offers."""
    if isinstance(text, bool):
        raise InputError("E-QUANTITY", f"found {text!r}", _write(names))
    if isinstance(text, (int, float)):
        return Quantity(_finite(text, text), None, repr(text))
    match = _NUMBER.match(text)
    if match is None:
        raise InputError("E-QUANTITY", f"found {text!r}", _write(names))
    number = match.group(1).replace("_", "")
    unit = re.sub(r"\s*/\s*", " / ", re.sub(r"\s+", " ", match.group(2))).strip()
    unit = unit.replace("km / h", "km/h")
    if not unit:
        return Quantity(_finite(number, text), None, text)
    if unit.startswith(","):
        hint = "write a fraction with a point, 1.5 h, and thousands as 1_000"
        raise InputError("E-QUANTITY", f"found {text!r}", hint)
    known = _UNITS.get(unit)
    if known is None:
        raise InputError("E-UNIT", f"found unit {unit!r} in {text!r}", _known_units(unit, names))
    dimension, factor = known
    return Quantity(_finite(number, text, factor), dimension, text)


def read(text: str | int | float, *dimensions: Dimension) -> Quantity:
    """Read a quantity that must have one of the given dimensions.

    Args:
        text: The quantity as written.
        dimensions: What is allowed. ``COUNT`` and ``SHARE`` also take a bare number.

    Returns:
        The quantity; a bare number takes the dimension ``COUNT`` or ``SHARE`` that was asked for.

    Raises:
        InputError: As :func:`parse`, and ``E-UNIT-MISSING`` or ``E-UNIT-WRONG`` for another dimension.
    """
    names = units_of(*dimensions)
    quantity = _parse(text, names)
    if quantity.dimension in dimensions:
        return quantity
    wanted = f"one of: {', '.join(names)}" if names else "a bare number"
    if quantity.dimension is None:
        for bare in (Dimension.SHARE, Dimension.COUNT):
            if bare in dimensions:
                return Quantity(quantity.value, bare, quantity.text)
        if quantity.value == 0 and Dimension.DURATION in dimensions:
            return Quantity(0.0, Dimension.DURATION, quantity.text)
        raise InputError("E-UNIT-MISSING", f"found {text!r} without a unit", f"add {wanted}")
    raise InputError("E-UNIT-WRONG", f"found {text!r}, measured in {quantity.dimension}", f"use {wanted}")


def format_duration(seconds: float, *, day_s: float | None = None) -> str:
    """Render a duration for people.

    Args:
        seconds: Duration in seconds; may be negative.
        day_s: Length of an office's own working day in seconds; with it, days are working days.

    Returns:
        Such as ``45 s``, ``12 min``, ``3.4 h``, ``2.5 days`` or ``2.5 working days``.
    """
    size = abs(seconds)
    if not math.isfinite(seconds):
        return "–"
    if size < 99.5:
        return f"{seconds:.0f} s"
    if size < 99.5 * MINUTE_S:
        return f"{seconds / MINUTE_S:.0f} min"
    day = day_s or DAY_S
    if size < day:
        return f"{seconds / HOUR_S:.1f} h"
    return f"{seconds / day:.1f} {'working days' if day_s else 'days'}"
