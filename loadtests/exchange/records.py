"""What an acceptance stores, as one unit or not at all, and what evidence says about a submission.

Rule kept here: a unit is complete: message, inbox entries, leaf and the receipt that is signed already, so that no
store ever has to make up a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from loadtests.exchange import merkle
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import POLICY, DocumentDigest, Event, Evidence, LogEntry, Reason, render
from loadtests.exchange.lifecycle import Entry
from loadtests.exchange.verification import Authentic, Received, Verified


@dataclass(frozen=True, slots=True)
class MessageKey:
    """What names a message at the exchange: ids are made by senders, so each sender has its own."""

    sender: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An accepted message, as far as a replay asks for it: SHA-256 of its manifest, and its receipt's very bytes."""

    manifest_sha256: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """What is stored of a message that is accepted, beside the receipt.

    Args:
        key: Sender and id.
        compact: The signed manifest as it came.
        verified: What was established about it.
        documents: The documents as they came, in the manifest's order.
        inbox: One entry for each recipient, all of them available.
    """

    key: MessageKey
    compact: bytes
    verified: Verified
    documents: tuple[Received, ...]
    inbox: tuple[Entry, ...]

    def evidence(self, origin: str, leaf_index: int, at: int) -> Evidence:
        """What the receipt says; its id is its place in the log, which nothing else has."""
        return _evidence(
            self.verified.authentic,
            evidence_id=f"leaf-{leaf_index:012d}",
            event=Event.SUBMISSION_ACCEPTANCE,
            issuer=origin,
            at=at,
            log=LogEntry(origin, leaf_index),
        )


@dataclass(frozen=True, slots=True)
class Unit:
    """A message with all that its acceptance means, stored together or not at all.

    Args:
        message: The message, its documents and its inbox entries.
        evidence: What the receipt says.
        receipt: The receipt's bytes, signed already.
        leaf: Its leaf hash in the log.
    """

    message: Message
    evidence: Evidence
    receipt: bytes
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Group:
    """Units with consecutive leaves, stored together or not at all.

    Args:
        before: The log that they are appended to; the first unit's leaf has the index ``before.size``.
        after: The log with their leaves.
        units: In the order of their leaves.
        nodes: The complete subtrees of the log that come into being.
    """

    before: merkle.Frontier
    after: merkle.Frontier
    units: tuple[Unit, ...]
    nodes: tuple[merkle.Node, ...]


def rejection(authentic: Authentic, refusal: Refusal, origin: str, at: int) -> Evidence:
    """What the evidence of a rejection says; its id is made of all the rest, so that equal ones are one."""
    unnamed = _evidence(
        authentic,
        evidence_id="rejection",
        event=Event.SUBMISSION_REJECTION,
        issuer=origin,
        at=at,
        reason=Reason.of(refusal),
    )
    return replace(unnamed, evidence_id=f"rejection-{sha256(render(unnamed)).hexdigest()[:32]}")


def _evidence(
    authentic: Authentic,
    *,
    evidence_id: str,
    event: Event,
    issuer: str,
    at: int,
    log: LogEntry | None = None,
    reason: Reason | None = None,
) -> Evidence:
    content = authentic.manifest
    return Evidence(
        evidence_id=evidence_id,
        event=event,
        event_at=at,
        issuer=issuer,
        policy=POLICY,
        message_id=content.message_id,
        sender=content.sender,
        sender_certificate_sha256=authentic.registered.sha256,
        manifest_sha256=authentic.manifest_sha256,
        documents=tuple(DocumentDigest(one.sha256, one.size_bytes) for one in content.documents),
        recipients=content.recipients,
        validation=authentic.validation,
        log=log,
        reason=reason,
    )
