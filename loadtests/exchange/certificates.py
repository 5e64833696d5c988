"""Reading one certificate: its parts, and what makes it unfit for its place in a chain.

Rule kept here: nothing here says that a certificate is good; that is for ``trust``. Here a fault gets its name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

from loadtests.exchange.errors import Refusal
from loadtests.exchange.keys import RSA_BITS_MIN

T = TypeVar("T", bound=x509.ExtensionType)

# What the library raises for bytes that it cannot read, beside ValueError; the warning (a serial number that is not
# positive) is an exception where the process was told to make warnings errors.
UNREADABLE: Final = (
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,
)
DOCUMENT_SIGNING: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336: what people read is signed
# A leaf that restricts its extended usage must allow one of these: authorities older than RFC 9336 write
# emailProtection or clientAuth for those who sign documents, which is why these count as well.
SIGNING_USAGES: Final = frozenset(
    {
        DOCUMENT_SIGNING,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    }
)
# What the library reads itself; anything else that is critical makes it reject the certificate.
_READ_EXTENSIONS: Final = frozenset(
    {
        x509.AuthorityInformationAccess.oid,
        x509.AuthorityKeyIdentifier.oid,
        x509.SubjectKeyIdentifier.oid,
        x509.KeyUsage.oid,
        x509.SubjectAlternativeName.oid,
        x509.BasicConstraints.oid,
        x509.NameConstraints.oid,
        x509.ExtendedKeyUsage.oid,
    }
)
_MLDSA_KEYS: Final = (mldsa.MLDSA44PublicKey, mldsa.MLDSA65PublicKey, mldsa.MLDSA87PublicKey)
_NIST_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read of what a stranger may send.

    Args:
        certificate_bytes: Size of one certificate in DER. An agency's has about 700 bytes, one with RSA-4096 and
            long names about 2,500; what is larger costs parsing time and brings nothing.
        intermediates: How many intermediate certificates may be given: a few chains' worth, because each one that
            fits by name costs a signature check.
        depth: How many intermediate certificates a chain may have between leaf and root (RFC 5280 §6.1).
    """

    certificate_bytes: int = 8192
    intermediates: int = 8
    depth: int = 3


def thumbprint(certificate: x509.Certificate) -> bytes:
    """SHA-256 of the certificate in DER: the 32 bytes of ``x5t#S256`` (RFC 7515 §4.1.8)."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()


def parse_certificate(der: bytes, limits: Limits) -> x509.Certificate:
    """The certificate of these DER bytes, with every part of it that is used here known to be readable.

    Raises:
        Refusal: ``certificate-too-large``, ``certificate-malformed``.
    """
    if len(der) > limits.certificate_bytes:
        raise Refusal(
            "certificate-too-large", f"found {len(der)} bytes", f"at most {limits.certificate_bytes}"
        )
    hint = "one X.509 version 3 certificate in DER"
    try:
        certificate = x509.load_der_x509_certificate(der)
        # The library reads lazily; what cannot be read shall be known here.
        certificate.public_key()
        _read = (certificate.extensions, certificate.subject, certificate.issuer, validity_of(certificate))
    except UnsupportedAlgorithm:
        raise Refusal("key-unsupported", "found a key of an unknown kind") from None
    except (ValueError, TypeError, OverflowError, *UNREADABLE) as error:
        raise Refusal("certificate-malformed", f"found {error}"[:200], hint) from None
    if certificate.serial_number <= 0:
        raise Refusal("certificate-malformed", "found a serial number that is not positive", hint)
    if certificate.version is not x509.Version.v3:
        raise Refusal("certificate-malformed", f"found version {certificate.version.name}", hint)
    return certificate


def value_of(certificate: x509.Certificate, kind: type[T]) -> T | None:
    """The extension of this kind, or ``None`` where the certificate has none."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def validity_of(certificate: x509.Certificate) -> tuple[int, int]:
    """The first and the last second of its validity."""
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return int(first.timestamp()), int(last.timestamp())


def called(name: x509.Name) -> str:
    """A name as messages show it, after RFC 4514 and cut at 120 characters."""
    return name.rfc4514_string()[:120]


# --- faults -----------------------------------------------------------------------------------------------------


def leaf_fault(leaf: x509.Certificate, at: int) -> Refusal | None:
    """What makes a certificate unfit for signing documents at that time, its key apart."""
    first_at, last_at = validity_of(leaf)
    if at > last_at:
        return Refusal("certificate-expired", f"valid until {last_at}, asked at {at}", "renew it")
    if at < first_at:
        return Refusal(
            "certificate-not-yet-valid", f"valid from {first_at}, asked at {at}", "wait until then"
        )
    usage, constraints = value_of(leaf, x509.KeyUsage), value_of(leaf, x509.BasicConstraints)
    purposes = value_of(leaf, x509.ExtendedKeyUsage)
    if constraints is not None and constraints.ca:
        return Refusal("certificate-usage-wrong", "found a certificate of an authority", "an agency's")
    if usage is None or not usage.digital_signature or usage.key_cert_sign:
        return Refusal("certificate-usage-wrong", "found no key usage digitalSignature, or keyCertSign")
    if purposes is not None and SIGNING_USAGES.isdisjoint(purposes):
        return Refusal("certificate-usage-wrong", "its extended key usage does not allow signing documents")
    return _extension_fault(leaf)


def issuer_fault(issuer: x509.Certificate, at: int, intermediates_below: int) -> Refusal | None:
    """What makes a certificate unfit for standing above so many intermediates at that time."""
    name = called(issuer.subject)
    first_at, last_at = validity_of(issuer)
    if at > last_at:
        return Refusal("issuer-expired", f"{name} was valid until {last_at}, asked at {at}")
    if at < first_at:
        return Refusal("issuer-not-yet-valid", f"{name} is valid from {first_at}, asked at {at}")
    if fault := authority_fault(issuer):
        return fault
    constraints = value_of(issuer, x509.BasicConstraints)
    length = None if constraints is None else constraints.path_length
    if length is not None and intermediates_below > length:
        message = f"{name} allows {length} authorities below it, found {intermediates_below}"
        return Refusal("chain-too-long", message)
    return None


def authority_fault(issuer: x509.Certificate) -> Refusal | None:
    """What makes a certificate unfit for an authority at any time."""
    name = called(issuer.subject)
    if not _may_issue(issuer):
        return Refusal("issuer-not-ca", f"{name} lacks critical basicConstraints CA, or keyCertSign")
    key = issuer.public_key()
    curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _NIST_CURVES)
    long_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS_MIN
    if not (curve or long_rsa or isinstance(key, _MLDSA_KEYS)):
        return Refusal("issuer-key-unsupported", f"{name} has a key of type {type(key).__name__}")
    return _extension_fault(issuer)


def _may_issue(issuer: x509.Certificate) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage)
    except x509.ExtensionNotFound:
        return False
    return constraints.critical and constraints.value.ca and usage.value.key_cert_sign


def _extension_fault(certificate: x509.Certificate) -> Refusal | None:
    unknown = [e.oid for e in certificate.extensions if e.critical and e.oid not in _READ_EXTENSIONS]
    if not unknown:
        return None
    message = f"{called(certificate.subject)} has the critical extension {unknown[0].dotted_string}"
    return Refusal("certificate-extension-unknown", message)
