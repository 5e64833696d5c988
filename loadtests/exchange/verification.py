"""Verification of a submission: from the bytes that came to what is established about them, in numbered steps.

Rule kept here: every step raises ``Refusal`` unless it holds, and what later code works with is a value that only
the steps can give: ``Origin`` after step 7 (whose it is), ``Authentic`` after step 9 (who says what), ``Verified``
after step 15 (it may be taken). Steps 3 to 7 are the same for all that an agency signs.

The steps stand in the order of their cost to us and of what has been proven by then. Up to step 5 anybody can bring
us to act, so there it is form, two look-ups and one signature check with a key that the operator registered; naming
a registered certificate is no secret. Only who holds its private key makes us build a chain (several signature
checks, more for a bad one), and only for them is JSON of 128 kB read. No step's success is used before all of its
part have held, so checking a signature with a key whose chain is judged afterwards takes nothing away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from cryptography import x509

from loadtests.exchange import certificates, jws, manifest, trust
from loadtests.exchange.agencies import Agency, Registered, Right
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import CrlUsed, Validation
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.registry import Registry
from loadtests.exchange.revocation import Snapshot
from loadtests.exchange.terms import Known, Terms, View


@dataclass(frozen=True, slots=True)
class Origin:
    """What steps 3 to 7 establish: whose signature it is, and what it was trusted on.

    Args:
        agency: The signer, as registered.
        registered: The signer's certificate, as registered.
        known: The chain from that certificate to a root.
        snapshots: The revocation lists that were looked at, one per certificate of the chain but the root.
    """

    agency: Agency
    registered: Registered
    known: Known
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class Authentic:
    """What steps 1 to 9 establish: this agency signed this manifest. Not yet that it may be taken.

    Args:
        signed: The signed object as it came; its signature has been checked.
        manifest: What is in it.
        manifest_sha256: SHA-256 of the manifest's bytes: the content, for telling a replay from an id used twice.
        agency: The sender, as registered.
        registered: The sender's certificate, as registered.
        known: The chain from that certificate to a root.
        snapshots: The revocation lists that were looked at, one per certificate of the chain but the root.
    """

    signed: jws.Unverified
    manifest: Manifest
    manifest_sha256: bytes
    agency: Agency
    registered: Registered
    known: Known
    snapshots: tuple[Snapshot, ...]

    @property
    def validation(self) -> Validation:
        """What the signature was trusted on, as evidence records it."""
        crls = (CrlUsed(one.id, one.this_update_at, one.next_update_at) for one in self.snapshots)
        return Validation(self.known.thumbprints, tuple(crls))


@dataclass(frozen=True, slots=True)
class Verified:
    """What all steps establish: this agency signed this manifest, and it may be taken.

    Args:
        authentic: What was established of its origin.
        recipients: The receiving agencies, as registered, in the manifest's order.
        at: The time of the verdict.
    """

    authentic: Authentic
    recipients: tuple[Agency, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Received:
    """One document as it came.

    Args:
        sha256: Digest of its bytes, 32 bytes.
        size_bytes: Their number.
        place: Where the driver put them; its own affair, handed on untouched.
    """

    sha256: bytes
    size_bytes: int
    place: object = None


def verify(compact: bytes, view: View, terms: Terms) -> Verified:
    """All fifteen steps: ``authenticate``, then ``authorise``; raises as they do."""
    return authorise(authenticate(compact, view, terms), view, terms)


def authenticate(compact: bytes, view: View, terms: Terms) -> Authentic:
    """Steps 1 to 9: who says what. Nothing is looked up but in ``view``.

    1. The bytes are a compact JWS within the limits, its payload not larger than a manifest.
    2. It was signed as a manifest (``typ``).
    3. The certificate that the header names is registered, counts now and is within its validity; its agency is
       not suspended.
    4. The algorithm of the header is the one of that certificate's key.
    5. The signature fits the bytes that came.
    6. A chain leads from the certificate to a trusted root, all of it valid now.
    7. Nothing of the chain is on a fresh revocation list; the lists are recorded.
    8. The payload is a manifest.
    9. The manifest's sender is the agency of the certificate.

    Args:
        compact: The signed manifest as it came.
        view: Time and trust.
        terms: What this exchange takes.

    Raises:
        Refusal: By step: 1 the codes of ``jws.parse``, ``manifest-too-large``; 2 ``signed-type-mismatch``;
            3 ``certificate-not-registered``, ``agency-suspended``, ``certificate-expired``,
            ``certificate-not-yet-valid``; 4 ``certificate-malformed``, ``certificate-too-large``,
            ``key-unsupported``, ``algorithm-mismatch``; 5 ``signature-invalid``; 6 the codes of
            ``trust.validate``; 7 ``crl-missing``, ``crl-stale``, ``crl-not-yet-valid``, ``certificate-revoked``,
            ``issuer-revoked``; 8 the codes of ``manifest.parse``; 9 ``sender-unknown``,
            ``sender-certificate-mismatch``.
    """
    # 1: sizes and form. Linear in what came, and what came is bounded.
    signed = jws.parse(compact, terms.limits)
    if (size_bytes := len(signed.payload)) > terms.limits.manifest_bytes_max:
        hint = f"at most {terms.limits.manifest_bytes_max}"
        raise Refusal("manifest-too-large", f"found {size_bytes} bytes", hint)
    # 2: a signature made for something else does not count here.
    jws.require_type(signed, jws.MANIFEST_TYPE)
    # 3 to 7: the same for all that agencies sign.
    origin = origin_of(signed, view, terms)
    # 8: whose size is bounded and whose signer is an agency.
    content = manifest.parse(signed.payload, terms.limits)
    # 9: an agency speaks for itself only.
    _require_sender(content.sender, origin.agency, view.trusted.registry)
    digest = sha256(signed.payload).digest()
    return Authentic(
        signed, content, digest, origin.agency, origin.registered, origin.known, origin.snapshots
    )


def origin_of(signed: jws.Unverified, view: View, terms: Terms) -> Origin:
    """Steps 3 to 7 of what an agency signed, whose size and purpose were looked at; raises their codes.

    Args:
        signed: What came, taken apart.
        view: Time and trust.
        terms: What this exchange takes.
    """
    # 3: two look-ups. From here on strangers without a registered certificate are gone.
    agency, registered = _registered(signed.certificate_sha256, view)
    # 4 and 5: the algorithm is compared before any arithmetic, so that no key is used in a way that was not meant for
    # it; then one signature check. From here on the signer is known to hold the registered key.
    known = _known(signed.certificate_sha256, view)
    leaf = known.chain.leaf if known else _read(registered, terms)
    jws.check(signed, leaf.public_key())  # type: ignore[arg-type] # it refuses every other kind of key
    # 6: several signature checks where the chain is not known yet.
    known = known or _chain(leaf, view, terms)
    # 7: after the chain, because only its certificates say whose lists count.
    snapshots = _unrevoked(known, view, terms)
    return Origin(agency, registered, known, snapshots)


def authorise(authentic: Authentic, view: View, terms: Terms) -> Verified:
    """Steps 10 to 15: whether what is authentic may be taken now. Only look-ups and comparisons.

    10. The manifest is meant for this exchange.
    11. It was made, and then signed, not further ahead than clocks may differ.
    12. Its end has not passed.
    13. Creation and end lie no further apart than is allowed: so long can whoever holds it send it in.
    14. The sender has the right to send.
    15. Every recipient is registered, not suspended and has the right to receive; none of them is the sender. (That
        they are all different is a matter of form: step 8.)

    Args:
        authentic: What steps 1 to 9 gave; for a later time than theirs, take ``renewed``.
        view: Time and trust.
        terms: What this exchange takes.

    Raises:
        Refusal: By step: 10 ``audience-mismatch``; 11 ``manifest-from-the-future``, ``signed-before-created``;
            12 ``manifest-expired``; 13 ``manifest-lifetime-too-long``; 14 ``not-permitted``;
            15 ``recipient-is-sender``, ``recipient-unknown``, ``recipient-suspended``, ``recipient-not-permitted``.
    """
    content, now = authentic.manifest, view.now
    # 10
    if content.audience != terms.audience:
        raise Refusal("audience-mismatch", f"found {content.audience!r}", f"{terms.audience!r}")
    # 11
    _require_times(content.created_at, authentic.signed.signed_at, now, terms.skew_s)
    # 12
    if now > content.expires_at:
        raise Refusal("manifest-expired", f"its end was {content.expires_at}, asked at {now}", "a later end")
    # 13
    if (lifetime_s := content.expires_at - content.created_at) > terms.lifetime_s_max:
        hint = f"at most {terms.lifetime_s_max} s"
        raise Refusal("manifest-lifetime-too-long", f"its end is {lifetime_s} s after its creation", hint)
    # 14
    if Right.SEND not in authentic.agency.rights:
        raise Refusal("not-permitted", f"{content.sender} has no right to {Right.SEND}", "ask the operator")
    # 15
    if content.sender in content.recipients:
        raise Refusal("recipient-is-sender", f"found {content.sender}", "recipients other than the sender")
    recipients = tuple(view.trusted.registry.recipient(code, now) for code in content.recipients)
    return Verified(authentic, recipients, now)


def renewed(authentic: Authentic, view: View, terms: Terms) -> Authentic:
    """Steps 3, 6 and 7 once more, for a view that is newer than the one that they were taken with.

    Raises:
        Refusal: The codes of these steps.
    """
    agency, registered = _registered(authentic.registered.sha256, view)
    known = authentic.known
    if not known.holds(registered.sha256, view):
        known = _chain(known.chain.leaf, view, terms)
    snapshots = _unrevoked(known, view, terms)
    _require_sender(authentic.manifest.sender, agency, view.trusted.registry)
    return replace(authentic, agency=agency, registered=registered, known=known, snapshots=snapshots)


def check_documents(content: Manifest, received: Sequence[Received]) -> None:
    """Return if the documents that came are the manifest's, in its order; asked when the bodies have been read.

    Raises:
        Refusal: ``documents-incomplete`` (another number of them), ``document-mismatch`` (size or digest).
    """
    if len(received) != len(content.documents):
        hint = f"the {len(content.documents)} of the manifest"
        raise Refusal("documents-incomplete", f"found {len(received)} documents", hint)
    for at, (named, came) in enumerate(zip(content.documents, received, strict=True)):
        if named.size_bytes != came.size_bytes:
            raise _mismatch(at, f"has {came.size_bytes} bytes", f"{named.size_bytes} bytes")
        if named.sha256 != came.sha256:
            raise _mismatch(at, "has another digest", "the very bytes that were digested")


_NAMED_FIRST: Final = "sign with a certificate of the agency that is named as sender"


def _registered(certificate_sha256: bytes, view: View) -> tuple[Agency, Registered]:
    owner = view.trusted.registry.owners.get(certificate_sha256)
    if owner is None:
        found = f"{certificate_sha256.hex()} is not registered"
        raise Refusal("certificate-not-registered", found, "register it first")
    return view.trusted.registry.signer(owner, certificate_sha256, view.now)


def _known(certificate_sha256: bytes, view: View) -> Known | None:
    known = view.known.get(certificate_sha256)
    return known if known and known.holds(certificate_sha256, view) else None


def _read(registered: Registered, terms: Terms) -> x509.Certificate:
    return certificates.parse_certificate(registered.certificate, terms.certificate_limits)


def _chain(leaf: x509.Certificate, view: View, terms: Terms) -> Known:
    trusted, limits = view.trusted, terms.certificate_limits
    chain = trust.validate(leaf, trusted.intermediates, trusted.anchors, at=view.now, limits=limits)
    return Known.of(chain)


def _unrevoked(known: Known, view: View, terms: Terms) -> tuple[Snapshot, ...]:
    revocations = view.trusted.revocations
    status = revocations.status_of(known.links, at=view.now, freshness=terms.freshness)
    status.require_good()
    return status.snapshots


def _require_sender(sender: str, agency: Agency, registry: Registry) -> None:
    if sender == agency.code:
        return
    if sender not in registry.agencies:
        raise Refusal("sender-unknown", f"found {sender}", _NAMED_FIRST)
    found = f"the manifest names {sender}, the certificate is registered for {agency.code}"
    raise Refusal("sender-certificate-mismatch", found, _NAMED_FIRST)


def _require_times(created_at: int, signed_at: int, now: int, skew_s: int) -> None:
    for what, at in (("created", created_at), ("signed", signed_at)):
        if at > now + skew_s:
            found = f"{what} {at - now} s ahead of our clock"
            raise Refusal("manifest-from-the-future", found, f"at most {skew_s} s")
    if signed_at < created_at - skew_s:
        found = f"signed {created_at - signed_at} s before it was created"
        raise Refusal("signed-before-created", found, f"at most {skew_s} s")


def _mismatch(at: int, found: str, right: str) -> Refusal:
    return Refusal("document-mismatch", f"document {at + 1} {found}", right)
