"""Message ids of a run, from which the arrival can be read again, and which look as random as a client's own.

Rule kept here: the same nonce and number give the same id, different ones different ids; an id that was not made from
this nonce is told from one that was.

An id is a UUID of version 4 (RFC 9562 §5.4) whose 122 free bits are a tag of 42 bits over nonce and number, and nonce
and number themselves, 80 bits, under a mask made of the tag. Ids that ascended would all be added at one end of an
index, and a store would look faster than it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final
from uuid import UUID

from loadtests.adapters.base import AdapterError

NONCE_BYTES: Final = 6
NUMBER_MAX: Final = 2**32 - 1
ID_CHARS: Final = 36
_TAG_BITS: Final = 42
_OWN_BITS: Final = 80  # nonce and number
_LOW_BITS: Final = 62  # behind the variant
_MIDDLE_BITS: Final = 12  # between version and variant
_FIXED: Final = 4 << 76 | 2 << 62
_TAG: Final = b"congvan load tag"
_MASK: Final = b"congvan load mask"


@dataclass(frozen=True)
class Ids:
    """The ids of one run.

    Args:
        nonce: Of the run, ``NONCE_BYTES`` long.

    Raises:
        AdapterError: ``E-NONCE``: another length.
    """

    nonce: bytes

    def __post_init__(self) -> None:
        if len(self.nonce) != NONCE_BYTES:
            found = f"found a nonce of {len(self.nonce)} bytes"
            raise AdapterError("E-NONCE", found, f"{NONCE_BYTES} bytes, as a plan has them")

    def id_of(self, number: int) -> str:
        """The id of an arrival, 0 to ``NUMBER_MAX``, in the 36 letters of RFC 9562 §4."""
        own = self._own(number)
        tag = _tag(own)
        return _text(tag << _OWN_BITS | int.from_bytes(own, "big") ^ _mask(tag))

    def number_of(self, id_: str) -> int | None:
        """The arrival of an id; None for one that is not of this run: another's fits once in 2^90 times."""
        free = _free(id_)
        if free is None:
            return None
        tag = free >> _OWN_BITS
        own = (free & (1 << _OWN_BITS) - 1 ^ _mask(tag)).to_bytes(_OWN_BITS // 8, "big")
        if own[:NONCE_BYTES] != self.nonce or _tag(own) != tag:
            return None
        return int.from_bytes(own[NONCE_BYTES:], "big")

    def unique(self, number: int) -> bytes:
        """32 bytes that belong to this arrival of this run alone."""
        return sha256(self._prefix + number.to_bytes(4, "big")).digest()

    def _own(self, number: int) -> bytes:
        return self.nonce + number.to_bytes(4, "big")

    @cached_property
    def _prefix(self) -> bytes:
        return b"congvan load unique" + self.nonce


def _tag(own: bytes) -> int:
    return int.from_bytes(sha256(_TAG + own).digest()[:8], "big") >> 64 - _TAG_BITS


def _mask(tag: int) -> int:
    return int.from_bytes(sha256(_MASK + tag.to_bytes(6, "big")).digest()[: _OWN_BITS // 8], "big")


def _text(free: int) -> str:
    """122 bits as a UUID of version 4."""
    high = free >> _LOW_BITS + _MIDDLE_BITS
    middle = free >> _LOW_BITS & (1 << _MIDDLE_BITS) - 1
    low = free & (1 << _LOW_BITS) - 1
    return str(UUID(int=high << 80 | middle << 64 | low | _FIXED))


def _free(text: str) -> int | None:
    """The 122 bits of a UUID of version 4 in its usual letters; None for anything else."""
    try:
        value = UUID(text)
    except (ValueError, AttributeError):
        return None
    if str(value) != text or value.version != 4:
        return None
    high, middle = value.int >> 80, value.int >> 64 & (1 << _MIDDLE_BITS) - 1
    return (high << _MIDDLE_BITS | middle) << _LOW_BITS | value.int & (1 << _LOW_BITS) - 1
