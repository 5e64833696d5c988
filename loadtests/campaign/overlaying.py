"""Days laid over one another, as one stream of messages, and how busy it is.

Rule kept here: no document is added, and none is lost; an hour is any 60 minutes, not one of the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtests.campaign.simulated_day import Day
from loadtests.harness.schedule_building import Given
from loadtests.harness.sizes import PDF_DECILES_BYTES
from sim.units import DAY_S, HOUR_S

Floats = NDArray[np.float64]
UNSTATED_SIZE_BYTES: Final = PDF_DECILES_BYTES[5]


@dataclass(frozen=True, slots=True)
class Rates:
    """What goes through an exchange in the busiest hour; each figure in the hour in which it is largest.

    Args:
        submissions_per_s: Documents sent.
        deliveries_per_s: Copies to recipients.
        megabytes_per_s: Bytes of the documents sent, each counted once, in units of 10⁶.
    """

    submissions_per_s: float
    deliveries_per_s: float
    megabytes_per_s: float


def overlaid(drawn: Sequence[Day], size_max_bytes: int | None) -> tuple[Floats, Given, list[str]]:
    """Lay days over one another.

    Args:
        drawn: The days.
        size_max_bytes: Larger documents are cut to this; None: as simulated.

    Returns:
        Moments of all documents, s since midnight, ascending; their senders, recipients, sizes and urgency; notes.
    """
    at_s = np.concatenate([one.at_s for one in drawn])
    order = np.argsort(at_s, kind="stable")
    fan_out = np.concatenate([one.fan_out for one in drawn])
    begin = (np.cumsum(fan_out) - fan_out)[order]
    fan_out = fan_out[order]
    start = np.concatenate([[0], np.cumsum(fan_out)])
    recipient = np.concatenate([one.recipient for one in drawn])
    at = np.arange(start[-1]) + np.repeat(begin - start[:-1], fan_out)
    size = np.concatenate([one.size_bytes for one in drawn])[order]
    notes = []
    if unstated := int((size <= 0).sum()):
        notes.append(
            f"{unstated} documents are of flows that state no size; they have {UNSTATED_SIZE_BYTES} bytes"
        )
        size = np.where(size <= 0, float(UNSTATED_SIZE_BYTES), size)
    if size_max_bytes is not None and (large := int((size > size_max_bytes).sum())):
        notes.append(f"{large} documents of more than {size_max_bytes} bytes are cut to that size")
        size = np.minimum(size, float(size_max_bytes))
    given = Given(
        sender=np.concatenate([one.sender for one in drawn])[order],
        recipient_start=start,
        recipient=recipient[at],
        size_bytes=size,
        urgency=np.concatenate([one.urgency for one in drawn])[order],
    )
    return at_s[order], given, notes


def cut(given: Given, first: int, last: int) -> Given:
    """Take the documents from ``first`` up to ``last``."""
    start = given.recipient_start[first : last + 1]
    return Given(
        sender=given.sender[first:last],
        recipient_start=start - start[0],
        recipient=given.recipient[start[0] : start[-1]],
        size_bytes=given.size_bytes[first:last],
        urgency=given.urgency[first:last],
    )


def busiest_hour(at_s: Floats, given: Given) -> Rates:
    """Return the largest of each figure in any hour that begins with a document.

    Args:
        at_s: Moments of documents, s, ascending.
        given: Their recipients and sizes.
    """
    if not len(at_s):
        return Rates(0.0, 0.0, 0.0)
    first = np.arange(len(at_s))
    beyond = np.searchsorted(at_s, at_s + HOUR_S)
    megabytes = np.concatenate([[0.0], np.cumsum(given.size_bytes) / 1e6])
    sums = (np.arange(len(at_s) + 1), given.recipient_start, megabytes)
    return Rates(*(float((one[beyond] - one[first]).max()) / HOUR_S for one in sums))


def mean(rates: Sequence[Rates]) -> Rates:
    """Return the mean of each figure."""
    return Rates(
        *(
            float(np.mean([getattr(one, name) for one in rates]))
            for name in ("submissions_per_s", "deliveries_per_s", "megabytes_per_s")
        )
    )


def busiest_start(at_s: Floats, length_s: float) -> float:
    """Where the window of a length begins that holds most documents; the earliest of several."""
    if not len(at_s):
        return 0.0
    begin = np.minimum(at_s, DAY_S - length_s)
    counts = np.searchsorted(at_s, begin + length_s) - np.searchsorted(at_s, begin)
    return float(begin[int(np.argmax(counts))])
