"""What a run says in the planner's words: submissions, deliveries and bytes beside those of provinces and the axis.

Rule kept here: the rate of a run is what was offered and accepted in it, not what the exchange could do; only a search
tells that, and says so itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, Final

import numpy as np

from loadtests.campaign.generating import Progress
from loadtests.campaign.province import province_day
from loadtests.campaign.raw import Raw
from loadtests.harness.capacity import MEGABYTE, Measured, rows
from loadtests.harness.records import Poison
from loadtests.harness.reference_traffic import Grade, Traffic
from loadtests.harness.search import Found

PROVINCE, DAY, DAYS = "quang-ninh", date(2015, 3, 2), 10
"""Whose busiest hour stands beside a capacity that was searched with a load of no province."""
OFFERED: Final = "accepted in this run, at the rate it was offered; not the most that the exchange can do"


def provinces(extra: Mapping[str, Any]) -> tuple[Traffic, ...]:
    """The busiest hour of the province that a plan names, as traffic to compare with; none where it names none."""
    of = extra.get("province")
    if not of:
        return ()
    busiest = of["busiest_hour"]

    def fixed(value: float) -> tuple[float, float, float]:
        return value, value, value

    return (
        Traffic(
            name=f"{of['name']}, busiest hour of one day",
            submissions_per_s=fixed(busiest["submissions_per_s"]),
            deliveries_per_s=fixed(busiest["deliveries_per_s"]),
            bytes_per_s=fixed(busiest["megabytes_per_s"] * MEGABYTE),
            grade=Grade.COMPUTED,
            source=f"simulated from scenarios/{of['name']}; mean over the days that were drawn of each one's own "
            "busiest 60 minutes; volumes as graded there",
        ),
    )


def busiest_hour(progress: Progress) -> tuple[Traffic, ...]:
    """The busiest hour of a simulated province, for a load that is none: mean over ten drawn days."""
    progress(0.0, 0.0, f"simulating {DAYS} days of {PROVINCE}")
    drawn = province_day(PROVINCE, DAY, days=DAYS, window_s=60.0)
    return provinces({"province": {"name": PROVINCE, "busiest_hour": asdict(drawn.busiest_hour)}})


def found_capacity(found: Found, of: Mapping[str, Any], beside: Sequence[Traffic]) -> list[dict[str, Any]]:
    """The part ``capacity`` of a search's summary; empty where no rate was found.

    Args:
        found: What the search found.
        of: The summary of its last confirmation, for fan-out, sizes and the store's fill.
        beside: Busiest hours of provinces.
    """
    if found.last_pass is None or not of["capacity"]:
        return []
    stated = of["capacity"][0]["stated"]
    low, high = found.interval
    measured = Measured(
        submissions_per_s=found.last_pass,
        fan_out=stated["fan_out"],
        size_bytes_mean=stated["size_bytes_mean"],
        store_messages=stated["store_messages"],
        low_per_s=low,
        high_per_s=high,
        at_least=found.at_least,
        how="found by search" + (", confirmed" if found.confirmed else ", not confirmed"),
    )
    return [one.to_json() for one in rows(measured, beside)]


def capacity_rows(raw: Raw, achieved: Mapping[str, Any], store_messages: int | None) -> list[dict[str, Any]]:
    """The part ``capacity`` of a run's summary; empty where nothing was accepted in the judged time."""
    if not achieved["completed_per_s"]:
        return []
    good = raw.schedule.poison == Poison.NONE
    measured = Measured(
        submissions_per_s=achieved["completed_per_s"],
        fan_out=float(np.diff(raw.schedule.recipient_start)[good].mean()),
        size_bytes_mean=float(raw.schedule.size_bytes[good].mean()),
        store_messages=store_messages,
        how=OFFERED,
    )
    return [one.to_json() for one in rows(measured, provinces(raw.plan.extra))]
