"""What the holder of a receipt checks, alone and offline: the acceptance, its documents, its place in the log.

Rule kept here: a receipt counts because every step held against the holder's own manifest; each step has a
label, and the first one that does not hold raises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from loadtests.exchange import jws, manifest, merkle
from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import POLICY, DocumentDigest, Event, Evidence, parse
from loadtests.exchange.issuer import Issuer, check_claims, opened
from loadtests.exchange.strict import LIMITS, Limits


@dataclass(frozen=True, slots=True)
class _Held:
    """All that the steps compare."""

    signed: jws.Unverified
    evidence: Evidence
    issuer: Issuer
    manifest_bytes: bytes
    manifest: manifest.Manifest
    sender_certificate_sha256: bytes


def _claims(held: _Held) -> None:
    _check_issued(held.signed, held.evidence, held.issuer)


def _check_issued(signed: jws.Unverified, evidence: Evidence, issuer: Issuer) -> None:
    """Return if the evidence names its own issuer, the issuer's own log, and the time of its signature."""
    check_claims(signed, issuer, name=evidence.issuer, at=evidence.event_at)
    if evidence.log is not None:
        check_claims(signed, issuer, name=evidence.log.origin, at=evidence.event_at)


def _event(held: _Held) -> None:
    found, right = (held.evidence.event, held.evidence.policy), (Event.SUBMISSION_ACCEPTANCE, POLICY)
    if found != right:
        raise Refusal(
            "evidence-event-mismatch", "found {} under {}".format(*found), "{} under {}".format(*right)
        )


def _digest(held: _Held) -> None:
    _same("manifest_sha256", held.evidence.manifest_sha256, sha256(held.manifest_bytes).digest())


def _message(held: _Held) -> None:
    _same("message_id", held.evidence.message_id, held.manifest.message_id)
    _same("sender", held.evidence.sender, held.manifest.sender)
    _same("recipients", held.evidence.recipients, held.manifest.recipients)
    sent = tuple(DocumentDigest(document.sha256, document.size_bytes) for document in held.manifest.documents)
    _same("documents", held.evidence.documents, sent)


def _audience(held: _Held) -> None:
    _same("audience", held.issuer.name, held.manifest.audience)


def _signer(held: _Held) -> None:
    _same(
        "sender_certificate_sha256", held.evidence.sender_certificate_sha256, held.sender_certificate_sha256
    )
    chain = held.evidence.validation.chain if held.evidence.validation else ()
    _same("validation.chain", chain[:1], (held.sender_certificate_sha256,))


def _same(what: str, found: object, right: object) -> None:
    if found != right:
        raise Refusal(
            "evidence-message-mismatch",
            f"{what} is not that of the message at hand",
            "the receipt of this very message",
        )


_STEPS: Final[tuple[tuple[str, Callable[[_Held], None]], ...]] = (
    ("the receipt names this exchange, its log, and one time", _claims),
    ("it is an acceptance, and promises what is known here", _event),
    ("it is about these very bytes of the manifest", _digest),
    ("it names the same message, sender, recipients and documents", _message),
    ("the message was meant for this exchange", _audience),
    ("it names the certificate that signed the message, and its chain", _signer),
)
SIGNED_STEP: Final = "the exchange signed the receipt"
RECEIPT_STEPS: Final = (SIGNED_STEP, *(label for label, _ in _STEPS))
"""Labels of the steps of ``check_receipt``, in order."""


def check_receipt(
    receipt: bytes,
    manifest_bytes: bytes,
    issuer: Issuer,
    *,
    sender_certificate_sha256: bytes,
    passed: Callable[[str], object] = lambda _: None,
    limits: Limits = LIMITS,
) -> Evidence:
    """Check that a receipt promises: this exchange has stored this message for these recipients.

    Args:
        receipt: The compact JWS that the exchange answered with.
        manifest_bytes: The manifest as it was sent.
        issuer: The exchange that it was sent to.
        sender_certificate_sha256: The certificate whose key signed the manifest.
        passed: Told each of ``RECEIPT_STEPS`` when it held.
        limits: How much is read.

    Raises:
        Refusal: The codes of ``issuer.opened``, ``evidence.parse`` and ``manifest.parse``, ``issuer-mismatch``,
            ``signed-time-mismatch``, ``evidence-event-mismatch``, ``evidence-message-mismatch``.
    """
    signed = opened(receipt, issuer, jws.EVIDENCE_TYPE, limits)
    passed(SIGNED_STEP)
    held = _Held(
        signed=signed,
        evidence=parse(signed.payload, limits),
        issuer=issuer,
        manifest_bytes=manifest_bytes,
        manifest=manifest.parse(manifest_bytes, limits),
        sender_certificate_sha256=sender_certificate_sha256,
    )
    for label, step in _STEPS:
        step(held)
        passed(label)
    return held.evidence


def check_evidence(compact: bytes, issuer: Issuer, limits: Limits = LIMITS) -> Evidence:
    """Any evidence, signed by this exchange under its own name; nothing is compared with a message.

    Raises:
        Refusal: The codes of ``issuer.opened`` and ``evidence.parse``, ``issuer-mismatch``, ``signed-time-mismatch``.
    """
    signed = opened(compact, issuer, jws.EVIDENCE_TYPE, limits)
    evidence = parse(signed.payload, limits)
    _check_issued(signed, evidence, issuer)
    return evidence


def check_document(evidence: Evidence, position: int, digest: bytes, size_bytes: int) -> None:
    """Return if a document at hand is the one at this position (from 0) of the message.

    Raises:
        Refusal: ``evidence-document-mismatch``.
    """
    there = evidence.documents[position : position + 1] if position >= 0 else ()
    if there != (DocumentDigest(digest, size_bytes),):
        raise Refusal(
            "evidence-document-mismatch",
            f"document {position + 1} of {len(evidence.documents)} has another digest or size",
            "the document as it was sent",
        )


def log_leaf(compact: bytes) -> bytes:
    """The leaf hash of evidence in the transparency log, over what was signed (header, dot, payload).

    Not over the signature: an ECDSA signature has a twin that fits as well, and no twin may stand outside the log.

    Args:
        compact: The evidence as a compact JWS; its first two parts alone, joined by the dot, give the same.
    """
    return merkle.leaf_hash(b".".join(compact.split(b".")[:2]))


def check_logged(receipt: bytes, evidence: Evidence, head: Checkpoint, proof: Sequence[bytes]) -> None:
    """Return if evidence stands in the log, at the leaf that it names.

    Args:
        receipt: The evidence as a compact JWS, whose signature has been checked.
        evidence: What is in it.
        head: A checkpoint whose signature has been checked.
        proof: Inclusion proof of the leaf under that checkpoint.

    Raises:
        Refusal: ``evidence-log-mismatch`` (it names no leaf, another log, or one beyond the checkpoint),
            ``log-proof-invalid``.
    """
    if evidence.log is None:
        raise Refusal(
            "evidence-log-mismatch", f"{evidence.event} names no leaf", "evidence that is in the log"
        )
    if evidence.log.origin != head.origin:
        raise Refusal("evidence-log-mismatch", f"found the log {evidence.log.origin!r}", f"{head.origin!r}")
    if evidence.log.leaf_index >= head.size:
        raise Refusal(
            "evidence-log-mismatch",
            f"leaf {evidence.log.leaf_index} under a checkpoint of {head.size} leaves",
            "a later checkpoint",
        )
    merkle.verify_inclusion(log_leaf(receipt), evidence.log.leaf_index, head.size, proof, head.root)
