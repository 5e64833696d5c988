"""Comparing two runs: what counts as the same, and which difference is named first."""

from __future__ import annotations

from typing import Any

import pytest

from sim.experiment.reproduction import differences


def _first(old: Any, new: Any, tolerance: float = 0.0) -> str | None:
    found = next(differences(old, new, tolerance), None)
    return None if found is None else found.where


def test_equal_trees_have_no_difference() -> None:
    """The same values, however nested, are the same."""
    tree = {"a": [1, 2.5, None, "x"], "b": {"c": True}}
    assert _first(tree, {"b": {"c": True}, "a": [1, 2.5, None, "x"]}) is None


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ({"a": 1.0}, {"a": 1.5}, "a"),
        ({"a": [1.0, 2.0]}, {"a": [1.0, 3.0]}, "a[1]"),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, "a.b"),
        ({"a": 1}, {}, "a"),
        ({}, {"a": 1}, "a"),
        ({"a": [1]}, {"a": [1, 2]}, "a"),
        ({"a": None}, {"a": 0.0}, "a"),
        ({"a": True}, {"a": 1.0}, "a"),
        ({"b": 1.0, "a": 2.0}, {"b": 9.0, "a": 9.0}, "a"),
    ],
)
def test_the_first_difference_is_named(old: Any, new: Any, where: str) -> None:
    """A changed, missing or additional value is found, in the order of the paths."""
    assert where == _first(old, new)


def test_numbers_may_differ_within_the_tolerance_and_no_further() -> None:
    """Within 1e-9, relative, two platforms agree; beyond it they do not."""
    assert _first({"a": 1e6}, {"a": 1e6 * (1 + 5e-10)}, 1e-9) is None
    assert _first({"a": 1e6}, {"a": 1e6 * (1 + 5e-9)}, 1e-9) == "a"
    assert _first({"a": 1e6}, {"a": 1e6 * (1 + 5e-10)}, 0.0) == "a"
