"""Signed objects: what is written, what is taken apart, and every way of cheating with a header."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from loadtests.exchange import jws
from loadtests.exchange.errors import Refusal
from loadtests.exchange.keys import P256_ORDER, Algorithm, PublicKey
from loadtests.exchange.strict import LIMITS, TIME_MAX
from tests.unit.loadtests.manifests import AT, CERTIFICATE_SHA256, private_key

PAYLOAD = '{"subject":"Về việc"}'.encode()
KEY = private_key(Algorithm.ES256)
PUBLIC_KEY = KEY.public_key()
COMPACT = jws.sign(PAYLOAD, KEY, CERTIFICATE_SHA256, at=AT, typ=jws.MANIFEST_TYPE)


def b64(data: bytes) -> bytes:
    """Base64url without the code under test."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def unb64(data: bytes) -> bytes:
    """Bytes of base64url without the code under test."""
    return base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))


def a_header(**changes: Any) -> dict[str, Any]:
    """A header with valid values; ``x5t`` stands for ``x5t#S256``, ``...`` leaves a member out."""
    values: dict[str, Any] = {
        "alg": "ES256",
        "typ": jws.MANIFEST_TYPE,
        "iat": AT,
        "x5t#S256": b64(CERTIFICATE_SHA256).decode(),
    }
    if "x5t" in changes:
        changes["x5t#S256"] = changes.pop("x5t")
    return {name: value for name, value in (values | changes).items() if value is not ...}


def signed(header: dict[str, Any] | bytes) -> bytes:
    """A JWS under this header, properly signed by bare calls with the ES256 key."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    signing_input = b64(raw) + b"." + b64(PAYLOAD)
    assert isinstance(KEY, ec.EllipticCurvePrivateKey)
    der = KEY.sign(signing_input, ec.ECDSA(hashes.SHA256()))
    r_length = der[3]
    r, s = der[4 : 4 + r_length], der[6 + r_length :]
    raw_signature = b"".join(half.lstrip(b"\0").rjust(32, b"\0") for half in (r, s))
    return signing_input + b"." + b64(raw_signature)


def refused(compact: bytes, public_key: PublicKey = PUBLIC_KEY) -> str:
    """The code that the JWS is refused with, whether on reading or on checking."""
    with pytest.raises(Refusal) as caught:
        jws.check(jws.parse(compact), public_key)
    return caught.value.code


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_what_is_signed_is_read_and_checked(algorithm: Algorithm) -> None:
    """Payload and header come back as they were given."""
    key = private_key(algorithm)
    compact = jws.sign(PAYLOAD, key, CERTIFICATE_SHA256, at=AT, typ=jws.EVIDENCE_TYPE)
    unverified = jws.parse(compact)
    assert unverified.algorithm is algorithm
    assert unverified.payload == PAYLOAD
    assert unverified.certificate_sha256 == CERTIFICATE_SHA256
    assert (unverified.signed_at, unverified.typ) == (AT, jws.EVIDENCE_TYPE)
    assert dict(unverified.header) == a_header(alg=algorithm.value, typ=jws.EVIDENCE_TYPE)
    assert unverified.signing_input + b"." + b64(unverified.signature) == compact
    assert jws.check(unverified, key.public_key()) == PAYLOAD


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_bare_calls_find_the_signature_right(algorithm: Algorithm) -> None:
    """Another program that follows RFC 7515 and RFC 7518 takes what is written here."""
    key = private_key(algorithm)
    compact = jws.sign(PAYLOAD, key, CERTIFICATE_SHA256, at=AT, typ=jws.MANIFEST_TYPE)
    header, payload, encoded = compact.split(b".")
    assert json.loads(unb64(header)) == a_header(alg=algorithm.value)
    assert unb64(payload) == PAYLOAD
    signature, signing_input = unb64(encoded), header + b"." + payload
    match key.public_key():
        case ec.EllipticCurvePublicKey() as public_key:
            r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            public_key.verify(encode_dss_signature(r, s), signing_input, ec.ECDSA(hashes.SHA256()))
        case rsa.RSAPublicKey() as public_key:
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            public_key.verify(signature, signing_input, pss, hashes.SHA256())
        case Ed25519PublicKey() as public_key:
            public_key.verify(signature, signing_input)


def test_what_bare_calls_signed_is_taken() -> None:
    """Spaces in the header and another order of its members are the sender's choice; so is crit with iat."""
    for header in (a_header(), a_header(crit=["iat"]), dict(reversed(a_header().items()))):
        assert jws.check(jws.parse(signed(header)), PUBLIC_KEY) == PAYLOAD


def test_both_twins_of_a_signature_prove_the_same_payload() -> None:
    """So documents are told apart by their payload, never by signature bytes or by the JWS as a whole."""
    head, _, encoded = COMPACT.rpartition(b".")
    signature = unb64(encoded)
    s = P256_ORDER - int.from_bytes(signature[32:], "big")
    twin = head + b"." + b64(signature[:32] + s.to_bytes(32, "big"))
    assert twin != COMPACT
    assert jws.check(jws.parse(twin), PUBLIC_KEY) == jws.check(jws.parse(COMPACT), PUBLIC_KEY) == PAYLOAD


def test_another_key_and_another_kind_of_key_are_refused() -> None:
    """The key of the registered certificate rules, whatever the header names."""
    assert refused(COMPACT, ec.derive_private_key(5, ec.SECP256R1()).public_key()) == "signature-invalid"
    assert refused(COMPACT, private_key(Algorithm.PS256).public_key()) == "algorithm-mismatch"
    assert refused(COMPACT, private_key(Algorithm.EDDSA).public_key()) == "algorithm-mismatch"
    assert refused(COMPACT, ec.derive_private_key(5, ec.SECP384R1()).public_key()) == "key-unsupported"


@pytest.mark.parametrize("alg", ["PS256", "EdDSA"])
def test_a_header_that_names_another_algorithm_than_the_key_has_is_refused(alg: str) -> None:
    """Also when the signature over it is right."""
    assert refused(signed(a_header(alg=alg))) == "algorithm-mismatch"


@pytest.mark.parametrize(
    "alg",
    ["none", "None", "NONE", "", "HS256", "HS512", "RS256", "ES384", "ES256K", "es256", None, 1, ["ES256"], {}],
)  # fmt: skip
def test_an_algorithm_that_does_not_exist_here_is_refused(alg: object) -> None:
    """Also when the signature over the header is right."""
    assert refused(signed(a_header(alg=alg))) == "algorithm-unsupported"


def test_no_signature_and_a_mac_keyed_with_the_public_key_are_refused() -> None:
    """The two forgeries that need no private key."""
    unsigned = b64(json.dumps(a_header(alg="none")).encode()) + b"." + b64(PAYLOAD)
    assert refused(unsigned + b".") == "jws-invalid"
    assert refused(unsigned + b"." + b64(bytes(64))) == "algorithm-unsupported"
    pem = PUBLIC_KEY.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for alg, code in (("HS256", "algorithm-unsupported"), ("ES256", "signature-invalid")):
        signing_input = b64(json.dumps(a_header(alg=alg)).encode()) + b"." + b64(PAYLOAD)
        mac = hmac.new(pem, signing_input, hashlib.sha256).digest()
        assert refused(signing_input + b"." + b64(mac)) == code


HEADER, BODY, SIGNATURE = COMPACT.split(b".")


@pytest.mark.parametrize(
    ("compact", "code"),
    [
        (b"", "jws-invalid"),
        (b"..", "jws-invalid"),
        (HEADER, "jws-invalid"),
        (HEADER + b"." + BODY, "jws-invalid"),
        (HEADER + b"." + BODY + b".", "jws-invalid"),
        (HEADER + b".." + SIGNATURE, "jws-invalid"),
        (b"." + BODY + b"." + SIGNATURE, "jws-invalid"),
        (HEADER + b".." + BODY + b"." + SIGNATURE, "jws-invalid"),
        (COMPACT + b"." + SIGNATURE, "jws-invalid"),
        (COMPACT + b".", "jws-invalid"),
        (b"." + COMPACT, "jws-invalid"),
        (COMPACT + COMPACT, "jws-invalid"),
        (COMPACT + SIGNATURE, "signature-invalid"),
        (COMPACT + b"AAAA", "signature-invalid"),
        (COMPACT + b"A", "signature-invalid"),
        (COMPACT + b"AAA", "base64-invalid"),
        (COMPACT + b"\n", "base64-invalid"),
        (COMPACT + b"\0", "base64-invalid"),
        (COMPACT + b"==", "base64-invalid"),
        (b" " + COMPACT, "base64-invalid"),
        (HEADER + b"\r\n." + BODY + b"." + SIGNATURE, "base64-invalid"),
        (HEADER + b"." + BODY + b" ." + SIGNATURE, "base64-invalid"),
        (HEADER + b"=." + BODY + b"." + SIGNATURE, "base64-invalid"),
        (COMPACT[:-1], "base64-invalid"),
        (COMPACT[:-2], "signature-invalid"),
        (b64(b"[]") + b"." + BODY + b"." + SIGNATURE, "json-invalid"),
        (b64(b"{}") + b"." + BODY + b"." + SIGNATURE, "header-invalid"),
        (b64(b'{"a":' * 20 + b"1" + b"}" * 20) + b"." + BODY + b"." + SIGNATURE, "json-too-deep"),
        (json.dumps({"payload": BODY.decode(), "signature": SIGNATURE.decode()}).encode(), "jws-invalid"),
    ],
)  # fmt: skip
def test_a_jws_that_is_cut_doubled_padded_or_spaced_is_refused(compact: bytes, code: str) -> None:
    """There is one way of writing a JWS."""
    assert refused(compact) == code


def test_unused_bits_of_the_last_character_must_be_zero() -> None:
    """Else several JWS would stand for one signature; the last character of 64 bytes has four such bits."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(COMPACT[-1])
    assert last % 16 == 0
    for bits in range(1, 16):
        assert refused(COMPACT[:-1] + alphabet[last + bits : last + bits + 1]) == "base64-invalid"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (a_header(alg=...), "header-invalid"),
        (a_header(typ=...), "header-invalid"),
        (a_header(iat=...), "header-invalid"),
        (a_header(x5t=...), "header-invalid"),
        (a_header(jku="https://keys.example"), "header-invalid"),
        (a_header(jwk={}), "header-invalid"),
        (a_header(x5c=[]), "header-invalid"),
        (a_header(kid="1"), "header-invalid"),
        (a_header(b64=False, crit=["b64"]), "header-invalid"),
        (a_header(zip="DEF"), "header-invalid"),
        (a_header(sigT="2026-01-01T00:00:00Z"), "header-invalid"),
        (a_header(crit=["exp"]), "header-critical-unknown"),
        (a_header(crit=["iat", "exp"]), "header-critical-unknown"),
        (a_header(crit=["alg"]), "header-critical-unknown"),
        (a_header(crit=[]), "header-invalid"),
        (a_header(crit=["iat", "iat"]), "header-invalid"),
        (a_header(crit="iat"), "header-invalid"),
        (a_header(crit=[["iat"]]), "header-invalid"),
        (a_header(crit={"iat": 1}), "header-invalid"),
        (a_header(crit=None), "header-invalid"),
        (a_header(iat=None), "header-invalid"),
        (a_header(iat=True), "header-invalid"),
        (a_header(iat=str(AT)), "header-invalid"),
        (a_header(iat=-1), "header-invalid"),
        (a_header(iat=TIME_MAX + 1), "header-invalid"),
        (a_header(iat=AT + 0.5), "json-number"),
        (a_header(typ=None), "header-invalid"),
        (a_header(typ=""), "header-invalid"),
        (a_header(typ="JWT"), "header-invalid"),
        (a_header(typ="a" * 65), "header-invalid"),
        (a_header(x5t=None), "header-invalid"),
        (a_header(x5t=b64(bytes(20)).decode()), "header-invalid"),
        (a_header(x5t=b64(bytes(33)).decode()), "header-invalid"),
        (a_header(x5t=b64(bytes(32)).decode() + "="), "base64-invalid"),
        (a_header(x5t=b64(bytes(32)).decode()[:-1] + "B"), "base64-invalid"),
        (a_header(typ="a" * 600), "jws-too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_header_with_anything_missing_unknown_or_out_of_range_is_refused(
    header: dict[str, Any], code: str
) -> None:
    """Although it is properly signed."""
    assert refused(signed(header)) == code


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"ES256","alg":"ES256"}',
        json.dumps(a_header()).encode()[:-1] + b',"alg":"PS256"}',
        json.dumps(a_header()).encode()[:-1] + b',"\\u0061lg":"ES256"}',
        json.dumps(a_header()).encode()[:-1] + b',"x5t#S256":"AAAA"}',
    ],
)
def test_a_header_that_names_a_member_twice_is_refused(header: bytes) -> None:
    """Two verifiers would take different ones."""
    assert refused(signed(header)) == "json-duplicate-key"


def test_every_part_has_its_limit_and_the_whole_is_looked_at_first() -> None:
    """One byte more than a limit is refused, whatever it holds."""
    for limits in (
        replace(LIMITS, payload_bytes_max=len(PAYLOAD) - 1),
        replace(LIMITS, header_bytes_max=len(unb64(HEADER)) - 1),
        replace(LIMITS, signature_bytes_max=63),
    ):
        with pytest.raises(Refusal) as caught:
            jws.parse(COMPACT, limits)
        assert caught.value.code == "jws-too-large"
    exact = replace(
        LIMITS, payload_bytes_max=len(PAYLOAD), header_bytes_max=len(unb64(HEADER)), signature_bytes_max=64
    )
    assert jws.parse(COMPACT, exact).payload == PAYLOAD
    assert refused(b"\xff" * 1_000_000) == "jws-too-large"
    assert refused(b64(b" " * 513) + b"." + BODY + b"." + SIGNATURE) == "jws-too-large"


def test_a_signature_made_for_one_thing_does_not_count_for_another() -> None:
    """A manifest is no receipt."""
    unverified = jws.parse(COMPACT)
    jws.require_type(unverified, jws.MANIFEST_TYPE)
    with pytest.raises(Refusal) as caught:
        jws.require_type(unverified, jws.EVIDENCE_TYPE)
    assert caught.value.code == "signed-type-mismatch"


def test_nothing_in_an_unverified_object_can_be_changed_before_it_is_checked() -> None:
    """What was looked at is what is checked."""
    with pytest.raises(TypeError):
        jws.parse(COMPACT).header["alg"] = "PS256"  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"at": -1}, "header-invalid"),
        ({"at": TIME_MAX + 1}, "header-invalid"),
        ({"typ": "JWT"}, "header-invalid"),
        ({"certificate_sha256": bytes(20)}, "header-invalid"),
        ({"key": ec.derive_private_key(5, ec.SECP384R1())}, "key-unsupported"),
    ],
)
def test_what_nobody_would_take_is_not_signed(changes: dict[str, Any], code: str) -> None:
    """A time, a type, a digest or a key out of range is refused before signing."""
    arguments = {
        "key": KEY,
        "certificate_sha256": CERTIFICATE_SHA256,
        "at": AT,
        "typ": "edoc-test+jws",
    } | changes
    with pytest.raises(Refusal) as caught:
        jws.sign(PAYLOAD, **arguments)
    assert caught.value.code == code
