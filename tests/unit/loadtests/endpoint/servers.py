"""A service on a data directory of its own, asked in place or over a socket."""

from __future__ import annotations

import asyncio
import atexit
import json
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import uvloop
from cryptography import x509
from starlette.types import ASGIApp

from loadtests.endpoint import server as serving
from loadtests.endpoint.app import MESSAGES, build_app
from loadtests.endpoint.folder import Folder
from loadtests.endpoint.logs import Log
from loadtests.endpoint.service import Service
from loadtests.endpoint.settings import Settings
from loadtests.endpoint.store.base import Store
from loadtests.endpoint.store.opening import open_store
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.pki import issue_service
from loadtests.exchange.pki_keys import serial_number
from tests.unit.loadtests.authorities import AT, days, entropy, issuing, key, root
from tests.unit.loadtests.exchanges import BODY, NAME, crl, registry

BOUNDARY = "a-boundary-of-the-tests"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: float = AT

    def __call__(self) -> float:
        """The time, s since the epoch."""
        return self.now


def certificate() -> x509.Certificate:
    """The exchange's certificate."""
    public_key = key("exchange").public_key()
    serial = serial_number(entropy("exchange"))
    return issue_service(issuing(), NAME, "Văn phòng", public_key, serial=serial, validity=days(-10, 100))


def folder(path: Path) -> Folder:
    """The data directory of an exchange with the agencies of ``exchanges.registry``; not synced, which takes long."""
    shutil.copytree(_pattern(), path)
    return Folder(path)


@cache
def _pattern() -> Path:
    """One such directory, made once."""
    path = Path(mkdtemp(prefix="exchange-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    made = Folder(path)
    made.make()
    made.write_identity(NAME, key("exchange"), certificate())
    made.write_authorities([root().certificate], [issuing().certificate])
    made.write_registry(registry())
    for authority in (root(), issuing()):
        made.write_crl(crl(authority))
    return path


@dataclass
class Exchange:
    """A service and what belongs to it."""

    service: Service
    store: Store
    clock: Clock
    lines: list[dict[str, Any]] = field(default_factory=list)
    stop: Callable[[], None] = lambda: None

    @cached_property
    def app(self) -> ASGIApp:
        """The application."""
        return build_app(self.service)

    @property
    def issuer(self) -> Issuer:
        """The exchange as partners know it."""
        return self.service.identity.issuer

    def told(self, event: str) -> list[dict[str, Any]]:
        """What the log says of such events."""
        return [line for line in self.lines if line["event"] == event]


def made(path: Path, store: Store, clock: Clock | None = None, **settings: Any) -> Exchange:
    """An exchange that has not started, on a folder that is made where it is missing."""
    at = Folder(path) if (path / "exchange").exists() else folder(path)
    clock = clock or Clock()
    lines: list[dict[str, Any]] = []
    log = Log(lambda line: lines.append(json.loads(line)), clock)
    quick: dict[str, Any] = {"port": 0, "checkpoint_s": 0.01}
    service = Service(Settings(path, **quick | settings), at, store, clock, entropy_of, log)
    return Exchange(service, store, clock, lines)


def entropy_of(size_bytes: int) -> bytes:
    """Bytes that stand in for random ones."""
    return bytes(range(size_bytes))


@asynccontextmanager
async def started(path: Path, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Exchange]:
    """An exchange on SQLite, started on this loop."""
    store = open_store(path / "store.sqlite3") if path.exists() else open_store(folder(path).store_path)
    try:
        exchange = made(path, store, clock, **settings)
        await exchange.service.start()
        try:
            yield exchange
        finally:
            await exchange.service.stop()
    finally:
        store.close()


@contextmanager
def listening(path: Path, **settings: Any) -> Iterator[tuple[str, Exchange]]:
    """An exchange behind a real socket, in a thread of its own; its URL and itself."""
    store = open_store(folder(path).store_path)
    try:
        exchange = made(path, store, **settings)
        url: list[str] = []
        ready = threading.Event()

        def told(found: str) -> None:
            url.append(found)
            ready.set()

        async def main() -> None:
            with serving.bound(exchange.service.settings) as at:
                await exchange.service.start()
                try:
                    server = serving.Server(exchange.service, told)
                    exchange.stop = lambda: setattr(server, "should_exit", True)
                    await server.serve([at])
                finally:
                    await exchange.service.stop()

        def run() -> None:
            try:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runner.run(main())
            finally:
                ready.set()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            assert ready.wait(10)
            assert url, "the server did not start"
            yield url[0], exchange
        finally:
            exchange.stop()
            thread.join(20)
    finally:
        store.close()


# --- requests ---------------------------------------------------------------------------------------------------


def form(*parts: tuple[str, str, bytes], boundary: str = BOUNDARY) -> bytes:
    """A body of parts, each with its name, its content type and its bytes."""
    lines: list[bytes] = []
    for name, media_type, content in parts:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {media_type}'
        lines += [head.encode(), b"\r\n\r\n", content, b"\r\n"]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def body_of(compact: bytes, *documents: bytes) -> bytes:
    """The body of a submission; with one document of ``BODY`` where none is given."""
    sent = documents or (BODY,)
    parts = (("document", "application/pdf", one) for one in sent)
    return form(("manifest", "application/jose", compact), *parts)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the problem document."""
        found: str = self.json()["code"]
        return found


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    pieces: list[bytes] | None = None,
    *,
    headers: dict[str, str] | None = None,
    ends: bool = True,
) -> Answer:
    """One request to an application, in place.

    Args:
        app: The application.
        method: GET or POST.
        path: Without a query.
        pieces: The body as it comes; what is read is taken out.
        headers: Of the request, lower case.
        ends: False where the sender goes away after the last piece.
    """
    waiting = [b""] if pieces is None else pieces
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        if not waiting:
            return {"type": "http.disconnect"}
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting) or not ends}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    start = sent[0]
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(one.get("body", b"") for one in sent[1:]))


async def submit(
    exchange: Exchange, *pieces: bytes, headers: dict[str, str] | None = None, ends: bool = True
) -> Answer:
    """One submission, its body in these pieces."""
    length = {"content-length": str(sum(map(len, pieces)))} if ends else {}
    said = {"content-type": FORM} | length | (headers or {})
    return await ask(exchange.app, "POST", MESSAGES, list(pieces), headers=said, ends=ends)
