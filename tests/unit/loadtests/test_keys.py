"""Keys: their algorithm, signing and verifying, against the vectors of the standards and against bare calls."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from loadtests.exchange import keys
from loadtests.exchange.errors import Refusal
from loadtests.exchange.keys import P256_ORDER, Algorithm, algorithm_of, sign, verify
from tests.unit.loadtests.manifests import private_key

ALGORITHMS = list(Algorithm)
DATA = b"what is signed"
PRIME = 2**255 - 19


def octets(text: str) -> bytes:
    """Base64url of a standard's text, white space removed, without the code under test."""
    text = "".join(text.split())
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def es256() -> tuple[ec.EllipticCurvePublicKey, bytes]:
    """A public key on P-256 with a signature of ``DATA``."""
    key = private_key(Algorithm.ES256)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.public_key(), sign(key, DATA)


def refused(key: keys.PublicKey, algorithm: Algorithm, signature: bytes, data: bytes = DATA) -> str:
    """The code that a signature is refused with."""
    with pytest.raises(Refusal) as caught:
        verify(key, algorithm, signature, data)
    return caught.value.code


def test_the_algorithms_are_three_and_each_has_a_private_key() -> None:
    """No algorithm of a shared secret and none without a signature can be asked for."""
    assert [str(algorithm) for algorithm in Algorithm] == ["ES256", "PS256", "EdDSA"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_a_key_signs_its_public_key_verifies_and_nothing_else(algorithm: Algorithm) -> None:
    """Other data and another length are refused; another algorithm is named as such."""
    key = private_key(algorithm)
    public_key = key.public_key()
    signature = sign(key, DATA)
    assert algorithm_of(public_key) is algorithm
    verify(public_key, algorithm, signature, DATA)
    assert refused(public_key, algorithm, signature, DATA + b"\0") == "signature-invalid"
    for other in (b"", signature[:-1], signature + b"\0", bytes(len(signature)), b"\xff" * len(signature)):
        assert refused(public_key, algorithm, other) == "signature-invalid"
    for other_algorithm in set(Algorithm) - {algorithm}:
        assert refused(public_key, other_algorithm, signature) == "algorithm-mismatch"


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_the_same_key_and_data_give_the_same_signature(algorithm: Algorithm) -> None:
    """A simulation of the exchange replays byte by byte."""
    key = private_key(algorithm)
    assert sign(key, DATA) == sign(key, DATA)


def test_rfc_7515_appendix_a_3_verifies() -> None:
    """ES256 of somebody else."""
    x = octets("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")
    y = octets("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\4" + x + y)
    signing_input = (
        b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
        b"Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    signature = octets(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    verify(key, Algorithm.ES256, signature, signing_input)
    assert refused(key, Algorithm.ES256, signature, signing_input + b"x") == "signature-invalid"


def test_rfc_8037_appendix_a_4_is_signed_and_verified() -> None:
    """EdDSA with Ed25519 has one right answer."""
    key = Ed25519PrivateKey.from_private_bytes(octets("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
    signing_input = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = octets(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
    assert sign(key, signing_input) == signature
    verify(key.public_key(), Algorithm.EDDSA, signature, signing_input)


def test_rfc_6979_appendix_a_2_5_is_signed() -> None:
    """P-256 with SHA-256 over "sample": ES256 without a random number, r and s side by side."""
    private = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    signature = bytes.fromhex(
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    )
    assert sign(ec.derive_private_key(private, ec.SECP256R1()), b"sample") == signature


def test_ps256_is_pss_with_a_salt_as_long_as_the_digest() -> None:
    """Of another salt, of the older padding and of another digest nothing is taken."""
    key = private_key(Algorithm.PS256)
    assert isinstance(key, rsa.RSAPrivateKey)
    sha256, mgf = hashes.SHA256(), padding.MGF1(hashes.SHA256())
    key.public_key().verify(sign(key, DATA), DATA, padding.PSS(mgf, 32), sha256)
    verify(key.public_key(), Algorithm.PS256, key.sign(DATA, padding.PSS(mgf, 32), sha256), DATA)
    for signature in (
        key.sign(DATA, padding.PSS(mgf, 20), sha256),
        key.sign(DATA, padding.PSS(mgf, padding.PSS.MAX_LENGTH), sha256),
        key.sign(DATA, padding.PSS(padding.MGF1(hashes.SHA1()), 32), sha256),
        key.sign(DATA, padding.PSS(mgf, 32), hashes.SHA512()),
        key.sign(DATA, padding.PKCS1v15(), sha256),
    ):
        assert refused(key.public_key(), Algorithm.PS256, signature) == "signature-invalid"


def test_both_twins_of_an_ecdsa_signature_fit_so_neither_is_an_identity() -> None:
    """(r, n - s) is made without the key; whoever keys a table by signature bytes takes one message twice."""
    public_key, signature = es256()
    r, s = signature[:32], int.from_bytes(signature[32:], "big")
    twin = r + (P256_ORDER - s).to_bytes(32, "big")
    assert twin != signature
    for either in (signature, twin):
        verify(public_key, Algorithm.ES256, either, DATA)


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("value", [0, P256_ORDER, P256_ORDER + 1, 2**256 - 1])
def test_a_half_outside_the_group_is_refused(half: int, value: int) -> None:
    """Two zeros are the forgery that CVE-2022-21449 took for every message."""
    public_key, signature = es256()
    halves = [signature[:32], signature[32:]]
    halves[half] = value.to_bytes(32, "big")
    with pytest.raises(Refusal, match="outside 1 to n - 1") as caught:
        verify(public_key, Algorithm.ES256, b"".join(halves), DATA)
    assert caught.value.code == "signature-invalid"


def test_a_half_with_zeros_before_it_is_refused() -> None:
    """The same two numbers in more bytes would be one more signature that fits."""
    public_key, signature = es256()
    assert (
        refused(public_key, Algorithm.ES256, signature[:32] + b"\0" + signature[32:]) == "signature-invalid"
    )
    assert refused(public_key, Algorithm.ES256, b"\0" + signature) == "signature-invalid"


def test_es256_is_not_taken_in_der() -> None:
    """The form of certificates is not the form of JOSE; bare calls agree on what it means."""
    public_key, signature = es256()
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    public_key.verify(der, DATA, ec.ECDSA(hashes.SHA256()))
    assert refused(public_key, Algorithm.ES256, der) == "signature-invalid"


def test_an_ecdsa_signature_made_by_bare_calls_verifies() -> None:
    """With a random number, as other implementations make it."""
    key = private_key(Algorithm.ES256)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(DATA, ec.ECDSA(hashes.SHA256())))
    verify(key.public_key(), Algorithm.ES256, r.to_bytes(32, "big") + s.to_bytes(32, "big"), DATA)


@pytest.mark.parametrize(
    ("public_key", "found"),
    [
        (ec.derive_private_key(1, ec.SECP384R1()).public_key(), "secp384r1"),
        (ec.derive_private_key(1, ec.SECP256K1()).public_key(), "secp256k1"),
        (rsa.RSAPublicNumbers(65537, 2**1023 + 1).public_key(), "1024 bits"),
        (rsa.RSAPublicNumbers(65537, 2**4096 + 1).public_key(), "4097 bits"),
        (ed448.Ed448PrivateKey.generate().public_key(), "Ed448PublicKey"),
        (x25519.X25519PrivateKey.generate().public_key(), "X25519PublicKey"),
        (dsa.generate_private_key(1024).public_key(), "DSAPublicKey"),
        (b"a shared secret", "bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_key_of_another_kind_curve_or_length_is_refused(public_key: object, found: str) -> None:
    """The message says what it is."""
    with pytest.raises(Refusal, match=found) as caught:
        algorithm_of(public_key)
    assert caught.value.code == "key-unsupported"


def test_signing_with_a_key_that_is_not_used_here_is_refused() -> None:
    """Before anything is signed that nobody would take."""
    with pytest.raises(Refusal) as caught:
        sign(ec.derive_private_key(7, ec.SECP384R1()), DATA)
    assert caught.value.code == "key-unsupported"


def small_order_points() -> set[tuple[int, int]]:
    """The multiples of a point of order 8 of edwards25519 (RFC 8032 §5.1), computed from the curve's equation."""
    d = -121665 * pow(121666, -1, PRIME) % PRIME

    def add(p: tuple[int, int], q: tuple[int, int]) -> tuple[int, int]:
        (x1, y1), (x2, y2) = p, q
        product = d * x1 * x2 * y1 * y2
        x3 = (x1 * y2 + x2 * y1) * pow(1 + product, -1, PRIME)
        y3 = (y1 * y2 + x1 * x2) * pow(1 - product, -1, PRIME)
        return x3 % PRIME, y3 % PRIME

    # Any point times the prime order of the base point has an order that divides 8; look for one of order 8.
    prime_order = 2**252 + 27742317777372353535851937790883648493
    for y in range(2, 100):
        square = (y * y - 1) * pow(d * y * y + 1, -1, PRIME) % PRIME
        x = pow(square, (PRIME + 3) // 8, PRIME)
        if x * x % PRIME != square:
            x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
        if x * x % PRIME != square:
            continue
        point, multiple, bits = (x, y), (0, 1), prime_order
        while bits:
            multiple = add(multiple, point) if bits & 1 else multiple
            point, bits = add(point, point), bits >> 1
        found, at = {multiple}, add(multiple, multiple)
        while at not in found:
            found.add(at)
            at = add(at, multiple)
        if len(found) == 8:
            return found
    raise AssertionError


def test_every_ed25519_key_of_small_order_is_refused() -> None:
    """One signature that nobody made fits every message under the first of them, as a bare call shows."""
    identity = Ed25519PublicKey.from_public_bytes(b"\1" + bytes(31))
    forged = b"\1" + bytes(63)
    identity.verify(forged, DATA)
    assert refused(identity, Algorithm.EDDSA, forged) == "key-unsupported"
    ys = {y for _, y in small_order_points()}
    assert len(ys) == 5
    for y in ys | {y + PRIME for y in ys if y < 19}:
        for sign_of_x in (0, 1):
            raw = (y | sign_of_x << 255).to_bytes(32, "little")
            with pytest.raises(Refusal, match="small order"):
                algorithm_of(Ed25519PublicKey.from_public_bytes(raw))
