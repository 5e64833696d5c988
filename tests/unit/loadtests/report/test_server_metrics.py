"""The server's metrics: counters become rates, sums means, and nothing is told of a restart."""

from __future__ import annotations

from typing import Any

import pytest

from loadtests.report.server_metrics import PANELS_MAX, courses


def metric(name: str, values: list[Any], unit: str = "", step_s: float = 1.0) -> dict[str, Any]:
    """A metric sampled at equal steps."""
    return {"name": name, "unit": unit, "at_s": [step_s * k for k in range(len(values))], "values": values}


def test_a_counter_is_drawn_per_second_and_a_restart_is_a_gap() -> None:
    """30 more in 2 s are 15/s; where the counter fell, nothing is known."""
    (found,) = courses([metric("messages_total[a]", [0, 30, 60, 5, 35], step_s=2.0)])
    assert (found.name, found.unit) == ("messages[a]", "1/s")
    assert [value for _, value in found.points] == [15.0, 15.0, None, 15.0]
    assert [at for at, _ in found.points] == [2.0, 4.0, 6.0, 8.0]


def test_a_sum_of_seconds_is_drawn_as_the_mean_of_what_was_counted() -> None:
    """0.2 s for 100 reads are 2 ms each; an interval without reads has no mean."""
    found = courses([
        metric("x_read_seconds_count[inbox,200]", [0, 100, 100, 300]),
        metric("x_read_seconds_sum[inbox,200]", [0.0, 0.2, 0.2, 1.2]),
        metric("x_queue", [3, 4, 3, None]),
    ])  # fmt: skip
    by_unit = {one.unit: one for one in found}
    assert {one.name for one in found} == {"read[inbox,200]", "queue"}
    assert [value for _, value in by_unit["ms"].points] == [pytest.approx(2.0), None, pytest.approx(5.0)]
    assert [value for _, value in by_unit["1/s"].points] == [100.0, 0.0, 200.0]
    assert by_unit[""].points == ((0.0, 3.0), (1.0, 4.0), (2.0, 3.0))


def test_what_hardly_moved_is_not_drawn() -> None:
    """Constant gauges and counters of a few events have no course; many metrics are cut to a page's worth."""
    assert not courses([metric("a_total", [0, 1, 2]), metric("b", [7, 7, 7]), metric("c", [None, None]), {}])
    assert len(courses([metric(f"gauge{k}", [k, k + 1]) for k in range(40)])) == PANELS_MAX
