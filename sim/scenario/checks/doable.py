"""Whether somebody can do every step that can occur, at every agency where it can occur.

Rule kept here: a step can occur where some document of some flow meets all its conditions on its way through
some channel. What cannot be excluded counts as possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from sim.scenario.agencies import Agency
from sim.scenario.checks.flows import asks_for_reply
from sim.scenario.checks.subject import Subject
from sim.scenario.documents import Path_
from sim.scenario.overlays import closest
from sim.scenario.procedures import all_placed, placed
from sim.scenario.schema import Channel, Flow
from sim.scenario.selection import circles, partner_levels, roles_held, select, staff_of
from sim.scenario.steps import Asks, Urgency, When, WorkStep

Pairs = list[tuple[list[int], list[int]]]
SHOWN_MAX = 3  # agencies named in a finding


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the documents of a flow on one channel can be.

    Args:
        flow: Its name.
        asks: What they can ask for.
        urgency: Their urgencies.
        classified: True, False or both.
    """

    flow: str
    asks: frozenset[str]
    urgency: frozenset[str]
    classified: frozenset[bool]

    def meets(self, when: When | None, senders: Set[str], recipients: Set[str] | None) -> bool:
        """Tell whether some document between agencies of these levels meets conditions; None: at nobody."""
        if when is None:
            return True
        return (
            (when.flow is None or self.flow in when.flow)
            and (when.asks is None or not self.asks.isdisjoint(when.asks))
            and (when.urgency is None or not self.urgency.isdisjoint(when.urgency))
            and (when.classified is None or when.classified in self.classified)
            and (when.sender_level is None or not senders.isdisjoint(when.sender_level))
            and (
                when.recipient_level is None
                or recipients is None
                or not recipients.isdisjoint(when.recipient_level)
            )
        )


@dataclass(frozen=True, slots=True)
class _Route:
    """One way of one flow.

    Args:
        procedure: Its name.
        kind: What its documents can be.
        pairs: Who writes to whom.
        relayed: Levels of recipients that are reached through their parent.
    """

    procedure: str
    kind: _Kind
    pairs: Pairs
    relayed: frozenset[str]


def _pairs_of(subject: Subject, flow: Flow) -> Pairs:
    senders, receivers = select(flow.sender, subject.agencies), select(flow.to, subject.agencies)
    return circles(flow.to.which, senders, receivers, subject.agencies)


def _pairs(subject: Subject, name: str) -> Pairs:
    """Return who writes to whom in a flow: its own documents, and replies that have its attributes."""
    flows = subject.scenario.flows
    pairs = _pairs_of(subject, flows[name]) if flows[name].volume.value > 0 else []
    for other in flows.values():
        if other.reply == name and asks_for_reply(other):
            pairs += [(receivers, senders) for senders, receivers in _pairs_of(subject, other)]
    return pairs


def _kind(name: str, flow: Flow, when: When | None) -> _Kind:
    asks = {str(one) for one, share in flow.asks.items() if share.value > 0} or {str(Asks.INFORMATION)}
    urgency = {str(one) for one, share in flow.urgency.items() if share.value > 0} or {str(Urgency.NORMAL)}
    share = flow.classified.value if flow.classified else 0.0
    classified = {one for one, can in ((True, share > 0), (False, share < 1)) if can}
    if when is not None:
        asks &= set(asks if when.asks is None else map(str, when.asks))
        urgency &= set(urgency if when.urgency is None else map(str, when.urgency))
        classified &= classified if when.classified is None else {when.classified}
    return _Kind(name, frozenset(asks), frozenset(urgency), frozenset(classified))


def _through(channel: Channel, pairs: Pairs, agencies: Sequence[Agency]) -> Pairs:
    """Return who can write to whom through a channel."""
    members = None if channel.agencies is None else set(select(channel.agencies, agencies))
    when = channel.when or When()

    def fits(index: int, levels: list[str] | None) -> bool:
        return (members is None or index in members) and (levels is None or agencies[index].level in levels)

    return [
        (
            [i for i in senders if fits(i, when.sender_level)],
            [i for i in others if fits(i, when.recipient_level)],
        )
        for senders, others in pairs
    ]


def _routes(subject: Subject) -> Iterator[_Route]:
    scenario = subject.scenario
    for name, flow in scenario.flows.items():
        pairs = _pairs(subject, name)
        relayed = frozenset(flow.relay.levels if flow.relay else ())
        if flow.procedure is not None:
            yield _Route(flow.procedure, _kind(name, flow, None), pairs, relayed)
            continue
        for channel in scenario.channels.values():
            kind = _kind(name, flow, channel.when)
            excluded = channel.when is not None and not kind.meets(
                When(flow=channel.when.flow), frozenset(), None
            )
            if not excluded and (channel.share is None or channel.share.value > 0):
                through = _through(channel, pairs, subject.agencies)
                yield _Route(channel.procedure, kind, through, relayed if channel.relay else frozenset())


@dataclass(frozen=True, slots=True)
class _Site:
    """Agencies that are alike on a route.

    Args:
        level: Their level.
        roles: Roles that somebody there holds.
        partners: Levels that they write to, or are written to from.
        members: Their positions.
    """

    level: str
    roles: frozenset[str]
    partners: frozenset[str]
    members: list[int]


class _Places:
    """Where the steps of a route are done.

    Args:
        subject: The case.
        route: The route.
        held: Roles that are held at each agency.
    """

    def __init__(self, subject: Subject, route: _Route, held: Sequence[frozenset[str]]) -> None:
        agencies = subject.agencies
        writes, written = partner_levels(route.pairs, agencies)
        relays: dict[int, set[str]] = {}
        if route.relayed:
            position = {agency.id: index for index, agency in enumerate(agencies)}
            for index, levels in written.items():
                parent = position.get(agencies[index].parent)
                if agencies[index].level in route.relayed and parent is not None:
                    relays.setdefault(parent, set()).update(levels)

        def grouped(partners: dict[int, set[str]]) -> list[_Site]:
            sites: dict[tuple[str, frozenset[str], frozenset[str]], list[int]] = {}
            for index, levels in partners.items():
                key = agencies[index].level, held[index], frozenset(levels)
                sites.setdefault(key, []).append(index)
            return [_Site(*key, members) for key, members in sites.items()]

        self.route = route
        self.writes, self.written, self.relays = grouped(writes), grouped(written), grouped(relays)

    def of(self, step: WorkStep, part: str) -> Iterator[_Site]:
        """Give the agencies where a step of a part can occur."""
        meets, relayed = self.route.kind.meets, self.route.relayed
        if part == "relay":
            yield from (one for one in self.relays if meets(step.when, one.partners, {one.level}))
        elif (step.at or ("sender" if part == "sender" else "recipient")) == "recipient":
            yield from (one for one in self.written if meets(step.when, one.partners, {one.level}))
        elif part == "sender":
            yield from (one for one in self.writes if meets(step.when, {one.level}, None))
        else:
            direct = [one for one in self.writes if one.partners - relayed]
            yield from (one for one in direct if meets(step.when, {one.level}, one.partners - relayed))
            # copies that an agency passes on leave from that agency
            yield from (one for one in self.relays if meets(step.when, one.partners, relayed))


def check_doable(subject: Subject) -> None:
    """Every work step that can occur finds somebody who holds its role, wherever it occurs."""
    scenario, agencies = subject.scenario, subject.agencies
    held = [frozenset(roles_held(staff_of(scenario, agency))) for agency in agencies]
    missing: dict[tuple[Path_, str, str], list[int]] = {}
    work = {name: _work_of(subject, name) for name in scenario.procedures}
    for route in _routes(subject):
        places = _Places(subject, route, held)
        for part, path, step in work.get(route.procedure, ()):
            lacking = [i for site in places.of(step, part) if step.by not in site.roles for i in site.members]
            if lacking:
                missing.setdefault((path, step.work, step.by), []).extend(lacking)
    anywhere = sorted(frozenset[str]().union(*held))
    for (path, name, role), where in missing.items():
        if role not in anywhere:
            found = f"found step {name!r} by {role!r}, a role nobody holds"
            subject.report("E-ROLE", (*path, "by"), found, closest(role, anywhere))
            continue
        some = [agencies[index].id for index in sorted(set(where))]
        shown = ", ".join(some[:SHOWN_MAX])
        shown += f" and {len(some) - SHOWN_MAX} more" if len(some) > SHOWN_MAX else ""
        found = f"found step {name!r} by {role!r}, which nobody can do at {shown}"
        hint = "add the role to their staff, or a `when` on their level to the step"
        subject.report("E-STEP-NOBODY", (*path, "by"), found, hint)


def _work_of(subject: Subject, name: str) -> list[tuple[str, Path_, WorkStep]]:
    """List the work of a procedure that is ever done: part, path as written, step."""
    procedure = subject.scenario.procedures[name]
    out: list[tuple[str, Path_, WorkStep]] = []
    for part in ("sender", "leg", "relay"):
        steps = placed(getattr(procedure, part), subject.scenario.fragments, ("procedures", name, part))
        for one in all_placed(steps):
            step = one.step
            if isinstance(step, WorkStep) and (step.share is None or step.share.value > 0):
                out.append((part, one.path, step))
    return out
