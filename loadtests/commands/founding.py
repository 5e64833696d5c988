"""Making the data directory of an exchange, with or without a demo's agencies.

Rule kept here: a directory that was founded is not founded again; what is missing for a running exchange afterwards
is an agency in its registry, and nothing else.
"""

from __future__ import annotations

from pathlib import Path

from loadtests.commands.authority import Pki
from loadtests.endpoint.folder import Folder, FolderError
from loadtests.exchange.pki_keys import KeyKind
from loadtests.exchange.registry import Registry


def found(
    pki: Pki, data: Path, name: str, organisation: str, kind: KeyKind, *, now: int, days: int
) -> Folder:
    """Make a data directory: an identity issued by this PKI, which is all it trusts, and an empty registry.

    Args:
        pki: A PKI that was made.
        data: The new directory.
        name: What the exchange calls itself.
        organisation: In its certificate.
        kind: Of its key.
        now: s since the epoch, UTC.
        days: Validity of its certificate.

    Raises:
        FolderError: ``exchange-there``: the directory has an exchange; ``pki-missing``, ``key-unreadable``.
        IssuingError: The codes of ``pki.issue_service``.
    """
    folder = Folder(data)
    if (folder.exchange_path / "certificate.pem").exists():
        hint = "name a new directory, or serve this one"
        raise FolderError("exchange-there", f"{data} is an exchange's data directory already", hint)
    own = pki.issue_service(name, organisation, kind, now=now, days=days)
    folder.make()
    folder.write_authorities([pki.root], [pki.issuing])
    for der in pki.crls():
        folder.write_crl(der)
    folder.write_registry(Registry.of())
    folder.write_identity(name, own.key, own.certificate)
    return folder
