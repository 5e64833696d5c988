"""The superset of documents over all alternatives, drawn once per replication.

Rule kept here: a document is keyed by flow, sender and number. The base case's documents come first, so that
no alternative moves their draws; what alternatives with a larger volume have beyond them comes behind.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.scenario import Case, ScenarioFile, select
from sim.scenario.schema import Flow
from sim.scenario.steps import Asks
from sim.streams import Streams
from sim.units import Dimension
from sim.workload.arrivals import arrivals, day_factor, intensity
from sim.workload.recipients import candidates, choose, counts
from sim.workload.tables import Bools, Floats, Ints, Workload

RATE_ROUNDING = 1e-12  # relative; two rates closer than this are the same rate written differently

_Columns = dict[str, NDArray[Any]]


@dataclass(slots=True)
class _Block:
    """Documents of one flow and sender while the workload is being built."""

    flow: int
    sender: int
    times: Floats
    counts: NDArray[np.int64]
    recipients: list[int]


def rate_per_s(flow: Flow, senders: int, day_s: float) -> float:
    """Return documents per open second and sender."""
    volume = flow.volume
    if volume.dimension is Dimension.RATE_PER_AGENCY:
        return volume.value / day_s
    each = volume.value / senders if senders else 0.0
    return each / day_s if volume.dimension is Dimension.RATE else each


def superset_agencies(file: ScenarioFile) -> tuple[str, ...]:
    """Return the ids of all agencies of any alternative, the base case's first."""
    ids = [agency.id for agency in file.cases[file.base].agencies]
    ids += [agency.id for case in file.cases.values() for agency in case.agencies]
    return tuple(dict.fromkeys(ids))


def flow_rates(file: ScenarioFile, case: Case) -> Floats:
    """Return one alternative's documents per open second: shape (flows, agencies of the superset)."""
    position = {name: index for index, name in enumerate(superset_agencies(file))}
    out = np.zeros((len(superset_flows(file)), len(position)))
    for row, name in enumerate(superset_flows(file)):
        flow = case.scenario.flows.get(name)
        if flow is not None:
            senders = select(flow.sender, case.agencies)
            columns = [position[case.agencies[index].id] for index in senders]
            out[row, columns] = rate_per_s(flow, len(senders), file.office.day_s)
    return out


def _blocks(file: ScenarioFile, streams: Streams, rates: Floats, purpose: str) -> list[_Block]:
    """Draw the documents of every flow and sender at the given rates."""
    position = {name: index for index, name in enumerate(superset_agencies(file))}
    blocks: list[_Block] = []
    for number, name in enumerate(superset_flows(file)):
        if not rates[number].any():
            continue
        case = _case_with(file, name)
        flow, scenario = case.scenario.flows[name], case.scenario
        clock, total = intensity(
            scenario.profiles[flow.profile] if flow.profile else None, file.office, scenario,
            file.horizon.cap_s, day_factor(scenario, flow, name, streams, file.horizon.days),
        )  # fmt: skip
        local = {agency.id: index for index, agency in enumerate(case.agencies)}
        for sender, at in position.items():
            if rates[number, at] <= 0 or sender not in local:
                continue
            key = f"{name}/{sender}"
            times = arrivals(streams, key, purpose, clock, total, float(rates[number, at]))
            among = candidates(flow, case.agencies, local[sender]) if len(times) else []
            if not among:
                continue
            ids = [position[case.agencies[index].id] for index in among]
            fan_out = counts(flow, len(times), len(ids), streams, f"{purpose}/{key}")
            u = streams.uniforms(int(fan_out.sum()), "recipients", f"{purpose}/{key}")
            blocks.append(_Block(number, at, times, fan_out, choose(ids, fan_out, u)))
    return blocks


def superset_flows(file: ScenarioFile) -> tuple[str, ...]:
    """Return the names of all flows of any alternative, the base case's first."""
    names = list(file.scenario.flows)
    names += [name for case in file.cases.values() for name in case.scenario.flows]
    return tuple(dict.fromkeys(names))


def _case_with(file: ScenarioFile, flow: str) -> Case:
    """Return the base case if it has the flow, else the first alternative that has it."""
    cases = [file.cases[file.base], *file.cases.values()]
    return next(case for case in cases if flow in case.scenario.flows)


def _reply_flow(file: ScenarioFile, flows: Sequence[str]) -> Ints:
    """Return for each flow the flow of its replies, -1 where no alternative asks for any."""
    out = np.full(len(flows), -1, dtype=np.int32)
    for case in file.cases.values():
        for index, name in enumerate(flows):
            flow = case.scenario.flows.get(name)
            if flow is not None and flow.reply is not None and Asks.REPLY in flow.asks:
                out[index] = flows.index(flow.reply)
    return out


def _reply_share(file: ScenarioFile, flows: Sequence[str]) -> Floats:
    """Return for each flow the largest share that asks for a reply in any alternative."""
    return np.array([
        max((case.scenario.flows[name].asks[Asks.REPLY].value
             for case in file.cases.values()
             if name in case.scenario.flows and Asks.REPLY in case.scenario.flows[name].asks), default=0.0)
        for name in flows
    ])  # fmt: skip


def generate(file: ScenarioFile, streams: Streams, chosen: Collection[str] | None = None) -> Workload:
    """Draw the documents of one replication.

    Args:
        file: The scenario with all its alternatives.
        streams: The replication's random streams.
        chosen: Alternatives that will be run, default all. Where none of them has a larger volume than the
            base case, nothing is drawn beyond it; what is drawn is the same either way.

    Returns:
        The superset of documents: base documents, replies to them, then extension documents and replies to
        them, each part ordered by flow, sender and number.

    Raises:
        InputError: ``E-EMPTY-WORKLOAD`` when no document is ever asked for.
    """
    flows = superset_flows(file)
    rates = {name: flow_rates(file, case) for name, case in file.cases.items()}
    base = rates[file.base]
    top = np.maximum.reduce(list(rates.values()))
    more = np.where(top - base > RATE_ROUNDING * top, top - base, 0.0)
    wanted = [rates[name] for name in (file.cases if chosen is None else chosen)]
    if not any((one > base * (1 + RATE_ROUNDING)).any() for one in wanted):
        more = np.zeros_like(base)
    columns = _columns(file, streams, flows, (base, more))
    n = len(columns["flow"])
    if not n:
        raise InputError("E-EMPTY-WORKLOAD", "no document is asked for in the whole period", "raise a volume")
    draws = {"asks": columns["u_asks"]}
    for purpose in ("urgency", "classified", "pages", "size"):
        draws[purpose] = streams.uniforms(n, purpose)
    return Workload(
        agencies=superset_agencies(file),
        flows=flows,
        flow=columns["flow"],
        sender=columns["sender"],
        number=columns["number"],
        created_s=columns["created_s"],
        extension=columns["extension"],
        keep=streams.uniforms(n, "keep"),
        reply_to=columns["reply_to"],
        leg_start=np.concatenate([[0], np.cumsum(columns["counts"])]).astype(np.int32),
        doc_of=columns["doc_of"],
        recipient=columns["recipient"],
        reply_doc=columns["reply_doc"],
        draws=draws,
        base_rate_per_s=base,
        top_rate_per_s=top,
    )


def _columns(
    file: ScenarioFile, streams: Streams, flows: Sequence[str], rates: tuple[Floats, Floats]
) -> _Columns:
    """Draw base documents, replies to them, extension documents, replies to them, one after another."""
    reply_flow, reply_share = _reply_flow(file, flows), _reply_share(file, flows)
    parts: list[_Columns] = []
    docs = legs = 0
    for extension, purpose, rate in zip((False, True), ("arrivals", "extension"), rates, strict=True):
        own = _documents(_blocks(file, streams, rate, purpose), docs, extension=extension)
        own["u_asks"] = streams.uniforms(len(own["flow"]), "asks", "extension" if extension else "base")
        may_ask = (own["u_asks"] >= 1.0 - reply_share[own["flow"]]) & (reply_flow[own["flow"]] >= 0)
        asked = may_ask[own["doc_of"] - docs]
        replies = _replies(own, asked, reply_flow, docs, legs, extension=extension)
        docs += len(own["flow"]) + len(replies["flow"])
        legs += len(own["recipient"]) + len(replies["recipient"])
        parts += [own, replies]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _documents(blocks: Sequence[_Block], first: int, *, extension: bool) -> _Columns:
    """Join blocks into columns; documents are numbered from ``first``."""

    def column(values: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
        return np.concatenate(values).astype(kind) if values else np.empty(0, dtype=kind)

    fan_out = column([b.counts for b in blocks], np.int32)
    n = len(fan_out)
    return {
        "flow": column([np.full(len(b.times), b.flow) for b in blocks], np.int32),
        "sender": column([np.full(len(b.times), b.sender) for b in blocks], np.int32),
        "number": column([np.arange(len(b.times)) for b in blocks], np.int32),
        "created_s": column([b.times for b in blocks], np.float64),
        "extension": np.full(n, extension),
        "reply_to": np.full(n, -1, dtype=np.int32),
        "counts": fan_out,
        "doc_of": (first + np.repeat(np.arange(n), fan_out)).astype(np.int32),
        "recipient": column([np.array(b.recipients) for b in blocks], np.int32),
        "reply_doc": np.full(int(fan_out.sum()), -1, dtype=np.int32),
    }


def _replies(
    own: _Columns, asked: Bools, reply_flow: Ints, first_doc: int, first_leg: int,
    *, extension: bool,
) -> _Columns:  # fmt: skip
    """Make one reply document, with one leg back to the sender, for every leg that may ask for one."""
    legs = np.flatnonzero(asked)
    parent = own["doc_of"][legs] - first_doc
    n = len(legs)
    docs = first_doc + len(own["flow"]) + np.arange(n)
    own["reply_doc"][legs] = docs
    return {
        "flow": reply_flow[own["flow"][parent]],
        "sender": own["recipient"][legs],
        "number": np.arange(n, dtype=np.int32),
        "created_s": np.full(n, np.nan),
        "extension": np.full(n, extension),
        "reply_to": (first_leg + legs).astype(np.int32),
        "counts": np.ones(n, dtype=np.int32),
        "doc_of": docs.astype(np.int32),
        "recipient": own["sender"][parent],
        "reply_doc": np.full(n, -1, dtype=np.int32),
        "u_asks": np.zeros(n),
    }
