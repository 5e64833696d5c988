"""Quantities with units, as a specification."""

from __future__ import annotations

import math

import pytest

from sim.errors import InputError
from sim.units import DAY_S, HOUR_S, Dimension, Quantity, format_duration, parse, read, units_of


def refused(text: object, *dimensions: Dimension) -> InputError:
    """Read what must be refused; return the error, which has a hint."""
    with pytest.raises(InputError) as caught:
        read(text, *dimensions) if dimensions else parse(text)  # type: ignore[arg-type]
    assert caught.value.hint
    return caught.value


class TestReading:
    @pytest.mark.parametrize(
        ("text", "value", "dimension"),
        [
            ("2 h", 7200, Dimension.DURATION),
            ("90 min", 5400, Dimension.DURATION),
            ("250 ms", 0.25, Dimension.DURATION),
            ("1 day", DAY_S, Dimension.DURATION),
            ("2 weeks", 14 * DAY_S, Dimension.DURATION),
            ("3 working days", 3, Dimension.WORKING_DAYS),
            ("40 / working day", 40, Dimension.RATE),
            ("2 / working day / agency", 2, Dimension.RATE_PER_AGENCY),
            ("2/working day/agency", 2, Dimension.RATE_PER_AGENCY),
            ("36 / h", 0.01, Dimension.CLOCK_RATE),
            ("7000 VND", 7000, Dimension.MONEY),
            ("1.5 million VND", 1.5e6, Dimension.MONEY),
            ("5 km", 5000, Dimension.DISTANCE),
            ("36 km/h", 10, Dimension.SPEED),
            ("36 km / h", 10, Dimension.SPEED),
            ("2 MB", 2e6, Dimension.SIZE),
            ("15 %", 0.15, Dimension.SHARE),
            ("15%", 0.15, Dimension.SHARE),
            ("  2   h ", 7200, Dimension.DURATION),
            ("2h", 7200, Dimension.DURATION),
            ("1_000 m", 1000, Dimension.DISTANCE),
            ("1e3 m", 1000, Dimension.DISTANCE),
            ("-2 h", -7200, Dimension.DURATION),
            ("7", 7, None),
            (7, 7, None),
            (1.5, 1.5, None),
        ],
    )
    def test_a_quantity_is_a_number_in_the_base_unit_of_its_dimension(
        self, text: str | float, value: float, dimension: Dimension | None
    ) -> None:
        """A bare number has none."""
        found = parse(text)
        assert found.value == pytest.approx(value)
        assert found.dimension is dimension

    def test_the_text_is_kept_as_written(self) -> None:
        """For reports."""
        assert parse("90 min") == Quantity(5400, Dimension.DURATION, "90 min")
        assert parse(7).text == "7"

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "E-QUANTITY"),
            ("soon", "E-QUANTITY"),
            ("h 2", "E-QUANTITY"),
            ("1,5 h", "E-QUANTITY"),
            ("nan h", "E-QUANTITY"),
            ("٣ h", "E-QUANTITY"),
            (True, "E-QUANTITY"),
            ("2 parsec", "E-UNIT"),
            ("2 H", "E-UNIT"),
            ("2 h'", "E-UNIT"),
            ("2 h 30 min", "E-UNIT"),
            (math.nan, "E-NOT-FINITE"),
            (math.inf, "E-NOT-FINITE"),
            ("1e999 s", "E-NOT-FINITE"),
            ("1e308 weeks", "E-NOT-FINITE"),
            ("9" * 400, "E-NOT-FINITE"),
            pytest.param(10**5000, "E-NOT-FINITE", id="an integer of 5000 digits"),
        ],
    )
    def test_what_is_no_quantity_is_refused(self, text: str | float, code: str) -> None:
        """Whatever it is, with a code and a short message."""
        error = refused(text)
        assert error.code == code
        assert len(error.message) < 200

    def test_a_misspelt_unit_is_told_with_the_closest_and_with_what_fits(self) -> None:
        """Only units that measure what is asked for."""
        error = refused("2 huors", Dimension.DURATION)
        assert error.hint.startswith("did you mean 'hours'?")
        assert "VND" not in error.hint

    def test_a_decimal_comma_is_told_as_one(self) -> None:
        """It is what a Vietnamese planner writes."""
        assert "point" in refused("1,5 h").hint


class TestDimensions:
    def test_another_dimension_is_refused_with_the_units_that_fit(self) -> None:
        """A distance is no time."""
        error = refused("5 km", Dimension.DURATION)
        assert error.code == "E-UNIT-WRONG"
        assert "min" in error.hint

    def test_a_missing_unit_is_asked_for(self) -> None:
        """Five of what?"""
        error = refused(5, Dimension.DURATION)
        assert error.code == "E-UNIT-MISSING"
        assert "min" in error.hint

    def test_counts_and_shares_need_no_unit(self) -> None:
        """They take the dimension that was asked for."""
        assert read(5, Dimension.COUNT).dimension is Dimension.COUNT
        assert read("0.3", Dimension.SHARE).dimension is Dimension.SHARE
        assert read("30 %", Dimension.SHARE).value == pytest.approx(0.3)
        assert read(5, *Dimension).dimension is Dimension.SHARE

    def test_a_count_has_no_unit(self) -> None:
        """The hint says so."""
        assert refused("5 h", Dimension.COUNT).hint == "use a bare number"
        assert "without a unit" in refused("five", Dimension.COUNT).hint
        assert "no unit" in refused("5 pieces", Dimension.COUNT).hint

    def test_no_time_needs_no_unit(self) -> None:
        """Zero is zero."""
        assert read(0, Dimension.DURATION) == Quantity(0, Dimension.DURATION, "0")
        assert refused(0, Dimension.DISTANCE).code == "E-UNIT-MISSING"

    def test_units_are_listed_by_dimension(self) -> None:
        """In the order of the file."""
        assert units_of(Dimension.DISTANCE, Dimension.SPEED) == ("m", "km", "km/h")
        assert units_of(Dimension.COUNT) == ()


class TestFormatting:
    @pytest.mark.parametrize(
        ("seconds", "shown"),
        [
            (0, "0 s"),
            (45, "45 s"),
            (99.4, "99 s"),
            (99.6, "2 min"),
            (720, "12 min"),
            (99.6 * 60, "1.7 h"),
            (3.4 * HOUR_S, "3.4 h"),
            (2.5 * DAY_S, "2.5 days"),
            (-720, "-12 min"),
            (math.nan, "–"),
            (math.inf, "–"),
        ],
    )
    def test_a_duration_is_shown_in_the_unit_that_people_would_use(self, seconds: float, shown: str) -> None:
        """What is not known is a dash."""
        assert format_duration(seconds) == shown

    def test_working_days_are_the_office_s_own(self) -> None:
        """Eight hours make one."""
        assert format_duration(20 * HOUR_S, day_s=8 * HOUR_S) == "2.5 working days"
        assert format_duration(7 * HOUR_S, day_s=8 * HOUR_S) == "7.0 h"
