"""HTTP Message Signatures by hand: RFC 9421 worked out with nothing but a key, beside what the exchange takes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from loadtests.exchange.errors import Refusal
from loadtests.exchange.keys import Algorithm, PrivateKey
from loadtests.exchange.requests import FIELD_CHARS_MAX, Signed, check_request, read_signature, sign_request
from loadtests.exchange.strict import encode_base64url
from tests.unit.loadtests.manifests import AT, CERTIFICATE_SHA256, private_key

URL: Final = "https://exchange.example/v1/inbox?after=-1&limit=100"
NONCE: Final = "bm9uY2UtbWFkZS1vbmNl"
KEYID: Final = encode_base64url(CERTIFICATE_SHA256)
NAMES: Final = {
    Algorithm.ES256: "ecdsa-p256-sha256",
    Algorithm.PS256: "rsa-pss-sha512",
    Algorithm.EDDSA: "ed25519",
}
VALUES: Final = {
    '"@method"': "GET",
    '"@target-uri"': URL,
    '"@authority"': "exchange.example",
    '"@path"': "/v1/inbox",
    '"accept"': "application/json",
    '"content-digest"': "",
}
BODY: Final = b'{"hello": "world"}'  # RFC 9530, appendix B
BODY_DIGEST: Final = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"  # as given there
FULL: Final = {
    "created": str(AT),
    "expires": str(AT + 60),
    "nonce": f'"{NONCE}"',
    "keyid": f'"{KEYID}"',
    "alg": '"ecdsa-p256-sha256"',
}
P256: Final = private_key(Algorithm.ES256)


def raw_signature(key: PrivateKey, base: bytes) -> bytes:
    """As RFC 9421 §3.3 writes it for each algorithm."""
    match key:
        case ec.EllipticCurvePrivateKey():
            r, s = decode_dss_signature(key.sign(base, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        case rsa.RSAPrivateKey():
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64)
            return key.sign(base, pss, hashes.SHA512())
        case ed25519.Ed25519PrivateKey():
            return key.sign(base)


def signature_base(components: tuple[str, ...], parameters: str, values: Mapping[str, str] = VALUES) -> bytes:
    """RFC 9421 §2.5."""
    lines = [f"{name}: {values[name]}" for name in components]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode()


def by_hand(
    components: tuple[str, ...] = ('"@method"', '"@target-uri"'),
    *,
    key: PrivateKey = P256,
    label: str = "congvan",
    values: Mapping[str, str] = VALUES,
    signature: bytes | None = None,
    changed: Mapping[str, str | None] = MappingProxyType({}),
) -> dict[str, str]:
    """A request signed without the library; a parameter changed to None is left out."""
    given = {name: value for name, value in (FULL | dict(changed)).items() if value is not None}
    parameters = f"({' '.join(components)});" + ";".join(f"{name}={value}" for name, value in given.items())
    if signature is None:
        known = tuple(name for name in components if name in values)
        signature = raw_signature(key, signature_base(known, parameters, values))
    text = base64.b64encode(signature).decode()
    fields = {"signature-input": f"{label}={parameters}", "signature": f"{label}=:{text}:"}
    return fields | {"accept": "application/json"}


def check(
    headers: Mapping[str, str], key: PrivateKey = P256, *, method: str = "GET", url: str = URL
) -> Signed:
    """As a server that knows the key."""
    return check_request(method, url, headers, key.public_key())


def code(headers: Mapping[str, str], key: PrivateKey = P256, *, method: str = "GET", url: str = URL) -> str:
    """The code of the refusal."""
    with pytest.raises(Refusal) as caught:
        check(headers, key, method=method, url=url)
    return caught.value.code


@pytest.mark.parametrize("algorithm", Algorithm)
def test_what_was_signed_by_hand_counts(algorithm: Algorithm) -> None:
    """With each kind of key, for another label than ours, and with more covered than we ask for."""
    key, alg = private_key(algorithm), f'"{NAMES[algorithm]}"'
    right = Signed(CERTIFICATE_SHA256, NONCE, AT, AT + 60)
    assert check(by_hand(key=key, changed={"alg": alg}), key) == right
    more = ('"@target-uri"', '"@authority"', '"accept"', '"@method"', '"@path"')
    assert check(by_hand(more, key=key, changed={"alg": alg}, label="sig1"), key) == right
    assert check(by_hand(key=key, changed={"alg": alg, "tag": '"inbox"'}), key) == right


@pytest.mark.parametrize("algorithm", Algorithm)
def test_what_we_sign_can_be_checked_by_hand(algorithm: Algorithm) -> None:
    """The signature fits the base that RFC 9421 §2.5 makes of the header."""
    key = private_key(algorithm)
    digest = hashlib.sha256(BODY).digest()
    fields = sign_request("GET", URL, digest, key, CERTIFICATE_SHA256, at=AT, nonce=NONCE)
    assert fields["Content-Digest"] == BODY_DIGEST
    label, _, parameters = fields["Signature-Input"].partition("=")
    assert label == "congvan"
    components = ('"@method"', '"@target-uri"', '"content-digest"')
    assert parameters.startswith(f"({' '.join(components)});")
    base = signature_base(components, parameters, VALUES | {'"content-digest"': BODY_DIGEST})
    signature = base64.b64decode(fields["Signature"].removeprefix("congvan=:").removesuffix(":"))
    match key:
        case ec.EllipticCurvePrivateKey():
            halves = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
            key.public_key().verify(encode_dss_signature(*halves), base, ec.ECDSA(hashes.SHA256()))
        case rsa.RSAPrivateKey():
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64)
            key.public_key().verify(signature, base, pss, hashes.SHA512())
        case ed25519.Ed25519PrivateKey():
            key.public_key().verify(signature, base)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", URL),
        ("get", URL),
        ("GET", URL.replace("after=-1", "after=0")),
        ("GET", URL.replace("inbox", "outbox")),
        ("GET", URL.replace("exchange.example", "other.example")),
        ("GET", URL.replace("https", "http")),
        ("GET", URL + "&limit=1"),
        ("GET", "no URL"),
        ("GET", URL + "\x00ă"),
    ],
)
def test_a_signature_counts_for_one_request(method: str, url: str) -> None:
    """Not for another method, host, scheme, path or query."""
    assert code(by_hand(), method=method, url=url) == "request-signature-invalid"


@pytest.mark.parametrize(
    "components",
    [
        (),
        ('"@method"',),
        ('"@target-uri"',),
        ('"@method"', '"@path"', '"@authority"'),
        ('"@method"', '"@target-uri"', '"@method"'),
        ('"@method"', '"@target-uri"', '"date"'),
        ('"@method"', '"@target-uri"', '"@signature-params"'),
        ('"@method"', '"@target-uri"', '"@status"'),
        ('"@method"', '"@target-uri"', '"@nothing"'),
        ('"@method";req', '"@target-uri"'),
        ('"@method"', '"@target-uri";bs'),
        ('"@method"', '"@target-uri"', '"accept";sf;key="a"'),
        ('"@Method"', '"@target-uri"'),
        ("@method", "@target-uri"),
        ("1", "2"),
    ],
)
def test_too_little_or_what_cannot_be_covered_is_refused(components: tuple[str, ...]) -> None:
    """Method and target are always covered, each once, and nothing that the request does not have."""
    assert code(by_hand(components)) == "request-signature-invalid"


@pytest.mark.parametrize("name", FULL)
def test_every_parameter_is_needed(name: str) -> None:
    """Times, nonce, key and algorithm."""
    assert code(by_hand(changed={name: None})) == "request-signature-invalid"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("created", f'"{AT}"'),
        ("created", f"{AT}.5"),
        ("created", "-1"),
        ("created", "?1"),
        ("created", "253402300800"),
        ("expires", "999999999999999"),
        ("expires", "soon"),
        ("nonce", "token"),
        ("nonce", "17"),
        ("nonce", f":{NONCE}:"),
        ("keyid", '""'),
        ("keyid", f'"{KEYID}="'),
        ("keyid", f'"{KEYID[:-4]}"'),
        ("keyid", '"ă"'),
        ("alg", "ecdsa-p256-sha256"),
        ("context", '"more"'),
    ],
)
def test_a_parameter_that_is_no_such_value_is_refused(name: str, value: str) -> None:
    """Texts are strings, times are whole seconds, and there are no others than RFC 9421 has."""
    assert code(by_hand(changed={name: value})) == "request-signature-invalid"


@pytest.mark.parametrize(
    "alg", ["hmac-sha256", "rsa-v1_5-sha256", "ecdsa-p384-sha384", "ed25519", "none", ""]
)
def test_the_key_decides_the_algorithm(alg: str) -> None:
    """Naming another one is refused before anything is computed."""
    assert code(by_hand(changed={"alg": f'"{alg}"'})) == "algorithm-mismatch"


def test_a_public_key_is_no_secret() -> None:
    """What was made with it as the key of an HMAC does not count, whatever algorithm is named."""
    secret = P256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for alg, expected in (
        ("hmac-sha256", "algorithm-mismatch"),
        ("ecdsa-p256-sha256", "request-signature-invalid"),
    ):
        headers = by_hand(changed={"alg": f'"{alg}"'}, signature=b"")
        mac = hmac.HMAC(secret, hashes.SHA256())
        parameters = headers["signature-input"].removeprefix("congvan=")
        mac.update(signature_base(('"@method"', '"@target-uri"'), parameters))
        headers["signature"] = f"congvan=:{base64.b64encode(mac.finalize()).decode()}:"
        assert code(headers) == expected


def test_a_signature_of_another_form_or_key_is_refused() -> None:
    """DER, zeros, a half, none, a stranger's, a short salt."""
    good = by_hand()
    raw = base64.b64decode(good["signature"].removeprefix("congvan=:").removesuffix(":"))
    r, s = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
    for signature in (encode_dss_signature(r, s), bytes(64), raw[:32], b"", raw + b"\x00", b"\xff" * 64):
        assert code(by_hand(signature=signature)) == "request-signature-invalid"
    assert code(good, ec.derive_private_key(7, ec.SECP256R1())) == "request-signature-invalid"
    key = private_key(Algorithm.PS256)
    assert isinstance(key, rsa.RSAPrivateKey)
    headers = by_hand(key=key, changed={"alg": '"rsa-pss-sha512"'})
    parameters = headers["signature-input"].removeprefix("congvan=")
    short = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=32)
    wrong = key.sign(signature_base(('"@method"', '"@target-uri"'), parameters), short, hashes.SHA512())
    headers["signature"] = f"congvan=:{base64.b64encode(wrong).decode()}:"
    assert code(headers, key) == "request-signature-invalid"


def test_a_request_has_one_signature() -> None:
    """None is told apart from a bad one; two, or two names for one, are refused."""
    good = by_hand()
    for missing in ("signature", "signature-input"):
        assert code({name: value for name, value in good.items() if name != missing}) == "request-unsigned"
    assert code(good | {"signature": " "}) == "request-unsigned"
    other = by_hand(label="other")
    both = {name: f"{good[name]}, {other[name]}" for name in ("signature", "signature-input")}
    assert code(both) == "request-signature-invalid"
    assert code(good | {"signature": both["signature"]}) == "request-signature-invalid"
    assert code(good | {"signature": other["signature"]}) == "request-signature-invalid"
    twice = {name: f"{good[name]}, {good[name]}" for name in ("signature", "signature-input")}
    assert code(twice) == "request-signature-invalid"
    assert code(good | {"signature-input": "congvan"}) == "request-signature-invalid"
    assert code(good | {"signature": "congvan=1"}) == "request-signature-invalid"


def test_two_lines_of_a_field_are_two_signatures() -> None:
    """Whichever a server or a proxy would take, neither counts."""

    class Lines(dict[str, str]):
        def items(self) -> list[tuple[str, str]]:  # type: ignore[override] # as a server's header gives them
            return [("Signature-Input", self["a"]), ("signature-input", self["b"]), ("signature", self["c"])]

    good = by_hand()
    lines = Lines(a=good["signature-input"], b=good["signature-input"], c=good["signature"])
    with pytest.raises(Refusal) as caught:
        read_signature(lines)
    assert caught.value.code == "request-signature-invalid"


@pytest.mark.parametrize("name", FIELD_CHARS_MAX)
def test_a_long_field_is_not_read(name: str) -> None:
    """Up to its limit it counts, one character more and it does not."""
    components = ('"@method"', '"@target-uri"', '"content-digest"')
    headers = by_hand(components, values=VALUES | {'"content-digest"': BODY_DIGEST})
    headers["content-digest"] = BODY_DIGEST
    headers[name] = headers[name].ljust(FIELD_CHARS_MAX[name])
    check(headers)
    assert code(headers | {name: headers[name] + " "}) == "request-signature-invalid"


def test_a_body_is_covered_by_its_digest() -> None:
    """A signed digest is handed on; a body without one, or one that is not signed, is refused."""
    components = ('"@method"', '"@target-uri"', '"content-digest"')
    digest = hashlib.sha256(BODY).digest()
    values = VALUES | {'"content-digest"': BODY_DIGEST}
    good = by_hand(components, values=values) | {"content-digest": BODY_DIGEST, "content-length": "18"}
    assert check(good).body_sha256 == digest
    for coming in (
        {"content-length": "18"},
        {"transfer-encoding": "chunked"},
        {"content-digest": BODY_DIGEST},
    ):
        assert code(by_hand() | coming) == "request-signature-invalid"
    assert check(by_hand() | {"content-length": "0"}).body_sha256 is None
    long = base64.b64encode(hashlib.sha512(BODY).digest()).decode()
    for other in (f"sha-512=:{long}:", "sha-256=:AAAA:", "sha-256", "sha-256=1", "sha-256=(1 2)", ""):
        signed = by_hand(components, values=VALUES | {'"content-digest"': other})
        assert code(signed | {"content-digest": other}) == "request-signature-invalid"
