"""Service-level objectives: what they say, and whether a sample proves that they hold.

Rule kept here: an objective is met only if the sample proves it, missed only if the sample proves that, and otherwise
open; correlation between response times is taken into account. What never came is +inf and above every bound.

An objective ``submit p99 < 500 ms`` says that of all submissions at this load a share of less than 1 % takes 500 ms or
longer. It is judged twice, by the binomial bound of independent samples (as MLPerf LoadGen does) and by a block
bootstrap; both must agree. Each bound is one-sided.

How often it is wrong, simulated at 99 % confidence with a true share of exactly the allowed one (independent times,
autoregressive ones of lag-1 correlation 0.5 to 0.99, clusters of 10 and 50; 1,500 to 20,000 samples): proved to be
missed in 0 to 1.2 % of the runs; proved to be met in 0 to 3 %. Where a run sees few incidents it is worse: up to 6 %
with five of them expected, and with one expected it is about the chance that none occurs. No statistics see an incident
that did not happen: what is proved is then proved for a server without it, and longer runs are the remedy.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from loadtests.harness import bounds
from loadtests.harness.bounds import Floats
from loadtests.harness.histogram import nearest_rank
from loadtests.harness.objective_parsing import FAILED, STEPS, Objective

__all__ = ["FAILED", "STEPS", "Judged", "Objective", "judge", "told_s", "told_share"]

CONFIDENCE: Final = 0.99
NEAR: Final = 0.5  # a time of half the bound is a near miss
CLUSTERS_FEW: Final = 10  # with fewer above the bound, near misses tell better how they cluster


@dataclass(frozen=True, slots=True)
class Judged:
    """What a sample says of an objective.

    Args:
        text: The objective's.
        step: The objective's.
        percentile: The objective's.
        bound_s: The objective's; +inf for ``failed``.
        estimate_s: The percentile of the sample, by nearest rank; +inf among what never came; NaN without samples.
        low_s: Lower end of the percentile's interval; each end holds with the confidence, correlation included.
        high_s: Its upper end, +inf where the sample sets none.
        samples: How many there are.
        misses: How many of them are not within the bound.
        samples_needed: With so many misses, the least number of independent samples that would prove it met.
        met: True: proved to hold; False: proved not to; None: open.
        why: The figures behind ``met``, for people.
        method: How it was decided.
        share: Share of samples not within the bound; NaN without samples.
        share_low: Lower bound of that share by the block bootstrap.
        share_high: Its upper bound.
        share_allowed: What the objective allows.
        design_effect: How many samples know as much as one independent one; NaN where there are too few to tell.
        confidence: Of each bound.
    """

    text: str
    step: str
    percentile: float
    bound_s: float
    estimate_s: float
    low_s: float
    high_s: float
    samples: int
    misses: int
    samples_needed: int
    met: bool | None
    why: str
    method: str
    share: float = math.nan
    share_low: float = 0.0
    share_high: float = 1.0
    share_allowed: float = 0.0
    design_effect: float = math.nan
    confidence: float = CONFIDENCE

    def to_json(self) -> dict[str, Any]:
        """As plain data for JSON; what is not finite is ``None``."""
        plain = asdict(self)
        return {
            name: None if isinstance(one, float) and not math.isfinite(one) else one
            for name, one in plain.items()
        }


def judge(
    objective: Objective,
    values_s: Floats,
    due_s: Floats,
    *,
    confidence: float = CONFIDENCE,
    rng: np.random.Generator,
) -> Judged:
    """Judge an objective by the response times of its step.

    Args:
        objective: What shall hold.
        values_s: Response times of all arrivals that are judged, +inf for what never came.
        due_s: When each was due, s.
        confidence: Of each one-sided bound.
        rng: Source of the bootstrap's resampling.

    Raises:
        ValueError: A time is NaN, or the two arrays differ in length.
    """
    if values_s.shape != due_s.shape or np.isnan(values_s).any():
        raise ValueError("response times must be numbers or +inf, one for each intended time")
    if not values_s.size:
        return _judged(objective, values_s, None, "no samples: nothing is known", "none", confidence)
    if not objective.share:
        return _judge_maximum(objective, values_s, confidence)
    return _Sample(objective, values_s, due_s, confidence, rng).judged()


def _judge_maximum(objective: Objective, values_s: Floats, confidence: float) -> Judged:
    """Judge a maximum: a statement about the sample, which nothing else can be inferred of."""
    misses = int(np.count_nonzero(objective.over(values_s)))
    what = "never came" if objective.step == FAILED else f"took up to {told_s(float(values_s.max()))}"
    why = (
        f"{misses} of {values_s.size} arrivals are not within the bound ({what})"
        if misses
        else (f"none of {values_s.size} arrivals is above the bound; this is said of this run's sample only")
    )
    return _judged(objective, values_s, not misses, why, "maximum of the sample", confidence)


def _judged(
    objective: Objective, values_s: Floats, met: bool | None, why: str, method: str, confidence: float
) -> Judged:
    """Return a judgement without inference."""
    samples, misses = values_s.size, int(np.count_nonzero(objective.over(values_s)))
    greatest = float(values_s.max()) if samples else math.nan
    needed = bounds.samples_needed(misses, objective.share, confidence) if objective.share else samples
    return Judged(
        text=objective.text,
        step=objective.step,
        percentile=objective.percentile,
        bound_s=objective.bound_s,
        estimate_s=greatest,
        low_s=greatest if samples else 0.0,
        high_s=math.inf,
        samples=samples,
        misses=misses,
        samples_needed=needed,
        met=met,
        why=why,
        method=method,
        share=misses / samples if samples else math.nan,
        share_allowed=objective.share,
        confidence=confidence,
    )


class _Sample:
    """One objective with its sample, and what follows from both."""

    def __init__(
        self,
        objective: Objective,
        values_s: Floats,
        due_s: Floats,
        confidence: float,
        rng: np.random.Generator,
    ) -> None:
        self.objective = objective
        self.confidence = confidence
        self.ascending_s = np.sort(values_s)
        self.samples = values_s.size
        rank = nearest_rank(objective.percentile, self.samples)
        self.estimate_s = float(self.ascending_s[rank - 1])
        over = objective.over(values_s)
        self.misses = int(np.count_nonzero(over))
        self.at_bound = bounds.clustering(over, due_s, confidence=confidence, rng=rng)
        self.at_estimate = bounds.clustering(
            values_s >= self.estimate_s, due_s, confidence=confidence, rng=rng
        )
        self.high_effect = self.at_bound.high_effect
        near = objective.over(values_s, NEAR * objective.bound_s)
        if self.at_bound.effective_over < CLUSTERS_FEW and math.isfinite(objective.bound_s) and near.any():
            near_by = bounds.clustering(near, due_s, confidence=confidence, rng=rng)
            self.high_effect = max(self.high_effect, near_by.low_effect)

    def judged(self) -> Judged:
        """Return the judgement: what both bounds say, where they agree."""
        samples, misses, confidence, share = self.samples, self.misses, self.confidence, self.objective.share
        known, low_effect = self.at_bound.blocks > 0, self.at_bound.low_effect
        low = bounds.share_at_least(misses / low_effect, samples / low_effect, confidence) if known else 0.0
        high = (
            bounds.share_at_most(misses / self.high_effect, samples / self.high_effect, confidence)
            if known
            else 1.0
        )
        binomial = bounds.decide(misses, samples, share, confidence)
        bootstrap = True if high < share else False if low > share else None
        met = binomial if binomial is bootstrap else None
        low_s, high_s = self._interval()
        return Judged(
            text=self.objective.text,
            step=self.objective.step,
            percentile=self.objective.percentile,
            bound_s=self.objective.bound_s,
            estimate_s=self.estimate_s,
            low_s=low_s,
            high_s=high_s,
            samples=samples,
            misses=misses,
            samples_needed=bounds.samples_needed(misses, share, confidence),
            met=met,
            why=self._why(met, binomial, low, high),
            method="binomial bound and circular block bootstrap"
            + (
                f", {self.at_bound.blocks} blocks of {self.at_bound.block_s:.3g} s"
                if known
                else ": too few samples"
            ),
            share=misses / samples,
            share_low=low,
            share_high=high,
            share_allowed=share,
            design_effect=max(1.0, misses / self.at_bound.effective_over)
            if self.at_bound.effective_over
            else math.nan,
            confidence=confidence,
        )

    def _interval(self) -> tuple[float, float]:
        """Return the interval of the percentile, s; no narrower than the decision at the bound allows."""
        low_rank, high_rank = bounds.percentile_ranks(
            self.objective.percentile,
            self.samples,
            self.confidence,
            max(self.at_bound.low_effect, self.at_estimate.low_effect),
            max(self.high_effect, self.at_estimate.high_effect),
        )
        low_s = float(self.ascending_s[low_rank - 1]) if low_rank else 0.0
        return low_s, float(self.ascending_s[high_rank - 1]) if high_rank <= self.samples else math.inf

    def _why(self, met: bool | None, binomial: bool | None, low: float, high: float) -> str:
        samples, share, confidence = self.samples, self.objective.share, self.confidence
        what = "never came" if self.objective.step == FAILED else "are not within the bound"
        seen = f"{self.misses} of {samples} ({told_share(self.misses / samples)}) {what}"
        allowed = f"{told_share(share)} is allowed"
        sure = f"with {told_share(confidence)} confidence"
        if met is True:
            return f"{seen}; at most {told_share(high)} {sure}, {allowed}"
        if met is False:
            return f"{seen}; at least {told_share(low)} {sure}, {allowed}"
        more = bounds.samples_needed(self.misses, share, confidence) - samples
        if binomial is None and self.misses <= share * samples:
            return f"needs {more} more samples: {seen}, {allowed}"
        if binomial is None:
            exact_low = bounds.share_at_least(self.misses, samples, confidence)
            return f"{seen}, {allowed}; {sure} the share is only known to be above {told_share(exact_low)}"
        if not self.at_bound.blocks:
            return f"{seen}, {allowed}: too few samples to tell how they depend on each other"
        return (
            f"{seen}; block bootstrap bounds {told_share(low)} and {told_share(high)} straddle {told_share(share)}: "
            "the times depend on each other"
        )


def told_share(share: float) -> str:
    """Return a share in percent, for people, with three digits at most."""
    return f"{share * 100:.3g} %"


def told_s(value_s: float) -> str:
    """Return a time, for people, with three digits at most."""
    if not math.isfinite(value_s):
        return "no answer" if value_s > 0 else "nothing known"
    return f"{value_s * 1000:.3g} ms" if value_s < 1 else f"{value_s:.3g} s"
