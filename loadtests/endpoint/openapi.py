"""The OpenAPI 3.1 document of the exchange, built from tables.

Rule kept here: every path that is served stands in ``OPERATIONS`` with all the answers it may give, so that a client
can be generated and the server can be tested from this document alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from loadtests.endpoint.openapi_schemas import (
    SCHEMAS,
    Schema,
    anchored,
    problem_responses,
    ref,
    whole,
)
from loadtests.endpoint.public_reads import CERTIFICATE, CRL
from loadtests.endpoint.reads import INBOX_DEFAULT, INBOX_MAX, WAIT_S_MAX
from loadtests.endpoint.serving import Serving
from loadtests.exchange.manifest import AGENCY_CODE, MESSAGE_ID
from loadtests.exchange.merkle import SIZE_MAX

JOSE: Final = "application/jose"
JSON: Final = "application/json"

PUBLIC: Final = (400, 404, 431, 500, 503)
"""Statuses of refusals that any request may meet."""
SIGNED: Final = (*PUBLIC, 401, 403, 413, 429)
"""Those of requests whose signature is checked."""
TAKEN: Final = (*PUBLIC, 403, 408, 409, 413, 415, 422, 429, 507)
"""Those of what is sent to be kept."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the path or the query; those of the path must be there."""

    name: str
    place: str
    schema: Schema
    description: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no refusal; without a media type it has no body."""

    status: int
    description: str
    media_type: str = ""
    schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Args:
        method: In lower case.
        path: With its parameters in braces.
        name: Unique.
        tag: What it belongs to.
        summary: In a few words.
        answers: What is answered where nothing is refused.
        refusals: Statuses of what may be refused.
        parameters: Of path and query.
        signed: True where the request must be signed (RFC 9421).
        body: The OpenAPI request body, where there is one.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    answers: tuple[Answer, ...]
    refusals: tuple[int, ...] = PUBLIC
    parameters: tuple[Parameter, ...] = ()
    signed: bool = False
    body: Schema | None = None


def _json(schema: str, description: str) -> tuple[Answer, ...]:
    return (Answer(200, description, JSON, ref(schema)),)


_REF: Final = Parameter(
    "ref",
    "path",
    {"type": "string", "pattern": anchored(f"{AGENCY_CODE.pattern}:{MESSAGE_ID.pattern}")},
    "the message: code of the sender, a colon, its id",
)
_POSITION: Final = Parameter("position", "path", whole(0, 2**31 - 1), "which document, from 0")
_SHA256: Final = Parameter("sha256", "path", ref("Digest"), "of the DER")
_INDEX: Final = Parameter("index", "path", whole(0, SIZE_MAX - 1), "which leaf, from 0")
_MULTIPART: Final[Schema] = {
    "required": True,
    "description": "the signed manifest first, then its documents in its order",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["manifest"],
                "properties": {
                    "manifest": {**ref("Jose"), "contentMediaType": JOSE},
                    "document": {
                        "type": "array",
                        "items": {"type": "string", "contentMediaType": "application/octet-stream"},
                    },
                },
            },
            "encoding": {"manifest": {"contentType": JOSE}},
        }
    },
}
_REPORT: Final[Schema] = {
    "required": True,
    "description": "the signed report (typ edoc-event+jws)",
    "content": {JOSE: {"schema": ref("Jose")}},
}


def _der(kind: str, name: str, summary: str, media_type: str) -> Operation:
    answer = Answer(200, "in DER; it never changes", media_type, {})
    path = f"/v1/trust/{kind}/{{sha256}}"
    return Operation("get", path, name, "trust", summary, (answer,), parameters=(_SHA256,))


OPERATIONS: Final = (
    Operation(
        "post",
        "/v1/messages",
        "submit",
        "messages",
        "Send a message; its manifest's signature says who sends",
        (
            Answer(201, "accepted: the receipt", JOSE, ref("Jose")),
            Answer(200, "accepted before: the same receipt", JOSE, ref("Jose")),
        ),
        TAKEN,
        body=_MULTIPART,
    ),
    Operation(
        "post",
        "/v1/messages/{ref}/events",
        "report",
        "messages",
        "Report what happened to a message, as its recipient",
        (
            Answer(201, "taken: the evidence", JOSE, ref("Jose")),
            Answer(200, "taken before: the same evidence", JOSE, ref("Jose")),
        ),
        TAKEN,
        (_REF,),
        body=_REPORT,
    ),
    Operation(
        "get",
        "/v1/inbox",
        "inbox",
        "messages",
        "Entries of the caller's inbox after a cursor",
        _json("Inbox", "entries, perhaps none"),
        SIGNED,
        (
            Parameter(
                "after",
                "query",
                {**whole(-1, SIZE_MAX), "default": -1},
                "leaf index of the last known",
                False,
            ),
            Parameter(
                "limit", "query", {**whole(1, INBOX_MAX), "default": INBOX_DEFAULT}, "entries at most", False
            ),
            Parameter(
                "wait", "query", {**whole(0, WAIT_S_MAX), "default": 0}, "s to wait for the first", False
            ),
        ),
        signed=True,
    ),
    Operation(
        "get",
        "/v1/messages/{ref}",
        "message",
        "messages",
        "A message, for its sender and its recipients",
        _json("Message", "the message"),
        SIGNED,
        (_REF,),
        signed=True,
    ),
    Operation(
        "get",
        "/v1/messages/{ref}/documents/{position}",
        "document",
        "messages",
        "A document; when a recipient was sent all of them, ContentHandover is sealed",
        (
            Answer(200, "the document, with Content-Digest and ETag", "*/*", {}),
            Answer(304, "If-None-Match names its ETag"),
        ),
        SIGNED,
        (_REF, _POSITION),
        signed=True,
    ),
    Operation(
        "get",
        "/v1/messages/{ref}/evidence",
        "evidence",
        "messages",
        "Receipt, consignments and events, each signed",
        _json("Evidence", "the evidence that concerns the caller"),
        (*SIGNED, 507),
        (_REF,),
        signed=True,
    ),
    Operation(
        "get",
        "/v1/messages/{ref}/rejections",
        "rejections",
        "messages",
        "Evidence of what was refused under this id, for its sender",
        _json("Rejections", "perhaps none"),
        SIGNED,
        (_REF,),
        signed=True,
    ),
    Operation(
        "get", "/v1/agencies", "agencies", "trust", "Who takes part", _json("Agencies", "all agencies")
    ),
    Operation("get", "/v1/exchange", "exchange", "trust", "This exchange", _json("Exchange", "who it is")),
    Operation(
        "get", "/v1/trust", "trust", "trust", "Roots and revocation lists", _json("Trust", "all in DER")
    ),
    _der("certificates", "certificate", "A certificate that evidence may name", CERTIFICATE),
    _der("crls", "crl", "A revocation list that is or was in place", CRL),
    Operation(
        "get",
        "/v1/log/checkpoint",
        "log-checkpoint",
        "log",
        "The signed head of the log",
        (Answer(200, "the checkpoint", JOSE, ref("Jose")),),
        (*PUBLIC, 507),
    ),
    Operation(
        "get",
        "/v1/log/inclusion",
        "log-inclusion",
        "log",
        "Proof that a leaf is in the log of a size",
        _json("Inclusion", "the proof"),
        parameters=(
            Parameter("leaf", "query", whole(0, SIZE_MAX - 1), "index of the leaf"),
            Parameter("size", "query", whole(1, SIZE_MAX), "leaves; a checkpoint must cover them"),
        ),
    ),
    Operation(
        "get",
        "/v1/log/consistency",
        "log-consistency",
        "log",
        "Proof that the log of one size begins with that of another",
        _json("Consistency", "the proof"),
        parameters=(
            Parameter("first", "query", whole(1, SIZE_MAX), "leaves of the older log"),
            Parameter("second", "query", whole(1, SIZE_MAX), "leaves of the newer log"),
        ),
    ),
    Operation(
        "get",
        "/v1/log/leaves/{index}",
        "log-leaf",
        "log",
        "The hash of a leaf",
        _json("Leaf", "the hash"),
        parameters=(_INDEX,),
    ),
    Operation("get", "/healthz", "healthz", "operation", "Alive", _json("Health", "alive")),
    Operation("get", "/readyz", "readyz", "operation", "Ready", _json("Health", "ready")),
    Operation(
        "get",
        "/metrics",
        "metrics",
        "operation",
        "What is counted, for Prometheus",
        (Answer(200, "the counters", "text/plain", {"type": "string"}),),
    ),
    Operation(
        "get",
        "/openapi.json",
        "openapi",
        "operation",
        "This document",
        (Answer(200, "this document", JSON, {"type": "object"}),),
    ),
    *(
        Operation(
            "get",
            path,
            name,
            "operation",
            summary,
            (Answer(200, "a page", "text/html", {"type": "string"}),),
        )
        for path, name, summary in (
            ("/docs", "docs", "This document, to be read"),
            ("/problems", "problems", "Every code with its meaning"),
        )
    ),
)


def routes(_: Serving) -> list[BaseRoute]:
    """The route of the document."""
    data = json.dumps(document(), ensure_ascii=False).encode("utf-8")

    async def openapi(_: Request) -> Response:
        return Response(data, media_type=JSON)

    return [Route("/openapi.json", openapi, methods=["GET"], name="openapi")]


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document; the same for every exchange. Nobody changes what is returned."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Exchange of signed documents",
            "version": "1",
            "description": "Signed documents in, signed receipts out. Times are whole seconds since the epoch, UTC; "
            "bytes in JSON are base64url without padding. Refusals are problem documents; /problems lists the codes.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "responses": problem_responses(),
            "securitySchemes": {
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Signature",
                    "description": "HTTP Message Signatures (RFC 9421): Signature and Signature-Input over @method and "
                    "@target-uri, with created, expires, nonce, keyid (SHA-256 of the certificate) and alg.",
                }
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {str(one.status): _answer(one) for one in operation.answers}
    for status in sorted(operation.refusals):
        responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    found: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [
            {
                "name": one.name,
                "in": one.place,
                "required": one.required,
                "schema": one.schema,
                "description": one.description,
            }
            for one in operation.parameters
        ],
        "responses": responses,
    }
    if operation.signed:
        found["security"] = [{"signature": []}]
    if operation.body is not None:
        found["requestBody"] = operation.body
    return found


def _answer(answer: Answer) -> dict[str, Any]:
    if not answer.media_type:
        return {"description": answer.description}
    content = {answer.media_type: {"schema": answer.schema or {}}}
    return {"description": answer.description, "content": content}
