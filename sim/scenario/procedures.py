"""Procedures as flat lists of steps: fragments put in their place, names looked up.

Rule kept here: what the engine runs and what the checks examine is the same flat list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sim.scenario.documents import Path_
from sim.scenario.schema import Scenario
from sim.scenario.steps import ForkStep, Step, TransportStep, UseStep, When, WorkStep

OUTCOMES = ("completed", "refused", "recalled")


def inline(
    steps: Sequence[Step], fragments: Mapping[str, Sequence[Step]], within: tuple[str, ...] = ()
) -> list[Step]:
    """Replace each ``use`` by the steps of its fragment; its ``when`` is laid on each of them.

    Args:
        steps: As written.
        fragments: The scenario's fragments.
        within: Fragments that are being put in their place, to end cycles.

    Returns:
        Steps without ``use``; an unknown or circular fragment gives nothing (the checks report it).
    """
    out: list[Step] = []
    for step in steps:
        if isinstance(step, UseStep):
            if step.use in fragments and step.use not in within:
                inner = inline(fragments[step.use], fragments, (*within, step.use))
                out += [_also_when(one, step.when) for one in inner] if step.when else inner
        elif isinstance(step, ForkStep):
            branches = {name: inline(part, fragments, within) for name, part in step.branches.items()}
            out.append(step.model_copy(update={"branches": branches}))
        else:
            out.append(step)
    return out


def _also_when(step: Step, when: When) -> Step:
    """Lay further conditions on a step; conditions of both must hold."""
    if step.when is None:
        return step.model_copy(update={"when": when})
    both: dict[str, object] = {}
    for name in When.model_fields:
        a, b = getattr(step.when, name), getattr(when, name)
        if a is None or b is None:
            both[name] = b if a is None else a
        elif isinstance(a, list):
            both[name] = [item for item in a if item in b]
        else:
            both[name] = a
    if None not in {step.when.classified, when.classified} and step.when.classified != when.classified:
        both["asks"] = []  # classified and not classified at once never holds
    return step.model_copy(update={"when": step.when.model_copy(update=both)})


@dataclass(frozen=True, slots=True)
class Placed:
    """A step in its procedure, and where it was written.

    Args:
        path: Path of the step as written, in a procedure or in a fragment.
        step: With the conditions of the ``use`` that brought it.
        branches: Steps of a fork's branches.
    """

    path: Path_
    step: Step
    branches: Mapping[str, list[Placed]]


def placed(
    steps: Sequence[Step],
    fragments: Mapping[str, Sequence[Step]],
    path: Path_,
    within: tuple[str, ...] = (),
) -> list[Placed]:
    """Do as :func:`inline`, and keep the path of each step as written.

    Args:
        steps: As written.
        fragments: The scenario's fragments.
        path: Path of ``steps``.
        within: Fragments that are being put in their place, to end cycles.
    """
    out: list[Placed] = []
    for index, step in enumerate(steps):
        here = (*path, index)
        if isinstance(step, UseStep):
            if step.use in fragments and step.use not in within:
                inner = placed(fragments[step.use], fragments, ("fragments", step.use), (*within, step.use))
                when = step.when
                out += [replace(one, step=_also_when(one.step, when)) for one in inner] if when else inner
        elif isinstance(step, ForkStep):
            branches = {
                name: placed(part, fragments, (*here, "branches", name), within)
                for name, part in step.branches.items()
            }
            out.append(Placed(here, step, branches))
        else:
            out.append(Placed(here, step, {}))
    return out


def all_placed(steps: Sequence[Placed]) -> Iterator[Placed]:
    """Go through placed steps and the branches of forks."""
    for one in steps:
        yield one
        for branch in one.branches.values():
            yield from all_placed(branch)


def walk(steps: Sequence[Step]) -> Iterator[Step]:
    """Go through steps and the branches of forks."""
    for step in steps:
        yield step
        if isinstance(step, ForkStep):
            for branch in step.branches.values():
                yield from walk(branch)


def used_procedures(scenario: Scenario) -> dict[str, list[str]]:
    """Return the procedures that some leg can take, with the flows whose legs can take them."""
    out: dict[str, list[str]] = {}
    for name, flow in scenario.flows.items():
        if flow.procedure is not None:
            out.setdefault(flow.procedure, []).append(name)
            continue
        for channel in scenario.channels.values():
            allowed = channel.when is None or channel.when.flow is None or name in channel.when.flow
            if allowed and not (channel.share is not None and channel.share.value == 0):
                out.setdefault(channel.procedure, []).append(name)
    return out


def used_names(scenario: Scenario) -> dict[str, set[str]]:
    """Return what a case uses by name: procedures, fragments, transports and profiles, by their key."""
    procedures = [
        scenario.procedures[name] for name in used_procedures(scenario) if name in scenario.procedures
    ]
    open_ = [step for one in procedures for part in (one.sender, one.leg, one.relay) for step in walk(part)]
    fragments: set[str] = set()
    transports: set[str] = set()
    while open_:
        step: Step = open_.pop()
        if isinstance(step, UseStep) and step.use in scenario.fragments and step.use not in fragments:
            fragments.add(step.use)
            open_ += walk(scenario.fragments[step.use])
        elif isinstance(step, (TransportStep, WorkStep)) and step.via is not None:
            transports.add(step.via)
    return {
        "procedures": set(used_procedures(scenario)),
        "fragments": fragments,
        "transports": transports,
        "profiles": {flow.profile for flow in scenario.flows.values() if flow.profile is not None},
    }
