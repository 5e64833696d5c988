"""Alternatives as dotted paths: which paths exist, what they mean, where their values stand."""

from __future__ import annotations

import pytest

from sim.scenario.documents import Document, Place, parse_yaml
from sim.scenario.overlays import closest, overlay, types_at
from sim.scenario.params import Param
from sim.scenario.schema import Channel

from .build import VALID, changed


def laid_over(changes: str) -> tuple[Document, list[tuple[str, str, str]]]:
    """Lay changes over the valid scenario; return the result and code, field and hint of what was wrong."""
    base = parse_yaml(
        changed(("  signed: {channels.electronic.share: 1}\n", f"  other:\n{changes}")), "f.yaml"
    )
    document, found = overlay(
        base, base.data["alternatives"]["other"], ("alternatives", "other"), label="other"
    )
    return document, [(one.code, one.field, one.hint) for one in found]


class TestPathsThatExist:
    @pytest.mark.parametrize(
        "path",
        [
            "channels.electronic.share",
            "channels.electronic",
            "channels.paper.relay",  # a field that the base case does not give
            "staff.district.clerk.count",
            "staff.district.clerk.fields",
            "staff.province.clerk",
            "flows.letter.urgency.urgent",
            "procedures.paper.leg.carry.via",  # a step by its name
            "procedures.paper.leg.1.via",  # or by its number
            "fragments.drafting.returned.to.draft",
            "agencies.east.level",  # an agency by its id
            "agencies",
            "network",
            "transports.exchange.outages.down",
        ],
    )
    def test_are_those_of_the_base_case_and_fields_that_the_format_knows(self, path: str) -> None:
        """Nothing is wrong with them."""
        assert laid_over(f"    {path}: 1\n")[1] == []

    def test_a_value_takes_the_place_of_what_was_there(self) -> None:
        """And nothing else changes, nor does the base case."""
        base = parse_yaml(VALID, "f")
        document, found = overlay(base, {"channels.electronic.share": 0.5}, None, label="--set")
        assert found == []
        assert document.data["channels"]["electronic"] == {"procedure": "signed", "share": 0.5}
        assert base.data["channels"]["electronic"] == {"procedure": "signed", "share": 0}
        assert document.place(("channels", "electronic", "share")) == Place("--set", 0, 0)

    def test_the_last_of_two_changes_of_one_place_wins(self) -> None:
        """They are laid in the order of the file."""
        document, _ = laid_over(
            "    channels.electronic: {procedure: paper}\n    channels.electronic.share: 0.3\n"
        )
        assert document.data["channels"]["electronic"] == {"procedure": "paper", "share": 0.3}

    def test_values_stand_where_the_alternative_writes_them(self) -> None:
        """Down to the inner ones; what was there before is forgotten."""
        document, _ = laid_over("    transports.exchange:\n      kind: exchange\n      transit: 9 s\n")
        line = document.places["transports", "exchange"].line
        assert document.places["transports", "exchange", "transit"].line == line + 2
        assert ("transports", "exchange", "outages") not in document.places

    def test_a_changed_alternative_does_not_change_the_next(self) -> None:
        """Mutable values are copied."""
        base = parse_yaml(VALID, "f")
        changes = {"channels.electronic": {"procedure": "paper"}}
        document, _ = overlay(base, changes, None, label="")
        document.data["channels"]["electronic"]["share"] = 1
        assert changes == {"channels.electronic": {"procedure": "paper"}}


class TestPathsThatDoNotExist:
    @pytest.mark.parametrize(
        ("path", "hint"),
        [
            ("chanels.electronic.share", "did you mean 'channels'"),
            ("channels.elektronic.share", "did you mean 'electronic'"),
            ("channels.electronic.shar", "did you mean 'share'"),
            ("channels.new", "known here"),  # names a planner invents must be in the base case
            ("procedures.paper.leg.cary.via", "did you mean 'carry'"),
            ("procedures.paper.leg.9.via", "known here"),
            ("procedures.paper.leg.².via", "known here"),
            ("staff.province.leader.cover.by.x", "single value"),
            ("staff.province.clerk.count", "single value"),
            ("channels.electronic.when.asks", "set channels.electronic.when as a whole"),
            ("flows.letter.", "known here"),
            ("library", "file itself"),
            ("id", "file itself"),
            ("alternatives.paper", "file itself"),
            ("period.measure", "base case"),
            ("calendar.country", "base case"),
            ("replications", "base case"),
        ],
    )
    def test_are_errors_with_a_hint(self, path: str, hint: str) -> None:
        """At the place of the path."""
        _, found = laid_over(f'    "{path}": 1\n')
        assert [one[:2] for one in found] == [("E-PATH", path)]
        assert hint in found[0][2]

    def test_are_told_all_at_once_and_the_others_are_laid(self) -> None:
        """One mistake does not hide the next."""
        document, found = laid_over("    a.b: 1\n    c.d: 2\n    channels.electronic.share: 0.4\n")
        assert [one[1] for one in found] == ["a.b", "c.d"]
        assert document.data["channels"]["electronic"]["share"] == 0.4

    def test_the_command_line_may_change_what_alternatives_share(self) -> None:
        """It does so for all of them alike."""
        base = parse_yaml(VALID, "f")
        document, found = overlay(
            base, {"period.measure": "8 weeks", "calendar.country": "VN"}, None, label="--set"
        )
        assert found == []
        assert document.data["calendar"]["country"] == "VN"


def test_types_follow_the_data_through_unions() -> None:
    """A step's fields are those of its own kind."""
    data = parse_yaml(VALID, "f").data
    assert types_at(("channels", "electronic"), data) == [Channel]
    assert types_at(("channels", "electronic", "share"), data) == [Param]
    assert types_at(("procedures", "paper", "leg", 1, "via"), data) == [str]
    assert types_at(("procedures", "paper", "leg", 1, "uses"), data) == []
    assert types_at(("nothing", "at", "all"), data) == []


def test_a_hint_names_what_is_close_or_the_first_of_what_there_is() -> None:
    """Not six hundred agencies."""
    assert closest("papr", ["paper", "signed"]) == "did you mean 'paper'?"
    assert closest("x", []) == "known here: nothing"
    assert closest("x", [f"agency-{i}" for i in range(600)]).endswith("agency-11 and 588 more")
