"""How adapters ask: HTTP/1.1 over connections that are kept, as many as needed, with the parser of geventhttpclient.

Rule kept here: nobody waits for a connection: where none is idle a new one is made, and making it is part of the
response time. A request is sent once; what came back, or why nothing did, is told as it was.
"""

from __future__ import annotations

import errno
import ssl
from collections import deque
from contextlib import suppress
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

import gevent
import gevent.socket
import gevent.ssl
from gevent.lock import Semaphore
from geventhttpclient.response import HTTPParseError

from loadtests.adapters.base import Answer, NoAnswer, Request
from loadtests.locustfiles.links import PlainLink, SecureLink
from loadtests.locustfiles.wire import Parser, Rendered, render
from sim.errors import InputError

IDLE_MAX_S: Final = 3.0
"""Older idle connections are closed here: servers commonly close them after 5 s, and a request that crosses such a
close on its way would be lost for a reason that is not the exchange's."""
READ_GENTLY: Final = 4
"""Answers that may wait a little are read so many at a time: a burst of documents must not make arrivals late."""
_PEEK_AFTER_S: Final = 0.02
"""An idle connection is looked at before it is used again when it has been idle for longer."""
_NO_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})

Link = PlainLink | SecureLink


class Connections:
    """The ``Io`` of one worker; for greenlets only.

    Args:
        target: URL of the exchange.
        timeout_s: After which a request has got no answer, if it says nothing else.

    Raises:
        InputError: ``E-TARGET``: not a URL of an exchange.
    """

    def __init__(self, target: str, timeout_s: float) -> None:
        parts = urlsplit(target)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError("E-TARGET", f"found the target {target!r}", "such as http://127.0.0.1:8080")
        self.host = parts.netloc.rpartition("@")[2]
        self.opened = 0
        self.out_of_files = 0
        self._name = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._context = _trusting() if parts.scheme == "https" else None
        self._timeout_s = timeout_s
        self._addresses: list[tuple[int, Any]] = []
        self._idle: deque[Link] = deque()
        self._gate = Semaphore(READ_GENTLY)

    def request(self, request: Request, timeout_s: float | None = None) -> Answer:
        """Send a request and wait for its answer, of whatever status.

        Raises:
            NoAnswer: None came.
        """
        limit = gevent.Timeout(timeout_s or self._timeout_s, TimeoutError)
        limit.start()
        try:
            return self._ask(request)
        finally:
            limit.close()

    def gently(self, request: Request, timeout_s: float | None = None) -> Answer:
        """The same for what may wait a little: only some of these answers are read at a time.

        Raises:
            NoAnswer: None came.
        """
        limit = gevent.Timeout(timeout_s or self._timeout_s, TimeoutError)
        limit.start()
        try:
            return self._ask(request, self._gate)
        finally:
            limit.close()

    def tidy(self) -> None:
        """Close what has been idle for too long; to be called now and then."""
        before_s = perf_counter() - IDLE_MAX_S
        with suppress(IndexError):
            while self._idle[0].idle_since_s < before_s:
                self._idle.popleft().close()

    def close(self) -> None:
        """Close all that is idle."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _ask(self, request: Request, gate: Semaphore | None = None) -> Answer:
        """Send a request and wait for its answer.

        Raises:
            NoAnswer: None came.
        """
        wire = request.wire if type(request) is Rendered else render(request, self.host)
        parser = Parser("HEAD" if wire[0].startswith(b"HEAD ") else "POST")
        link = None
        sent_s = perf_counter()
        try:
            link = self._link()
            _exchange(link, wire, parser, gate)
            done_s = perf_counter()
        except TimeoutError:
            raise NoAnswer("timeout", "connecting" if link is None else "") from None
        except HTTPParseError as error:
            raise NoAnswer("malformed", str(error)) from None
        except OSError as error:
            raise NoAnswer("refused" if link is None else "reset", str(error)) from None
        finally:
            if link is not None:
                self._put_back(link, parser)
        headers = {name.lower(): value for name, value in parser.headers}
        return Answer(parser.get_code(), headers, parser.body, sent_s, done_s)

    def _link(self) -> Link:
        """An idle connection, or a new one."""
        now_s = perf_counter()
        with suppress(IndexError):
            while True:
                link = self._idle.pop()
                idle_s = now_s - link.idle_since_s
                if idle_s < IDLE_MAX_S and (idle_s < _PEEK_AFTER_S or link.quiet):
                    return link
                link.close()
        return self._connected()

    def _connected(self) -> Link:
        """A new connection to the first of the target's addresses that takes one."""
        if not self._addresses:
            found = gevent.socket.getaddrinfo(self._name, self._port, 0, gevent.socket.SOCK_STREAM)
            self._addresses = [(one[0], one[4]) for one in found]
        last: OSError = OSError("no address")
        for family, address in self._addresses:
            try:
                if self._context is None:
                    link: Link = PlainLink(family, address)
                else:
                    link = SecureLink(family, address, self._context, self._name)
            except TimeoutError:
                raise
            except OSError as error:
                self.out_of_files += error.errno in _NO_FILES
                last = error
            else:
                self.opened += 1
                return link
        raise last

    def _put_back(self, link: Link, parser: Parser) -> None:
        if parser.message_complete and not parser.should_close():
            link.idle_since_s = perf_counter()
            self._idle.append(link)
        else:
            link.close()


def _exchange(link: Link, wire: tuple[bytes, ...], parser: Parser, gate: Semaphore | None) -> None:
    """Send, and read until the answer is whole; from its second block on one of a few at a time, if there is a gate.

    Raises:
        OSError: The connection went.
        HTTPParseError: That is no HTTP.
    """
    with suppress(BrokenPipeError, ConnectionResetError):  # it may answer and close before it has read all
        link.send(wire)
    _read(link, parser, once=gate is not None)
    if gate is not None:
        with gate:
            _read(link, parser)


def _read(link: Link, parser: Parser, *, once: bool = False) -> None:
    """Read until the answer is whole, or one block of it.

    Raises:
        OSError: The connection went.
        HTTPParseError: That is no HTTP.
    """
    while not parser.message_complete or parser.get_code() < 200:
        if data := link.receive():
            parser.feed(data)
            if once:
                return
            continue
        with suppress(HTTPParseError):
            parser.feed(b"")  # an answer without a length ends here
        if parser.message_complete and parser.get_code() >= 200:
            return
        raise ConnectionResetError(errno.ECONNRESET, "closed before the answer was whole")


def _trusting() -> ssl.SSLContext:
    """TLS that checks certificate and name against what the system (or ``SSL_CERT_FILE``) trusts."""
    context: ssl.SSLContext = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context
