"""The exchange as its partners know it, and opening what it signed.

Rule kept here: what an exchange issued counts only if it was made for that purpose and signed with the one
certificate that the reader names; a signature that merely fits some key says nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from loadtests.exchange import jws, keys
from loadtests.exchange.errors import Refusal
from loadtests.exchange.strict import LIMITS, Limits

NAME: Final = re.compile(r"[a-z0-9][a-z0-9.:/_-]{0,199}")
NAME_WORDS: Final = "1 to 200 of a-z 0-9 . : / _ -"


@dataclass(frozen=True, slots=True)
class Issuer:
    """An exchange, known to whoever checks what it issued.

    Args:
        name: What it calls itself: the audience of manifests and the origin of its log.
        certificate_sha256: SHA-256 of its certificate in DER, 32 bytes; whether that certificate is trusted
            has been checked before.
        public_key: The public key of that certificate.
    """

    name: str
    certificate_sha256: bytes
    public_key: keys.PublicKey


def opened(compact: bytes, issuer: Issuer, typ: str, limits: Limits = LIMITS) -> jws.Unverified:
    """Take apart what the exchange signed; what is returned has been verified.

    Args:
        compact: A compact JWS.
        issuer: Who must have signed it.
        typ: What it must have been signed for.
        limits: How much is read.

    Raises:
        Refusal: The codes of ``jws.parse``, ``signed-type-mismatch``, ``issuer-mismatch`` for another
            certificate, and the codes of ``jws.check``.
    """
    found = jws.parse(compact, limits)
    jws.require_type(found, typ)
    if found.certificate_sha256 != issuer.certificate_sha256:
        raise Refusal("issuer-mismatch", "signed with another certificate", f"the one of {issuer.name}")
    jws.check(found, issuer.public_key)
    return found


def check_claims(signed: jws.Unverified, issuer: Issuer, *, name: str, at: int) -> None:
    """Return if the payload names the exchange that signed it and the time at which it was signed.

    Raises:
        Refusal: ``issuer-mismatch``, ``signed-time-mismatch``.
    """
    if name != issuer.name:
        raise Refusal("issuer-mismatch", f"found {name!r}", f"what {issuer.name!r} issued")
    if at != signed.signed_at:
        raise Refusal(
            "signed-time-mismatch", f"found {at} in what was signed at {signed.signed_at}", "one time"
        )
