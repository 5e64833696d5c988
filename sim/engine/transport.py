"""How documents travel: post with pick-ups and rounds, couriers, exchange networks with outages.

Rule kept here: a transport turns the moment a document is ready into when it leaves and when it arrives; it
never asks what the document is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.calendars import WorkingTime
from sim.scenario.params import dist_in_seconds
from sim.scenario.schema import Outages, Transport
from sim.streams import Streams
from sim.units import DAY_S

NEVER = float("inf")
Floats = NDArray[np.float64]


def clock_times(times: Sequence[str], office: WorkingTime, days: int) -> list[float]:
    """Return the given times of day on every working day, in seconds of the run, sorted."""
    seconds = [int(one[:2]) * 3600.0 + int(one[3:]) * 60.0 for one in times]
    return sorted(day * DAY_S + t for day in office.working_days(until=days * DAY_S) for t in seconds)


def next_of(times: Sequence[float], t: float) -> float:
    """Return the first of sorted times that is not before ``t``; inf where none is left."""
    at = bisect_left(times, t)
    return times[at] if at < len(times) else NEVER


def outage_spans(outages: Outages, name: str, streams: Streams, end_s: float) -> list[tuple[float, float]]:
    """Draw when a system is down; keyed by system, so the same for every alternative.

    Args:
        outages: Time between outages and their length.
        name: The system's name.
        streams: The replication's random streams.
        end_s: No outage begins after this.

    Returns:
        (start, end) in seconds, sorted, disjoint.
    """
    up, down = dist_in_seconds(outages.up, DAY_S), dist_in_seconds(outages.down, DAY_S)
    n = max(16, int(2 * end_s / max(up.mean + down.mean, 1.0)) + 16)
    spans: list[tuple[float, float]] = []
    while True:
        ups = up.ppf(streams.uniforms(n, "outage up", name))
        downs = down.ppf(streams.uniforms(n, "outage down", name))
        starts = np.cumsum(ups) + np.concatenate([[0.0], np.cumsum(downs)[:-1]])
        if starts[-1] > end_s or not np.isfinite(starts[-1]):
            break
        n *= 2
    for start, length in zip(starts.tolist(), downs.tolist(), strict=True):
        if start >= end_s:
            break
        spans.append((start, start + length))
    return spans


class Carrier:
    """One transport, ready to be asked.

    Args:
        spec: As the scenario describes it.
        name: Its name; keys its draws.
        office: Office hours, the same for senders and recipients.
        streams: The replication's random streams.
        distance_m: Great-circle distance of each leg's own way, metres.
        days: Days that the calendars cover.
    """

    __slots__ = (
        "kind", "last_left", "office", "outage_ends", "outage_starts", "pick_ups", "rounds", "travel_s",
    )  # fmt: skip

    def __init__(
        self, spec: Transport, name: str, office: WorkingTime, streams: Streams, distance_m: Floats, days: int
    ) -> None:
        self.kind, self.office = spec.kind, office
        self.last_left: dict[tuple[int, int], float] = {}  # when something last left, by sender and recipient
        self.pick_ups = clock_times(spec.pick_ups or (), office, days)
        self.rounds = clock_times(spec.rounds or (), office, days)
        travel = np.zeros(len(distance_m))
        if spec.transit is not None:
            dist = dist_in_seconds(spec.transit, DAY_S)
            travel += dist.ppf(streams.uniforms(len(distance_m), "transit", name))
        if spec.speed is not None:
            travel += distance_m * (spec.detour.value if spec.detour else 1.0) / spec.speed.value
        self.travel_s = array("d", travel.tobytes())
        spans = outage_spans(spec.outages, name, streams, days * DAY_S) if spec.outages else []
        self.outage_starts = [start for start, _ in spans]
        self.outage_ends = [end for _, end in spans]

    def leaves(self, t: float) -> float:
        """Return when a document that is ready at ``t`` leaves: at a pick-up, in office hours, or at once."""
        if self.kind == "post":
            return next_of(self.pick_ups, t)
        if self.kind == "courier":
            return self.office.next_open(t)
        at = bisect_right(self.outage_starts, t) - 1
        return max(t, self.outage_ends[at]) if at >= 0 else t

    def arrives(self, left: float, leg: int) -> float:
        """Return when a leg that left at ``left`` is in the recipient's hands."""
        there = left + self.travel_s[leg]
        return next_of(self.rounds, there) if self.rounds else there
