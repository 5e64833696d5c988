"""What an exchange answers: read strictly, and checked against what the asker knows.

Rule kept here: what is signed is believed only after its signature and its content were checked, what is not signed
only as far as it agrees with what is; whatever does not hold raises ``Refusal``. No input or output.
"""

from __future__ import annotations

import re
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from cryptography import x509

from loadtests.exchange import certificates, events, jws, keys, manifest
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import EVENT_OF_ACTION, Event, Evidence
from loadtests.exchange.issuer import NAME, NAME_WORDS, Issuer
from loadtests.exchange.lifecycle import STATUS_CODES, State
from loadtests.exchange.manifest import AGENCY_CODE, AGENCY_CODE_WORDS, MESSAGE_ID, MESSAGE_ID_WORDS
from loadtests.exchange.members import Members
from loadtests.exchange.merkle import SIZE_MAX
from loadtests.exchange.receipts import check_evidence, check_receipt
from loadtests.exchange.strict import LIMITS, TIME_MAX, decode_base64url, parse_object
from loadtests.received import (
    Arrival,
    ExchangeInfo,
    Inbox,
    ListedAgency,
    Message,
    MessageEvidence,
    Ref,
    Reported,
    Sent,
    Statement,
    TrustLists,
)

ANSWER_BYTES_MAX: Final = 64 * 1024**2
"""Most that is read of one answer: evidence about a message to 1000 recipients, ten events of 5 kB for each."""
MALFORMED: Final = "body-invalid"
"""The code for an answer that is not of the agreed form."""
_COMPACT_CHARS_MAX: Final = (
    2 * LIMITS.payload_bytes_max
)  # base64url takes a third more; ``jws.parse`` measures again
_STATES: Final = re.compile("|".join(State))


# --- what answers a message or a report ---------------------------------------------------------------------------


def sent(answer: bytes, compact: bytes, issuer: Issuer, *, replayed: bool) -> Sent:
    """The receipt for a signed manifest of ours.

    Raises:
        Refusal: The codes of ``receipts.check_receipt``.
    """
    signed = jws.parse(compact)
    evidence = check_receipt(
        answer, signed.payload, issuer, sender_certificate_sha256=signed.certificate_sha256
    )
    return Sent(Ref(evidence.sender, evidence.message_id), answer, evidence, replayed)


def reported(answer: bytes, compact: bytes, issuer: Issuer, *, replayed: bool) -> Reported:
    """The evidence for a signed report of ours.

    Raises:
        Refusal: The codes of ``receipts.check_evidence``; ``evidence-message-mismatch``, ``evidence-event-mismatch``.
    """
    evidence = check_evidence(answer, issuer)
    report = _require_report(evidence, compact)
    return Reported(report.event_id, answer, evidence, replayed)


def rejection(evidence_bytes: bytes, compact: bytes, issuer: Issuer) -> Evidence:
    """The evidence that comes with the refusal of a signed manifest of ours.

    Raises:
        Refusal: The codes of ``receipts.check_evidence``; ``evidence-event-mismatch``, ``evidence-message-mismatch``.
    """
    evidence = check_evidence(evidence_bytes, issuer)
    _require_event(evidence, Event.SUBMISSION_REJECTION)
    signed = jws.parse(compact)
    _require_same("manifest", evidence.manifest_sha256, sha256(signed.payload).digest())
    _require_same("certificate", evidence.sender_certificate_sha256, signed.certificate_sha256)
    return evidence


# --- what answers a read ------------------------------------------------------------------------------------------


def inbox(answer: bytes, after: int) -> Inbox:
    """A stretch of an inbox after a place; raises ``Refusal`` for another form, or entries out of order."""
    members = _object(answer, "entries", "next")
    entries, last = [], after
    for one in members.objects("entries", 0, SIZE_MAX):
        _expect(one, "leaf_index", "sender", "message_id", "accepted_at", "state", "status_code")
        last = one.integer("leaf_index", last + 1, SIZE_MAX)
        entries.append(Arrival(_ref(one), last, one.integer("accepted_at", 0, TIME_MAX), _state(one)))
    return Inbox(tuple(entries), members.integer("next", last, last))


def message(answer: bytes, ref: Ref, issuer: Issuer) -> Message:
    """A message with its receipt, each of them fitting the other and the name that was asked for.

    Raises:
        Refusal: The codes of ``jws.parse``, ``manifest.parse`` and ``receipts.check_receipt``; ``body-invalid``,
            ``evidence-message-mismatch``.
    """
    names = ("sender", "message_id", "accepted_at", "leaf_index", "manifest", "receipt", "entries")
    members = _object(answer, *names)  # what else it says of documents is in the manifest, signed
    compact, receipt = _compact(members, "manifest"), _compact(members, "receipt")
    signed = jws.parse(compact)
    jws.require_type(signed, jws.MANIFEST_TYPE)
    content = manifest.parse(signed.payload)
    evidence = check_receipt(
        receipt, signed.payload, issuer, sender_certificate_sha256=signed.certificate_sha256
    )
    _require_same("name", (_ref(members), Ref(content.sender, content.message_id)), (ref, ref))
    _require_same("time of acceptance", members.integer("accepted_at", 0, TIME_MAX), evidence.event_at)
    _require_same(
        "leaf", members.integer("leaf_index", 0, SIZE_MAX), evidence.log and evidence.log.leaf_index
    )
    states: dict[str, State] = {}
    for one in members.objects("entries", 0, len(content.recipients)):
        _expect(one, "recipient", "state", "status_code")
        states[_agency(one, "recipient")] = _state(one)
    _require_same("recipients", states.keys() - set(content.recipients), set())
    return Message(ref, compact, content, receipt, evidence, MappingProxyType(states))


def message_evidence(answer: bytes, ref: Ref, issuer: Issuer) -> MessageEvidence:
    """All evidence about a message; every piece signed by this exchange, and about this message.

    Raises:
        Refusal: The codes of ``receipts.check_evidence``; ``body-invalid``, ``evidence-event-mismatch``,
            ``evidence-message-mismatch``.
    """
    members = _object(answer, "receipt", "consignments", "events")
    receipt_bytes = _compact(members, "receipt")
    accepted = check_evidence(receipt_bytes, issuer)
    _require_event(accepted, Event.SUBMISSION_ACCEPTANCE)
    _require_same("name", Ref(accepted.sender, accepted.message_id), ref)
    consignments = []
    for one in members.objects("consignments", 0, SIZE_MAX):
        statement = _statement(one, accepted, issuer)
        _require_event(statement.evidence, Event.CONTENT_CONSIGNMENT)
        consignments.append(statement)
    happened = tuple(_event(one, accepted, issuer) for one in members.objects("events", 0, SIZE_MAX))
    return MessageEvidence(Statement(receipt_bytes, accepted), tuple(consignments), happened)


def rejections(answer: bytes, ref: Ref, issuer: Issuer) -> tuple[Statement, ...]:
    """What was refused under an id, oldest first; raises as ``message_evidence`` does."""
    found = []
    for one in _object(answer, "rejections").objects("rejections", 0, SIZE_MAX):
        _expect(one, "kept_at", "evidence")
        compact = _compact(one, "evidence")
        evidence = check_evidence(compact, issuer)
        _require_event(evidence, Event.SUBMISSION_REJECTION)
        _require_same("name", Ref(evidence.sender, evidence.message_id), ref)
        found.append(Statement(compact, evidence))
    return tuple(found)


# --- what everybody may ask ---------------------------------------------------------------------------------------


def agencies(answer: bytes) -> tuple[ListedAgency, ...]:
    """The agencies that take part; raises ``Refusal`` for another form."""
    found = []
    for one in _object(answer, "agencies").objects("agencies", 0, SIZE_MAX):
        _expect(one, "code", "name_en", "name_vi", "rights", "suspended")
        rights = (
            one.distinct("rights", re.compile("[a-z-]{1,40}"), "a right", 100) if one.values["rights"] else ()
        )
        suspended = one.values["suspended"]
        if not isinstance(suspended, bool):
            raise one.fault("suspended", "found neither true nor false", "true or false")
        names = (one.text("name_en", 500), one.text("name_vi", 500))
        found.append(ListedAgency(_agency(one, "code"), *names, rights, suspended))
    return tuple(found)


def exchange_info(answer: bytes) -> ExchangeInfo:
    """What an exchange says of itself; raises ``Refusal`` for another form or a certificate that cannot be used."""
    members = _object(answer, "name", "certificate", "chain", "policy", "limits")
    der = decode_base64url(members.text("certificate", _COMPACT_CHARS_MAX))
    certificate = certificates.parse_certificate(der, certificates.Limits())
    public_key = certificate.public_key()
    keys.algorithm_of(public_key)
    name = members.matching("name", NAME, NAME_WORDS)
    limits = members.values["limits"]
    if not isinstance(limits, dict):
        raise members.fault("limits", "found no object", "an object")
    issuer = Issuer(name, certificates.thumbprint(certificate), public_key)  # type: ignore[arg-type] # asked above
    policy = members.matching("policy", NAME, NAME_WORDS)
    return ExchangeInfo(issuer, der, _binaries(members, "chain"), policy, MappingProxyType(limits))


def trust_lists(answer: bytes) -> TrustLists:
    """What the exchange judges by; raises ``Refusal`` for another form."""
    members = _object(answer, "roots", "intermediates", "crls")
    return TrustLists(*(_binaries(members, name) for name in ("roots", "intermediates", "crls")))


def certificate(answer: bytes, digest: bytes) -> x509.Certificate:
    """The certificate of this thumbprint.

    Raises:
        Refusal: ``content-digest-mismatch``, the codes of ``certificates.parse_certificate``.
    """
    return certificates.parse_certificate(named(answer, digest), certificates.Limits())


def named(answer: bytes, digest: bytes) -> bytes:
    """The answer itself, where it is what this SHA-256 names; raises ``content-digest-mismatch`` where it is not."""
    if (found := sha256(answer).digest()) != digest:
        raise Refusal("content-digest-mismatch", f"found {found.hex()}", digest.hex())
    return answer


def hashes(answer: bytes, **asked: int) -> tuple[bytes, ...]:
    """The hashes of a proof from the log, for what was asked; raises ``Refusal`` for another form."""
    members = _object(answer, "hashes", *asked)
    for name, number in asked.items():
        members.integer(name, number, number)
    return _binaries(members, "hashes")


# --- parts --------------------------------------------------------------------------------------------------------


def _object(answer: bytes, *names: str) -> Members:
    """The JSON object of an answer, which has at least these members; an exchange may be newer and say more."""
    values = parse_object(answer, size_bytes_max=ANSWER_BYTES_MAX, depth_max=LIMITS.json_depth_max)
    members = Members(values, MALFORMED)
    _expect(members, *names)
    return members


def _expect(members: Members, *names: str) -> None:
    members.expect(frozenset(names), frozenset(members.values))


def _compact(members: Members, name: str) -> bytes:
    return members.text(name, _COMPACT_CHARS_MAX).encode("utf-8")


def _agency(members: Members, name: str) -> str:
    return members.matching(name, AGENCY_CODE, AGENCY_CODE_WORDS)


def _ref(members: Members) -> Ref:
    return Ref(_agency(members, "sender"), members.matching("message_id", MESSAGE_ID, MESSAGE_ID_WORDS))


def _state(members: Members) -> State:
    state = State(members.matching("state", _STATES, f"one of {', '.join(State)}"))
    if members.values["status_code"] != STATUS_CODES.get(state):
        raise members.fault("status_code", f"not the one of {state}", "the code of the state")
    return state


def _binaries(members: Members, name: str) -> tuple[bytes, ...]:
    items = members.values[name]
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise members.fault(name, "found something else", "an array of texts in base64url")
    return tuple(decode_base64url(item) for item in items)


def _statement(members: Members, accepted: Evidence, issuer: Issuer) -> Statement:
    """Evidence that concerns one recipient of an accepted message."""
    _expect(members, "recipient", "evidence")
    compact = _compact(members, "evidence")
    evidence = check_evidence(compact, issuer)
    for what in ("sender", "message_id", "manifest_sha256", "sender_certificate_sha256", "documents"):
        _require_same(what, getattr(evidence, what), getattr(accepted, what))
    _require_same("recipient", evidence.recipients, (_agency(members, "recipient"),))
    _require_same("recipient", set(evidence.recipients) <= set(accepted.recipients), True)
    return Statement(compact, evidence)


def _event(members: Members, accepted: Evidence, issuer: Issuer) -> Statement:
    """Evidence of an event, with the recipient's report where there was one."""
    statement = _statement(members, accepted, issuer)
    _expect(members, "leaf_index", "event_id", "report")
    evidence = statement.evidence
    _require_same(
        "leaf", members.integer("leaf_index", 0, SIZE_MAX), evidence.log and evidence.log.leaf_index
    )
    _require_same("event_id", members.values["event_id"], evidence.progress and evidence.progress.event_id)
    if members.values["report"] is None:
        return statement
    report = _compact(members, "report")
    _require_report(evidence, report)
    return Statement(statement.evidence_bytes, evidence, report)


def _require_report(evidence: Evidence, compact: bytes) -> events.Report:
    """What a report says, if evidence is about this very report."""
    signed = jws.parse(compact, events.LIMITS)
    jws.require_type(signed, events.EVENT_TYPE)
    report = events.parse(signed.payload)
    _require_event(evidence, EVENT_OF_ACTION[report.action])
    progress = evidence.progress
    if progress is None:  # no such evidence can be made
        raise Refusal("evidence-event-mismatch", "found no progress", "evidence of a lifecycle event")
    _require_same("report", progress.event_sha256, sha256(signed.payload).digest())
    _require_same("event_id", progress.event_id, report.event_id)
    _require_same("action", progress.action, report.action)
    _require_same("name", (evidence.sender, evidence.message_id), (report.sender, report.message_id))
    _require_same("recipient", evidence.recipients, (report.recipient,))
    return report


def _require_event(evidence: Evidence, event: Event) -> None:
    if evidence.event is not event:
        raise Refusal("evidence-event-mismatch", f"found {evidence.event}", str(event))


def _require_same(what: str, found: object, right: object) -> None:
    if found != right:
        raise Refusal(
            "evidence-message-mismatch", f"the {what} is another", "what belongs to what was asked for"
        )
