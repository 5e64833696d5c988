"""A faulty scenario made whole enough to go on looking for faults.

Rule kept here: all errors of a file at once. A value of the wrong shape is taken out, or a stand-in put in
its place, so that what needs several fields to be seen together can be examined too. What was touched is
noted, and nothing is said about it a second time. A mended scenario is never run.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from sim.distributions import Constant
from sim.errors import Diagnostic
from sim.scenario.documents import Document, Path_
from sim.scenario.overlays import fields_of, narrow, types_at
from sim.scenario.params import DistParam, Param
from sim.units import Dimension

NAMED = ("flows", "procedures", "fragments", "transports", "channels", "profiles", "duties", "equipment")
"""What is referred to by name elsewhere: without it, each reference would seem a fault."""
PEOPLE = ("staff", "agencies")
ABOUT_PEOPLE = ("E-ROLE", "E-STEP-NOBODY")

_NUMBER = Param(1.0, Dimension.COUNT, "1")
_DISTRIBUTION = DistParam(Constant(1.0), Dimension.COUNT, "1")


def mend(
    document: Document, faults: Sequence[tuple[Path_, Diagnostic]]
) -> tuple[Document, list[Path_]] | None:
    """Take faulty values out of a document.

    Args:
        document: The data; not changed.
        faults: Findings about it, with their paths.

    Returns:
        The mended document and the paths that were touched; ``None`` where too much would be missing.
    """
    data = copy.deepcopy(document.data)
    touched: list[Path_] = []
    for path, fault in sorted(faults, key=_rank, reverse=True):  # later items of a list first
        if any(path[: len(one)] == one for one in touched):
            continue
        if fault.code == "E-MISSING" and (name := _stand_in_for_missing(data, path, fault)):
            touched.append((*path, name))
            continue
        done = _mend_one(data, path)
        if done is None:
            return None
        touched.append(done)
    return Document(data, document.places), touched


def told_again(found: Diagnostic, path: Path_, touched: Sequence[Path_]) -> bool:
    """Tell whether a finding may come from mending rather than from the file."""
    if found.code in ABOUT_PEOPLE and any(one[:1] and one[0] in PEOPLE for one in touched):
        return True
    return any(path[: len(one)] == one[: len(path)] for one in touched)


def _rank(fault: tuple[Path_, Diagnostic]) -> list[tuple[int, str]]:
    """Order paths; indices by number."""
    return [(part, "") if isinstance(part, int) else (-1, part) for part in fault[0]]


def _at(data: Any, path: Path_) -> Any:
    for part in path:
        try:
            data = data[part]
        except (LookupError, TypeError):
            return None
    return data


def _stand_in(kinds: Sequence[Any]) -> Param | DistParam | None:
    """Return a number or a distribution where the format wants one."""
    return _NUMBER if Param in kinds else _DISTRIBUTION if DistParam in kinds else None


def _stand_in_for_missing(data: dict[str, Any], path: Path_, fault: Diagnostic) -> str:
    """Put a stand-in where a number is missing; return the field's name, empty where it cannot be done."""
    name = fault.message.split("'")[1]
    node = _at(data, path)
    stand_in = _stand_in(types_at((*path, name), data))
    if stand_in is None or not isinstance(node, dict):
        return ""
    node[name] = stand_in
    return name


def _mend_one(data: dict[str, Any], path: Path_) -> Path_ | None:
    """Mend the smallest thing at or above a path that can be; return its path."""
    for length in range(len(path), 0, -1):
        here = path[:length]
        owner, key = _at(data, here[:-1]), here[-1]
        if isinstance(owner, list) or not isinstance(owner, dict):
            if isinstance(owner, list) and not isinstance(owner[int(key)], dict):
                del owner[int(key)]
                return here
            continue
        stand_in = _stand_in(types_at(here, data))
        if stand_in is not None:
            owner[key] = stand_in
            return here
        if _may_go(data, here):
            owner.pop(key, None)
            return here
    return None


def _may_go(data: dict[str, Any], path: Path_) -> bool:
    """Tell whether the entry of a mapping can be left out without a fault of its own."""
    if len(path) <= 2 and path[0] in NAMED:
        return False
    owners = narrow(types_at(path[:-1], data), _at(data, path[:-1]))
    fields = dict(fields_of(owners))
    field = fields.get(str(path[-1]))
    return field is None or not field.is_required()
