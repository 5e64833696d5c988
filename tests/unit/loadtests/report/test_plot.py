"""Scales and ticks: where a number stands in a drawing."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from loadtests.report.context import context
from loadtests.report.figures import depth
from loadtests.report.plot import Plot, Scale, log_span


@given(st.floats(1e-6, 1e3), st.floats(1.01, 1e6), st.integers(2, 12))
def test_ticks_are_inside_round_and_few(low: float, ratio: float, most: int) -> None:
    """On either scale ticks ascend, lie inside, and are not many more than asked for."""
    for log in (False, True):
        ticks = Scale(low, low * ratio, 0, 100, log=log).ticks(most)
        assert ticks == sorted(set(ticks))
        assert all(low * 0.99 <= one <= low * ratio * 1.01 for one in ticks)
        assert len(ticks) <= 2 * most + 1


@given(st.lists(st.floats(1e-6, 1e4), max_size=8))
def test_a_logarithmic_span_holds_all_values(values: list[float]) -> None:
    """The ends enclose every value and are apart."""
    low, high = log_span([*values, None, math.inf, 0.0])
    assert 0 < low < high
    assert all(low <= one <= high for one in values)


def test_each_nine_is_one_further() -> None:
    """0, 90, 99, 99.9 % stand one apart; above 99.999 % is the end."""
    assert [round(depth(one), 9) for one in (0.0, 90.0, 99.0, 99.9, 99.999, 100.0)] == [0, 1, 2, 3, 5, 5]


def test_a_line_breaks_where_a_value_is_missing() -> None:
    """Two pieces and a lone point make two paths and a dot."""
    plot = Plot(Scale(0, 10, 0, 100), Scale(0, 10, 100, 0))
    plot.line([(0, 1.0), (1, 2.0), (2, None), (3, 1.0), (4, math.inf), (5, 1.0), (6, 1.0)], "#000000")
    assert [part.split(" ")[0] for part in plot.parts] == ["<path", "<circle", "<path"]


def test_numbers_on_axes_have_no_needless_zeros() -> None:
    """Ticks are short in both languages; large ones have a prefix."""
    english, vietnamese = (context({"schema": 1}, {}, language) for language in ("en", "vi"))
    assert [english.tick(one) for one in (0.5, 2.0, 5e7, 120_000.0)] == [
        "0.5",
        "2",
        "50\u00a0M",
        "120\u00a0k",
    ]
    assert vietnamese.tick(0.25) == "0,25"
    assert [english.tick_time(one) for one in (0.0, 1e-5, 0.002, 3.0, 1200.0)] == [
        "0\u00a0s", "10\u00a0µs", "2\u00a0ms", "3\u00a0s", "20\u00a0min",
    ]  # fmt: skip
    assert english.share(1, 1_000_000) == "<0.01\u00a0%"
    assert english.share(999_999, 1_000_000) == ">99.99\u00a0%"
    assert english.share(5, 5) == "100\u00a0%"
