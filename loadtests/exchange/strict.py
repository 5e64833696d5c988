"""Strict base64url and strict JSON: every text has one meaning, or it is refused.

Rule kept here: what two careful readers could read differently is not read at all (a member that stands twice,
a padded or sloppy base64, a fraction, half a surrogate pair), and reading costs time in proportion to size.
"""

from __future__ import annotations

import binascii
import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from loadtests.exchange.errors import Refusal

INTEGER_MAX: Final = 2**53 - 1  # what every JSON reader holds exactly (RFC 8259 §6, RFC 7493 §2.2)
SHA256_BYTES: Final = 32
TIME_MAX: Final = 253_402_300_799  # 9999-12-31T23:59:59Z: the last second with a four-digit year (RFC 3339)
_INTEGER_DIGITS_MAX: Final = len(str(INTEGER_MAX))
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
# The padding and the two letters that base64url does not have become one that no base64 has.
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/***")
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST_LETTERS: Final[tuple[frozenset[bytes], ...]] = (
    frozenset(),
    frozenset(),  # no bytes have such a length
    frozenset(_LETTERS[value : value + 1] for value in range(0, 64, 16)),
    frozenset(_LETTERS[value : value + 1] for value in range(0, 64, 4)),
)
"""By what a text's length is over a multiple of four: the letters whose unused bits are zero."""
# No way back (possessive), so that no text makes it slower than linear; a text without an end is one as well.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")

_TYPE_NAMES: Final = {
    dict: "an object",
    list: "an array",
    str: "a text",
    bool: "true or false",
    int: "a number",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read before anything is believed; every limit with its reason.

    Args:
        manifest_bytes_max: 50 documents with the longest names and media types take 32 kB, 1000 recipients
            16 kB, all the rest 4 kB; the double leaves room for line breaks and for letters written as escapes.
        payload_bytes_max: What is signed: a manifest, or evidence that repeats much of one with digests.
        header_bytes_max: The five members take less than 200 bytes; room for a longer ``typ``.
        signature_bytes_max: An RSA signature of 4096 bits, the longest of the three algorithms.
        json_depth_max: A manifest nests three deep, evidence with its validation a little more.
        recipients_max: Every office of a large province at once; Quang Ninh had 609 exchanging units in 2018.
        documents_max: One letter with its annexes; each costs a file, a digest and a part of the request.
        document_bytes_max: Bodies are streamed, so this protects the disk, not the memory: five times the
            100 MiB of the largest documents the exchange is tested with.
        message_bytes_max: All documents of one message: two of the largest.
    """

    manifest_bytes_max: int = 128 * 1024
    payload_bytes_max: int = 256 * 1024
    header_bytes_max: int = 512
    signature_bytes_max: int = 512
    json_depth_max: int = 8
    recipients_max: int = 1000
    documents_max: int = 50
    document_bytes_max: int = 512 * 1024**2
    message_bytes_max: int = 1024**3


LIMITS: Final = Limits()


def encode_base64url(data: bytes) -> str:
    """The bytes as base64url without padding (RFC 7515 §2)."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


def decode_base64url(text: str | bytes) -> bytes:
    """The bytes that exactly this text stands for.

    Raises:
        Refusal: ``base64-invalid``: another alphabet, padding, white space, a length no bytes have, or unused
            bits that are not zero (RFC 4648 §3.5), so that no two texts stand for the same bytes.
    """
    # A letter outside ASCII becomes bytes outside the alphabet; half a surrogate pair too.
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    over = len(raw) % 4
    # The library does not look at unused bits: they are in the last letter, where the length leaves any.
    if not over or raw[-1:] in _LAST_LETTERS[over]:
        with suppress(binascii.Error):
            return binascii.a2b_base64(raw.translate(_FROM_URL) + b"=" * (-over % 4), strict_mode=True)
    raise Refusal(
        "base64-invalid",
        "found a character, a length or unused bits that base64url does not have",
        "A-Z a-z 0-9 - _ only: no padding, no white space, no + and no /, unused bits zero",
    )


def parse_object(data: bytes, *, size_bytes_max: int, depth_max: int) -> dict[str, Any]:
    """The JSON object that the bytes hold: text, whole numbers, true, false, null, arrays and objects.

    Args:
        data: JSON in UTF-8.
        size_bytes_max: Larger data are refused before they are looked at.
        depth_max: How many arrays and objects may stand inside one another; the outermost counts as one.

    Raises:
        Refusal: ``json-too-large``, ``json-too-deep``, ``json-duplicate-key``, ``json-number`` (not whole, or
            beyond 2^53 - 1), ``json-invalid`` (not UTF-8, a byte order mark, not JSON, not an object, half a
            surrogate pair).
    """
    if len(data) > size_bytes_max:
        raise Refusal("json-too-large", f"found {len(data)} bytes", f"at most {size_bytes_max}")
    _check_depth(data, depth_max)
    try:
        value = _DECODER.decode(data.decode("utf-8"))
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal("json-invalid", f"byte {error.start} is not UTF-8", "write JSON in UTF-8") from None
    except UnicodeEncodeError:
        raise _half_a_pair() from None
    except json.JSONDecodeError as error:
        raise Refusal("json-invalid", f"{error.msg} at character {error.pos}", "one JSON object") from None
    if not isinstance(value, dict):
        raise Refusal("json-invalid", f"found {type_name(value)}", "an object {…} at the top")
    return value


def type_name(value: object) -> str:
    """What a JSON value is, in words for a message."""
    return _TYPE_NAMES.get(type(value), "null")


def render_object(value: dict[str, Any]) -> bytes:
    """The object as compact JSON in UTF-8, members in the order given; ``parse_object`` reads it back.

    Raises:
        Refusal: ``json-invalid``: a text holds half a surrogate pair.
    """
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        raise _half_a_pair() from None


def _half_a_pair() -> Refusal:
    return Refusal("json-invalid", "found half a surrogate pair", "whole characters only")


def _check_depth(data: bytes, depth_max: int) -> None:
    """Refuse what is nested too deeply before a recursive reader sees it; strings are passed over."""
    if data.count(b"[") + data.count(b"{") <= depth_max:
        return  # nothing is nested more often than it is opened
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        if depth > depth_max:
            raise Refusal("json-too-deep", f"nested more than {depth_max} deep", f"at most {depth_max}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise Refusal("json-duplicate-key", f"found member {twice[:40]!a} twice", "name each member once")
    return found


def _integer(text: str) -> int:
    if len(text) > _INTEGER_DIGITS_MAX + 1 or abs(number := int(text)) > INTEGER_MAX:
        _refuse_number(text)
    return number


def _refuse_number(text: str) -> NoReturn:
    raise Refusal("json-number", f"found {text[:24]}", f"a whole number from -{INTEGER_MAX} to {INTEGER_MAX}")


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_refuse_number,
    parse_constant=_refuse_number,
)
