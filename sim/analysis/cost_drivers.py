"""What cash items are counted by in one replication of one alternative: envelopes, pages, agencies and so on.

Rule kept here: counting only. Nothing here knows a price, so that the same counts serve any prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.analysis.stability import working_days
from sim.calendars import WorkingTime
from sim.observations import Bools, Floats, Ints, Observations, StepKind
from sim.scenario import Case, ScenarioFile, staff_of
from sim.scenario.carriage import carried
from sim.scenario.costs import CostItem, Costs
from sim.units import DAY_S, HOUR_S
from sim.workload import Workload, view


@dataclass(frozen=True, slots=True)
class Terms:
    """What counting and pricing one alternative needs beside its observations.

    Args:
        costs: The alternative's prices.
        carried_by: Transport by procedure and name of a transport step.
        staff: Head-count by role, by agency; of people with several roles the first one.
        pages: Pages of each document of the workload.
        steady: The period is steady, not terminating.
    """

    costs: Costs
    carried_by: Mapping[tuple[str, str], str]
    staff: Mapping[str, Mapping[str, int]]
    pages: Floats
    steady: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What one replication of one alternative has of everything that is paid for.

    Args:
        things: By item that applies: how many of what it is counted by, before its share. Of the measured period;
            for a standing item how many there are.
        deliveries: Created in the measured period.
        busy_h: Hours of work by role in the measured period.
        measured_days: Calendar days of the measured period.
        working_days: Its working days.
        steady: The period is steady, not terminating.
    """

    things: Mapping[str, float]
    deliveries: int
    busy_h: Mapping[str, float]
    measured_days: float
    working_days: int
    steady: bool


def terms(file: ScenarioFile, case: Case, workload: Workload) -> Terms | None:
    """Return what pricing one replication of one alternative needs, nothing where it has no prices.

    Args:
        file: The scenario.
        case: The alternative.
        workload: The replication's documents.
    """
    costs = case.scenario.costs
    if costs is None:
        return None
    staff = {
        agency.id: {role: spec.count for role, spec in staff_of(case.scenario, agency).items()}
        for agency in case.agencies
    }
    pages = view(workload, file, case).pages
    return Terms(costs, carried(case.scenario), staff, pages, file.scenario.period.kind == "steady")


def count(obs: Observations, office: WorkingTime, known: Terms) -> Counts:
    """Count what one replication of one alternative has of everything that is paid for.

    An agency sends or receives on a procedure where a document of the whole run, warm-up included, does so; an agency
    without staff never counts.

    Args:
        obs: Its observations.
        office: Working time of the offices.
        known: Its terms.
    """
    counter = _Counter(obs, known)
    days = int(np.ceil(obs.measure_end_s / DAY_S))
    worked = working_days(office, days, obs.measure_start_s, obs.measure_end_s)
    pools, roles = obs.pools, obs.names.roles
    busy_h = np.bincount(pools.role, weights=pools.busy_s, minlength=len(roles)) / HOUR_S
    return Counts(
        things={name: counter.of(item) for name, item in known.costs.items.items() if item.applies},
        deliveries=int(np.count_nonzero(obs.legs.measured)),
        busy_h=dict(zip(roles, busy_h.tolist(), strict=True)),
        measured_days=(obs.measure_end_s - obs.measure_start_s) / DAY_S,
        working_days=int(np.count_nonzero(worked)),
        steady=known.steady,
    )


class _Counter:
    """Counts for one replication; what several items need is worked out once.

    Args:
        obs: The observations.
        known: The terms.
    """

    def __init__(self, obs: Observations, known: Terms) -> None:
        self.obs, self.known = obs, known
        self.levels = np.array(obs.names.levels)
        self.pages = known.pages[obs.legs.doc]
        self.has_staff = np.array([sum(known.staff.get(one, {}).values()) > 0 for one in obs.names.agencies])
        self.posted: tuple[NDArray[np.str_], Ints] | None = None

    def of(self, item: CostItem) -> float:
        """Return how many there are of what an item is counted by."""
        legs = self.obs.legs
        if item.per == "envelope":
            return self._envelopes(item)
        if item.per in {"agency", "person", "system"}:
            return self._standing(item)
        mine = legs.measured & self._on(item)
        if item.per in {"delivery", "copied-page"}:
            mine &= self._at(item, legs.recipient)
            return float(np.sum(self.pages[mine])) if item.per == "copied-page" else float(mine.sum())
        mine &= self._at(item, legs.sender)
        _, first = np.unique(legs.doc[mine], return_index=True)
        return float(np.sum(self.pages[mine][first])) if item.per == "original-page" else float(first.size)

    def _on(self, item: CostItem) -> Bools:
        """Return the legs on the item's procedures."""
        if item.procedures is None:
            return np.ones(self.obs.legs.leg.size, dtype=bool)
        wanted = [i for i, name in enumerate(self.obs.names.procedures) if name in item.procedures]
        return np.isin(self.obs.legs.procedure, wanted)

    def _at(self, item: CostItem, agency: Ints) -> Bools:
        """Return where an agency is of the item's levels."""
        if item.levels is None:
            return np.ones(agency.size, dtype=bool)
        at: Bools = np.isin(self.levels, item.levels)[agency]
        return at

    def _standing(self, item: CostItem) -> float:
        """Count agencies that take part, their people, or one system where any takes part."""
        legs, on = self.obs.legs, self._on(item)
        ends = {"sender": [legs.sender], "recipient": [legs.recipient], None: [legs.sender, legs.recipient]}
        takes_part = np.zeros(self.levels.size, dtype=bool)
        for end in ends[item.at]:
            takes_part[end[on]] = True
        takes_part &= self.has_staff & self._at(item, np.arange(self.levels.size, dtype=np.int32))
        if item.per == "system":
            return float(takes_part.any())
        if item.per == "agency":
            return float(takes_part.sum())
        names = self.obs.names.agencies
        staff = [self.known.staff[names[at]] for at in np.flatnonzero(takes_part).tolist()]
        return float(sum(people.get(role, 0) for people in staff for role in item.roles or ()))

    def _envelopes(self, item: CostItem) -> float:
        """Count envelopes that left in the measured period by the item's transports."""
        if self.posted is None:
            self.posted = self._post()
        via, sender = self.posted
        return float(np.sum(np.isin(via, item.via or ()) & self._at(item, sender)))

    def _post(self) -> tuple[NDArray[np.str_], Ints]:
        """Return transport and sender of every envelope: what left together, from one agency to another."""
        obs, steps, legs = self.obs, self.obs.steps, self.obs.legs
        left = (steps.kind == StepKind.TRANSPORT) & (steps.leg >= 0)
        left &= (steps.started_s >= obs.measure_start_s) & (steps.started_s < obs.measure_end_s)
        order = np.argsort(legs.leg, kind="stable")
        row = order[np.searchsorted(legs.leg[order], steps.leg[left])]
        tasks, size = len(obs.names.tasks), len(obs.names.procedures) * len(obs.names.tasks)
        transports = [""] * size
        for (procedure, task), via in self.known.carried_by.items():
            if procedure in obs.names.procedures and task in obs.names.tasks:
                at = obs.names.procedures.index(procedure) * tasks + obs.names.tasks.index(task)
                transports[at] = via
        names = sorted(set(transports))
        number = np.array([names.index(one) for one in transports], dtype=np.int64)
        carrier = number[legs.procedure[row].astype(np.int64) * tasks + steps.task[left]]
        agencies = len(obs.names.agencies)
        sender = steps.agency[left].astype(np.int64)
        key = (carrier * agencies + sender) * agencies + legs.recipient[row]
        order = np.lexsort((steps.started_s[left], key))
        sorted_key, at_s = key[order], steps.started_s[left][order]
        first = np.ones(order.size, dtype=bool)
        first[1:] = (np.diff(sorted_key) != 0) | (np.diff(at_s) != 0)
        ends, _ = np.divmod(sorted_key[first], agencies)
        carriers, senders = np.divmod(ends, agencies)
        return np.array(names)[carriers], senders.astype(np.int32)
