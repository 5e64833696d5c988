"""Which agencies a selector means, who stands in relation to whom, and who works there.

Rule kept here: agencies are told by their position in the scenario's list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sim.scenario.agencies import Agency
from sim.scenario.schema import Absence, Scenario, Selector, Staff, Which


def staff_of(scenario: Scenario, agency: Agency) -> Mapping[str, Staff]:
    """Return the staff of an agency by role: its own entry if there is one, else its level's."""
    chosen = scenario.staff.get(agency.id) or scenario.staff.get(agency.level) or {}
    return {role: Staff(count=spec) if isinstance(spec, int) else spec for role, spec in chosen.items()}


def absence_of(scenario: Scenario, agency: Agency, role: str, staff: Staff) -> Absence | None:
    """Return the days away of people of a role at an agency: their own share if there is one, else the role's."""
    found = scenario.absence.get(role)
    if found is not None and found.levels is not None and agency.level not in found.levels:
        found = None
    if staff.away is None:
        return found
    return Absence(away=staff.away, spell=found.spell if found is not None else None)


def roles_held(staff: Mapping[str, Staff]) -> set[str]:
    """Return the roles that somebody of this staff holds."""
    return {one for role, spec in staff.items() if spec.count for one in (role, *spec.also)}


def as_list(value: list[str] | str | None) -> list[str] | None:
    """Return one name as a list of one; ``None`` stays."""
    return [value] if isinstance(value, str) else value


def select(selector: Selector, agencies: Sequence[Agency]) -> list[int]:
    """Return the positions of the agencies that a selector means, in order."""
    levels, ids = as_list(selector.level), as_list(selector.id)
    within, exclude = as_list(selector.within), as_list(selector.exclude) or []
    parents = {agency.id: agency.parent for agency in agencies}

    def below(agency: Agency) -> bool:
        at = agency.id
        for _ in range(len(parents) + 1):
            if at in (within or ()):
                return True
            at = parents.get(at, "")
            if not at:
                return False
        return False

    return [
        index
        for index, agency in enumerate(agencies)
        if (levels is None or agency.level in levels)
        and (ids is None or agency.id in ids)
        and (within is None or below(agency))
        and agency.id not in exclude
    ]


def circles(
    which: Which,
    senders: Sequence[int],
    receivers: Sequence[int],
    agencies: Sequence[Agency],
) -> list[tuple[list[int], list[int]]]:
    """Return who may write to whom as pairs of lists: every sender of a pair to each of its receivers.

    An agency that stands in both lists of a pair never writes to itself.

    Args:
        which: Relation of the receivers to the sender.
        senders: Positions.
        receivers: Positions.
        agencies: What the positions mean.
    """
    if which == "any":
        return [(list(senders), list(receivers))]
    sent: dict[str, list[int]] = {}
    received: dict[str, list[int]] = {}
    for index in senders:
        sent.setdefault(agencies[index].id if which == "children" else agencies[index].parent, []).append(
            index
        )
    for index in receivers:
        received.setdefault(agencies[index].id if which == "parent" else agencies[index].parent, []).append(
            index
        )
    return [(sent[key], received[key]) for key in sent if key in received]


def partner_levels(
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]], agencies: Sequence[Agency]
) -> tuple[dict[int, set[str]], dict[int, set[str]]]:
    """Return the levels that each sender writes to, and those that each receiver is written to from."""
    writes: dict[int, set[str]] = {}
    written: dict[int, set[str]] = {}
    for senders, receivers in pairs:
        for mine, others, out in ((senders, receivers, writes), (receivers, senders, written)):
            members = Counter(agencies[i].level for i in others)
            own = set(others)
            for index in mine:
                level = agencies[index].level
                alone = index in own and members[level] == 1  # it would have to write to itself
                out.setdefault(index, set()).update(one for one in members if one != level or not alone)
    return ({i: v for i, v in writes.items() if v}, {i: v for i, v in written.items() if v})
