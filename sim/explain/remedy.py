"""One thing that could help, and one that cannot be had.

Rule kept here: a remedy is a list of changes to the scenario by dotted path, and it counts what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["person", "hour", "hop"]


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing that could help.

    Args:
        kind: ``person``, ``hour`` or ``hop``.
        level: Level of the agencies; empty: every level.
        role: Role of the people.
        agency: Id of the one agency; empty: all of the level.
        agency_name: Its name.
        task: Of a hop: the step that is left out.
        how: Of an hour: by a shorter ``duty``, longer ``hours``, or fewer days ``away``.
        agencies: At how many agencies.
        people: People added; of an hour: people who are present longer.
        hours: Hours of presence added per working day, of all of them together.
        changes: Dotted path -> value.
        sections: What must be in the base case for the changes to have a place: section -> name -> value.
    """

    kind: Kind
    level: str
    role: str
    agency: str = ""
    agency_name: str = ""
    task: str = ""
    how: str = ""
    agencies: int = 0
    people: int = 0
    hours: float = 0.0
    changes: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what the remedy is as JSON data; its changes are in the alternative's overlay."""
        return {name: getattr(self, name) for name in self.__slots__ if name not in {"changes", "sections"}}


@dataclass(frozen=True, slots=True)
class Missing:
    """A remedy that cannot be had, and why: ``present`` throughout, ``nobody`` holds the role, ``no-hop``."""

    kind: Kind
    level: str
    role: str
    agency_name: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {name: getattr(self, name) for name in self.__slots__}
