"""Who holds documents up: the time of finished legs by level, role and stage, and by single desk.

Rule kept here: the same counted steps as in :mod:`sim.analysis.path`, so that the waiting for a person adds up to
that of ``where_time_goes``. A step counts for the role it asked for, whoever stood in, and for the agency of
whoever did it. Per leg means per completed measured leg, whether it passes the desk or not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from sim.analysis.intervals import CONFIDENCE, student
from sim.analysis.path import CATEGORIES, CountedSteps
from sim.observations import Floats, Names, Observations, StepKind

DESKS = 12  # by level, role and stage, named in the summary
AGENCIES = 10  # single desks named in the summary: what fits a page
MEASURES = ("wait_person_s", "work_s", "wait_office_s", "visits")

_COLUMNS = [CATEGORIES.index(measure) for measure in MEASURES[:-1]]

Key = TypeVar("Key", bound=tuple[str, ...])
Desk = tuple[str, str, str]
"""Level, role, stage."""


@dataclass(frozen=True, slots=True)
class HeldUp:
    """Who held up the completed measured legs of one replication.

    Args:
        desks: :data:`MEASURES` per leg by level, role and stage; visits count steps.
        agencies_s: Seconds of waiting for a person per leg, by agency and role; NaN without legs.
    """

    desks: Mapping[Desk, tuple[float, ...]]
    agencies_s: Floats


def held_up(obs: Observations, counted: CountedSteps) -> HeldUp:
    """Return who held up the legs of one replication.

    Args:
        obs: The observations.
        counted: What :func:`sim.analysis.path.counted_steps` gives for them.
    """
    steps, names = obs.steps, obs.names
    is_work = (steps.kind[counted.rows] == StepKind.WORK) & (steps.role[counted.rows] >= 0)
    rows, times = counted.rows[is_work], counted.times[is_work]
    agency, role = steps.agency[rows].astype(np.int64), steps.role[rows].astype(np.int64)
    per_leg = 1 / counted.legs if counted.legs else math.nan
    weights = np.column_stack([counted.seconds[is_work][:, _COLUMNS], np.ones(rows.size)]) * times[:, None]
    shape = len(names.agencies), len(names.roles)
    wait_s = np.bincount(agency * shape[1] + role, weights[:, 0], shape[0] * shape[1])

    levels, stages = (tuple(dict.fromkeys(found)) for found in (names.levels, names.task_stages))
    level_of = np.array([levels.index(level) for level in names.levels], dtype=np.int64)
    stage_of = np.array([stages.index(stage) for stage in names.task_stages], dtype=np.int64)
    key = (level_of[agency] * shape[1] + role) * len(stages) + stage_of[steps.task[rows]]
    keys, inverse = np.unique(key, return_inverse=True)
    sums = np.column_stack([np.bincount(inverse, column, keys.size) for column in weights.T])
    desks = {
        (levels[at // len(stages) // shape[1]], names.roles[at // len(stages) % shape[1]],
         stages[at % len(stages)]): tuple((row * per_leg).tolist())
        for at, row in zip(keys.tolist(), sums, strict=True)
    }  # fmt: skip
    return HeldUp(desks, (wait_s * per_leg).reshape(shape).astype(np.float64))


def summarised(found: Sequence[HeldUp], names: Names, confidence: float = CONFIDENCE) -> dict[str, Any]:
    """Return ``held_up`` of summary.json.

    ``by_desk`` has the :data:`DESKS` with the longest waiting for a person by level, role and stage;
    ``by_role`` the same by level and role, over all stages; ``by_agency`` the
    :data:`AGENCIES` single agencies and roles with the longest waiting for a person. Seconds and visits are per
    completed leg; ``share`` is that of all waiting for a person. The longest come first.

    Args:
        found: One per replication.
        names: Names behind the indices.
        confidence: Confidence of the intervals.
    """
    found = [one for one in found if not np.isnan(one.agencies_s).any()]  # replications with finished legs
    if not found:
        return {"by_desk": [], "by_role": [], "by_agency": []}
    total_s = [float(np.sum(one.agencies_s)) for one in found]
    nothing = (0.0,) * len(MEASURES)
    desks = list(dict.fromkeys(desk for one in found for desk in one.desks))
    by_desk = {desk: np.array([one.desks.get(desk, nothing) for one in found]) for desk in desks}
    by_role: dict[tuple[str, str], Floats] = {}
    for (level, role, _), values in by_desk.items():
        by_role[level, role] = by_role.get((level, role), np.zeros(values.shape)) + values

    def estimates(values: Floats) -> dict[str, Any]:
        measured = {
            measure: student(column.tolist(), confidence).to_json()
            for measure, column in zip(MEASURES, values.T, strict=True)
        }
        return {"share": _share(values[:, 0].tolist(), total_s, confidence), **measured}

    return {
        "by_desk": [
            {"level": desk[0], "role": desk[1], "stage": desk[2], **estimates(values)}
            for desk, values in _longest(by_desk)[:DESKS]
        ],
        "by_role": [
            {"level": level, "role": role, **estimates(values)}
            for (level, role), values in _longest(by_role)[:DESKS]
        ],
        "by_agency": _by_agency(np.array([one.agencies_s for one in found]), total_s, names, confidence),
    }


def _longest(values: Mapping[Key, Floats]) -> list[tuple[Key, Floats]]:
    """Return the entries with waiting for a person, the longest mean wait first."""
    mean_s = {key: float(np.mean(rows[:, 0])) for key, rows in values.items()}
    waited = [(key, rows) for key, rows in values.items() if mean_s[key] > 0]
    return sorted(waited, key=lambda one: -mean_s[one[0]])


def _by_agency(
    waits_s: Floats, total_s: Sequence[float], names: Names, confidence: float
) -> list[dict[str, Any]]:
    """Return the single desks with the longest waits; ``waits_s`` is by replication, agency and role."""
    mean_s = np.mean(waits_s, axis=0)
    order = np.argsort(-mean_s, axis=None, kind="stable")[:AGENCIES]
    out = []
    for agency, role in zip(*(part.tolist() for part in np.unravel_index(order, mean_s.shape)), strict=True):
        if mean_s[agency, role] > 0:
            wait_s = waits_s[:, agency, role].tolist()
            out.append(
                {
                    "agency": names.agencies[agency],
                    "agency_name": names.agency_names[agency],
                    "level": names.levels[agency],
                    "role": names.roles[role],
                    "wait_person_s": student(wait_s, confidence).to_json(),
                    "share": _share(wait_s, total_s, confidence),
                }
            )
    return out


def _share(part: Sequence[float], whole: Sequence[float], confidence: float) -> dict[str, Any]:
    shares = [a / b if b > 0 else math.nan for a, b in zip(part, whole, strict=True)]
    return student(shares, confidence).to_json()
