"""What evidence holds for each event, and that it is read back only as it was written."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from loadtests.exchange import evidence, jws
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import (
    EVENT_OF_ACTION,
    PARTS,
    POLICY,
    REASON_CHARS_MAX,
    CrlUsed,
    DocumentDigest,
    Event,
    Evidence,
    LogEntry,
    Progress,
    Reason,
    Revocation,
    Validation,
)
from loadtests.exchange.lifecycle import Action, State

AT = 1_700_000_000
ACCEPTANCE = Evidence(
    evidence_id="evidence-0001",
    event=Event.SUBMISSION_ACCEPTANCE,
    event_at=AT,
    issuer="exchange.example",
    policy=POLICY,
    message_id="message-0001",
    sender="000.00.00.H49",
    sender_certificate_sha256=b"\x01" * 32,
    manifest_sha256=b"\x02" * 32,
    documents=(DocumentDigest(b"\x03" * 32, 4096), DocumentDigest(b"\x04" * 32, 1)),
    recipients=("000.00.01.H49", "000.00.02.H49"),
    validation=Validation((b"\x01" * 32, b"\x05" * 32), (CrlUsed(b"\x06" * 32, AT - 60, AT + 3600),)),
    log=LogEntry("exchange.example", 0),
)
PART_VALUES: dict[str, Any] = {
    "validation": ACCEPTANCE.validation,
    "log": ACCEPTANCE.log,
    "reason": Reason("recipient-unknown", "found 000.00.09.H49"),
    "progress": Progress("event-0001", Action.ACCEPT, State.ACCEPTED, b"\x07" * 32),
    "revocation": Revocation(AT - 1, b"\x08" * 32),
}
NO_PARTS: dict[str, Any] = dict.fromkeys(PART_VALUES)


def of(event: Event, *parts: str) -> Evidence:
    """Evidence of an event with these parts."""
    changes: dict[str, Any] = NO_PARTS | {name: PART_VALUES[name] for name in parts}
    return replace(ACCEPTANCE, event=event, **changes)


def changed(*path: str | int, to: object) -> bytes:
    """The acceptance as JSON with one value changed, or left out for ``...``."""
    values = json.loads(evidence.render(ACCEPTANCE))
    place = values
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return json.dumps(values).encode()


def code_of(data: bytes) -> str:
    """Code with which evidence is refused."""
    with pytest.raises(Refusal) as caught:
        evidence.parse(data)
    return caught.value.code


@pytest.mark.parametrize("event", Event)
def test_every_event_is_read_back_with_the_parts_that_it_may_have(event: Event) -> None:
    """The fewest, and all."""
    must, may = PARTS[event]
    for parts in (must, must | may):
        written = of(event, *parts)
        assert evidence.parse(evidence.render(written)) == written


@pytest.mark.parametrize("event", Event)
def test_evidence_without_a_part_it_needs_or_with_another_cannot_be_made(event: Event) -> None:
    """No acceptance without its leaf, no rejection without its reason, nor one in the log."""
    must, may = PARTS[event]
    wrong = [must - {name} for name in must] + [must | {name} for name in PART_VALUES.keys() - must - may]
    for parts in wrong:
        with pytest.raises(Refusal) as caught:
            of(event, *parts)
        assert caught.value.code == "evidence-invalid"


def test_a_rejection_is_never_in_the_log() -> None:
    """An id that was rejected stays usable, and leaves no trace among what was accepted."""
    must, may = PARTS[Event.SUBMISSION_REJECTION]
    assert "log" not in must | may
    assert {"validation", "log"} == PARTS[Event.SUBMISSION_ACCEPTANCE][0]


def test_every_lifecycle_event_has_its_evidence() -> None:
    """In ETSI's words where there are some; each of these needs the event and a leaf."""
    assert set(EVENT_OF_ACTION) == set(Action)
    assert EVENT_OF_ACTION[Action.ACCEPT] is Event.CONSIGNMENT_ACCEPTANCE
    assert EVENT_OF_ACTION[Action.REFUSE] is Event.CONSIGNMENT_REJECTION
    assert EVENT_OF_ACTION[Action.EXPIRE] is Event.ACCEPTANCE_REJECTION_EXPIRY
    assert EVENT_OF_ACTION[Action.CONSENT_TO_RECALL] is Event.STATUS_CHANGE
    for event in EVENT_OF_ACTION.values():
        assert PARTS[event][0] == {"log", "progress"}


DIGEST = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM"


@pytest.mark.parametrize(
    "data",
    [
        changed("evidence_id", to="short"),
        changed("evidence_id", to=...),
        changed("event", to="Submissionacceptance"),
        changed("event", to="RelayAcceptance"),
        changed("event", to=1),
        changed("event_at", to=-1),
        changed("event_at", to=True),
        changed("event_at", to="2024-01-01"),
        changed("issuer", to="Exchange"),
        changed("policy", to=""),
        changed("message_id", to="../../etc/passwd"),
        changed("sender", to="H49"),
        changed("sender_certificate_sha256", to="AAAA"),
        changed("manifest_sha256", to=None),
        changed("documents", to=None),
        changed("documents", to=[{"sha256": DIGEST}]),
        changed("documents", 0, "size_bytes", to=0),
        changed("documents", 0, "name", to="letter.pdf"),
        changed("documents", to=[{"sha256": DIGEST, "size_bytes": 1}] * 51),
        changed("recipients", to=[]),
        changed("recipients", to=["000.00.01.H49", "000.00.01.H49"]),
        changed("validation", to=None),
        changed("validation", to=...),
        changed("validation", to=[]),
        changed("validation", "chain", to=[]),
        changed("validation", "chain", to=[DIGEST[:-1]]),
        changed("validation", "chain", to=[DIGEST, DIGEST]),
        changed("validation", "crls", 0, "next_update_at", to=AT - 61),
        changed("validation", "crls", 0, "this_update_at", to=...),
        changed("validation", "ocsp", to=[]),
        changed("log", to=...),
        changed("log", "leaf_index", to=-1),
        changed("log", "leaf_index", to=2**53 - 1),
        changed("log", "origin", to=1),
        changed("reason", to={"code": "recipient-unknown", "message": "x"}),
        changed("comment", to="x"),
    ],
)
def test_evidence_out_of_its_form_is_refused(data: bytes) -> None:
    """Each member has its range, and there is no other."""
    assert code_of(data) == "evidence-invalid"


def test_each_part_of_the_other_events_has_its_range() -> None:
    """Reason, progress and revocation."""

    def other(event: Event, part: str, member: str, value: object) -> str:
        values = json.loads(evidence.render(of(event, *PARTS[event][0] | {part})))
        values[part][member] = value
        return code_of(json.dumps(values).encode())

    assert other(Event.SUBMISSION_REJECTION, "reason", "code", "Not A Code") == "evidence-invalid"
    assert other(Event.SUBMISSION_REJECTION, "reason", "message", "") == "evidence-invalid"
    assert other(Event.STATUS_CHANGE, "progress", "action", "eat") == "evidence-invalid"
    assert other(Event.STATUS_CHANGE, "progress", "state", "eaten") == "evidence-invalid"
    assert other(Event.STATUS_CHANGE, "progress", "event_id", "") == "evidence-invalid"
    assert other(Event.STATUS_CHANGE, "progress", "event_sha256", "") == "evidence-invalid"
    assert other(Event.CONTENT_HANDOVER, "revocation", "revoked_at", -1) == "evidence-invalid"
    assert other(Event.CONTENT_HANDOVER, "revocation", "crl_sha256", "AA") == "evidence-invalid"


def test_a_digest_written_in_two_ways_is_refused() -> None:
    """The last character of a chain's thumbprint has unused bits, which must be zero."""
    assert code_of(changed("validation", "chain", to=[DIGEST[:-1] + "N"])) == "base64-invalid"


def test_strict_json_is_asked_for() -> None:
    """A member that stands twice, nesting, and size."""
    good = evidence.render(ACCEPTANCE).decode()
    assert (
        code_of(good.replace('"sender"', '"sender":"000.00.07.H49","sender"', 1).encode())
        == "json-duplicate-key"
    )
    assert code_of(changed("log", to=[[[[[[[[1]]]]]]]])) == "json-too-deep"
    assert code_of(good.encode() + b" " * (256 * 1024)) == "json-too-large"


def test_a_reason_of_a_newer_exchange_is_still_read() -> None:
    """The holder may not know the code, yet the evidence stands."""
    written = replace(of(Event.SUBMISSION_REJECTION, "reason"), reason=Reason("moon-too-full", "tonight"))
    assert evidence.parse(evidence.render(written)) == written


def test_a_refusal_becomes_the_reason_of_its_rejection() -> None:
    """Whatever its message holds, the evidence can be read again."""
    messages = ["found 000.00.09.H49", "a\nb\u202ec", "e\u0301" * 600, "x" * 10_000, "\x00", "", " y "]
    for message in messages:
        reason = Reason.of(Refusal("log-forked", message))
        written = replace(of(Event.SUBMISSION_REJECTION, "reason"), reason=reason)
        assert evidence.parse(evidence.render(written)).reason == reason
        assert reason.code == "log-forked"
        assert 0 < len(reason.message) <= REASON_CHARS_MAX
    assert Reason.of(Refusal("log-forked", "found it")).message == "found it"
    assert Reason.of(Refusal("log-forked", "")).message == Refusal("log-forked", "").kind.title


def test_evidence_is_signed_at_the_time_of_its_event() -> None:
    """As a compact JWS of its own type, with the exchange's certificate in the header."""
    key = ec.derive_private_key(20_240_501, ec.SECP256R1())
    signed = jws.parse(evidence.sign(ACCEPTANCE, key, b"\x09" * 32))
    assert jws.check(signed, key.public_key()) == evidence.render(ACCEPTANCE)
    assert (signed.typ, signed.signed_at) == (jws.EVIDENCE_TYPE, AT)
    assert signed.certificate_sha256 == b"\x09" * 32
