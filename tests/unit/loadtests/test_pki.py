"""Issuing: what is issued is what the rest of the exchange and OpenSSL accept, the same bytes every time."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from loadtests.exchange import pki, trust
from loadtests.exchange.certificates import DOCUMENT_SIGNING, Limits, parse_certificate
from loadtests.exchange.errors import Refusal
from loadtests.exchange.pki_keys import (
    IssuingError,
    KeyKind,
    derive_key,
    generate_key,
    key_from_pem,
    key_to_pem,
    serial_number,
)
from tests.unit.loadtests.authorities import AT, CODE, DAY_S, days, entropy, issuing, key, leaf, root


def refused(code: str) -> pytest.RaisesExc[IssuingError]:
    """Expect an issuing error with this code."""
    return pytest.RaisesExc(IssuingError, check=lambda error: error.code == code)


@pytest.mark.parametrize("kind", list(KeyKind))
def test_agency_certificate_is_trusted(kind: KeyKind) -> None:
    """A certificate of every kind of key is read back, and a chain leads from it to the root."""
    certificate = parse_certificate(pki.to_der(leaf(f"leaf {kind}", kind)), Limits())
    chain = trust.validate(
        certificate,
        [issuing().certificate],
        trust.Anchors.of([root().certificate]),
        at=AT,
        limits=Limits(),
    )
    assert chain.certificates == (certificate, issuing().certificate, root().certificate)
    assert (chain.not_before_at, chain.not_after_at) == (AT - 100 * DAY_S, AT + 265 * DAY_S)


def test_rsa_authority_is_trusted() -> None:
    """An authority with RSA-2048 may issue as well."""
    authority = issuing(KeyKind.RSA2048)
    certificate = pki.issue_agency(
        authority, CODE, "Sở Nội vụ", "Home Affairs", key("x").public_key(), serial=7, validity=days(-1, 1)
    )
    anchors = trust.Anchors.of([root().certificate])
    chain = trust.validate(certificate, [authority.certificate], anchors, at=AT, limits=Limits())
    assert chain.leaf.serial_number == 7


def test_same_arguments_same_bytes() -> None:
    """Keys, certificates and lists depend on nothing but their arguments."""

    def made() -> tuple[bytes, bytes]:
        own = derive_key(KeyKind.P256, entropy("again"))
        certificate = pki.issue_root(own, pki.authority_name("A", "B"), serial=5, validity=days(-1, 1))
        authority = pki.Authority(certificate, own)
        entries = [pki.Entry(3, AT), pki.Entry(1, AT, x509.ReasonFlags.key_compromise)]
        crl = pki.issue_crl(authority, entries, number=1, this_update_at=AT, next_update_at=AT + 1)
        return pki.to_der(certificate), pki.to_der(crl)

    assert made() == made()


def test_what_certificates_are_for() -> None:
    """An agency's certificate signs documents and commits to them, an authority's certificates and lists."""

    def uses(certificate: x509.Certificate) -> set[str]:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        names = ("digital_signature", "content_commitment", "key_encipherment", "key_cert_sign", "crl_sign")
        return {name for name in names if getattr(usage.value, name)}

    assert uses(leaf()) == {"digital_signature", "content_commitment"}
    assert uses(issuing().certificate) == uses(root().certificate) == {"key_cert_sign", "crl_sign"}
    purposes = leaf().extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [DOCUMENT_SIGNING]


def test_names_in_vietnamese() -> None:
    """An agency's certificate bears its Vietnamese name and code, and the English name as an alternative."""
    certificate = leaf()
    (organisation,) = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    (common,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    (country,) = certificate.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)
    assert (organisation.value, common.value, country.value) == (
        "Ủy ban nhân dân tỉnh Quảng Ngãi",
        CODE,
        "VN",
    )
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (english,) = names.get_values_for_type(x509.DirectoryName)
    assert "People's Committee of Quang Ngai" in english.rfc4514_string()


@example("Đơn vị trực thuộc Ban Xúc tiến và Hỗ trợ đầu tư Quảng Ninh (giả định) 01")
@example("x" * 65)
@given(st.text(alphabet="Đơn vị trực thuộc ", min_size=1, max_size=200))
def test_long_names_are_cut_visibly(text: str) -> None:
    """A name in a certificate has at most 64 characters, and one that was cut says so."""
    (organisation,) = pki.agency_name(CODE, text).get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    shown = organisation.value
    assert isinstance(shown, str)
    assert len(shown) <= 64
    if len(text) <= 64:
        assert shown == text
    else:
        assert shown.endswith("…")
        assert text.startswith(shown[:-1])


@given(st.binary(min_size=32, max_size=32))
def test_serial_numbers(drawn: bytes) -> None:
    """A serial number is positive and has at most 20 octets as DER writes it (RFC 5280 §4.1.2.2)."""
    serial = serial_number(drawn)
    assert serial > 0
    assert serial.bit_length() // 8 + 1 == 20
    assert serial == serial_number(drawn)


def test_derived_keys() -> None:
    """The same entropy gives the same key, other entropy another; RSA and short entropy are refused."""
    first, again = (derive_key(KeyKind.P256, entropy("a")) for _ in range(2))
    assert isinstance(first, ec.EllipticCurvePrivateKey)
    assert first.public_key() == again.public_key() != derive_key(KeyKind.P256, entropy("b")).public_key()
    assert isinstance(derive_key(KeyKind.ED25519, entropy("a")), Ed25519PrivateKey)
    with refused("key-not-derivable"):
        derive_key(KeyKind.RSA2048, entropy("a"))
    with refused("entropy-invalid"):
        derive_key(KeyKind.P256, b"short")
    with refused("entropy-invalid"):
        serial_number(b"short")


@pytest.mark.parametrize("kind", list(KeyKind))
def test_generated_keys_as_text(kind: KeyKind) -> None:
    """A new key goes into PEM and back, with and without a password, and never comes out without it."""
    made = generate_key(kind)
    for password in (None, b"mat khau"):
        pem = key_to_pem(made, password)
        assert key_from_pem(pem, password).public_key() == made.public_key()
        assert (b"ENCRYPTED" in pem) == (password is not None)
    for pem, password in ((key_to_pem(made, b"a"), b"b"), (key_to_pem(made, b"a"), None), (b"none", None)):
        with refused("key-unreadable"):
            key_from_pem(pem, password)


def test_unusable_key_as_text() -> None:
    """A key that no algorithm of the protocol uses is not read."""
    pem = key_to_pem(ec.generate_private_key(ec.SECP384R1()), None)
    with pytest.RaisesExc(Refusal, check=lambda error: error.code == "key-unsupported"):
        key_from_pem(pem, None)


def test_ed25519_authorities_are_not_issued() -> None:
    """Neither a root nor an authority gets an Ed25519 key, with which no chain would be valid."""
    own = key("ed", KeyKind.ED25519)
    name = pki.authority_name("A", "B")
    with refused("authority-key-unsupported"):
        pki.issue_root(own, name, serial=1, validity=days(-1, 1))
    with refused("authority-key-unsupported"):
        pki.issue_authority(root(), name, own.public_key(), serial=1, validity=days(-1, 1))


def test_what_cannot_be_issued() -> None:
    """Validity beyond the issuer's, an empty one, a foreign key and a wrong code are refused."""
    public_key = key("x").public_key()
    with refused("validity-outside-issuer"):
        pki.issue_agency(issuing(), CODE, "A", "B", public_key, serial=1, validity=days(-1, 1001))
    with refused("validity-outside-issuer"):
        pki.issue_authority(
            root(), pki.authority_name("A", "B"), public_key, serial=1, validity=days(-3001, 1)
        )
    with refused("validity-invalid"):
        days(1, 0)
    with refused("issuer-key-mismatch"):
        pki.issue_agency(
            pki.Authority(issuing().certificate, key("x")),
            CODE,
            "A",
            "B",
            public_key,
            serial=1,
            validity=days(-1, 1),
        )
    with refused("agency-code-invalid"):
        pki.issue_agency(issuing(), "H41", "A", "B", public_key, serial=1, validity=days(-1, 1))


def test_lists_follow_one_another() -> None:
    """The next list is one higher, keeps what was listed as it stands, and adds what is new."""
    times = {"this_update_at": AT, "next_update_at": AT + DAY_S}
    first = pki.issue_crl(
        issuing(), [pki.Entry(9, AT - 5, x509.ReasonFlags.key_compromise)], number=41, **times
    )
    second = pki.following_crl(issuing(), first, [pki.Entry(9, AT), pki.Entry(4, AT)], **times)
    number = second.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    lines = {line.serial_number: int(line.revocation_date_utc.timestamp()) for line in second}
    assert (number, lines) == (42, {9: AT - 5, 4: AT})
    kept = second.get_revoked_certificate_by_serial_number(9)
    assert kept is not None
    assert kept.extensions.get_extension_for_class(x509.CRLReason).value.reason.value == "keyCompromise"
    with refused("crl-time-invalid"):
        pki.following_crl(issuing(), second, [], this_update_at=AT - 1, next_update_at=AT + 1)
    with refused("issuer-key-mismatch"):
        pki.issue_crl(pki.Authority(issuing().certificate, key("x")), [], number=1, **times)
    with refused("crl-number-invalid"):
        pki.issue_crl(issuing(), [], number=-1, **times)
    with refused("validity-invalid"):
        pki.issue_crl(issuing(), [], number=1, this_update_at=AT, next_update_at=AT)


def test_private_key_is_not_shown() -> None:
    """An authority in a log or a traceback shows its name only."""
    assert repr(root()) == "Authority(CN=Gốc,O=Ban Cơ yếu thử nghiệm,C=VN)"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_agrees(tmp_path: Path) -> None:
    """OpenSSL takes the chain with its lists, strictly read, and refuses it when the leaf is listed."""
    times = {"this_update_at": AT - DAY_S, "next_update_at": AT + DAY_S}
    first = pki.issue_crl(issuing(), [], number=1, **times)
    second = pki.following_crl(issuing(), first, [pki.Entry(leaf().serial_number, AT - 1)], **times)
    (tmp_path / "root.pem").write_bytes(pki.to_pem(root().certificate))
    (tmp_path / "issuing.pem").write_bytes(pki.to_pem(issuing().certificate))
    (tmp_path / "leaf.pem").write_bytes(pki.to_pem(leaf()))
    of_root = pki.to_pem(pki.issue_crl(root(), [], number=1, **times))

    def verdict(crl: x509.CertificateRevocationList) -> subprocess.CompletedProcess[str]:
        (tmp_path / "crls.pem").write_bytes(of_root + pki.to_pem(crl))
        command = "openssl verify -x509_strict -crl_check_all -CAfile root.pem -untrusted issuing.pem"
        command += f" -CRLfile crls.pem -attime {AT} leaf.pem"
        return subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)

    assert verdict(first).stdout == "leaf.pem: OK\n", verdict(first).stderr
    assert "certificate revoked" in verdict(second).stderr


def test_an_exchange_is_named_by_its_certificate() -> None:
    """The certificate of an exchange is a signer's, trusted as such, and its common name is the exchange's name."""

    def issued(name: str) -> x509.Certificate:
        public_key = key("exchange").public_key()
        return pki.issue_service(issuing(), name, "Văn phòng", public_key, serial=7, validity=days(-1, 9))

    made = issued("exchange.test.congvan")
    assert [one.value for one in made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [
        "exchange.test.congvan"
    ]
    between = [issuing().certificate]
    chain = trust.validate(made, between, trust.Anchors.of([root().certificate]), at=AT, limits=Limits())
    assert chain.leaf == made
    for name in ("Exchange", "", "e" * 65):
        with pytest.raises(IssuingError, match="service-name-invalid"):
            issued(name)
