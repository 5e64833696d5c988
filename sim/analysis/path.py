"""Where the time of a finished leg went: by stage, and by what it was waiting for.

Rule kept here: every second of a leg's turnaround is counted exactly once. What no step record covers is
counted as other time of the stage ``other``, so that the parts always add up to the turnaround; that
remainder can be negative where records overlap, and it is shown and not hidden.

The path of a leg consists of the steps on the path (``Steps.on_path``)
    of its document, completed when the sender part let the leg go;
    of the leg whose relay released it, completed when its copying began, and so on up the chain of relays;
    of the copying for legs of its procedure (``Steps.relay``), completed when it was released;
    of its own, completed when it was finished;
    of its reply, completed when it was finished.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.calendars import WorkingTime
from sim.observations import Floats, Ints, Legs, Observations, Outcome, StepKind, Steps

CATEGORIES = ("work_s", "wait_person_s", "wait_office_s", "wait_pickup_s", "travel_s", "other_s")
OTHER_STAGE = "other"

_WORK, _PERSON, _OFFICE, _PICKUP, _TRAVEL, _OTHER = range(len(CATEGORIES))

# Relays of relays are followed so far (the state has four levels); time beyond goes to the remainder. The
# bound keeps faulty records, in which legs release one another, from running for ever.
RELAY_DEPTH_MAX = 16

_Longs = NDArray[np.int64]
_Requests = tuple[NDArray[np.integer], Floats]  # whose steps are asked for, and until when


@dataclass(frozen=True, slots=True)
class CountedSteps:
    """The steps that make up the turnaround of the completed measured legs of one replication.

    Args:
        rows: Rows of ``Steps`` that are counted at least once, ascending.
        times: How often each is: the legs on whose path it lies.
        seconds: By row and category (:data:`CATEGORIES`), counted once.
        legs: How many legs.
        turnaround_s: The sum of their turnarounds.
    """

    rows: _Longs
    times: _Longs
    seconds: Floats
    legs: int
    turnaround_s: float


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """The turnaround of the completed measured legs of one replication, taken apart.

    Args:
        stages: Stages of the tasks in the order of ``Names.tasks``, then ``other``.
        sums_s: Seconds by stage and category (:data:`CATEGORIES`), summed over legs.
        legs: How many legs.
    """

    stages: tuple[str, ...]
    sums_s: Floats
    legs: int


def counted_steps(obs: Observations, office: WorkingTime) -> CountedSteps:
    """Return the steps on the paths of all completed measured legs, each with where its time went.

    A work step is work (its processing time), waiting for a person (office hours before its start, and those
    in which it was interrupted, because who had begun it was away) and waiting for the office (the rest, outside
    office hours). A transport is waiting for the pick-up, then travel. A wait step is other time.

    Args:
        obs: The observations of one replication.
        office: Working time of the offices.
    """
    legs, steps = obs.legs, obs.steps
    done = np.flatnonzero(legs.measured & (legs.outcome == Outcome.COMPLETED))
    of_legs, of_documents, of_copies = _requests(legs, steps, len(obs.names.procedures), done)
    times = np.zeros(steps.doc.size, dtype=np.int64)
    copies = _copying(steps.leg, steps.relay, len(obs.names.procedures))
    for owner, mine, requests in (
        (steps.leg, steps.on_path & (steps.leg >= 0), of_legs),
        (steps.doc, steps.on_path & (steps.leg < 0), of_documents),
        (copies, steps.relay >= 0, of_copies),
    ):
        rows = np.flatnonzero(mine)
        times[rows] = _times_counted(owner[rows], steps.completed_s[rows], requests)
    rows = np.flatnonzero(times)
    turnaround_s = float(np.sum(legs.finished_s[done] - legs.created_s[done]))
    return CountedSteps(rows, times[rows], _seconds(steps, rows, office), int(done.size), turnaround_s)


def time_spent(obs: Observations, office: WorkingTime, counted: CountedSteps | None = None) -> TimeSpent:
    """Take apart the turnaround of all completed measured legs by stage and category.

    Args:
        obs: The observations of one replication.
        office: Working time of the offices.
        counted: What :func:`counted_steps` gives for the same, where it is known already.

    Returns:
        Sums over legs; over all stages and categories they add up to the sum of the legs' turnarounds.
    """
    counted = counted or counted_steps(obs, office)
    stages = tuple(dict.fromkeys([*obs.names.task_stages, OTHER_STAGE]))
    stage_of_task = np.array([stages.index(stage) for stage in obs.names.task_stages], dtype=np.int64)
    stage = stage_of_task[obs.steps.task[counted.rows]]
    sums_s: Floats = np.column_stack(
        [np.bincount(stage, counted.times * column, len(stages)) for column in counted.seconds.T]
    )
    sums_s[stages.index(OTHER_STAGE), _OTHER] += counted.turnaround_s - float(np.sum(sums_s))
    return TimeSpent(stages, sums_s, counted.legs)


def _copying(leg: Ints, procedure: Ints, procedures: int) -> _Longs:
    """Return one number for the copying of one leg for its dependents of one procedure."""
    return leg.astype(np.int64) * max(procedures, 1) + procedure


def _copying_begins(steps: Steps, legs: int) -> Floats:
    """Return when the copying for each leg's dependents began; inf where there was none."""
    begins_s = np.full(legs, np.inf)
    rows = np.flatnonzero(steps.relay >= 0)
    np.minimum.at(begins_s, steps.leg[rows], steps.enabled_s[rows])
    return begins_s


def _requests(
    legs: Legs, steps: Steps, procedures: int, done: _Longs
) -> tuple[_Requests, _Requests, _Requests]:
    """Return whose steps make up the paths of ``done``, until when: of legs, of documents, of copying."""
    order = np.argsort(legs.leg, kind="stable")
    keys = legs.leg[order]
    begins_s = _copying_begins(steps, int(max(legs.leg.max(initial=-1), steps.leg.max(initial=-1))) + 1)
    answered = done[legs.reply_doc[done] >= 0]
    of_legs: list[_Requests] = [_replies(legs, answered)]
    of_documents: list[_Requests] = [(legs.reply_doc[answered], legs.finished_s[answered])]
    of_copies: list[_Requests] = [(np.empty(0, dtype=np.int64), legs.finished_s[:0])]
    at, until_s = done, legs.finished_s[done]
    for _ in range(RELAY_DEPTH_MAX):
        if not at.size:
            break
        of_legs.append((legs.leg[at], until_s))
        releasing = legs.released_by[at]
        place = np.minimum(np.searchsorted(keys, releasing), keys.size - 1)
        relayed = (releasing >= 0) & (keys[place] == releasing)
        until_s = legs.released_s[at]
        of_documents.append((legs.doc[at[~relayed]], until_s[~relayed]))
        copied, until_s = at[relayed], until_s[relayed]
        of_copies.append((_copying(legs.released_by[copied], legs.procedure[copied], procedures), until_s))
        until_s = np.minimum(until_s, begins_s[legs.released_by[copied]])
        at = order[place[relayed]]
    return _joined(of_legs), _joined(of_documents), _joined(of_copies)


def _replies(legs: Legs, answered: _Longs) -> _Requests:
    """Return the legs of the replies to ``answered``, until the answered legs were finished."""
    if not answered.size:
        return legs.leg[:0], legs.finished_s[:0]
    by_document = np.argsort(legs.doc, kind="stable")
    documents = legs.doc[by_document]
    place = np.minimum(np.searchsorted(documents, legs.reply_doc[answered]), documents.size - 1)
    asked = documents[place] == legs.reply_doc[answered]
    return legs.leg[by_document[place[asked]]], legs.finished_s[answered[asked]]


def _joined(requests: list[_Requests]) -> _Requests:
    owner = np.concatenate([part for part, _ in requests])
    until_s = np.concatenate([part for _, part in requests])
    known = np.isfinite(until_s)
    return owner[known], until_s[known]


def _times_counted(owner: NDArray[np.integer], completed_s: Floats, requests: _Requests) -> _Longs:
    """Return for each step how many requests for its owner's steps reach until its completion or later.

    Owner and time become one whole number, so that one search in a sorted list answers, and equal times stay
    equal.
    """
    wanted, until_s = requests
    times = np.unique(until_s)
    span = times.size + 1
    keys = np.sort(wanted.astype(np.int64) * span + np.searchsorted(times, until_s))
    base = owner.astype(np.int64) * span
    first = np.searchsorted(keys, base + np.searchsorted(times, completed_s))
    return np.searchsorted(keys, base + span) - first


def _seconds(steps: Steps, rows: _Longs, office: WorkingTime) -> Floats:
    """Return the seconds of each of these steps by category."""
    seconds = np.zeros((rows.size, len(CATEGORIES)))
    kind = steps.kind[rows]
    enabled_s, started_s, completed_s = (
        column[rows] for column in (steps.enabled_s, steps.started_s, steps.completed_s)
    )
    at = kind == StepKind.WORK
    work_s = np.minimum(steps.work_s[rows][at], completed_s[at] - started_s[at])
    person_s = office.elapsed_many(enabled_s[at], started_s[at])
    person_s = np.minimum(person_s, started_s[at] - enabled_s[at])
    broken_s = office.elapsed_many(started_s[at], completed_s[at]) - work_s
    person_s += np.clip(broken_s, 0.0, completed_s[at] - started_s[at] - work_s)
    seconds[at, _WORK] = work_s
    seconds[at, _PERSON] = person_s
    seconds[at, _OFFICE] = (completed_s[at] - enabled_s[at]) - work_s - person_s
    at = kind == StepKind.TRANSPORT
    seconds[at, _PICKUP] = started_s[at] - enabled_s[at]
    seconds[at, _TRAVEL] = completed_s[at] - started_s[at]
    at = kind == StepKind.WAIT
    seconds[at, _OTHER] = completed_s[at] - enabled_s[at]
    return seconds
