"""Making private keys and serial numbers, and private keys as text.

Rule kept here: entropy is an argument wherever the library lets it be one; ``generate_key`` is the one exception.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from loadtests.exchange.errors import ExchangeError
from loadtests.exchange.keys import P256_ORDER, PrivateKey, algorithm_of

ENTROPY_BYTES: Final = 32
_RSA_BITS: Final = 2048
_RSA_EXPONENT: Final = 65537
_SERIAL_BYTES: Final = 20  # RFC 5280 §4.1.2.2: at most 20 octets, and positive


class IssuingError(ExchangeError):
    """The operator asked for something that cannot be issued; nothing was."""


class KeyKind(StrEnum):
    """The kinds of key that are made here."""

    P256 = "p-256"
    RSA2048 = "rsa-2048"
    ED25519 = "ed25519"


def derive_key(kind: KeyKind, entropy: bytes) -> PrivateKey:
    """The key of these 32 bytes: the same bytes, the same key. They must be as secret as the key.

    P-256 takes SHA-512 of the bytes modulo n - 1, plus one (FIPS 186-5 A.2.1: 64 bits more than n has).

    Raises:
        IssuingError: ``entropy-invalid`` (not 32 bytes), ``key-not-derivable`` (RSA).
    """
    if len(entropy) != ENTROPY_BYTES:
        raise IssuingError("entropy-invalid", f"found {len(entropy)} bytes", f"{ENTROPY_BYTES} bytes")
    match kind:
        case KeyKind.P256:
            digest = hashlib.sha512(b"congvan key p-256" + entropy).digest()
            return ec.derive_private_key(int.from_bytes(digest, "big") % (P256_ORDER - 1) + 1, ec.SECP256R1())
        case KeyKind.ED25519:
            return Ed25519PrivateKey.from_private_bytes(entropy)
        case KeyKind.RSA2048:
            raise IssuingError(
                "key-not-derivable", "found rsa-2048", "generate_key, which draws its own bytes"
            )


def generate_key(kind: KeyKind) -> PrivateKey:
    """A new key from the system's own randomness; the only function of this package that draws any."""
    match kind:
        case KeyKind.P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyKind.ED25519:
            return Ed25519PrivateKey.generate()
        case KeyKind.RSA2048:
            return rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS)


def serial_number(entropy: bytes) -> int:
    """A serial number of these 32 bytes: positive, 19 to 20 octets, hard to guess if they are.

    Raises:
        IssuingError: ``entropy-invalid``.
    """
    if len(entropy) != ENTROPY_BYTES:
        raise IssuingError("entropy-invalid", f"found {len(entropy)} bytes", f"{ENTROPY_BYTES} bytes")
    digest = hashlib.sha256(b"congvan serial" + entropy).digest()[:_SERIAL_BYTES]
    return int.from_bytes(bytes([digest[0] & 0x3F | 0x40]) + digest[1:], "big")


def key_to_pem(key: PrivateKey, password: bytes | None) -> bytes:
    """The PEM text of a private key (PKCS #8), encrypted where a password is given."""
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def key_from_pem(pem: bytes, password: bytes | None) -> PrivateKey:
    """The private key in a PEM text.

    Raises:
        IssuingError: ``key-unreadable``: no private key, or the password is missing, wrong or not wanted.
        Refusal: ``key-unsupported``.
    """
    try:
        key = serialization.load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        hint = "a private key in PEM, and its password if it has one"
        raise IssuingError("key-unreadable", "found no key that can be read", hint) from None
    algorithm_of(key.public_key())
    return cast("PrivateKey", key)
