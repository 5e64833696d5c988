"""The cohort of one replication as samples: one number per measured leg or document.

Rule kept here: no leg is dropped in silence. An open leg is ``+inf`` in every sample that it has begun; a leg
without a value is NaN because it was refused or recalled, or because its procedure has no such moment.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from sim.analysis.quantiles import ROUNDING_S
from sim.calendars import WorkingTime
from sim.observations import Bools, Floats, Ints, Legs, Outcome

URGENCIES = ("normal", "urgent", "very-urgent", "express")  # by Legs.urgency
RECIPIENTS_SHARE = 0.9  # "to 90 % of its recipients"

# Moments of a leg in the order in which they are reached.
_MOMENTS = ("created_s", "signed_s", "sent_s", "registered_s", "finished_s")

# From which moment to which, by the segment's name in summary.json.
SEGMENTS = {
    "asked_signed": ("created_s", "signed_s"),
    "signed_sent": ("signed_s", "sent_s"),
    "sent_registered": ("sent_s", "registered_s"),
    "registered_finished": ("registered_s", "finished_s"),
    "signed_registered": ("signed_s", "registered_s"),
    "asked_registered": ("created_s", "registered_s"),
}


@dataclass(frozen=True, slots=True)
class CohortLegs:
    """What a comparison needs of every measured leg; ascending by ``leg``.

    Args:
        leg: Key of the leg, the same for every alternative.
        doc: Key of its document.
        outcome: See :class:`sim.observations.Outcome`.
        turnaround_s: Sample: asked to finished, calendar time.
        turnaround_working_s: Sample: the same in office working time.
        signed_registered_s: Sample: signed to registered, calendar time.
    """

    leg: Ints
    doc: Ints
    outcome: NDArray[np.int8]
    turnaround_s: Floats
    turnaround_working_s: Floats
    signed_registered_s: Floats


@dataclass(frozen=True, slots=True)
class DocumentTurnaround:
    """Time per document, over its legs that were neither refused nor recalled.

    Args:
        doc: Key of the document, ascending; documents without such a leg are left out.
        flow: Index into ``Names.flows``.
        first_s: Sample: until the first recipient had it finished (or whatever the legs' sample ends with).
        most_s: Sample: until the earliest moment when 90 % of the recipients had.
        last_s: Sample: until the last recipient had.
    """

    doc: Ints
    flow: Ints
    first_s: Floats
    most_s: Floats
    last_s: Floats


def taken(legs: Legs, rows: Bools | NDArray[np.int64]) -> Legs:
    """Return some rows of the table, chosen by a mask or by positions."""
    return Legs(**{field.name: getattr(legs, field.name)[rows] for field in fields(Legs)})


def segment(legs: Legs, start: str, end: str) -> Floats:
    """Return the sample of calendar seconds between two moments of each leg.

    Args:
        legs: The legs.
        start: Column of the first moment.
        end: Column of the second moment.

    Returns:
        Where both moments were reached, the time between them, whatever became of the leg later; ``+inf`` for
        an open leg that has reached the first moment and none from the second on; NaN otherwise.
    """
    begun_s: Floats = getattr(legs, start)
    ended_s: Floats = getattr(legs, end)
    passed = np.zeros(begun_s.shape, dtype=np.bool_)
    for moment in _MOMENTS[_MOMENTS.index(end) :]:
        passed |= np.isfinite(getattr(legs, moment))
    pending = (legs.outcome == Outcome.OPEN) & np.isfinite(begun_s) & ~passed
    return np.where(pending, inf, ended_s - begun_s)


def working_turnaround(legs: Legs, office: WorkingTime) -> Floats:
    """Return the sample of working seconds from asked to finished of each leg."""
    elapsed_s = office.elapsed_many(legs.created_s, legs.finished_s)
    return np.where(legs.outcome == Outcome.OPEN, inf, elapsed_s)


def inside_deadline(legs: Legs, working_s: Floats, office: WorkingTime, end_s: float) -> Floats:
    """Tell of each leg whether it was finished within its deadline.

    Args:
        legs: The legs.
        working_s: Their sample of :func:`working_turnaround`.
        office: Working time in which the deadlines are counted.
        end_s: End of the run.

    Returns:
        1 inside, 0 outside or open and already late; NaN for a leg without deadline, refused or recalled, or
        open and not late yet.
    """
    age_s = office.elapsed_many(legs.created_s, np.full(legs.created_s.shape, end_s))
    still_open = np.isposinf(working_s)
    bound_s = legs.deadline_s + ROUNDING_S
    result = np.where(working_s <= bound_s, 1.0, 0.0)
    undecided = still_open & (age_s <= bound_s)
    return np.where(np.isnan(working_s) | np.isnan(legs.deadline_s) | undecided, nan, result)


def by_document(legs: Legs, turnaround_s: Floats) -> DocumentTurnaround:
    """Return the time of documents to their first, 90 % and last recipient.

    Args:
        legs: The legs.
        turnaround_s: Their sample of turnarounds, or of times to an earlier moment; NaN legs do not count.
    """
    rows = np.flatnonzero(~np.isnan(turnaround_s))
    rows = rows[np.lexsort((turnaround_s[rows], legs.doc[rows]))]
    doc, ascending_s = legs.doc[rows], turnaround_s[rows]
    starts = np.flatnonzero(np.concatenate([[True], doc[1:] != doc[:-1]])) if doc.size else rows
    recipients = np.diff(np.append(starts, doc.size))
    most = np.ceil(RECIPIENTS_SHARE * recipients - ROUNDING_S).astype(np.int64)
    return DocumentTurnaround(
        doc=doc[starts],
        flow=legs.flow[rows[starts]],
        first_s=ascending_s[starts],
        most_s=ascending_s[starts + most - 1],
        last_s=ascending_s[starts + recipients - 1],
    )
