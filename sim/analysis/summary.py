"""From the replications of one alternative to its part of summary.json.

Rule kept here: what a replication noted under a path is found under that path; a value becomes an estimate
over replications, a count becomes a sum. Floats are not rounded; what is not known is ``None``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from sim.analysis import held_up
from sim.analysis.bootstrap import REPLICATIONS, pooled_quantile, too_few
from sim.analysis.intervals import CONFIDENCE, number, student
from sim.analysis.load import bottleneck, group_loads, utilisation
from sim.analysis.output import DISTRIBUTION_WORKING_DAYS, QUANTILES, ReplicationNumbers
from sim.analysis.stability import judge
from sim.analysis.warmup import assess
from sim.errors import InputError

Title = Mapping[str, str]


def summarise(
    numbers: Sequence[ReplicationNumbers],
    *,
    start: date,
    flow_titles: Mapping[str, Title],
    deadlines: Mapping[str, float],
    confidence: float = CONFIDENCE,
    kind: str = "steady",
) -> dict[str, Any]:
    """Return ``alternatives.<name>`` of summary.json, except for its ``title``, which the caller adds.

    Flows, levels, urgencies, procedures and stages that no replication has are left out. ``restricted_mean_s`` has
    its ``horizon_s`` beside the estimate; both are ``None`` where the run has no horizon. A quantile has its
    ``method``: ``replications``, one number each and Student's interval, or where these have too few items
    beyond it ``pooled bootstrap``, with the ``low`` and ``high`` of :mod:`sim.analysis.bootstrap`.

    Args:
        numbers: The replications of one alternative.
        start: First day of the scenario, whose midnight is time 0.
        flow_titles: Title of each flow in English and Vietnamese; a flow without one is titled by its id.
        deadlines: Working seconds allowed by flow, for flows that have a deadline.
        confidence: Confidence of all intervals.
        kind: ``steady`` or ``terminating``, as the scenario's period has it.

    Raises:
        InputError: ``E-NO-REPLICATIONS`` there are no replications.
    """
    if not numbers:
        raise InputError("E-NO-REPLICATIONS", "found no replication", "run at least one")
    tree = _tree(numbers, confidence)
    tree["counts"]["open_age_s"] = _open_age(numbers, tree["counts"]["open"])
    tree["restricted_mean_s"]["horizon_s"] = number(max(one.horizon_s for one in numbers))
    for name in ("by_flow", "by_urgency"):
        tree[name] = {key: part for key, part in tree.get(name, {}).items() if part["n"]}
    for name in ("by_flow_urgency", "by_flow_level"):
        tree[name] = {
            flow: {key: part for key, part in tree.get(name, {}).get(flow, {}).items() if part["n"]}
            for flow in tree["by_flow"]
        }
    for flow, part in tree["by_flow"].items():
        part["title"] = dict(flow_titles.get(flow, {"en": flow, "vi": flow}))
        part["deadline_s"] = deadlines.get(flow)
    tree["procedures"] = {
        key: share for key, share in tree.get("procedures", {}).items() if share["estimate"]
    }
    tree["stages"] = {
        stage: part for stage, part in tree["stages"].items() if any(e["estimate"] for e in part.values())
    }
    shares = np.array([one.share_finished for one in numbers])
    tree["distribution"] = {
        "working_days": list(DISTRIBUTION_WORKING_DAYS),
        "share_finished": [student(column, confidence).to_json() for column in shares.T],
    }
    names, pools = numbers[0].names, [one.pools for one in numbers]
    groups = group_loads(pools)
    tree["utilisation"] = utilisation(pools, groups, names, confidence)
    tree["bottleneck"] = bottleneck(groups, names)
    tree["held_up"] = held_up.summarised([one.held_up for one in numbers], names, confidence)
    tree["open_over_time"] = _open_over_time(numbers, start, confidence)
    stability = judge([one.weekly_open for one in numbers], groups, names, confidence, kind=kind)
    tree["growth_per_week"] = stability.growth_per_week.to_json()
    tree["stable"] = stability.stable
    tree["unstable_reasons"] = list(stability.reasons)
    tree["overload_notes"] = list(stability.overload_notes)
    averaged = np.mean([one.open_legs for one in numbers], axis=0)
    warm_up = assess(averaged, numbers[0].worked, numbers[0].warm_up_s, kind)
    tree["warm_up"] = warm_up.to_json(start)
    tree.setdefault("cost", {})
    return tree


def _tree(numbers: Sequence[ReplicationNumbers], confidence: float) -> dict[str, Any]:
    """Return the values as estimates and the counts as sums, nested by their paths."""
    tree: dict[str, Any] = {}
    leaves: dict[tuple[str, ...], Any] = {
        path: sum(one.counts.get(path, 0) for one in numbers)
        for path in dict.fromkeys(path for one in numbers for path in one.counts)
    }
    for path in dict.fromkeys(path for one in numbers for path in one.values):
        values = [one.values.get(path, math.nan) for one in numbers]
        leaves[path] = _quantile(numbers, path, confidence) or student(values, confidence).to_json()
        if _is_quantile(numbers, path):
            leaves[path].setdefault("method", REPLICATIONS)
    for (*branches, leaf), content in leaves.items():
        at = tree
        for branch in branches:
            at = at.setdefault(branch, {})
        at[leaf] = content
    return tree


def _is_quantile(numbers: Sequence[ReplicationNumbers], path: tuple[str, ...]) -> bool:
    """Tell whether a value is a quantile of a sample."""
    return path[-1] in QUANTILES and any((*path[:-1], "n") in one.counts for one in numbers)


def _quantile(
    numbers: Sequence[ReplicationNumbers], path: tuple[str, ...], confidence: float
) -> dict[str, Any] | None:
    """Return the pooled estimate of a quantile that single replications are too small for, else nothing."""
    if not _is_quantile(numbers, path):
        return None
    samples = [one.samples[path[:-1]] for one in numbers if path[:-1] in one.samples]
    level = QUANTILES[path[-1]]
    if len(samples) < len(numbers) or not too_few(samples, level):
        return None
    return pooled_quantile(samples, level, ".".join(path), confidence)


def _open_age(numbers: Sequence[ReplicationNumbers], still_open: int) -> dict[str, float | None]:
    """Return mean and maximum age of the open measured legs of all replications, in calendar seconds."""
    if not still_open:
        return {"mean": None, "max": None}
    oldest_s = max(one.open_age_max_s for one in numbers if not math.isnan(one.open_age_max_s))
    return {"mean": sum(one.open_age_sum_s for one in numbers) / still_open, "max": oldest_s}


def _open_over_time(numbers: Sequence[ReplicationNumbers], start: date, confidence: float) -> dict[str, Any]:
    """Return the open legs at the end of each calendar day with an interval over replications."""
    days = [student(column, confidence) for column in np.array([one.open_legs for one in numbers]).T]
    return {
        "date": [(start + timedelta(days=offset)).isoformat() for offset in range(len(days))],
        "mean": [number(day.estimate) for day in days],
        "low": [number(day.low) for day in days],
        "high": [number(day.high) for day in days],
    }
