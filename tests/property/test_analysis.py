from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sim.analysis.bootstrap import pooled_quantile
from sim.analysis.comparison import compare, pair
from sim.analysis.intervals import student
from sim.analysis.output import replication_numbers, restricted_mean
from sim.analysis.pairing import adjusted, correlation, holm, paired_p, variance_saved
from sim.analysis.path import CATEGORIES, time_spent
from sim.analysis.quantiles import mean, quantiles, share_within
from sim.analysis.warmup import BATCHES_LEFT_MIN, WEEKS_MIN, advise, mser, welch
from sim.calendars import WorkingTime
from sim.observations import Legs, Names, Observations, Outcome, Pools, StepKind, Steps
from sim.units import DAY_S, HOUR_S

STAGES = ("drafting", "delivery", "receiving", "drafting")
OFFICE = WorkingTime.from_intervals(
    [
        (day * DAY_S + start * HOUR_S, day * DAY_S + end * HOUR_S)
        for day in range(400)
        if day % 7 < 5
        for start, end in ((8, 12), (13, 17))
    ],
    8 * HOUR_S,
)
NAMES = Names(("o",), ("Office",), ("office",), (), (), ("a", "b", "c", "d"), STAGES, ("clerk",), ())
WITHOUT_CLASSES = replace(NAMES, flows=(), procedures=())

finite = st.floats(min_value=-1e6, max_value=1e6)


class History:
    """Random documents whose legs follow gapless chains of steps; one in five steps is off the path."""

    def __init__(self, seed: int, documents: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.legs: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        for doc in range(documents):
            self.document(doc)
        self.rng.shuffle(self.legs)
        self.steps.sort(key=lambda step: float(step["completed_s"]))

    def chain(self, doc: int, leg: int, start_s: float, steps: int, relay: int = -1) -> list[float]:
        """Add steps one after another; return when each of them ended, the start first."""
        ends = [start_s]
        for _ in range(steps):
            kind = int(self.rng.integers(2))
            started_s = ends[-1] + float(self.rng.choice([0.0, self.rng.exponential(2 * HOUR_S)]))
            work_s = float(self.rng.exponential(HOUR_S))
            completed_s = OFFICE.finish(started_s, work_s) if kind == StepKind.WORK else started_s + work_s
            row = {
                "doc": doc,
                "leg": leg,
                "task": int(self.rng.integers(len(STAGES))),
                "kind": kind,
                "enabled_s": ends[-1],
                "started_s": started_s,
                "completed_s": completed_s,
                "work_s": work_s if kind == StepKind.WORK else 0.0,
                "on_path": relay < 0,
                "relay": relay,
            }
            self.steps.append(row)
            if self.rng.random() < 0.2:
                self.steps.append({**row, "on_path": False, "relay": -1})
            ends.append(completed_s)
        return ends

    def leg(self, doc: int, released: tuple[float, int], created_s: float) -> tuple[int, list[float]]:
        """Add a leg let go by the sender or a relay; one in three goes on to a reply."""
        key = 1000 + len(self.legs)
        self.legs.append({})
        ends = self.chain(doc, key, released[0], int(self.rng.integers(1, 4)))
        finished_s, reply_doc = ends[-1], -1
        if self.rng.random() < 0.3:
            reply_doc = 500 + key
            finished_s = self.chain(reply_doc, -1, ends[-1], 2)[-1]
            self.chain(reply_doc, -1, finished_s, 1)  # the reply is carried on after it was issued
        elif self.rng.random() < 0.3:
            self.chain(doc, key, finished_s, 1)  # filed away after it was finished
        self.legs[key - 1000] = {
            "leg": key,
            "doc": doc,
            "created_s": created_s,
            "released_s": released[0],
            "released_by": released[1],
            "reply_doc": reply_doc,
            "finished_s": finished_s,
            "outcome": Outcome.COMPLETED if self.rng.random() < 0.8 else Outcome.OPEN,
            "measured": bool(self.rng.random() < 0.8),
        }
        return key, ends

    def document(self, doc: int) -> None:
        """Add a document with up to three legs let go at different moments, each perhaps relayed on."""
        created_s = float(self.rng.uniform(0, 20 * DAY_S))
        ends = self.chain(doc, -1, created_s, 4)
        for _ in range(int(self.rng.integers(1, 4))):
            released = (float(self.rng.choice(ends)), -1)
            while True:
                key, passed = self.leg(doc, released, created_s)
                if self.rng.random() < 0.6:
                    break
                begun = float(self.rng.choice(passed))
                copying = int(self.rng.integers(0, 3))
                released = (self.chain(doc, key, begun, copying, relay=0)[-1] if copying else begun, key)

    def observations(self) -> Observations:
        """Return the history as tables, with columns that do not matter left at zero."""
        return Observations(
            "any",
            1,
            _table(Legs, self.legs),
            _table(Steps, self.steps),
            _table(Pools, []),
            NAMES,
            0,
            0,
            0,
            0,
            0,
        )

    def paths(self) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Give each completed measured leg with the steps of its path, by the rule taken word by word."""
        legs = {leg["leg"]: leg for leg in self.legs}
        for leg in self.legs:
            if leg["outcome"] != Outcome.COMPLETED or not leg["measured"]:
                continue
            wanted = [("leg", leg["leg"], leg["finished_s"])]
            if leg["reply_doc"] >= 0:
                wanted.append(("doc", leg["reply_doc"], leg["finished_s"]))
            at, until_s = leg, leg["released_s"]
            copies: list[dict[str, Any]] = []
            while at["released_by"] >= 0:
                copying = [s for s in self.steps if s["relay"] >= 0 and s["leg"] == at["released_by"]]
                copies += [s for s in copying if s["completed_s"] <= until_s]
                until_s = min([until_s, *(s["enabled_s"] for s in copying)])
                wanted.append(("leg", at["released_by"], until_s))
                at = legs[at["released_by"]]
                until_s = at["released_s"]
            wanted.append(("doc", at["doc"], until_s))
            yield (
                leg,
                copies
                + [
                    step
                    for column, key, until_s in wanted
                    for step in self.steps
                    if step[column] == key and (column == "leg" or step["leg"] < 0)
                    if step["on_path"] and step["completed_s"] <= until_s
                ],
            )


def _table(kind: Any, rows: list[dict[str, Any]]) -> Any:
    dtypes = {"Floats": np.float64, "Ints": np.int32, "Bools": np.bool_}
    return kind(
        **{
            field.name: np.array([row.get(field.name, 0) for row in rows], dtype=dtypes[str(field.type)])
            for field in fields(kind)
        }
    )


def split(step: dict[str, Any]) -> dict[str, float]:
    """Take one step apart as the module says in words."""
    before_s = step["started_s"] - step["enabled_s"]
    after_s = step["completed_s"] - step["started_s"]
    if step["kind"] == StepKind.TRANSPORT:
        return {"wait_pickup_s": before_s, "travel_s": after_s}
    work_s = min(step["work_s"], after_s)
    person_s = OFFICE.elapsed(step["enabled_s"], step["started_s"])
    return {
        "work_s": work_s,
        "wait_person_s": person_s,
        "wait_office_s": after_s - work_s + before_s - person_s,
    }


@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_paths_agree_with_the_rule_leg_by_leg(seed: int, documents: int) -> None:
    """Counting steps gives the sums that following every leg gives, and they add up to the turnaround."""
    history = History(seed, documents)
    spent = time_spent(history.observations(), OFFICE)
    expected = {(stage, category): 0.0 for stage in spent.stages for category in CATEGORIES}
    turnaround_s, legs = 0.0, 0
    for leg, path in history.paths():
        turnaround_s += leg["finished_s"] - leg["created_s"]
        legs += 1
        for step in path:
            for category, seconds in split(step).items():
                expected[STAGES[step["task"]], category] += seconds
    expected["other", "other_s"] = turnaround_s - sum(expected.values())
    found = {
        (stage, category): float(spent.sums_s[row, column])
        for row, stage in enumerate(spent.stages)
        for column, category in enumerate(CATEGORIES)
    }
    assert spent.legs == legs
    assert found == pytest.approx(expected, abs=1e-3)
    assert float(np.sum(spent.sums_s)) == pytest.approx(turnaround_s, abs=1e-3)
    # chains have no gaps, so nothing is left over
    assert found["other", "other_s"] == pytest.approx(0, abs=1e-3)


@given(st.lists(finite, min_size=1, max_size=50), st.floats(0, 1))
def test_quantiles_without_open_items_are_those_of_numpy(values: list[float], level: float) -> None:
    """A sample in which everything is finished has the usual quantiles."""
    (found,) = quantiles(np.array(values), (level,))
    assert found == pytest.approx(float(np.quantile(values, level)), rel=1e-6, abs=1e-2)


@given(st.lists(finite, min_size=1, max_size=50), st.integers(0, 20), st.floats(0, 1))
def test_open_items_never_shorten(values: list[float], still_open: int, level: float) -> None:
    """Open items leave a quantile unknown, or as it will be whatever becomes of them."""
    sample = np.array([*values, *[math.inf] * still_open])
    (found,) = quantiles(sample, (level,))
    later = np.array([*values, *[2e6] * still_open])
    (known,) = quantiles(later, (level,))
    assert math.isnan(found) or found == known
    assert math.isnan(found) or found >= quantiles(np.array(values), (level,))[0] - 1e-2


@given(st.lists(finite, max_size=50), st.integers(0, 20), st.lists(finite, min_size=1, max_size=5))
def test_shares_rise_with_the_bound(values: list[float], still_open: int, bounds: list[float]) -> None:
    """A distribution function rises from 0 and stays below the share that is finished."""
    sample = np.array([*values, *[math.inf] * still_open])
    shares = share_within(sample, np.sort(bounds))
    if not sample.size:
        assert np.isnan(shares).all()
        return
    assert (np.diff(shares) >= 0).all()
    assert shares[-1] <= len(values) / sample.size


@given(st.lists(finite, min_size=2, max_size=30), st.floats(0.5, 0.999))
def test_student_agrees_with_scipy(values: list[float], confidence: float) -> None:
    """The interval is that of the reference implementation."""
    estimate = student(values, confidence)
    error = float(stats.sem(values))
    if error > 0:
        low, high = stats.t.interval(confidence, len(values) - 1, np.mean(values), error)
        assert (estimate.low, estimate.high) == pytest.approx((low, high), rel=1e-6, abs=1e-6)
    else:
        assert estimate.half_width == 0


shares = st.floats(min_value=0, max_value=1)


@given(st.lists(shares, min_size=1, max_size=8), shares)
def test_holm_rejects_what_its_definition_rejects(p_values: list[float], level: float) -> None:
    """Going up from the least p, each is rejected until one is above the level over those that are left."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    rejected = set()
    for rank, index in enumerate(order):
        if (len(p_values) - rank) * p_values[index] > level:
            break
        rejected.add(index)
    found = holm(p_values)
    assert {index for index, p in enumerate(found) if p <= level} == (set(order) if level == 1 else rejected)
    assert all(p <= p_holm <= 1 for p, p_holm in zip(p_values, found, strict=True))


@given(st.lists(finite, min_size=2, max_size=30), st.lists(finite, min_size=2, max_size=30))
def test_paired_test_agrees_with_scipy(before: list[float], after: list[float]) -> None:
    """The p value is that of the reference implementation."""
    n = min(len(before), len(after))
    a, b = np.round(before[:n], 3), np.round(after[:n], 3)
    difference = b - a
    if np.std(difference) > 1e-6 * (1 + np.max(np.abs(difference))):
        assert paired_p(difference) == pytest.approx(float(stats.ttest_rel(b, a).pvalue), abs=1e-9)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.integers(0, 5))
def test_restricted_mean_of_what_is_finished_is_the_mean(values: list[float], still_open: int) -> None:
    """With all finished before the horizon it is the mean; each open item counts as the horizon."""
    sample, horizon_s = np.array([*values, math.nan]), 2e6
    assert restricted_mean(sample, horizon_s) == mean(sample)
    longer = restricted_mean(np.array([*values, *[math.inf] * still_open]), horizon_s)
    n = len(values)
    assert longer == pytest.approx((sum(values) + still_open * horizon_s) / (n + still_open))
    assert restricted_mean(sample, 10.0) <= min(10.0, mean(sample) + 1e-6)


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=20, unique=True))
def test_an_alternative_compared_with_itself(values: list[int]) -> None:
    """Identical alternatives are correlated fully, save all variance and differ by nought."""
    same = np.array(values, dtype=np.float64)
    assert correlation(same, same) == pytest.approx(1)
    assert variance_saved(same, same) == 1
    assert paired_p(same - same) == 1


@given(st.integers(0, 2**32 - 1), st.integers(3, 5))
@settings(max_examples=15, deadline=None)
def test_runs_compared_with_themselves(seed: int, replications: int) -> None:
    """Through the whole comparison: no difference in any metric, of percentiles or of each leg."""
    pairs = []
    for number in range(replications):
        obs = replace(History(seed + number, 6).observations(), names=WITHOUT_CLASSES, replication=number)
        one = replication_numbers(obs, OFFICE)
        pairs.append(pair(one, replace(one, alternative="other")))
    for entry in adjusted(compare(pairs)):
        assert entry["difference"]["estimate"] in {0.0, None}
        assert entry["differs"] in {False, None}
        assert entry["correlation"] is None or entry["correlation"] == pytest.approx(1)
        assert entry["variance_saved"] in {1.0, None}


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=5, max_size=7).filter(
        lambda rows: sum(map(bool, rows)) >= 2
    ),
    st.sampled_from([0.5, 0.9, 0.95]),
)
@settings(max_examples=25, deadline=None)
def test_pooled_interval_stays_within_the_replications(rows: list[list[int]], level: float) -> None:
    """Whatever is resampled, a pooled quantile lies between the least and the largest item."""
    samples = [np.array(row, dtype=np.float64) for row in rows]
    found = pooled_quantile(samples, level, "any")
    least, largest = min(map(min, filter(None, rows))), max(map(max, filter(None, rows)))
    assert least <= found["low"] <= found["high"] <= largest
    assert found["estimate"] == pytest.approx(float(np.quantile(np.concatenate(samples), level)))


@given(
    st.lists(st.integers(0, 1000), min_size=BATCHES_LEFT_MIN, max_size=30),
    st.integers(1, 50),
    st.integers(0, 1000),
)
def test_mser_knows_neither_unit_nor_level(batches: list[int], scale: int, level: int) -> None:
    """Batches counted in another unit or from another level are cut at a point that is as good."""
    values = np.array(batches, dtype=np.float64)

    def statistic(drop: int) -> float:
        return float(np.var(values[drop:]) / (values.size - drop))

    first, moved = mser(values), mser(scale * values + level)
    assert values.size - first >= BATCHES_LEFT_MIN
    assert statistic(moved) == pytest.approx(statistic(first), rel=1e-6, abs=1e-6)
    assert all(
        statistic(first) <= statistic(drop) + 1e-9 for drop in range(values.size - BATCHES_LEFT_MIN + 1)
    )


@given(st.lists(st.integers(0, 1000), min_size=WEEKS_MIN, max_size=30))
def test_advice_lies_in_the_first_half(weeks: list[int]) -> None:
    """Whatever the series, an advised warm-up leaves more than half of it; else there is no advice."""
    counts = np.repeat(np.array(weeks, dtype=np.float64), 7)
    worked = np.tile(np.arange(7) < 5, len(weeks))
    found = advise({"only": counts}, worked).weeks
    assert found is None or 0 <= found < len(weeks) / 2
    smoothed = welch(counts, worked)
    known = smoothed[np.isfinite(smoothed)]
    assert min(weeks) - 1e-9 <= known.min() <= known.max() <= max(weeks) + 1e-9
