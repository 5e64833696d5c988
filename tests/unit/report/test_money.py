"""The section on money: cash and staff time apart, a year only where one was measured, arithmetic named as such."""

from __future__ import annotations

from typing import Any

import pytest

from sim.report import render
from tests.unit.report import fixtures
from tests.unit.report.pages import Page, only

ITEM = {"per": "envelope", "price": 7028.0, "price_text": "7_028 VND", "share": None, "every_years": None}
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def one_section(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of these tests have the one section that they are about."""
    only(monkeypatch, "money")


def told(half_width: float | None = 0.0, value: float | None = 0.0, **more: Any) -> Json:
    """Return an estimate over all replications."""
    every = fixtures.REPLICATIONS
    return {"estimate": value, "half_width": half_width, "confidence": 0.95, "replications": every, **more}


def cost(cash: float, outlay: float, year: float | None) -> Json:
    """Return an alternative's part about money."""
    return {
        "cash_items": {"postage": told(1e5, cash)},
        "outlay_items": {"system": told(0.0, outlay)},
        "cash": told(1e5, cash),
        "outlay": told(0.0, outlay),
        "cash_per_working_day": told(1e4, cash / 10),
        "cash_per_year": told(1e6 if year else None, year),
        "staff_hours": {"clerk": told(3.0, 480.0)},
    }


def summary(*, year: bool = False, **against: Any) -> Json:
    """Return a summary with prices; the second alternative has a system and needs no post."""
    found = fixtures.summary()
    base, other = found["design"]["base"], next(
        name for name in fixtures.manifest()["alternatives"] if name != found["design"]["base"]
    )  # fmt: skip
    reason = {"en": "half a year is none", "vi": "nửa năm không phải một năm"}
    found["money"] = {
        "currency": "VND", "price_year": 2019, "wage": 20_000.0, "overhead": 1.5, "loaded_wage": 30_000.0,
        "discount_rate": 0.05, "horizon_years": 5.0,
        "annual": {"given": year, "why_not": None if year else "too-short", "reason": None if year else reason},
        "items": [
            {"id": "postage", "title": {"en": "Postage", "vi": "Bưu phí"}, "grade": "published", **ITEM},
            {"id": "system", "title": {"en": "System", "vi": "Hệ thống"}, "grade": "assumed", **ITEM,
             "per": "system", "price": 2e9},
            {"id": "unused", "title": {"en": "Unused", "vi": "Không dùng"}, "grade": "assumed", **ITEM},
        ],
        "arithmetic": [],
    }  # fmt: skip
    found["alternatives"][base]["cost"] = cost(6e6, 0.0, 1.5e8 if year else None)
    found["alternatives"][other]["cost"] = cost(0.0, 2e9, 1e6 if year else None)
    found["alternatives"][other]["cost"]["against"] = {base: {
        "cash_saved_per_working_day": told(1e4, 6e5), "outlay_more": told(0.0, 2e9),
        "hours_freed": {"clerk": told(5.0, 60.0)},
        "hours_freed_per_working_day": told(0.5, 12.0), "value_freed_per_working_day": told(1e4, 3.6e5),
        **against,
    }}  # fmt: skip
    return found


def page(found: Json, language: str = "en") -> Page:
    """Return the page of a summary."""
    return Page(render(found, fixtures.manifest(), language="vi" if language == "vi" else "en"))


def other_row(shown: Page, caption: str) -> list[str]:
    """Return the cells of the only alternative that a table of differences has."""
    (row,) = [cells for head, cells in shown.rows(caption).items() if head != "Alternative"]
    return row


def test_without_prices_the_section_says_so() -> None:
    """It is not left out: a reader looks for it."""
    assert "This scenario states no prices." in page(fixtures.summary()).text


def test_items_stand_with_their_price_and_grade_and_unused_ones_do_not() -> None:
    """In a unit that fits the sums; what is paid once stands apart."""
    shown = page(summary())
    cash = shown.rows("Cash of the measured period by item")
    assert [head for head in cash if "Postage" in head] == ["Postage7,028 VND per envelope (published)"]
    assert cash["Postage7,028 VND per envelope (published)"][0] == "6.00 ± 0.10"
    assert not [head for head in cash if "Unused" in head or "System" in head]
    outlay = shown.rows("Paid once, at the start, by item")
    assert [head for head in outlay if "System" in head] == ["System2 billion VND per system (assumed)"]


def test_the_price_year_and_the_loaded_wage_are_told() -> None:
    """With the wage and the factor that it is made of."""
    text = page(summary()).text
    assert "Prices of 2019, in VND." in text
    assert "An hour of work counts 30,000 VND: a wage of 20,000 VND times 1.50" in text


def test_no_year_no_column_and_the_reason() -> None:
    """Neither pay-back nor net present value stand empty; the reason is in the report's language."""
    assert "half a year is none" in page(summary()).text
    assert "nửa năm không phải một năm" in page(summary(), "vi").text
    heads = page(summary()).tables["Cash saved against the base"][0]
    assert not [head for head in heads if "year" in head or "Pay-back" in head or "present" in head]


def test_a_measured_year_shows_pay_back_and_present_value() -> None:
    """With the horizon and the rate that it was counted with."""
    shown = page(summary(year=True, payback_years=told(0.2, 4.1, never=0.0), npv=told(1e8, -1.2e9)))
    assert "discounted at 5 % a year" in shown.text
    assert other_row(shown, "Cash saved against the base")[2:4] == ["4.1 ± 0.2", "−1.20 ± 0.10"]


@pytest.mark.parametrize(("never", "words"), [(1.0, "never"), (1 / 3, "never in 33 % of the replications")])
def test_a_pay_back_that_never_comes_is_named(never: float, words: str) -> None:
    """In words, not as a number."""
    shown = page(summary(year=True, payback_years=told(None, None, never=never)))
    assert words in other_row(shown, "Cash saved against the base")


def test_the_range_over_assumptions_stands_in_brackets() -> None:
    """Beside the interval of the simulation."""
    spread = {"low": -1e5, "high": 9e5}
    shown = page(summary(cash_saved_per_working_day=told(1e4, 6e5, spread=spread)))
    assert other_row(shown, "Cash saved against the base")[0] == "+600 ± 10 [−100 to +900]"


def test_cash_and_the_value_of_time_never_share_a_table() -> None:
    """No caption has both, no row sums both."""
    shown = page(summary())
    freed = shown.rows("Staff time freed against the base; no cash")
    assert [
        head for head in shown.tables["Cash saved against the base"][0] if "Hours" in head or "Value" in head
    ] == []
    assert list(freed.values())[-1] == ["+12.0 ± 0.5", "+360 ± 10"]


def test_hours_stand_by_role_with_what_is_freed() -> None:
    """Those of the base, and the paired difference."""
    assert page(summary()).rows("Hours of work by role")["clerk"][:2] == ["480 ± 3", "+60 ± 5"]


def test_a_comparison_with_another_than_the_base_says_so() -> None:
    """After those with the base."""
    found = summary()
    more = found["alternatives"]["double-running"]["cost"] = cost(1e6, 0.0, None)
    more["against"] = {"signed": {"outlay_more": told(0.0, -2e9)}}
    heads = list(page(found).rows("Cash saved against the base"))
    assert "against “" in heads[-1]
    assert "against “" not in heads[-2]


def test_arithmetic_is_named_as_such() -> None:
    """Count, price, product and published total; the simulated year is a dash where there is none."""
    found = summary()
    found["money"]["arithmetic"] = [
        {
            "id": "saved", "title": {"en": "Postage saved", "vi": "Bưu phí"}, "count": 4_695_747, "item": "postage",
            "price": 7028.0, "product": 4_695_747 * 7028.0, "published": 33e9, "source": "a newspaper",
            "alternative": None, "simulated_per_year": None,
        }
    ]  # fmt: skip
    shown = page(found)
    cells = shown.rows("Published totals as count × price")["Postage saveda newspaper"]
    assert cells == ["4,695,747 × 7,028", "33.0 billion VND", "33 billion VND", "–"]
    assert "confirms neither the price nor the saving" in shown.text
