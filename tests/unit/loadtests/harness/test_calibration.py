"""The measured profile: what it says of a server that is known, and what it does not say."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loadtests.harness.calibration import TRANSIT, profile, quantile_groups
from loadtests.harness.calibration_figures import distribution, mean, share
from sim.scenario.params import Grade, read_distribution
from sim.units import Dimension
from tests.unit.loadtests.harness import profiled


def profile_of(run: profiled.Made) -> dict[str, Any]:
    """Its profile, through JSON."""
    found = profile(
        run.plan,
        run.seen,
        target={"name": "known", "version": "1"},
        machine={"cores": 2},
        rng=np.random.default_rng(1),
        measured_on="2026-11-01",
    )
    data: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    return data


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """The profile of a plain run."""
    return profile_of(profiled.made())


def test_service_time_by_size(found: dict[str, Any]) -> None:
    """Each class of size has the mean that its documents were made with, inside its interval."""
    small, large = found["service_s"]
    assert (small["size_bytes_mean"], large["size_bytes_mean"]) == (4_000, 1_000_000)
    for one, truth in ((small, profiled.SMALL_S), (large, profiled.LARGE_S)):
        assert one["mean"]["low"] < one["mean"]["value"] < one["mean"]["high"]
        assert one["mean"]["value"] == pytest.approx(truth, rel=0.06)
        assert one["p50"]["value"] < one["p95"]["value"] < one["p99"]["value"]
    assert small["n"] + large["n"] < found["measured_on"]["messages"]


def test_availability_and_refusals(found: dict[str, Any]) -> None:
    """A server that answers everything and refuses one in fifty is told as such; a refusal is an answer."""
    assert found["availability"]["requests"]["share"] == 1
    assert found["availability"]["seconds"]["share"] == 1
    assert found["availability"]["outages_s"] == []
    assert found["refusal"]["low"] < 0.02 < found["refusal"]["high"]


def test_an_outage_is_seen_and_told() -> None:
    """Six seconds without an answer: their share of requests and seconds, when they were, and a wide interval."""
    data = profile_of(profiled.made(outage_s=(50.0, 56.0)))
    available = data["availability"]
    assert available["outages_s"] == [[50.0, 56.0]]
    assert available["seconds"]["share"] == pytest.approx(104 / 110)
    assert available["requests"]["share"] == pytest.approx(104 / 110, abs=0.02)
    independent = 2 * 2.3 * (0.055 * 0.945 / data["measured_on"]["messages"]) ** 0.5
    assert available["requests"]["high"] - available["requests"]["low"] > 2 * independent
    assert any("outages" in text for text in data["not_cited"])


def test_delivery_delay_counts_from_the_intended_time(found: dict[str, Any]) -> None:
    """Delay until it was seen, by the server's stamp half a second less; nothing is missing."""
    delivery = found["delivery_s"]
    assert delivery["mean"]["value"] == pytest.approx(float(profiled.made().delays_s.mean()))
    assert delivery["by_stamp"]["mean"]["value"] == pytest.approx(delivery["mean"]["value"] - 0.5, abs=0.02)
    assert delivery["never_seen"] == 0
    assert delivery["n"] == len(profiled.made().delays_s)


def test_what_it_was_measured_on(found: dict[str, Any]) -> None:
    """Plan, target, machine and load stand in the profile, and in the source that a scenario will show."""
    on = found["measured_on"]
    assert on["plan_digest"] == profiled.made().plan.digest
    assert on["fan_out"] == 2
    assert on["rate_per_s"] == pytest.approx(profiled.RATE_PER_S, rel=0.05)
    source = found["fragment"][TRANSIT]["source"]
    for text in (on["plan_digest"][:12], "known 1", "2026-11-01", "recipients each", "polled every 10 s"):
        assert text in source


def test_the_fragment_is_what_a_scenario_reads(found: dict[str, Any]) -> None:
    """The simulator reads it as measured, with the sample's mean and percentiles."""
    read = read_distribution(found["fragment"][TRANSIT], (Dimension.DURATION,), None)
    assert read.grade is Grade.MEASURED
    delays_s = profiled.made().delays_s
    assert read.dist.mean == pytest.approx(float(delays_s.mean()), rel=1e-6)
    assert read.range is not None
    assert read.range[0] < read.dist.mean < read.range[1]
    for level in (0.5, 0.95, 0.99):
        assert float(read.dist.ppf(np.array([level]))[0]) == pytest.approx(
            np.quantile(delays_s, level), rel=0.05
        )
    assert found["set"][0].startswith(f"{TRANSIT}=")


def test_too_few_deliveries_are_not_cited() -> None:
    """From fewer than a hundred deliveries nothing is cited, and the profile says so."""
    data = profile_of(profiled.made(seconds=10.5))
    assert data["fragment"] == {}
    assert data["set"] == []
    assert any(text.startswith(TRANSIT) for text in data["not_cited"])
    nothing = profile_of(profiled.made(seconds=9.0))
    assert nothing["service_s"] == []
    assert nothing["measured_on"]["messages"] == 0


@settings(max_examples=80, deadline=None)
@given(arrays(np.float64, st.integers(1, 400), elements=st.floats(0, 1e4)))
def test_groups_keep_the_mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """However few or odd the values: ascending groups, weights of one in sum, the same mean."""
    found, weights = quantile_groups(values)
    assert found == sorted(found)
    assert len(found) <= 70
    assert sum(weights) == pytest.approx(1, abs=1e-12)
    assert min(weights) > 0
    middle = sum(value * weight for value, weight in zip(found, weights, strict=True))
    assert middle == pytest.approx(float(values.mean()), rel=1e-6, abs=1e-4)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Of autocorrelated values, intervals of mean, median and share cover the truth in 90 % or more of 200 runs.

    Stated are 95 %; 200 runs that truly cover in 95 % fall below 90 % with a probability of 0.2 %, and seeds are fixed.
    """
    runs, hits = 200, np.zeros(3)
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        noise = rng.normal(0, 1, 2000)
        level = np.zeros(2000)
        for at in range(1, 2000):
            level[at] = 0.7 * level[at - 1] + noise[at]
        at_s = np.arange(2000.0)
        values = 10 + level
        middle = mean(values)
        half = distribution(values, at_s, rng)["p50"]
        above = share(values > 10, at_s, rng)
        for place, (low, high, truth) in enumerate(
            (
                (middle["low"], middle["high"], 10),
                (half["low"], half["high"], 10),
                (above["low"], above["high"], 0.5),
            )
        ):
            hits[place] += low is not None and high is not None and low <= truth <= high
    assert (hits / runs >= 0.9).all()


def test_nothing_is_said_of_nothing() -> None:
    """Without values there are no figures; with one there is no interval."""
    rng = np.random.default_rng(1)
    assert distribution(np.zeros(0), np.zeros(0), rng)["p99"] == {"value": None, "low": None, "high": None}
    assert mean(np.ones(1)) == {"value": 1.0, "low": None, "high": None}
    assert share(np.zeros(0, dtype=np.bool_), np.zeros(0), rng)["share"] is None
