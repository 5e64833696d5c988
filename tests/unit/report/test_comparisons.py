"""The table of differences says which percentile it means, what pairing achieved, and what differs."""

from __future__ import annotations

from typing import Any

import pytest

from sim.report import render
from tests.unit.report import fixtures
from tests.unit.report.pages import Page

TABLE = "Differences from the base"
MEAN = "Turnaround, calendar time, mean"


def page(summary: dict[str, Any]) -> Page:
    """Return the English page of a summary."""
    return Page(render(summary, {}))


def judged() -> dict[str, Any]:
    """Return a summary whose comparisons have what pairing achieved and a verdict."""
    summary = fixtures.summary()
    for each in summary["comparisons"]:
        found = {"correlation": 0.934, "variance_saved": 0.871, "p_value": 0.01, "p_holm": 0.02}
        each |= {**found, "differs": True}
    return summary


def row(summary: dict[str, Any], name: str = MEAN) -> list[str]:
    """Return the cells of the first row of a metric."""
    found: list[str] = page(summary).rows(TABLE)[name]
    return found


def test_verdict_correlation_and_variance_saved_stand_beside_the_difference() -> None:
    """Yes at 5 % after Holm, with its p value; correlation and share of variance."""
    assert row(judged())[5:7] == ["yes (p 0.020)", "0.93 / 87 %"]


def test_what_is_not_told_apart() -> None:
    """A large p value is no proof of sameness; a tiny one is told as smaller than a thousandth."""
    summary = judged()
    for each in summary["comparisons"]:
        each |= {"p_holm": 0.4, "differs": False, "variance_saved": None}
    assert row(summary)[5:7] == ["not shown (p 0.400)", "0.93 / –"]
    for each in summary["comparisons"]:
        each |= {"p_holm": 0.0, "differs": True}
    assert row(summary)[5] == "yes (p <0.001)"


def test_an_older_summary_has_dashes() -> None:
    """What a summary does not say is not made up."""
    assert row(fixtures.summary())[5:7] == ["–", "–"]


def test_no_verdict_on_what_is_not_steady() -> None:
    """An alternative that cannot keep up neither differs nor does not."""
    summary = judged()
    summary["comparisons"] = [each for each in summary["comparisons"] if each["alternative"] != "signed"]
    assert row(summary)[3:6] == ["not steady"] * 3


def test_the_two_kinds_of_percentile_are_named() -> None:
    """A percentile of each delivery's difference has no value of base or alternative, and its own name."""
    summary = judged()
    nothing = fixtures.estimate(None)
    summary["comparisons"].append(
        summary["comparisons"][0]
        | {"metric": "difference_of_each.p90", "difference": fixtures.estimate(-43200.0, 3600.0)}
        | {"baseline_value": nothing, "alternative_value": nothing, "percent": nothing}
        | {"correlation": None, "variance_saved": None}
    )
    found = page(summary)
    rows = found.rows(TABLE)
    name = "Percentile of each delivery’s difference, 90 % below, calendar time"
    assert rows[name][:6] == ["h", "–", "–", "−12.0 ± 1.0", "–", "yes (p 0.020)"]
    assert rows[name][6] == "–"
    assert "Difference of percentiles, 90 % of the turnaround, calendar time" in rows
    assert "They need not agree." in found.text
    assert found.faults == []


@pytest.mark.parametrize(
    ("still_open", "horizon_s", "shown"), [(37, 2419200.0, True), (0, 2419200.0, False), (37, None, False)]
)
def test_restricted_mean_where_something_is_open(
    still_open: int, horizon_s: float | None, shown: bool
) -> None:
    """The table is there when a delivery is open in any alternative and the run has a horizon."""
    summary = fixtures.summary()
    for each in summary["alternatives"].values():
        each["restricted_mean_s"] = fixtures.estimate(777600.0, 8640.0) | {"horizon_s": horizon_s}
        each["counts"]["open"] = 0
    summary["alternatives"]["paper"]["counts"]["open"] = still_open
    summary["comparisons"].append(summary["comparisons"][1] | {"metric": "restricted_mean_s"})
    found = page(summary)
    caption = "Restricted mean turnaround of a delivery: up to 28 calendar days, calendar time"
    assert (caption in found.tables) is shown
    assert ("Restricted mean turnaround, calendar time" in found.rows(TABLE)) is bool(still_open)
    if shown:
        assert found.rows(caption)["Paper"] == ["9.00 ± 0.10", "37"]
        assert "still open count as 28 calendar days" in found.text


def test_both_languages() -> None:
    """The Vietnamese page has the same table."""
    found = Page(render(judged(), {}, language="vi"))
    rows = found.rows("Chênh lệch so với gốc so sánh")
    assert rows["Chênh lệch giữa hai phân vị, mức 90 % của thời gian xử lý, theo lịch"][5] == "có (p 0,020)"
