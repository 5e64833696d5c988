"""Rows of a run whose server is known: what calibration is tried on, here and with the simulator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadtests.harness.measures import Seen, lay_out
from loadtests.harness.plan import Plan
from loadtests.harness.records import ARRIVAL, DELIVERY, Receipt, State
from loadtests.harness.schedule import Schedule

Floats = NDArray[np.float64]
RATE_PER_S = 50.0
SMALL_S, LARGE_S = 0.010, 0.080
"""Mean service time of documents of 4 kB and of 1 MB; gamma with a coefficient of variation of 0.5."""
DELAY_S = 2.0
"""Mean delay of a delivery after its intended time; lognormal."""


@dataclass(frozen=True, slots=True)
class Made:
    """A run and what it was made of.

    Args:
        plan: The plan.
        seen: Rows laid over the schedule.
        delays_s: Delay of every delivery that counts.
    """

    plan: Plan
    seen: Seen
    delays_s: Floats


def made(
    seconds: float = 120.0,
    *,
    seed: int = 0,
    refused: float = 0.02,
    outage_s: tuple[float, float] = (0.0, 0.0),
) -> Made:
    """Rows as a run of a known server would have left them.

    Args:
        seconds: Length; the first ten are warm-up.
        seed: Of everything.
        refused: Share of messages that are refused.
        outage_s: From when to when nothing is answered.
    """
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE_PER_S)
    due_s = np.sort(rng.random(count) * seconds)
    large = rng.random(count) < 0.3
    schedule = Schedule(
        due_s=due_s,
        sender=np.zeros(count, dtype=np.int32),
        recipient_start=np.arange(0, 2 * count + 1, 2, dtype=np.int32),
        recipient=np.tile(np.array([1, 2], dtype=np.int32), count),
        size_bytes=np.where(large, 1_000_000, 4_000).astype(np.int32),
        urgency=np.zeros(count, dtype=np.uint8),
        poison=np.zeros(count, dtype=np.uint8),
        of=np.full(count, -1, dtype=np.int32),
        agencies=3,
        poll_due_s=np.zeros(0),
        poll_agency=np.zeros(0, dtype=np.int32),
    )
    plan = Plan(
        "null", "http://127.0.0.1:1", seed, "0" * 12, {"kind": "poisson"}, schedule.digest, seconds, 10.0
    )
    arrivals = np.zeros(count, dtype=ARRIVAL)
    arrivals["number"] = np.arange(count)
    arrivals["sent_s"] = due_s + 0.001
    arrivals["done_s"] = arrivals["sent_s"] + np.where(large, LARGE_S, SMALL_S) * rng.gamma(4, 0.25, count)
    arrivals["state"] = np.where(rng.random(count) < refused, State.REJECTED, State.ACCEPTED)
    arrivals["receipt"] = np.where(arrivals["state"] == State.ACCEPTED, Receipt.GOOD, Receipt.NONE)
    down = (due_s >= outage_s[0]) & (due_s < outage_s[1])
    arrivals["state"][down], arrivals["receipt"][down] = State.AMBIGUOUS, Receipt.NONE
    arrivals["done_s"][down] = np.nan
    taken = np.repeat(arrivals["state"] == State.ACCEPTED, 2)
    deliveries = np.zeros(2 * count, dtype=DELIVERY)
    deliveries["number"], deliveries["recipient"] = np.repeat(np.arange(count), 2), schedule.recipient
    delays_s = DELAY_S * rng.lognormal(-0.125, 0.5, 2 * count)
    deliveries["seen_s"] = np.repeat(due_s, 2) + delays_s
    deliveries["stamp_s"] = deliveries["seen_s"] - 0.5
    counted = taken & np.repeat(due_s >= plan.warmup_s, 2)
    return Made(plan, lay_out(plan, schedule, arrivals, deliveries[taken]), delays_s[counted])
