"""What every section of the report needs: the run, the words, and numbers as people read them.

Rule kept here: reading only. A part that the summary lacks is told as missing, never guessed; a percentile that lies
among the misses is "no answer", never a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtests.report.texts import Language, Texts
from sim.report.numbers import NONE, Numbers, decimals_for
from sim.units import DAY_S

View = dict[str, Any]
STEPS = ("sign", "submit", "receipt", "available", "accepted", "acknowledged", "journey", "poll")
NBSP = "\u00a0"
_TIME_UNITS = ((1e-3, 1e-6, "us"), (1.0, 1e-3, "ms"), (600.0, 1.0, "s"), (math.inf, 60.0, "min"))
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_BYTE_UNITS = ((1e3, 1.0, "B"), (1e6, 1e3, "kB"), (1e9, 1e6, "MB"), (math.inf, 1e9, "GB"))


@dataclass(frozen=True, slots=True)
class Context:
    """One run in one language.

    Args:
        summary: ``summary.json`` as a mapping.
        manifest: ``manifest.json`` as a mapping.
        texts: Words.
        numbers: Number formats.
    """

    summary: Mapping[str, Any]
    manifest: Mapping[str, Any]
    texts: Texts
    numbers: Numbers

    def get(self, path: str, default: Any = None) -> Any:
        """Return what the summary holds at a dotted path, ``default`` where it holds nothing."""
        return reach(self.summary, path, default)

    def rows(self, path: str) -> list[Mapping[str, Any]]:
        """Return the mappings of a list of the summary."""
        found = self.get(path)
        return [row for row in found if isinstance(row, Mapping)] if isinstance(found, Sequence) else []

    @property
    def steps(self) -> dict[str, Mapping[str, Any]]:
        """Return the steps in the order of the journey, whatever the order of the file."""
        found = self.get("steps", {})
        return {
            key: found[key] for key in (*(key for key in STEPS if key in found), *sorted({*found} - {*STEPS}))
        }

    @property
    def faults(self) -> list[Mapping[str, Any]]:
        """Return the faults that were put on the timeline."""
        return self.rows("faults")

    def count(self, value: Any) -> str:
        """Return a whole number, such as ``12,345``."""
        return self.numbers.plain(value) if finite(value) else NONE

    def rate(self, value: Any) -> str:
        """Return a rate with its unit, such as ``49.8/s``; never coarser than three digits."""
        return f"{self.figure(value)}/s" if finite(value) else NONE

    def figure(self, value: Any) -> str:
        """Return a number of any size with three digits at least and no more than it needs."""
        if not finite(value):
            return NONE
        number = float(value)
        if number and abs(number) < 0.01:
            return self.numbers.plain(number, min(9, 1 - math.floor(math.log10(abs(number)))))
        return self.numbers.plain(number, None if number.is_integer() else decimals_for(number, None))

    def tick(self, value: float) -> str:
        """Return a round number on an axis, without needless zeros; from 100,000 on in thousands or more."""
        size, sign = next(
            ((size, sign) for size, sign in _PREFIXES if abs(value) >= 1e5 and abs(value) >= size), (1.0, "")
        )
        return f"{self._round(value / size)}{NBSP}{sign}".removesuffix(NBSP)

    def tick_time(self, value_s: float) -> str:
        """Return a round duration on an axis, such as ``10 ms``."""
        size, unit = _time_unit(value_s)
        return f"{self._round(value_s / size)}{NBSP}{self.texts(f'units.{unit}')}"

    def _round(self, value: float) -> str:
        decimals = next(
            (n for n in range(7) if abs(round(value, n) - value) <= 1e-9 * max(1.0, abs(value))), 6
        )
        return self.numbers.plain(value, decimals)

    def time(self, value_s: Any) -> str:
        """Return a duration in the unit that suits it, such as ``12.3 ms``; nothing is a dash."""
        if not finite(value_s):
            return NONE
        number = float(value_s)
        size, unit = _time_unit(number)
        return f"{self.numbers.plain(number / size)}{NBSP}{self.texts(f'units.{unit}')}"

    def answered(self, value_s: Any, samples: Any) -> str:
        """Return a percentile in which misses count: ``no answer`` where it lies among them, a dash without samples."""
        if finite(value_s):
            return self.time(value_s)
        return self.texts("words.no_answer") if samples else NONE

    def between(self, low: str, high: str) -> str:
        """Return a range of two shown numbers; nothing where neither is known."""
        return NONE if low == high == NONE else self.texts("words.range", low=low, high=high)

    def share(self, part: Any, whole: Any) -> str:
        """Return a part of a whole in percent; nothing of nothing is a dash."""
        if not finite(part) or not finite(whole) or not whole:
            return NONE
        percent = 100 * float(part) / float(whole)
        if part and percent < 0.01:
            return f"<{self.numbers.plain(0.01, 2)}{NBSP}%"
        if part != whole and percent > 99.99:
            return f">{self.numbers.plain(99.99, 2)}{NBSP}%"
        return f"{self.numbers.plain(percent, 0 if percent in (0.0, 100.0) else 2)}{NBSP}%"

    def part(self, value: Any) -> str:
        """Return a share in percent with as many digits as its size asks for, such as ``0.1 %``."""
        if not finite(value):
            return NONE
        percent = 100 * float(value)
        short = abs(round(percent, 3) - percent) < 1e-9
        return f"{self._round(round(percent, 3)) if short else self.figure(percent)}{NBSP}%"

    def bytes(self, value: Any) -> str:
        """Return a size, such as ``1.2 MB``; a thousand bytes are a kilobyte."""
        if not finite(value):
            return NONE
        size, unit = next((size, unit) for below, size, unit in _BYTE_UNITS if abs(value) < below)
        return f"{self.numbers.plain(float(value) / size)}{NBSP}{unit}"

    def step(self, key: Any) -> str:
        """Return the name of a step of the journey."""
        return self.texts.name("step", key)


def _time_unit(value_s: float) -> tuple[float, str]:
    """Return size and name of the unit that suits a duration; nought is in seconds."""
    if value_s == 0:
        return 1.0, "s"
    return next((size, unit) for below, size, unit in _TIME_UNITS if abs(value_s) < below)


def finite(value: Any) -> bool:
    """Return whether a value of the summary is a number that is known and finite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def reach(node: Any, path: str, default: Any = None) -> Any:
    """Return what nested mappings hold at a dotted path, ``default`` where that is nothing."""
    for part in path.split("."):
        if not isinstance(node, Mapping):
            return default
        node = node.get(part)
    return default if node is None else node


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Return nested mappings as (dotted name, text), in their order; what is missing or empty is left out."""
    if isinstance(value, Mapping):
        parts = (flat(part, f"{prefix}.{key}" if prefix else str(key)) for key, part in value.items())
        return [pair for part in parts for pair in part]
    if value is None or value in ("", [], ()):
        return []
    return [(prefix, ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value))]


def context(summary: Mapping[str, Any], manifest: Mapping[str, Any], language: Language) -> Context:
    """Return the context of a run in a language."""
    texts = Texts(language)
    return Context(summary, manifest, texts, Numbers(texts, DAY_S, 1))
