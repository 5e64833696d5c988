"""A run over time: its seconds, its heat map, its stages, and what faults did to it.

Rule kept here: an arrival belongs to the second in which it was due, whenever it was answered; so a freeze shows where
it struck, and misses stand beside the answers of the same second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtests.harness.measures import Bools, Floats, Seen
from loadtests.harness.records import Rows, State

HEAT_TIMES_MAX: Final = 120
HEAT_VALUES_PER_DECADE: Final = 10
HEAT_FROM_S, HEAT_UNTIL_S = 1e-4, 100.0
_CALM_S: Final = 1.0
"""Recovered is after a fault from when on nothing was slow for so long, or until the end."""
_SLOW_LEAST_S: Final = 0.05
_BEFORE_MIN: Final = 20
"""Arrivals before a fault that are enough to say what was usual."""


def seconds(seen: Seen, polls: Rows, end_s: float) -> dict[str, list[float | None]]:
    """Counts and percentiles by second of the run, as equally long columns.

    Args:
        seen: From ``measures.lay_out``.
        polls: Rows of ``records.POLL``.
        end_s: Length of the axis, s.

    Returns:
        ``second_s`` its begin; by due second: ``offered``, ``shed``, ``failed`` (all other misses), ``p50_s``,
        ``p99_s`` (None where nothing was due, or the percentile is a miss), ``lateness_p99_s``; by the second itself:
        ``sent``, ``done``, ``in_flight`` (at its end), ``polls``.
    """
    count = max(int(np.ceil(end_s)), 1)
    due_s, response_s = seen.schedule.due_s, seen.response_s
    planned = seen.state == State.PLANNED
    shed = seen.state == State.SHED
    good = seen.schedule.poison == 0
    failed = good & ~planned & ~shed & np.isinf(response_s)
    sent, done = per_second(seen.sent_s, count), per_second(seen.done_s, count)
    p50_s, p99_s = _percentiles(due_s, response_s, good & ~planned, count, (0.5, 0.99))
    (late_s,) = _percentiles(due_s, seen.sent_s - due_s, ~np.isnan(seen.sent_s), count, (0.99,))
    columns: dict[str, Sequence[float | None]] = {
        "second_s": np.arange(count, dtype=float).tolist(),
        "offered": per_second(due_s[~planned], count).tolist(),
        "sent": sent.tolist(),
        "done": done.tolist(),
        "shed": per_second(due_s[shed], count).tolist(),
        "failed": per_second(due_s[failed], count).tolist(),
        "p50_s": p50_s,
        "p99_s": p99_s,
        "lateness_p99_s": late_s,
        "in_flight": (np.cumsum(sent) - np.cumsum(done)).tolist(),
        "polls": per_second(polls["sent_s"], count).tolist(),
    }
    return {name: list(values) for name, values in columns.items()}


def per_second(at_s: Floats, count: int) -> NDArray[np.int64]:
    """How many fall into each of the first ``count`` seconds; what is NaN or later is left out."""
    inside = at_s[(at_s >= 0) & (at_s < count)]
    return np.bincount(inside.astype(np.int64), minlength=count).astype(np.int64)


def _percentiles(
    due_s: Floats, values_s: Floats, pick: Bools, count: int, wanted: Sequence[float]
) -> list[list[float | None]]:
    """Nearest-rank percentiles by due second; None for none."""
    inside = pick & (due_s < count)
    second, values = due_s[inside].astype(np.int64), values_s[inside]
    order = np.lexsort((values, second))
    second, values = second[order], values[order]
    first = np.searchsorted(second, np.arange(count + 1))
    out: list[list[float | None]] = [[] for _ in wanted]
    for at in range(count):
        many = int(first[at + 1] - first[at])
        for place, share in enumerate(wanted):
            value = values[first[at] + max(int(np.ceil(share * many)), 1) - 1] if many else np.inf
            out[place].append(float(value) if np.isfinite(value) else None)
    return out


def heat(seen: Seen, end_s: float) -> dict[str, list[Any]]:
    """Responses of good arrivals by due time and size, logarithmic; the last row of values holds the misses.

    Returns:
        ``time_edges_s`` (n + 1), ``value_edges_s`` (m + 1, ascending), ``counts``: m + 1 rows of n, the last one the
        misses.
    """
    times = min(HEAT_TIMES_MAX, max(int(np.ceil(end_s)), 1))
    time_edges = np.linspace(0.0, max(end_s, 1e-9), times + 1)
    decades = np.log10(HEAT_UNTIL_S / HEAT_FROM_S)
    values = np.logspace(
        np.log10(HEAT_FROM_S), np.log10(HEAT_UNTIL_S), round(decades * HEAT_VALUES_PER_DECADE) + 1
    )
    pick = (seen.schedule.poison == 0) & (seen.state != State.PLANNED)
    due_s, response_s = seen.schedule.due_s[pick], seen.response_s[pick]
    missed = np.isinf(response_s)
    within = np.clip(response_s[~missed], HEAT_FROM_S, HEAT_UNTIL_S * 0.999999)
    table, _, _ = np.histogram2d(within, due_s[~missed], bins=(values, time_edges))
    misses, _ = np.histogram(due_s[missed], bins=time_edges)
    used = np.flatnonzero(table.sum(axis=1))
    low, high = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
    counts = [*table[low:high].astype(int).tolist(), misses.astype(int).tolist()]
    return {
        "time_edges_s": time_edges.tolist(),
        "value_edges_s": values[low : high + 1].tolist(),
        "counts": counts,
    }


def stages(seen: Seen, of: Sequence[tuple[str, float, float, float]]) -> list[dict[str, Any]]:
    """What happened in each stage of the profile.

    Args:
        seen: From ``measures.lay_out``.
        of: Name, begin and end in s, and rate per s of each.
    """
    out = []
    good = (seen.schedule.poison == 0) & (seen.state != State.PLANNED)
    response_s = seen.response_s
    for name, from_s, until_s, rate_per_s in of:
        inside = good & (seen.schedule.due_s >= from_s) & (seen.schedule.due_s < until_s)
        values = np.sort(response_s[inside])
        rank = max(int(np.ceil(0.99 * len(values))), 1) - 1
        p99_s = float(values[rank]) if len(values) and np.isfinite(values[rank]) else None
        done = int((seen.taken & (seen.done_s >= from_s) & (seen.done_s < until_s)).sum())
        out.append({
            "name": name,
            "from_s": from_s,
            "until_s": until_s,
            "rate_per_s": rate_per_s,
            "completed_per_s": done / max(until_s - from_s, 1e-9),
            "p99_s": p99_s,
            "misses": int(np.isinf(values).sum()),
        })  # fmt: skip
    return out


@dataclass(frozen=True, slots=True)
class Impact:
    """What a fault did.

    Args:
        detected_s: From its begin until a client could know: the first miss or slow answer; None where nobody noticed.
        recovered_s: From its end until the last arrival of it that was slow or missed was due; None where the run ended
            before all had been well for a while.
        misses: Good arrivals from its begin until then that were misses.
        slow_s: A response above this was slow.
    """

    detected_s: float | None
    recovered_s: float | None
    misses: int
    slow_s: float


def impact(seen: Seen, from_s: float, until_s: float, bound_s: float | None) -> Impact:
    """What a fault between two moments did to the arrivals that were due from then on.

    Args:
        seen: From ``measures.lay_out``.
        from_s: When it began, s since T0, as recorded.
        until_s: When it ended.
        bound_s: What is slow: the objective's bound; None: twice the 99th percentile before it, at least 50 ms.
    """
    good = (seen.schedule.poison == 0) & (seen.state != State.PLANNED)
    due_s, response_s, done_s = seen.schedule.due_s[good], seen.response_s[good], seen.done_s[good]
    slow_s = _slow_s(due_s, response_s, from_s) if bound_s is None else bound_s
    bad = response_s > slow_s
    # What is slow is known when the bound has passed without an answer; what failed, when the failure came.
    known_s = np.where(
        np.isinf(response_s) & ~np.isnan(done_s), np.fmin(done_s, due_s + slow_s), due_s + slow_s
    )
    last_s = until_s
    for one in due_s[bad & (known_s >= from_s)].tolist():
        if one > last_s + _CALM_S:
            break
        last_s = max(last_s, one)
    touched = bad & (known_s >= from_s) & (due_s <= last_s)
    if not touched.any():
        return Impact(None, 0.0, 0, slow_s)
    still = last_s > until_s and last_s + _CALM_S > float(due_s[-1])
    return Impact(
        detected_s=float(known_s[touched].min()) - from_s,
        recovered_s=None if still else last_s - until_s,
        misses=int((np.isinf(response_s) & touched).sum()),
        slow_s=slow_s,
    )


def _slow_s(due_s: Floats, response_s: Floats, from_s: float) -> float:
    before = np.sort(response_s[(due_s < from_s) & np.isfinite(response_s)])
    if len(before) < _BEFORE_MIN:
        return _SLOW_LEAST_S
    return max(2.0 * float(before[int(np.ceil(0.99 * len(before))) - 1]), _SLOW_LEAST_S)


def faults(seen: Seen, recorded: Sequence[Mapping[str, Any]], bound_s: float | None) -> list[dict[str, Any]]:
    """The recorded faults with what each of them did, as the summary holds them."""
    out = []
    for one in recorded:
        from_s = float(one.get("recorded_from_s", one["at_s"]))
        until_s = float(one.get("recorded_until_s", one["until_s"]))
        did = impact(seen, from_s, until_s, bound_s)
        out.append({
            "kind": one["kind"],
            "at_s": from_s,
            "until_s": until_s,
            "detected_s": did.detected_s,
            "recovered_s": did.recovered_s,
            "misses": did.misses,
            "slow_s": did.slow_s,
            "detail": one.get("detail", ""),
        })  # fmt: skip
    return out
