"""What is picked, what remedies are, and how a scenario is written anew with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim import runs
from sim.errors import InputError
from sim.explain import pick
from sim.explain.choosing import Desk, Picked
from sim.explain.remedies import remedies
from sim.explain.remedy import Missing, Remedy
from sim.explain.rewriting import UNCHANGED, Source, named, titled
from sim.scenario import ScenarioFile, load
from sim.scenario.documents import parse_yaml
from tests.builders import WORK_WEEK, scenario_text

DAY_S = 8 * 3600.0
STAFF = """
office:
  clerk: {count: 1, duty: counter, also: [keeper]}
  officer: {count: 2, hours: ["08:00-12:00", "13:00-16:00"]}
  head: 1
  leader: {count: 1}
a: {clerk: 3, officer: 1, leader: 1, head: 1}
"""
SECTIONS = {
    "calendar": WORK_WEEK,
    "agencies": "[{id: a, level: office}, {id: b, level: office}, {id: c, level: branch}]",
    "staff": STAFF + "branch: {clerk: 1, officer: 1, head: 1, leader: 1}\n",
    "duties": '{counter: {hours: ["08:00-12:00"]}}',
    "absence": "{leader: {away: 0.3, spell: 2 working days}}",
    "fragments": """
drafting:
  - {work: draft, by: officer, takes: 1 h, stage: drafting}
  - {work: initial, by: head, takes: 10 min, stage: approval, when: {sender_level: [office, branch]}}
  - {work: check, by: clerk, takes: 10 min, stage: approval, title: {en: Check, vi: Kiểm tra}}
""",
    "procedures": """
serve:
  title: Serve
  sender: [{use: drafting}, {work: sign, by: leader, takes: 5 min, stage: signing}]
  leg: [{work: receive, by: clerk, takes: 5 min}]
""",
    "base": "now",
    "alternatives": """
now: {}
more: {staff.office.clerk.count: 2}
""",
    "published": "{x: {title: X, value: 2 days, metric: turnaround_s.mean, alternative: now, use: comparison}}",
}
NOTHING = {"estimate": 1.0, "half_width": None, "confidence": 0.95, "replications": 1}


@pytest.fixture
def source_run(tmp_path: Path) -> Path:
    """A folder with the inputs of a run."""
    inputs = tmp_path / "run" / runs.INPUTS
    inputs.mkdir(parents=True)
    (inputs / "scenario.yaml").write_text(scenario_text(**SECTIONS), encoding="utf-8")
    (inputs / "library").mkdir()
    return tmp_path / "run"


def manifest(**sets: str) -> dict[str, Any]:
    """Return what is needed of the run's manifest."""
    return {"scenario": {"main": "scenario.yaml"}, "sets": sets}


def desk(role: str, level: str = "office", agency: str = "") -> Desk:
    """Return people of a role, at all agencies of a level or at one."""
    return Desk(level, role, agency, agency.upper(), "receiving", NOTHING, NOTHING)


def found_at(run: Path, *desks: Desk, worst: Desk | None = None, name: str = "now") -> list[Remedy | Missing]:
    """Return what could help at desks of an alternative."""
    file = load(run / runs.INPUTS / "scenario.yaml")
    staff = Source(run, manifest(), name).staff
    return remedies(file.cases[name], staff, DAY_S, Picked(name, desks, worst))


def the(found: list[Remedy | Missing], kind: str) -> Remedy:
    """Return the first remedy of a kind."""
    return next(one for one in found if isinstance(one, Remedy) and one.kind == kind)


# --- picking ------------------------------------------------------------------------------------------------


def row(level: str, role: str, wait_s: float, **more: str) -> dict[str, Any]:
    """Return a row of the summary's lists."""
    wait = NOTHING | {"estimate": wait_s}
    return {"level": level, "role": role, "share": NOTHING, "wait_person_s": wait, **more}


def summary(**lists: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a summary with one alternative."""
    whole: dict[str, Any] = {"by_desk": [], "by_role": [], "by_agency": []} | lists
    return {"design": {"base": "now"}, "alternatives": {"now": {"held_up": whole}}}


def test_the_desks_are_the_first_of_the_list_and_the_worst_agency() -> None:
    """Stages come from the longest wait of the desk; the single agency is named."""
    found = pick(
        summary(
            by_role=[row("commune", "clerk", 9.0), row("district", "leader", 5.0), row("unit", "clerk", 1.0)],
            by_desk=[
                row("commune", "clerk", 6.0, stage="receiving"),
                row("commune", "clerk", 3.0, stage="x"),
            ],
            by_agency=[row("commune", "clerk", 2.0, agency="c1", agency_name="One")],
        )
    )
    assert found.alternative == "now"
    assert [(one.level, one.role, one.stage) for one in found.desks] == [
        ("commune", "clerk", "receiving"), ("district", "leader", "")
    ]  # fmt: skip
    assert found.worst is not None
    assert (found.worst.agency, found.worst.agency_name) == ("c1", "One")


def test_an_agency_that_is_its_whole_level_is_not_tried_twice() -> None:
    """Where all the waiting of a level is at one agency, the level is that agency."""
    found = pick(
        summary(
            by_role=[row("province", "leader", 2.0)],
            by_agency=[row("province", "leader", 2.0, agency="p", agency_name="P")],
        )
    )
    assert found.worst is None


@pytest.mark.parametrize(
    ("given", "alternative", "code"),
    [
        (summary(), "fax", "E-ALTERNATIVE"),
        (summary(), None, "E-NO-HELD-UP"),
        ({"design": {"base": "now"}, "alternatives": {"now": {}}}, None, "E-NO-HELD-UP"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    given: dict[str, Any], alternative: str | None, code: str
) -> None:
    """An unknown alternative, a run of an earlier version, and a run in which nobody was waited for."""
    with pytest.raises(InputError, match=code) as raised:
        pick(given, alternative)
    assert raised.value.hint


# --- remedies -----------------------------------------------------------------------------------------------


def test_one_more_person_at_every_agency_of_a_level(source_run: Path) -> None:
    """Each entry that staffs the level gets one more, a bare head-count as well as one with details."""
    found = the(found_at(source_run, desk("clerk")), "person")
    assert found.changes == {"staff.a.clerk": 4, "staff.office.clerk.count": 2}
    assert (found.people, found.agencies) == (2, 2)


def test_one_more_person_is_counted_from_the_alternative(source_run: Path) -> None:
    """An alternative with two clerks gets a third."""
    assert (
        the(found_at(source_run, desk("clerk"), name="more"), "person").changes["staff.office.clerk.count"]
        == 3
    )


def test_one_more_person_at_one_agency_gives_it_an_entry_of_its_own(source_run: Path) -> None:
    """The entry is what its level has, so that by itself it changes nothing."""
    found = the(found_at(source_run, worst=desk("clerk", agency="b")), "person")
    assert found.changes == {"staff.b.clerk.count": 2}
    assert found.sections["staff"]["b"]["officer"]["count"] == 2
    own = the(found_at(source_run, worst=desk("clerk", agency="a")), "person")
    assert (own.changes, own.sections) == ({"staff.a.clerk": 4}, {})


def test_who_holds_a_role_beside_their_own_is_who_gets_a_colleague(source_run: Path) -> None:
    """One more keeper is one more clerk, where the clerk keeps; elsewhere nobody does."""
    assert the(found_at(source_run, desk("keeper")), "person").changes == {"staff.office.clerk.count": 2}
    missing = found_at(source_run, desk("keeper", "branch"))
    assert [(one.kind, one.why) for one in missing if isinstance(one, Missing)] == [
        ("person", "nobody"), ("hour", "nobody")
    ]  # fmt: skip


def test_an_hour_comes_from_a_shorter_duty(source_run: Path) -> None:
    """The counter closes an hour earlier for these people only; agency a has no such duty."""
    found = the(found_at(source_run, desk("clerk")), "hour")
    assert found.changes == {"staff.office.clerk.duty": "counter-one-hour-less"}
    assert found.sections["duties"] == {"counter-one-hour-less": {"hours": ["08:00-11:00"]}}
    assert (found.how, found.people, found.hours, found.agencies) == ("duty", 1, 1.0, 1)


def test_an_hour_comes_from_longer_hours(source_run: Path) -> None:
    """Hours that end before the office's end an hour later."""
    found = the(found_at(source_run, desk("officer")), "hour")
    assert found.changes == {"staff.office.officer.hours": ["08:00-12:00", "13:00-17:00"]}
    assert (found.how, found.people, found.hours) == ("hours", 2, 2.0)


def test_an_hour_comes_from_fewer_days_away(source_run: Path) -> None:
    """An hour of eight is an eighth of the days; a bare head-count becomes an entry with details."""
    found = the(found_at(source_run, desk("leader")), "hour")
    assert found.changes == {
        "staff.office.leader.away": pytest.approx(0.175), "staff.a.leader": {"count": 1, "away": pytest.approx(0.175)}
    }  # fmt: skip
    assert found.how == "away"
    assert found.hours == pytest.approx(2.0)


def test_who_is_present_throughout_has_no_hour_more(source_run: Path) -> None:
    """It is said, and not simulated."""
    found = found_at(source_run, desk("head"))
    assert [one.why for one in found if isinstance(one, Missing)] == ["present"]


def test_a_hop_is_left_out_everywhere_or_where_its_people_were_picked(source_run: Path) -> None:
    """The head's hop at the picked level only, the clerk's likewise where the clerk was picked."""
    hops = [
        one for one in found_at(source_run, desk("head")) if isinstance(one, Remedy) and one.kind == "hop"
    ]
    assert [(one.task, one.level, one.agencies) for one in hops] == [
        ("initial", "office", 2),
        ("check", "", 3),
    ]
    assert hops[0].changes == {"fragments.drafting.initial.when.sender_level": ["branch"]}
    assert hops[1].changes == {"fragments.drafting.check.share": 0}
    hop = [
        one for one in found_at(source_run, desk("clerk")) if isinstance(one, Remedy) and one.task == "check"
    ]
    assert hop[0].changes == {"fragments.drafting.check.when": {"sender_level": ["branch"]}}


# --- the scenario written anew ------------------------------------------------------------------------------


def rewritten(
    run: Path, folder: Path, *desks: Desk, worst: Desk | None = None, sets: dict[str, str] | None = None
) -> ScenarioFile:
    """Return the new scenario as loaded."""
    sets = sets or {}
    source = Source(run, manifest(**sets), "more")
    file = load(run / runs.INPUTS / "scenario.yaml", sets=sets)
    tried = remedies(file.cases["more"], source.staff, DAY_S, Picked("more", desks, worst))
    found = named([one for one in tried if isinstance(one, Remedy)])
    path = source.write(
        folder, found, titled(found, {"en": "More", "vi": "Thêm"}, {"check": {"en": "C", "vi": "K"}})
    )
    return load(path, sets=source.common)


def test_the_new_scenario_loads_and_the_unchanged_case_is_as_it_was(source_run: Path, tmp_path: Path) -> None:
    """The base case is the alternative of the run; every remedy changes it and nothing else."""
    made = rewritten(source_run, tmp_path / "new", desk("clerk"), worst=desk("leader", agency="b"))
    assert made.base == UNCHANGED
    assert list(made.cases) == [
        UNCHANGED, "person-office-clerk", "hour-office-clerk", "person-b-leader", "hour-b-leader",
        "hop-initial", "hop-office-check",
    ]  # fmt: skip
    before = load(source_run / runs.INPUTS / "scenario.yaml").cases["more"].scenario
    after = made.cases[UNCHANGED].scenario
    assert after.flows == before.flows
    assert after.procedures == before.procedures
    assert (after.staff["office"], after.staff["b"]) == (before.staff["office"], before.staff["office"])
    assert made.cases["person-b-leader"].scenario.staff["b"] != after.staff["b"]
    assert after.published == {}
    title = after.titles["hop-office-check"]
    assert not isinstance(title, str)
    assert (title.en, title.vi) == ("office: without “C”", "office: bỏ bước “K”")


def test_changes_from_the_command_line_are_kept(source_run: Path, tmp_path: Path) -> None:
    """A period set for all stays set; a number set for all is laid over the alternative, and under a remedy."""
    sets = {"period.measure": "14 days", "staff.office.clerk.count": "5"}
    made = rewritten(source_run, tmp_path / "new", desk("clerk"), sets=sets)
    assert made.sets == {"period.measure": "14 days"}
    counts = [
        made.cases[name].scenario.staff["office"]["clerk"] for name in (UNCHANGED, "person-office-clerk")
    ]
    assert [one if isinstance(one, int) else one.count for one in counts] == [5, 6]


def test_what_is_written_reads_as_what_it_was(source_run: Path, tmp_path: Path) -> None:
    """Times, dates and numbers come back as they were; only what names alternatives is replaced."""
    rewritten(source_run, tmp_path / "new", desk("clerk"))
    before = parse_yaml((source_run / runs.INPUTS / "scenario.yaml").read_text(encoding="utf-8"), "old").data
    after = parse_yaml((tmp_path / "new" / "scenario.yaml").read_text(encoding="utf-8"), "new").data
    replaced = {"alternatives", "titles", "base", "published", "duties", "staff"}
    assert {key: after[key] for key in after if key not in replaced} == {
        key: before[key] for key in before if key not in replaced
    }
    json.dumps(after)


def test_names_are_unique_and_fit_the_format() -> None:
    """Levels in words become names with hyphens; two of the same name are told apart."""
    alike = [
        Remedy("person", "Cấp Xã", "clerk"),
        Remedy("person", "Cấp-Xã", "clerk"),
        Remedy("hop", "", "head", task="x"),
    ]
    assert list(named(alike)) == ["person-c-p-x-clerk", "person-c-p-x-clerk-1", "hop-x"]
