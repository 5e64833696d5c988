"""What the program does beside serving: it writes, lets entries expire, and collects files that nobody needs.

Rule kept here: one writer; what it makes follows from what it stored last (leaves, and the times of checkpoints).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import State
from loadtests.exchange.reporting import expire
from tests.simulation.life import Doing
from tests.simulation.parties import TERMS
from tests.simulation.tables import Kept

if TYPE_CHECKING:
    from loadtests.exchange.records import EntryKey
    from tests.simulation.program import Job, Program

EXPIRY_S = 60
"""So long a recipient may leave a message unanswered, s; in the world it is days."""
SWEEP_S = 5.0
COLLECT_S = 1.0
UNANSWERED = frozenset({State.AVAILABLE, State.RECALL_OF_AVAILABLE})


def writer(program: Program) -> Doing:
    """Do the jobs of the queue, items in groups of any size."""
    while True:
        if not program.queue:
            program.wake = program.env.event()
            yield program.wake
        yield program.pause()
        first = program.queue[0]
        if first.what is None or isinstance(first.what, Kept):
            program.queue.remove(first)
            yield from _written(program, first)
            continue
        count = program.rng.randint(1, program.site.odds.group_max)
        items = [job for job in program.queue if job.what is not None and not isinstance(job.what, Kept)]
        yield from _sealed(program, items[:count])


def _sealed(program: Program, jobs: list[Job]) -> Doing:
    for job in jobs:
        program.queue.remove(job)
    program.sealing = jobs
    items = tuple(job.what for job in jobs if job.what is not None and not isinstance(job.what, Kept))
    try:
        units = yield from program.drive(program.sequencer.seal(items, program.site.clock.now()))
    except Refusal as refusal:
        results: list[bytes | Refusal] = [refusal] * len(jobs)
    else:
        results = [unit.receipt for unit in units]
    for job, result in zip(jobs, results, strict=True):
        program.finish(job, result)


def _written(program: Program, job: Job) -> Doing:
    try:
        transaction = job.what if isinstance(job.what, Kept) else program.head()
        yield from program.commit(transaction)
    except Refusal as refusal:
        program.finish(job, refusal)
    else:
        program.finish(job, transaction)


def sweeper(program: Program) -> Doing:
    """Let expire what nobody answered."""
    while True:
        yield program.env.timeout(SWEEP_S)
        for key in _overdue(program)[:3]:
            try:
                ended = yield from program.drive(expire(key, TERMS))
            except Refusal as refusal:
                program.site.trace.note("expiry-refused", refusal.code)
            else:
                program.site.trace.note("expired" if ended else "not-expired", key)


def _overdue(program: Program) -> list[EntryKey]:
    tables, now = program.site.database.visible, program.site.clock.now()
    return [
        key
        for key, entry in tables.entries.items()
        if entry.state in UNANSWERED and tables.messages[key.message].evidence.event_at < now - EXPIRY_S
    ]


def collector(program: Program) -> Doing:
    """Remove files that are old and that no message has."""
    files = program.site.files
    for name, _ in list(files.names()):
        if name.startswith("incoming/"):  # of the program before this one
            files.unlink(name)
    while True:
        yield program.env.timeout(COLLECT_S)
        for name, written_at in list(files.names()):
            old = written_at < program.site.clock.now() - program.site.odds.orphan_age_s
            if name.startswith("blobs/") and old and program.may_collect(name):
                program.site.trace.note("collected", name)
                files.unlink(name)
                program.step("file-collected")
                yield program.pause()
