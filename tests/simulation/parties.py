"""Who takes part: agencies with their keys, the exchange, and what the exchange trusts.

Rule kept here: all keys and certificates are derived from names, so that they are the same in every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from cryptography import x509

from loadtests.exchange import jws, pki
from loadtests.exchange.certificates import Limits as CertificateLimits
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.registry import Agency, Registered, Registry
from loadtests.exchange.revocation import Freshness, Revocations
from loadtests.exchange.strict import Limits
from loadtests.exchange.terms import Terms, Trusted
from loadtests.exchange.trust import Anchors
from tests.unit.loadtests.authorities import AT, DAY_S, agency, issuing, key, leaf, root

NAME = "exchange.example"
STRANGER = "000.00.99.H41"
"""A code that nobody has registered."""
EXCHANGE_KEY = key("exchange")
EXCHANGE_CERTIFICATE = sha256(b"the certificate of the exchange").digest()
ISSUER = Issuer(NAME, EXCHANGE_CERTIFICATE, EXCHANGE_KEY.public_key())
TERMS = Terms(
    audience=NAME,
    skew_s=300,
    lifetime_s_max=7 * DAY_S,
    freshness=Freshness(max_age_s=DAY_S, skew_s=300),
    limits=Limits(),
    certificate_limits=CertificateLimits(),
)


def code_of(number: int) -> str:
    """The code of an agency, by its number from 0."""
    return f"000.00.{number:02d}.H41"


@dataclass(frozen=True, slots=True)
class Signer:
    """An agency's key with the certificate that it is used with; an old certificate has been revoked."""

    code: str
    old: bool = False

    @property
    def name(self) -> str:
        """What the key is derived from."""
        return f"{self.code} old" if self.old else self.code

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate."""
        return leaf(self.name, code=self.code)

    def sign(self, payload: bytes, at: int, typ: str = jws.MANIFEST_TYPE) -> bytes:
        """The payload as a compact JWS."""
        return jws.sign(payload, key(self.name), _thumbprint(self), at=at, typ=typ)


@cache
def _thumbprint(signer: Signer) -> bytes:
    return thumbprint(signer.certificate)


@cache
def registered(code: str) -> Agency:
    """An agency with its certificate and its old one."""
    certificates = (
        Registered.of(Signer(code, old).certificate, added_at=AT - DAY_S) for old in (False, True)
    )
    return agency(code, *certificates)


@cache
def trusted(agencies: int, revoked: str | None = None, suspended: str | None = None) -> Trusted:
    """What is trusted where so many agencies take part; one may be suspended, one's certificate may be revoked.

    The same value each time, so that nobody takes it for a change. The lists are dated before the run begins, so that
    no clock of the run finds one from the future.
    """
    codes = [code_of(number) for number in range(agencies)]
    signers = [Signer(code, old=True) for code in codes] + ([Signer(revoked)] if revoked else [])
    serials = tuple(signer.certificate.serial_number for signer in signers)
    lists = Revocations().updated(_crl(root(), ()), root().certificate)
    lists = lists.updated(_crl(issuing(), serials), issuing().certificate)
    registry = Registry.of([registered(code) for code in codes])
    if suspended is not None:
        registry = registry.suspend(suspended, at=AT - 3600)
    return Trusted(registry, Anchors.of([root().certificate]), (issuing().certificate,), lists)


def _crl(authority: pki.Authority, serials: tuple[int, ...]) -> bytes:
    at = AT - 3600
    entries = [pki.Entry(serial, at) for serial in serials]
    made = pki.issue_crl(authority, entries, number=1, this_update_at=at, next_update_at=at + DAY_S)
    return pki.to_der(made)
