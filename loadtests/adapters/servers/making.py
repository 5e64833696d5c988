"""Making the data directory of an exchange for a load run: authorities, agencies with keys, and one that was revoked.

Rule kept here: what is made is thrown away with the run, so nothing is synced; time and randomness are arguments.

    DATA/…  as ``endpoint.folder`` has it   DATA/agencies/<code>/{key.pem,certificate.pem}
    DATA/agencies.csv  code, name, in order DATA/revoked/<code>/{key.pem,certificate.pem}
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from loadtests.adapters.base import AdapterError
from loadtests.endpoint.files import SECRET
from loadtests.endpoint.folder import Folder
from loadtests.exchange import pki
from loadtests.exchange.agencies import Agency, Registered
from loadtests.exchange.keys import PrivateKey
from loadtests.exchange.pki import Authority, Entry, Validity, authority_name
from loadtests.exchange.pki_keys import ENTROPY_BYTES, KeyKind, derive_key, key_to_pem, serial_number
from loadtests.exchange.registry import Registry

NAME: Final = "exchange.load.congvan"
ORGANISATION: Final = "congvan (load)"
DAY_S: Final = 86_400
BACKDATED_S: Final = 3600
VALIDITY_S: Final = 365 * DAY_S
CRL_S: Final = 7 * DAY_S
"""Longer than any run; a server lets a list grow two days old."""
REVOKED_NAME: Final = "Cơ quan có chứng thư bị thu hồi"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What was made.

    Args:
        data: The data directory, for ``--data``.
        keys: Folder with a folder for each agency: the adapter's option ``keys``.
        agencies: File with the codes in order: the adapter's option ``agencies``.
        revoked: Folder of the revoked agency: the adapter's option ``revoked``.
        codes: Of the agencies, in order.
    """

    data: Path
    keys: Path
    agencies: Path
    revoked: Path
    codes: tuple[str, ...]

    @property
    def options(self) -> dict[str, str]:
        """The options with which the reference adapter finds all of it."""
        return {"keys": str(self.keys), "agencies": str(self.agencies), "revoked": str(self.revoked)}


def make_exchange(
    path: Path,
    codes_and_names: Sequence[tuple[str, str]],
    *,
    now: int,
    random: Callable[[int], bytes],
    progress: Progress = lambda *_: None,
) -> Made:
    """Make the data directory of an exchange that nobody has used.

    Args:
        path: A folder that is missing or empty.
        codes_and_names: The agencies, in the order of a schedule's indices: 13-character code, name.
        now: s since the epoch, UTC.
        random: So many bytes nobody can guess.
        progress: Told how many of how many agencies are done, and which is next.

    Raises:
        AdapterError: ``E-DATA``: the folder holds something.
        IssuingError, RegistryError: A code or a name cannot be registered.
    """
    if path.exists() and any(path.iterdir()):
        raise AdapterError("E-DATA", f"{path} is not empty", "a new folder")
    maker = _Maker(now, random)
    folder = Folder(path)
    folder.make()
    folder.write_authorities([maker.root.certificate], [maker.issuing.certificate])
    registered: list[Agency] = []
    for done, (code, name) in enumerate(codes_and_names):
        progress(done, len(codes_and_names), name)
        registered.append(maker.agency(folder.agencies_path / code, code, name))
    progress(len(codes_and_names), len(codes_and_names), "")
    codes = tuple(code for code, _ in codes_and_names)
    spare = next(code for number in range(100) if (code := f"999.99.{number:02}.X99") not in codes)
    revoked = path / "revoked" / spare
    gone = maker.agency(revoked, spare, REVOKED_NAME)
    folder.write_registry(Registry.of([*registered, gone]))
    serial = x509.load_der_x509_certificate(gone.certificates[0].certificate).serial_number
    for authority, entries in ((maker.root, ()), (maker.issuing, (Entry(serial, now - 60),))):
        folder.write_crl(maker.crl(authority, entries))
    folder.write_identity(NAME, *maker.service())
    order = path / "agencies.csv"
    with order.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("code", "name"), *codes_and_names])
    return Made(path, folder.agencies_path, order, revoked, codes)


class _Maker:
    """A root, an authority below it, and what that issues.

    Args:
        now: s since the epoch, UTC.
        random: So many bytes nobody can guess.
    """

    def __init__(self, now: int, random: Callable[[int], bytes]) -> None:
        self._now, self._random = now, random
        self._validity = Validity(now - BACKDATED_S, now + VALIDITY_S)
        key = self._key()
        name = authority_name(ORGANISATION, "Root CA")
        root = pki.issue_root(key, name, serial=self._serial(), validity=self._validity)
        self.root = Authority(root, key)
        key = self._key()
        name = authority_name(ORGANISATION, "Issuing CA")
        issuing = pki.issue_authority(
            self.root, name, key.public_key(), serial=self._serial(), validity=self._validity
        )
        self.issuing = Authority(issuing, key)

    def agency(self, folder: Path, code: str, name: str) -> Agency:
        """An agency, with its key and certificate in a new folder."""
        key = self._key()
        certificate = pki.issue_agency(
            self.issuing, code, name, name, key.public_key(), serial=self._serial(), validity=self._validity
        )
        folder.mkdir(parents=True)
        secret = folder / "key.pem"
        secret.touch(SECRET)
        secret.write_bytes(key_to_pem(key, None))
        (folder / "certificate.pem").write_bytes(pki.to_pem(certificate))
        return Agency(code, name, name, (Registered.of(certificate, added_at=self._now - BACKDATED_S),))

    def service(self) -> tuple[PrivateKey, x509.Certificate]:
        """Key and certificate of the exchange."""
        key = self._key()
        certificate = pki.issue_service(
            self.issuing,
            NAME,
            ORGANISATION,
            key.public_key(),
            serial=self._serial(),
            validity=self._validity,
        )
        return key, certificate

    def crl(self, authority: Authority, entries: Sequence[Entry]) -> bytes:
        """The first list of an authority."""
        made = pki.issue_crl(
            authority, entries, number=1, this_update_at=self._now - 60, next_update_at=self._now + CRL_S
        )
        return pki.to_der(made)

    def _key(self) -> PrivateKey:
        return derive_key(KeyKind.P256, self._random(ENTROPY_BYTES))

    def _serial(self) -> int:
        return serial_number(self._random(ENTROPY_BYTES))
