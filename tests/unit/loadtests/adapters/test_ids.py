from __future__ import annotations

import os
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.adapters.base import AdapterError
from loadtests.adapters.ids import NUMBER_MAX, Ids
from loadtests.composing import message_id_of
from loadtests.exchange.manifest import MESSAGE_ID

NONCES = st.binary(min_size=6, max_size=6)
NUMBERS = st.integers(0, NUMBER_MAX)


@given(NONCES, NUMBERS)
def test_the_number_can_be_read_again(nonce: bytes, number: int) -> None:
    """An id is a UUID of version 4 that a manifest may hold, and gives its number back."""
    made = Ids(nonce).id_of(number)
    assert Ids(nonce).number_of(made) == number
    assert UUID(made).version == 4
    assert UUID(made).variant == "specified in RFC 4122"
    assert MESSAGE_ID.fullmatch(made)


@given(NONCES, NONCES, NUMBERS)
def test_an_id_of_another_run_is_told(nonce: bytes, other: bytes, number: int) -> None:
    """The id of another nonce has no number here."""
    if nonce != other:
        assert Ids(other).number_of(Ids(nonce).id_of(number)) is None


@given(NUMBERS, st.integers(0, 35), st.sampled_from("0123456789abcdef"))
def test_a_changed_id_is_told(number: int, place: int, letter: str) -> None:
    """One other letter, and the id is of nobody."""
    made = Ids(b"abcdef").id_of(number)
    changed = made[:place] + letter + made[place + 1 :]
    assert Ids(b"abcdef").number_of(changed) == (number if changed == made else None)


@pytest.mark.parametrize(
    "text", ["", "x", "leaf-000000000001", "0" * 32, "ABCDEFAB-CDEF-4BCD-8FAB-CDEFABCDEFAB"]
)
def test_what_is_no_id_is_told(text: str) -> None:
    """Other texts have no number."""
    assert Ids(b"abcdef").number_of(text) is None


def test_random_ids_are_told() -> None:
    """Ids as clients make them belong to no arrival (a false one comes once in 2^90)."""
    assert not any(Ids(b"abcdef").number_of(message_id_of(os.urandom(16))) is not None for _ in range(200))


def test_ids_are_all_different_and_do_not_ascend() -> None:
    """Successive ids fall into an index at random: about half of them lie above the one before (6 sigma)."""
    made = [Ids(b"abcdef").id_of(number) for number in range(4000)]
    assert len(set(made)) == len(made)
    ascending = sum(first < second for first, second in pairwise(made))
    assert abs(ascending - 2000) < 6 * (4000 / 12) ** 0.5


def test_a_nonce_has_six_bytes() -> None:
    """Another length is refused."""
    with pytest.raises(AdapterError, match="E-NONCE"):
        Ids(b"abc")
