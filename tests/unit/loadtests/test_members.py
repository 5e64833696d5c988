"""Members of a JSON object, read one by one, for whatever object and with whatever code."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest

from loadtests.exchange.errors import Refusal
from loadtests.exchange.members import Members

LETTERS = re.compile(r"[a-z]+")


def the(value: object, code: str = "header-invalid") -> Members:
    """An object with one member ``a``."""
    return Members({"a": value}, code, "outer.")


@pytest.mark.parametrize(
    ("read", "value", "found"),
    [
        (lambda members: members.text("a", 4), "Đế 1", "Đế 1"),
        (lambda members: members.matching("a", LETTERS, "letters"), "abc", "abc"),
        (lambda members: members.integer("a", -1, 1), -1, -1),
        (lambda members: members.integer("a", 0), 2**53 - 1, 2**53 - 1),
        (lambda members: members.calendar_date("a"), "2000-02-29", date(2000, 2, 29)),
        (lambda members: members.digest("a"), "A" * 43, bytes(32)),
        (lambda members: members.distinct("a", LETTERS, "letters", 2), ["b", "a"], ("b", "a")),
    ],
)
def test_a_value_within_its_bounds_is_taken(
    read: Callable[[Members], object], value: object, found: object
) -> None:
    """The bounds themselves belong to it."""
    assert read(the(value)) == found


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda members: members.text("a", 4), "Đế 12"),
        (lambda members: members.text("a", 4), 1234),
        (lambda members: members.text("a", 4), "a\u202eb"),
        (lambda members: members.text("a", 4), "e\u0302"),
        (lambda members: members.matching("a", LETTERS, "letters"), "abc\n"),
        (lambda members: members.matching("a", LETTERS, "letters"), None),
        (lambda members: members.integer("a", -1, 1), 2),
        (lambda members: members.integer("a", -1, 1), True),
        (lambda members: members.integer("a", 0), 2**53),
        (lambda members: members.calendar_date("a"), "1900-02-29"),
        (lambda members: members.calendar_date("a"), "0000-01-01"),
        (lambda members: members.digest("a"), "A" * 42),
        (lambda members: members.distinct("a", LETTERS, "letters", 2), ["a", "b", "c"]),
        (lambda members: members.distinct("a", LETTERS, "letters", 2), ["a", "a"]),
        (lambda members: members.distinct("a", LETTERS, "letters", 2), []),
        (lambda members: members.distinct("a", LETTERS, "letters", 2), [[]]),
        (lambda members: list(members.objects("a", 0, 2)), [{}, []]),
        (lambda members: list(members.objects("a", 0, 2)), [{}] * 3),
        (lambda members: list(members.objects("a", 1, 2)), []),
        (lambda members: members.expect(frozenset({"a", "b"}), frozenset()), 1),
        (lambda members: members.expect(frozenset(), frozenset({"b"})), 1),
    ],
)
def test_a_value_outside_is_refused_with_its_place_and_the_code_given(
    read: Callable[[Members], object], value: object
) -> None:
    """So one reader serves manifests, headers, events and evidence."""
    for code in ("header-invalid", "manifest-invalid"):
        with pytest.raises(Refusal) as caught:
            read(the(value, code))
        assert caught.value.code == code
        assert caught.value.message.startswith("outer.")
        assert caught.value.hint


def test_objects_of_an_array_know_their_place() -> None:
    """A fault in the second one says so."""
    first, second = the([{"b": 1}, {"b": "x"}]).objects("a", 1, 2)
    assert first.integer("b", 0) == 1
    with pytest.raises(Refusal, match=re.escape("outer.a[1].b: found a text")):
        second.integer("b", 0)


def test_a_long_text_is_not_repeated_in_a_message() -> None:
    """A log of refusals holds no contents of documents."""
    with pytest.raises(Refusal) as caught:
        the("A" * 5000).matching("a", LETTERS, "letters")
    assert len(str(caught.value)) < 200
