"""How an objective is written, such as ``submit p99 < 500 ms``, ``submit max < 2 s`` or ``failed < 0.1 %``.

Rule kept here: an objective says which share of which times may be above which bound; all of these forms do.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError

STEPS: Final = ("sign", "submit", "receipt", "available", "accepted", "acknowledged", "journey", "poll")
FAILED: Final = "failed"

_UNITS_S: Final = {"us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_FORM: Final = re.compile(
    r"\s*(?P<step>\w+)(?:\s+(?P<which>max|[pP]\d+(?:\.\d+)?))?\s*(?P<sign><=|≤|<)\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[^\W\d]+|%)\s*"
)
_RIGHT: Final = "submit p99 < 500 ms, journey p95 < 2 min, submit max < 2 s, or failed < 0.1 %"

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Objective:
    """What shall hold for the response times of a step.

    Args:
        text: As it was given, with single spaces.
        step: One of ``STEPS``, or ``failed``: every arrival, and whether it came at all.
        percentile: Above 0; 100 stands for the maximum.
        bound_s: What the percentile shall be below; +inf for ``failed``.
        inclusive: True where a time of exactly the bound is within it.
    """

    text: str
    step: str
    percentile: float
    bound_s: float
    inclusive: bool = False

    @property
    def share(self) -> float:
        """The share of times that may be above the bound; 0 for the maximum."""
        return float((100 - Decimal(repr(self.percentile))) / 100)

    def over(self, values_s: Floats, bound_s: float | None = None) -> Bools:
        """Return which times are not within the bound, or within another one."""
        bound = self.bound_s if bound_s is None else bound_s
        return values_s > bound if self.inclusive and math.isfinite(bound) else values_s >= bound

    @classmethod
    def parse(cls, text: str) -> Objective:
        """Read an objective, such as ``submit p99 < 500 ms`` or ``failed < 0.1 %``.

        Raises:
            InputError: ``E-OBJECTIVE``: it is none; the hint shows right ones.
        """
        found = _FORM.fullmatch(text)
        if not found:
            raise _wrong(f"found {text!r}", f"write an objective such as {_RIGHT}")
        step, which, unit = found["step"].lower(), (found["which"] or "").lower(), found["unit"]
        number, inclusive, shown = Decimal(found["number"]), found["sign"] != "<", " ".join(text.split())
        if step == FAILED:
            return cls(
                shown, step, _percentile_of_failed(text, which, number, unit, inclusive), math.inf, inclusive
            )
        if step not in STEPS:
            raise _wrong(f"found the step {step!r} in {text!r}", _closest(step, (*STEPS, FAILED), "steps"))
        if unit not in _UNITS_S:
            raise _wrong(
                f"found the unit {unit!r} in {text!r}", _closest(unit, ("us", "ms", "s", "min", "h"), "units")
            )
        if not which:
            raise _wrong(
                f"found no percentile in {text!r}", f"write p99 or max after the step, as in {_RIGHT}"
            )
        percentile = 100.0 if which == "max" else float(which[1:])
        if which != "max" and not 0 < percentile < 100:
            raise _wrong(
                f"found {which!r} in {text!r}", "a percentile lies between 0 and 100; the maximum is max"
            )
        if not number:
            raise _wrong(f"found a bound of 0 in {text!r}", "write a bound above 0")
        return cls(shown, step, percentile, float(number) * _UNITS_S[unit], inclusive)


def _percentile_of_failed(text: str, which: str, number: Decimal, unit: str, inclusive: bool) -> float:
    """Return the percentile that must have come, for ``failed`` with a share in percent."""
    if which or unit != "%":
        raise _wrong(f"found {text!r}", "failed is a share of all arrivals: failed < 0.1 %")
    if not (0 < number < 100 or (inclusive and not number)):
        raise _wrong(
            f"found a share of {number} % in {text!r}", "write a share above 0 %, or failed <= 0 % for none"
        )
    return float(100 - number)


def _closest(word: str, known: tuple[str, ...], kind: str) -> str:
    close = get_close_matches(word, known, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"{meant}{kind} are {', '.join(known)}; for example {_RIGHT}"


def _wrong(message: str, hint: str) -> InputError:
    return InputError("E-OBJECTIVE", message, hint)
