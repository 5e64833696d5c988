"""`congvan explain` on the small scenario: remedies are simulated, told, reported, and reproduced."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim import runs
from sim.cli import main

pytestmark = pytest.mark.usefixtures("module_at_full_speed")


@pytest.fixture(scope="module")
def explained(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that explains the small run."""
    out = tmp_path_factory.mktemp("explained") / "run"
    assert main(["explain", str(run), "--top", "1", "--jobs", "1", "--out", str(out)]) == 0
    return out


def test_remedies_are_paired_with_the_unchanged_alternative(run: Path, explained: Path) -> None:
    """The same deliveries, and the unchanged case has the numbers that the run had."""
    before = runs.read_json(run, runs.SUMMARY)
    after = runs.read_json(explained, runs.SUMMARY)
    base = before["design"]["base"]
    assert after["design"]["base"] == "unchanged"
    assert after["alternatives"]["unchanged"]["turnaround_s"] == before["alternatives"][base]["turnaround_s"]
    tried = [one["alternative"] for one in after["explain"]["remedies"]]
    assert {name.split("-")[0] for name in tried} == {"person", "hour", "hop"}
    assert set(after["alternatives"]) == {"unchanged", *tried}
    shared = {(one["only_baseline"], one["only_alternative"]) for one in after["comparisons"]}
    assert shared == {(0, 0)}


def test_the_desk_is_the_one_that_holds_up_most(run: Path, explained: Path) -> None:
    """What was tried is at the first level and role of the run's own list."""
    before = runs.read_json(run, runs.SUMMARY)
    after = runs.read_json(explained, runs.SUMMARY)
    first = before["alternatives"][before["design"]["base"]]["held_up"]["by_role"][0]
    desks = after["explain"]["desks"]
    assert [(one["level"], one["role"]) for one in desks] == [(first["level"], first["role"])]


def test_what_was_tried_is_reproduced(explained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run of remedies is confirmed like any other."""
    assert main(["reproduce", str(explained), "--jobs", "1"]) == 0
    assert "reproduced" in capsys.readouterr().out


def test_the_report_has_the_answer_in_vietnamese(explained: Path) -> None:
    """The section stands in the report, in the language asked for."""
    assert main(["report", str(explained), "--language", "vi"]) == 0
    page = (explained / runs.REPORT).read_text(encoding="utf-8")
    assert "Điều gì sẽ giúp được" in page
    assert "Giữ nguyên: " in page


def test_wrong_words_are_refused(run: Path, tmp_path: Path) -> None:
    """A folder that is no run, an alternative it does not have, draws without being asked for: code 2."""
    assert main(["explain", str(tmp_path / "nowhere")]) == 2
    assert main(["explain", str(tmp_path)]) == 2
    assert main(["explain", str(run), "--alternative", "fax"]) == 2
    assert main(["explain", str(run), "--draws", "3"]) == 2
    assert main(["explain", str(run), "--language", "fr"]) == 2
