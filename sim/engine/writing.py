"""From the state at the end of a run to observations.

Rule kept here: pure reading. Arrays that the model filled become columns; loads and duty are worked out from
records and calendars, never counted on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from sim.engine.journey import Token
from sim.engine.presence import Post
from sim.engine.program import Compiler
from sim.engine.routing import Facts, Routes
from sim.engine.staff import Equipment, Person, Pool
from sim.engine.world import World
from sim.observations import Legs, Names, Observations, Pools, StepKind, Steps
from sim.scenario import Case

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Staffing:
    """The people of one alternative.

    Args:
        posts: Everybody's place.
        people: Everybody, in the same order.
        by_role: By role: by agency: a pool per field.
        equipment: By name: by agency.
        order: Numbers tasks as they are enabled.
    """

    posts: Sequence[Post]
    people: Sequence[Person]
    by_role: Mapping[str, Sequence[Sequence[Pool]]]
    equipment: Mapping[str, Sequence[Equipment]]
    order: count[int]


def observe(
    case: Case, facts: Facts, routes: Routes, world: World, compiler: Compiler,
    staffing: Staffing, end_s: float,
) -> Observations:  # fmt: skip
    """Read everything off a finished run."""
    start_s, stop_s = world.measure_start_s, world.measure_end_s
    created = np.frombuffer(world.created)
    by_id = {agency.id: agency for agency in case.agencies}
    names = Names(
        agencies=facts.workload.agencies,
        agency_names=tuple(by_id[one].name if one in by_id else one for one in facts.workload.agencies),
        levels=tuple(str(one) for one in facts.level),
        flows=facts.workload.flows,
        procedures=routes.procedures,
        tasks=tuple(compiler.tasks),
        task_stages=tuple(compiler.stages),
        roles=tuple(staffing.by_role),
        people=tuple(post.name for post in staffing.posts),
    )
    steps = _steps(facts, routes, world, compiler, staffing)
    asked = (created >= start_s) & (created < stop_s) & (np.array(world.legs_on) > 0)
    return Observations(
        alternative=case.name,
        replication=compiler.streams.replication,
        legs=_legs(facts, routes, world, created),
        steps=steps,
        pools=_pools(world, compiler, staffing, steps, names),
        names=names,
        envelopes=world.envelopes_sent,
        documents=int(asked.sum()),
        measure_start_s=start_s,
        measure_end_s=stop_s,
        end_s=end_s,
    )


def _legs(facts: Facts, routes: Routes, world: World, created: Floats) -> Legs:
    """Return the legs of documents that were asked for in this run."""
    w, v = facts.workload, facts.view
    legs = np.flatnonzero((routes.procedure >= 0) & ~np.isnan(created[w.doc_of]))
    doc = w.doc_of[legs]
    at = created[doc]
    return Legs(
        leg=legs.astype(np.int32),
        doc=doc,
        flow=w.flow[doc],
        sender=w.sender[doc],
        recipient=w.recipient[legs],
        procedure=routes.procedure[legs],
        urgency=v.urgency[doc],
        classified=v.classified[doc],
        asks=v.asks[doc],
        created_s=at,
        signed_s=np.frombuffer(world.signed)[legs],
        sent_s=np.frombuffer(world.sent)[legs],
        registered_s=np.frombuffer(world.registered)[legs],
        finished_s=np.frombuffer(world.finished)[legs],
        closed_s=np.frombuffer(world.closed)[legs],
        released_s=np.frombuffer(world.released)[legs],
        released_by=np.frombuffer(world.released_by, dtype=np.int32)[legs],
        reply_doc=w.reply_doc[legs],
        outcome=np.frombuffer(world.outcome, dtype=np.uint8)[legs].astype(np.int32),
        deadline_s=v.deadline_s[doc],
        measured=(at >= world.measure_start_s) & (at < world.measure_end_s),
    )


def _steps(facts: Facts, routes: Routes, world: World, compiler: Compiler, staffing: Staffing) -> Steps:
    """Return the step records."""
    ints = np.frombuffer(world.record_ints, dtype=np.int32).reshape(-1, 5)
    times = np.frombuffer(world.record_times).reshape(-1, 4)
    number, doc, leg, person, path = (ints[:, k] for k in range(5))
    task = np.array([task for task, _, _ in compiler.kinds] or [0], dtype=np.int32)[number]
    kind = np.array([int(kind) for _, kind, _ in compiler.kinds] or [0], dtype=np.int32)[number]
    role_of = {name: index for index, name in enumerate(staffing.by_role)}
    role = np.array([role_of.get(name, -1) for _, _, name in compiler.kinds] or [-1], dtype=np.int32)[number]
    home = np.array([post.agency for post in staffing.posts] or [0], dtype=np.int32)
    posted_by = np.where(leg >= 0, routes.origin[leg], facts.workload.sender[doc])
    on_path, relay = _paths(world)
    return Steps(
        doc=doc.copy(),
        leg=leg.copy(),
        task=task,
        kind=kind,
        agency=np.where(person >= 0, home[person], posted_by).astype(np.int32),
        person=person.copy(),
        role=np.where(person >= 0, role, -1).astype(np.int32),
        enabled_s=times[:, 0].copy(),
        started_s=times[:, 1].copy(),
        completed_s=times[:, 2].copy(),
        work_s=times[:, 3].copy(),
        on_path=on_path[path],
        relay=relay[path],
    )


def _paths(world: World) -> tuple[NDArray[np.bool_], Ints]:
    """Return for each path whether it decided how its leg went on, and for whose copies it is."""
    n = len(world.on_path)
    on = [False] * n
    relay = [-1] * n
    for path in range(n):  # a path comes after its parent
        parent = world.path_parent[path]
        on[path] = bool(world.on_path[path]) and (parent < 0 or on[parent])
        relay[path] = world.relay_paths.get(path, relay[parent] if parent >= 0 else -1)
        if relay[path] >= 0 and world.on_path[path]:
            on[path] = False
    return np.array(on), np.array(relay, dtype=np.int32)


def _pools(world: World, compiler: Compiler, staffing: Staffing, steps: Steps, names: Names) -> Pools:
    """Work out each role's duty and load in the measured period."""
    start_s, stop_s = world.measure_start_s, world.measure_end_s
    roles, agencies = len(names.roles), len(names.agencies)
    role_of = {name: index for index, name in enumerate(names.roles)}
    duty: dict[int, float] = {}
    for person in staffing.people:
        if id(person.duty) not in duty:
            duty[id(person.duty)] = person.duty.elapsed(start_s, stop_s)
    on_duty, people = np.zeros((agencies, roles)), np.zeros((agencies, roles), dtype=np.int32)
    group = np.tile(np.arange(roles), (agencies, 1))
    for post, person in zip(staffing.posts, staffing.people, strict=True):
        held = [role_of[role] for role in post.roles]
        for role in held:
            on_duty[post.agency, role] += duty[id(person.duty)]
            people[post.agency, role] += 1
        row = group[post.agency]
        for role in held[1:]:
            row[row == row[role]] = row[held[0]]
    shared = np.zeros((agencies, roles))
    for post, person in zip(staffing.posts, staffing.people, strict=True):
        row = group[post.agency]
        shared[post.agency, row == row[role_of[post.role]]] += duty[id(person.duty)]
    for agency, index, seconds in _stood_in(staffing, role_of, group, start_s, stop_s):
        shared[agency, group[agency] == group[agency, index]] += seconds
    work = (steps.kind == StepKind.WORK) & (steps.person >= 0)
    busy = _sum(
        steps.agency[work], steps.role[work], _inside(steps, staffing, start_s, stop_s)[work], agencies, roles
    )
    asked = work & (steps.enabled_s >= start_s) & (steps.enabled_s < stop_s)
    offered = _sum(steps.agency[asked], steps.role[asked], steps.work_s[asked], agencies, roles)
    waiting = np.zeros((agencies, roles), dtype=np.int32)
    for one in _waiting(world, staffing):
        agency = one.sender if one.op.at_sender else one.recipient
        index = role_of[compiler.kinds[one.op.number][2]]
        waiting[agency, index] += 1
        offered[agency, index] += one.work_s * (start_s <= one.enabled < stop_s)
    for person in staffing.people:
        token = person.token
        if token is not None and start_s <= token.enabled < stop_s:
            offered[person.agency, role_of[compiler.kinds[token.op.number][2]]] += token.work_s
    at = np.argwhere(people > 0)
    a, r = at[:, 0], at[:, 1]
    return Pools(
        agency=a.astype(np.int32),
        role=r.astype(np.int32),
        people=people[a, r],
        on_duty_s=on_duty[a, r],
        busy_s=busy[a, r],
        offered_s=offered[a, r],
        group=(a * roles + group[a, r]).astype(np.int32),
        group_on_duty_s=shared[a, r],
        waiting_end=waiting[a, r],
    )


def _waiting(world: World, staffing: Staffing) -> list[Token]:
    """List the tasks that nobody has taken up: in a role's queue, at an own desk, or for equipment."""
    pools = [pool for agencies in staffing.by_role.values() for fields in agencies for pool in fields]
    entries = [entry for pool in (*pools, *world.desks.values()) for entry in pool.queue]
    for pieces in staffing.equipment.values():
        entries += [entry for piece in pieces for parked in piece.parked.values() for entry in parked]
    return [token for _, _, token in entries]


def _stood_in(
    staffing: Staffing, role_of: Mapping[str, int], group: NDArray[np.intp], start_s: float, stop_s: float
) -> Iterator[tuple[int, int, float]]:
    """Give agency, role and seconds for the time in which somebody of another group might stand in."""
    for role, by_agency in staffing.by_role.items():
        for agency, fields in enumerate(by_agency):
            if not fields or not fields[0].covers:
                continue
            pool = fields[0]
            begins = np.clip(np.array(pool.cover_hours.starts), start_s, stop_s)
            ends = np.clip(np.array(pool.cover_hours.ends), start_s, stop_s)
            inside = ends > begins
            mine = group[agency, role_of[role]]
            for person in pool.covers:
                if group[agency, role_of[staffing.posts[person.index].role]] != mine and inside.any():
                    free = person.duty.elapsed_many(begins[inside], ends[inside])
                    yield agency, role_of[role], float(free.sum())


def _sum(agency: Ints, role: Ints, value: Floats, agencies: int, roles: int) -> Floats:
    """Sum values by agency and role."""
    flat = np.bincount(agency.astype(np.int64) * roles + role, weights=value, minlength=agencies * roles)
    return flat.reshape(agencies, roles).astype(np.float64)


def _inside(steps: Steps, staffing: Staffing, start_s: float, stop_s: float) -> Floats:
    """Return the working seconds of each record that lie in the measured period."""
    inside = np.where((steps.started_s < stop_s) & (steps.completed_s > start_s), steps.work_s, 0.0)
    cut = (inside > 0) & ((steps.started_s < start_s) | (steps.completed_s > stop_s)) & (steps.person >= 0)
    for row in np.flatnonzero(cut).tolist():
        duty = staffing.people[steps.person[row]].duty
        begun, ended = max(steps.started_s[row], start_s), min(steps.completed_s[row], stop_s)
        inside[row] = min(inside[row], duty.elapsed(float(begun), float(ended)))
    return inside
