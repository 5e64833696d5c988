"""When each person is on duty."""

from __future__ import annotations

import numpy as np
import pytest

from sim.engine.presence import Post, posts
from sim.streams import Streams
from sim.units import DAY_S, HOUR_S
from tests.builders import WEEK, WORK_WEEK, scenario

SERVE = """
    serve: {title: Serve, sender: [{work: serve, by: clerk, takes: 1 h}], leg: []}
    """


def people(replication: int = 1, name: str = "base", **sections: str) -> dict[str, Post]:
    """Return everybody's place by name."""
    file = scenario(**{"calendar": WORK_WEEK, "procedures": SERVE} | sections)
    case = file.cases[name]
    found = posts(file, case.scenario, case.agencies, range(len(case.agencies)), Streams(1, replication))
    return {one.name: one for one in found}


def days(post: Post) -> set[int]:
    """Return the days on which somebody is there."""
    return set(post.duty.working_days())


def test_people_have_names_roles_and_fields() -> None:
    """People are numbered by agency and role, and dealt out to fields in turn."""
    found = people(staff="{office: {clerk: {count: 1, also: [handler]}, officer: {count: 3, fields: 2}}}")
    assert list(found)[:4] == ["a/clerk/1", "a/officer/1", "a/officer/2", "a/officer/3"]
    assert found["a/clerk/1"].roles == ("clerk", "handler")
    assert [found[f"a/officer/{k}"].field for k in (1, 2, 3)] == [0, 1, 0]
    assert found["b/clerk/1"].agency == 1


def test_without_more_said_people_keep_office_hours() -> None:
    """Those who are alike share one calendar."""
    found = people(staff="{office: {clerk: 2}}")
    duty = found["a/clerk/1"].duty
    assert found["a/clerk/2"].duty is duty
    assert duty.elapsed(0, 7 * DAY_S) == 40 * HOUR_S


def test_own_hours_and_duties_elsewhere() -> None:
    """Own hours are cut with the office's, a duty takes its part of each day."""
    found = people(
        duties='{counter: {hours: ["08:00-12:00"]}}',
        staff='{office: {clerk: {count: 1, duty: counter}, officer: {count: 1, hours: ["10:00-18:00"]}}}',
    )
    clerk, officer = found["a/clerk/1"].duty, found["a/officer/1"].duty
    assert (clerk.next_open(0), clerk.next_close(13 * HOUR_S)) == (13 * HOUR_S, 17 * HOUR_S)
    assert officer.elapsed(0, DAY_S) == 6 * HOUR_S
    assert officer.next_open(0) == 10 * HOUR_S


def test_make_up_saturdays_and_holidays_are_everybodys() -> None:
    """The people of an office work when the office does."""
    found = people(
        calendar='{country: VN, hours: ["08:00-12:00"]}',
        period=WEEK.replace("2015-01-05", "2015-04-20"),
    )
    assert sorted(days(found["a/clerk/1"]))[:9] == [0, 1, 2, 3, 4, 5, 7, 14, 15]


@pytest.mark.parametrize("spell", [1, 5])
def test_absences_have_their_share_and_length(spell: int) -> None:
    """Over many people the share of working days away, and the mean length of a spell, are as asked for."""
    found = people(
        staff="{office: {clerk: 200}}",
        absence=f"{{clerk: {{away: 0.3, spell: {spell} working days}}}}",
    )
    office = sorted(days(people(staff="{office: {clerk: 1}}")["a/clerk/1"]))
    away = np.array([~np.isin(office, list(days(one))) for one in found.values()])
    assert np.mean(away) == pytest.approx(0.3, abs=0.02)
    begins = np.sum(away[:, 1:] & ~away[:, :-1]) + np.sum(away[:, 0])
    assert np.sum(away) / begins == pytest.approx(spell, rel=0.15)


def test_one_more_colleague_moves_nobodys_leave() -> None:
    """Absences are keyed by person: new people, roles and agencies leave those of the others as they are."""
    absence = "{clerk: {away: 0.3}}"
    few = people(staff="{office: {clerk: 2}}", absence=absence)
    many = people(staff="{office: {officer: 3, clerk: 4}}", absence=absence)
    assert all(days(many[name]) == days(post) for name, post in few.items())
    assert days(few["a/clerk/1"]) != days(few["a/clerk/2"])


def test_replications_have_other_absences() -> None:
    """Leave is drawn anew in each replication."""
    absence = "{clerk: {away: 0.3}}"
    assert days(people(1, absence=absence)["a/clerk/1"]) != days(people(2, absence=absence)["a/clerk/1"])


def test_more_absence_adds_days() -> None:
    """With spells of one day, who is away at a smaller share is away at a larger one too, first day apart."""
    less = people(absence="{clerk: {away: 0}}")["a/clerk/1"]
    more = people(absence="{clerk: {away: 0.2}}")["a/clerk/1"]
    assert days(more) < days(less)


def test_absence_may_hold_for_some_levels_only() -> None:
    """The leaders of one level are away, those of another are not."""
    found = people(
        agencies="[{id: a, level: office}, {id: b, level: bureau}]",
        staff="{office: {clerk: 1}, bureau: {clerk: 1}}",
        absence="{clerk: {away: 0.5, levels: [bureau]}}",
    )
    assert days(found["b/clerk/1"]) < days(found["a/clerk/1"])


def test_a_share_of_days_away_of_their_own_comes_before_that_of_the_role() -> None:
    """Nobody is away at one agency, at the other half of the days, or a quarter where that is its own share."""
    absence = "{clerk: {away: 0.5}}"
    found = people(staff="{a: {clerk: {count: 1, away: 0}}, b: {clerk: 1}}", absence=absence)
    assert found["a/clerk/1"].duty.elapsed(0, 7 * DAY_S) == 40 * HOUR_S
    less = people(staff="{a: {clerk: 1}, b: {clerk: {count: 1, away: 0.25}}}", absence=absence)
    assert len(days(found["b/clerk/1"])) < len(days(less["b/clerk/1"])) < len(days(found["a/clerk/1"]))
