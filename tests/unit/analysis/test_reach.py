from __future__ import annotations

import math

import numpy as np

from sim.analysis.reach import reach
from sim.observations import Legs, Outcome
from sim.units import DAY_S, HOUR_S

from .builders import NAMES, at, leg, legs, office

MONDAY_S = at(8)
DISTRICT, COMMUNE = 1, 2
TO_COMMUNES = ("by_flow_level", "directive", "commune")


def reached(number: int, registered_s: float = math.nan, **changes: object) -> dict[str, object]:
    """Describe a leg of document 0 asked for on Monday at 8; open and not reached unless a moment is given."""
    row = {"doc": 0, "recipient": COMMUNE, "created_s": MONDAY_S, "registered_s": registered_s}
    return {**leg(number, created_s=MONDAY_S), **row, **changes}


def directive() -> Legs:
    """One document to a district and two communes, reached on Monday at 10, Tuesday at 8 and Wednesday at 10."""
    return legs(
        reached(0, at(10), recipient=DISTRICT),
        reached(1, at(8, 1)),
        reached(2, at(10, 2)),
    )


def test_a_document_is_reached_with_its_last_recipient() -> None:
    """The last of all recipients, and the last of each level, in calendar time from asked for."""
    found = reach(directive(), NAMES, office())
    assert found.samples["by_flow", "directive", "last_registered_s"].tolist() == [2 * DAY_S + 2 * HOUR_S]
    assert found.samples[*TO_COMMUNES, "last_registered_s"].tolist() == [2 * DAY_S + 2 * HOUR_S]
    district = ("by_flow_level", "directive", "district")
    assert found.samples[*district, "last_registered_s"].tolist() == [2 * HOUR_S]
    assert found.samples[*TO_COMMUNES, "registered_s"].tolist() == [DAY_S, 2 * DAY_S + 2 * HOUR_S]
    assert (found.counts[*TO_COMMUNES, "n"], found.counts[*district, "n"]) == (2, 1)


def test_within_a_day_is_one_working_day_of_office_time() -> None:
    """From Monday 8:00 to Tuesday 8:00 is one working day; until Wednesday 10:00 it is more than two."""
    shares = reach(directive(), NAMES, office()).shares
    assert [shares[*TO_COMMUNES, "registered_within", n] for n in ("1", "2", "5")] == [0.5, 0.5, 1.0]
    assert [shares[*TO_COMMUNES, "all_registered_within", n] for n in ("1", "2", "5")] == [0, 0, 1]
    assert [shares["by_flow", "directive", "all_registered_within", n] for n in ("1", "2", "5")] == [0, 0, 1]
    friday_s, next_monday_s = at(16, 4), at(16, 7)
    over_the_weekend = legs(reached(0, next_monday_s, created_s=friday_s))
    shares = reach(over_the_weekend, NAMES, office()).shares
    assert shares[*TO_COMMUNES, "registered_within", "1"] == 1.0


def test_an_open_recipient_is_not_reached_and_keeps_the_document_open() -> None:
    """An open leg counts as endless for itself and for its document; one registered and still open does not."""
    table = legs(reached(0, at(9)), reached(1), reached(2, at(9), doc=1))
    found = reach(table, NAMES, office())
    assert found.samples[*TO_COMMUNES, "registered_s"].tolist() == [HOUR_S, math.inf, HOUR_S]
    assert found.samples[*TO_COMMUNES, "last_registered_s"].tolist() == [math.inf, HOUR_S]
    assert found.shares[*TO_COMMUNES, "registered_within", "5"] == 2 / 3
    assert found.shares["by_flow", "directive", "all_registered_within", "5"] == 0.5


def test_refused_and_recalled_recipients_are_left_out() -> None:
    """Also one that had been registered before; a document that all refused is no document here."""
    table = legs(
        reached(0, at(9)),
        reached(1, at(9, 3), outcome=Outcome.REFUSED, closed_s=at(9, 3)),
        reached(2, outcome=Outcome.RECALLED, closed_s=at(9, 3)),
        reached(3, outcome=Outcome.REFUSED, closed_s=at(9, 3), doc=1),
    )
    found = reach(table, NAMES, office())
    np.testing.assert_array_equal(
        found.samples[*TO_COMMUNES, "registered_s"], [HOUR_S, math.nan, math.nan, math.nan]
    )
    assert found.samples["by_flow", "directive", "last_registered_s"].tolist() == [HOUR_S]
    assert found.shares["by_flow", "directive", "all_registered_within", "1"] == 1.0
    assert found.counts[*TO_COMMUNES, "n"] == 4


def test_a_flow_without_legs_has_empty_samples() -> None:
    """So that a summary can leave it out."""
    found = reach(directive(), NAMES, office())
    assert found.samples["by_flow", "report", "last_registered_s"].size == 0
    assert math.isnan(found.shares["by_flow", "report", "all_registered_within", "1"])
    assert found.counts["by_flow_level", "report", "commune", "n"] == 0
