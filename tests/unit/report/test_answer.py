"""The first screen never says more than the run can bear."""

from __future__ import annotations

from typing import Any

import pytest

from sim.report import render
from sim.report.context import context
from sim.report.sections.answer import answer
from sim.report.sections.sources import assumptions, ledgers, published
from sim.report.sections.work import deadlines, desks
from tests.unit.report import fixtures
from tests.unit.report.pages import Page


def shown(summary: dict[str, Any]) -> dict[str, Any]:
    """Return the view of the first screen."""
    return answer(context(summary, {}, "en"))


def sentence(summary: dict[str, Any]) -> str:
    """Return the answer with plain spaces."""
    text: str = shown(summary)["sentence"]
    return text.replace("\u00a0", " ")


def headline(summary: dict[str, Any]) -> dict[str, Any]:
    """Return the comparison that the answer tells."""
    found: dict[str, Any] = summary["comparisons"][0]
    return found


def test_the_answer_is_one_sentence_with_interval_and_caveat(english: Page) -> None:
    """Difference, interval, both values, percent, and what the interval is not."""
    summary = fixtures.summary()
    found = headline(summary)
    days = {key: found[key]["estimate"] / fixtures.DAY_S for key in ("baseline_value", "alternative_value")}
    expected = f"({days['baseline_value']:.2f} → {days['alternative_value']:.2f} working days; −44 % ± 2 %)"
    text = sentence(summary)
    assert text.startswith("With “Signed documents”, deliveries finish 2.75 ± 0.16 working days sooner than")
    assert expected in text
    assert text.endswith("95 % interval, simulation noise only; the assumptions’ spread is not in it.")
    assert text in english.text


def test_later_and_no_difference_are_said_as_such() -> None:
    """A positive difference is later; an interval that holds nought is no difference."""
    summary = fixtures.summary()
    headline(summary)["difference"]["estimate"] *= -1
    assert "working days later than" in sentence(summary)
    headline(summary)["difference"]["half_width"] = 1e6
    assert "cannot be told apart" in sentence(summary)
    assert "simulation noise only" in sentence(summary)


def test_a_missing_percent_or_value_is_left_out() -> None:
    """Without a percent, or without a value of the base, the rest still stands."""
    summary = fixtures.summary()
    headline(summary)["percent"] = fixtures.estimate(None)
    headline(summary)["baseline_value"] = fixtures.estimate(None)
    assert "(– → 3.44 working days): 95 % interval" in sentence(summary)


def test_an_unstable_alternative_has_a_banner_and_no_steady_turnaround(english: Page) -> None:
    """The banner names it and says why; its glance row has no turnaround and no difference."""
    assert "“Signed, and paper copy still sent” is unstable" in english.text
    assert "is asked for 106 % of the time on duty" in english.text
    row = english.rows("At a glance")["Signed, and paper copy still sent not steady"]
    assert row[:3] == ["not steady", "–", "–"]
    assert 'class="banner"' in english.source
    assert 'class="banner"' not in render(fixtures.summary(unstable=False), {})


def test_a_banner_shows_few_reasons_and_says_where_the_others_are() -> None:
    """Eleven reasons would push the answer off the first screen."""
    summary = fixtures.summary()
    reasons = [{"en": f"Reason {number}.", "vi": ""} for number in range(11)]
    summary["alternatives"]["double-running"]["unstable_reasons"] = reasons
    banner = shown(summary)["banners"][0]
    assert banner["reasons"][2:] == ["Reason 2.", "8 more reasons: see “Open work over time”."]
    assert "Reason 10." in Page(render(summary, {})).text


def test_a_stage_that_is_only_rounding_is_left_out() -> None:
    """What sums leave in the last digits is no stage; a stage out of the usual order keeps its place."""
    summary = fixtures.summary()
    for each in summary["alternatives"].values():
        stages = {"other": {**each["stages"]["signing"]}, **each["stages"]}
        each["stages"] = {"residue": {"total_s": fixtures.estimate(1e-9, 1e-9)}, **stages}
    page = Page(render(summary, {}))
    heads = [
        row[0] for row in page.tables["Stage by stage: mean calendar time per completed delivery, Paper"]
    ]
    assert heads[-2:] == ["other", "All stages"]
    assert "residue" not in page.text


def test_no_claim_when_only_unstable_alternatives_are_left() -> None:
    """With nothing steady to compare, the sentence says so and gives no number."""
    summary = fixtures.summary()
    del summary["alternatives"]["signed"]
    assert sentence(summary).startswith("No steady turnaround can be stated")
    summary["alternatives"]["paper"]["stable"] = False
    assert "“Paper” cannot keep up" in sentence(summary)
    assert not any(character.isdigit() for character in sentence(summary))


def test_an_unstable_base_is_no_base() -> None:
    """Nothing is compared with what cannot keep up; a steady alternative is told alone."""
    summary = fixtures.summary()
    summary["alternatives"]["paper"]["stable"] = False
    text = sentence(summary)
    assert "“Paper” cannot keep up" in text
    assert "a delivery finishes after 3.44 ± 0.10 working days on average" in text
    assert "sooner" not in text


def test_a_single_alternative_is_told_alone() -> None:
    """One alternative has a mean; unstable or unfinished, it has none."""
    summary = fixtures.summary()
    paper = summary["alternatives"]["paper"]
    summary |= {"alternatives": {"paper": paper}, "comparisons": []}
    assert "a delivery finishes after 6.18 ± 0.19 working days" in sentence(summary)
    assert Page(render(summary, {})).faults == []
    paper["turnaround_working_s"]["mean"] = fixtures.estimate(None)
    assert sentence(summary).startswith("No delivery was finished")
    paper["stable"] = False
    assert sentence(summary).startswith("No steady turnaround")


def test_without_comparison_the_alternative_is_told_alone() -> None:
    """A summary without comparisons still answers with the first steady alternative."""
    summary = fixtures.summary() | {"comparisons": []}
    assert "With “Signed documents”, a delivery finishes after" in sentence(summary)


def test_open_work_is_told_with_count_share_and_age(english: Page) -> None:
    """Every alternative with open deliveries has its line; one without has none."""
    assert (
        "Paper: 37 of 12,480 deliveries (0.3 %) were still open; mean age 3.3 calendar days" in english.text
    )
    assert "2,150 of 12,480 deliveries (17.2 %)" in english.text
    lines = shown(fixtures.summary())["open"]
    assert len(lines) == 2
    summary = fixtures.summary()
    summary["alternatives"]["paper"]["counts"] |= {"open": 1}
    assert "(<0.1\u00a0%)" in shown(summary)["open"][0]
    summary["alternatives"]["paper"]["counts"] |= {"open": 0, "created": 0}
    assert shown(summary)["glance"]["bodies"][0]["rows"][0]["cells"][-1] == "–"


def test_warnings_are_shown(english: Page) -> None:
    """Code, message and hint."""
    assert "W-LAW-DATE procedure signed describes a law" in english.text
    assert "read it as: what if" in english.text


def test_a_quantile_among_open_work_is_not_reached() -> None:
    """A null quantile is said to lie among open deliveries, with a note; no number is made up."""
    summary = fixtures.summary()
    summary["alternatives"]["double-running"]["turnaround_s"]["p95"] = fixtures.estimate(None)
    page = Page(render(summary, {}))
    row = page.rows("Turnaround of a delivery, calendar time")["Signed, and paper copy still sent not steady"]
    assert row[3] == "not reached"
    assert "this quantile lies among them" in page.text


def test_a_ledger_that_does_not_balance_says_so() -> None:
    """Lost deliveries are named, not hidden."""
    summary = fixtures.summary()
    summary["alternatives"]["paper"]["counts"]["completed"] -= 1
    rows = ledgers(context(summary, {}, "en"))["tables"][1]["bodies"][0]["rows"]
    assert [row["cells"][-1] for row in rows] == ["DOES NOT BALANCE", "exact", "exact"]


@pytest.mark.parametrize(
    ("unit", "metric", "simulated", "expected"),
    [
        ("working days", "turnaround_working_s.mean", 57600.0, "2.0 ± 0.2 working days"),
        ("s", "turnaround_working_s.mean", 57600.0, "2.0 ± 0.2 working days"),
        ("s", "turnaround_s.mean", 57600.0, "16.0 ± 1.6 h"),
        ("share", "inside_deadline", 0.9, "90 % ± 9 %"),
        ("", "growth_per_week", 4.0, "4.0 ± 0.4"),
        ("h", "turnaround_s.mean", 57600.0, "16.0 ± 1.6 h"),
        ("%", "inside_deadline", 0.9, "90 % ± 9 %"),
        ("moons", "turnaround_s.mean", 57600.0, "16.0 ± 1.6 h"),
    ],
)
def test_simulated_figures_take_the_published_unit(
    unit: str, metric: str, simulated: float, expected: str
) -> None:
    """Seconds of the summary are shown in the unit of the figure beside them, shares in percent."""
    summary = fixtures.summary()
    figure = summary["published"][0]
    figure |= {"unit": unit, "metric": metric, "simulated": fixtures.estimate(simulated, simulated * 0.1)}
    rows = published(context(summary, {}, "en"))["tables"][0]["bodies"][0]["rows"]
    assert expected == rows[0]["cells"][1].replace("\u00a0", " ")


def test_missing_parts_leave_empty_sections() -> None:
    """A summary without published figures, assumptions, laws or curves still makes a page."""
    summary = fixtures.summary() | {
        "published": [],
        "assumptions": [],
        "laws": [],
        "warnings": [],
        "grades": {},
    }
    for each in summary["alternatives"].values():
        each |= {"distribution": {}, "open_over_time": {}, "stages": {}, "by_flow": {}, "by_flow_urgency": {}}
        each |= {"segments_s": {}, "where_time_goes": {}, "bottleneck": None, "utilisation": {}}
    page = Page(render(summary, {}))
    assert page.faults == []
    assert "sets no published figure" in page.text
    assert "lists no assumptions" in page.text
    assert "has no bottleneck" in page.text
    assert page.source.count('class="chart"') == 0


def test_figures_pass_over_missing_numbers() -> None:
    """Single numbers that are missing leave a gap, not a fault."""
    summary = fixtures.summary()
    paper = summary["alternatives"]["paper"]
    paper["distribution"]["share_finished"][3] = fixtures.estimate(None)
    paper["open_over_time"]["mean"][3] = None
    paper["open_over_time"]["low"][4] = paper["open_over_time"]["high"][4] = None
    paper["by_flow"]["notice"]["turnaround_working_s"]["mean"] = fixtures.estimate(None)
    paper["by_flow"]["directive"]["deadline_s"] = 0.5 * fixtures.DAY_S
    for desk in paper["utilisation"]["busiest"]:
        desk["offered_load"] = fixtures.estimate(None)
    del summary["alternatives"]["signed"]["by_urgency"]["express"]
    found = context(summary, {}, "en")
    assert deadlines(found)["tables"][1]["bodies"][0]["rows"][0]["cells"][0] == "4 working h"
    assert len(desks(found)["figures"]) - sum(not any(f["svgs"]) for f in desks(found)["figures"]) == 2
    assert Page(render(summary, {})).faults == []


def test_what_only_one_alternative_has_is_shown_for_it() -> None:
    """A flow, an urgency, a stage or a ledger that another alternative lacks leaves a gap there."""
    summary = fixtures.summary()
    paper, signed = (summary["alternatives"][key] for key in ("paper", "signed"))
    del paper["by_flow"]["directive"]
    for each in summary["alternatives"].values():
        del each["by_flow_urgency"]["notice"]["express"]
        each["by_flow"]["notice"]["title"] = None
    del signed["all_counts"]
    for category in ("work_s", "wait_person_s", "wait_office_s", "total_s"):
        signed["stages"]["signing"][category] = fixtures.estimate(0.0, 0.0)
    page = Page(render(summary, {}))
    assert page.faults == []
    assert "Directives from the province" in page.text
    assert "notice" in page.text


def test_assumptions_are_grouped_and_complete(english: Page) -> None:
    """Each number has a row with value, range, grade and source, in the group of its path."""
    summary = fixtures.summary()
    view = assumptions(context(summary, {}, "en"))
    assert [f["title"] for f in view["folds"][1:4]] == [
        "Staff: 9 numbers",
        "Flows: 4 numbers",
        "Absence: 1 number",
    ]
    rows = [row for fold in view["folds"][1:4] for body in fold["table"]["bodies"] for row in body["rows"]]
    assert [a["path"] for a in summary["assumptions"]] == [row["head"] for row in rows]
    assert rows[-1]["cells"] == ["0.3", "0.15 – 0.45", "assumed", "–"]
    assert "channels.electronic.share 1.0" in english.text
    assert "93 % are assumed or not stated" in english.text
    assert "8 Apr 2004 to 5 Mar 2020" in english.text


def test_laws_and_values_in_every_shape() -> None:
    """A law may be open at either end; a value may be a mapping."""
    summary = fixtures.summary()
    law = summary["laws"][1]
    summary["laws"] += [law | {"from": "2018-09-05"}, law | {"to": "2018-09-04"}]
    summary["assumptions"][0]["value"] = {"mean": "2 h", "p95": None}
    text = Page(render(summary, {})).text
    for part in ("since 5 Sep 2018", "until 4 Sep 2018", "practice, no law", "mean: 2 h, p95: –"):
        assert part in text
