"""Small runs for tests: a schedule of even gaps, and rows as workers would have recorded them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadtests.harness.plan import Plan
from loadtests.harness.records import ARRIVAL, DELIVERY, POLL, Receipt, Rows, State
from loadtests.harness.schedule import Schedule

AGENCIES = 4


def schedule(due_s: NDArray[np.float64], *, fan_out: int = 1) -> Schedule:
    """Messages at these times, each to the ``fan_out`` agencies after its sender."""
    count = len(due_s)
    numbers = np.arange(count)
    recipients = (numbers[:, None] + 1 + np.arange(fan_out)[None, :]) % AGENCIES
    return Schedule(
        due_s=due_s,
        sender=(numbers % AGENCIES).astype(np.int32),
        recipient_start=(np.arange(count + 1) * fan_out).astype(np.int32),
        recipient=recipients.ravel().astype(np.int32),
        size_bytes=np.full(count, 4096, dtype=np.int32),
        urgency=np.zeros(count, dtype=np.uint8),
        poison=np.zeros(count, dtype=np.uint8),
        of=np.full(count, -1, dtype=np.int32),
        agencies=AGENCIES,
        poll_due_s=np.empty(0),
        poll_agency=np.empty(0, dtype=np.int32),
    )


def plan(duration_s: float = 10.0, **changes: object) -> Plan:
    """A plan for such a run."""
    given: dict[str, object] = {
        "adapter": "null",
        "target": "http://127.0.0.1:1",
        "seed": 1,
        "nonce": "00" * 6,
        "profile": {"kind": "constant"},
        "schedule_sha256": "",
        "duration_s": duration_s,
    }
    return Plan(**(given | changes))  # type: ignore[arg-type]


def answered(due_s: NDArray[np.float64], service_s: NDArray[np.float64], *, late_s: float = 0.0) -> Rows:
    """A row for each arrival, sent ``late_s`` after its time and accepted after ``service_s``."""
    rows = np.zeros(len(due_s), dtype=ARRIVAL)
    rows["number"] = np.arange(len(due_s))
    rows["state"], rows["receipt"], rows["status"], rows["attempts"] = State.ACCEPTED, Receipt.GOOD, 201, 1
    rows["sent_s"] = due_s + late_s
    rows["done_s"] = rows["sent_s"] + service_s
    rows["check_s"], rows["checked_s"] = 0.001, rows["done_s"] + 0.002
    return rows


def delivered(of: Schedule, *, absent_s: float, seen_s: float, accepted_s: float) -> Rows:
    """A row for each leg, its moments so long after the message was due."""
    number = np.repeat(np.arange(len(of)), np.diff(of.recipient_start))
    rows = np.zeros(len(number), dtype=DELIVERY)
    due_s = of.due_s[number]
    rows["number"], rows["recipient"], rows["copies"] = number, of.recipient, 1
    rows["absent_s"], rows["seen_s"], rows["stamp_s"] = due_s + absent_s, due_s + seen_s, np.nan
    rows["accept_due_s"], rows["accept_sent_s"] = rows["seen_s"], rows["seen_s"] + 0.001
    rows["accepted_s"] = due_s + accepted_s
    rows["acknowledged_s"] = rows["accepted_s"] + 0.001
    return rows


def no_polls() -> Rows:
    """No poll at all."""
    return np.zeros(0, dtype=POLL)
