"""What a run says in the planner's words: submissions, deliveries and bytes beside those of provinces and the axis.

Rule kept here: the rate of a run is what was offered and accepted in it, not what the exchange could do; only a search
tells that, and says so itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from loadtests.campaign.raw import Raw
from loadtests.harness.capacity import MEGABYTE, Measured, rows
from loadtests.harness.records import Poison
from loadtests.harness.reference_traffic import Grade, Traffic

OFFERED = "accepted in this run, at the rate it was offered; not the most that the exchange can do"


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
