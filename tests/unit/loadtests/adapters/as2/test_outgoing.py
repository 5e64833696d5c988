"""Messages as they go out: sizes, uniqueness, and what other readers of S/MIME find in them."""

from __future__ import annotations

import shutil
import subprocess
from email import message_from_bytes
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.adapters.as2 import cms, mime
from loadtests.adapters.as2.ids import as_header, is_name
from loadtests.adapters.as2.outgoing import Documents, Parties, Transfer, request
from loadtests.adapters.ids import Ids
from tests.unit.loadtests.adapters.as2.partner import NONCE, pair, write_pair

SIZE_MAX = 1000
WRITTEN = {one: Documents(7, Ids(NONCE), SIZE_MAX, one) for one in Transfer}


def document_of(entity: bytes) -> bytes:
    """The document; in base64 the standard library reads the same."""
    document = mime.read(entity).decoded()
    if b"encoding: base64" in entity.lower():
        assert message_from_bytes(entity).get_payload(decode=True) == document
    return document


@given(st.integers(0, SIZE_MAX), st.integers(0, 2**32 - 1), st.sampled_from(Transfer))
def test_documents_have_their_size(size: int, number: int, transfer: Transfer) -> None:
    """To the octet, however small; lines are no longer than MIME allows; both encodings hold the same document."""
    entity = WRITTEN[transfer].entity(number, size)
    assert len(document_of(entity)) == size
    assert document_of(entity) == document_of(WRITTEN[Transfer.BASE64].entity(number, size))
    if transfer is Transfer.BASE64:
        assert max(len(line) for line in entity.split(b"\r\n")) <= 76
        assert b"\n" not in entity.replace(b"\r\n", b"")


@pytest.mark.parametrize("transfer", Transfer)
def test_every_document_is_another(transfer: Transfer) -> None:
    """By number, by nonce and by seed; what a poisoned message pretends is another; made again it is the same."""
    made = [WRITTEN[transfer].entity(number, 500) for number in range(50)]
    made.append(WRITTEN[transfer].other(3, 500))
    made.append(Documents(7, Ids(bytes(6)), SIZE_MAX, transfer).entity(3, 500))
    made.append(Documents(8, Ids(NONCE), SIZE_MAX, transfer).entity(3, 500))
    assert len({document_of(entity) for entity in made}) == len(made)
    assert Documents(7, Ids(NONCE), 2 * SIZE_MAX, transfer).entity(3, 500) == made[3]
    assert WRITTEN[transfer].other(3, 0) != WRITTEN[transfer].entity(3, 0)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_openssl_takes_the_message(kind: str, tmp_path: Path) -> None:
    """``openssl cms -verify`` reads header fields and body as one S/MIME message and gives out the entity.

    In base64 only: OpenSSL reads mail by lines, and changes line ends in a binary document.
    """
    signer = pair("own", kind)
    _, certificate = write_pair(tmp_path, "own", kind)
    entity = WRITTEN[Transfer.BASE64].entity(5, 777)
    digest = sha256(entity).digest()
    sent = request(
        Parties("own", "partner", "/"),
        "x@y",
        entity,
        digest,
        cms.sign(digest, signer.key, signer.certificate),
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.headers.items()).encode()
    (tmp_path / "message").write_bytes(head + b"\r\n" + b"".join(sent.body))
    command = ["openssl", "cms", "-verify", "-in", "message", "-CAfile", certificate.name]
    done = subprocess.run([*command, "-purpose", "any"], cwd=tmp_path, check=True, capture_output=True)
    assert done.stdout == entity


def test_headers_ask_for_a_signed_receipt() -> None:
    """The header fields of RFC 4130, 6 and 7, and names with spaces in quotes."""
    sent = request(Parties("my own", 'a"b', "/as2"), "x@y", b"Content-Type: a/b\r\n\r\n", bytes(32), b"")
    assert (sent.method, sent.path) == ("POST", "/as2")
    assert sent.headers["AS2-From"] == '"my own"'
    assert sent.headers["AS2-To"] == r'"a\"b"'
    assert sent.headers["Message-ID"] == "<x@y>"
    assert sent.headers["AS2-Version"] == "1.0"
    assert sent.headers["Disposition-Notification-To"]
    options = sent.headers["Disposition-Notification-Options"]
    assert (
        options
        == "signed-receipt-protocol=optional, pkcs7-signature; signed-receipt-micalg=optional, sha-256"
    )
    assert "Receipt-Delivery-Option" not in sent.headers


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20))
def test_names_in_header_fields(name: str) -> None:
    """A name is as it is, or quoted so that it can be read again."""
    assert is_name(name)
    written = as_header(name)
    if written.startswith('"') and written != name:
        written = written[1:-1].replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\")
    assert written == name


def test_what_is_no_name() -> None:
    """Empty, too long, of other letters, of two lines."""
    assert not any(is_name(name) for name in ("", "x" * 129, "sở", "a\nb", "a\n"))
