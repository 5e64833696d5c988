"""Taking in a request's body: counted while it comes, documents hashed while they come, nothing left behind.

Rule kept here: no byte is held or written that the header, the manifest and the limits do not allow, and whatever ends
a request early leaves no part of a document (whole ones that nothing refers to go with the collection of orphans).
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import MutableMapping
from hashlib import sha256
from typing import Any, Final

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)
from starlette.types import Receive, Scope

from loadtests.endpoint.driver import Threads
from loadtests.endpoint.settings import Settings
from loadtests.endpoint.store.blobs import Blobs, Incoming
from loadtests.exchange.errors import Refusal
from loadtests.exchange.manifest import Document, Manifest
from loadtests.exchange.verification import Received

PART_HEADERS_MAX: Final = 4
"""RFC 7578 knows three, and some clients add Content-Length."""
PART_HEADER_BYTES_MAX: Final = 2048
"""One line of a part's header: a file name of 255 bytes, escaped twice (``filename`` and ``filename*``)."""
PART_FRAMING_BYTES_MAX: Final = PART_HEADERS_MAX * (PART_HEADER_BYTES_MAX + 2) + 128
"""What stands around a part: its header, and a boundary of at most 70 characters (RFC 2046 §5.1.1)."""
_FORM_TYPE: Final = re.compile(
    r"""multipart/form-data *; *boundary=(?:([\w'+.-]{1,70})|"([\w'()+,./:=? -]{0,69}[\w'()+,./:=?-])") *""",
    re.ASCII | re.IGNORECASE,
)
"""A boundary after RFC 2046 §5.1.1, as a word or in quotes, and nothing else that somebody might read differently."""
_PLAIN: Final = frozenset({"binary", "8bit", "7bit"})
SIGNED_TYPE: Final = "application/jose"
_FORM: Final = "multipart/form-data; the part manifest first, then one part document for each document"


class Body:
    """The bytes of one request as they come.

    Args:
        scope: The request.
        receive: Gives the next piece.
        settings: How much, and how slowly.
    """

    __slots__ = (
        "_receive",
        "_settings",
        "_waited_s",
        "bytes_max",
        "complete",
        "content_type",
        "encoding",
        "expects",
        "length",
        "read_bytes",
    )

    def __init__(self, scope: Scope, receive: Receive, settings: Settings) -> None:
        self._receive = receive
        self._settings = settings
        self._waited_s = 0.0
        self.bytes_max = _bytes_max(settings)
        self.read_bytes = 0
        self.complete = False
        self.length: int | None = None
        self.content_type = self.encoding = ""
        self.expects = False
        for name, value in scope["headers"]:
            if name == b"content-type":
                self.content_type = _joined(self.content_type, value)
            elif name == b"content-length":
                self.length = int(value)  # the parser of HTTP has taken it for a number
            elif name == b"content-encoding" or (
                name == b"transfer-encoding" and value.lower() != b"chunked"
            ):
                self.encoding = _joined(self.encoding, value)
            elif name == b"expect":
                self.expects = True

    @property
    def unread_bytes(self) -> int | None:
        """How much is still to come; None where nobody knows."""
        if self.complete:
            return 0
        return None if self.length is None else self.length - self.read_bytes

    def require_plain(self) -> None:
        """Return if the body is neither compressed nor larger than anything that is taken.

        Raises:
            Refusal: ``content-encoding-unsupported``, ``body-too-large``.
        """
        if self.encoding.lower() not in {"", "identity"}:
            found = f"found the coding {self.encoding[:40]!a}"
            raise Refusal("content-encoding-unsupported", found, "send the bytes themselves")
        if self.length is not None and self.length > self.bytes_max:
            raise self._too_large(self.length)

    async def read(self) -> bytes:
        """The next piece; no bytes at the end.

        Raises:
            Refusal: ``body-too-slow``, ``body-too-large``, ``request-incomplete``.
        """
        piece = b""
        while not piece and not self.complete:
            message = await self._next()
            if message["type"] != "http.request":
                found = f"the connection ended after {self.read_bytes} bytes"
                raise Refusal("request-incomplete", found, "send the same request again")
            piece = message.get("body", b"")
            self.complete = not message.get("more_body", False)
        self.read_bytes += len(piece)
        if self.read_bytes > self.bytes_max:
            raise self._too_large(self.read_bytes)
        return piece

    async def whole(self, bytes_max: int) -> bytes:
        """All of a small body.

        Raises:
            Refusal: As ``read``.
        """
        self.bytes_max = bytes_max
        self.require_plain()
        pieces = [await self.read()]
        while not self.complete:
            pieces.append(await self.read())
        return b"".join(pieces)

    async def _next(self) -> MutableMapping[str, Any]:
        """Only time that is waited for the sender counts, none that our disk takes."""
        settings = self._settings
        patience_s = settings.body_s_max + self.read_bytes / settings.body_bytes_per_s_min - self._waited_s
        clock_s = asyncio.get_running_loop().time
        begun_s = clock_s()
        try:
            async with asyncio.timeout_at(begun_s + min(settings.body_idle_s_max, patience_s)):
                return await self._receive()
        except TimeoutError:
            found = f"{self.read_bytes} bytes came, then too little for too long"
            raise Refusal("body-too-slow", found, "send it again over a better line") from None
        finally:
            self._waited_s += clock_s() - begun_s

    def _too_large(self, size_bytes: int) -> Refusal:
        return Refusal("body-too-large", f"found {size_bytes} bytes or more", f"at most {self.bytes_max}")


def _joined(before: str, value: bytes) -> str:
    """A field that stands on several lines is one list (RFC 9110 §5.3); no line of it is passed over."""
    return f"{before}, {value.decode('latin-1')}" if before else value.decode("latin-1")


def _bytes_max(settings: Settings) -> int:
    """The largest body of a submission that can be right."""
    limits = settings.limits
    framing = PART_FRAMING_BYTES_MAX * (limits.documents_max + 2)
    return settings.compact_bytes_max + limits.message_bytes_max + framing


class Intake:
    """A submission's body: the signed manifest, then its documents.

    Args:
        body: The bytes as they come.
        settings: How much is held in memory.
        blobs: Where large documents become files.
        threads: Where these are written.

    Raises:
        Refusal: ``content-encoding-unsupported``, ``body-too-large``, ``body-invalid``.
    """

    def __init__(self, body: Body, settings: Settings, blobs: Blobs, threads: Threads) -> None:
        body.require_plain()
        self._body = body
        self._settings = settings
        self._blobs = blobs
        self._threads = threads
        boundary = _boundary(body.content_type)
        self._delimiter = b"--" + boundary.encode("ascii")
        self._parser = PushMultipartParser(
            boundary,
            max_header_size=PART_HEADER_BYTES_MAX,
            max_header_count=PART_HEADERS_MAX,
            max_segment_count=settings.limits.documents_max + 2,  # one too many shall be told from many
        )
        self._events: deque[Any] = deque()  # of each part its segment, its pieces, None
        self._begun = (
            False  # it looks like a form: if it ends too soon it was cut, and may come whole another time
        )
        self._incoming: Incoming | None = None
        self._inline_bytes = 0

    async def manifest(self) -> bytes:
        """The first part: the signed manifest as it came.

        Raises:
            Refusal: ``body-invalid``, ``jws-too-large``, ``request-incomplete``, ``body-too-slow``,
                ``body-too-large``.
        """
        segment = await self._segment(before_bytes=PART_FRAMING_BYTES_MAX)
        if segment is None or segment.name != "manifest" or segment.content_type != SIGNED_TYPE:
            raise Refusal(
                "body-invalid", "the first part is not the manifest", f"a part manifest of {SIGNED_TYPE}"
            )
        most = self._settings.compact_bytes_max
        compact = await self._whole(most)
        if compact is None:
            raise Refusal("jws-too-large", f"found more than {most} bytes", f"at most {most}")
        return compact

    async def documents(self, manifest: Manifest) -> tuple[Received, ...]:
        """The documents of this manifest: small ones in memory, large ones durable in files.

        Raises:
            Refusal: ``body-invalid``, ``body-too-large`` (a document is larger than the manifest says),
                ``documents-incomplete`` (there are more), ``request-incomplete``, ``body-too-slow``,
                ``store-full``, ``store-unavailable``.
        """
        named = manifest.documents
        framing = PART_FRAMING_BYTES_MAX * (len(named) + 2)
        sizes = sum(one.size_bytes for one in named)
        self._body.bytes_max = self._settings.compact_bytes_max + sizes + framing
        received: list[Received] = []
        while (segment := await self._segment()) is not None:
            if segment.name != "document":
                raise Refusal("body-invalid", f"found a part {segment.name[:40]!a}", _FORM)
            if len(received) == len(named):
                found = f"found more than {len(named)} documents"
                raise Refusal("documents-incomplete", found, f"the {len(named)} of the manifest")
            received.append(await self._document(len(received) + 1, named[len(received)]))
        return tuple(received)

    async def skip(self) -> None:
        """Read the rest away.

        Raises:
            Refusal: As ``Body.read``.
        """
        while not self._body.complete:
            await self._body.read()

    def discard(self) -> None:
        """Leave no file of what did not come to its end; may be called at any time, and twice."""
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            incoming.discard()

    # --- parts ----------------------------------------------------------------------------------------------

    async def _segment(self, before_bytes: int | None = None) -> MultipartSegment | None:
        """The next part, or None at the end of the body.

        Args:
            before_bytes: How much may come before it; None for all that a body may be.
        """
        while not self._events:
            if before_bytes is not None and self._body.read_bytes > before_bytes:
                raise Refusal("body-invalid", f"found no part in {self._body.read_bytes} bytes", _FORM)
            if not await self._more():
                return None
        segment: MultipartSegment = self._events.popleft()
        self._begun = True
        encoded = segment.header("Content-Transfer-Encoding", "binary").lower() not in _PLAIN
        if encoded or (segment.content_type or "").startswith("multipart/"):
            raise Refusal("body-invalid", "found a part that is encoded or nested", _FORM)
        return segment

    async def _piece(self) -> bytes | None:
        """More of the part that is being read, or None at its end."""
        while not self._events:
            if not await self._more():
                raise _incomplete()
        piece: bytes | None = self._events.popleft()
        return piece

    async def _whole(self, bytes_max: int) -> bytes | None:
        """All of the part that is being read; None, at once, where it is larger than that."""
        pieces: list[bytes] = []
        left_bytes, events = bytes_max, self._events
        while True:
            while not events:  # most bodies come in one piece: then nothing is waited for from here on
                if not await self._more():
                    raise _incomplete()
            piece = events.popleft()
            if piece is None:
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
            left_bytes -= len(piece)
            if left_bytes < 0:
                return None
            pieces.append(piece)

    async def _more(self) -> bool:
        """Parse one more piece of the body; False at its end."""
        first = not self._body.read_bytes
        piece = await self._body.read()
        try:
            if first:
                self._begun = piece.startswith(self._delimiter)
            if not piece:
                self._parser.close()
                return False
            self._events.extend(self._parser.parse(piece))
        except ParserLimitReached as limit:
            raise Refusal("body-invalid", f"found too much: {limit}", _FORM) from None
        except MultipartError as error:
            if not piece and self._begun:
                raise _incomplete() from None
            raise Refusal("body-invalid", f"found {error}", _FORM) from None
        return True

    # --- documents ------------------------------------------------------------------------------------------

    async def _document(self, number: int, named: Document) -> Received:
        if self._in_memory(named.size_bytes):
            content = await self._whole(named.size_bytes)
            if content is None:
                raise _too_large(number, named)
            return Received(sha256(content).digest(), len(content), content)
        return await self._file(number, named)

    def _in_memory(self, size_bytes: int) -> bool:
        settings = self._settings
        within = self._inline_bytes + size_bytes <= settings.inline_message_bytes_max
        if size_bytes > settings.inline_bytes_max or not within:
            return False
        self._inline_bytes += size_bytes
        return True

    async def _file(self, number: int, named: Document) -> Received:
        """A large document; what is not the one that is named leaves nothing behind."""
        call = self._threads.call
        incoming = self._incoming = self._blobs.incoming()
        pieces, held_bytes, size_bytes = list[bytes](), 0, 0
        while (piece := await self._piece()) is not None:
            size_bytes += len(piece)
            if size_bytes > named.size_bytes:
                raise _too_large(number, named)
            pieces.append(piece)
            held_bytes += len(piece)
            if held_bytes >= self._settings.spool_bytes:
                await call(incoming.write, b"".join(pieces))
                pieces, held_bytes = [], 0
        await call(_finish, incoming, b"".join(pieces), named)
        self._incoming = None
        return Received(incoming.sha256, incoming.size_bytes)


def _finish(incoming: Incoming, rest: bytes, named: Document) -> None:
    if rest:
        incoming.write(rest)
    if (incoming.sha256, incoming.size_bytes) == (named.sha256, named.size_bytes):
        incoming.keep()
    else:
        incoming.discard()


def _too_large(number: int, named: Document) -> Refusal:
    found = f"document {number} has more than {named.size_bytes} bytes"
    return Refusal("body-too-large", found, "as many as the manifest says")


def _incomplete() -> Refusal:
    return Refusal("request-incomplete", "the body ended within a part", "send the same request again")


def _boundary(content_type: str) -> str:
    """What separates the parts.

    Raises:
        Refusal: ``body-invalid``.
    """
    found = _FORM_TYPE.fullmatch(content_type)
    if found is None:
        raise Refusal("body-invalid", f"found Content-Type {content_type[:80]!a}", _FORM)
    return found[1] or found[2]
