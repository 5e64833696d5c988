"""What holds for every draw of assumed inputs, whatever seed, number of draws and ranges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario import ScenarioFile, factors, hypercube
from sim.scenario.fitting import balanced
from sim.scenario.params import Grade, Param
from sim.scenario.sampling import at_quantile
from sim.units import Dimension
from tests.unit.scenario.build import changed, loaded

EXAMPLES = 60
AWAY = ("away: 0.2", "away: {value: 0.2, grade: assumed, range: [0.1, 0.4]}")
TAKES = ("takes: 3 min", "takes: {value: 3 min, grade: assumed, range: [1 min, 9 min]}")
AFTER = (
    "after: 1 working day}",
    "after: {value: 1 working day, grade: assumed, range: [0 working days, 2 working days]}}",
)
seeds = st.integers(0, 2**64)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> ScenarioFile:
    """Two factors."""
    return loaded(tmp_path_factory.mktemp("few"), changed(AWAY, TAKES))


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> ScenarioFile:
    """The same two, and one before them."""
    return loaded(tmp_path_factory.mktemp("more"), changed(AWAY, TAKES, AFTER))


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=seeds, draws=st.integers(1, 300))
def test_every_factor_has_one_draw_in_each_part_of_its_range(
    more: ScenarioFile, seed: int, draws: int
) -> None:
    """The defining property of a Latin hypercube; and no draw is at an end."""
    table = hypercube(more, seed, draws).table
    assert table.shape == (draws, 3)
    assert (np.sort(np.floor(table * draws), axis=0) == np.arange(draws)[:, None]).all()
    assert (table > 0).all()
    assert (table < 1).all()


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=seeds, draws=st.integers(1, 50))
def test_one_more_factor_changes_no_draw_of_another(
    few: ScenarioFile, more: ScenarioFile, seed: int, draws: int
) -> None:
    """Draws are keyed by name."""
    assert len(factors(more)) == len(factors(few)) + 1
    fewer, all_ = hypercube(few, seed, draws), hypercube(more, seed, draws)
    for number in range(1, draws + 1):
        assert fewer.of(number).items() <= all_.of(number).items()


def test_factors_are_drawn_apart(few: ScenarioFile) -> None:
    """Over many hypercubes their rank correlation has mean zero: within five standard errors."""
    tables = [hypercube(few, seed, 20).table for seed in range(200)]
    found = [float(np.corrcoef(one[:, 0], one[:, 1]).flat[1]) for one in tables]
    assert abs(np.mean(found)) < 5 * np.std(found) / math.sqrt(len(found))
    assert np.std(found) > 0.1


numbers = st.floats(0, 1e9, allow_nan=False)


@settings(max_examples=EXAMPLES * 5)
@given(ends=st.tuples(numbers, numbers, numbers).map(sorted), us=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_quantile_stays_in_its_range_in_order_and_the_median_is_the_stated_value(
    ends: list[float], us: tuple[float, float]
) -> None:
    """Ends and median exactly."""
    low, value, high = ends
    first, second = (at_quantile(value, (low, high), u) for u in sorted(us))
    assert low <= first <= second <= high or math.isclose(first, second, rel_tol=1e-12)
    assert low <= second <= high
    assert [at_quantile(value, (low, high), u) for u in (0.0, 0.5, 1.0)] == [low, value, high]


@st.composite
def wholes(draw: st.DrawFn) -> dict[str, Param]:
    """Shares with ranges around values that add up to one, each moved to a quantile of its range."""
    weights = draw(st.lists(st.integers(0, 1000), min_size=2, max_size=5).filter(any))
    out = {}
    for number, weight in enumerate(weights):
        value = weight / sum(weights)
        low = value * draw(st.floats(0, 1))
        high = value + (1 - value) * draw(st.floats(0, 1))
        moved = at_quantile(value, (low, high), draw(st.floats(0, 1)))
        out[f"s{number}"] = Param(moved, Dimension.SHARE, "", Grade.ASSUMED, "", (low, high))
    return out


@settings(max_examples=EXAMPLES * 5)
@given(shares=wholes(), whole=st.booleans())
def test_shares_add_up_and_stay_in_their_ranges(shares: dict[str, Param], whole: bool) -> None:
    """To one where they must, to one at most elsewhere; what needs no change gets none."""
    found = balanced(shares, whole=whole)
    total = math.fsum(one.value for one in found.values())
    assert total == pytest.approx(1, abs=2e-9) if whole else total <= 1 + 2e-9
    for one in found.values():
        assert one.range is not None
        assert one.range[0] - 1e-12 <= one.value <= one.range[1] + 1e-12
    if not whole and math.fsum(one.value for one in shares.values()) <= 1:
        assert found == shares
