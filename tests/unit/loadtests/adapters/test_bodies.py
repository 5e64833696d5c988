from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.adapters.base import AdapterError
from loadtests.adapters.bodies import BLOCK_BYTES, HEAD, SIZE_BYTES_MIN, UNIQUE_BYTES, Bodies
from loadtests.adapters.ids import Ids

BODIES = Bodies(1, Ids(b"abcdef"))
EDGES = [
    edge + by for edge in (SIZE_BYTES_MIN + 1, 1024 + 32, BLOCK_BYTES, BLOCK_BYTES + 32) for by in (-1, 0, 1)
]
SIZES = st.one_of(st.integers(SIZE_BYTES_MIN, 4 * BLOCK_BYTES), st.sampled_from(EDGES))


@settings(max_examples=60)
@given(SIZES, st.integers(0, 2**32 - 1))
def test_size_and_digest_are_right(size_bytes: int, number: int) -> None:
    """A document has its size, the digest of all its bytes, and begins as a PDF does."""
    made = BODIES.document(number, size_bytes)
    data = b"".join(made.pieces)
    assert (len(data), made.size_bytes) == (size_bytes, size_bytes)
    assert made.sha256 == sha256(data).digest()
    assert data.startswith(HEAD)


@settings(max_examples=30)
@given(SIZES)
def test_the_end_is_unique_and_the_rest_shared(size_bytes: int) -> None:
    """Two arrivals' documents differ in their last bytes; all pieces but the last are the same objects."""
    first, second = BODIES.document(1, size_bytes), BODIES.document(2, size_bytes)
    one, other = b"".join(first.pieces), b"".join(second.pieces)
    assert one[:-UNIQUE_BYTES] == other[:-UNIQUE_BYTES]
    assert one[-UNIQUE_BYTES:] != other[-UNIQUE_BYTES:]
    assert all(a is b for a, b in zip(first.pieces[:-1], second.pieces[:-1], strict=True))
    assert len(first.pieces[-1]) < 1024 + UNIQUE_BYTES


def test_sizes_share_their_blocks() -> None:
    """A larger document holds the very blocks of a smaller one, so memory is that of the largest."""
    small, large = BODIES.document(1, 2 * BLOCK_BYTES + 500), BODIES.document(1, 5 * BLOCK_BYTES)
    assert all(a is b for a, b in zip(small.pieces[:2], large.pieces, strict=False))


def test_it_is_the_same_whoever_makes_it() -> None:
    """Another maker of the same run, asked in another order, gives the same bytes; another run gives others."""
    again = Bodies(1, Ids(b"abcdef"))
    sizes = [300_000, 5000, 200_000, 100]
    asked = [again.document(number, size) for number, size in reversed(list(enumerate(sizes)))]
    assert asked[::-1] == [BODIES.document(number, size) for number, size in enumerate(sizes)]
    assert Bodies(1, Ids(b"other.")).document(0, 100).sha256 != asked[-1].sha256
    assert Bodies(2, Ids(b"abcdef")).document(0, 5000).pieces[0] != again.document(0, 5000).pieces[0]


def test_it_cannot_be_compressed() -> None:
    """Nobody who compresses on the way makes the load smaller."""
    data = b"".join(BODIES.document(3, 3 * BLOCK_BYTES + 777).pieces)
    assert len(zlib.compress(data, 9)) > len(data)


def test_another_one_has_the_same_size() -> None:
    """What is sent in place of a document has its size and another digest."""
    made = BODIES.document(5, 5000)
    other = b"".join(made.other())
    assert len(other) == 5000
    assert sha256(other).digest() != made.sha256


def test_too_small_is_refused() -> None:
    """A document without room for bytes of its own cannot be made."""
    with pytest.raises(AdapterError, match="E-SIZE"):
        BODIES.document(0, SIZE_BYTES_MIN - 1)


def test_threads_get_the_same() -> None:
    """Many threads that ask at once get what one gets."""
    fresh = Bodies(1, Ids(b"abcdef"))
    sizes = list(range(1000, 400_000, 7001))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(fresh.document, range(len(sizes)), sizes))
    assert found == [BODIES.document(number, size) for number, size in enumerate(sizes)]
