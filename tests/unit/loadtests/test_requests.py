"""Signing a request and reading the signature back; whatever stands in a header, nothing but a code comes of it."""

from __future__ import annotations

from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.exchange.errors import Refusal
from loadtests.exchange.keys import Algorithm
from loadtests.exchange.nonces import Nonces, Window
from loadtests.exchange.requests import Signed, check_body, check_request, read_signature, sign_request
from tests.unit.loadtests.manifests import AT, CERTIFICATE_SHA256, private_key

URL: Final = "http://127.0.0.1:8470/v1/messages/000.00.00.H41:message-0001?x=%C4%83"
NONCE: Final = "bm9uY2UtbWFkZS1vbmNl"
KEY: Final = private_key(Algorithm.ES256)
ANSWERS: Final = {"request-unsigned", "request-signature-invalid", "algorithm-mismatch"}


def signed(algorithm: Algorithm = Algorithm.ES256, body_sha256: bytes | None = None) -> dict[str, str]:
    """The fields that sign a request."""
    key = private_key(algorithm)
    return sign_request("GET", URL, body_sha256, key, CERTIFICATE_SHA256, at=AT, nonce=NONCE, lifetime_s=30)


def refusal(headers: dict[str, str]) -> str | None:
    """The code that a header is refused with."""
    try:
        check_request("GET", URL, headers, KEY.public_key())
    except Refusal as caught:
        return caught.code
    return None


@pytest.mark.parametrize("body_sha256", [None, b"\x07" * 32])
@pytest.mark.parametrize("algorithm", Algorithm)
def test_what_is_signed_is_read_back(algorithm: Algorithm, body_sha256: bytes | None) -> None:
    """Key, times, nonce and the digest of the body, for each kind of key."""
    headers = signed(algorithm, body_sha256)
    found = check_request("GET", URL, headers, private_key(algorithm).public_key())
    assert found == Signed(CERTIFICATE_SHA256, NONCE, AT, AT + 30, body_sha256)
    assert ("Content-Digest" in headers) == (body_sha256 is not None)


def test_what_is_read_before_the_check_says_nothing_of_a_body() -> None:
    """It is there to find the key, and not to be believed."""
    assert read_signature(signed(body_sha256=b"\x07" * 32)).body_sha256 is None


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_the_same_request_has_the_same_signature(algorithm: Algorithm) -> None:
    """As long as key, time and nonce are the same, so that an example can be compared byte by byte."""
    assert signed(algorithm) == signed(algorithm)


def test_the_body_that_came_is_compared_with_the_one_that_was_signed() -> None:
    """Another one, none, or one where none was signed, is refused."""
    of_body = check_request("GET", URL, signed(body_sha256=b"\x07" * 32), KEY.public_key())
    of_none = check_request("GET", URL, signed(), KEY.public_key())
    check_body(of_body, b"\x07" * 32)
    check_body(of_none, None)
    for found, came in ((of_body, b"\x08" * 32), (of_body, None), (of_none, b"\x07" * 32)):
        with pytest.raises(Refusal) as caught:
            check_body(found, came)
        assert caught.value.code == "content-digest-mismatch"


def test_times_are_read_and_not_judged() -> None:
    """Whether a request is too old is asked of the clock that the server goes by, and never of the machine's."""
    found = check_request("GET", URL, signed(), KEY.public_key())
    for now, code in (
        (AT + 10, None),
        (AT + 10**6, "request-expired"),
        (AT - 10**6, "request-from-the-future"),
    ):
        assert taken(found, now) == code


def taken(found: Signed, now: int) -> str | None:
    """The code that a server answers with which remembers no request."""
    nonces = Nonces(Window(lifetime_s=60, skew_s=5, per_agency_max=10), horizon=0)
    at = {"created_at": found.created_at, "expires_at": found.expires_at}
    try:
        nonces.take("000.00.00.H41", found.nonce, now=now, **at)
    except Refusal as caught:
        return caught.code
    return None


@pytest.mark.parametrize(
    ("method", "url", "nonce"),
    [
        ("get", URL, NONCE),
        ("GET", "/v1/inbox", NONCE),
        ("GET", "http://127.0.0.1/ă", NONCE),
        ("GET", "http://127.0.0.1/\n", NONCE),
        ("GET", URL, "ă" * 16),
        ("GET", URL, "\n" * 16),
    ],
)
def test_what_cannot_be_signed_is_refused(method: str, url: str, nonce: str) -> None:
    """Before it is sent, and in words."""
    with pytest.raises(Refusal) as caught:
        sign_request(method, url, None, KEY, CERTIFICATE_SHA256, at=AT, nonce=nonce)
    assert caught.value.code == "request-signature-invalid"


def test_a_key_that_is_not_used_here_neither_signs_nor_checks() -> None:
    """Another curve."""
    key = ec.derive_private_key(7, ec.SECP384R1())
    with pytest.raises(Refusal, match="key-unsupported"):
        sign_request("GET", URL, None, key, CERTIFICATE_SHA256, at=AT, nonce=NONCE)
    with pytest.raises(Refusal, match="key-unsupported"):
        check_request("GET", URL, signed(), key.public_key())


FIELDS: Final = ("Signature-Input", "Signature", "Content-Digest")
PIECES: Final = st.sampled_from(
    [
        "congvan",
        "=",
        "(",
        ")",
        '"',
        ":",
        ";",
        ",",
        " ",
        "?1",
        "-",
        "1.5",
        "@method",
        "created",
        "\x00",
        "é",
        "\\",
        "%",
    ]
)


@st.composite
def mutated(draw: st.DrawFn, original: str) -> str:
    """A text with a stretch of it cut, doubled, turned round or replaced."""
    start = draw(st.integers(0, len(original)))
    end = draw(st.integers(start, min(len(original), start + 20)))
    piece = original[start:end]
    middle = draw(
        st.sampled_from(["", piece + piece, piece[::-1], piece.swapcase()]) | PIECES | st.text(max_size=3)
    )
    return original[:start] + middle + original[end:]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_header_is_signed_or_refused_with_a_code(data: st.DataObject) -> None:
    """Whatever becomes of a good one, and whatever else stands there."""
    good = signed(body_sha256=b"\x07" * 32)
    headers = dict(good)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(FIELDS))
        anything = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20)
        headers[name] = data.draw(mutated(headers[name]) | anything)
    code = refusal(headers)
    assert code in ANSWERS if code else headers["Signature-Input"] != "" != headers["Signature"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(("Signature-Input", "Content-Digest")), st.integers(0, 400), st.integers(0, 127))
def test_no_letter_of_what_is_signed_can_change(name: str, at: int, letter: int) -> None:
    """But the label, which is not signed, and the blanks around it."""
    good = signed(body_sha256=b"\x07" * 32)
    start = len("congvan") if name == "Signature-Input" else 0
    at = start + at % (len(good[name]) - start)
    changed = good[name][:at] + chr(letter) + good[name][at + 1 :]
    if changed != good[name]:
        assert refusal(good | {name: changed}) is not None
