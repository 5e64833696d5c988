"""Chains of certificates: what is read, what is found, and how long it holds (the adversary is in conformance)."""

from __future__ import annotations

import warnings

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from loadtests.exchange import pki, trust
from loadtests.exchange.certificates import Limits, parse_certificate, thumbprint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.registry import Registered
from tests.unit.loadtests.authorities import AT, DAY_S, days, issuing, key, leaf, root

LIMITS = Limits()
DER = leaf().public_bytes(Encoding.DER)
ANCHORS = trust.Anchors.of([root().certificate])


def refused(code: str) -> pytest.RaisesExc[Refusal]:
    """Expect a refusal with this code."""
    return pytest.RaisesExc(Refusal, check=lambda error: error.code == code)


def validate(at: int = AT, limits: Limits = LIMITS) -> trust.Chain:
    """The chain of the good leaf at a time."""
    return trust.validate(leaf(), [issuing().certificate], ANCHORS, at=at, limits=limits)


def test_chain_says_what_it_is() -> None:
    """A chain gives its certificates, their thumbprints and the time in which all of them are valid."""
    chain = validate()
    assert chain.leaf == leaf()
    assert chain.thumbprints == tuple(thumbprint(c) for c in chain.certificates)
    assert chain.thumbprints[0] == Registered.of(leaf(), added_at=AT).sha256
    assert len(chain.certificates) == 3


@given(st.integers(-3200, 3200), st.integers(-1, 1))
def test_covers_says_what_validate_says(day: int, second: int) -> None:
    """Where a chain covers a time, validating it at that time gives it again; elsewhere it is refused."""
    at, chain = AT + day * DAY_S + second, validate()
    if chain.covers(at):
        assert validate(at) == chain
    else:
        with pytest.raises(Refusal) as caught:
            validate(at)
        assert caught.value.kind.retryable == (at < chain.not_before_at)


@pytest.mark.parametrize(
    ("days_later", "seconds", "code"),
    [
        (265, 0, None),
        (265, 1, "certificate-expired"),
        (-100, 0, None),
        (-100, -1, "certificate-not-yet-valid"),
    ],
)
def test_ends_of_validity(days_later: int, seconds: int, code: str | None) -> None:
    """The first and the last second of validity count, the second before and after do not."""
    at = AT + days_later * DAY_S + seconds
    if code is None:
        assert validate(at).covers(at)
    else:
        with refused(code):
            validate(at)


def test_several_roots() -> None:
    """A chain is found to the root that it leads to, in whatever order the roots are trusted."""
    other_key = key("other root")
    other = pki.issue_root(other_key, root().certificate.subject, serial=2, validity=days(-10, 10))
    for roots in ([other, root().certificate], [root().certificate, other]):
        anchors = trust.Anchors.of(roots)
        chain = trust.validate(leaf(), [issuing().certificate], anchors, at=AT, limits=LIMITS)
        assert chain.certificates[-1] == root().certificate


def test_expired_double_does_not_hide_a_good_authority() -> None:
    """Where an authority was renewed with the same key, the one that is still valid is used."""
    double = pki.issue_authority(
        root(),
        issuing().certificate.subject,
        issuing().key.public_key(),
        serial=77,
        validity=days(-1000, -500),
    )
    for present in ([double, issuing().certificate], [issuing().certificate, double]):
        chain = trust.validate(leaf(), present, ANCHORS, at=AT, limits=LIMITS)
        assert chain.certificates[1] == issuing().certificate
    with refused("issuer-expired"):
        trust.validate(leaf(), [double], ANCHORS, at=AT, limits=LIMITS)
    other = pki.issue_root(key("other root"), root().certificate.subject, serial=2, validity=days(-10, 10))
    for present in ([double, issuing().certificate], [issuing().certificate, double]):
        with refused(
            "certificate-untrusted"
        ):  # the good authority is what the search for a root goes on from
            trust.validate(leaf(), present, trust.Anchors.of([other]), at=AT, limits=LIMITS)


def test_no_root_no_trust() -> None:
    """Without a root nothing can be trusted, and that is said at once."""
    with refused("certificate-untrusted"):
        trust.Anchors.of([])


def test_leaf_is_no_root() -> None:
    """An agency's certificate cannot be made a root."""
    with refused("issuer-not-ca"):
        trust.Anchors.of([leaf()])


def test_limits_are_those_given() -> None:
    """The limits that are given hold: on size, number and depth."""
    with refused("certificate-too-large"):
        validate(limits=Limits(certificate_bytes=len(DER) - 1))
    with refused("chain-too-large"):
        validate(limits=Limits(intermediates=0))
    with refused("chain-too-long"):
        validate(limits=Limits(depth=0))
    assert validate(limits=Limits(depth=1)) == validate()


def test_parse_gives_the_certificate() -> None:
    """What was written is read back."""
    assert parse_certificate(DER, LIMITS) == leaf()


@pytest.mark.parametrize(
    "der",
    [b"", DER[:-1], DER + b"\0", b"0" * 200, DER[1:]],
    ids=["empty", "cut", "longer", "no-certificate", "headless"],
)
def test_parse_refuses_other_bytes(der: bytes) -> None:
    """Cut, longer and other bytes are no certificate."""
    with refused("certificate-malformed"):
        parse_certificate(der, LIMITS)


@pytest.mark.parametrize(
    ("part", "other", "code"),
    [
        ("2a8648ce3d0201", "2a8648ce3d0209", "key-unsupported"),  # the kind of its public key
        ("a003020102", "a003020100", "certificate-malformed"),  # version 1
        ("0214", "0294", "certificate-malformed"),  # the length of the serial number
    ],
)
def test_parse_refuses_changed_parts(part: str, other: str, code: str) -> None:
    """An unknown kind of key, an old version and a broken part are refused by name."""
    assert bytes.fromhex(part) in DER
    with refused(code):
        parse_certificate(DER.replace(bytes.fromhex(part), bytes.fromhex(other), 1), LIMITS)


def test_parse_refuses_a_serial_number_that_is_not_positive() -> None:
    """A negative serial number is refused, whether or not the library's warning is an error."""
    serial = leaf().serial_number.to_bytes(20, "big")
    negative = DER.replace(serial, bytes([serial[0] | 0x80]) + serial[1:], 1)
    with refused("certificate-malformed"):
        parse_certificate(negative, LIMITS)
    with warnings.catch_warnings(action="ignore"), refused("certificate-malformed"):
        parse_certificate(negative, LIMITS)


def test_parse_limits_size() -> None:
    """A certificate larger than the limit is not read at all."""
    with refused("certificate-too-large"):
        parse_certificate(b"0" * 8193, LIMITS)


@given(st.integers(0, 2000), st.integers(0, 255))
def test_parse_never_fails_otherwise(place: int, byte: int) -> None:
    """Whatever byte of a certificate is changed, it is read or refused, nothing else."""
    der = bytearray(DER)
    der[place % len(der)] = byte
    code = ""
    try:
        parse_certificate(bytes(der), LIMITS)
    except Refusal as refusal:
        code = refusal.code
    assert code in {"", "certificate-malformed", "key-unsupported"}
