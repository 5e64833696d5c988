"""The transparency log for anybody: checkpoint, proofs, leaf hashes.

Rule kept here: nothing is proven about a size that no signed checkpoint covers, so that every answer can be checked
against a head that the exchange has committed itself to.
"""

from __future__ import annotations

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from loadtests.endpoint.metrics import Endpoint, measured
from loadtests.endpoint.queries import parameters, position, whole
from loadtests.endpoint.serving import Serving
from loadtests.exchange import merkle
from loadtests.exchange.errors import Refusal
from loadtests.exchange.strict import encode_base64url

JOSE: Final = "application/jose"
_NONE: Final[frozenset[str]] = frozenset()


def routes(service: Serving) -> list[BaseRoute]:
    """The routes of the log."""
    log = LogReads(service)
    found: list[tuple[str, str, Endpoint]] = [
        ("log-checkpoint", "/v1/log/checkpoint", log.checkpoint),
        ("log-inclusion", "/v1/log/inclusion", log.inclusion),
        ("log-consistency", "/v1/log/consistency", log.consistency),
        ("log-leaf", "/v1/log/leaves/{index}", log.leaf),
    ]
    return [
        Route(path, measured(service.metrics, name, endpoint), methods=["GET"], name=name)
        for name, path, endpoint in found
    ]


class LogReads:
    """Answers about the log.

    Args:
        service: Whose log.
    """

    def __init__(self, service: Serving) -> None:
        self._service = service

    async def checkpoint(self, request: Request) -> Response:
        """The signed head of the log."""
        parameters(request, _NONE)
        found = await self._service.checkpoint()
        return Response(found.compact, media_type=JOSE, headers={"Cache-Control": "no-cache"})

    async def inclusion(self, request: Request) -> Response:
        """Proof that a leaf is in the log of a size."""
        found = parameters(request, frozenset({"leaf", "size"}))
        leaf = whole(found, "leaf", 0, merkle.SIZE_MAX - 1)
        size = whole(found, "size", 1, merkle.SIZE_MAX)
        await self._require(size)
        hashes = await run_in_threadpool(merkle.inclusion_proof, leaf, size, self._service.store.node)
        return _json({"leaf": leaf, "size": size, "hashes": _texts(hashes)})

    async def consistency(self, request: Request) -> Response:
        """Proof that the log of one size begins with the log of another."""
        found = parameters(request, frozenset({"first", "second"}))
        first = whole(found, "first", 1, merkle.SIZE_MAX)
        second = whole(found, "second", 1, merkle.SIZE_MAX)
        await self._require(second)
        hashes = await run_in_threadpool(merkle.consistency_proof, first, second, self._service.store.node)
        return _json({"first": first, "second": second, "hashes": _texts(hashes)})

    async def leaf(self, request: Request) -> Response:
        """The hash of one leaf."""
        parameters(request, _NONE)
        index = position(request, "index", merkle.SIZE_MAX - 1)
        if index is None:
            raise Refusal("not-found", "found no index of a leaf", "a whole number from 0 on")
        await self._require(index + 1)
        found = await run_in_threadpool(self._service.store.node, 0, index)
        return _json({"leaf_hash": encode_base64url(found)})

    async def _require(self, size: int) -> None:
        """Return if the last signed checkpoint covers a log of this size."""
        last = await run_in_threadpool(self._service.store.checkpoint)
        covered = 0 if last is None else last.size
        if size > covered:
            found = f"{size} leaves are asked about, the last checkpoint covers {covered}"
            raise Refusal("log-range-invalid", found, "ask for a new checkpoint first")


def _texts(hashes: tuple[bytes, ...]) -> list[str]:
    return [encode_base64url(one) for one in hashes]


def _json(values: dict[str, object]) -> JSONResponse:
    """What is proven stays so: anybody may keep it."""
    return JSONResponse(values, headers={"Cache-Control": "public, max-age=86400, immutable"})
