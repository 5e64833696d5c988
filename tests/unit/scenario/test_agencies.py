"""The agencies' CSV and their hierarchy."""

from __future__ import annotations

import math

import pytest

from sim.scenario import Agency, distance_m
from sim.scenario.agencies import check_hierarchy, read_agencies

HEAD = "id,name,level,parent,latitude,longitude\n"
TOP = "top,Top,province,,21,107\n"


def agency(id_: str, parent: str = "", latitude: float = math.nan, longitude: float = math.nan) -> Agency:
    """Make an agency of no particular level."""
    return Agency(id_, id_, "any", parent, latitude, longitude)


def findings(text: str) -> list[tuple[str, int, int, str]]:
    """Read a CSV; return code, line, column and field of each finding."""
    return [(one.code, one.line, one.column, one.field) for one in read_agencies(text, "a.csv")[1]]


class TestReading:
    def test_rows_become_agencies_in_their_order(self) -> None:
        """A name that is not given is the id; coordinates that are not given are not known."""
        rows, found = read_agencies(HEAD + TOP + "east,,district,top,,\n", "a.csv")
        assert found == []
        assert rows[0] == Agency("top", "Top", "province", "", 21.0, 107.0)
        assert (rows[1].name, rows[1].parent) == ("east", "top")
        assert math.isnan(rows[1].latitude)

    def test_other_columns_spaces_and_empty_lines_are_passed_over(self) -> None:
        """They are for people."""
        text = "note, id ,name,level,parent,latitude,longitude\n\nhello, top , Top ,province,,,\n\n"
        rows, found = read_agencies(text, "a.csv")
        assert found == []
        assert (rows[0].id, rows[0].name) == ("top", "Top")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", ("E-AGENCY-COLUMN", 1, 1, "")),
            ("id;name;level\ntop;Top;province\n", ("E-AGENCY-COLUMN", 1, 1, "")),
            (HEAD.replace("latitude", "lat") + TOP, ("E-AGENCY-COLUMN", 1, 1, "")),
            (HEAD.replace("\n", ",level\n") + TOP.replace("\n", ",x\n"), ("E-AGENCY-COLUMN", 1, 9, "level")),
            (HEAD, ("E-AGENCY-ROW", 1, 1, "")),
            (HEAD + TOP + "east,East,district\n", ("E-AGENCY-ROW", 3, 1, "")),
            (HEAD + TOP + "east,East,district,top,,,,\n", ("E-AGENCY-ROW", 3, 1, "")),
            (HEAD + TOP + ",East,district,top,,\n", ("E-AGENCY-ROW", 3, 1, "id")),
            (HEAD + TOP + "east,East,,top,,\n", ("E-AGENCY-ROW", 3, 11, "level")),
            (HEAD + TOP + "east,East,district,top,north,107\n", ("E-COORDINATE", 3, 24, "latitude")),
            (HEAD + TOP + "east,East,district,top,91,107\n", ("E-COORDINATE", 3, 24, "latitude")),
            (HEAD + TOP + "east,East,district,top,nan,107\n", ("E-COORDINATE", 3, 24, "latitude")),
            (HEAD + TOP + "east,East,district,top,20,181\n", ("E-COORDINATE", 3, 27, "longitude")),
            (HEAD + TOP + "east,East,district,top,20,\n", ("E-COORDINATE", 3, 24, "latitude")),
            (HEAD + TOP + "top,East,district,,,\n", ("E-AGENCY-TWICE", 3, 1, "id")),
            (HEAD + TOP + 'east,"East, the",district,west,,\n', ("E-PARENT", 3, 27, "parent")),
            (HEAD + TOP + 'east,"unclosed,district,top,,\n', ("E-AGENCY-CSV", 3, 1, "")),
            (HEAD + TOP + 'east,"a"b,district,top,,\n', ("E-AGENCY-CSV", 3, 1, "")),
        ],
    )
    def test_a_fault_is_told_with_line_column_and_field(
        self, text: str, expected: tuple[str, int, int, str]
    ) -> None:
        """Each by itself."""
        assert findings(text) == [expected]

    def test_lines_are_those_of_the_file_even_after_a_cell_of_two_lines(self) -> None:
        """A row begins where its first cell does."""
        text = HEAD + 'top,"Top\nof all",province,,,\n' + "\n" + "east,East,district,nobody,,\n"
        assert findings(text) == [("E-PARENT", 5, 20, "parent")]


class TestHierarchy:
    def test_a_tree_is_right(self) -> None:
        """So are two."""
        assert check_hierarchy([agency("a"), agency("b", "a"), agency("c", "b"), agency("d")]) == []

    def test_a_cycle_is_told_once_with_its_way(self) -> None:
        """Not for each of its members, nor for those that hang below it."""
        found = check_hierarchy([agency("d", "a"), agency("a", "b"), agency("b", "c"), agency("c", "a")])
        assert [(index, code) for index, code, _, _ in found] == [(1, "E-CYCLE")]
        assert "a → b → c → a" in found[0][2]

    def test_two_cycles_are_two_findings(self) -> None:
        """An agency that is its own parent is one."""
        found = check_hierarchy([agency("a", "b"), agency("b", "a"), agency("c", "c")])
        assert [(index, code) for index, code, _, _ in found] == [(0, "E-CYCLE"), (2, "E-CYCLE")]


class TestDistance:
    def test_a_degree_of_latitude_is_a_360th_of_the_way_around(self) -> None:
        """On a sphere of the mean radius."""
        a, b = agency("a", latitude=20.0, longitude=107.0), agency("b", latitude=21.0, longitude=107.0)
        assert distance_m(a, b) == pytest.approx(2 * math.pi * 6_371_008.8 / 360)
        assert distance_m(b, a) == distance_m(a, b)

    def test_antipodes_are_half_the_way_around(self) -> None:
        """Rounding does not carry the sine beyond one."""
        a, b = agency("a", latitude=0.0, longitude=0.0), agency("b", latitude=0.0, longitude=180.0)
        assert distance_m(a, b) == pytest.approx(math.pi * 6_371_008.8)

    def test_it_is_nothing_where_a_place_is_not_known(self) -> None:
        """Nobody is punished for a missing coordinate."""
        assert distance_m(agency("a"), agency("b", latitude=20.0, longitude=107.0)) == 0.0
