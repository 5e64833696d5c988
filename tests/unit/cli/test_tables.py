"""The table on the terminal says what its ranges are."""

from __future__ import annotations

from typing import Any

import pytest

from sim.cli.tables import print_table, ranged, shown
from tests.unit.report import fixture_ranges, fixtures
from tests.unit.report.fixture_ranges import DRIVER, precision, spread


def printed(summary: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is printed, with single spaces and without lines of the table."""
    print_table(summary)
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_numbers_without_interval_or_range() -> None:
    """One replication has no interval, a metric without value neither estimate nor range."""
    assert shown({"estimate": 2.0, "half_width": None}, 1.0) == "2.00 ± ?"
    assert shown(fixtures.estimate(None), 1.0) == "–"
    assert ranged(None, 1.0) == ranged(spread(None, None), 1.0) == "–"


def test_fixed_inputs_name_the_other_range(capsys: pytest.CaptureFixture[str]) -> None:
    """Simulation noise only, and the option that gives the spread over the assumptions."""
    text = printed(fixtures.summary(), capsys)
    assert "(5 replications, ± 95 % intervals, simulation noise only)" in text
    assert "Paper" not in text
    assert "paper 6.18 ± 0.19" in text
    assert "signed against paper: -2.75 ± 0.16 working days (-44.42 ± 2.10 %)" in text
    assert "double-running against paper: no difference, double-running is not steady" in text
    assert "--assumptions sampled gives the other range" in text
    assert "draws" not in text


def test_both_ranges_and_the_sign(capsys: pytest.CaptureFixture[str]) -> None:
    """The mean's range stands below it; the difference has both, and how many draws keep its sign."""
    text = printed(fixture_ranges.summary(), capsys)
    assert "over draws: the middle 90 % of 20 draws in which 13 uncertain inputs vary" in text
    assert "4.94 to 7.42" in text
    assert "over draws -5.49 to -1.37 working days (-61.00 to -22.00 %)" in text
    assert "same sign in 20 of 20 draws, at least 86 % of the joint ranges double-running" in text
    assert "--assumptions sampled" not in text


def test_a_lost_sign_and_overloads_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the sign holds, and in how many draws an alternative is overloaded; few draws have no middle."""
    summary = fixture_ranges.summary(same=19)
    summary["comparisons"][4]["spread"]["holds_where"] |= {"side": "below"}
    summary["alternatives"]["paper"]["draws"]["overloaded"] = 2
    summary["alternatives"]["paper"]["turnaround_working_s"]["mean"]["spread"]["central"] = 1.0
    text = printed(summary, capsys)
    assert (
        f"same sign in 19 of 20 draws, at least 78 % of the joint ranges; in all 18 with {DRIVER} at 0.21 or more"
        in text
    )
    assert "at 0.21 or less" in text
    assert "paper: overloaded in 2 of 20 draws; means count finished deliveries only" in text
    assert "over draws: 20 draws in which" in text
    summary["comparisons"][0]["spread"]["sign"] = None
    assert printed(summary, capsys).count("same sign") == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "precision: 5 % asked, 3.9 % reached"),
        (
            {"met": False, "bound_hit": True},
            "5 % asked, 3.9 % reached (signed): NOT met, bound of 40 replications hit",
        ),
        ({"met": False, "reached": None}, "5 % asked, not known reached (signed): NOT met"),
    ],
)
def test_precision(changes: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was asked and reached ends the output; a bound that was hit is said."""
    summary = fixtures.summary()
    summary["design"]["precision"] = precision(**changes)
    assert printed(summary, capsys).endswith(told)


def test_overload_in_a_terminating_period_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """It is not called unstable, and not passed over either."""
    summary = fixtures.summary()
    summary["alternatives"]["signed"]["overload_notes"] = [{"en": "Office, clerk: 105 %.", "vi": "105 %."}]
    assert "signed: Office, clerk: 105 %." in printed(summary, capsys)
