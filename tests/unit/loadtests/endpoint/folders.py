"""A data directory with valid contents: a test changes the one file that is wrong."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from loadtests.endpoint.folder import Folder
from loadtests.exchange.pki import Authority, Entry, issue_crl, issue_service, to_der
from loadtests.exchange.pki_keys import serial_number
from loadtests.exchange.registry import Registry
from tests.unit.loadtests import authorities
from tests.unit.loadtests.authorities import AT, DAY_S, days, entropy, issuing, key, root

NAME = "exchange.test.congvan"


def certificate(name: str = "exchange") -> x509.Certificate:
    """The exchange's certificate."""
    return issue_service(
        issuing(),
        NAME,
        "Văn phòng",
        key(name).public_key(),
        serial=serial_number(entropy(name)),
        validity=days(-10, 100),
    )


def crl(issuer: Authority, number: int = 1, *entries: Entry, at: int = AT) -> bytes:
    """A list of this issuer, with a week until the next one."""
    made = issue_crl(issuer, entries, number=number, this_update_at=at, next_update_at=at + 7 * DAY_S)
    return to_der(made)


def folder(path: Path) -> Folder:
    """A data directory with one agency in its registry and both authorities' lists."""
    made = Folder(path)
    made.make()
    made.write_identity(NAME, key("exchange"), certificate())
    made.write_authorities([root().certificate], [issuing().certificate])
    made.write_registry(Registry.of([authorities.agency(authorities.CODE, authorities.registered())]))
    for one in (root(), issuing()):
        made.write_crl(crl(one))
    return made
