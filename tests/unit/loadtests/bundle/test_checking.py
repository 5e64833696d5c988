"""What a bundle proves to a reader who trusts a root only, and what is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from loadtests.bundle.checking import Checked, check
from loadtests.bundle.contents import Contents, Stated
from loadtests.bundle.trusting import require_agency
from loadtests.exchange import checkpoint, evidence, jws, merkle, pki
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import CrlUsed, Event, Evidence, LogEntry, Progress, Revocation, Validation
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.receipts import RECEIPT_STEPS, log_leaf
from tests.unit.loadtests.authorities import AT, DAY_S, days, issuing, key, leaf, root
from tests.unit.loadtests.bundle.bundles import (
    KINDS,
    all_certificates,
    bundle,
    checkpoint_of,
    contents,
    exchange_certificate,
    own_leaf,
    sign,
)
from tests.unit.loadtests.exchanges import NAME, SECOND, SENDER, THIRD, crl

ROOTS = [root().certificate]
FORGER = leaf("forger", code="000.99.00.H41")


def checked(folder: Path, changed: Contents | None = None, at: int | None = None) -> Checked:
    """The bundle, checked."""
    return check(bundle(folder, changed), ROOTS, lambda _: None, at)


def refused(folder: Path, changed: Contents) -> str:
    """The code with which a changed bundle is refused."""
    with pytest.raises(Refusal) as caught:
        checked(folder, changed)
    return caught.value.code


def receipt_with(
    change: Callable[[Evidence], Evidence], signing: Callable[[Evidence], bytes] = sign
) -> Contents:
    """The bundle with another receipt."""
    whole = contents()
    said = evidence.parse(jws.parse(whole.receipt).payload)
    return replace(whole, receipt=signing(change(said)))


def stated_with(at: int, change: Callable[[Evidence], Evidence]) -> Contents:
    """The bundle with one other piece of evidence after acceptance."""
    whole = contents()
    said = evidence.parse(jws.parse(whole.stated[at].evidence).payload)
    changed = replace(whole.stated[at], evidence=sign(change(said)))
    return replace(whole, stated=(*whole.stated[:at], changed, *whole.stated[at + 1 :]))


def test_a_good_bundle_holds_step_by_step(tmp_path: Path) -> None:
    """Every step is told with its number, and what the bundle proves is what happened."""
    told: list[str] = []
    found = check(bundle(tmp_path), ROOTS, told.append)
    assert [one.partition(". ")[0] for one in told] == [str(n) for n in range(1, len(told) + 1)]
    labels = [one.partition(". ")[2] for one in told]
    assert set(RECEIPT_STEPS) < set(labels)
    assert sum("stands in the log as leaf" in one for one in labels) == 5
    assert sum("signed the report" in one for one in labels) == 3
    assert found.manifest.message_id == found.receipt.message_id == "message-0001"
    assert [one.event for one in found.stated] == [
        Event.CONTENT_HANDOVER,
        Event.CONSIGNMENT_ACCEPTANCE,
        Event.CONSIGNMENT_REJECTION,
        Event.STATUS_CHANGE,
    ]
    assert NAME in found.exchange
    assert found.remarks == ()


def test_another_root_proves_nothing(tmp_path: Path) -> None:
    """The reader's root decides, although the bundle's certificates are all there."""
    other = pki.issue_root(key("other"), root().certificate.subject, serial=9, validity=days(-3000, 3000))
    with pytest.raises(Refusal) as caught:
        check(bundle(tmp_path), [other], lambda _: None)
    assert caught.value.code == "certificate-untrusted"


def test_an_agency_cannot_take_the_place_of_the_exchange(tmp_path: Path) -> None:
    """Receipt and log that an agency made up under a trusted certificate of its own are refused."""
    whole, forger = contents(), thumbprint(FORGER)
    said = evidence.parse(jws.parse(whole.receipt).payload)
    receipt = evidence.sign(said, key("forger"), forger)
    leaves = [b"\x00" * 32, log_leaf(receipt)]
    root_hash = merkle.node_hash(*leaves)
    head = checkpoint.sign(Checkpoint(NAME, 2, root_hash, AT + 1), key("forger"), forger)
    changed = replace(
        whole,
        receipt=receipt,
        stated=(),
        certificates=(*whole.certificates, pki.to_der(FORGER)),
        checkpoint=head,
        proofs={1: (leaves[0],)},
    )
    pinned = check(bundle(tmp_path, changed), ROOTS, lambda _: None, exchange_sha256=forger)
    assert pinned.exchange != "", "but for the name of its certificate, all of it holds"
    assert refused(tmp_path, changed) == "issuer-mismatch"


def test_another_agency_cannot_sign_for_the_sender(tmp_path: Path) -> None:
    """Even where the exchange says so: the certificate names whose it is."""
    whole, forger = contents(), thumbprint(FORGER)
    payload = jws.parse(whole.manifest).payload
    forged = jws.sign(payload, key("forger"), forger, at=AT - 30, typ=jws.MANIFEST_TYPE)

    def change(said: Evidence) -> Evidence:
        assert said.validation
        chain = (forger, *said.validation.chain[1:])
        validation = Validation(chain, said.validation.crls)
        return replace(said, sender_certificate_sha256=forger, validation=validation)

    changed = replace(receipt_with(change), manifest=forged, stated=())
    changed = replace(changed, certificates=(*whole.certificates, pki.to_der(FORGER)))
    assert refused(tmp_path, changed) == "sender-certificate-mismatch"


def test_a_manifest_signed_for_something_else_is_refused(tmp_path: Path) -> None:
    """A signature under the same bytes that was made for another purpose does not count."""
    payload = jws.parse(contents().manifest).payload
    other = jws.sign(payload, key(SENDER), thumbprint(own_leaf(SENDER)), at=AT - 30, typ="edoc-event+jws")
    assert refused(tmp_path, replace(contents(), manifest=other)) == "signed-type-mismatch"


def test_a_reader_may_name_the_certificate_of_the_exchange(tmp_path: Path) -> None:
    """With the right thumbprint the bundle holds, with another it does not."""
    path = bundle(tmp_path)
    right = thumbprint(exchange_certificate())
    assert check(path, ROOTS, lambda _: None, exchange_sha256=right).receipt.issuer == NAME
    with pytest.raises(Refusal) as caught:
        check(path, ROOTS, lambda _: None, exchange_sha256=thumbprint(FORGER))
    assert caught.value.code == "issuer-mismatch"


def other_authority(said: Evidence) -> Evidence:
    """A receipt that names another certificate in the authority's place."""
    assert said.validation
    chain = said.validation.chain
    return replace(
        said, validation=Validation((chain[0], thumbprint(own_leaf(THIRD)), chain[2]), said.validation.crls)
    )


def longer_chain(said: Evidence) -> Evidence:
    """A receipt that names one more certificate than the chain has."""
    assert said.validation
    chain = said.validation.chain
    return replace(
        said, validation=Validation((*chain[:2], thumbprint(own_leaf(THIRD)), chain[2]), said.validation.crls)
    )


def unknown_crl(said: Evidence) -> Evidence:
    """A receipt that names a list which is nowhere."""
    assert said.validation
    crls = (CrlUsed(b"\x01" * 32, AT - 3600, AT + DAY_S), said.validation.crls[1])
    return replace(said, validation=Validation(said.validation.chain, crls))


def fewer_crls(said: Evidence) -> Evidence:
    """A receipt that names the leaf's list only."""
    assert said.validation
    return replace(said, validation=Validation(said.validation.chain, said.validation.crls[:1]))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda said: replace(said, sender=SECOND), "evidence-message-mismatch"),
        (lambda said: replace(said, manifest_sha256=b"\x07" * 32), "evidence-message-mismatch"),
        (lambda said: replace(said, issuer="other.example"), "issuer-mismatch"),
        (lambda said: replace(said, event_at=AT + 400 * DAY_S), "certificate-expired"),
        (other_authority, "certificate-untrusted"),
        (longer_chain, "evidence-message-mismatch"),
        (fewer_crls, "crl-missing"),
        (lambda said: replace(said, event_at=AT + 2 * DAY_S), "crl-stale"),
    ],
)
def test_a_receipt_that_says_something_else_is_refused(
    tmp_path: Path, change: Callable[[Evidence], Evidence], code: str
) -> None:
    """Whatever the exchange signed must fit the manifest, the chain and the lists in the bundle."""
    assert refused(tmp_path, receipt_with(change)) == code


def test_a_list_that_the_receipt_names_must_be_there(tmp_path: Path) -> None:
    """A bundle without a revocation list that its receipt names is not even made."""
    with pytest.raises(Refusal) as caught:
        bundle(tmp_path, receipt_with(unknown_crl))
    assert caught.value.code == "crl-missing"


def with_lists(*lists: bytes, named: bool) -> Contents:
    """The bundle with these lists; ``named``: the receipt names them instead of its own."""
    if not named:
        return replace(contents(), crls=(*contents().crls, *lists))
    used = tuple(CrlUsed(sha256(der).digest(), AT - 3600, AT - 3600 + DAY_S) for der in lists)

    def change(said: Evidence) -> Evidence:
        assert said.validation
        return replace(said, validation=Validation(said.validation.chain, used))

    return replace(receipt_with(change), crls=lists)


def test_a_sender_revoked_at_acceptance_is_refused(tmp_path: Path) -> None:
    """The very lists that the receipt names are looked at again."""
    serial = own_leaf(SENDER).serial_number
    assert (
        refused(tmp_path, with_lists(crl(issuing(), serial), crl(root()), named=True))
        == "certificate-revoked"
    )


def test_a_list_signed_by_nobody_that_counts_is_refused(tmp_path: Path) -> None:
    """A list under the issuer's name with another key is not the issuer's."""
    forged = crl(pki.Authority(root().certificate, root().key))
    assert refused(tmp_path, with_lists(forged, crl(root()), named=True)) == "crl-untrusted"


def test_a_later_revocation_of_the_sender_is_a_remark(tmp_path: Path) -> None:
    """What a later list says of the sender changes nothing about what was accepted, and is told."""
    later = crl(issuing(), own_leaf(SENDER).serial_number, number=2, at=AT + 3 * DAY_S)
    found = checked(tmp_path, with_lists(later, named=False))
    assert [f"revoked since {AT + 3 * DAY_S}, after" in one for one in found.remarks] == [True]


def test_recorded_later_revocation_is_a_remark(tmp_path: Path) -> None:
    """Evidence that records a revocation after acceptance is told, not refused."""
    since = Revocation(AT + 300, b"\x05" * 32)
    changed = stated_with(0, lambda said: replace(said, revocation=since))
    with pytest.raises(Refusal) as caught:  # all but the log holds: the leaf in the log is of other bytes
        checked(tmp_path, changed)
    assert caught.value.code == "log-proof-invalid"
    said = replace(evidence.parse(jws.parse(changed.stated[0].evidence).payload), log=None)
    outside = Stated(sign(said))  # a hand-over may stand outside the log
    proofs = {index: proof for index, proof in changed.proofs.items() if index != 2}
    found = checked(tmp_path, replace(changed, stated=(outside, *changed.stated[1:]), proofs=proofs))
    assert any(f"revoked since {AT + 300}" in one for one in found.remarks)


@pytest.mark.parametrize("code", [SECOND, THIRD])
def test_a_recipient_revoked_before_it_signed_is_refused(tmp_path: Path, code: str) -> None:
    """A report signed with a certificate that any list calls revoked by then does not count."""
    listed = crl(issuing(), own_leaf(code).serial_number, number=2, at=AT + 60)
    assert refused(tmp_path, with_lists(listed, named=False)) == "certificate-revoked"


def test_a_recipient_revoked_after_it_signed_is_a_remark(tmp_path: Path) -> None:
    """It has signed while it counted, and the reader is told."""
    listed = crl(issuing(), own_leaf(THIRD).serial_number, number=2, at=AT + DAY_S)
    found = checked(tmp_path, with_lists(listed, named=False))
    assert [THIRD in one and "after it signed" in one for one in found.remarks] == [True]


def test_the_exchange_revoked_before_it_signed_is_refused(tmp_path: Path) -> None:
    """Its certificate is judged like any other."""
    listed = crl(issuing(), exchange_certificate().serial_number, number=2, at=AT - 60)
    assert refused(tmp_path, with_lists(listed, named=False)) == "certificate-revoked"


def test_lists_that_end_before_a_signature_leave_a_question_open(tmp_path: Path) -> None:
    """Where no list reaches to the time of signing, the reader is told that revocation is open."""
    whole = contents()
    head = checkpoint_of(_leaves(whole), AT + 30 * DAY_S)
    found = checked(tmp_path, replace(whole, checkpoint=head))
    assert any("is open" in one for one in found.remarks)


def _leaves(whole: Contents) -> list[bytes]:
    """The log of the bundle; its first leaf is another message's, which the proofs give."""
    return [whole.proofs[1][0], log_leaf(whole.receipt), *(log_leaf(one.evidence) for one in whole.stated)]


def progress(change: Callable[[Progress], Progress]) -> Callable[[Evidence], Evidence]:
    """A change of what evidence says about progress."""

    def changed(said: Evidence) -> Evidence:
        assert said.progress
        return replace(said, progress=change(said.progress))

    return changed


@pytest.mark.parametrize(
    ("at", "change", "code"),
    [
        (0, lambda said: replace(said, message_id="message-0009"), "evidence-message-mismatch"),
        (0, lambda said: replace(said, recipients=("000.09.00.H41",)), "evidence-message-mismatch"),
        (0, lambda said: replace(said, recipients=(SECOND, THIRD)), "evidence-message-mismatch"),
        (0, lambda said: replace(said, policy="urn:congvan:evidence:0"), "evidence-event-mismatch"),
        (0, lambda said: replace(said, log=replace(said.log, leaf_index=0)), "evidence-message-mismatch"),
        (1, lambda said: replace(said, recipients=(THIRD,)), "sender-certificate-mismatch"),
        (1, lambda said: replace(said, event=Event.STATUS_CHANGE), "evidence-event-mismatch"),
        (1, progress(lambda one: replace(one, event_sha256=b"\x08" * 32)), "evidence-message-mismatch"),
        (1, progress(lambda one: replace(one, event_id="event-other-01")), "evidence-message-mismatch"),
        (1, progress(lambda one: replace(one, action=Action.EXPIRE)), "evidence-message-mismatch"),
        (3, progress(lambda one: replace(one, action=Action.START)), "evidence-message-mismatch"),
    ],
)
def test_evidence_about_something_else_is_refused(
    tmp_path: Path, at: int, change: Callable[[Evidence], Evidence], code: str
) -> None:
    """Evidence must be about this message, one of its recipients, and the very report in the bundle."""
    assert refused(tmp_path, stated_with(at, change)) == code


def with_report(at: int, report: bytes | None) -> Contents:
    """The bundle with another report."""
    whole = contents()
    changed = Stated(whole.stated[at].evidence, report)
    return replace(whole, stated=(*whole.stated[:at], changed, *whole.stated[at + 1 :]))


def test_a_report_must_be_the_recipients_own(tmp_path: Path) -> None:
    """A missing report, another one, one signed by someone else and one that nothing is about are refused."""
    whole = contents()
    payload = jws.parse(whole.stated[1].report or b"").payload
    forged = jws.sign(payload, key("forger"), thumbprint(FORGER), at=AT + 600, typ="edoc-event+jws")
    other_type = jws.sign(
        payload,
        key(SECOND, KINDS[SECOND]),
        thumbprint(own_leaf(SECOND)),
        at=AT + 600,
        typ="edoc-manifest+jws",
    )
    other_time = jws.sign(
        payload, key(SECOND, KINDS[SECOND]), thumbprint(own_leaf(SECOND)), at=AT + 601, typ="edoc-event+jws"
    )
    with_forger = replace(with_report(1, forged), certificates=(*whole.certificates, pki.to_der(FORGER)))
    assert refused(tmp_path, with_report(1, None)) == "evidence-invalid"
    assert refused(tmp_path, with_report(1, whole.stated[3].report)) == "evidence-message-mismatch"
    assert refused(tmp_path, with_forger) == "sender-certificate-mismatch"
    assert refused(tmp_path, with_report(1, other_type)) == "signed-type-mismatch"
    assert refused(tmp_path, with_report(1, other_time)) == "signed-time-mismatch"
    assert refused(tmp_path, with_report(0, whole.stated[1].report)) == "evidence-message-mismatch"


def test_a_signature_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Manifest, receipt, evidence, report and checkpoint are each checked over their very bytes."""
    whole = contents()

    def broken(compact: bytes | None) -> bytes:
        head, _, tail = (compact or b"").rpartition(b".")
        return head + b"." + tail[:20] + (b"A" if tail[20:21] != b"A" else b"B") + tail[21:]

    changes = [
        replace(whole, manifest=broken(whole.manifest)),
        replace(whole, receipt=broken(whole.receipt)),
        replace(whole, stated=(Stated(broken(whole.stated[0].evidence)), *whole.stated[1:])),
        with_report(2, broken(whole.stated[2].report)),
        replace(whole, checkpoint=broken(whole.checkpoint)),
    ]
    assert [refused(tmp_path, one) for one in changes] == ["signature-invalid"] * 5


def test_a_proof_must_lead_to_the_signed_head(tmp_path: Path) -> None:
    """Another root, a proof of another leaf, a missing and a needless proof are refused."""
    whole = contents()
    swapped = dict(whole.proofs) | {1: whole.proofs[2], 2: whole.proofs[1]}
    head = checkpoint_of(_leaves(whole), AT + 1260, root=b"\x04" * 32)
    without = {index: proof for index, proof in whole.proofs.items() if index != 3}
    assert refused(tmp_path, replace(whole, checkpoint=head)) == "log-proof-invalid"
    assert refused(tmp_path, replace(whole, proofs=swapped)) == "log-proof-invalid"
    assert refused(tmp_path, replace(whole, proofs=without)) == "log-proof-invalid"
    assert refused(tmp_path, replace(whole, proofs={**whole.proofs, 0: ()})) == "log-proof-invalid"


def test_two_statements_cannot_share_a_leaf(tmp_path: Path) -> None:
    """Where two pieces of evidence name one leaf, at most one of them can stand there."""
    changed = stated_with(0, lambda said: replace(said, log=LogEntry(NAME, 3)))
    proofs = {index: proof for index, proof in changed.proofs.items() if index != 2}
    assert refused(tmp_path, replace(changed, proofs=proofs)) == "evidence-log-mismatch"


def test_an_older_head_does_not_prove_what_came_later(tmp_path: Path) -> None:
    """A checkpoint that does not cover a leaf proves nothing about it."""
    whole = contents()
    head = checkpoint_of(_leaves(whole)[:4], AT + 1260)
    assert refused(tmp_path, replace(whole, checkpoint=head)) in {
        "log-proof-invalid",
        "evidence-log-mismatch",
    }


def test_evidence_from_the_future_is_refused_where_the_time_is_known(tmp_path: Path) -> None:
    """A reader who gives the time does not take what is dated after it; clocks may differ by five minutes."""
    assert checked(tmp_path, at=AT + 1000).remarks == ()
    with pytest.raises(Refusal) as caught:
        checked(tmp_path, at=AT + 800)
    assert caught.value.code == "signed-time-mismatch"


def test_a_certificate_that_is_no_agencys_is_a_remark() -> None:
    """Where a certificate names no agency, the reader learns that the registry alone says whose it is."""
    remarks: list[str] = []
    require_agency(exchange_certificate(), SENDER, remarks.append)
    require_agency(own_leaf(SENDER), SENDER, remarks.append)
    assert len(remarks) == 1
    assert SENDER in remarks[0]


def test_a_missing_certificate_is_named_when_the_bundle_is_made(tmp_path: Path) -> None:
    """A bundle that could not be checked is not made."""
    without = tuple(pki.to_der(one) for one in all_certificates() if one != own_leaf(THIRD))
    with pytest.raises(Refusal) as caught:
        bundle(tmp_path, replace(contents(), certificates=without))
    assert caught.value.code == "certificate-untrusted"
    assert list(tmp_path.glob("*.zip*")) == []


def test_a_missing_authority_is_untrusted(tmp_path: Path) -> None:
    """Without the authority between, no chain leads to the root."""
    without = tuple(pki.to_der(one) for one in all_certificates() if one != issuing().certificate)
    assert refused(tmp_path, replace(contents(), certificates=without)) == "certificate-untrusted"
