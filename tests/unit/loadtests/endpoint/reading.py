"""A real service with its store, writer and folder, and clients that sign requests and read from it in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from loadtests.endpoint import log_reads, openapi, pages, public_reads, reads
from loadtests.endpoint.folder import Folder
from loadtests.endpoint.logs import Log
from loadtests.endpoint.problems import problem
from loadtests.endpoint.service import Service
from loadtests.endpoint.settings import Settings
from loadtests.endpoint.store.opening import open_store
from loadtests.exchange import events, jws
from loadtests.exchange.acceptance import Accepted, accept
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.reporting import Taken, report
from loadtests.exchange.requests import sign_request
from loadtests.exchange.verification import Received
from tests.unit.loadtests import exchanges, manifests
from tests.unit.loadtests.authorities import AT, issuing, key, leaf, root
from tests.unit.loadtests.endpoint import folders
from tests.unit.loadtests.exchanges import BODY, NAME, SECOND, SENDER, THIRD

URL = "https://exchange.test"
REF = f"{SENDER}:message-0001"
PARTS: tuple[ModuleType, ...] = (public_reads, reads, log_reads, openapi, pages)


class Clock:
    """A clock that stands until it is set; it begins a moment after the certificates count."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> float:
        """The time."""
        return float(self.now)


class Exchange:
    """A running service, its application, and what a test does to both.

    Args:
        service: Started.
        clock: What it reads the time from.
        lines: What it told its operator.
    """

    def __init__(self, service: Service, clock: Clock, lines: list[str]) -> None:
        self.service, self.clock, self.lines = service, clock, lines
        self.bodies: dict[str, bytes] = {}
        self.app = application(service)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=URL)
        self._nonces = map("nonce-of-a-test-{:06d}".format, count())
        clock.now += 2  # what is signed from now on was not taken by any server before this one

    async def send(self, number: int = 1, **changes: Any) -> bytes:
        """Have message ``number`` from ``SENDER`` to the other two accepted; its receipt."""
        compact = exchanges.numbered(number, **changes)
        outcome = await self.service.run(accept(compact, self.service.terms), self._receive)
        assert isinstance(outcome, Accepted), outcome
        return outcome.receipt

    async def refuse(self, number: int = 1, **changes: Any) -> None:
        """Have message ``number`` refused."""
        compact = exchanges.numbered(number, **changes)
        outcome = await self.service.run(accept(compact, self.service.terms), self._receive)
        assert not isinstance(outcome, Accepted)

    async def tell(self, recipient: str, **values: Any) -> bytes:
        """Have an event of message 1 taken; its evidence."""
        said = {
            "event_id": "event-0001",
            "message_id": "message-0001",
            "sender": SENDER,
            "recipient": recipient,
            "action": "accept",
            "reported_at": self.clock.now,
            "audience": NAME,
        } | values
        signer = thumbprint(leaf(recipient, code=recipient))
        payload = manifests.as_bytes(said)
        compact = jws.sign(payload, key(recipient), signer, at=self.clock.now, typ=events.EVENT_TYPE)
        outcome = await self.service.run(report(compact, self.service.terms))
        assert isinstance(outcome, Taken), outcome
        return outcome.evidence

    async def _receive(self, content: Manifest) -> tuple[Received, ...]:
        return tuple(self._received(self.bodies.get(one.name, BODY)) for one in content.documents)

    def _received(self, body: bytes) -> Received:
        if len(body) <= self.service.settings.inline_bytes_max:
            return Received(sha256(body).digest(), len(body), body)
        incoming = self.service.blobs.incoming()
        incoming.write(body)
        incoming.keep()
        return Received(incoming.sha256, incoming.size_bytes, None)

    def signature(self, agency: str, target: str, method: str = "GET", **changes: Any) -> dict[str, str]:
        """The header of a request that an agency signs now."""
        values: dict[str, Any] = {
            "at": self.clock.now,
            "nonce": next(self._nonces),
            "url": URL + target,
        } | changes
        url, at, nonce = values.pop("url"), values.pop("at"), values.pop("nonce")
        certificate = thumbprint(leaf(agency, code=agency))
        return sign_request(method, url, None, key(agency), certificate, at=at, nonce=nonce, **values)

    async def get(
        self,
        target: str,
        agency: str | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to a request, signed where an agency is named."""
        signed = {} if agency is None else self.signature(agency, target, method)
        return await self.client.request(method, target, headers={**signed, **(headers or {})})

    @property
    def issuer(self) -> Issuer:
        """The exchange as its partners know it."""
        identity = self.service.identity
        return Issuer(identity.name, identity.certificate_sha256, key("exchange").public_key())


def application(service: Service) -> Starlette:
    """The routes that read, with refusals answered as the whole application does."""

    async def refused(_: Request, fault: Exception) -> Response:
        assert isinstance(fault, Refusal)
        return problem(fault).response()

    routes = [one for part in PARTS for one in part.routes(service)]
    return Starlette(routes=routes, exception_handlers={Refusal: refused})


def run(path: Path, test: Callable[[Exchange], Awaitable[None]], **settings: Any) -> None:
    """Run a test against a new exchange in this folder; what an earlier one stored there is found."""
    asyncio.run(_run(path, test, settings))


async def _run(path: Path, test: Callable[[Exchange], Awaitable[None]], settings: dict[str, Any]) -> None:
    clock, lines = Clock(), list[str]()
    store = open_store(path / "store.sqlite3")
    chosen = Settings(path, **settings)
    service = Service(chosen, _folder(path), store, clock, bytes, Log(lines.append, clock))
    await service.start()
    exchange = Exchange(service, clock, lines)
    try:
        async with exchange.client:
            await test(exchange)
    finally:
        await service.stop()
        store.close()


def _folder(path: Path) -> Folder:
    made = Folder(path)
    if made.registry_path.exists():
        return made
    made.make()
    made.write_identity(NAME, key("exchange"), folders.certificate())
    made.write_authorities([root().certificate], [issuing().certificate])
    made.write_registry(exchanges.registry())
    for one in (root(), issuing()):
        made.write_crl(folders.crl(one, at=AT - 3600))
    return made


def code_of(answer: httpx.Response) -> str:
    """The code of a problem document."""
    found: str = answer.json()["code"]
    return found


__all__ = ["BODY", "NAME", "REF", "SECOND", "SENDER", "THIRD", "URL", "Clock", "Exchange", "code_of", "run"]
