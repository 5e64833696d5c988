"""The file of questions: what it may say, and how it is told what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import ScenarioError

from .builders import QUESTIONS, questions


def test_a_question_goes_to_the_run_of_its_scenario_and_period(tmp_path: Path) -> None:
    """Money needs a whole year, and a run of its own."""
    found = questions(tmp_path)
    assert [one.id for one in found.of("nation")] == ["sooner", "enough"]
    assert [one.id for one in found.of("nation-year")] == ["money"]


def test_a_target_tells_its_side(tmp_path: Path) -> None:
    """At least or at most; what is not known reaches nothing."""
    target = questions(tmp_path).questions[1].target
    assert target is not None
    assert [target.holds(value) for value in (0.95, 0.9, 0.89, None)] == [True, True, False, False]
    other = questions(tmp_path, QUESTIONS.replace("at_least: 0.9", "at_most: 10")).questions[1].target
    assert other is not None
    assert [other.holds(value) for value in (10.0, 11.0)] == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("target: {at_least: 0.9}", "target: {at_least: 0.9, at_most: 1}", "E-TARGET"),
        ("    target: {at_least: 0.9}\n", "", "E-TARGET"),
        ("id: enough", "id: sooner", "E-QUESTION"),
        (
            'scenario: nation\n    source: "a plan"\n    period',
            "scenario: elsewhere\n    source: b\n    period",
            "E-QUESTION",
        ),
        ("as: threshold", "as: guess", "E-"),
        ("baseline: paper", "base_line: paper", "E-UNKNOWN-KEY"),
    ],
)
def test_a_fault_is_told_with_its_code(tmp_path: Path, old: str, new: str, code: str) -> None:
    """Nothing is defaulted because it was mistyped."""
    assert old in QUESTIONS
    with pytest.raises(ScenarioError) as caught:
        questions(tmp_path, QUESTIONS.replace(old, new, 1))
    assert any(one.code.startswith(code) for one in caught.value.diagnostics), caught.value.diagnostics
