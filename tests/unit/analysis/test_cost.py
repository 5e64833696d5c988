"""Cash, staff time and what an alternative saves: counted by hand, and against the arithmetic of finance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.analysis.cost import YEAR_DAYS, against, annual_refusal, annuity_years, money, payback_years
from sim.analysis.cost_drivers import Counts, Terms, count
from sim.observations import StepKind
from sim.scenario.costs import Costs
from sim.units import WEEK_S

from .builders import at, leg, legs, observations, office, pools, steps

TITLE = {"title": "An item"}
POSTED: dict[str, dict[str, Any]] = {
    "post": {**TITLE, "per": "envelope", "via": ["post"], "price": "100 VND"}
}
BASE: Mapping[str, Any] = {
    "currency": "VND", "price_year": 2019, "discount_rate": 0.1, "horizon": "2 years",
    "wage": "1_000 VND / h", "overhead": 1.5,
}  # fmt: skip


def costs(items: Mapping[str, Mapping[str, Any]], **changes: Any) -> Costs:
    """Return prices of some items."""
    return Costs.model_validate({**BASE, "items": items, **changes})


def one(per: str, **changes: Any) -> dict[str, dict[str, Any]]:
    """Return a single item ``x`` of 10 VND."""
    return {"x": {**TITLE, "per": per, "price": "10 VND", **changes}}


def counted(items: Mapping[str, Mapping[str, Any]], **changes: Any) -> Counts:
    """Count four legs of three documents: 0 and 1 on paper, 2 signed, 3 signed but not measured.

    Document 0 goes from the province to the district and the commune; it has 3 pages, the others 5 and 7. The
    district (``d``) has no staff.
    """
    table = legs(
        leg(0, 1.0, doc=0, recipient=1),
        leg(1, 1.0, doc=0, recipient=2),
        leg(2, 1.0, doc=1, sender=2, recipient=1, procedure=1),
        leg(3, 1.0, doc=2, sender=2, recipient=0, procedure=1, measured=False),
    )
    staff = {"p": {"leader": 1, "clerk": 2}, "d": {"clerk": 0}, "c": {"leader": 3}}
    terms = Terms(costs(items), {("paper", "post"): "post"}, staff, np.array([3.0, 5.0, 7.0]), True)
    return count(observations(legs=table, **changes), office(), terms)


def things(**item: Any) -> float:
    """Return how many of what a single item is counted by there are."""
    return counted(one(**item)).things["x"]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"per": "delivery"}, 3),
        ({"per": "delivery", "procedures": ["paper"]}, 2),
        ({"per": "delivery", "levels": ["district"]}, 2),
        ({"per": "original"}, 2),
        ({"per": "original", "procedures": ["paper"]}, 1),
        ({"per": "original", "levels": ["commune"]}, 1),
        ({"per": "original-page"}, 3 + 5),
        ({"per": "copied-page"}, 3 + 3 + 5),
        ({"per": "copied-page", "procedures": ["signed"]}, 5),
        ({"per": "agency"}, 2),
        ({"per": "agency", "procedures": ["signed"], "at": "sender"}, 1),
        ({"per": "agency", "procedures": ["signed"]}, 2),
        ({"per": "agency", "levels": ["province"]}, 1),
        ({"per": "agency", "procedures": ["nobody-takes-it"]}, 0),
        ({"per": "person", "roles": ["leader"]}, 4),
        ({"per": "person", "roles": ["leader", "clerk"], "procedures": ["paper"], "at": "sender"}, 3),
        ({"per": "system", "procedures": ["signed"]}, 1),
        ({"per": "system", "procedures": ["nobody-takes-it"]}, 0),
    ],
)
def test_what_an_item_is_counted_by(item: dict[str, Any], expected: float) -> None:
    """Deliveries by recipient, originals by sender, each once; agencies with staff that take part in the run."""
    assert things(**item) == expected


def test_an_item_that_does_not_apply_is_not_counted() -> None:
    """An alternative may switch it on."""
    assert counted({**one("delivery", applies=False), **POSTED}).things.keys() == {"post"}


def test_envelopes_are_what_left_together_from_one_agency_to_another() -> None:
    """Two documents in one envelope count once; another pick-up or recipient makes another envelope."""
    start = WEEK_S
    rows = [
        (0, start + 10),
        (0, start + 10),
        (0, start + 20),
        (1, start + 10),
        (0, start - 10),
        (2, start + 10),
    ]
    carried = [
        {"leg": number, "task": 1, "kind": StepKind.TRANSPORT, "person": -1, "started_s": left_s}
        for number, left_s in rows
    ]
    found = counted(POSTED, steps=steps(*carried))
    assert found.things["post"] == 3  # leg 2 is signed: no transport of its step is known


def test_hours_are_summed_by_role() -> None:
    """Over agencies."""
    table = pools({"busy_s": 3600.0}, {"agency": 1, "busy_s": 1800.0}, {"role": 1, "busy_s": 7200.0})
    assert counted(POSTED, pools=table).busy_h == {"clerk": 1.5, "officer": 2.0}


def counts(
    things: Mapping[str, float], days: float = 28.0, *, steady: bool = True, hours: float = 0.0
) -> Counts:
    """Return counts of a period of whole weeks with ten deliveries and five working days a week."""
    return Counts(dict(things), 10, {"clerk": hours}, days, int(days / 7 * 5), steady)


YEAR = 364.0


def test_money_of_a_period() -> None:
    """Growing items by their count, renewals by the share of their term, one-off items apart."""
    items = {
        **POSTED,
        "token": {**TITLE, "per": "agency", "every": "2 years", "price": "1_000 VND"},
        "system": {**TITLE, "per": "system", "price": "5_000 VND"},
    }
    found = money(counts({"post": 30, "token": 4, "system": 1}, hours=40.0), costs(items))
    renewed = 4 * 1000 * 28 / YEAR_DAYS / 2
    assert found["cost", "cash_items", "post"] == 3000
    assert found["cost", "cash_items", "token"] == pytest.approx(renewed)
    assert ("cost", "cash_items", "system") not in found
    assert found["cost", "cash"] == pytest.approx(3000 + renewed)
    assert found["cost", "cash_per_working_day"] == pytest.approx((3000 + renewed) / 20)
    assert found["cost", "outlay"] == 5000
    assert found["cost", "cash_per_delivery"] == 300
    assert found["cost", "fixed_per_year"] == pytest.approx(2000 + 5000 / annuity_years(0.1, 2))
    assert found["cost", "staff_hours", "clerk"] == 40
    assert found["cost", "staff_value_per_working_day"] == pytest.approx(2 * 1000 * 1.5)


def test_a_share_is_paid_for() -> None:
    """And the count says of how many."""
    found = money(counts({"x": 50}), costs(one("delivery", share=0.2)))
    assert found["cost", "counts", "x"] == 10
    assert found["cost", "cash"] == pytest.approx(100)


def test_cash_does_not_know_of_staff_time() -> None:
    """Whatever an hour is worth, cash, outlay and net present value are the same."""
    items = {**POSTED, "system": {**TITLE, "per": "system", "price": "5_000 VND"}}
    poor, rich = (
        [
            money(counts({"post": n, "system": s}, YEAR, hours=n), costs(items, wage=wage))
            for n, s in ((90, 0), (10, 1))
        ]
        for wage in ("1 VND / h", "1_000_000 VND / h")
    )
    cash = ("cash_saved_per_year", "cash_saved_per_working_day", "npv", "payback_years", "outlay_more")
    assert [against(*poor)[key] for key in cash] == [against(*rich)[key] for key in cash]
    assert against(*rich)["value_freed_per_year"] == pytest.approx(
        1e6 * against(*poor)["value_freed_per_year"]
    )


@pytest.mark.parametrize(
    ("days", "steady", "why"),
    [
        (28, True, "too-short"),
        (357, True, "too-short"),
        (364, True, None),
        (366, True, None),
        (371, True, None),
        (540, True, "no-whole-years"),
        (728, True, None),
        (364, False, "terminating"),
    ],
)
def test_figures_for_a_year_need_whole_years(days: float, steady: bool, why: str | None) -> None:
    """Of a steady period; nothing else is scaled up."""
    assert annual_refusal(days, steady=steady) == why
    found = money(counts({"post": 30}, days, steady=steady), costs(POSTED))
    assert math.isnan(found["cost", "cash_per_year"]) == (why is not None)
    assert math.isnan(found["cost", "staff_hours_per_year"]) == (why is not None)
    assert (("cost", "cash_items_per_year", "post") in found) == (why is None)
    if why is None:
        assert found["cost", "cash_per_year"] == pytest.approx(3000 * YEAR_DAYS / days)


def test_nothing_for_a_year_is_saved_where_no_year_was_measured() -> None:
    """Neither pay-back nor net present value; the saving per working day is there."""
    found = against(*(money(counts({"post": n}), costs(POSTED)) for n in (30, 10)))
    assert found["cash_saved_per_working_day"] == pytest.approx(100)
    for key in (
        "cash_saved_per_year",
        "payback_years",
        "npv",
        "hours_freed_per_year",
        "value_freed_per_year",
    ):
        assert math.isnan(found[key])


def bought(posted: float, systems: float, **changes: Any) -> dict[tuple[str, ...], float]:
    """Return the money of a year with so many envelopes and systems."""
    items = {**POSTED, "system": {**TITLE, "per": "system", "price": "1_000 VND"}}
    return money(counts({"post": posted, "system": systems}, YEAR), costs(items, **changes))


def test_net_present_value_is_the_sum_of_discounted_years() -> None:
    """-1,000 at the start, then the saving at the end of each of two years, at 10 %."""
    saved = 900 * 100 * YEAR_DAYS / YEAR
    found = against(bought(1000, 0), bought(100, 1))
    assert found["outlay_more"] == 1000
    assert found["cash_saved_per_year"] == pytest.approx(saved)
    assert found["npv"] == pytest.approx(-1000 + saved / 1.1 + saved / 1.1**2)
    assert found["payback_years"] == pytest.approx(1000 / saved)


@given(rate=st.floats(0, 1), years=st.integers(1, 40))
def test_the_annuity_is_the_sum_of_discounted_ones(rate: float, years: int) -> None:
    """For whole years the closed form and the sum agree."""
    assert annuity_years(rate, years) == pytest.approx(sum((1 + rate) ** -n for n in range(1, years + 1)))


@pytest.mark.parametrize(
    ("outlay", "saved", "years"),
    [
        (100, 50, 2),
        (100, 0, math.inf),
        (100, -5, math.inf),
        (0, 50, math.nan),
        (-9, -5, math.nan),
        (9, math.nan, math.nan),
    ],
)
def test_pay_back(outlay: float, saved: float, years: float) -> None:
    """Never where nothing is saved; nothing to tell where nothing more is paid at the start or no saving is known."""
    assert payback_years(outlay, saved) == pytest.approx(years, nan_ok=True)


@given(
    fixed=st.integers(1, 10**9),
    cheap=st.integers(0, 1000),
    more=st.integers(1, 1000),
    deliveries=st.integers(1, 10**6),
)
def test_at_break_even_both_cost_the_same(fixed: int, cheap: int, more: int, deliveries: int) -> None:
    """Fixed cost plus deliveries times the cost of one, the start spread as an annuity, in either order."""
    items = {
        "rent": {**TITLE, "per": "delivery", "price": f"{cheap + more} VND"},
        "use": {**TITLE, "per": "delivery", "price": f"{cheap} VND"},
        "run": {**TITLE, "per": "system", "every": "1 year", "price": f"{fixed} VND"},
        "buy": {**TITLE, "per": "system", "price": f"{3 * fixed} VND"},
    }

    def year(**things: float) -> dict[tuple[str, ...], float]:
        return money(Counts(things, deliveries, {}, YEAR, 250, True), costs(items))

    rented, own = year(rent=deliveries), year(use=deliveries, run=1, buy=1)
    volume = against(rented, own)["break_even_deliveries_per_year"]
    fixed_per_year = fixed + 3 * fixed / annuity_years(0.1, 2)
    assert volume * (cheap + more) == pytest.approx(fixed_per_year + volume * cheap)
    assert against(own, rented)["break_even_deliveries_per_year"] == pytest.approx(volume)


def test_no_break_even_where_one_is_cheaper_in_both() -> None:
    """Or where both cost the same."""
    assert math.isnan(against(bought(100, 0), bought(200, 1))["break_even_deliveries_per_year"])
    assert math.isnan(against(bought(100, 1), bought(100, 1))["break_even_deliveries_per_year"])


def test_hours_are_freed_by_role() -> None:
    """A role that one alternative lacks has no hours there."""
    before = Counts({"post": 0}, 1, {"clerk": 5.0, "runner": 2.0}, 28, 20, True)
    after = Counts({"post": 0}, 1, {"clerk": 3.0, "operator": 1.0}, 28, 20, True)
    found = against(money(before, costs(POSTED)), money(after, costs(POSTED)))
    assert {key: value for key, value in found.items() if key.startswith("hours_freed.")} == {
        "hours_freed.clerk": 2.0, "hours_freed.runner": 2.0, "hours_freed.operator": -1.0,
    }  # fmt: skip
    assert found["hours_freed_per_working_day"] == pytest.approx(3 / 20)


def test_nothing_is_saved_without_prices() -> None:
    """An alternative without prices is compared with nothing."""
    assert against({("inside_deadline",): 1.0}, money(counts({"post": 1}), costs(POSTED))) == {}


def test_the_clock_of_the_fixture_is_in_the_measured_period() -> None:
    """Twenty working days were measured."""
    assert counted(POSTED).working_days == 20
    assert counted(POSTED).measured_days == 28
    assert at(0, 7) == WEEK_S
