"""One document's life: the reasons of every wait, what is told of it, and clear refusals."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sim import experiment, runs
from sim.calendars import WorkingTime
from sim.errors import InputError
from sim.trace import Told, Traced, listed
from sim.trace.life import SHOWN_LEAST_S, explained
from sim.trace.telling import duration
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
PERIOD = "{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 7 days, cool_down: 1 days}"


def step(**given: Any) -> dict[str, Any]:
    """Return a row of the steps' table: an hour's work in the morning of the first day, without a wait."""
    row: dict[str, Any] = {
        "doc": 0, "leg": -1, "task": "sign", "kind": "work", "agency": "a", "person": "a/leader/1",
        "enabled_s": 9 * H, "started_s": 9 * H, "completed_s": 10 * H, "work_s": H, "on_path": True, "relay": None,
    }  # fmt: skip
    return row | given


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a scenario with every kind of step, one of whose two replications keeps its steps."""
    sections = random_sections(1) | {"period": PERIOD, "calendar": WORK_WEEK}
    plan = experiment.Plan(
        file=scenario(**sections), alternatives=("paper", "signed"), replications=2, seed=1, jobs=1,
        keep_steps=False, out=tmp_path_factory.mktemp("run"), command=("congvan", "run", "test"),
    )  # fmt: skip
    folder, _, _ = experiment.execute(plan, lambda *_: None)
    return folder


def told(run: Path, doc: int, alternative: str = "paper", legs_most: int | None = None) -> str:
    """Return a document's life as one text."""
    traced = Traced(run, alternative)
    return "\n".join(Told(traced, traced.life(doc)).lines(legs_most))


def legs_of(run: Path, alternative: str = "paper") -> pl.DataFrame:
    """Return the deliveries of the traced replication."""
    return Traced(run, alternative).table(runs.LEGS)


# --- reasons ------------------------------------------------------------------------------------------------


def test_a_wait_is_split_into_closed_busy_and_away() -> None:
    """Ready at 16:00, taken up at 11:00 next morning: the night, another task of an hour, and the rest."""
    row = step(enabled_s=16 * H, started_s=35 * H, completed_s=36 * H)
    other = step(task="draft", started_s=33 * H, completed_s=34 * H, enabled_s=0.0)
    found = explained(row, [row, other], OFFICE)
    assert found.waits == (
        (15 * H, "office closed"), (H, "leader/1 busy with other tasks"), (3 * H, "leader/1 away")
    )  # fmt: skip
    assert found.breaks == ()


def test_a_task_is_interrupted_by_closing_and_by_absence() -> None:
    """Two hours of work from 11:00 to 16:00: lunch, and two hours that the person was not there."""
    found = explained(step(started_s=11 * H, enabled_s=11 * H, completed_s=16 * H, work_s=2 * H), [], OFFICE)
    assert found.breaks == ((H, "office closed"), (2 * H, "away"))


def test_work_that_is_finished_off_shift_is_not_interrupted() -> None:
    """Who works through lunch has no break, though the office is closed."""
    row = step(enabled_s=11.5 * H, started_s=11.5 * H, completed_s=12.5 * H)
    assert explained(row, [row], OFFICE).breaks == ()


def test_a_document_that_joins_an_envelope_waits_for_it() -> None:
    """Work of no length that ends with the same work of another document is a shared envelope."""
    row = step(enabled_s=9.5 * H, started_s=10 * H, work_s=0.0)
    found = explained(row, [step(doc=1), row], OFFICE)
    assert found.waits == ((H / 2, "joined what leader/1 was already making up"),)


def test_a_journey_waits_for_the_pick_up() -> None:
    """Before it leaves, a document waits for the post and for nobody's hours."""
    row = step(kind="transport", person=None, started_s=9.5 * H, work_s=0.0)
    assert explained(row, [], OFFICE).waits == ((H / 2, "for the pick-up"),)


def test_a_wait_for_a_set_time_tells_the_closed_hours_apart() -> None:
    """From 16:00 to 09:00 next morning the office is open for two hours."""
    row = step(kind="wait", person=None, enabled_s=16 * H, started_s=16 * H, completed_s=33 * H, work_s=0.0)
    assert explained(row, [], OFFICE).waits == ((15 * H, "office closed"), (2 * H, "for its set time"))


def test_every_second_has_one_reason(run: Path) -> None:
    """The reasons of a step add up to its length, for every step of a run with every kind of step."""
    traced = Traced(run)
    steps = 0
    for doc in traced.table(runs.DOCUMENTS)["doc"]:
        life = traced.life(doc)
        for one in [*life.sender, *(found for leg in life.legs for found in leg.steps)]:
            row, slack_s = one.row, SHOWN_LEAST_S * 3
            until_s = row["completed_s"] if row["kind"] == "wait" else row["started_s"]
            waited_s = sum(spent_s for spent_s, _ in one.waits)
            assert math.isclose(waited_s, until_s - row["enabled_s"], abs_tol=slack_s)
            if row["kind"] == "work":
                worked_s = row["work_s"] + sum(spent_s for spent_s, _ in one.breaks)
                assert math.isclose(worked_s, row["completed_s"] - row["started_s"], abs_tol=slack_s)
            assert all(spent_s > 0 for spent_s, _ in (*one.waits, *one.breaks))
            steps += 1
    assert steps > 100


# --- what is told -------------------------------------------------------------------------------------------


def test_a_life_is_told_in_time_order(run: Path) -> None:
    """The sender part and each delivery are in the order in which their steps could begin."""
    traced = Traced(run)
    doc = legs_of(run)["doc"][0]
    life = traced.life(doc)
    for steps in (life.sender, *(leg.steps for leg in life.legs)):
        assert steps
        begun = [one.row["enabled_s"] for one in steps]
        assert begun == sorted(begun)
    text = told(run, doc)
    assert "asked for Mon 2015-01-05" in text
    assert " draft by p/officer/" in text
    assert "worked " in text
    assert "waited " in text


def test_copies_are_named_at_both_ends(run: Path) -> None:
    """The delivery whose recipient makes copies names those that set out, and they name it."""
    relayed = legs_of(run).filter((pl.col("released_by") >= 0) & (pl.col("outcome") == "completed"))
    leg = relayed.row(0, named=True)
    text = told(run, leg["doc"])
    assert f"passed on as a copy by the recipient of delivery {leg['released_by']}" in text
    assert "relay-copies by " in text
    assert "[copies to pass on, procedure paper]" in text
    assert "copies passed on: deliveries " in text


def test_replies_are_named_at_both_ends(run: Path) -> None:
    """A delivery names the document that answers it, which names the delivery."""
    legs = legs_of(run)
    begun = Traced(run).table(runs.STEPS)["doc"].unique()
    asked = legs.filter(pl.col("reply_doc").is_in(begun.implode())).row(0, named=True)
    assert f"answered by document {asked['reply_doc']}" in told(run, asked["doc"])
    assert (
        f"a reply: answers delivery {asked['leg']} of document {asked['doc']}" in told(run, asked["reply_doc"])
    )  # fmt: skip


def test_a_reply_that_was_not_begun_is_missed(run: Path) -> None:
    """A delivery that asks for a reply and has none yet says so."""
    begun = Traced(run).table(runs.STEPS)["doc"].unique()
    asked = legs_of(run).filter((pl.col("asks") == "reply") & ~pl.col("reply_doc").is_in(begun.implode()))
    assert "asks for a reply; none was begun" in told(run, asked["doc"][0])


def test_only_some_deliveries_are_told_unless_all_are_asked_for(run: Path) -> None:
    """What is left out is counted."""
    doc = legs_of(run)["doc"].value_counts(sort=True)["doc"][0]
    count = legs_of(run).filter(pl.col("doc") == doc).height
    assert f"… and {count - 1} deliveries more: --all shows them" in told(run, doc, legs_most=1)
    assert "--all" not in told(run, doc)


def test_open_deliveries_are_told_as_open(run: Path) -> None:
    """A delivery without an end says so, and the oldest such document is listed."""
    row = legs_of(run).filter(pl.col("outcome") == "open").sort("created_s").row(0, named=True)
    assert "open at the end of the run" in told(run, row["doc"])
    assert "oldest open" in "\n".join(listed(Traced(run)))


def test_a_document_outside_the_measured_period_has_its_steps_told(run: Path) -> None:
    """The tables of documents and deliveries hold the cohort only, the steps hold everything."""
    traced = Traced(run)
    others = traced.table(runs.STEPS).filter(
        ~pl.col("doc").is_in(traced.table(runs.LEGS)["doc"].unique().implode()) & (pl.col("leg") >= 0)
    )
    text = told(run, others["doc"][0])
    assert "asked for outside the measured period" in text
    assert "sender part" in text
    assert f"delivery {others['leg'][0]}" in text


def test_slowest_median_and_fastest_are_listed(run: Path) -> None:
    """A list of documents goes from the slowest to the fastest, by their last recipient."""
    picks = dict(Traced(run, "signed").picks())
    assert picks["slowest"]["last_s"] >= picks["median"]["last_s"] >= picks["fastest"]["last_s"] > 0
    lines = list(listed(Traced(run, "signed")))
    assert lines[0] == "signed, replication 1"
    assert [line.split()[0] for line in lines[1:4]] == ["slowest", "median", "fastest"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.6, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (754, "12 min 34 s"),
        (3599.7, "1 h"),
        (100 * H + 90, "100 h 2 min"),
    ],
)
def test_durations_are_told_in_hours(seconds: float, shown: str) -> None:
    """Long durations stay in hours: a day would be read as a working day."""
    assert duration(seconds) == shown


# --- refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alternative", "replication", "code"),
    [("fax", None, "E-ALTERNATIVE"), (None, 3, "E-REPLICATION"), (None, 2, "E-NO-STEPS")],
)
def test_what_the_run_does_not_have_is_refused(
    run: Path, alternative: str | None, replication: int | None, code: str
) -> None:
    """An unknown alternative or replication, or one whose steps were not kept, is named with what there is."""
    with pytest.raises(InputError, match=code) as raised:
        Traced(run, alternative, replication)
    assert raised.value.hint


def test_an_unknown_document_is_refused(run: Path) -> None:
    """A number that no document has is refused, with where to find one."""
    with pytest.raises(InputError, match="E-DOCUMENT") as raised:
        Traced(run).life(10**6)
    assert "congvan trace RUN" in raised.value.hint


def test_a_run_without_tables_is_refused_with_its_command(run: Path, tmp_path: Path) -> None:
    """A committed reference has no tables: the hint is the command that makes them."""
    shutil.copytree(run, tmp_path / "kept", ignore=shutil.ignore_patterns("*.parquet"))
    with pytest.raises(InputError, match="E-NO-TABLES") as raised:
        Traced(tmp_path / "kept")
    assert "congvan run test" in raised.value.hint


def test_steps_that_were_removed_are_missed(run: Path, tmp_path: Path) -> None:
    """A run whose largest table was thrown away is told what to ask for."""
    shutil.copytree(run, tmp_path / "kept", ignore=shutil.ignore_patterns("steps.parquet"))
    with pytest.raises(InputError, match="E-NO-STEPS") as raised:
        Traced(tmp_path / "kept")
    assert "--keep-steps" in raised.value.hint


def test_another_kind_of_run_is_refused(tmp_path: Path) -> None:
    """A load test has no documents to be traced."""
    (tmp_path / runs.MANIFEST).write_text(json.dumps({"kind": "load test", "schema": 1}), encoding="utf-8")
    with pytest.raises(InputError, match="E-RUN"):
        Traced(tmp_path)
