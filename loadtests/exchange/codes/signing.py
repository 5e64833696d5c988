"""Codes: what is wrong with a manifest or a signature as it stands."""

from __future__ import annotations

from typing import Final

from loadtests.exchange.codes.kind import Kind

MANIFEST_AND_SIGNATURE: Final = {
    "base64-invalid": Kind(
        "Not strict base64url",
        400,
        False,
        "A value is not base64url as RFC 7515 writes it: no padding, no white space, unused bits zero.",
    ),
    "json-invalid": Kind(
        "Not strict JSON",
        400,
        False,
        "The bytes are not one JSON object in UTF-8 without byte order mark, or hold half a surrogate pair.",
    ),
    "json-duplicate-key": Kind(
        "A JSON member stands twice",
        400,
        False,
        "Two readers could take different values for the same member, so neither is taken; name it once.",
    ),
    "json-number": Kind(
        "A JSON number is not a whole number within 2^53",
        400,
        False,
        "Fractions, exponents, NaN, Infinity and larger numbers are read differently by different readers.",
    ),
    "json-too-deep": Kind(
        "JSON is nested too deeply",
        400,
        False,
        "Arrays and objects stand inside one another more often than any message of the protocol needs.",
    ),
    "json-too-large": Kind(
        "JSON is too large",
        413,
        False,
        "The text is larger than what is read for this purpose; the message names the limit.",
    ),
    "manifest-too-large": Kind(
        "The manifest is too large",
        413,
        False,
        "Send fewer documents or recipients in one message; the message names the limit.",
    ),
    "manifest-invalid": Kind(
        "A member of the manifest is missing, unknown or out of its range",
        422,
        False,
        "The message names the member and what was found; correct it and sign again.",
    ),
    "jws-invalid": Kind(
        "Not a compact JWS",
        400,
        False,
        "A signed object is header, payload and signature in base64url with one dot between (RFC 7515 §3.1).",
    ),
    "jws-too-large": Kind(
        "The signed object is too large",
        413,
        False,
        "Header, payload or signature is larger than the protocol needs; the message names the limit.",
    ),
    "header-invalid": Kind(
        "A member of the signature header is missing, unknown or out of its range",
        400,
        False,
        "The header has exactly alg, typ, iat and x5t#S256, and crit where wanted; all are signed.",
    ),
    "header-critical-unknown": Kind(
        "The signature header calls something critical that is not known",
        400,
        False,
        "crit may only name a member that is present, that the protocol knows and that RFC 7515 lacks: iat.",
    ),
    "signed-type-mismatch": Kind(
        "The signed object is of another type",
        400,
        False,
        "typ says what a signature was made for; one made for something else does not count here.",
    ),
    "algorithm-unsupported": Kind(
        "The signature algorithm does not exist here",
        400,
        False,
        "Only ES256, PS256 and EdDSA (with Ed25519) are known; sign with one of them.",
    ),
    "algorithm-mismatch": Kind(
        "The signature algorithm is not that of the key",
        403,
        False,
        "The registered certificate decides the algorithm; the header must name that one.",
    ),
    "key-unsupported": Kind(
        "The key is of a kind that is not used here",
        403,
        False,
        "Use P-256, RSA of 2048 to 4096 bits, or Ed25519, and have a certificate for it registered.",
    ),
    "signature-invalid": Kind(
        "The signature does not fit",
        403,
        False,
        "What was signed is not what came, or another key signed it; sign the bytes that are sent.",
    ),
}
