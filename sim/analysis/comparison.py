"""Two alternatives compared, replication by replication, on the legs that both have.

Rule kept here: like is compared with like. A leg counts where both alternatives have it and both completed
it; how many legs only one of them has is said beside every difference. Of quantiles there are two kinds, and
each has its name: ``turnaround_s.p90`` is the difference of the quantiles of the two paired samples,
``difference_of_each.p90`` the quantile of the differences leg by leg. They need not agree, not even in sign.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sim.analysis.cohort import CohortLegs
from sim.analysis.intervals import CONFIDENCE, number, student
from sim.analysis.output import QUANTILES, restricted_mean
from sim.analysis.pairing import correlation, paired_p, variance_saved
from sim.analysis.quantiles import mean, quantiles
from sim.errors import InputError
from sim.observations import Floats, Outcome

# Metrics of a comparison: the sample they come from, by the path of the metric in summary.json.
METRICS = (
    "turnaround_s.mean",
    "turnaround_s.p50",
    "turnaround_s.p90",
    "turnaround_s.p95",
    "turnaround_working_s.mean",
    "turnaround_last_s.mean",
    "signed_registered_s.mean",
)

# Compared as well where both alternatives were observed to the same horizon: legs still open count, too.
RESTRICTED = "restricted_mean_s"

# Quantiles over the shared legs of (alternative - baseline) turnaround in calendar time; there is no value of
# the baseline alone to set beside them.
OF_EACH = {f"difference_of_each.{name}": level for name, level in QUANTILES.items()}


class Side(Protocol):
    """One replication of one alternative, as far as a comparison looks at it.

    The numbers of a replication are one (:class:`sim.analysis.output.ReplicationNumbers`); what is read back
    from the tables of a run is another.
    """

    @property
    def alternative(self) -> str:
        """Its name."""
        ...

    @property
    def replication(self) -> int:
        """Its number, from 1."""
        ...

    @property
    def horizon_s(self) -> float:
        """Horizon of the restricted mean in calendar seconds, NaN where there is none."""
        ...

    @property
    def legs(self) -> CohortLegs | None:
        """The measured legs, ``None`` where they were dropped."""
        ...


@dataclass(frozen=True, slots=True)
class PairedNumbers:
    """One replication of two alternatives, side by side; small and picklable.

    Args:
        baseline: Name of the alternative compared with.
        alternative: Name of the other.
        replication: Number of the replication.
        values: The baseline's and the alternative's value of each metric, in seconds; NaN where there is
            none.
        of_each: Quantiles of the legs' own differences by metric of :data:`OF_EACH`, in seconds; NaN where
            there is none.
        paired: Legs (documents for ``turnaround_last_s``) that each metric rests on.
        shared: Measured legs that both have.
        only_baseline: Measured legs that only the baseline has.
        only_alternative: Measured legs that only the alternative has.
    """

    baseline: str
    alternative: str
    replication: int
    values: dict[str, tuple[float, float]]
    of_each: dict[str, float]
    paired: dict[str, int]
    shared: int
    only_baseline: int
    only_alternative: int


def pair(baseline: Side, alternative: Side) -> PairedNumbers:
    """Pair two alternatives of one replication by the keys of their legs.

    A document's turnaround to its last recipient is taken over the shared legs that both completed; a
    document with a shared leg that is open in either is left out. The restricted mean is over the shared legs
    that neither refused nor recalled, open ones included.

    Args:
        baseline: The alternative compared with, with its legs.
        alternative: The other, with its legs.

    Raises:
        InputError: ``E-NOT-PAIRED`` the replications differ, or the legs were dropped.
    """
    if baseline.replication != alternative.replication:
        raise InputError(
            "E-NOT-PAIRED",
            f"found replications {baseline.replication} and {alternative.replication}",
            "compare two alternatives of the same replication",
        )
    if baseline.legs is None or alternative.legs is None:
        raise InputError("E-NOT-PAIRED", "found numbers without their legs", "compare before slim()")
    a, b = baseline.legs, alternative.legs
    _, in_a, in_b = np.intersect1d(a.leg, b.leg, assume_unique=True, return_indices=True)
    both = (a.outcome[in_a] == Outcome.COMPLETED) & (b.outcome[in_b] == Outcome.COMPLETED)
    done_a, done_b = in_a[both], in_b[both]
    samples = {
        name: _known(getattr(a, name)[done_a], getattr(b, name)[done_b])
        for name in ("turnaround_s", "turnaround_working_s", "signed_registered_s")
    }
    samples["turnaround_last_s"] = _last(a, b, in_a, in_b, both)
    values: dict[str, tuple[float, float]] = {}
    paired: dict[str, int] = {}
    for metric in METRICS:
        name, statistic = metric.split(".")
        of_a, of_b = samples[name]
        values[metric] = (_statistic(of_a, statistic), _statistic(of_b, statistic))
        paired[metric] = int(of_a.size)
    if baseline.horizon_s == alternative.horizon_s:  # never where there is none: NaN
        counted = ~np.isnan(a.turnaround_s[in_a]) & ~np.isnan(b.turnaround_s[in_b])
        values[RESTRICTED] = (
            restricted_mean(a.turnaround_s[in_a[counted]], baseline.horizon_s),
            restricted_mean(b.turnaround_s[in_b[counted]], baseline.horizon_s),
        )
        paired[RESTRICTED] = int(np.count_nonzero(counted))
    of_a, of_b = samples["turnaround_s"]
    of_each = dict(zip(OF_EACH, quantiles(of_b - of_a, tuple(OF_EACH.values())), strict=True))
    paired |= dict.fromkeys(OF_EACH, int(of_a.size))
    return PairedNumbers(
        baseline=baseline.alternative,
        alternative=alternative.alternative,
        replication=baseline.replication,
        values=values,
        of_each=of_each,
        paired=paired,
        shared=int(in_a.size),
        only_baseline=int(a.leg.size - in_a.size),
        only_alternative=int(b.leg.size - in_b.size),
    )


def _known(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    known = np.isfinite(a) & np.isfinite(b)
    return a[known], b[known]


def _statistic(sample: Floats, name: str) -> float:
    return mean(sample) if name == "mean" else quantiles(sample, (QUANTILES[name],))[0]


def _last(
    a: CohortLegs, b: CohortLegs, in_a: np.ndarray[Any, Any], in_b: np.ndarray[Any, Any], both: Any
) -> tuple[Floats, Floats]:
    """Return the turnaround to the last recipient of the documents whose shared legs are all closed."""
    still_open = (a.outcome[in_a] == Outcome.OPEN) | (b.outcome[in_b] == Outcome.OPEN)
    unfinished = np.unique(a.doc[in_a[still_open]])
    rows = np.flatnonzero(both & ~np.isin(a.doc[in_a], unfinished))
    rows = rows[np.argsort(a.doc[in_a[rows]], kind="stable")]
    if not rows.size:
        return a.turnaround_s[:0], b.turnaround_s[:0]
    doc = a.doc[in_a[rows]]
    starts = np.flatnonzero(np.concatenate([[True], doc[1:] != doc[:-1]]))
    return (
        np.maximum.reduceat(a.turnaround_s[in_a[rows]], starts),
        np.maximum.reduceat(b.turnaround_s[in_b[rows]], starts),
    )


def compare(pairs: Sequence[PairedNumbers], confidence: float = CONFIDENCE) -> list[dict[str, Any]]:
    """Return the entries of ``comparisons`` in summary.json for one pair of alternatives, one per metric.

    Differences are alternative minus baseline in seconds, percentages are of the baseline, both per
    replication and then with Student's interval. Beside the contract each entry has

    - ``paired``: the legs or documents it rests on; legs are summed over replications;
    - ``correlation`` and ``variance_saved``: what pairing achieved, see :mod:`sim.analysis.pairing`; ``None``
      with fewer than three replications;
    - ``p_value``: of the paired t test, ``None`` with fewer than two replications. :func:`adjusted
      <sim.analysis.pairing.adjusted>` adds the verdict over all alternatives.

    The last entries are those of :data:`OF_EACH`: the quantile of each leg's own difference. They have no
    percentage, no correlation and no value of either alternative.

    Args:
        pairs: One per replication, all of the same two alternatives.
        confidence: Confidence of the intervals.

    Raises:
        InputError: ``E-NO-REPLICATIONS`` nothing to compare, ``E-NOT-PAIRED`` pairs of different
            alternatives.
    """
    if not pairs:
        raise InputError("E-NO-REPLICATIONS", "found no replication to compare", "run at least one")
    if len({(one.baseline, one.alternative) for one in pairs}) > 1:
        raise InputError("E-NOT-PAIRED", "found pairs of different alternatives", "compare two at a time")
    return [
        {
            "baseline": pairs[0].baseline,
            "alternative": pairs[0].alternative,
            "metric": metric,
            "unit": "s",
            "shared": sum(one.shared for one in pairs),
            "only_baseline": sum(one.only_baseline for one in pairs),
            "only_alternative": sum(one.only_alternative for one in pairs),
            "paired": sum(one.paired.get(metric, 0) for one in pairs),
            **estimates(difference, values, confidence),
        }
        for metric, (difference, values) in series(pairs).items()
    ]


def series(pairs: Sequence[PairedNumbers]) -> dict[str, tuple[Floats, Floats]]:
    """Return by metric what :func:`compare` estimates from, the entries of :data:`OF_EACH` last.

    Args:
        pairs: One per replication, all of the same two alternatives.

    Returns:
        The differences, one per replication, and the values of both alternatives, one row per replication;
        NaN where there is none.
    """
    out: dict[str, tuple[Floats, Floats]] = {}
    for metric in dict.fromkeys(metric for one in pairs for metric in one.values):
        values = np.array([one.values.get(metric, (math.nan, math.nan)) for one in pairs])
        out[metric] = (values[:, 1] - values[:, 0], values)
    for metric in OF_EACH:
        difference = np.array([one.of_each[metric] for one in pairs])
        out[metric] = (difference, np.full((difference.size, 2), math.nan))
    return out


def estimates(difference: Floats, values: Floats, confidence: float = CONFIDENCE) -> dict[str, Any]:
    """Return the estimates of one entry of ``comparisons``.

    Args:
        difference: Alternative minus baseline, one per replication.
        values: One row per replication: the baseline's value and the alternative's.
        confidence: Confidence of the intervals.
    """
    of_baseline, of_alternative = values[:, 0], values[:, 1]
    return {
        "difference": student(difference, confidence).to_json(),
        "percent": student(percents(difference, values), confidence).to_json(),
        "baseline_value": student(of_baseline, confidence).to_json(),
        "alternative_value": student(of_alternative, confidence).to_json(),
        "correlation": number(correlation(of_baseline, of_alternative)),
        "variance_saved": number(variance_saved(of_baseline, of_alternative)),
        "p_value": number(paired_p(difference)),
    }


def percents(difference: Floats, values: Floats) -> Floats:
    """Return differences in percent of the baseline's value, NaN where that is nought or not known."""
    percent = np.full(difference.shape, math.nan)
    np.divide(100 * difference, values[:, 0], out=percent, where=values[:, 0] != 0)
    return percent
