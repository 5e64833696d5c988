"""How busy people are: utilisation and offered load by level and role, and of single agencies.

Rule kept here: load is judged per group, the roles of one agency that share people, because a free person of
the group does the work of any of its roles. Offered load is the work asked for in the measured period
divided by the time on duty to do it in; utilisation is what was done of it. Both are shares of one; at an
offered load of one and more a queue has no end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.analysis.intervals import CONFIDENCE, number, student
from sim.observations import Names, Pools

BUSIEST = 10  # groups named one by one in the summary: what fits a page


@dataclass(frozen=True, slots=True)
class GroupLoad:
    """One group of roles of one agency, over all replications.

    Args:
        agency: Index into ``Names.agencies``.
        role: Its role with the most offered work, an index into ``Names.roles``.
        roles: All its roles, ascending.
        people: People who hold ``role`` there.
        load: Offered load by replication; infinite where there was work and nobody on duty, NaN where
            neither.
        utilisation: Busy time over time on duty by replication; NaN where nobody was on duty.
        waiting_end: Tasks waiting when the run ended, by replication.
        offered_s: Working seconds asked for, summed over replications.
        on_duty_s: Seconds on duty to do them in, summed over replications.
    """

    agency: int
    role: int
    roles: tuple[int, ...]
    people: int
    load: tuple[float, ...]
    utilisation: tuple[float, ...]
    waiting_end: tuple[float, ...]
    offered_s: float
    on_duty_s: float

    @property
    def load_mean(self) -> float:
        """Offered load of all replications taken together; infinite with work and no duty, NaN with neither.

        A ratio of sums: one short replication in which a leader happened to be away throughout must not
        stand for the office.
        """
        return ratio(self.offered_s, self.on_duty_s)


def ratio(part: float, whole: float) -> float:
    """Return ``part / whole``: infinite where only the whole is nothing, NaN where both are."""
    if whole > 0:
        return part / whole
    return math.inf if part > 0 else math.nan


def group_loads(tables: Sequence[Pools]) -> list[GroupLoad]:
    """Return the load of every group, highest mean load first, then by agency and role.

    Args:
        tables: The pools of each replication. The number of a group need not be the same in all of them: a
            group is known by its agency and its first role.
    """
    found: dict[tuple[int, int], list[tuple[Pools, list[int]] | None]] = {}
    for at, pools in enumerate(tables):
        rows_of: dict[int, list[int]] = {}
        for row in np.lexsort((pools.role, pools.agency)).tolist():
            rows_of.setdefault(int(pools.group[row]), []).append(row)
        for rows in rows_of.values():
            key = (int(pools.agency[rows[0]]), int(pools.role[rows[0]]))
            found.setdefault(key, [None] * len(tables))[at] = (pools, rows)
    loads = [_group_load(agency, parts) for (agency, _), parts in sorted(found.items())]
    return sorted(loads, key=lambda group: -_sortable(group.load_mean))


def _sortable(load: float) -> float:
    return -1.0 if math.isnan(load) else load


def _group_load(agency: int, parts: list[tuple[Pools, list[int]] | None]) -> GroupLoad:
    offered_s: dict[int, float] = {}
    people: dict[int, int] = {}
    load, utilisation, waiting, duty_s = [], [], [], 0.0
    for part in parts:
        if part is None:
            load.append(math.nan)
            utilisation.append(math.nan)
            waiting.append(0.0)
            continue
        pools, rows = part
        for row in rows:
            role = int(pools.role[row])
            offered_s[role] = offered_s.get(role, 0.0) + float(pools.offered_s[row])
            people[role] = max(people.get(role, 0), int(pools.people[row]))
        on_duty_s = float(pools.group_on_duty_s[rows[0]])
        duty_s += on_duty_s
        load.append(ratio(float(np.sum(pools.offered_s[rows])), on_duty_s))
        utilisation.append(float(np.sum(pools.busy_s[rows])) / on_duty_s if on_duty_s > 0 else math.nan)
        waiting.append(float(np.sum(pools.waiting_end[rows])))
    main = min(offered_s, key=lambda role: (-offered_s[role], role))
    return GroupLoad(
        agency, main, tuple(sorted(offered_s)), people[main], tuple(load), tuple(utilisation), tuple(waiting),
        sum(offered_s.values()), duty_s,
    )  # fmt: skip


def utilisation(
    tables: Sequence[Pools], groups: Sequence[GroupLoad], names: Names, confidence: float = CONFIDENCE
) -> dict[str, Any]:
    """Return ``utilisation`` of summary.json.

    ``by_role`` has one row per level and role: its utilisation is the busy time on this role's tasks over the
    time on duty of those who hold it, its offered load that of all groups with the role taken together, and
    ``highest`` the highest mean load among those groups. ``busiest`` has one row per group, under the role
    with the most offered work; utilisation, load and waiting tasks are those of the group.

    Args:
        tables: The pools of each replication.
        groups: The same as :func:`group_loads` gives them.
        names: Names behind the indices.
        confidence: Confidence of the intervals.
    """
    highest: dict[tuple[str, int], float] = {}
    for group in groups:
        for role in group.roles:
            key = (names.levels[group.agency], role)
            highest[key] = max(highest.get(key, -1.0), _sortable(group.load_mean))
    sums = [_by_role(pools, names) for pools in tables]
    order = list(dict.fromkeys(names.levels))
    rows = []
    for level, role in sorted(
        {key for part in sums for key in part}, key=lambda k: (order.index(k[0]), k[1])
    ):
        parts = [part.get((level, role), np.zeros(5)) for part in sums]
        top = highest[level, role]
        rows.append(
            {
                "level": level,
                "role": names.roles[role],
                "people": int(max(part[0] for part in parts)),
                "utilisation": _estimate((ratio(p[1], p[2]) for p in parts), confidence),
                "offered_load": _estimate((ratio(p[3], p[4]) for p in parts), confidence),
                "highest": None if top < 0 else number(top),
            }
        )
    busiest = [_row(group, names, confidence) for group in groups[:BUSIEST]]
    return {"by_role": rows, "busiest": busiest}


def _estimate(values: Iterable[float], confidence: float) -> dict[str, Any]:
    return student(list(values), confidence).to_json()


def _by_role(pools: Pools, names: Names) -> dict[tuple[str, int], np.ndarray[Any, np.dtype[np.float64]]]:
    """Return people, busy and on-duty seconds, and the offered and on-duty seconds of the groups."""
    group, at = np.unique(pools.group, return_inverse=True)
    offered_s = np.bincount(at, weights=pools.offered_s, minlength=group.size)[at]
    columns = np.column_stack(
        [pools.people, pools.busy_s, pools.on_duty_s, offered_s, pools.group_on_duty_s]
    ).astype(np.float64)
    sums: dict[tuple[str, int], np.ndarray[Any, np.dtype[np.float64]]] = {}
    for agency, role, row in zip(pools.agency.tolist(), pools.role.tolist(), columns, strict=True):
        key = (names.levels[agency], role)
        sums[key] = sums.get(key, np.zeros(5)) + row
    return sums


def _row(group: GroupLoad, names: Names, confidence: float) -> dict[str, Any]:
    return {
        "agency": names.agencies[group.agency],
        "agency_name": names.agency_names[group.agency],
        "role": names.roles[group.role],
        "people": group.people,
        "utilisation": _estimate(group.utilisation, confidence),
        "offered_load": _estimate(group.load, confidence),
        "waiting_end": float(np.mean(group.waiting_end)),
    }


def bottleneck(groups: Sequence[GroupLoad], names: Names) -> dict[str, Any] | None:
    """Return the group with the highest mean load in words, ``None`` where no group has a load.

    Args:
        groups: As :func:`group_loads` gives them.
        names: Names behind the indices.
    """
    if not groups or math.isnan(groups[0].load_mean):
        return None
    group = groups[0]
    agency, role, load = names.agency_names[group.agency], names.roles[group.role], group.load_mean
    if math.isinf(load):
        en = f"{agency}: work for {role}, and nobody on duty to do it."
        vi = f"{agency}: có việc cho vai trò {role} nhưng không có ai trực để làm."
    else:
        en = (
            f"{agency}: the work asked of {role} takes {percent_en(load)} of the time on duty, "
            "the highest share of all."
        )
        vi = (
            f"{agency}: việc giao cho vai trò {role} chiếm {percent_vi(load)} thời gian làm việc, "
            "cao nhất trong tất cả các nhóm."
        )
    return {
        "level": names.levels[group.agency],
        "role": role,
        "agency_name": agency,
        "offered_load": number(load),
        "text": {"en": en, "vi": vi},
    }


def percent_en(share: float) -> str:
    """Render a share as English text, such as ``98.5 %``."""
    return f"{100 * share:.1f} %"


def percent_vi(share: float) -> str:
    """Render a share as Vietnamese text, such as ``98,5 %``."""
    return percent_en(share).replace(".", ",")
