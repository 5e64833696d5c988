"""Which inputs vary, how they are drawn, and what a scenario becomes at a draw."""

from __future__ import annotations

import math
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError, ScenarioError
from sim.scenario import (
    Case,
    Factor,
    Scenario,
    ScenarioFile,
    bundled,
    check_ranges,
    checks,
    factors,
    find,
    hypercube,
    load,
    sampled,
)
from sim.scenario.documents import Document
from sim.scenario.leaves import ranged
from sim.scenario.params import DistParam, Param
from sim.scenario.steps import Asks, DecideStep, WorkStep

from .build import changed, loaded

AWAY = "{value: 0.2, grade: assumed, range: [0.1, 0.4]}"
REGISTER = "takes: {gamma: {mean: 3 min, cv: 1}, grade: assumed, range: [1 min, 9 min]}"
FIGURE = "published: {f: {title: F, value: {value: 2 h, range: [1 h, 3 h]}, use: comparison}}"
LESS = "  less: {absence.leader.away: {value: 0.1, grade: assumed, range: [0.05, 0.2]}}"
MOST = "{value: 0.7, grade: assumed, range: [0.5, 1]}"
SOME = "{value: 0.3, grade: assumed, range: [0, 0.5]}"
COSTS = """\
costs:
  currency: VND
  price_year: 2024
  wage: 20_000 VND / h
  overhead: 1.5
  discount_rate: 0.05
  horizon: 5 years
  items:
    stamp:
      title: Stamp
      per: envelope
      via: [post]
      price: {value: 7_028 VND, grade: assumed, range: [5_000 VND, 9_000 VND]}
"""
MINUTE_S = 60.0


def with_ranges(folder: Path, *pairs: tuple[str, str]) -> ScenarioFile:
    """Load the valid scenario with texts replaced."""
    return loaded(folder, changed(*pairs))


def by_name(file: ScenarioFile) -> dict[str, Factor]:
    """Return the factors by name."""
    return {one.name: one for one in factors(file)}


def scenario_at(file: ScenarioFile, quantiles: dict[str, float], case: str = "") -> Scenario:
    """Return one case's scenario at a draw, the base case's by default."""
    return sampled(file, quantiles).cases[case or file.base].scenario


@cache
def shipped(name: str) -> ScenarioFile:
    """Load a bundled scenario once."""
    return load(find(name))


def faults(case: Case) -> set[tuple[str, str]]:
    """Return code and path of every finding that does not rest on where something was written."""
    return {(one.code, one.field) for one in checks.check(case.scenario, Document({}), case.agencies)}


NAMES = bundled()


@pytest.mark.usefixtures("full_speed")
@pytest.mark.parametrize("name", NAMES)
def test_at_the_median_of_everything_nothing_moved(name: str) -> None:
    """The very same objects: no simulation can tell the difference."""
    file = shipped(name)
    every = factors(file)
    assert len(every) > 50
    assert all(one.at(0.5) == one.value for one in every)
    assert sampled(file, {one.name: 0.5 for one in every}) is file


@pytest.mark.usefixtures("full_speed")
@pytest.mark.parametrize("name", NAMES)
def test_no_draw_of_a_bundled_scenario_breaks_what_the_checks_ask(name: str) -> None:
    """At both ends of all ranges, at random corners, and at draws between; and no range is left."""
    file = shipped(name)
    known = [one.name for one in factors(file)]
    corners = np.random.default_rng(1).integers(0, 2, len(known)).tolist()
    draws = hypercube(file, 7, 2)
    before = {case: faults(one) for case, one in file.cases.items()}
    for quantiles in (
        dict.fromkeys(known, 0.0),
        dict.fromkeys(known, 1.0),
        dict(zip(known, map(float, corners), strict=True)),
        draws.of(1),
        draws.of(2),
    ):
        moved = sampled(file, quantiles)
        for case, one in moved.cases.items():
            assert faults(one) <= before[case]
            for path, _, number in ranged(one.scenario):
                assert number.range is not None
                value = number.dist.mean if isinstance(number, DistParam) else number.value
                low, high = number.range
                assert low * (1 - 1e-6) - 1e-12 <= value <= high * (1 + 1e-6) + 1e-12, path


def test_a_number_with_a_range_is_a_factor_whatever_its_grade(tmp_path: Path) -> None:
    """The base case's first; the period, published figures and ranges without width are none."""
    file = with_ranges(
        tmp_path,
        ("after: 1 working day}", "after: {value: 1 working day, range: [0 working days, 2 working days]}}"),
        ("away: 0.2", "away: {value: 0.2, grade: law, source: a decree, range: [0.1, 0.4]}"),
        ("spell: 2 working days", "spell: {value: 2 working days, range: [2 working days, 2 working days]}"),
        ("takes: 3 min", REGISTER),
        ("measure: 4 weeks", "measure: {value: 4 weeks, grade: assumed, range: [3 weeks, 5 weeks]}"),
        (
            "alternatives:\n",
            f"{FIGURE}\nalternatives:\n",
        ),
    )
    path = "procedures.paper.leg.register.takes"
    assert list(by_name(file)) == ["staff.province.leader.cover.after", "absence.leader.away", path]
    one = by_name(file)[path]
    assert one == Factor(
        path, (path,), "gamma, mean 3 min, cv 1", one.grade, "1 min to 9 min", 60.0, 540.0, one.value
    )
    assert one.value == pytest.approx(180.0)


def test_what_no_alternative_uses_is_no_factor_and_what_one_uses_can_be_left_out(tmp_path: Path) -> None:
    """Electronic steps vary where an alternative takes them, or where one that is chosen does."""
    pairs = (
        (
            "takes: 1 min}\nalternatives",
            "takes: {value: 1 min, grade: assumed, range: [0 s, 3 min]}}\nalternatives",
        ),
    )
    file = with_ranges(tmp_path, *pairs)
    name = "procedures.signed.leg.accept.takes"
    assert list(by_name(file)) == [name]
    assert factors(file, ["paper"]) == ()
    assert factors(file, ["signed"]) == factors(file)
    assert not factors(
        with_ranges(
            tmp_path, *pairs, ("channels.electronic.share: 1}", "flows.letter.volume: 5 / working day}")
        )
    )
    assert hypercube(file, 1, 3, ["paper"]).names == ()


def test_what_is_written_once_is_one_factor(tmp_path: Path) -> None:
    """An alias of a number, and of a mapping that holds one, moves with its anchor."""
    file = with_ranges(
        tmp_path,
        ("away: 0.2", f"away: &away {AWAY}"),
        ("deadline: 5 working days", "deadline: 5 working days\n    classified: *away"),
        (
            "pages: {geometric: {mean: 4}}",
            "pages: &pages {geometric: {mean: 4}, grade: assumed, range: [2, 8]}",
        ),
        ("volume: 0 / working day\n", "volume: 0 / working day\n    pages: *pages\n"),
    )
    assert [one.paths for one in factors(file)] == [
        ("absence.leader.away", "flows.letter.classified"),
        ("flows.letter.pages", "flows.answer.pages"),
    ]
    moved = scenario_at(file, {"absence.leader.away": 0.75})
    assert moved.absence["leader"].away.value == pytest.approx(0.3)
    assert moved.flows["letter"].classified == moved.absence["leader"].away


def test_numbers_written_twice_vary_apart(tmp_path: Path) -> None:
    """Also where they are equal."""
    file = with_ranges(
        tmp_path,
        ("away: 0.2", f"away: {AWAY}"),
        ("deadline: 5 working days", f"deadline: 5 working days\n    classified: {AWAY}"),
    )
    assert [one.paths for one in factors(file)] == [("absence.leader.away",), ("flows.letter.classified",)]


def test_an_alternative_that_restates_a_number_moves_with_it_in_its_own_range(tmp_path: Path) -> None:
    """At the same quantile; where it decides the number, nothing moves."""
    file = with_ranges(
        tmp_path,
        ("away: 0.2", f"away: {AWAY}"),
        (
            "  signed: {channels.electronic.share: 1}",
            f"{LESS}\n  none: {{absence.leader.away: 0}}",
        ),
    )
    (only,) = factors(file)
    assert only.paths == ("absence.leader.away",)
    moved = sampled(file, {only.name: 1.0})
    values = {name: case.scenario.absence["leader"].away.value for name, case in moved.cases.items()}
    assert values == {"paper": 0.4, "less": 0.2, "none": 0.0}
    assert moved.cases["none"] is file.cases["none"]


def test_numbers_of_the_command_line_vary_by_their_own_path(tmp_path: Path) -> None:
    """They are written in no file, and are not one number for that."""
    file = loaded(tmp_path, sets={"absence.leader.away": AWAY, "flows.letter.classified": AWAY})
    assert [one.paths for one in factors(file)] == [("absence.leader.away",), ("flows.letter.classified",)]


def test_what_another_alternative_shares_ties_in_a_chain(tmp_path: Path) -> None:
    """Two numbers of the base case, both replaced by one number in an alternative, move together."""
    file = with_ranges(
        tmp_path,
        ("away: 0.2", f"away: {AWAY}"),
        ("deadline: 5 working days", f"deadline: 5 working days\n    classified: {AWAY}"),
        (
            "{channels.electronic.share: 1}",
            f"{{absence.leader.away: &both {AWAY}, flows.letter.classified: *both}}",
        ),
    )
    assert [one.paths for one in factors(file)] == [("absence.leader.away", "flows.letter.classified")]


def test_a_distribution_moves_its_mean_and_keeps_its_shape(tmp_path: Path) -> None:
    """Twice the mean, twice every quantile."""
    file = with_ranges(tmp_path, ("takes: 3 min", REGISTER))
    name = "procedures.paper.leg.register.takes"

    def takes(u: float) -> DistParam:
        step = scenario_at(file, {name: u}).procedures["paper"].leg[2]
        assert isinstance(step, WorkStep)
        assert step.takes is not None
        return step.takes

    u = np.array([0.1, 0.5, 0.95])
    assert takes(0.75).dist.mean == pytest.approx(6 * MINUTE_S)
    assert takes(0.75).dist.ppf(u) == pytest.approx(2 * takes(0.5).dist.ppf(u))
    assert takes(0.0).dist.mean == pytest.approx(MINUTE_S)
    assert takes(0.75).text == takes(0.5).text


@pytest.mark.parametrize(("value", "u", "mean"), [("0 h", 0.75, 1800.0), ("30 min", 0.0, 0.0)])
def test_a_mean_of_nothing_has_no_shape(tmp_path: Path, value: str, u: float, mean: float) -> None:
    """What moves from or to zero is constant."""
    file = with_ranges(
        tmp_path, ("takes: 3 min", f"takes: {{value: {value}, grade: assumed, range: [0 h, 1 h]}}")
    )
    step = scenario_at(file, {"procedures.paper.leg.register.takes": u}).procedures["paper"].leg[2]
    assert isinstance(step, WorkStep)
    assert step.takes is not None
    assert step.takes.dist.ppf([0.1, 0.9]).tolist() == [mean, mean]


def test_a_number_inside_a_distribution_varies_by_itself(tmp_path: Path) -> None:
    """The distribution is built again around it; numbers that contradict one another are drawn back."""
    part = "{value: %s, grade: assumed, range: [%s, %s]}"
    low, high = part % ("2 min", "1 min", "5 min"), part % ("4 min", "3 min", "9 min")
    file = with_ranges(tmp_path, ("takes: 3 min", f"takes: {{uniform: {{min: {low}, max: {high}}}}}"))
    path = "procedures.paper.leg.register.takes.uniform"
    assert list(by_name(file)) == [f"{path}.min", f"{path}.max"]

    def ends(first: float, second: float) -> tuple[float, float]:
        step = scenario_at(file, {f"{path}.min": first, f"{path}.max": second}).procedures["paper"].leg[2]
        assert isinstance(step, WorkStep)
        assert step.takes is not None
        a, b = (step.takes.dist.ppf([0.0, 1.0]) / MINUTE_S).tolist()
        assert [one.value / MINUTE_S for _, one in step.takes.parts] == pytest.approx([a, b])
        return a, b

    assert ends(0.0, 1.0) == pytest.approx((1.0, 9.0))
    assert ends(0.75, 0.5) == pytest.approx((3.5, 4.0))
    assert ends(1.0, 0.0) == pytest.approx((3.5, 3.5))  # 5 and 3 cannot be; half of the way can


def test_numbers_inside_a_distribution_that_can_only_be_as_stated_stay(tmp_path: Path) -> None:
    """A least value that may not pass the largest, which equals it and does not move."""
    low = "{value: 2 min, grade: assumed, range: [1 min, 5 min]}"
    file = with_ranges(tmp_path, ("takes: 3 min", f"takes: {{uniform: {{min: {low}, max: 2 min}}}}"))
    name = "procedures.paper.leg.register.takes.uniform.min"
    assert scenario_at(file, {name: 1.0}) == file.scenario
    assert scenario_at(file, {name: 0.0}) != file.scenario


def test_a_number_in_a_list_inside_a_distribution_is_tied_like_any_other(tmp_path: Path) -> None:
    """By the place where it is written."""
    time = "{value: 3 min, grade: assumed, range: [1 min, 9 min]}"
    mixed = (
        "takes: {mixture: {of: [{weight: 0.5, constant: 1 h}, {weight: 0.5, exponential: {mean: *time}}]}}"
    )
    file = with_ranges(
        tmp_path,
        (
            "by: leader, takes: 5 min}\n      - {work: stamp",
            f"by: leader, takes: &time {time}}}\n      - {{work: stamp",
        ),
        ("takes: 3 min", mixed),
    )
    (one,) = factors(file)
    inner = "procedures.paper.leg.register.takes.mixture.of.1.exponential.mean"
    assert one.paths == ("procedures.paper.sender.sign.takes", inner)
    step = scenario_at(file, {one.name: 1.0}).procedures["paper"].leg[2]
    assert isinstance(step, WorkStep)
    assert step.takes is not None
    assert step.takes.dist.mean == pytest.approx((60 + 9) / 2 * MINUTE_S)


def shares_of(scenario: Scenario) -> dict[str, float]:
    """Return what the letters ask for."""
    return {str(key): one.value for key, one in scenario.flows["letter"].asks.items()}


ASKS = "asks: {information: 0.4, reply: 0.6}"
INFORMATION = "{value: 0.4, grade: assumed, range: [0.2, 0.6]}"
REPLY = "{value: 0.6, grade: assumed, range: [0.3, 0.7]}"


def test_shares_of_a_whole_give_way_in_their_ranges(tmp_path: Path) -> None:
    """In proportion to the room that each has left."""
    file = with_ranges(tmp_path, (ASKS, f"asks: {{information: {INFORMATION}, reply: {REPLY}}}"))
    path = "flows.letter.asks"
    found = shares_of(scenario_at(file, {f"{path}.information": 1.0, f"{path}.reply": 1.0}))
    room = 0.3 / (0.4 + 0.4)
    assert found == pytest.approx({"information": 0.6 - 0.4 * room, "reply": 0.7 - 0.4 * room})
    assert math.fsum(found.values()) == pytest.approx(1, abs=1e-12)
    assert shares_of(scenario_at(file, {f"{path}.information": 1.0})) == pytest.approx(
        {"information": 0.6 - 0.4 * 0.2 / 0.7, "reply": 0.6 - 0.3 * 0.2 / 0.7}
    )


def test_a_share_without_grade_takes_the_rest_unless_it_was_decided(tmp_path: Path) -> None:
    """Where an alternative decides it, the graded one cannot vary."""
    file = with_ranges(
        tmp_path,
        (ASKS, f"asks: {{information: {INFORMATION}, reply: 0.6}}"),
        ("{channels.electronic.share: 1}", "{flows.letter.asks.reply: 0.6}"),
    )
    draw = {"flows.letter.asks.information": 1.0}
    assert shares_of(scenario_at(file, draw)) == pytest.approx({"information": 0.6, "reply": 0.4})
    assert shares_of(scenario_at(file, draw, "signed")) == pytest.approx({"information": 0.4, "reply": 0.6})


def test_odds_of_a_decision_never_exceed_one(tmp_path: Path) -> None:
    """Below one they need no rest."""
    odds = "{value: 0.5, grade: assumed, range: [0.1, 0.9]}"
    file = with_ranges(
        tmp_path,
        ("to: {draft: 0.1}", f"to: {{draft: {odds}, refused: {odds}}}"),
    )
    path = "fragments.drafting.returned.to"

    def found(first: float, second: float) -> list[float]:
        step = scenario_at(file, {f"{path}.draft": first, f"{path}.refused": second}).fragments["drafting"][1]
        assert isinstance(step, DecideStep)
        return [one.value for one in step.to.values()]

    assert found(0.0, 0.5) == [0.1, 0.5]
    assert found(1.0, 1.0) == pytest.approx([0.5, 0.5])
    assert found(1.0, 0.25) == pytest.approx([0.9 - 0.8 * 0.2, 0.3 - 0.2 * 0.2])


def test_an_absence_is_never_more_than_its_spells_can_make(tmp_path: Path) -> None:
    """Spells of three days, a day of presence between them: three quarters of all days."""
    file = with_ranges(
        tmp_path,
        ("away: 0.2", "away: {value: 0.6, grade: assumed, range: [0.2, 0.9]}"),
        (
            "spell: 2 working days",
            "spell: {value: 3 working days, grade: assumed, range: [1 working day, 9 working days]}",
        ),
    )
    away, spell = "absence.leader.away", "absence.leader.spell"

    def share(*at: float) -> float:
        return scenario_at(file, dict(zip((away, spell), at, strict=True))).absence["leader"].away.value

    assert share(1.0, 0.5) == pytest.approx(0.75)
    assert share(0.5, 0.0) == pytest.approx(0.5)
    assert share(1.0, 1.0) == pytest.approx(0.9)


def test_a_draw_changes_numbers_only(tmp_path: Path) -> None:
    """What the loader derived, the digest and the other cases stay; workers can be sent what is left."""
    file = with_ranges(tmp_path, ("away: 0.2", f"away: {AWAY}"))
    moved = sampled(file, {"absence.leader.away": 0.9})
    assert moved.digest == file.digest
    assert moved.horizon is file.horizon
    before, after = file.scenario, moved.scenario
    assert {name for name in Scenario.model_fields if getattr(before, name) is not getattr(after, name)} == {
        "absence"
    }
    there = pickle.loads(pickle.dumps(moved))
    assert there.scenario == moved.scenario
    assert there.tied == moved.tied


def test_hypercube_gives_the_draws_of_every_factor_by_number(tmp_path: Path) -> None:
    """From 1 on, the same for every alternative and every subset of them, other ones for another seed."""
    file = with_ranges(tmp_path, ("away: 0.2", f"away: {AWAY}"), ("takes: 3 min", REGISTER))
    draws = hypercube(file, 5, 4)
    assert draws.names == tuple(one.name for one in factors(file))
    assert draws.table.shape == (4, 2)
    assert draws.of(4) == dict(zip(draws.names, draws.table[3].tolist(), strict=True))
    assert (hypercube(file, 5, 4).table == draws.table).all()
    assert (hypercube(file, 6, 4).table != draws.table).all()
    for number in (0, 5):
        with pytest.raises(InputError, match="E-DRAWS"):
            draws.of(number)
    with pytest.raises(InputError, match="E-DRAWS"):
        hypercube(file, 5, 0)


def test_an_unknown_factor_or_quantile_is_refused(tmp_path: Path) -> None:
    """With what would be right."""
    file = with_ranges(tmp_path, ("away: 0.2", f"away: {AWAY}"))
    with pytest.raises(InputError, match="E-FACTOR") as caught:
        sampled(file, {"absence.leader.awy": 0.1})
    assert "absence.leader.away" in caught.value.hint
    with pytest.raises(InputError, match="E-QUANTILE"):
        sampled(file, {"absence.leader.away": 1.1})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("away: {value: 0.2, range: [0.1, 0.4]}", ["0.1", "0.2", "0.4"]),
        ("away: {value: 20 %, range: [0.1, 40 %]}", ["10 %", "20 %", "40 %"]),
    ],
)
def test_a_share_is_told_as_it_is_written(tmp_path: Path, text: str, told: list[str]) -> None:
    """A bare number or a percentage."""
    (one,) = factors(with_ranges(tmp_path, ("away: 0.2", text)))
    assert [one.text_at(u) for u in (0.0, 0.5, 1.0)] == told


def test_a_value_is_told_in_the_unit_of_its_range_that_fits(tmp_path: Path) -> None:
    """Hours below a day."""
    takes = "takes: {value: 12 h, grade: assumed, range: [3 h, 2 days]}"
    (one,) = factors(with_ranges(tmp_path, ("takes: 3 min", takes)))
    assert [one.text_at(u) for u in (0.0, 0.25, 0.75, 1.0)] == ["3 h", "7.5 h", "1.25 days", "2 days"]


@pytest.mark.parametrize("name", NAMES)
def test_every_factor_of_a_bundled_scenario_can_be_told(name: str) -> None:
    """Its lowest and highest value are those written."""
    for one in factors(shipped(name)):
        low, high = one.range_text.split(" to ")
        for u, written in ((0.0, low), (1.0, high)):
            assert one.text_at(u)
            assert float(one.text_at(u).split()[0]) >= 0
            if one.at(u) > 0 and len({text.lstrip("0123456789._ ") for text in (low, high)}) == 1:
                assert float(one.text_at(u).split()[0]) == pytest.approx(float(written.split()[0]), rel=5e-3)


def test_ranges_that_make_a_faulty_case_are_refused(tmp_path: Path) -> None:
    """None of the letters is classified, so nobody needs to open them; some draws would have some."""
    step = "{work: register, by: clerk, takes: 3 min}"
    file = with_ranges(
        tmp_path,
        ("deadline: 5 working days", "deadline: 5 working days\n    classified: {value: 0, range: [0, 0.1]}"),
        (step, f"{step}\n      - {{work: open, by: clerk, takes: 1 min}}"),
    )
    check_ranges(file)
    lacking = with_ranges(
        tmp_path,
        ("deadline: 5 working days", "deadline: 5 working days\n    classified: {value: 0, range: [0, 0.1]}"),
        (step, f"{step}\n      - {{work: open, by: keeper, takes: 1 min, when: {{classified: true}}}}"),
    )
    with pytest.raises(ScenarioError) as caught:
        check_ranges(lacking)
    (found,) = caught.value.diagnostics
    assert found.code == "E-ROLE"
    assert "highest" in found.message


def test_a_channel_that_takes_nothing_cannot_take_something_in_a_draw(tmp_path: Path) -> None:
    """The numbers of its procedure would be used in some draws only."""
    file = with_ranges(tmp_path, ("share: 0}", "share: {value: 0, grade: assumed, range: [0, 0.5]}}"))
    with pytest.raises(ScenarioError) as caught:
        check_ranges(file)
    assert [one.code for one in caught.value.diagnostics] == ["E-RANGE"]


def test_shares_of_channels_that_compete_stay_as_drawn(tmp_path: Path) -> None:
    """The engine gives a leg to the earlier channel; a decision is never changed."""
    file = with_ranges(
        tmp_path,
        (
            "  paper: {procedure: paper}",
            f"  more: {{procedure: signed, share: {AWAY}}}\n  paper: {{procedure: paper}}",
        ),
    )
    channels = scenario_at(file, {"channels.more.share": 1.0}, "signed").channels
    assert [one.share.value for one in channels.values() if one.share is not None] == [1.0, 0.4]


def test_every_kind_of_number_of_the_format_is_found(tmp_path: Path) -> None:
    """Also one that no list here names: prices, for instance."""
    file = with_ranges(
        tmp_path,
        (
            "alternatives:\n",
            f"{COSTS}alternatives:\n",
        ),
    )
    (one,) = factors(file)
    assert one.name == "costs.items.stamp.price"
    assert one.text_at(1.0) == "9000 VND"


def test_only_positive_shares_ask_for_a_reply(tmp_path: Path) -> None:
    """At the lowest value a share may vanish, and the rest makes the whole."""
    file = with_ranges(
        tmp_path,
        (
            ASKS,
            f"asks: {{information: {MOST}, reply: {SOME}}}",
        ),
    )
    path = "flows.letter.asks"
    moved = scenario_at(file, {f"{path}.information": 1.0, f"{path}.reply": 0.0})
    asks = moved.flows["letter"].asks
    assert isinstance(asks[Asks.REPLY], Param)
    assert [one.value for one in asks.values()] == [1.0, 0.0]
