"""Whom the reference adapter speaks for: the agencies of a schedule by index, their keys, and one that was revoked.

Rule kept here: index and code belong together by one list, sorted or as a file has it, so that every process that
reads the same folder means the same agency.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, overload

from loadtests.adapters.base import AdapterError
from loadtests.client import Credentials
from loadtests.endpoint.credentials import read_certificate, read_key
from loadtests.exchange.agencies import is_agency_code
from loadtests.exchange.errors import ExchangeError

OPTIONS: Final[Mapping[str, str]] = {
    "keys": "folder with a folder for each agency, named by its code, that holds key.pem and certificate.pem",
    "agencies": "file that says in which order: a code on each line, or CSV with a column code (default: sorted)",
    "revoked": "such a folder of a further agency, whose certificate the exchange knows as revoked",
}


class CodeList(Sequence[str]):
    """The codes of the agencies, by the index that schedules name them by.

    Args:
        codes: All different.

    Raises:
        AdapterError: ``E-KEYS``: one stands twice, or is no code.
    """

    def __init__(self, codes: Sequence[str]) -> None:
        self._codes = tuple(codes)
        self._places = {code: place for place, code in enumerate(self._codes)}
        wrong = next((code for code in self._codes if not is_agency_code(code)), None)
        if wrong is not None:
            raise AdapterError("E-KEYS", f"found {wrong[:40]!r}", "a code such as 000.00.00.H41")
        if len(self._places) < len(self._codes):
            raise AdapterError("E-KEYS", "found an agency twice", "each agency once")

    @classmethod
    def of(cls, keys: Path, order: Path | None) -> CodeList:
        """The agencies that have a folder of keys.

        Args:
            keys: The folder of folders.
            order: The file that says in which order; None for sorted.

        Raises:
            AdapterError: ``E-KEYS``: there is no such folder or file, or the file names an agency without keys.
        """
        if not keys.is_dir():
            raise AdapterError("E-KEYS", f"found no folder {keys}", OPTIONS["keys"])
        there = sorted(one.name for one in keys.iterdir() if (one / "key.pem").is_file())
        if order is None:
            return cls(there)
        codes = _listed(order)
        if missing := next((code for code in codes if code not in set(there)), None):
            raise AdapterError(
                "E-KEYS", f"{order} names {missing}, which has no keys in {keys}", OPTIONS["keys"]
            )
        return cls(codes)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._codes[index]

    def __len__(self) -> int:
        return len(self._codes)

    def index_of(self, code: str) -> int | None:
        """The index of a code; None for one that is not listed."""
        return self._places.get(code)


@dataclass(frozen=True, slots=True)
class Keys:
    """All that the adapter signs with.

    Args:
        codes: The agencies of the schedule.
        credentials: Theirs, by the same index.
        revoked: Those of an agency whose certificate is revoked; None where there is none.
    """

    codes: CodeList
    credentials: tuple[Credentials, ...]
    revoked: Credentials | None


def read_keys(options: Mapping[str, str], agencies: int) -> Keys:
    """The keys that the options name, of the first agencies of the list.

    Args:
        options: See ``OPTIONS``.
        agencies: How many the schedule speaks of.

    Raises:
        AdapterError: ``E-KEYS``: they are missing, too few, or cannot be used.
    """
    if not options.get("keys"):
        raise AdapterError("E-KEYS", "found no option keys", f"--option keys=DIR: {OPTIONS['keys']}")
    folder = Path(options["keys"])
    order = Path(options["agencies"]) if options.get("agencies") else None
    codes = CodeList.of(folder, order)
    if len(codes) < agencies:
        found = f"found keys of {len(codes)} agencies in {folder}"
        raise AdapterError("E-KEYS", found, f"of the {agencies} that the schedule speaks of, or more")
    used = CodeList(codes[:agencies])
    revoked = Path(options["revoked"]) if options.get("revoked") else None
    return Keys(
        used,
        tuple(_credentials(folder / code) for code in used),
        None if revoked is None else _credentials(revoked),
    )


def _credentials(folder: Path) -> Credentials:
    """The key in a folder that has the code of its agency as its name."""
    if not is_agency_code(folder.name):
        raise AdapterError("E-KEYS", f"found a folder {folder}", "one named by the code of its agency")
    try:
        return Credentials.of(
            folder.name, read_key(folder / "key.pem"), read_certificate(folder / "certificate.pem")
        )
    except ExchangeError as error:
        raise AdapterError("E-KEYS", f"{error.code}: {error.message}", error.hint) from None


def _listed(order: Path) -> tuple[str, ...]:
    try:
        lines = order.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise AdapterError("E-KEYS", f"{order}: {error.strerror}", OPTIONS["agencies"]) from None
    if lines and "code" in lines[0].split(","):
        return tuple(row["code"] for row in csv.DictReader(lines))
    return tuple(line.strip() for line in lines if line.strip())
