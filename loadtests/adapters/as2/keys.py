"""Keys and certificates that AS2 partners give one another, read from files; and a forger's key.

Rule kept here: what cannot be used is refused before anything is sent, and said in the words of the option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, CertificateBuilder, load_pem_x509_certificate

from loadtests.adapters.as2.cms import SigningKey
from loadtests.adapters.base import AdapterError


@dataclass(frozen=True, slots=True)
class Pair:
    """A private key and a certificate of it."""

    key: SigningKey
    certificate: Certificate


def read_key(options: Mapping[str, str], option: str) -> SigningKey:
    """The private key that an option names: RSA or elliptic curve, PEM, without a password.

    Raises:
        AdapterError: ``E-AS2-OPTION``, ``E-AS2-KEY``.
    """
    try:
        key = load_pem_private_key(_read(options, option), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AdapterError(
            "E-AS2-KEY", f"{option}: no usable key ({error})", "PEM without a password"
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise AdapterError("E-AS2-KEY", f"{option}: a key of another kind", "an RSA or elliptic curve key")
    return key


def read_certificate(options: Mapping[str, str], option: str) -> Certificate:
    """The certificate that an option names: PEM, with an RSA or elliptic curve key.

    Raises:
        AdapterError: ``E-AS2-OPTION``, ``E-AS2-CERTIFICATE``.
    """
    try:
        certificate = load_pem_x509_certificate(_read(options, option))
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AdapterError("E-AS2-CERTIFICATE", f"{option}: no usable certificate ({error})", "PEM") from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise AdapterError("E-AS2-CERTIFICATE", f"{option}: a key of another kind", "RSA or elliptic curve")
    return certificate


def read_pair(options: Mapping[str, str]) -> Pair:
    """Our own key and certificate, as the options ``own_key`` and ``own_certificate`` name them.

    Raises:
        AdapterError: As ``read_key`` and ``read_certificate``; ``E-AS2-PAIR``: one is not of the other.
    """
    pair = Pair(read_key(options, "own_key"), read_certificate(options, "own_certificate"))
    if pair.key.public_key() != pair.certificate.public_key():
        raise AdapterError("E-AS2-PAIR", "own_key is not the key of own_certificate", "two files of one pair")
    return pair


def forge(certificate: Certificate) -> Pair:
    """A new key, and a certificate for it that says of itself what the genuine one says.

    A receiver that trusts the certificate which came with the message is deceived by it, also where it asks that issuer
    and number be the known ones; one that checks with the key it was given is not.
    """
    genuine = certificate.public_key()
    key: SigningKey
    if isinstance(genuine, ec.EllipticCurvePublicKey):
        key = ec.generate_private_key(genuine.curve)
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    builder = CertificateBuilder(
        issuer_name=certificate.issuer,
        subject_name=certificate.subject,
        public_key=key.public_key(),
        serial_number=certificate.serial_number,
        not_valid_before=certificate.not_valid_before_utc,
        not_valid_after=certificate.not_valid_after_utc,
    )
    return Pair(key, builder.sign(key, SHA256()))


def _read(options: Mapping[str, str], option: str) -> bytes:
    place = options.get(option, "")
    if not place:
        raise AdapterError("E-AS2-OPTION", f"the option {option} is missing", f"--option {option}=FILE")
    try:
        return Path(place).read_bytes()
    except OSError as error:
        raise AdapterError(
            "E-AS2-OPTION", f"{option}: {place}: {error.strerror}", "a file that can be read"
        ) from None
