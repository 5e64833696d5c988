"""Detached CMS signatures (RFC 5652) as S/MIME uses them: made with our key, checked against one pinned certificate.

Rule kept here: a signature holds only if the pinned certificate's key made it over the very bytes that were given;
certificates that come along are not looked at. SHA-1 and signatures without signed attributes are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import new as new_digest
from hmac import compare_digest
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, ExtensionNotFound, SubjectKeyIdentifier

from loadtests.adapters.as2.der import INTEGER, OCTETS, OID, SEQUENCE, SET, DerError, Value, oid, read, write

SigningKey = RSAPrivateKey | EllipticCurvePrivateKey

CONTEXT_0: Final = 0xA0
CONTEXT_1: Final = 0xA1
SIGNED_DATA: Final = oid("1.2.840.113549.1.7.2")
DATA: Final = oid("1.2.840.113549.1.7.1")
CONTENT_TYPE: Final = oid("1.2.840.113549.1.9.3")
MESSAGE_DIGEST: Final = oid("1.2.840.113549.1.9.4")
RSA: Final = oid("1.2.840.113549.1.1.1")
NULL: Final = b"\x05\x00"


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest algorithm: its name for ``hashlib``, its own identifier and those of its signatures."""

    name: str
    algorithm: hashes.HashAlgorithm
    oid: bytes
    with_rsa: bytes
    with_ecdsa: bytes


SHA256: Final = Digest(
    "sha256",
    hashes.SHA256(),
    oid("2.16.840.1.101.3.4.2.1"),
    oid("1.2.840.113549.1.1.11"),
    oid("1.2.840.10045.4.3.2"),
)
SHA384: Final = Digest(
    "sha384",
    hashes.SHA384(),
    oid("2.16.840.1.101.3.4.2.2"),
    oid("1.2.840.113549.1.1.12"),
    oid("1.2.840.10045.4.3.3"),
)
SHA512: Final = Digest(
    "sha512",
    hashes.SHA512(),
    oid("2.16.840.1.101.3.4.2.3"),
    oid("1.2.840.113549.1.1.13"),
    oid("1.2.840.10045.4.3.4"),
)
DIGESTS: Final = {one.oid: one for one in (SHA256, SHA384, SHA512)}


class CmsError(ValueError):
    """A signature that does not hold.

    Args:
        code: ``form``, ``algorithm``, ``signer``, ``digest`` or ``signature``.
        text: What was found.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


def sign(digest: bytes, key: SigningKey, certificate: Certificate) -> bytes:
    """A detached signature, as DER, over content with this SHA-256.

    There is no signing time in it: what is signed depends on the content alone, so that a message that is made again
    is the same message.
    """
    attributes = sorted(
        (
            write(SEQUENCE, CONTENT_TYPE, write(SET, DATA)),
            write(SEQUENCE, MESSAGE_DIGEST, write(SET, write(OCTETS, digest))),
        )
    )
    signed = write(SET, *attributes)
    if isinstance(key, RSAPrivateKey):
        algorithm = write(SEQUENCE, RSA, NULL)
        signature = key.sign(signed, PKCS1v15(), SHA256.algorithm)
    else:
        algorithm = write(SEQUENCE, SHA256.with_ecdsa)
        signature = key.sign(signed, ECDSA(SHA256.algorithm))
    digest_algorithm = write(SEQUENCE, SHA256.oid, NULL)
    signer = write(
        SEQUENCE,
        write(INTEGER, b"\x01"),
        _issuer_and_serial(certificate),
        digest_algorithm,
        write(CONTEXT_0, *attributes),
        algorithm,
        write(OCTETS, signature),
    )
    data = write(
        SEQUENCE,
        write(INTEGER, b"\x01"),
        write(SET, digest_algorithm),
        write(SEQUENCE, DATA),
        write(CONTEXT_0, certificate.public_bytes(Encoding.DER)),
        write(SET, signer),
    )
    return write(SEQUENCE, SIGNED_DATA, write(CONTEXT_0, data))


def verify(signature: bytes, content: bytes, certificate: Certificate) -> None:
    """Check a detached signature over ``content`` by the key of one certificate; RFC 5652, 5.4 and 5.6.

    Raises:
        CmsError: It does not hold.
    """
    try:
        identifier, digest, attributes, algorithm, value = _signer(signature)
        found = _attributes(attributes)
        named = _is_named(identifier, certificate)
    except DerError as error:
        raise CmsError("form", f"no detached CMS signature: {error}") from None
    if not named:
        raise CmsError("signer", "the signature names another certificate than the pinned one")
    if found.get(CONTENT_TYPE) != DATA:
        raise CmsError("form", "the signed content type is not plain data")
    expected = write(OCTETS, new_digest(digest.name, content).digest())
    if not compare_digest(found.get(MESSAGE_DIGEST, b""), expected):
        raise CmsError("digest", f"the signed {digest.name} is not that of the content")
    # What was signed is the SET itself, not the [0] that stands for it on the wire.
    _check(certificate, algorithm, digest, value, bytes((SET,)) + attributes.raw[1:])


def _signer(signature: bytes) -> tuple[Value, Digest, Value, bytes, bytes]:
    """The one SignerInfo: identifier, digest, signed attributes, object identifier of the algorithm, value."""
    kind, explicit = _exactly(read(signature).expect(SEQUENCE), 2)
    if kind.raw != SIGNED_DATA:
        raise DerError("not SignedData")
    (data,) = _exactly(explicit.expect(CONTEXT_0), 1)
    _, _, encapsulated, *rest = _at_least(data.expect(SEQUENCE), 4)
    (content,) = _exactly(encapsulated.expect(SEQUENCE), 1)
    if content.raw != DATA:
        raise DerError("the signature is not about plain data")
    if any(one.tag not in {CONTEXT_0, CONTEXT_1} for one in rest[:-1]):
        raise DerError("unknown members")
    (signer,) = _exactly(rest[-1].expect(SET), 1)
    _, identifier, digest, attributes, algorithm, value, *_ = _at_least(signer.expect(SEQUENCE), 6)
    if attributes.tag != CONTEXT_0 or not attributes.definite:
        raise DerError("no signed attributes as DER")
    name = _at_least(digest.expect(SEQUENCE), 1)[0].expect(OID).raw
    if name not in DIGESTS:
        raise CmsError("algorithm", f"digest algorithm {name.hex()}: not SHA-256, SHA-384 or SHA-512")
    used = _at_least(algorithm.expect(SEQUENCE), 1)[0].expect(OID).raw
    return identifier, DIGESTS[name], attributes, used, value.expect(OCTETS).content


def _attributes(attributes: Value) -> dict[bytes, bytes]:
    """Signed attributes, each at most once: object identifier -> encoding of its value, empty for several values."""
    found: dict[bytes, bytes] = {}
    for one in attributes.children:
        name, values = _exactly(one.expect(SEQUENCE), 2)
        if name.raw in found:
            raise DerError("a signed attribute stands twice")
        every = values.expect(SET).children
        found[name.raw] = every[0].raw if len(every) == 1 else b""
    return found


def _check(certificate: Certificate, algorithm: bytes, digest: Digest, value: bytes, signed: bytes) -> None:
    key = certificate.public_key()
    try:
        if isinstance(key, RSAPublicKey) and algorithm in {RSA, digest.with_rsa}:
            key.verify(value, signed, PKCS1v15(), digest.algorithm)
        elif isinstance(key, EllipticCurvePublicKey) and algorithm == digest.with_ecdsa:
            key.verify(value, signed, ECDSA(digest.algorithm))
        else:
            raise CmsError(
                "algorithm", f"signature algorithm {algorithm.hex()} does not go with key and digest"
            )
    except InvalidSignature:
        raise CmsError("signature", "the pinned certificate's key did not make this signature") from None


def _is_named(identifier: Value, certificate: Certificate) -> bool:
    """True where a SignerIdentifier names the certificate, by issuer and number or by key identifier."""
    if identifier.tag == SEQUENCE:
        return identifier.raw == _issuer_and_serial(certificate)
    try:
        known = certificate.extensions.get_extension_for_class(SubjectKeyIdentifier).value.digest
    except ExtensionNotFound:
        return False
    return identifier.tag == 0x80 and identifier.content == known


def _issuer_and_serial(certificate: Certificate) -> bytes:
    number = certificate.serial_number
    serial = write(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))
    return write(SEQUENCE, certificate.issuer.public_bytes(), serial)


def _exactly(value: Value, count: int) -> tuple[Value, ...]:
    if len(value.children) != count:
        raise DerError(f"{len(value.children)} members where {count} are due")
    return value.children


def _at_least(value: Value, count: int) -> tuple[Value, ...]:
    if len(value.children) < count:
        raise DerError(f"{len(value.children)} members where at least {count} are due")
    return value.children
