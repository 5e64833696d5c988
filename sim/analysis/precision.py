"""How many replications an interval of a given relative width needs.

Rule kept here: the sequential procedure of Law, Simulation Modeling and Analysis, 5th edition, section 9.4.1: the
half-width over the estimate must not exceed g / (1 + g), so that the relative error against the unknown truth is
at most g with about the stated confidence. It begins with ten replications or more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.analysis.comparison import PairedNumbers
from sim.analysis.intervals import student
from sim.analysis.output import ReplicationNumbers

FIRST = 10  # Law's smallest number to begin with
METRIC = ("turnaround_working_s", "mean")
"""What must be known so well: the metric of the headline."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How well the headline is known after some replications.

    Args:
        relative: Largest half-width over its mean: of the means of all alternatives, and of their differences
            over the baseline's mean. NaN where nothing was finished.
        which: The alternative that it belongs to.
        needed: Replications that would bring it down to what is asked, as far as can be told now.
    """

    relative: float
    which: str
    needed: int


def target(asked: float) -> float:
    """Return the bound for half-width over estimate that holds the relative error at ``asked``."""
    return asked / (1 + asked)


def reached(
    asked: float,
    finished: Sequence[Mapping[str, ReplicationNumbers]],
    pairs: Mapping[tuple[str, str], Sequence[PairedNumbers]],
) -> Reached:
    """Return how well the headline is known, and how many replications it needs.

    Args:
        asked: Relative error asked for, above 0.
        finished: Numbers by alternative, one per replication.
        pairs: Paired numbers by baseline and alternative.
    """
    metric = ".".join(METRIC)
    worst, which = math.nan, ""
    for name in finished[0] if finished else ():
        mean = student([one[name].values.get(METRIC, math.nan) for one in finished])
        found = [mean.half_width / mean.estimate]
        for _, paired in (each for each in pairs.items() if each[0][1] == name):
            values = [one.values[metric] for one in paired]
            difference = student([b - a for a, b in values])
            found.append(difference.half_width / student([a for a, _ in values]).estimate)
        for relative in found:
            if math.isfinite(relative) and not relative <= worst:
                worst, which = relative, name
    n = len(finished)
    needed = math.ceil(n * (worst / target(asked)) ** 2) if math.isfinite(worst) else n
    return Reached(worst, which, max(needed, n + 1) if worst > target(asked) else n)


def to_json(asked: float, found: Reached, bound: int, replications: int) -> dict[str, Any]:
    """Return ``design.precision`` of summary.json.

    Args:
        asked: Relative error asked for.
        found: What was reached.
        bound: Most replications allowed.
        replications: How many were made.
    """
    relative = found.relative / (1 - found.relative) if found.relative < 1 else math.inf
    return {
        "asked": asked,
        "reached": relative if math.isfinite(relative) else None,
        "which": found.which,
        "replications_max": bound,
        "met": bool(found.relative <= target(asked)),
        "bound_hit": bool(not found.relative <= target(asked) and replications >= bound),
    }
