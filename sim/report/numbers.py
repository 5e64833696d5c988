"""Numbers for people: as many digits as the interval justifies, always with the half-width and the unit.

Rule kept here: working time and calendar time never share a unit name, and a number without an interval
says that the interval is unknown. Times come in seconds, shares as parts of one; nothing is computed but
a change of unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sim.report.texts import Texts
from sim.units import DAY_S, HOUR_S, MINUTE_S

NONE = "–"
PLUS_MINUS = "\u00a0±\u00a0"
DECIMALS_MAX = 3  # more digits than this are noise in every quantity of this report
_MARKS = {"en": (".", ","), "vi": (",", ".")}  # decimal mark, thousands mark


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that a group of numbers is shown in.

    Args:
        key: Name under ``units`` in the locale files.
        size: One of it, in the base unit of the summary (seconds, or parts of one).
    """

    key: str
    size: float


SHARE = Unit("percent", 0.01)
ONE = Unit("none", 1.0)


def decimals_for(estimate: float, half_width: float | None) -> int:
    """Return the decimals worth showing; negative ones round to tens, hundreds and so on.

    Args:
        estimate: The number, in the unit shown.
        half_width: Its half-width in the same unit; ``None`` or 0 gives the estimate three digits.

    Returns:
        Decimals that show one digit of the half-width, or two where its first digit is a 1; one more where
        an estimate of that size would keep a single digit.
    """
    if not half_width or half_width <= 0:
        size = abs(estimate)
        return min(DECIMALS_MAX, max(0, 2 - math.floor(math.log10(size)))) if size > 0 else 0
    exponent = math.floor(math.log10(half_width))
    if half_width < 1.95 * 10.0**exponent:
        exponent -= 1
    decimals = -exponent
    if half_width < 10 * abs(estimate) and decimals < 1 - math.floor(math.log10(abs(estimate))):
        decimals += 1
    return min(DECIMALS_MAX, decimals)


def decimals_between(low: float, high: float) -> tuple[int, int]:
    """Return the decimals worth showing of each end of a range.

    Args:
        low: Lower end, in the unit shown.
        high: Upper end in the same unit.

    Returns:
        Decimals that show two digits of the width (three of the ends where there is none); more for an end that
        would else be rounded to nought.
    """
    width = high - low
    common = 1 - math.floor(math.log10(width)) if width > 0 else decimals_for(low, None)
    found = []
    for end in (low, high):
        decimals = min(DECIMALS_MAX, common)
        while end and decimals < DECIMALS_MAX and not round(end, decimals):
            decimals += 1
        found.append(decimals)
    return found[0], found[1]


class Numbers:
    """Formats numbers in the language of ``texts``.

    Args:
        texts: Words of units and of missing values.
        day_s: An office's own working day, in seconds.
        replications: Replications of the run; an estimate from fewer says so.
    """

    def __init__(self, texts: Texts, day_s: float, replications: int) -> None:
        self.texts = texts
        self.day_s = day_s
        self.replications = replications
        self._decimal, self._thousands = _MARKS[texts.language]

    def plain(self, value: float | None, decimals: int | None = None, *, sign: bool = False) -> str:
        """Return one number with grouped thousands; ``None`` as a dash; ``sign`` shows a plus, too."""
        if value is None or not math.isfinite(value):
            return NONE
        if decimals is None:
            decimals = 0 if float(value).is_integer() else decimals_for(value, None)
        rounded = round(float(value), decimals)
        text = f"{abs(rounded):,.{max(decimals, 0)}f}"
        text = text.translate(str.maketrans(",.", self._thousands + self._decimal))
        lead = "−" if rounded < 0 else "+" if sign and rounded > 0 else ""
        return lead + text

    def parts(
        self, value: Mapping[str, Any] | None, unit: Unit = ONE, *, sign: bool = False
    ) -> tuple[str, str]:
        """Return estimate and half-width as texts; the second is empty where nothing is to be said of it.

        That is where there is no estimate, and where every replication has nought.
        """
        if value is None or value.get("estimate") is None:
            return NONE, ""
        estimate = value["estimate"] / unit.size
        half = None if value.get("half_width") is None else abs(value["half_width"] / unit.size)
        decimals = decimals_for(estimate, half)
        shown = self.plain(estimate, decimals, sign=sign)
        if estimate == 0 and half == 0:
            return shown, ""
        if half is None:
            return shown, self.texts("numbers.unknown_one")
        if half and round(half, decimals) == 0:
            return shown, "<" + self.plain(10.0**-decimals, decimals)
        return shown, self.plain(half, decimals) if half else "0"

    def estimate(self, value: Mapping[str, Any] | None, unit: Unit = ONE, *, sign: bool = False) -> str:
        """Return such as ``4.2 ± 0.1``, without its unit.

        Args:
            value: An estimate of the summary, or nothing.
            unit: Unit to show it in.
            sign: Show a plus sign too.
        """
        shown, half = self.parts(value, unit, sign=sign)
        if value is None or not half:
            return shown
        count = int(value.get("replications") or 0)
        few = ""
        if 1 < count < self.replications:
            few = " " + self.texts("numbers.few", n=count, all=self.replications)
        return shown + PLUS_MINUS + half + few

    def percent(self, value: Mapping[str, Any] | None, unit: Unit = SHARE, *, sign: bool = False) -> str:
        """Return such as ``−37 % ± 2 %``; ``unit`` is :data:`ONE` where the summary counts in percent."""
        shown, half = self.parts(value, unit, sign=sign)
        if not half:
            return shown if shown == NONE else f"{shown}\u00a0%"
        return f"{shown}\u00a0%{PLUS_MINUS}{half}" + ("\u00a0%" if half[0] in "<0123456789" else "")

    def spread(
        self, value: Mapping[str, Any] | None, unit: Unit = ONE, *, sign: bool = False, mark: str = ""
    ) -> str:
        """Return such as ``−2.4 to −1.1``: the range over draws of the assumptions, without its unit.

        Args:
            value: A ``spread`` of the summary, or nothing.
            unit: Unit to show it in.
            sign: Show plus signs, too.
            mark: Stands after each number, such as a percent sign.
        """
        if value is None or value.get("low") is None or value.get("high") is None:
            return NONE
        low, high = value["low"] / unit.size, value["high"] / unit.size
        decimals = decimals_between(low, high)
        ends = [self.plain(end, n, sign=sign) + mark for end, n in zip((low, high), decimals, strict=True)]
        return self.texts("numbers.range", low=ends[0], high=ends[1])

    def beside(self, shown: str, value: Mapping[str, Any] | None, unit: Unit = ONE, **style: Any) -> str:
        """Return an estimate as shown and, on a line of its own, its range over draws of the assumptions.

        Args:
            shown: The estimate with its interval.
            value: Its ``spread``; nothing where the inputs were fixed, and then only ``shown`` is returned.
            unit: Unit of both.
            style: As of :meth:`spread`.
        """
        told = NONE if value is None else self.spread(value, unit, **style)
        return shown if told == NONE else f"{shown}\n{told}"

    def time_unit(self, seconds: Iterable[float | None], *, working: bool) -> Unit:
        """Return the largest unit that the largest of ``seconds`` fills.

        Args:
            seconds: Times that are shown together; missing ones are passed over.
            working: Whether they are office working time.
        """
        largest = max((abs(s) for s in seconds if s is not None), default=0.0)
        kind = "working" if working else "calendar"
        for key, size in (
            ("days", self.day_s if working else DAY_S),
            ("hours", HOUR_S),
            ("minutes", MINUTE_S),
        ):
            if largest >= size:
                return Unit(f"{kind}_{key}", size)
        return Unit(f"{kind}_seconds", 1.0)

    def unit(self, unit: Unit) -> str:
        """Return the name of a unit."""
        return self.texts(f"units.{unit.key}")

    def duration(self, seconds: float | None, *, working: bool) -> str:
        """Return one duration without interval, such as ``18 calendar days`` or ``10 working days``."""
        if seconds is None:
            return NONE
        unit = self.time_unit([seconds], working=working)
        value = seconds / unit.size
        decimals = 0 if abs(value - round(value)) < 1e-9 or abs(value) >= 99.5 else 1
        return f"{self.plain(value, decimals)} {self.unit(unit)}"

    def date(self, text: object) -> str:
        """Return an ISO date as the language writes it; anything else as it is."""
        try:
            day = date.fromisoformat(str(text))
        except ValueError:
            return str(text)
        if self.texts.language == "vi":
            return f"{day.day:02d}/{day.month:02d}/{day.year}"
        return f"{day.day} {self.texts('months').split()[day.month - 1]} {day.year}"
