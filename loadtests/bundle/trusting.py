"""Whether a signer in a bundle was trusted at the time of signing, by what the bundle and the reader bring.

Rule kept here: the past is judged as of then: a certificate that expired or was revoked after it signed has signed,
and the reader is told; one that was revoked before has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from loadtests.bundle.contents import CERTIFICATE_LIMITS
from loadtests.exchange import keys, revocation
from loadtests.exchange.agencies import is_agency_code
from loadtests.exchange.certificates import called, thumbprint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.revocation import Freshness, RevocationList, Revocations
from loadtests.exchange.strict import TIME_MAX
from loadtests.exchange.trust import Anchors, Chain, validate

SKEW_S: Final = 300
"""How far two clocks may differ: what exchanges allow their senders."""
# The exchange decides how old a list it takes; here a list counts until the next update that it names itself.
_FRESHNESS: Final = Freshness(max_age_s=TIME_MAX, skew_s=SKEW_S)


@dataclass(frozen=True, slots=True)
class Trusting:
    """What chains are built from; what was found is remembered, because most evidence has one signer.

    Args:
        anchors: The roots that the reader trusts.
        certificates: The bundle's certificates by thumbprint.
        crls: The bundle's revocation lists in DER.
        remark: Told what the reader should know although it is no fault.
    """

    anchors: Anchors
    certificates: Mapping[bytes, x509.Certificate]
    crls: tuple[bytes, ...]
    remark: Callable[[str], object]
    _chains: dict[bytes, Chain] = field(default_factory=dict)
    _lists: dict[x509.Certificate, list[RevocationList]] = field(default_factory=dict)

    def certificate(self, sha256: bytes, whose: str) -> x509.Certificate:
        """The certificate with this thumbprint.

        Raises:
            Refusal: ``certificate-untrusted``: it is not in the bundle.
        """
        if sha256 not in self.certificates:
            raise Refusal("certificate-untrusted", f"the certificate of {whose} is missing", "a whole bundle")
        return self.certificates[sha256]

    def chain(self, sha256: bytes, whose: str, at: int) -> Chain:
        """The chain of a signer at the time of signing; nothing of it revoked then, as far as the bundle tells.

        Raises:
            Refusal: ``certificate-untrusted`` and the codes of ``trust.validate``; ``certificate-revoked``,
                ``issuer-revoked``: before that time, by a list of the bundle.
        """
        chain = self._chains.get(sha256)
        if chain is None or not chain.covers(at):
            leaf = self.certificate(sha256, whose)
            between = _above(leaf, list(self.certificates.values()))
            chain = validate(leaf, between, self.anchors, at=at, limits=CERTIFICATE_LIMITS)
            self._chains[sha256] = chain
        self._require_unrevoked(chain, whose, at)
        return chain

    def recorded_chain(self, thumbprints: tuple[bytes, ...], whose: str, at: int) -> Chain:
        """The very chain that a receipt records, valid at that time.

        Args:
            thumbprints: Of its certificates, leaf first, root last; at least the leaf's.
            whose: Whose certificate the leaf is.
            at: When the exchange accepted.

        Raises:
            Refusal: As ``chain``, without revocation; ``evidence-message-mismatch``: the chain is another one.
        """
        leaf = self.certificate(thumbprints[0], whose)
        between = [self.certificate(one, "an authority") for one in thumbprints[1:-1]]
        chain = validate(leaf, between, self.anchors, at=at, limits=CERTIFICATE_LIMITS)
        # The root may be another certificate of the same authority: it is the reader who trusts.
        if chain.thumbprints[:-1] != thumbprints[:-1]:
            raise Refusal(
                "evidence-message-mismatch",
                "the receipt names a chain of other certificates",
                "its own chain",
            )
        return chain

    def remark_revocations(self, chain: Chain, whose: str, at: int) -> None:
        """Tell what any list of the bundle says of a chain that was not revoked when it counted."""
        for _, since in self._revoked_since(chain):
            when = "before or when" if since <= at else "after"
            self.remark(
                f"a later list says that the certificate of {whose} was revoked since {since}, {when} it signed"
            )

    def _require_unrevoked(self, chain: Chain, whose: str, at: int) -> None:
        for issuer in chain.certificates[1:]:
            if not any(at <= one.snapshot.next_update_at + SKEW_S for one in self._lists_of(issuer)):
                named = called(issuer.subject)
                self.remark(
                    f"whether {whose} was revoked at {at} is open: no list of {named} from then or later"
                )
        for depth, since in self._revoked_since(chain):
            if since <= at:
                code = "issuer-revoked" if depth else "certificate-revoked"
                found = f"the certificate of {whose} was revoked since {since}, it signed at {at}"
                raise Refusal(code, found, "what was signed before")
            self.remark(f"the certificate of {whose} was revoked since {since}, after it signed at {at}")

    def _revoked_since(self, chain: Chain) -> Iterator[tuple[int, int]]:
        """Depth and earliest time of each revocation in a chain that any list of the bundle tells of."""
        for depth, (certificate, issuer) in enumerate(pairwise(chain.certificates)):
            lines = [one.revoked.get(certificate.serial_number) for one in self._lists_of(issuer)]
            if times := [line.revoked_at for line in lines if line is not None]:
                yield depth, min(times)

    def _lists_of(self, issuer: x509.Certificate) -> list[RevocationList]:
        """The lists that this issuer signed; those of others are passed over."""
        if issuer not in self._lists:
            self._lists[issuer] = []
            for der in self.crls:
                try:
                    self._lists[issuer].append(revocation.read(der, issuer))
                except Refusal as refusal:
                    if refusal.code != "crl-untrusted":
                        raise
        return self._lists[issuer]


def require_unrevoked_by(recorded: Sequence[bytes], chain: Chain, at: int) -> None:
    """Return if the lists that a receipt records say of its whole chain that nothing was revoked.

    Args:
        recorded: DER of the lists, of each issuer in the chain one, from the leaf up.
        chain: The sender's chain.
        at: When the exchange accepted.

    Raises:
        Refusal: ``crl-missing``, ``crl-stale``, ``crl-not-yet-valid``, ``certificate-revoked``, ``issuer-revoked``,
            the codes of ``revocation.read``.
    """
    issuers = chain.certificates[1:]
    if len(recorded) != len(issuers):
        raise Refusal("crl-missing", f"found {len(recorded)} lists", f"{len(issuers)}: one for each issuer")
    lists = Revocations()
    for der, issuer in zip(recorded, issuers, strict=True):
        lists = lists.updated(der, issuer)
    lists.status(chain.certificates, at=at, freshness=_FRESHNESS).require_good()


def public_key_of(certificate: x509.Certificate) -> keys.PublicKey:
    """The key that signatures are checked with.

    Raises:
        Refusal: ``key-unsupported``.
    """
    public_key = certificate.public_key()
    keys.algorithm_of(public_key)
    return public_key  # type: ignore[return-value] # algorithm_of refuses every other kind


def common_name_of(certificate: x509.Certificate) -> str:
    """The common name, empty where there is none."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def require_agency(certificate: x509.Certificate, code: str, remark: Callable[[str], object]) -> None:
    """Return unless the certificate names another agency; where it names none, that is a remark.

    Raises:
        Refusal: ``sender-certificate-mismatch``.
    """
    named = common_name_of(certificate)
    if named == code:
        return
    if is_agency_code(named):
        found = f"the certificate is that of {named}, what it signed is from {code}"
        raise Refusal("sender-certificate-mismatch", found, "a certificate of the agency that is named")
    remark(f"that {called(certificate.subject)} is {code} rests on the exchange's registry alone")


def by_thumbprint(certificates: Iterable[x509.Certificate]) -> dict[bytes, x509.Certificate]:
    """The certificates by SHA-256 of their DER."""
    return {thumbprint(one): one for one in certificates}


def _above(leaf: x509.Certificate, pool: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Those that may stand above a leaf by their names, so that the parties' own certificates do not count."""
    found: list[x509.Certificate] = []
    wanted = {leaf.issuer}
    for _ in range(CERTIFICATE_LIMITS.depth):
        new = [one for one in pool if one.subject in wanted and one not in found]
        found += new
        wanted = {one.issuer for one in new}
    return found
