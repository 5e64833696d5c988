"""What a submission is judged by: the terms of this exchange, and what it trusts at one moment.

Rule kept here: a verdict is a function of these values alone, so that the same submission, terms and view give the
same verdict again; a change of what is trusted gives a new view, never another meaning to an old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from cryptography import x509

from loadtests.exchange import certificates, trust
from loadtests.exchange.registry import Registry
from loadtests.exchange.revocation import Freshness, Link, Revocations, links
from loadtests.exchange.strict import Limits


@dataclass(frozen=True, slots=True)
class Terms:
    """What this exchange takes; the same for all submissions.

    Args:
        audience: What the exchange calls itself in manifests, receipts and log.
        skew_s: How far a sender's clock may be ahead of ours, s, at least 0.
        lifetime_s_max: How far apart a manifest's creation and end may lie, s, at least 1.
        freshness: How old a revocation list may be.
        limits: How much of a submission is read.
        certificate_limits: How much of certificates is read.

    Raises:
        ValueError: A time is out of its range.
    """

    audience: str
    skew_s: int
    lifetime_s_max: int
    freshness: Freshness
    limits: Limits
    certificate_limits: certificates.Limits

    def __post_init__(self) -> None:
        if self.skew_s < 0 or self.lifetime_s_max < 1:
            raise ValueError(
                f"no such terms: a skew of {self.skew_s} s, a lifetime of {self.lifetime_s_max} s"
            )


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a submission is judged by, as it was at one moment; a change gives a new value.

    Args:
        registry: Agencies, certificates, rights.
        anchors: The roots.
        intermediates: Certificates of authorities between, held by the exchange: no submission brings any.
        revocations: The newest list of each issuer.
    """

    registry: Registry
    anchors: trust.Anchors
    intermediates: tuple[x509.Certificate, ...]
    revocations: Revocations


@dataclass(frozen=True, slots=True)
class Known:
    """A chain that was found valid, kept to be used again.

    Args:
        chain: The chain.
        thumbprints: SHA-256 of each certificate, leaf first.
        links: What revocation lists are asked about, leaf first.
    """

    chain: trust.Chain
    thumbprints: tuple[bytes, ...]
    links: tuple[Link, ...]

    @classmethod
    def of(cls, chain: trust.Chain) -> Self:
        """The chain with what is made of it once, because keys are costly to write out."""
        return cls(chain, chain.thumbprints, links(chain.certificates))

    def holds(self, certificate_sha256: bytes, view: View) -> bool:
        """True where validating the certificate now would give this chain or another one that is as good."""
        root, between = self.chain.certificates[-1], self.chain.certificates[1:-1]
        return (
            self.thumbprints[0] == certificate_sha256
            and self.chain.covers(view.now)
            and root in view.trusted.anchors.certificates
            and all(certificate in view.trusted.intermediates for certificate in between)
        )


@dataclass(frozen=True, slots=True)
class View:
    """The time and what is trusted then.

    Args:
        now: s since the epoch, UTC.
        trusted: What a submission is judged by.
        known: Chains found before under the same limits, by the thumbprint of their leaf; those that do not hold
            any more are passed over, so nothing need ever be taken out. The caller puts ``Authentic.known`` in.
    """

    now: int
    trusted: Trusted
    known: Mapping[bytes, Known] = field(default_factory=lambda: MappingProxyType({}))
