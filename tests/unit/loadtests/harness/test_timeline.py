"""A run over time: seconds, heat, stages, faults; each arrival where it was due."""

from __future__ import annotations

import numpy as np
import pytest

from loadtests.harness.measures import Seen, lay_out
from loadtests.harness.records import DELIVERY, Receipt, State
from loadtests.harness.timeline import faults, heat, impact, seconds, stages
from tests.unit.loadtests.harness.runs import answered, no_polls, plan, schedule

DUE_S = np.arange(200) / 20.0  # 20/s for 10 s
FREEZE = (4.0, 6.0)


def frozen() -> Seen:
    """A server that answers within 10 ms, and not at all from 4 s to 6 s: those wait until it goes on."""
    done_s = DUE_S + 0.01
    done_s[80:120] = FREEZE[1] + 0.01
    return lay_out(plan(), schedule(DUE_S), answered(DUE_S, done_s - DUE_S), np.zeros(0, DELIVERY))


def test_seconds_show_the_freeze_where_it_struck() -> None:
    """Offered goes on, nothing is done for two seconds, the percentiles of those seconds are long."""
    table = seconds(frozen(), no_polls(), 10.0)
    assert table["offered"] == [20] * 10
    assert sum(x or 0 for x in table["done"]) == 200
    assert table["done"][4:6] == [0, 0]
    assert table["done"][6] == 20 + 40
    assert table["in_flight"][4:6] == [20, 40]
    assert table["p99_s"][4] == pytest.approx(2.01)
    assert table["p50_s"][3] == pytest.approx(0.01)
    assert table["p50_s"][7] == pytest.approx(0.01)


def test_misses_are_counted_where_they_were_due_and_hide_no_percentile() -> None:
    """A second with many misses has no 99th percentile, not a good one."""
    rows = answered(DUE_S, np.full(200, 0.01))
    rows["state"][60:80:2], rows["receipt"][60:80:2] = State.SHED, Receipt.NONE
    rows["sent_s"][60:80:2] = rows["done_s"][60:80:2] = np.nan
    rows["state"][100] = State.REJECTED
    table = seconds(lay_out(plan(), schedule(DUE_S), rows, np.zeros(0, DELIVERY)), no_polls(), 10.0)
    assert table["shed"] == [0, 0, 0, 10, 0, 0, 0, 0, 0, 0]
    assert table["failed"] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert table["p99_s"][3] is None
    assert table["p50_s"][3] == pytest.approx(0.01)


def test_the_heat_map_holds_every_good_arrival_once() -> None:
    """Counts add up, misses in the last row."""
    rows = answered(DUE_S, np.full(200, 0.01))
    rows["state"][5] = State.AMBIGUOUS
    found = heat(lay_out(plan(), schedule(DUE_S), rows, np.zeros(0, DELIVERY)), 10.0)
    assert sum(map(sum, found["counts"])) == 200
    assert sum(found["counts"][-1]) == 1
    assert len(found["counts"]) == len(found["value_edges_s"])
    assert all(len(row) == len(found["time_edges_s"]) - 1 for row in found["counts"])
    assert found["value_edges_s"][0] <= 0.01 <= found["value_edges_s"][-1]


def test_stages_are_judged_apart() -> None:
    """The stage with the freeze has the long percentile, the others have not."""
    found = stages(frozen(), [("before", 0, 4, 20), ("freeze", 4, 6, 20), ("after", 6, 10, 20)])
    assert [one["p99_s"] for one in found] == pytest.approx([0.01, 2.01, 0.01])
    assert [one["completed_per_s"] for one in found] == pytest.approx([20, 0, 30], abs=0.5)


class TestImpact:
    """Time to detect and time to recover."""

    def test_a_freeze_is_known_when_the_bound_has_passed_and_over_when_it_ends(self) -> None:
        """The first arrival of the freeze is slow 0.5 s after it was due."""
        found = impact(frozen(), *FREEZE, 0.5)
        assert found.detected_s == pytest.approx(0.5)
        assert found.recovered_s == 0.0
        assert found.misses == 0

    def test_a_queue_that_drains_takes_until_its_last_slow_arrival(self) -> None:
        """A backlog that is gone a second after the end of the fault."""
        done_s = DUE_S + 0.01
        touched = (DUE_S >= 4.0) & (DUE_S < 7.0)
        done_s[touched] = 7.0 + (DUE_S[touched] - 4.0) / 3.0 * 0.05
        seen = lay_out(plan(), schedule(DUE_S), answered(DUE_S, done_s - DUE_S), np.zeros(0, DELIVERY))
        found = impact(seen, 4.0, 6.0, 0.5)
        assert found.recovered_s == pytest.approx(0.5, abs=0.06)  # later ones waited less than 0.5 s

    def test_what_never_ends_is_not_recovered(self) -> None:
        """Refused until the end of the run."""
        rows = answered(DUE_S, np.full(200, 0.01))
        rows["state"][80:] = State.REJECTED
        found = impact(lay_out(plan(), schedule(DUE_S), rows, np.zeros(0, DELIVERY)), 4.0, 5.0, 0.5)
        assert found.recovered_s is None
        assert found.misses == 120
        assert found.detected_s == pytest.approx(0.01)

    def test_a_fault_that_nobody_notices(self) -> None:
        """No slow answer, no miss."""
        seen = lay_out(plan(), schedule(DUE_S), answered(DUE_S, np.full(200, 0.01)), np.zeros(0, DELIVERY))
        found = impact(seen, 4.0, 5.0, None)
        assert (found.detected_s, found.recovered_s, found.misses) == (None, 0.0, 0)

    def test_without_an_objective_slow_is_what_was_unusual_before(self) -> None:
        """Twice the 99th percentile before the fault, at least 50 ms."""
        assert impact(frozen(), *FREEZE, None).slow_s == 0.05

    def test_recorded_times_are_used_where_they_differ_from_the_planned(self) -> None:
        """A fault is what happened, not what was asked for."""
        recorded = {
            "kind": "freeze",
            "at_s": 3.0,
            "until_s": 5.0,
            "recorded_from_s": 4.0,
            "recorded_until_s": 6.0,
        }
        (found,) = faults(frozen(), [recorded], 0.5)
        assert (found["at_s"], found["until_s"]) == FREEZE
        assert found["detected_s"] == pytest.approx(0.5)
