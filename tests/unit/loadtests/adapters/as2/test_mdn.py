"""Receipts: only one that the partner signed, about this message, this digest and success, holds."""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.adapters.as2 import cms, mdn, mime
from loadtests.adapters.as2.keys import forge
from loadtests.adapters.base import ReceiptError
from tests.unit.loadtests.adapters.as2.partner import (
    MESSAGE_ID,
    enclosed,
    fields_of,
    notification,
    pair,
    signed,
    write_pair,
)

DIGEST = sha256(b"the entity").digest()
REPORT = notification(fields_of(DIGEST))


def code_of(receipt: bytes) -> str:
    """The code that a receipt is refused with, empty where it holds."""
    try:
        mdn.check(receipt, partner=pair("partner").certificate, message_id=MESSAGE_ID, digest=DIGEST)
    except ReceiptError as error:
        return error.code
    return ""


def receipt_with(**changed: str | None) -> bytes:
    """A receipt of the partner with some fields changed before it was signed."""
    return signed(notification(fields_of(DIGEST, **changed)), pair("partner"))


def test_a_good_receipt() -> None:
    """It holds, and at first sight says the same."""
    receipt = signed(REPORT, pair("partner"))
    assert code_of(receipt) == ""
    found = mdn.read(receipt)
    assert (found.message_id, found.mic, found.algorithm) == (MESSAGE_ID, DIGEST, "sha256")
    assert found.disposition == mdn.Disposition("processed")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_sees_the_same_receipt(tmp_path: Path) -> None:
    """``openssl cms -verify`` takes a receipt that we take, as S/MIME, and gives out the report."""
    _, certificate = write_pair(tmp_path, "partner")
    (tmp_path / "receipt").write_bytes(b"MIME-Version: 1.0\r\n" + signed(REPORT, pair("partner")))
    command = ["openssl", "cms", "-verify", "-in", "receipt", "-CAfile", certificate.name]
    done = subprocess.run([*command, "-purpose", "any"], cwd=tmp_path, check=True, capture_output=True)
    assert done.stdout == REPORT


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Original_Message_ID": "<two@congvan.invalid>"}, "E-MDN-MESSAGE"),
        ({"Original_Message_ID": None}, "E-MDN-MESSAGE"),
        ({"Received_Content_MIC": None}, "E-MDN-MIC"),
        ({"Received_Content_MIC": "AAAA, sha-256"}, "E-MDN-MIC"),
        ({"Received_Content_MIC": "no base64!, sha-256"}, "E-MDN-MIME"),
        (
            {"Received_Content_MIC": fields_of(DIGEST)["Received-Content-MIC"].replace("256", "1")},
            "E-MDN-MIC",
        ),
        ({"Received_Content_MIC": fields_of(sha256(b"").digest())["Received-Content-MIC"]}, "E-MDN-MIC"),
        ({"Disposition": None}, "E-MDN-MIME"),
        ({"Disposition": "processed"}, "E-MDN-MIME"),
        ({"Disposition": "a/b; processed/error: authentication-failed"}, "E-MDN-DISPOSITION"),
        ({"Disposition": "a/b; processed/Error: decryption-failed"}, "E-MDN-DISPOSITION"),
        ({"Disposition": "a/b; failed/Failure: unsupported format"}, "E-MDN-DISPOSITION"),
        ({"Disposition": "a/b; failed"}, "E-MDN-DISPOSITION"),
        ({"Disposition": "a/b; displayed"}, "E-MDN-DISPOSITION"),
        ({"Disposition": "a/b; processed/warning: duplicate-document"}, ""),
        ({"Disposition": "automatic-action/MDN-sent-automatically;\r\n processed"}, ""),
        ({"Original_Message_ID": MESSAGE_ID}, ""),
    ],
)
def test_what_the_partner_signed_decides(changed: dict[str, str | None], code: str) -> None:
    """Signed, but about another message, another digest, or no success; folded lines and missing brackets are fine."""
    assert code_of(receipt_with(**changed)) == code


def test_signatures_that_prove_nothing() -> None:
    """None, another's, a forger's under the partner's name, one over another report, one that is no CMS."""
    partner = pair("partner")
    for receipt, code in (
        (REPORT, "E-MDN-UNSIGNED"),
        (signed(REPORT, pair("other")), "E-MDN-SIGNER"),
        (signed(REPORT, forge(partner.certificate)), "E-MDN-SIGNATURE"),
        (signed(REPORT, partner, over=REPORT + b" "), "E-MDN-DIGEST"),
        (signed(notification(fields_of(DIGEST, Reporting_UA="x")), partner, over=REPORT), "E-MDN-DIGEST"),
        (enclosed(REPORT, b"no signature"), "E-MDN-FORM"),
        (enclosed(REPORT, cms.sign(DIGEST, partner.key, partner.certificate)), "E-MDN-DIGEST"),
    ):
        assert code_of(receipt) == code


def test_a_report_signed_without_its_last_line_end() -> None:
    """As npm's libas2 signs it; one line end is forgiven, and no other byte."""
    partner = pair("partner")
    ended = notification(fields_of(DIGEST))
    assert ended.endswith(b"\r\n")
    assert code_of(signed(ended, partner, over=ended[:-2])) == ""
    assert code_of(signed(ended + b"\r\n", partner, over=ended[:-2])) == "E-MDN-DIGEST"
    assert code_of(signed(ended[:-2], partner, over=ended[:-3])) == "E-MDN-DIGEST"


def test_the_signed_part_counts_and_no_other() -> None:
    """A second report behind the signature or before it is not what is read."""
    partner, bad = pair("partner"), notification(fields_of(DIGEST, Disposition="a/b; failed"))
    good = signed(bad, partner).replace(b"--outer--", b"--outer\r\n" + REPORT + b"\r\n--outer--")
    assert code_of(good) == "E-MDN-MIME"
    before = signed(bad, partner).replace(
        b"\r\n\r\n--outer", b"\r\n\r\n--outer\r\n" + REPORT + b"\r\n--outer", 1
    )
    assert code_of(before) != ""
    twice = {**fields_of(DIGEST), "original-message-id": "<two@congvan.invalid>"}
    assert code_of(signed(notification(twice), partner)) == "E-MDN-MIME"


@given(at=st.integers(0, 100_000), octet=st.integers(1, 255))
def test_a_changed_octet_changes_nothing_that_is_proved(at: int, octet: int) -> None:
    """One octet of a receipt about another digest is changed: it never becomes one about ours, nor another error."""
    receipt = signed(notification(fields_of(sha256(b"another").digest())), pair("partner"))
    changed = bytearray(receipt)
    changed[at % len(receipt)] ^= octet
    assert code_of(bytes(changed)).startswith("E-MDN-")


@given(
    st.binary(max_size=200),
    st.sampled_from(["multipart/signed; boundary=b", "multipart/report; boundary=b", "é"]),
)
def test_any_answer_is_a_receipt_or_none(body: bytes, kind: str) -> None:
    """Whatever a server answers with, reading it fails in one way only."""
    receipt = mdn.receipt_of(kind, b"--b\r\n" + body + b"\r\n--b\r\n" + body + b"\r\n--b--")
    with pytest.raises(mime.MimeError):
        mdn.read(receipt)
    assert code_of(receipt).startswith("E-MDN-")


@pytest.mark.parametrize(
    ("text", "taken", "code"),
    [
        ("processed", True, "processed"),
        ("processed/warning: duplicate-document", True, "duplicate-document"),
        ("Processed/Error: authentication-failed", False, "authentication-failed"),
        ("processed/failure: no such user", False, "no-such-user"),
        ("failed/failure=Could not verify signature", False, "could-not-verify-signature"),
        ("failed/failure", False, "failure"),
        ("dispatched", False, "dispatched"),
        ("failed/failure: " + "so much to say " * 5, False, "so-much-to-say-so-much-to-say-so-much-to"),
    ],
)
def test_dispositions(text: str, *, taken: bool, code: str) -> None:
    """What is taken, and the code of what is not: 40 characters at most, as records hold them."""
    disposition = mdn.read(notification(fields_of(DIGEST, Disposition=f"a/b; {text}"))).disposition
    assert (disposition.taken, disposition.code) == (taken, code)
