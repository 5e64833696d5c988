"""Numbers as a planner writes them: with a unit, and with a source, a grade and a range where they have one.

Rule kept here: an assumed number without a range is refused, so that no guess can pose as a fact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sim import distributions, units
from sim.errors import InputError
from sim.units import Dimension


class Grade(StrEnum):
    """How well a number is known."""

    PUBLISHED = "published"
    MEASURED = "measured"
    LAW = "law"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Param:
    """One number of a scenario.

    Args:
        value: In the base unit of ``dimension``.
        dimension: What it measures.
        text: As written.
        grade: How well it is known; ``None`` where the file does not say.
        source: Where it comes from; may be empty.
        range: Lowest and highest credible value, base unit; required when assumed.
        range_text: The range as written.
    """

    value: float
    dimension: Dimension
    text: str
    grade: Grade | None = None
    source: str = ""
    range: tuple[float, float] | None = None
    range_text: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a distribution was built from, kept where a number inside it has a range of its own.

    Args:
        raw: Kind and parameters as written.
        dimensions: What its numbers may measure.
        folder: Where ``empirical: {file: …}`` is looked up.
    """

    raw: Any
    dimensions: tuple[Dimension, ...]
    folder: Path | None

    def built(self, values: Mapping[str, float]) -> distributions.Distribution:
        """Build the distribution again with other numbers.

        Args:
            values: Numbers in the base unit, by field such as ``lognormal.mean``; the rest stays as written.

        Raises:
            InputError: ``E-DIST-IMPOSSIBLE`` when they contradict one another.
        """

        def read(item: Any, field: str) -> float:
            known = values.get(field)
            return read_param(item, self.dimensions, 0.0, math.inf).value if known is None else known

        return distributions.build(self.raw, read, folder=self.folder)


@dataclass(frozen=True, slots=True)
class DistParam:
    """A distribution of a scenario; its ``range``, if any, is the range of its mean at the same shape.

    Args:
        dist: In the base unit of ``dimension``.
        dimension: What it measures.
        text: As written, for people.
        grade: How well it is known.
        source: Where it comes from.
        range: Lowest and highest credible mean, base unit.
        range_text: The range as written.
        parts: Graded numbers inside it, by field.
        spec: What it was built from; only where one of its parts has a range.
    """

    dist: distributions.Distribution
    dimension: Dimension
    text: str
    grade: Grade | None = None
    source: str = ""
    range: tuple[float, float] | None = None
    range_text: str = ""
    parts: tuple[tuple[str, Param], ...] = ()
    spec: Spec | None = field(default=None, compare=False, repr=False)


_GRADE_KEYS = ("grade", "source", "range")
RANGE_TOLERANCE = 1e-6  # relative; the mean of a fitted distribution is not exact


class InsideError(InputError):
    """An input error about something inside the value, at the path ``at``."""

    def __init__(self, code: str, message: str, hint: str = "", at: tuple[str, ...] = ()) -> None:
        super().__init__(code, message, hint)
        self.args = (code, message, hint, at)
        self.at = at


def _grade(raw: Mapping[str, Any]) -> Grade | None:
    if "grade" not in raw:
        return None
    try:
        return Grade(raw["grade"])
    except ValueError:
        hint = f"one of: {', '.join(Grade)}"
        raise InsideError("E-GRADE", f"found grade {raw['grade']!r}", hint, ("grade",)) from None


def _range(raw: Mapping[str, Any], read: Callable[[Any], Param]) -> tuple[Param, Param] | None:
    if "range" not in raw:
        return None
    pair = raw["range"]
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise InsideError("E-RANGE", f"found range {pair!r}", "write [lowest, highest]", ("range",))
    try:
        low, high = read(pair[0]), read(pair[1])
    except InputError as error:
        raise InsideError(error.code, error.message, error.hint, ("range",)) from None
    if not low.value <= high.value:
        raise InsideError("E-RANGE", f"found range {pair!r}", "the lowest comes first", ("range",))
    return low, high


def _grading(
    raw: Mapping[str, Any], read: Callable[[Any], Param], value: float, dimension: Dimension
) -> dict[str, Any]:
    """Read ``grade``, ``source`` and ``range`` from a mapping; the range must hold ``value``."""
    grade, source, limits = _grade(raw), raw.get("source", ""), _range(raw, read)
    if not isinstance(source, str):
        raise InsideError("E-SOURCE", f"found source {source!r}", "write the source as text", ("source",))
    out: dict[str, Any] = {"grade": grade, "source": source}
    if limits is not None:
        low, high = limits
        for one in limits:
            if one.value > 0 and value > 0 and one.dimension is not dimension:
                found = f"found range in {one.dimension} of a value in {dimension}"
                raise InsideError("E-UNIT-WRONG", found, "use one kind of unit throughout", ("range",))
        slack = RANGE_TOLERANCE * value
        if not low.value - slack <= value <= high.value + slack:
            found = (
                f"found range {low.text} to {high.text}, which does not hold the value {value:g} {dimension}"
            )
            raise InsideError("E-RANGE", found, "the range must hold the value, or the mean", ("range",))
        out["range"] = (low.value, high.value)
        out["range_text"] = f"{low.text} to {high.text}"
    if grade is Grade.ASSUMED and limits is None:
        found = "found an assumed number without a range"
        raise InputError("E-ASSUMED-RANGE", found, "add range: [lowest, highest] credible value")
    if grade in {Grade.PUBLISHED, Grade.MEASURED, Grade.LAW} and not source.strip():
        found = f"found grade {grade} without a source"
        raise InputError("E-SOURCE", found, "add source: where the number comes from")
    return out


def _unknown(raw: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for key in raw:
        if key not in allowed:
            hint = f"allowed: {', '.join(allowed)}"
            raise InsideError("E-UNKNOWN-KEY", f"found unknown key {key!r}", hint, (str(key),))


def _bare(raw: Any, dimensions: tuple[Dimension, ...], low: float, high: float) -> Param:
    """Read a number without grade."""
    if not isinstance(raw, (str, int, float)):
        shown = {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(raw), repr(raw))
        names = units.units_of(*dimensions)
        hint = f"write a number{' with its unit: ' + ', '.join(names) if names else ''}"
        raise InputError("E-QUANTITY", f"found {shown}", hint)
    quantity = units.read(raw, *dimensions)
    if quantity.value < low and low == 0:
        raise InputError("E-NEGATIVE", f"found {raw!r}", "it cannot be negative")
    if not low <= quantity.value <= high:
        limits = f"between {low:g} and {high:g}" if math.isfinite(high) else f"at least {low:g}"
        raise InputError("E-OUT-OF-RANGE", f"found {raw!r}", f"it must be {limits}")
    return Param(quantity.value, quantity.dimension or dimensions[0], str(raw))


def read_param(raw: Any, dimensions: tuple[Dimension, ...], low: float, high: float) -> Param:
    """Read a number, bare or graded.

    Args:
        raw: ``2 h`` or ``{value: 2 h, grade: assumed, range: [1 h, 3 h], source: …}``.
        dimensions: What it may measure.
        low: Smallest allowed value, base unit.
        high: Largest allowed value, base unit.

    Raises:
        InputError: With a stable code for whatever is wrong.
    """
    if isinstance(raw, Param):
        return raw
    if not isinstance(raw, Mapping):
        return _bare(raw, dimensions, low, high)
    _unknown(raw, ("value", *_GRADE_KEYS))
    if "value" not in raw:
        raise InputError("E-MISSING", "found a mapping without 'value'", "add value: the number")
    try:
        param = _bare(raw["value"], dimensions, low, high)
    except InputError as error:
        raise InsideError(error.code, error.message, error.hint, ("value",)) from None
    graded = _grading(raw, lambda item: _bare(item, dimensions, low, high), param.value, param.dimension)
    return replace(param, **graded)


class _Numbers:
    """Reads the numbers of one distribution and keeps what they have in common.

    Args:
        dimensions: What they may measure; those above zero must agree on one.
    """

    def __init__(self, dimensions: tuple[Dimension, ...]) -> None:
        self.dimensions = dimensions
        self.parts: list[tuple[str, Param]] = []
        self.seen: Dimension | None = None

    def __call__(self, item: Any, field: str) -> float:
        at = tuple(field.split(".")) if field else ()
        try:
            param = read_param(item, self.dimensions, 0.0, math.inf)
        except InputError as error:
            inner = error.at if isinstance(error, InsideError) else ()
            raise InsideError(error.code, error.message, error.hint, (*at, *inner)) from None
        if param.value > 0:
            if self.seen not in {None, param.dimension}:
                found = f"found {param.text!r} beside {self.seen}"
                raise InsideError("E-UNIT-WRONG", found, "use one kind of unit throughout", at)
            self.seen = param.dimension
        if param.grade is not None:
            self.parts.append((field, param))
        return param.value


def sample_files(raw: Any) -> Iterator[str]:
    """Give the name of every sample file that raw data mentions (``empirical: {file: …}``)."""
    if isinstance(raw, Mapping):
        inner = raw.get("empirical")
        if isinstance(inner, Mapping) and isinstance(inner.get("file"), str):
            yield inner["file"]
        for value in raw.values():
            yield from sample_files(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from sample_files(value)


def sample_folder(raw: Any, folders: Sequence[Path]) -> Path | None:
    """Return the first folder that has the sample files that ``raw`` mentions; failing that, the first."""
    names = list(sample_files(raw))
    for folder in folders:
        try:
            if all((folder / name).is_file() for name in names):
                return folder
        except (OSError, ValueError):  # a name that no file can have; reading it says so
            break
    return folders[0] if folders else None


def read_distribution(raw: Any, dimensions: tuple[Dimension, ...], folder: Path | None) -> DistParam:
    """Read a distribution, bare or graded.

    Args:
        raw: ``{lognormal: {mean: 2 h, p95: 6 h}, grade: assumed, range: [1 h, 3 h]}`` or one quantity.
        dimensions: What it may measure; all its numbers must agree on one.
        folder: Where ``empirical: {file: …}`` is looked up.

    Raises:
        InputError: With a stable code for whatever is wrong.
    """
    if isinstance(raw, DistParam):
        return raw
    read = _Numbers(dimensions)
    if isinstance(raw, Mapping) and "value" in raw:
        one = read_param(raw, dimensions, 0.0, math.inf)
        dist = distributions.build(raw["value"], read, folder=folder)
        return DistParam(dist, one.dimension, one.text, one.grade, one.source, one.range, one.range_text)
    spec = raw
    if isinstance(raw, Mapping):
        spec = {key: value for key, value in raw.items() if key not in _GRADE_KEYS}
    dist = distributions.build(spec, read, folder=folder)
    dimension = read.seen or dimensions[0]
    graded: dict[str, Any] = {}
    if isinstance(raw, Mapping):
        graded = _grading(raw, lambda item: _bare(item, dimensions, 0.0, math.inf), dist.mean, dimension)
    parts = tuple(read.parts)
    again = Spec(spec, dimensions, folder) if any(one.range for _, one in parts) else None
    return DistParam(dist, dimension, _text(spec), parts=parts, spec=again, **graded)


def _text(spec: Any) -> str:
    """Render a raw spec for people: ``lognormal, mean 2 h, p95 6 h``."""
    if not isinstance(spec, Mapping):
        return str(spec)
    words = []
    for kind, inner in spec.items():
        words.append(str(kind))
        if isinstance(inner, Mapping):
            for key, value in inner.items():
                shown = value["value"] if isinstance(value, Mapping) and "value" in value else value
                words.append(
                    f"{key} {shown}" if not isinstance(shown, (list, dict)) else f"{key} of {len(shown)}"
                )
        else:
            words.append(str(inner))
    return ", ".join(words)


def in_seconds(param: Param, day_s: float) -> float:
    """Return a duration in seconds; working days become an office's own working seconds."""
    return param.value * day_s if param.dimension is Dimension.WORKING_DAYS else param.value


def dist_in_seconds(param: DistParam, day_s: float) -> distributions.Distribution:
    """Return a distribution of durations in seconds; working days become working seconds."""
    return param.dist.scaled(day_s) if param.dimension is Dimension.WORKING_DAYS else param.dist


def at_value(param: Param, value: float) -> Param:
    """Return the same number at another value, its grade and source kept."""
    return replace(param, value=value)
