"""Small observations with valid defaults; a test names only what it is about."""

from __future__ import annotations

from dataclasses import fields
from math import nan
from typing import Any

import numpy as np

from sim.calendars import WorkingTime
from sim.observations import Legs, Names, Observations, Outcome, Pools, StepKind, Steps
from sim.units import DAY_S, HOUR_S, WEEK_S

FLOATS = {
    "NDArray[np.float64]": np.float64,
    "Floats": np.float64,
    "Ints": np.int32,
    "Bools": np.bool_,
}

NAMES = Names(
    agencies=("p", "d", "c"),
    agency_names=("Province", "District", "Commune"),
    levels=("province", "district", "commune"),
    flows=("directive", "report"),
    procedures=("paper", "signed"),
    tasks=("draft", "post", "register", "pause"),
    task_stages=("drafting", "delivery", "receiving", "pausing"),
    roles=("clerk", "officer"),
    people=("p/clerk/1",),
)


def office(weeks: int = 8) -> WorkingTime:
    """Monday to Friday, 08:00-12:00 and 13:00-17:00; time 0 is a Monday."""
    return WorkingTime.from_intervals(
        [
            (day * DAY_S + start * HOUR_S, day * DAY_S + end * HOUR_S)
            for day in range(7 * weeks)
            if day % 7 < 5
            for start, end in ((8, 12), (13, 17))
        ],
        8 * HOUR_S,
    )


def at(hour: float, day: int = 0) -> float:
    """Seconds at a time of day."""
    return day * DAY_S + hour * HOUR_S


def _table(kind: Any, defaults: dict[str, Any], rows: tuple[dict[str, Any], ...]) -> Any:
    full = [{**defaults, **row} for row in rows]
    assert all(row.keys() == defaults.keys() for row in full), "unknown column"
    return kind(
        **{
            field.name: np.array([row[field.name] for row in full], dtype=FLOATS[str(field.type)])
            for field in fields(kind)
        }
    )


def leg(number: int, turnaround_s: float = nan, **changes: Any) -> dict[str, Any]:
    """Describe a leg asked for at the start; open unless a turnaround is given."""
    created_s = changes.get("created_s", 0.0)
    done = not np.isnan(turnaround_s)
    row = {
        "leg": number,
        "doc": number,
        "finished_s": created_s + turnaround_s,
        "closed_s": created_s + turnaround_s,
        "outcome": Outcome.COMPLETED if done else Outcome.OPEN,
    }
    return {**row, **changes}


def legs(*rows: dict[str, Any]) -> Legs:
    """Return legs; what a row does not name is the default."""
    defaults = {
        "leg": 0,
        "doc": 0,
        "flow": 0,
        "sender": 0,
        "recipient": 1,
        "procedure": 0,
        "urgency": 0,
        "classified": False,
        "asks": 0,
        "created_s": 0.0,
        "signed_s": nan,
        "sent_s": nan,
        "registered_s": nan,
        "finished_s": nan,
        "closed_s": nan,
        "released_s": nan,
        "released_by": -1,
        "reply_doc": -1,
        "outcome": Outcome.OPEN,
        "deadline_s": nan,
        "measured": True,
    }
    table: Legs = _table(Legs, defaults, rows)
    return table


def work(task: int, times: tuple[float, float, float], work_s: float, **changes: Any) -> dict[str, Any]:
    """Describe a work step by when it was enabled, started and completed."""
    enabled_s, started_s, completed_s = times
    row = {"task": task, "enabled_s": enabled_s, "started_s": started_s, "completed_s": completed_s}
    return {**row, "work_s": work_s, **changes}


def steps(*rows: dict[str, Any]) -> Steps:
    """Return steps; what a row does not name is the default."""
    defaults = {
        "doc": 0,
        "leg": -1,
        "task": 0,
        "kind": StepKind.WORK,
        "agency": 0,
        "person": 0,
        "role": 0,
        "enabled_s": 0.0,
        "started_s": 0.0,
        "completed_s": 0.0,
        "work_s": 0.0,
        "on_path": True,
        "relay": -1,
    }
    table: Steps = _table(Steps, defaults, rows)
    return table


def pools(*rows: dict[str, Any]) -> Pools:
    """Return pools; what a row does not name is the default."""
    defaults = {
        "agency": 0,
        "role": 0,
        "people": 1,
        "on_duty_s": 100.0,
        "busy_s": 50.0,
        "offered_s": 50.0,
        "group": 0,
        "group_on_duty_s": 100.0,
        "waiting_end": 0,
    }
    table: Pools = _table(Pools, defaults, rows)
    return table


def observations(**changes: Any) -> Observations:
    """Return one replication of four measured weeks after one week of warm-up, with nothing in it."""
    defaults: dict[str, Any] = {
        "alternative": "paper",
        "replication": 1,
        "legs": legs(),
        "steps": steps(),
        "pools": pools(),
        "names": NAMES,
        "envelopes": 0,
        "documents": 0,
        "measure_start_s": WEEK_S,
        "measure_end_s": 5 * WEEK_S,
        "end_s": 6 * WEEK_S,
    }
    return Observations(**{**defaults, **changes})
