"""Giving out one document: read in pieces, checked against its digest, and known to be sent to its end.

Rule kept here: the last piece of a document leaves only after the digest of all of it was found right, so that nobody
can be given damaged bytes as a whole document, and no hand-over is sealed for them.

A connection that breaks shows as a disconnect before the last piece is sent; what the transport has taken from us by
then is all but that piece.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable, Generator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from loadtests.exchange.errors import Refusal
from loadtests.exchange.manifest import Document

PIECE_BYTES: Final = 256 * 1024
"""Bytes in memory for each document on its way: large enough that a thread's turn costs little beside the reading."""

Pieces = Generator[bytes, None, None]
Sent = Callable[[int], None]
Finished = Callable[[], Awaitable[None]]
Broken = Callable[[Refusal], None]


def pieces(source: bytes | Path, document: Document, piece_bytes: int = PIECE_BYTES) -> Pieces:
    """The document piece by piece; blocks while it reads a file.

    Args:
        source: Its bytes, or the file that holds them.
        document: What the manifest says of it.
        piece_bytes: Size of a piece, at least 1.

    Raises:
        Refusal: ``internal-error``: the file is missing or unreadable, or it holds other bytes.
    """
    digest, left = sha256(), document.size_bytes
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            while left:
                piece = file.read(min(piece_bytes, left))
                digest.update(piece)
                left -= len(piece)
                if not piece or (not left and (digest.digest() != document.sha256 or file.read(1))):
                    raise _damaged(document, "other bytes than were accepted")
                yield piece
    except OSError as error:
        raise _damaged(document, f"no file to read ({error.strerror})") from None


def header_of(document: Document) -> dict[str, str]:
    """The header fields of a document: it is kept as a file, whatever it is, and run by no browser."""
    digest = base64.b64encode(document.sha256).decode("ascii")
    return {
        "Content-Type": document.media_type,
        "Content-Length": str(document.size_bytes),
        "Content-Digest": f"sha-256=:{digest}:",
        "Content-Disposition": disposition(document.name),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "none",
        "ETag": etag(document),
    }


def etag(document: Document) -> str:
    """The digest as a strong entity tag."""
    return f'"{document.sha256.hex()}"'


def matches(if_none_match: str, tag: str) -> bool:
    """True where ``If-None-Match`` names the tag, weak or strong, or any (RFC 9110 §13.1.2)."""
    names = {name.strip().removeprefix("W/") for name in if_none_match.split(",")}
    return tag in names or "*" in names


def disposition(name: str) -> str:
    """``Content-Disposition`` with the file name as it is (RFC 8187), and in ASCII for those who cannot read it."""
    plain = "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


class Delivery(Response):
    """An answer of which is known whether it was sent to its end.

    Args:
        first: Its first piece, at hand before the answer begins, so that a fault found by then is still an answer.
        rest: The pieces after it; None where there are none.
        header: Its header fields, with ``Content-Length``.
        sent: Told how many bytes were sent.
        finished: Run after the last piece was sent to a connection that stood.
        broken: Told why the answer breaks off; the client sees that it is not whole.
    """

    def __init__(
        self,
        first: bytes,
        rest: Pieces | None,
        header: Mapping[str, str],
        *,
        sent: Sent,
        finished: Finished,
        broken: Broken,
    ) -> None:
        super().__init__(headers=header)
        self._first, self._rest = first, rest
        self._size_bytes = int(header["Content-Length"])
        self._sent, self._finished, self._broken = sent, finished, broken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - what ASGI asks for
        """Send it; returns without having ended the answer where it cannot be sent whole."""
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            whole = await self._send(send, gone)
        finally:
            gone.cancel()
            if self._rest is not None:
                self._rest.close()
        if whole:
            await self._finished()

    async def _send(self, send: Send, gone: asyncio.Future[None]) -> bool:
        """True where all of it was handed to a connection that stood."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        piece, left = self._first, self._size_bytes
        while True:
            left -= len(piece)
            await asyncio.sleep(0)  # lets a disconnect be seen that has come already
            if gone.done():
                return False
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
            self._sent(len(piece))
            if left <= 0 or self._rest is None:
                return True
            try:
                piece = await run_in_threadpool(next, self._rest)
            except Refusal as refusal:
                self._broken(refusal)
                return False


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _damaged(document: Document, found: str) -> Refusal:
    named = f"the document {document.sha256.hex()}"
    return Refusal("internal-error", f"{named} cannot be given out: found {found}", "tell the operator")
