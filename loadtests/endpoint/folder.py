"""The data directory of an exchange: who it is, whom it trusts, and where its store lies.

Rule kept here: what is read from the folder has been checked, and a fault names the file, what was found and what
would be right; trust goes forward only: a revocation list older than one that was read is an error.

    DATA/exchange/   key.pem  certificate.pem  name
    DATA/trust/      registry.json  roots.pem  intermediates.pem  crls/*.crl (DER)  crls/past/<sha256>.crl
    DATA/store.sqlite3  DATA/blobs/  DATA/incoming/  DATA/lock
    DATA/pki/  DATA/agencies/<code>/{key.pem,certificate.pem}      a demo's only
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, cast

from cryptography import x509

from loadtests.endpoint.credentials import (
    LIMITS,
    FolderError,
    about,
    issuer_of,
    read_certificate,
    read_certificates,
    read_file,
    read_key,
)
from loadtests.endpoint.files import SECRET, locked, write_whole
from loadtests.exchange import registry_file, revocation
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.issuer import NAME, NAME_WORDS, Issuer
from loadtests.exchange.keys import PrivateKey, PublicKey, algorithm_of
from loadtests.exchange.pki import to_pem
from loadtests.exchange.pki_keys import key_to_pem
from loadtests.exchange.registry import Registry
from loadtests.exchange.revocation import RevocationList, Revocations
from loadtests.exchange.terms import Trusted
from loadtests.exchange.trust import Anchors

__all__ = ["Folder", "FolderError", "Identity", "Token"]

Token = tuple[tuple[str, int, int, int], ...]
"""Name, inode, size and time of change of every trust file; two of them differ when a file changed."""

_ONE_KEY: Final = "the private key that belongs to exchange/certificate.pem"


@dataclass(frozen=True, slots=True)
class Identity:
    """The exchange itself, able to sign.

    Args:
        name: What it calls itself: the audience of manifests and the origin of its log.
        key: Its private key.
        certificate: Its certificate.
        certificate_sha256: SHA-256 of the certificate in DER, 32 bytes.
    """

    name: str
    key: PrivateKey
    certificate: x509.Certificate
    certificate_sha256: bytes

    def __repr__(self) -> str:
        return f"Identity({self.name}, {self.certificate_sha256.hex()})"

    @property
    def public_key(self) -> PublicKey:
        """The public key of its certificate."""
        return self.key.public_key()

    @property
    def issuer(self) -> Issuer:
        """The exchange as its partners know it."""
        return Issuer(self.name, self.certificate_sha256, self.public_key)


@dataclass(frozen=True, slots=True)
class Folder:
    """A data directory; nothing is read before it is asked for.

    Args:
        path: Where it is.
    """

    path: Path

    # --- places ---------------------------------------------------------------------------------------------

    @property
    def exchange_path(self) -> Path:
        """Folder of the exchange's own key, certificate and name."""
        return self.path / "exchange"

    @property
    def trust_path(self) -> Path:
        """Folder of registry, roots, intermediates and revocation lists."""
        return self.path / "trust"

    @property
    def crls_path(self) -> Path:
        """Folder of the revocation lists, one file ``*.crl`` in DER each."""
        return self.trust_path / "crls"

    @property
    def registry_path(self) -> Path:
        """The registry of agencies."""
        return self.trust_path / "registry.json"

    @property
    def store_path(self) -> Path:
        """The SQLite database, where no other database is named."""
        return self.path / "store.sqlite3"

    @property
    def blobs_path(self) -> Path:
        """Folder of the documents that are files."""
        return self.path / "blobs"

    @property
    def incoming_path(self) -> Path:
        """Folder of documents that are being received; on the same disk as ``blobs_path``."""
        return self.path / "incoming"

    @property
    def pki_path(self) -> Path:
        """Folder of a demo's authorities."""
        return self.path / "pki"

    @property
    def agencies_path(self) -> Path:
        """Folder of a demo's keys, one folder for each agency."""
        return self.path / "agencies"

    # --- reading --------------------------------------------------------------------------------------------

    def identity(self, password: bytes | None = None) -> Identity:
        """Who the exchange is, able to sign.

        Args:
            password: Of the private key, where it has one.

        Raises:
            FolderError: The codes of ``issuer``; ``key-unreadable``, ``key-unsupported``, ``key-mismatch``.
        """
        key_path = self.exchange_path / "key.pem"
        name, certificate = self._name(), self._certificate()
        key = read_key(key_path, password)
        if key.public_key() != certificate.public_key():
            raise FolderError("key-mismatch", f"{key_path}: found another key", _ONE_KEY)
        return Identity(name, key, certificate, thumbprint(certificate))

    def issuer(self) -> Issuer:
        """Who the exchange is, as its partners know it; needs no private key.

        Raises:
            FolderError: ``file-missing``, ``file-unreadable``, ``exchange-name-invalid``, ``certificate-malformed``,
                ``key-unsupported``.
        """
        certificate = self._certificate()
        public_key = certificate.public_key()
        with about(self.exchange_path / "certificate.pem"):
            algorithm_of(public_key)
        return Issuer(self._name(), thumbprint(certificate), cast("PublicKey", public_key))

    def _name(self) -> str:
        path = self.exchange_path / "name"
        name = read_file(path).decode(errors="replace").strip()
        if not NAME.fullmatch(name):
            raise FolderError("exchange-name-invalid", f"{path}: found {name[:80]!r}", NAME_WORDS)
        return name

    def _certificate(self) -> x509.Certificate:
        return read_certificate(self.exchange_path / "certificate.pem")

    def trusted(self, previous: Trusted | None = None) -> Trusted:
        """What submissions are judged by, as the files are now.

        Args:
            previous: What was read before; its revocation lists are the oldest that may be found now, and those
                whose file is gone still count.

        Raises:
            FolderError: ``file-missing``, ``file-unreadable``, ``crl-issuer-unknown``, ``crl-rollback``, and the
                codes with which certificates, registry and revocation lists are refused.
        """
        roots = read_certificates(self.trust_path / "roots.pem")
        intermediates = self._intermediates()
        with about(self.trust_path / "roots.pem"):
            anchors = Anchors.of(roots)
        revocations = Revocations() if previous is None else previous.revocations
        for path, der, issuer, _ in self._newest_crls((*roots, *intermediates)):
            with about(path):
                revocations = revocations.updated(der, issuer)
        return Trusted(self.registry(), anchors, intermediates, revocations)

    def registry(self) -> Registry:
        """The registry of agencies.

        Raises:
            FolderError: ``file-missing``, ``file-unreadable``, and the codes of ``registry_file.parse``.
        """
        data = read_file(self.registry_path)
        with about(self.registry_path):
            return registry_file.parse(data)

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Roots and intermediates.

        Raises:
            FolderError: ``file-missing``, ``file-unreadable``, ``certificate-malformed``, ``chain-too-large``.
        """
        return (*read_certificates(self.trust_path / "roots.pem"), *self._intermediates())

    def crls(self) -> tuple[bytes, ...]:
        """The newest revocation list of each authority, in DER.

        Raises:
            FolderError: The codes of ``trusted``.
        """
        return tuple(der for _, der, _, _ in self._newest_crls(self.authorities()))

    def crl(self, crl_sha256: bytes) -> bytes | None:
        """A list that was ever put in place with ``write_crl``, however old; None where there was no such list.

        Args:
            crl_sha256: SHA-256 of the list in DER, as receipts name it.

        Raises:
            FolderError: ``file-unreadable``.
        """
        path = self._past_path(crl_sha256)
        return read_file(path) if path.exists() else None

    def trust_changed_at(self) -> Token:
        """A value that differs from an earlier one when a trust file changed since."""
        found: list[tuple[str, int, int, int]] = []
        for path in (*sorted(self.trust_path.glob("*.*")), *sorted(self.crls_path.glob("*.crl"))):
            try:
                stat = path.stat()
            except OSError:
                continue  # replaced or taken away this moment; the next look sees how it ended
            if path.is_file() and not path.name.startswith("."):
                found.append((path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns))
        return tuple(found)

    def _intermediates(self) -> tuple[x509.Certificate, ...]:
        path = self.trust_path / "intermediates.pem"
        found = read_certificates(path) if path.exists() else ()
        if len(found) > LIMITS.intermediates:
            hint = f"at most {LIMITS.intermediates}"
            raise FolderError("chain-too-large", f"{path}: found {len(found)} certificates", hint)
        return found

    def _newest_crls(
        self, authorities: Iterable[x509.Certificate]
    ) -> tuple[tuple[Path, bytes, x509.Certificate, RevocationList], ...]:
        """The newest list of each issuer: an operator may keep older ones beside it."""
        known = tuple(authorities)
        newest: dict[bytes, tuple[Path, bytes, x509.Certificate, RevocationList]] = {}
        for path in sorted(self.crls_path.glob("*.crl")):
            if path.name.startswith("."):
                continue
            der = read_file(path)
            with about(path):
                issuer, found = issuer_of(der, known)
            last = newest.get(found.snapshot.issuer)
            if last is None or found.snapshot.number > last[3].snapshot.number:
                newest[found.snapshot.issuer] = (path, der, issuer, found)
        return tuple(newest.values())

    # --- writing --------------------------------------------------------------------------------------------

    def make(self) -> None:
        """Make the folders that are missing; the data directory itself can be entered by its owner only.

        Raises:
            OSError: The disk refuses.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for one in (self.exchange_path, self.trust_path, self.crls_path, self.crls_path / "past"):
            one.mkdir(exist_ok=True)

    def write_identity(
        self, name: str, key: PrivateKey, certificate: x509.Certificate, password: bytes | None = None
    ) -> None:
        """Put the exchange's name, key and certificate in place, the certificate last.

        Raises:
            FolderError: ``exchange-name-invalid``, ``key-mismatch``.
        """
        if not NAME.fullmatch(name):
            raise FolderError("exchange-name-invalid", f"found {name[:80]!r}", NAME_WORDS)
        if key.public_key() != certificate.public_key():
            raise FolderError("key-mismatch", "key and certificate are not of a pair", _ONE_KEY)
        write_whole(self.exchange_path / "name", f"{name}\n".encode())
        write_whole(self.exchange_path / "key.pem", key_to_pem(key, password), SECRET)
        write_whole(self.exchange_path / "certificate.pem", to_pem(certificate))

    def write_authorities(
        self, roots: Iterable[x509.Certificate], intermediates: Iterable[x509.Certificate]
    ) -> None:
        """Put the authorities in place that are trusted from now on."""
        write_whole(self.trust_path / "roots.pem", b"".join(map(to_pem, roots)))
        write_whole(self.trust_path / "intermediates.pem", b"".join(map(to_pem, intermediates)))

    def write_registry(self, registry: Registry) -> None:
        """Put this registry in place of the one that is there; whoever changes one holds ``changing_trust``."""
        write_whole(self.registry_path, registry_file.render(registry))

    def write_crl(self, der: bytes) -> Path:
        """Put a revocation list in place of its issuer's last one; returns its file.

        Raises:
            FolderError: ``crl-issuer-unknown``, ``crl-rollback`` (not newer than the last one), and the codes with
                which authorities and lists are refused.
        """
        authorities = self.authorities()
        with about(self.crls_path):
            issuer, _ = issuer_of(der, authorities)
            known = Revocations()
            for _, last_der, last_issuer, _ in self._newest_crls(authorities):
                known = known.updated(last_der, last_issuer)
            known.updated(der, issuer)
        path = self.crls_path / f"{revocation.issuer_id(issuer).hex()}.crl"
        # Receipts name the very list that was looked at, and who checks one later needs it.
        write_whole(self._past_path(sha256(der).digest()), der)
        write_whole(path, der)
        return path

    def _past_path(self, crl_sha256: bytes) -> Path:
        return self.crls_path / "past" / f"{crl_sha256.hex()}.crl"

    # --- locks ----------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one process that serves or restores this folder.

        Raises:
            FolderError: ``folder-in-use``; ``folder-missing``.
        """
        self._require()
        try:
            with locked(self.path / "lock", wait=False):
                yield
        except BlockingIOError:
            hint = "stop the exchange that serves it first, or name another folder"
            raise FolderError("folder-in-use", f"{self.path} is in use by another process", hint) from None

    @contextmanager
    def changing_trust(self) -> Iterator[None]:
        """Be the one process that changes trust files; waits for others, which take milliseconds.

        Raises:
            FolderError: ``folder-missing``.
        """
        self._require()
        with locked(self.trust_path / ".lock", wait=True):
            yield

    def _require(self) -> None:
        if not self.trust_path.is_dir():
            hint = "name the data directory of an exchange, or make one with `congvan serve --demo`"
            raise FolderError("folder-missing", f"{self.path} is no exchange's data directory", hint)
