"""What a run's summary says to a question."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sim.answers import answer, asked
from sim.errors import InputError

from .builders import QUESTIONS, questions, summary


def test_a_difference_is_the_pair_that_was_asked_for(tmp_path: Path) -> None:
    """Every alternative against the question's baseline, with both ranges."""
    found = answer(questions(tmp_path).questions[0], summary())
    assert [row["alternative"] for row in found["rows"]] == ["scanned", "signed"]
    assert all(row["difference"]["difference"]["estimate"] == -4 * 3600.0 for row in found["rows"])


def test_a_threshold_is_told_four_ways(tmp_path: Path) -> None:
    """By estimate, with noise allowed for, at the best and at the worst end of the draws."""
    found = answer(questions(tmp_path).questions[1], summary())
    assert [row["alternative"] for row in found["rows"]] == ["paper", "scanned", "signed"]
    assert found["threshold"] == {"by": "signed", "by_noise": "signed", "best": "scanned", "worst": "signed"}


def test_a_threshold_downwards_turns_the_ends_round(tmp_path: Path) -> None:
    """At most: the favourable end of the draws is the low one; what none reaches is told as none."""
    asking = questions(tmp_path, QUESTIONS.replace("at_least: 0.9", "at_most: 0.21")).questions[1]
    found = answer(asking, summary())["threshold"]
    assert found == {"by": "paper", "by_noise": None, "best": "paper", "worst": None}


def test_money_is_of_the_pair(tmp_path: Path) -> None:
    """What an alternative saves against the question's baseline, not against the run's base."""
    found = answer(questions(tmp_path).questions[2], summary())
    assert found["rows"][0]["value"]["estimate"] == 2e9
    other = questions(tmp_path, QUESTIONS.replace("baseline: scanned", "baseline: paper")).questions[2]
    with pytest.raises(InputError, match="E-METRIC"):
        answer(other, summary())


def test_a_metric_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With the question's name."""
    asking = questions(
        tmp_path, QUESTIONS.replace("all_registered_within.1", "all_registered_within")
    ).questions[1]
    with pytest.raises(InputError, match="enough"):
        answer(asking, summary())


def test_the_command_asks_for_all_that_the_questions_need(tmp_path: Path) -> None:
    """Alternatives in the scenario's order, settings, further metrics and pairs; and it can be typed as it is."""
    text = QUESTIONS.replace("baseline: paper\n    alternatives: [scanned, signed]\n    metric: turn",
                             "baseline: scanned\n    alternatives: [signed]\n    metric: turn")  # fmt: skip
    one = asked(questions(tmp_path, text), "nation")
    words = shlex.split(one.command)
    assert words[:3] == ["congvan", "run", "nation"]
    assert words[words.index("--alternatives") + 1].split(",") == ["paper", "signed", "scanned"]
    assert words[words.index("--versus") + 1] == "scanned:signed"
    assert words[words.index("--set") + 1] == "period.measure=1 week"
    assert "by_flow.letters.all_registered_within.1" in words[words.index("--metrics") + 1]


def test_an_alternative_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Before anything is simulated."""
    one = asked(questions(tmp_path, QUESTIONS.replace("[scanned, signed]", "[scanned, sined]")), "nation")
    with pytest.raises(InputError, match="sined"):
        _ = one.alternatives
