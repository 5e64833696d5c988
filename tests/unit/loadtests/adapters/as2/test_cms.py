"""Detached signatures: ours hold for OpenSSL, those of others hold for us, and no changed one does."""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from loadtests.adapters.as2 import cms, der
from loadtests.adapters.as2.keys import forge
from tests.unit.loadtests.adapters.as2.partner import pair, write_pair

CONTENT = b"Content-Type: text/plain\r\n\r\nwhat was signed\r\n"
PLAIN = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def openssl(folder: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
    """Run OpenSSL in a folder."""
    return subprocess.run(["openssl", *command], cwd=folder, check=False, capture_output=True)


def ours(kind: str = "ec", content: bytes = CONTENT) -> bytes:
    """A signature of our own making."""
    signer = pair("signer", kind)
    return cms.sign(sha256(content).digest(), signer.key, signer.certificate)


def loose(tag: int, *contents: bytes) -> bytes:
    """A value of indefinite length."""
    return bytes((tag, 0x80)) + b"".join(contents) + b"\x00\x00"


def signer_of(signature: bytes) -> der.Value:
    """The SignerInfo."""
    return der.read(signature).children[1].children[0].children[-1].children[0]


def rebuilt(attributes: bytes) -> bytes:
    """Our signature with other signed attributes, signed again by the right key."""
    key = pair("signer").key
    assert isinstance(key, EllipticCurvePrivateKey)
    value = key.sign(b"\x31" + attributes[1:], ECDSA(hashes.SHA256()))
    data = der.read(ours()).children[1].children[0].children
    head, algorithm = signer_of(ours()).children[:3], signer_of(ours()).children[4]
    info = (*(one.raw for one in head), attributes, algorithm.raw, der.write(der.OCTETS, value))
    signers = der.write(der.SET, der.write(der.SEQUENCE, *info))
    whole = der.write(der.SEQUENCE, *(one.raw for one in data[:-1]), signers)
    return der.write(der.SEQUENCE, cms.SIGNED_DATA, der.write(0xA0, whole))


def code_of(signature: bytes, content: bytes = CONTENT, kind: str = "ec") -> str:
    """The code that a signature is refused with, empty where it holds."""
    try:
        cms.verify(signature, content, pair("signer", kind).certificate)
    except cms.CmsError as error:
        return error.code
    return ""


@needs_openssl
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_openssl_accepts_ours(kind: str, tmp_path: Path) -> None:
    """``openssl cms -verify`` takes our signature over its content, and not over another."""
    _, certificate = write_pair(tmp_path, "signer", kind)
    (tmp_path / "signature").write_bytes(ours(kind))
    verify = ("cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "content")
    trust = ("-CAfile", certificate.name, "-purpose", "any")
    for content, accepted in ((CONTENT, True), (CONTENT + b" ", False)):
        (tmp_path / "content").write_bytes(content)
        assert (openssl(tmp_path, *verify, *trust).returncode == 0) is accepted


@needs_openssl
@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize(
    ("option", "code"),
    [
        ((), ""),
        (("-keyid",), ""),
        (("-md", "sha512"), ""),
        (("-nocerts",), ""),
        (("-md", "sha1"), "algorithm"),
        (("-noattr",), "form"),
        (("-nodetach",), "form"),
        (("-nodetach", "-stream"), "form"),
    ],
)
def test_what_openssl_signs(kind: str, option: tuple[str, ...], code: str, tmp_path: Path) -> None:
    """The forms that partners use are taken; SHA-1, no signed attributes and enclosed contents are refused."""
    key, certificate = write_pair(tmp_path, "signer", kind)
    (tmp_path / "content").write_bytes(CONTENT)
    files = ("-in", "content", "-out", "signature", "-signer", certificate.name, "-inkey", key.name)
    done = openssl(tmp_path, "cms", "-sign", "-binary", "-outform", "DER", *files, *option)
    assert done.returncode == 0, done.stderr
    signature = (tmp_path / "signature").read_bytes()
    assert code_of(signature, kind=kind) == code
    if not code:
        assert code_of(signature, CONTENT + b" ", kind) == "digest"


@needs_openssl
def test_indefinite_lengths_outside_of_what_is_signed(tmp_path: Path) -> None:
    """As Java's mail libraries write them, and as OpenSSL takes them; but the signed attributes must be DER."""
    content_info = der.read(ours())
    data = content_info.children[1].children[0]
    streamed = loose(0x30, cms.SIGNED_DATA, loose(0xA0, loose(0x30, *(one.raw for one in data.children))))
    assert code_of(streamed) == ""
    _, certificate = write_pair(tmp_path, "signer")
    (tmp_path / "content").write_bytes(CONTENT)
    (tmp_path / "signature").write_bytes(streamed)
    verify = ("cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "content")
    assert openssl(tmp_path, *verify, "-CAfile", certificate.name, "-purpose", "any").returncode == 0
    assert (
        code_of(rebuilt(loose(0xA0, *(one.raw for one in signer_of(ours()).children[3].children)))) == "form"
    )


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_what_cryptography_signs(kind: str, digest: pkcs7.PKCS7HashTypes) -> None:
    """``PKCS7SignatureBuilder`` signs so that it holds here, with all three digests."""
    signer = pair("signer", kind)
    builder = pkcs7.PKCS7SignatureBuilder().set_data(CONTENT)
    signature = builder.add_signer(signer.certificate, signer.key, digest).sign(Encoding.DER, PLAIN)
    assert code_of(signature, kind=kind) == ""


def test_two_signers_and_pss_are_refused() -> None:
    """What could be signed by somebody else beside, and an algorithm that was not asked for."""
    one, other = pair("signer", "rsa"), pair("other", "ec")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(CONTENT)
    two = builder.add_signer(one.certificate, one.key, hashes.SHA256()).add_signer(
        other.certificate, other.key, hashes.SHA256()
    )
    assert code_of(two.sign(Encoding.DER, PLAIN), kind="rsa") == "form"
    assert isinstance(one.key, RSAPrivateKey)
    pss = PSS(MGF1(hashes.SHA256()), 32)
    padded = builder.add_signer(one.certificate, one.key, hashes.SHA256(), rsa_padding=pss)
    assert code_of(padded.sign(Encoding.DER, PLAIN), kind="rsa") == "algorithm"


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_only_the_pinned_key_counts(kind: str) -> None:
    """Another certificate is named, or a forger's key signs under the right name with a certificate of its own."""
    other, forged = pair("other", kind), forge(pair("signer", kind).certificate)
    digest = sha256(CONTENT).digest()
    assert code_of(cms.sign(digest, other.key, other.certificate), kind=kind) == "signer"
    assert code_of(cms.sign(digest, forged.key, forged.certificate), kind=kind) == "signature"
    assert code_of(cms.sign(digest, other.key, pair("signer", kind).certificate), kind=kind) == "signature"


def test_the_same_content_is_signed_the_same_way() -> None:
    """An RSA signature depends on content and key only: a message that is made again is the same message."""
    assert ours("rsa") == ours("rsa")
    assert ours("rsa") != ours("rsa", CONTENT + b" ")


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.booleans())
def test_a_changed_signature_never_holds_for_another_content(place: int, bit: int, *, cut: bool) -> None:
    """One bit changed or the end cut off: refused as a ``CmsError``, whatever stands there."""
    signature = ours()
    at = place % len(signature)
    changed = (
        signature[:at] if cut else signature[:at] + bytes((signature[at] ^ 1 << bit,)) + signature[at + 1 :]
    )
    assert code_of(changed, CONTENT + b" ") in {"form", "algorithm", "signer", "digest", "signature"}


def test_every_octet_of_the_signer_counts() -> None:
    """No octet of attributes or signature value can be changed; what comes before them is checked by meaning."""
    signature = ours()
    signer = signer_of(signature)
    for part in (signer.children[3], signer.children[5]):
        start = signature.index(part.raw)
        for at in range(start, start + len(part.raw)):
            changed = bytearray(signature)
            changed[at] ^= 0x01
            assert code_of(bytes(changed)) != "", f"octet {at}"


def test_attributes_must_be_about_data_and_stand_once() -> None:
    """Another content type or none, no digest, and a digest twice, all signed by the right key."""

    def attribute(name: bytes, *values: bytes) -> bytes:
        return der.write(der.SEQUENCE, name, der.write(der.SET, *values))

    octets = der.write(der.OCTETS, sha256(CONTENT).digest())
    kind, digest = attribute(cms.CONTENT_TYPE, cms.DATA), attribute(cms.MESSAGE_DIGEST, octets)
    wrong = attribute(cms.CONTENT_TYPE, cms.SIGNED_DATA)
    assert code_of(rebuilt(der.write(0xA0, kind, digest))) == ""
    for attributes in ((wrong, digest), (digest,), (kind, digest, digest)):
        assert code_of(rebuilt(der.write(0xA0, *attributes))) == "form"
    for attributes in ((kind,), (kind, attribute(cms.MESSAGE_DIGEST, octets, octets))):
        assert code_of(rebuilt(der.write(0xA0, *attributes))) == "digest"
