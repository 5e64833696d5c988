"""Evidence: what the exchange signs about a message, in the words of ETSI EN 319 522 (ERDS).

Rule kept here: each event has exactly the parts that make it evidence (``PARTS``), so that no acceptance exists
without its leaf in the log, and no rejection without its reason.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from loadtests.exchange import jws, keys
from loadtests.exchange.errors import Refusal
from loadtests.exchange.issuer import NAME, NAME_WORDS
from loadtests.exchange.lifecycle import Action, State
from loadtests.exchange.manifest import AGENCY_CODE, AGENCY_CODE_WORDS, MESSAGE_ID, MESSAGE_ID_WORDS
from loadtests.exchange.members import Members
from loadtests.exchange.merkle import SIZE_MAX
from loadtests.exchange.strict import (
    LIMITS,
    TIME_MAX,
    Limits,
    decode_base64url,
    encode_base64url,
    parse_object,
    render_object,
    type_name,
)

POLICY: Final = "urn:congvan:evidence:1"
"""What this version of the protocol promises with its evidence; loadtests/README.md says it in words."""
CHAIN_MAX: Final = 8
"""Certificates of one chain, and revocation lists looked at for it: more than any chain that is accepted."""
REASON_CHARS_MAX: Final = 500
"""Characters of a refusal's message: it names what was found, and never repeats a document."""

_CODE: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DIGEST: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_T = TypeVar("_T")
_Name = TypeVar("_Name", bound=StrEnum)


class Event(StrEnum):
    """Names of ETSI EN 319 522-1 clause 6, and one of our own."""

    SUBMISSION_ACCEPTANCE = "SubmissionAcceptance"  # A.1
    SUBMISSION_REJECTION = "SubmissionRejection"  # A.2
    CONSIGNMENT_ACCEPTANCE = "ConsignmentAcceptance"  # C.3: the recipient accepted
    CONSIGNMENT_REJECTION = "ConsignmentRejection"  # C.4: the recipient refused
    ACCEPTANCE_REJECTION_EXPIRY = "AcceptanceRejectionExpiry"  # C.5: the recipient did neither in time
    CONTENT_CONSIGNMENT = "ContentConsignment"  # D.1: it stands in the recipient's inbox
    CONTENT_CONSIGNMENT_FAILURE = "ContentConsignmentFailure"  # D.2
    CONTENT_HANDOVER = "ContentHandover"  # E.1: the recipient collected it
    CONTENT_HANDOVER_FAILURE = "ContentHandoverFailure"  # E.2
    STATUS_CHANGE = "StatusChange"  # not in ETSI's list: work and recall after acceptance


@dataclass(frozen=True, slots=True)
class DocumentDigest:
    """One document of the message: SHA-256 (32 bytes) and size in bytes."""

    sha256: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class CrlUsed:
    """One revocation list that was looked at: SHA-256 of its DER, and the times it gives for itself."""

    sha256: bytes
    this_update_at: int
    next_update_at: int


@dataclass(frozen=True, slots=True)
class Validation:
    """What the sender's signature was trusted on.

    Args:
        chain: Thumbprints (SHA-256 of DER) of the chain, the sender's certificate first, 1 to ``CHAIN_MAX``.
        crls: The revocation lists used, 0 to ``CHAIN_MAX``.
    """

    chain: tuple[bytes, ...]
    crls: tuple[CrlUsed, ...]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Where the evidence stands in the transparency log: the log's name and the index of the leaf from 0."""

    origin: str
    leaf_index: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was refused or failed: a code of ``errors.CODES`` and what was found."""

    code: str
    message: str

    @classmethod
    def of(cls, refusal: Refusal) -> Reason:
        """The reason that a refusal gives, as ``parse`` will take it: seen letters only, not too many."""
        shown = "".join(char if char.isprintable() else " " for char in refusal.message)
        cut = unicodedata.normalize("NFC", shown)[:REASON_CHARS_MAX].strip()
        return cls(refusal.code, cut or refusal.kind.title)


@dataclass(frozen=True, slots=True)
class Progress:
    """A lifecycle event that was taken.

    Args:
        event_id: The id its signer gave it.
        action: What happened.
        state: Where the message stands at the recipient since then.
        event_sha256: SHA-256 of the signed event (its payload).
    """

    event_id: str
    action: Action
    state: State
    event_sha256: bytes


@dataclass(frozen=True, slots=True)
class Revocation:
    """The sender's certificate was revoked after acceptance: since when, and by which list (SHA-256 of its DER)."""

    revoked_at: int
    crl_sha256: bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statement of the exchange; a member of the JSON object has the name of the field, None is left out.

    Args:
        evidence_id: Unique at the exchange.
        event: What happened.
        event_at: When, s since the epoch, UTC; the signature has the same time.
        issuer: The exchange, as it calls itself.
        policy: What the evidence promises; see ``POLICY``.
        message_id: The message, as its sender named it.
        sender: Code of the agency that sent it.
        sender_certificate_sha256: Certificate that signed the manifest.
        manifest_sha256: SHA-256 of the manifest's bytes.
        documents: The documents, in the manifest's order.
        recipients: Whom the event concerns: all recipients for a submission, else the one.
        validation: For acceptances; for a rejection where it got so far.
        log: Leaf in the transparency log.
        reason: For rejections and failures.
        progress: For what a lifecycle event brought about.
        revocation: Where the sender's certificate was revoked since acceptance.

    Raises:
        Refusal: ``evidence-invalid`` when a part is missing that ``PARTS`` asks for, or there is another.
    """

    evidence_id: str
    event: Event
    event_at: int
    issuer: str
    policy: str
    message_id: str
    sender: str
    sender_certificate_sha256: bytes
    manifest_sha256: bytes
    documents: tuple[DocumentDigest, ...]
    recipients: tuple[str, ...]
    validation: Validation | None = None
    log: LogEntry | None = None
    reason: Reason | None = None
    progress: Progress | None = None
    revocation: Revocation | None = None

    def __post_init__(self) -> None:
        must, may = PARTS[self.event]
        there = frozenset(name for name in _PARTS if getattr(self, name) is not None)
        if must <= there <= must | may:
            return
        raise Refusal(
            "evidence-invalid",
            f"{self.event} with {', '.join(sorted(there)) or 'none of its parts'}",
            f"with {', '.join(sorted(must)) or 'nothing more'}"
            + (f", and perhaps {', '.join(sorted(may))}" if may else ""),
        )


def _parts(*must: str, may: tuple[str, ...] = ()) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(must), frozenset(may)


PARTS: Final[Mapping[Event, tuple[frozenset[str], frozenset[str]]]] = MappingProxyType(
    {
        Event.SUBMISSION_ACCEPTANCE: _parts("validation", "log"),
        Event.SUBMISSION_REJECTION: _parts("reason", may=("validation",)),  # never in the log
        Event.CONSIGNMENT_ACCEPTANCE: _parts("log", "progress", may=("revocation",)),
        Event.CONSIGNMENT_REJECTION: _parts("log", "progress", may=("revocation",)),
        Event.ACCEPTANCE_REJECTION_EXPIRY: _parts("log", "progress", may=("revocation",)),
        Event.CONTENT_CONSIGNMENT: _parts(may=("log",)),
        Event.CONTENT_CONSIGNMENT_FAILURE: _parts("reason", may=("log",)),
        Event.CONTENT_HANDOVER: _parts(may=("log", "revocation")),
        Event.CONTENT_HANDOVER_FAILURE: _parts("reason", may=("log", "revocation")),
        Event.STATUS_CHANGE: _parts("log", "progress", may=("revocation",)),
    }
)
"""By event: the parts that it must have, and those that it may have."""

EVENT_OF_ACTION: Final[Mapping[Action, Event]] = MappingProxyType(
    dict.fromkeys(Action, Event.STATUS_CHANGE)
    | {
        Action.ACCEPT: Event.CONSIGNMENT_ACCEPTANCE,
        Action.REFUSE: Event.CONSIGNMENT_REJECTION,
        Action.EXPIRE: Event.ACCEPTANCE_REJECTION_EXPIRY,
    }
)
"""The event that evidence of a lifecycle event names."""

_PARTS: Final = ("validation", "log", "reason", "progress", "revocation")
_REQUIRED: Final = frozenset(field.name for field in fields(Evidence)) - frozenset(_PARTS)


def sign(evidence: Evidence, key: keys.PrivateKey, certificate_sha256: bytes) -> bytes:
    """The evidence as a compact JWS, signed by the exchange at ``event_at``; raises as ``jws.sign`` does."""
    return jws.sign(render(evidence), key, certificate_sha256, at=evidence.event_at, typ=jws.EVIDENCE_TYPE)


def render(evidence: Evidence) -> bytes:
    """The evidence as the JSON that is signed; the values are taken as they are, ``parse`` checks them."""
    return render_object(_plain(evidence))


_KINDS: Final = (Evidence, DocumentDigest, CrlUsed, Validation, LogEntry, Reason, Progress, Revocation)
_NAMES: Final = {kind: tuple(field.name for field in fields(kind)) for kind in _KINDS}


def _plain(value: Any) -> Any:
    """A value as JSON has it; members that are None are left out."""
    kind = type(value)
    if kind is bytes:
        return encode_base64url(value)
    if kind is tuple:
        return [_plain(item) for item in value]
    if (names := _NAMES.get(kind)) is None:
        return value
    return {name: _plain(part) for name in names if (part := getattr(value, name)) is not None}


def parse(data: bytes, limits: Limits = LIMITS) -> Evidence:
    """Read evidence, whose signature has been checked.

    Raises:
        Refusal: ``evidence-invalid``, ``base64-invalid`` or one of the ``json-…`` codes.
    """
    values = parse_object(data, size_bytes_max=limits.payload_bytes_max, depth_max=limits.json_depth_max)
    members = Members(values, "evidence-invalid")
    members.expect(_REQUIRED, frozenset(_PARTS))
    return Evidence(
        evidence_id=members.matching("evidence_id", MESSAGE_ID, MESSAGE_ID_WORDS),
        event=_one_of(Event, members, "event"),
        event_at=members.integer("event_at", 0, TIME_MAX),
        issuer=members.matching("issuer", NAME, NAME_WORDS),
        policy=members.matching("policy", NAME, NAME_WORDS),
        message_id=members.matching("message_id", MESSAGE_ID, MESSAGE_ID_WORDS),
        sender=members.matching("sender", AGENCY_CODE, AGENCY_CODE_WORDS),
        sender_certificate_sha256=members.digest("sender_certificate_sha256"),
        manifest_sha256=members.digest("manifest_sha256"),
        documents=tuple(_document(item) for item in members.objects("documents", 0, limits.documents_max)),
        recipients=members.distinct("recipients", AGENCY_CODE, AGENCY_CODE_WORDS, limits.recipients_max),
        validation=_part(members, "validation", _validation),
        log=_part(members, "log", _log),
        reason=_part(members, "reason", _reason),
        progress=_part(members, "progress", _progress),
        revocation=_part(members, "revocation", _revocation),
    )


def _part(members: Members, name: str, read: Callable[[Members], _T]) -> _T | None:
    """A member that is an object, or None where it is missing."""
    if name not in members.values:
        return None
    value = members.values[name]
    if not isinstance(value, dict):
        raise members.fault(name, f"found {type_name(value)}", "an object, or nothing at all")
    return read(Members(value, members.code, f"{members.place}{name}."))


def _expect(members: Members, of: type[Any]) -> None:
    members.expect(frozenset(field.name for field in fields(of)), frozenset())


def _one_of(names: type[_Name], members: Members, name: str) -> _Name:
    text = members.matching(name, re.compile("|".join(names)), f"one of {', '.join(names)}")
    return names(text)


def _document(members: Members) -> DocumentDigest:
    _expect(members, DocumentDigest)
    return DocumentDigest(members.digest("sha256"), members.integer("size_bytes", 1))


def _validation(members: Members) -> Validation:
    _expect(members, Validation)
    chain = members.distinct("chain", _DIGEST, "a SHA-256 in base64url", CHAIN_MAX)
    crls = tuple(_crl(item) for item in members.objects("crls", 0, CHAIN_MAX))
    return Validation(tuple(decode_base64url(text) for text in chain), crls)


def _crl(members: Members) -> CrlUsed:
    _expect(members, CrlUsed)
    this_update_at = members.integer("this_update_at", 0, TIME_MAX)
    return CrlUsed(
        sha256=members.digest("sha256"),
        this_update_at=this_update_at,
        next_update_at=members.integer("next_update_at", this_update_at, TIME_MAX),
    )


def _log(members: Members) -> LogEntry:
    _expect(members, LogEntry)
    return LogEntry(
        origin=members.matching("origin", NAME, NAME_WORDS),
        leaf_index=members.integer("leaf_index", 0, SIZE_MAX - 1),
    )


def _reason(members: Members) -> Reason:
    """The code is not looked up: an exchange that is newer than its reader may have more of them."""
    _expect(members, Reason)
    return Reason(
        code=members.matching("code", _CODE, "a code such as recipient-unknown"),
        message=members.text("message", REASON_CHARS_MAX),
    )


def _progress(members: Members) -> Progress:
    _expect(members, Progress)
    return Progress(
        event_id=members.matching("event_id", MESSAGE_ID, MESSAGE_ID_WORDS),
        action=_one_of(Action, members, "action"),
        state=_one_of(State, members, "state"),
        event_sha256=members.digest("event_sha256"),
    )


def _revocation(members: Members) -> Revocation:
    _expect(members, Revocation)
    return Revocation(members.integer("revoked_at", 0, TIME_MAX), members.digest("crl_sha256"))
