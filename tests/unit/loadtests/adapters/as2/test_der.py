"""The reader of ASN.1 values takes what the writer wrote, and refuses the rest without any other error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.adapters.as2 import der


@given(st.binary(max_size=300), st.integers(0, 3))
def test_what_was_written_is_read(content: bytes, depth: int) -> None:
    """Any content, any nesting, lengths of one and of more octets."""
    encoded = der.write(der.OCTETS, content)
    for _ in range(depth):
        encoded = der.write(der.SEQUENCE, encoded, der.write(der.INTEGER, b"\x01"))
    value = der.read(encoded)
    assert value.raw == encoded
    for _ in range(depth):
        value, number = value.expect(der.SEQUENCE).children
        assert number.content == b"\x01"
    assert value.expect(der.OCTETS).content == content


def test_long_contents_have_long_lengths() -> None:
    """127, 128, 256 and 70,000 octets, as X.690, 8.1.3, writes their lengths."""
    heads = [der.write(der.OCTETS, bytes(size))[:4] for size in (127, 128, 256, 70_000)]
    assert [head.hex() for head in heads] == ["047f0000", "04818000", "04820100", "04830111"]
    assert len(der.read(der.write(der.OCTETS, bytes(70_000))).content) == 70_000


@pytest.mark.parametrize(
    ("dotted", "encoded"),
    [
        ("1.2.840.113549.1.7.2", "06092a864886f70d010702"),
        ("2.16.840.1.101.3.4.2.1", "0609608648016503040201"),
        ("2.5.29.14", "0603551d0e"),
    ],
)
def test_object_identifiers(dotted: str, encoded: str) -> None:
    """Known encodings of three identifiers, with arcs of one to three octets."""
    assert der.oid(dotted).hex() == encoded


@given(st.binary(max_size=40))
def test_nothing_but_a_der_error(data: bytes) -> None:
    """Arbitrary octets, with everything inside, are values or errors of this one kind."""
    try:
        open_values = [der.read(data)]
        while open_values:
            value = open_values.pop()
            if value.tag & 0x20:
                open_values += value.children
    except der.DerError:
        pass


def test_a_value_cut_anywhere_is_refused() -> None:
    """Every proper beginning of a value, and a value with something behind it."""
    whole = der.write(der.SEQUENCE, der.write(der.OCTETS, bytes(200)), der.oid("1.2.3"))
    for cut in range(len(whole)):
        with pytest.raises(der.DerError):
            der.read(whole[:cut])
    with pytest.raises(der.DerError, match="follow"):
        der.read(whole + b"\x00")


def test_indefinite_lengths() -> None:
    """Nested ones are read, but not without an end, not in a primitive value, and not without bound."""
    inner = der.write(der.INTEGER, b"\x05")
    value = der.read(b"\x30\x80" + b"\x31\x80" + inner + b"\x00\x00" + b"\x00\x00")
    assert value.children[0].children[0].raw == inner
    assert not value.definite
    for wrong in (b"\x30\x80" + inner, b"\x04\x80\x00\x00", b"\x30\x80" * 20 + b"\x00\x00" * 20):
        with pytest.raises(der.DerError):
            der.read(wrong)
