"""Revocation lists: what is read, how fresh it must be, and what is said of a chain (adversary: conformance)."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from loadtests.exchange import pki, revocation
from loadtests.exchange.errors import Refusal
from loadtests.exchange.pki_keys import KeyKind
from loadtests.exchange.revocation import Freshness, Revocation, Revocations, issuer_id, read
from tests.unit.loadtests.authorities import AT, DAY_S, days, issuing, leaf, root

FRESHNESS = Freshness(max_age_s=7 * DAY_S, skew_s=300)
CHAIN = (leaf(), issuing().certificate, root().certificate)


def refused(code: str) -> pytest.RaisesExc[Refusal]:
    """Expect a refusal with this code."""
    return pytest.RaisesExc(Refusal, check=lambda error: error.code == code)


def crl(
    issuer: pki.Authority, *entries: pki.Entry, number: int = 1, at: int = AT, for_s: int = DAY_S
) -> bytes:
    """A list of an issuer in DER."""
    made = pki.issue_crl(issuer, entries, number=number, this_update_at=at, next_update_at=at + for_s)
    return pki.to_der(made)


def sequence(body: bytes) -> bytes:
    """A DER sequence of up to 65,535 bytes."""
    length = len(body).to_bytes(2, "big")
    return b"\x30" + (b"\x82" + length if length[0] else b"\x81" + length[1:]) + body


def revocations(*of_issuing: pki.Entry, of_root: tuple[pki.Entry, ...] = ()) -> Revocations:
    """A list of each authority."""
    begun = Revocations().updated(crl(root(), *of_root), root().certificate)
    return begun.updated(crl(issuing(), *of_issuing), issuing().certificate)


def test_list_is_read_as_it_was_written() -> None:
    """A snapshot and the lines of a list are what its issuer wrote."""
    der = crl(issuing(), pki.Entry(5, AT - 9, x509.ReasonFlags.superseded), pki.Entry(6, AT - 8), number=12)
    found = read(der, issuing().certificate)
    assert found.snapshot == revocation.Snapshot(
        id=hashlib.sha256(der).digest(),
        issuer=issuer_id(issuing().certificate),
        number=12,
        this_update_at=AT,
        next_update_at=AT + DAY_S,
    )
    assert found.revoked == {5: Revocation(5, AT - 9, "superseded"), 6: Revocation(6, AT - 8, "unspecified")}


def test_good_status_names_its_lists() -> None:
    """Nothing revoked: the answer names one list per certificate below the root."""
    status = revocations().status(CHAIN, at=AT, freshness=FRESHNESS)
    status.require_good()
    assert status.revoked == ()
    assert [s.issuer for s in status.snapshots] == [issuer_id(c) for c in CHAIN[1:]]


def test_revoked_leaf_and_intermediate() -> None:
    """What is listed is revoked, leaf and intermediate, and the answer says since when and why."""
    entry = pki.Entry(leaf().serial_number, AT - 3, x509.ReasonFlags.key_compromise)
    status = revocations(entry).status(CHAIN, at=AT, freshness=FRESHNESS)
    (found,) = status.revoked
    assert (found.depth, found.revocation) == (0, Revocation(leaf().serial_number, AT - 3, "keyCompromise"))
    with refused("certificate-revoked"):
        status.require_good()
    above = pki.Entry(issuing().certificate.serial_number, AT - 3)
    status = revocations(of_root=(above,)).status(CHAIN, at=AT, freshness=FRESHNESS)
    assert [one.depth for one in status.revoked] == [1]
    with refused("issuer-revoked"):
        status.require_good()


def test_serial_number_of_another_issuer() -> None:
    """A serial number counts for the list's issuer only."""
    above = pki.Entry(leaf().serial_number, AT - 3)
    below = pki.Entry(issuing().certificate.serial_number, AT - 3)
    revocations(below, of_root=(above,)).status(CHAIN, at=AT, freshness=FRESHNESS).require_good()


def test_later_date_is_revoked_too() -> None:
    """A line that bears a date in the future counts at once."""
    status = revocations(pki.Entry(leaf().serial_number, AT + DAY_S)).status(
        CHAIN, at=AT, freshness=FRESHNESS
    )
    with refused("certificate-revoked"):
        status.require_good()


def test_missing_list() -> None:
    """Without its issuer's list nothing is said about a certificate."""
    only_root = Revocations().updated(crl(root()), root().certificate)
    with refused("crl-missing"):
        only_root.status(CHAIN, at=AT, freshness=FRESHNESS)


@given(
    st.integers(1, 10 * DAY_S),
    st.integers(0, 10 * DAY_S),
    st.integers(0, 600),
    st.integers(-700, 11 * DAY_S),
)
def test_freshness(for_s: int, max_age_s: int, skew_s: int, later_s: int) -> None:
    """A list counts from its time less the skew until the earlier of its next update and the largest age."""
    snapshot = revocation.Snapshot(b"", b"", 1, AT, AT + for_s)
    freshness = Freshness(max_age_s, skew_s)
    if -skew_s <= later_s <= min(for_s, max_age_s):
        snapshot.require_fresh(AT + later_s, freshness)
    else:
        with refused("crl-stale" if later_s > 0 else "crl-not-yet-valid"):
            snapshot.require_fresh(AT + later_s, freshness)


def test_staleness_is_asked_of_every_list() -> None:
    """An old list of the root stops the answer as an old list of the issuing authority does."""
    for at_root, at_issuing in ((AT - 8 * DAY_S, AT), (AT, AT - 8 * DAY_S)):
        lists = Revocations().updated(crl(root(), at=at_root, for_s=20 * DAY_S), root().certificate)
        lists = lists.updated(crl(issuing(), at=at_issuing, for_s=20 * DAY_S), issuing().certificate)
        with refused("crl-stale"):
            lists.status(CHAIN, at=AT, freshness=FRESHNESS)


def test_freshness_that_is_none() -> None:
    """A negative age or skew is a fault of the program."""
    for age, skew in ((-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="largest age"):
            Freshness(age, skew)


def test_newer_list_replaces_and_the_old_value_stays() -> None:
    """A newer list takes the place of the known one in a new value; the same list again changes nothing."""
    before = revocations()
    newer = crl(issuing(), pki.Entry(leaf().serial_number, AT), number=2)
    after = before.updated(newer, issuing().certificate)
    assert not before.status(CHAIN, at=AT, freshness=FRESHNESS).revoked
    assert after.status(CHAIN, at=AT, freshness=FRESHNESS).revoked
    assert after.updated(newer, issuing().certificate) == after
    with refused("crl-rollback"):
        after.updated(crl(issuing()), issuing().certificate)
    assert after.updated(crl(root(), number=2), root().certificate).lists.keys() == after.lists.keys()


def test_renewed_authority_keeps_its_list() -> None:
    """An authority whose certificate was renewed with the same key is the same issuer, another key is another."""
    renewed = pki.issue_authority(
        root(),
        issuing().certificate.subject,
        issuing().key.public_key(),
        serial=99,
        validity=days(-1, 500),
    )
    assert (
        issuer_id(renewed)
        == issuer_id(issuing().certificate)
        != issuer_id(issuing(KeyKind.RSA2048).certificate)
    )
    renamed = pki.issue_authority(
        root(),
        pki.authority_name("A", "B"),
        issuing().key.public_key(),
        serial=98,
        validity=days(-1, 500),
    )
    assert issuer_id(renamed) != issuer_id(renewed)
    revocations().status((leaf(), renewed, root().certificate), at=AT, freshness=FRESHNESS).require_good()


def test_rsa_authority_signs_lists() -> None:
    """A list signed with RSA is read as well."""
    authority = issuing(KeyKind.RSA2048)
    assert read(crl(authority, pki.Entry(3, AT)), authority.certificate).revoked.keys() == {3}


def test_list_without_next_update_window() -> None:
    """A list whose next update is no later than its own time is not taken."""
    issuer = issuing()
    moment = leaf().not_valid_before_utc
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(moment)
        .next_update(moment)
        .add_extension(x509.CRLNumber(1), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )
    with refused("crl-incomplete"):
        read(pki.to_der(made), issuer.certificate)


def test_list_without_next_update() -> None:
    """A list that does not say when the next one comes is not taken, though its issuer signed it."""
    issuer = issuing()
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    made = x509.load_der_x509_crl(crl(issuer))
    next_update = b"\x17\x0d" + made.next_update_utc.strftime("%y%m%d%H%M%SZ").encode()  # type: ignore[union-attr]
    body = made.tbs_certlist_bytes[3 if made.tbs_certlist_bytes[1] == 0x81 else 2 :]
    assert body.count(next_update) == 1
    signed = sequence(body.replace(next_update, b""))
    signature = b"\0" + issuer.key.sign(signed, ec.ECDSA(hashes.SHA256()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    der = sequence(signed + algorithm + b"\x03" + bytes([len(signature)]) + signature)
    assert x509.load_der_x509_crl(der).next_update_utc is None
    with refused("crl-incomplete"):
        read(der, issuer.certificate)


def test_other_bytes_are_no_list() -> None:
    """Cut, longer, too long and other bytes are refused by name."""
    der = crl(issuing())
    for other in (b"", der[:-1], der + b"\0", pki.to_der(leaf())):
        with refused("crl-malformed"):
            read(other, issuing().certificate)
    with refused("crl-too-large"):
        read(b"0" * (revocation.CRL_BYTES_MAX + 1), issuing().certificate)


@given(st.integers(0, 2000), st.integers(1, 255))
def test_changed_list_is_refused(place: int, flipped: int) -> None:
    """Whatever byte of a list is changed, it is refused, and by a code of its own."""
    der = bytearray(crl(issuing(), pki.Entry(5, AT - 9, x509.ReasonFlags.superseded)))
    der[place % len(der)] ^= flipped
    with pytest.raises(Refusal) as caught:
        read(bytes(der), issuing().certificate)
    assert caught.value.code.startswith("crl-")
