"""People, queues and equipment: who takes up what, and when."""

from __future__ import annotations

import pytest

from sim.calendars import WorkingTime
from sim.engine.staff import cover_windows
from sim.scenario import ScenarioFile
from sim.streams import Streams
from sim.units import DAY_S, HOUR_S
from tests.builders import WORK_WEEK, Doc, Row, documents, rows, scenario, simulate

MONDAY = "2015-01-05"

TWO_TASKS = """
    stamp:
      title: Stamp
      sender: [{work: stamp, by: clerk, uses: seal, takes: 1 h}]
      leg: [{end: completed}]
    note:
      title: File
      sender: [{work: note, by: clerk, takes: 1 h}]
      leg: [{end: completed}]
    seal-secret:
      title: Secret
      sender: [{work: seal-secret, by: handler, uses: seal, takes: 1 h}]
      leg: [{end: completed}]
    """
FLOWS = """
    stamp: {from: {id: a}, to: {id: b}, volume: 1 / working day, procedure: stamp}
    note: {from: {id: a}, to: {id: b}, volume: 1 / working day, procedure: note}
    sealed: {from: {id: a}, to: {id: b}, volume: 1 / working day, procedure: seal-secret}
    secret:
      {from: {id: a}, to: {id: b}, volume: 1 / working day, procedure: seal-secret, urgency: {urgent: 1}}
    """


def desk(staff: str, **sections: str) -> ScenarioFile:
    """Return an office with two kinds of work at its desk, one of them with the seal."""
    given = {
        "calendar": WORK_WEEK,
        "flows": FLOWS,
        "procedures": TWO_TASKS,
        "equipment": "{seal: 1}",
    } | sections
    return scenario(staff=staff, **given)


def found(file: ScenarioFile, *docs: tuple[str, str]) -> dict[int, Row]:
    """Return the record of each document, asked for on Monday at these times."""
    asked = documents(file, *(Doc(f"{MONDAY} {at}", flow=flow) for at, flow in docs))
    return {one.doc: one for one in rows(file, simulate(file, documents=asked))}


def test_a_clerk_without_the_seal_takes_other_work() -> None:
    """The seal serves one at a time; the colleague files meanwhile and nobody waits beside free work."""
    file = desk("{office: {clerk: 2, handler: 1}}")
    got = found(file, ("08:00", "stamp"), ("08:00", "stamp"), ("08:10", "note"))
    assert [got[doc].started[-5:] for doc in (0, 1, 2)] == ["08:00", "09:00", "08:10"]
    assert got[1].who == got[0].who != got[2].who


def test_two_seals_serve_two_clerks() -> None:
    """With two pieces both clerks stamp at once, and the third stamping waits."""
    file = desk("{office: {clerk: 3, handler: 1}}", equipment="{seal: 2}")
    got = found(file, ("08:00", "stamp"), ("08:00", "stamp"), ("08:00", "stamp"))
    assert sorted(one.started[-5:] for one in got.values()) == ["08:00", "08:00", "09:00"]


def test_the_seal_goes_to_whoever_is_there() -> None:
    """Work parked for the seal whose people have left does not hold up a colleague of another role."""
    file = desk('{office: {clerk: {count: 2, hours: ["08:00-09:00"]}, handler: 1}}')
    got = found(file, ("08:00", "stamp"), ("08:10", "stamp"), ("08:20", "sealed"))
    assert got[2].started == f"{MONDAY} 09:00"
    assert got[1].started == "2015-01-06 08:00"


def test_the_seal_goes_to_the_most_urgent() -> None:
    """Among those who wait for the seal, urgency comes before order, across roles."""
    file = desk("{office: {clerk: 2, handler: 1}}")
    got = found(file, ("08:00", "stamp"), ("08:10", "stamp"), ("08:20", "secret"))
    assert (got[2].started[-5:], got[1].started[-5:]) == ("09:00", "10:00")


def test_a_person_with_two_roles_does_one_thing_at_a_time() -> None:
    """The clerk who is also the handler takes the urgent secret first, then what came first."""
    file = desk("{office: {clerk: {count: 1, also: [handler]}}}")
    got = found(file, ("08:00", "note"), ("08:10", "stamp"), ("08:20", "secret"), ("08:05", "note"))
    assert [got[doc].started[-5:] for doc in (0, 2, 3, 1)] == ["08:00", "09:00", "10:00", "11:00"]
    assert {one.who for one in got.values()} == {"a/clerk/1"}


def test_the_second_role_helps_out() -> None:
    """With a clerk beside them, a handler who also holds the clerk's role shares the clerk's queue."""
    file = desk("{office: {clerk: 1, handler: {count: 1, also: [clerk]}}}")
    got = found(file, ("08:00", "note"), ("08:00", "note"), ("08:30", "secret"))
    assert {got[0].who, got[1].who} == {"a/clerk/1", "a/handler/1"}
    assert got[2].started[-5:] == "09:00"


def test_everybody_starts_at_opening() -> None:
    """Three documents of the night are taken by both clerks at eight, the third when one is free."""
    file = desk("{office: {clerk: 2, handler: 1}}")
    asked = documents(file, *(Doc(f"{MONDAY} 0{k}:00", flow="note") for k in (1, 2, 3)))
    got = rows(file, simulate(file, documents=asked))
    assert [(one.doc, one.started[-5:]) for one in got] == [(0, "08:00"), (1, "08:00"), (2, "09:00")]
    assert got[0].who != got[1].who


def test_work_goes_round() -> None:
    """Free colleagues take turns."""
    file = desk("{office: {clerk: 3, handler: 1}}")
    got = found(file, *((f"{hour:02}:00", "note") for hour in (8, 9, 10, 11)))
    assert len({got[doc].who for doc in (0, 1, 2)}) == 3
    assert got[3].who == got[0].who


FIELDS = """
    serve:
      title: Serve
      sender: [{{work: serve, by: officer, assign: {assign}, takes: 1 h}}]
      leg: [{{end: completed}}]
    """


@pytest.mark.parametrize("assign", ["pool", "field"])
def test_fields_part_a_role_for_work_that_asks_for_them(assign: str) -> None:
    """Four officers in two fields: anybody does pooled work, only the document's field does its own."""
    file = scenario(
        calendar=WORK_WEEK,
        staff="{office: {officer: {count: 4, fields: 2}}}",
        flows="{letter: {from: {id: a}, to: {id: b}, volume: 200 / working day, procedure: serve}}",
        procedures=FIELDS.format(assign=assign),
    )
    asked = documents(file, *(Doc(f"{MONDAY} 08:00") for _ in range(40)))
    got = rows(file, simulate(file, documents=asked))
    assert {one.who for one in got} == {f"a/officer/{k}" for k in (1, 2, 3, 4)}
    assert [one.started for one in got[:4]] == [f"{MONDAY} 08:00"] * 4
    first = [one.doc for one in got if int(one.who[-1]) % 2]  # officers 1 and 3 are of the first field
    finish = max(one.completed for one in got)
    if assign == "pool":
        assert finish == "2015-01-06 10:00"  # forty hours of work, four people: ten hours
    else:
        u = Streams(1, 1).uniforms(40, "field per document")
        assert sorted(first) == [doc for doc in range(40) if u[doc] < 0.5]
        assert finish > "2015-01-06 10:00"


def spans(*hours: tuple[float, float], days: int = 5) -> WorkingTime:
    """Return the same hours on so many days."""
    return WorkingTime.from_intervals(
        [(d * DAY_S + a * HOUR_S, d * DAY_S + b * HOUR_S) for d in range(days) for a, b in hours], 8 * HOUR_S
    )


OFFICE = spans((8, 12), (13, 17))


def in_hours(windows: WorkingTime) -> list[tuple[float, float]]:
    """Return windows in hours of the run."""
    return [(a / HOUR_S, b / HOUR_S) for a, b in zip(windows.starts, windows.ends, strict=True)]


def test_nobody_stands_in_for_those_who_are_there() -> None:
    """Full presence leaves no window, nor does a half-day's absence shorter than agreed."""
    assert in_hours(cover_windows([OFFICE], OFFICE, 0.0)) == []
    assert in_hours(cover_windows([spans((13, 17))], OFFICE, 4 * HOUR_S)) == []


def test_stand_ins_act_once_the_absence_has_lasted_long_enough() -> None:
    """After two working hours of absence, until somebody of the role is back."""
    windows = cover_windows([spans((13, 17))], OFFICE, 2 * HOUR_S)
    assert in_hours(windows)[:2] == [(10, 12), (34, 36)]
    assert in_hours(cover_windows([spans((13, 17))], OFFICE, 0.0))[0] == (8, 12)


def test_an_absence_counts_over_breaks_and_nights() -> None:
    """Away on Monday and Tuesday, one working day agreed: the deputy acts from Tuesday morning to evening."""
    back = WorkingTime.from_intervals(
        [(a, b) for a, b in zip(OFFICE.starts, OFFICE.ends, strict=True) if a >= 2 * DAY_S], 8 * HOUR_S
    )
    assert in_hours(cover_windows([back], OFFICE, 8 * HOUR_S)) == [(32, 36), (37, 41)]
    assert in_hours(cover_windows([back], OFFICE, 6 * HOUR_S))[0] == (15, 17)


def test_one_colleague_who_is_there_is_enough() -> None:
    """The windows are those in which nobody at all of the role is on duty."""
    assert in_hours(cover_windows([spans((8, 12)), spans((13, 17))], OFFICE, 0.0)) == []
    assert in_hours(cover_windows([spans((8, 12)), spans((13, 16))], OFFICE, 0.0))[0] == (16, 17)


def test_a_stand_in_keeps_to_the_window() -> None:
    """The officer covers the desk from ten to twelve; in the afternoon the clerk is back at it."""
    file = desk(
        "{office: {clerk: {count: 1, duty: counter, cover: {by: officer, after: 2 h}}, "
        "officer: 1, handler: 1}}",
        duties='{counter: {hours: ["08:00-12:00"]}}',
    )
    got = found(file, ("08:00", "note"), ("08:00", "note"), ("11:30", "note"), ("13:10", "note"))
    assert [(got[doc].who, got[doc].started[-5:]) for doc in range(4)] == [
        ("a/officer/1", "10:00"),
        ("a/officer/1", "11:00"),
        ("a/clerk/1", "13:00"),
        ("a/clerk/1", "14:00"),
    ]
