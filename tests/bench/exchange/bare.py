"""The named references of the bench: the framework's empty answer, and a bare pipeline without a protocol.

``/bare`` does what no exchange with signed receipts can leave out, and nothing more: parse the multipart body as
Starlette does it (``request.form``), verify one P-256 signature, make one, store one row in a group commit with the
exchange's own durability of SQLite. ``/tuned`` does the same as quickly as we know how: with the parser that the
exchange uses, and rows handed to the writer once for each turn of the event loop, so that it wakes seldom.
``/empty`` answers 200. All run in Starlette on uvicorn, as the exchange does.

    python -m tests.bench.exchange.bare --port 8901 --database bare.sqlite3 --sync-s 0
"""

from __future__ import annotations

import argparse
import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import uvicorn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from multipart import PushMultipartParser, parse_options_header
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

GROUP_MAX = 256
_ECDSA = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class _Row:
    values: tuple[bytes, bytes, bytes]
    stored: asyncio.Future[None]


class _Writer(threading.Thread):
    """One thread that stores whatever waits, in one transaction."""

    def __init__(self, database: Path, sync_s: float, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(daemon=True)
        self._database, self._sync_s, self._loop = database, sync_s, loop
        self._queue: queue.SimpleQueue[list[_Row]] = queue.SimpleQueue()
        self._asked: list[_Row] = []

    def store_now(self, row: _Row) -> None:
        """Hand the row over at once; what waits when the writer looks is one group."""
        self._queue.put([row])

    def store_soon(self, row: _Row) -> None:
        """Hand over once for each turn of the loop: waking the thread for every row costs more than storing it."""
        if not self._asked:
            self._loop.call_soon(self._hand_over)
        self._asked.append(row)

    def _hand_over(self) -> None:
        asked, self._asked = self._asked, []
        self._queue.put(asked)

    def run(self) -> None:
        connection = sqlite3.connect(self._database, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(
            "CREATE TABLE rows (id INTEGER PRIMARY KEY, message BLOB, document BLOB, receipt BLOB)"
        )
        while True:
            group = self._queue.get()
            while len(group) < GROUP_MAX and not self._queue.empty():
                group += self._queue.get()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO rows (message, document, receipt) VALUES (?, ?, ?)",
                [row.values for row in group],
            )
            connection.execute("COMMIT")
            if self._sync_s:
                time.sleep(self._sync_s)
            self._loop.call_soon_threadsafe(_resolve, group)


def _resolve(group: list[_Row]) -> None:
    for row in group:
        row.stored.set_result(None)


class Bare:
    """The two references as a Starlette application.

    Args:
        database: SQLite file of the bare pipeline, made anew.
        sync_s: How much longer each commit takes, s.
    """

    def __init__(self, database: Path, sync_s: float) -> None:
        self._database, self._sync_s = database, sync_s
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._public = self._key.public_key()
        self._signature = self._key.sign(b"what every request verifies", _ECDSA)
        self._writer: _Writer | None = None

    def app(self) -> Starlette:
        """The application."""
        routes = [
            Route("/empty", self.empty, methods=["POST"]),
            Route("/bare", self.bare, methods=["POST"]),
            Route("/tuned", self.tuned, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def empty(self, request: Request) -> Response:
        """Read the body and answer 200."""
        async for _ in request.stream():
            pass
        return Response()

    async def bare(self, request: Request) -> Response:
        """Parse with the framework's own parser, verify, sign, store; answer 201."""
        async with request.form() as form:
            message, document = form["manifest"], form["document"]
            if not isinstance(message, str) or not isinstance(document, UploadFile):
                return Response(status_code=400)
            return await self._kept(message.encode(), await document.read(), self._started().store_now)

    async def tuned(self, request: Request) -> Response:
        """The same with the exchange's parser and fewer wake-ups."""
        _, options = parse_options_header(request.headers["content-type"])
        parts: list[bytearray] = []
        with PushMultipartParser(options["boundary"], strict=True) as parser:
            async for chunk in request.stream():
                for event in parser.parse(chunk) if chunk else ():
                    if event is None:
                        continue
                    if isinstance(event, bytes | bytearray):
                        parts[-1] += event
                    else:
                        parts.append(bytearray())
        message, document = (bytes(part) for part in parts)
        return await self._kept(message, document, self._started().store_soon)

    def _started(self) -> _Writer:
        if self._writer is None:
            self._writer = _Writer(self._database, self._sync_s, asyncio.get_running_loop())
            self._writer.start()
        return self._writer

    async def _kept(self, message: bytes, document: bytes, store: Callable[[_Row], None]) -> Response:
        sha256(document).digest()
        self._public.verify(self._signature, b"what every request verifies", _ECDSA)
        receipt = self._key.sign(message, _ECDSA)
        stored = asyncio.get_running_loop().create_future()
        store(_Row((message, document, receipt), stored))
        await stored
        return Response(receipt, status_code=201)


def main() -> None:
    """Serve the references on a loopback port."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--database", type=Path, required=True)
    options.add_argument("--sync-s", type=float, default=0.0)
    given = options.parse_args()
    app = Bare(given.database, given.sync_s).app()
    uvicorn.run(
        app,
        port=given.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
    )


if __name__ == "__main__":
    main()
