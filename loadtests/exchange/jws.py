"""Signed objects: compact JWS with the payload attached, in the shape of JAdES B-B (ETSI TS 119 182-1).

Rule kept here: the header holds exactly what is understood and all of it is signed; what is signed is verified
over the very bytes that came, and a parsed object is called unverified until ``check`` has returned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from loadtests.exchange import keys
from loadtests.exchange.errors import Refusal
from loadtests.exchange.strict import (
    LIMITS,
    SHA256_BYTES,
    TIME_MAX,
    Limits,
    decode_base64url,
    encode_base64url,
    parse_object,
    render_object,
    type_name,
)

MANIFEST_TYPE: Final = "edoc-manifest+jws"
EVIDENCE_TYPE: Final = "edoc-evidence+jws"

REQUIRED_MEMBERS: Final = frozenset({"alg", "typ", "iat", "x5t#S256"})
# RFC 7515 §4.1.11 forbids to name what it defines itself, so of our members only this one can be critical.
CRITICAL_MEMBERS: Final = frozenset({"iat"})
_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Unverified:
    """A signed object as it came: well formed, and nothing in it to be believed yet.

    Args:
        header: The header as read, read-only.
        payload: The attached payload, exactly as sent.
        signing_input: The bytes that the signature is over: header and payload in base64url with their dot.
        signature: In JOSE form. Not an identity: others fit the same bytes (see ``keys.verify``).
        certificate_sha256: SHA-256 of the signer's certificate in DER, 32 bytes (``x5t#S256``).
        signed_at: When the signer says to have signed, s since the epoch, UTC (``iat``).
        algorithm: What the header names; ``check`` compares it with the key.
        typ: What the signature was made for, such as ``edoc-manifest+jws``; see ``require_type``.
    """

    header: Mapping[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes
    certificate_sha256: bytes
    signed_at: int
    algorithm: keys.Algorithm
    typ: str


def sign(payload: bytes, key: keys.PrivateKey, certificate_sha256: bytes, *, at: int, typ: str) -> bytes:
    """The payload, signed: one compact JWS in ASCII.

    Args:
        payload: What is signed, kept as it is.
        key: The signer's private key; it decides the algorithm.
        certificate_sha256: SHA-256 of the signer's certificate in DER, 32 bytes.
        at: The time of signing, whole s since the epoch, UTC.
        typ: What the signature is for; lower-case letters, digits and ``. + -``, at most 64.

    Raises:
        Refusal: ``key-unsupported``, or ``header-invalid`` for a time, digest or typ out of range.
    """
    header: dict[str, Any] = {
        "alg": keys.algorithm_of_private(key).value,
        "typ": typ,
        "iat": at,
        "x5t#S256": encode_base64url(certificate_sha256),
    }
    for read in (_signed_at, _certificate_sha256, _typ):
        read(header)
    signing_input = f"{encode_base64url(render_object(header))}.{encode_base64url(payload)}".encode("ascii")
    return signing_input + b"." + encode_base64url(keys.sign(key, signing_input)).encode("ascii")


def parse(compact: bytes, limits: Limits = LIMITS) -> Unverified:
    """Take a compact JWS apart without believing any of it.

    Raises:
        Refusal: ``jws-too-large``, ``jws-invalid``, ``base64-invalid``, the ``json-…`` codes, ``header-invalid``,
            ``header-critical-unknown``, ``algorithm-unsupported``.
    """
    size_bytes_max = _encoded_bytes_max(limits)
    if len(compact) > size_bytes_max:
        raise Refusal("jws-too-large", f"found {len(compact)} bytes", f"at most {size_bytes_max}")
    parts = compact.split(b".")
    if len(parts) != 3:
        raise Refusal("jws-invalid", f"found {len(parts)} parts", "header.payload.signature")
    if not all(parts):
        raise Refusal("jws-invalid", "a part is empty", "header, payload and signature, none of them empty")
    raw_header, payload, signature = (decode_base64url(part) for part in parts)
    for name, part, most in (
        ("header", raw_header, limits.header_bytes_max),
        ("payload", payload, limits.payload_bytes_max),
        ("signature", signature, limits.signature_bytes_max),
    ):
        if len(part) > most:
            raise Refusal("jws-too-large", f"found {len(part)} bytes of {name}", f"at most {most}")
    header = parse_object(raw_header, size_bytes_max=limits.header_bytes_max, depth_max=limits.json_depth_max)
    _check_members(header)
    return Unverified(
        header=MappingProxyType(header),
        payload=payload,
        signing_input=compact[: -len(parts[2]) - 1],
        signature=signature,
        certificate_sha256=_certificate_sha256(header),
        signed_at=_signed_at(header),
        algorithm=_algorithm(header),
        typ=_typ(header),
    )


def require_type(unverified: Unverified, typ: str) -> None:
    """Return if the object was signed for this purpose, so that no signature counts for something else.

    Raises:
        Refusal: ``signed-type-mismatch``.
    """
    if unverified.typ != typ:
        raise Refusal("signed-type-mismatch", f"found typ {unverified.typ!r}", f"typ {typ!r}")


def check(unverified: Unverified, public_key: keys.PublicKey) -> bytes:
    """The payload, signed with the key that belongs to this public key.

    That the public key is the one of the certificate ``certificate_sha256``, that this certificate is trusted and
    belongs to the sender, and that ``typ`` is the expected one, is **not** checked here.

    Raises:
        Refusal: ``key-unsupported``, ``algorithm-mismatch``, ``signature-invalid``.
    """
    keys.verify(public_key, unverified.algorithm, unverified.signature, unverified.signing_input)
    return unverified.payload


@cache
def _encoded_bytes_max(limits: Limits) -> int:
    """Size of a compact JWS whose three parts are as large as they may be, bytes."""
    parts = (limits.header_bytes_max, limits.payload_bytes_max, limits.signature_bytes_max)
    return sum((4 * part + 2) // 3 for part in parts) + 2


def _check_members(header: dict[str, Any]) -> None:
    names = header.keys()
    if missing := REQUIRED_MEMBERS - names:
        raise _header_invalid(f"{', '.join(sorted(missing))} missing")
    if unknown := names - REQUIRED_MEMBERS - {"crit"}:
        raise _header_invalid(f"found unknown member {min(unknown)[:40]!a}")
    if "crit" in names:
        _check_critical(header["crit"])


def _check_critical(critical: object) -> None:
    """Refuse a ``crit`` that RFC 7515 §4.1.11 does not allow, or that names what is not known here."""
    if not isinstance(critical, list) or not critical or not all(isinstance(name, str) for name in critical):
        raise _header_invalid("crit is not an array with names")
    if unknown := set(critical) - CRITICAL_MEMBERS:
        found = f"found {min(unknown)[:40]!a} in crit"
        raise Refusal("header-critical-unknown", found, 'leave crit out, or write ["iat"]')
    if len(critical) > len(set(critical)):
        raise _header_invalid("crit names a member twice")


def _algorithm(header: dict[str, Any]) -> keys.Algorithm:
    try:
        return keys.Algorithm(header["alg"])
    except ValueError:
        found = f"{header['alg'][:20]!a}" if isinstance(header["alg"], str) else type_name(header["alg"])
        raise Refusal("algorithm-unsupported", f"found alg {found}", ", ".join(keys.Algorithm)) from None


def _typ(header: dict[str, Any]) -> str:
    typ = header["typ"]
    if not isinstance(typ, str) or not _TYPE.fullmatch(typ):
        raise _header_invalid("typ is not a name of at most 64 lower-case letters, digits, dots, + and -")
    return typ


def _signed_at(header: dict[str, Any]) -> int:
    at = header["iat"]
    if type(at) is not int or not 0 <= at <= TIME_MAX:
        raise _header_invalid("iat is not a time in whole seconds since the epoch")
    return at


def _certificate_sha256(header: dict[str, Any]) -> bytes:
    text = header["x5t#S256"]
    digest = decode_base64url(text) if isinstance(text, str) else b""
    if len(digest) != SHA256_BYTES:
        raise _header_invalid(f"x5t#S256 is not a digest of {SHA256_BYTES} bytes in base64url")
    return digest


def _header_invalid(message: str) -> Refusal:
    return Refusal(
        "header-invalid", message, f"exactly {', '.join(sorted(REQUIRED_MEMBERS))}, and crit if wanted"
    )
