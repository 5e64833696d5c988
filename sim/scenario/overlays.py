"""Named alternatives: dotted paths laid over the base case.

Rule kept here: a path that does not exist is an error. A path exists when the base case has it, or when
its last part is a field that the format knows for that place; names a planner invents (flows, staff,
channels) must be in the base case.
"""

from __future__ import annotations

import copy
import difflib
import types
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim.errors import Diagnostic
from sim.scenario.documents import Document, Path_, Place
from sim.scenario.schema import Scenario
from sim.scenario.steps import STEP_KEYS, Strict, WorkStep

SHOWN_MAX = 12  # names in a hint
COMMON = ("title", "titles", "question", "period", "calendar", "replications", "seed", "base", "published")
"""What all alternatives share, so that they can be compared; the command line may change it for all."""
FIXED = ("schema", "id", "library", "alternatives")
"""What nothing can be laid over."""


def _unwrap(annotation: Any) -> list[Any]:
    """List the types that an annotation allows, through Annotated, Optional and unions."""
    origin = get_origin(annotation)
    if origin in {Union, types.UnionType}:
        return [inner for arg in get_args(annotation) for inner in _unwrap(arg)]
    if hasattr(annotation, "__metadata__"):
        return _unwrap(get_args(annotation)[0])
    return [] if annotation is types.NoneType else [annotation]


def models(kinds: Sequence[Any], name: str) -> list[Any]:
    """Return the models among ``kinds`` that have a class name, or a step's first key, of ``name``."""
    wanted = {name, f"{name.capitalize()}Step"}
    return [kind for kind in kinds if getattr(kind, "__name__", "") in wanted and _is_model(kind)]


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Strict)


def is_steps(kinds: Sequence[Any]) -> bool:
    """Tell whether ``kinds`` are the kinds of steps."""
    return len(kinds) > 1 and WorkStep in kinds


def fields_of(kinds: Sequence[Any]) -> list[tuple[str, FieldInfo]]:
    """Return the fields of the models among ``kinds``, by the names that a planner writes."""
    every = [kind.model_fields.items() for kind in kinds if _is_model(kind)]
    return [(info.alias or name, info) for fields in every for name, info in fields]


def child_types(kinds: Sequence[Any], part: str | int) -> list[Any]:
    """Return the types that the format allows one step below ``kinds``."""
    out: list[Any] = []
    for kind in kinds:
        origin = get_origin(kind)
        if origin is dict:
            out += _unwrap(get_args(kind)[1])
        elif origin is list:
            out += _unwrap(get_args(kind)[0])
    for name, info in fields_of(kinds):
        if part == name:
            out += _unwrap(info.annotation)
    return list(dict.fromkeys(out))


def narrow(kinds: list[Any], node: Any) -> list[Any]:
    """Return the kinds that a value can be: a step's kind is told by its first key."""
    if is_steps(kinds) and isinstance(node, Mapping):
        found = [key for key in STEP_KEYS if key in node]
        return models(kinds, found[0]) if len(found) == 1 else kinds
    if isinstance(node, Mapping):
        return [kind for kind in kinds if _is_model(kind) or get_origin(kind) is dict]
    if isinstance(node, list):
        return [kind for kind in kinds if get_origin(kind) is list]
    return kinds


def types_at(path: Path_, data: Any, root: type[BaseModel] = Scenario) -> list[Any]:
    """Return the types that the format allows at a path of the data."""
    kinds: list[Any] = [root]
    node = data
    for part in path:
        kinds = child_types(narrow(kinds, node), part)
        try:
            node = node[part]
        except (LookupError, TypeError):
            node = None
    return kinds


def closest(word: str, known: Sequence[str]) -> str:
    """Return a hint that names the closest known word, or the first known ones."""
    near = difflib.get_close_matches(word, known, 1, 0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    more = f" and {len(known) - SHOWN_MAX} more" if len(known) > SHOWN_MAX else ""
    return f"known here: {', '.join(known[:SHOWN_MAX]) or 'nothing'}{more}"


def _position(items: list[Any], part: str) -> int | None:
    """Find an item of a list by its step name, its id or its index."""
    for index, item in enumerate(items):
        if isinstance(item, Mapping) and part in [str(item[k]) for k in (*STEP_KEYS, "id") if k in item]:
            return index
    return int(part) if part.isdecimal() and int(part) < len(items) else None


def _names(items: list[Any]) -> list[str]:
    return [
        str(item[k]) for item in items if isinstance(item, Mapping) for k in (*STEP_KEYS, "id") if k in item
    ]


def _step_in(data: Any, node: Any, part: str, path: Path_, *, last: bool) -> tuple[str | int | None, str]:
    """Return the key that ``part`` means in ``node``, or ``None`` and a hint."""
    if isinstance(node, list):
        index = _position(node, part)
        return index, "" if index is not None else closest(part, _names(node))
    if isinstance(node, dict):
        if part in node:
            return part, ""
        known = [name for name, _ in fields_of(narrow(types_at(path, data), node))]
        if last and part in known:
            return part, ""
        if part in known:
            return None, f"set {'.'.join(map(str, (*path, part)))} as a whole: the base case has none"
        return None, closest(part, list(dict.fromkeys([*node, *(known if last else [])])))
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


def _resolve(document: Document, dotted: str, allowed: bool) -> tuple[Path_, str, str]:
    """Return the path that a dotted path means, or what is wrong with it and a hint."""
    node: Any = document.data
    path: Path_ = ()
    parts = dotted.split(".")
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        key, hint = _step_in(document.data, node, part, path, last=last)
        if key is None:
            return (), f"found no {part!r} in {'.'.join(map(str, path)) or 'the scenario'}", hint
        path = (*path, key)
        node = node.get(key) if isinstance(node, dict) else node[key]
    if path[0] in FIXED:
        return (), f"found {path[0]!r}, which nothing can be laid over", "change it in the file itself"
    if path[0] in COMMON and not allowed:
        hint = "all alternatives share it; change it in the base case"
        return (), f"found {path[0]!r} in an alternative", hint
    return path, "", ""


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
        path, found, hint = _resolve(document, dotted, source is None)
        if path:
            origin = ((*source, dotted), base) if source is not None else None
            _graft(document, origin, path, value, place)
        else:
            place_ = (place.file, place.line, place.column)
            findings.append(Diagnostic("E-PATH", found, hint, *place_, dotted))
    return document, findings
