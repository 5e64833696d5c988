"""The table of differences says which percentile it means, what pairing achieved, and what differs."""

from __future__ import annotations

from typing import Any

import pytest

from sim.report import render
from tests.unit.report import fixture_ranges, fixtures
from tests.unit.report.fixture_ranges import DRIVER
from tests.unit.report.pages import Page, only

TABLE = "Differences from the base"
MEAN = "Turnaround, calendar time, mean"


@pytest.fixture(autouse=True)
def one_section(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of these tests have the one section that they are about."""
    only(monkeypatch, "turnaround")


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


def whole_cohort(metric: str, summary: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a comparison of whole cohorts, which rests on no shared deliveries."""
    none = dict.fromkeys(("shared", "only_baseline", "only_alternative", "paired"))
    made: dict[str, Any] = summary["comparisons"][0] | none | {"metric": metric} | changes
    return made


def test_shared_deliveries_stand_with_the_pair() -> None:
    """Counts of what is compared, and of what only one side has, once per pair."""
    assert (
        "Signed documents − Paper · 12,410 shared deliveries; 0 only in the base, 70 only in the alternative"
        in page(fixtures.summary()).text
    )
    summary = fixtures.summary()
    summary["comparisons"] = [whole_cohort("within_working_days.1", summary)]
    assert page(summary).tables[f"{TABLE}, paired by replication"][1] == ["Signed documents − Paper"]


@pytest.mark.parametrize(
    ("metric", "name", "unit"),
    [
        (
            "by_flow.directive.last_registered_s.p90",
            "Directives from the province: Asked → registered by the last",
            "",
        ),
        (
            "by_flow_level.notice.commune.registered_s.mean",
            "Notices for information → Commune: Asked → reg",
            "",
        ),
        ("by_flow.directive.inside_deadline", "Directives from the province: Share inside the deadline", "%"),
        ("within_working_days.1", "Share of deliveries finished within 1 working day", "%"),
        ("by_flow.notice.all_registered_within.2", "Notices for information: Share of documents that", "%"),
        ("segments_s.signed_sent.mean", "Signed → sent, calendar time, mean", ""),
        ("ledgers.envelopes_per_working_day", "Envelopes per working day", "–"),
        ("by_flow.no-such.odd-one", "no-such: odd-one", "–"),
        ("odd-one.deeper", "odd-one.deeper", "–"),
    ],
)
def test_whole_cohorts_are_named_and_have_their_unit(metric: str, name: str, unit: str) -> None:
    """A dotted path is named part by part; shares are in percent, an unknown path is shown as written."""
    summary = fixtures.summary()
    share = {
        key: fixtures.estimate(0.5, 0.01) for key in ("difference", "baseline_value", "alternative_value")
    }
    summary["comparisons"].append(whole_cohort(metric, summary, **(share if unit else {})))
    found = page(summary)
    head, cells = next(one for one in found.rows(TABLE).items() if one[0].startswith(name))
    assert "whole cohorts, compared replication by replication" in head
    assert (cells[0] == unit) if unit else (cells[0] in {"calendar days", "h"})
    if unit == "%":
        assert cells[3] == "+50.0 ± 1.0"
    assert ("percentage points" in found.text) is (unit == "%")
    assert found.faults == []


def test_both_ranges_of_every_difference() -> None:
    """Difference and percent have a second line, and a table says which range rules and where the sign holds."""
    summary = fixture_ranges.summary(same=19)
    summary["comparisons"][1]["spread"] |= {"rules": "noise", "sign": None}
    found = page(summary)
    assert found.rows(TABLE)[MEAN][3:5] == ["−3.8 ± 0.2 −7.7 to +1.0", "−44 % ± 2 % −61 % to −22 %"]
    rows = found.rows("Which of the two ranges")
    where = f"It holds in all 18 draws with {DRIVER} at 0.21 or more."
    assert rows["Turnaround, working time, mean"] == ["assumptions", "19 / 20", "78 %", where]
    assert rows[MEAN] == ["simulation noise", "–", "–", "–"]
    assert page(fixture_ranges.summary()).rows("Which of the two")[MEAN][3] == "in every draw"


def test_no_second_range_without_estimate_or_steady_state() -> None:
    """A difference without estimate has dashes; what cannot keep up has no row; fixed inputs have no table."""
    summary = fixture_ranges.summary()
    summary["comparisons"][1]["difference"] = fixtures.estimate(None)
    assert page(summary).rows("Which of the two")[MEAN] == ["–"] * 4
    summary["alternatives"]["signed"]["stable"] = False
    found = page(summary)
    assert "Signed documents − Paper" not in found.rows("Which of the two")
    assert not any(caption.startswith("Which") for caption in page(fixtures.summary()).tables)


def test_drivers_stand_with_value_and_range() -> None:
    """An input that drives the headline has what the scenario states of it; whole cohorts have their own."""
    summary = fixture_ranges.summary()
    none = summary["comparisons"][0]["spread"] | {"drivers": []}
    summary["comparisons"].append(whole_cohort("within_working_days.1", summary, spread=none))
    found = page(summary)
    rows = found.tables["Which inputs drive the differences"]
    assert [DRIVER, "0.3", "0.15 – 0.45", "−0.91", "<0.001"] in rows
    assert ["Signed documents − Paper: Turnaround, working time, mean"] in rows
    assert [
        "none of 13 inputs stands out with 20 draws; more draws are needed to tell one apart",
        *"––––",
    ] in rows
