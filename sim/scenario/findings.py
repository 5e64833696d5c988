"""What pydantic found, as findings that a planner understands.

Rule kept here: one mistake, one finding. Where a field may be one of several kinds of thing (a head-count or
details), pydantic complains about each of them; only the kind that the planner meant is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sim.errors import Diagnostic
from sim.scenario.documents import Document, Path_
from sim.scenario.overlays import child_types, closest, fields_of, is_steps, models
from sim.scenario.steps import STEP_KEYS

NAME_HINT = "lower-case letters, digits and hyphens, such as report-up"
TIME_HINT = 'a time of day from "00:00" to "23:59"'
_KINDS = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "string_type": "text (in quotes, where it looks like a number)",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": "a number without a unit",
    "bool_type": "true or false",
}
_LIMITS = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
_WORDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


@dataclass(frozen=True, slots=True)
class _Fault:
    """One of pydantic's errors, with its place in the data.

    Args:
        error: As pydantic tells it.
        path: The part of its location that exists in the data.
        unions: Where on the way pydantic tried one of several kinds: path and the kind's label.
        kinds: Types that the format allows at ``path``.
        owners: Types that the format allows one step above ``path``.
    """

    error: ErrorDetails
    path: Path_
    unions: tuple[tuple[Path_, str], ...]
    kinds: tuple[Any, ...]
    owners: tuple[Any, ...]


def explain(
    error: ValidationError, model: type[BaseModel], document: Document
) -> list[tuple[Path_, Diagnostic]]:
    """Return the findings of a failed validation, each with its path in the data.

    Args:
        error: What pydantic raised.
        model: What the data should have been.
        document: The data.
    """
    faults = [_fault(one, model, document.data) for one in error.errors(include_url=False)]
    return list(dict.fromkeys(_told(faults, 0, document)))


def show(value: Any) -> str:
    """Render a value in a message: scalars as they are, the rest by kind."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _fault(error: ErrorDetails, model: type[BaseModel], data: Any) -> _Fault:
    """Follow pydantic's location through the data; labels of kinds are no part of the path."""
    node: Any = data
    path: Path_ = ()
    kinds: list[Any] = [model]
    owners: list[Any] = []
    unions: list[tuple[Path_, str]] = []
    labelled: Path_ | None = None
    for part in error["loc"]:
        if labelled != path and is_steps(kinds):
            labelled, kinds = path, models(kinds, str(part))
        elif labelled != path and len(kinds) > 1:
            labelled, kinds = path, _labelled(kinds, str(part))
            unions.append((path, str(part)))
        else:
            if isinstance(node, dict):
                key: Any = next((known for known in node if known == str(part)), None)
            else:
                key = part if isinstance(node, list) and isinstance(part, int) else None
            if key is None or (isinstance(node, list) and not 0 <= key < len(node)):
                break
            node, path, owners = node[key], (*path, key), kinds
            kinds = child_types(kinds, key)
    inside = error.get("ctx", {}).get("at", ())
    return _Fault(error, (*path, *_inside(node, inside)), tuple(unions), tuple(kinds), tuple(owners))


def _inside(node: Any, at: Sequence[str]) -> Path_:
    """Return as much of a path as exists in a value."""
    path: Path_ = ()
    for part in at:
        key: Any = int(part) if isinstance(node, list) and part.isdecimal() else part
        try:
            node = node[key]
        except (LookupError, TypeError):
            break
        path = (*path, key)
    return path


def _labelled(kinds: Sequence[Any], label: str) -> list[Any]:
    """Return the kinds that pydantic's label means."""
    if label.startswith("list["):
        return [kind for kind in kinds if getattr(kind, "__origin__", None) is list]
    found = models(kinds, label)
    return found or [kind for kind in kinds if getattr(kind, "__name__", "") == label]


def _told(faults: Sequence[_Fault], depth: int, document: Document) -> list[tuple[Path_, Diagnostic]]:
    """Tell faults, choosing at each union the kind that was meant."""
    out: list[tuple[Path_, Diagnostic]] = []
    groups: dict[Path_, list[_Fault]] = {}
    for fault in faults:
        if len(fault.unions) > depth:
            groups.setdefault(fault.unions[depth][0], []).append(fault)
        else:
            out.append((fault.path, _finding(fault, document)))
    for path, group in groups.items():
        value = _at(document.data, path)
        meant = [one for one in group if _fits(one.unions[depth][1], value)]
        near = [one for one in group if one.path == path and one.error["type"] in {*_LIMITS, *_PATTERNS}]
        if meant:
            out += _told(meant, depth + 1, document)
        elif near:
            out += _told(near[:1], depth + 1, document)
        else:
            wanted = " or ".join(dict.fromkeys(_wanted(one.error) for one in group))
            found = document.diagnostic("E-TYPE", path, f"found {show(value)}", f"write {wanted}")
            out.append((path, found))
    return out


_PATTERNS = ("string_pattern_mismatch", "string_too_short")


def _at(node: Any, path: Path_) -> Any:
    for part in path:
        node = node[part]
    return node


def _fits(label: str, value: Any) -> bool:
    """Tell whether a value is of the shape that a kind's label stands for."""
    if isinstance(value, Mapping):
        return label[:1].isupper()
    return isinstance(value, list) and label.startswith("list[")


def _wanted(error: ErrorDetails) -> str:
    """Say what one kind would have been."""
    return str(error.get("ctx", {}).get("expected") or _KINDS.get(error["type"]) or error["msg"])


Told = tuple[str, str, str]  # code, what was found, what would be right


def _missing(fault: _Fault, _value: Any) -> Told:
    name = str(fault.error["loc"][-1])
    says = [info.description for key, info in fields_of(fault.kinds) if key == name and info.description]
    return "E-MISSING", f"found no {name!r}", f"add {name}: {says[0] if says else 'it is required'}"


def _unknown_key(fault: _Fault, _value: Any) -> Told:
    key = str(fault.path[-1])
    return (
        "E-UNKNOWN-KEY",
        f"found unknown key {key!r}",
        closest(key, [name for name, _ in fields_of(fault.owners)]),
    )


def _pattern(fault: _Fault, value: Any) -> Told:
    is_time = ":" in str(fault.error.get("ctx", {}).get("pattern"))
    code, hint = ("E-TIME", TIME_HINT) if is_time else ("E-NAME", NAME_HINT)
    return code, f"found {show(value)}", f"write {hint}"


def _choice(fault: _Fault, value: Any) -> Told:
    return "E-VALUE", f"found {show(value)}", f"one of: {fault.error.get('ctx', {}).get('expected')}"


def _step_kind(_fault: _Fault, value: Any) -> Told:
    keys = [str(key) for key in value] if isinstance(value, Mapping) else []
    kinds = [key for key in keys if key in STEP_KEYS]
    every = f"start it with one of these keys: {', '.join(STEP_KEYS)}"
    if len(kinds) > 1:
        return (
            "E-STEP-KIND",
            f"found a step with {' and '.join(kinds)}",
            "keep one of them; a step is one thing",
        )
    near = [hint for key in keys if "did you mean" in (hint := closest(key, list(STEP_KEYS)))]
    found = (
        f"found {show(value)} that is no step" if not keys else f"found a step that starts with {keys[0]!r}"
    )
    return "E-STEP-KIND", found, near[0] if near else every


def _limit(fault: _Fault, value: Any) -> Told:
    name = _LIMITS[fault.error["type"]]
    limit = fault.error.get("ctx", {}).get(name)
    if name == "ge" and limit == 0:
        return "E-NEGATIVE", f"found {show(value)}", "it cannot be negative"
    return "E-OUT-OF-RANGE", f"found {show(value)}", f"it must be {_WORDS[name]} {limit}"


def _kind(fault: _Fault, value: Any) -> Told:
    return "E-TYPE", f"found {show(value)}", f"write {_KINDS[fault.error['type']]}"


def _ours(fault: _Fault, _value: Any) -> Told:
    hint = fault.error.get("ctx", {}).get("hint", "")
    return fault.error["type"], str(fault.error["msg"]), str(hint)


def _empty(_fault: _Fault, value: Any) -> Told:
    return "E-EMPTY", f"found {show(value)} with nothing in it", "give at least one"


def _infinite(_fault: _Fault, value: Any) -> Told:
    return "E-NOT-FINITE", f"found {show(value)}", "write a finite number"


def _other(fault: _Fault, value: Any) -> Told:
    return "E-VALUE", f"found {show(value)}", str(fault.error["msg"])


_TELLERS: dict[str, Callable[[_Fault, Any], Told]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "string_pattern_mismatch": _pattern,
    "literal_error": _choice,
    "enum": _choice,
    "E-STEP-KIND": _step_kind,
    "too_short": _empty,
    "string_too_short": _empty,
    "finite_number": _infinite,
    **dict.fromkeys(_LIMITS, _limit),
    **dict.fromkeys(_KINDS, _kind),
}


def _finding(fault: _Fault, document: Document) -> Diagnostic:
    """Turn one fault into a finding."""
    kind = fault.error["type"]
    is_key = fault.error["loc"][-1:] == ("[key]",) and fault.path
    value = str(fault.path[-1]) if is_key else fault.error.get("input")
    code, found, hint = _TELLERS.get(kind, _ours if kind.startswith("E-") else _other)(fault, value)
    return document.diagnostic(code, fault.path, found, hint)
