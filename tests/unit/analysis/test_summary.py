from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from sim.analysis.output import ReplicationNumbers, replication_numbers
from sim.analysis.summary import summarise
from sim.errors import InputError
from sim.observations import Outcome
from sim.units import HOUR_S, WEEK_S

from .builders import NAMES, leg, legs, observations, office, pools, steps, work

START = date(2015, 1, 5)
MONDAY_S = WEEK_S + 8 * HOUR_S

# alternatives.<name> of the contract, without the title that the caller adds
KEYS = {
    "counts",
    "all_counts",
    "documents",
    "envelopes",
    "ledgers",
    "turnaround_s",
    "turnaround_working_s",
    "turnaround_first_s",
    "turnaround_p90_recipients_s",
    "turnaround_last_s",
    "segments_s",
    "by_flow",
    "by_urgency",
    "by_flow_urgency",
    "procedures",
    "distribution",
    "within_working_days",
    "inside_deadline",
    "stages",
    "where_time_goes",
    "utilisation",
    "bottleneck",
    "open_over_time",
    "growth_per_week",
    "stable",
    "unstable_reasons",
    "cost",
}


def replication(number: int, hours: float, **changes: Any) -> ReplicationNumbers:
    """One finished leg of the flow ``directive``, on the path of one hour of drafting."""
    finished = leg(0, hours * HOUR_S, created_s=MONDAY_S, released_s=MONDAY_S + HOUR_S)
    rows = changes.pop("more", ())
    return replication_numbers(
        observations(
            replication=number,
            legs=legs(finished, *rows),
            steps=steps(work(0, (MONDAY_S, MONDAY_S, MONDAY_S + HOUR_S), HOUR_S)),
            pools=pools({"waiting_end": number}),
            documents=1,
            **changes,
        ),
        office(),
    )


def summary(*numbers: ReplicationNumbers) -> dict[str, Any]:
    """Summarise replications of one alternative."""
    titles = {"directive": {"en": "Directive", "vi": "Chỉ thị"}}
    return summarise(numbers, start=START, flow_titles=titles, deadlines={"directive": 8 * HOUR_S})


def test_keys_of_the_contract_and_nothing_that_json_lacks() -> None:
    """The summary has the keys agreed on and is JSON without NaN."""
    found = summary(replication(1, 2.0), replication(2, 4.0))
    assert found.keys() == KEYS
    json.dumps(found, allow_nan=False)
    assert found["by_flow"]["directive"].keys() == {
        "title",
        "n",
        "turnaround_s",
        "turnaround_working_s",
        "signed_registered_s",
        "turnaround_last_s",
        "deadline_s",
        "inside_deadline",
    }
    assert found["turnaround_s"].keys() == {"mean", "p50", "p90", "p95", "n"}
    assert found["within_working_days"].keys() == {"1", "2", "5"}


def test_values_become_estimates_and_counts_sums() -> None:
    """A mean is one number per replication; legs are added up."""
    found = summary(replication(1, 2.0), replication(2, 4.0))
    assert found["turnaround_s"]["mean"]["estimate"] == 3 * HOUR_S
    assert found["turnaround_s"]["mean"]["replications"] == 2
    assert found["turnaround_s"]["n"] == 2
    assert found["documents"] == 2
    assert found["counts"]["completed"] == 2
    assert found["utilisation"]["busiest"][0]["waiting_end"] == 1.5


def test_titles_and_deadlines_of_flows() -> None:
    """Flows have the titles and deadlines given; without a title the id is the title."""
    more = [leg(1, HOUR_S, created_s=MONDAY_S, flow=1)]
    found = summary(replication(1, 2.0, more=more))["by_flow"]
    assert found["directive"]["title"] == {"en": "Directive", "vi": "Chỉ thị"}
    assert found["directive"]["deadline_s"] == 8 * HOUR_S
    assert found["report"]["title"] == {"en": "report", "vi": "report"}
    assert found["report"]["deadline_s"] is None


def test_what_no_replication_has_is_left_out() -> None:
    """Flows, urgencies, procedures and stages without legs or time do not fill the report."""
    found = summary(replication(1, 2.0))
    assert list(found["by_flow"]) == ["directive"]
    assert list(found["by_urgency"]) == ["normal"]
    assert {flow: list(part) for flow, part in found["by_flow_urgency"].items()} == {"directive": ["normal"]}
    assert list(found["procedures"]) == ["paper"]
    assert list(found["stages"]) == ["drafting", "other"]


def test_what_one_replication_lacks_is_kept() -> None:
    """A class that only one replication has is told with the replications that had it."""
    more = [leg(1, HOUR_S, created_s=MONDAY_S, urgency=3)]
    found = summary(replication(1, 2.0), replication(2, 2.0, more=more))
    assert found["by_urgency"]["express"]["n"] == 1
    assert found["by_urgency"]["express"]["turnaround_s"]["mean"]["replications"] == 1


def test_open_ages_are_pooled() -> None:
    """The mean age is over all open legs of all replications, the maximum is the oldest."""
    young, old = (leg(n, created_s=6 * WEEK_S - age_s) for n, age_s in ((1, 100.0), (2, 300.0)))
    found = summary(
        replication(1, 2.0, more=[young, old]), replication(2, 2.0, more=[old]), replication(3, 2.0)
    )
    assert found["counts"]["open"] == 3
    assert found["counts"]["open_age_s"] == {"mean": pytest.approx(700 / 3), "max": 300.0}
    assert summary(replication(1, 2.0))["counts"]["open_age_s"] == {"mean": None, "max": None}


def test_open_over_time_is_dated() -> None:
    """Days are dates from the first day on; with one replication there is no interval."""
    found = summary(replication(1, 48.0))["open_over_time"]
    assert (found["date"][0], found["date"][-1], len(found["date"])) == ("2015-01-05", "2015-02-08", 35)
    assert found["mean"][6:10] == [0, 1, 1, 0]
    assert found["low"][0] is None
    both = summary(replication(1, 48.0), replication(2, 2.0))["open_over_time"]
    assert both["mean"][7] == 0.5
    assert both["high"][7] == pytest.approx(0.5 + 0.5 * 12.706204736)


def test_nothing_finished_is_not_an_error() -> None:
    """An alternative that finishes nothing has no turnaround, and its open legs are counted."""
    unfinished = observations(legs=legs(leg(0, created_s=MONDAY_S), leg(1, outcome=Outcome.REFUSED)))
    found = summary(replication_numbers(unfinished, office()))
    assert found["turnaround_s"]["mean"]["estimate"] is None
    assert found["stages"] == {}
    assert found["bottleneck"] is None
    assert found["counts"]["open"] == 1
    json.dumps(found, allow_nan=False)


def test_scenario_without_flows() -> None:
    """Names without flows give no classes by flow."""
    names = replace(NAMES, flows=(), procedures=())
    found = summary(replication_numbers(observations(names=names), office()))
    assert found["by_flow"] == found["by_flow_urgency"] == found["procedures"] == {}


def test_no_replication() -> None:
    """Without replications there is nothing to say."""
    with pytest.raises(InputError, match="E-NO-REPLICATIONS"):
        summary()
