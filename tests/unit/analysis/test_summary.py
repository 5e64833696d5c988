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
    "by_flow_level",
    "procedures",
    "distribution",
    "within_working_days",
    "inside_deadline",
    "restricted_mean_s",
    "stages",
    "where_time_goes",
    "utilisation",
    "bottleneck",
    "open_over_time",
    "growth_per_week",
    "held_up",
    "stable",
    "unstable_reasons",
    "overload_notes",
    "warm_up",
    "cost",
}


def replication(number: int, hours: float, **changes: Any) -> ReplicationNumbers:
    """One finished leg of the flow ``directive``, on the path of one hour of drafting."""
    finished = leg(0, hours * HOUR_S, created_s=MONDAY_S, released_s=MONDAY_S + HOUR_S)
    rows = changes.pop("more", ())
    horizon_s = changes.pop("horizon_s", None)
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
        horizon_s,
    )


def summary(*numbers: ReplicationNumbers, kind: str = "steady") -> dict[str, Any]:
    """Summarise replications of one alternative."""
    titles = {"directive": {"en": "Directive", "vi": "Chỉ thị"}}
    return summarise(numbers, start=START, flow_titles=titles, deadlines={"directive": 8 * HOUR_S}, kind=kind)


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
        "last_registered_s",
        "all_registered_within",
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


def test_the_restricted_mean_states_its_horizon() -> None:
    """Mean and horizon stand together; without a horizon both are unknown."""
    more = [leg(1, created_s=MONDAY_S)]
    numbers = [replication(n, 2.0, more=more, horizon_s=10 * HOUR_S) for n in (1, 2)]
    found = summary(*numbers)["restricted_mean_s"]
    assert (found["estimate"], found["horizon_s"], found["replications"]) == (6 * HOUR_S, 10 * HOUR_S, 2)
    found = summary(replication(1, 2.0))["restricted_mean_s"]
    assert (found["estimate"], found["horizon_s"]) == (None, None)


def test_quantiles_of_few_documents_are_pooled() -> None:
    """Five replications of one leg each: the pooled median, and the interval from least to largest."""
    found = summary(*(replication(n, float(hours)) for n, hours in enumerate((1, 2, 3, 4, 10), start=1)))
    median = found["turnaround_s"]["p50"]
    assert (median["method"], median["replications"]) == ("pooled bootstrap", 5)
    assert median["estimate"] == 3 * HOUR_S
    assert HOUR_S <= median["low"] < median["estimate"] < median["high"] <= 10 * HOUR_S
    assert found["by_flow"]["directive"]["turnaround_s"]["p50"]["method"] == "pooled bootstrap"
    assert "method" not in found["turnaround_s"]["mean"]


def test_quantiles_of_many_documents_are_not() -> None:
    """With 20 items beyond it per replication a quantile is one number each; beyond p95 there are fewer."""
    more = [leg(n, HOUR_S, created_s=MONDAY_S) for n in range(1, 200)]
    found = summary(*(replication(n, 2.0, more=more) for n in range(1, 6)))["turnaround_s"]
    methods = [found[key]["method"] for key in ("p50", "p90", "p95")]
    assert methods == ["replications", "replications", "pooled bootstrap"]
    large = [leg(n, HOUR_S, created_s=MONDAY_S) for n in range(1, 502)]
    numbers = [replication(n, 2.0, more=large if n == 1 else ()) for n in range(1, 6)]
    assert summary(*numbers)["turnaround_s"]["p95"]["method"] == "replications"  # one of them did not travel


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
    assert {flow: list(part) for flow, part in found["by_flow_level"].items()} == {"directive": ["district"]}
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


def test_reaching_the_recipients_is_told_by_flow_and_level() -> None:
    """To the last recipient per document, to each per delivery, and the shares within working days."""
    both = [
        leg(n, created_s=MONDAY_S, doc=9, recipient=n, registered_s=MONDAY_S + n * HOUR_S) for n in (1, 2)
    ]
    found = summary(replication(1, 2.0, more=both), replication(2, 2.0, more=both))
    assert found["by_flow"]["directive"]["last_registered_s"]["mean"]["estimate"] == 2 * HOUR_S
    assert found["by_flow"]["directive"]["all_registered_within"]["1"]["estimate"] == 1
    levels = found["by_flow_level"]["directive"]
    assert levels.keys() == {"district", "commune"}
    assert levels["commune"].keys() == {
        "n",
        "registered_s",
        "last_registered_s",
        "registered_within",
        "all_registered_within",
    }
    assert levels["commune"]["registered_s"]["p50"]["estimate"] == 2 * HOUR_S
    assert levels["commune"]["registered_s"]["n"] == levels["commune"]["n"] == 2
    assert levels["district"]["last_registered_s"]["mean"]["estimate"] == HOUR_S
    assert levels["district"]["registered_within"].keys() == {"1", "2", "5"}


def test_the_warm_up_is_told_of_the_averaged_replications() -> None:
    """Five weeks from time 0 are too few for MSER-5; the graph is that of both replications."""
    found = summary(replication(1, 48.0), replication(2, 2.0))["warm_up"]
    assert found.keys() == {"welch", "mser5_weeks", "configured_weeks", "enough", "text"}
    assert (found["mser5_weeks"], found["enough"], found["configured_weeks"]) == (None, None, 1)
    assert found["welch"]["date"][5] == "2015-01-12"
    assert found["welch"]["mean"][5] == 0.5


def test_a_terminating_run_names_who_is_asked_for_too_much() -> None:
    """The same overload makes a steady run unstable and is a note of a terminating one."""
    over = pools({"offered_s": 105.0})
    numbers = [replace(replication(n, 2.0), pools=over) for n in (1, 2)]
    steady, ends = summary(*numbers), summary(*numbers, kind="terminating")
    assert (steady["stable"], len(steady["unstable_reasons"]), steady["overload_notes"]) == (False, 1, [])
    assert (ends["stable"], ends["unstable_reasons"], len(ends["overload_notes"])) == (True, [], 1)
    assert ends["growth_per_week"]["estimate"] is None
    assert "terminating" in ends["warm_up"]["text"]["en"]
