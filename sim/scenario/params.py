"""Numbers as a planner writes them: with a unit, and with a source, a grade and a range where they have one.

Rule kept here: an assumed number without a range is refused, so that no guess can pose as a fact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

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
    """

    dist: distributions.Distribution
    dimension: Dimension
    text: str
    grade: Grade | None = None
    source: str = ""
    range: tuple[float, float] | None = None
    range_text: str = ""
    parts: tuple[tuple[str, Param], ...] = ()


_GRADE_KEYS = ("grade", "source", "range")


def _fail(error: InputError, field: str = "") -> PydanticCustomError:
    """Carry an input error through pydantic; braces would be read as its format fields."""
    found = f"{field}: {error.message}" if field else error.message
    return PydanticCustomError(error.code, "{found}", {"found": found, "hint": error.hint})


def _grading(raw: Mapping[str, Any], read: Callable[[Any], float]) -> dict[str, Any]:
    """Read ``grade``, ``source`` and ``range`` from a mapping."""
    out: dict[str, Any] = {}
    if "grade" in raw:
        try:
            out["grade"] = Grade(raw["grade"])
        except ValueError:
            raise InputError(
                "E-GRADE", f"found grade {raw['grade']!r}", f"one of: {', '.join(Grade)}"
            ) from None
    source = raw.get("source", "")
    if not isinstance(source, str):
        raise InputError("E-SOURCE", f"found source {source!r}", "write the source as text")
    out["source"] = source
    if "range" in raw:
        pair = raw["range"]
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise InputError("E-RANGE", f"found range {pair!r}", "write [lowest, highest]")
        low, high = read(pair[0]), read(pair[1])
        if not low <= high:
            raise InputError("E-RANGE", f"found range {pair!r}", "the lowest comes first")
        out["range"] = (low, high)
        out["range_text"] = f"{pair[0]} to {pair[1]}"
    if out.get("grade") is Grade.ASSUMED and "range" not in out:
        raise InputError(
            "E-ASSUMED-RANGE",
            "found an assumed number without a range",
            "add range: [lowest, highest] credible value",
        )
    if out.get("grade") in (Grade.PUBLISHED, Grade.MEASURED, Grade.LAW) and not out["source"]:
        raise InputError(
            "E-SOURCE", f"found grade {out['grade']} without a source", "add source: where it was published"
        )
    return out


def _unknown(raw: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for key in raw:
        if key not in allowed:
            raise InputError("E-UNKNOWN-KEY", f"found key {key!r}", f"allowed: {', '.join(allowed)}")


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

    def one(item: Any) -> float:
        if not isinstance(item, (str, int, float)):
            raise InputError("E-QUANTITY", f"found {item!r}", "write a number with its unit")
        quantity = units.read(item, *dimensions)
        if quantity.value < low and low == 0:
            raise InputError("E-NEGATIVE", f"found {item!r}", "it cannot be negative")
        if not low <= quantity.value <= high:
            limits = f"between {low:g} and {high:g}" if math.isfinite(high) else f"at least {low:g}"
            raise InputError("E-OUT-OF-RANGE", f"found {item!r}", f"it must be {limits}")
        return quantity.value

    if isinstance(raw, Mapping):
        _unknown(raw, ("value", *_GRADE_KEYS))
        if "value" not in raw:
            raise InputError("E-MISSING", "found a mapping without 'value'", "add value: the number")
        graded = _grading(raw, one)
        value = one(raw["value"])
        quantity = units.read(raw["value"], *dimensions)
        if graded.get("range") and not graded["range"][0] <= value <= graded["range"][1]:
            raise InputError(
                "E-RANGE", f"found {raw['value']!r} outside its range", "the range must hold the value"
            )
        return Param(value, quantity.dimension or dimensions[0], str(raw["value"]), **graded)
    value = one(raw)
    return Param(value, units.read(raw, *dimensions).dimension or dimensions[0], str(raw))


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
    parts: list[tuple[str, Param]] = []
    seen: list[Dimension] = []

    def read(item: Any, field: str) -> float:
        param = read_param(item, dimensions, 0.0, math.inf)
        if param.value > 0 or not seen:
            if seen and param.dimension != seen[0]:
                raise InputError(
                    "E-UNIT-WRONG",
                    f"found {param.text!r} beside {seen[0]}",
                    "use one kind of unit throughout",
                )
            if param.value > 0:
                seen.append(param.dimension)
        if param.grade is not None:
            parts.append((field, param))
        return param.value

    graded: dict[str, Any] = {}
    spec = raw
    if isinstance(raw, Mapping):
        if "value" in raw:
            param = read_param(raw, dimensions, 0.0, math.inf)
            dist = distributions.build(raw["value"], read, folder=folder)
            return DistParam(
                dist, param.dimension, param.text, param.grade, param.source, param.range, param.range_text
            )
        graded = _grading(raw, lambda item: read_param(item, dimensions, 0.0, math.inf).value)
        spec = {key: value for key, value in raw.items() if key not in _GRADE_KEYS}
    dist = distributions.build(spec, read, folder=folder)
    return DistParam(dist, seen[0] if seen else dimensions[0], _text(spec), parts=tuple(parts), **graded)


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


_GRADED_SCHEMA = {
    "grade": {"enum": [str(grade) for grade in Grade], "description": "how well the number is known"},
    "source": {"type": "string", "description": "where the number comes from"},
    "range": {
        "type": "array", "minItems": 2, "maxItems": 2,
        "description": "lowest and highest credible value; required when assumed",
    },
}  # fmt: skip


def _param_schema(dimensions: tuple[Dimension, ...]) -> dict[str, Any]:
    names = units.units_of(*dimensions)
    scalar: dict[str, Any] = {"type": ["string", "number"], "description": f"units: {', '.join(names)}"}
    return {
        "anyOf": [
            scalar,
            {
                "type": "object", "required": ["value"], "additionalProperties": False,
                "properties": {"value": scalar, **_GRADED_SCHEMA},
            },
        ]
    }  # fmt: skip


def _dist_schema(dimensions: tuple[Dimension, ...]) -> dict[str, Any]:
    names = units.units_of(*dimensions)
    scalar: dict[str, Any] = {"type": ["string", "number"], "description": f"units: {', '.join(names)}"}
    kinds = {
        kind: {"description": "parameters: " + " | ".join(", ".join(sorted(one)) for one in allowed)}
        for kind, allowed in distributions.KINDS.items()
    }
    return {
        "anyOf": [
            scalar,
            {
                "type": "object", "additionalProperties": False,
                "properties": {**kinds, "value": scalar, **_GRADED_SCHEMA},
            },
        ]
    }  # fmt: skip


def number(*dimensions: Dimension, low: float = 0.0, high: float = math.inf) -> Any:
    """Make the field type of a number that measures one of ``dimensions`` and lies in [low, high]."""

    def validate(raw: Any) -> Param:
        try:
            return read_param(raw, dimensions, low, high)
        except InputError as error:
            raise _fail(error) from None

    return Annotated[Param, BeforeValidator(validate), WithJsonSchema(_param_schema(dimensions))]


def distribution(*dimensions: Dimension) -> Any:
    """Make the field type of a distribution that measures one of ``dimensions``."""

    def validate(raw: Any, info: ValidationInfo) -> DistParam:
        folder = (info.context or {}).get("folder")
        try:
            return read_distribution(raw, dimensions, folder)
        except InputError as error:
            raise _fail(error) from None

    return Annotated[DistParam, BeforeValidator(validate), WithJsonSchema(_dist_schema(dimensions))]


def in_seconds(param: Param, day_s: float) -> float:
    """Return a duration in seconds; working days become an office's own working seconds."""
    return param.value * day_s if param.dimension is Dimension.WORKING_DAYS else param.value


def dist_in_seconds(param: DistParam, day_s: float) -> distributions.Distribution:
    """Return a distribution of durations in seconds; working days become working seconds."""
    return param.dist.scaled(day_s) if param.dimension is Dimension.WORKING_DAYS else param.dist


def at_value(param: Param, value: float) -> Param:
    """Return the same number at another value, its grade and source kept."""
    return replace(param, value=value)
