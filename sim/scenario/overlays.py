"""Named alternatives: dotted paths laid over the base case.

Rule kept here: a path that does not exist is an error. A path exists when the base case has it, or when
its last part is a field that the format knows for that place; names a planner invents (flows, staff,
channels) must be in the base case.
"""

from __future__ import annotations

import copy
import difflib
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from sim.errors import Diagnostic
from sim.scenario.documents import Document, Path_, Place
from sim.scenario.schema import Scenario
from sim.scenario.steps import STEP_KEYS, Strict


def _unwrap(annotation: Any) -> list[Any]:
    """List the types that an annotation allows, through Annotated, Optional and unions."""
    annotation = getattr(annotation, "__value__", annotation)
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return [inner for arg in get_args(annotation) for inner in _unwrap(arg)]
    if origin is not None and hasattr(annotation, "__metadata__"):
        return _unwrap(get_args(annotation)[0])
    return [annotation]


def schema_types(path: Path_, root: type[BaseModel] = Scenario) -> list[Any]:
    """Return the types that the format allows at a path: models, dict[...], list[...] or scalars."""
    current: list[Any] = [root]
    for part in path:
        following: list[Any] = []
        for kind in current:
            origin = get_origin(kind)
            if origin is dict:
                following += _unwrap(get_args(kind)[1])
            elif origin is list:
                following += _unwrap(get_args(kind)[0])
            elif isinstance(kind, type) and issubclass(kind, Strict):
                for name, info in kind.model_fields.items():
                    if part == (info.alias or name):
                        following += _unwrap(info.annotation)
        current = following
    return current


def fields_at(path: Path_, root: type[BaseModel] = Scenario) -> list[str]:
    """Return the field names that the format knows at a path; empty where names are free."""
    names: list[str] = []
    for kind in schema_types(path, root):
        if isinstance(kind, type) and issubclass(kind, Strict):
            names += [info.alias or name for name, info in kind.model_fields.items()]
    return list(dict.fromkeys(names))


def closest(word: str, known: list[str]) -> str:
    """Return a hint that names the closest known word, or all of them."""
    near = difflib.get_close_matches(word, known, 1, 0.6)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known) or 'nothing'}"


def _position(items: list[Any], part: str) -> int | None:
    """Find an item of a list by its step name, its id or its index."""
    for index, item in enumerate(items):
        if isinstance(item, Mapping) and part in [str(item[k]) for k in (*STEP_KEYS, "id") if k in item]:
            return index
    return int(part) if part.isdigit() and int(part) < len(items) else None


def _names(items: list[Any]) -> list[str]:
    return [
        str(item[k]) for item in items if isinstance(item, Mapping) for k in (*STEP_KEYS, "id") if k in item
    ]


def _step_in(node: Any, part: str, path: Path_, *, last: bool) -> tuple[str | int | None, str]:
    """Return the key that ``part`` means in ``node``, or ``None`` and a hint."""
    if isinstance(node, list):
        index = _position(node, part)
        return index, "" if index is not None else closest(part, _names(node))
    if isinstance(node, dict):
        if part in node:
            return part, ""
        if part.isdigit() and int(part) in node:
            return int(part), ""
        known = fields_at(path)
        if last and part in known:
            return part, ""
        return None, closest(part, list(dict.fromkeys([*map(str, node), *(known if last else [])])))
    return None, f"{'.'.join(map(str, path))} is a single value, set it as a whole"


def _forget(places: dict[Path_, Place], path: Path_) -> None:
    for known in [known for known in places if known[: len(path)] == path]:
        del places[known]


def _graft(
    document: Document, source: tuple[Path_, Document] | None, path: Path_, value: Any, place: Place
) -> None:
    """Write ``value`` at ``path`` and give everything in it a place."""
    node: Any = document.data
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = copy.deepcopy(value)
    _forget(document.places, path)
    document.places[path] = place
    if source is not None:
        origin, file = source
        for known, there in file.places.items():
            if known[: len(origin)] == origin and len(known) > len(origin):
                document.places[(*path, *known[len(origin) :])] = there


def overlay(
    base: Document, changes: Mapping[str, Any], source: Path_ | None, *, label: str
) -> tuple[Document, list[Diagnostic]]:
    """Lay changes over a base case.

    Args:
        base: The base case.
        changes: Dotted path -> value.
        source: Path of the changes in ``base`` itself (an alternative), or ``None`` (command line).
        label: Names the changes in messages where they have no place in a file.

    Returns:
        A new document, and what was wrong with the paths.
    """
    document = Document(copy.deepcopy(base.data), dict(base.places))
    findings: list[Diagnostic] = []
    for dotted, value in changes.items():
        where = base.place((*source, dotted)) if source is not None else None
        place = where or Place(label, 0, 0)
        parts = str(dotted).split(".")
        path: Path_ = ()
        node: Any = document.data
        for number, part in enumerate(parts):
            key, hint = _step_in(node, part, path, last=number == len(parts) - 1)
            if key is None:
                findings.append(
                    Diagnostic(
                        "E-PATH",
                        f"found no {part!r} in {'.'.join(map(str, path)) or 'the scenario'}",
                        hint,
                        place.file,
                        place.line,
                        place.column,
                        str(dotted),
                    )  # fmt: skip
                )
                break
            path = (*path, key)
            if number < len(parts) - 1:
                node = node[key]
        else:
            if path[0] in ("alternatives", "schema", "id", "library"):
                findings.append(
                    Diagnostic("E-PATH", f"{path[0]!r} cannot be laid over", "change it in the file itself",
                               place.file, place.line, place.column, str(dotted))
                )  # fmt: skip
                continue
            origin = ((*source, dotted), base) if source is not None else None
            _graft(document, origin, path, value, place)
    return document, findings
