"""What an acceptance stores, as one unit or not at all, and what evidence says about a submission.

Rule kept here: a unit is complete: message, inbox entries, leaf and the receipt that is signed already, so that no
store ever has to make up a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from loadtests.exchange import merkle
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import (
    EVENT_OF_ACTION,
    POLICY,
    DocumentDigest,
    Event,
    Evidence,
    LogEntry,
    Progress,
    Reason,
    Revocation,
    render,
)
from loadtests.exchange.lifecycle import Action, Applied, Entry
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.verification import Authentic, Received, Verified


@dataclass(frozen=True, slots=True)
class MessageKey:
    """What names a message at the exchange: ids are made by senders, so each sender has its own."""

    sender: str
    message_id: str


@dataclass(frozen=True, slots=True)
class EntryKey:
    """What names a message at one recipient."""

    message: MessageKey
    recipient: str


Key = MessageKey | EntryKey
"""What a machine may reserve."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An accepted message, as far as a replay asks for it: SHA-256 of its manifest, and its receipt's very bytes."""

    manifest_sha256: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """A message at one recipient as it is stored, with what evidence about it says of the message.

    Args:
        key: Message and recipient.
        leaf_index: Leaf of the message's acceptance, which is its place in every inbox as well.
        entry: Where it stands.
        handed_over: True where evidence of its hand-over to this recipient is stored.
        accepted_at: When it was accepted, s since the epoch, UTC.
        manifest: The manifest.
        manifest_sha256: SHA-256 of its bytes.
        sender_certificate_sha256: Certificate that signed it.
    """

    key: EntryKey
    leaf_index: int
    entry: Entry
    handed_over: bool
    accepted_at: int
    manifest: Manifest
    manifest_sha256: bytes
    sender_certificate_sha256: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """An entry that something moves; the store takes it only where the entry still has so long a history.

    Args:
        standing: The entry before.
        after: The entry afterwards.
    """

    standing: Standing
    after: Entry


@dataclass(frozen=True, slots=True)
class Message:
    """What is stored of a message that is accepted, beside the receipt.

    Args:
        key: Sender and id.
        compact: The signed manifest as it came.
        verified: What was established about it.
        documents: The documents as they came, in the manifest's order.
        inbox: One entry for each recipient, all of them available.
        changes: What a recall moves: entries of the message that it refers to.
    """

    key: MessageKey
    compact: bytes
    verified: Verified
    documents: tuple[Received, ...]
    inbox: tuple[Entry, ...]
    changes: tuple[Change, ...] = ()

    def evidence(self, origin: str, leaf_index: int, at: int) -> Evidence:
        """What the receipt says; its id is its place in the log, which nothing else has."""
        return _evidence(
            self.verified.authentic,
            evidence_id=_leaf_id(leaf_index),
            event=Event.SUBMISSION_ACCEPTANCE,
            issuer=origin,
            at=at,
            log=LogEntry(origin, leaf_index),
        )


@dataclass(frozen=True, slots=True)
class EventKey:
    """What names a lifecycle event at the exchange: ids are made by whoever reports."""

    entry: EntryKey
    event_id: str


@dataclass(frozen=True, slots=True)
class Happening:
    """A lifecycle event that is taken.

    Args:
        key: Entry, and the event's id.
        action: What happened.
        compact: The signed report as it came; None where the exchange itself saw it (expiry).
        applied: What it does.
        changes: The one entry that it moves.
        revocation: Where the sender's certificate was revoked since acceptance.
    """

    key: EventKey
    action: Action
    compact: bytes | None
    applied: Applied
    changes: tuple[Change]
    revocation: Revocation | None = None

    def evidence(self, origin: str, leaf_index: int, at: int) -> Evidence:
        """What the evidence of it says; its id is its place in the log."""
        (change,) = self.changes
        progress = Progress(
            self.applied.event_id, self.action, self.applied.state, self.applied.content_sha256
        )
        return about(
            change.standing,
            EVENT_OF_ACTION[self.action],
            evidence_id=_leaf_id(leaf_index),
            issuer=origin,
            at=at,
            log=LogEntry(origin, leaf_index),
            progress=progress,
            revocation=self.revocation,
        )


@dataclass(frozen=True, slots=True)
class Handover:
    """A recipient was given all of a message for the first time.

    Args:
        key: Message and recipient.
        standing: The entry, which stays as it is.
        revocation: Where the sender's certificate was revoked since acceptance.
    """

    key: EntryKey
    standing: Standing
    revocation: Revocation | None = None

    def evidence(self, origin: str, leaf_index: int, at: int) -> Evidence:
        """What the evidence of it says; its id is its place in the log."""
        return about(
            self.standing,
            Event.CONTENT_HANDOVER,
            evidence_id=_leaf_id(leaf_index),
            issuer=origin,
            at=at,
            log=LogEntry(origin, leaf_index),
            revocation=self.revocation,
        )


Item = Message | Happening | Handover
"""What is given a leaf in the log."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A message, an event or a hand-over with all that it means, stored together or not at all.

    Args:
        item: What is stored.
        evidence: What the receipt says.
        receipt: The evidence's bytes, signed already.
        leaf: Its leaf hash in the log.
    """

    item: Item
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


def _leaf_id(leaf_index: int) -> str:
    return f"leaf-{leaf_index:012d}"


def about(
    standing: Standing,
    event: Event,
    *,
    evidence_id: str,
    issuer: str,
    at: int,
    log: LogEntry | None = None,
    progress: Progress | None = None,
    revocation: Revocation | None = None,
) -> Evidence:
    """What evidence about a message at one recipient says; raises as ``Evidence`` does.

    Args:
        standing: The message at the recipient.
        event: What happened.
        evidence_id: Unique at the exchange.
        issuer: The exchange, as it calls itself.
        at: When, s since the epoch, UTC.
        log: Its own leaf, where it has one.
        progress: What a lifecycle event brought about.
        revocation: Where the sender's certificate was revoked since acceptance.
    """
    content = standing.manifest
    return Evidence(
        evidence_id=evidence_id,
        event=event,
        event_at=at,
        issuer=issuer,
        policy=POLICY,
        message_id=content.message_id,
        sender=content.sender,
        sender_certificate_sha256=standing.sender_certificate_sha256,
        manifest_sha256=standing.manifest_sha256,
        documents=tuple(DocumentDigest(one.sha256, one.size_bytes) for one in content.documents),
        recipients=(standing.key.recipient,),
        log=log,
        progress=progress,
        revocation=revocation,
    )
