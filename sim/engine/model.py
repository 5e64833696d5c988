"""One replication of one alternative: built, run, and turned into observations.

Rule kept here: building decides everything that does not depend on the course of events; running touches
only what does; what happened is written down once, at the end of each step.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.calendars import WorkingTime
from sim.engine import presence, routing
from sim.engine.clock import Clock
from sim.engine.memory import Memory
from sim.engine.program import Compiler
from sim.engine.routing import Facts, Routes
from sim.engine.staff import Equipment, Person, Pool, cover_windows
from sim.engine.transport import Carrier
from sim.engine.world import Arrivals, World
from sim.engine.writing import Staffing, observe
from sim.observations import Observations
from sim.scenario import Agency, Case, ScenarioFile, staff_of
from sim.scenario.agencies import distance_m
from sim.scenario.params import in_seconds
from sim.streams import Streams
from sim.workload import ASKS, View, Workload, view

NAN = float("nan")
LEAST_URGENT = 3


def run(
    file: ScenarioFile, case: Case, workload: Workload, streams: Streams, memory: Memory | None = None
) -> Observations:
    """Simulate one replication of one alternative.

    Args:
        file: The scenario.
        case: The alternative.
        workload: The replication's documents, the same for every alternative.
        streams: The replication's random streams, the same for every alternative.
        memory: Of this replication, where other alternatives of it have been or will be run.

    Returns:
        What happened, from the first day until the cohort was finished or the cool-down was over.
    """
    memory = memory or Memory()
    horizon = file.horizon
    seen = view(workload, file, case)
    facts = Facts(workload, seen, routing.levels(workload, case))
    routes = routing.resolve(case, facts, streams)
    clock = Clock()
    world = World(clock)
    world.office = file.office
    world.measure_start_s, world.measure_end_s = horizon.measure_start_s, horizon.measure_end_s
    staffing = _staff(file, case, workload, streams, clock, memory)
    compiler = Compiler(
        world, case.scenario, facts, routes, staffing.by_role, staffing.equipment,
        _carriers(file, case, workload, routes, streams), file.office, streams, horizon.days, memory,
    )  # fmt: skip
    _fill(world, workload, seen, routes, staffing)
    _programs(world, compiler, case, routes)
    created = np.where(seen.doc_on & ~np.isnan(workload.created_s), workload.created_s, np.inf)
    order = np.argsort(created, kind="stable")
    order = order[np.isfinite(created[order])]
    Arrivals(world, order.tolist(), created[order].tolist())

    end_s = clock.run_while(lambda: world.cohort_open > 0, horizon.measure_end_s, horizon.cap_s)
    return observe(case, facts, routes, world, compiler, staffing, end_s)


def _staff(
    file: ScenarioFile, case: Case, workload: Workload, streams: Streams, clock: Clock, memory: Memory
) -> Staffing:
    """Put people at their posts, and make the pools that they serve."""
    position = {name: index for index, name in enumerate(workload.agencies)}
    positions = [position[agency.id] for agency in case.agencies]
    posts = presence.posts(file, case.scenario, case.agencies, positions, streams, memory)
    people = [Person(index, post.agency, post.duty, clock) for index, post in enumerate(posts)]
    order = count()
    holders: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for index, post in enumerate(posts):
        for role in post.roles:
            holders.setdefault((role, post.agency), []).append(
                (index, post.field if role == post.role else -1)
            )
    roles = list(dict.fromkeys(role for role, _ in holders))
    by_role: dict[str, list[list[Pool]]] = {role: [[] for _ in workload.agencies] for role in roles}
    specs = {
        (role, position[agency.id]): spec
        for agency in case.agencies
        for role, spec in staff_of(case.scenario, agency).items()
    }
    for (role, agency), held in holders.items():
        spec = specs.get((role, agency))
        fields = min(spec.fields, sum(1 for _, one in held if one >= 0)) if spec is not None else 1
        cover = spec.cover if spec is not None else None
        everybody = -1  # the whole role comes first, then its fields, if it has more than one
        for number in range(everybody, fields if fields > 1 else 0):
            members = [people[i] for i, one in held if number == everybody or one in (-1, number)]
            stand_ins: list[Person] = []
            hours: WorkingTime | None = None
            if cover is not None:
                stand_ins = [people[i] for i, _ in holders.get((cover.by, agency), ())]
                stand_ins = [one for one in stand_ins if one not in members]
                after_s = in_seconds(cover.after, file.office.day_s)
                hours = cover_windows([one.duty for one in members], file.office, after_s)
                if not hours.starts:
                    stand_ins, hours = [], None
            pool = Pool(clock, members, order, stand_ins, hours)
            for one in members:
                one.pools.append(pool)
            for one in pool.covers:
                one.covers.append(pool)
            by_role[role][agency].append(pool)
    equipment = {
        name: [Equipment(pieces) for _ in workload.agencies]
        for name, pieces in case.scenario.equipment.items()
    }
    return Staffing(posts, people, by_role, equipment, order)


def _carriers(
    file: ScenarioFile, case: Case, workload: Workload, routes: Routes, streams: Streams
) -> dict[str, Carrier]:
    """Make the transports, with the distance of every leg's own way."""
    agencies: Mapping[str, Agency] = {agency.id: agency for agency in case.agencies}
    pairs = np.stack([routes.origin, workload.recipient], axis=1)
    unique, where = np.unique(pairs, axis=0, return_inverse=True)
    known = [
        distance_m(agencies[workload.agencies[a]], agencies[workload.agencies[b]])
        if workload.agencies[a] in agencies and workload.agencies[b] in agencies else 0.0
        for a, b in unique.tolist()
    ]  # fmt: skip
    distances = np.array(known)[where.reshape(-1)]
    return {
        name: Carrier(spec, name, file.office, streams, distances, file.horizon.days)
        for name, spec in case.scenario.transports.items()
    }


def _fill(world: World, workload: Workload, seen: View, routes: Routes, staffing: Staffing) -> None:
    """Give the world its arrays: what is known of every document and leg, and room for what will happen."""

    def empty(n: int) -> array[float]:
        return array("d", [NAN]) * n

    def ints(values: NDArray[np.integer[Any]]) -> array[int]:  # a list would hold an object per number
        return array("i", values.astype(np.int32).tobytes())

    legs, docs = workload.legs, workload.documents
    world.created = empty(docs)
    world.signed, world.sent, world.registered = empty(legs), empty(legs), empty(legs)
    world.finished, world.closed, world.released = empty(legs), empty(legs), empty(legs)
    world.released_by = array("i", [-1]) * legs
    world.outcome = bytearray(legs)
    world.leg_start = ints(workload.leg_start)
    world.leg_procedure = ints(routes.procedure)
    world.leg_origin = ints(routes.origin)
    world.leg_recipient = ints(workload.recipient)
    world.leg_doc = ints(workload.doc_of)
    world.leg_via = ints(routes.via)
    world.reply_doc = ints(workload.reply_doc)
    world.reply_to = ints(workload.reply_to)
    on = seen.leg_on & (routes.procedure >= 0)
    world.legs_on = ints(np.bincount(workload.doc_of[on], minlength=docs))
    world.wants_reply = (seen.asks == ASKS.index("reply")).astype(np.uint8).tobytes()
    world.doc_sender = ints(workload.sender)
    world.doc_prio = ints(LEAST_URGENT - seen.urgency)
    world.dependents = {}
    for leg in np.flatnonzero(routes.via >= 0).tolist():
        world.dependents.setdefault(world.leg_via[leg], []).append(leg)

    def new_desk(person: Person) -> Pool:
        desk = Pool(world.clock, [person], staffing.order)
        person.pools.append(desk)
        return desk

    world.new_desk = new_desk


def _programs(world: World, compiler: Compiler, case: Case, routes: Routes) -> None:
    """Compile what documents and legs of this alternative need, and nothing else."""
    rank = _rank(case, routes.procedures)
    weights: NDArray[np.int64] = (1 << np.arange(len(routes.procedures))).astype(np.int64)
    needed = (routes.own_legs > 0) @ weights
    world.doc_program = needed.tolist()
    world.programs = {}
    for mask in np.unique(needed).tolist():
        wanted = sorted((p for p in range(len(routes.procedures)) if mask >> p & 1), key=lambda p: rank[p])
        if wanted:
            world.programs[mask] = compiler.sender_program(wanted)
    used = set(np.unique(routes.procedure[routes.procedure >= 0]).tolist())
    relayed = set(np.unique(routes.procedure[routes.via >= 0]).tolist())
    every: Sequence[int] = range(len(routes.procedures))
    world.leg_ops = [compiler.leg_program(p) if p in used else [] for p in every]
    world.relay_ops = [compiler.relay_program(p) if p in relayed else [] for p in every]
    world.has_owners = [compiler.has_owners(p) for p in every]
    world.leg_sends = [compiler.leg_sends(p) for p in every]


def _rank(case: Case, procedures: Sequence[str]) -> list[int]:
    """Return the order in which a document's procedures are served: that of the channels."""
    named = list(dict.fromkeys(channel.procedure for channel in case.scenario.channels.values()))
    named += [name for name in procedures if name not in named]
    return [named.index(name) for name in procedures]
