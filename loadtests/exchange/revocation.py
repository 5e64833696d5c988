"""Whether a certificate of a chain is revoked, by the signed lists of those who issued it.

Rule kept here: "not listed" is believed only of a full list, signed by the very issuer and fresh at the time in
question; which list that was is said with the answer. A list never goes back to an earlier one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from loadtests.exchange.certificates import UNREADABLE, called, thumbprint, value_of
from loadtests.exchange.errors import Refusal

# A line has about 40 bytes: a hundred thousand revocations, several times what a national authority lists.
CRL_BYTES_MAX: Final = 4 * 1024 * 1024
_STRONG: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_READ_EXTENSIONS: Final = frozenset({x509.CRLNumber.oid, x509.AuthorityKeyIdentifier.oid})
_FULL_LIST: Final = "the issuer's full list, without delta, indirect or partial scope"


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a list may be.

    Args:
        max_age_s: A list counts for this long after its own time, even where its next update is later.
        skew_s: How far the issuer's clock may be ahead of ours.

    Raises:
        ValueError: One of them is negative.
    """

    max_age_s: int
    skew_s: int

    def __post_init__(self) -> None:
        if self.max_age_s < 0 or self.skew_s < 0:
            message = f"found a largest age of {self.max_age_s} s and a skew of {self.skew_s} s"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which list an answer was taken from, as receipts record it.

    Args:
        id: SHA-256 of the list in DER.
        issuer: SHA-256 of the issuer's name and public key (``issuer_id``); a renewed certificate keeps it.
        number: The list's number (RFC 5280 §5.2.3).
        this_update_at: When it was issued.
        next_update_at: When the next one comes at the latest.
    """

    id: bytes
    issuer: bytes
    number: int
    this_update_at: int
    next_update_at: int

    def require_fresh(self, at: int, freshness: Freshness) -> None:
        """Return if the list can be relied on at that time.

        Raises:
            Refusal: ``crl-stale``: past its next update or older than allowed; ``crl-not-yet-valid``.
        """
        end_at = min(self.next_update_at, self.this_update_at + freshness.max_age_s)
        if at > end_at:
            raise Refusal("crl-stale", f"list {self.number} counts until {end_at}, asked at {at}")
        if at < self.this_update_at - freshness.skew_s:
            raise Refusal(
                "crl-not-yet-valid", f"list {self.number} is of {self.this_update_at}, asked at {at}"
            )


@dataclass(frozen=True, slots=True)
class Revocation:
    """One line of a list: which certificate of its issuer, since when, and why (the word of RFC 5280 §5.3.1)."""

    serial: int
    revoked_at: int
    reason: str


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list that was read and checked: its snapshot, and its lines by serial number."""

    snapshot: Snapshot
    revoked: Mapping[int, Revocation] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """A certificate of a chain, as lists are asked about it; made once for a chain, because it takes its time.

    Args:
        sha256: Its thumbprint.
        serial: Its serial number.
        issuer: Whose list counts (``issuer_id``).
        issuer_name: How messages call the issuer.
    """

    sha256: bytes
    serial: int
    issuer: bytes
    issuer_name: str

    @classmethod
    def of(cls, certificate: x509.Certificate, issuer: x509.Certificate) -> Self:
        """The link between a certificate and the one above it."""
        return cls(
            thumbprint(certificate), certificate.serial_number, issuer_id(issuer), called(issuer.subject)
        )


def links(chain: Sequence[x509.Certificate]) -> tuple[Link, ...]:
    """The links of a valid chain (``trust.Chain.certificates``: leaf first, root last).

    The root has none: nobody above it could revoke it.
    """
    return tuple(Link.of(certificate, issuer) for certificate, issuer in pairwise(chain))


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate of a chain that stands on a list.

    Args:
        sha256: Its thumbprint.
        depth: Its place in the chain: 0 is the leaf.
        revocation: What the list says.
    """

    sha256: bytes
    depth: int
    revocation: Revocation


@dataclass(frozen=True, slots=True)
class Status:
    """The answer about a chain: what is revoked, leaf first, and the lists that say so, one per certificate asked."""

    revoked: tuple[Revoked, ...]
    snapshots: tuple[Snapshot, ...]

    def require_good(self) -> None:
        """Return if nothing of the chain is revoked.

        Raises:
            Refusal: ``certificate-revoked`` (the leaf), ``issuer-revoked``.
        """
        for one in self.revoked:
            code = "issuer-revoked" if one.depth else "certificate-revoked"
            since = f"revoked since {one.revocation.revoked_at} ({one.revocation.reason})"
            raise Refusal(
                code, f"{one.sha256.hex()} is {since}", "have a new certificate issued and registered"
            )


@dataclass(frozen=True, slots=True)
class Revocations:
    """The newest list of each issuer; begins empty.

    Args:
        lists: By ``issuer_id``.
    """

    lists: Mapping[bytes, RevocationList] = field(default_factory=lambda: MappingProxyType({}))

    def updated(self, der: bytes, issuer: x509.Certificate) -> Self:
        """With this list in place of the issuer's known one; the very same list once more changes nothing.

        Raises:
            Refusal: The codes of ``read``; ``crl-rollback``: not newer than the known one.
        """
        new = read(der, issuer)
        known = self.lists.get(new.snapshot.issuer)
        if known is not None:
            _require_newer(new.snapshot, known.snapshot)
        return type(self)(MappingProxyType({**self.lists, new.snapshot.issuer: new}))

    def status(self, chain: Sequence[x509.Certificate], *, at: int, freshness: Freshness) -> Status:
        """What the lists say of a valid chain; raises as ``status_of`` does with its ``links``."""
        return self.status_of(links(chain), at=at, freshness=freshness)

    def status_of(self, chain: Sequence[Link], *, at: int, freshness: Freshness) -> Status:
        """What the lists say of the links of a valid chain, leaf first.

        What is listed is revoked, whatever date its line bears; a caller who judges the past has the date.

        Raises:
            Refusal: ``crl-missing``, ``crl-stale``, ``crl-not-yet-valid``.
        """
        revoked: list[Revoked] = []
        snapshots: list[Snapshot] = []
        for depth, link in enumerate(chain):
            found = self.lists.get(link.issuer)
            if found is None:
                raise Refusal("crl-missing", f"there is no list of {link.issuer_name}")
            found.snapshot.require_fresh(at, freshness)
            snapshots.append(found.snapshot)
            if revocation := found.revoked.get(link.serial):
                revoked.append(Revoked(link.sha256, depth, revocation))
        return Status(tuple(revoked), tuple(snapshots))


def issuer_id(issuer: x509.Certificate) -> bytes:
    """SHA-256 of an issuer's name and public key in DER: who signs the list, whichever certificate says so."""
    key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(issuer.subject.public_bytes() + key).digest()


def read(der: bytes, issuer: x509.Certificate) -> RevocationList:
    """The list in these DER bytes, as its issuer signed it; whether it is fresh is asked when it is used.

    Args:
        der: The list.
        issuer: The certificate of the authority whose list it is said to be; trusting it is the caller's part.

    Raises:
        Refusal: ``crl-too-large``, ``crl-malformed``, ``crl-untrusted``, ``crl-issuer-unsuitable``,
            ``crl-unsupported``, ``crl-incomplete``.
    """
    if len(der) > CRL_BYTES_MAX:
        raise Refusal("crl-too-large", f"found {len(der)} bytes", f"at most {CRL_BYTES_MAX}")
    try:
        crl = x509.load_der_x509_crl(der)
        _require_signature(crl, issuer)
        _require_full(crl)
        return RevocationList(_snapshot(crl, der, issuer), MappingProxyType(_lines(crl)))
    except UnsupportedAlgorithm as error:
        raise Refusal(
            "crl-untrusted", f"found {error}"[:200], "a list signed with SHA-256 or longer"
        ) from None
    except (ValueError, TypeError, *UNREADABLE) as error:
        raise Refusal("crl-malformed", f"found {error}"[:200], "one X.509 revocation list in DER") from None


def _require_signature(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> None:
    name = called(issuer.subject)
    if crl.issuer != issuer.subject:
        raise Refusal("crl-untrusted", f"found a list of {called(crl.issuer)}", f"a list of {name}")
    usage = value_of(issuer, x509.KeyUsage)
    if usage is None or not usage.crl_sign:
        raise Refusal("crl-issuer-unsuitable", f"{name} lacks the key usage cRLSign")
    if not isinstance(crl.signature_hash_algorithm, _STRONG):
        raise Refusal("crl-untrusted", "found a weak digest in its signature", "SHA-256 or longer")
    # Every kind of key that can have issued a certificate can be asked; another kind raises TypeError.
    if not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
        raise Refusal("crl-untrusted", f"the signature is not that of {name}", f"a list of {name}")


def _require_full(crl: x509.CertificateRevocationList) -> None:
    """Refuse what lists only a part: there, absence proves nothing (RFC 5280 §5.2.4, §5.2.5, §5.3.3)."""
    for extension in crl.extensions:
        partial = isinstance(extension.value, x509.DeltaCRLIndicator | x509.IssuingDistributionPoint)
        if partial or (extension.critical and extension.oid not in _READ_EXTENSIONS):
            found = f"found the extension {extension.oid.dotted_string}"
            raise Refusal("crl-unsupported", found, _FULL_LIST)


def _snapshot(crl: x509.CertificateRevocationList, der: bytes, issuer: x509.Certificate) -> Snapshot:
    numbers = [e.value.crl_number for e in crl.extensions if isinstance(e.value, x509.CRLNumber)]
    if not numbers:
        raise Refusal("crl-incomplete", "found no number", "a list with cRLNumber")
    if crl.next_update_utc is None:
        raise Refusal("crl-incomplete", "found no next update", "a list with nextUpdate")
    this_at, next_at = int(crl.last_update_utc.timestamp()), int(crl.next_update_utc.timestamp())
    if next_at <= this_at:
        raise Refusal("crl-incomplete", f"found a next update at {next_at}", f"one after {this_at}")
    return Snapshot(hashlib.sha256(der).digest(), issuer_id(issuer), numbers[0], this_at, next_at)


def _lines(crl: x509.CertificateRevocationList) -> dict[int, Revocation]:
    lines: dict[int, Revocation] = {}
    for line in crl:
        reason = x509.ReasonFlags.unspecified
        for extension in line.extensions:
            if isinstance(extension.value, x509.CRLReason):
                reason = extension.value.reason
            elif isinstance(extension.value, x509.CertificateIssuer) or extension.critical:
                found = f"found the extension {extension.oid.dotted_string} on a line"
                raise Refusal("crl-unsupported", found, _FULL_LIST)
        if reason is x509.ReasonFlags.remove_from_crl:
            raise Refusal("crl-unsupported", "found a line that takes another back", _FULL_LIST)
        revoked_at = int(line.revocation_date_utc.timestamp())
        lines[line.serial_number] = Revocation(line.serial_number, revoked_at, reason.value)
    return lines


def _require_newer(new: Snapshot, known: Snapshot) -> None:
    if new.id == known.id:
        return
    if new.number <= known.number or new.this_update_at < known.this_update_at:
        message = f"found list {new.number} of {new.this_update_at}"
        raise Refusal("crl-rollback", message, f"newer than list {known.number} of {known.this_update_at}")
