"""What happened in one replication of one alternative: columnar, every column documented.

Rule kept here: records first, statistics later. Warm-up and cohort are filters over these records; nothing
is counted while the model runs that could be counted afterwards. Times are seconds since midnight of the
scenario's first day, NaN where the moment was not reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


class Outcome(IntEnum):
    """How a leg stands at the end of the run."""

    OPEN = 0
    COMPLETED = 1
    REFUSED = 2
    RECALLED = 3


class StepKind(IntEnum):
    """What a step record is about."""

    WORK = 0
    TRANSPORT = 1
    WAIT = 2


@dataclass(frozen=True, slots=True)
class Legs:
    """One row per leg (one document on its way to one recipient) that this alternative has.

    Args:
        leg: Key of the leg in the replication's workload; the same for every alternative.
        doc: Key of its document.
        flow: Index into ``Names.flows``.
        sender: Index into ``Names.agencies``.
        recipient: Index into ``Names.agencies``.
        procedure: Index into ``Names.procedures``.
        urgency: 0 normal, 1 urgent, 2 very urgent, 3 express.
        classified: State secret.
        asks: 0 information, 1 action, 2 reply.
        created_s: When the document was asked for; the clock of turnaround starts here.
        signed_s: When the signature that this leg's procedure needs was made.
        sent_s: When the leg was handed to its transport.
        registered_s: When the recipient's clerk registered the first legally valid copy.
        finished_s: When the leg ended as completed.
        closed_s: When the leg ended, however it ended.
        released_s: When the sender part (or the relaying agency) let the leg go.
        released_by: Leg whose relay released this one, -1 where the sender did.
        reply_doc: Document that answers this leg, -1 where none.
        outcome: See :class:`Outcome`.
        deadline_s: Working seconds allowed from created to finished, NaN where the flow has no deadline.
        measured: The leg belongs to the cohort (created in the measured period).
    """

    leg: Ints
    doc: Ints
    flow: Ints
    sender: Ints
    recipient: Ints
    procedure: Ints
    urgency: Ints
    classified: Bools
    asks: Ints
    created_s: Floats
    signed_s: Floats
    sent_s: Floats
    registered_s: Floats
    finished_s: Floats
    closed_s: Floats
    released_s: Floats
    released_by: Ints
    reply_doc: Ints
    outcome: Ints
    deadline_s: Floats
    measured: Bools


@dataclass(frozen=True, slots=True)
class Steps:
    """One row per step that ended, in the order in which they ended.

    Args:
        doc: Key of the document.
        leg: Key of the leg, -1 for a step of the sender part.
        task: Index into ``Names.tasks``.
        kind: See :class:`StepKind`.
        agency: Index into ``Names.agencies``: whose staff worked; for a transport, the sender.
        person: Index into ``Names.people``, -1 where nobody worked.
        role: Index into ``Names.roles``: the role that the step asked for, whoever stood in for it; -1 where nobody
            worked.
        enabled_s: When the step could have begun.
        started_s: Work: when a person took it up; transport: when it left (pick-up); wait: as enabled.
        completed_s: When it ended.
        work_s: Work: processing time in working seconds; 0 otherwise.
        on_path: The step lies on the way that decided when its leg went on (false for branches of a fork
            that did not decide its join, and for copies made beside the leg's own way).
        relay: Procedure for whose dependent legs the step makes copies (sao lục), -1 for every other step. Such
            a step lies on the way of the legs that this leg released.
    """

    doc: Ints
    leg: Ints
    task: Ints
    kind: Ints
    agency: Ints
    person: Ints
    role: Ints
    enabled_s: Floats
    started_s: Floats
    completed_s: Floats
    work_s: Floats
    on_path: Bools
    relay: Ints


@dataclass(frozen=True, slots=True)
class Pools:
    """One row per agency and role that had staff or work.

    Args:
        agency: Index into ``Names.agencies``.
        role: Index into ``Names.roles``.
        people: People who hold the role there.
        on_duty_s: Their time on duty between the start of measuring and its end, summed over people; a person
            with several roles counts in each.
        busy_s: Working seconds they spent on this role's tasks in the same time.
        offered_s: Working seconds of this role's tasks that were enabled in the same time.
        group: Roles of one agency that share people have the same group (an index); load is judged per group.
        group_on_duty_s: On-duty seconds of the group's people, each counted once, and of those who stood in for
            them while they might.
        waiting_end: Tasks waiting when the run ended.
    """

    agency: Ints
    role: Ints
    people: Ints
    on_duty_s: Floats
    busy_s: Floats
    offered_s: Floats
    group: Ints
    group_on_duty_s: Floats
    waiting_end: Ints


@dataclass(frozen=True, slots=True)
class Names:
    """Names behind the indices of the other tables.

    Args:
        agencies: Agency ids.
        agency_names: Their names for people.
        levels: Level of each agency.
        flows: Flow ids.
        procedures: Procedure ids.
        tasks: Step names.
        task_stages: Stage of each task, by task.
        roles: Role ids.
        people: Person names, such as ``d-noi-vu/clerk/1``.
    """

    agencies: tuple[str, ...]
    agency_names: tuple[str, ...]
    levels: tuple[str, ...]
    flows: tuple[str, ...]
    procedures: tuple[str, ...]
    tasks: tuple[str, ...]
    task_stages: tuple[str, ...]
    roles: tuple[str, ...]
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Observations:
    """Everything one replication of one alternative left behind.

    Args:
        alternative: Its name.
        replication: Its number, from 1.
        legs: See :class:`Legs`.
        steps: See :class:`Steps`.
        pools: See :class:`Pools`.
        names: See :class:`Names`.
        envelopes: Envelopes that left by post or courier in the measured period.
        documents: Documents (originals) created in the measured period.
        measure_start_s: Start of the measured period.
        measure_end_s: Its end.
        end_s: When the run ended.
    """

    alternative: str
    replication: int
    legs: Legs
    steps: Steps
    pools: Pools
    names: Names
    envelopes: int
    documents: int
    measure_start_s: float
    measure_end_s: float
    end_s: float


def frame(table: Legs | Steps | Pools, **constant: Any) -> pl.DataFrame:
    """Return a table as a data frame, with the constant columns first."""
    columns: Mapping[str, Any] = {name: getattr(table, name) for name in table.__dataclass_fields__}
    out = pl.DataFrame(columns)
    return out.select([pl.lit(value).alias(name) for name, value in constant.items()] + [pl.all()])
