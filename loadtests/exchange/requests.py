"""Signed requests: HTTP Message Signatures (RFC 9421) over method, target, body digest, times and a nonce.

Rule kept here: the registered key decides the algorithm, exactly one signature stands in a request, and it covers
all that the request means; what is malformed in whatever way is refused with one code.

Time and nonce are only read here. Whether they still count is for ``nonces``, once the signature has been checked.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

import http_sf
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureAlgorithm,
    HTTPSignatureKeyResolver,
    SigningKey,
    VerificationKey,
)
from http_message_signatures.algorithms import ECDSA_P256_SHA256, ED25519, RSA_PSS_SHA512

from loadtests.exchange import keys
from loadtests.exchange.errors import Refusal
from loadtests.exchange.strict import SHA256_BYTES, TIME_MAX, decode_base64url, encode_base64url

LABEL: Final = "congvan"
"""The label that ``sign_request`` writes; it is not signed, so a reader takes any, but only one."""
LIFETIME_S: Final = 60
"""For how long a request may be used, unless its sender says otherwise: a slow line takes less."""
COMPONENTS: Final = ("@method", "@target-uri")
"""What every signature covers (RFC 9421 §2.2); ``content-digest`` as well where there is a body."""
BODY_COMPONENT: Final = "content-digest"
FIELD_CHARS_MAX: Final[Mapping[str, int]] = MappingProxyType(
    {
        "signature-input": 2048,  # ours take 350 characters; room for a client that covers a dozen fields more
        "signature": 1024,  # an RSA signature of 4096 bits takes 684
        "content-digest": 256,  # SHA-256 and SHA-512 side by side take 155
    }
)
"""Longest value of each field that is read here, in characters, all its lines together."""


class Fields(Protocol):
    """The header of a request."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Every field line in order; a name may come again."""
        ...


class _P256(ECDSA_P256_SHA256):
    """As in the library, but the same key and request give the same signature (RFC 6979)."""

    def __init__(self, public_key: Any = None, private_key: Any = None) -> None:
        super().__init__(public_key=public_key, private_key=private_key)  # type: ignore[no-untyped-call]
        self.signature_algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


# The whole list of what exists here; the library's HMAC and RSA PKCS #1 v1.5 can be reached by nobody.
_ALGORITHMS: Final[Mapping[keys.Algorithm, type[HTTPSignatureAlgorithm]]] = MappingProxyType(
    {
        keys.Algorithm.ES256: _P256,
        keys.Algorithm.PS256: RSA_PSS_SHA512,
        keys.Algorithm.EDDSA: ED25519,
    }
)


@dataclass(frozen=True, slots=True)
class Signed:
    """What the signature of a request says.

    Args:
        certificate_sha256: SHA-256 of the signer's certificate in DER, 32 bytes (parameter ``keyid``).
        nonce: Made by the client for this one request.
        created_at: When it was signed, by the client's clock, s since the epoch, UTC.
        expires_at: Until when (exclusive) it counts, s since the epoch, UTC.
        body_sha256: SHA-256 of the body that was signed, to be compared by ``check_body``; None without a body, and
            as long as the signature has not been checked.
    """

    certificate_sha256: bytes
    nonce: str
    created_at: int
    expires_at: int
    body_sha256: bytes | None = None


def sign_request(
    method: str,
    url: str,
    body_sha256: bytes | None,
    key: keys.PrivateKey,
    certificate_sha256: bytes,
    *,
    at: int,
    nonce: str,
    lifetime_s: int = LIFETIME_S,
) -> dict[str, str]:
    """The header fields that sign a request.

    Args:
        method: Such as ``GET``, in upper case.
        url: The absolute URL exactly as it will be sent, without a fragment.
        body_sha256: SHA-256 of the body as it will be sent; None where there is none.
        key: The client's private key; it decides the algorithm.
        certificate_sha256: SHA-256 of the client's certificate in DER, 32 bytes.
        at: The time of signing, whole s since the epoch, UTC.
        nonce: New and random for each request, see ``nonces.NONCE_CHARS_MIN``.
        lifetime_s: For how long it may be used, at least 1.

    Returns:
        ``Signature-Input``, ``Signature`` and, where there is a body, ``Content-Digest``.

    Raises:
        Refusal: ``key-unsupported``; ``request-signature-invalid`` for a URL, method or nonce that cannot be signed.
    """
    algorithm = _algorithm_of(key.public_key())
    fields: dict[str, str] = {}
    message = _Message(method, url, fields)
    if body_sha256 is not None:
        fields["Content-Digest"] = f"sha-256=:{base64.b64encode(body_sha256).decode('ascii')}:"
    signer = HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=_OneKey(private_key=key))
    try:
        signer.sign(
            message,
            key_id=encode_base64url(certificate_sha256),
            created=datetime.fromtimestamp(at, tz=UTC),
            expires=datetime.fromtimestamp(at + lifetime_s, tz=UTC),
            nonce=nonce,
            label=LABEL,
            covered_component_ids=_components(body_sha256 is not None),
            use_existing_digest=body_sha256 is not None,
        )
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise _invalid(f"this request cannot be signed: {error}") from None
    return fields


def read_signature(headers: Fields) -> Signed:
    """What the one signature says, **unverified**: to find the key that ``check_request`` needs.

    Raises:
        Refusal: ``request-unsigned`` without a signature, ``request-signature-invalid`` for two of them, for a
            field that is malformed or too long, and for a parameter that is missing or no such value.
    """
    parameters = _parameters(headers)
    try:
        certificate_sha256 = decode_base64url(_text(parameters, "keyid"))
    except Refusal:
        certificate_sha256 = b""
    if len(certificate_sha256) != SHA256_BYTES:
        raise _invalid(f"keyid is not a digest of {SHA256_BYTES} bytes in base64url")
    return Signed(
        certificate_sha256=certificate_sha256,
        nonce=_text(parameters, "nonce"),
        created_at=_time(parameters, "created"),
        expires_at=_time(parameters, "expires"),
    )


def check_request(method: str, url: str, headers: Fields, public_key: keys.PublicKey) -> Signed:
    """Check that the key which belongs to this public key signed this request, and all of it that counts.

    That the public key is the one of the certificate that ``read_signature`` named, and that times and nonce
    count, is **not** checked here; nor is a body, which may come later: see ``check_body``.

    Args:
        method: As it came.
        url: Absolute, with the path and query as they came and the scheme and host under which this server is
            known: a host that a stranger may choose lets requests to another server count here.
        headers: As they came.
        public_key: Of the registered certificate; it decides the algorithm.

    Raises:
        Refusal: As ``read_signature`` does; ``key-unsupported``; ``algorithm-mismatch``; ``request-signature-invalid``
            when too little is covered, or the signature does not fit.
    """
    signed = read_signature(headers)
    algorithm = _algorithm_of(public_key)
    named = _text(_parameters(headers), "alg")
    if named != algorithm.algorithm_id:
        raise Refusal(
            "algorithm-mismatch", f"found {named[:30]!a}", f"{algorithm.algorithm_id}, as the key is used"
        )
    digest = _content_digest(headers) if _has_body(headers) else None
    verifier = _Verifier(signature_algorithm=algorithm, key_resolver=_OneKey(public_key=public_key))
    try:
        verifier.verify(
            _Message(method, url, headers), max_age=None, require_components=_components(digest is not None)
        )
    except HTTPMessageSignaturesException as error:
        raise _invalid(str(error) or "the signature does not fit this request and this key") from None
    return replace(signed, body_sha256=digest)


def check_body(signed: Signed, body_sha256: bytes | None) -> None:
    """Return if the body that came is the one that was signed.

    Args:
        signed: What ``check_request`` returned.
        body_sha256: SHA-256 of the body that came; None where none came.

    Raises:
        Refusal: ``content-digest-mismatch``.
    """
    if signed.body_sha256 != body_sha256:
        raise Refusal(
            "content-digest-mismatch", "Content-Digest is not that of the body", "the digest of the body"
        )


@dataclass(slots=True)
class _Message:
    """A request as the library wants to see it."""

    method: str
    url: str
    headers: Any


class _OneKey(HTTPSignatureKeyResolver):
    """The one key that was found already, whatever id is asked for."""

    def __init__(
        self, *, private_key: keys.PrivateKey | None = None, public_key: keys.PublicKey | None = None
    ) -> None:
        self._private_key = private_key
        self._public_key = public_key

    def resolve_private_key(self, key_id: str) -> SigningKey | None:  # noqa: ARG002 - there is one
        """The key to sign with."""
        return self._private_key

    def resolve_public_key(self, key_id: str) -> VerificationKey | None:  # noqa: ARG002 - there is one
        """The key to check with."""
        return self._public_key


class _Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Nothing: the library would ask the machine's clock; ``nonces`` asks the one it is given."""


def _components(has_body: bool) -> tuple[str, ...]:
    return (*COMPONENTS, BODY_COMPONENT) if has_body else COMPONENTS


def _algorithm_of(public_key: keys.PublicKey) -> type[HTTPSignatureAlgorithm]:
    return _ALGORITHMS[keys.algorithm_of(public_key)]


def _value_of(headers: Fields, name: str) -> str:
    """The field's lines as one value (RFC 9110 §5.3), empty where there is none."""
    value = ", ".join(value for found, value in headers.items() if found.lower() == name)
    if len(value) > (chars_max := FIELD_CHARS_MAX[name]):
        raise _invalid(f"{name} has {len(value)} characters, at most {chars_max} are read")
    return value.strip()


def _dictionary(headers: Fields, name: str) -> dict[str, Any]:
    """A dictionary field (RFC 9651 §3.2), by key the value and its parameters; no key stands twice."""

    def refuse(key: str, context: str) -> None:
        raise _invalid(f"{name} has {key[:30]!a} twice in one {context}")

    value = _value_of(headers, name)
    try:
        parsed = http_sf.parse(value.encode("ascii"), tltype="dictionary", on_duplicate_key=refuse)
    except Refusal:
        raise
    except Exception:  # whatever the parser stumbles over, a stranger wrote it
        raise _invalid(f"{name} is not a dictionary of structured values") from None
    return cast("dict[str, Any]", parsed)


def _parameters(headers: Fields) -> dict[str, Any]:
    """The parameters of the one signature."""
    if not (_value_of(headers, "signature-input") and _value_of(headers, "signature")):
        raise Refusal("request-unsigned", "found no Signature-Input, or no Signature", "sign the request")
    inputs, signatures = _dictionary(headers, "signature-input"), _dictionary(headers, "signature")
    if len(inputs) != 1 or inputs.keys() != signatures.keys():
        raise _invalid(f"found {len(inputs)} inputs and {len(signatures)} signatures where one is asked for")
    ((covered, parameters),) = inputs.values()
    if not isinstance(covered, list):
        raise _invalid("signature-input is not a list of covered components")
    return dict(parameters)


def _text(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name)
    if type(value) is not str:
        raise _invalid(f"the parameter {name} is missing, or no string")
    return value


def _time(parameters: Mapping[str, Any], name: str) -> int:
    value = parameters.get(name)
    if type(value) is not int or not 0 <= value <= TIME_MAX:
        raise _invalid(f"the parameter {name} is missing, or no time in whole seconds since the epoch")
    return value


def _has_body(headers: Fields) -> bool:
    """Whether a body comes, or its digest: then it is signed, or anybody on the way could put one in."""
    found = {name.lower(): value.strip() for name, value in headers.items()}
    return (
        bool({"content-digest", "transfer-encoding"} & found.keys())
        or found.get("content-length", "0") != "0"
    )


def _content_digest(headers: Fields) -> bytes:
    """The SHA-256 that the header gives for the body (RFC 9530)."""
    value, _ = _dictionary(headers, "content-digest").get("sha-256", (b"", {}))
    if type(value) is not bytes or len(value) != SHA256_BYTES:
        raise _invalid("there is a body, and content-digest has no sha-256 of 32 bytes for it")
    return value


def _invalid(found: str) -> Refusal:
    return Refusal("request-signature-invalid", found[:300], "one signature over " + ", ".join(COMPONENTS))
