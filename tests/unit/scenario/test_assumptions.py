"""Every number that a scenario states, by how well it is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import Stated, assumed_share, numbers, shares

from .build import changed, loaded

GRADED = "{value: 0.2, grade: assumed, range: [0.1, 0.4]}"


def stated(folder: Path, *pairs: tuple[str, str]) -> dict[str, Stated]:
    """List the numbers of the valid scenario, changed, by path."""
    found = numbers(loaded(folder, changed(*pairs)))
    assert len({one.path for one in found}) == len(found)
    return {one.path: one for one in found}


def test_a_graded_number_is_listed_with_its_range_and_source(tmp_path: Path) -> None:
    """By the path that an overlay would use."""
    measured = "{gamma: {mean: 3 min, cv: 1}, grade: measured, source: a log}"
    found = stated(tmp_path, ("away: 0.2", f"away: {GRADED}"), ("takes: 3 min", f"takes: {measured}"))
    assert found["absence.leader.away"] == Stated("absence.leader.away", "0.2", "assumed", "0.1 to 0.4", "")
    path = "procedures.paper.leg.register.takes"
    assert found[path] == Stated(path, "gamma, mean 3 min, cv 1", "measured", "", "a log")


def test_a_number_without_grade_is_unstated(tmp_path: Path) -> None:
    """Silence is no knowledge."""
    assert stated(tmp_path)["flows.letter.volume"].grade == "unstated"


def test_a_graded_number_inside_a_distribution_is_listed_beside_it(tmp_path: Path) -> None:
    """With the field's path."""
    mean = "{gamma: {mean: {value: 3 min, grade: published, source: a report}, cv: 1}}"
    found = stated(tmp_path, ("takes: 3 min", f"takes: {mean}"))
    assert found["procedures.paper.leg.register.takes"].grade == "unstated"
    assert found["procedures.paper.leg.register.takes.gamma.mean"].grade == "published"


def test_what_the_planner_chooses_is_a_decision(tmp_path: Path) -> None:
    """The period, shares adopted, and what is none or all of something."""
    found = stated(tmp_path)
    assert {
        found[path].grade for path in ("period.measure", "channels.electronic.share", "flows.answer.volume")
    } == {"decision"}


def test_numbers_that_only_another_alternative_uses_are_listed(tmp_path: Path) -> None:
    """The result rests on them too."""
    assert "procedures.signed.leg.accept.takes" in stated(tmp_path)


def test_numbers_that_no_alternative_uses_are_not(tmp_path: Path) -> None:
    """Nothing rests on them."""
    found = stated(
        tmp_path, ("signed: {channels.electronic.share: 1}", "more: {flows.letter.volume: 5 / working day}")
    )
    assert not [path for path in found if "signed" in path or "exchange" in path]
    assert "fragments.drafting.draft.takes" in found
    assert "transports.post.transit" in found
    assert "profiles.busy.hours.08:00" in found


def test_what_an_alternative_changes_is_a_decision_of_that_alternative(tmp_path: Path) -> None:
    """A graded number keeps its grade; the base case's own is listed as before."""
    volume = "{value: 6 / working day, grade: assumed, range: [5 / working day, 7 / working day]}"
    found = stated(
        tmp_path,
        (
            "{channels.electronic.share: 1}",
            f"{{channels.electronic.share: 1, flows.letter.volume: {volume}}}",
        ),
    )
    assert found["alternatives.signed.channels.electronic.share"].grade == "decision"
    assert found["alternatives.signed.flows.letter.volume"].grade == "assumed"
    assert found["flows.letter.volume"].text == "4 / working day"
    whole = stated(
        tmp_path,
        ("{channels.electronic.share: 1}", "{staff.district: {clerk: 1, leader: 1}, network: party}"),
    )
    assert whole["alternatives.signed.staff.district"].text == "clerk: 1, leader: 1"


def test_what_the_command_line_changes_is_its_decision(tmp_path: Path) -> None:
    """Once, not for every alternative."""
    found = numbers(loaded(tmp_path, sets={"flows.letter.volume": "9 / working day"}))
    sets = [one for one in found if "flows.letter.volume" in one.path]
    assert sets == [Stated("--set flows.letter.volume", "9 / working day", "decision")]


def test_published_figures_and_plain_counts_are_no_inputs_to_be_graded(tmp_path: Path) -> None:
    """Results are compared with the former; the latter estimate nothing."""
    figure = "published: {f: {title: F, value: 2 h, use: comparison}}\nalternatives:\n"
    found = stated(tmp_path, ("alternatives:\n", figure))
    assert not [path for path in found if path.startswith(("published", "equipment"))]
    assert "staff.district.clerk.count" not in found


def test_shares_name_every_grade() -> None:
    """In a fixed order."""
    assert list(shares([])) == ["published", "measured", "law", "assumed", "unstated", "decision"]


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        ([], 0.0),
        (["decision"], 0.0),
        (["law", "assumed", "unstated", "published"], 0.5),
        (["assumed", "decision"], 1.0),
    ],
)
def test_unstated_counts_as_assumed_and_decisions_do_not_count(grades: list[str], expected: float) -> None:
    """So that leaving a grade out never makes a scenario look better."""
    assert assumed_share([Stated(str(i), "1", one) for i, one in enumerate(grades)]) == expected  # type: ignore[arg-type]
