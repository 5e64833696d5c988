"""One number per metric for one replication of one alternative: all that has to leave the worker process.

Rule kept here: nothing is averaged over replications here, and nothing is looked at but one replication. What
goes into an interval later is a value; what is added up later is a count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.analysis.bootstrap import compact
from sim.analysis.cohort import (
    SEGMENTS,
    URGENCIES,
    CohortLegs,
    by_document,
    inside_deadline,
    segment,
    taken,
    working_turnaround,
)
from sim.analysis.cost import money
from sim.analysis.cost_drivers import Terms, count
from sim.analysis.held_up import HeldUp, held_up
from sim.analysis.path import CATEGORIES, CountedSteps, counted_steps, time_spent
from sim.analysis.quantiles import ROUNDING_S, mean, quantiles, share_within, size
from sim.analysis.reach import WITHIN_WORKING_DAYS, reach
from sim.analysis.stability import open_at_day_ends, weekly_means, working_days
from sim.calendars import WorkingTime
from sim.errors import InputError
from sim.observations import Bools, Floats, Legs, Names, Observations, Outcome, Pools
from sim.units import DAY_S

Path = tuple[str, ...]

OUTCOMES = {
    "completed": Outcome.COMPLETED,
    "refused": Outcome.REFUSED,
    "recalled": Outcome.RECALLED,
    "open": Outcome.OPEN,
}
QUANTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95}
DISTRIBUTION_WORKING_DAYS = tuple(0.25 * n for n in range(81))  # a quarter of a day apart, up to four weeks


@dataclass(frozen=True, slots=True)
class ReplicationNumbers:
    """What one replication of one alternative says; picklable and small but for ``legs``.

    Args:
        alternative: Its name.
        replication: Its number, from 1.
        values: One number per metric by its path in ``alternatives.<name>`` of summary.json; NaN where the
            replication has none.
        counts: Whole numbers to be added up over replications, by path.
        samples: Samples so small that quantiles may need all replications together, by path, as
            :func:`sim.analysis.bootstrap.compact` gives them; some 0.1 MB at most.
        open_age_sum_s: Calendar age at the end of the run, summed over the open measured legs.
        open_age_max_s: The oldest of them, NaN where none is open.
        share_finished: Share of measured legs, by :data:`DISTRIBUTION_WORKING_DAYS`.
        open_legs: Legs open at the end of each calendar day, to the end of measuring.
        worked: Which of these days are working days.
        warm_up_s: Warm-up that was simulated before measuring.
        weekly_open: See :func:`sim.analysis.stability.weekly_means`.
        pools: The pools as observed.
        names: Names of agencies, levels, flows, procedures and roles; tasks and people are left out.
        horizon_s: Horizon of the restricted mean, NaN where there is none.
        held_up: Who held documents up.
        legs: The measured legs for a paired comparison, ``None`` after :meth:`slim`.
    """

    alternative: str
    replication: int
    values: dict[Path, float]
    counts: dict[Path, int]
    samples: dict[Path, NDArray[np.float32]]
    open_age_sum_s: float
    open_age_max_s: float
    share_finished: Floats
    open_legs: Floats
    worked: Bools
    warm_up_s: float
    weekly_open: Floats
    pools: Pools
    names: Names
    horizon_s: float
    held_up: HeldUp
    legs: CohortLegs | None

    def slim(self) -> ReplicationNumbers:
        """Return the numbers without the legs, once they have been compared."""
        return replace(self, legs=None)


class _Collector:
    """Collects values and counts under their paths."""

    def __init__(self) -> None:
        self.values: dict[Path, float] = {}
        self.counts: dict[Path, int] = {}
        self.samples: dict[Path, NDArray[np.float32]] = {}

    def sample(self, sample: Floats, *path: str) -> None:
        """Note mean, quantiles and size of a sample."""
        self.values[*path, "mean"] = mean(sample)
        levels = tuple(QUANTILES.values())
        for name, value in zip(QUANTILES, quantiles(sample, levels), strict=True):
            self.values[*path, name] = value
        self.counts[*path, "n"] = size(sample)
        small = compact(sample)
        if small is not None:
            self.samples[path] = small

    def outcomes(self, legs: Legs, *path: str) -> None:
        """Note how many legs there are and how they stand."""
        self.counts[*path, "created"] = int(legs.outcome.size)
        for name, outcome in OUTCOMES.items():
            self.counts[*path, name] = int(np.count_nonzero(legs.outcome == outcome))


def restricted_mean(sample: Floats, horizon_s: float) -> float:
    """Return the mean of a sample in which whatever is longer than a horizon counts as the horizon.

    Source: Royston and Parmar (2013), Restricted mean survival time. It equals the mean where all is finished
    before the horizon, and is exact where every open item has been observed at least that long.

    Args:
        sample: See the rule of :mod:`sim.analysis.quantiles`; open items count as the horizon.
        horizon_s: In seconds, above 0.

    Returns:
        Seconds, NaN where the sample is empty or there is no horizon.
    """
    counted = sample[~np.isnan(sample)]
    if not counted.size or math.isnan(horizon_s):
        return math.nan
    return float(np.mean(np.minimum(counted, horizon_s)))


def _horizon(obs: Observations, cohort: Legs, horizon_s: float | None) -> float:
    """Return the horizon after checking that every open leg has been observed as long as that."""
    if horizon_s is None or not 0 < horizon_s < math.inf:
        return math.nan
    still_open = cohort.created_s[cohort.outcome == Outcome.OPEN]
    if still_open.size and obs.end_s - float(np.max(still_open)) < horizon_s - ROUNDING_S:
        youngest_s = obs.end_s - float(np.max(still_open))
        raise InputError(
            "E-HORIZON",
            f"found a delivery open for {youngest_s:g} s, and a horizon of {horizon_s:g} s",
            "use the cap of the run minus the end of measuring",
        )
    return horizon_s


def replication_numbers(
    obs: Observations, office: WorkingTime, horizon_s: float | None = None, prices: Terms | None = None
) -> ReplicationNumbers:
    """Return the numbers of one replication of one alternative.

    Args:
        obs: Its observations.
        office: Working time of the offices, in which working time and deadlines are counted.
        horizon_s: Horizon of the restricted mean in calendar seconds: the run's cap minus the end of
            measuring, the same for every alternative. ``None``, or nothing above 0, for no restricted mean.
        prices: What its money is counted by, ``None`` where it has no prices.

    Returns:
        The numbers. Not checked: that the observations agree with one another.

    Raises:
        InputError: ``E-HORIZON`` a leg is still open and was observed for less than the horizon.
    """
    cohort = taken(obs.legs, obs.legs.measured)
    horizon_s = _horizon(obs, cohort, horizon_s)
    turnaround_s = segment(cohort, "created_s", "finished_s")
    working_s = working_turnaround(cohort, office)
    signed_registered_s = segment(cohort, "signed_s", "registered_s")
    found = _Collector()
    found.outcomes(cohort, "counts")
    found.outcomes(obs.legs, "all_counts")
    found.counts["documents",] = obs.documents
    found.counts["envelopes",] = obs.envelopes
    _ledgers(found, obs, cohort, office)
    found.sample(turnaround_s, "turnaround_s")
    found.values["restricted_mean_s",] = restricted_mean(turnaround_s, horizon_s)
    found.sample(working_s, "turnaround_working_s")
    for name, (start, end) in SEGMENTS.items():
        found.sample(segment(cohort, start, end), "segments_s", name)
    inside = inside_deadline(cohort, working_s, office, obs.end_s)
    found.values["inside_deadline",] = mean(inside)
    _documents(found, obs.names, cohort, turnaround_s)
    _reach(found, obs.names, cohort, office)
    _classes(found, obs.names, cohort, (turnaround_s, working_s, signed_registered_s, inside))
    within = share_within(working_s, np.array(WITHIN_WORKING_DAYS) * office.day_s)
    for days, share in zip(WITHIN_WORKING_DAYS, within.tolist(), strict=True):
        found.values["within_working_days", str(days)] = share
    counted = counted_steps(obs, office)
    _stages(found, obs, office, counted)
    if prices is not None:
        found.values |= money(count(obs, office, prices), prices.costs)
    age_s = obs.end_s - cohort.created_s[cohort.outcome == Outcome.OPEN]
    days = math.ceil(obs.measure_end_s / DAY_S)
    open_legs = open_at_day_ends(obs.legs, days)
    worked = working_days(office, days)
    order = np.argsort(cohort.leg, kind="stable")
    return ReplicationNumbers(
        alternative=obs.alternative,
        replication=obs.replication,
        values=found.values,
        counts=found.counts,
        samples=found.samples,
        open_age_sum_s=float(np.sum(age_s)),
        open_age_max_s=float(np.max(age_s)) if age_s.size else math.nan,
        share_finished=share_within(working_s, np.array(DISTRIBUTION_WORKING_DAYS) * office.day_s),
        open_legs=open_legs,
        worked=worked,
        warm_up_s=obs.measure_start_s,
        weekly_open=weekly_means(open_legs, worked, obs.measure_start_s, obs.measure_end_s),
        pools=obs.pools,
        names=replace(obs.names, tasks=(), task_stages=(), people=()),
        horizon_s=horizon_s,
        held_up=held_up(obs, counted),
        legs=CohortLegs(
            leg=cohort.leg[order],
            doc=cohort.doc[order],
            outcome=cohort.outcome[order].astype(np.int8),
            turnaround_s=turnaround_s[order],
            turnaround_working_s=working_s[order],
            signed_registered_s=signed_registered_s[order],
        ),
    )


def _share(part: Bools) -> float:
    return float(np.mean(part)) if part.size else math.nan


def _ledgers(found: _Collector, obs: Observations, cohort: Legs, office: WorkingTime) -> None:
    """Note originals, deliveries and envelopes per working day of the measured period."""
    days = math.ceil(obs.measure_end_s / DAY_S)
    worked = int(np.count_nonzero(working_days(office, days, obs.measure_start_s, obs.measure_end_s)))
    per_day = 1 / worked if worked else math.nan
    deliveries = cohort.leg.size * per_day
    agencies = sum(
        1 for level in obs.names.levels if level
    )  # a level is empty where the alternative lacks the agency
    found.values["ledgers", "originals_per_working_day"] = obs.documents * per_day
    found.values["ledgers", "deliveries_per_working_day"] = deliveries
    found.values["ledgers", "envelopes_per_working_day"] = obs.envelopes * per_day
    found.values["ledgers", "deliveries_per_agency_and_working_day"] = (
        deliveries / agencies if agencies else math.nan
    )


def _documents(found: _Collector, names: Names, cohort: Legs, turnaround_s: Floats) -> None:
    """Note the turnaround of documents to their first, 90 % and last recipient; to the last also by flow."""
    documents = by_document(cohort, turnaround_s)
    found.sample(documents.first_s, "turnaround_first_s")
    found.sample(documents.most_s, "turnaround_p90_recipients_s")
    found.sample(documents.last_s, "turnaround_last_s")
    for index, flow in enumerate(names.flows):
        of_flow = documents.last_s[documents.flow == index]
        found.sample(of_flow, "by_flow", flow, "turnaround_last_s")


def _reach(found: _Collector, names: Names, cohort: Legs, office: WorkingTime) -> None:
    """Note when documents reach their recipients, by flow and recipient level."""
    reached = reach(cohort, names, office)
    for path, sample in reached.samples.items():
        found.sample(sample, *path)
    found.values |= reached.shares
    found.counts |= reached.counts


def _classes(found: _Collector, names: Names, cohort: Legs, samples: tuple[Floats, ...]) -> None:
    """Note the numbers by flow, urgency, both, and procedure."""
    turnaround_s, working_s, signed_registered_s, inside = samples
    for index, flow in enumerate(names.flows):
        mine = cohort.flow == index
        found.counts["by_flow", flow, "n"] = int(np.count_nonzero(mine))
        found.sample(turnaround_s[mine], "by_flow", flow, "turnaround_s")
        found.sample(working_s[mine], "by_flow", flow, "turnaround_working_s")
        found.sample(signed_registered_s[mine], "by_flow", flow, "signed_registered_s")
        found.values["by_flow", flow, "inside_deadline"] = mean(inside[mine])
        for rank, urgency in enumerate(URGENCIES):
            both = mine & (cohort.urgency == rank)
            found.counts["by_flow_urgency", flow, urgency, "n"] = int(np.count_nonzero(both))
            found.sample(turnaround_s[both], "by_flow_urgency", flow, urgency, "turnaround_s")
    for rank, urgency in enumerate(URGENCIES):
        mine = cohort.urgency == rank
        found.counts["by_urgency", urgency, "n"] = int(np.count_nonzero(mine))
        found.sample(turnaround_s[mine], "by_urgency", urgency, "turnaround_s")
        found.sample(working_s[mine], "by_urgency", urgency, "turnaround_working_s")
    for index, procedure in enumerate(names.procedures):
        found.values["procedures", procedure] = _share(cohort.procedure == index)


def _stages(found: _Collector, obs: Observations, office: WorkingTime, counted: CountedSteps) -> None:
    """Note where the time goes per completed leg: by stage and in all."""
    spent = time_spent(obs, office, counted)
    means_s = spent.sums_s / spent.legs if spent.legs else np.full(spent.sums_s.shape, math.nan)
    for path, row in [
        *((("stages", stage), row) for stage, row in zip(spent.stages, means_s, strict=True)),
        (("where_time_goes",), np.sum(means_s, axis=0)),
    ]:
        for category, seconds in zip(CATEGORIES, row.tolist(), strict=True):
            found.values[*path, category] = seconds
        found.values[*path, "total_s"] = float(np.sum(row))
