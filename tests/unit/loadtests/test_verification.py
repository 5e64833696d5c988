"""Each numbered step of verification holds for what is right, and refuses what is wrong by its code."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.exchange import jws, manifest, pki, trust, verification
from loadtests.exchange.errors import CODES, Refusal
from loadtests.exchange.keys import Algorithm
from loadtests.exchange.registry import Agency, Registered, Registry, Right
from loadtests.exchange.revocation import Revocations
from loadtests.exchange.terms import Known, Terms, View
from loadtests.exchange.verification import Received, authenticate, check_documents, renewed, verify
from tests.unit.loadtests.authorities import AT, DAY_S, agency, days, issuing, key, leaf, root
from tests.unit.loadtests.exchanges import (
    BODY,
    SECOND,
    SENDER,
    TERMS,
    THIRD,
    crl,
    manifest_bytes,
    registered_leaf,
    registry,
    revocations,
    second_document,
    submission,
    trusted,
    with_agency,
)
from tests.unit.loadtests.manifests import a_manifest, as_bytes, private_key

VIEW = View(AT, trusted())
GOOD = submission()
STRANGER = "000.01.15.H41"


def refusal(call: Callable[[], object]) -> str:
    """Code with which a call is refused."""
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.code


def code_of(compact: bytes, view: View = VIEW, terms: Terms = TERMS) -> str:
    """Code with which a submission is refused."""
    return refusal(lambda: verify(compact, view, terms))


def seen(at: int = AT, **changes: Any) -> View:
    """A view with something else trusted."""
    return View(at, replace(trusted(), **changes))


@cache
def other_root() -> trust.Anchors:
    """A root that nobody here descends from."""
    name = pki.authority_name("Ban khác", "Gốc khác")
    return trust.Anchors.of([pki.issue_root(key("other"), name, serial=7, validity=days(-9, 9))])


# --- what is established ----------------------------------------------------------------------------------------


def test_what_is_right_is_established() -> None:
    """Every part of the result comes from the bytes, the registry and the lists."""
    verified = verify(GOOD, VIEW, TERMS)
    authentic = verified.authentic
    lists = [hashlib.sha256(crl(authority)).digest() for authority in (issuing(), root())]
    assert authentic.signed == jws.parse(GOOD)
    assert authentic.manifest == manifest.parse(manifest_bytes())
    assert authentic.manifest_sha256 == hashlib.sha256(manifest_bytes()).digest()
    assert authentic.agency == registry().agencies[SENDER]
    assert authentic.registered == registered_leaf(SENDER)
    assert authentic.known.chain.certificates[0] == leaf(SENDER, code=SENDER)
    assert [one.id for one in authentic.snapshots] == lists
    assert authentic.validation.chain == authentic.known.chain.thumbprints
    assert [one.sha256 for one in authentic.validation.crls] == lists
    assert [one.code for one in verified.recipients] == [SECOND, THIRD]
    assert verified.at == AT


# --- steps 1 to 9 -----------------------------------------------------------------------------------------------

OTHER_KEY = key("nobody's")
HEADER, PAYLOAD, SIGNATURE = GOOD.split(b".")
SMALL = replace(TERMS, limits=replace(TERMS.limits, manifest_bytes_max=100))


@pytest.mark.parametrize(
    ("compact", "code"),
    [
        (b"", "jws-invalid"),
        (GOOD[:-1], "base64-invalid"),
        (GOOD + b"A" * 400_000, "jws-too-large"),
        (submission(typ=jws.EVIDENCE_TYPE), "signed-type-mismatch"),
        (submission(signer=STRANGER), "certificate-not-registered"),
        (submission(signing_key=private_key(Algorithm.EDDSA)), "algorithm-mismatch"),
        (submission(signing_key=OTHER_KEY), "signature-invalid"),
        (HEADER + b"." + submission(number="13").split(b".")[1] + b"." + SIGNATURE, "signature-invalid"),
        (submission(at=AT - 29).split(b".")[0] + b"." + PAYLOAD + b"." + SIGNATURE, "signature-invalid"),
        (HEADER + b"." + PAYLOAD + b"." + submission(number="13").split(b".")[2], "signature-invalid"),
        (submission(b"{}"), "manifest-invalid"),
        (submission(b'{"kind":0,"kind":1}'), "json-duplicate-key"),
        (submission(sender=SECOND, recipients=[THIRD]), "sender-certificate-mismatch"),
        (submission(sender=STRANGER), "sender-unknown"),
    ],
)
def test_what_is_not_authentic_is_refused(compact: bytes, code: str) -> None:
    """Form, purpose, registration, algorithm, signature, content and sender."""
    assert code_of(compact) == code


def test_a_manifest_that_is_too_large_is_refused_before_anything_is_believed() -> None:
    """Whoever signed it: size comes first."""
    assert code_of(submission(signer=STRANGER), terms=SMALL) == "manifest-too-large"


def registration(**changes: Any) -> Agency:
    """The sender with another registration of its certificate."""
    return agency(SENDER, replace(registered_leaf(SENDER), **changes))


@pytest.mark.parametrize(
    ("view", "code"),
    [
        (seen(registry=registry().suspend(SENDER, at=AT)), "agency-suspended"),
        (seen(registry=with_agency(registration(added_at=AT + 1))), "certificate-not-registered"),
        (seen(registry=with_agency(registration(removed_at=AT))), "certificate-not-registered"),
        (seen(registry=with_agency(registration(not_after_at=AT - 1))), "certificate-expired"),
        (seen(registry=with_agency(registration(not_before_at=AT + 1))), "certificate-not-yet-valid"),
        (seen(registry=with_agency(agency(SENDER))), "certificate-not-registered"),
        (seen(anchors=other_root()), "certificate-untrusted"),
        (seen(intermediates=()), "certificate-untrusted"),
        (seen(revocations=Revocations()), "crl-missing"),
        (seen(AT + DAY_S), "crl-stale"),
        (seen(AT - 3600 - 301), "crl-not-yet-valid"),
        (seen(revocations=revocations(leaf(SENDER, code=SENDER).serial_number)), "certificate-revoked"),
    ],
)
def test_what_is_not_trusted_now_is_refused(view: View, code: str) -> None:
    """Registration, suspension, chain and revocation are those of the view, with the chain known or not."""
    assert code_of(GOOD, view) == code
    known = authenticate(GOOD, VIEW, TERMS).known
    assert code_of(GOOD, replace(view, known={known.thumbprints[0]: known})) == code


def test_a_revoked_authority_is_refused() -> None:
    """The root lists it, so nothing that it issued counts."""
    lists = Revocations().updated(crl(root(), issuing().certificate.serial_number), root().certificate)
    lists = lists.updated(crl(issuing()), issuing().certificate)
    assert code_of(GOOD, seen(revocations=lists)) == "issuer-revoked"


def test_a_registered_certificate_that_cannot_be_read_is_refused() -> None:
    """An operator's slip must not let a signature pass unchecked."""
    junk = b"no certificate"
    slip = Registered(junk, hashlib.sha256(junk).digest(), AT - 9, AT + 9, AT - 9)
    compact = jws.sign(manifest_bytes(), key(SENDER), slip.sha256, at=AT, typ=jws.MANIFEST_TYPE)
    assert code_of(compact, seen(registry=with_agency(agency(SENDER, slip)))) == "certificate-malformed"


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_signature_by_each_algorithm_counts_with_its_own_key_only(algorithm: Algorithm) -> None:
    """The registered certificate decides; another kind of key under its thumbprint does not."""
    public_key = private_key(algorithm).public_key()
    certificate = pki.issue_agency(
        issuing(), SENDER, "Ủy ban", "Committee", public_key, serial=501, validity=days(-1, 1)
    )
    registered = Registered.of(certificate, added_at=AT - 9)
    view = seen(registry=with_agency(agency(SENDER, registered)))

    def signed(with_key: Algorithm) -> bytes:
        signing_key = private_key(with_key)
        return jws.sign(manifest_bytes(), signing_key, registered.sha256, at=AT, typ=jws.MANIFEST_TYPE)

    assert verify(signed(algorithm), view, TERMS).authentic.signed.algorithm is algorithm
    for other in set(Algorithm) - {algorithm}:
        assert code_of(signed(other), view) == "algorithm-mismatch"


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_no_other_byte_string_counts(place: int, byte: int) -> None:
    """Whatever byte is changed, the submission is refused, and nothing else is raised."""
    changed = bytearray(GOOD)
    changed[place] = byte
    if bytes(changed) == GOOD:
        assert verify(bytes(changed), VIEW, TERMS).at == AT
    else:
        assert code_of(bytes(changed)) in CODES


# --- what a stranger can make us do -----------------------------------------------------------------------------


def test_nothing_costly_is_done_for_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a forged signature neither a chain is built nor a manifest read; a stranger's is not even checked."""
    done: list[str] = []

    def noting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **named: Any) -> Any:
            done.append(name)
            return call(*args, **named)

        return noted

    monkeypatch.setattr(trust, "validate", noting("chain", trust.validate))
    monkeypatch.setattr(manifest, "parse", noting("manifest", manifest.parse))
    monkeypatch.setattr(jws, "check", noting("signature", jws.check))
    assert code_of(submission(signer=STRANGER)) == "certificate-not-registered"
    assert done == []
    assert code_of(submission(signing_key=OTHER_KEY)) == "signature-invalid"
    assert done == ["signature"]
    done.clear()
    known = authenticate(GOOD, VIEW, TERMS).known
    assert done == ["signature", "chain", "manifest"]
    done.clear()
    assert authenticate(GOOD, replace(VIEW, known={known.thumbprints[0]: known}), TERMS).known is known
    assert done == ["signature", "manifest"]


def test_a_known_chain_is_used_only_where_it_would_be_found_again() -> None:
    """Another certificate's, one past its time, or one over what is not trusted any more is passed over."""
    known = authenticate(GOOD, VIEW, TERMS).known
    sha256 = known.thumbprints[0]
    assert known == Known.of(known.chain)
    assert known.holds(sha256, VIEW)
    assert not known.holds(b"\0" * 32, VIEW)
    assert not known.holds(sha256, seen(known.chain.not_after_at + 1))
    assert not known.holds(sha256, seen(anchors=other_root()))
    assert not known.holds(sha256, seen(intermediates=()))
    second = authenticate(submission(signer=SECOND, sender=SECOND, recipients=[THIRD]), VIEW, TERMS).known
    mixed_up = replace(VIEW, known={sha256: second})
    assert authenticate(GOOD, mixed_up, TERMS).known == known


# --- steps 10 to 15 ---------------------------------------------------------------------------------------------

WITHOUT_SENDING = registry().entitle(SENDER, {Right.RECEIVE})
WITHOUT_RECEIVING = registry().entitle(THIRD, {Right.SEND})


@pytest.mark.parametrize(
    ("compact", "view", "code"),
    [
        (submission(audience="other.example"), VIEW, "audience-mismatch"),
        (submission(created_at=AT + 301, at=AT + 301), VIEW, "manifest-from-the-future"),
        (submission(at=AT + 301), VIEW, "manifest-from-the-future"),
        (submission(at=AT - 60 - 301), VIEW, "signed-before-created"),
        (submission(expires_at=AT - 1), VIEW, "manifest-expired"),
        (submission(expires_at=AT - 59 + 7 * DAY_S), VIEW, "manifest-lifetime-too-long"),
        (GOOD, seen(registry=WITHOUT_SENDING), "not-permitted"),
        (submission(recipients=[SECOND, SENDER]), VIEW, "recipient-is-sender"),
        (submission(recipients=[SECOND, STRANGER]), VIEW, "recipient-unknown"),
        (GOOD, seen(registry=registry().suspend(THIRD, at=AT)), "recipient-suspended"),
        (GOOD, seen(registry=WITHOUT_RECEIVING), "recipient-not-permitted"),
        (submission(recipients=[SECOND, SECOND]), VIEW, "manifest-invalid"),
    ],
)
def test_what_may_not_be_taken_is_refused(compact: bytes, view: View, code: str) -> None:
    """Audience, times, rights and recipients."""
    assert code_of(compact, view) == code


@pytest.mark.parametrize(
    "compact",
    [
        submission(created_at=AT + 300, at=AT + 300),
        submission(at=AT - 60 - 300),
        submission(expires_at=AT),
        submission(expires_at=AT - 60 + 7 * DAY_S),
    ],
)
def test_the_ends_of_what_is_allowed_count(compact: bytes) -> None:
    """One second beyond each of them is refused above."""
    assert verify(compact, VIEW, TERMS).at == AT


def test_terms_are_possible() -> None:
    """A negative skew or no lifetime is a slip of the operator."""
    for skew_s, lifetime_s_max in ((-1, 1), (0, 0)):
        with pytest.raises(ValueError, match="no such terms"):
            replace(TERMS, skew_s=skew_s, lifetime_s_max=lifetime_s_max)
    assert replace(TERMS, skew_s=0, lifetime_s_max=1).lifetime_s_max == 1


def test_every_code_that_the_docstrings_name_exists_and_each_step_has_its_label() -> None:
    """The procedure is read by people: what it says is what it does."""
    for function, steps in (
        (verification.authenticate, range(1, 10)),
        (verification.authorise, range(10, 16)),
    ):
        text = function.__doc__ or ""
        assert [int(number) for number in re.findall(r"^ +(\d+)\. ", text, re.MULTILINE)] == list(steps)
        raised = re.findall(r"``([a-z]+(?:-[a-z]+)+)``", text.partition("Raises:")[2])
        assert raised
        assert set(raised) <= CODES.keys()


# --- later --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"registry": registry().suspend(SENDER, at=AT)}, "agency-suspended"),
        ({"registry": with_agency(agency(SENDER))}, "certificate-not-registered"),
        ({"anchors": other_root()}, "certificate-untrusted"),
        ({"revocations": revocations(leaf(SENDER, code=SENDER).serial_number)}, "certificate-revoked"),
    ],
)
def test_what_became_untrusted_is_found_when_it_is_renewed(changes: dict[str, Any], code: str) -> None:
    """What was authentic before its documents came must still be afterwards."""
    authentic = authenticate(GOOD, VIEW, TERMS)
    assert refusal(lambda: renewed(authentic, seen(AT + 5, **changes), TERMS)) == code


def test_renewing_gives_what_verifying_anew_would_give() -> None:
    """With a newer list the newer list is recorded; a certificate that went to another agency is refused."""
    authentic = authenticate(GOOD, VIEW, TERMS)
    lists = trusted().revocations.updated(crl(issuing(), number=2, at=AT), issuing().certificate)
    later = seen(AT + 60, revocations=lists)
    assert renewed(authentic, later, TERMS) == authenticate(GOOD, later, TERMS)
    assert renewed(authentic, later, TERMS).snapshots != authentic.snapshots
    moved = Registry.of([agency(SECOND, registered_leaf(SENDER)), agency(SENDER)])
    assert refusal(lambda: renewed(authentic, seen(registry=moved), TERMS)) == "sender-certificate-mismatch"


# --- documents --------------------------------------------------------------------------------------------------

TWO = manifest.parse(as_bytes(a_manifest(documents=[*a_manifest()["documents"], second_document()])))
CAME = Received(hashlib.sha256(BODY).digest(), len(BODY), place="somewhere")


def test_documents_are_the_ones_of_the_manifest() -> None:
    """As many, each with its digest and size; where they are does not matter."""
    check_documents(TWO, (CAME, CAME))
    other, shorter = replace(CAME, sha256=b"\0" * 32), replace(CAME, size_bytes=2)
    for received, code in (
        ((), "documents-incomplete"),
        ((CAME,), "documents-incomplete"),
        ((CAME, CAME, CAME), "documents-incomplete"),
        ((other, CAME), "document-mismatch"),
        ((CAME, other), "document-mismatch"),
        ((CAME, shorter), "document-mismatch"),
    ):
        assert refusal(partial(check_documents, TWO, received)) == code
