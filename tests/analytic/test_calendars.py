"""Working time, priorities and substitution: cases that a reader can check by hand."""

from __future__ import annotations

import pytest

from sim.scenario import ScenarioFile
from tests.builders import WORK_WEEK, Doc, documents, row, rows, scenario, simulate

VIETNAM = '{country: VN, hours: ["08:00-12:00", "13:00-17:00"]}'
SPRING = "{start: 2015-04-20, kind: terminating, warm_up: 0 days, measure: 14 days, cool_down: 28 days}"
AWAY = "{away: 0.99999, spell: 100000 working days}"  # away from the first day on


def task(takes: str, more: str = "", by: str = "clerk") -> str:
    """Return the procedure of one task."""
    return f"""
        serve:
          title: serve
          sender: [{{work: serve, by: {by}, takes: {takes}{more}}}]
          leg: [{{end: completed}}]
        """


def office(takes: str, calendar: str = WORK_WEEK, more: str = "", **sections: str) -> ScenarioFile:
    """Return an office with one task."""
    return scenario(calendar=calendar, procedures=task(takes, more), **sections)


TWO_URGENCIES = """
    letter: {from: {id: a}, to: {id: b}, volume: 1 / working day, procedure: serve}
    express: {from: {id: a}, to: {id: b}, volume: 1 / working day, procedure: serve, urgency: {express: 1}}
    """


@pytest.mark.parametrize(
    ("asked", "started", "completed"),
    [
        ("2015-01-05 08:00", "2015-01-05 08:00", "2015-01-05 15:00"),  # the lunch break counts for nothing
        ("2015-01-05 10:00", "2015-01-05 10:00", "2015-01-05 17:00"),  # ends with the day, not next morning
        ("2015-01-05 10:30", "2015-01-05 10:30", "2015-01-06 08:30"),
        ("2015-01-09 15:00", "2015-01-09 15:00", "2015-01-12 12:00"),  # over a weekend, ends with a shift
        ("2015-01-09 17:00", "2015-01-12 08:00", "2015-01-12 15:00"),  # the end of a shift is off duty
        ("2015-01-10 09:00", "2015-01-12 08:00", "2015-01-12 15:00"),  # asked for on a Saturday
        ("2015-01-06 12:30", "2015-01-06 13:00", "2015-01-07 10:00"),
    ],
)
def test_six_hours_of_work_are_suspended_off_duty(asked: str, started: str, completed: str) -> None:
    """Work stops with the shift and goes on with the next one."""
    file = office("6 h")
    found = row(file, simulate(file, documents=documents(file, Doc(asked))), "serve")
    assert (found.started, found.completed) == (started, completed)


@pytest.mark.parametrize(
    ("asked", "completed"),
    [
        ("2015-04-27 15:00", "2015-05-04 12:00"),  # 28 Apr Hung Kings, 29 swapped, 30 Apr and 1 May, weekend
        ("2015-04-24 15:00", "2015-04-25 12:00"),  # Saturday the 25th is worked instead of the 29th
        ("2015-04-25 15:00", "2015-04-27 12:00"),  # and its Sunday is not
    ],
)
def test_vietnamese_holidays_and_make_up_saturdays(asked: str, completed: str) -> None:
    """Public holidays and swapped days of 2015 are those of the decree."""
    file = office("6 h", VIETNAM, period=SPRING)
    assert row(file, simulate(file, documents=documents(file, Doc(asked))), "serve").completed == completed


@pytest.mark.parametrize(
    ("off_shift", "first", "second"),
    [("suspend", "2015-01-05 14:30", "2015-01-06 08:30"), ("finish", "2015-01-05 13:30", "2015-01-05 16:30")],
)
def test_a_step_is_suspended_or_finished_at_the_end_of_a_shift(
    off_shift: str, first: str, second: str
) -> None:
    """What is begun at 10:30 and takes three hours runs through lunch where the step says finish."""
    file = office("3 h", more=f", off_shift: {off_shift}")
    docs = documents(file, Doc("2015-01-05 10:30"), Doc("2015-01-05 11:00"))
    found = rows(file, simulate(file, documents=docs))
    assert [one.completed for one in found] == [first, second]
    assert found[1].started == first


def test_urgent_work_overtakes_at_the_moment_a_person_becomes_free() -> None:
    """What is in hand is not interrupted; what waits is taken by urgency, then in order of arrival."""
    file = office("1 h", flows=TWO_URGENCIES)
    asked = ["08:00", "08:10", "08:20", "08:30", "08:40"]
    flows = ["letter", "letter", "express", "letter", "express"]
    docs = [Doc(f"2015-01-05 {at}", flow=flow) for at, flow in zip(asked, flows, strict=True)]
    obs = simulate(file, documents=documents(file, *docs))
    assert [one.doc for one in rows(file, obs)] == [0, 2, 4, 1, 3]
    assert row(file, obs, "serve", 4).completed == "2015-01-05 11:00"


def test_what_came_in_overnight_starts_at_opening_in_order_of_urgency() -> None:
    """An express document of five in the morning is taken before a letter of the evening before."""
    file = office("1 h", flows=TWO_URGENCIES)
    docs = documents(
        file,
        Doc("2015-01-05 19:00", flow="letter"),
        Doc("2015-01-06 05:00", flow="express"),
        Doc("2015-01-06 08:00", flow="express"),
    )
    found = [(one.doc, one.started[-5:]) for one in rows(file, simulate(file, documents=docs))]
    assert found == [(1, "08:00"), (2, "09:00"), (0, "10:00")]


def test_the_deputy_signs_after_one_working_day_of_absence() -> None:
    """A leader who is away from Monday morning is stood in for from Tuesday morning on."""
    file = scenario(
        calendar=WORK_WEEK,
        staff="{office: {leader: {count: 1, cover: {by: deputy, after: 1 working day}}, deputy: 1}}",
        absence=f"{{leader: {AWAY}}}",
        procedures=task("10 min", by="leader"),
    )
    docs = documents(file, Doc("2015-01-05 09:00"), Doc("2015-01-06 09:00"), Doc("2015-01-12 08:00"))
    found = rows(file, simulate(file, documents=docs))
    assert {one.who for one in found} == {"a/deputy/1"}
    assert [one.started for one in found] == ["2015-01-06 08:00", "2015-01-06 09:00", "2015-01-12 08:00"]


def test_without_a_deputy_the_signature_waits() -> None:
    """Nobody signs for a leader who has no substitute."""
    file = scenario(
        calendar=WORK_WEEK,
        staff="{office: {leader: 1, deputy: 1}}",
        absence=f"{{leader: {AWAY}}}",
        procedures=task("10 min", by="leader"),
    )
    obs = simulate(file, documents=documents(file, Doc("2015-01-05 09:00")))
    assert rows(file, obs) == []
    assert obs.legs.outcome.tolist() == [0]


@pytest.mark.parametrize(
    ("cover", "who", "started", "completed"),
    [
        ("", "a/clerk/1", "2015-01-05 13:00", "2015-01-06 15:00"),
        (", cover: {by: officer, after: 4 h}", "a/clerk/1", "2015-01-05 13:00", "2015-01-06 15:00"),
        (", cover: {by: officer, after: 2 h}", "a/officer/1", "2015-01-05 10:00", "2015-01-05 17:00"),
    ],
)
def test_a_commune_clerk_sits_at_the_one_stop_counter_every_morning(
    cover: str, who: str, started: str, completed: str
) -> None:
    """The desk is staffed in the afternoon only; a stand-in comes when the absence is longer than agreed."""
    file = office(
        "6 h",
        duties='{one-stop: {hours: ["08:00-12:00"]}}',
        staff=f"{{office: {{clerk: {{count: 1, duty: one-stop{cover}}}, officer: 1}}}}",
    )
    found = row(file, simulate(file, documents=documents(file, Doc("2015-01-05 09:00"))), "serve")
    assert (found.who, found.started, found.completed) == (who, started, completed)


def test_a_wait_for_the_next_morning_skips_days_off() -> None:
    """What is ready on the eve of the holidays is taken up on the first working morning after them."""
    file = scenario(
        calendar=VIETNAM,
        period=SPRING,
        procedures="""
            serve:
              title: serve
              sender: [{wait: overnight, until: next-morning}, {work: serve, by: clerk, takes: 1 h}]
              leg: [{end: completed}]
            """,
    )
    obs = simulate(file, documents=documents(file, Doc("2015-04-24 09:00"), Doc("2015-04-27 09:00")))
    assert [row(file, obs, "overnight", doc).completed for doc in (0, 1)] == [
        "2015-04-25 08:00",
        "2015-05-04 08:00",
    ]
