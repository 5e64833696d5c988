"""What pairing by replication achieved, and whether two alternatives differ when several are looked at.

Rule kept here: one number per replication and alternative; a verdict is that of the paired t test, and never
given without Holm's correction for the other alternatives compared with the same baseline.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import stdtr

from sim.observations import Floats

SIGNIFICANCE = 0.05  # chance of one or more false verdicts in a family; the convention of the field
REPLICATIONS_MIN = 3  # two points lie on a line: their correlation is 1 or -1 whatever happened


def _both(baseline: Floats, alternative: Floats) -> tuple[Floats, Floats]:
    known = np.isfinite(baseline) & np.isfinite(alternative)
    return baseline[known], alternative[known]


def correlation(baseline: Floats, alternative: Floats) -> float:
    """Return Pearson's correlation of the two alternatives' values across replications.

    Args:
        baseline: One value per replication, NaN where there is none.
        alternative: The other alternative's values, in the same order.

    Returns:
        From -1 to 1; NaN with fewer than three replications or where one of the two does not vary.
    """
    a, b = _both(baseline, alternative)
    if a.size < REPLICATIONS_MIN:
        return math.nan
    in_a, in_b = a - np.mean(a), b - np.mean(b)
    scale = math.sqrt(float(np.sum(in_a**2))) * math.sqrt(float(np.sum(in_b**2)))
    return min(1.0, max(-1.0, float(np.sum(in_a * in_b)) / scale)) if scale > 0 else math.nan


def variance_saved(baseline: Floats, alternative: Floats) -> float:
    """Return the share of the difference's variance that pairing saved against independent runs.

    It is 1 - Var(b - a) / (Var(a) + Var(b)); negative where pairing made the difference noisier.

    Args:
        baseline: One value per replication, NaN where there is none.
        alternative: The other alternative's values, in the same order.

    Returns:
        From -1 to 1; NaN with fewer than three replications or where neither of the two varies.
    """
    a, b = _both(baseline, alternative)
    if a.size < REPLICATIONS_MIN:
        return math.nan
    apart = float(np.var(a, ddof=1) + np.var(b, ddof=1))
    return 1 - float(np.var(b - a, ddof=1)) / apart if apart > 0 else math.nan


def paired_p(differences: Floats) -> float:
    """Return the two-sided p value of the paired t test: that the mean difference is nought.

    Args:
        differences: One per replication; NaN or infinite where a replication has none.

    Returns:
        From 0 to 1, NaN with fewer than two differences. Differences that are all the same have p = 1 where
        they are nought, else 0.
    """
    known = differences[np.isfinite(differences)]
    if known.size < 2:
        return math.nan
    mean, error = float(np.mean(known)), float(np.std(known, ddof=1)) / math.sqrt(known.size)
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(known.size - 1, -abs(mean) / error))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values of one family, adjusted by Holm's step-down procedure.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure. Rejecting where the adjusted
    value is at most a level keeps the chance of any false rejection at that level, whatever the dependence.

    Args:
        p_values: From 0 to 1, one per test.

    Returns:
        In the same order, never below the p value itself and at most 1.
    """
    adjusted_p = [1.0] * len(p_values)
    so_far = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted_p[at] = so_far
    return adjusted_p


def adjusted(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries of ``comparisons`` with Holm's correction over several alternatives.

    A family is every alternative compared with one baseline in one metric. An entry without ``p_value``
    (fewer than two replications) was not tested and is not in it.

    Args:
        entries: All of one run, as :func:`sim.analysis.comparison.compare` gives them.

    Returns:
        Copies in the same order with ``p_holm``, the adjusted p value, and ``differs``, whether it is at most
        :data:`SIGNIFICANCE`; both ``None`` where there is no ``p_value``.
    """
    families: dict[tuple[str, str], list[int]] = {}
    out = [{**entry, "p_holm": None, "differs": None} for entry in entries]
    for index, entry in enumerate(out):
        if entry["p_value"] is not None:
            families.setdefault((entry["baseline"], entry["metric"]), []).append(index)
    for family in families.values():
        for index, p_holm in zip(family, holm([out[index]["p_value"] for index in family]), strict=True):
            out[index] |= {"p_holm": p_holm, "differs": p_holm <= SIGNIFICANCE}
    return out
