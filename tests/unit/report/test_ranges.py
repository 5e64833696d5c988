"""Both ranges stand in the answer, and what rules it and where its sign holds is said in words."""

from __future__ import annotations

from typing import Any

import pytest

from sim.report import render
from sim.report.context import context
from sim.report.sections import ranges
from sim.report.sections.answer import answer, head
from tests.unit.report import fixture_ranges, fixtures
from tests.unit.report.fixture_ranges import DRIVER, precision, spread
from tests.unit.report.pages import Page, only


@pytest.fixture(autouse=True)
def few_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of these tests have the sections that they look at."""
    only(monkeypatch, "turnaround", "assumptions", "published")


def shown(summary: dict[str, Any], manifest: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the view of the first screen."""
    return answer(context(summary, manifest or {}, "en"))


def sentence(summary: dict[str, Any]) -> str:
    """Return the answer with plain spaces."""
    return str(shown(summary)["sentence"]).replace("\u00a0", " ")


def lines(summary: dict[str, Any]) -> str:
    """Return what stands under the answer, with plain spaces."""
    return " ".join(shown(summary)["lines"]).replace("\u00a0", " ")


def headline(summary: dict[str, Any]) -> dict[str, Any]:
    """Return the comparison that the answer tells."""
    found: dict[str, Any] = summary["comparisons"][0]
    return found


def days(*ends: float) -> list[float]:
    """Return working days in seconds."""
    return [end * fixtures.DAY_S for end in ends]


def test_the_sentence_carries_both_ranges() -> None:
    """Simulation noise with its confidence, then the spread with how many inputs and draws."""
    summary = fixture_ranges.summary()
    headline(summary)["spread"] |= dict(zip(("low", "high"), days(-4.21, -1.38), strict=True))
    assert sentence(summary).endswith(
        "−44 % ± 2 %): 95 % interval, simulation noise; 1.4 to 4.2 working days sooner when the 13 uncertain "
        "inputs vary together over their ranges (middle 90 % of 20 draws)."
    )
    assert "simulation noise only" not in sentence(summary)


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.31, 1.24, "0.31 to 1.24 working days later when"),
        (-1.24, 0.31, "−1.2 to +0.3 working days, minus being sooner, when"),
        (-1.24, 0.02, "−1.2 to +0.02 working days, minus being sooner, when"),
        (-2.0, -2.0, "2.00 to 2.00 working days sooner when"),
    ],
)
def test_the_spread_may_be_later_or_lie_across_nought(low: float, high: float, told: str) -> None:
    """Ends of one sign are told in words, others with their signs; no end is rounded to nought."""
    summary = fixture_ranges.summary()
    headline(summary)["spread"] |= dict(zip(("low", "high"), days(low, high), strict=True))
    assert told in sentence(summary)


def test_few_draws_are_told_from_lowest_to_highest_and_missing_ones_are_counted() -> None:
    """Fewer than twenty draws have no middle 90 %; a draw without a difference is not passed over."""
    summary = fixture_ranges.summary()
    headline(summary)["spread"] |= {"central": 1.0, "draws": 5, "missing": 1}
    assert "(5 draws, lowest to highest; 1 more draws gave no value)." in sentence(summary)


def test_a_single_alternative_carries_both_ranges() -> None:
    """Of a mean alone the second range is the mean's own."""
    summary = fixture_ranges.summary() | {"comparisons": []}
    summary["alternatives"] = {"paper": summary["alternatives"]["paper"]}
    assert (
        "working days on average: 95 % interval, simulation noise; 4.9 to 7.4 working days when"
        in sentence(summary)
    )
    assert lines(summary) == ""


def test_one_input_is_told_in_the_singular() -> None:
    """A scenario may have one range only."""
    summary = fixture_ranges.summary()
    summary["design"]["assumptions"]["varied"] = 1
    assert "when the 1 uncertain input varies over its range (" in sentence(summary)


def test_the_glance_table_has_a_second_line() -> None:
    """Mean, difference, percent and shares have both ranges; the base has no difference."""
    page = Page(render(fixture_ranges.summary(), {}))
    rows = page.rows("At a glance")
    assert rows["Paper"][:3] == ["6.18 ± 0.19 4.9 to 7.4", "–", "–"]
    assert rows["Signed documents"][1:3] == ["−2.75 ± 0.16 −5.5 to −1.4", "−44 ± 2 −61 to −22"]
    assert all(" to " in cell for cell in rows["Signed documents"][3:5])
    assert "Second line: the range when the 13 uncertain inputs" in page.text
    assert page.faults == []


def test_fixed_inputs_say_so_and_name_the_command(english: Page) -> None:
    """No second range is made up; the command of the run with drawn inputs stands there, without its folder."""
    assert "fixed at their stated values" in english.text
    assert "That range is simulation noise only" in english.text
    command = "congvan run quang-ninh --set 'period.measure=4 weeks' --replications 5 --assumptions sampled"
    assert command in english.text
    assert "Second line" not in english.text
    for written in (["congvan", "run", "x", "--out", "y"], "congvan run x --out=y"):
        fixed = shown(fixtures.summary(), {"command": written})["fixed"]
        assert fixed["code"] == "congvan run x --assumptions sampled"
    assert shown(fixtures.summary())["fixed"]["code"] == "congvan run quang-ninh --assumptions sampled"


def test_without_any_range_no_command_is_named() -> None:
    """A scenario whose numbers state no range has no second range to give."""
    summary = fixtures.summary()
    for each in summary["assumptions"]:
        each["range"] = ""
    assert shown(summary)["fixed"]["code"] == ""
    assert "No number of this scenario states a range" in shown(summary)["fixed"]["text"]
    assert shown(fixture_ranges.summary())["fixed"] is None


def test_which_range_rules_is_said_with_both_sizes() -> None:
    """The standard deviation beyond noise stands beside the interval; unknown is said as such."""
    summary = fixture_ranges.summary()
    assert "the assumptions rule the answer" in lines(summary)
    assert "a standard deviation of 0.82 working days, against a 95 % interval of ± 0.16" in lines(summary)
    headline(summary)["spread"] |= {"rules": "noise", "sd_assumptions": 0.0}
    assert "simulation noise rules the answer: beyond it the assumptions spread it with a standard" in lines(
        summary
    )
    assert "deviation of 0 working days" in lines(summary)
    headline(summary)["spread"] |= {"rules": None, "sd_assumptions": None}
    assert "cannot be told from fewer than two replications" in lines(summary)


def test_the_sign_holds_in_every_draw() -> None:
    """The bound of the share is rounded down: it is a lower one."""
    assert (
        "The sign of the answer (“sooner”) holds in all 20 draws: with 95 % confidence in at least 86 % of the "
        "joint ranges" in lines(fixture_ranges.summary())
    )


def test_a_sign_that_some_draw_loses_has_its_driver_and_part() -> None:
    """Where the sign holds is said with the input, its value and the draws there; the input is marked as a name."""
    summary = fixture_ranges.summary(same=19)
    assert "holds in 19 of 20 draws: with 95 % confidence in at least 78 %" in lines(summary)
    assert f"It holds in all 18 draws with `{DRIVER}` at 0.21 or more." in lines(summary)
    assert f"<code>{DRIVER}</code> at 0.21" in render(summary, {})
    headline(summary)["spread"]["holds_where"] |= {"side": "below"}
    assert "at 0.21 or less." in lines(summary)


def test_a_sign_that_no_input_explains() -> None:
    """With a driver that does not part the draws, and without any driver, that is said."""
    summary = fixture_ranges.summary(same=19)
    headline(summary)["spread"] |= {"holds_where": None}
    assert f"`{DRIVER}` moves the difference most, but at neither end" in lines(summary)
    headline(summary)["spread"] |= {"drivers": []}
    assert "20 draws are too few to tell one of 13 inputs apart" in lines(summary)
    headline(summary)["spread"] |= {"sign": None}
    assert "No sign can be followed" in lines(summary)


@pytest.mark.parametrize(
    ("estimate", "unit", "word"),
    [(-1.0, "s", "sooner"), (1.0, "s", "later"), (-1.0, "", "less"), (1.0, "", "more")],
)
def test_a_direction_is_named_after_what_differs(estimate: float, unit: str, word: str) -> None:
    """A time is sooner or later, a share or a count less or more."""
    found = context(fixtures.summary(), {}, "en")
    assert word == ranges.direction(found, {"difference": {"estimate": estimate}, "unit": unit})


def test_overloaded_draws_are_told_by_alternative() -> None:
    """Only alternatives with such draws are named, with what it means for their numbers."""
    summary = fixture_ranges.summary()
    assert "more work than there is time" not in lines(summary)
    summary["alternatives"]["paper"]["draws"]["overloaded"] = 3
    assert "there is time: “Paper” in 3 of 20. Their means are over finished deliveries only." in lines(
        summary
    )


@pytest.mark.parametrize(
    ("changes", "fact", "line"),
    [
        ({}, "5 % asked, 3.9 % reached with 5 replications", ""),
        (
            {"met": False, "bound_hit": True, "reached": 0.071},
            "5 % asked, 7.1 % reached (“Signed documents”): not met within the bound of 40 replications",
            "was not met: “Signed documents” is known to 7.1 % after 5 replications, and 40 is the bound",
        ),
        (
            {"met": False, "reached": None},
            "5 % asked, – reached (“Signed documents”): not met with 5 replications",
            "was not met: “Signed documents” is known to – after 5 replications.",
        ),
    ],
)
def test_precision_asked_and_reached(changes: dict[str, Any], fact: str, line: str) -> None:
    """What was asked and reached is a fact of the run; what was not met stands under the answer, too."""
    summary = fixtures.summary()
    summary["design"]["precision"] = precision(**changes)
    facts = {one["name"]: one["value"] for one in head(context(summary, {}, "en"))["facts"]}
    assert facts["Precision"].replace("\u00a0", " ") == fact
    assert line in lines(summary)
    assert bool(line) is ("not met" in lines(summary))


def test_inputs_are_found_as_the_scenario_states_them() -> None:
    """An input of the base case, of the alternative, of another one; an unlisted one is nothing."""
    summary = fixtures.summary()
    row = {"value": "2 h", "range": "1 h to 4 h", "grade": "assumed", "source": ""}
    summary["assumptions"] += [
        {"path": "alternatives.double-running.staff.a", **row},
        {"path": "alternatives.signed.staff.a", **row, "value": "3 h"},
    ]
    found = context(summary, {}, "en")
    for alternative, value in (("signed", "3 h"), ("double-running", "2 h"), ("paper", "2 h")):
        assert ranges.stated(found, "staff.a", alternative)["value"] == value
    assert ranges.stated(found, "staff.b", "signed") == {}


def test_the_assumptions_say_which_range_holds_them() -> None:
    """The share stays; what the ranges hold of the inputs' spread follows the run."""
    text = Page(render(fixture_ranges.summary(), {})).text
    assert "93 % are assumed or not stated" in text
    assert "the ranges beside it do, from 20 draws" in text
    assert "do not contain their spread" not in text
    assert "do not contain their spread" in Page(render(fixtures.summary(), {})).text


def test_vietnamese_has_both_ranges_and_marks_english_texts(english: Page) -> None:
    """The Vietnamese page tells the same; warnings and reasons are marked as English, with a note."""
    summary = fixture_ranges.summary(same=19)
    summary["design"]["precision"] = precision()
    source = render(summary, {}, language="vi")
    page = Page(source)
    assert page.faults == []
    for part in (
        "sớm hơn",
        "khi 13 số liệu đầu vào chưa chắc chắn cùng thay đổi trong khoảng của chúng (90 % ở giữa của 20 lần",
        "các giả định chi phối câu trả lời",
        "đúng trong 19 trên 20 lần lấy mẫu: với độ tin cậy 95 %, đúng trên ít nhất 78 %",
        "yêu cầu 5 %, đạt 3,9 % với 5 lần lặp",
        "bộ kiểm tra kịch bản viết bằng tiếng Anh",
    ):
        assert part in page.text
    assert ("ul", "lang", "en") in page.attributes
    assert ("td", "lang", "en") in page.attributes
    assert "Lý do được ghi bằng tiếng Anh" in page.text
    assert 'lang="en">sets the volume of the flows' in source
    assert "tiếng Anh" not in english.text


def test_a_spread_without_value_is_no_second_line() -> None:
    """Where no draw has a value, the first range stands alone and says that it is noise only."""
    summary = fixture_ranges.summary()
    headline(summary)["spread"] |= spread(None, None, draws=0, missing=20) | {"sign": None, "drivers": []}
    assert sentence(summary).endswith("the assumptions’ spread is not in it.")
    assert "−2.75 ± 0.16" in Page(render(summary, {})).rows("At a glance")["Signed documents"]
