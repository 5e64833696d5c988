"""The parts of the made-up summary that come from a scenario: published figures, numbers, laws."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

CALENDAR_DAY_S = 86400.0
REPLICATIONS = 5

Json = dict[str, Any]


def estimate(value: float | None, half_width: float | None = None, replications: int = REPLICATIONS) -> Json:
    """Return an estimate; without a half-width it is 3 % of the value."""
    half = abs(value) * 0.03 if half_width is None and value is not None else half_width
    return {"estimate": value, "half_width": half, "confidence": 0.95, "replications": replications}


def published() -> list[Json]:
    """Return published figures of all three uses."""
    source = "Báo điện tử Quảng Ninh, https://example.org/bai-viet, bảng 2"
    return [
        {
            "id": "transit-2012",
            "title": {
                "en": "Paper from sender to receiver, national",
                "vi": "Văn bản giấy từ nơi gửi đến nơi nhận",
            },
            "text": "2.5 days",
            "value": 2.5,
            "unit": "days",
            "source": "MIC 2012, item 342",
            "grade": "published",
            "use": "comparison",
            "why": "a mean over the whole country, by post",
            "metric": "turnaround_s.mean",
            "alternative": "paper",
            "simulated": estimate(2.2 * CALENDAR_DAY_S, 0.1 * CALENDAR_DAY_S),
        },
        {
            "id": "volume",
            "title": {
                "en": "Deliveries per unit and working day",
                "vi": "Lượt gửi mỗi đơn vị, mỗi ngày làm việc",
            },
            "text": "8.1 / working day / agency",
            "value": 8.1,
            "unit": "per working day per agency",
            "source": source,
            "grade": "published",
            "use": "calibration",
            "why": "sets the volume of the flows",
            "metric": "ledgers.deliveries_per_agency_and_working_day",
            "alternative": "signed",
            "simulated": estimate(8.02, 0.11),
        },
        {
            "id": "saving",
            "title": {"en": "Time saved", "vi": ""},
            "text": "40 %",
            "value": 0.4,
            "unit": "%",
            "source": source,
            "grade": "published",
            "use": "not-compared",
            "why": "the source does not say of what time",
            "metric": None,
            "alternative": None,
            "simulated": None,
        },
    ]


def assumptions(flows: Iterable[str], people: Iterable[tuple[str, str, int]]) -> list[Json]:
    """Return a number per flow and per role, and one more, with their grades."""
    rows: list[Json] = [
        {
            "path": f"staff.{level}.{role}.count",
            "value": str(count),
            "grade": "assumed",
            "range": f"{max(1, count // 2)} – {count * 2}",
            "source": "no published head-count",
        }
        for level, role, count in people
    ]
    rows += [
        {
            "path": f"flows.{flow}.volume",
            "value": "3 / working day",
            "grade": "published" if flow == "report-up" else "assumed",
            "range": "2 – 5 / working day",
            "source": "part of 8.1 deliveries per unit and working day",
        }
        for flow in flows
    ]
    rows.append(
        {
            "path": "absence.leader.away",
            "value": 0.3,
            "grade": "assumed",
            "range": [0.15, 0.45],
            "source": "",
        }
    )
    return rows


def laws() -> list[Json]:
    """Return a law and a practice."""
    return [
        {
            "procedure": "paper",
            "basis": "Decree 110/2004/ND-CP (Nghị định 110/2004/NĐ-CP)",
            "from": "2004-04-08",
            "to": "2020-03-05",
            "note": "văn thư vào sổ trong ngày",
        },
        {
            "procedure": "signed",
            "basis": "practice of the province",
            "from": None,
            "to": None,
            "note": "",
        },
    ]
