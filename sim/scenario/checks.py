"""What a scenario must keep to beyond the shape of single fields.

Rule kept here: every check looks at the typed case and reports findings by path; none stops at the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sim.errors import Diagnostic
from sim.scenario.agencies import Agency
from sim.scenario.documents import Document, Path_
from sim.scenario.overlays import closest
from sim.scenario.procedures import OUTCOMES, inline, names, targets, used_procedures, walk
from sim.scenario.schema import Scenario, Selector, Staff
from sim.scenario.steps import ForkStep, Step, TransportStep, UseStep, WaitStep, When, WorkStep, step_name
from sim.units import DAY_S, WEEK_S, Dimension

SUM_TOLERANCE = 1e-9


@dataclass(slots=True)
class Case:
    """What the checks look at.

    Args:
        scenario: The typed case.
        document: The data it was made from, for places.
        agencies: In order.
        findings: Filled by the checks.
    """

    scenario: Scenario
    document: Document
    agencies: Sequence[Agency]
    findings: list[Diagnostic] = field(default_factory=list)

    def report(self, code: str, path: Path_, message: str, hint: str = "") -> None:
        """Note a finding."""
        self.findings.append(self.document.diagnostic(code, path, message, hint))


def staff_of(scenario: Scenario, agency: Agency) -> Mapping[str, Staff]:
    """Return the staff of an agency by role: its own entry if there is one, else its level's."""
    chosen = scenario.staff.get(agency.id) or scenario.staff.get(agency.level) or {}
    return {role: Staff(count=spec) if isinstance(spec, int) else spec for role, spec in chosen.items()}


def roles_held(staff: Mapping[str, Staff]) -> set[str]:
    """Return the roles that somebody of this staff holds."""
    return {one for role, spec in staff.items() if spec.count for one in (role, *spec.also)}


def _list(value: list[str] | str | None) -> list[str] | None:
    return [value] if isinstance(value, str) else value


def select(selector: Selector, agencies: Sequence[Agency]) -> list[int]:
    """Return the positions of the agencies that a selector means, in order."""
    levels, ids = _list(selector.level), _list(selector.id)
    within, exclude = _list(selector.within), _list(selector.exclude) or []
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


def check(scenario: Scenario, document: Document, agencies: Sequence[Agency]) -> list[Diagnostic]:
    """Examine one case and return every finding; errors and warnings together."""
    case = Case(scenario, document, agencies)
    for one in _CHECKS:
        one(case)
    return case.findings


def _check_period(case: Case) -> None:
    period = case.scenario.period
    for name in ("warm_up", "measure", "cool_down"):
        span = getattr(period, name)
        if name == "measure" and span.value <= 0:
            case.report("E-PERIOD", ("period", name), f"found {span.text!r}", "measure for more than nothing")
    warm_up = period.warm_up
    in_weeks = warm_up.value / WEEK_S
    if period.kind == "terminating" and warm_up.value > 0:
        case.report("E-WARM-UP", ("period", "warm_up"), f"found {warm_up.text!r} in a terminating period",
                    "a terminating period starts empty and measures from its start: warm_up: 0 days")  # fmt: skip
    elif case.scenario.calendar.hours != "round the clock" and (
        warm_up.dimension is Dimension.WORKING_DAYS or abs(in_weeks - round(in_weeks)) > SUM_TOLERANCE
    ):
        case.report("E-WARM-UP", ("period", "warm_up"), f"found {warm_up.text!r}",
                    "whole weeks, so that every weekday is dropped alike, such as 2 weeks")  # fmt: skip


def _check_levels(case: Case) -> None:
    known = list(dict.fromkeys(agency.level for agency in case.agencies))
    ids = [agency.id for agency in case.agencies]
    for key in case.scenario.staff:
        if key not in known and key not in ids:
            case.report("E-LEVEL", ("staff", key), f"found {key!r}, which is no level and no agency",
                        closest(key, known))  # fmt: skip

    def levels(value: list[str] | None, path: Path_) -> None:
        for level in value or ():
            if level not in known:
                case.report("E-LEVEL", path, f"found level {level!r}", closest(level, known))

    def selector(value: Selector, path: Path_) -> None:
        levels(_list(value.level), (*path, "level"))
        for name in ("id", "within", "exclude"):
            for one in _list(getattr(value, name)) or ():
                if one not in ids:
                    case.report(
                        "E-AGENCY", (*path, name), f"found agency {one!r}", closest(one, ids[:0] or ids)
                    )

    for name, flow in case.scenario.flows.items():
        selector(flow.sender, ("flows", name, "from"))
        selector(flow.to, ("flows", name, "to"))
        if flow.relay:
            levels(flow.relay.levels, ("flows", name, "relay", "levels"))
    for name, channel in case.scenario.channels.items():
        if channel.agencies:
            selector(channel.agencies, ("channels", name, "agencies"))
        if channel.when:
            _check_when(case, channel.when, ("channels", name, "when"), known)
    for role, absence in case.scenario.absence.items():
        levels(absence.levels, ("absence", role, "levels"))


def _check_when(case: Case, when: When, path: Path_, levels: list[str]) -> None:
    for name in ("sender_level", "recipient_level"):
        for level in getattr(when, name) or ():
            if level not in levels:
                case.report("E-LEVEL", (*path, name), f"found level {level!r}", closest(level, levels))
    for flow in when.flow or ():
        if flow not in case.scenario.flows:
            case.report(
                "E-FLOW", (*path, "flow"), f"found flow {flow!r}", closest(flow, list(case.scenario.flows))
            )


def _check_staff(case: Case) -> None:
    for level, roles in case.scenario.staff.items():
        held = {role for role, spec in roles.items() if isinstance(spec, int) and spec}
        for role, spec in roles.items():
            if isinstance(spec, Staff):
                held |= {role, *spec.also} if spec.count else set()
        for role, spec in roles.items():
            if not isinstance(spec, Staff):
                continue
            path: Path_ = ("staff", level, role)
            if spec.duty is not None and spec.duty not in case.scenario.duties:
                case.report("E-DUTY", (*path, "duty"), f"found duty {spec.duty!r}",
                            closest(spec.duty, list(case.scenario.duties)))  # fmt: skip
            if spec.cover is not None and spec.cover.by not in held:
                case.report("E-ROLE", (*path, "cover", "by"), f"found {spec.cover.by!r}, a role nobody holds at "
                            f"{level}", closest(spec.cover.by, sorted(held)))  # fmt: skip
            if spec.cover is not None and spec.cover.by == role:
                case.report(
                    "E-ROLE", (*path, "cover", "by"), "found a role that covers itself", "name another"
                )
    everywhere = {one for agency in case.agencies for one in staff_of(case.scenario, agency)}
    everywhere |= {
        one
        for agency in case.agencies
        for spec in staff_of(case.scenario, agency).values()
        for one in spec.also
    }
    for role, absence in case.scenario.absence.items():
        if role not in everywhere:
            case.report("E-ROLE", ("absence", role), f"found {role!r}, a role nobody holds",
                        closest(role, sorted(everywhere)))  # fmt: skip
        if absence.away.value >= 1:
            case.report("E-ABSENCE", ("absence", role, "away"), f"found {absence.away.text!r}", "below one")


def _check_shares(case: Case) -> None:
    for name, flow in case.scenario.flows.items():
        for field_name in ("asks", "urgency"):
            shares = getattr(flow, field_name)
            total = math.fsum(one.value for one in shares.values())
            if shares and abs(total - 1) > SUM_TOLERANCE:
                case.report("E-SHARES", ("flows", name, field_name), f"found shares that add up to {total:g}",
                            "they must add up to 1")  # fmt: skip
        if "reply" in flow.asks and flow.asks["reply"].value > 0 and flow.reply is None:
            case.report("E-REPLY", ("flows", name, "asks", "reply"), "found documents that ask for a reply, and no "
                        "flow for the replies", "add reply: the name of a flow with volume 0")  # fmt: skip


def _check_flows(case: Case) -> None:
    scenario = case.scenario
    for name, flow in scenario.flows.items():
        path: Path_ = ("flows", name)
        if flow.reply is not None and flow.reply not in scenario.flows:
            case.report("E-FLOW", (*path, "reply"), f"found flow {flow.reply!r}",
                        closest(flow.reply, list(scenario.flows)))  # fmt: skip
        elif flow.reply is not None and scenario.flows[flow.reply].asks.get("reply"):  # type: ignore[call-overload]
            case.report("E-REPLY", (*path, "reply"), "found replies that ask for a reply", "let them inform")
        if flow.profile is not None and flow.profile not in scenario.profiles:
            case.report("E-PROFILE", (*path, "profile"), f"found profile {flow.profile!r}",
                        closest(flow.profile, list(scenario.profiles)))  # fmt: skip
        if flow.procedure is not None and flow.procedure not in scenario.procedures:
            case.report("E-PROCEDURE", (*path, "procedure"), f"found procedure {flow.procedure!r}",
                        closest(flow.procedure, list(scenario.procedures)))  # fmt: skip
        if flow.procedure is None and not scenario.channels:
            case.report("E-CHANNEL", path, "found neither procedure nor channels", "add one of them")
        if not select(flow.sender, case.agencies):
            case.report("E-NOBODY", (*path, "from"), "found no agency that sends it", "widen the selection")
        if not select(flow.to, case.agencies):
            case.report("E-NOBODY", (*path, "to"), "found no agency that receives it", "widen the selection")
        if flow.to.all and flow.to.count is not None:
            case.report("E-RECIPIENTS", (*path, "to"), "found both all and count", "keep one of them")
    channels = list(scenario.channels.items())
    for name, channel in channels:
        if channel.procedure not in scenario.procedures:
            case.report("E-PROCEDURE", ("channels", name, "procedure"), f"found procedure {channel.procedure!r}",
                        closest(channel.procedure, list(scenario.procedures)))  # fmt: skip
    if channels:
        name, last = channels[-1]
        if last.when or last.agencies or (last.share is not None and last.share.value < 1):
            case.report("E-CHANNEL", ("channels", name), "found a last channel that does not take every leg",
                        "let the last channel have neither when nor agencies nor share")  # fmt: skip


def _written_steps(case: Case) -> Iterator[tuple[Path_, Step]]:
    """Give every step as written, with its path."""

    def through(steps: Sequence[Step], path: Path_) -> Iterator[tuple[Path_, Step]]:
        for index, step in enumerate(steps):
            yield (*path, index), step
            if isinstance(step, ForkStep):
                for branch, inner in step.branches.items():
                    yield from through(inner, (*path, index, "branches", branch))

    for name, fragment in case.scenario.fragments.items():
        yield from through(fragment, ("fragments", name))
    for name, procedure in case.scenario.procedures.items():
        for part in ("sender", "leg", "relay"):
            yield from through(getattr(procedure, part), ("procedures", name, part))


def _check_work(case: Case, path: Path_, step: WorkStep) -> None:
    if (step.takes is None) == (step.parts is None):
        case.report("E-STEP", path, f"found {step.work!r} with {'both' if step.takes else 'neither'} takes and parts",
                    "give one of them")  # fmt: skip
    if step.uses is not None and step.uses not in case.scenario.equipment:
        case.report("E-EQUIPMENT", (*path, "uses"), f"found equipment {step.uses!r}",
                    closest(step.uses, list(case.scenario.equipment)))  # fmt: skip
    if (step.per == "envelope") != (step.via is not None):
        case.report("E-STEP", path, "found per: envelope without via, or via without per: envelope",
                    "an envelope step names the transport whose pick-up closes the envelope")  # fmt: skip
    if step.via is not None and step.via not in case.scenario.transports:
        case.report("E-TRANSPORT", (*path, "via"), f"found transport {step.via!r}",
                    closest(step.via, list(case.scenario.transports)))  # fmt: skip
    if (step.assign == "owner") != (step.owner is not None):
        case.report(
            "E-STEP", path, "found assign: owner without owner, or the reverse", "name the owning task"
        )


def _check_steps(case: Case) -> None:
    levels = list(dict.fromkeys(agency.level for agency in case.agencies))
    fragments = case.scenario.fragments
    for path, step in _written_steps(case):
        if step.when is not None:
            _check_when(case, step.when, (*path, "when"), levels)
        if isinstance(step, WorkStep):
            _check_work(case, path, step)
        elif isinstance(step, TransportStep) and step.via not in case.scenario.transports:
            case.report("E-TRANSPORT", (*path, "via"), f"found transport {step.via!r}",
                        closest(step.via, list(case.scenario.transports)))  # fmt: skip
        elif isinstance(step, WaitStep) and (step.until is None) == (step.takes is None):
            case.report(
                "E-STEP", path, f"found {step.wait!r} without exactly one of until and takes", "give one"
            )
        elif isinstance(step, UseStep):
            if step.use not in fragments:
                case.report(
                    "E-FRAGMENT", path, f"found fragment {step.use!r}", closest(step.use, list(fragments))
                )
            elif path[0] == "fragments" and _reaches(fragments, step.use, str(path[1])):
                case.report(
                    "E-FRAGMENT", path, f"found fragment {path[1]!r} that uses itself", "break the circle"
                )
        elif isinstance(step, ForkStep):
            if len(step.branches) < 2:
                case.report("E-FORK", path, f"found {len(step.branches)} branch", "a fork has two or more")
            if step.join not in ("all", "first", *step.branches):
                case.report("E-FORK", (*path, "join"), f"found join {step.join!r}",
                            closest(step.join, ["all", "first", *step.branches]))  # fmt: skip


def _reaches(fragments: Mapping[str, Sequence[Step]], start: str, goal: str) -> bool:
    """Tell whether fragment ``goal`` is used, directly or not, by ``start``."""
    open_, seen = [start], set[str]()
    while open_:
        at = open_.pop()
        if at == goal:
            return True
        if at in seen or at not in fragments:
            continue
        seen.add(at)
        open_ += [step.use for step in walk(fragments[at]) if isinstance(step, UseStep)]
    return False


def _check_decisions(case: Case) -> None:
    fragments = case.scenario.fragments
    for name, procedure in case.scenario.procedures.items():
        for part in ("sender", "leg", "relay"):
            steps = inline(getattr(procedure, part), fragments)
            lists = [
                steps,
                *(branch for s in walk(steps) if isinstance(s, ForkStep) for branch in s.branches.values()),
            ]
            for one in lists:
                _check_targets(case, ("procedures", name, part), one)
            every = [step_name(one) for one in walk(steps)]
            twice = [one for one in every if one and every.count(one) > 1]
            for step in dict.fromkeys(twice):
                case.report("E-STEP-TWICE", ("procedures", name, part), f"found step {step!r} twice in one list",
                            "a name is the identity of a task; give them different names")  # fmt: skip


def _check_targets(case: Case, path: Path_, steps: Sequence[Step]) -> None:
    known = names(steps)
    for step, target in targets(steps):
        if target not in known or target == step.decide:
            case.report("E-TARGET", path, f"found decide {step.decide!r} with target {target!r}",
                        closest(target, [*known, *OUTCOMES]))  # fmt: skip
    for step in steps:
        shares = getattr(step, "to", None)
        if shares:
            total = math.fsum(one.value for one in shares.values())
            if total > 1 + SUM_TOLERANCE:
                case.report("E-SHARES", path, f"found decide {step_name(step)!r} whose shares add up to {total:g}",
                            "at most 1; the rest goes on")  # fmt: skip


def _possible(step: Step, flow: str, sender_level: str, recipient_level: str | None) -> bool:
    """Tell whether a step can occur for a flow between two levels."""
    when = step.when
    if step.share is not None and step.share.value == 0:
        return False
    return when is None or (
        (when.flow is None or flow in when.flow)
        and (when.sender_level is None or sender_level in when.sender_level)
        and (
            when.recipient_level is None or recipient_level is None or recipient_level in when.recipient_level
        )
        and when.asks != []
    )


def _check_doable(case: Case) -> None:
    """Every work step that can occur must find somebody who holds its role where it occurs."""
    scenario, agencies = case.scenario, case.agencies
    held = [roles_held(staff_of(scenario, agency)) for agency in agencies]
    anywhere = set().union(*held) if held else set()
    missing: dict[tuple[str, str, str], list[str]] = {}
    for name, flows in used_procedures(scenario).items():
        if name not in scenario.procedures:
            continue
        procedure = scenario.procedures[name]
        for flow_name in flows:
            flow = scenario.flows[flow_name]
            senders, receivers = select(flow.sender, agencies), select(flow.to, agencies)
            sender_levels = {agencies[i].level for i in senders}
            receiver_levels = {agencies[i].level for i in receivers}
            for part in ("sender", "leg"):
                for step in walk(inline(getattr(procedure, part), scenario.fragments)):
                    if not isinstance(step, WorkStep):
                        continue
                    at_sender = (step.at or ("sender" if part == "sender" else "recipient")) == "sender"
                    for i in senders if at_sender else receivers:
                        others: set[str | None]
                        others = (
                            (receiver_levels if part == "leg" else {None})
                            if at_sender
                            else set(sender_levels)
                        )
                        here = agencies[i].level
                        can = any(
                            _possible(step, flow_name, here, other) if at_sender
                            else _possible(step, flow_name, str(other), here)
                            for other in others
                        )  # fmt: skip
                        if can and step.by not in held[i]:
                            missing.setdefault((name, step.work, step.by), []).append(agencies[i].id)
    for (name, work, role), where in missing.items():
        path: Path_ = ("procedures", name)
        if role not in anywhere:
            case.report("E-ROLE", path, f"found step {work!r} by {role!r}, a role nobody holds",
                        closest(role, sorted(anywhere)))  # fmt: skip
        else:
            some = list(dict.fromkeys(where))
            shown = ", ".join(some[:3]) + (f" and {len(some) - 3} more" if len(some) > 3 else "")
            case.report("E-STEP-NOBODY", path, f"found step {work!r} by {role!r}, which nobody can do at {shown}",
                        "add the role to their staff, or a `when` on their level to the step")  # fmt: skip


def _text(value: Any) -> str:
    return value if isinstance(value, str) else value.en


def _check_law(case: Case) -> None:
    """A scenario outside a law's validity gets a warning, which the report repeats."""
    scenario = case.scenario
    start = scenario.period.start
    end = start + timedelta(days=(scenario.period.warm_up.value + scenario.period.measure.value) / DAY_S)
    for name in used_procedures(scenario):
        law = scenario.procedures[name].law if name in scenario.procedures else None
        if law is None:
            continue
        since, until = law.from_ or date.min, law.to or date.max
        if start < since or end > until:
            what = f"in force from {law.from_}" if start < since else f"in force until {law.to}"
            case.report("W-LAW-DATE", ("procedures", name, "law"), f"{law.basis} ({what}) does not govern {start} to "
                        f"{end}", "read it as the description of the work, not as the law of that time")  # fmt: skip
        if scenario.network not in law.network:
            case.report("W-LAW-NETWORK", ("procedures", name, "law"), f"{law.basis} governs {', '.join(law.network)} "
                        f"agencies, not {scenario.network} ones", "say in the scenario why it is used")  # fmt: skip


_CHECKS: tuple[Callable[[Case], None], ...] = (
    _check_period,
    _check_levels,
    _check_staff,
    _check_shares,
    _check_flows,
    _check_steps,
    _check_decisions,
    _check_doable,
    _check_law,
)
