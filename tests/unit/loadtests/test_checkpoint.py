"""Signed heads of the log: what counts as one, and what two of them prove."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from loadtests.exchange import checkpoint, jws, merkle
from loadtests.exchange.checkpoint import CHECKPOINT_TYPE, Checkpoint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.strict import encode_base64url

KEY = ec.derive_private_key(20_240_501, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(20_240_502, ec.SECP256R1())
CERTIFICATE = b"\x01" * 32
ISSUER = Issuer("exchange.example", CERTIFICATE, KEY.public_key())
AT = 1_700_000_000


def read(level: int, index: int) -> bytes:
    """Nodes of a log whose leaf n is the text of the number n."""
    return merkle.nodes_over(lambda leaf: merkle.leaf_hash(str(leaf).encode()))(level, index)


def head(size: int, *, at: int = AT) -> Checkpoint:
    """The head of this log."""
    return Checkpoint("exchange.example", size, merkle.root(size, read), at)


def signed(content: Checkpoint) -> bytes:
    """Signed by the exchange."""
    return checkpoint.sign(content, KEY, CERTIFICATE)


def code_of(compact: bytes, issuer: Issuer = ISSUER) -> str:
    """Code with which what should be a checkpoint is refused."""
    with pytest.raises(Refusal) as caught:
        checkpoint.check(compact, issuer)
    return caught.value.code


def growth(old: Checkpoint, new: Checkpoint, proof: tuple[bytes, ...] = ()) -> str:
    """Code with which the later head is refused."""
    with pytest.raises(Refusal) as caught:
        checkpoint.extends(old, new, proof)
    return caught.value.code


@pytest.mark.parametrize("size", [0, 1, 7, 8])
def test_a_signed_checkpoint_is_read_back(size: int) -> None:
    """Also the one of the empty log."""
    assert checkpoint.check(signed(head(size)), ISSUER) == head(size)


def test_only_the_exchange_signs_its_log() -> None:
    """With its own key, its own certificate and its own name."""
    other_key = replace(ISSUER, public_key=OTHER_KEY.public_key())
    assert code_of(signed(head(7)), other_key) == "signature-invalid"
    assert code_of(signed(head(7)), replace(ISSUER, certificate_sha256=b"\x02" * 32)) == "issuer-mismatch"
    assert code_of(signed(replace(head(7), origin="other.example"))) == "issuer-mismatch"


def test_a_signature_for_another_purpose_does_not_count() -> None:
    """The same bytes as evidence, and a head that was signed at another time than it says."""
    content = checkpoint.render(head(7))
    as_evidence = jws.sign(content, KEY, CERTIFICATE, at=AT, typ=jws.EVIDENCE_TYPE)
    assert code_of(as_evidence) == "signed-type-mismatch"
    later = jws.sign(content, KEY, CERTIFICATE, at=AT + 1, typ=CHECKPOINT_TYPE)
    assert code_of(later) == "signed-time-mismatch"


GOOD = checkpoint.render(head(7)).decode()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (GOOD.replace('"size":7', '"size":-1'), "checkpoint-invalid"),
        (GOOD.replace('"size":7', f'"size":{merkle.SIZE_MAX + 1}'), "json-number"),
        (GOOD.replace('"size":7', '"size":true'), "checkpoint-invalid"),
        (GOOD.replace('"size":7', '"size":0'), "checkpoint-invalid"),
        (GOOD.replace('"size":7', '"size":7,"size":8'), "json-duplicate-key"),
        (GOOD.replace('"size":7,', ""), "checkpoint-invalid"),
        (GOOD.replace('"size":7', '"size":7,"leaves":7'), "checkpoint-invalid"),
        (GOOD.replace('"exchange', '"Exchange'), "checkpoint-invalid"),
        (GOOD.replace(encode_base64url(head(7).root), "AAAA"), "checkpoint-invalid"),
        (GOOD.replace('"size":7', '"size":[7]'), "json-too-deep"),
        (GOOD + " " * 2000, "json-too-large"),
    ],
)
def test_a_checkpoint_out_of_its_form_is_refused(content: str, code: str) -> None:
    """Each member has its range, and there is no other."""
    with pytest.raises(Refusal) as caught:
        checkpoint.parse(content.encode())
    assert caught.value.code == code


def test_a_checkpoint_larger_than_any_is_refused_before_its_signature_is_checked() -> None:
    """A log cannot keep its readers busy with large heads."""
    large = jws.sign(b" " * 5000, OTHER_KEY, CERTIFICATE, at=AT, typ=CHECKPOINT_TYPE)
    assert code_of(large) == "jws-too-large"


def test_a_log_that_grew_is_proven_to_have_grown() -> None:
    """Also by nothing at all, and also within one second."""
    proof = merkle.consistency_proof(5, 13, read)
    checkpoint.extends(head(5), head(13, at=AT + 1), proof)
    checkpoint.extends(head(5), head(13), proof)
    checkpoint.extends(head(5), head(5, at=AT + 60), ())


def test_a_log_that_was_rewritten_is_found_out() -> None:
    """By its roots where sizes are equal, by the proof where they differ, by its size where it shrank."""
    rewritten = replace(head(5), root=b"\x03" * 32)
    assert growth(rewritten, head(5)) == growth(rewritten, head(5, at=AT - 1)) == "log-forked"
    assert growth(rewritten, head(13), merkle.consistency_proof(5, 13, read)) == "log-proof-invalid"
    assert growth(head(13), head(5, at=AT + 1)) == "log-forked"


def test_heads_are_compared_in_their_order_and_within_one_log() -> None:
    """An older head after a newer one proves nothing, a clock that went back is told."""
    proof = merkle.consistency_proof(5, 13, read)
    assert growth(head(13), head(5), proof) == "checkpoint-out-of-order"
    assert growth(head(13), head(5, at=AT - 1), proof) == "checkpoint-out-of-order"
    assert growth(head(5), head(13, at=AT - 1), proof) == "checkpoint-out-of-order"
    assert growth(head(5), replace(head(13), origin="other.example"), proof) == "issuer-mismatch"


def test_nothing_is_proven_from_an_empty_log() -> None:
    """Every log extends it; whoever starts with it must not believe to have checked anything."""
    assert growth(head(0), head(8)) == "log-range-invalid"
    assert growth(head(0), head(0)) == "log-range-invalid"
