"""What anybody may know: who takes part, who the exchange is, whom it trusts, and whether it is well.

Rule kept here: nothing of what agencies send to one another shows here, and nothing that is costly is made anew for
each who asks.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from typing import Final

from cryptography import x509
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from loadtests.endpoint.access import horizon_of
from loadtests.endpoint.metrics import CONTENT_TYPE, Endpoint, measured
from loadtests.endpoint.queries import parameters
from loadtests.endpoint.serving import Json, Serving
from loadtests.exchange import trust
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import POLICY
from loadtests.exchange.pki import to_der
from loadtests.exchange.strict import SHA256_BYTES, decode_base64url, encode_base64url
from loadtests.exchange.terms import Trusted

CERTIFICATE: Final = "application/pkix-cert"
CRL: Final = "application/pkix-crl"
_NONE: Final[frozenset[str]] = frozenset()
# What is named by its digest never changes, so nobody need ask for it twice (RFC 8246).
_FOR_GOOD: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


def routes(service: Serving) -> list[BaseRoute]:
    """The public routes; call it once, when the service has started. Blocks for one look-up."""
    public = PublicReads(service, horizon_of(service))
    found: list[tuple[str, str, Endpoint]] = [
        ("agencies", "/v1/agencies", public.agencies),
        ("exchange", "/v1/exchange", public.exchange),
        ("trust", "/v1/trust", public.trust),
        ("certificate", "/v1/trust/certificates/{sha256}", public.certificate),
        ("crl", "/v1/trust/crls/{sha256}", public.crl),
        ("readyz", "/readyz", public.ready),
    ]
    counted = [
        Route(path, measured(service.metrics, name, endpoint), methods=["GET"], name=name)
        for name, path, endpoint in found
    ]
    return [
        *counted,
        Route("/healthz", public.healthy, methods=["GET"], name="healthz"),
        Route("/metrics", public.exposition, methods=["GET"], name="metrics"),
    ]


class PublicReads:
    """Answers to anybody.

    Args:
        service: What is told about.
        horizon: What ``access.horizon_of`` gave when the service started.
    """

    def __init__(self, service: Serving, horizon: int) -> None:
        self._service = service
        self._horizon = horizon
        self._trust: tuple[Trusted, Json] | None = None
        self._newest: tuple[Trusted, dict[bytes, bytes]] | None = None
        self._above: tuple[Trusted, dict[bytes, bytes]] | None = None
        self._chain: tuple[Trusted, list[str]] | None = None

    async def agencies(self, request: Request) -> Response:
        """All agencies of the registry."""
        parameters(request, _NONE)
        now = self._service.clock()
        registry = self._service.trusted.registry
        return JSONResponse(
            {
                "agencies": [
                    {
                        "code": agency.code,
                        "name_en": agency.name_en,
                        "name_vi": agency.name_vi,
                        "rights": sorted(agency.rights),
                        "suspended": agency.is_suspended(now),
                    }
                    for _, agency in sorted(registry.agencies.items())
                ]
            }
        )

    async def exchange(self, request: Request) -> Response:
        """Name, certificate, policy and limits of this exchange."""
        parameters(request, _NONE)
        identity, terms = self._service.identity, self._service.terms
        trusted = self._service.trusted
        if self._chain is None or self._chain[0] is not trusted:
            self._chain = trusted, await run_in_threadpool(self._chain_of, trusted)
        return JSONResponse(
            {
                "name": identity.name,
                "certificate": _text(identity.certificate),
                "chain": self._chain[1],
                "policy": POLICY,
                "limits": {
                    **asdict(terms.limits),
                    "skew_s": terms.skew_s,
                    "lifetime_s_max": terms.lifetime_s_max,
                },
            }
        )

    def _chain_of(self, trusted: Trusted) -> list[str]:
        """From the exchange's certificate to a root; the certificate alone where it hangs from no trusted root."""
        certificate, limits = self._service.identity.certificate, self._service.terms.certificate_limits
        try:
            chain = trust.validate(
                certificate, trusted.intermediates, trusted.anchors, at=self._service.clock(), limits=limits
            )
        except Refusal:
            return [_text(certificate)]
        return [_text(one) for one in chain.certificates]

    async def trust(self, request: Request) -> Response:
        """Roots, certificates of authorities between, and the newest revocation lists."""
        parameters(request, _NONE)
        trusted = self._service.trusted
        if self._trust is None or self._trust[0] is not trusted:
            crls = await self._newest_crls()
            found = {
                "roots": [_text(one) for one in trusted.anchors.certificates],
                "intermediates": [_text(one) for one in trusted.intermediates],
                "crls": [encode_base64url(der) for der in crls.values()],
            }
            self._trust = trusted, found
        return JSONResponse(self._trust[1])

    async def certificate(self, request: Request) -> Response:
        """A certificate by its thumbprint: an agency's, whether it still counts or not, an authority's, our own."""
        parameters(request, _NONE)
        digest, trusted = _digest(request), self._service.trusted
        if owner := trusted.registry.owners.get(digest):
            registered = trusted.registry.agencies[owner].registered(digest)
            der = registered.certificate if registered else None
        else:
            der = self._authorities(trusted).get(digest)
        if der is None:
            raise _missing("certificate")
        return Response(der, media_type=CERTIFICATE, headers=_FOR_GOOD)

    async def crl(self, request: Request) -> Response:
        """A revocation list by its digest, however old: receipts name the very list that was looked at."""
        parameters(request, _NONE)
        digest = _digest(request)
        der = await run_in_threadpool(self._service.folder.crl, digest)
        if der is None:  # an operator may have put the file there by hand
            der = (await self._newest_crls()).get(digest)
        if der is None:
            raise _missing("revocation list")
        return Response(der, media_type=CRL, headers=_FOR_GOOD)

    async def _newest_crls(self) -> dict[bytes, bytes]:
        """The newest list of each authority by its digest, read once for each change of what is trusted."""
        trusted = self._service.trusted
        if self._newest is None or self._newest[0] is not trusted:
            found = await run_in_threadpool(self._service.folder.crls)
            self._newest = trusted, {sha256(der).digest(): der for der in found}
        return self._newest[1]

    def _authorities(self, trusted: Trusted) -> dict[bytes, bytes]:
        """Certificates of the authorities and of the exchange by thumbprint."""
        if self._above is None or self._above[0] is not trusted:
            own = self._service.identity.certificate
            every = (own, *trusted.anchors.certificates, *trusted.intermediates)
            self._above = trusted, {thumbprint(one): to_der(one) for one in every}
        return self._above[1]

    async def healthy(self, _: Request) -> Response:
        """The process is alive."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        """Messages can be taken, the store answers, and signed requests that are made now are taken."""
        self._service.require_ready()
        await run_in_threadpool(self._service.store.size)
        if (now := self._service.clock()) <= self._horizon:
            found = f"requests created up to {self._horizon} are refused, it is {now}"
            raise Refusal("not-ready", found, "come again in a second")
        return JSONResponse({"status": "ready"})

    async def exposition(self, _: Request) -> Response:
        """What is counted, for Prometheus."""
        metrics, service = self._service.metrics, self._service
        with suppress(Refusal):  # a store that is away is no reason to count nothing
            metrics.log_leaves(await run_in_threadpool(service.store.size))
        metrics.verified_chains(len(service.view().known))
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)


def _digest(request: Request) -> bytes:
    """The SHA-256 that the path names.

    Raises:
        Refusal: ``not-found``: nothing can be called so.
    """
    with suppress(Refusal):
        digest = decode_base64url(request.path_params["sha256"])
        if len(digest) == SHA256_BYTES:
            return digest
    raise Refusal(
        "not-found", "found no digest in the path", "SHA-256 of the DER in base64url, 43 characters"
    )


def _missing(what: str) -> Refusal:
    return Refusal(
        "not-found", f"found no {what} with this digest", "SHA-256 of the whole DER, as receipts name it"
    )


def _text(certificate: x509.Certificate) -> str:
    return encode_base64url(to_der(certificate))
