"""Message disposition notifications, the receipts of AS2 (RFC 4130, 7; RFC 8098): read at first sight, and checked.

Rule kept here: ``read`` believes everything and proves nothing; ``check`` reads again, from the signed bytes only.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from hmac import compare_digest
from typing import Final

from cryptography.x509 import Certificate

from loadtests.adapters.as2 import cms, mime
from loadtests.adapters.as2.ids import bare
from loadtests.adapters.base import ReceiptError

SIGNATURES: Final = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
CODE_LENGTH_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Disposition:
    """What became of a message, as its receiver says.

    Args:
        kind: ``processed`` or ``failed``, in lower case.
        modifier: ``error``, ``failure``, ``warning`` or another, in lower case; empty for none.
        text: What was said about it, such as ``authentication-failed``.
    """

    kind: str
    modifier: str = ""
    text: str = ""

    @property
    def taken(self) -> bool:
        """True where the message was processed; a warning, as of a duplicate, does not change that."""
        return self.kind == "processed" and self.modifier in {"", "warning"}

    @property
    def code(self) -> str:
        """The text, or what stands before it, as a code of at most 40 characters."""
        words = self.text or self.modifier or self.kind
        return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:CODE_LENGTH_MAX]


@dataclass(frozen=True, slots=True)
class Mdn:
    """A receipt at first sight.

    Args:
        message_id: Of the message that it is about, without angle brackets.
        disposition: What became of it.
        mic: Digest of what was received; empty where the receipt does not say.
        algorithm: Of that digest, such as ``sha256``.
    """

    message_id: str
    disposition: Disposition
    mic: bytes
    algorithm: str

    @property
    def says(self) -> tuple[str, bool, bytes, str]:
        """What it proves once it is checked: a warning, its date and its own id are not of it."""
        return self.message_id, self.disposition.taken, self.mic, self.algorithm


def receipt_of(content_type: str, body: bytes) -> bytes:
    """A receipt as one entity, out of an HTTP answer."""
    kind = " ".join(content_type.split()).encode("latin-1", "replace")
    return b"Content-Type: " + kind + b"\r\n\r\n" + body


def read(receipt: bytes) -> Mdn:
    """Read a receipt, signed or not, without checking anything.

    Raises:
        mime.MimeError: It is none.
    """
    entity = mime.read(receipt)
    if entity.kind == "multipart/signed":
        entity = entity.parts()[0]
    return _report(entity)


def check(receipt: bytes, *, partner: Certificate, message_id: str, digest: bytes) -> None:
    """Check that the partner signed that it has processed this message with this content.

    Args:
        receipt: As ``receipt_of`` made it.
        partner: The pinned certificate of the partner.
        message_id: Of the message, without angle brackets.
        digest: SHA-256 of the content that was sent, as the MIC of RFC 4130, 7.3.1.

    Raises:
        ReceiptError: ``E-MDN-MIME``, ``E-MDN-UNSIGNED``, ``E-MDN-FORM``, ``E-MDN-ALGORITHM``, ``E-MDN-SIGNER``,
            ``E-MDN-DIGEST``, ``E-MDN-SIGNATURE``, ``E-MDN-DISPOSITION``, ``E-MDN-MESSAGE``, ``E-MDN-MIC``.
    """
    try:
        found = _report(_signed_part(receipt, partner))
    except mime.MimeError as error:
        raise ReceiptError("E-MDN-MIME", f"no disposition notification: {error}") from None
    except cms.CmsError as error:
        raise ReceiptError(f"E-MDN-{error.code.upper()}", error.text) from None
    if not found.disposition.taken:
        raise ReceiptError("E-MDN-DISPOSITION", f"the message was not processed: {found.disposition.code}")
    if found.message_id != message_id:
        raise ReceiptError("E-MDN-MESSAGE", f"a receipt about {found.message_id}, not about {message_id}")
    if found.algorithm != cms.SHA256.name or not compare_digest(found.mic, digest):
        said = f"{found.algorithm} {found.mic.hex()}" if found.mic else "no digest"
        raise ReceiptError("E-MDN-MIC", f"{said} was received, sha256 {digest.hex()} was sent")


def _signed_part(receipt: bytes, partner: Certificate) -> mime.Entity:
    """The first part of a signed receipt, as it was signed, after its signature was checked.

    Some partners sign a part without its last line end, although by RFC 2046, 5.1.1, only the line end before the
    delimiter is not of it (npm's libas2 does). That changes nothing that the part says, so it is tried too.
    """
    entity = mime.read(receipt)
    if entity.kind != "multipart/signed":
        raise ReceiptError("E-MDN-UNSIGNED", f"a receipt that is not signed: {entity.kind}")
    parts = entity.parts()
    if len(parts) != 2 or parts[1].kind not in SIGNATURES:
        raise mime.MimeError("a signed entity that is not one part and its PKCS #7 signature")
    signature, part = parts[1].decoded(), parts[0].raw
    try:
        cms.verify(signature, part, partner)
    except cms.CmsError as error:
        if error.code != "digest" or not part.endswith(b"\r\n"):
            raise
        part = part[:-2]
        cms.verify(signature, part, partner)
    return mime.read(part)


def _report(entity: mime.Entity) -> Mdn:
    """The notification inside a multipart/report."""
    if entity.kind != "multipart/report":
        raise mime.MimeError(f"{entity.kind} where multipart/report is due")
    notifications = [part for part in entity.parts() if part.kind == "message/disposition-notification"]
    if len(notifications) != 1:
        raise mime.MimeError(f"{len(notifications)} disposition notifications")
    fields = BytesHeaderParser(policy=compat32).parsebytes(notifications[0].decoded())
    mic, algorithm = _mic(_field(fields, "Received-Content-MIC"))
    message_id = bare(_field(fields, "Original-Message-ID"))
    return Mdn(message_id, _disposition(_field(fields, "Disposition")), mic, algorithm)


def _field(fields: Message, name: str) -> str:
    """A field's value in one line, empty where there is none."""
    values = fields.get_all(name, [])
    if len(values) > 1:
        raise mime.MimeError(f"{name} stands {len(values)} times")
    return " ".join(str(values[0]).split()) if values else ""


def _disposition(text: str) -> Disposition:
    """``mode; type[/modifier[: text]]``; RFC 4130, 7.4.3 and 7.5. npm's libas2 writes ``=`` for the colon."""
    found = re.fullmatch(r"[^;]+;([^/:=]+)(?:/([^:=]*)(?:[:=](.*))?)?", text)
    if found is None or not found[1].strip():
        raise mime.MimeError(f"no disposition in {text!r}")
    kind, modifier, said = ((one or "").strip() for one in found.groups())
    return Disposition(kind.lower(), modifier.lower(), said)


def _mic(text: str) -> tuple[bytes, str]:
    """``base64, algorithm``; RFC 4130, 7.4.3. Older names of algorithms have no hyphen."""
    if not text:
        return b"", ""
    digest, _, algorithm = text.partition(",")
    try:
        octets = binascii.a2b_base64(digest.strip(), strict_mode=True)
    except ValueError:
        raise mime.MimeError(f"no digest in {text!r}") from None
    return octets, algorithm.strip().lower().replace("-", "")
