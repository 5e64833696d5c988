from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from sim.analysis.cohort import SEGMENTS
from sim.analysis.output import DISTRIBUTION_WORKING_DAYS, replication_numbers
from sim.errors import InputError
from sim.observations import Observations, Outcome
from sim.units import DAY_S, HOUR_S, WEEK_S

from .builders import NAMES, at, leg, legs, observations, office, pools, steps, work

MONDAY_S = WEEK_S + 8 * HOUR_S  # the first measured Monday, 08:00


def one_of_each() -> Observations:
    """Two finished legs of one document, an open, a refused and a recalled leg, and one of the warm-up."""
    asked = {"created_s": MONDAY_S}
    return observations(
        legs=legs(
            leg(4, 4 * HOUR_S, **asked, doc=40, signed_s=MONDAY_S + 600, registered_s=MONDAY_S + 1800),
            leg(3, 2 * DAY_S, **asked, doc=40, urgency=3, released_s=MONDAY_S),
            leg(5, **asked, flow=1, procedure=1, deadline_s=HOUR_S),
            leg(6, **asked, flow=1, outcome=Outcome.REFUSED, closed_s=MONDAY_S),
            leg(7, **asked, flow=1, outcome=Outcome.RECALLED, closed_s=MONDAY_S),
            leg(1, measured=False),
        ),
        steps=steps(
            work(0, (MONDAY_S, MONDAY_S + HOUR_S, MONDAY_S + 2 * HOUR_S), HOUR_S, doc=40, leg=4),
        ),
        pools=pools({}),
        documents=3,
        envelopes=2,
    )


def test_counts_are_conserved() -> None:
    """Legs created are completed, refused, recalled and open ones, in the cohort and in the whole run."""
    counts = replication_numbers(one_of_each(), office()).counts
    cohort = {
        name: counts["counts", name] for name in ("created", "completed", "refused", "recalled", "open")
    }
    assert cohort == {"created": 5, "completed": 2, "refused": 1, "recalled": 1, "open": 1}
    assert counts["all_counts", "created"] == 6
    assert counts["all_counts", "open"] == 2


def test_turnaround_treats_open_legs_as_long() -> None:
    """The mean is of the finished legs, the median of three with one open is the longer, p90 is unknown."""
    numbers = replication_numbers(one_of_each(), office())
    assert numbers.values["turnaround_s", "mean"] == pytest.approx(26 * HOUR_S)
    assert numbers.values["turnaround_s", "p50"] == pytest.approx(48 * HOUR_S)
    assert math.isnan(numbers.values["turnaround_s", "p90"])
    assert numbers.counts["turnaround_s", "n"] == 2
    assert numbers.values["turnaround_working_s", "mean"] == pytest.approx(10 * HOUR_S)


def test_restricted_mean_at_a_horizon() -> None:
    """4 h, 48 h and an open leg with a horizon of 40 h: (4 + 40 + 40) / 3; refused and recalled left out."""
    found = replication_numbers(one_of_each(), office(), 40 * HOUR_S)
    assert found.values["restricted_mean_s",] == pytest.approx(28 * HOUR_S)
    assert found.horizon_s == 40 * HOUR_S


@pytest.mark.parametrize("horizon_s", [None, 0.0, math.nan])
def test_no_horizon_no_restricted_mean(horizon_s: float | None) -> None:
    """Without time after measuring there is nothing to restrict to."""
    found = replication_numbers(one_of_each(), office(), horizon_s)
    assert math.isnan(found.values["restricted_mean_s",])
    assert math.isnan(found.horizon_s)


def test_a_horizon_beyond_what_was_observed_is_refused() -> None:
    """An open leg that is younger than the horizon may be finished before it."""
    age_s = 6 * WEEK_S - MONDAY_S
    assert replication_numbers(one_of_each(), office(), age_s).horizon_s == age_s
    with pytest.raises(InputError, match="E-HORIZON"):
        replication_numbers(one_of_each(), office(), age_s + 1)


def test_small_samples_travel_and_large_ones_stay() -> None:
    """Up to 500 items go with the numbers, ascending, open ones last; not refused ones."""
    found = replication_numbers(one_of_each(), office())
    assert found.samples["turnaround_s",].tolist() == [4 * HOUR_S, 48 * HOUR_S, math.inf]
    assert found.samples["by_flow", "report", "turnaround_s"].tolist() == [math.inf]
    many = observations(legs=legs(*(leg(n, 1.0, urgency=n // 501) for n in range(502))))
    samples = replication_numbers(many, office()).samples
    assert ("turnaround_s",) not in samples
    assert samples["by_urgency", "urgent", "turnaround_s"].tolist() == [1.0]


def test_documents_and_ages() -> None:
    """Documents go by their last recipient; open legs are shown with their age at the end of the run."""
    numbers = replication_numbers(one_of_each(), office())
    assert numbers.values["turnaround_last_s", "p50"] != numbers.values["turnaround_last_s", "p50"]
    assert numbers.values["turnaround_last_s", "mean"] == pytest.approx(48 * HOUR_S)
    assert numbers.values["by_flow", "directive", "turnaround_last_s", "p50"] == pytest.approx(48 * HOUR_S)
    assert numbers.values["turnaround_first_s", "mean"] == pytest.approx(4 * HOUR_S)
    age_s = 6 * WEEK_S - MONDAY_S
    assert (numbers.open_age_sum_s, numbers.open_age_max_s) == (age_s, age_s)


def test_classes() -> None:
    """Numbers by flow, urgency, both and procedure are those of the legs in the class."""
    numbers = replication_numbers(one_of_each(), office())
    values, counts = numbers.values, numbers.counts
    assert counts["by_flow", "report", "n"] == 3
    assert counts["by_flow", "report", "turnaround_s", "n"] == 0
    assert values["by_urgency", "express", "turnaround_s", "mean"] == pytest.approx(48 * HOUR_S)
    assert values["by_flow_urgency", "directive", "normal", "turnaround_s", "p50"] == pytest.approx(
        4 * HOUR_S
    )
    assert values["procedures", "signed"] == 0.2
    assert values["inside_deadline",] == 0.0
    assert math.isnan(values["by_flow", "directive", "inside_deadline"])
    assert values["segments_s", "signed_registered", "mean"] == 1200.0
    assert all(("segments_s", name, "p95") in values for name in SEGMENTS)


def test_distribution_in_the_offices_own_days() -> None:
    """A working day is eight hours here; the open leg counts as not finished."""
    numbers = replication_numbers(one_of_each(), office())
    assert numbers.values["within_working_days", "1"] == pytest.approx(1 / 3)
    assert numbers.values["within_working_days", "2"] == pytest.approx(2 / 3)
    share = dict(zip(DISTRIBUTION_WORKING_DAYS, numbers.share_finished.tolist(), strict=True))
    assert share[0.25] == 0
    assert share[0.5] == pytest.approx(1 / 3)
    assert share[20.0] == pytest.approx(2 / 3)


def test_ledgers_per_working_day() -> None:
    """Four measured weeks have twenty working days; deliveries are also told per agency."""
    values = replication_numbers(one_of_each(), office()).values
    assert values["ledgers", "originals_per_working_day"] == pytest.approx(3 / 20)
    assert values["ledgers", "deliveries_per_working_day"] == pytest.approx(5 / 20)
    assert values["ledgers", "envelopes_per_working_day"] == pytest.approx(2 / 20)
    assert values["ledgers", "deliveries_per_agency_and_working_day"] == pytest.approx(5 / 20 / 3)


def test_stages_are_means_per_completed_leg() -> None:
    """Over all stages the means add up to the mean turnaround."""
    values = replication_numbers(one_of_each(), office()).values
    assert values["stages", "drafting", "work_s"] == pytest.approx(HOUR_S / 2)
    assert values["stages", "drafting", "wait_person_s"] == pytest.approx(HOUR_S / 2)
    total_s = sum(value for path, value in values.items() if path[0] == "stages" and path[-1] == "total_s")
    assert total_s == pytest.approx(values["turnaround_s", "mean"])
    assert values["where_time_goes", "total_s"] == pytest.approx(total_s)


def test_open_work_over_time() -> None:
    """Open legs are told for each day to the end of measuring, and by measured week."""
    numbers = replication_numbers(one_of_each(), office())
    assert numbers.open_legs.size == 35
    assert numbers.open_legs[[0, 7, 8, 9, 34]].tolist() == [1, 3, 3, 2, 2]
    assert numbers.weekly_open.tolist() == [pytest.approx(12 / 5), 2, 2, 2]


def test_small_and_picklable() -> None:
    """Legs come sorted for pairing and can be dropped; people and tasks stay behind."""
    numbers = replication_numbers(one_of_each(), office())
    assert numbers.legs is not None
    assert numbers.legs.leg.tolist() == [3, 4, 5, 6, 7]
    assert numbers.legs.turnaround_s[:2].tolist() == [48 * HOUR_S, 4 * HOUR_S]
    assert numbers.names.people == ()
    assert numbers.names.flows == NAMES.flows
    again = pickle.loads(pickle.dumps(numbers.slim()))
    np.testing.assert_equal(again.values, numbers.values)
    assert again.legs is None


def test_nothing_happened() -> None:
    """Without legs and working days there are no numbers, and no error."""
    empty = observations(measure_start_s=5 * DAY_S, measure_end_s=6 * DAY_S)
    numbers = replication_numbers(empty, office())
    assert all(math.isnan(value) for value in numbers.values.values())
    assert not any(numbers.counts.values())
    assert math.isnan(numbers.open_age_max_s)
    assert numbers.weekly_open.size == 0


def test_measuring_within_a_day() -> None:
    """A period of hours counts as one working day if the office is open in it."""
    numbers = replication_numbers(
        observations(measure_start_s=at(9), measure_end_s=at(11), documents=4), office()
    )
    assert numbers.values["ledgers", "originals_per_working_day"] == 4
