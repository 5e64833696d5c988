"""YAML as plain data with places: which YAML is read, how, and what is refused."""

from __future__ import annotations

import math

import pytest

from sim.errors import Diagnostic, ScenarioError
from sim.scenario.documents import Document, Place, merged, parse_value, parse_yaml


def refused(text: str) -> tuple[Diagnostic, ...]:
    """Read what must be refused; return the findings."""
    with pytest.raises(ScenarioError) as caught:
        parse_yaml(text, "f.yaml")
    return caught.value.diagnostics


class TestScalars:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("7:30", "7:30"),
            ("07:30", "07:30"),
            ("12:30:45", "12:30:45"),
            ("no", "no"),
            ("yes", "yes"),
            ("on", "on"),
            ("off", "off"),
            ("2015-01-05", "2015-01-05"),
            ("1_000", "1_000"),
            ("0b1", "0b1"),
            ("017", 17),
            ("0o17", 15),
            ("0x1F", 31),
            ("-3", -3),
            ("+3", 3),
            ("1.5", 1.5),
            (".5", 0.5),
            ("1e3", 1000.0),
            (".inf", math.inf),
            ("-.inf", -math.inf),
            ("true", True),
            ("False", False),
            ("null", None),
            ("~", None),
            ("", None),
            ("'null'", "null"),
            ('"5"', "5"),
            ("!!str 5", "5"),
            ("2 h", "2 h"),
            ("9" * 500, math.inf),
        ],
    )
    def test_are_read_by_the_core_schema_of_yaml_1_2(self, written: str, read: object) -> None:
        """No sexagesimal numbers, no yes and no, no dates."""
        found = parse_yaml(f"a: {written}\n", "f.yaml").data["a"]
        assert found == read
        assert type(found) is type(read)

    def test_nan_is_a_number(self) -> None:
        """Whoever needs a finite one says so later."""
        assert math.isnan(parse_value(".nan", ""))

    def test_a_directive_does_not_bring_yaml_1_1_back(self) -> None:
        """The format is one."""
        assert parse_yaml("%YAML 1.1\n---\na: no\nb: 7:30\n", "").data == {"a": "no", "b": "7:30"}

    @pytest.mark.parametrize("key", ["1", "00123", "2015-01-05", "true", "null", "07:30", "1.5"])
    def test_keys_are_text_as_written(self, key: str) -> None:
        """Codes keep their zeros."""
        assert parse_yaml(f"{key}: 1\n", "").data == {key: 1}


class TestPlaces:
    TEXT = "a:\n  - b: 1\n    c: {d: 2, e: [3, 4]}\n  - f\n"

    @pytest.mark.parametrize(
        ("path", "line", "column"),
        [
            ((), 1, 1),
            (("a",), 1, 1),
            (("a", 0), 2, 5),
            (("a", 0, "c"), 3, 5),
            (("a", 0, "c", "e"), 3, 15),
            (("a", 0, "c", "e", 1), 3, 22),
            (("a", 1), 4, 5),
        ],
    )
    def test_every_path_has_its_place(self, path: tuple[str | int, ...], line: int, column: int) -> None:
        """Entries stand at their key, items at themselves."""
        assert parse_yaml(self.TEXT, "f").places[path] == Place("f", line, column)

    def test_a_path_without_place_takes_its_nearest_ancestor_s(self) -> None:
        """So that a missing key is told where it is missed."""
        document = parse_yaml(self.TEXT, "f")
        found = document.diagnostic("E-X", ("a", 0, "c", "nothing", 7), "m", "h")
        assert (found.line, found.column, found.field) == (3, 5, "a.0.c.nothing.7")
        assert Document({}).diagnostic("E-X", ("a",), "m").line == 0


class TestAliases:
    def test_an_alias_repeats_a_value(self) -> None:
        """Its places are those where the value was written."""
        document = parse_yaml("a: &x {b: 1}\nc: *x\n", "f")
        assert document.data["c"] == {"b": 1}
        assert document.places["c", "b"] == Place("f", 1, 8)

    def test_a_merge_key_lays_a_mapping_under(self) -> None:
        """Own entries win, and keep their places."""
        document = parse_yaml("a: &x {b: 1, c: {z: 1}}\nd: {<<: *x, c: {y: 2}}\ne: {<<: [*x, {f: 3}]}\n", "f")
        assert document.data["d"] == {"b": 1, "c": {"y": 2}}
        assert document.places["d", "c"] == Place("f", 2, 13)
        assert ("d", "c", "z") not in document.places
        assert document.data["e"] == {"b": 1, "c": {"z": 1}, "f": 3}

    @pytest.mark.parametrize(
        "text", ["a: &a {b: *a}", "a: &a [*a]", "a: &a {<<: *a}", "a: {<<: 3}", "a: {<<: [3]}"]
    )
    def test_what_holds_itself_or_no_mapping_is_refused(self, text: str) -> None:
        """At the place of the alias."""
        (found,) = refused(text)
        assert (found.code, found.line) == ("E-YAML", 1)

    def test_aliases_of_aliases_cannot_fill_the_memory(self) -> None:
        """A few lines that unfold to billions of values are refused."""
        lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
        lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
        (found,) = refused("\n".join(lines))
        assert found.code == "E-YAML"


class TestRefusals:
    def test_all_keys_that_stand_twice_are_told_at_once(self) -> None:
        """Each at its second place."""
        found = refused("a: 1\na: 2\nb: {c: 1, c: 2}\n")
        assert [(one.code, one.line, one.column, one.field) for one in found] == [
            ("E-DUPLICATE-KEY", 2, 1, "a"),
            ("E-DUPLICATE-KEY", 3, 11, "b.c"),
        ]

    @pytest.mark.parametrize(
        ("text", "code", "line"),
        [
            ("a: [1", "E-YAML", 1),
            ("a: 1\n b: 2", "E-YAML", 2),
            ("a:\tb: 1", "E-YAML", 1),
            ("a: *nobody", "E-YAML", 1),
            ("--- {a: 1}\n--- {b: 1}", "E-YAML", 2),
            ("a: \x01", "E-YAML", 1),
            ("[" * 3000, "E-YAML", 1),
            ("a: " + "[" * 150 + "]" * 150, "E-YAML", 1),
            ("\na: !thing {b: 1}", "E-YAML-TAG", 2),
            ("a: !!set {b, c}", "E-YAML-TAG", 1),
            ("a: !!binary aGk=", "E-YAML-TAG", 1),
            ("[1, 2]: 3", "E-YAML-KEY", 1),
            ("? {a: b}\n: c", "E-YAML-KEY", 1),
        ],
    )
    def test_what_is_no_yaml_or_no_plain_data_is_told_with_its_line(
        self, text: str, code: str, line: int
    ) -> None:
        """And with what would be right."""
        (found,) = refused(text)
        assert (found.code, found.line) == (code, line)
        assert found.hint
        assert "\n" not in found.message


def test_merging_keeps_own_entries_and_the_places_of_both() -> None:
    """The library's entries come in beside the scenario's, each with its own file."""
    ours = parse_yaml("procedures: {paper: 1}\nother: 1\n", "ours")
    theirs = parse_yaml("procedures: {paper: 2, signed: {x: 1}}\ntransports: {post: 1}\nother: 2\n", "theirs")
    both = merged(ours, theirs, ("procedures", "transports", "fragments"))
    assert both.data == {
        "procedures": {"signed": {"x": 1}, "paper": 1},
        "other": 1,
        "transports": {"post": 1},
    }
    assert both.places["procedures", "paper"].file == "ours"
    assert both.places["procedures", "signed", "x"].file == "theirs"
    assert both.places["transports",].file == "theirs"
    assert "transports" not in ours.data


def test_merging_leaves_what_is_no_mapping_to_validation() -> None:
    """Nothing is lost and nothing is invented."""
    ours = parse_yaml("procedures: 1\n", "ours")
    theirs = parse_yaml("procedures: {a: 1}\ntransports: 3\n", "theirs")
    assert merged(ours, theirs, ("procedures", "transports")).data == {"procedures": 1}
