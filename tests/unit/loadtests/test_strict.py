"""Strict base64url and strict JSON."""

from __future__ import annotations

import json

import pytest

from loadtests.exchange.errors import Refusal
from loadtests.exchange.strict import (
    INTEGER_MAX,
    decode_base64url,
    encode_base64url,
    parse_object,
    render_object,
)


def refused(data: bytes, *, size_bytes_max: int = 200_000, depth_max: int = 4) -> str:
    """The code that the JSON is refused with."""
    with pytest.raises(Refusal) as caught:
        parse_object(data, size_bytes_max=size_bytes_max, depth_max=depth_max)
    return caught.value.code


@pytest.mark.parametrize(
    ("data", "text"),
    # RFC 4648 §10, in the alphabet of §5 and without padding; the last one is RFC 7515 Appendix C.
    [
        (b"", ""),
        (b"f", "Zg"),
        (b"fo", "Zm8"),
        (b"foo", "Zm9v"),
        (b"foob", "Zm9vYg"),
        (b"\3\354\377\340\301", "A-z_4ME"),
    ],
)
def test_base64url_of_the_standards_is_written_and_read(data: bytes, text: str) -> None:
    """Of text and of bytes alike."""
    assert encode_base64url(data) == text
    assert decode_base64url(text) == decode_base64url(text.encode("ascii")) == data


@pytest.mark.parametrize(
    "text",
    [
        "Zg==", "Zm8=", "Zm9v\n", " Zm9v", "Zm 9v", "A+z/4ME", "Z", "Zm9vZ", "Zh", "Zv", "Zm9", "Zm-_Zm9", "Zm9v\0",
        "Zgé", "\ud800",
    ],
)  # fmt: skip
def test_another_way_of_writing_the_same_bytes_is_refused(text: str) -> None:
    """Padding, white space, the other alphabet, an impossible length, unused bits that are set."""
    with pytest.raises(Refusal) as caught:
        decode_base64url(text)
    assert caught.value.code == "base64-invalid"


def test_an_object_is_read_with_all_that_the_protocol_uses() -> None:
    """Texts beyond the basic plane, the largest numbers, true, false, null, arrays and objects, white space."""
    values = {
        "a": 'Đồng Nai \U0001f4dc\n"\\[{',
        "b": [1, -INTEGER_MAX, INTEGER_MAX, 0],
        "c": {"": [True, False, None]},
    }
    for data in (json.dumps(values, indent=1).encode(), b" \t\r\n" + render_object(values) + b"\n"):
        assert parse_object(data, size_bytes_max=1000, depth_max=3) == values


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "json-invalid"),
        (b" ", "json-invalid"),
        (b"[]", "json-invalid"),
        (b"1", "json-invalid"),
        (b'"a"', "json-invalid"),
        (b"null", "json-invalid"),
        (b"{}{}", "json-invalid"),
        (b"{} x", "json-invalid"),
        (b"{}\0", "json-invalid"),
        (b"{'a':1}", "json-invalid"),
        (b'{"a":1,}', "json-invalid"),
        (b'{"a":01}', "json-invalid"),
        (b'{"a":+1}', "json-invalid"),
        (b'{"a":"\n"}', "json-invalid"),
        (b'{"a":"\\x"}', "json-invalid"),
        (b'{"a":1 /* one */}', "json-invalid"),
        (b"\xef\xbb\xbf{}", "json-invalid"),
        ("{}".encode("utf-16"), "json-invalid"),
        ("{}".encode("utf-32-le"), "json-invalid"),
        (b'{"a":"\xff"}', "json-invalid"),
        (b'{"a":"\xc0\x80"}', "json-invalid"),
        (b'{"a":"\xed\xa0\x80"}', "json-invalid"),
        (b'{"a":["\\ud800"]}', "json-invalid"),
        (b'{"\\udc00\\ud800":1}', "json-invalid"),
        (b'{"a":1,"a":1}', "json-duplicate-key"),
        (b'{"a":1,"\\u0061":2}', "json-duplicate-key"),
        (b'{"b":[{"a":1,"c":2,"a":1}]}', "json-duplicate-key"),
        (b'{"a":NaN}', "json-number"),
        (b'{"a":Infinity}', "json-number"),
        (b'{"a":-Infinity}', "json-number"),
        (b'{"a":1.0}', "json-number"),
        (b'{"a":1e2}', "json-number"),
        (b'{"a":1e999}', "json-number"),
        (b'{"a":9007199254740992}', "json-number"),
        (b'{"a":-9007199254740992}', "json-number"),
        (b'{"a":' + b"9" * 5000 + b"}", "json-number"),
        (b'{"a":[[[[]]]]}', "json-too-deep"),
        (b'{"a":' + b"[" * 100_000, "json-too-deep"),
        (b'{"a":' * 30_000, "json-too-deep"),
        (b'{"a":"' + b'\\"' * 60_000, "json-invalid"),
    ],
)  # fmt: skip
def test_json_that_readers_could_disagree_about_is_refused_with_its_reason(data: bytes, code: str) -> None:
    """Each fault has its own code, so that a sender knows what to look for."""
    assert refused(data) == code


def test_brackets_inside_texts_do_not_count_as_depth() -> None:
    """Also not after an escaped quotation mark."""
    data = rb'{"a":"[[[[[[{{{{\"[[[[","[[[[[\\":"]"}'
    assert parse_object(data, size_bytes_max=100, depth_max=1) == json.loads(data)


def test_size_is_looked_at_before_anything_else() -> None:
    """At the limit it is read, one byte more is refused whatever it holds."""
    assert parse_object(b'{"a":1}', size_bytes_max=7, depth_max=1) == {"a": 1}
    assert refused(b"\xff" * 8, size_bytes_max=7) == "json-too-large"


def test_half_a_surrogate_pair_is_not_written_either() -> None:
    """A client hears of it before it signs."""
    with pytest.raises(Refusal) as caught:
        render_object({"a": "\ud800"})
    assert caught.value.code == "json-invalid"
