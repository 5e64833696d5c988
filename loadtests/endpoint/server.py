"""The server process: sockets, the loop, signals, and what uvicorn itself does not bound.

Rule kept here: a connection that sends nothing, or too much, or too slowly, is ended by a limit of ``settings``; a
process that is told to stop answers what it has begun.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from loadtests.endpoint.app import build_app
from loadtests.endpoint.folder import Folder
from loadtests.endpoint.logs import Lines, Log
from loadtests.endpoint.problems import Answer, problem
from loadtests.endpoint.service import Service
from loadtests.endpoint.settings import ServerError, Settings
from loadtests.endpoint.store.opening import open_store
from loadtests.exchange.errors import Refusal

BACKLOG: Final = 1024
"""Connections that wait to be taken: all clients of a load test may come at once."""


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with limits; one for each connection.

    ``_framing_bytes`` counts what came since the last byte of a body or the end of a request: a header, and of a
    chunked body its chunk sizes and trailers, which nothing else bounds.
    """

    settings: Settings

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._framing_bytes = 0
        self._in_header = True
        self._follows = False  # it began among bytes that were counted for the request before it
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._last: Refusal | None = None  # said when all that came before it has been answered

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin; the first header must come in time."""
        super().connection_made(transport)
        if len(self.connections) > self.settings.connections_max:
            self._end(Refusal("too-many-in-flight", "too many connections are open", "send it again later"))
        else:
            self._hurry()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; no timer is left."""
        self._calm()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; what is not finished thereby must be so in time."""
        if self._last is not None:
            return
        self._framing_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._framing_bytes > self.settings.header_bytes_max:
            self._end(_too_large(self.settings))
        elif self._framing_bytes if self._in_header else self.cycle.response_complete:
            self._hurry()  # half a header, or a body that nobody reads any more

    def on_message_begin(self) -> None:
        """The next request begins; perhaps with the last bytes that came with the one before."""
        self._follows = not self._framing_bytes
        self._framing_bytes = self._framing_bytes or 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Take the request, unless its header is too large or can be read in two ways."""
        self._calm()
        if self.transport.is_closing() or self._last is not None:
            return
        if self._follows or self._framing_bytes > self.settings.header_bytes_max:
            size_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size_bytes > self.settings.header_bytes_max:
                self._end(_too_large(self.settings))
                return
        if fault := self._ambiguous():
            self._end(_not_http(fault))
            return
        self._in_header = False
        super().on_headers_complete()

    def _ambiguous(self) -> str | None:
        """What of a header somebody else might read in another way than we do."""
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            return f"found {hosts} lines Host"  # RFC 9112 §3.2
        if self.parser.should_upgrade() and (b"content-length" in names or b"transfer-encoding" in names):
            return "found a body behind an upgrade"  # the parser would take it for the next request
        return None

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._framing_bytes = 0
        if not self._in_header and not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there; the next one may begin."""
        self._calm()
        self._framing_bytes = 0
        taken, self._in_header = not self._in_header, True
        if taken and not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is out; after the last one the connection may have to end."""
        if self._last is not None and not self.pipeline and not self.transport.is_closing():
            self._end(self._last)
        else:
            super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn says the same of everything
        """Answer what is no HTTP."""
        self._end(_not_http("found bytes that are no request"))

    def eof_received(self) -> bool:  # type: ignore[override] # as asyncio has it
        """The client has said all that it will say; where it asked something, it still waits for the answer."""
        waits = (
            self._in_header and not getattr(self.cycle, "response_complete", True) and self.scheme == "http"
        )
        if waits:
            self.cycle.keep_alive = False
        return waits

    def _unsupported_upgrade_warning(self) -> None:
        """Another protocol was asked for and is not spoken: what follows is not read, so nobody shall wait for it."""
        self.cycle.keep_alive = False

    def pause_writing(self) -> None:
        """The client reads too little: give it a while."""
        super().pause_writing()
        self._writing = self.loop.call_later(self.settings.write_s_max, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        super().resume_writing()

    def _hurry(self) -> None:
        if self._reading is None:
            self._reading = self.loop.call_later(self.settings.header_s_max, self.transport.close)

    def _calm(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _end(self, refusal: Refusal) -> None:
        """Answer and close; what was asked before, as a whole, is answered first."""
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn has none before the first request
        answered = cycle is None or cycle.response_complete
        if self._in_header and not answered:
            self._last = refusal
            return
        if answered or not self.cycle.response_started:
            self.transport.write(_raw(problem(refusal, headers=((b"connection", b"close"),))))
        if not answered:  # its own body was broken: nothing comes any more, and nobody would read an answer
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def _too_large(settings: Settings) -> Refusal:
    return Refusal("header-too-large", "the header has more bytes", f"at most {settings.header_bytes_max}")


def _not_http(found: str) -> Refusal:
    return Refusal("request-malformed", found, "one request after the other, as RFC 9112 has them")


def _raw(answer: Answer) -> bytes:
    """An answer as it goes over the line, where there is no request to answer."""
    lines = b"".join(b"%s: %s\r\n" % header for header in answer.all_headers)
    return STATUS_LINE[answer.status] + lines + b"\r\n" + answer.body


class Server(uvicorn.Server):
    """uvicorn's server for one service, which tells when it is ready and leaves the process alive when it ends.

    Args:
        service: One that has started.
        on_ready: Told the URL when connections are taken.
    """

    def __init__(self, service: Service, on_ready: Callable[[str], object]) -> None:
        settings = service.settings
        super().__init__(
            uvicorn.Config(
                build_app(service),
                http=type("BoundProtocol", (Protocol,), {"settings": settings}),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",  # what it would tell, the log of the service tells
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=settings.keep_alive_s_max,
                timeout_graceful_shutdown=settings.stop_s_max,
                ssl_certfile=settings.tls_certificate,
                ssl_keyfile=settings.tls_key,
            )
        )
        self._service = service
        self._on_ready = on_ready
        try:
            self.config.load()
        except (OSError, ssl.SSLError) as error:
            found = f"the TLS certificate or its key cannot be used: {error.strerror or type(error).__name__}"
            raise ServerError(
                "tls-unusable", found, "a certificate with its chain, and its key, in PEM"
            ) from None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections, then tell."""
        await super().startup(sockets)
        for one in sockets or ():
            self._on_ready(_url(one, tls=self.config.is_ssl))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and let those end that only wait."""
        self._service.retire()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in good order at the first signal; uvicorn itself would end the process before we are done."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        wanted = (signal.SIGTERM, signal.SIGINT)
        for one in wanted:
            loop.add_signal_handler(one, self.handle_exit, one, None)
        try:
            yield
        finally:
            for one in wanted:
                loop.remove_signal_handler(one)


def bound(settings: Settings) -> socket.socket:
    """A socket at the address of the settings.

    Raises:
        ServerError: ``address-unavailable``.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        found = f"cannot listen on {settings.host} port {settings.port}: {error.strerror}"
        raise ServerError("address-unavailable", found, "another --host or --port") from None


async def run(service: Service, listening: socket.socket, on_ready: Callable[[str], object]) -> None:
    """Serve until a signal comes, then finish what was begun.

    Args:
        service: One that has not started.
        listening: Where; closed in the end.
        on_ready: Told the URL when connections are taken.

    Raises:
        ServerError: ``tls-unusable``.
    """
    with listening:
        await service.start()
        try:
            await Server(service, on_ready).serve([listening])
        finally:
            await service.stop()


def serve(
    settings: Settings,
    on_ready: Callable[[str], object] | None = None,
    *,
    password: bytes | None = None,
    clock: Callable[[], float] = time.time,
    random: Callable[[int], bytes] = os.urandom,
) -> None:
    """Run an exchange in this process until SIGTERM or SIGINT; its log goes to the standard error output.

    Args:
        settings: How.
        on_ready: Told the URL when connections are taken; the log tells it as well.
        password: Of the exchange's private key, where it has one.
        clock: s since the epoch, UTC.
        random: So many random bytes.

    Raises:
        ServerError: ``clock-behind``, ``address-unavailable``, ``tls-unusable``.
        FolderError: ``folder-in-use``, ``folder-missing``, or what is wrong in the folder.
        StoreError: The store cannot be opened.
        Refusal: ``store-unavailable``.
    """
    folder = Folder(settings.data)
    lines = Lines(sys.stderr.write)
    log = Log(lines, clock)

    def ready(url: str) -> None:
        log.tell("listening", url=url)
        if on_ready is not None:
            on_ready(url)

    with folder.lock():
        store = open_store(settings.database or folder.store_path)
        try:
            service = Service(settings, folder, store, clock, random, log, password)
            listening = bound(settings)
            gc.freeze()  # what is there now stays; the collector need not look at it again and again
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(run(service, listening, ready))
        finally:
            lines.flush()
            store.close()


def _url(listening: socket.socket, *, tls: bool) -> str:
    host, port = listening.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
