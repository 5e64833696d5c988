"""Reading what an operator puts into files: keys, certificates, revocation lists.

Rule kept here: what is returned has been checked by the protocol's own readers, and a fault names the file, what was
found and what would be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography import x509

from loadtests.exchange import revocation
from loadtests.exchange.certificates import Limits, called, parse_certificate
from loadtests.exchange.errors import ExchangeError, Refusal
from loadtests.exchange.keys import PrivateKey
from loadtests.exchange.pki import to_der
from loadtests.exchange.pki_keys import key_from_pem
from loadtests.exchange.revocation import RevocationList

LIMITS: Final = Limits()


class FolderError(ExchangeError):
    """A file or the data directory is not as it must be; the operator can mend it."""


def read_file(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        FolderError: ``file-missing``, ``file-unreadable``.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FolderError("file-missing", f"found no {path}", "check the name") from None
    except OSError as error:
        raise FolderError("file-unreadable", f"{path}: {error.strerror}", "a file one may read") from None


def read_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM file, in its order; an empty file holds none.

    Raises:
        FolderError: ``file-missing``, ``file-unreadable``, ``certificate-malformed``, ``certificate-too-large``.
    """
    data = read_file(path)
    if not data.strip():
        return ()
    hint = "certificates in PEM, one after the other"
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise FolderError("certificate-malformed", f"{path}: found no certificate", hint) from None
    with about(path):
        return tuple(parse_certificate(to_der(one), LIMITS) for one in found)


def read_certificate(path: Path) -> x509.Certificate:
    """The one certificate of a PEM file.

    Raises:
        FolderError: The codes of ``read_certificates``.
    """
    found = read_certificates(path)
    if len(found) != 1:
        raise FolderError("certificate-malformed", f"{path}: found {len(found)} certificates", "one, in PEM")
    return found[0]


def read_key(path: Path, password: bytes | None = None) -> PrivateKey:
    """The private key of a PEM file.

    Raises:
        FolderError: ``file-missing``, ``file-unreadable``, ``key-unreadable``, ``key-unsupported``.
    """
    pem = read_file(path)
    with about(path):
        return key_from_pem(pem, password)


def issuer_of(der: bytes, authorities: Iterable[x509.Certificate]) -> tuple[x509.Certificate, RevocationList]:
    """Whose revocation list this is, and what it says; found by the name and the key that signed it.

    Raises:
        FolderError: ``crl-issuer-unknown``.
        Refusal: The codes of ``revocation.read``.
    """
    try:
        name = x509.load_der_x509_crl(der).issuer
    except (ValueError, TypeError) as error:
        hint = "one X.509 revocation list in DER"
        raise FolderError("crl-malformed", f"found {error}"[:200], hint) from None
    fault: Refusal | None = None
    for one in authorities:
        if one.subject == name:
            try:
                return one, revocation.read(der, one)
            except Refusal as refusal:  # an authority that renewed its key stands there twice
                fault = fault if fault is not None and refusal.code == "crl-untrusted" else refusal
    if fault is not None:
        raise fault
    hint = "put the authority's certificate into roots.pem or intermediates.pem, or take the list away"
    raise FolderError("crl-issuer-unknown", f"found a list of {called(name)}", hint)


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Say of a fault which file it is in."""
    try:
        yield
    except ExchangeError as error:
        message = error.message if error.message.startswith(str(path)) else f"{path}: {error.message}"
        raise FolderError(error.code, message, error.hint) from None
