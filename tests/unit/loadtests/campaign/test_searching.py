"""What a search learns from one run's summary, and how it was asked for."""

from __future__ import annotations

import math
from typing import Any

import pytest

from loadtests.campaign.searching import SearchOptions, probe_of
from loadtests.harness.search import Ask, Phase
from loadtests.harness.verdict import Outcome
from sim.errors import InputError

ASK = Ask(50.0, 60.0, 1, Phase.CONFIRM)


def summary(estimate_s: float | None, in_flight: list[int]) -> dict[str, Any]:
    """A run of a minute after ten seconds of warm-up."""
    judged = {"bound_s": 0.5, "estimate_s": estimate_s, "low_s": 0.1, "high_s": None}
    return {
        "plan": {"warmup_s": 10.0, "duration_s": 70.0},
        "objectives": [{"bound_s": None, "estimate_s": None}, judged],
        "series": {"in_flight": in_flight},
        "verdict": {"outcome": "FAIL", "reasons": [{"text": "too slow"}]},
        "completed_per_s": 48.0,
    }


def test_a_growing_backlog_is_seen_without_the_warm_up() -> None:
    """One more message under way in each second is a slope of one, whatever the warm-up was like."""
    found = probe_of(ASK, summary(0.2, [900] * 10 + list(range(60)) + [0] * 5), "probes/1")
    assert found.backlog_slope_per_s == pytest.approx(1.0)
    assert (found.outcome, found.text, found.achieved_per_s) == (Outcome.FAIL, "too slow", 48.0)


def test_null_is_infinite() -> None:
    """A percentile among the misses comes back as infinity, and an upper end that nobody knows, too."""
    found = probe_of(ASK, summary(None, [5] * 70), "")
    assert math.isinf(found.response_s)
    assert math.isinf(found.high_s)


def test_confirm_takes_its_time() -> None:
    """Half an hour for each seed only where it was asked for, and the budget grows with it."""
    short, long = SearchOptions().settings(1), SearchOptions(confirm=True).settings(1)
    assert (short.confirm_s, long.confirm_s) == (60.0, 1800.0)
    assert long.budget_s > 3 * long.confirm_s
    assert short.budget_s > 3 * short.confirm_s


@pytest.mark.parametrize(
    "wanted", [SearchOptions(probe="0 s"), SearchOptions(tolerance="2"), SearchOptions(budget="x")]
)
def test_wrong_options(wanted: SearchOptions) -> None:
    """They are refused as options."""
    with pytest.raises(InputError) as refused:
        wanted.settings(1)
    assert refused.value.code == "E-OPTION"
