"""Procedures as flat lists of steps: fragments put in their place, names looked up.

Rule kept here: what the engine runs and what the checks examine is the same flat list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sim.scenario.schema import Scenario
from sim.scenario.steps import DecideStep, ForkStep, Step, UseStep, When, step_name

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
    mine, theirs = step.when, when
    both: dict[str, object] = {}
    for name in When.model_fields:
        a, b = getattr(mine, name), getattr(theirs, name)
        if a is None or b is None:
            both[name] = b if a is None else a
        elif isinstance(a, list):
            both[name] = [item for item in a if item in b]
        else:
            both[name] = a if a == b else None
            if a != b:  # classified: true and false at once never holds
                both["asks"] = []
    return step.model_copy(update={"when": When.model_construct(**both)})


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


def targets(steps: Sequence[Step]) -> Iterator[tuple[DecideStep, str]]:
    """Give each decide step of a list (not of its branches) with each of its targets that is no outcome."""
    for step in steps:
        if isinstance(step, DecideStep):
            for target in step.to:
                if target not in OUTCOMES:
                    yield step, target


def names(steps: Sequence[Step]) -> list[str]:
    """Return the step names of a list (not of its branches)."""
    return [step_name(step) for step in steps]
