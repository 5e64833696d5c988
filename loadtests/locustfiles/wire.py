"""Requests and answers as bytes: what goes over the wire is known before it is sent.

Rule kept here: bytes that are known are not made again, and large pieces are sent from where they lie.
"""

from __future__ import annotations

from typing import Final

from geventhttpclient.response import HTTPResponse

from loadtests.adapters.base import Request

LARGE_BYTES: Final = 16_384
"""Pieces of a request below this are joined; larger ones are sent from where they lie."""
_END: Final = b"\r\n\r\n"


class Rendered(Request):
    """A request whose bytes are known already.

    Args:
        wire: All that goes over the wire, in pieces; the head is in the first of them.
    """

    __slots__ = ("wire",)
    wire: tuple[bytes, ...]

    def __init__(self, wire: tuple[bytes, ...]) -> None:
        object.__setattr__(self, "wire", wire)

    @property
    def method(self) -> str:
        """Read from the wire."""
        return self._head()[0].split(" ")[0]

    @property
    def path(self) -> str:
        """Read from the wire."""
        return self._head()[0].split(" ")[1]

    @property
    def headers(self) -> dict[str, str]:
        """Read from the wire, without Host and Content-Length."""
        pairs = [line.split(": ", 1) for line in self._head()[1:]]
        return {name: value for name, value in pairs if name not in {"Host", "Content-Length"}}

    @property
    def body(self) -> tuple[bytes, ...]:
        """Read from the wire."""
        return (self.wire[0].partition(_END)[2], *self.wire[1:])

    def _head(self) -> list[str]:
        return self.wire[0].partition(_END)[0].decode("latin-1").split("\r\n")


def render(request: Request, host: str) -> tuple[bytes, ...]:
    """The bytes of a request, in pieces; small ones that stand beside one another are joined.

    Raises:
        ValueError: A line break where none may be.
    """
    if isinstance(request, Rendered):
        return request.wire
    length = sum(map(len, request.body))
    lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    if length or request.method in {"POST", "PUT", "PATCH"}:
        lines.append(f"Content-Length: {length}")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header with a line break")
    pieces: list[bytes] = []
    small = ["\r\n".join(lines).encode("latin-1"), _END]
    for piece in request.body:
        if len(piece) >= LARGE_BYTES:
            pieces += [b"".join(small), piece] if small else [piece]
            small = []
        else:
            small.append(piece)
    return (*pieces, b"".join(small)) if small else tuple(pieces)


class Parser(HTTPResponse):
    """An answer as it comes in."""

    @property
    def body(self) -> bytes:
        """What has come of its body."""
        return bytes(self._body_buffer)
