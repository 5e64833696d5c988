"""Checks of procedures: each step by itself, and the lists that steps make."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from sim.scenario.checks.frame import check_when
from sim.scenario.checks.subject import SUM_TOLERANCE, Subject
from sim.scenario.documents import Path_
from sim.scenario.overlays import closest
from sim.scenario.procedures import OUTCOMES, Placed, all_placed, placed, used_names, walk
from sim.scenario.steps import (
    DecideStep,
    EndStep,
    ForkStep,
    RelayStep,
    ReplyStep,
    Step,
    TransportStep,
    UseStep,
    WaitStep,
    WorkStep,
    step_name,
)

PARTS = ("sender", "leg", "relay")


def _written(subject: Subject) -> Iterator[tuple[Path_, Step]]:
    """Give every step as written, with its path."""

    def through(steps: Sequence[Step], path: Path_) -> Iterator[tuple[Path_, Step]]:
        for index, step in enumerate(steps):
            yield (*path, index), step
            if isinstance(step, ForkStep):
                for branch, inner in step.branches.items():
                    yield from through(inner, (*path, index, "branches", branch))

    for name, fragment in subject.scenario.fragments.items():
        yield from through(fragment, ("fragments", name))
    for name, procedure in subject.scenario.procedures.items():
        for part in PARTS:
            yield from through(getattr(procedure, part), ("procedures", name, part))


def check_steps(subject: Subject) -> None:
    """What a step names exists, and what belongs together is given together.

    A library serves many scenarios: its conditions may name levels and flows that this one does not have, and
    what nobody uses needs no equipment.
    """
    used = used_names(subject.scenario)
    for path, step in _written(subject):
        ours = not subject.is_library(path)
        if step.when is not None and ours:
            check_when(subject, step.when, (*path, "when"))
        if isinstance(step, WorkStep) and step.uses is not None and (ours or path[1] in used[str(path[0])]):
            subject.known("E-EQUIPMENT", (*path, "uses"), step.uses, subject.scenario.equipment, "equipment")
        match step:
            case WorkStep():
                _check_work(subject, path, step)
            case TransportStep():
                subject.known(
                    "E-TRANSPORT", (*path, "via"), step.via, subject.scenario.transports, "transport"
                )
            case WaitStep() if (step.until is None) == (step.takes is None):
                found = f"found {step.wait!r} with {'both' if step.takes else 'neither'} until and takes"
                subject.report("E-STEP", path, found, "give one of them")
            case UseStep():
                _check_use(subject, path, step)
            case ForkStep():
                _check_fork(subject, path, step)


def _check_work(subject: Subject, path: Path_, step: WorkStep) -> None:
    scenario = subject.scenario
    if (step.takes is None) == (not step.parts):
        found = f"found {step.work!r} with {'both' if step.takes else 'neither'} takes and parts"
        subject.report("E-STEP", path, found, "give one of them")
    if (step.per == "envelope") != (step.via is not None):
        found = "found per: envelope without via, or via without per: envelope"
        hint = "an envelope step names the transport whose pick-up closes the envelope"
        subject.report("E-STEP", path, found, hint)
    if step.via is not None:
        subject.known("E-TRANSPORT", (*path, "via"), step.via, scenario.transports, "transport")
    if (step.assign == "owner") != (step.owner is not None):
        found = "found assign: owner without owner, or owner without assign: owner"
        subject.report("E-STEP", path, found, "name the owning task")


def _check_use(subject: Subject, path: Path_, step: UseStep) -> None:
    fragments = subject.scenario.fragments
    if not subject.known("E-FRAGMENT", (*path, "use"), step.use, fragments, "fragment"):
        return
    if path[0] == "fragments" and _reaches(fragments, step.use, str(path[1])):
        found = f"found fragment {path[1]!r} that uses itself"
        subject.report("E-FRAGMENT", path, found, "break the circle")


def _check_fork(subject: Subject, path: Path_, step: ForkStep) -> None:
    if len(step.branches) < 2:
        found = f"found {len(step.branches)} branches"
        subject.report("E-FORK", (*path, "branches"), found, "a fork has two or more")
    subject.known("E-FORK", (*path, "join"), step.join, ["all", "first", *step.branches], "join")


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


def check_parts(subject: Subject) -> None:
    """Names are unique in a part, decisions lead somewhere, owners exist, and nothing is out of place."""
    scenario = subject.scenario
    for name, procedure in scenario.procedures.items():
        tasks: set[str] = set()
        for part in PARTS:
            steps = placed(getattr(procedure, part), scenario.fragments, ("procedures", name, part))
            tasks |= {one.step.work for one in all_placed(steps) if isinstance(one.step, WorkStep)}
            _check_list(subject, steps)
            _check_names(subject, steps)
            _check_owners(subject, steps, tasks)
            if part == "sender":
                _check_sender_part(subject, steps)


def _check_list(subject: Subject, steps: Sequence[Placed]) -> None:
    """Decisions of one list lead to steps of that list, with shares of one at most."""
    known = [step_name(one.step) for one in steps]
    for one in steps:
        for branch in one.branches.values():
            _check_list(subject, branch)
        if not isinstance(one.step, DecideStep):
            continue
        for target in one.step.to:
            if target == one.step.decide:
                found = f"found decide {target!r} that leads to itself"
                subject.report("E-TARGET", (*one.path, "to", target), found, "name another step")
            elif target not in known and target not in OUTCOMES:
                found = f"found decide {one.step.decide!r} with target {target!r}, no step of the same list"
                subject.report(
                    "E-TARGET", (*one.path, "to", target), found, closest(target, [*known, *OUTCOMES])
                )
        total = math.fsum(share.value for share in one.step.to.values())
        if total > 1 + SUM_TOLERANCE:
            found = f"found decide {one.step.decide!r} whose shares add up to {total:g}"
            subject.report("E-SHARES", (*one.path, "to"), found, "at most 1; the rest goes on")


def _check_names(subject: Subject, steps: Sequence[Placed]) -> None:
    seen: set[str] = set()
    for one in all_placed(steps):
        name = step_name(one.step)
        if name in seen and not isinstance(one.step, EndStep):
            hint = "a name is the identity of a task; give them different names"
            subject.report("E-STEP-TWICE", one.path, f"found step {name!r} twice in one list", hint)
        seen.add(name)


def _check_owners(subject: Subject, steps: Sequence[Placed], tasks: set[str]) -> None:
    for one in all_placed(steps):
        if isinstance(one.step, WorkStep) and one.step.owner is not None:
            subject.known("E-OWNER", (*one.path, "owner"), one.step.owner, sorted(tasks), "task")


def _check_sender_part(subject: Subject, steps: Sequence[Placed]) -> None:
    """The sender part is done once per document, so nothing in it can be about one recipient."""
    for one in all_placed(steps):
        step, hint = one.step, "it is about one recipient: move it to the leg part"
        if isinstance(step, (TransportStep, RelayStep, ReplyStep)):
            subject.report("E-STEP-PLACE", one.path, f"found {step_name(step)!r} in a sender part", hint)
        elif isinstance(step, (WorkStep, WaitStep)) and step.at == "recipient":
            found = f"found {step_name(step)!r} at the recipient in a sender part"
            subject.report("E-STEP-PLACE", (*one.path, "at"), found, hint)
        elif isinstance(step, WorkStep) and step.per == "envelope":
            found = f"found {step_name(step)!r} per envelope in a sender part"
            subject.report("E-STEP-PLACE", (*one.path, "per"), found, hint)
        if step.when is not None and step.when.recipient_level is not None:
            found = f"found a condition of {step_name(step)!r} on the recipient in a sender part"
            subject.report("E-STEP-PLACE", one.path, found, hint)
