"""A made-up load run: a queue with one frozen and one cut server, told in the shape of ``summary.json``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DURATION_S, WARM_UP_S = 120.0, 10.0
STAGES = (("warm-up", 0.0, 10.0, 40.0), ("steady", 10.0, 60.0, 80.0), ("busy", 60.0, 100.0, 140.0),
          ("calm", 100.0, 120.0, 60.0))  # fmt: skip
FREEZE, CUT = (35.0, 37.0), (80.0, 82.0)
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
SPECTRUM = (0.0, 10.0, 25.0, 50.0, 75.0, 80.0, 90.0, 95.0, 97.0, 98.0, 99.0, 99.5, 99.75, 99.9, 99.95, 99.99)


def finite(value: float) -> float | None:
    """The value, nothing where it is infinite."""
    return round(float(value), 9) if math.isfinite(value) else None


def queue(seed: int = 5) -> tuple[Floats, Floats, Floats]:
    """Intended times, responses (inf for a miss) and lateness of a single server that freezes once and is cut once."""
    rng = np.random.default_rng(seed)
    due = np.sort(np.concatenate([rng.uniform(a, b, int(rate * (b - a))) for _, a, b, rate in STAGES]))
    service = rng.gamma(4.0, 0.0012, len(due))
    late = rng.gamma(2.0, 0.0006, len(due))
    free, response = 0.0, np.empty(len(due))
    for k, at in enumerate(due):
        begin = max(free, at)
        if FREEZE[0] <= begin < FREEZE[1]:
            begin = FREEZE[1]
        free = begin + service[k]
        response[k] = free - at + late[k]
    response[(due >= CUT[0]) & (due < CUT[1])] = np.inf
    return due, response, late


def told(values: Floats) -> dict[str, float | None]:
    """Percentiles by nearest rank, greatest and mean."""
    if not len(values):
        return dict.fromkeys((*QUANTILES, "max", "mean"))
    ordered = np.sort(values)
    out = {name: finite(ordered[math.ceil(q * len(ordered)) - 1]) for name, q in QUANTILES.items()}
    came = ordered[np.isfinite(ordered)]
    return {**out, "max": finite(ordered[-1]), "mean": finite(came.mean()) if len(came) else None}


def step(response: Floats, late: Floats) -> dict[str, Any]:
    """One step's part."""
    came = np.isfinite(response)
    return {
        "count": len(response),
        "missed": int((~came).sum()),
        "response_s": told(response),
        "completed_s": told(response[came]),
        "service_s": told(np.maximum(response[came] - late[came], 1e-5)),
        "lateness_s": told(late),
    }


def spectrum(values: Floats) -> list[list[float | None]]:
    """Percentile spectrum."""
    ordered = np.sort(values)
    return [[one, finite(ordered[max(math.ceil(one / 100 * len(ordered)), 1) - 1])] for one in SPECTRUM]


def series(due: Floats, response: Floats, late: Floats) -> dict[str, list[float | None]]:
    """The run by second."""
    out: dict[str, list[float | None]] = {name: [] for name in (
        "second_s", "offered", "sent", "done", "shed", "failed", "p50_s", "p99_s", "lateness_p99_s", "in_flight",
        "polls"
    )}  # fmt: skip
    done = due + response
    for second in range(int(DURATION_S)):
        mine = (due >= second) & (due < second + 1)
        values = told(response[mine])
        shed = int(np.isinf(response[mine]).sum() // 3)
        row: dict[str, float | None] = {
            "second_s": float(second),
            "offered": int(mine.sum()),
            "sent": int(mine.sum()) - shed,
            "done": int(((done >= second) & (done < second + 1)).sum()),
            "shed": shed,
            "failed": int(np.isinf(response[mine]).sum()) - shed,
            "p50_s": values["p50"],
            "p99_s": values["p99"],
            "lateness_p99_s": told(late[mine])["p99"],
            "in_flight": int(((due < second + 1) & (done >= second + 1) & np.isfinite(done)).sum()),
            "polls": 6,
        }
        for name, value in row.items():
            out[name].append(value)
    return out


def heat(due: Floats, response: Floats) -> dict[str, list[Any]]:
    """Counts by value, then by time; the last row is the misses."""
    times, values = np.linspace(0, DURATION_S, 121), np.logspace(-3, 1, 41)
    came = np.isfinite(response)
    counts, _, _ = np.histogram2d(np.clip(response[came], 1e-3, 9.99), due[came], bins=(values, times))
    used = np.flatnonzero(counts.sum(axis=1))
    missed, _ = np.histogram(due[~came], bins=times)
    rows = counts[used[0] : used[-1] + 1].astype(int).tolist()
    return {
        "time_edges_s": times.tolist(),
        "value_edges_s": values[used[0] : used[-1] + 2].tolist(),
        "counts": [*rows, missed.tolist()],
    }


def objective(text: str, name: str, percentile: float, bound_s: float | None, values: Floats, *, met: bool | None,
              why: str) -> dict[str, Any]:  # fmt: skip
    """One judged objective."""
    ordered = np.sort(values)
    rank = math.ceil(percentile / 100 * len(ordered)) - 1
    share = float(np.mean(values >= (bound_s or np.inf)))
    return {
        "text": text, "step": name, "percentile": percentile, "bound_s": bound_s,
        "estimate_s": finite(ordered[rank]), "low_s": finite(ordered[max(rank - 60, 0)]),
        "high_s": finite(ordered[min(rank + 60, len(ordered) - 1)]), "samples": len(values),
        "misses": int(share * len(values)), "samples_needed": 459, "met": met, "why": why,
        "method": "binomial bound and moving block bootstrap", "share": share, "share_low": 0.8 * share,
        "share_high": 1.2 * share, "share_allowed": (100 - percentile) / 100, "design_effect": 3.2, "confidence": 0.99,
    }  # fmt: skip


def search() -> dict[str, Any]:
    """A search that found an exchange's capacity."""
    phases = [("ceiling", 6000, "PASS", 0.004), ("widen", 50, "PASS", 0.012), ("widen", 100, "PASS", 0.021),
              ("widen", 200, "FAIL", None), ("recover", 50, "PASS", 0.014), ("bisect", 141, "INVALID", 0.2),
              ("bisect", 141, "PASS", 0.06), ("bisect", 168, "INCONCLUSIVE", 0.48), ("bisect", 168, "PASS", 0.31),
              ("bisect", 184, "FAIL", 1.9), ("confirm", 168, "PASS", 0.33), ("confirm", 168, "PASS", 0.36),
              ("confirm", 168, "PASS", 0.29)]  # fmt: skip
    probes = [
        {"rate": rate, "outcome": outcome, "p99_s": p99, "low_s": None if p99 is None else 0.85 * p99,
         "high_s": None if p99 is None else 1.3 * p99, "achieved_per_s": min(rate, 176.0) if rate < 6000 else 5990.0,
         "phase": phase, "seed": 100 + k, "text": "the generator was late" if outcome == "INVALID" else ""}
        for k, (phase, rate, outcome, p99) in enumerate(phases)
    ]  # fmt: skip
    return {
        "objective": ["submit p99 < 500 ms"], "probes": probes, "last_pass": 168.0, "first_fail": 184.0,
        "interval": [168.0, 184.0], "at_least": False, "ceiling": 6000.0, "confirmed": True, "confirm_s": 60.0,
        "confirm_seeds": 3, "text": "The highest rate at which the objective holds is 168/s.",
    }  # fmt: skip


def comparison() -> dict[str, Any]:
    """A comparison of two exchanges."""
    rows = [
        ("submit p99", "higher", 1.32, 1.18, 1.47, 0.0008, 0.06, "higher by 32 % (18 to 47 %)"),
        ("submit p50", "no difference", 1.01, 0.98, 1.05, 0.41, 0.04, "no difference above 5 %"),
        ("completed per s", "lower", 0.93, 0.90, 0.955, 0.012, None, "lower by 7 %"),
        ("journey p99", "too few runs", None, None, None, None, None, "too few runs"),
    ]
    names = ("metric", "told", "ratio", "low", "high", "p", "noise", "text")
    sides = {
        "first": [0.21, 0.22, 0.2],
        "second": [0.28, 0.29, 0.27],
        "confidence": 0.75,
        "test": "rank",
        "bound": None,
    }
    return {
        "first": "A", "second": "B", "alpha": 0.05, "cautions": ["The runs were not interleaved."],
        "differences": [{**dict(zip(names, one, strict=True)), **sides} for one in rows],
        "runs": {side: [f"runs/{side}{k}" for k in range(1, 4)] for side in "AB"}, "left_out": ["submit p95"],
    }  # fmt: skip


def comparison_summary() -> dict[str, Any]:
    """The summary of a comparison by itself."""
    return {"schema": 1, "kind": "load-comparison", "title": "sqlite beside postgres", **comparison(),
            "environment": {"cores": 2}}  # fmt: skip


CHECKS: list[dict[str, Any]] = [
    {
        "name": "generator: lateness",
        "passed": True,
        "text": "p99 of lateness is 4.0 ms; 10.0 ms is tolerated",
    },
    {"name": "generator: workers", "passed": True, "text": "0 of 2 workers were lost"},
    {"name": "generator: warm-up", "passed": None, "text": "too short to tell"},
    {"name": "generator: audit", "passed": True, "text": "the exchange was asked what it has"},
    {"name": "server: drain", "passed": True, "text": "nothing was under way at the end"},
]
"""What every run was checked for; the run's outcome adds the rest."""
FAILED: dict[str, list[dict[str, Any]]] = {
    "PASS": [],
    "FAIL": [{"name": "ledger: lost", "passed": False, "text": "3 messages with a checked receipt are gone"},
             {"name": "objective: submit p99 < 500 ms", "passed": False, "text": "p99 1.62 s"}],
    "INCONCLUSIVE": [{"name": "objective: submit p99 < 500 ms", "passed": None, "text": "288 samples"}],
    "INVALID": [{"name": "generator: schedule", "passed": False, "text": "4 % off the schedule; 1 % is tolerated"}],
}  # fmt: skip
REASONS = {
    "PASS": [{"code": "held", "outcome": "PASS", "text": "all 3 objectives hold, the ledger holds"}],
    "FAIL": [{"code": "objective-missed", "outcome": "FAIL", "text": "submit p99 < 500 ms is not met: 1.62 s"},
             {"code": "lost", "outcome": "FAIL", "text": "3 messages with a checked receipt are gone"}],
    "INCONCLUSIVE": [{"code": "objective-open", "outcome": "INCONCLUSIVE", "text": "288 samples, 171 more are needed"}],
    "INVALID": [{"code": "strayed", "outcome": "INVALID", "text": "4 % off the schedule; 1 % is tolerated"}],
}  # fmt: skip
EXIT = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 4, "INVALID": 3}


def summary(outcome: str = "FAIL") -> dict[str, Any]:
    """The summary of the made-up run; its verdict is as asked, whatever its numbers say."""
    due, response, late = queue()
    judged = due >= WARM_UP_S
    rng = np.random.default_rng(8)
    submit, lateness = response[judged], late[judged]
    count = len(submit)
    sign = rng.gamma(3.0, 0.0001, count)
    receipt = submit + rng.gamma(2.0, 0.0004, count)
    upper = receipt + rng.uniform(0, 10, count)
    accepted = rng.gamma(4.0, 0.003, count)
    journey = upper + accepted + rng.gamma(2.0, 0.004, count)
    journey[rng.random(count) < 0.0005] = np.inf
    nothing = np.zeros(count)
    steps = {
        "sign": step(sign, nothing),
        "submit": step(submit, lateness),
        "receipt": step(receipt, lateness),
        "available": {**step(upper, lateness), "lower_s": told(receipt + 0.01), "upper_s": told(upper)},
        "accepted": step(accepted, nothing),
        "journey": step(journey, lateness),
        "poll": step(rng.gamma(3.0, 0.002, 600), np.zeros(600)),
    }
    messages, missed = len(due), int(np.isinf(response).sum())
    met = {"PASS": True, "FAIL": False, "INCONCLUSIVE": None, "INVALID": None}[outcome]
    pieces = [[name, b - a, rate, rate] for name, a, b, rate in STAGES]
    plan = {
        "schema": 1, "adapter": "reference", "target": "http://127.0.0.1:8080", "seed": 7, "nonce": "0a1b2c3d4e5f",
        "profile": {"kind": "step", "arrivals": "poisson", "duration_s": DURATION_S,
                    "rate_per_s": messages / DURATION_S,
                    "pieces": pieces},
        "schedule_sha256": "ab" * 32, "duration_s": DURATION_S, "warmup_s": WARM_UP_S, "drain_s": 30.0,
        "timeout_s": 10.0,
        "in_flight_max": 1000, "workers": 2, "signing": "presigned", "receipts": "live", "attempts_max": 1,
        "collect": True, "poll_s": 10.0, "acknowledge": True, "human_s": 0.0,
        "objectives": ["submit p99 < 500 ms", "journey p95 < 2 min", "failed < 0.1 %"], "adapter_options": {},
        "authorised": "", "extra": {},
    }  # fmt: skip
    return {
        "schema": 1,
        "kind": "load",
        "title": "Reference exchange, frozen once and cut once",
        "plan": plan,
        "plan_digest": "4f" * 32,
        "command": ["congvan", "load", "run", "--profile", "steps.yaml", "--slo", "submit p99 < 500 ms"],
        "verdict": {"outcome": outcome, "exit_code": EXIT[outcome], "reasons": REASONS[outcome],
                    "checks": CHECKS + FAILED[outcome]},
        "offered": {"messages": messages, "good": messages - 110, "poisoned": 90, "replays": 20,
                    "rate_per_s": messages / DURATION_S, "deliveries": 3 * messages, "bytes": 190_000 * messages,
                    "window_s": DURATION_S, "dispersion_1s": 1.04, "dispersion_10s": 3.61, "polls": 720},
        "counts": {"planned": 0, "shed": missed // 3, "sent": 4, "rejected": 90, "ambiguous": missed - missed // 3 - 4,
                   "answered": 0, "accepted": messages - 90 - missed},
        "completed": messages - 110 - missed, "completed_per_s": (messages - missed) / DURATION_S,
        "deliveries_seen": 3 * (messages - missed), "acknowledged": 3 * (messages - missed) - 12,
        "accepted_bytes": 190_000 * (messages - missed),
        "objectives": [
            objective("submit p99 < 500 ms", "submit", 99.0, 0.5, submit, met=met, why="99th percentile is 1.62 s"),
            objective("journey p95 < 2 min", "journey", 95.0, 120.0, journey, met=True, why="5 % at most are above"),
            objective("failed < 0.1 %", "failed", 99.9, None, submit, met=met, why="2.8 % of arrivals never came"),
        ],
        "steps": steps,
        "spectrum": {"sign": spectrum(sign), "submit": spectrum(submit), "available": spectrum(upper),
                     "journey": spectrum(journey)},
        "series": series(due, response, late),
        "heat": heat(due, response),
        "stages": [{"name": name, "from_s": a, "until_s": b, "rate_per_s": rate,
                    "completed_per_s": rate * (0.95 if name == "busy" else 1.0),
                    "p99_s": told(response[(due >= a) & (due < b)])["p99"],
                    "misses": int(np.isinf(response[(due >= a) & (due < b)]).sum())} for name, a, b, rate in STAGES],
        "faults": [
            {"kind": "freeze", "at_s": FREEZE[0], "until_s": FREEZE[1], "detected_s": 0.52, "recovered_s": 3.4,
             "misses": 0,
             "slow_s": 0.5, "detail": "freeze 2s at 35s"},
            {"kind": "cut", "at_s": CUT[0], "until_s": CUT[1], "detected_s": 0.01, "recovered_s": 0.4, "misses": missed,
             "slow_s": 0.5, "detail": "cut from 80s to 82s"},
        ],
        "ledger": ledger(messages, missed, clean=outcome == "PASS"),
        "generator": {
            "workers": [
                {"worker": k, "pid": 4000 + k, "host": "here", "ended": True, "reports": 122, "received": 122,
                 "gap": False,
                 "skew_s": 0.00012 * k, "stalls": [] if k else [[35.2, 0.13]], "cpu_s": 31.4 + k, "wall_s": 151.0,
                 "signed": messages // 2, "bank_empty_s": None, "in_flight_most": 312, "foreign_ids": 0, "errors": [],
                 "drained": True, "receipts_left": 0, "lateness_s_p99": 0.0039 + k / 1e4, "sent": messages // 2,
                 "cpu_share": 0.21}
                for k in range(2)
            ],
            "lateness_s": {"p50": 0.001, "p99": 0.004, "max": 0.011}, "lateness_bound_s": 0.01,
            "signing": "presigned", "receipts": "live",
            "limit_text": "2 workers at 21% of a core each at most; 6,000/s on this machine against the null server",
        },
        "server": {"described": {"name": "reference exchange", "store": {"kind": "sqlite", "messages": 20_000}},
                   "metrics": metrics()},
        "capacity": capacity(),
        "environment": {"cores": 2, "python": "3.11.9", "system": "Linux", "cpu": "x86_64",
                        "fingerprint": {"numpy": "2.3.0", "simd": "AVX2"}},
        "search": None,
        "compare": None,
    }  # fmt: skip


def ledger(messages: int, missed: int, *, clean: bool) -> dict[str, Any]:
    """A ledger, with findings or without."""
    good = messages - 110
    findings = [] if clean else [
        {"code": "lost", "count": 3, "proved": True,
         "text": "a checked receipt says that the exchange took responsibility, and a recipient lacks the message",
         "examples": ["8f14e45f-ceea-467f-a8a3-0a1b2c3d4e5f", "c9f0f895-fb98-4b91-99f5-0a1b2c3d4e5f"]},
        {"code": "undelivered", "count": 2, "proved": False,
         "text": "a checked receipt, and no inbox showed the message until the end of the drain", "examples": []},
    ]  # fmt: skip
    kinds = ("tampered", "foreign-key", "revoked", "wrong-digest", "replayed-nonce")
    return {
        "states": {"planned": 0, "shed": missed // 3, "sent": 4, "rejected": 0, "ambiguous": missed - missed // 3 - 4,
                   "answered": 0, "accepted": good - missed, "delivered": good - missed - 5,
                   "acknowledged": good - missed - 9},
        "findings": findings,
        "poison": {kind: {"sent": 18, "refused": 17 if kind == "revoked" and not clean else 18,
                          "accepted": int(kind == "revoked" and not clean), "unanswered": 0} for kind in kinds},
        "replay": {"sent": 20, "same": 19, "differs": 0, "refused": 0, "unanswered": 1, "unchecked": 0},
        "ambiguous_stored": 41, "audited": True, "audit_text": "every agency's inbox was read after the drain",
        "documents_checked": 812,
    }  # fmt: skip


def metrics() -> list[dict[str, Any]]:
    """The server's own series."""
    at = np.arange(0, 121, 1.0)
    frozen = (at >= FREEZE[0]) & (at < FREEZE[1])
    rng = np.random.default_rng(3)
    names = [("process_cpu_share", "", 0.4 + 0.2 * (at > 60) + rng.normal(0, 0.02, len(at))),
             ("store_bytes", "B", 4e7 + 3.1e5 * at),
             ("writer_queue", "", rng.poisson(3, len(at)) + 60.0 * (at % 37 < 2)),
             ("requests_refused_total", "", np.cumsum(rng.poisson(0.8, len(at))).astype(float))]  # fmt: skip
    return [
        {"name": name, "unit": unit, "at_s": at[~frozen].tolist(), "values": values[~frozen].tolist()}
        for name, unit, values in names
    ]


def capacity() -> list[dict[str, Any]]:
    """Capacity in the planner's words."""
    stated = {"fan_out": 3.0, "size_bytes_mean": 190_000, "store_messages": 20_000}
    rows = [
        ("submissions", "1/s", 96.4, 0.52, 0.084),
        ("deliveries", "1/s", 289.0, 1.9, 0.302),
        ("MB", "MB/s", 18.3, 0.11, 0.016),
    ]
    return [
        {"what": what, "unit": unit, "here": here, "low": 0.97 * here, "high": 1.06 * here,
         "at_least": False, "how": "offered in this run", "stated": stated, "beside": [
            {"name": "Quang Ninh, busiest hour", "value": province, "low": province,
             "high": province, "ratio": here / province, "ratio_low": here / province, "ratio_high": here / province,
             "text": "", "grade": "computed", "source": "scenario quang-ninh, 20 simulated days"},
            {"name": {"en": "National axis, July 2022", "vi": "Trục quốc gia, tháng 7/2022"}, "value": axis,
             "low": axis / 2, "high": 3 * axis, "ratio": here / axis, "ratio_low": here / axis / 3,
             "ratio_high": 2 * here / axis, "text": "", "grade": "assumed",
             "source": "135,164 sent in the month, all in 22 days of 8 h; traffic inside provinces excluded"},
        ]}
        for what, unit, here, province, axis in rows
    ]  # fmt: skip


def manifest() -> dict[str, Any]:
    """The manifest of the made-up run."""
    return {
        "schema": 1, "kind": "load", "command": "congvan load run --profile steps.yaml --slo 'submit p99 < 500 ms'",
        "git": {"commit": "0123abc", "dirty": False}, "packages": {"locust": "2.47.0", "cryptography": "46.0.1"},
        "machine": {"cores": 2, "cpu": "x86_64"}, "started_utc": "2026-11-22T09:00:00Z",
        "ended_utc": "2026-11-22T09:02:41Z",
        "files": {"summary.json": "aa" * 32, "report.html": "bb" * 32, "arrivals.parquet": "cc" * 32},
    }  # fmt: skip
