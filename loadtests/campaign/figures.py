"""Figures of a run for its summary: percentiles by step, counts, what was offered, the server's series.

Rule kept here: percentiles come from histograms whose misses stand above every time; beside them stand those of what
completed only. Infinite is None, as in JSON.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from loadtests.campaign.raw import Raw
from loadtests.harness.histogram import Histogram
from loadtests.harness.measures import Floats, Seen, Step
from loadtests.harness.records import MUST_BE_REFUSED, Poison, State

PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}
SPECTRUM: Final = (0.0, 10.0, 25.0, 50.0, 75.0, 80.0, 85.0, 90.0, 92.5, 95.0, 96.0, 97.0, 98.0, 98.5, 99.0, 99.25, 99.5,
                   99.75, 99.9, 99.95, 99.975, 99.99, 99.995, 99.999)  # fmt: skip
"""Percentiles of the spectrum; those beyond what the number of values can tell are left out."""


def finite(value: float) -> float | None:
    """The value, None where it is infinite or no number."""
    return float(value) if math.isfinite(value) else None


def histogram_of(values_s: Floats) -> Histogram:
    """Values and misses as a histogram; NaN is left out, what is below zero by the clock's grain is zero."""
    made = Histogram()
    made.record(np.maximum(values_s[~np.isnan(values_s)], 0.0))
    return made


def told(histogram: Histogram) -> dict[str, float | None]:
    """Percentiles, greatest and mean (of what completed) of a histogram."""
    values = dict(zip(PERCENTILES, histogram.percentiles(tuple(PERCENTILES.values())), strict=True))
    greatest = math.inf if histogram.missed else histogram.max_s
    return {name: finite(value) for name, value in values.items()} | {
        "max": finite(greatest),
        "mean": finite(histogram.mean_s),
    }


def step_figures(step: Step) -> tuple[dict[str, Any], Histogram]:
    """One step's part of the summary, and its histogram."""
    histogram = histogram_of(step.response_s)
    out: dict[str, Any] = {
        "count": histogram.count,
        "missed": histogram.missed,
        "response_s": told(histogram),
        "completed_s": told(histogram_of(step.response_s[np.isfinite(step.response_s)])),
        "service_s": told(histogram_of(step.service_s)),
        "lateness_s": told(histogram_of(step.lateness_s)),
    }
    if step.lower_s is not None:
        out["lower_s"], out["upper_s"] = told(histogram_of(step.lower_s)), out["response_s"]
    return out, histogram


def spectrum(histogram: Histogram) -> list[list[float | None]]:
    """Percentiles and values as far as there are values to tell them."""
    if not histogram.count:
        return []
    told_ = [one for one in SPECTRUM if one == 0.0 or histogram.count * (1 - one / 100) >= 1.0]
    return [
        [one, finite(value)] for one, value in zip(told_, histogram.percentiles(tuple(told_)), strict=True)
    ]


def offered(raw: Raw, dispersion: Mapping[str, float | None]) -> dict[str, Any]:
    """What the schedule holds, whatever came of it."""
    plan, schedule = raw.plan, raw.schedule
    poison = schedule.poison
    fan_out = np.diff(schedule.recipient_start)
    good = poison == Poison.NONE
    return {
        "messages": len(schedule),
        "good": int(good.sum()),
        "poisoned": int(np.isin(poison, tuple(MUST_BE_REFUSED)).sum()),
        "replays": int((poison == Poison.REPLAY).sum()),
        "rate_per_s": len(schedule) / plan.duration_s,
        "deliveries": int(fan_out[good].sum()),
        "bytes": int(schedule.size_bytes.astype(np.int64).sum()),
        "window_s": plan.duration_s,
        "dispersion_1s": dispersion.get("1s"),
        "dispersion_10s": dispersion.get("10s"),
        "polls": len(schedule.poll_due_s) if plan.collect else 0,
    }


def achieved(raw: Raw, seen: Seen) -> dict[str, Any]:
    """What came of it: counts by state over all arrivals, and the rates within the judged window."""
    plan, schedule = raw.plan, raw.schedule
    good = schedule.poison == Poison.NONE
    window_s = max(plan.duration_s - plan.warmup_s, 1e-9)
    inside = good & seen.taken & (seen.done_s >= plan.warmup_s) & (seen.done_s < plan.duration_s)
    fan_out = np.diff(schedule.recipient_start)
    known = raw.deliveries[np.isin(raw.deliveries["number"], np.flatnonzero(good & seen.taken))]
    return {
        "counts": {one.name.lower(): int((seen.state == one).sum()) for one in State},
        "completed": int((good & seen.taken).sum()),
        "completed_per_s": float(inside.sum()) / window_s,
        "deliveries_per_s": float(fan_out[inside].sum()) / window_s,
        "bytes_per_s": float(schedule.size_bytes[inside].astype(np.int64).sum()) / window_s,
        "shed": int((seen.state == State.SHED).sum()),
        "censored": int((seen.state == State.SENT).sum()),
        "deliveries_seen": int((~np.isnan(known["seen_s"])).sum()),
        "acknowledged": int((~np.isnan(known["acknowledged_s"])).sum()),
        "accepted_bytes": int(schedule.size_bytes[good & seen.taken].astype(np.int64).sum()),
    }


def server_series(samples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The server's numbers as one series for each name; a name's unit is its suffix."""
    names = sorted({name for one in samples for name in one["values"]})
    out = []
    for name in names:
        points = [(one["at_s"], one["values"][name]) for one in samples if name in one["values"]]
        out.append({
            "name": name,
            "unit": _unit(name),
            "at_s": [float(at) for at, _ in points],
            "values": [finite(value) for _, value in points],
        })  # fmt: skip
    return out


def _unit(name: str) -> str:
    """The unit that a metric's name ends in, as Prometheus writes it."""
    base = re.split(r"[{\[]", name, maxsplit=1)[0].removesuffix("_total").removesuffix("_sum")
    return {"seconds": "s", "bytes": "B"}.get(base.rsplit("_", 1)[-1], "")
