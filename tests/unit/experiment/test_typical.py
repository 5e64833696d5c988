"""One delivery's life for the pictures: every second has one category, and the delivery is the one promised."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sim import experiment, runs
from sim.analysis.path import CATEGORIES
from sim.calendars import WorkingTime
from sim.experiment.typical import SPAN_LEAST_S, spans
from tests.builders import WORK_WEEK, random_sections, scenario

H = 3600.0
OFFICE = WorkingTime.from_intervals(
    [
        (day * 24 * H + start * H, day * 24 * H + end * H)
        for day in range(5)
        for start, end in ((8, 12), (13, 17))
    ],
    8 * H,
)
PERIOD = "{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 7 days, cool_down: 7 days}"


def step(**given: Any) -> dict[str, Any]:
    """Return a row of the steps' table: an hour's work in the morning of the first day, without a wait."""
    row = {"kind": "work", "enabled_s": 9 * H, "started_s": 9 * H, "completed_s": 10 * H, "work_s": H}
    return row | given


def hours(row: dict[str, Any]) -> list[tuple[float, float, str]]:
    """Return the spans of a step in hours."""
    return [(a / H, b / H, category) for a, b, category in spans(row, OFFICE)]


def test_a_wait_is_cut_at_the_hours_of_the_office() -> None:
    """Ready at 16:00, taken up at 09:00 next morning."""
    assert hours(step(enabled_s=16 * H, started_s=33 * H, completed_s=34 * H)) == [
        (16, 17, "wait_person_s"), (17, 32, "wait_office_s"), (32, 33, "wait_person_s"), (33, 34, "work_s")
    ]  # fmt: skip


def test_an_interrupted_task_waits_for_the_office_and_for_whoever_began_it() -> None:
    """Two hours of work from 11:00 to 16:00: lunch, an hour of work, two hours that the person was not there."""
    assert hours(step(started_s=11 * H, enabled_s=11 * H, completed_s=16 * H, work_s=2 * H)) == [
        (11, 12, "work_s"), (12, 13, "wait_office_s"), (13, 14, "work_s"), (14, 16, "wait_person_s")
    ]  # fmt: skip


def test_work_that_is_finished_off_shift_is_work() -> None:
    """Who works through lunch does not wait for the office."""
    row = step(enabled_s=11.5 * H, started_s=11.5 * H, completed_s=12.5 * H)
    assert hours(row) == [(11.5, 12.5, "work_s")]


def test_journeys_and_waits_have_their_own_categories() -> None:
    """A journey waits for its pick-up and travels; a set time is other time."""
    row = step(kind="transport", started_s=15 * H, completed_s=40 * H, work_s=0.0)
    assert hours(row) == [(9, 15, "wait_pickup_s"), (15, 40, "travel_s")]
    assert hours(step(kind="wait", work_s=0.0)) == [(9, 10, "other_s")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a scenario with every kind of step."""
    sections = random_sections(1) | {"period": PERIOD, "calendar": WORK_WEEK}
    plan = experiment.Plan(
        file=scenario(**sections), alternatives=("paper", "signed"), replications=1, seed=1, jobs=1,
        keep_steps=False, out=tmp_path_factory.mktemp("run"), command=("congvan", "run", "test"),
    )  # fmt: skip
    return experiment.execute(plan, lambda *_: None)[0]


def test_the_delivery_is_the_nearest_to_all_medians(run: Path) -> None:
    """No other direct delivery that both alternatives completed is nearer in all of them together."""
    life = runs.read_json(run, runs.SUMMARY)["life"]
    rows = pl.read_parquet(run / runs.LEGS).filter(pl.col("outcome") == "completed")
    rows = rows.with_columns((pl.col("finished_s") - pl.col("created_s")).alias("took_s"))
    medians = {name: told["median_s"] for name, told in life["alternatives"].items()}
    off: dict[int, list[float]] = {}
    for row in rows.iter_rows(named=True):
        if row["released_by"] < 0 and row["asks"] != "reply":
            off.setdefault(row["leg"], []).append(abs(math.log(row["took_s"] / medians[row["alternative"]])))
    both = {leg: sum(parts) for leg, parts in off.items() if len(parts) == 2}
    assert len(both) > 10
    assert both[life["leg"]] == pytest.approx(min(both.values()))
    for name, median_s in medians.items():
        assert rows.filter(pl.col("alternative") == name)["took_s"].median() == median_s


def test_the_steps_of_a_life_follow_one_another_without_a_gap(run: Path) -> None:
    """From asked to finished every moment is in a step, on one path of one sender part and one way."""
    life = runs.read_json(run, runs.SUMMARY)["life"]
    for told in life["alternatives"].values():
        found = sorted(tuple(span) for step in told["steps"] for span in step["spans"])
        assert {category for _, _, category in found} <= set(CATEGORIES)
        at = told["created_s"]
        for a, b, _ in found:
            assert a == pytest.approx(at, abs=SPAN_LEAST_S * len(found))
            at = b
        assert at == pytest.approx(told["finished_s"], abs=SPAN_LEAST_S * len(found))
        assert [step["part"] for step in told["steps"]] == sorted(
            (step["part"] for step in told["steps"]), reverse=True
        )


def test_where_no_delivery_was_completed_none_is_told(tmp_path: Path) -> None:
    """A run in which nothing is finished has no life to draw."""
    sections = {
        "period": "{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 1 days, cool_down: 0 days}",
        "procedures": "{serve: {title: Serve, leg: [{work: serve, by: clerk, takes: 90 days}]}}",
    }
    plan = experiment.Plan(
        file=scenario(**sections), alternatives=("base",), replications=1, seed=1, jobs=1, keep_steps=False,
        out=tmp_path / "run", command=("congvan", "run", "test"),
    )  # fmt: skip
    folder, summary, _ = experiment.execute(plan, lambda *_: None)
    assert summary["life"] is None
    assert runs.read_json(folder, runs.SUMMARY)["life"] is None
