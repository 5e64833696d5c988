"""A folder with a small PKI: a root, an authority below it that issues, what it issued, and both lists.

Rule kept here: a certificate, once written, stays; a revocation list is only ever followed by the next one. Time and
randomness are arguments; nothing is printed.

    DIR/root/{key.pem,certificate.pem,list.crl}   DIR/issuing/{key.pem,certificate.pem,list.crl}
    DIR/issued/<serial>.pem                       DIR/agencies/<code>/{key.pem,certificate.pem}
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509

from loadtests.endpoint.credentials import FolderError, read_certificate, read_file, read_key
from loadtests.endpoint.files import SECRET, locked, write_whole
from loadtests.exchange import pki
from loadtests.exchange.keys import PrivateKey, PublicKey
from loadtests.exchange.pki import Authority, Entry, Validity, to_der, to_pem
from loadtests.exchange.pki_keys import (
    ENTROPY_BYTES,
    IssuingError,
    KeyKind,
    derive_key,
    generate_key,
    key_to_pem,
    serial_number,
)

DAY_S: Final = 86_400
BACKDATED_S: Final = 3600  # clocks of those who check may be behind; a leaf is never older than its issuer
_HINT: Final = "make one with `congvan pki init DIR`"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A private key with the certificate that was issued for it."""

    key: PrivateKey
    certificate: x509.Certificate

    def __repr__(self) -> str:
        return f"Credentials({self.certificate.subject.rfc4514_string()})"

    def write(self, folder: Path, password: bytes | None = None) -> None:
        """Put both into a new folder.

        Raises:
            FolderError: ``credentials-there``: the folder has a key already, which is not overwritten.
        """
        if (folder / "key.pem").exists():
            hint = "name another folder with --out, and register the new certificate with `registry rotate`"
            raise FolderError("credentials-there", f"found {folder / 'key.pem'}", hint)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "key.pem", key_to_pem(self.key, password), SECRET)
        write_whole(folder / "certificate.pem", to_pem(self.certificate))


@dataclass(frozen=True, slots=True)
class Pki:
    """The folder; the authorities' keys are read where they are needed.

    Args:
        path: Where it is.
        random: Gives so many bytes nobody can guess.
        password: Of the authorities' keys, where they have one.
    """

    path: Path
    random: Callable[[int], bytes]
    password: bytes | None = field(default=None, repr=False)

    # --- making it ------------------------------------------------------------------------------------------

    def init(self, organisation: str, *, now: int, root_days: int, issuing_days: int, crl_days: int) -> None:
        """Make root and issuing authority, each with an empty list.

        Raises:
            FolderError: ``pki-there``: the folder holds one already.
            IssuingError: ``validity-outside-issuer``: the issuing authority would outlive its root.
        """
        if (self.path / "root").exists():
            hint = "a PKI is made once; name a new folder"
            raise FolderError("pki-there", f"found {self.path / 'root'}", hint)
        root_key, issuing_key = (derive_key(KeyKind.P256, self._entropy()) for _ in range(2))
        root_name = pki.authority_name(organisation, "Root CA")
        root_certificate = pki.issue_root(
            root_key, root_name, serial=self._serial(), validity=validity(now, root_days)
        )
        root = Authority(root_certificate, root_key)
        issuing_certificate = pki.issue_authority(
            root,
            pki.authority_name(organisation, "Issuing CA"),
            issuing_key.public_key(),
            serial=self._serial(),
            validity=validity(now, issuing_days),
        )
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.path / "issued").mkdir()
        Credentials(root_key, root_certificate).write(self.path / "root", self.password)
        Credentials(issuing_key, issuing_certificate).write(self.path / "issuing", self.password)
        self.renew(now=now, crl_days=crl_days)

    # --- what is there --------------------------------------------------------------------------------------

    @property
    def root(self) -> x509.Certificate:
        """The root's certificate."""
        return self._certificate("root")

    @property
    def issuing(self) -> x509.Certificate:
        """The issuing authority's certificate."""
        return self._certificate("issuing")

    def issued(self) -> tuple[x509.Certificate, ...]:
        """Everything it issued to agencies and exchanges."""
        return tuple(read_certificate(path) for path in sorted((self.path / "issued").glob("*.pem")))

    def crls(self) -> tuple[bytes, ...]:
        """The lists of root and issuing authority, in DER."""
        return tuple(read_file(self.path / name / "list.crl") for name in ("root", "issuing"))

    # --- issuing --------------------------------------------------------------------------------------------

    def issue_agency(
        self, code: str, name_vi: str, name_en: str, kind: KeyKind, *, now: int, days: int
    ) -> Credentials:
        """A new key with a certificate for an agency.

        Raises:
            IssuingError: The codes of ``pki.issue_agency``.
            FolderError: ``pki-missing``, ``key-unreadable``.
        """
        issuer, window = self._authority("issuing"), validity(now, days)

        def certify(public_key: PublicKey) -> x509.Certificate:
            serial = self._serial()
            return pki.issue_agency(
                issuer, code, name_vi, name_en, public_key, serial=serial, validity=window
            )

        return self._issue(kind, certify)

    def issue_service(
        self, name: str, organisation: str, kind: KeyKind, *, now: int, days: int
    ) -> Credentials:
        """A new key with a certificate for an exchange.

        Raises:
            IssuingError: The codes of ``pki.issue_service``.
            FolderError: ``pki-missing``, ``key-unreadable``.
        """
        issuer, window = self._authority("issuing"), validity(now, days)

        def certify(public_key: PublicKey) -> x509.Certificate:
            serial = self._serial()
            return pki.issue_service(issuer, name, organisation, public_key, serial=serial, validity=window)

        return self._issue(kind, certify)

    def _issue(self, kind: KeyKind, certify: Callable[[PublicKey], x509.Certificate]) -> Credentials:
        key = generate_key(kind) if kind is KeyKind.RSA2048 else derive_key(kind, self._entropy())
        certificate = certify(key.public_key())
        write_whole(self.path / "issued" / f"{certificate.serial_number:040x}.pem", to_pem(certificate))
        return Credentials(key, certificate)

    # --- revoking -------------------------------------------------------------------------------------------

    def revoke(self, serial: int, reason: x509.ReasonFlags, *, now: int, crl_days: int) -> x509.Certificate:
        """Put a certificate that was issued here on the next list; returns it.

        Raises:
            IssuingError: ``serial-unknown``, ``revoked-already``.
            FolderError: ``pki-missing``, ``key-unreadable``.
        """
        found = next((one for one in self.issued() if one.serial_number == serial), None)
        if found is None:
            hint = "the serial number in hexadecimal; `congvan pki list DIR` shows them"
            raise IssuingError("serial-unknown", f"found no certificate {serial:x} in {self.path}", hint)
        with locked(self.path / "lock", wait=True):
            last = self._last_crl("issuing")
            if last is not None and last.get_revoked_certificate_by_serial_number(serial) is not None:
                raise IssuingError("revoked-already", f"certificate {serial:x} is on the list")
            self._follow("issuing", (Entry(serial, now, reason),), now, crl_days)
        return found

    def revoked(self) -> frozenset[int]:
        """The serial numbers on the issuing authority's list."""
        last = self._last_crl("issuing")
        return frozenset() if last is None else frozenset(line.serial_number for line in last)

    def renew(self, *, now: int, crl_days: int) -> None:
        """Follow both lists with new ones that say the same.

        Raises:
            FolderError: ``pki-missing``, ``key-unreadable``.
        """
        self._certificate("root")
        with locked(self.path / "lock", wait=True):
            for name in ("root", "issuing"):
                self._follow(name, (), now, crl_days)

    def _follow(self, name: str, newly: tuple[Entry, ...], now: int, crl_days: int) -> None:
        issuer, last = self._authority(name), self._last_crl(name)
        next_at = now + crl_days * DAY_S
        if last is None:
            made = pki.issue_crl(issuer, newly, number=1, this_update_at=now, next_update_at=next_at)
        else:
            made = pki.following_crl(issuer, last, newly, this_update_at=now, next_update_at=next_at)
        write_whole(self.path / name / "list.crl", to_der(made))

    # --- parts ----------------------------------------------------------------------------------------------

    def _last_crl(self, name: str) -> x509.CertificateRevocationList | None:
        path = self.path / name / "list.crl"
        if not path.exists():
            return None
        try:
            return x509.load_der_x509_crl(read_file(path))
        except ValueError:
            raise FolderError("crl-malformed", f"{path}: found no list", "the last list, in DER") from None

    def _certificate(self, name: str) -> x509.Certificate:
        path = self.path / name / "certificate.pem"
        if not path.exists():
            raise FolderError("pki-missing", f"found no {path}", _HINT)
        return read_certificate(path)

    def _authority(self, name: str) -> Authority:
        certificate = self._certificate(name)
        return Authority(certificate, read_key(self.path / name / "key.pem", self.password))

    def _entropy(self) -> bytes:
        return self.random(ENTROPY_BYTES)

    def _serial(self) -> int:
        return serial_number(self._entropy())


def validity(now: int, days: int) -> Validity:
    """From an hour ago until in so many days."""
    return Validity(now - BACKDATED_S, now + days * DAY_S)
