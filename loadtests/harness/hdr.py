"""HdrHistogram's V2 compressed format: what other tools draw and merge our response times from.

Rule kept here: a count goes into the one HdrHistogram bucket that holds its values; nothing is interpolated. What never
came has no place in the format and is told beside it.

Source: the public format "HdrHistogram V2 encoding" of the HdrHistogram project: a header, then the counts from index 0
on as ZigZag LEB128 numbers, in which a negative number stands for so many empty buckets; zlib; a cookie and a length
before it; base64.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

SIGNIFICANT_DIGITS: Final = 3
HIGHEST_US: Final = 3_600_000_000
COOKIE: Final = 0x1C849303 | 0x10  # 0x10: the counts are numbers of variable length
COOKIE_COMPRESSED: Final = 0x1C849304 | 0x10

_BITS: Final = 11  # 2048 sub-buckets: the power of two that holds 2 * 10 ** SIGNIFICANT_DIGITS
_HALF: Final = 1 << (_BITS - 1)
_HEADER: Final = struct.Struct(">iiiiqqd")


def indices(values_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return HdrHistogram's index of the bucket of each value, for three digits and a unit of 1 µs.

    Args:
        values_us: Whole microseconds, 0 to ``HIGHEST_US``.
    """
    length = np.frexp(values_us.astype(np.float64))[1].astype(np.int64)  # of the number in binary
    shift = np.maximum(length - _BITS, 0)
    places: NDArray[np.int64] = shift * _HALF + (values_us >> shift)
    return places


def encode(values_us: NDArray[np.int64], counts: NDArray[np.int64]) -> str:
    """Return a histogram in the V2 compressed format, in base64.

    Args:
        values_us: Whole microseconds, any value of its bucket each.
        counts: How often each; 0 or more, below 2 ** 62.
    """
    places = indices(values_us)
    dense = np.zeros(int(places.max()) + 1 if places.size else 0, np.int64)
    np.add.at(dense, places, counts)
    payload = _numbers(dense)
    header = _HEADER.pack(COOKIE, len(payload), 0, SIGNIFICANT_DIGITS, 1, HIGHEST_US, 1.0)
    packed = zlib.compress(header + payload)
    return base64.b64encode(struct.pack(">ii", COOKIE_COMPRESSED, len(packed)) + packed).decode("ascii")


def _numbers(dense: NDArray[np.int64]) -> bytes:
    """Return counts by index, with runs of empty buckets as their negative length; none after the last count."""
    out = bytearray()
    following = 0
    for place in np.flatnonzero(dense).tolist():
        if place > following:
            out += _leb128(following - place)
        out += _leb128(int(dense[place]))
        following = place + 1
    return bytes(out)


def _leb128(value: int) -> bytes:
    """Return a signed number as ZigZag LEB128; below 2 ** 62 it takes the format's 9 bytes at most."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest >= 0x80:
        out.append(0x80 | (rest & 0x7F))
        rest >>= 7
    out.append(rest)
    return bytes(out)
