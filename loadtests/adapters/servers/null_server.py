"""A server that does next to nothing, for the generator's own ceiling; or one whose capacity is known exactly.

Rule kept here: every POST is counted once, by its ``x-message-id``, and answered with a receipt that names this id; a
calibrated server's capacity is ``servers`` / ``service``, however late its loop or its clock's ticks are.

With ``--service-ms`` it is a queue with one line and ``--servers`` places, as M/D/c: a message takes a place for
exactly so long, from the end of the one before it or from its arrival, whichever is later. The ends are computed, not
slept; an answer goes out at its end, or up to a millisecond later, which is the tick of the loop's timers.

    python -m loadtests.adapters.servers.null_server --port 0 [--service-ms 5 --servers 2]
    POST any path: 201 and the receipt      GET /stats: {"requests": n, "unique": n}      GET any other: an empty inbox
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import re
import signal
import socket
from collections.abc import Callable
from typing import Final, cast

import uvloop

from loadtests.adapters.servers.saying import end_with_stdin, open_many_files, say_ready

BACKLOG: Final = 4096
HEADER_BYTES_MAX: Final = 64 * 1024
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ID: Final = re.compile(rb"\r\nx-message-id: *([^\r]*)", re.IGNORECASE)
_END: Final = b"\r\n\r\n"
_HEAD: Final = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_RECEIPT: Final = b'{"accepted":"%s"}'
_INBOX: Final = b'{"entries":[],"next":-1}'
_BAD: Final = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def receipt_of(message_id: str) -> bytes:
    """The receipt of a message."""
    return _RECEIPT % message_id.encode("latin-1")


class Queue:
    """One line and some places; each message takes a place for the same time.

    Args:
        service_s: How long, s.
        servers: Places.
    """

    def __init__(self, service_s: float, servers: int) -> None:
        self._service_s = service_s
        self._free_s = [0.0] * servers

    def end_s(self, now_s: float) -> float:
        """When a message that arrives now will be done."""
        end_s = max(now_s, self._free_s[0]) + self._service_s
        heapq.heapreplace(self._free_s, end_s)
        return end_s


class Counted:
    """What came, and how it is answered.

    Args:
        queue: The line that messages wait in; None to answer at once.
    """

    def __init__(self, queue: Queue | None) -> None:
        self.queue = queue
        self.requests = 0
        self.ids: set[bytes] = set()

    def stats(self) -> bytes:
        """How many messages came, and how many different ones."""
        return json.dumps({"requests": self.requests, "unique": len(self.ids)}).encode("ascii")


class Connection(asyncio.Protocol):
    """One connection: requests one after another, each answered before the next is expected.

    Args:
        counted: Of the server.
        loop: The running loop.
    """

    def __init__(self, counted: Counted, loop: asyncio.AbstractEventLoop) -> None:
        self._counted = counted
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._write: Callable[[bytes], None] = lambda _: None
        self._held = b""
        self._skip_bytes = 0
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        """End; what is answered later goes nowhere."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take what came: a body is counted, never looked at."""
        if self._skip_bytes:
            if len(data) < self._skip_bytes:
                self._skip_bytes -= len(data)
                return
            data = data[self._skip_bytes :]
            self._skip_bytes = 0
            self._done()
        if self._held:
            data = self._held + data
            self._held = b""
        while data:
            end = data.find(_END)
            if end < 0:
                self._held = data
                if len(data) > HEADER_BYTES_MAX:
                    self._refuse()
                return
            found = _LENGTH.search(data, 0, end + 2)
            body_bytes = int(found[1]) if found else 0
            self._take(data[: end + 2])
            rest = len(data) - end - 4 - body_bytes
            if rest < 0:
                self._skip_bytes = -rest
                return
            data = data[len(data) - rest :] if rest else b""
            self._done()

    def _take(self, head: bytes) -> None:
        """Make the answer to a request whose head is here."""
        if head.startswith(b"POST "):
            named = _ID.search(head)
            id_ = named[1] if named else b""
            self._counted.requests += 1
            self._counted.ids.add(id_)
            body = _RECEIPT % id_
            self._answer = _HEAD % (b"201 Created", len(body)) + body
        else:
            body = self._counted.stats() if head.startswith(b"GET /stats") else _INBOX
            self._answer = b""
            self._write(_HEAD % (b"200 OK", len(body)) + body)

    def _done(self) -> None:
        """All of a request is here: answer it, now or when its turn has come."""
        answer, queue = self._answer, self._counted.queue
        if not answer:
            return
        if queue is None:
            self._write(answer)
            return
        self._loop.call_at(queue.end_s(self._loop.time()), self._answer_later, answer)

    def _answer_later(self, answer: bytes) -> None:
        if self._transport is not None:
            self._write(answer)

    def _refuse(self) -> None:
        if self._transport is not None:
            self._write(_BAD)
            self._transport.close()


async def serve(host: str, port: int, queue: Queue | None, on_ready: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        host: Address to listen on.
        port: TCP port, 0 for any.
        queue: Of a calibrated server; None for a null server.
        on_ready: Told the URL.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stopped.set)
    counted = Counted(queue)
    listening = socket.create_server((host, port), backlog=BACKLOG)
    server = await loop.create_server(lambda: Connection(counted, loop), sock=listening, backlog=BACKLOG)
    on_ready(f"http://{host}:{listening.getsockname()[1]}")
    await stopped.wait()
    server.close()


def main() -> None:
    """Serve as the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=0)
    options.add_argument(
        "--service-ms", type=float, default=0.0, help="each message takes a place for so long"
    )
    options.add_argument("--servers", type=int, default=1, help="places")
    options.add_argument("--while-stdin", action="store_true", help="end with the standard input")
    given = options.parse_args()
    if given.service_ms < 0 or given.servers < 1:
        options.error("--service-ms is 0 or more, --servers at least 1")
    open_many_files()
    if given.while_stdin:
        end_with_stdin()
    queue = Queue(given.service_ms / 1000, given.servers) if given.service_ms else None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(given.host, given.port, queue, say_ready))


if __name__ == "__main__":
    main()
