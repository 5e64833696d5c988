"""The table of answers, and when it is stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.answers import Questions, answer, asked, checked, load_answers, rendered, replaced, stale
from sim.errors import InputError

from .builders import QUESTIONS, questions, summary

PAGE = "# Before\n<!-- answers:begin -->\nold\n<!-- answers:end -->\nafter\n"


def answers(found: Questions) -> dict[str, Any]:
    """Return stored answers of all runs that hold."""
    runs = {}
    for name, run in found.runs.items():
        one = asked(found, name)
        runs[name] = {
            "scenario": "nation", "digest": one.file.digest, "command": one.command, "varied": 7, "wall_s": 90,
            "replications": run.replications, "draws": run.draws, "measured_working_days": 5, "day_s": 28800.0,
            "assumed_share": 0.9, "simulations": 15, "jobs": 2,
            "answers": {each.id: answer(each, summary()) for each in one.questions},
        }  # fmt: skip
    return {"schema": 1, "runs": runs}


def test_the_table_carries_both_ranges_the_command_and_the_assumption(tmp_path: Path) -> None:
    """Every number with its noise and its range, thresholds in words, overload and lost signs told."""
    found = questions(tmp_path)
    table = rendered(found, answers(found))
    assert (
        "`scanned`: \u22120.50 ± 0.00 wd (\u221233 %), from \u22120.75 to +0.12; the sign holds in 2 of 3 draws"
        in table
    )
    assert (
        "**at least 90.0 %: `signed`** (noise allowed for: `signed`; over the draws: `scanned` at best"
        in table
    )
    assert (
        "`paper` (**cannot keep up**): 20.0 ± 2.0 %, from 10.0 to 30.0; somebody overloaded in 1 draws"
        in table
    )
    assert "`signed`: 2.00 ± 0.10 bn VND, from \u22121.00 to 3.00" in table
    assert "`flows.letters.volume`: How many letters there are." in table
    assert f"`{asked(found, 'nation').command}`" in table
    assert "30 simulations, 3 minutes" in table


@pytest.mark.usefixtures("full_speed")
def test_answers_hold_until_something_changes(tmp_path: Path) -> None:
    """The scenario, the settings, the questions, a run too much, a run too few, the page: each is named."""
    found = questions(tmp_path)
    stored = answers(found)
    page = replaced(PAGE, rendered(found, stored))
    assert checked(found, stored, page) == []
    assert checked(found, stored, PAGE) == ["the table of answers is not the one that answers.json gives"]
    stored["runs"]["nation"]["digest"] = "another"
    assert stale(found, stored) == ["nation: the scenario nation has changed since"]
    stored["runs"].pop("nation")
    assert stale(found, stored) == ["nation: was never run"]
    stored["runs"]["gone"] = stored["runs"]["nation-year"]
    assert "gone: is no run of the questions" in stale(found, stored)
    fewer = questions(tmp_path, QUESTIONS.replace("draws: 3", "draws: 4"))
    assert stale(fewer, answers(found)) == ["nation: its questions or its settings have changed since"]


def test_what_was_not_run_is_said_to_be_missing(tmp_path: Path) -> None:
    """A run that was never made leaves a line, not a gap."""
    found = questions(tmp_path)
    assert "Not answered yet; `congvan answers nation-year` does it." in rendered(
        found, {"schema": 1, "runs": {}}
    )


@pytest.mark.parametrize(
    "page", ["", PAGE * 2, PAGE.replace("begin", "x").replace("end", "begin").replace("x", "end")]
)
def test_a_page_without_place_for_the_table_is_refused(page: str) -> None:
    """Both markers, once, in order."""
    with pytest.raises(InputError, match="E-MARKERS"):
        replaced(page, "table")


def test_a_store_that_is_none_is_refused(tmp_path: Path) -> None:
    """A missing store is empty; a damaged one is told."""
    assert load_answers(tmp_path / "answers.json")["runs"] == {}
    (tmp_path / "answers.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="E-ANSWERS"):
        load_answers(tmp_path / "answers.json")
