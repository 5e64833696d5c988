"""What happened to a message after its acceptance: the exchange's evidence, and what the recipients signed.

Rule kept here: evidence is about this very message and at one of its recipients, and where it tells of something that
a recipient did, that recipient's own signature is at hand and says the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from loadtests.bundle.contents import Contents, Stated, evidence_names
from loadtests.bundle.trusting import Trusting, public_key_of, require_agency
from loadtests.exchange import events, jws, receipts
from loadtests.exchange.errors import Refusal
from loadtests.exchange.events import Report
from loadtests.exchange.evidence import EVENT_OF_ACTION, POLICY, Event, Evidence
from loadtests.exchange.issuer import Issuer

_SUBMISSION: Final = (Event.SUBMISSION_ACCEPTANCE, Event.SUBMISSION_REJECTION)


@dataclass(frozen=True, slots=True)
class Proven:
    """Evidence that was checked, with its bytes."""

    evidence: Evidence
    compact: bytes


def check_stated(
    contents: Contents,
    receipt: Evidence,
    issuer: Issuer,
    trusting: Trusting,
    passed: Callable[[str], object],
) -> tuple[Proven, ...]:
    """Check all evidence after the acceptance, and the reports that it is about.

    Args:
        contents: The bundle.
        receipt: The receipt, which has been checked.
        issuer: The exchange.
        trusting: What chains are built from.
        passed: Told each step that held.

    Returns:
        The evidence in the order of its ids.

    Raises:
        Refusal: The codes of ``receipts.check_evidence`` and ``Trusting.chain``; ``evidence-message-mismatch``,
            ``evidence-event-mismatch``; for reports those of ``jws.parse``, ``jws.check`` and ``events.parse``,
            ``signed-type-mismatch``, ``signed-time-mismatch``, ``sender-certificate-mismatch``.
    """
    proven: list[Proven] = []
    for name, one in evidence_names(contents).items():
        evidence = receipts.check_evidence(one.evidence, issuer)
        trusting.chain(issuer.certificate_sha256, f"the exchange {issuer.name}", evidence.event_at)
        _check_about(evidence, receipt)
        (recipient,) = evidence.recipients
        passed(f"the exchange signed {name}: {evidence.event} at {recipient}")
        if evidence.revocation is not None:
            trusting.remark(
                f"{name} records that the sender's certificate was revoked since {evidence.revocation.revoked_at}"
            )
        if _check_report(one, evidence, issuer, trusting):
            passed(f"{recipient} signed the report that {name} is about")
        proven.append(Proven(evidence, one.evidence))
    return tuple(proven)


def _check_about(evidence: Evidence, receipt: Evidence) -> None:
    if evidence.event in _SUBMISSION or evidence.policy != POLICY:
        found = f"{evidence.evidence_id} is {evidence.event} under {evidence.policy}"
        raise Refusal("evidence-event-mismatch", found, f"what follows an acceptance, under {POLICY}")
    for what in ("message_id", "sender", "sender_certificate_sha256", "manifest_sha256", "documents"):
        if getattr(evidence, what) != getattr(receipt, what):
            raise _mismatch(f"{what} of {evidence.evidence_id} is not that of the receipt")
    if len(evidence.recipients) != 1 or evidence.recipients[0] not in receipt.recipients:
        raise _mismatch(f"{evidence.evidence_id} is not about one of the recipients")
    if evidence.log and receipt.log and evidence.log.leaf_index <= receipt.log.leaf_index:
        raise _mismatch(f"{evidence.evidence_id} stands in the log before the acceptance")


def _check_report(one: Stated, evidence: Evidence, issuer: Issuer, trusting: Trusting) -> bool:
    """Check the recipient's own words; False where there are none and none are needed."""
    progress = evidence.progress
    if progress is None or progress.action not in events.REPORTABLE:
        if one.report is not None:
            raise _mismatch(f"nobody reports what {evidence.evidence_id} is about")
        return False
    if one.report is None:
        raise Refusal(
            "evidence-invalid", f"the report for {evidence.evidence_id} is missing", "a whole bundle"
        )
    signed = jws.parse(one.report)
    jws.require_type(signed, events.EVENT_TYPE)
    (recipient,) = evidence.recipients
    whose = f"the recipient {recipient}"
    leaf = trusting.chain(signed.certificate_sha256, whose, evidence.event_at).leaf
    require_agency(leaf, recipient, trusting.remark)
    jws.check(signed, public_key_of(leaf))
    report = events.parse(signed.payload)
    if sha256(signed.payload).digest() != progress.event_sha256:
        raise _mismatch(f"{evidence.evidence_id} is about another report")
    _check_said(report, evidence, issuer)
    if report.reported_at != signed.signed_at:
        found = f"reported at {report.reported_at}, signed at {signed.signed_at}"
        raise Refusal("signed-time-mismatch", found, "one time")
    return True


def _check_said(report: Report, evidence: Evidence, issuer: Issuer) -> None:
    progress = evidence.progress
    said = (report.message_id, report.sender, report.recipient, report.audience)
    if said != (evidence.message_id, evidence.sender, evidence.recipients[0], issuer.name):
        raise _mismatch(f"the report for {evidence.evidence_id} names another message, recipient or exchange")
    if progress is None or (report.event_id, report.action) != (progress.event_id, progress.action):
        raise _mismatch(f"the report for {evidence.evidence_id} tells of another event")
    if evidence.event is not EVENT_OF_ACTION[report.action]:
        found = f"{evidence.evidence_id} is {evidence.event} for {report.action}"
        raise Refusal("evidence-event-mismatch", found, f"{EVENT_OF_ACTION[report.action]}")


def _mismatch(found: str) -> Refusal:
    return Refusal("evidence-message-mismatch", found, "evidence of this very message")
