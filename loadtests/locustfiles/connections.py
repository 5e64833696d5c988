"""How adapters ask: HTTP/1.1 over connections that are kept, as many as needed, with the parser of geventhttpclient.

Rule kept here: nobody waits for a connection: where none is idle a new one is made, and making it is part of the
response time. A request is sent once; what came back, or why nothing did, is told as it was.
"""

from __future__ import annotations

import errno
import select
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

import gevent
import gevent.socket
import gevent.ssl
from gevent.monkey import get_original
from geventhttpclient.response import HTTPParseError, HTTPResponse

from loadtests.adapters.base import Answer, NoAnswer, Request
from sim.errors import InputError

IDLE_MAX_S: Final = 3.0
"""Older idle connections are closed here: servers commonly close them after 5 s, and a request that crosses such a
close on its way would be lost for a reason that is not the exchange's."""
_PEEK_AFTER_S: Final = 0.02
"""An idle connection is looked at before it is used again when it has been idle for longer."""
LARGE_BYTES: Final = 16_384
"""Pieces of a request below this are joined; larger ones are sent from where they lie."""
_END: Final = b"\r\n\r\n"
_BLOCK_BYTES: Final = 65_536
_PIECES_AT_ONCE: Final = 64
_READ: Final = 1
_WRITE: Final = 2
_NO_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})
_native_socket: Final = get_original("socket", "socket")


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


class _Parser(HTTPResponse):
    """An answer as it comes in."""

    @property
    def body(self) -> bytes:
        """What has come of its body."""
        return bytes(self._body_buffer)


class _Plain:
    """A connection without TLS: a native socket that never blocks, and the hub waits for it."""

    __slots__ = ("_hub", "_read", "_socket", "_write", "idle_since_s")

    def __init__(self, family: int, address: Any) -> None:
        self.idle_since_s = 0.0
        self._hub = gevent.get_hub()
        self._socket = _native_socket(family, gevent.socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._read = self._hub.loop.io(self._socket.fileno(), _READ)
        self._write = self._hub.loop.io(self._socket.fileno(), _WRITE)
        try:
            self._socket.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            self._connect(address)
        except BaseException:
            self.close()
            raise

    def _connect(self, address: Any) -> None:
        code = self._socket.connect_ex(address)
        if code == errno.EINPROGRESS:
            self._hub.wait(self._write)
            code = self._socket.getsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_ERROR)
        if code:
            raise OSError(code, "no connection")

    def send(self, wire: tuple[bytes, ...]) -> None:
        """Hand over all of it."""
        if len(wire) == 1:
            try:
                sent = self._socket.send(wire[0])
            except BlockingIOError:
                sent = 0
            if sent == len(wire[0]):
                return
            wire = (wire[0][sent:],)
        rest = [memoryview(piece) for piece in wire]
        while rest:
            try:
                sent = self._socket.sendmsg(rest[:_PIECES_AT_ONCE])
            except BlockingIOError:
                self._hub.wait(self._write)
                continue
            while rest and sent >= len(rest[0]):
                sent -= len(rest.pop(0))
            if sent:
                rest[0] = rest[0][sent:]

    def receive(self) -> bytes:
        """Wait for some bytes; empty at the end."""
        while True:
            self._hub.wait(self._read)
            try:
                data: bytes = self._socket.recv(_BLOCK_BYTES)
            except BlockingIOError:
                continue
            return data

    @property
    def quiet(self) -> bool:
        """Neither closed from the other side nor with bytes that nobody asked for."""
        try:
            self._socket.recv(1, gevent.socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Take it down."""
        self._read.close()
        self._write.close()
        self._socket.close()


class _Secure:
    """A connection with TLS; the certificate is always checked."""

    __slots__ = ("_socket", "idle_since_s")

    def __init__(self, family: int, address: Any, context: ssl.SSLContext, host: str) -> None:
        self.idle_since_s = 0.0
        bare = gevent.socket.socket(family, gevent.socket.SOCK_STREAM)
        try:
            bare.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            bare.connect(address)
            self._socket = context.wrap_socket(bare, server_hostname=host)
        except BaseException:
            bare.close()
            raise

    def send(self, wire: tuple[bytes, ...]) -> None:
        """Hand over all of it."""
        for piece in wire:
            self._socket.sendall(piece)

    def receive(self) -> bytes:
        """Wait for some bytes; empty at the end."""
        return self._socket.recv(_BLOCK_BYTES)

    @property
    def quiet(self) -> bool:
        """Neither closed from the other side nor with bytes that nobody asked for."""
        watched = get_original("select", "poll")()
        watched.register(self._socket.fileno(), select.POLLIN)
        return not watched.poll(0)

    def close(self) -> None:
        """Take it down."""
        self._socket.close()


def _trusting() -> ssl.SSLContext:
    """TLS that checks certificate and name against what the system (or ``SSL_CERT_FILE``) trusts."""
    context: ssl.SSLContext = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context


class Connections:
    """The ``Io`` of one worker; for greenlets only.

    Args:
        target: URL of the exchange.
        timeout_s: After which a request has got no answer, if it says nothing else.
        counter: Counts seconds.

    Raises:
        InputError: ``E-TARGET``: not a URL of an exchange.
    """

    def __init__(self, target: str, timeout_s: float, counter: Callable[[], float] = perf_counter) -> None:
        parts = urlsplit(target)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError("E-TARGET", f"found the target {target!r}", "such as http://127.0.0.1:8080")
        self.host = parts.netloc.rpartition("@")[2]
        self.opened = 0
        self.out_of_files = 0
        self._name = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._context = _trusting() if parts.scheme == "https" else None
        self._timeout_s = timeout_s
        self._counter = counter
        self._addresses: list[tuple[int, Any]] = []
        self._idle: deque[_Plain | _Secure] = deque()

    def request(self, request: Request, timeout_s: float | None = None) -> Answer:
        """Send a request and wait for its answer, of whatever status.

        Raises:
            NoAnswer: None came.
        """
        wire = request.wire if type(request) is Rendered else render(request, self.host)
        parser = _Parser("HEAD" if wire[0].startswith(b"HEAD ") else "POST")
        limit = gevent.Timeout(timeout_s or self._timeout_s)
        limit.start()
        link = None
        sent_s = self._counter()
        try:
            link = self._link()
            self._exchange(link, wire, parser)
            done_s = self._counter()
        except gevent.Timeout as late:
            if late is not limit:
                raise
            raise NoAnswer("timeout", "connecting" if link is None else "") from None
        except HTTPParseError as error:
            raise NoAnswer("malformed", str(error)) from None
        except OSError as error:
            raise NoAnswer("refused" if link is None else "reset", str(error)) from None
        finally:
            limit.close()
            if link is not None:
                self._put_back(link, parser)
        headers = {name.lower(): value for name, value in parser.headers}
        return Answer(parser.get_code(), headers, parser.body, sent_s, done_s)

    def tidy(self) -> None:
        """Close what has been idle for too long; to be called now and then."""
        before_s = self._counter() - IDLE_MAX_S
        while self._idle and self._idle[0].idle_since_s < before_s:
            self._idle.popleft().close()

    def close(self) -> None:
        """Close all that is idle."""
        while self._idle:
            self._idle.pop().close()

    @staticmethod
    def _exchange(link: _Plain | _Secure, wire: tuple[bytes, ...], parser: _Parser) -> None:
        """Send, and read until the answer is whole.

        Raises:
            OSError: The connection went.
            HTTPParseError: That is no HTTP.
        """
        with suppress(
            BrokenPipeError, ConnectionResetError
        ):  # it may answer and close before it has read all
            link.send(wire)
        while not parser.message_complete or parser.get_code() < 200:
            if data := link.receive():
                parser.feed(data)
                continue
            with suppress(HTTPParseError):
                parser.feed(b"")  # an answer without a length ends here
            if parser.message_complete and parser.get_code() >= 200:
                return
            raise ConnectionResetError(errno.ECONNRESET, "closed before the answer was whole")

    def _link(self) -> _Plain | _Secure:
        """An idle connection, or a new one."""
        now_s = self._counter()
        while self._idle:
            link = self._idle.pop()
            idle_s = now_s - link.idle_since_s
            if idle_s < IDLE_MAX_S and (idle_s < _PEEK_AFTER_S or link.quiet):
                return link
            link.close()
        return self._connected()

    def _connected(self) -> _Plain | _Secure:
        """A new connection to the first of the target's addresses that takes one."""
        if not self._addresses:
            found = gevent.socket.getaddrinfo(self._name, self._port, 0, gevent.socket.SOCK_STREAM)
            self._addresses = [(one[0], one[4]) for one in found]
        last: OSError = OSError("no address")
        for family, address in self._addresses:
            try:
                if self._context is None:
                    link: _Plain | _Secure = _Plain(family, address)
                else:
                    link = _Secure(family, address, self._context, self._name)
            except OSError as error:
                self.out_of_files += error.errno in _NO_FILES
                last = error
            else:
                self.opened += 1
                return link
        raise last

    def _put_back(self, link: _Plain | _Secure, parser: _Parser) -> None:
        if parser.message_complete and not parser.should_close():
            link.idle_since_s = self._counter()
            self._idle.append(link)
        else:
            link.close()
