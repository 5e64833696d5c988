"""Numbers and distributions as a planner writes them: unit, grade, source, range."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.scenario.params import (
    DistParam,
    Grade,
    InsideError,
    Param,
    at_value,
    dist_in_seconds,
    in_seconds,
    read_distribution,
    read_param,
    sample_files,
    sample_folder,
)
from sim.units import HOUR_S, Dimension

TIMES = (Dimension.DURATION, Dimension.WORKING_DAYS)


def number(raw: object, low: float = 0.0, high: float = math.inf) -> Param:
    """Read a duration."""
    return read_param(raw, TIMES, low, high)


def dist(raw: object) -> DistParam:
    """Read a distribution of durations."""
    return read_distribution(raw, TIMES, None)


class TestNumbers:
    def test_a_bare_number_has_no_grade(self) -> None:
        """It is a value, a dimension and its text."""
        assert number("2 h") == Param(2 * HOUR_S, Dimension.DURATION, "2 h")

    def test_a_graded_number_keeps_source_and_range(self) -> None:
        """In base units, and as written."""
        raw = {"value": "2 h", "grade": "measured", "source": "a log", "range": ["90 min", "3 h"]}
        assert number(raw) == Param(
            2 * HOUR_S,
            Dimension.DURATION,
            "2 h",
            Grade.MEASURED,
            "a log",
            (1.5 * HOUR_S, 3 * HOUR_S),
            "90 min to 3 h",
        )

    def test_what_is_read_already_is_taken_as_it_is(self) -> None:
        """So that a typed value can be put into raw data."""
        one = number("2 h")
        assert number(one) is one
        two = dist("2 h")
        assert dist(two) is two

    def test_zero_needs_no_unit(self) -> None:
        """No time is no time in any unit."""
        assert number(0).value == 0

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            ("-2 h", "E-NEGATIVE"),
            (3, "E-UNIT-MISSING"),
            ("3 km", "E-UNIT-WRONG"),
            (None, "E-QUANTITY"),
            ([], "E-QUANTITY"),
            (True, "E-QUANTITY"),
            ({}, "E-MISSING"),
            ({"value": {}}, "E-QUANTITY"),
            ({"value": "2 h", "unit": "h"}, "E-UNKNOWN-KEY"),
            ({"value": "2 h", "grade": "assumed"}, "E-ASSUMED-RANGE"),
            ({"value": "2 h", "grade": "guess"}, "E-GRADE"),
            ({"value": "2 h", "grade": ["assumed"]}, "E-GRADE"),
            ({"value": "2 h", "grade": "published"}, "E-SOURCE"),
            ({"value": "2 h", "grade": "law", "source": "  "}, "E-SOURCE"),
            ({"value": "2 h", "source": 3}, "E-SOURCE"),
            ({"value": "2 h", "range": "1 h"}, "E-RANGE"),
            ({"value": "2 h", "range": ["1 h"]}, "E-RANGE"),
            ({"value": "2 h", "range": ["3 h", "1 h"]}, "E-RANGE"),
            ({"value": "2 h", "range": ["3 h", "4 h"]}, "E-RANGE"),
            ({"value": "2 h", "range": ["-1 h", "4 h"]}, "E-NEGATIVE"),
            ({"value": "2 h", "range": ["1 working day", "2 working days"]}, "E-UNIT-WRONG"),
        ],
    )
    def test_what_cannot_be_is_refused(self, raw: object, code: str) -> None:
        """With a hint, and for a mapping with the key that is at fault."""
        with pytest.raises(InputError) as caught:
            number(raw)
        assert caught.value.code == code
        assert caught.value.hint

    def test_a_range_of_a_wrong_unit_is_told_at_the_range(self) -> None:
        """The path inside the mapping goes with the error."""
        with pytest.raises(InsideError) as caught:
            number({"value": "2 h", "range": ["1 km", "4 h"]})
        assert caught.value.at == ("range",)
        assert type(caught.value)(*caught.value.args).at == ("range",)

    @pytest.mark.parametrize(
        ("low", "high", "hint"), [(0.1, math.inf, "at least 0.1"), (0, 1, "between 0 and 1")]
    )
    def test_limits_are_told(self, low: float, high: float, hint: str) -> None:
        """As what would be right."""
        with pytest.raises(InputError) as caught:
            number("0.01 s" if low else "3 h", low, high)
        assert caught.value.code == "E-OUT-OF-RANGE"
        assert hint in caught.value.hint

    def test_working_days_become_an_office_s_own_working_seconds(self) -> None:
        """Eight hours there, not 24."""
        assert in_seconds(number("2 working days"), 8 * HOUR_S) == 16 * HOUR_S
        assert in_seconds(number("2 h"), 8 * HOUR_S) == 2 * HOUR_S
        assert dist_in_seconds(dist("2 working days"), 8 * HOUR_S).mean == 16 * HOUR_S
        assert dist_in_seconds(dist("2 h"), 8 * HOUR_S).mean == 2 * HOUR_S

    def test_another_value_keeps_grade_and_source(self) -> None:
        """For sensitivity runs."""
        raw = {"value": "2 h", "grade": "law", "source": "a decree"}
        assert at_value(number(raw), 5.0) == Param(5.0, Dimension.DURATION, "2 h", Grade.LAW, "a decree")


class TestDistributions:
    def test_a_scalar_is_a_constant(self) -> None:
        """It varies by nothing."""
        read = dist("20 min")
        assert (read.dist.mean, read.dist.variance, read.text) == (1200, 0, "20 min")

    def test_a_graded_scalar_is_a_constant_with_a_grade(self) -> None:
        """As a number would be."""
        read = dist({"value": "20 min", "grade": "assumed", "range": ["10 min", "30 min"]})
        assert (read.dist.mean, read.grade, read.range) == (1200, Grade.ASSUMED, (600, 1800))

    def test_a_distribution_is_told_by_meaning(self) -> None:
        """Its text is for people."""
        read = dist({"lognormal": {"mean": "2 h", "p95": "6 h"}, "grade": "assumed", "range": ["1 h", "3 h"]})
        assert read.dist.mean == pytest.approx(2 * HOUR_S)
        assert (read.text, read.range_text) == ("lognormal, mean 2 h, p95 6 h", "1 h to 3 h")
        mixed = dist(
            {"mixture": {"of": [{"weight": 0.5, "constant": "1 h"}, {"weight": 0.5, "constant": "2 h"}]}}
        )
        assert mixed.text == "mixture, of of 2"
        assert dist({"constant": "1 h"}).text == "constant, 1 h"

    def test_its_numbers_may_be_graded_one_by_one(self) -> None:
        """They are kept beside it, by field."""
        mean = {"value": "2 h", "grade": "published", "source": "a report"}
        read = dist({"gamma": {"mean": mean, "cv": 0.5}})
        assert [(field, one.grade) for field, one in read.parts] == [("gamma.mean", Grade.PUBLISHED)]
        assert read.text == "gamma, mean 2 h, cv 0.5"

    @pytest.mark.parametrize(
        ("raw", "code", "at"),
        [
            ({"lognormal": {"mean": "2 h", "p95": "6 km"}}, "E-UNIT-WRONG", ("lognormal", "p95")),
            ({"uniform": {"min": "1 h", "max": "2 working days"}}, "E-UNIT-WRONG", ("uniform", "max")),
            ({"uniform": {"min": "1 h", "max": {"value": "x"}}}, "E-QUANTITY", ("uniform", "max", "value")),
            (
                {"mixture": {"of": [{"weight": 1, "constant": "x"}]}},
                "E-QUANTITY",
                ("mixture", "of", "0", "constant"),
            ),
            ({"constant": "1 h", "range": ["2 h", "3 h"]}, "E-RANGE", ("range",)),
        ],
    )
    def test_a_fault_inside_is_told_by_its_path(self, raw: object, code: str, at: tuple[str, ...]) -> None:
        """So that line and column are those of the number."""
        with pytest.raises(InsideError) as caught:
            dist(raw)
        assert (caught.value.code, caught.value.at) == (code, at)

    @pytest.mark.parametrize(
        "raw", [None, True, [], ["1 h"], {}, {"constant": "1 h", "gamma": {}}, {"gama": {}}]
    )
    def test_what_is_no_distribution_is_refused(self, raw: object) -> None:
        """With the kinds that there are."""
        with pytest.raises(InputError) as caught:
            dist(raw)
        assert caught.value.code == "E-DIST-KIND"

    def test_zero_beside_another_unit_is_no_contradiction(self) -> None:
        """From nothing to two working days."""
        assert dist({"uniform": {"min": 0, "max": "2 working days"}}).dimension is Dimension.WORKING_DAYS


class TestSampleFiles:
    def test_they_are_found_wherever_they_are_mentioned(self) -> None:
        """Also inside mixtures."""
        raw = {
            "a": [{"mixture": {"of": [{"weight": 1, "empirical": {"file": "x.csv"}}]}}],
            "empirical": {"file": 3},
        }
        assert list(sample_files(raw)) == ["x.csv"]

    def test_the_first_folder_that_has_the_file_is_taken(self, tmp_path: Path) -> None:
        """The scenario's own before the library's; failing both, the scenario's."""
        own, library = tmp_path / "own", tmp_path / "library"
        own.mkdir()
        library.mkdir()
        (library / "x.csv").write_text("value\n1\n")
        raw = {"empirical": {"file": "x.csv"}}
        assert sample_folder(raw, (own, library)) == library
        (own / "x.csv").write_text("value\n1\n")
        assert sample_folder(raw, (own, library)) == own
        assert sample_folder({"empirical": {"file": "none.csv"}}, (own, library)) == own
        assert sample_folder({"empirical": {"file": "a\0b"}}, (own, library)) == own
        assert sample_folder(raw, ()) is None
