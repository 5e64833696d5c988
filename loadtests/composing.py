"""Building a submission: files and fields become a manifest, the signed manifest and its files a request body.

Rule kept here: a submission is made once. It can be sent any number of times, each time as the same bytes, which is
what makes sending again safe; a file that has changed in between is found out before its last byte is sent.

Files are read here; clock, randomness and network are not touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from hashlib import sha256
from mimetypes import MimeTypes
from pathlib import Path
from typing import Final
from unicodedata import category, normalize
from uuid import UUID

from loadtests.exchange import jws, keys, manifest
from loadtests.exchange.errors import ExchangeError
from loadtests.exchange.manifest import NAME_BYTES_MAX, Document, Manifest, MessageKind, Urgency
from loadtests.exchange.members import UNSEEN_CATEGORIES

Content = bytes | Path
"""A document: its bytes, or the file that holds them."""

CHUNK_BYTES: Final = (
    256 * 1024
)  # large enough that reading costs little, small beside what a process holds anyway
MESSAGE_ID_RANDOM_BYTES: Final = 16
LIFETIME_S: Final = 24 * 3600
"""For how long a message may be sent in, unless its sender says otherwise: a day of a broken line."""
UNKNOWN_MEDIA_TYPE: Final = "application/octet-stream"

# What offices send and the standard library does not know before Python 3.14.
_OFFICE: Final = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
}
_COMPRESSED: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_SUFFIX_CHARS_MAX: Final = 16  # a longer one is a part of the name
# What ``manifest.parse`` refuses in a name; the tests ask it about every name that comes out here.
_FORBIDDEN: Final = re.compile(r'[:*?"<>|]')
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])( *\..*)?", re.IGNORECASE)


class FileError(ExchangeError):
    """A file cannot be read or written, or it is not any more what was signed; its owner can mend it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What a sender says about a message; the limits are those of ``manifest.Manifest``.

    Args:
        recipients: Codes of the receiving agencies.
        subject: What it is about.
        document_type: Name of the type, such as Quyết định.
        number: Number in the sender's register.
        notation: Such as QĐ-UBND.
        urgency: 0-4.
        kind: New, or a recall, an update or a replacement.
        refers_to: Id of the message recalled, updated or replaced.
        due_date: When an answer is due.
    """

    recipients: tuple[str, ...]
    subject: str
    document_type: str
    number: str
    notation: str
    urgency: Urgency = Urgency.NORMAL
    kind: MessageKind = MessageKind.NEW
    refers_to: str | None = None
    due_date: date | None = None


@dataclass(frozen=True, slots=True)
class File:
    """One document to be sent.

    Args:
        content: Its bytes, or where they are.
        name: Its name; may be any text, see ``safe_names``. Empty: that of the file.
        media_type: Such as ``application/pdf``; empty: as the name says.
    """

    content: Content
    name: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission that was signed, and is sent as it is.

    Args:
        compact: The signed manifest; keep it with the files until the receipt is there.
        manifest: What is in it.
        documents: The documents in its order.
    """

    compact: bytes
    manifest: Manifest
    documents: tuple[Content, ...]


def message_id_of(random: bytes) -> str:
    """A message id (a UUID of version 4, RFC 9562 §5.4) made of ``MESSAGE_ID_RANDOM_BYTES`` random bytes."""
    return str(UUID(bytes=random, version=4))


def compose(
    letter: Letter,
    files: Sequence[File],
    *,
    sender: str,
    audience: str,
    message_id: str,
    created_at: int,
    lifetime_s: int = LIFETIME_S,
) -> Manifest:
    """The manifest of a message; every file is read once, for its digest.

    Args:
        letter: What the sender says.
        files: The documents.
        sender: Code of the sending agency.
        audience: The exchange it is meant for, as that calls itself.
        message_id: See ``message_id_of``.
        created_at: Now, whole s since the epoch, UTC.
        lifetime_s: For how long after that it may be sent in, at least 1.

    Raises:
        FileError: ``file-unreadable``.
    """
    names = safe_names([_name_of(file, at) for at, file in enumerate(files)])
    return Manifest(
        message_id=message_id,
        sender=sender,
        recipients=letter.recipients,
        kind=letter.kind,
        document_type=normalize("NFC", letter.document_type),
        number=letter.number,
        notation=normalize("NFC", letter.notation),
        subject=normalize("NFC", letter.subject),
        urgency=letter.urgency,
        documents=tuple(_document(file, name) for file, name in zip(files, names, strict=True)),
        created_at=created_at,
        expires_at=created_at + lifetime_s,
        audience=audience,
        refers_to=letter.refers_to,
        due_date=letter.due_date,
    )


def sign(
    content: Manifest, files: Sequence[File], key: keys.PrivateKey, certificate_sha256: bytes, *, at: int
) -> Prepared:
    """The manifest, signed, with the files that it names.

    Args:
        content: From ``compose``.
        files: The same as there.
        key: The sender's private key.
        certificate_sha256: SHA-256 of the sender's certificate in DER, 32 bytes.
        at: The time of signing, whole s since the epoch, UTC.

    Raises:
        Refusal: ``manifest-invalid`` and the others of ``manifest.render``; those of ``jws.sign``.
    """
    payload = manifest.render(content)
    compact = jws.sign(payload, key, certificate_sha256, at=at, typ=jws.MANIFEST_TYPE)
    return Prepared(compact, content, tuple(file.content for file in files))


# --- names and types of documents ---------------------------------------------------------------------------------


def safe_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names as a manifest may hold them: in normal form C, without any part of a path, all of them different.

    What is not allowed becomes an underscore; a name that stands twice, be it in other case, gets a number.
    """
    safe: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem, suffix = _split(_cleaned(name))
        number, found = 1, _fitted(stem, suffix)
        while found.casefold() in taken:
            number += 1
            found = _fitted(stem, f" ({number}){suffix}")
        taken.add(found.casefold())
        safe.append(found)
    return tuple(safe)


def media_type_of(name: str) -> str:
    """The media type that the end of a file's name stands for; ``UNKNOWN_MEDIA_TYPE`` if none is known.

    The same on every machine: the tables of the operating system are not asked.
    """
    media_type, compression = _media_types().guess_type(name, strict=True)
    if compression:  # what is inside does not matter to who receives it
        return _COMPRESSED.get(compression, UNKNOWN_MEDIA_TYPE)
    return media_type or UNKNOWN_MEDIA_TYPE


@cache
def _media_types() -> MimeTypes:
    types = MimeTypes()
    for suffix, media_type in _OFFICE.items():
        types.add_type(media_type, suffix)
    return types


def _cleaned(name: str) -> str:
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]  # only the file, wherever it lay
    seen = "".join(char for char in normalize("NFC", last) if category(char) not in UNSEEN_CATEGORIES)
    return normalize("NFC", _FORBIDDEN.sub("_", seen))


def _split(name: str) -> tuple[str, str]:
    """Stem and suffix of a cleaned name, without the dots and spaces at its ends."""
    stripped = _stripped(name)
    stem, dot, suffix = stripped.rpartition(".")
    if not stem or len(suffix) > _SUFFIX_CHARS_MAX:
        return stripped or "document", ""
    return stem, dot + suffix


def _fitted(stem: str, suffix: str) -> str:
    """Stem and suffix as one name of at most ``NAME_BYTES_MAX`` that is no device's."""
    if _DEVICE.fullmatch(stem + suffix):
        stem = "_" + stem
    room = NAME_BYTES_MAX - len(suffix.encode("utf-8"))
    kept = stem.encode("utf-8")[:room].decode("utf-8", "ignore")  # no half letter at the cut
    return (_stripped(kept) or "document") + suffix


def _stripped(name: str) -> str:
    while (shorter := name.strip().strip(".")) != name:
        name = shorter
    return name


def _name_of(file: File, at: int) -> str:
    if file.name:
        return file.name
    return file.content.name if isinstance(file.content, Path) else f"document-{at + 1}"


# --- reading files ------------------------------------------------------------------------------------------------


def _document(file: File, name: str) -> Document:
    digest, size_bytes = sha256(), 0
    for chunk in chunks_of(file.content):
        digest.update(chunk)
        size_bytes += len(chunk)
    return Document(name, file.media_type or media_type_of(name), size_bytes, digest.digest())


def chunks_of(content: Content) -> Iterator[bytes]:
    """The bytes of a document, those of a file at most ``CHUNK_BYTES`` at a time.

    Raises:
        FileError: ``file-unreadable``.
    """
    if isinstance(content, bytes):
        yield content
        return
    try:
        with content.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        hint = "a file that exists and may be read"
        raise FileError("file-unreadable", f"{content}: {error.strerror}", hint) from None


# --- the request body ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Multipart:
    """The body of a submission as multipart/form-data (RFC 7578): the signed manifest, then its documents.

    It can be gone through again and again, and gives the same bytes each time.

    Args:
        compact: The signed manifest.
        documents: The documents in the manifest's order.
        sizes_bytes: Their sizes, as the manifest names them.

    Raises:
        FileError: While it is gone through: ``file-unreadable``, ``file-changed`` for another size.
    """

    compact: bytes
    documents: tuple[Content, ...]
    sizes_bytes: tuple[int, ...]
    boundary: str = field(init=False)

    def __post_init__(self) -> None:
        # No document can hold the digest of what holds the document's own digest, so no document ends its part early;
        # and who sends again sends the same bytes without having kept the boundary.
        object.__setattr__(self, "boundary", f"congvan-{sha256(self.compact).hexdigest()[:40]}")

    @property
    def content_type(self) -> str:
        """The value of Content-Type."""
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def content_length(self) -> int:
        """The number of bytes, known before a file is opened."""
        headers = sum(len(self._head(at)) for at in range(len(self.documents)))
        return len(self._start()) + headers + sum(self.sizes_bytes) + len(self._end())

    def __iter__(self) -> Iterator[bytes]:
        yield self._start()
        for at, (content, size_bytes) in enumerate(zip(self.documents, self.sizes_bytes, strict=True)):
            yield self._head(at)
            yield from _exactly(content, size_bytes)
        yield self._end()

    def _start(self) -> bytes:
        head = 'Content-Disposition: form-data; name="manifest"\r\nContent-Type: application/jose\r\n\r\n'
        return f"--{self.boundary}\r\n{head}".encode("ascii") + self.compact

    def _head(self, at: int) -> bytes:
        # Name and media type are in the manifest, where they are signed. Without a file name some parsers would take
        # the part for a form's field and keep all of it in memory.
        head = f'Content-Disposition: form-data; name="document"; filename="{at + 1}"'
        return f"\r\n--{self.boundary}\r\n{head}\r\nContent-Type: {UNKNOWN_MEDIA_TYPE}\r\n\r\n".encode(
            "ascii"
        )

    def _end(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode("ascii")


def _exactly(content: Content, size_bytes: int) -> Iterator[bytes]:
    """The content's chunks, the last one held back until it is known that the size is right."""
    sent, held = 0, b""
    for chunk in chunks_of(content):
        if held:
            yield held
        sent, held = sent + len(chunk), chunk
        if sent > size_bytes:
            break
    if sent != size_bytes:
        found = (
            f"{content if isinstance(content, Path) else 'a document'} has not {size_bytes} bytes any more"
        )
        raise FileError("file-changed", found, "send the file that was signed, or sign anew")
    yield held
