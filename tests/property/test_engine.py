"""How runs relate to one another: more people, other volumes, other channels, other seeds."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from sim import engine, workload
from sim.observations import Observations, StepKind
from sim.scenario import ScenarioFile
from sim.streams import Streams
from sim.workload import Workload
from tests.builders import Doc, documents, random_sections, scenario, simulate

SEEDS = range(1, 7)

ONE_DESK = """
    serve:
      title: serve
      sender: [{work: serve, by: clerk, takes: {gamma: {mean: 20 min, cv: 1.5}}}]
      leg: [{end: completed}]
    """
HANDING_ON = """
    serve:
      title: serve
      sender:
        - {work: draft, by: officer, takes: {exponential: {mean: 30 min}}}
        - {work: check, by: leader, takes: {exponential: {mean: 10 min}}}
        - {decide: returned, to: {refused: 0.1}}
      leg:
        - {wait: on-the-way, takes: {exponential: {mean: 1 h}}}
        - {work: open, by: clerk, takes: {exponential: {mean: 20 min}}, marks: registered}
        - fork: both
          branches:
            one: [{work: handle, by: officer, takes: {exponential: {mean: 30 min}}}]
            two: [{work: assist, by: officer, share: 0.5, takes: {exponential: {mean: 20 min}}}]
    """
DOWNSTREAM = {"draft": False, "check": False, "open": True, "handle": True, "assist": True}
AT_TWO = "{a: {officer: 1, leader: 1, clerk: 1}, b: {officer: 1, leader: 1, clerk: 1}}"


def columns(obs: Observations) -> dict[str, bytes]:
    """Return every column as bytes."""
    return {
        f"{table}.{name}": getattr(getattr(obs, table), name).tobytes()
        for table in ("legs", "steps", "pools")
        for name in getattr(obs, table).__dataclass_fields__
    }


def start_by_document(obs: Observations, task: str, before_s: float = np.inf) -> dict[int, float]:
    """Return when each document's task was taken up; of tasks that ended before a moment only."""
    chosen = (obs.steps.task == obs.names.tasks.index(task)) & (obs.steps.completed_s < before_s)
    return dict(zip(obs.steps.doc[chosen].tolist(), obs.steps.started_s[chosen].tolist(), strict=True))


def work_by_task(obs: Observations) -> dict[tuple[str, int, int], list[float]]:
    """Return the working times of each task of each document and leg, visit by visit."""
    steps = obs.steps
    found: dict[tuple[str, int, int], list[float]] = {}
    for row in np.flatnonzero(steps.kind == StepKind.WORK).tolist():
        key = (obs.names.tasks[steps.task[row]], int(steps.doc[row]), int(steps.leg[row]))
        found.setdefault(key, []).append(float(steps.work_s[row]))
    return found


# --- people -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replication", SEEDS)
def test_one_more_clerk_lengthens_no_wait(replication: int) -> None:
    """Round the clock, one class, first come first served: with more clerks no document starts later."""
    file = scenario(
        flows="{letter: {from: {id: a}, to: {id: b}, volume: 3.5 / h, procedure: serve}}",
        procedures=ONE_DESK,
        alternatives="{one: {}, two: {staff.office.clerk: 2}, three: {staff.office.clerk: 3}}",
    )
    docs = workload.generate(file, Streams(1, replication))
    runs = [simulate(file, name, documents=docs, replication=replication) for name in file.cases]
    starts = [start_by_document(obs, "serve") for obs in runs]
    for fewer, more in pairwise(starts):
        shared = fewer.keys() & more.keys()
        assert len(shared) > 1000
        assert all(more[doc] <= fewer[doc] + 1e-6 for doc in shared)
    means = [np.mean([found[doc] - docs.created_s[doc] for doc in starts[0]]) for found in starts]
    assert means == sorted(means, reverse=True)


@pytest.mark.parametrize("calendar", ["{hours: round the clock}", '{hours: ["08:00-12:00", "13:00-17:00"]}'])
def test_more_staff_downstream_changes_no_time_upstream(calendar: str) -> None:
    """Where nothing feeds back, what happens before is the same to the bit, and so is every draw."""
    file = scenario(
        calendar=calendar,
        staff=AT_TWO,
        procedures=HANDING_ON,
        flows="{letter: {from: {id: a}, to: {id: b}, volume: 12 / working day, procedure: serve}}",
        alternatives="{few: {}, many: {staff.b.clerk: 3, staff.b.officer: 4}}",
    )
    docs = workload.generate(file, Streams(1, 1))
    few, many = (simulate(file, name, documents=docs) for name in ("few", "many"))
    works = work_by_task(few), work_by_task(many)
    assert len(works[0].keys() & works[1].keys()) > 500
    assert all(works[1][key] == works[0][key] for key in works[0].keys() & works[1].keys())
    end_s = min(few.end_s, many.end_s)  # a run ends when its cohort is finished
    for task, downstream in DOWNSTREAM.items():
        before, after = start_by_document(few, task, end_s), start_by_document(many, task, end_s)
        if downstream:
            assert any(after[doc] < start for doc, start in before.items())
        else:
            assert before == after


@pytest.mark.parametrize("seed", SEEDS)
def test_more_staff_changes_no_draw(seed: int) -> None:
    """Where things feed back, times move but every task of every document keeps its working times."""
    file = scenario(**random_sections(seed) | {"alternatives": "{few: {}, many: {staff.commune.leader: 3}}"})
    docs = workload.generate(file, Streams(seed, 1))
    few, many = (work_by_task(simulate(file, name, documents=docs, seed=seed)) for name in ("few", "many"))
    both = few.keys() & many.keys()
    assert len(both) > 100
    for key in both:
        if key[0] == "envelope":
            continue  # who makes the envelope up depends on who comes first
        shorter = min(len(few[key]), len(many[key]))
        assert few[key][:shorter] == many[key][:shorter], key


@pytest.mark.parametrize("replication", SEEDS)
def test_the_most_urgent_that_came_first_is_taken(replication: int) -> None:
    """Whenever one person begins a task, nothing that waits is more urgent, or as urgent and earlier."""
    file = scenario(
        period="{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 14 days, cool_down: 7 days}",
        calendar='{hours: ["08:00-12:00", "13:00-17:00"]}',
        flows="""
            letter:
              {from: {id: a}, to: {id: b}, volume: 20 / working day, procedure: serve,
               urgency: {normal: 0.4, urgent: 0.3, very-urgent: 0.2, express: 0.1}}
            """,
        procedures=ONE_DESK,
    )
    obs = simulate(file, replication=replication)
    steps = obs.steps
    urgency = dict(zip(obs.legs.doc.tolist(), obs.legs.urgency.tolist(), strict=True))
    rank = np.array([-urgency[doc] for doc in steps.doc.tolist()])
    assert len(rank) > 100
    for row in range(len(rank)):
        now = steps.started_s[row]
        waiting = (steps.enabled_s < now) & (steps.started_s > now)
        worse = (rank > rank[row]) | ((rank == rank[row]) & (steps.enabled_s >= steps.enabled_s[row]))
        assert np.all(worse[waiting])


# --- alternatives -------------------------------------------------------------------------------------------

VOLUMES = """
    half: {flows.letter.volume: 5 / working day}
    most: {flows.letter.volume: 8 / working day}
    base: {}
    more: {flows.letter.volume: 12 / working day}
    twice: {flows.letter.volume: 20 / working day}
    """


def legs_of(file: ScenarioFile, name: str, docs: Workload, procedure: str | None = None) -> set[int]:
    """Return the measured legs that an alternative has, or those on one procedure."""
    legs = simulate(file, name, documents=docs).legs
    rows = legs.measured  # how long a run goes on behind them differs
    if procedure is not None:
        rows = rows & (legs.procedure == list(file.scenario.procedures).index(procedure))
    return set(legs.leg[rows].tolist())


def test_volumes_nest() -> None:
    """Documents kept at half the volume are among those kept at 0.8, those among the base's, and so on."""
    file = scenario(procedures=ONE_DESK, alternatives=VOLUMES, base="base")
    docs = workload.generate(file, Streams(1, 1))
    kept = [legs_of(file, name, docs) for name in ("half", "most", "base", "more", "twice")]
    assert all(smaller < larger for smaller, larger in pairwise(kept))
    sizes = np.array([len(one) for one in kept])
    assert np.all(np.abs(sizes / sizes[2] - [0.5, 0.8, 1.0, 1.2, 2.0]) < 0.25)
    plain = scenario(procedures=ONE_DESK)
    alone = workload.generate(plain, Streams(1, 1))
    base = ~docs.extension
    for column in ("flow", "sender", "number", "created_s", "recipient"):
        rows = base[docs.doc_of] if column == "recipient" else base
        assert np.array_equal(getattr(docs, column)[rows], getattr(alone, column), equal_nan=True), column
    assert (
        columns(simulate(file, "base", documents=docs))["steps.started_s"]
        == (columns(simulate(plain, documents=alone))["steps.started_s"])
    )


def test_adopted_channels_nest() -> None:
    """Legs that take a channel at a share of 0.3 take it at 0.6 too."""
    sections = random_sections(1)
    sections["alternatives"] = (
        "{none: {}, some: {channels.electronic.share: 0.3}, most: {channels.electronic.share: 0.6}}"
    )
    file = scenario(**sections)
    docs = workload.generate(file, Streams(1, 1))
    found = [legs_of(file, name, docs, "signed") for name in ("none", "some", "most")]
    seen = legs_of(file, "some", docs) & legs_of(file, "most", docs)
    assert found[0] == set()
    assert found[1] & seen < found[2]
    assert 0.2 < len(found[1]) / len(legs_of(file, "some", docs)) < 0.4


def test_an_alternative_changes_nothing_for_the_others() -> None:
    """An alternative more, with other volumes, leaves the observations of the rest as they were."""
    sections = random_sections(2)
    few = scenario(**sections | {"alternatives": "{paper: {}}"})
    more = "{paper: {}, busy: {flows.note.volume: 9 / working day / agency}}"
    many = scenario(**sections | {"alternatives": more})
    assert columns(simulate(few, "paper")) == columns(simulate(many, "paper"))


@pytest.mark.parametrize("what", ["flow", "agency", "recipient level"])
def test_a_flow_or_an_agency_more_leaves_the_others_documents(what: str) -> None:
    """Documents are keyed by flow, sender and number: those of the others keep their times and recipients."""
    sections = random_sections(3)
    changed = dict(sections)
    if what == "flow":
        changed["flows"] = (
            "extra: {from: {id: p}, to: {id: d1}, volume: 3 / working day}\n" + sections["flows"]
        )
    elif what == "agency":
        changed["agencies"] = sections["agencies"][:-1] + ", {id: c9, level: commune, parent: d1}]"
    else:
        changed["agencies"] = sections["agencies"][:-1] + ", {id: z, level: bureau}]"
        changed["staff"] = sections["staff"] + "\nbureau: {clerk: 1}"
    before, after = (keyed(scenario(**one)) for one in (sections, changed))
    shared = {key for key in before if key[0] != "note" and not (what == "agency" and key[0] == "directive")}
    shared |= {key for key in before if key[0] == "note" and what != "agency"}
    assert len(shared) > 50
    assert all(after[key] == before[key] for key in shared)


def keyed(file: ScenarioFile) -> dict[tuple[str, str, int], tuple[float, tuple[str, ...]]]:
    """Return time and recipients of each document that is no reply, by flow, sender and number."""
    docs = workload.generate(file, Streams(1, 1))
    found = {}
    for doc in np.flatnonzero(docs.reply_to < 0).tolist():
        key = (docs.flows[docs.flow[doc]], docs.agencies[docs.sender[doc]], int(docs.number[doc]))
        legs = range(docs.leg_start[doc], docs.leg_start[doc + 1])
        found[key] = (
            float(docs.created_s[doc]),
            tuple(docs.agencies[docs.recipient[leg]] for leg in legs),
        )
    return found


# --- seeds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_same_seed_same_bytes(seed: int) -> None:
    """Two runs from one seed and replication are equal to the bit, drawn anew from the file each time."""
    sections = random_sections(seed)
    first, second = (simulate(scenario(**sections), "mixed", seed=seed) for _ in range(2))
    assert columns(first) == columns(second)
    assert (first.names, first.end_s, first.envelopes) == (second.names, second.end_s, second.envelopes)


@pytest.mark.parametrize(("seed", "replication"), [(1, 2), (2, 1)])
def test_another_seed_or_replication_differs(seed: int, replication: int) -> None:
    """Replications are different runs, not the same one again."""
    file = scenario(**random_sections(1))
    times = simulate(file, "mixed").legs.created_s
    others = simulate(file, "mixed", seed=seed, replication=replication).legs.created_s
    assert set(times.tolist()).isdisjoint(others.tolist())


def test_streams_do_not_depend_on_the_alternative() -> None:
    """The engine takes the workload as given and does not touch it."""
    file = scenario(**random_sections(4))
    streams = Streams(4, 1)
    docs = workload.generate(file, streams)

    def content() -> list[bytes]:
        values: list[NDArray[np.generic]] = [
            value
            for field in dataclasses.fields(docs)
            if isinstance(value := getattr(docs, field.name), np.ndarray)
        ]
        return [value.tobytes() for value in (*values, *docs.draws.values())]

    before = content()
    for name in ("signed", "paper", "signed"):
        engine.run(file, file.cases[name], docs, streams)
    assert content() == before


def test_nothing_is_asked_for_and_nothing_happens() -> None:
    """A workload whose only document comes after the end of the run leaves empty records, not an error."""
    file = scenario(procedures=ONE_DESK)
    obs = simulate(file, documents=documents(file, Doc("2016-01-04 08:00")))
    assert len(obs.legs.leg) == 0
    assert len(obs.steps.doc) == 0
    assert obs.documents == 0
