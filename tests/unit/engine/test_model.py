"""A replication as a whole: when it ends, what it counts, and what it leaves open."""

from __future__ import annotations

import numpy as np
import pytest

from sim.observations import Observations
from sim.scenario import ScenarioFile
from sim.units import DAY_S, HOUR_S
from tests.builders import WEEK, WORK_WEEK, Doc, documents, rows, scenario, simulate

MONDAY = "2015-01-05"
SERVE = """
    serve: {title: Serve, sender: [{work: serve, by: clerk, takes: 2 h}], leg: []}
    """


def office(takes: str = "2 h", **sections: str) -> ScenarioFile:
    """Return an office with one task, measured for a week, followed for one more."""
    given = {
        "calendar": WORK_WEEK,
        "period": WEEK,
        "procedures": SERVE.replace("2 h", takes),
    }
    return scenario(**given | sections)


def pool(obs: Observations, name: str, agency: str = "a", role: str = "clerk") -> float:
    """Return one figure of a pool."""
    chosen = obs.pools.agency == obs.names.agencies.index(agency)
    chosen &= obs.pools.role == obs.names.roles.index(role)
    (value,) = getattr(obs.pools, name)[chosen].tolist()
    return float(value)


def test_a_run_ends_when_its_cohort_is_finished() -> None:
    """Arrivals go on behind the measured period until its last document is done, and no longer."""
    file = office()
    docs = documents(file, Doc("2015-01-09 16:00"), Doc("2015-01-12 08:00"), Doc("2015-01-16 08:00"))
    obs = simulate(file, documents=docs)
    assert obs.legs.doc.tolist() == [0, 1]
    assert obs.end_s == 7 * DAY_S + 9 * HOUR_S  # the first finished event after the measured period
    assert obs.legs.measured.tolist() == [True, False]
    assert obs.documents == 1


def test_a_run_that_cannot_keep_up_ends_with_the_cool_down() -> None:
    """Work that takes for ever is left open at the cap."""
    file = office("100 h")
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00"), Doc(f"{MONDAY} 09:00")))
    assert obs.end_s == 14 * DAY_S
    assert obs.legs.outcome.tolist() == [0, 0]
    assert pool(obs, "waiting_end") == 1
    assert pool(obs, "offered_s") == 200 * HOUR_S


def test_work_on_duty_is_counted_in_the_measured_period() -> None:
    """Forty hours on duty; the first document takes two, the second the last quarter of an hour."""
    file = office()
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00"), Doc("2015-01-09 16:45")))
    assert pool(obs, "on_duty_s") == 40 * HOUR_S
    assert pool(obs, "busy_s") == 2.25 * HOUR_S
    assert pool(obs, "offered_s") == 4 * HOUR_S
    assert pool(obs, "busy_s", "b") == 0


def test_roles_that_share_people_are_one_group() -> None:
    """A person with two roles counts in each, and once in the group."""
    file = office(staff="{office: {clerk: {count: 1, also: [officer]}, officer: 1, leader: 1}}")
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00")))
    assert pool(obs, "people", role="officer") == 2
    assert pool(obs, "people") == 1
    assert pool(obs, "group") == pool(obs, "group", role="officer") != pool(obs, "group", role="leader")
    assert pool(obs, "group_on_duty_s") == 80 * HOUR_S
    assert pool(obs, "on_duty_s", role="officer") == 80 * HOUR_S


def test_what_waits_for_the_seal_or_at_a_desk_is_waiting() -> None:
    """Work set aside without its equipment, or for its owner, is counted at the end of the run."""
    file = office(
        "100 h, uses: seal",
        staff="{office: {clerk: 2}}",
        equipment="{seal: 1}",
    )
    obs = simulate(file, documents=documents(file, *(Doc(f"{MONDAY} 08:00") for _ in range(3))))
    assert pool(obs, "waiting_end") == 2
    assert pool(obs, "offered_s") == 300 * HOUR_S
    loop = (
        "[{work: serve, by: clerk, assign: owner, owner: serve, takes: 30 h}, "
        "{decide: again, to: {serve: 1}}]"
    )
    file = office(
        staff="{office: {clerk: 1}}",
        procedures=f"serve: {{title: S, sender: {loop}, leg: []}}\nx: {{title: X, leg: []}}",
    )
    obs = simulate(file, documents=documents(file, *(Doc(f"{MONDAY} 08:00") for _ in range(3))))
    assert pool(obs, "waiting_end") == 2


def test_warm_up_is_a_filter_over_records() -> None:
    """Documents of the warm-up are handled and recorded, but are not of the cohort."""
    file = office(
        period="{start: 2015-01-05, kind: steady, warm_up: 1 week, measure: 1 week, cool_down: 1 week}"
    )
    obs = simulate(file, documents=documents(file, Doc(f"{MONDAY} 08:00"), Doc("2015-01-13 08:00")))
    assert (obs.measure_start_s, obs.measure_end_s) == (7 * DAY_S, 14 * DAY_S)
    assert obs.legs.measured.tolist() == [False, True]
    assert len(rows(file, obs)) == 2
    assert pool(obs, "busy_s") == 2 * HOUR_S


def test_an_alternative_may_leave_an_agency_out() -> None:
    """Documents from and to an agency that is not there are not asked for."""
    file = office(
        agencies="[{id: a, level: office}, {id: b, level: office}, {id: c, level: office}]",
        flows="letter: {from: {level: office}, to: {}, volume: 5 / working day, procedure: serve}",
        alternatives="{all: {}, two: {agencies: [{id: a, level: office}, {id: b, level: office}]}}",
    )
    docs = documents(
        file,
        Doc(f"{MONDAY} 08:00"),
        Doc(f"{MONDAY} 08:00", ("c",)),
        Doc(f"{MONDAY} 08:00", ("a",), sender="c"),
    )
    assert simulate(file, "all", documents=docs).legs.leg.tolist() == [0, 1, 2]
    obs = simulate(file, "two", documents=docs)
    assert obs.legs.leg.tolist() == [0]
    assert obs.documents == 1


def test_names_cover_every_index() -> None:
    """Whatever the columns point to has a name and a stage."""
    obs = simulate(office())
    names = obs.names
    assert set(np.unique(obs.steps.task)) <= set(range(len(names.tasks)))
    assert len(names.tasks) == len(names.task_stages)
    assert names.task_stages == ("sender",)
    assert names.agencies == ("a", "b")
    assert names.people == ("a/clerk/1", "b/clerk/1")


def test_an_envelope_is_counted_where_it_leaves_in_the_measured_period() -> None:
    """Three letters to one recipient: two at one pick-up, one behind the end of the measured period."""
    file = office(
        transports='{post: {kind: post, pick_ups: ["10:30"]}}',
        procedures="serve: {title: S, leg: [{transport: by-post, via: post}]}\nx: {title: X, leg: []}",
    )
    docs = documents(file, *(Doc(at) for at in (f"{MONDAY} 08:00", f"{MONDAY} 09:00", "2015-01-09 11:00")))
    obs = simulate(file, documents=docs)
    assert obs.envelopes == 1
    assert obs.legs.finished_s.tolist() == pytest.approx(
        [10.5 * HOUR_S, 10.5 * HOUR_S, 7 * DAY_S + 10.5 * HOUR_S]
    )
