"""Which desks of a run are worth a remedy: those that most of the waiting for a person is at.

Rule kept here: the run's own summary is read, in the order it ranks them; nothing is judged anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.errors import InputError

TOP = 2  # levels and roles that remedies are tried at, unless asked otherwise


@dataclass(frozen=True, slots=True)
class Desk:
    """People of one role, at all agencies of a level or at one of them.

    Args:
        level: Level of the agencies.
        role: Their role.
        agency: Id of the one agency; empty: all of the level.
        agency_name: Its name.
        stage: Stage at which most of the waiting is; empty where not known.
        share: Share of all waiting for a person, an estimate of the summary.
        wait_person_s: Waiting for them per completed delivery, an estimate of the summary.
    """

    level: str
    role: str
    agency: str
    agency_name: str
    stage: str
    share: Mapping[str, Any]
    wait_person_s: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the desk as JSON data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Picked:
    """What is to be explained.

    Args:
        alternative: Of the run.
        desks: Levels and roles, the most holding up first.
        worst: The single agency and role that holds up most, ``None`` where a level and role above is just that.
    """

    alternative: str
    desks: tuple[Desk, ...]
    worst: Desk | None


def pick(summary: Mapping[str, Any], alternative: str | None = None, top: int = TOP) -> Picked:
    """Return the desks that hold documents up most.

    Args:
        summary: ``summary.json`` of the run.
        alternative: Its name; default the base.
        top: How many levels and roles, 1 or more.

    Raises:
        InputError: ``E-ALTERNATIVE`` not of this run; ``E-NO-HELD-UP`` nothing was recorded, or nothing waited.
    """
    known = summary["alternatives"]
    name = alternative or summary["design"]["base"]
    if name not in known:
        raise InputError(
            "E-ALTERNATIVE", f"found no alternative {name!r}", f"known: {', '.join(sorted(known))}"
        )
    found = known[name].get("held_up")
    if found is None:
        raise InputError("E-NO-HELD-UP", "found a run whose summary does not say who held documents up",
                         "run it again with this version")  # fmt: skip
    if not found["by_role"]:
        raise InputError("E-NO-HELD-UP", f"found no delivery of {name!r} that waited for a person",
                         "there is nothing that more people or hours could help")  # fmt: skip
    desks = tuple(_desk(row, found["by_desk"]) for row in found["by_role"][:top])
    single = found["by_agency"][0]
    alike = next((d for d in desks if (d.level, d.role) == (single["level"], single["role"])), None)
    same = alike is not None and alike.wait_person_s["estimate"] <= single["wait_person_s"]["estimate"] * (
        1 + 1e-9
    )
    return Picked(name, desks, None if same else _desk(single, found["by_desk"]))


def _desk(row: Mapping[str, Any], by_desk: list[Mapping[str, Any]]) -> Desk:
    at = (row["level"], row["role"])
    stage = next((one["stage"] for one in by_desk if (one["level"], one["role"]) == at), "")
    return Desk(row["level"], row["role"], row.get("agency", ""), row.get("agency_name", ""), stage,
                row["share"], row["wait_person_s"])  # fmt: skip
