"""Builders of manifests and keys with valid defaults: a test changes the one thing that is wrong."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from loadtests.exchange.keys import Algorithm, PrivateKey

AT = 1_767_225_600  # 2026-01-01T00:00:00Z
CERTIFICATE_SHA256 = hashlib.sha256(b"a certificate").digest()
DIGEST = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"  # SHA-256 of b"abc" (FIPS 180-4)


@cache
def private_key(algorithm: Algorithm) -> PrivateKey:
    """One key of each algorithm; the RSA key differs from run to run, nothing depends on its value."""
    match algorithm:
        case Algorithm.ES256:
            return ec.derive_private_key(20_300_128, ec.SECP256R1())
        case Algorithm.PS256:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case Algorithm.EDDSA:
            return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def a_document(**changes: Any) -> dict[str, Any]:
    """One document of a manifest as JSON values; ``...`` as value leaves a member out."""
    values: dict[str, Any] = {
        "name": "Quyết định 12.pdf",
        "media_type": "application/pdf",
        "size_bytes": 3,
        "sha256": DIGEST,
    }
    return _changed(values, changes)


def a_manifest(**changes: Any) -> dict[str, Any]:
    """A manifest as JSON values; ``...`` as value leaves a member out."""
    values: dict[str, Any] = {
        "message_id": "0b1d1e36-7e0f-4a51-9a38-0d8e4c0c9b11",
        "sender": "000.00.00.H49",
        "recipients": ["000.00.01.H49", "000.00.20.H48"],
        "kind": 0,
        "document_type": "Quyết định",
        "number": "12",
        "notation": "QĐ-UBND",
        "subject": "Về việc gửi, nhận văn bản điện tử",
        "urgency": 0,
        "documents": [a_document()],
        "created_at": AT,
        "expires_at": AT + 86_400,
        "audience": "exchange.example",
    }
    return _changed(values, changes)


def as_bytes(values: dict[str, Any]) -> bytes:
    """The values as JSON, by the standard library alone."""
    return json.dumps(values).encode("ascii")


def _changed(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (values | changes).items() if value is not ...}
