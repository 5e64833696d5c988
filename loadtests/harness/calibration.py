"""A measured profile of an exchange, which a scenario's signed channel may cite.

Rule kept here: what is cited was measured: its mean is the sample's to the last digit, its source says where, when and
under which load, and what a run of minutes cannot know (outages of a month) is not cited but said to be missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np

from loadtests.harness.calibration_figures import Bools, Floats, distribution, share
from loadtests.harness.measures import Seen
from loadtests.harness.plan import Plan
from loadtests.harness.records import State

SCHEMA: Final = 1
SIZE_EDGES_BYTES: Final = (0, 4_096, 65_536, 1_048_576, 10_485_760, 2**40)
TRANSIT: Final = "transports.exchange.transit"
"""What the library's signed, scanned and double-running channels travel by (their step ``by-exchange``)."""
CITED_MIN: Final = 100  # deliveries; with fewer the tail is not known
_GROUPS: Final = (*np.linspace(0, 0.9, 46), *np.linspace(0.905, 0.99, 18), 0.9925, 0.995, 0.9975, 0.999, 1.0)
_DIGITS: Final = 9  # of a second and of a weight: the mean stays exact to a millionth


def profile(
    plan: Plan,
    seen: Seen,
    *,
    target: Mapping[str, Any],
    machine: Mapping[str, Any],
    rng: np.random.Generator,
    measured_on: str = "",
) -> dict[str, Any]:
    """Make the measured profile of a run.

    Args:
        plan: What was done.
        seen: What came of it.
        target: What the exchange says of itself.
        machine: Fingerprint of the machine.
        rng: For block bootstraps.
        measured_on: Date, for people; may be empty.

    Returns:
        ``calibration.json``: times in seconds with 95 % intervals, what it was measured on, and under ``fragment`` the
        dotted paths with which a scenario cites it.
    """
    delivery, delays_s = _delivery(seen, rng)
    load = _load(plan, seen)
    on = {
        "date": measured_on,
        "plan_digest": plan.digest,
        "adapter": plan.adapter,
        "target": dict(target),
        "machine": dict(machine),
        **load,
    }
    fragment, missing = _fragment(delays_s, delivery, on)
    return {
        "schema": SCHEMA,
        "kind": "calibration",
        "measured_on": on,
        "service_s": _service(seen, rng),
        "delivery_s": delivery,
        **_answers(plan, seen, rng),
        "fragment": fragment,
        "set": [f"{path}={json.dumps(value)}" for path, value in fragment.items()],
        "not_cited": missing,
    }


def _load(plan: Plan, seen: Seen) -> dict[str, Any]:
    """Under which load it was measured; times are worth little without it."""
    judged = seen.judged
    window_s = max(plan.duration_s - plan.warmup_s, 0.0)
    recipients = np.diff(seen.schedule.recipient_start)[judged]
    count = int(np.count_nonzero(judged))
    return {
        "window_s": window_s,
        "messages": count,
        "rate_per_s": count / window_s if window_s else None,
        "fan_out": float(recipients.mean()) if count else None,
        "size_bytes_mean": float(seen.schedule.size_bytes[judged].mean()) if count else None,
        "poll_s": plan.poll_s if plan.collect else None,
    }


def _service(seen: Seen, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Service time (answer - sending) of accepted messages by class of size; classes without any are left out."""
    taken = seen.judged & seen.taken & np.isfinite(seen.done_s - seen.sent_s)
    out = []
    for low, high in pairwise(SIZE_EDGES_BYTES):
        size = seen.schedule.size_bytes
        chosen = taken & (size > low) & (size <= high)
        if not chosen.any():
            continue
        times_s = (seen.done_s - seen.sent_s)[chosen]
        out.append(
            {
                "above_bytes": low,
                "up_to_bytes": high if high != SIZE_EDGES_BYTES[-1] else None,
                "size_bytes_mean": float(size[chosen].mean()),
                **distribution(times_s, seen.schedule.due_s[chosen], rng),
            }
        )
    return out


def _answers(plan: Plan, seen: Seen, rng: np.random.Generator) -> dict[str, Any]:
    """Availability and refusals of what was due: sheds and ambiguous answers are no answers."""
    judged = seen.judged
    state, due_s = seen.state[judged], seen.schedule.due_s[judged]
    answered = (state == State.REJECTED) | (state >= State.ANSWERED)
    seconds, up = _seconds(due_s, answered, plan.warmup_s)
    refused = state[answered] == State.REJECTED
    return {
        "availability": {
            "requests": share(answered, due_s, rng),
            "seconds": share(up, seconds, rng),
            "outages_s": _spells(seconds, up),
        },
        "refusal": share(refused, due_s[answered], rng),
    }


def _seconds(due_s: Floats, answered: Bools, from_s: float) -> tuple[Floats, Bools]:
    """Seconds in which something was due, and whether any of it was answered."""
    whole, place = np.unique(np.floor(due_s - from_s), return_inverse=True)
    up = np.bincount(place[answered], minlength=len(whole)) > 0
    return whole + from_s, up


def _spells(seconds: Floats, up: Bools) -> list[list[float]]:
    """Start and end of each row of seconds without an answer; a second in which nothing was due ends none."""
    out: list[list[float]] = []
    before = True
    for at_s, good in zip(seconds.tolist(), up.tolist(), strict=True):
        if not good and before:
            out.append([at_s, at_s + 1])
        elif not good:
            out[-1][1] = at_s + 1
        before = good
    return out


def _delivery(seen: Seen, rng: np.random.Generator) -> tuple[dict[str, Any], Floats]:
    """From the intended sending to the poll that showed it, and by the server's own stamp where it gives one."""
    due_s = seen.schedule.due_s[seen.leg_number]
    wanted = seen.judged[seen.leg_number] & seen.taken[seen.leg_number]
    here = wanted & (seen.leg >= 0)
    rows = seen.deliveries[seen.leg[here]]
    at_s, seen_s, stamp_s = due_s[here], rows["seen_s"] - due_s[here], rows["stamp_s"] - due_s[here]
    known = np.isfinite(seen_s)
    stamped = np.isfinite(stamp_s)
    found = distribution(seen_s[known], at_s[known], rng)
    found["never_seen"] = int(np.count_nonzero(wanted)) - int(np.count_nonzero(known))
    found["by_stamp"] = (
        distribution(np.maximum(stamp_s[stamped], 0.0), at_s[stamped], rng) if stamped.any() else None
    )
    return found, seen_s[known]


def _fragment(
    delays_s: Floats, delivery: Mapping[str, Any], on: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """What a scenario may cite, by dotted path, and what it may not."""
    missing = [
        "transports.exchange.outages: a run of minutes says nothing of the months between outages; keep the library's",
        "refusals: those measured are of the server; the library's `accepted` step is about a wrong recipient",
    ]
    if len(delays_s) < CITED_MIN:
        why = f"{len(delays_s)} deliveries were seen, {CITED_MIN} are needed"
        return {}, [f"{TRANSIT}: {why}", *missing]
    values, weights = quantile_groups(delays_s)
    middle = sum(value * weight for value, weight in zip(values, weights, strict=True))
    ends = (delivery["mean"]["low"], delivery["mean"]["high"])
    low, high = min(middle, ends[0]), max(middle, ends[1])
    cited = {
        "empirical": {"values": [quantity(value) for value in values], "weights": weights},
        "grade": "measured",
        "source": _source(on),
        "range": [quantity(low), quantity(high)],
    }
    return {TRANSIT: cited}, missing


def quantile_groups(values: Floats) -> tuple[list[float], list[float]]:
    """A sample as at most 70 values with weights, finer in the tail; its mean is the sample's.

    Args:
        values: At least one.

    Returns:
        Means of groups of neighbours, ascending, and the share of each; the shares sum to 1.
    """
    ascending = np.sort(np.maximum(values, 0.0))
    edges = np.unique(np.rint(np.array(_GROUPS) * len(ascending)).astype(np.int64))
    groups = [ascending[low:high] for low, high in pairwise(edges.tolist())]
    weights = [round(len(group) / len(ascending), _DIGITS) for group in groups]
    weights[0] = round(1 - sum(weights[1:]), _DIGITS)
    return [round(float(group.mean()), _DIGITS) for group in groups], weights


def quantity(seconds: float) -> str:
    """A duration as scenarios write it."""
    return f"{seconds:.{_DIGITS}f} s"


def _source(on: Mapping[str, Any]) -> str:
    """Where a cited number comes from, in one line."""
    name = (
        " ".join(str(on["target"][key]) for key in ("name", "version") if key in on["target"])
        or on["adapter"]
    )
    load = (
        f"{on['messages']:,} messages at {on['rate_per_s']:.3g}/s, {on['fan_out']:.3g} recipients each, "
        f"{on['size_bytes_mean'] / 1e3:,.0f} kB on average"
    )
    how = "from the intended sending to the poll that showed it"
    if on["poll_s"]:
        how += f", inboxes polled every {on['poll_s']:g} s"
    parts = [f"load run {on['plan_digest'][:12]} of {name}", on["date"], load, how]
    return "; ".join(part for part in parts if part)
