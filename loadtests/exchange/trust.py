"""Whether a chain of certificates leads from an agency's certificate to a root that is trusted here.

Rule kept here: ``cryptography.x509.verification`` gives the verdict, under a policy that is written out
below; our own reading of the certificates adds before it what it leaves out, and names after it the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from loadtests.exchange.certificates import (
    SIGNING_USAGES,
    Limits,
    authority_fault,
    called,
    issuer_fault,
    leaf_fault,
    thumbprint,
    validity_of,
)
from loadtests.exchange.errors import Refusal
from loadtests.exchange.keys import algorithm_of


@dataclass(frozen=True, slots=True)
class Anchors:
    """The roots that are trusted; made with ``Anchors.of``."""

    certificates: tuple[x509.Certificate, ...]
    store: Store

    @classmethod
    def of(cls, certificates: Iterable[x509.Certificate]) -> Self:
        """These roots as trust anchors.

        Raises:
            Refusal: ``certificate-untrusted`` (there is none), ``issuer-not-ca``, ``issuer-key-unsupported``,
                ``certificate-extension-unknown``: a root with which no chain could ever be valid.
        """
        roots = tuple(dict.fromkeys(certificates))
        if not roots:
            raise Refusal("certificate-untrusted", "found no root certificate", "at least one")
        for root in roots:
            if fault := authority_fault(root):
                raise fault
        return cls(roots, Store(list(roots)))


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain that was found valid, from the leaf to the root.

    Args:
        certificates: Leaf first, root last.
        not_before_at: First second in which all of them are valid.
        not_after_at: Last second in which all of them are valid; in between, the verdict need not be made again.
    """

    certificates: tuple[x509.Certificate, ...]
    not_before_at: int
    not_after_at: int

    @property
    def leaf(self) -> x509.Certificate:
        """The agency's certificate."""
        return self.certificates[0]

    @property
    def thumbprints(self) -> tuple[bytes, ...]:
        """SHA-256 of each certificate, leaf first, as evidence records them."""
        return tuple(thumbprint(certificate) for certificate in self.certificates)

    def covers(self, at: int) -> bool:
        """True when all of its certificates are valid at that time."""
        return self.not_before_at <= at <= self.not_after_at


def validate(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Anchors,
    *,
    at: int,
    limits: Limits,
) -> Chain:
    """The chain from an agency's certificate to a trusted root that is valid at that time.

    The order of the intermediates does not matter, unused ones are passed over. Revocation is asked about
    afterwards (``revocation.status``), with the chain that comes from here.

    Args:
        leaf: The certificate that signatures are checked with, as ``parse_certificate`` gives it.
        intermediates: Certificates of authorities that may stand between, read in the same way.
        anchors: The roots that are trusted.
        at: The time in question, from 0 on.
        limits: How much is read.

    Raises:
        Refusal: ``chain-too-large``, ``certificate-too-large``, ``key-unsupported``, and what ``_why_not`` names:
            ``certificate-expired``, ``certificate-not-yet-valid``, ``certificate-usage-wrong``,
            ``certificate-extension-unknown``, ``certificate-untrusted``, ``chain-too-long``, ``issuer-expired``,
            ``issuer-not-yet-valid``, ``issuer-not-ca``, ``issuer-key-unsupported``. What only the library finds
            (a missing authority key identifier, a name constraint) is ``certificate-untrusted`` in its words.
    """
    if len(intermediates) > limits.intermediates:
        found = f"found {len(intermediates)} intermediate certificates"
        raise Refusal("chain-too-large", found, f"at most {limits.intermediates}")
    for certificate in (leaf, *intermediates):
        if (size := len(certificate.public_bytes(Encoding.DER))) > limits.certificate_bytes:
            raise Refusal(
                "certificate-too-large", f"found {size} bytes", f"at most {limits.certificate_bytes}"
            )
    algorithm_of(leaf.public_key())  # the library would let a leaf with RSA-1024 or P-384 pass
    policy = PolicyBuilder().store(anchors.store).time(datetime.fromtimestamp(at, tz=UTC))
    policy = policy.max_chain_depth(limits.depth)
    policy = policy.extension_policies(ca_policy=_AUTHORITIES, ee_policy=_LEAVES)
    try:
        verified = policy.build_client_verifier().verify(leaf, list(intermediates))
    except VerificationError as verdict:
        raise _why_not(leaf, intermediates, anchors, at, limits, str(verdict)) from None
    windows = [validity_of(certificate) for certificate in verified.chain]
    return Chain(tuple(verified.chain), max(w[0] for w in windows), min(w[1] for w in windows))


# --- the policy -------------------------------------------------------------------------------------------------


def _authority_constraints(_: Policy, __: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("basicConstraints says that it is not an authority")


def _authority_usage(_: Policy, __: x509.Certificate, usage: x509.KeyUsage) -> None:
    if not usage.key_cert_sign:
        raise ValueError("keyUsage lacks keyCertSign")


def _leaf_constraints(_: Policy, __: x509.Certificate, constraints: x509.BasicConstraints | None) -> None:
    if constraints is not None and constraints.ca:
        raise ValueError("basicConstraints says that it is an authority")


def _leaf_usage(_: Policy, __: x509.Certificate, usage: x509.KeyUsage) -> None:
    if not usage.digital_signature or usage.key_cert_sign:
        raise ValueError("keyUsage lacks digitalSignature or has keyCertSign")


def _leaf_purposes(_: Policy, __: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and SIGNING_USAGES.isdisjoint(usage):
        raise ValueError("extendedKeyUsage allows nothing that fits signing documents")


# The defaults add to what is said here: identifiers of keys, name constraints, unknown critical extensions.
_AUTHORITIES: Final = (
    ExtensionPolicy.webpki_defaults_ca()
    .require_present(x509.BasicConstraints, Criticality.CRITICAL, _authority_constraints)
    .require_present(x509.KeyUsage, Criticality.AGNOSTIC, _authority_usage)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, None)
)
_LEAVES: Final = (
    ExtensionPolicy.webpki_defaults_ee()
    .may_be_present(x509.BasicConstraints, Criticality.AGNOSTIC, _leaf_constraints)
    .require_present(x509.KeyUsage, Criticality.AGNOSTIC, _leaf_usage)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _leaf_purposes)
    .may_be_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
)


# --- why a chain was rejected -----------------------------------------------------------------------------------


def _why_not(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    anchors: Anchors,
    at: int,
    limits: Limits,
    verdict: str,
) -> Refusal:
    """The reason for a verdict: the first fault on the way up from the leaf, along those who really signed."""
    if fault := leaf_fault(leaf, at):
        return fault
    pool = [*anchors.certificates, *intermediates]
    below, path = leaf, {leaf}
    for depth in range(limits.depth + 1):
        signers = [one for one in pool if one not in path and signed_by(below, one)]
        if not signers:
            message = (
                f"no trusted certificate of {called(below.issuer)} signed that of {called(below.subject)}"
            )
            return Refusal("certificate-untrusted", message, "a certificate of an authority trusted here")
        faults = [issuer_fault(one, at, depth) for one in signers]
        if None not in faults:
            return next(fault for fault in faults if fault)
        below = signers[faults.index(None)]
        path.add(below)
        if below in anchors.certificates:
            return Refusal("certificate-untrusted", verdict[:300])
    message = f"more than {limits.depth} authorities stand between {called(leaf.subject)} and a root"
    return Refusal("chain-too-long", message, f"at most {limits.depth}")


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """True where the issuer's name and key are those that the certificate was issued under."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
