"""MIME entities: parts are the exact bytes between delimiters, for any bytes."""

from __future__ import annotations

from base64 import b64decode, b64encode
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.adapters.as2 import mime

pieces = st.one_of(
    st.binary(max_size=40),
    st.lists(
        st.sampled_from([b"\r\n", b"\n", b"\r", b"--", b"--b", b"--bound", b"x", b" "]), max_size=12
    ).map(b"".join),
)


@given(st.lists(pieces, min_size=1, max_size=5), st.binary(max_size=20), st.binary(max_size=20))
def test_parts_come_back_exactly(parts: list[bytes], before: bytes, behind: bytes) -> None:
    """Any line ends and anything like a delimiter inside; what stands before and behind is of no part."""
    body = b"".join(mime.join("boundary", tuple((part,) for part in parts)))
    assert mime.split(body, b"boundary") == tuple(parts)
    assert mime.split(before + b"\r\n" + body + b"\r\n" + behind, b"boundary") == tuple(parts)


@given(st.lists(st.text("ab \r\n-", max_size=20), min_size=1, max_size=4))
def test_the_standard_library_sees_the_same_parts(texts: list[str]) -> None:
    """As ``email`` reads them, where lines end with CR LF."""
    parts = tuple((b"\r\n" + text.replace("\r", "").replace("\n", "\r\n").encode(),) for text in texts)
    body = b"".join(mime.join("boundary", parts))
    found = message_from_bytes(
        b"Content-Type: multipart/mixed; boundary=boundary\r\n\r\n" + body
    ).get_payload()
    assert isinstance(found, list)
    documents = [one.get_payload(decode=True) for one in found if isinstance(one, Message)]
    read = [mime.read(part).body for part in mime.split(body, b"boundary")]
    assert documents == read


def test_padding_behind_a_delimiter() -> None:
    """Blanks behind a delimiter are of it; other characters make it none."""
    assert mime.split(b"--b \t\r\none\r\n--bb\r\n--b--  \r\n", b"b") == (b"one\r\n--bb",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\none",
        b"--b\r\none\r\n--b\r\n",
        b"--b--\r\n",
        b"--b\none\n--b--\n",
        b"--b\r\n\r\n" * 20 + b"--b--",
    ],
)
def test_bodies_without_parts_or_end(body: bytes) -> None:
    """No last delimiter, no part, lines that end with LF alone, too many parts."""
    with pytest.raises(mime.MimeError):
        mime.split(body, b"b")


@given(st.binary(max_size=400))
def test_base64_in_lines(data: bytes) -> None:
    """At most 76 characters to a line, all lines ended, and the same bytes again."""
    text = mime.base64_lines(data)
    assert text.replace(b"\r\n", b"") == b64encode(data)
    assert all(len(line) <= 76 for line in text.split(b"\r\n"))
    assert text == b"" or text.endswith(b"\r\n")
    entity = mime.read(b"Content-Transfer-Encoding: BASE64\r\n\r\n" + text)
    assert entity.decoded() == data == b64decode(text)


def test_entities_that_cannot_be_decoded() -> None:
    """An unknown encoding, base64 with strange letters or without its end, no end of the header fields."""
    for head, body in (
        (b"x-uuencode", b"a"),
        (b"quoted-printable", b"a"),
        (b"base64", b"Y*WJj"),
        (b"base64", b"YWJ"),
    ):
        entity = mime.read(b"Content-Transfer-Encoding: " + head + b"\r\n\r\n" + body)
        with pytest.raises(mime.MimeError):
            entity.decoded()
    with pytest.raises(mime.MimeError):
        mime.read(b"Content-Type: text/plain\n\nline ends of LF alone")
    with pytest.raises(mime.MimeError):
        mime.read(b"Content-Type: multipart/mixed\r\n\r\nno boundary").parts()
