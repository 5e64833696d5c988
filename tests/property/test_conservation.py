"""What holds in every replication of every alternative, for scenarios drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from sim import engine, workload
from sim.analysis.path import time_spent
from sim.calendars import WorkingTime
from sim.engine import presence
from sim.observations import Observations, Outcome, StepKind
from sim.scenario import ScenarioFile
from sim.streams import Streams
from sim.workload import Workload
from tests.builders import random_sections, scenario

SEEDS = range(1, 9)
ALTERNATIVES = ("paper", "mixed", "signed")
EPS = 1e-6
EQUIPPED = {"copy", "open", "relay-copies"}  # tasks that also wait for the seal

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """One replication of one alternative of one random scenario."""

    file: ScenarioFile
    documents: Workload
    obs: Observations
    posts: list[presence.Post]


@lru_cache(maxsize=4)
def loaded(seed: int) -> tuple[ScenarioFile, Workload]:
    """Return a random scenario and its documents."""
    file = scenario(**random_sections(seed))
    return file, workload.generate(file, Streams(seed, 2))


@lru_cache(maxsize=32)
def run(seed: int, name: str) -> Run:
    """Return one run; the replication is the second, the seed that of the scenario."""
    file, documents = loaded(seed)
    streams, case = Streams(seed, 2), file.cases[name]
    positions = [documents.agencies.index(agency.id) for agency in case.agencies]
    posts = presence.posts(file, case.scenario, case.agencies, positions, streams)
    return Run(file, documents, engine.run(file, case, documents, streams), posts)


every_run = pytest.mark.parametrize(
    ("seed", "name"), [(seed, name) for seed in SEEDS for name in ALTERNATIVES]
)


def worked(obs: Observations) -> Ints:
    """Return the rows of work that a person did, without documents that joined an envelope."""
    steps = obs.steps
    rows: Ints = np.flatnonzero((steps.kind == StepKind.WORK) & (steps.work_s > 0))
    return rows


@every_run
def test_every_leg_is_somewhere(seed: int, name: str) -> None:
    """Created legs are the legs of all documents asked for; each is open or ended in one of three ways."""
    one = run(seed, name)
    legs, documents, obs = one.obs.legs, one.documents, one.obs
    seen = workload.view(documents, one.file, one.file.cases[name])
    due = (documents.created_s <= obs.end_s) & seen.doc_on
    expected = np.flatnonzero(due[documents.doc_of] & seen.leg_on)
    replies = documents.reply_to[legs.doc] >= 0
    assert np.array_equal(np.sort(legs.leg[~replies]), expected)
    assert len(np.unique(legs.leg)) == len(legs.leg)
    counts = np.bincount(legs.outcome, minlength=4)
    assert len(counts) == 4
    assert counts.sum() == len(legs.leg)
    closed = legs.outcome != Outcome.OPEN
    assert np.array_equal(closed, ~np.isnan(legs.closed_s))
    assert np.array_equal(legs.outcome == Outcome.COMPLETED, ~np.isnan(legs.finished_s))


@every_run
def test_a_reply_answers_a_leg_that_asked(seed: int, name: str) -> None:
    """Replies are asked for once, by registered legs that want one; such a leg ends when its reply left."""
    one = run(seed, name)
    legs, documents = one.obs.legs, one.documents
    at = {int(leg): row for row, leg in enumerate(legs.leg)}
    answers = {int(doc): row for row, doc in enumerate(legs.doc) if documents.reply_to[doc] >= 0}
    assert len(answers) == sum(documents.reply_to[doc] >= 0 for doc in legs.doc.tolist())
    for doc, row in answers.items():
        asked = at[int(documents.reply_to[doc])]
        assert legs.asks[asked] == 2
        assert legs.created_s[row] >= legs.registered_s[asked]
        assert not legs.finished_s[asked] < legs.created_s[row]
        if legs.outcome[asked] == Outcome.COMPLETED and not np.isnan(legs.sent_s[row]):
            assert legs.finished_s[asked] == legs.sent_s[row]


@every_run
def test_moments_of_a_leg_are_in_order(seed: int, name: str) -> None:
    """Created, released, signed, sent, registered, finished: no moment comes before an earlier one."""
    legs = run(seed, name).obs.legs
    orders = [
        ("created_s", "signed_s", "sent_s", "registered_s", "closed_s"),
        ("created_s", "released_s", "registered_s", "finished_s"),
    ]
    for order in orders:
        columns = np.array([getattr(legs, column) for column in order])
        latest = np.fmax.accumulate(columns, axis=0)
        known = ~np.isnan(columns)
        assert np.all(columns[known] >= latest[known] - EPS), order
    done = legs.outcome == Outcome.COMPLETED
    for column in ("released_s", "signed_s", "sent_s", "registered_s", "finished_s"):
        assert not np.any(np.isnan(getattr(legs, column)[done])), column


@every_run
def test_steps_take_their_time(seed: int, name: str) -> None:
    """A step starts after it could begin and ends after it started; records are in order of their ends."""
    steps = run(seed, name).obs.steps
    assert np.all(steps.started_s >= steps.enabled_s)
    assert np.all(steps.completed_s >= steps.started_s)
    assert np.all(np.diff(steps.completed_s) >= 0)


@every_run
def test_nobody_does_two_things_at_once(seed: int, name: str) -> None:
    """The processing intervals of one person do not overlap."""
    obs = run(seed, name).obs
    rows = worked(obs)
    order = rows[np.lexsort((obs.steps.started_s[rows], obs.steps.person[rows]))]
    same = np.diff(obs.steps.person[order]) == 0
    gap = obs.steps.started_s[order][1:] - obs.steps.completed_s[order][:-1]
    assert np.all(gap[same] >= 0)


@every_run
def test_nobody_works_off_duty(seed: int, name: str) -> None:
    """Work begins on duty and takes exactly its working time, unless the step says finish."""
    one = run(seed, name)
    steps = one.obs.steps
    finish = one.obs.names.tasks.index("sign")
    for row in worked(one.obs).tolist():
        duty = one.posts[steps.person[row]].duty
        start, work = float(steps.started_s[row]), float(steps.work_s[row])
        assert duty.is_open(start)
        if steps.task[row] == finish:
            assert steps.completed_s[row] == pytest.approx(start + work)
        else:
            assert steps.completed_s[row] == pytest.approx(duty.finish(start, work))


@every_run
def test_nobody_idles_while_own_work_waits(seed: int, name: str) -> None:
    """While a task waited, everybody who holds its role there was off duty or busy."""
    one = run(seed, name)
    steps, names = one.obs.steps, one.obs.names
    role_of = {"draft": "officer", "check": "officer", "handle": "officer", "assist": "officer"}
    role_of |= {
        "sign": "leader",
        "issue": "clerk",
        "receive": "clerk",
        "envelope": "clerk",
        "relay-issue": "clerk",
    }
    rows = worked(one.obs)
    work = {person: rows[steps.person[rows] == person] for person in range(len(one.posts))}
    by_field = "assign: field" in random_sections(seed)["procedures"]
    for row in rows[steps.started_s[rows] > steps.enabled_s[rows] + EPS].tolist():
        task = names.tasks[steps.task[row]]
        if task in EQUIPPED or task == "draft" or (task == "check" and by_field):
            continue  # waits for the seal, for its drafter, or for one field
        enabled, started = float(steps.enabled_s[row]), float(steps.started_s[row])
        for person, post in enumerate(one.posts):
            mine = work[person]
            if post.agency != steps.agency[row] or role_of[task] not in post.roles or not len(mine):
                continue
            if steps.completed_s[mine].max() < started:
                continue  # may have had a task in hand when the run ended
            busy = busy_s(post.duty, steps.started_s[mine], steps.completed_s[mine], enabled, started)
            assert post.duty.elapsed(enabled, started) <= busy + EPS, (task, names.people[person])


def busy_s(duty: WorkingTime, begun: Floats, ended: Floats, start: float, end: float) -> float:
    """Return the working time between two moments that a person's tasks fill."""
    a, b = np.clip(begun, start, end), np.clip(ended, start, end)
    return float(np.sum(duty.elapsed_many(a, b)))


@every_run
def test_one_seal_is_never_used_twice_at_a_time(seed: int, name: str) -> None:
    """Tasks that need the one seal of an agency do not overlap."""
    obs = run(seed, name).obs
    steps, names = obs.steps, obs.names
    equipped = [index for index, task in enumerate(names.tasks) if task in EQUIPPED]
    rows = worked(obs)
    rows = rows[np.isin(steps.task[rows], equipped)]
    order = rows[np.lexsort((steps.started_s[rows], steps.agency[rows]))]
    same = np.diff(steps.agency[order]) == 0
    gap = steps.started_s[order][1:] - steps.completed_s[order][:-1]
    assert np.all(gap[same] >= 0)


@every_run
def test_the_time_of_every_leg_is_accounted_for(seed: int, name: str) -> None:
    """For each leg the stages add up to its turnaround, and no second is counted twice."""
    one = run(seed, name)
    legs, office = one.obs.legs, one.file.office
    for row in np.flatnonzero(legs.outcome == Outcome.COMPLETED).tolist():
        only = np.zeros(len(legs.leg), dtype=bool)
        only[row] = True
        spent = time_spent(replace(one.obs, legs=replace(legs, measured=only)), office)
        turnaround = float(legs.finished_s[row] - legs.created_s[row])
        assert np.sum(spent.sums_s) == pytest.approx(turnaround, abs=1e-3)
        assert spent.sums_s.min() >= -1e-3, (row, spent)
