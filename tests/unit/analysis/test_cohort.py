from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from sim.analysis.cohort import by_document, inside_deadline, segment, taken, working_turnaround
from sim.observations import Outcome
from sim.units import HOUR_S

from .builders import at, leg, legs, office


def test_segment_between_reached_moments() -> None:
    """A segment is the time between its moments, whatever became of the leg later."""
    table = legs(
        leg(0, 50.0, signed_s=10.0, registered_s=40.0),
        leg(1, outcome=Outcome.REFUSED, signed_s=5.0, registered_s=25.0, closed_s=25.0),
    )
    np.testing.assert_array_equal(segment(table, "signed_s", "registered_s"), [30.0, 20.0])
    np.testing.assert_array_equal(segment(table, "created_s", "finished_s"), [50.0, nan])


def test_open_legs_are_pending_where_they_stand() -> None:
    """An open leg is open in the segment it is in, not in one it has not begun."""
    table = legs(leg(0, signed_s=10.0))
    np.testing.assert_array_equal(segment(table, "created_s", "signed_s"), [10.0])
    np.testing.assert_array_equal(segment(table, "signed_s", "sent_s"), [inf])
    np.testing.assert_array_equal(segment(table, "sent_s", "registered_s"), [nan])
    np.testing.assert_array_equal(segment(table, "created_s", "finished_s"), [inf])


def test_a_moment_passed_over_has_no_value() -> None:
    """An open leg whose procedure skips a moment does not wait for it."""
    table = legs(leg(0, signed_s=10.0, registered_s=30.0))
    np.testing.assert_array_equal(segment(table, "signed_s", "sent_s"), [nan])


def test_working_turnaround_counts_office_hours() -> None:
    """From 11:00 to 14:00 are two working hours; open legs are open, refused ones have no value."""
    table = legs(
        leg(0, created_s=at(11), turnaround_s=3 * HOUR_S),
        leg(1),
        leg(2, outcome=Outcome.REFUSED, closed_s=9.0),
    )
    np.testing.assert_array_equal(working_turnaround(table, office()), [2 * HOUR_S, inf, nan])


def test_inside_deadline() -> None:
    """Late open legs are outside, young open legs undecided; without deadline, or refused, is no case."""
    hours = office()
    table = legs(
        leg(0, at(10), deadline_s=2 * HOUR_S),
        leg(1, at(10), deadline_s=2 * HOUR_S - 1),
        leg(2, deadline_s=2 * HOUR_S),
        leg(3, deadline_s=9 * HOUR_S),
        leg(4, at(10)),
        leg(5, outcome=Outcome.RECALLED, deadline_s=2 * HOUR_S),
    )
    working_s = working_turnaround(table, hours)
    inside = inside_deadline(table, working_s, hours, end_s=at(17))
    np.testing.assert_array_equal(inside, [1, 0, 0, nan, nan, nan])


def test_documents_to_first_most_and_last_recipient() -> None:
    """A document with ten recipients reaches 90 % of them with the ninth."""
    table = legs(*(leg(n, 10.0 * (n + 1), doc=7, flow=1) for n in range(10)))
    found = by_document(table, segment(table, "created_s", "finished_s"))
    assert (found.doc.tolist(), found.flow.tolist()) == ([7], [1])
    assert (found.first_s[0], found.most_s[0], found.last_s[0]) == (10.0, 90.0, 100.0)


def test_documents_with_open_and_refused_legs() -> None:
    """An open leg keeps the last recipient open; a refused leg is no recipient."""
    refused = {"outcome": Outcome.REFUSED, "closed_s": 1.0}
    table = legs(
        leg(5, doc=2, **refused),
        leg(0, 30.0, doc=0),
        leg(1, doc=0),
        leg(2, 20.0, doc=1),
        leg(3, 10.0, doc=1),
        leg(4, doc=1, **refused),
    )
    found = by_document(table, segment(table, "created_s", "finished_s"))
    assert found.doc.tolist() == [0, 1]
    np.testing.assert_array_equal(found.first_s, [30, 10])
    np.testing.assert_array_equal(found.most_s, [inf, 20])
    np.testing.assert_array_equal(found.last_s, [inf, 20])


def test_no_legs_no_documents() -> None:
    """Without legs there are no documents, and no error either."""
    table = legs()
    assert by_document(table, segment(table, "created_s", "finished_s")).last_s.size == 0


@pytest.mark.parametrize("rows", [np.array([False, True]), np.array([1])])
def test_rows_are_taken_from_every_column(rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    """A part of the table has all its columns, by mask or by position."""
    part = taken(legs(leg(0, 5.0), leg(1, 6.0, urgency=3)), rows)
    assert (part.leg.tolist(), part.urgency.tolist(), part.finished_s.tolist()) == ([1], [3], [6.0])
