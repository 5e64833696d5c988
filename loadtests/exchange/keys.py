"""Signature keys: which algorithm a key has, and signing and verifying with it.

Rule kept here: the key decides the algorithm, never the message; there are three algorithms, all of them with a
private and a public key, and verifying raises, it never answers with a truth value.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from loadtests.exchange.errors import Refusal


class Algorithm(StrEnum):
    """The signature algorithms that exist here; the value is the JOSE name (RFC 7518 §3.1, RFC 8037 §3.1)."""

    ES256 = "ES256"
    PS256 = "PS256"
    EDDSA = "EdDSA"


_USABLE: Final = "a key on P-256, of RSA with 2048 to 4096 bits, or of Ed25519"
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | Ed25519PublicKey

RSA_BITS_MIN: Final = 2048  # RFC 7518 §3.5; what chain validation asks for as well
RSA_BITS_MAX: Final = 4096  # verifying takes time with the square of the length
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # FIPS 186-4 D.1.2.3
_HALF_BYTES: Final = 32
_PSS_SALT_BYTES: Final = 32  # RFC 7518 §3.5: as long as the digest

# RFC 6979: the same key and data give the same signature, so that a simulation replays byte by byte.
_ECDSA: Final = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_PSS: Final = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=_PSS_SALT_BYTES)

_ED25519_PRIME: Final = 2**255 - 19
_ORDER_8_Y: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
# The y coordinates of the points of Ed25519 whose order divides 8, with the ways of writing 0 and 1 that are not
# reduced. Under such a public key one fixed signature fits every eighth message or more, so whoever registers
# one can deny everything. RFC 8032 leaves it open and OpenSSL takes them; the tests compute the list anew.
_SMALL_ORDER_Y: Final = frozenset(
    y.to_bytes(32, "little")
    for y in (
        0,
        1,
        _ORDER_8_Y,
        _ED25519_PRIME - _ORDER_8_Y,
        _ED25519_PRIME - 1,
        _ED25519_PRIME,
        _ED25519_PRIME + 1,
    )
)


def algorithm_of(public_key: object) -> Algorithm:
    """The one algorithm that a public key is used with.

    Raises:
        Refusal: ``key-unsupported``: another kind, curve or length, or an Ed25519 key that proves nothing.
    """
    match public_key:
        case ec.EllipticCurvePublicKey() if isinstance(public_key.curve, ec.SECP256R1):
            return Algorithm.ES256
        case rsa.RSAPublicKey() if RSA_BITS_MIN <= public_key.key_size <= RSA_BITS_MAX:
            return Algorithm.PS256
        case Ed25519PublicKey() if _y_of(public_key) not in _SMALL_ORDER_Y:
            return Algorithm.EDDSA
    raise Refusal("key-unsupported", f"found {_describe(public_key)}", _USABLE)


def algorithm_of_private(key: PrivateKey) -> Algorithm:
    """The one algorithm that a private key is used with; deriving its public key first would cost half a signature.

    Raises:
        Refusal: ``key-unsupported``, as for its public key.
    """
    match key:
        case ec.EllipticCurvePrivateKey() if isinstance(key.curve, ec.SECP256R1):
            return Algorithm.ES256
        case rsa.RSAPrivateKey() if RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
            return Algorithm.PS256
    return algorithm_of(key.public_key())


def _y_of(public_key: Ed25519PublicKey) -> bytes:
    """The y coordinate of the point; the topmost bit of its encoding is the sign of x (RFC 8032 §5.1.2)."""
    raw = public_key.public_bytes_raw()
    return raw[:-1] + bytes([raw[-1] & 0x7F])


def _describe(public_key: object) -> str:
    match public_key:
        case ec.EllipticCurvePublicKey():
            return f"a key on the curve {public_key.curve.name}"
        case rsa.RSAPublicKey():
            return f"an RSA key of {public_key.key_size} bits"
        case Ed25519PublicKey():
            return "an Ed25519 key of small order, which fits signatures that nobody made"
    return f"a key of type {type(public_key).__name__}"


def sign(key: PrivateKey, data: bytes) -> bytes:
    """The signature of the data in JOSE form: r||s of 64 bytes for ES256 (RFC 7518 §3.4).

    ES256 and EdDSA give the same bytes for the same key and data; PS256 draws its salt from the system.

    Raises:
        Refusal: ``key-unsupported``.
    """
    algorithm_of_private(key)
    match key:
        case ec.EllipticCurvePrivateKey():
            r, s = decode_dss_signature(key.sign(data, _ECDSA))
            return r.to_bytes(_HALF_BYTES, "big") + s.to_bytes(_HALF_BYTES, "big")
        case rsa.RSAPrivateKey():
            return key.sign(data, _PSS, hashes.SHA256())
        case _:
            return key.sign(data)


def verify(key: PublicKey, algorithm: Algorithm, signature: bytes, data: bytes) -> None:
    """Return if the signature of the data was made with the key that belongs to this public key.

    An ECDSA signature (r, s) has a twin (r, n - s) that fits as well: a signature proves, it does not identify.
    Nothing may be found or counted by signature bytes.

    Raises:
        Refusal: ``key-unsupported``, ``algorithm-mismatch`` (the key is not used with this algorithm),
            ``signature-invalid``.
    """
    own = algorithm_of(key)
    if algorithm is not own:
        raise Refusal("algorithm-mismatch", f"found {algorithm}", f"{own}, as the key is used")
    try:
        match key:
            case ec.EllipticCurvePublicKey():
                key.verify(_der_of(signature), data, _ECDSA)
            case rsa.RSAPublicKey():
                key.verify(signature, data, _PSS, hashes.SHA256())
            case _:
                key.verify(signature, data)
    except InvalidSignature:
        raise _does_not_fit(f"the {algorithm} signature does not fit these bytes and this key") from None


def _der_of(signature: bytes) -> bytes:
    """The DER form of r||s.

    Raises:
        Refusal: ``signature-invalid``: not 64 bytes, or a half outside 1…n-1 (RFC 7518 §3.4, FIPS 186-5 §6.4.2).
    """
    if len(signature) != 2 * _HALF_BYTES:
        raise _does_not_fit(f"found {len(signature)} bytes where ES256 has {2 * _HALF_BYTES}")
    r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF_BYTES], signature[_HALF_BYTES:]))
    if not (0 < r < P256_ORDER and 0 < s < P256_ORDER):
        raise _does_not_fit("a half of the ES256 signature is outside 1 to n - 1")
    return encode_dss_signature(r, s)


def _does_not_fit(message: str) -> Refusal:
    return Refusal(
        "signature-invalid", message, "sign exactly the bytes that are sent, with the registered key"
    )
