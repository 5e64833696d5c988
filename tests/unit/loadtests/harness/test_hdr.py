"""HdrHistogram's format: its own package decodes ours to the counts it would have had itself."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from loadtests.harness import hdr
from loadtests.harness.histogram import Histogram

HIGHEST_US = 3_600_000_000


def theirs(values_us: list[int]) -> HdrHistogram:
    """A histogram that the other package counted."""
    made = HdrHistogram(1, HIGHEST_US, 3)
    for value in values_us:
        made.record_value(value)
    return made


def ours(values_us: list[int]) -> Histogram:
    """The same by us."""
    made = Histogram()
    made.record(np.array(values_us) / 1e6)
    return made


def counts(histogram: HdrHistogram) -> list[tuple[int, int]]:
    """Index and count of every bucket that holds any."""
    return [(at, histogram.counts[at]) for at in range(histogram.counts_len) if histogram.counts[at]]


@pytest.mark.parametrize("seed", range(3))
def test_the_other_package_decodes_it_to_its_own_counts_and_percentiles(seed: int) -> None:
    """Times over nine orders of magnitude, all edges of doublings among them.

    Of 4000 times all of these percentiles have a whole rank: the other package rounds ranks, where we round up.
    """
    rng = np.random.default_rng(seed)
    drawn = np.exp(rng.uniform(0, np.log(HIGHEST_US), 4000 - 64)).astype(np.int64).tolist()
    values = [*drawn, *(2**n for n in range(32)), *(2**n - 1 for n in range(1, 32)), HIGHEST_US]
    decoded, expected, own = HdrHistogram.decode(ours(values).hdr_v2()), theirs(values), ours(values)
    assert decoded.total_count == len(values)
    assert counts(decoded) == counts(expected)
    for percentile in (1, 50, 90, 99, 99.9, 100):
        told_us = decoded.get_value_at_percentile(percentile)
        assert told_us == expected.get_value_at_percentile(percentile)
        assert own.percentile(percentile) * 1e6 == pytest.approx(told_us, rel=0.001, abs=1)


@given(st.lists(st.integers(0, HIGHEST_US), max_size=30))
def test_whatever_was_counted_is_decoded_again(values: list[int]) -> None:
    """None as well: an empty step is written, too."""
    decoded = HdrHistogram.decode(ours(values).hdr_v2())
    assert counts(decoded) == counts(theirs(values))


def test_parts_of_a_microsecond_fall_into_the_whole_one() -> None:
    """Our buckets below 1 ms are finer and divide those of HdrHistogram."""
    made = Histogram()
    made.record(np.array([3e-7, 1.0e-6, 1.9e-6, 1000.2e-6, 1000.9e-6]))
    assert counts(HdrHistogram.decode(made.hdr_v2())) == [(0, 1), (1, 2), (1000, 2)]


def test_what_never_came_is_not_in_it() -> None:
    """The format has no place for it; it is told beside."""
    made = ours([1000])
    made.miss(5)
    assert HdrHistogram.decode(made.hdr_v2()).total_count == 1


def test_the_bytes_are_those_of_the_published_format() -> None:
    """Cookies, header, a run of empty buckets as its negative length, counts as ZigZag LEB128."""
    data = base64.b64decode(hdr.encode(np.array([3, 200]), np.array([1, 300])))
    cookie, length = struct.unpack(">II", data[:8])
    assert (cookie & ~0xF0, length) == (0x1C849304, len(data) - 8)
    payload = zlib.decompress(data[8:])
    assert struct.unpack(">IIIIqqd", payload[:40]) == (0x1C849313, 6, 0, 3, 1, HIGHEST_US, 1.0)
    assert payload[40:] == bytes([5, 2, 0x87, 0x03, 0xD8, 0x04])  # -3; 1; -196 as 391; 300 as 600


@pytest.mark.parametrize("count", [1, 63, 64, 2**31, 2**40, 2**53, 2**61])
def test_great_counts_are_decoded_too(count: int) -> None:
    """A number takes up to nine bytes."""
    decoded = HdrHistogram.decode(hdr.encode(np.array([1000]), np.array([count])))
    assert counts(decoded) == [(1000, count)]
