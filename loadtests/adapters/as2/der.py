"""The few ASN.1 encodings that a CMS signature is made of: written as DER, read as BER with definite bounds.

Rule kept here: every length is checked against what is there, and nothing may follow the one value that was asked for.
Indefinite lengths are read because Java partners stream their signatures so; they are never written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

INTEGER: Final = 0x02
OCTETS: Final = 0x04
OID: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31
DEPTH_MAX: Final = 16
"""How deep indefinite lengths may nest; CMS needs six."""


class DerError(ValueError):
    """Bytes that are not one well-formed value; the text says where."""


@dataclass(frozen=True)
class Value:
    """One value as it stood in the encoding.

    Args:
        tag: Its identifier octet, such as 0x30; class and constructed bit included.
        raw: All of its octets.
        content: What stands between its length and its end.
        definite: False where its length was not given.
    """

    tag: int
    raw: bytes
    content: bytes
    definite: bool = True

    @cached_property
    def children(self) -> tuple[Value, ...]:
        """The values inside a constructed one, in order.

        Raises:
            DerError: It is not a constructed one, or what it holds is not well-formed.
        """
        if not self.tag & 0x20:
            raise DerError(f"tag {self.tag:#04x} holds no values")
        found, at = [], 0
        while at < len(self.content):
            one, at = _read(self.content, at, DEPTH_MAX)
            found.append(one)
        return tuple(found)

    def expect(self, tag: int) -> Value:
        """The value itself, if it has this tag.

        Raises:
            DerError: It has another.
        """
        if self.tag != tag:
            raise DerError(f"tag {self.tag:#04x} where {tag:#04x} is due")
        return self


def read(data: bytes) -> Value:
    """Read the one value that ``data`` is.

    Raises:
        DerError: It is not well-formed, or something follows.
    """
    found, end = _read(data, 0, DEPTH_MAX)
    if end != len(data):
        raise DerError(f"{len(data) - end} octets follow the value")
    return found


def write(tag: int, *contents: bytes) -> bytes:
    """One DER value of a tag around the given contents."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def oid(dotted: str) -> bytes:
    """An object identifier as DER; X.690, 8.19."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    out = bytearray()
    for arc in (40 * first + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | arc & 0x7F)
        out += bytes(reversed(septets))
    return write(OID, bytes(out))


def _read(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    """The value that starts at an offset, and the offset behind it."""
    if len(data) < at + 2:
        raise DerError(f"the encoding ends at {len(data)}, inside a value")
    tag, first = data[at], data[at + 1]
    if tag & 0x1F == 0x1F:
        raise DerError(f"a tag of more than one octet at {at}")
    if first == 0x80:
        return _read_indefinite(data, at, depth)
    start = at + 2 + (first & 0x7F if first & 0x80 else 0)
    size = int.from_bytes(data[at + 2 : start], "big") if first & 0x80 else first
    end = start + size
    if end > len(data):
        raise DerError(f"a value of {size} octets at {at}, but the encoding ends before")
    return Value(tag, data[at:end], data[start:end]), end


def _read_indefinite(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    tag = data[at]
    if not tag & 0x20 or depth == 0:
        raise DerError(f"an indefinite length at {at}, which is not constructed or too deep")
    inner = at + 2
    while data[inner : inner + 2] != b"\x00\x00":
        _, inner = _read(data, inner, depth - 1)
    return Value(tag, data[at : inner + 2], data[at + 2 : inner], definite=False), inner + 2
