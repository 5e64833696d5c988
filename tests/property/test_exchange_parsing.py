"""What holds for all bytes that reach the exchange: they are understood in one way, or refused with a code."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.exchange import jws
from loadtests.exchange.errors import Refusal
from loadtests.exchange.keys import Algorithm
from loadtests.exchange.manifest import Document, Manifest, MessageKind, Urgency, parse, render
from loadtests.exchange.strict import (
    INTEGER_MAX,
    TIME_MAX,
    decode_base64url,
    encode_base64url,
    parse_object,
    render_object,
)
from tests.unit.loadtests.manifests import AT, CERTIFICATE_SHA256, a_manifest, as_bytes, private_key

EXAMPLES = settings(max_examples=150, deadline=None)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
CODES = st.from_regex(r"[0-9A-Z]{3}\.[0-9A-Z]{2}\.[0-9A-Z]{2}\.[A-Z][0-9]{2}", fullmatch=True)
IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}", fullmatch=True)
SEEN = st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])


def texts(chars_max: int, alphabet: st.SearchStrategy[str] = SEEN) -> st.SearchStrategy[str]:
    """Texts that a manifest may hold."""
    raw = st.text(alphabet, min_size=1, max_size=chars_max).map(lambda text: normalize("NFC", text).strip())
    return raw.filter(lambda text: 1 <= len(text) <= chars_max)


DOCUMENTS = st.builds(
    Document,
    # Device names and dots at an end have tests of their own.
    name=texts(
        60, st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"], exclude_characters='/\\:*?"<>|.')
    ).map(lambda name: f"_{name}.pdf"),
    media_type=st.from_regex(
        r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", fullmatch=True
    ),
    size_bytes=st.integers(1, 2**25),
    sha256=st.binary(min_size=32, max_size=32),
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Manifests that are right, of every kind."""
    kind = draw(st.sampled_from(MessageKind))
    message_id, earlier = draw(st.lists(IDS, min_size=2, max_size=2, unique=True))
    least = 0 if kind in {MessageKind.RECALL, MessageKind.UPDATE} else 1
    created_at, expires_at = sorted(
        draw(st.lists(st.integers(0, TIME_MAX), min_size=2, max_size=2, unique=True))
    )
    return Manifest(
        message_id=message_id,
        sender=draw(CODES),
        recipients=tuple(draw(st.lists(CODES, min_size=1, max_size=5, unique=True))),
        kind=kind,
        document_type=draw(texts(100)),
        number=draw(texts(11)),
        notation=draw(texts(30)),
        subject=draw(texts(500)),
        urgency=draw(st.sampled_from(Urgency)),
        documents=tuple(
            draw(st.lists(DOCUMENTS, min_size=least, max_size=3, unique_by=lambda one: one.name.casefold()))
        ),
        created_at=created_at,
        expires_at=expires_at,
        audience=draw(st.from_regex(r"[a-z0-9][a-z0-9.:/_-]{0,199}", fullmatch=True)),
        refers_to=None if kind is MessageKind.NEW else earlier,
        due_date=draw(st.none() | st.dates(date(1, 1, 1))),
    )


@st.composite
def mutated(draw: st.DrawFn, original: bytes) -> bytes:
    """The bytes with one to three changes: bits turned, a stretch cut, doubled, moved or replaced."""
    data = original
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        piece = data[start:end]
        middle = draw(
            st.sampled_from([b"", piece + piece, piece[::-1], piece.upper(), bytes(b ^ 1 for b in piece)])
            | st.binary(max_size=8)
            | st.sampled_from(
                [b".", b"=", b'"', b"{", b"}", b",", b"\\u0000", b"null", b"-1", b"\xff", b"\n"]
            )
        )
        data = data[:start] + middle + data[end:]
    return data


@EXAMPLES
@given(st.binary(max_size=100))
def test_base64url_goes_and_comes_back(data: bytes) -> None:
    """All bytes have one text."""
    assert decode_base64url(encode_base64url(data)) == data


@EXAMPLES
@given(st.text(st.sampled_from("AZaz09-_wgQ"), max_size=12) | st.text(max_size=8) | st.binary(max_size=8))
def test_a_text_that_is_taken_for_base64url_is_the_only_one_for_its_bytes(text: str | bytes) -> None:
    """Written again it is the same."""
    with suppress(Refusal):
        data = decode_base64url(text)
        assert encode_base64url(data) == (text if isinstance(text, str) else text.decode("ascii"))


@EXAMPLES
@given(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=4))
def test_json_goes_and_comes_back(values: dict[str, Any]) -> None:
    """Written by us or by the standard library, escaped or not."""
    for data in (render_object(values), json.dumps(values, indent=2).encode("ascii")):
        assert parse_object(data, size_bytes_max=10**6, depth_max=20) == values


@EXAMPLES
@given(st.data())
def test_json_that_is_taken_means_what_it_means_elsewhere(data: st.DataObject) -> None:
    """A lenient reader reads the same; whatever comes, nothing but a refusal is raised."""
    raw = data.draw(st.binary(max_size=60) | mutated(json.dumps({"a": data.draw(ANY_JSON)}).encode()))
    with suppress(Refusal):
        assert parse_object(raw, size_bytes_max=10**6, depth_max=20) == json.loads(raw)


@EXAMPLES
@given(manifests())
def test_a_manifest_goes_and_comes_back(manifest: Manifest) -> None:
    """Of every kind, with every letter that can be seen."""
    assert parse(render(manifest)) == manifest


@EXAMPLES
@given(st.data())
def test_whatever_comes_as_a_manifest_is_read_or_refused(data: st.DataObject) -> None:
    """Random bytes, a right one with changes; what is read can be written and read again."""
    raw = data.draw(st.binary(max_size=200) | mutated(render(data.draw(manifests()))))
    with suppress(Refusal):
        manifest = parse(raw)
        assert parse(render(manifest)) == manifest


@EXAMPLES
@given(st.sampled_from([*a_manifest(), "refers_to", "due_date", "more"]), ANY_JSON)
def test_whatever_stands_in_a_member_is_read_or_refused(member: str, value: object) -> None:
    """Any JSON in the place of any member."""
    with suppress(Refusal):
        manifest = parse(as_bytes(a_manifest(**{member: value})))
        assert parse(render(manifest)) == manifest


COMPACT = {
    algorithm: jws.sign(
        b'{"subject":"a payload"}', private_key(algorithm), CERTIFICATE_SHA256, at=AT, typ=jws.MANIFEST_TYPE
    )
    for algorithm in Algorithm
}


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_bit_turned_anywhere_in_a_signed_object_is_refused(algorithm: Algorithm) -> None:
    """Every single bit of it, one after the other."""
    compact, public_key = COMPACT[algorithm], private_key(algorithm).public_key()
    jws.check(jws.parse(compact), public_key)
    for bit in range(8 * len(compact)):
        turned = bytearray(compact)
        turned[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Refusal):
            jws.check(jws.parse(bytes(turned)), public_key)


@EXAMPLES
@given(st.sampled_from(Algorithm), st.data())
def test_a_changed_signed_object_is_refused(algorithm: Algorithm, data: st.DataObject) -> None:
    """By nothing but a refusal, and always."""
    changed = data.draw(mutated(COMPACT[algorithm]).filter(lambda found: found != COMPACT[algorithm]))
    with pytest.raises(Refusal):
        jws.check(jws.parse(changed), private_key(algorithm).public_key())


@EXAMPLES
@given(
    st.binary(max_size=300),
    st.dictionaries(st.text(max_size=8), ANY_JSON, max_size=5),
    st.binary(max_size=70),
)
def test_whatever_comes_as_a_signed_object_is_refused(
    junk: bytes, header: dict[str, Any], signature: bytes
) -> None:
    """Random bytes, and a random header before random signature bytes."""
    public_key = private_key(Algorithm.ES256).public_key()
    parts: list[Callable[[], bytes]] = [
        lambda: junk,
        lambda: b".".join(
            encode_base64url(part).encode() for part in (json.dumps(header).encode(), junk, signature)
        ),
    ]
    for part in parts:
        with pytest.raises(Refusal):
            jws.check(jws.parse(part()), public_key)


@EXAMPLES
@given(st.binary(min_size=1, max_size=300), st.sampled_from(Algorithm), st.integers(0, TIME_MAX))
def test_what_is_signed_comes_back_whatever_it_is(payload: bytes, algorithm: Algorithm, at: int) -> None:
    """Payload and time of signing."""
    key = private_key(algorithm)
    unverified = jws.parse(jws.sign(payload, key, CERTIFICATE_SHA256, at=at, typ="edoc-test+jws"))
    assert jws.check(unverified, key.public_key()) == payload
    assert unverified.signed_at == at
