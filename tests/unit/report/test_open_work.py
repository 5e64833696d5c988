"""Open work: the warm-up that was simulated beside the advised one, and overloads of terminating runs."""

from __future__ import annotations

from sim.report import render
from tests.unit.report import fixtures
from tests.unit.report.pages import Page

WARM_UP = "Warm-up: what was simulated"
OVERLOAD = {"en": "The clerk is asked for 105.0 %.", "vi": "Văn thư nhận 105,0 %."}


def terminating() -> fixtures.Json:
    """Return the summary of a terminating run in which one office is asked for too much."""
    summary = fixtures.summary(unstable=False)
    summary["design"] |= {"kind": "terminating", "warm_up_s": 0.0, "measured_from": "2015-01-05"}
    for each in summary["alternatives"].values():
        each["growth_per_week"] = fixtures.estimate(None, None)
    summary["alternatives"]["signed"]["overload_notes"] = [OVERLOAD]
    return summary


def test_the_warm_up_stands_beside_the_advised_one(english: Page) -> None:
    """Per alternative; without an advice there is a dash, and the finding says why."""
    rows = english.rows(WARM_UP)
    assert [row[:2] for row in rows.values()][-3:] == [["1", "1"], ["1", "2"], ["1", "–"]]
    assert "Finding 1 on the warm-up." in rows["Signed documents"][2]


def test_a_warm_up_that_is_too_short_has_a_line_of_its_own(english: Page, vietnamese: Page) -> None:
    """The finding stands above the figure, once more than in the table; one that is enough does not."""
    assert english.text.count("Finding 1 on the warm-up.") == 2
    assert english.text.count("Finding 0 on the warm-up.") == 1
    assert "“Signed documents”: Finding 1 on the warm-up." in english.text
    assert vietnamese.text.count("Nhận định 1 về chạy đà.") == 2


def test_the_figure_names_the_advised_weeks(english: Page) -> None:
    """A dashed line per number of weeks, named in the drawing and explained in the caption."""
    drawn = english.source.split("MSER-5: ")
    assert [part.split("<")[0] for part in drawn[1:] if part[:6] in ("1 week", "2 week")] == [
        "1 week",
        "2 weeks",
    ]
    assert "Welch’s moving average" in english.text


def test_a_terminating_run_names_the_office_and_judges_no_growth() -> None:
    """The office stands above the figure and in the table; nothing is called steady, and no warm-up told."""
    page = Page(render(terminating(), fixtures.manifest()))
    assert page.faults == []
    assert page.text.count(OVERLOAD["en"]) == 2
    rows = page.rows("Growth of open work")
    assert rows["Signed documents"] == ["–", "not judged (terminating)", OVERLOAD["en"]]
    assert rows["Paper"][1:] == ["not judged (terminating)", "–"]
    assert not any(caption.startswith(WARM_UP) for caption in page.tables)
    assert "Welch" not in page.text
    assert "not steady" not in page.text


def test_a_summary_without_warm_up_is_rendered() -> None:
    """An older summary has the figure without Welch's line."""
    summary = fixtures.summary()
    for each in summary["alternatives"].values():
        del each["warm_up"], each["overload_notes"]
    page = Page(render(summary, fixtures.manifest()))
    assert page.faults == []
    assert "Welch" not in page.text
