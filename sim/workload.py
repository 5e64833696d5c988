"""The documents to be handled in one replication, as arrays; the same for every alternative.

Rule kept here: a document is keyed by flow, sender and number, and everything drawn about it is a uniform
kept with it. An alternative with a smaller volume keeps a nested part of the base documents, one with a
larger volume gets further documents behind them, and no alternative moves another's draws.

Time and volume: arrivals form a Poisson process over office hours, thinned and extended exactly (a thinned
Poisson process is Poisson; Lewis and Shedler 1979), whose rate follows the flow's profile and, if asked, a
gamma-distributed day factor of mean one that all senders of the flow share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from sim import distributions
from sim.calendars import WorkingTime, day_of
from sim.errors import InputError
from sim.scenario import Agency, Case, ScenarioFile, select
from sim.scenario.params import in_seconds
from sim.scenario.schema import WEEKDAYS, Flow, Profile, Scenario
from sim.scenario.steps import Asks, Urgency
from sim.streams import Streams
from sim.units import DAY_S, Dimension

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

URGENCIES = tuple(Urgency)
ASKS = tuple(Asks)


@dataclass(frozen=True, slots=True)
class Workload:
    """Documents and legs of one replication: the superset over all alternatives.

    Args:
        agencies: Ids of all agencies of any alternative; indices below point into it.
        flows: Names of all flows of any alternative.
        flow: Flow of each document.
        sender: Sender of each document.
        number: Number of the document among those of its flow and sender, from 0.
        created_s: When it is asked for; NaN for a reply, which is asked for while the model runs.
        extension: True for documents that only alternatives with a larger volume have.
        keep: Uniform that decides which alternatives keep it.
        reply_to: Leg that a reply answers, -1 for documents that are no reply.
        leg_start: First leg of each document; its legs are contiguous. Length documents + 1.
        doc_of: Document of each leg.
        recipient: Recipient of each leg.
        reply_doc: Document that would answer the leg, -1 where none.
        draws: Uniforms of each document by purpose: urgency, classified, asks, pages, size.
    """

    agencies: tuple[str, ...]
    flows: tuple[str, ...]
    flow: Ints
    sender: Ints
    number: Ints
    created_s: Floats
    extension: Bools
    keep: Floats
    reply_to: Ints
    leg_start: Ints
    doc_of: Ints
    recipient: Ints
    reply_doc: Ints
    draws: Mapping[str, Floats]

    @property
    def documents(self) -> int:
        """Number of documents, replies included."""
        return len(self.flow)

    @property
    def legs(self) -> int:
        """Number of legs."""
        return len(self.doc_of)


@dataclass(frozen=True, slots=True)
class View:
    """What one alternative has of a workload.

    Args:
        doc_on: The alternative has the document (a reply: if it is ever asked for).
        leg_on: The alternative has the leg.
        urgency: 0 normal … 3 express, per document.
        classified: State secret, per document.
        asks: 0 information, 1 action, 2 reply, per document.
        pages: Per document.
        size_bytes: Per document.
        deadline_s: Working seconds from asked to finished, per document, NaN where none.
    """

    doc_on: Bools
    leg_on: Bools
    urgency: Ints
    classified: Bools
    asks: Ints
    pages: Floats
    size_bytes: Floats
    deadline_s: Floats


# --- when documents are asked for ----------------------------------------------------------------------------


def _weight(table: Mapping[object, float] | None, key: object, known: Sequence[object]) -> float:
    """Return a relative weight scaled so that the mean over ``known`` is one."""
    if not table:
        return 1.0
    mean = sum(table.get(one, 0.0) for one in known) / len(known)
    return table.get(key, 0.0) / mean if mean > 0 else 0.0


def _hour_pieces(hours: Mapping[str, float], start: float, end: float) -> list[tuple[float, float, float]]:
    """Cut an office interval where the hour profile changes: (start, end, weight), seconds of the run."""
    day = day_of(start) * DAY_S
    marks = sorted((day + 3600 * int(k[:2]) + 60 * int(k[3:]), w) for k, w in hours.items())
    cuts = sorted({start, end, *(t for t, _ in marks if start < t < end)})
    pieces = []
    for a, b in zip(cuts, cuts[1:], strict=False):
        earlier = [w for t, w in marks if t <= a]
        pieces.append((a, b, earlier[-1] if earlier else marks[-1][1]))
    return pieces


def intensity(
    profile: Profile | None, office: WorkingTime, scenario: Scenario, end_s: float, day_factor: Floats
) -> tuple[Floats, Floats]:
    """Integrate the relative arrival rate of a flow over the run.

    Args:
        profile: How arrivals vary; ``None``: evenly over office hours.
        office: Office hours.
        scenario: For its first day and weekdays.
        end_s: End of the run.
        day_factor: Relative rate of each calendar day, mean one; empty: one throughout.

    Returns:
        Clock times and the integral up to them (open seconds, weighted); both non-decreasing.
    """
    if office.is_always and profile is None and not len(day_factor):
        return np.array([0.0, end_s]), np.array([0.0, end_s])
    if office.is_always:
        intervals = [(float(d * DAY_S), float((d + 1) * DAY_S)) for d in range(int(end_s // DAY_S) + 1)]
    else:
        intervals = list(zip(office.starts, office.ends, strict=True))
    hours = {k: v.value for k, v in profile.hours.items()} if profile and profile.hours else None
    weekdays = {k: v.value for k, v in profile.weekdays.items()} if profile and profile.weekdays else None
    months = {k: v.value for k, v in profile.months.items()} if profile and profile.months else None
    pieces: list[tuple[float, float, float]] = []
    for start, end in intervals:
        if start >= end_s:
            break
        day = day_of(start)
        date = scenario.period.start + timedelta(days=day)
        weight = _weight(weekdays, WEEKDAYS[date.weekday()], scenario.calendar.weekdays)  # type: ignore[arg-type]
        weight *= _weight(months, date.month, range(1, 13))  # type: ignore[arg-type]
        weight *= float(day_factor[day]) if len(day_factor) else 1.0
        cut = min(end, end_s)
        parts = _hour_pieces(hours, start, cut) if hours else [(start, cut, 1.0)]
        pieces += [(a, b, w * weight) for a, b, w in parts]
    if hours:  # one over the office hours of an ordinary day
        usual = [
            (b - a, w) for s, e in intervals[: _per_day(intervals)] for a, b, w in _hour_pieces(hours, s, e)
        ]
        mean = sum(d * w for d, w in usual) / sum(d for d, _ in usual)
        pieces = [(a, b, w / mean) for a, b, w in pieces]
    clock = np.array([t for a, b, _ in pieces for t in (a, b)])
    gain = np.array([g for a, b, w in pieces for g in (0.0, (b - a) * w)])
    return clock, np.cumsum(gain)


def _per_day(intervals: Sequence[tuple[float, float]]) -> int:
    """Count the intervals of the first day."""
    first = day_of(intervals[0][0])
    return sum(1 for start, _ in intervals[:50] if day_of(start) == first)


def _arrivals(streams: Streams, name: str, purpose: str, clock: Floats, total: Floats, rate: float) -> Floats:
    """Draw the arrival times of one sender: a unit-rate Poisson process seen through the integral."""
    expected = rate * float(total[-1])
    if expected <= 0:
        return np.empty(0)
    n = int(expected + 6 * np.sqrt(expected) + 10)
    while True:
        ticks = np.cumsum(-np.log1p(-streams.uniforms(n, purpose, name)))
        if ticks[-1] >= expected:
            break
        n *= 2
    ticks = ticks[ticks < expected]
    return np.interp(ticks / rate, total, clock)


# --- who gets them -------------------------------------------------------------------------------------------


def _candidates(flow: Flow, agencies: Sequence[Agency], sender: int) -> list[int]:
    """Return the agencies that may receive a document of a flow from one sender."""
    me = agencies[sender]
    out = []
    for index in select(flow.to, agencies):
        other = agencies[index]
        related = {
            "any": True,
            "parent": other.id == me.parent,
            "children": other.parent == me.id,
            "siblings": other.parent == me.parent,
        }[flow.to.which]
        if related and index != sender:
            out.append(index)
    return out


def _choose(candidates: Sequence[int], counts: NDArray[np.int64], u: Floats) -> list[int]:
    """Choose distinct recipients for each document by partial shuffles; ``u`` holds one uniform per leg."""
    out: list[int] = []
    at = 0
    n = len(candidates)
    for count in counts.tolist():
        if count == n:
            out += candidates
        elif count == 1:
            out.append(candidates[int(u[at] * n)])
        else:
            pool = list(candidates)
            for k in range(count):
                pick = k + int(u[at + k] * (n - k))
                pool[k], pool[pick] = pool[pick], pool[k]
            out += sorted(pool[:count])
        at += count
    return out


# --- putting it together -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Block:
    """Documents of one flow and sender while the workload is being built."""

    flow: int
    sender: int
    times: Floats
    counts: NDArray[np.int64]
    recipients: list[int]


def _rate_per_s(flow: Flow, senders: int, day_s: float) -> float:
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


def _flow_rates(file: ScenarioFile, name: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return rates per open second by sender id: the base case's, and the largest of any alternative."""
    base: dict[str, float] = {}
    top: dict[str, float] = {}
    for case in file.cases.values():
        flow = case.scenario.flows.get(name)
        if flow is None:
            continue
        senders = select(flow.sender, case.agencies)
        rate = _rate_per_s(flow, len(senders), file.office.day_s)
        for index in senders:
            sender = case.agencies[index].id
            top[sender] = max(top.get(sender, 0.0), rate)
            if case.name == file.base:
                base[sender] = rate
    return base, top


def _blocks(file: ScenarioFile, streams: Streams, *, extension: bool) -> list[_Block]:
    """Draw the documents that the base case has, or those beyond it that other alternatives have."""
    agencies = superset_agencies(file)
    position = {name: index for index, name in enumerate(agencies)}
    purpose = "extension" if extension else "arrivals"
    blocks: list[_Block] = []
    for number, name in enumerate(superset_flows(file)):
        case = _case_with(file, name)
        flow, scenario = case.scenario.flows[name], case.scenario
        base, top = _flow_rates(file, name)
        clock, total = intensity(
            scenario.profiles[flow.profile] if flow.profile else None, file.office, scenario,
            file.horizon.cap_s, _day_factor(scenario, flow, name, streams, file.horizon.days),
        )  # fmt: skip
        local = {agency.id: index for index, agency in enumerate(case.agencies)}
        for sender, most in top.items():
            rate = most - base.get(sender, 0.0) if extension else base.get(sender, 0.0)
            key = f"{name}/{sender}"
            times = _arrivals(streams, key, purpose, clock, total, rate) if rate > 1e-15 else np.empty(0)
            if not len(times) or sender not in local:
                continue
            candidates = _candidates(flow, case.agencies, local[sender])
            if not candidates:
                continue
            ids = [position[case.agencies[index].id] for index in candidates]
            counts = _counts(flow, len(times), len(ids), streams, f"{purpose}/{key}")
            u = streams.uniforms(int(counts.sum()), "recipients", f"{purpose}/{key}")
            blocks.append(_Block(number, position[sender], times, counts, _choose(ids, counts, u)))
    return blocks


def _day_factor(scenario: Scenario, flow: Flow, name: str, streams: Streams, days: int) -> Floats:
    """Draw the relative rate of each day, where the flow's profile asks for over-dispersion."""
    profile = scenario.profiles[flow.profile] if flow.profile else None
    if profile is None or profile.day_cv is None or profile.day_cv.value == 0:
        return np.empty(0)
    gamma = distributions.Gamma(shape=profile.day_cv.value**-2, scale=profile.day_cv.value**2)  # mean one
    return gamma.ppf(streams.uniforms(days + 1, "day factor", name))


def _counts(flow: Flow, n: int, available: int, streams: Streams, key: str) -> NDArray[np.int64]:
    """Draw the number of recipients of each document."""
    if flow.to.all or flow.to.which == "parent":
        return np.full(n, available, dtype=np.int64)
    if flow.to.count is None:
        return np.ones(n, dtype=np.int64)
    drawn = np.rint(flow.to.count.dist.ppf(streams.uniforms(n, "fan-out", key))).astype(np.int64)
    return np.clip(drawn, 1, available)


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


def generate(file: ScenarioFile, streams: Streams) -> Workload:
    """Draw the documents of one replication.

    Args:
        file: The scenario with all its alternatives.
        streams: The replication's random streams.

    Returns:
        The superset of documents: base documents, replies to them, then extension documents and replies to
        them, each part ordered by flow, sender and number.

    Raises:
        InputError: ``E-EMPTY-WORKLOAD`` when no document is ever asked for.
    """
    flows = superset_flows(file)
    reply_flow, reply_share = _reply_flow(file, flows), _reply_share(file, flows)
    parts: list[dict[str, NDArray[np.generic]]] = []
    docs = legs = 0
    for extension in (False, True):
        blocks = _blocks(file, streams, extension=extension)
        own = _documents(blocks, docs, extension=extension)
        n_docs, n_legs = len(own["flow"]), len(own["recipient"])
        u_asks = streams.uniforms(n_docs, "asks", "extension" if extension else "base")
        own["u_asks"] = u_asks
        flow_of_leg = own["flow"][own["doc_of"] - docs]
        asked = (u_asks >= 1.0 - reply_share[own["flow"]])[own["doc_of"] - docs] & (
            reply_flow[flow_of_leg] >= 0
        )
        replies = _replies(own, asked, reply_flow, docs, legs, extension=extension)
        docs += n_docs + len(replies["flow"])
        legs += n_legs + len(replies["recipient"])
        parts += [own, replies]
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    if not len(joined["flow"]):
        raise InputError("E-EMPTY-WORKLOAD", "no document is asked for in the whole period", "raise a volume")
    n = len(joined["flow"])
    counts = joined["counts"].astype(np.int64)
    draws = {"asks": joined["u_asks"]}
    for purpose in ("urgency", "classified", "pages", "size"):
        draws[purpose] = streams.uniforms(n, purpose)
    return Workload(
        superset_agencies(file), flows, joined["flow"], joined["sender"], joined["number"], joined["created_s"],
        joined["extension"], streams.uniforms(n, "keep"), joined["reply_to"],
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32), joined["doc_of"], joined["recipient"],
        joined["reply_doc"], draws,
    )  # type: ignore[arg-type]  # fmt: skip


def _documents(blocks: Sequence[_Block], first: int, *, extension: bool) -> dict[str, NDArray[np.generic]]:
    """Join blocks into columns; documents are numbered from ``first``."""

    def column(values: list[NDArray[np.generic]], kind: type) -> NDArray[np.generic]:
        return np.concatenate(values).astype(kind) if values else np.empty(0, dtype=kind)

    counts = column([b.counts for b in blocks], np.int32)
    n = len(counts)
    return {
        "flow": column([np.full(len(b.times), b.flow) for b in blocks], np.int32),
        "sender": column([np.full(len(b.times), b.sender) for b in blocks], np.int32),
        "number": column([np.arange(len(b.times)) for b in blocks], np.int32),
        "created_s": column([b.times for b in blocks], np.float64),
        "extension": np.full(n, extension),
        "reply_to": np.full(n, -1, dtype=np.int32),
        "counts": counts,
        "doc_of": (first + np.repeat(np.arange(n), counts)).astype(np.int32),
        "recipient": column([np.array(b.recipients) for b in blocks], np.int32),
        "reply_doc": np.full(int(counts.sum()), -1, dtype=np.int32),
    }


def _replies(
    own: dict[str, NDArray[np.generic]], asked: Bools, reply_flow: Ints, first_doc: int, first_leg: int,
    *, extension: bool,
) -> dict[str, NDArray[np.generic]]:  # fmt: skip
    """Make one reply document, with one leg back to the sender, for every leg that may ask for one."""
    legs = np.flatnonzero(asked)
    parent = own["doc_of"][legs] - first_doc  # type: ignore[operator]
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


# --- what an alternative has of it ---------------------------------------------------------------------------


def _by_share(u: Floats, shares: Mapping[str, float], order: Sequence[str], default: int) -> Ints:
    """Turn uniforms into categories, in a fixed order, by inverse CDF."""
    if not shares:
        return np.full(len(u), default, dtype=np.int32)
    edges = np.cumsum([shares.get(name, 0.0) for name in order])
    edges[-1] = max(edges[-1], 1.0)
    return np.searchsorted(edges, u, side="right").clip(0, len(order) - 1).astype(np.int32)


def view(workload: Workload, file: ScenarioFile, case: Case) -> View:
    """Return what one alternative has of a workload, and the attributes of its documents.

    Args:
        workload: The replication's documents.
        file: The scenario, for the base case's volumes.
        case: The alternative.
    """
    here = {agency.id for agency in case.agencies}
    exists = np.array([name in here for name in workload.agencies])
    n = workload.documents
    doc_on = exists[workload.sender]
    urgency = np.zeros(n, dtype=np.int32)
    asks = np.zeros(n, dtype=np.int32)
    classified = np.zeros(n, dtype=bool)
    pages, size, deadline = np.ones(n), np.zeros(n), np.full(n, np.nan)
    for index, name in enumerate(workload.flows):
        rows = np.flatnonzero(workload.flow == index)
        flow = case.scenario.flows.get(name)
        if flow is None:
            doc_on[rows] = False
            continue
        doc_on[rows] &= _kept(workload, file, case, name, rows)
        draw = {purpose: u[rows] for purpose, u in workload.draws.items()}
        urgency[rows] = _by_share(
            draw["urgency"], {k: v.value for k, v in flow.urgency.items()}, URGENCIES, 0
        )
        asks[rows] = _by_share(draw["asks"], {k: v.value for k, v in flow.asks.items()}, ASKS, 0)
        classified[rows] = draw["classified"] < (flow.classified.value if flow.classified else 0.0)
        if flow.pages:
            pages[rows] = flow.pages.dist.ppf(draw["pages"])
        if flow.size:
            size[rows] = flow.size.dist.ppf(draw["size"])
        if flow.deadline:
            deadline[rows] = in_seconds(flow.deadline, file.office.day_s)
    leg_on = doc_on[workload.doc_of] & exists[workload.recipient]
    return View(doc_on, leg_on, urgency, classified, asks, pages, size, deadline)


def _kept(workload: Workload, file: ScenarioFile, case: Case, name: str, rows: NDArray[np.intp]) -> Bools:
    """Decide which documents of a flow the alternative keeps, by their uniform."""
    flow = case.scenario.flows[name]
    senders = select(flow.sender, case.agencies)
    mine = _rate_per_s(flow, len(senders), file.office.day_s)
    ids = {case.agencies[index].id for index in senders}
    base, top = _flow_rates(file, name)
    share = np.zeros((2, len(workload.agencies)))
    for index, sender in enumerate(workload.agencies):
        rate = mine if sender in ids else 0.0
        usual, most = base.get(sender, 0.0), top.get(sender, 0.0)
        share[0, index] = min(1.0, rate / usual) if usual > 0 else 0.0
        share[1, index] = max(0.0, rate - usual) / (most - usual) if most > usual else 0.0
    which = workload.extension[rows].astype(np.intp)
    kept = workload.keep[rows] < share[which, workload.sender[rows]]
    return kept | (workload.reply_to[rows] >= 0)
