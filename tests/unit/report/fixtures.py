"""A complete summary and manifest of a made-up run, in the shape of the contract; a test changes one thing.

The numbers are invented and only plausible; nothing here is a result.
"""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from typing import Any

from tests.unit.report.fixture_sources import (
    CALENDAR_DAY_S,
    REPLICATIONS,
    Json,
    assumptions,
    estimate,
    laws,
    published,
)

__all__ = [
    "CALENDAR_DAY_S",
    "DAY_S",
    "HOSTILE",
    "REPLICATIONS",
    "Json",
    "alternative",
    "dist",
    "estimate",
    "manifest",
    "summary",
    "without_half_widths",
]

DAY_S = 28800.0
HOSTILE = "<script>alert('x')</script> & \"quoted\" url(https://evil.example/x.png)"

_STAGES = {
    # stage: (work, person, office, pick-up, travel, other) in hours, paper then signed
    "drafting": ((1.6, 3.0, 9.0, 0, 0, 0), (1.6, 3.0, 9.0, 0, 0, 0)),
    "approval": ((0.4, 2.0, 6.0, 0, 0, 0), (0.4, 2.0, 6.0, 0, 0, 0)),
    "signing": ((0.1, 12.0, 20.0, 0, 0, 0), (0.1, 10.0, 17.0, 0, 0, 0)),
    "issuing": ((0.3, 1.2, 4.0, 0, 0, 0), (0.1, 0.6, 2.0, 0, 0, 0)),
    "travel": ((0, 0, 0, 14.0, 46.0, 0), (0, 0, 0, 0, 0.02, 0.1)),
    "receiving": ((0.2, 1.5, 9.0, 0, 0, 0), (0.1, 0.9, 7.0, 0, 0, 0)),
    "assigning": ((0.1, 6.0, 14.0, 0, 0, 0), (0.1, 5.5, 13.0, 0, 0, 0)),
    "handling": ((2.4, 7.0, 26.0, 0, 0, 3.0), (2.4, 6.5, 25.0, 0, 0, 3.0)),
}
_CATEGORIES = ("work_s", "wait_person_s", "wait_office_s", "wait_pickup_s", "travel_s", "other_s")
_FLOWS: dict[str, tuple[Json, float, float | None]] = {
    "directive": ({"en": "Directives from the province", "vi": "Văn bản chỉ đạo của tỉnh"}, 1.3, 10 * DAY_S),
    "report-up": ({"en": "Reports of the communes", "vi": "Báo cáo của cấp xã"}, 0.8, 5 * DAY_S),
    "consultation": (
        {
            "en": "Requests for an opinion between departments and districts",
            "vi": "Công văn lấy ý kiến giữa các sở và cấp huyện",
        },
        1.6,
        7 * DAY_S,
    ),
    "notice": ({"en": "Notices for information", "vi": "Thông báo để biết"}, 0.5, None),
}
_PEOPLE = (
    ("province", "clerk", 2),
    ("province", "leader", 4),
    ("department", "clerk", 20),
    ("department", "officer", 240),
    ("department", "leader", 60),
    ("district", "clerk", 14),
    ("district", "leader", 42),
    ("commune", "clerk", 186),
    ("commune", "leader", 372),
)


def dist(mean: float, n: int, spread: float = 1.0) -> Json:
    """Return a distribution with a long right tail around ``mean``."""
    return {
        "mean": estimate(mean),
        "p50": estimate(mean * (1 - 0.2 * spread)),
        "p90": estimate(mean * (1 + 0.9 * spread), mean * 0.06),
        "p95": estimate(mean * (1 + 1.5 * spread), mean * 0.11),
        "n": n,
    }


def _stages(place: int, factor: float) -> tuple[Json, Json]:
    stages: Json = {}
    for stage, hours in _STAGES.items():
        parts = {
            name: estimate(value * factor * 3600)
            for name, value in zip(_CATEGORIES, hours[min(place, 1)], strict=True)
        }
        total = sum(part["estimate"] for part in parts.values())
        if total:
            stages[stage] = {**parts, "total_s": estimate(total)}
    everything = {
        name: estimate(sum(stage[name]["estimate"] for stage in stages.values()))
        for name in (*_CATEGORIES, "total_s")
    }
    return stages, everything


_LEVELS = {"directive": {"district": 0.7, "commune": 1.2}, "report-up": {"district": 1.0}}


def _within(share: float) -> Json:
    return {str(days): estimate(1 - (1 - share) ** days, 0.01) for days in (1, 2, 5)}


def _by_level(mean: float, n: int) -> Json:
    """Return when recipients of each level were reached; directives go to several of a level."""
    return {
        flow: {
            level: {
                "n": n,
                "registered_s": dist(mean * k, n),
                "last_registered_s": dist(mean * k * 1.5, n if flow == "report-up" else n // 14),
                "registered_within": _within(0.3 / k),
                "all_registered_within": _within(0.1 / k),
            }
            for level, k in levels.items()
        }
        for flow, levels in _LEVELS.items()
    }


def _warm_up(level: float, place: int) -> Json:
    """Return a warm-up that is enough for paper, too short for the next alternative, never for the third."""
    days = [date(2015, 1, 5) + timedelta(days=i) for i in range(33)]
    graph: dict[str, list[Any]] = {
        "date": [day.isoformat() for day in days if day.weekday() < 5],
        "mean": [level * (1 - math.exp(-i / 3)) for i, day in enumerate(days) if day.weekday() < 5],
    }
    return {
        "welch": {**graph, "smoothed": [*graph["mean"][:-3], None, None, None]},
        "mser5_weeks": (1, 2, None)[place],
        "configured_weeks": 1.0,
        "enough": place == 0,
        "text": {"en": f"Finding {place} on the warm-up.", "vi": f"Nhận định {place} về chạy đà."},
    }


def _open(level: float, slope: float, noise: random.Random) -> Json:
    days = [date(2015, 1, 5) + timedelta(days=i) for i in range(33)]
    mean = []
    for i, day in enumerate(days):
        weekend = 0.93 if day.weekday() >= 5 else 1.0
        mean.append(level * (1 - math.exp(-i / 3)) * weekend * (1 + 0.03 * noise.random()) + slope * i)
    return {
        "date": [day.isoformat() for day in days],
        "mean": mean,
        "low": [value * 0.95 for value in mean],
        "high": [value * 1.05 for value in mean],
    }


def _utilisation(load: float) -> Json:
    roles = [
        {
            "level": level,
            "role": role,
            "people": people,
            "utilisation": estimate(min(0.99, load * (0.5 + 0.06 * i)), 0.008),
            "offered_load": estimate(load * (0.5 + 0.06 * i), 0.011),
            "highest": min(1.0, load * (0.8 + 0.06 * i)),
        }
        for i, (level, role, people) in enumerate(_PEOPLE)
    ]
    names = ("Văn phòng UBND tỉnh Quảng Ninh", "Sở Kế hoạch và Đầu tư", "Sở Nội vụ", "UBND huyện Vân Đồn")
    busiest = [
        {
            "agency": f"a-{i}",
            "agency_name": names[i % 4] if i < 4 else f"UBND xã Đông Hải {i}",
            "role": "clerk" if i % 3 == 0 else "leader",
            "people": 1 + i % 3,
            "utilisation": estimate(min(0.995, load * (1.0 - 0.04 * i)), 0.01),
            "offered_load": estimate(load * (1.02 - 0.04 * i), 0.015),
            "waiting_end": 12.4 - i,
        }
        for i in range(10)
    ]
    return {"by_role": roles, "busiest": busiest}


def alternative(title: Json, *, place: int, factor: float, stable: bool = True) -> Json:
    """Return one alternative.

    Args:
        title: Its title in both languages.
        place: 0 for paper, else electronic; also varies the numbers.
        factor: Stretches every time.
        stable: Whether it keeps up.
    """
    noise = random.Random(place)
    stages, everything = _stages(place, factor)
    mean = everything["total_s"]["estimate"]
    working = mean / CALENDAR_DAY_S * 5 / 7 * DAY_S
    created, refused, recalled = 12480, 61, 14
    still = 2150 if not stable else 37 if place == 0 else 0
    ends = {"refused": refused, "recalled": recalled, "open": still}
    counts: Json = {
        "created": created,
        "completed": created - sum(ends.values()),
        **ends,
        "open_age_s": {
            "mean": 3.3 * CALENDAR_DAY_S if still else None,
            "max": 17.6 * CALENDAR_DAY_S if still else None,
        },
    }
    everyone: Json = {
        **counts,
        "created": 15990,
        "completed": 15990 - sum(ends.values()) - 31,
        "refused": refused + 22,
        "recalled": recalled + 9,
    }
    scale = working / DAY_S
    grid = [i * 0.25 for i in range(81)]
    cap = 0.83 if not stable else 1.0
    shares = [cap * (1 - math.exp(-((x / scale) ** 1.6))) for x in grid]
    n = counts["completed"]
    flows = {
        flow: {
            "title": flow_title,
            "n": n // 4,
            "turnaround_s": dist(mean * k, n // 4),
            "turnaround_working_s": dist(working * k, n // 4),
            "signed_registered_s": dist(mean * k * 0.3, n // 4),
            "turnaround_last_s": dist(mean * k * 1.4, n // 20),
            "last_registered_s": dist(mean * k * 0.9, n // 20),
            "all_registered_within": _within(0.1),
            "deadline_s": deadline,
            "inside_deadline": estimate(0.93 - 0.05 * k if deadline else None, 0.012 if deadline else None),
        }
        for flow, (flow_title, k, deadline) in _FLOWS.items()
    }
    urgencies = {"normal": 1.05, "urgent": 0.6, "express": 0.3}
    return {
        "title": title,
        "overlay": {"channels.electronic.share": "1.0"} if place else {},
        "counts": counts,
        "all_counts": everyone,
        "documents": 3120,
        "envelopes": 9400 if place == 0 else 0,
        "ledgers": {
            "originals_per_working_day": estimate(31.2, 0.7),
            "deliveries_per_working_day": estimate(124.8, 2.6),
            "envelopes_per_working_day": estimate(94.0 if place == 0 else 0.0, 1.9 if place == 0 else 0.0),
            "deliveries_per_agency_and_working_day": estimate(0.571, 0.012),
        },
        "turnaround_s": dist(mean, n),
        "turnaround_working_s": dist(working, n),
        "turnaround_first_s": dist(mean * 0.7, 3120),
        "turnaround_p90_recipients_s": dist(mean * 1.25, 3120),
        "turnaround_last_s": dist(mean * 1.4, 3120),
        "segments_s": {
            "asked_signed": dist(mean * 0.3, n),
            "signed_sent": dist(mean * 0.06, n),
            "sent_registered": dist(mean * (0.32 if place == 0 else 0.01), n),
            "registered_finished": dist(mean * (0.32 if place == 0 else 0.63), n),
            "signed_registered": dist(mean * (0.38 if place == 0 else 0.07), n),
            "asked_registered": dist(mean * (0.68 if place == 0 else 0.37), n),
        },
        "by_flow": flows,
        "by_urgency": {
            key: {
                "n": n // 3,
                "turnaround_s": dist(mean * k, n // 3),
                "turnaround_working_s": dist(working * k, n // 3),
            }
            for key, k in urgencies.items()
        },
        "by_flow_urgency": {
            flow: {
                key: {"n": n // 12, "turnaround_s": dist(mean * k * _FLOWS[flow][1], n // 12)}
                for key, k in urgencies.items()
            }
            for flow in _FLOWS
        },
        "by_flow_level": _by_level(mean * 0.5, n // 4),
        "procedures": {"paper": estimate(1.0, 0.0)}
        if place == 0
        else {"signed": estimate(0.97, 0.004), "paper": estimate(0.03, 0.004)},
        "distribution": {
            "working_days": grid,
            "share_finished": [estimate(s, 0.02 * (1 - s) + 0.002) for s in shares],
        },
        "within_working_days": {
            str(d): estimate(cap * (1 - math.exp(-((d / scale) ** 1.6))), 0.011) for d in (1, 2, 5)
        },
        "inside_deadline": estimate(0.9 if stable else 0.62, 0.013),
        "stages": stages,
        "where_time_goes": everything,
        "utilisation": _utilisation(1.04 if not stable else 0.82 - 0.1 * place),
        "bottleneck": {
            "level": "province",
            "role": "clerk",
            "agency_name": "Văn phòng UBND tỉnh Quảng Ninh",
            "offered_load": 1.06 if not stable else 0.83,
            "text": {
                "en": "the clerk of the provincial office is asked for the most.",
                "vi": "văn thư của Văn phòng UBND tỉnh nhận nhiều việc nhất.",
            },
        },
        "open_over_time": _open(720 - 250 * place, 38.0 if not stable else 0.0, noise),
        "growth_per_week": estimate(266.0 if not stable else 1.3 - place, 9.0),
        "stable": stable,
        "unstable_reasons": []
        if stable
        else [
            {
                "en": "The clerk of Văn phòng UBND tỉnh is asked for 106 % of the time on duty.",
                "vi": "Văn thư Văn phòng UBND tỉnh nhận 106 % thời gian làm việc.",
            }
        ],
        "overload_notes": [],
        "warm_up": _warm_up(720 - 250 * place, place),
        "cost": {},
    }


def _comparison(name: str, base: Json, other: Json, metric: str) -> Json:
    dist_key, _, which = metric.partition(".")
    before, after = (side[dist_key][which] for side in (base, other))
    difference = after["estimate"] - before["estimate"]
    return {
        "baseline": "paper",
        "alternative": name,
        "metric": metric,
        "unit": "s",
        "difference": estimate(difference, abs(difference) * 0.06),
        "percent": estimate(100 * difference / before["estimate"], 2.1),
        "baseline_value": before,
        "alternative_value": after,
        "shared": 12410,
        "only_baseline": 0,
        "only_alternative": 70,
    }


def summary(*, unstable: bool = True) -> Json:
    """Return a complete summary with three alternatives; the third is unstable unless told otherwise."""
    alternatives = {
        "paper": alternative({"en": "Paper", "vi": "Văn bản giấy"}, place=0, factor=1.1),
        "signed": alternative({"en": "Signed documents", "vi": "Văn bản ký số"}, place=1, factor=1.0),
        "double-running": alternative(
            {"en": "Signed, and paper copy still sent", "vi": "Ký số và vẫn gửi bản giấy"},
            place=2,
            factor=1.35,
            stable=not unstable,
        ),
    }
    metrics = ("turnaround_working_s.mean", "turnaround_s.mean", "turnaround_s.p90", "turnaround_last_s.mean")
    numbers = assumptions(_FLOWS, _PEOPLE)
    return {
        "schema": 1,
        "kind": "simulation",
        "scenario": {
            "id": "quang-ninh",
            "title": {
                "en": "Signed e-documents replace paper in Quang Ninh",
                "vi": "Văn bản ký số thay văn bản giấy ở Quảng Ninh",
            },
            "question": {
                "en": "How much sooner do documents reach their end when they are signed electronically?",
                "vi": "Khi ký số, văn bản hoàn thành sớm hơn bao nhiêu?",
            },
            "network": "state",
        },
        "design": {
            "kind": "steady",
            "start": "2015-01-05",
            "warm_up_s": 7 * CALENDAR_DAY_S,
            "measure_s": 28 * CALENDAR_DAY_S,
            "cool_down_s": 28 * CALENDAR_DAY_S,
            "measured_working_days": 20,
            "measured_from": "2015-01-12",
            "measured_to": "2015-02-06",
            "replications": REPLICATIONS,
            "seed": 20150105,
            "confidence": 0.95,
            "day_s": DAY_S,
            "agencies": 219,
            "people": 3148,
            "base": "paper",
            "range": "simulation noise only",
        },
        "alternatives": alternatives,
        "comparisons": [
            _comparison(name, alternatives["paper"], alternatives[name], metric)
            for name in ("signed", "double-running")
            for metric in metrics
        ],
        "published": published(),
        "assumptions": numbers,
        "assumed_share": 13 / 14,
        "grades": {"assumed": 13, "published": 1},
        "laws": laws(),
        "warnings": [
            {
                "code": "W-LAW-DATE",
                "message": "procedure signed describes a law in force since 2018-09-05, not yet in 2015",
                "hint": "read it as: what if that law had held then",
            }
        ],
    }


def manifest() -> Json:
    """Return a complete manifest."""
    return {
        "schema": 1,
        "command": ["congvan", "run", "quang-ninh", "--set", "period.measure=4 weeks", "--replications", "5"],
        "scenario": {"id": "quang-ninh", "digest": "ab" * 32},
        "seed": 20150105,
        "replications": REPLICATIONS,
        "alternatives": ["paper", "signed", "double-running"],
        "days": {"off": {"2015-02-18": "Tết Nguyên Đán"}, "make_up": {"2015-02-14": "làm bù"}},
        "packages": {"congvan": "0.1.0", "numpy": "2.4.6", "simpy": "4.1.2"},
        "machine": {"system": "Linux", "cpu": "x86_64", "python": "3.11.9", "cores": 2},
        "git": {"commit": "0123456789abcdef", "dirty": True},
        "started_utc": "2026-01-02T03:04:05Z",
        "ended_utc": "2026-01-02T03:05:09Z",
        "files": {"summary.json": "cd" * 32, "documents.parquet": "ef" * 32, "report.html": "99" * 32},
    }


def without_half_widths(node: Any) -> Any:
    """Return the same with every half-width null, as after one replication."""
    if isinstance(node, dict):
        out = {key: without_half_widths(value) for key, value in node.items()}
        if "half_width" in out:
            out |= {"half_width": None, "replications": 1}
        return out
    return [without_half_widths(value) for value in node] if isinstance(node, list) else node
