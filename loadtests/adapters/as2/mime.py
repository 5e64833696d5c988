"""MIME entities as bytes: taken apart and put together without touching what was signed.

Rule kept here: a part is the exact bytes between two delimiters; lines end with CR LF. What is not so is refused, never
mended, because a mended part is not the one that was signed.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import Final

PARTS_MAX: Final = 16
"""More parts than a receipt can have."""
END_OF_HEADER: Final = b"\r\n\r\n"


class MimeError(ValueError):
    """Bytes that are not the MIME entity they should be; the text says why."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A MIME entity.

    Args:
        raw: All of it, as it came.
        headers: Its header fields.
        body: What follows the empty line.
    """

    raw: bytes
    headers: Message
    body: bytes

    @property
    def kind(self) -> str:
        """Its media type in lower case, ``text/plain`` where it says none."""
        return self.headers.get_content_type()

    def parameter(self, name: str) -> str:
        """A parameter of its Content-Type, without quotes; empty where there is none."""
        value = self.headers.get_param(name, "")
        return value if isinstance(value, str) else ""

    def parts(self) -> tuple[Entity, ...]:
        """The parts of a multipart entity.

        Raises:
            MimeError: It is none, or its delimiters do not hold.
        """
        boundary = self.parameter("boundary")
        if not self.kind.startswith("multipart/") or not boundary:
            raise MimeError(f"{self.kind} with boundary {boundary!r}: no parts")
        return tuple(read(part) for part in split(self.body, boundary.encode("latin-1", "replace")))

    def decoded(self) -> bytes:
        """Its body without the transfer encoding.

        Raises:
            MimeError: The encoding is unknown, or the body is not of it.
        """
        encoding = str(self.headers.get("Content-Transfer-Encoding", "7bit")).strip().lower()
        if encoding in {"7bit", "8bit", "binary"}:
            return self.body
        if encoding != "base64":
            raise MimeError(f"transfer encoding {encoding!r}")
        try:
            return binascii.a2b_base64(re.sub(rb"[\r\n\t ]", b"", self.body), strict_mode=True)
        except binascii.Error as error:
            raise MimeError(f"a body that is not base64: {error}") from None


def read(raw: bytes) -> Entity:
    """Read an entity: header fields, an empty line, the body; or a body alone behind an empty line.

    Raises:
        MimeError: No empty line ends its header fields.
    """
    if raw.startswith(b"\r\n"):
        return Entity(raw, Message(), raw[2:])
    head, between, body = raw.partition(END_OF_HEADER)
    if not between:
        raise MimeError("no empty line, with CR LF, ends the header fields")
    return Entity(raw, BytesHeaderParser(policy=compat32).parsebytes(head + END_OF_HEADER), body)


def split(body: bytes, boundary: bytes) -> tuple[bytes, ...]:
    """The exact bytes of the parts of a multipart body; RFC 2046, 5.1.1.

    Raises:
        MimeError: There is no part, no last delimiter, or there are more parts than a receipt can have.
    """
    delimiter = re.compile(rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r\n|\Z)")
    parts: list[bytes] = []
    start = -1
    for found in delimiter.finditer(body):
        if start >= 0:
            # The CR LF before a delimiter belongs to it: a part is empty where one follows at once.
            parts.append(body[start : max(start, found.start())])
        if found.group(1):
            break
        start = found.end() + 2
    else:
        raise MimeError("no last delimiter of a multipart body")
    if not 0 < len(parts) <= PARTS_MAX:
        raise MimeError(f"{len(parts)} parts of a multipart body")
    return tuple(parts)


def join(boundary: str, parts: tuple[tuple[bytes, ...], ...]) -> tuple[bytes, ...]:
    """A multipart body, as pieces, of parts that are given as pieces; none may hold the boundary."""
    delimiter = b"--" + boundary.encode()
    pieces: list[bytes] = []
    for part in parts:
        pieces += [(b"\r\n" if pieces else b"") + delimiter + b"\r\n", *part]
    return (*pieces, b"\r\n" + delimiter + b"--\r\n")


def base64_lines(data: bytes) -> bytes:
    """Base64 in lines of 76 characters, each ended with CR LF; RFC 2045, 6.8."""
    text = binascii.b2a_base64(data, newline=False)
    return b"".join(text[at : at + 76] + b"\r\n" for at in range(0, len(text), 76))
