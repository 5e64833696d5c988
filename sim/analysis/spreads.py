"""The second range beside every number: how it spreads when the assumed inputs vary.

Rule kept here: what was estimated at the stated inputs stays as it is; the range over drawn inputs is set beside
it under ``spread``, never mixed into it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.comparison import PairedNumbers, estimates, percents, series
from sim.analysis.intervals import CONFIDENCE
from sim.analysis.load import group_loads
from sim.analysis.output import ReplicationNumbers
from sim.analysis.spread import of_difference, spread
from sim.analysis.stability import LOAD_MAX
from sim.observations import Floats

NOT_SPREAD = ("stages", "by_flow_urgency", "by_urgency", "procedures", "held_up")
"""Branches of an alternative whose numbers explain an answer and are none: they carry one range."""

Text = Callable[[str, float], str]
"""Says for people what value an input has at a quantile of its range."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The draws of the assumptions.

    Args:
        names: Name of each input.
        table: Quantile of each input in its range: one row per draw, one column per input.
        text: Says a value for people.
    """

    names: tuple[str, ...]
    table: NDArray[np.float64]
    text: Text


def add_spreads(part: dict[str, Any], drawn: Sequence[ReplicationNumbers]) -> None:
    """Set the range over drawn inputs beside every estimate of one alternative's part of the summary.

    Also notes under ``draws`` how many there are and in how many of them somebody was asked for more work than
    there was time for.

    Args:
        part: As :func:`sim.analysis.summary.summarise` gives it; changed in place.
        drawn: Its replications at drawn inputs.
    """
    for path in dict.fromkeys(path for one in drawn for path in one.values):
        leaf = _leaf(part, path) if path[0] not in NOT_SPREAD else None
        if leaf is not None:
            leaf["spread"] = spread([one.values.get(path, math.nan) for one in drawn]).to_json()
    over = sum(any(group.load_mean >= LOAD_MAX for group in group_loads([one.pools])) for one in drawn)
    part["draws"] = {"count": len(drawn), "overloaded": over}


def _leaf(tree: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the estimate at a path, nothing where the summary left it out."""
    node: Any = tree
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, dict) and "estimate" in node else None


def with_spreads(
    entries: Sequence[Mapping[str, Any]],
    stated: Mapping[str, tuple[Floats, Floats]],
    drawn: Mapping[str, tuple[Floats, Floats]],
    inputs: Inputs,
) -> list[dict[str, Any]]:
    """Return the entries of a comparison with ``spread`` and ``percent_spread``.

    Args:
        entries: Of one pair of alternatives.
        stated: Differences and values by metric at the stated inputs, see :func:`~sim.analysis.comparison.series`.
        drawn: The same at drawn inputs.
        inputs: The draws.
    """
    out = []
    for entry in entries:
        metric = entry["metric"]
        difference, values = drawn.get(metric, (np.full(0, math.nan), np.full((0, 2), math.nan)))
        of_inputs = inputs.table if difference.size else inputs.table[:0]
        found = of_difference(inputs.names, of_inputs, difference, stated[metric][0])
        where = found["holds_where"]
        if where is not None:
            found["holds_where"] = {**where, "text": inputs.text(where["name"], where["quantile"])}
        out.append(
            {**entry, "spread": found, "percent_spread": spread(percents(difference, values)).to_json()}
        )
    return out


def by_replication(
    finished: Sequence[Mapping[str, ReplicationNumbers]],
    baseline: str,
    alternative: str,
    metrics: Sequence[str],
) -> dict[str, tuple[Floats, Floats]]:
    """Return differences of whole cohorts by metric, in the shape of :func:`~sim.analysis.comparison.series`.

    Args:
        finished: Numbers by alternative, one per replication or draw.
        baseline: Name of the alternative compared with.
        alternative: Name of the other.
        metrics: Dotted paths of values.
    """
    out = {}
    for metric in metrics:
        path = tuple(metric.split("."))
        values = np.array(
            [[one[name].values.get(path, math.nan) for name in (baseline, alternative)] for one in finished]
        ).reshape(-1, 2)
        out[metric] = (values[:, 1] - values[:, 0], values)
    return out


def whole_cohorts(
    found: Mapping[str, tuple[Floats, Floats]],
    baseline: str,
    alternative: str,
    confidence: float = CONFIDENCE,
) -> list[dict[str, Any]]:
    """Return entries of ``comparisons`` for metrics of whole cohorts, which rest on no shared legs.

    Args:
        found: As :func:`by_replication` gives it.
        baseline: Name of the alternative compared with.
        alternative: Name of the other.
        confidence: Confidence of the intervals.
    """
    return [
        {
            "baseline": baseline, "alternative": alternative, "metric": metric,
            "unit": "s" if any(part.endswith("_s") for part in metric.split(".")) else "",
            "shared": None, "only_baseline": None, "only_alternative": None, "paired": None,
            **estimates(difference, values, confidence),
        }
        for metric, (difference, values) in found.items()
    ]  # fmt: skip


def all_series(
    pairs: Sequence[PairedNumbers],
    finished: Sequence[Mapping[str, ReplicationNumbers]],
    metrics: Sequence[str],
) -> dict[str, tuple[Floats, Floats]]:
    """Return the series of shared legs and those of whole cohorts together.

    Args:
        pairs: One per replication or draw, all of the same two alternatives.
        finished: Numbers by alternative, in the same order.
        metrics: Dotted paths of values of whole cohorts.
    """
    one = pairs[0]
    return {**series(pairs), **by_replication(finished, one.baseline, one.alternative, metrics)}
