"""Whether somebody can do every step, wherever it can occur; what the other checks see is in test_loading."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.scenario import Agency, load
from sim.scenario.checks import check, roles_held, select, staff_of
from sim.scenario.documents import parse_yaml
from sim.scenario.schema import Scenario, Selector, Staff, Which
from sim.scenario.selection import circles, partner_levels

from .build import VALID, changed, laid, loaded, only, refused

SCRIBE = ("{work: register, by: clerk, takes: 3 min}", "{work: register, by: scribe, takes: 3 min}")
AT_EAST = ("staff:\n", "staff:\n  east: {clerk: 1, leader: 1, scribe: 1}\n")
AT_TOP = ("  province:\n    clerk: 1\n", "  province:\n    clerk: 1\n    scribe: 1\n")


class TestDoable:
    def test_a_role_that_some_recipients_lack_is_told_with_those_who_lack_it(self, tmp_path: Path) -> None:
        """At the step's own place."""
        found = only(tmp_path, changed(SCRIBE, AT_EAST, AT_TOP))
        assert found.code == "E-STEP-NOBODY"
        assert found.message.endswith("which nobody can do at west")
        assert found.field == "procedures.paper.leg.2.by"

    def test_a_role_without_people_is_not_held(self, tmp_path: Path) -> None:
        """A head-count of zero is nobody."""
        nobody = ("staff:\n", "staff:\n  east: {clerk: 1, leader: 1, scribe: 0}\n")
        found = only(tmp_path, changed(SCRIBE, AT_TOP, nobody))
        assert found.message.endswith("which nobody can do at east, west")

    def test_many_agencies_are_counted_rather_than_listed(self, tmp_path: Path) -> None:
        """Three are named."""
        more = "".join(f"  - {{id: x{i}, level: district, parent: top}}\n" for i in range(5))
        staff = ("staff:\n", f"{more}staff:\n  east: {{clerk: 1, leader: 1, scribe: 1}}\n")
        found = only(tmp_path, changed(SCRIBE, AT_TOP, staff))
        assert found.message.endswith("at west, x0, x1 and 3 more")

    @pytest.mark.parametrize(
        "excuse",
        [
            "when: {recipient_level: [province]}",  # replies go up: the province has a scribe
            "when: {asks: [action]}",  # nothing asks for action
            "when: {urgency: [express]}",
            "when: {classified: true}",
            "when: {flow: [answer]}",
            "when: {sender_level: [district]}",
            "share: 0",
            "when: {asks: []}",
        ],
    )
    def test_a_step_that_cannot_occur_there_needs_nobody(self, tmp_path: Path, excuse: str) -> None:
        """Its conditions are met by no document that gets there."""
        step = f"{{work: register, by: scribe, takes: 3 min, {excuse}}}"
        loaded(tmp_path, changed((SCRIBE[0], step), AT_TOP))

    @pytest.mark.parametrize(
        "condition",
        [
            "when: {recipient_level: [district]}",
            "when: {asks: [reply]}",
            "when: {urgency: [urgent]}",
            "when: {classified: false}",
            "when: {flow: [letter]}",
            "share: 0.1",
        ],
    )
    def test_a_step_that_can_occur_there_needs_somebody(self, tmp_path: Path, condition: str) -> None:
        """However rarely."""
        step = f"{{work: register, by: scribe, takes: 3 min, {condition}}}"
        assert only(tmp_path, changed((SCRIBE[0], step), AT_TOP)).code == "E-STEP-NOBODY"

    def test_replies_are_written_by_those_who_received(self, tmp_path: Path) -> None:
        """Whatever the reply flow's own selection says: it only lends its attributes."""
        signs = "by: scribe, takes: 5 min, when: {flow: [answer]}}\n      - {work: stamp"
        text = changed(
            ("by: leader, takes: 5 min}\n      - {work: stamp", signs),
            (
                "from: {level: district}\n    to: {which: parent}",
                "from: {level: province}\n    to: {id: east}",
            ),
            AT_TOP,
        )
        assert only(tmp_path, text).message.endswith("at east, west")

    def test_a_channel_for_some_agencies_asks_nothing_of_the_others(self, tmp_path: Path) -> None:
        """Both ends must be among them."""
        online = (
            "electronic: {procedure: signed, share: 0}",
            "electronic: {procedure: signed, agencies: {id: [top, east]}}",
        )
        accept = ("{work: accept, by: clerk, takes: 1 min}", "{work: accept, by: scribe, takes: 1 min}")
        loaded(tmp_path, changed(online, accept, AT_EAST, AT_TOP))
        wider = (online[0], online[1].replace("[top, east]", "[top, west]"))
        assert only(tmp_path, changed(wider, accept, AT_EAST, AT_TOP)).code == "E-STEP-NOBODY"

    def test_a_channel_for_some_documents_asks_nothing_for_the_others(self, tmp_path: Path) -> None:
        """Conditions of the channel and of the step are taken together."""
        online = (
            "electronic: {procedure: signed, share: 0}",
            "electronic: {procedure: signed, when: {urgency: [urgent]}}",
        )
        step = "{work: accept, by: scribe, takes: 1 min, when: {urgency: [normal]}}"
        loaded(tmp_path, changed(online, ("{work: accept, by: clerk, takes: 1 min}", step), AT_TOP))

    def test_a_procedure_that_no_leg_takes_needs_nobody(self, tmp_path: Path) -> None:
        """At a share of zero; an alternative that uses it is checked by itself."""
        accept = ("{work: accept, by: clerk, takes: 1 min}", "{work: accept, by: scribe, takes: 1 min}")
        text = changed(accept, AT_TOP)
        assert only(tmp_path, text).code == "E-STEP-NOBODY"
        loaded(tmp_path, text.replace("  signed: {channels.electronic.share: 1}\n", ""))

    def test_copies_are_passed_on_by_those_who_relay(self, tmp_path: Path) -> None:
        """They do the relay part, and what the leg part does at its sender."""
        relay = "    relay: [{work: copy, by: scribe, takes: 1 min}]\n"
        text = changed(
            ("  - {id: west, level: district, parent: top}", "  - {id: west, level: village, parent: east}"),
            ("staff:\n", "staff:\n  village: {clerk: 1, leader: 1}\n"),
            (
                "{level: district, all: true}",
                "{level: [district, village], all: true}\n    relay: {levels: [village]}",
            ),
            (
                "    leg:\n      - {work: envelope, by: clerk,",
                f"{relay}    leg:\n      - {{work: envelope, by: scribe,",
            ),
            AT_TOP,
        )
        found = refused(tmp_path, text)
        assert [(one.code, one.field.rsplit(".", 2)[0]) for one in found] == [
            ("E-STEP-NOBODY", "procedures.paper.relay"),
            ("E-STEP-NOBODY", "procedures.paper.leg"),
        ]
        assert "at east" in found[0].message

    def test_a_fork_s_branches_and_a_fragment_s_steps_are_told_where_they_are_written(
        self, tmp_path: Path
    ) -> None:
        """Not where they are used."""
        text = changed(
            ("{work: register, by: clerk, takes: 3 min}",
             "{fork: f, branches: {a: [{work: x, by: scribe, takes: 1 min}], b: [{use: drafting}]}}"),
            ("- work: draft\n      by: clerk", "- work: draft\n      by: scribe"),
        )  # fmt: skip
        assert sorted(one.field for one in refused(tmp_path, text)) == [
            "fragments.drafting.0.by",
            "procedures.paper.leg.2.branches.a.0.by",
        ]

    def test_every_alternative_is_checked_by_itself(self, tmp_path: Path) -> None:
        """What one of them takes away is told, at the step."""
        text = changed(("signed: {channels.electronic.share: 1}", "signed: {staff.district.clerk: 0}"))
        assert {one.code for one in refused(tmp_path, text)} == {"E-STEP-NOBODY"}


class TestFragments:
    def test_a_fragment_that_uses_itself_is_refused(self, tmp_path: Path) -> None:
        """Directly or through another; the checks end all the same."""
        text = changed(
            ("fragments:\n", "fragments:\n  a: [{use: b}]\n  b: [{use: a}]\n"),
            ("{work: register, by: clerk, takes: 3 min}", "{use: a}"),
        )
        assert [one.code for one in refused(tmp_path, text)] == ["E-FRAGMENT", "E-FRAGMENT"]


class TestLaw:
    def test_a_law_of_another_network_is_a_warning(self, tmp_path: Path) -> None:
        """The scenario may say why it is used."""
        file = loaded(tmp_path, changed(("network: [state]", "network: [party]")))
        assert [one.code for one in file.warnings] == ["W-LAW-NETWORK"]

    def test_a_law_that_has_ended_is_a_warning(self, tmp_path: Path) -> None:
        """Told with its last day."""
        file = loaded(tmp_path, changed(("from: 2020-01-01", "from: 2020-01-01, to: 2024-04-01")))
        assert "in force until 2024-04-01" in file.warnings[0].message

    def test_a_law_of_what_nobody_uses_is_passed_over(self, tmp_path: Path) -> None:
        """No leg takes the procedure."""
        text = changed(("from: 2020-01-01", "from: 2030-01-01")).replace(
            "  signed: {channels.electronic.share: 1}\n", ""
        )
        assert loaded(tmp_path, text).warnings == ()


def agencies() -> list[Agency]:
    """Three levels, two branches."""
    rows = [("p", "province", ""), ("d1", "district", "p"), ("d2", "district", "p"),
            ("c11", "commune", "d1"), ("c12", "commune", "d1"), ("c21", "commune", "d2")]  # fmt: skip
    return [Agency(id_, id_, level, parent, 0.0, 0.0) for id_, level, parent in rows]


class TestSelection:
    @pytest.mark.parametrize(
        ("selector", "expected"),
        [
            ({}, ["p", "d1", "d2", "c11", "c12", "c21"]),
            ({"level": "district"}, ["d1", "d2"]),
            ({"level": ["province", "district"], "exclude": "d1"}, ["p", "d2"]),
            ({"within": "d1"}, ["d1", "c11", "c12"]),
            ({"within": ["d1", "c21"], "level": "commune"}, ["c11", "c12", "c21"]),
            ({"id": ["c21", "p"]}, ["p", "c21"]),
        ],
    )
    def test_every_condition_must_hold(self, selector: dict[str, object], expected: list[str]) -> None:
        """In the order of the agencies."""
        rows = agencies()
        assert [rows[i].id for i in select(Selector.model_validate(selector), rows)] == expected

    def test_a_circle_of_parents_ends(self) -> None:
        """The hierarchy's check tells it."""
        rows = [Agency("a", "a", "x", "b", 0, 0), Agency("b", "b", "x", "a", 0, 0)]
        assert select(Selector(within="c"), rows) == []

    def test_partners_are_those_of_the_relation(self) -> None:
        """Nobody writes to itself."""
        rows = agencies()
        everyone = list(range(len(rows)))

        def levels(which: Which) -> dict[str, set[str]]:
            writes, _ = partner_levels(circles(which, everyone, everyone, rows), rows)
            return {rows[i].id: found for i, found in writes.items()}

        up = {"d1": {"province"}, "d2": {"province"}}
        assert levels("parent") == {**up, "c11": {"district"}, "c12": {"district"}, "c21": {"district"}}
        assert levels("children") == {"p": {"district"}, "d1": {"commune"}, "d2": {"commune"}}
        assert levels("siblings") == {
            "d1": {"district"},
            "d2": {"district"},
            "c11": {"commune"},
            "c12": {"commune"},
        }
        assert levels("any")["p"] == {"district", "commune"}
        assert levels("any")["c21"] == {"province", "district", "commune"}

    def test_staff_of_an_agency_is_its_own_entry_or_its_level_s(self, tmp_path: Path) -> None:
        """An own entry replaces the level's as a whole."""
        scenario = load(
            laid(
                tmp_path,
                changed(("staff:\n", "staff:\n  east: {clerk: 1, leader: {count: 1, also: [seer]}}\n")),
            )
        ).scenario
        east, west = (Agency(id_, id_, "district", "top", 0, 0) for id_ in ("east", "west"))
        assert staff_of(scenario, east)["clerk"] == Staff(count=1)
        assert staff_of(scenario, west)["clerk"].duty == "counter"
        assert staff_of(scenario, Agency("n", "n", "none", "", 0, 0)) == {}
        assert roles_held(staff_of(scenario, east)) == {"clerk", "leader", "seer"}
        assert roles_held({"clerk": Staff(count=0, also=["seer"])}) == set()


def test_checks_can_be_asked_for_a_typed_case(tmp_path: Path) -> None:
    """They report and do not raise."""
    file = loaded(tmp_path)
    case = file.cases["paper"]
    assert check(case.scenario, parse_yaml(VALID, "f"), case.agencies) == []
    changed_scenario = case.scenario.model_copy(update={"equipment": {}})
    assert isinstance(changed_scenario, Scenario)
    assert [one.code for one in check(changed_scenario, parse_yaml(VALID, "f"), case.agencies)] == [
        "E-EQUIPMENT"
    ]
