"""Who reads: the agency whose registered key signed a request (RFC 9421), each request counting once.

Rule kept here: a request counts for the agency by the same trust as a submission (registered, not suspended, a valid
chain, nothing revoked), and one that cannot be told from a replay is refused.

Nonces live in memory, so what was created before the server started is refused (``request-expired``): the server
cannot know what its predecessor took. To keep that short, nothing is ever taken before our own clock has reached its
creation: a request from a client whose clock is ahead by up to ``AHEAD_S_MAX`` waits until then. A restart therefore
costs readers less than two seconds, and ``/readyz`` says no for so long; submissions are not touched by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from loadtests.endpoint.serving import Serving, Settings
from loadtests.exchange import requests, trust
from loadtests.exchange.agencies import Agency, Registered
from loadtests.exchange.certificates import parse_certificate
from loadtests.exchange.errors import Refusal
from loadtests.exchange.keys import algorithm_of
from loadtests.exchange.nonces import Nonces, Window
from loadtests.exchange.terms import Known, View

AHEAD_S_MAX: Final = 5
"""How far a reader's clock may be ahead, s: what the worst clock of a machine that asks a time server is off by."""

Sleep = Callable[[float], Awaitable[None]]


def window_of(settings: Settings) -> Window:
    """How long a request may be used, and how many are remembered; nothing from ahead of our clock, see above."""
    return Window(settings.request_s_max, 0, settings.requests_per_agency_max)


def horizon_of(service: Serving) -> int:
    """What was created up to this time may have been taken before the service started; blocks for one look-up.

    Where the clock was set back, the last checkpoint knows a later time.
    """
    last = service.store.checkpoint()
    started_at = max(service.clock(), last.issued_at if last else 0)
    return window_of(service.settings).horizon_of_start(started_at)


class Access:
    """Tells whose request it is.

    Args:
        service: Clock, trust and settings.
        horizon: What ``horizon_of`` gave when the service started.
        sleep: Waits so many seconds.
    """

    def __init__(self, service: Serving, horizon: int, sleep: Sleep = asyncio.sleep) -> None:
        self._service = service
        self._nonces = Nonces(window_of(service.settings), horizon)
        self._known: dict[bytes, Known] = {}
        self._sleep = sleep

    async def reader(self, request: Request) -> str:
        """The code of the agency that signed the request.

        Raises:
            Refusal: The codes of ``requests.read_signature``, ``Registry.signer``, ``trust.validate``,
                ``Status.require_good``, ``requests.check_request`` and ``Nonces.take``;
                ``certificate-not-registered``; ``body-invalid`` for a request with a body.
        """
        signed, agency = self._signed(request)
        if signed.body_sha256 is not None:
            raise Refusal("body-invalid", "found a body", "what only reads has none")
        await self._until(signed.created_at)
        self._nonces.take(
            agency.code,
            signed.nonce,
            created_at=signed.created_at,
            expires_at=signed.expires_at,
            now=self._service.clock(),
        )
        return agency.code

    def _signed(self, request: Request) -> tuple[requests.Signed, Agency]:
        """What was signed and by whom; in the order of ``verification``: look-ups, one signature, then the chain."""
        view = self._service.view()
        named = requests.read_signature(request.headers).certificate_sha256
        agency, registered = _registered(named, view)
        known = self._chain_of(named, view)
        limits = self._service.terms.certificate_limits
        leaf = known.chain.leaf if known else parse_certificate(registered.certificate, limits)
        public_key = leaf.public_key()
        algorithm_of(public_key)
        target = target_of(request, self._service.settings.public_url)
        signed = requests.check_request(request.method, target, request.headers, public_key)  # type: ignore[arg-type]
        if known is None:
            trusted = view.trusted
            known = Known.of(
                trust.validate(leaf, trusted.intermediates, trusted.anchors, at=view.now, limits=limits)
            )
            self._known[named] = known  # as many as are registered at most: strangers never come so far
        freshness = self._service.terms.freshness
        view.trusted.revocations.status_of(known.links, at=view.now, freshness=freshness).require_good()
        return signed, agency

    def _chain_of(self, certificate_sha256: bytes, view: View) -> Known | None:
        """The chain as it was found before, here or for a submission, if it still holds."""
        for chains in (self._known, view.known):
            known = chains.get(certificate_sha256)
            if known and known.holds(certificate_sha256, view):
                return known
        return None

    async def _until(self, created_at: int) -> None:
        """Wait until our clock reaches the creation, see the top of this module."""
        ahead_s = created_at - self._service.clock()
        if ahead_s > AHEAD_S_MAX:
            found = f"the request was created {ahead_s} s ahead of our clock"
            raise Refusal("request-from-the-future", found, f"set the clock; {AHEAD_S_MAX} s are allowed")
        if ahead_s > 0:
            await self._sleep(ahead_s)


def target_of(request: Request, public_url: str | None) -> str:
    """The absolute URL of a request as its client saw it.

    Args:
        request: As it came.
        public_url: Scheme and host under which clients know this server. Without it the request's own Host is
            believed, and a request that was signed for a server of another name could be brought here.
    """
    scope = request.scope
    path = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
    query = scope["query_string"]
    origin = public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    return origin.rstrip("/") + (path + b"?" + query if query else path).decode("latin-1")


def _registered(certificate_sha256: bytes, view: View) -> tuple[Agency, Registered]:
    registry = view.trusted.registry
    owner = registry.owners.get(certificate_sha256)
    if owner is None:
        found = f"{certificate_sha256.hex()} is not registered"
        raise Refusal("certificate-not-registered", found, "register it first")
    return registry.signer(owner, certificate_sha256, view.now)
