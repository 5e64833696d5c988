"""Messages as they go out: a document in a MIME entity, the entity signed, both in an HTTP request.

Rule kept here: what is sent depends on seed, nonce and number only; no clock, no random boundary.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import shake_256
from typing import Final

from loadtests.adapters.as2 import mime
from loadtests.adapters.as2.ids import as_header
from loadtests.adapters.base import Request
from loadtests.adapters.ids import Ids

LINE: Final = 57
"""Octets of a document in one line of base64."""
LINE_WRITTEN: Final = 78
"""Octets of such a line, with its end."""


class Transfer(StrEnum):
    """How a document is written into the message."""

    BASE64 = "base64"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Parties:
    """Who sends to whom, as AS2 names them."""

    own: str
    partner: str
    path: str


class Documents:
    """The documents of a run: the same noise for all, up to the size of each, and a tail of each one's own.

    Args:
        seed: Of the noise.
        ids: Of the run, for the tails.
        size_max: Of the largest document, octets.
        transfer: How they are written.
    """

    def __init__(self, seed: int, ids: Ids, size_max: int, transfer: Transfer) -> None:
        self._ids = ids
        self._transfer = transfer
        self._noise = shake_256(f"congvan as2 {seed}".encode()).digest(size_max)
        self._lines = mime.base64_lines(self._noise) if transfer is Transfer.BASE64 else b""

    def entity(self, number: int, size: int) -> bytes:
        """The MIME entity with an arrival's document.

        Args:
            number: Of the arrival.
            size: Of the document, octets; one of less than the 32 octets of its tail has the end of the tail only.
        """
        return self._entity(number, size, self._ids.unique(number))

    def other(self, number: int, size: int) -> bytes:
        """The entity with another document of the same arrival, which is sent nowhere."""
        return self._entity(number, max(1, size), bytes(octet ^ 0xFF for octet in self._ids.unique(number)))

    def _entity(self, number: int, size: int, unique: bytes) -> bytes:
        # django-pyas2 computes a wrong digest of application/octet-stream in base64, so documents are said to be PDF.
        head = (
            "Content-Type: application/pdf\r\n"
            f"Content-Transfer-Encoding: {self._transfer}\r\n"
            f'Content-Disposition: attachment; filename="{number}.pdf"\r\n\r\n'
        ).encode()
        kept = max(0, size - len(unique))
        tail = unique[kept - size :] if size else b""
        if self._transfer is Transfer.BINARY:
            return head + self._noise[:kept] + tail
        # Whole lines of the noise are there in base64 already; only the last ones are new.
        lines = kept // LINE
        rest = mime.base64_lines(self._noise[lines * LINE : kept] + tail)
        return b"".join((head, self._lines[: lines * LINE_WRITTEN], rest.removesuffix(b"\r\n")))


def request(parties: Parties, message_id: str, entity: bytes, digest: bytes, signature: bytes) -> Request:
    """The HTTP request that submits a signed entity and asks for a signed receipt at once; RFC 4130, 6 and 7.

    Args:
        parties: Who sends to whom.
        message_id: Without angle brackets.
        entity: The document's entity.
        digest: Its SHA-256.
        signature: CMS signature over it, or over another one where the message is to be refused.
    """
    # A boundary made of the entity's own digest cannot stand in the entity.
    boundary = f"as2-{digest.hex()[:40]}"
    signed = (
        b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n"
        b"Content-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename=smime.p7s\r\n\r\n"
    )
    body = mime.join(boundary, ((entity,), (signed, mime.base64_lines(signature).removesuffix(b"\r\n"))))
    own = as_header(parties.own)
    headers = {
        "AS2-Version": "1.0",
        "AS2-From": own,
        "AS2-To": as_header(parties.partner),
        "Message-ID": f"<{message_id}>",
        "Subject": "congvan load",
        "MIME-Version": "1.0",
        "Disposition-Notification-To": own,
        "Disposition-Notification-Options": (
            "signed-receipt-protocol=optional, pkcs7-signature; signed-receipt-micalg=optional, sha-256"
        ),
        "Content-Type": (
            'multipart/signed; protocol="application/pkcs7-signature"; micalg="sha-256"; '
            f'boundary="{boundary}"'
        ),
    }
    return Request("POST", parties.path, headers, body)
