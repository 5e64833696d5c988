"""Prices as a planner writes them: what is read, what is refused, and what every bundled scenario keeps to."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import bundled, load, numbers
from sim.scenario.carriage import carried
from sim.units import Dimension

from .build import VALID, changed, loaded, only, refused

COSTS = """costs:
  currency: VND
  price_year: 2019
  discount_rate: 5 %
  horizon: 5 years
  wage: 20_000 VND / h
  overhead: 1.5
  items:
    postage: {title: Postage, per: envelope, via: [post], price: 7_028 VND}
    tokens:
      {title: Tokens, per: person, roles: [leader], at: sender, procedures: [signed], every: 3 years, price: 9 VND}
    system: {title: System, per: system, procedures: [signed], price: 2 billion VND, applies: false}
published:
  saved: {title: Saved, value: 33 billion VND, use: not-compared}
  share: {title: Share, value: 5 %, use: not-compared}
"""
WITH = COSTS + VALID


def price(*pairs: tuple[str, str]) -> str:
    """Return the scenario with prices, changed."""
    return changed(*pairs, text=WITH)


def test_prices_are_read_in_their_base_units(tmp_path: Path) -> None:
    """VND, VND per hour, years."""
    costs = loaded(tmp_path, WITH).scenario.costs
    assert costs is not None
    assert (costs.items["postage"].price.value, costs.items["postage"].price.dimension) == (
        7028,
        Dimension.MONEY,
    )
    assert costs.items["system"].price.value == 2e9
    assert (costs.wage.value, costs.wage.dimension) == (20_000, Dimension.WAGE)
    every = costs.items["tokens"].every
    assert every is not None
    assert (every.value, every.dimension) == (3, Dimension.YEARS)


def test_an_alternative_switches_items_on(tmp_path: Path) -> None:
    """Rented against bought is said by the alternative, not by the engine."""
    overlay = ("  signed: {channels.electronic.share: 1}", "  signed: {costs.items.system.applies: true}")
    cases = loaded(tmp_path, price(overlay)).cases
    found = {name: case.scenario.costs for name, case in cases.items()}
    assert {name: costs.items["system"].applies for name, costs in found.items() if costs} == {
        "paper": False,
        "signed": True,
    }


def test_prices_are_among_the_numbers_of_a_scenario(tmp_path: Path) -> None:
    """They are listed with their grade; an ungraded term of renewal is the planner's decision."""
    graded = "price: {value: 7_028 VND, grade: published, source: a report}"
    found = {one.path: one for one in numbers(loaded(tmp_path, price(("price: 7_028 VND", graded))))}
    assert found["costs.items.postage.price"].grade == "published"
    assert found["costs.items.system.price"].grade == "unstated"
    assert found["costs.items.tokens.every"].grade == "decision"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("via: [post], price: 7", "price: 7", "per: envelope without via"),
        ("per: envelope, via: [post]", "per: delivery, via: [post]", "via without per: envelope"),
        (
            "via: [post], price: 7",
            "via: [post], procedures: [paper], price: 7",
            "procedures beside per: envelope",
        ),
        ("roles: [leader], ", "", "per: person without roles"),
        ("per: person, roles", "per: agency, roles", "roles without per: person"),
        ("procedures: [signed], price: 2", "levels: [district], price: 2", "levels beside per: system"),
        ("per: envelope, via: [post]", "per: original, every: 1 year", "every or at beside per: original"),
    ],
)
def test_an_item_that_does_not_hold_together_is_refused(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    """With what is wrong and what would be right."""
    found = only(tmp_path, price((old, new)))
    assert found.code == "E-COST"
    assert says in found.message


@pytest.mark.parametrize(
    ("old", "new", "code", "field"),
    [
        ("via: [post], price", "via: [pots], price", "E-TRANSPORT", "costs.items.postage.via"),
        ("via: [post], price", "via: [exchange], price", "E-COST", "costs.items.postage.via"),
        ("procedures: [signed], every", "procedures: [sigend], every", "E-PROCEDURE", "costs.items.tokens.procedures"),
        ("roles: [leader]", "roles: [laeder]", "E-ROLE", "costs.items.tokens.roles"),
        ("[leader], at: sender", "[leader], levels: [distrct]", "E-LEVEL", "costs.items.tokens.levels"),
        ("price: 7_028 VND", "price: 7_028", "E-UNIT-MISSING", "costs.items.postage.price"),
        ("price: 7_028 VND", "price: -1 VND", "E-NEGATIVE", "costs.items.postage.price"),
        ("wage: 20_000 VND / h", "wage: 20_000 VND", "E-UNIT-WRONG", "costs.wage"),
        ("overhead: 1.5", "overhead: 0.5", "E-OUT-OF-RANGE", "costs.overhead"),
        ("horizon: 5 years", "horizon: 0 years", "E-OUT-OF-RANGE", "costs.horizon"),
        ("currency: VND", "currency: EUR", "E-VALUE", "costs.currency"),
    ],
)  # fmt: skip
def test_what_an_item_names_must_exist(tmp_path: Path, old: str, new: str, code: str, field: str) -> None:
    """Transports, procedures, roles, levels, units; found at their place."""
    found = refused(tmp_path, price((old, new)))
    assert {(one.code, one.field) for one in found} == {(code, field)}


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("{count: 4, item: stamps, published: saved}", "item"),
        ("{count: 4, item: postage, published: svaed}", "published"),
        ("{count: 4, item: postage, published: share}", "published"),
        ("{count: 4, item: postage, published: saved, alternative: singed}", "alternative"),
    ],
)
def test_an_arithmetic_names_what_is_there(tmp_path: Path, written: str, field: str) -> None:
    """An item, a published amount of money, an alternative."""
    text = price(("  items:\n", f"  arithmetic: {{check: {written}}}\n  items:\n"))
    assert {one.field for one in refused(tmp_path, text)} == {f"costs.arithmetic.check.{field}"}


def test_carriage_tells_the_transport_of_each_step(tmp_path: Path) -> None:
    """By procedure and step."""
    found = carried(loaded(tmp_path).scenario)
    assert found == {("paper", "carry"): "post", ("signed", "send"): "exchange"}


PRICED = ("dong-nai", "gia-lai", "ha-tinh", "quang-ngai", "quang-ninh")


@pytest.mark.parametrize("name", PRICED)
@pytest.mark.usefixtures("full_speed")
class TestBundled:
    def test_every_price_is_graded_and_in_provenance(self, name: str) -> None:
        """By its path, with its value; what is assumed has a range, what is published a source."""
        path = bundled()[name]
        text = (path.parent / "PROVENANCE.md").read_text(encoding="utf-8")
        found = [one for one in numbers(load(path)) if one.path.startswith("costs.")]
        assert len(found) > 10
        for one in found:
            assert one.grade in {"assumed", "published", "decision"}, one.path
            assert one.grade != "assumed" or one.range_text, one.path
            assert one.grade == "decision" or f"| `{one.path}` | {one.text} | {one.grade} |" in text, one.path

    def test_every_item_has_a_title_in_both_languages(self, name: str) -> None:
        """The report is in either."""
        costs = load(bundled()[name]).scenario.costs
        assert costs is not None
        for item in costs.items.values():
            assert not isinstance(item.title, str)
            assert item.title.en
            assert item.title.vi
