"""The manifest of a message: what is sent, by whom, to whom, and which documents belong to it.

Rule kept here: only what is understood is taken (an unknown member is refused, because it would be signed without
being read), and the bytes are kept as they were sent: a manifest is read from them, never written anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date
from enum import IntEnum
from typing import Any, Final

from loadtests.exchange.errors import Refusal
from loadtests.exchange.members import Members
from loadtests.exchange.strict import (
    LIMITS,
    TIME_MAX,
    Limits,
    encode_base64url,
    parse_object,
    render_object,
)

AGENCY_CODE: Final = re.compile(r"[0-9A-Z]{3}\.[0-9A-Z]{2}\.[0-9A-Z]{2}\.[A-Z][0-9]{2}")
AGENCY_CODE_WORDS: Final = "13 characters in four dotted groups, such as 000.00.00.H41"
# Letters that stand for themselves in a URL path; no dot, so that no id is a path part, and a letter or digit first.
MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}")
MESSAGE_ID_WORDS: Final = "8 to 64 of A-Z a-z 0-9 - _, a letter or digit first; a UUID will do"
_MEDIA_TYPE: Final = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
)  # RFC 6838 §4.2
_AUDIENCE: Final = re.compile(r"[a-z0-9][a-z0-9.:/_-]{0,199}")

# Lengths of Decree 30/2020/ND-CP, Annex VI (CodeNumber, CodeNotation, Subject), in characters.
NUMBER_CHARS_MAX: Final = 11
NOTATION_CHARS_MAX: Final = 30
SUBJECT_CHARS_MAX: Final = 500
DOCUMENT_TYPE_CHARS_MAX: Final = 100  # assumed: the names of the decree's 29 types are all shorter than 30
# What ext4, XFS, NTFS and APFS can all hold as one file name; 200 letters of Vietnamese may take 500 bytes.
NAME_BYTES_MAX: Final = 255

_NAME_FORBIDDEN: Final = re.compile(
    r'[/\\:*?"<>|]'
)  # parts of paths and streams, and what Windows cannot hold
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])( *\..*)?", re.IGNORECASE)


class MessageKind(IntEnum):
    """What a message is about (edXML: BusinessDocType)."""

    NEW = 0
    RECALL = 1
    UPDATE = 2
    REPLACE = 3


class Urgency(IntEnum):
    """How urgent the document is (edXML: Priority; Decree 30): normal, khẩn, thượng khẩn, hỏa tốc, with an hour."""

    NORMAL = 0
    URGENT = 1
    VERY_URGENT = 2
    EXPRESS = 3
    EXPRESS_AT_HOUR = 4


@dataclass(frozen=True, slots=True)
class Document:
    """One file of a message.

    Args:
        name: File name, at most 255 bytes in UTF-8, without any part of a path.
        media_type: Such as ``application/pdf``: lower case, no parameters.
        size_bytes: 1 to ``Limits.document_bytes_max``.
        sha256: Digest of the file, 32 bytes.
    """

    name: str
    media_type: str
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a sender signs; a member of the JSON object has the name of the field.

    Args:
        message_id: Made by the sender, who never uses it for anything else.
        sender: Code of the sending agency (edXML: From/OrganId).
        recipients: Codes of the receiving agencies, all different (edXML: To/OrganId).
        kind: New, or a recall, an update or a replacement of an earlier message of the same sender.
        document_type: Name of the type, such as Quyết định (edXML: TypeName), 1-100 characters.
        number: Number in the sender's register (edXML: CodeNumber), 1-11 characters.
        notation: Such as QĐ-UBND (edXML: CodeNotation), 1-30 characters.
        subject: What it is about (edXML: Subject), 1-500 characters.
        urgency: 0-4.
        documents: The files, names different even without regard to case; a recall or an update may have none.
        created_at: When it was made, s since the epoch, UTC.
        expires_at: After this it is not accepted any more, s since the epoch, UTC; later than ``created_at``.
        audience: The exchange it is meant for, as that calls itself: lower case, 1-200 characters.
        refers_to: The message recalled, updated or replaced; None for a new one, and only then.
        due_date: When an answer is due (edXML: DueDate), or None.
    """

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    kind: MessageKind
    document_type: str
    number: str
    notation: str
    subject: str
    urgency: Urgency
    documents: tuple[Document, ...]
    created_at: int
    expires_at: int
    audience: str
    refers_to: str | None = None
    due_date: date | None = None


_KINDS: Final = (min(MessageKind), max(MessageKind))
_URGENCIES: Final = (min(Urgency), max(Urgency))
_OPTIONAL: Final = frozenset({"refers_to", "due_date"})
_REQUIRED: Final = frozenset(field.name for field in fields(Manifest)) - _OPTIONAL
_DOCUMENT: Final = frozenset(field.name for field in fields(Document))


def parse(data: bytes, limits: Limits = LIMITS) -> Manifest:
    """Read a manifest.

    Whether sender and recipients are registered, the times fit and the audience is this exchange is **not** checked.

    Raises:
        Refusal: ``manifest-too-large``, ``manifest-invalid``, ``base64-invalid`` or one of the ``json-…`` codes.
    """
    if len(data) > limits.manifest_bytes_max:
        message = f"found {len(data)} bytes"
        raise Refusal("manifest-too-large", message, f"at most {limits.manifest_bytes_max}")
    values = parse_object(data, size_bytes_max=limits.manifest_bytes_max, depth_max=limits.json_depth_max)
    members = Members(values, "manifest-invalid")
    members.expect(_REQUIRED, _OPTIONAL)
    message_id = members.matching("message_id", MESSAGE_ID, MESSAGE_ID_WORDS)
    kind = MessageKind(members.integer("kind", *_KINDS))
    created_at = members.integer("created_at", 0, TIME_MAX)
    return Manifest(
        message_id=message_id,
        sender=members.matching("sender", AGENCY_CODE, AGENCY_CODE_WORDS),
        recipients=members.distinct("recipients", AGENCY_CODE, AGENCY_CODE_WORDS, limits.recipients_max),
        kind=kind,
        document_type=members.text("document_type", DOCUMENT_TYPE_CHARS_MAX),
        number=members.text("number", NUMBER_CHARS_MAX),
        notation=members.text("notation", NOTATION_CHARS_MAX),
        subject=members.text("subject", SUBJECT_CHARS_MAX),
        urgency=Urgency(members.integer("urgency", *_URGENCIES)),
        documents=_documents(members, kind, limits),
        created_at=created_at,
        expires_at=members.integer("expires_at", created_at + 1, TIME_MAX),
        audience=members.matching("audience", _AUDIENCE, "1 to 200 of a-z 0-9 . : / _ -"),
        refers_to=_refers_to(members, kind, message_id),
        due_date=members.calendar_date("due_date") if "due_date" in values else None,
    )


def render(manifest: Manifest, limits: Limits = LIMITS) -> bytes:
    """The manifest as JSON, for a client to sign; what is None is left out.

    Raises:
        Refusal: What ``parse`` would refuse, so that a client learns it before it signs.
    """
    values: dict[str, Any] = {field.name: getattr(manifest, field.name) for field in fields(Manifest)}
    values["documents"] = [
        {
            "name": document.name,
            "media_type": document.media_type,
            "size_bytes": document.size_bytes,
            "sha256": encode_base64url(document.sha256),
        }
        for document in manifest.documents
    ]
    if manifest.due_date is not None:
        values["due_date"] = manifest.due_date.isoformat()
    data = render_object({name: value for name, value in values.items() if value is not None})
    parse(data, limits)
    return data


def _refers_to(members: Members, kind: MessageKind, message_id: str) -> str | None:
    if kind is MessageKind.NEW:
        if "refers_to" in members.values:
            raise members.fault("refers_to", "found in a new message", "only with kind 1, 2 or 3")
        return None
    if "refers_to" not in members.values:
        raise members.fault("refers_to", f"missing with kind {kind:d}", "the message it is about")
    refers_to = members.matching("refers_to", MESSAGE_ID, MESSAGE_ID_WORDS)
    if refers_to == message_id:
        raise members.fault("refers_to", "found the message's own id", "an earlier message")
    return refers_to


def _documents(members: Members, kind: MessageKind, limits: Limits) -> tuple[Document, ...]:
    least = 0 if kind in {MessageKind.RECALL, MessageKind.UPDATE} else 1
    items = members.objects("documents", least, limits.documents_max)
    documents = tuple(_document(item, limits) for item in items)
    if len({document.name.casefold() for document in documents}) < len(documents):
        raise members.fault("documents", "found one name twice", "names that differ, not only in case")
    if (size_bytes := sum(document.size_bytes for document in documents)) > limits.message_bytes_max:
        raise members.fault("documents", f"found {size_bytes} bytes", f"at most {limits.message_bytes_max}")
    return documents


def _document(members: Members, limits: Limits) -> Document:
    members.expect(_DOCUMENT, frozenset())
    return Document(
        name=_name(members),
        media_type=members.matching("media_type", _MEDIA_TYPE, "type/subtype in lower case, no parameters"),
        size_bytes=members.integer("size_bytes", 1, limits.document_bytes_max),
        sha256=members.digest("sha256"),
    )


def _name(members: Members) -> str:
    """A file name that every usual file system can hold and that leads nowhere else."""
    name = members.text("name", NAME_BYTES_MAX)
    if (size_bytes := len(name.encode("utf-8"))) > NAME_BYTES_MAX:
        raise members.fault("name", f"found {size_bytes} bytes in UTF-8", f"at most {NAME_BYTES_MAX}")
    if forbidden := _NAME_FORBIDDEN.search(name):
        raise members.fault("name", f"found {forbidden[0]!r}", 'a file name, without / \\ : * ? " < > |')
    if name.startswith(".") or name.endswith("."):
        raise members.fault("name", "found a dot at an end", "a dot only inside")
    if _DEVICE.fullmatch(name):
        raise members.fault("name", "found the name of a device", "another name")
    return name
