"""The common zero of time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.locustfiles.clock import Ping, Skew, anchored, skew_of

ways = st.floats(0.0, 2.0)


@given(st.floats(-100, 100), st.lists(st.tuples(ways, ways), min_size=1))
def test_the_skew_is_known_within_its_doubt(ahead_s: float, journeys: list[tuple[float, float]]) -> None:
    """However long pings take either way, the true skew is within the doubt that is told."""
    pings = [Ping(1000.0, 1000.0 + there + ahead_s, 1000.0 + there + back) for there, back in journeys]
    found = skew_of(pings)
    assert abs(found.ahead_s - ahead_s) <= found.doubt_s + 1e-9


@given(st.floats(-0.01, 0.01), ways)
def test_clocks_that_may_agree_are_not_corrected(ahead_s: float, way_s: float) -> None:
    """A skew that the pings do not prove leaves T0 where the worker's own clock has it."""
    found = skew_of([Ping(0.0, way_s + ahead_s, 2 * way_s)])
    at_s = anchored(50.0, found, wall_s=20.0, counter_s=3.0)
    expected_s = 33.0 if abs(ahead_s) <= way_s else 33.0 - ahead_s
    assert at_s == pytest.approx(expected_s, abs=1e-6)


def test_without_pings_the_clocks_are_one() -> None:
    """The process that conducts and sends itself has no skew."""
    assert skew_of([]) == Skew(0.0, 0.0)


def test_a_master_that_is_ahead_begins_earlier_here() -> None:
    """T0 at 100 on a clock that is 5 s ahead is 95 on this one."""
    assert anchored(100.0, Skew(5.0, 0.001), wall_s=90.0, counter_s=7.0) == pytest.approx(12.0)
