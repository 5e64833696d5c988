"""A demo exchange: a PKI, an exchange and the agencies of a scenario, all made on the spot.

Rule kept here: a demo's folder is made once and used again; it is marked as a demo at its very end, so that one that
was broken off is completed, and never a folder that somebody else made is touched.

    DATA/pki/  DATA/agencies/<code>/  DATA/agencies.csv (code, scenario id, names)  DATA/demo (the mark)
"""

from __future__ import annotations

import csv
import io
import logging
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.commands.authority import Pki
from loadtests.commands.founding import found
from loadtests.endpoint.credentials import FolderError
from loadtests.endpoint.files import write_whole
from loadtests.endpoint.folder import Folder
from loadtests.exchange.agencies import NAME_CHARACTERS_MAX, is_agency_code
from loadtests.exchange.errors import ExchangeError
from loadtests.exchange.pki_keys import KeyKind
from loadtests.exchange.registry import Agency, Registered, Registry

LOG: Final = logging.getLogger(__name__)
NAME: Final = "exchange.demo.congvan"
ORGANISATION: Final = "congvan (demo)"
VALIDITY_DAYS: Final = 365
AUTHORITY_DAYS: Final = 3650
CRL_DAYS: Final = 7
RENEW_S: Final = 6 * 3600.0
"""How often a running demo renews its lists: an exchange lets them grow two days old, and a laptop may sleep."""
_COLUMNS: Final = ("code", "id", "name_vi", "name_en")


@dataclass(frozen=True, slots=True)
class Member:
    """An agency of a demo.

    Args:
        code: 13 characters.
        id: What the scenario calls it.
        name_vi: Its name.
        name_en: The same in letters of English: scenarios have no English names.
    """

    code: str
    id: str
    name_vi: str
    name_en: str


def members(rows: Iterable[dict[str, str]]) -> tuple[Member, ...]:
    """The agencies of a scenario's table, in its order, each with a code of its own.

    A row whose ``exchange_code`` is no code, or was given before, gets the first free one of 999.NN.NN.X99, which
    Decision 28/2018 gives to nobody.

    Args:
        rows: With ``id``, ``name`` and perhaps ``exchange_code``.
    """
    taken, table = set[str](), list(rows)
    stated = [row.get("exchange_code", "").strip() for row in table]
    free = (
        code
        for number in range(10_000)
        if (code := f"999.{number // 100:02}.{number % 100:02}.X99") not in set(stated)
    )
    made: list[Member] = []
    for row, code in zip(table, stated, strict=True):
        own = code if is_agency_code(code) and code not in taken else next(free)
        taken.add(own)
        name = _tidied(row.get("name") or row["id"])
        made.append(Member(own, row["id"], name, plain(name)))
    return tuple(made)


def plain(text: str) -> str:
    """Vietnamese without its marks: what one types on any keyboard."""
    apart = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _tidied(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(name.split()))[:NAME_CHARACTERS_MAX].strip()


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo's folder.

    Args:
        folder: The data directory.
        random: Gives so many bytes nobody can guess.
    """

    folder: Folder
    random: Callable[[int], bytes]

    @property
    def is_there(self) -> bool:
        """True where the folder holds a demo that was completed."""
        return self._mark.exists()

    @property
    def scenario(self) -> str:
        """The scenario whose agencies take part."""
        return self._mark.read_text(encoding="utf-8").strip()

    @property
    def pki(self) -> Pki:
        """Its authorities."""
        return Pki(self.folder.pki_path, self.random)

    def members(self) -> tuple[Member, ...]:
        """Its agencies, as they were made."""
        with (self.folder.path / "agencies.csv").open(encoding="utf-8", newline="") as file:
            return tuple(Member(**{name: row[name] for name in _COLUMNS}) for row in csv.DictReader(file))

    def make(
        self,
        scenario: str,
        agencies: Sequence[Member],
        *,
        now: int,
        progress: Callable[[int, int, str], None],
    ) -> None:
        """Make the demo, or what is missing of one that was broken off.

        Args:
            scenario: Where they come from.
            agencies: Who takes part.
            now: s since the epoch, UTC.
            progress: Told how many of how many are done, and which is next.

        Raises:
            FolderError: ``folder-foreign``: the folder holds something else.
        """
        begun, path = self.folder.path / "demo-begun", self.folder.path
        if path.exists() and any(path.iterdir()) and not begun.exists():
            hint = "name an empty folder with --data, or leave out --demo to serve this one"
            raise FolderError("folder-foreign", f"{path} holds something that is no demo", hint)
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(begun, f"{scenario}\n".encode())
        if not (self.pki.path / "issuing" / "list.crl").exists():
            _discard(self.pki.path)
            self.pki.init(
                ORGANISATION,
                now=now,
                root_days=AUTHORITY_DAYS,
                issuing_days=AUTHORITY_DAYS,
                crl_days=CRL_DAYS,
            )
        if not (self.folder.exchange_path / "certificate.pem").exists():
            found(self.pki, path, NAME, ORGANISATION, KeyKind.P256, now=now, days=VALIDITY_DAYS)
        registered = []
        for done, one in enumerate(agencies):
            progress(done, len(agencies), one.name_vi)
            registered.append(self._issue(one, now))
        progress(len(agencies), len(agencies), "")
        self.folder.write_registry(Registry.of(registered))
        write_whole(path / "agencies.csv", _table(agencies))
        begun.replace(self._mark)

    def renew(self, *, now: int) -> None:
        """Make the next revocation lists and give them to the exchange."""
        self.pki.renew(now=now, crl_days=CRL_DAYS)
        with self.folder.changing_trust():
            for der in self.pki.crls():
                self.folder.write_crl(der)

    @contextmanager
    def renewing(self, clock: Callable[[], int], every_s: float = RENEW_S) -> Iterator[None]:
        """Renew the lists now and from time to time, as long as the block runs."""
        stopped = threading.Event()
        self.renew(now=clock())

        def run() -> None:
            while not stopped.wait(every_s):
                try:
                    self.renew(now=clock())
                except (
                    ExchangeError,
                    OSError,
                ) as error:  # the next turn may go better; until then lists hold
                    LOG.warning("the demo's revocation lists were not renewed: %s", error)

        thread = threading.Thread(target=run, name="demo-crls", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    @property
    def _mark(self) -> Path:
        return self.folder.path / "demo"

    def _issue(self, member: Member, now: int) -> Agency:
        target = self.folder.agencies_path / member.code
        _discard(target)
        made = self.pki.issue_agency(
            member.code, member.name_vi, member.name_en, KeyKind.P256, now=now, days=VALIDITY_DAYS
        )
        made.write(target)
        return Agency(
            member.code, member.name_en, member.name_vi, (Registered.of(made.certificate, added_at=now),)
        )


def _table(agencies: Iterable[Member]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((one.code, one.id, one.name_vi, one.name_en) for one in agencies)
    return out.getvalue().encode()


def _discard(folder: Path) -> None:
    """Take away what a demo that was broken off left there: two levels of files at most."""
    if not folder.exists():
        return
    for one in sorted(folder.rglob("*"), reverse=True):
        one.rmdir() if one.is_dir() else one.unlink()
    folder.rmdir()
