"""The registry: who may sign for whom, at any time, through rotation and suspension."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.exchange.errors import ExchangeError, Refusal
from loadtests.exchange.registry import Agency, Registered, Registry, RegistryError, Right
from tests.unit.loadtests.authorities import AT, CODE, DAY_S, OTHER_CODE, agency, leaf, registered

HOUR_S = 3600
OLD = registered("leaf", AT - DAY_S)
NEW = registered("renewed", AT)


def refused(code: str, kind: type[ExchangeError] = Refusal) -> pytest.RaisesExc[ExchangeError]:
    """Expect an error of this kind with this code."""
    return pytest.RaisesExc(kind, check=lambda error: error.code == code)


def fixed(code: str) -> pytest.RaisesExc[ExchangeError]:
    """Expect a change that the registry cannot make."""
    return refused(code, RegistryError)


@pytest.fixture
def registry() -> Registry:
    """One agency with a certificate, and one without."""
    return Registry.of([agency(CODE, OLD), agency(OTHER_CODE)])


def test_signer_and_recipient(registry: Registry) -> None:
    """A registered agency is found by code and thumbprint as signer and sender, and by code as recipient."""
    found = (registry.agencies[CODE], OLD)
    assert registry.signer(CODE, OLD.sha256, AT) == found
    assert registry.sender(CODE, OLD.sha256, AT) == found
    assert registry.recipient(OTHER_CODE, AT).code == OTHER_CODE


def test_registration_states_the_certificate(registry: Registry) -> None:
    """A registration holds certificate, thumbprint and validity as the certificate states them."""
    certificate = leaf()
    assert Registered.of(certificate, added_at=AT - DAY_S) == OLD
    assert OLD.not_before_at == int(certificate.not_valid_before_utc.timestamp())
    assert OLD.not_after_at == int(certificate.not_valid_after_utc.timestamp())
    assert registry.owners == {OLD.sha256: CODE}


def test_unknown_signers(registry: Registry) -> None:
    """An unknown agency, an unknown certificate and another agency's are told apart."""
    with refused("sender-unknown"):
        registry.signer("000.00.00.H99", OLD.sha256, AT)
    with refused("certificate-not-registered"):
        registry.signer(CODE, NEW.sha256, AT)
    with refused("sender-certificate-mismatch"):
        registry.signer(OTHER_CODE, OLD.sha256, AT)
    with refused("recipient-unknown"):
        registry.recipient("000.00.00.H99", AT)


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (OLD.added_at - 1, "certificate-not-registered"),
        (OLD.added_at, None),
        (OLD.not_after_at, None),
        (OLD.not_after_at + 1, "certificate-expired"),
    ],
)
def test_certificate_counts_in_time(registry: Registry, at: int, code: str | None) -> None:
    """A certificate counts from its registration until its validity ends, both to the second."""
    if code is None:
        assert registry.signer(CODE, OLD.sha256, at)[1] is OLD
    else:
        with refused(code):
            registry.signer(CODE, OLD.sha256, at)


def test_registered_before_it_is_valid() -> None:
    """A certificate may be registered ahead of its validity, and counts only inside it."""
    early = registered("leaf", AT - 200 * DAY_S)
    ahead = Registry.of([agency(CODE, early)])
    with refused("certificate-not-yet-valid"):
        ahead.signer(CODE, early.sha256, early.not_before_at - 1)
    assert ahead.signer(CODE, early.sha256, early.not_before_at)[1] is early


def test_rotation_overlaps(registry: Registry) -> None:
    """During the overlap both certificates count, before it only the old one, after it only the new one."""
    rotated = registry.rotate(CODE, NEW, overlap_s=HOUR_S)
    for at, counting in (
        (AT - 1, {OLD.sha256}),
        (AT, {OLD.sha256, NEW.sha256}),
        (AT + HOUR_S - 1, {OLD.sha256, NEW.sha256}),
        (AT + HOUR_S, {NEW.sha256}),
    ):
        assert {r.sha256 for r in rotated.agencies[CODE].certificates if r.counts_at(at)} == counting
        for sha256 in counting:
            assert rotated.signer(CODE, sha256, at)[1].sha256 == sha256
    with refused("certificate-not-registered"):
        rotated.signer(CODE, OLD.sha256, AT + HOUR_S)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 120)), min_size=1, max_size=6),
    st.integers(-10, 400),
)
def test_rotations_leave_no_gap(steps: list[tuple[int, int]], later_s: int) -> None:
    """However often and with whatever overlap an agency rotates, from its first certificate on one counts."""
    registry = Registry.of([agency(CODE)])
    now_at = AT
    for number, (pause_s, overlap_s) in enumerate(steps):
        registry = registry.rotate(CODE, registered(f"turn {number}", now_at), overlap_s=overlap_s)
        now_at += pause_s
    counting = [r for r in registry.agencies[CODE].certificates if r.counts_at(AT + later_s)]
    assert bool(counting) == (later_s >= 0)


def test_earlier_end_stays() -> None:
    """A certificate that goes sooner than the overlap ends is not kept longer by a rotation."""
    registry = Registry.of([agency(CODE, replace(OLD, removed_at=AT + 10))])
    rotated = registry.rotate(CODE, NEW, overlap_s=HOUR_S)
    assert rotated.agencies[CODE].certificates[0].removed_at == AT + 10


def test_first_certificate_ahead_of_its_validity() -> None:
    """An agency without a certificate may get one that is valid only later: nothing goes, so there is no gap."""
    later = replace(NEW, not_before_at=AT + DAY_S)
    added = Registry.of([agency(CODE)]).rotate(CODE, later, overlap_s=0)
    assert added.agencies[CODE].certificates == (later,)


def test_rotation_leaves_what_comes_later() -> None:
    """A certificate that counts only from a later time on is not taken away by a rotation before."""
    planned = registered("planned", AT + DAY_S)
    rotated = Registry.of([agency(CODE, OLD, planned)]).rotate(CODE, NEW, overlap_s=0)
    assert rotated.agencies[CODE].certificates == (replace(OLD, removed_at=AT), planned, NEW)


def test_rotation_that_cannot_be(registry: Registry) -> None:
    """A gap, a negative overlap, an unknown agency and a certificate known already are refused."""
    soon = replace(NEW, not_before_at=AT + 2 * HOUR_S)
    with fixed("rotation-invalid"):
        registry.rotate(CODE, soon, overlap_s=HOUR_S)
    assert registry.rotate(CODE, soon, overlap_s=2 * HOUR_S).owners[NEW.sha256] == CODE
    with fixed("rotation-invalid"):
        registry.rotate(CODE, NEW, overlap_s=-1)
    with fixed("agency-unknown"):
        registry.rotate("000.00.00.H99", NEW, overlap_s=0)
    with fixed("certificate-known"):
        registry.rotate(OTHER_CODE, OLD, overlap_s=0)
    removed = registry.remove(CODE, OLD.sha256, at=AT)
    with fixed("certificate-known"):
        removed.rotate(CODE, OLD, overlap_s=0)


def test_removal(registry: Registry) -> None:
    """A removed certificate counted until then; its thumbprint stays the agency's."""
    removed = registry.remove(CODE, OLD.sha256, at=AT)
    assert removed.signer(CODE, OLD.sha256, AT - 1)[1].removed_at == AT
    with refused("certificate-not-registered"):
        removed.signer(CODE, OLD.sha256, AT)
    with refused("sender-certificate-mismatch"):
        removed.signer(OTHER_CODE, OLD.sha256, AT)
    for sha256, at in ((OLD.sha256, AT), (NEW.sha256, AT)):
        with fixed("certificate-unknown"):
            removed.remove(CODE, sha256, at=at)


def test_suspension(registry: Registry) -> None:
    """A suspended agency neither signs nor receives, until it is lifted; the past keeps its answer."""
    suspended = registry.suspend(CODE, at=AT)
    assert suspended.agencies[CODE].suspended_at == AT
    resumed = suspended.resume(CODE, at=AT + HOUR_S)
    assert resumed.agencies[CODE].suspended_at is None
    for one, until_at in ((suspended, AT + DAY_S), (resumed, AT + HOUR_S)):
        assert one.sender(CODE, OLD.sha256, AT - 1)
        for at in (AT, until_at - 1):
            with refused("agency-suspended"):
                one.signer(CODE, OLD.sha256, at)
            with refused("recipient-suspended"):
                one.recipient(CODE, at)
    assert resumed.sender(CODE, OLD.sha256, AT + HOUR_S)
    again = resumed.suspend(CODE, at=AT + 2 * HOUR_S)
    assert [again.agencies[CODE].is_suspended(AT + n * HOUR_S) for n in range(3)] == [True, False, True]


def test_suspension_that_cannot_be(registry: Registry) -> None:
    """Suspending twice, before the last suspension ended, or lifting none or a later one is refused."""
    suspended = registry.suspend(CODE, at=AT)
    with fixed("suspension-invalid"):
        suspended.suspend(CODE, at=AT + 1)
    with fixed("suspension-invalid"):
        suspended.resume(CODE, at=AT - 1)
    with fixed("suspension-invalid"):
        suspended.resume(CODE, at=AT + 9).suspend(CODE, at=AT + 8)
    with fixed("suspension-invalid"):
        registry.resume(CODE, at=AT)
    for change in (registry.suspend, registry.resume):
        with fixed("agency-unknown"):
            change("000.00.00.H99", at=AT)


def test_rights(registry: Registry) -> None:
    """Without a right the agency is known, but may not do it."""
    listening = registry.entitle(CODE, [Right.RECEIVE])
    assert listening.recipient(CODE, AT).rights == {Right.RECEIVE}
    assert listening.signer(CODE, OLD.sha256, AT)[1] is OLD
    with refused("not-permitted"):
        listening.sender(CODE, OLD.sha256, AT)
    with refused("recipient-not-permitted"):
        registry.entitle(CODE, [Right.SEND]).recipient(CODE, AT)


def test_changes_leave_the_old_registry_alone(registry: Registry) -> None:
    """Every change gives a new registry; the old one still gives its answers."""
    before = (dict(registry.agencies), dict(registry.owners))
    registry.rotate(CODE, NEW, overlap_s=0)
    registry.remove(CODE, OLD.sha256, at=AT)
    registry.suspend(CODE, at=AT)
    registry.entitle(CODE, [])
    registry.add(agency("000.00.00.H43"))
    assert (dict(registry.agencies), dict(registry.owners)) == before
    with pytest.raises(TypeError):
        registry.agencies["000.00.00.H43"] = agency("000.00.00.H43")  # type: ignore[index]


def test_known_twice(registry: Registry) -> None:
    """An agency and a certificate are registered once."""
    with fixed("agency-known"):
        registry.add(agency(CODE))
    with fixed("certificate-known"):
        registry.add(agency("000.00.00.H43", OLD))
    with fixed("certificate-known"):
        Registry.of([agency(CODE, OLD, OLD)])


@pytest.mark.parametrize(
    "code", ["", "H41", "000.00.00.h41", "000.00.00.H411", "000-00-00-H41", "000.00.00.H41\n"]
)
def test_codes_that_are_none(code: str) -> None:
    """A code has 13 characters in four dotted groups, and nothing after them."""
    with fixed("agency-code-invalid"):
        agency(code)


@pytest.mark.parametrize(
    "name", ["", " Sở", "Sở\n", "x" * 201, "Sở\u202e", unicodedata.normalize("NFD", "Sở")]
)
def test_names_that_are_none(name: str) -> None:
    """A name is visible, at most 200 characters long and in Unicode NFC, in both languages."""
    with fixed("agency-name-invalid"):
        Agency(CODE, name, "Sở")
    with fixed("agency-name-invalid"):
        Agency(CODE, "Department", name)


def test_registrations_that_are_none() -> None:
    """Thumbprint and certificate belong together, and no window ends before it begins."""
    for changes in (
        {"sha256": NEW.sha256},
        {"not_after_at": OLD.not_before_at - 1},
        {"removed_at": OLD.added_at - 1},
    ):
        with fixed("registration-invalid"):
            replace(OLD, **changes)
