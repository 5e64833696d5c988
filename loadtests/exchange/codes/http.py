"""Codes: requests that never get as far as the protocol."""

from __future__ import annotations

from typing import Final

from loadtests.exchange.codes.kind import Kind

HTTP: Final = {
    "not-found": Kind(
        "There is nothing here",
        404,
        False,
        "The path does not exist, or what it names is not there for you; /openapi.json lists the paths.",
    ),
    "method-not-allowed": Kind(
        "The method does not fit the path",
        405,
        False,
        "The answer's Allow header lists the methods of this path.",
    ),
    "message-unknown": Kind(
        "There is no such message for you",
        404,
        False,
        "No accepted message has this sender and id, or you are neither its sender nor one of its recipients.",
    ),
    "request-malformed": Kind(
        "These bytes are no request",
        400,
        False,
        "They are not HTTP/1.1 as RFC 9112 has it, or two readers could read them in two ways; nothing was taken.",
    ),
    "query-invalid": Kind(
        "A parameter of the request is wrong",
        400,
        False,
        "The message names the parameter, what was found and what would be right.",
    ),
    "request-unsigned": Kind(
        "The request is not signed",
        401,
        False,
        "Sign it with HTTP Message Signatures (RFC 9421), as loadtests/README.md shows.",
    ),
    "request-signature-invalid": Kind(
        "The request's signature does not count",
        401,
        False,
        "It is malformed, leaves out what must be signed, or does not fit; the message says which.",
    ),
    "content-digest-mismatch": Kind(
        "The body is not the one that was signed",
        400,
        False,
        "Content-Digest (RFC 9530) must be the SHA-256 of the body as it is sent.",
    ),
    "body-invalid": Kind(
        "The body is not what this path takes",
        400,
        False,
        "A message is multipart/form-data: the part manifest first, then one part document for each document.",
    ),
    "body-too-large": Kind(
        "The body is too large",
        413,
        False,
        "It is larger than its manifest says or than is read here; the message names the limit.",
    ),
    "body-too-slow": Kind(
        "The body came too slowly",
        408,
        True,
        "Send it again over a better line, or fewer documents at once; nothing of it was kept.",
    ),
    "content-encoding-unsupported": Kind(
        "The body is compressed",
        415,
        False,
        "Send it without Content-Encoding: what is signed and counted are the bytes themselves.",
    ),
    "header-too-large": Kind(
        "The request's header is too large",
        431,
        False,
        "Send fewer or shorter header fields.",
    ),
    "too-many-in-flight": Kind(
        "The exchange is busy",
        503,
        True,
        "More is being taken than the exchange can hold; wait as long as Retry-After says, then send it again.",
    ),
    "not-ready": Kind(
        "The exchange is starting or stopping",
        503,
        True,
        "Wait as long as Retry-After says, then send it again; nothing of it was kept.",
    ),
    "internal-error": Kind(
        "The exchange made a mistake",
        500,
        True,
        "A fault of the program, which the operator finds in the log by the id in this answer. Nothing was promised.",
    ),
}
