"""The numbers of one case: a single walk that lists them, or puts others in their place.

Rule kept here: the walk follows the typed model whatever its fields are called, so that a number in a new field
of the format is found without being named here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel

from sim.scenario.documents import Document, Path_, Place
from sim.scenario.params import DistParam, Param
from sim.scenario.procedures import used_names
from sim.scenario.schema import Scenario
from sim.scenario.steps import step_name

Names: TypeAlias = tuple[str, ...]
Number: TypeAlias = Param | DistParam

NOT_INPUT = ("alternatives", "published")
"""Overlays are laid over before a case is typed; published figures are what results are compared with."""
NOT_VARIED = ("period",)
"""What the planner chooses for the run itself."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One number of a case.

    Args:
        names: Parts of its dotted path, as an overlay or ``--set`` would name it.
        where: Its path in the document that the case was read from.
        value: The number or distribution.
    """

    names: Names
    where: Path_
    value: Number


Visit: TypeAlias = Callable[[Leaf], Number]
Settle: TypeAlias = Callable[[Names, BaseModel, BaseModel], BaseModel]


def replaced(scenario: Scenario, visit: Visit, settle: Settle) -> Scenario:
    """Return a case with other numbers.

    Args:
        scenario: The case; it is not changed, and what does not differ is shared with the result.
        visit: Gives the number that takes the place of each one that the case uses; the same object keeps it.
        settle: Sees each model in which something changed (parts of its path, as it was, as it became) and
            returns what it is to be: where numbers that belong together are made to fit again.
    """
    used = used_names(scenario)
    update: dict[str, Any] = {}
    for name, info in Scenario.model_fields.items():
        if name in NOT_INPUT:
            continue
        old = getattr(scenario, name)
        among = {key: one for key, one in old.items() if key in used[name]} if name in used else old
        path = (info.alias or name,)
        new = _mapped(among, path, path, visit, settle)
        if new is not among:
            update[name] = {**old, **new} if name in used else new
    return scenario.model_copy(update=update) if update else scenario


def leaves(scenario: Scenario) -> list[Leaf]:
    """List the numbers that a case uses, in the order of the format."""
    out: list[Leaf] = []

    def note(leaf: Leaf) -> Number:
        out.append(leaf)
        return leaf.value

    replaced(scenario, note, lambda _names, _old, new: new)
    return out


def ranged(scenario: Scenario) -> Iterator[tuple[str, Path_, Number]]:
    """Give every number of a case that states a range to vary in: dotted path, path in the document, number."""
    for leaf in leaves(scenario):
        if leaf.names[0] in NOT_VARIED:
            continue
        dotted, value = ".".join(leaf.names), leaf.value
        if _has_width(value):
            yield dotted, leaf.where, value
        for field, part in value.parts if isinstance(value, DistParam) else ():
            if _has_width(part):
                keys = tuple(int(key) if key.isdecimal() else key for key in field.split("."))
                yield f"{dotted}.{field}", (*leaf.where, *keys), part


def written_at(scenario: Scenario, document: Document) -> Iterator[tuple[Place, str]]:
    """Give, for every number with a range, the place where that range is written and the number's dotted path.

    Numbers used through a YAML alias share the place; those of the command line have none and are left out.
    """
    for dotted, where, _ in ranged(scenario):
        place = document.places.get((*where, "range"))
        if place is not None:
            yield place, dotted


def _has_width(value: Number) -> bool:
    return value.range is not None and value.range[0] < value.range[1]


def _mapped(value: Any, names: Names, where: Path_, visit: Visit, settle: Settle) -> Any:
    """Return a value with its numbers replaced; the same object where none was."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (Param, DistParam)):
        return visit(Leaf(names, where, value))
    if isinstance(value, BaseModel):
        update = {}
        for name, info in type(value).model_fields.items():
            key, old = info.alias or name, getattr(value, name)
            new = _mapped(old, (*names, key), (*where, key), visit, settle)
            if new is not old:
                update[name] = new
        return settle(names, value, value.model_copy(update=update)) if update else value
    if isinstance(value, Mapping):
        changed = {
            key: _mapped(one, (*names, str(key)), (*where, str(key)), visit, settle)
            for key, one in value.items()
        }
        return changed if any(changed[key] is not one for key, one in value.items()) else value
    if isinstance(value, (list, tuple)):
        items = [
            _mapped(one, (*names, step_name(one) or str(index)), (*where, index), visit, settle)
            for index, one in enumerate(value)
        ]
        return type(value)(items) if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value
