from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.analysis.path import CATEGORIES, OTHER_STAGE, TimeSpent, time_spent
from sim.observations import Outcome, StepKind
from sim.units import HOUR_S

from .builders import at, leg, legs, observations, office, steps, work

DRAFT, POST, REGISTER, PAUSE = range(4)


def parts(spent: TimeSpent) -> dict[tuple[str, str], float]:
    """Hours by stage and category, without zeros."""
    return {
        (stage, category): round(float(spent.sums_s[row, column]) / HOUR_S, 9)
        for row, stage in enumerate(spent.stages)
        for column, category in enumerate(CATEGORIES)
        if abs(spent.sums_s[row, column]) > 1e-6
    }


def spent_by(rows: tuple[dict[str, Any], ...], *records: dict[str, Any]) -> TimeSpent:
    """Take apart the turnaround of these legs with these steps."""
    return time_spent(observations(legs=legs(*rows), steps=steps(*records)), office())


def test_one_leg_by_hand() -> None:
    """A leg asked for at 07:00 and finished the next day at 10:00 is taken apart hour by hour."""
    spent = spent_by(
        (leg(0, created_s=at(7), turnaround_s=at(10, 1) - at(7), released_s=at(15)),),
        # 07:00 to 09:00: one hour until the office opens, one for a person; 11:00 to 14:00: two hours of work
        work(DRAFT, (at(7), at(9), at(9)), 0.0),
        work(DRAFT, (at(9), at(11), at(14)), 2 * HOUR_S),
        # carried from 16:00 to 18:00, after one hour until the post is picked up (released at 15:00)
        {
            "leg": 0,
            "task": POST,
            "kind": StepKind.TRANSPORT,
            "enabled_s": at(15),
            "started_s": at(16),
            "completed_s": at(18),
        },
        work(REGISTER, (at(18), at(8, 1), at(9, 1)), HOUR_S, leg=0),
        {
            "leg": 0,
            "task": PAUSE,
            "kind": StepKind.WAIT,
            "enabled_s": at(9, 1),
            "started_s": at(9, 1),
            "completed_s": at(9.5, 1),
        },
    )
    assert spent.legs == 1
    assert parts(spent) == {
        ("drafting", "work_s"): 2.0,
        ("drafting", "wait_person_s"): 3.0,
        ("drafting", "wait_office_s"): 2.0,
        ("delivery", "wait_pickup_s"): 1.0,
        ("delivery", "travel_s"): 2.0,
        ("receiving", "work_s"): 1.0,
        ("receiving", "wait_office_s"): 14.0,
        ("pausing", "other_s"): 0.5,
        (OTHER_STAGE, "other_s"): 1.5,
    }
    assert float(np.sum(spent.sums_s)) == pytest.approx(27 * HOUR_S)


def test_an_interruption_in_office_hours_waits_for_the_person() -> None:
    """Begun at 09:00 with one hour of work, done at 15:00: four office hours are the person's, one is the lunch."""
    spent = spent_by(
        (leg(0, created_s=at(9), turnaround_s=at(15) - at(9), released_s=at(15)),),
        work(DRAFT, (at(9), at(9), at(15)), HOUR_S),
    )
    assert parts(spent) == {
        ("drafting", "work_s"): 1.0,
        ("drafting", "wait_person_s"): 4.0,
        ("drafting", "wait_office_s"): 1.0,
    }


def test_document_steps_count_until_release() -> None:
    """A step of the sender part counts for the legs released at its end or later, and for no others."""
    spent = spent_by(
        (
            leg(0, at(12), doc=3, released_s=at(9)),
            leg(1, at(12), doc=3, released_s=at(10)),
            leg(2, at(12), doc=4, released_s=at(12)),
        ),
        work(DRAFT, (at(8), at(8), at(9)), HOUR_S, doc=3),
        work(REGISTER, (at(9), at(9), at(10)), HOUR_S, doc=3),
    )
    assert parts(spent)["drafting", "work_s"] == 2.0
    assert parts(spent)["receiving", "work_s"] == 1.0


def test_steps_off_the_path_or_after_the_end_do_not_count() -> None:
    """Undecisive branches and what is done after a leg was finished are not part of its turnaround."""
    spent = spent_by(
        (leg(0, at(10), released_s=at(9)),),
        work(DRAFT, (at(8), at(8), at(9)), HOUR_S, on_path=False),
        work(REGISTER, (at(9), at(9), at(10)), HOUR_S, leg=0),
        work(DRAFT, (at(10), at(10), at(11)), HOUR_S, leg=0),
    )
    assert parts(spent) == {("receiving", "work_s"): 1.0, (OTHER_STAGE, "other_s"): 9.0}


def test_relayed_leg_has_the_path_of_the_leg_that_released_it() -> None:
    """Through two relays the path goes back to the sender part as it was when the first leg was let go."""
    spent = spent_by(
        (
            leg(10, outcome=Outcome.OPEN, doc=1, released_s=at(9), measured=False),
            leg(11, outcome=Outcome.OPEN, doc=1, released_s=at(10), released_by=10, measured=False),
            leg(12, at(12), doc=1, released_s=at(11), released_by=11),
        ),
        work(DRAFT, (at(8), at(8), at(9)), HOUR_S, doc=1),
        work(DRAFT, (at(9), at(9), at(9.5)), 0.5 * HOUR_S, doc=1),  # after the release: for another procedure
        work(REGISTER, (at(9), at(9), at(10)), HOUR_S, doc=1, leg=10),
        work(REGISTER, (at(10), at(10), at(11)), HOUR_S, doc=1, leg=10),  # after its relay
        work(REGISTER, (at(10), at(10), at(11)), HOUR_S, doc=1, leg=11),
        work(REGISTER, (at(11), at(11), at(12)), HOUR_S, doc=1, leg=12),
    )
    assert parts(spent) == {
        ("drafting", "work_s"): 1.0,
        ("receiving", "work_s"): 3.0,
        (OTHER_STAGE, "other_s"): 8.0,
    }


def test_relay_by_a_leg_that_is_not_there_counts_as_the_sender() -> None:
    """Where the releasing leg is not in the table the path begins with the sender part."""
    spent = spent_by(
        (leg(12, at(12), doc=1, released_s=at(11), released_by=99),),
        work(DRAFT, (at(8), at(8), at(9)), HOUR_S, doc=1),
    )
    assert parts(spent)["drafting", "work_s"] == 1.0


def test_legs_that_release_one_another_do_not_hang() -> None:
    """Faulty records in a circle end after a bounded number of relays."""
    spent = spent_by((leg(0, at(12), released_s=at(9), released_by=0),))
    assert parts(spent) == {(OTHER_STAGE, "other_s"): 12.0}


def test_reply_belongs_to_the_leg_it_answers() -> None:
    """The sender part of the reply, until it is issued, is part of the leg that asked for it."""
    spent = spent_by(
        (leg(0, at(11), released_s=at(9), reply_doc=8), leg(1, measured=False, doc=8)),
        work(REGISTER, (at(9), at(9), at(10)), HOUR_S, leg=0),
        work(DRAFT, (at(10), at(10), at(11)), HOUR_S, doc=8),
        work(DRAFT, (at(11), at(11), at(12)), HOUR_S, doc=8),
    )
    assert parts(spent) == {
        ("drafting", "work_s"): 1.0,
        ("receiving", "work_s"): 1.0,
        (OTHER_STAGE, "other_s"): 9.0,
    }


def test_open_and_unmeasured_legs_have_no_path() -> None:
    """Only completed legs of the cohort are taken apart."""
    spent = spent_by(
        (leg(0, released_s=at(9)), leg(1, at(9), released_s=at(9), measured=False)),
        work(DRAFT, (at(8), at(8), at(9)), HOUR_S),
    )
    assert spent.legs == 0
    assert parts(spent) == {}


def test_processing_time_is_at_most_the_time_it_took() -> None:
    """A processing time longer than the step, as rounding can make it, does not give a negative wait."""
    spent = spent_by((leg(0, at(9), released_s=at(9)),), work(DRAFT, (at(8), at(8), at(9)), HOUR_S + 1e-3))
    assert spent.sums_s.min() >= 0
