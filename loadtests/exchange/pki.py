"""Issuing for demos, commands and tests: certificates of authorities and agencies, and revocation lists.

Rule kept here: what is issued is what ``trust`` and ``revocation`` accept; keys, serial numbers and times are
arguments, and the same arguments give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from loadtests.exchange.agencies import is_agency_code
from loadtests.exchange.certificates import DOCUMENT_SIGNING
from loadtests.exchange.issuer import NAME, NAME_WORDS
from loadtests.exchange.keys import PrivateKey, PublicKey, algorithm_of
from loadtests.exchange.manifest import AGENCY_CODE_WORDS
from loadtests.exchange.pki_keys import IssuingError

COUNTRY: Final = "VN"
NAME_CHARACTERS_MAX: Final = 64  # RFC 5280 appendix A.1: ub-organization-name, ub-common-name


@dataclass(frozen=True, slots=True)
class Validity:
    """From the first to the last second of a certificate's validity, both included.

    Raises:
        IssuingError: ``validity-invalid``: it ends before it begins.
    """

    not_before_at: int
    not_after_at: int

    def __post_init__(self) -> None:
        if self.not_after_at < self.not_before_at:
            raise IssuingError("validity-invalid", f"found {self.not_before_at} to {self.not_after_at}")


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that can sign: its certificate and the private key that belongs to it."""

    certificate: x509.Certificate
    key: PrivateKey

    def __repr__(self) -> str:
        return f"Authority({self.certificate.subject.rfc4514_string()})"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a revocation list: which serial number, since when, and why (RFC 5280 §5.3.1)."""

    serial: int
    revoked_at: int
    reason: x509.ReasonFlags = x509.ReasonFlags.unspecified


# --- certificates -----------------------------------------------------------------------------------------------


def authority_name(organisation: str, unit: str) -> x509.Name:
    """The name of an authority: country, organisation, and the unit as its common name."""
    return _name((NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, unit))


def agency_name(code: str, name: str) -> x509.Name:
    """The name of an agency: country, its name, and its code as the common name.

    A name longer than the 64 characters of RFC 5280 is cut at a word and ends in "…"; the registry holds it whole.

    Raises:
        IssuingError: ``agency-code-invalid``.
    """
    if not is_agency_code(code):
        raise IssuingError("agency-code-invalid", f"found {code[:40]!r}", AGENCY_CODE_WORDS)
    return _name((NameOID.ORGANIZATION_NAME, name), (NameOID.COMMON_NAME, code))


def issue_root(key: PrivateKey, name: x509.Name, *, serial: int, validity: Validity) -> x509.Certificate:
    """A self-signed root; it may sign authorities, certificates and revocation lists.

    Raises:
        IssuingError: ``authority-key-unsupported``: Ed25519, which chain validation rejects for authorities.
    """
    _require_authority_key(key.public_key())
    builder = _builder(name, name, key.public_key(), serial, validity)
    return _sign(_as_authority(builder, path_length=None), key)


def issue_authority(
    issuer: Authority,
    name: x509.Name,
    public_key: PublicKey,
    *,
    serial: int,
    validity: Validity,
    path_length: int = 0,
) -> x509.Certificate:
    """An authority below another; with ``path_length`` 0 it issues to agencies only.

    Raises:
        IssuingError: ``authority-key-unsupported``, ``validity-outside-issuer``, ``issuer-key-mismatch``.
    """
    _require_authority_key(public_key)
    _require_issuer(issuer, validity)
    builder = _builder(name, issuer.certificate.subject, public_key, serial, validity)
    return _sign(_as_authority(_below(builder, issuer), path_length=path_length), issuer.key)


def issue_agency(
    issuer: Authority,
    code: str,
    name_vi: str,
    name_en: str,
    public_key: PublicKey,
    *,
    serial: int,
    validity: Validity,
) -> x509.Certificate:
    """A certificate with which an agency signs documents; its English name stands as an alternative name.

    Raises:
        IssuingError: ``agency-code-invalid``, ``validity-outside-issuer``, ``issuer-key-mismatch``.
        Refusal: ``key-unsupported``.
    """
    english = x509.DirectoryName(agency_name(code, name_en))
    return _issue_leaf(issuer, agency_name(code, name_vi), public_key, serial, validity, (english,))


def issue_service(
    issuer: Authority, name: str, organisation: str, public_key: PublicKey, *, serial: int, validity: Validity
) -> x509.Certificate:
    """A certificate with which an exchange signs what it issues; its common name is the exchange's name.

    Raises:
        IssuingError: ``service-name-invalid`` (no exchange's name, or longer than a common name may be),
            ``validity-outside-issuer``, ``issuer-key-mismatch``.
        Refusal: ``key-unsupported``.
    """
    if not NAME.fullmatch(name) or len(name) > NAME_CHARACTERS_MAX:
        words = f"{NAME_WORDS}, and no longer than {NAME_CHARACTERS_MAX} characters"
        raise IssuingError("service-name-invalid", f"found {name[:80]!r}", words)
    subject = _name((NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, name))
    return _issue_leaf(issuer, subject, public_key, serial, validity, ())


def _issue_leaf(
    issuer: Authority,
    subject: x509.Name,
    public_key: PublicKey,
    serial: int,
    validity: Validity,
    alternatives: tuple[x509.GeneralName, ...],
) -> x509.Certificate:
    algorithm_of(public_key)
    _require_issuer(issuer, validity)
    builder = _below(_builder(subject, issuer.certificate.subject, public_key, serial, validity), issuer)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([DOCUMENT_SIGNING]), critical=False)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return _sign(builder, issuer.key)


# --- revocation lists -------------------------------------------------------------------------------------------


def issue_crl(
    issuer: Authority, entries: Iterable[Entry], *, number: int, this_update_at: int, next_update_at: int
) -> x509.CertificateRevocationList:
    """The issuer's full list of what is revoked.

    Raises:
        IssuingError: ``crl-number-invalid`` (negative), ``validity-invalid``, ``issuer-key-mismatch``.
    """
    _require_own_key(issuer)
    if number < 0:
        raise IssuingError("crl-number-invalid", f"found {number}", "0 or more, and more than the last one")
    if next_update_at <= this_update_at:
        raise IssuingError("validity-invalid", f"found {this_update_at} to {next_update_at}")
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(_moment(this_update_at))
        .next_update(_moment(next_update_at))
        .add_extension(_authority_key_id(issuer), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for entry in sorted({entry.serial: entry for entry in entries}.values(), key=lambda one: one.serial):
        builder = builder.add_revoked_certificate(_line(entry))
    return builder.sign(issuer.key, hashes.SHA256(), ecdsa_deterministic=_repeats(issuer.key))


def following_crl(
    issuer: Authority,
    last: x509.CertificateRevocationList,
    newly: Iterable[Entry],
    *,
    this_update_at: int,
    next_update_at: int,
) -> x509.CertificateRevocationList:
    """The list after the last one: its number one higher, what it lists kept as it stands, new entries added.

    Raises:
        IssuingError: The codes of ``issue_crl``; ``crl-time-invalid``: earlier than the last list.
    """
    if this_update_at < (last_at := int(last.last_update_utc.timestamp())):
        raise IssuingError(
            "crl-time-invalid", f"found {this_update_at}", f"not before the last list, {last_at}"
        )
    number = last.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
    kept = [_entry(line) for line in last]
    listed = {entry.serial for entry in kept}
    entries = [*kept, *(entry for entry in newly if entry.serial not in listed)]
    return issue_crl(
        issuer, entries, number=number, this_update_at=this_update_at, next_update_at=next_update_at
    )


def _line(entry: Entry) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(entry.serial)
    builder = builder.revocation_date(_moment(entry.revoked_at))
    if (
        entry.reason is not x509.ReasonFlags.unspecified
    ):  # RFC 5280 §5.3.1: unspecified is said by saying nothing
        builder = builder.add_extension(x509.CRLReason(entry.reason), critical=False)
    return builder.build()


def _entry(line: x509.RevokedCertificate) -> Entry:
    reasons = [one.value.reason for one in line.extensions if isinstance(one.value, x509.CRLReason)]
    reason = reasons[0] if reasons else x509.ReasonFlags.unspecified
    return Entry(line.serial_number, int(line.revocation_date_utc.timestamp()), reason)


# --- as text and back -------------------------------------------------------------------------------------------


def to_pem(value: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    """The PEM text of a certificate or a revocation list (RFC 7468)."""
    return value.public_bytes(serialization.Encoding.PEM)


def to_der(value: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    """The DER bytes of a certificate or a revocation list."""
    return value.public_bytes(serialization.Encoding.DER)


# --- parts ------------------------------------------------------------------------------------------------------


def _name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    country = x509.NameAttribute(NameOID.COUNTRY_NAME, COUNTRY)
    return x509.Name([country, *(x509.NameAttribute(oid, _shortened(text)) for oid, text in parts)])


def _shortened(text: str) -> str:
    if len(text) <= NAME_CHARACTERS_MAX:
        return text
    cut = text[: NAME_CHARACTERS_MAX - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: PublicKey, serial: int, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(_moment(validity.not_before_at))
        .not_valid_after(_moment(validity.not_after_at))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _below(builder: x509.CertificateBuilder, issuer: Authority) -> x509.CertificateBuilder:
    return builder.add_extension(_authority_key_id(issuer), critical=False)


def _as_authority(builder: x509.CertificateBuilder, path_length: int | None) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    usage = _usage(key_cert_sign=True, crl_sign=True)
    return builder.add_extension(constraints, critical=True).add_extension(usage, critical=True)


def _sign(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=_repeats(key))


def _repeats(key: PrivateKey) -> bool | None:
    """RFC 6979 for P-256, so that the same arguments give the same bytes; RSA with PKCS #1 v1.5 does so anyway."""
    return True if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _authority_key_id(issuer: Authority) -> x509.AuthorityKeyIdentifier:
    own = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=digital_signature,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _require_authority_key(public_key: PublicKey) -> None:
    if not isinstance(public_key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise IssuingError("authority-key-unsupported", "found Ed25519", "a P-256 or RSA key for authorities")
    algorithm_of(public_key)


def _require_own_key(issuer: Authority) -> None:
    if issuer.certificate.public_key() != issuer.key.public_key():
        raise IssuingError("issuer-key-mismatch", "the private key is not that of the issuer's certificate")


def _require_issuer(issuer: Authority, validity: Validity) -> None:
    _require_own_key(issuer)
    first_at = int(issuer.certificate.not_valid_before_utc.timestamp())
    last_at = int(issuer.certificate.not_valid_after_utc.timestamp())
    if validity.not_before_at < first_at or validity.not_after_at > last_at:
        message = f"found {validity.not_before_at} to {validity.not_after_at}"
        raise IssuingError("validity-outside-issuer", message, f"within the issuer's {first_at} to {last_at}")


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, tz=UTC)
