"""Which way every leg takes: its procedure, and whether it goes through its parent's copy.

Rule kept here: the channel is resolved per leg, from sender, recipient and document, by one uniform per leg,
so that legs adopted at a share of 30 % are among those adopted at 60 %, and a second channel's 30 % are others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.scenario import Case, select
from sim.scenario.schema import Scenario
from sim.scenario.steps import When
from sim.streams import Streams
from sim.workload import ASKS, URGENCIES, View, Workload

Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Routes:
    """The way of every leg of one alternative.

    Args:
        procedures: Procedure names; indices below point into it.
        procedure: Procedure of each leg, -1 where the alternative does not have the leg.
        via: Leg through whose recipient's copy the leg goes, -1 where it goes direct.
        origin: Agency that posts the leg: the sender, or the relaying agency.
        own_legs: Legs that the sender itself sends, per document and procedure: shape (documents, procedures).
        relayed_legs: Legs that depend on each leg, per procedure: shape (legs, procedures); None without relays.
    """

    procedures: tuple[str, ...]
    procedure: Ints
    via: Ints
    origin: Ints
    own_legs: Ints
    relayed_legs: Ints | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditions are asked about, per document and per leg.

    Args:
        workload: The documents.
        view: What the alternative has of them.
        level: Level of each agency of the workload; empty where the alternative does not have the agency.
    """

    workload: Workload
    view: View
    level: NDArray[np.str_]

    def holds(self, when: When | None, *, per_leg: bool) -> Bools | None:
        """Return where a condition holds, per document or per leg; ``None``: everywhere."""
        if when is None:
            return None
        w, v = self.workload, self.view
        ok = np.ones(w.documents, dtype=bool)
        if when.asks is not None:
            ok &= np.isin(v.asks, [ASKS.index(one) for one in when.asks])
        if when.urgency is not None:
            ok &= np.isin(v.urgency, [URGENCIES.index(one) for one in when.urgency])
        if when.classified is not None:
            ok &= v.classified == when.classified
        if when.flow is not None:
            ok &= np.isin(w.flow, [w.flows.index(one) for one in when.flow if one in w.flows])
        if when.sender_level is not None:
            ok &= np.isin(self.level[w.sender], when.sender_level)
        if not per_leg:
            return ok
        out = ok[w.doc_of]
        if when.recipient_level is not None:
            out &= np.isin(self.level[w.recipient], when.recipient_level)
        return out


def levels(workload: Workload, case: Case) -> NDArray[np.str_]:
    """Return the level of each agency of the workload in one alternative."""
    known = {agency.id: agency.level for agency in case.agencies}
    return np.array([known.get(name, "") for name in workload.agencies])


def resolve(case: Case, facts: Facts, streams: Streams) -> Routes:
    """Resolve the way of every leg.

    Args:
        case: The alternative.
        facts: Its documents and agencies.
        streams: The replication's random streams.
    """
    workload, scenario = facts.workload, case.scenario
    names = tuple(scenario.procedures)
    procedure = np.full(workload.legs, -1, dtype=np.int32)
    relays = np.ones(workload.legs, dtype=bool)
    u = streams.uniforms(workload.legs, "channel")
    passed = np.zeros(workload.legs)
    position = {name: index for index, name in enumerate(workload.agencies)}
    for index, name in enumerate(workload.flows):
        flow = scenario.flows.get(name)
        if flow is not None and flow.procedure is not None:
            procedure[workload.flow[workload.doc_of] == index] = names.index(flow.procedure)
    for channel in scenario.channels.values():
        takes = procedure < 0
        holds = facts.holds(channel.when, per_leg=True)
        if holds is not None:
            takes &= holds
        if channel.agencies is not None:
            member = np.zeros(len(workload.agencies), dtype=bool)
            member[[position[case.agencies[i].id] for i in select(channel.agencies, case.agencies)]] = True
            takes &= member[workload.sender[workload.doc_of]] & member[workload.recipient]
        if channel.share is not None:  # shares of channels that compete for a leg add up
            fits, below = takes, passed + channel.share.value
            takes = fits & (u < below)
            passed = np.where(fits, below, passed)
        procedure[takes] = names.index(channel.procedure)
        relays[takes] = channel.relay
    procedure[~facts.view.leg_on] = -1
    via = _via(case, facts, procedure, relays, position)
    origin = workload.sender[workload.doc_of].copy()
    held = via >= 0
    origin[held] = workload.recipient[via[held]]
    n = len(names)
    own = (procedure >= 0) & ~held
    own_legs = np.bincount(workload.doc_of[own] * n + procedure[own], minlength=workload.documents * n)
    relayed = None
    if held.any():
        counted = np.bincount(via[held] * n + procedure[held], minlength=workload.legs * n)
        relayed = counted.reshape(workload.legs, n).astype(np.int32)
    return Routes(names, procedure, via, origin, own_legs.reshape(-1, n).astype(np.int32), relayed)


def _via(case: Case, facts: Facts, procedure: Ints, relays: Bools, position: dict[str, int]) -> Ints:
    """Return for each leg the leg to its recipient's parent through which it goes, or -1."""
    workload, scenario = facts.workload, case.scenario
    via = np.full(workload.legs, -1, dtype=np.int32)
    parent = np.full(len(workload.agencies), -1, dtype=np.int64)
    for agency in case.agencies:
        if agency.parent in position:
            parent[position[agency.id]] = position[agency.parent]
    relayed = _relayed(scenario, facts) & relays & (procedure >= 0)
    legs = np.flatnonzero(relayed)
    if not len(legs):
        return via
    size = len(workload.agencies)
    key = workload.doc_of.astype(np.int64) * size + workload.recipient
    order = np.argsort(key, kind="stable")
    above = parent[workload.recipient[legs]]
    wanted = workload.doc_of[legs].astype(np.int64) * size + above
    at = np.searchsorted(key[order], wanted).clip(0, workload.legs - 1)
    found = order[at]
    there = (above >= 0) & (key[found] == wanted) & (procedure[found] >= 0) & ~relayed[found]
    via[legs[there]] = found[there]
    return via


def _relayed(scenario: Scenario, facts: Facts) -> Bools:
    """Return the legs whose flow has them go through their parent."""
    workload = facts.workload
    out = np.zeros(workload.legs, dtype=bool)
    flow_of_leg = workload.flow[workload.doc_of]
    for index, name in enumerate(workload.flows):
        flow = scenario.flows.get(name)
        if flow is not None and flow.relay is not None:
            out |= (flow_of_leg == index) & np.isin(facts.level[workload.recipient], flow.relay.levels)
    return out
