"""A small PKI and its agencies with valid defaults: a test changes the one thing that is wrong."""

from __future__ import annotations

import hashlib
from functools import cache

from cryptography import x509

from loadtests.exchange.keys import PrivateKey
from loadtests.exchange.pki import (
    Authority,
    Validity,
    authority_name,
    issue_agency,
    issue_authority,
    issue_root,
)
from loadtests.exchange.pki_keys import KeyKind, derive_key, generate_key, serial_number
from loadtests.exchange.registry import Agency, Registered

AT = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY_S = 86_400
CODE = "000.00.00.H41"
OTHER_CODE = "000.01.15.H41"
ORGANISATION = "Ủy ban nhân dân tỉnh Quảng Ngãi"


def entropy(name: str) -> bytes:
    """32 bytes that belong to a name."""
    return hashlib.sha256(name.encode()).digest()


@cache
def key(name: str, kind: KeyKind = KeyKind.P256) -> PrivateKey:
    """The key of this name; an RSA key differs from run to run, nothing depends on its value."""
    return generate_key(kind) if kind is KeyKind.RSA2048 else derive_key(kind, entropy(name))


def days(first: int, last: int) -> Validity:
    """From and until so many days after ``AT``."""
    return Validity(AT + first * DAY_S, AT + last * DAY_S)


@cache
def root() -> Authority:
    """The root, with a key on P-256."""
    name = authority_name("Ban Cơ yếu thử nghiệm", "Gốc")
    certificate = issue_root(
        key("root"), name, serial=serial_number(entropy("root")), validity=days(-3000, 3000)
    )
    return Authority(certificate, key("root"))


@cache
def issuing(kind: KeyKind = KeyKind.P256) -> Authority:
    """The authority below the root that issues to agencies."""
    own = key("issuing", kind)
    certificate = issue_authority(
        root(),
        authority_name("Ban Cơ yếu thử nghiệm", "Cấp phát"),
        own.public_key(),
        serial=serial_number(entropy("issuing")),
        validity=days(-1000, 1000),
    )
    return Authority(certificate, own)


@cache
def leaf(name: str = "leaf", kind: KeyKind = KeyKind.P256, code: str = CODE) -> x509.Certificate:
    """An agency's certificate under the issuing authority."""
    return issue_agency(
        issuing(),
        code,
        ORGANISATION,
        "People's Committee of Quang Ngai",
        key(name, kind).public_key(),
        serial=serial_number(entropy(name)),
        validity=days(-100, 265),
    )


def registered(name: str = "leaf", added_at: int = AT - DAY_S) -> Registered:
    """The registration of a certificate of this name."""
    return Registered.of(leaf(name), added_at=added_at)


def agency(code: str = CODE, *certificates: Registered) -> Agency:
    """An agency with all rights."""
    return Agency(code, "People's Committee of Quang Ngai", ORGANISATION, certificates)
