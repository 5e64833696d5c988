"""Capacity in the planner's words: how many provinces, how many national axes, would fit.

Rule kept here: submissions, deliveries and bytes are never mixed; every figure that stands beside says how well it is
known, where it comes from, and by what arithmetic; what nobody published is a range with its assumption.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from loadtests.harness.reference_traffic import Grade, Traffic, national_axis

MEGABYTE: Final = 1e6
WHAT: Final[Mapping[str, str]] = {"submissions": "1/s", "deliveries": "1/s", "MB": "MB/s"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What an exchange was seen to sustain, and under which load.

    Args:
        submissions_per_s: Messages that were accepted, each once, above 0.
        fan_out: Recipients of a message, mean.
        size_bytes_mean: Size of a document, mean.
        store_messages: Messages in the store before; ``None`` where nobody knows.
        low_per_s: Lower end of the interval of ``submissions_per_s``; ``None`` where there is none.
        high_per_s: Upper end: the rate at which the objective fails.
        at_least: The exchange may do more: its limit was not reached.
        how: Such as "found by search, confirmed" or "offered in this run, objective met".
    """

    submissions_per_s: float
    fan_out: float
    size_bytes_mean: float
    store_messages: int | None = None
    low_per_s: float | None = None
    high_per_s: float | None = None
    at_least: bool = False
    how: str = ""

    def factor(self, what: str) -> float:
        """Units of ``what`` in one submission."""
        return {
            "submissions": 1.0,
            "deliveries": self.fan_out,
            "MB": self.size_bytes_mean / MEGABYTE,
        }[what]


@dataclass(frozen=True, slots=True)
class Beside:
    """The same unit elsewhere.

    Args:
        name: Where and when.
        value: In the unit of the row.
        low: Lowest credible value.
        high: Highest.
        ratio: What was measured, in multiples of ``value``.
        ratio_low: In multiples of ``high``.
        ratio_high: In multiples of ``low``.
        text: The ratio in words.
        grade: How well it is known.
        source: Where it comes from and by what arithmetic.
    """

    name: str
    value: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float
    text: str
    grade: Grade
    source: str

    def to_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "name": self.name,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "ratio": self.ratio,
            "ratio_low": self.ratio_low,
            "ratio_high": self.ratio_high,
            "text": self.text,
            "grade": str(self.grade),
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One unit of capacity.

    Args:
        what: ``submissions``, ``deliveries`` or ``MB``.
        unit: 1/s or MB/s.
        here: What was measured.
        low: Lower end of its interval, if any.
        high: Upper end.
        beside: The same unit elsewhere.
        measured: Under which load.
    """

    what: str
    unit: str
    here: float
    low: float | None
    high: float | None
    beside: tuple[Beside, ...]
    measured: Measured

    def to_json(self) -> dict[str, Any]:
        """As one entry of the part ``capacity`` of a summary."""
        return {
            "what": self.what,
            "unit": self.unit,
            "here": self.here,
            "low": self.low,
            "high": self.high,
            "at_least": self.measured.at_least,
            "how": self.measured.how,
            "beside": [one.to_json() for one in self.beside],
            "stated": {
                "fan_out": self.measured.fan_out,
                "size_bytes_mean": self.measured.size_bytes_mean,
                "store_messages": self.measured.store_messages,
            },
        }


def rows(measured: Measured, provinces: Sequence[Traffic] = ()) -> tuple[Row, ...]:
    """Capacity in submissions, deliveries and megabytes per second, each beside the same unit elsewhere.

    Args:
        measured: What was seen; deliveries and bytes are its submissions at its own fan-out and sizes.
        provinces: Busiest hours of provinces, from scenarios.

    Returns:
        Three rows; beside each the provinces, then the national axis of July 2022 and what is estimated around it.
    """
    return tuple(_row(what, measured, (*provinces, *national_axis())) for what in WHAT)


def _row(what: str, measured: Measured, elsewhere: Sequence[Traffic]) -> Row:
    factor = measured.factor(what)
    here = measured.submissions_per_s * factor
    low, high = (None if end is None else end * factor for end in (measured.low_per_s, measured.high_per_s))
    beside = tuple(_beside(what, here, one, measured) for one in elsewhere)
    return Row(what, WHAT[what], here, low, high, beside, measured)


def _beside(what: str, here: float, other: Traffic, measured: Measured) -> Beside:
    grade, source, size = other.grade, other.source, measured.size_bytes_mean
    if what == "deliveries":
        found, scale = other.deliveries_per_s, 1.0
    elif what == "submissions":
        found, scale = other.submissions_per_s, 1.0
    elif other.bytes_per_s is not None:
        found, scale = other.bytes_per_s, 1 / MEGABYTE
    else:
        found, scale, grade = other.submissions_per_s, size / MEGABYTE, Grade.ASSUMED
        source = (
            f"{source}; no sizes are known there: assumed those of this load, {size / 1e3:,.0f} kB on average"
        )
    value, low, high = (one * scale for one in found)
    ratio, least, most = (here / one if one > 0 else math.inf for one in (value, high, low))
    text = times(ratio) if math.isclose(low, high) else f"{times(ratio)} ({number(least)} to {number(most)})"
    if measured.at_least:
        text = f"at least {text}"
    return Beside(other.name, value, low, high, ratio, least, most, text, grade, source)


def number(ratio: float) -> str:
    """Two digits, or whole numbers from ten on."""
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def times(ratio: float) -> str:
    """A multiple in words."""
    return f"{number(ratio)} times"
