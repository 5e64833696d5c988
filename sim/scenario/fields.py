"""Field types of the scenario file for numbers and distributions, and how editors see them.

Rule kept here: a field says once what it measures; reading and JSON Schema both follow from that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from sim import distributions, units
from sim.errors import InputError
from sim.scenario.params import (
    DistParam,
    Grade,
    InsideError,
    Param,
    read_distribution,
    read_param,
    sample_folder,
)
from sim.units import Dimension


def _fail(error: InputError) -> PydanticCustomError:
    """Carry an input error through pydantic; braces would be read as its format fields."""
    at = error.at if isinstance(error, InsideError) else ()
    return PydanticCustomError(error.code, "{found}", {"found": error.message, "hint": error.hint, "at": at})


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
        folders: Sequence[Path] = (info.context or {}).get("folders", ())
        try:
            return read_distribution(raw, dimensions, sample_folder(raw, folders))
        except InputError as error:
            raise _fail(error) from None

    return Annotated[DistParam, BeforeValidator(validate), WithJsonSchema(_dist_schema(dimensions))]


_GRADED_SCHEMA = {
    "grade": {"enum": [str(grade) for grade in Grade], "description": "how well the number is known"},
    "source": {"type": "string", "description": "where the number comes from; not for assumed ones"},
    "range": {
        "type": "array", "minItems": 2, "maxItems": 2, "items": {"type": ["string", "number"]},
        "description": "lowest and highest credible value; required when assumed",
    },
}  # fmt: skip


def _name(what: str, dimensions: tuple[Dimension, ...]) -> str:
    """Name a schema that many fields share; :mod:`sim.scenario.json_schema` writes it once."""
    measured = "-or-".join(one.name.lower() for one in dimensions)
    return f"{what}-of-{measured if len(dimensions) < len(Dimension) else 'anything'}"


def _scalar_schema(dimensions: tuple[Dimension, ...]) -> dict[str, Any]:
    names = units.units_of(*dimensions)
    says = f"a number with its unit: {', '.join(names)}" if names else "a number without a unit"
    return {"type": ["string", "number"], "description": says}


def _param_schema(dimensions: tuple[Dimension, ...]) -> dict[str, Any]:
    scalar = _scalar_schema(dimensions)
    graded = {
        "type": "object", "required": ["value"], "additionalProperties": False,
        "properties": {"value": scalar, **_GRADED_SCHEMA},
    }  # fmt: skip
    return {"anyOf": [scalar, graded], "$comment": _name("number", dimensions)}


def _kind_schema(kind: str, scalar: dict[str, Any]) -> dict[str, Any]:
    """Describe the parameters of one kind of distribution."""
    allowed = distributions.KINDS[kind]
    names = sorted(frozenset[str]().union(*allowed))
    out: dict[str, Any] = {
        "type": "object",
        "description": "parameters: " + " | ".join(", ".join(sorted(one)) for one in allowed),
        "properties": {name: {} for name in names},
        "additionalProperties": False,
    }
    return {"anyOf": [scalar, out]} if kind == "constant" else out


def _dist_schema(dimensions: tuple[Dimension, ...]) -> dict[str, Any]:
    scalar = _scalar_schema(dimensions)
    kinds = {kind: _kind_schema(kind, scalar) for kind in distributions.KINDS}
    written = {
        "type": "object", "additionalProperties": False,
        "properties": {**kinds, "value": scalar, **_GRADED_SCHEMA},
    }  # fmt: skip
    return {"anyOf": [scalar, written], "$comment": _name("distribution", dimensions)}
