"""Two sides compared, run by run: did the server change, or is it the noise of the machine?

Rule kept here: the unit is the run, never the request; runs that sent another load, from another generator or machine,
are refused; "no difference above x %" is a result, and so is "too few runs to tell".
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

import numpy as np

from loadtests.harness import run_statistics as statistics
from loadtests.harness.plan import NOT_COMPARED
from loadtests.harness.run_facts import METRICS, RunFacts, facts_of
from sim.errors import InputError

RUNS_MIN: Final = 3  # of each side; with fewer nothing is said


class Told(StrEnum):
    """What a comparison says about a metric."""

    HIGHER = "higher"  # the second side's value is
    LOWER = "lower"
    NO_DIFFERENCE = "no difference"  # above the bound that stands beside it
    TOO_FEW = "too few runs"


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of two sides; shares are relative to the first side.

    Args:
        metric: Its name.
        told: What is said.
        ratio: Median over pairs of second to first; NaN where nothing can be said.
        low: Lower end of its interval.
        high: Upper end of its interval.
        confidence: Of the interval; few pairs allow no more than ``1 - 2^(1 - pairs)``.
        p: Of the rank test, two-sided, exact.
        test: Its name.
        noise: A/A: two sides of one server lie apart by less than this share in ``1 - alpha`` of such comparisons,
            from repeats of the same plan and seed on one side; NaN where there are none.
        bound: A difference above this share is excluded; NaN where a difference is told.
        first: Values of the first side, in order.
        second: Values of the second side.
        text: All of it in a sentence.
    """

    metric: str
    told: Told
    ratio: float
    low: float
    high: float
    confidence: float
    p: float
    test: str
    noise: float
    bound: float
    first: tuple[float, ...]
    second: tuple[float, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides compared.

    Args:
        first: Label of the first side.
        second: Label of the second side.
        differences: One for each metric, each judged on its own.
        alpha: Share of comparisons of a server with itself that may tell a difference, for each metric.
        cautions: What a reader should know, such as runs that were not interleaved.
    """

    first: str
    second: str
    differences: tuple[Difference, ...]
    alpha: float
    cautions: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As the part ``compare`` of a summary; what is not finite is null."""
        return {
            "first": self.first,
            "second": self.second,
            "alpha": self.alpha,
            "cautions": list(self.cautions),
            "differences": [_plain(asdict(one)) for one in self.differences],
        }


def compare(
    runs: Sequence[RunFacts], metrics: Sequence[str], *, rng: np.random.Generator, alpha: float = 0.05
) -> Comparison:
    """Compare the two sides that ``runs`` belong to; the side that ran first is the first.

    Args:
        runs: Of exactly two labels.
        metrics: Which values; each is judged on its own.
        rng: For the bootstrap.
        alpha: Share of false alarms allowed, for each metric.

    Raises:
        InputError: ``E-COMPARE-SIDES`` not two labels, ``E-PLAN-DIFFERS``, ``E-GENERATOR-DIFFERS``, ``E-HOST-DIFFERS``
            the sides cannot be compared, ``E-RUN-INVALID`` a run is worth nothing.
    """
    ordered = sorted(runs, key=lambda one: one.order)
    labels = list(dict.fromkeys(one.label for one in ordered))
    if len(labels) != 2:
        found = f"found {len(labels)} sides: {', '.join(labels) or 'none'}"
        raise InputError("E-COMPARE-SIDES", found, "give runs of exactly two sides")
    first, second = ([one for one in ordered if one.label == label] for label in labels)
    refuse(first, second)
    changes = sum(one.label != other.label for one, other in pairwise(ordered))
    cautions = []
    if changes < min(len(first), len(second)):
        cautions.append("The runs were not interleaved: a drift of the machine would look like a difference.")
    if len(first) != len(second):
        cautions.append(
            f"{len(first)} runs against {len(second)}: runs without a partner are left out of the ratio."
        )
    told = tuple(_difference(metric, first, second, rng, alpha) for metric in metrics)
    return Comparison(labels[0], labels[1], told, alpha, tuple(cautions))


def refuse(first: Sequence[RunFacts], second: Sequence[RunFacts]) -> None:
    """Refuse two sides that cannot be compared, and name what differs.

    Raises:
        InputError: See ``compare``.
    """
    for one in (*first, *second):
        if one.outcome == "INVALID":
            found = f"the run {one.name or one.label} is INVALID"
            raise InputError(
                "E-RUN-INVALID", found, "a run whose generator failed says nothing: run it again"
            )
    if {one.plan_digest for one in first} != {one.plan_digest for one in second}:
        names = _named(first, second)
        hint = (
            "same plan on both sides, and the same seeds: repeat the runs of one side with those of the other"
        )
        raise InputError("E-PLAN-DIFFERS", f"the plans of the two sides differ in: {', '.join(names)}", hint)
    everybody = [*first, *second]
    for code, what, facts in (
        (
            "E-GENERATOR-DIFFERS",
            "generators",
            [{"adapter": one.adapter, **one.generator} for one in everybody],
        ),
        ("E-HOST-DIFFERS", "machines", [one.host for one in everybody]),
    ):
        differing = sorted({name for one in facts for name in _differing(facts[0], one)})
        if differing:
            hint = "compare runs that the same generator sent from the same machine"
            raise InputError(code, f"the {what} differ in: {', '.join(differing)}", hint)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [name for name in {*one, *other} if one.get(name) != other.get(name)]


def _named(first: Sequence[RunFacts], second: Sequence[RunFacts]) -> list[str]:
    """The members of the plans in which the sides differ: whose values on one side are not those on the other."""
    names = sorted({name for one in (*first, *second) for name in one.plan} - NOT_COMPARED)
    differing = [
        name
        for name in names
        if {repr(one.plan.get(name)) for one in first} != {repr(one.plan.get(name)) for one in second}
    ]
    seeds = Counter(one.seed for one in first).keys() != Counter(one.seed for one in second).keys()
    return differing or (["seed"] if seeds else ["plan_digest"])


def _value(run: RunFacts, metric: str) -> float:
    value = run.values.get(metric)
    return math.nan if value is None else float(value)


def _values(side: Sequence[RunFacts], metric: str) -> tuple[float, ...]:
    return tuple(_value(one, metric) for one in side)


def pairs(first: Sequence[RunFacts], second: Sequence[RunFacts]) -> list[tuple[RunFacts, RunFacts]]:
    """Runs of the same plan and seed on both sides, the first with the first."""
    waiting: dict[str, list[RunFacts]] = defaultdict(list)
    for one in second:
        waiting[one.plan_digest].append(one)
    return [(one, waiting[one.plan_digest].pop(0)) for one in first if waiting[one.plan_digest]]


def _difference(
    metric: str, first: Sequence[RunFacts], second: Sequence[RunFacts], rng: np.random.Generator, alpha: float
) -> Difference:
    values = _values(first, metric), _values(second, metric)
    ratios = np.array([_log_ratio(_value(a, metric), _value(b, metric)) for a, b in pairs(first, second)])
    usable = all(value > 0 and math.isfinite(value) for side in values for value in side)
    if len(ratios) < RUNS_MIN or not usable:
        why = f"{len(ratios)} pairs of runs" if usable else "a run has no such value"
        text = f"{metric}: too few runs to tell ({why}; {RUNS_MIN} with a value are needed on each side)"
        nan = math.nan
        return Difference(metric, Told.TOO_FEW, nan, nan, nan, nan, nan, "", nan, nan, *values, text)
    middle = float(np.median(ratios))
    low, high, confidence = statistics.interval(ratios, rng, 1 - alpha)
    p, test = statistics.rank_test(ratios, np.log(values[0]), np.log(values[1]))
    noise = statistics.noise_share(_repeats(first, metric) + _repeats(second, metric), len(ratios), alpha)
    shown = p <= alpha and not low <= 0 <= high and not abs(math.expm1(middle)) <= noise
    told = (Told.HIGHER if middle > 0 else Told.LOWER) if shown else Told.NO_DIFFERENCE
    ends = low, high, *statistics.student(ratios, 1 - alpha)
    bound = (
        math.nan
        if shown
        else max(0.0 if math.isnan(noise) else noise, *(abs(math.expm1(end)) for end in ends))
    )
    least = statistics.least_p(len(ratios), len(first), len(second))
    more = f"; so few runs cannot go below p = {least:.2g}" if least > alpha else ""
    said = (
        f"{told}: {math.expm1(middle):+.1%} ({math.expm1(low):+.1%} to {math.expm1(high):+.1%})"
        if shown
        else f"no difference above {bound:.1%} (median {math.expm1(middle):+.1%}{more})"
    )
    text = f"{metric}: {said}, p = {p:.2g} by {test}, {len(ratios)} pairs"
    return Difference(
        metric, told, math.exp(middle), math.exp(low), math.exp(high), confidence, p, test, noise, bound, *values, text
    )  # fmt: skip


def _repeats(side: Sequence[RunFacts], metric: str) -> list[list[float]]:
    """Values of runs of one side that differ in nothing, by plan and seed."""
    groups: dict[str, list[float]] = defaultdict(list)
    for one in side:
        groups[one.plan_digest].append(_value(one, metric))
    return list(groups.values())


def _log_ratio(first: float, second: float) -> float:
    if not (first > 0 and second > 0 and math.isfinite(first) and math.isfinite(second)):
        return math.nan
    return math.log(second / first)


def compare_runs(
    runs: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    rng: np.random.Generator,
    metrics: Sequence[str] | None = None,
    alpha: float = 0.05,
) -> Comparison:
    """Compare summaries of runs.

    Args:
        runs: Side and summary of each, in the order in which they ran.
        rng: For the bootstrap.
        metrics: Names of ``METRICS``; all that some run has a value for.
        alpha: Share of false alarms allowed, for each metric.

    Raises:
        InputError: See ``compare`` and ``facts_of``.
    """
    facts = [
        facts_of(summary, label, order, f"run {order + 1}") for order, (label, summary) in enumerate(runs)
    ]
    known = [name for name in METRICS if any(one.values[name] is not None for one in facts)]
    return compare(facts, known if metrics is None else metrics, rng=rng, alpha=alpha)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same without numbers that JSON does not have."""

    def one(value: Any) -> Any:
        if isinstance(value, tuple):
            return [one(each) for each in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {name: one(value) for name, value in values.items()}
