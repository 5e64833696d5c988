"""Response times as Locust counts them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadtests.locustfiles.digits import three_digits


@given(st.floats(1e-3, 1e7))
def test_rounding_costs_half_a_per_cent_at_most(response_ms: float) -> None:
    """From a microsecond to hours, three digits are within 0.5 %."""
    assert abs(three_digits(response_ms) - response_ms) <= 0.005 * response_ms * (1 + 1e-9)


@given(st.floats(1e-3, 1e7), st.floats(1e-3, 1e7))
def test_rounding_keeps_the_order(one_ms: float, other_ms: float) -> None:
    """The larger of two is never rounded below the smaller."""
    low, high = sorted((one_ms, other_ms))
    assert three_digits(low) <= three_digits(high)


def test_an_objective_of_a_second_is_not_met_by_rounding() -> None:
    """Locust's own rounding makes 1049.9 ms one second; here it stays above."""
    assert three_digits(1049.9) == 1050
    assert three_digits(0.0) == 0
    assert three_digits(0.4126) == 0.413
