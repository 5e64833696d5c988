"""Every number that a scenario states, with how well it is known.

Rule kept here: what some alternative uses is listed, once; what none uses is not. A number without a grade
is listed as unstated and counts as assumed, so that silence never looks like knowledge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sim.scenario.leaves import leaves
from sim.scenario.loading import ScenarioFile
from sim.scenario.params import DistParam, Param
from sim.scenario.schema import Scenario
from sim.units import Dimension

How = Literal["published", "measured", "law", "assumed", "unstated", "decision"]
GRADES: tuple[How, ...] = ("published", "measured", "law", "assumed", "unstated", "decision")

DECISIONS = (("period",), ("channels", None, "share"), ("costs", "items", None, "every"))
"""Where a number without a grade is the planner's choice, not a claim about the world; None: any name."""


@dataclass(frozen=True, slots=True)
class Stated:
    """One number as a scenario states it.

    Args:
        path: Dotted path, as an overlay or ``--set`` would name it.
        text: As written.
        grade: How well it is known; ``decision`` where the planner chooses it.
        range_text: Lowest and highest credible value as written; empty where not given.
        source: Where it comes from; empty where not given.
    """

    path: str
    text: str
    grade: How
    range_text: str = ""
    source: str = ""


def numbers(file: ScenarioFile) -> list[Stated]:
    """List the numbers of a scenario: those of its base case, those that other alternatives add, decisions.

    Args:
        file: Checked.

    Returns:
        In the order of the file, then what alternatives change: a graded number there keeps its grade, the
        rest is a decision. Numbers in fragments, procedures, transports and profiles are listed where some
        alternative uses them. Head-counts and other plain counts are no estimates and are left out.
    """
    out: dict[str, Stated] = {}
    decisions: list[Stated] = []
    for case in (file.cases[file.base], *file.cases.values()):
        graded: set[str] = set()
        for one in _of_case(case.scenario):
            change = next((path for path in case.overlay if _is_below(one.path, path)), None)
            if change is None:
                out.setdefault(one.path, one)
            elif change not in file.sets and one.grade not in {"unstated", "decision"}:
                graded.add(change)
                decisions.append(replace(one, path=f"alternatives.{case.name}.{one.path}"))
        decisions += [
            Stated(f"alternatives.{case.name}.{path}", _shown(value), "decision")
            for path, value in case.overlay.items()
            if path not in graded and path not in file.sets
        ]
    decisions += [Stated(f"--set {path}", str(value), "decision") for path, value in file.sets.items()]
    return list({one.path: one for one in (*out.values(), *decisions)}.values())


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}.")


def shares(stated: Sequence[Stated]) -> dict[How, int]:
    """Count numbers by grade; every grade is named, in the order of :data:`GRADES`."""
    counts = Counter(one.grade for one in stated)
    return {grade: counts[grade] for grade in GRADES}


def assumed_share(stated: Sequence[Stated]) -> float:
    """Return the share that is assumed or unstated among numbers that are no decisions; 0 without any."""
    counts = shares(stated)
    known = sum(counts.values()) - counts["decision"]
    return (counts["assumed"] + counts["unstated"]) / known if known else 0.0


def _shown(value: Any) -> str:
    """Render a raw value on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_shown(one)}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_shown(one) for one in value)}]"
    return "none" if value is None else str(value)


def _of_case(scenario: Scenario) -> Iterator[Stated]:
    """Give the numbers that one case uses, those inside a distribution behind it."""
    for leaf in leaves(scenario):
        yield _stated(leaf.value, leaf.names)
        if isinstance(leaf.value, DistParam):
            for field, part in leaf.value.parts:
                yield _stated(part, (*leaf.names, field))


def _stated(value: Param | DistParam, path: tuple[str, ...]) -> Stated:
    grade: How = "unstated"
    if value.grade is not None:
        grade = value.grade.value
    elif _is_structure(value) or any(_is_at(path, pattern) for pattern in DECISIONS):
        grade = "decision"
    return Stated(".".join(path), value.text, grade, value.range_text, value.source)


def _is_structure(value: Param | DistParam) -> bool:
    """Tell whether a number is none or all of something, and so says how a model is built."""
    if isinstance(value, DistParam):
        return value.dist.mean == 0
    return value.value == 0 or (value.dimension is Dimension.SHARE and value.value == 1)


def _is_at(path: tuple[str, ...], pattern: tuple[str | None, ...]) -> bool:
    """Tell whether a path begins as a pattern says."""
    return len(path) >= len(pattern) and all(b in {None, a} for a, b in zip(path, pattern, strict=False))
