"""Checking an evidence bundle offline: what is proven about a message, to somebody who trusts a root only.

Rule kept here: nothing is believed because it is in the bundle; every step raises unless it holds, is told with its
number when it held, and what is reported at the end comes from what was signed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from loadtests.bundle.archive import Archive
from loadtests.bundle.contents import (
    DOCUMENTS,
    Contents,
    document_names,
    primary_entries,
    read_certificates,
    read_contents,
)
from loadtests.bundle.happenings import Proven, check_stated
from loadtests.bundle.openssl import derived_entries, recorded_crls
from loadtests.bundle.trusting import (
    SKEW_S,
    Trusting,
    by_thumbprint,
    common_name_of,
    public_key_of,
    require_agency,
    require_unrevoked_by,
)
from loadtests.exchange import checkpoint, jws, manifest, receipts
from loadtests.exchange.certificates import called
from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import Evidence
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.trust import Anchors


@dataclass(frozen=True, slots=True)
class Checked:
    """What a bundle proves.

    Args:
        exchange: The exchange, by the subject of its certificate.
        manifest: What was sent.
        receipt: The acceptance.
        stated: What happened afterwards, in the order of time.
        head: The head of the log under which all of it stands.
        remarks: What the reader should know although no step fails for it, such as a later revocation.
    """

    exchange: str
    manifest: Manifest
    receipt: Evidence
    stated: tuple[Evidence, ...]
    head: Checkpoint
    remarks: tuple[str, ...]


@dataclass(slots=True)
class _Steps:
    """Counts the steps that held, and keeps the remarks, each once."""

    told: Callable[[str], None]
    count: int = 0
    remarks: dict[str, None] = field(default_factory=dict)

    def passed(self, label: str) -> None:
        self.count += 1
        self.told(f"{self.count}. {label}")

    def remark(self, text: str) -> None:
        self.remarks[text] = None


def check(
    bundle_path: Path,
    roots: Sequence[x509.Certificate],
    passed: Callable[[str], None],
    at: int | None = None,
    *,
    exchange_sha256: bytes | None = None,
) -> Checked:
    """Check all that a bundle says, offline.

    Args:
        bundle_path: The file.
        roots: The root certificates that the reader trusts; nothing in the bundle adds to them.
        passed: Told each step, with its number, when it held.
        at: The time of checking, s since the epoch, UTC: what is dated later is refused; None to let every date be.
        exchange_sha256: Thumbprint of the exchange's certificate, for a reader who knows it; otherwise the common
            name of the certificate has to be the name of the exchange that the sender's manifest was meant for.

    Raises:
        Refusal: The first step that does not hold: ``evidence-invalid`` for a file that is no bundle or holds
            anything but what it must; else the codes of what is checked.
    """
    steps = _Steps(passed)
    anchors = Anchors.of(roots)
    with Archive(bundle_path) as archive:
        contents = _contents(archive)
        steps.passed("the file is a bundle, and nothing hides in it")
        certificates = by_thumbprint(read_certificates(contents))
        trusting = Trusting(anchors, certificates, contents.crls, steps.remark)
        sent = jws.parse(contents.manifest)
        content = manifest.parse(sent.payload)
        issuer = _issuer(contents.receipt, content, trusting, exchange_sha256)
        steps.passed(f"the certificate of {issuer.name} leads to a trusted root and counted when it signed")
        receipt = _receipt(contents.receipt, sent, issuer, steps)
        _check_dates(receipt, at)
        _check_sender(sent, receipt, contents, trusting, steps)
        _check_documents(archive, content, receipt, steps)
    proven = check_stated(contents, receipt, issuer, trusting, steps.passed)
    for one in proven:
        _check_dates(one.evidence, at)
    head = _check_log(contents, (Proven(receipt, contents.receipt), *proven), issuer, trusting, steps)
    exchange = called(trusting.certificates[issuer.certificate_sha256].subject)
    stated = tuple(sorted((one.evidence for one in proven), key=lambda one: one.event_at))
    return Checked(exchange, content, receipt, stated, head, tuple(steps.remarks))


def _contents(archive: Archive) -> Contents:
    """The contents, where every name and every byte beside the documents is what the contents ask for."""
    found = archive.read(frozenset(name for name in archive.names if not name.startswith(DOCUMENTS)))
    contents = read_contents(found)
    wanted = {**primary_entries(contents), **derived_entries(contents)}
    content = manifest.parse(jws.parse(contents.manifest).payload)
    names = wanted.keys() | set(document_names(content))
    if missing := names - archive.names:
        raise Refusal("evidence-invalid", f"{min(missing)} is missing", "a whole bundle")
    if unexpected := archive.names - names:
        raise Refusal(
            "evidence-invalid", f"found {min(unexpected)}, which nothing asks for", "a bundle alone"
        )
    for name, data in found.items():
        if data != wanted[name]:
            found_wrong = f"{name} is not what follows from the signed objects"
            raise Refusal("evidence-invalid", found_wrong, "the bundle as it was made")
    return contents


def _issuer(receipt: bytes, content: Manifest, trusting: Trusting, pinned: bytes | None) -> Issuer:
    """The exchange, by the certificate that the receipt names; no agency can take its place."""
    signed = jws.parse(receipt)
    whose = f"the exchange {content.audience}"
    if pinned is not None and signed.certificate_sha256 != pinned:
        raise Refusal("issuer-mismatch", "signed with another certificate", f"the one of {content.audience}")
    certificate = trusting.certificate(signed.certificate_sha256, whose)
    if pinned is None and (named := common_name_of(certificate)) != content.audience:
        found = f"the receipt is signed with a certificate of {named[:80]!r}"
        raise Refusal("issuer-mismatch", found, f"one of {content.audience!r}, whom the sender addressed")
    trusting.chain(signed.certificate_sha256, whose, signed.signed_at)
    return Issuer(content.audience, signed.certificate_sha256, public_key_of(certificate))


def _receipt(compact: bytes, sent: jws.Unverified, issuer: Issuer, steps: _Steps) -> Evidence:
    return receipts.check_receipt(
        compact,
        sent.payload,
        issuer,
        sender_certificate_sha256=sent.certificate_sha256,
        passed=steps.passed,
    )


def _check_dates(evidence: Evidence, at: int | None) -> None:
    if at is not None and evidence.event_at > at + SKEW_S:
        found = f"{evidence.evidence_id} is dated {evidence.event_at}, checked at {at}"
        raise Refusal("signed-time-mismatch", found, "evidence of what has happened; compare clocks")


def _check_sender(
    sent: jws.Unverified, receipt: Evidence, contents: Contents, trusting: Trusting, steps: _Steps
) -> None:
    """What the exchange says to have verified, verified once more."""
    whose = f"the sender {receipt.sender}"
    recorded = receipt.validation.chain if receipt.validation else ()
    chain = trusting.recorded_chain(recorded, whose, receipt.event_at)
    require_agency(chain.leaf, receipt.sender, trusting.remark)
    steps.passed("the sender's certificate led to a trusted root at acceptance, by the chain in the receipt")
    require_unrevoked_by(recorded_crls(contents), chain, receipt.event_at)
    trusting.remark_revocations(chain, whose, receipt.event_at)
    steps.passed("nothing of that chain was revoked, by the very lists that the receipt names")
    jws.require_type(sent, jws.MANIFEST_TYPE)
    jws.check(sent, public_key_of(chain.leaf))
    steps.passed("the sender signed the manifest")


def _check_documents(archive: Archive, content: Manifest, receipt: Evidence, steps: _Steps) -> None:
    for position, name in enumerate(document_names(content)):
        receipts.check_document(receipt, position, *archive.digest(name))
        steps.passed(f"{name} is document {position + 1} of {len(content.documents)} as it was sent")


def _check_log(
    contents: Contents, proven: tuple[Proven, ...], issuer: Issuer, trusting: Trusting, steps: _Steps
) -> Checkpoint:
    head = checkpoint.check(contents.checkpoint, issuer)
    trusting.chain(issuer.certificate_sha256, f"the exchange {issuer.name}", head.issued_at)
    steps.passed(f"the exchange signed the head of its log with {head.size} leaves")
    logged = {one.evidence.log.leaf_index: one for one in proven if one.evidence.log is not None}
    if len(logged) < sum(one.evidence.log is not None for one in proven):
        raise Refusal("evidence-log-mismatch", "two pieces of evidence name one leaf", "a leaf for each")
    if logged.keys() != contents.proofs.keys():
        found = f"found proofs of {len(contents.proofs)} leaves for {len(logged)} pieces of evidence"
        raise Refusal("log-proof-invalid", found, "one inclusion proof for each")
    for leaf, one in sorted(logged.items()):
        receipts.check_logged(one.compact, one.evidence, head, contents.proofs[leaf])
        steps.passed(f"{one.evidence.event} stands in the log as leaf {leaf}")
    return head
