"""Certificates and revocation lists as a case of ``vectors/trust.yaml`` describes them, however wrong they are.

Rule kept here: nothing of ``pki`` is used but derived keys, because what it issues is right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from loadtests.exchange.keys import PrivateKey
from loadtests.exchange.pki_keys import KeyKind, derive_key

ASKED_AT = 1_780_272_000  # 2026-06-01T00:00:00Z
USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@cache
def key_of(name: str, kind: str) -> PrivateKey:
    """The private key of a certificate of this name; made once."""
    entropy = hashlib.sha256(name.encode()).digest()
    if kind.startswith("rsa-"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))
    if kind == "p-384":
        return ec.derive_private_key(int.from_bytes(entropy, "big"), ec.SECP384R1())
    return derive_key(KeyKind(kind), entropy)


def moment(days: float) -> datetime:
    """So many days after the time that is asked about."""
    return datetime.fromtimestamp(ASKED_AT, tz=UTC) + timedelta(days=days)


class Workshop:
    """Builds what one case names, each certificate once.

    Args:
        certificates: What is to be built, by name, with what is not said taken from ``like``.
    """

    def __init__(self, certificates: Mapping[str, Mapping[str, Any]]) -> None:
        self._wanted = certificates
        self._built: dict[str, x509.Certificate] = {}

    def key(self, name: str) -> PrivateKey:
        """The private key that belongs to a certificate."""
        return key_of(name, str(self._wanted[name]["key"]))

    def certificate(self, name: str) -> x509.Certificate:
        """A certificate of the case."""
        if name not in self._built:
            self._built[name] = self._build(name)
        return self._built[name]

    def crl(self, wanted: Mapping[str, Any]) -> bytes:
        """A revocation list of the case, in DER."""
        issuer = str(wanted["of"])
        first, last = wanted["days"]
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name(wanted.get("named", issuer)))
            .last_update(moment(first))
            .next_update(moment(last))
        )
        if "number" not in wanted.get("without", ()):
            builder = builder.add_extension(x509.CRLNumber(wanted["number"]), critical=False)
        if wanted.get("delta"):
            builder = builder.add_extension(
                x509.DeltaCRLIndicator(1), critical=wanted.get("scope_critical", True)
            )
        if wanted.get("indirect") or wanted.get("partial"):
            builder = builder.add_extension(_scope(wanted), critical=wanted.get("scope_critical", True))
        if "critical" in wanted:
            builder = builder.add_extension(_unknown(wanted["critical"]), critical=True)
        for name in wanted.get("revoked", ()):
            line = x509.RevokedCertificateBuilder().revocation_date(moment(-1))
            line = line.serial_number(self.certificate(name).serial_number)
            if "reason" in wanted:
                line = line.add_extension(x509.CRLReason(x509.ReasonFlags(wanted["reason"])), critical=False)
            if "entry_critical" in wanted:
                line = line.add_extension(_unknown(wanted["entry_critical"]), critical=True)
            builder = builder.add_revoked_certificate(line.build())
        key = self.key(wanted.get("signed_by", issuer))
        return builder.sign(key, _digest(key, wanted)).public_bytes(Encoding.DER)

    def _name(self, name: str) -> x509.Name:
        wanted = self._wanted[name]
        shown = wanted.get("subject", wanted.get("like", name))
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Cơ quan thử nghiệm")
        return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, f"{shown}")])

    def _build(self, name: str) -> x509.Certificate:
        wanted = self._wanted[name]
        issuer = str(wanted["issuer"])
        public_key = self.key(name).public_key()
        first, last = wanted["days"]
        builder = (
            x509.CertificateBuilder()
            .subject_name(self._name(name))
            .issuer_name(self._name(issuer))
            .public_key(public_key)
            .serial_number(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big") + 1)
            .not_valid_before(moment(first))
            .not_valid_after(moment(last))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )
        for extension, critical in self._extensions(name, issuer):
            builder = builder.add_extension(extension, critical=critical)
        key = self.key(wanted.get("signed_by", issuer))
        return builder.sign(key, _digest(key, wanted))

    def _extensions(self, name: str, issuer: str) -> list[tuple[x509.ExtensionType, bool]]:
        wanted = self._wanted[name]
        extensions: list[tuple[x509.ExtensionType, bool]] = []
        if wanted.get("ca") is not None:
            constraints = x509.BasicConstraints(wanted["ca"], wanted.get("path_length"))
            extensions.append((constraints, wanted.get("constraints_critical", True)))
        if wanted.get("usage"):
            extensions.append((x509.KeyUsage(**{u: u in wanted["usage"] for u in USAGES}), True))
        if "purposes" in wanted:
            purposes = [x509.ObjectIdentifier(oid) for oid in wanted["purposes"]]
            extensions.append((x509.ExtendedKeyUsage(purposes), False))
        if issuer != name and wanted.get("authority_key_id", True):
            issuer_key = self.key(issuer).public_key()
            extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), False))
        if "names" in wanted:
            names = [x509.DNSName(f"agency-{n}.conformance.example") for n in range(wanted["names"])]
            extensions.append((x509.SubjectAlternativeName(names), False))
        extensions += [(_unknown(oid), True) for oid in wanted.get("critical", ())]
        extensions += [(_unknown(oid), False) for oid in wanted.get("not_critical", ())]
        return extensions


def _scope(wanted: Mapping[str, Any]) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=None,
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=bool(wanted.get("partial")),
        only_some_reasons=None,
        indirect_crl=bool(wanted.get("indirect")),
        only_contains_attribute_certs=False,
    )


def _unknown(oid: str) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"\x05\x00")


def _digest(key: PrivateKey, wanted: Mapping[str, Any]) -> hashes.SHA224 | hashes.SHA256 | None:
    if isinstance(key, Ed25519PrivateKey):
        return None
    return hashes.SHA224() if wanted.get("digest") == "sha-224" else hashes.SHA256()
