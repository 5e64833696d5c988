"""One approval hop fewer: each step of the stage ``approval`` before a signature, left out.

Rule kept here: a step is left out of every place it was written at, and what comes after it (returns among them)
stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sim.explain.choosing import Picked
from sim.explain.remedy import Missing, Remedy
from sim.scenario import Case
from sim.scenario.documents import Path_
from sim.scenario.procedures import all_placed, placed, used_procedures
from sim.scenario.schema import Scenario
from sim.scenario.steps import ForkStep, Step, WorkStep, step_name

APPROVAL = "approval"  # stage of the hops between a draft and its signature
HOPS_MAX = 3  # approval steps that are tried one by one


def hops(case: Case, picked: Picked) -> Iterator[Remedy | Missing]:
    """Give one remedy for each approval step before the signature: leaving it out.

    At a picked level whose own people do the step it is left out at that level only, otherwise wherever it is.

    Args:
        case: The alternative.
        picked: Where documents are held up most.
    """
    found = _approvals(case)
    if not found:
        yield Missing("hop", "", "", "", "no-hop")
    for task, places in list(found.items())[:HOPS_MAX]:
        role = places[0][1].by
        levels = [desk.level for desk in picked.desks if desk.role == role and _applies(places, desk.level)]
        for level in levels or [""]:
            agencies = [
                one for one in case.agencies if level in ("", one.level) and _applies(places, one.level)
            ]
            changes: dict[str, Any] = {}
            for path, _ in places:
                changes |= _without(case, path, level)
            yield Remedy("hop", level, role, task=task, agencies=len(agencies), changes=changes)


_Place = tuple[Path_, WorkStep]


def _approvals(case: Case) -> dict[str, list[_Place]]:
    """Return the approval steps of the sender parts in use, by name, with where each was written."""
    scenario = case.scenario
    out: dict[str, dict[Path_, WorkStep]] = {}
    for name in used_procedures(scenario):
        sender = placed(scenario.procedures[name].sender, scenario.fragments, ("procedures", name, "sender"))
        for one in all_placed(sender):
            step = one.step
            if isinstance(step, WorkStep) and step.stage == APPROVAL and not _left_out(step):
                out.setdefault(step.work, {})[one.path] = step
    here = {agency.level for agency in case.agencies}
    lists = {task: list(places.items()) for task, places in out.items()}
    return {task: places for task, places in lists.items() if any(_applies(places, level) for level in here)}


def _left_out(step: WorkStep) -> bool:
    return step.share is not None and step.share.value == 0


def _applies(places: Sequence[_Place], level: str) -> bool:
    """Tell whether senders of a level do the step."""
    return any(
        step.when is None or step.when.sender_level is None or level in step.when.sender_level
        for _, step in places
    )


def _without(case: Case, path: Path_, level: str) -> dict[str, Any]:
    """Return the change that leaves a step out: everywhere, or for senders of one level."""
    at, step = _as_written(case.scenario, path)
    before = step.when.sender_level if step.when is not None else None
    levels = before if before is not None else list(dict.fromkeys(one.level for one in case.agencies))
    rest = [one for one in levels if one != level]
    if not level or not rest:
        return {f"{at}.share": 0}
    if step.when is None:
        return {f"{at}.when": {"sender_level": rest}}
    return {f"{at}.when.sender_level": rest}


def _as_written(scenario: Scenario, path: Path_) -> tuple[str, Step]:
    """Return the dotted path of a step, by the names of steps, and the step without what a ``use`` laid on it."""
    head = 2 if path[0] == "fragments" else 3
    names = [str(part) for part in path[:head]]
    steps: Sequence[Step] = (
        scenario.fragments[names[1]] if head == 2 else getattr(scenario.procedures[names[1]], names[2])
    )
    rest = list(path[head:])
    while True:
        step = steps[int(rest.pop(0))]
        names.append(step_name(step))
        if not rest or not isinstance(step, ForkStep):
            return ".".join(names), step
        branch = str(rest[1])
        names += [str(rest.pop(0)), str(rest.pop(0))]
        steps = step.branches[branch]
