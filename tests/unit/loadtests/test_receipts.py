"""What a holder can be sure of who checks a receipt, and what is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from loadtests.exchange import evidence, jws, keys, manifest, merkle
from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import (
    POLICY,
    DocumentDigest,
    Event,
    Evidence,
    LogEntry,
    Reason,
    Validation,
)
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.receipts import (
    RECEIPT_STEPS,
    check_document,
    check_evidence,
    check_logged,
    check_receipt,
    log_leaf,
)
from loadtests.exchange.strict import decode_base64url, encode_base64url

KEY = ec.derive_private_key(20_240_501, ec.SECP256R1())
CERTIFICATE, SENDER_CERTIFICATE = b"\x01" * 32, b"\x02" * 32
ISSUER = Issuer("exchange.example", CERTIFICATE, KEY.public_key())
AT = 1_700_000_000
MESSAGE = manifest.Manifest(
    message_id="message-0001",
    sender="000.00.00.H49",
    recipients=("000.00.01.H49", "000.00.02.H49"),
    kind=manifest.MessageKind.NEW,
    document_type="Quyết định",
    number="12",
    notation="QĐ-UBND",
    subject="Về việc thử nghiệm",
    urgency=manifest.Urgency.NORMAL,
    documents=(manifest.Document("quyet-dinh.pdf", "application/pdf", 4096, b"\x03" * 32),),
    created_at=AT - 10,
    expires_at=AT + 3600,
    audience="exchange.example",
)
SENT = manifest.render(MESSAGE)
ACCEPTANCE = Evidence(
    evidence_id="evidence-0001",
    event=Event.SUBMISSION_ACCEPTANCE,
    event_at=AT,
    issuer="exchange.example",
    policy=POLICY,
    message_id=MESSAGE.message_id,
    sender=MESSAGE.sender,
    sender_certificate_sha256=SENDER_CERTIFICATE,
    manifest_sha256=sha256(SENT).digest(),
    documents=(DocumentDigest(b"\x03" * 32, 4096),),
    recipients=MESSAGE.recipients,
    validation=Validation((SENDER_CERTIFICATE, b"\x05" * 32), ()),
    log=LogEntry("exchange.example", 2),
)


def signed(content: Evidence) -> bytes:
    """Signed by the exchange."""
    return evidence.sign(content, KEY, CERTIFICATE)


def check(
    receipt: bytes,
    sent: bytes = SENT,
    issuer: Issuer = ISSUER,
    passed: Callable[[str], object] = lambda _: None,
) -> Evidence:
    """Check as the sender does."""
    return check_receipt(receipt, sent, issuer, sender_certificate_sha256=SENDER_CERTIFICATE, passed=passed)


def refusal(call: Callable[[], object]) -> str:
    """Code with which a call is refused."""
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.code


def test_a_good_receipt_holds_step_by_step() -> None:
    """Each step is told in its order when it held."""
    told: list[str] = []
    assert check(signed(ACCEPTANCE), passed=told.append) == ACCEPTANCE
    assert told == list(RECEIPT_STEPS)


WRONG: list[tuple[Evidence, str, int]] = [
    (replace(ACCEPTANCE, issuer="other.example"), "issuer-mismatch", 1),
    (replace(ACCEPTANCE, log=LogEntry("other.example", 2)), "issuer-mismatch", 1),
    (replace(ACCEPTANCE, event=Event.CONTENT_CONSIGNMENT, validation=None), "evidence-event-mismatch", 2),
    (
        replace(
            ACCEPTANCE,
            event=Event.SUBMISSION_REJECTION,
            log=None,
            reason=Reason("recipient-unknown", "found none"),
        ),
        "evidence-event-mismatch",
        2,
    ),
    (replace(ACCEPTANCE, policy="urn:congvan:evidence:0"), "evidence-event-mismatch", 2),
    (replace(ACCEPTANCE, manifest_sha256=b"\x09" * 32), "evidence-message-mismatch", 3),
    (replace(ACCEPTANCE, message_id="message-0002"), "evidence-message-mismatch", 4),
    (replace(ACCEPTANCE, sender="000.00.03.H49"), "evidence-message-mismatch", 4),
    (replace(ACCEPTANCE, recipients=MESSAGE.recipients[:1]), "evidence-message-mismatch", 4),
    (replace(ACCEPTANCE, documents=()), "evidence-message-mismatch", 4),
    (replace(ACCEPTANCE, documents=(DocumentDigest(b"\x03" * 32, 4097),)), "evidence-message-mismatch", 4),
    (replace(ACCEPTANCE, sender_certificate_sha256=b"\x09" * 32), "evidence-message-mismatch", 6),
    (
        replace(ACCEPTANCE, validation=Validation((b"\x05" * 32, SENDER_CERTIFICATE), ())),
        "evidence-message-mismatch",
        6,
    ),
]


@pytest.mark.parametrize(("wrong", "code", "steps"), WRONG)
def test_a_receipt_that_promises_something_else_is_found_out(wrong: Evidence, code: str, steps: int) -> None:
    """At the step that is about it, although the exchange signed it."""
    told: list[str] = []
    assert refusal(lambda: check(signed(wrong), passed=told.append)) == code
    assert told == list(RECEIPT_STEPS[:steps])


def test_a_receipt_does_not_count_for_other_bytes() -> None:
    """Not even for the same manifest written with a space more, nor for one meant for another exchange."""
    assert refusal(lambda: check(signed(ACCEPTANCE), SENT + b" ")) == "evidence-message-mismatch"
    elsewhere = manifest.render(replace(MESSAGE, audience="other.example"))
    for_elsewhere = signed(replace(ACCEPTANCE, manifest_sha256=sha256(elsewhere).digest()))
    assert refusal(lambda: check(for_elsewhere, elsewhere)) == "evidence-message-mismatch"


def test_only_what_this_exchange_signed_for_this_purpose_is_a_receipt() -> None:
    """Key, certificate, type and time of the signature."""
    receipt = signed(ACCEPTANCE)
    other_key = replace(ISSUER, public_key=ec.derive_private_key(7, ec.SECP256R1()).public_key())
    assert refusal(lambda: check(receipt, issuer=other_key)) == "signature-invalid"
    other_certificate = replace(ISSUER, certificate_sha256=b"\x09" * 32)
    assert refusal(lambda: check(receipt, issuer=other_certificate)) == "issuer-mismatch"
    content = evidence.render(ACCEPTANCE)
    as_manifest = jws.sign(content, KEY, CERTIFICATE, at=AT, typ=jws.MANIFEST_TYPE)
    assert refusal(lambda: check(as_manifest)) == "signed-type-mismatch"
    later = jws.sign(content, KEY, CERTIFICATE, at=AT + 1, typ=jws.EVIDENCE_TYPE)
    assert refusal(lambda: check(later)) == "signed-time-mismatch"
    assert refusal(lambda: check(receipt[:-1])) in {"signature-invalid", "base64-invalid"}


def test_other_evidence_is_checked_without_a_message() -> None:
    """It must be this exchange's, in its own name, log and time."""
    assert check_evidence(signed(ACCEPTANCE), ISSUER) == ACCEPTANCE
    for other in (replace(ACCEPTANCE, issuer="x.example"), replace(ACCEPTANCE, log=LogEntry("x.example", 1))):
        assert refusal(partial(check_evidence, signed(other), ISSUER)) == "issuer-mismatch"
    rejection = replace(
        ACCEPTANCE,
        event=Event.SUBMISSION_REJECTION,
        log=None,
        reason=Reason("recipient-unknown", "found none"),
    )
    assert check_evidence(signed(rejection), ISSUER) == rejection


def test_a_document_is_the_one_at_its_position() -> None:
    """Digest and size both; a position that is not there has no document."""
    two = replace(ACCEPTANCE, documents=(DocumentDigest(b"\x03" * 32, 4096), DocumentDigest(b"\x04" * 32, 1)))
    check_document(two, 0, b"\x03" * 32, 4096)
    check_document(two, 1, b"\x04" * 32, 1)
    for position, digest, size_bytes in (
        (0, b"\x04" * 32, 4096),
        (0, b"\x03" * 32, 4095),
        (1, b"\x03" * 32, 4096),
        (2, b"\x03" * 32, 4096),
        (-1, b"\x04" * 32, 1),
        (-2, b"\x03" * 32, 4096),
    ):
        code = refusal(partial(check_document, two, position, digest, size_bytes))
        assert code == "evidence-document-mismatch"


def test_a_receipt_is_found_at_its_leaf_of_the_log() -> None:
    """And nowhere else: not in another log, not under a smaller head, not at another leaf."""
    receipt = signed(ACCEPTANCE)
    leaves = [
        merkle.leaf_hash(b"first"),
        merkle.leaf_hash(b"second"),
        log_leaf(receipt),
        merkle.leaf_hash(b"4"),
    ]
    read = merkle.nodes_over(leaves.__getitem__)
    head = Checkpoint("exchange.example", 4, merkle.root(4, read), AT + 1)
    proof = merkle.inclusion_proof(2, 4, read)
    check_logged(receipt, ACCEPTANCE, head, proof)
    other_log = replace(head, origin="other.example")
    assert refusal(lambda: check_logged(receipt, ACCEPTANCE, other_log, proof)) == "evidence-log-mismatch"
    smaller = Checkpoint("exchange.example", 2, merkle.root(2, read), AT)
    assert refusal(lambda: check_logged(receipt, ACCEPTANCE, smaller, proof)) == "evidence-log-mismatch"
    moved = replace(ACCEPTANCE, log=LogEntry("exchange.example", 1))
    assert refusal(lambda: check_logged(receipt, moved, head, proof)) == "log-proof-invalid"
    unlogged = replace(ACCEPTANCE, event=Event.CONTENT_CONSIGNMENT, validation=None, log=None)
    assert refusal(lambda: check_logged(receipt, unlogged, head, proof)) == "evidence-log-mismatch"


def test_the_twin_of_a_signature_stands_at_the_same_leaf() -> None:
    """ECDSA is malleable: what fits as a receipt must also be found in the log, and nothing more."""
    receipt = signed(ACCEPTANCE)
    rest, _, last = receipt.rpartition(b".")
    raw = decode_base64url(last)
    twin_s = keys.P256_ORDER - int.from_bytes(raw[32:], "big")
    twin = rest + b"." + encode_base64url(raw[:32] + twin_s.to_bytes(32, "big")).encode()
    assert check(twin) == ACCEPTANCE
    assert twin != receipt
    assert log_leaf(twin) == log_leaf(receipt) == log_leaf(rest)
