"""What holds for every quantity, whatever its number and unit."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import InputError
from sim.units import Dimension, Quantity, format_duration, parse, read, units_of

EXAMPLES = 200
UNITS = units_of(*Dimension)
NUMBERS = st.floats(-1e12, 1e12, allow_nan=False)


@settings(max_examples=EXAMPLES, deadline=None)
@given(NUMBERS, st.sampled_from(UNITS), st.sampled_from(["", " ", "  "]))
def test_a_number_with_a_unit_is_read_in_proportion_to_the_number(number: float, unit: str, gap: str) -> None:
    """Whatever stands between them."""
    one = parse(f"1{gap}{unit}")
    found = parse(f"{number!r}{gap}{unit}")
    assert found.dimension is one.dimension
    assert math.isclose(found.value, number * one.value, rel_tol=1e-12, abs_tol=1e-300)


@settings(max_examples=EXAMPLES, deadline=None)
@given(NUMBERS, st.sampled_from(UNITS))
def test_a_quantity_is_taken_for_its_own_dimension_and_refused_for_others(number: float, unit: str) -> None:
    """No dimension passes for another."""
    text = f"{number!r} {unit}"
    own = parse(text).dimension
    assert own is not None
    assert read(text, own) == parse(text)
    for other in set(Dimension) - {own}:
        with pytest.raises(InputError) as caught:
            read(text, other)
        assert caught.value.code == "E-UNIT-WRONG"


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.one_of(st.text(max_size=30), st.integers(), st.floats(), st.booleans()))
def test_whatever_is_written_the_answer_is_a_finite_quantity_or_an_input_error(raw: str | float) -> None:
    """Never another exception."""
    found: Quantity | None = None
    with suppress(InputError):
        found = parse(raw)
    assert found is None or math.isfinite(found.value)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.floats(-1e9, 1e9), st.one_of(st.none(), st.floats(3600, 86400)))
def test_every_duration_is_shown_in_few_characters(seconds: float, day_s: float | None) -> None:
    """With a unit; and the sign is the number's own."""
    shown = format_duration(seconds, day_s=day_s)
    assert shown.split(" ", 1)[1] in {"s", "min", "h", "days", "working days"}
    assert len(shown) <= 25
