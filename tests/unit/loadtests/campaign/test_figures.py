"""Figures of the summary: misses stay in, and what completed stands beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from loadtests.campaign.directory import RunFolder
from loadtests.campaign.figures import achieved, offered, server_series, spectrum, step_figures
from loadtests.campaign.raw import Raw, read_raw
from loadtests.harness.measures import Step, lay_out
from loadtests.harness.records import DELIVERY, Poison, Receipt, State
from tests.unit.loadtests.harness.runs import answered, delivered, no_polls, plan, schedule

DUE_S = np.arange(100) / 10.0


def step(response_s: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Step:
    """A step with these responses."""
    nothing = np.full(len(response_s), np.nan)
    return Step("submit", np.arange(len(response_s)) / 10.0, response_s, nothing, nothing)


def test_a_percentile_with_misses_in_it_is_none_and_that_of_the_completed_is_told_beside() -> None:
    """Two of a hundred were shed: the 99th percentile is a miss, the 95th is not."""
    response_s = np.full(100, 0.25)
    response_s[:2] = np.inf
    found, histogram = step_figures(step(response_s))
    assert (found["count"], found["missed"]) == (100, 2)
    assert found["response_s"]["p99"] is None
    assert found["response_s"]["p95"] == pytest.approx(0.25, rel=1e-3)
    assert found["completed_s"]["p99"] == pytest.approx(0.25, rel=1e-3)
    assert found["response_s"]["max"] is None
    assert found["service_s"]["p50"] is None
    assert [value for _, value in spectrum(histogram)][-1] is None


def test_the_spectrum_ends_where_the_number_of_values_ends() -> None:
    """A hundred values cannot tell the 99.9th percentile."""
    told = [one for one, _ in spectrum(step_figures(step(np.linspace(0.1, 0.2, 100)))[1])]
    assert told[0] == 0.0
    assert max(one for one in told if one is not None) == 99.0


def raw(state: State = State.ACCEPTED) -> Raw:
    """A run of a hundred messages to two recipients, ten of them of another state, one poisoned, one replay."""
    of = schedule(DUE_S, fan_out=2)
    of.poison[[20, 21]] = Poison.TAMPERED, Poison.REPLAY
    rows = answered(DUE_S, np.full(100, 0.01))
    rows["state"][:10] = state
    rows["state"][20], rows["receipt"][20] = State.REJECTED, Receipt.NONE
    return Raw(
        plan(), of, rows, delivered(of, absent_s=1, seen_s=2, accepted_s=3), no_polls(), None, {}, {}, [], []
    )


def test_what_was_offered_does_not_depend_on_what_came_of_it() -> None:
    """98 good messages to two recipients each, one poisoned, one replay."""
    found = offered(raw(State.SHED), {"1s": 1.0, "10s": None})
    assert (found["messages"], found["good"], found["poisoned"], found["replays"]) == (100, 98, 1, 1)
    assert found["deliveries"] == 196
    assert found["rate_per_s"] == pytest.approx(10.0)
    assert found["bytes"] == 100 * 4096
    assert found == offered(raw(), {"1s": 1.0, "10s": None})


@pytest.mark.parametrize(("state", "name"), [(State.SHED, "shed"), (State.SENT, "censored")])
def test_what_did_not_complete_is_counted_by_its_state(state: State, name: str) -> None:
    """Ten messages were shed, or open at the end: they count there and not as completed."""
    of = raw(state)
    found = achieved(of, lay_out(of.plan, of.schedule, of.arrivals, of.deliveries))
    assert found[name] == 10
    assert found["completed"] == 88
    assert found["counts"]["rejected"] == 1
    assert sum(found["counts"].values()) == 100
    assert found["accepted_bytes"] == 88 * 4096
    assert found["deliveries_seen"] == 176


def test_rates_are_those_of_the_judged_window() -> None:
    """With a warm-up of 5 s the 50 messages after it count, over 5 s."""
    of = raw()
    judged = plan(warmup_s=5.0)
    found = achieved(
        Raw(judged, *(getattr(of, name) for name in Raw.__slots__[1:])),
        lay_out(judged, of.schedule, of.arrivals, of.deliveries),
    )
    assert found["completed_per_s"] == pytest.approx(10.0, abs=0.3)
    assert found["deliveries_per_s"] == pytest.approx(20.0, abs=0.6)


def test_a_run_is_read_as_it_was_written_and_what_is_missing_is_none(tmp_path: Path) -> None:
    """Rows come back as they were; a damaged file is no rows, a missing audit is no audit."""
    of = raw()
    folder = RunFolder(tmp_path)
    folder.write_plan(plan(schedule_sha256=of.schedule.digest), of.schedule)
    np.save(folder.raw / "arrivals.npy", of.arrivals)
    (folder.raw / "deliveries.npy").write_bytes(b"half a file")
    found = read_raw(folder)
    assert np.array_equal(found.arrivals["sent_s"], of.arrivals["sent_s"])
    assert found.deliveries.dtype == DELIVERY
    assert len(found.deliveries) == 0
    assert found.audit is None
    assert found.workers == {}
    assert found.schedule.digest == of.schedule.digest


def test_a_servers_numbers_become_one_series_each_with_the_unit_of_its_name() -> None:
    """A sample that lacks a name leaves a gap, no zero."""
    samples = [
        {"at_s": 0.0, "values": {"queue_seconds": 1.0, "stored_bytes": 5.0}},
        {"at_s": 1.0, "values": {"queue_seconds": float("nan")}},
    ]
    found = {one["name"]: one for one in server_series(samples)}
    assert (found["queue_seconds"]["unit"], found["stored_bytes"]["unit"]) == ("s", "B")
    assert found["queue_seconds"]["values"] == [1.0, None]
    assert found["stored_bytes"]["at_s"] == [0.0]
