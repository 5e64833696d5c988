"""What the rows of a run mean: response, service and lateness by step, from the intended times.

Rule kept here: response runs from the intended time, whatever the generator did; what got no answer, was refused or was
shed has the response infinity and stays in every percentile; poisoned messages, replays and the warm-up are not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtests.harness.plan import Plan, Receipts
from loadtests.harness.records import Poison, Receipt, Rows, State
from loadtests.harness.schedule import Schedule

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STEPS: Final = ("sign", "submit", "receipt", "available", "accepted", "acknowledged", "journey", "poll")
_ANSWERED: Final = 200
"""The status from which on a poll was answered; below it stands why not."""
_REFUSED: Final = 400


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the journey, one value for each that was due, in the order of the due times.

    Args:
        name: One of ``STEPS``.
        due_s: Intended times, s since T0.
        response_s: From them until it was done; infinite for a miss.
        service_s: From sending until it was done; NaN where nothing was sent or came.
        lateness_s: From the intended time to sending; NaN where nothing was sent.
        lower_s: Lower bound of the response where it is known within bounds only; else None.
    """

    name: str
    due_s: Floats
    response_s: Floats
    service_s: Floats
    lateness_s: Floats
    lower_s: Floats | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows laid over the schedule: one place for each arrival, one for each leg (arrival and recipient).

    Args:
        schedule: What was to be sent.
        judged: Arrivals that count: good, due after the warm-up, and their time came.
        state: A ``State`` for each arrival.
        receipt: A ``Receipt`` for each.
        sent_s: NaN where it was not sent.
        done_s: NaN where no answer came.
        sign_s: Time that signing took.
        check_s: Time that the check of the receipt took.
        checked_s: When it had been checked; NaN where it was not.
        leg_number: Arrival of each leg.
        leg: Row of ``deliveries`` for each leg, -1 for none.
        deliveries: Rows of ``records.DELIVERY``.
    """

    schedule: Schedule
    judged: Bools
    state: NDArray[np.int64]
    receipt: NDArray[np.int64]
    sent_s: Floats
    done_s: Floats
    sign_s: Floats
    check_s: Floats
    checked_s: Floats
    leg_number: NDArray[np.int64]
    leg: NDArray[np.int64]
    deliveries: Rows

    @property
    def taken(self) -> Bools:
        """Arrivals that were accepted as far as anybody has looked: answered so, and the receipt not wrong."""
        out: Bools = (self.state >= State.ANSWERED) & (self.receipt != Receipt.WRONG)
        return out

    @property
    def response_s(self) -> Floats:
        """Response of each arrival's submission, infinite for a miss."""
        out: Floats = np.where(self.taken, self.done_s - self.schedule.due_s, np.inf)
        return out


def lay_out(plan: Plan, schedule: Schedule, arrivals: Rows, deliveries: Rows) -> Seen:
    """Lay the rows of a run over its schedule."""
    count = len(schedule)
    at = arrivals["number"].astype(np.int64)

    def times(name: str) -> Floats:
        out = np.full(count, np.nan)
        out[at] = arrivals[name]
        return out

    def codes(name: str, empty: int) -> NDArray[np.int64]:
        out = np.full(count, empty, dtype=np.int64)
        out[at] = arrivals[name]
        return out

    state = codes("state", State.PLANNED)
    good = (schedule.poison == Poison.NONE) & (schedule.due_s >= plan.warmup_s)
    leg_number = np.repeat(np.arange(count), np.diff(schedule.recipient_start))
    return Seen(
        schedule=schedule,
        judged=good & (state != State.PLANNED),
        state=state,
        receipt=codes("receipt", Receipt.NONE),
        sent_s=times("sent_s"),
        done_s=times("done_s"),
        sign_s=times("sign_s"),
        check_s=times("check_s"),
        checked_s=times("checked_s"),
        leg_number=leg_number,
        leg=_legs(schedule, leg_number, deliveries),
        deliveries=deliveries,
    )


def _legs(schedule: Schedule, leg_number: NDArray[np.int64], deliveries: Rows) -> NDArray[np.int64]:
    """The row of each leg, -1 for a leg without one."""
    keys = leg_number * max(schedule.agencies, 1) + schedule.recipient
    wanted = deliveries["number"].astype(np.int64) * max(schedule.agencies, 1) + deliveries["recipient"]
    out = np.full(len(keys), -1, dtype=np.int64)
    if len(keys) and len(wanted):
        order = np.argsort(wanted, kind="stable")
        place = np.minimum(np.searchsorted(wanted, keys, sorter=order), len(wanted) - 1)
        found = order[place]
        out = np.where(wanted[found] == keys, found, -1)
    return out


def steps(plan: Plan, seen: Seen, polls: Rows, *, stamp_resolution_s: float = 1.0) -> dict[str, Step]:
    """Every step of which the run has anything, by name.

    Args:
        plan: What was to be done.
        seen: From ``lay_out``.
        polls: Rows of ``records.POLL``.
        stamp_resolution_s: Hand-over stamps are rounded down to this.
    """
    found = [_submit(seen), *_processor_steps(plan, seen)]
    if plan.collect and len(seen.leg):
        found += _delivery_steps(plan, seen, stamp_resolution_s)
    if len(polls):
        found.append(_poll(plan, polls))
    return {one.name: one for one in found if len(one.due_s)}


def _submit(seen: Seen) -> Step:
    pick = seen.judged
    due_s = seen.schedule.due_s[pick]
    service_s = np.where(seen.taken, seen.done_s - seen.sent_s, np.nan)[pick]
    return Step("submit", due_s, seen.response_s[pick], service_s, seen.sent_s[pick] - due_s)


def _processor_steps(plan: Plan, seen: Seen) -> list[Step]:
    """Signing, and the check of the receipt: durations, but from the intended time where it is checked as it comes."""
    out = []
    pick = seen.judged & (seen.sign_s > 0)
    due_s = seen.schedule.due_s[pick]
    out.append(Step("sign", due_s, seen.sign_s[pick], seen.sign_s[pick], np.full(len(due_s), np.nan)))
    pick = seen.judged
    due_s, check_s = seen.schedule.due_s[pick], np.where(seen.check_s > 0, seen.check_s, np.nan)[pick]
    good = seen.receipt[pick] == Receipt.GOOD
    if plan.receipts is Receipts.LIVE:
        response_s = np.where(good, seen.checked_s[pick] - due_s, np.inf)
        lateness_s = seen.checked_s[pick] - check_s - seen.done_s[pick]
        out.append(Step("receipt", due_s, response_s, check_s, lateness_s))
    else:
        due_s, check_s = due_s[good], check_s[good]
        out.append(Step("receipt", due_s, check_s, check_s, np.full(len(due_s), np.nan)))
    return out


def _delivery_steps(plan: Plan, seen: Seen, stamp_resolution_s: float) -> list[Step]:
    """What recipients saw of what was accepted, and the whole way of every message."""
    legs = np.flatnonzero((seen.judged & seen.taken)[seen.leg_number])
    number, row = seen.leg_number[legs], seen.leg[legs]

    def column(name: str) -> Floats:
        out: Floats = np.where(row >= 0, seen.deliveries[name][np.maximum(row, 0)] if len(seen.deliveries) else np.nan,
                               np.nan)  # fmt: skip
        return out

    due_s, seen_s, stamp_s = seen.schedule.due_s[number], column("seen_s"), column("stamp_s")
    upper_s = np.fmin(seen_s, stamp_s + stamp_resolution_s)
    lower_s = np.fmin(np.fmax(np.fmax(column("absent_s"), stamp_s), due_s), upper_s)
    nothing = np.full(len(legs), np.nan)
    out = [Step("available", due_s, _or_miss(upper_s - due_s), nothing, nothing, _or_miss(lower_s - due_s))]
    if not plan.acknowledge:
        return [*out, _journey(seen, "seen_s")]
    begun_s, sent_s = column("accept_due_s"), column("accept_sent_s")
    found = ~np.isnan(begun_s)  # the others are misses of ``available`` already
    begun_s, sent_s = begun_s[found], sent_s[found]
    for name, at_s in (
        ("accepted", column("accepted_s")[found]),
        ("acknowledged", column("acknowledged_s")[found]),
    ):
        out.append(Step(name, begun_s, _or_miss(at_s - begun_s), at_s - sent_s, sent_s - begun_s))
    return [*out, _journey(seen, "acknowledged_s")]


def _journey(seen: Seen, until: str) -> Step:
    """From the intended time until the last recipient; a miss where one of them, or the submission, is one."""
    end_s = np.full(len(seen.schedule), -np.inf)
    at_s = np.full(len(seen.leg), np.inf)
    there = seen.leg >= 0
    at_s[there] = _or_miss(seen.deliveries[until][seen.leg[there]])
    np.maximum.at(end_s, seen.leg_number, at_s)
    pick = seen.judged & (np.diff(seen.schedule.recipient_start) > 0)
    due_s = seen.schedule.due_s[pick]
    response_s = np.where(seen.taken[pick], end_s[pick] - due_s, np.inf)
    nothing = np.full(len(due_s), np.nan)
    return Step("journey", due_s, response_s, nothing, nothing)


def _poll(plan: Plan, polls: Rows) -> Step:
    rows = polls[(polls["due_s"] >= plan.warmup_s) & (polls["due_s"] < plan.duration_s)]
    rows = rows[np.argsort(rows["due_s"], kind="stable")]
    answered = (rows["status"] >= _ANSWERED) & (rows["status"] < _REFUSED)
    response_s = np.where(answered, rows["done_s"] - rows["due_s"], np.inf)
    service_s = np.where(answered, rows["done_s"] - rows["sent_s"], np.nan)
    return Step("poll", rows["due_s"].copy(), response_s, service_s, rows["sent_s"] - rows["due_s"])


def _or_miss(values_s: Floats) -> Floats:
    """NaN as infinity."""
    out: Floats = np.where(np.isnan(values_s), np.inf, values_s)
    return out
