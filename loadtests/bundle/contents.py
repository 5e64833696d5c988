"""What an evidence bundle holds, and under which names.

Rule kept here: the names follow from the contents alone and are harmless in every shell and file system, so that
whoever reads a bundle knows beforehand exactly which names there must be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography import x509

from loadtests.exchange import certificates, evidence, jws, manifest, pki
from loadtests.exchange.errors import Refusal
from loadtests.exchange.members import Members
from loadtests.exchange.merkle import SIZE_MAX
from loadtests.exchange.strict import decode_base64url, encode_base64url, parse_object, render_object

MANIFEST: Final = "manifest.jws"
RECEIPT: Final = "receipt.jws"
CHECKPOINT: Final = "log/checkpoint.jws"
PROOFS: Final = "log/proofs.json"
EVIDENCE: Final = "evidence/"
REPORTS: Final = "reports/"
CERTIFICATES: Final = "certificates/"
CRLS: Final = "crls/"
DOCUMENTS: Final = "documents/"

STATED_MAX: Final = 10_000
"""Pieces of evidence after acceptance: ten for each of a thousand recipients."""
PROOF_HASHES_MAX: Final = SIZE_MAX.bit_length()
CERTIFICATE_LIMITS: Final = certificates.Limits()
_STEM_CHARS_MAX: Final = 60
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,10}")
_PROOFS_BYTES_MAX: Final = 32 * 1024**2  # ten thousand proofs of 53 hashes


@dataclass(frozen=True, slots=True)
class Stated:
    """Evidence of what happened to a message after its acceptance.

    Args:
        evidence: What the exchange signed, a compact JWS.
        report: What the recipient signed, where the evidence is about that; a compact JWS.
    """

    evidence: bytes
    report: bytes | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """All of a bundle but the documents, which are streamed; nothing of it has been checked.

    Args:
        manifest: The signed manifest, a compact JWS.
        receipt: The receipt, a compact JWS.
        stated: What happened afterwards, in any order.
        certificates: DER of the certificates of the exchange, the sender and every recipient that reported, and of
            the authorities between them and the root. Roots may be among them and are left out: they are trusted
            because the reader has them from elsewhere.
        crls: DER of the revocation lists that the receipt names, and of later ones if wanted.
        checkpoint: A signed head of the log that covers every leaf named by the evidence, a compact JWS.
        proofs: By leaf: the inclusion proof under that checkpoint.
    """

    manifest: bytes
    receipt: bytes
    stated: tuple[Stated, ...]
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    checkpoint: bytes
    proofs: Mapping[int, tuple[bytes, ...]]


def document_names(content: manifest.Manifest) -> tuple[str, ...]:
    """Where the documents stand in a bundle, in the manifest's order: numbered, ASCII letters and digits only."""
    return tuple(
        f"{DOCUMENTS}{position:02d}-{_plain(one.name)}" for position, one in enumerate(content.documents, 1)
    )


def _plain(name: str) -> str:
    base = name.translate({ord("đ"): "d", ord("Đ"): "D"})
    ascii_only = unicodedata.normalize("NFKD", base).encode("ascii", "ignore").decode("ascii")
    stem, dot, end = ascii_only.rpartition(".")
    suffix = dot + end if _SUFFIX.fullmatch(dot + end) else ""
    letters = re.sub(r"[^A-Za-z0-9]+", "-", stem if suffix else ascii_only)
    return (letters.strip("-")[:_STEM_CHARS_MAX].rstrip("-") or "document") + suffix


def evidence_names(contents: Contents) -> dict[str, Stated]:
    """The evidence after acceptance by its id, in the order of the ids.

    Raises:
        Refusal: The codes of ``jws.parse`` and ``evidence.parse``; ``evidence-invalid``: too much of it, or one twice.
    """
    if len(contents.stated) > STATED_MAX:
        raise Refusal("evidence-invalid", f"found {len(contents.stated)} events", f"at most {STATED_MAX}")
    found = {evidence.parse(jws.parse(one.evidence).payload).evidence_id: one for one in contents.stated}
    if len(found) < len(contents.stated):
        raise Refusal("evidence-invalid", "found one piece of evidence twice", "each of them once")
    return dict(sorted(found.items()))


def primary_entries(contents: Contents) -> dict[str, bytes]:
    """All that cannot be derived from anything else in the bundle, by name; without the documents.

    Raises:
        Refusal: The codes of ``evidence_names`` and ``certificates.parse_certificate``.
    """
    entries = {
        MANIFEST: contents.manifest,
        RECEIPT: contents.receipt,
        CHECKPOINT: contents.checkpoint,
        PROOFS: _render_proofs(contents.proofs),
    }
    for name, one in evidence_names(contents).items():
        entries[f"{EVIDENCE}{name}.jws"] = one.evidence
        if one.report is not None:
            entries[f"{REPORTS}{name}.jws"] = one.report
    for certificate in read_certificates(contents):
        entries[certificate_name(certificates.thumbprint(certificate))] = pki.to_pem(certificate)
    for crl in contents.crls:
        entries[f"{CRLS}{sha256(crl).hexdigest()}.crl"] = crl
    return entries


def read_certificates(contents: Contents) -> tuple[x509.Certificate, ...]:
    """The certificates, each once, ordered by digest, without roots.

    Raises:
        Refusal: ``certificate-too-large``, ``certificate-malformed``, ``key-unsupported``.
    """
    ordered = sorted(set(contents.certificates), key=lambda der: sha256(der).digest())
    read = (certificates.parse_certificate(der, CERTIFICATE_LIMITS) for der in ordered)
    return tuple(one for one in read if one.subject != one.issuer)


def certificate_name(thumbprint: bytes) -> str:
    """Where a certificate stands in a bundle."""
    return f"{CERTIFICATES}{thumbprint.hex()}.pem"


def read_contents(entries: Mapping[str, bytes]) -> Contents:
    """The contents in the entries of a bundle; whether nothing else stands there is for the caller to see.

    Args:
        entries: By name, at least those of ``primary_entries``.

    Raises:
        Refusal: ``evidence-invalid`` (an entry is missing or malformed), ``base64-invalid``, the ``json-…`` codes.
    """
    if missing := {MANIFEST, RECEIPT, CHECKPOINT, PROOFS} - entries.keys():
        raise Refusal("evidence-invalid", f"{min(missing)} is missing", "a whole bundle")
    stated = tuple(
        Stated(data, entries.get(REPORTS + name.removeprefix(EVIDENCE)))
        for name, data in sorted(entries.items())
        if name.startswith(EVIDENCE)
    )
    return Contents(
        manifest=entries[MANIFEST],
        receipt=entries[RECEIPT],
        stated=stated,
        certificates=tuple(_der_of(name, data) for name, data in _below(CERTIFICATES, entries)),
        crls=tuple(data for _, data in _below(CRLS, entries)),
        checkpoint=entries[CHECKPOINT],
        proofs=_parse_proofs(entries[PROOFS]),
    )


def _below(folder: str, entries: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    return sorted((name, data) for name, data in entries.items() if name.startswith(folder))


def _der_of(name: str, pem: bytes) -> bytes:
    try:
        return pki.to_der(x509.load_pem_x509_certificate(pem))
    except (ValueError, *certificates.UNREADABLE):
        raise Refusal("certificate-malformed", f"{name} is not a certificate in PEM") from None


def _render_proofs(proofs: Mapping[int, tuple[bytes, ...]]) -> bytes:
    listed = [
        {"leaf_index": leaf, "hashes": [encode_base64url(one) for one in hashes]}
        for leaf, hashes in sorted(proofs.items())
    ]
    return render_object({"proofs": listed})


def _parse_proofs(data: bytes) -> dict[int, tuple[bytes, ...]]:
    values = parse_object(data, size_bytes_max=_PROOFS_BYTES_MAX, depth_max=4)
    members = Members(values, "evidence-invalid")
    members.expect(frozenset({"proofs"}), frozenset())
    found: dict[int, tuple[bytes, ...]] = {}
    for item in members.objects("proofs", 1, STATED_MAX + 1):
        item.expect(frozenset({"leaf_index", "hashes"}), frozenset())
        found[item.integer("leaf_index", 0, SIZE_MAX - 1)] = _hashes(item)
    return found


def _hashes(item: Members) -> tuple[bytes, ...]:
    texts: Any = item.values["hashes"]
    if not isinstance(texts, list) or len(texts) > PROOF_HASHES_MAX:
        raise item.fault("hashes", "found no list of hashes", f"an array of at most {PROOF_HASHES_MAX}")
    if not all(isinstance(text, str) for text in texts):
        raise item.fault("hashes", "found what is no text", "hashes in base64url")
    return tuple(decode_base64url(text) for text in texts)
