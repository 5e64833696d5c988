"""Names, media types, digests and the request body of a submission."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final
from unicodedata import normalize

import multipart
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.composing import (
    CHUNK_BYTES,
    Content,
    File,
    FileError,
    Letter,
    Multipart,
    Prepared,
    compose,
    media_type_of,
    message_id_of,
    safe_names,
    sign,
)
from loadtests.exchange import jws, keys, manifest
from loadtests.exchange.errors import Refusal
from tests.unit.loadtests.manifests import AT, CERTIFICATE_SHA256, private_key

LETTER: Final = Letter(("000.00.01.H41",), "Về việc gửi văn bản", "Công văn", "12", "UBND-VP")
KEY: Final = private_key(keys.Algorithm.ES256)


def prepared(files: list[File], letter: Letter = LETTER) -> Prepared:
    """A signed submission."""
    content = compose(
        letter,
        files,
        sender="000.00.00.H41",
        audience="exchange.example",
        message_id=message_id_of(bytes(range(16))),
        created_at=AT,
        lifetime_s=60,
    )
    return sign(content, files, KEY, CERTIFICATE_SHA256, at=AT)


def body_of(compact: bytes, *documents: Content, sizes_bytes: tuple[int, ...] = ()) -> Multipart:
    """The request body of documents in memory, or with these sizes."""
    sizes = sizes_bytes or tuple(len(one) for one in documents if isinstance(one, bytes))
    return Multipart(compact, documents, sizes)


def test_a_manifest_is_made_of_files_and_fields(tmp_path: Path) -> None:
    """Digest, size, name and type of each file, what the sender says, and the times."""
    path = tmp_path / "Quyết định.pdf"
    path.write_bytes(b"x" * (CHUNK_BYTES + 1))
    made = prepared([File(path), File(b"abc", "b.bin", "application/x-own"), File(b"abc")])
    jws.check(jws.parse(made.compact), KEY.public_key())
    content = manifest.parse(jws.parse(made.compact).payload)
    assert content == made.manifest
    found = [(one.name, one.media_type, one.size_bytes) for one in content.documents]
    assert found == [
        (normalize("NFC", "Quyết định.pdf"), "application/pdf", CHUNK_BYTES + 1),
        ("b.bin", "application/x-own", 3),
        ("document-3", "application/octet-stream", 3),
    ]
    digests = [one.sha256 for one in content.documents]
    assert digests == [sha256(b"x" * (CHUNK_BYTES + 1)).digest(), *[sha256(b"abc").digest()] * 2]
    assert (content.created_at, content.expires_at, content.subject) == (AT, AT + 60, LETTER.subject)
    assert made.documents == (path, b"abc", b"abc")


def test_texts_are_put_into_normal_form() -> None:
    """What was typed with letters taken apart is the same text."""
    apart = replace(
        LETTER, subject=normalize("NFD", LETTER.subject), document_type=normalize("NFD", "Công văn")
    )
    assert prepared([File(b"abc")], apart).compact == prepared([File(b"abc")]).compact


def test_what_no_exchange_would_take_is_not_signed() -> None:
    """An empty file, a recipient that is none."""
    for files, letter in (([File(b"")], LETTER), ([File(b"abc")], replace(LETTER, recipients=("H41",)))):
        with pytest.raises(Refusal, match="manifest-invalid"):
            prepared(files, letter)


def test_a_message_id_is_a_random_uuid() -> None:
    """Version and variant are set, the rest is the randomness."""
    assert message_id_of(b"\xff" * 16) == "ffffffff-ffff-4fff-bfff-ffffffffffff"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.pdf", "application/pdf"),
        ("A.PDF", "application/pdf"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.tar.gz", "application/gzip"),
        ("a.pdf.Z", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_the_media_type_follows_from_the_name(name: str, media_type: str) -> None:
    """Whatever the machine has in its own tables."""
    assert media_type_of(name) == media_type


@pytest.mark.parametrize(
    ("names", "safe"),
    [
        (["a.pdf", "A.PDF", "a.pdf"], ("a.pdf", "A (2).PDF", "a (3).pdf")),
        (["a.pdf", "a (2).pdf", "a.pdf"], ("a.pdf", "a (2).pdf", "a (3).pdf")),
        (["../../etc/passwd", "C:\\Users\\me\\b.doc"], ("passwd", "b.doc")),
        (
            ["a:b?.txt", " .hidden. ", "", "..", "/"],
            ("a_b_.txt", "hidden", "document", "document (2)", "document (3)"),
        ),
        (["CON", "nul.txt", "com1"], ("_CON", "_nul.txt", "_com1")),
        (["a\u202egpj.exe", "b\x00c.txt"], ("agpj.exe", "bc.txt")),
        (["e\u0301.txt"], ("é.txt",)),
        (["x" * 300 + ".pdf"], ("x" * 251 + ".pdf",)),
        (["x" * 254 + " y"], ("x" * 254,)),
        (["ế" * 100 + ".pdf"], ("ế" * 83 + ".pdf",)),
        (["a." + "y" * 40], ("a." + "y" * 40,)),
    ],
)
def test_names_are_made_safe(names: list[str], safe: tuple[str, ...]) -> None:
    """No path, nothing unseen, one letter written one way, short enough, no two alike."""
    assert safe_names(names) == safe


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text(max_size=40)
        | st.sampled_from(
            ["con", "CON .x", "a.pdf", "A.pdf", "ß", "SS", "\u1e9b\u0323", "K", "K", ". .", "a\u0301"]
        )
        | st.text("ab./\\:\u0301 \u200b", max_size=8)
        | st.integers(100, 400).map(lambda chars: "ữ" * chars + ".docx"),
        min_size=1,
        max_size=6,
    )
)
def test_every_manifest_takes_a_safe_name(names: list[str]) -> None:
    """Of any texts at all, as many as there are, and all of them different."""
    made = prepared([File(b"abc", name or "x") for name in names])
    assert len(manifest.parse(jws.parse(made.compact).payload).documents) == len(names)


@settings(max_examples=100, deadline=None)
@given(
    compact=st.binary(min_size=1, max_size=200).map(lambda data: data.hex().encode()),
    documents=st.lists(
        st.binary(min_size=1, max_size=400)
        | st.sampled_from([b"\r\n", b"--", b"\r\n--congvan-", b"\r\n--congvan--\r\n"]),
        max_size=4,
    ),
)
def test_the_body_is_read_back_by_another_parser(compact: bytes, documents: list[bytes]) -> None:
    """Part by part, byte by byte; its length is known before, and it is the same each time."""
    body = body_of(compact, *documents)
    data = b"".join(body)
    assert b"".join(body) == data
    assert len(data) == body.content_length
    kind, options = multipart.parse_options_header(body.content_type)
    assert kind == "multipart/form-data"
    parts = list(multipart.MultipartParser(BytesIO(data), options["boundary"], strict=True))
    assert [part.name for part in parts] == ["manifest", *["document"] * len(documents)]
    assert [part.raw for part in parts] == [compact, *documents]
    assert parts[0].content_type == "application/jose"


def test_files_are_read_anew_each_time_and_in_pieces(tmp_path: Path) -> None:
    """So that a large document never stands in memory, and a request can be made again."""
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(range(256)) * 4096 + b"end")
    body = body_of(b"a.b.c", path, b"more", sizes_bytes=(path.stat().st_size, 4))
    chunks = list(body)
    assert max(len(chunk) for chunk in chunks) <= CHUNK_BYTES
    assert sum(len(chunk) for chunk in chunks) == body.content_length
    assert chunks == list(body)
    assert path.read_bytes() in b"".join(chunks)


def sent_until_fault(body: Multipart) -> tuple[int, str]:
    """How many bytes came, and the code of the fault that ended it."""
    sent = 0
    try:
        for chunk in body:
            sent += len(chunk)
    except FileError as fault:
        return sent, fault.code
    return sent, ""


@pytest.mark.parametrize("size_bytes", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_a_file_that_changed_is_never_sent_whole(tmp_path: Path, size_bytes: int) -> None:
    """Shorter or longer than what was signed, or gone: found out before its last byte."""
    path = tmp_path / "file.bin"
    path.write_bytes(b"x" * size_bytes)
    body = body_of(b"a.b.c", path, sizes_bytes=(CHUNK_BYTES,))
    sent, fault = sent_until_fault(body)
    assert (fault, sent < body.content_length) == ("file-changed", True)
    path.unlink()
    with pytest.raises(FileError, match="file-unreadable"):
        list(body)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """It is the user's mistake, not a fault of the program."""
    with pytest.raises(FileError, match="file-unreadable") as caught:
        prepared([File(tmp_path / "missing.pdf")])
    assert "missing.pdf" in caught.value.message
