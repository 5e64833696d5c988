"""For an agency's commands: where the exchange is, which key signs, and who is meant by a name.

Rule kept here: nothing is guessed: a name that fits several agencies is refused with a list of them, and an exchange
is believed by its certificate where a root is at hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from cryptography import x509

from loadtests.attempts import Retries, SystemClock
from loadtests.client import Client, Credentials
from loadtests.commands.demo import plain
from loadtests.commands.serve_command import ADDRESS_FILE
from loadtests.commands.told import DEMO, KEY_PASSWORD, now, password
from loadtests.endpoint.credentials import read_certificate, read_certificates, read_key
from loadtests.exchange import trust
from loadtests.exchange.agencies import is_agency_code
from loadtests.exchange.certificates import Limits, parse_certificate
from loadtests.exchange.issuer import Issuer
from loadtests.public import PublicClient
from loadtests.received import ListedAgency, Ref
from sim.errors import InputError

SERVER: Final = "CONGVAN_SERVER"
KEYS: Final = "CONGVAN_KEYS"
TRUST: Final = "CONGVAN_TRUST"
ATTEMPT_S: Final = 60.0
# Whoever waits at a terminal wants to know after some seconds; what was signed can be sent again.
RETRIES: Final = Retries(attempts_max=5, total_s_max=30.0)
SHOWN_MAX: Final = 5
PART_CHARS_MIN: Final = 4
_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Place:
    """Where an agency's command finds what it needs.

    Args:
        server: Address of the exchange.
        keys: Folder with a folder for each agency, named by its code.
        roots: File of the roots that the exchange is believed by; None where it is believed by its address.
    """

    server: str
    keys: Path
    roots: Path | None


def place(server: str | None, keys: Path | None, roots: Path | None) -> Place:
    """Where things are: options first, then the environment, then the demo that the keys belong to.

    Raises:
        InputError: ``E-SERVER``, ``E-KEYS``: nothing says where.
    """
    folder = keys or Path(os.environ.get(KEYS) or DEMO / "agencies")
    if not folder.is_dir():
        hint = f"--keys DIR, {KEYS}, or run this beside the ./{DEMO} that `congvan serve --demo` makes"
        raise InputError("E-KEYS", f"found no folder of keys {folder}", hint)
    beside = folder.parent / ADDRESS_FILE
    address = server or os.environ.get(SERVER) or (beside.read_text().strip() if beside.is_file() else "")
    if not address:
        raise InputError("E-SERVER", "found no exchange's address", f"--server URL, or {SERVER}")
    demo_roots = folder.parent / "trust" / "roots.pem"
    named = roots or (Path(os.environ[TRUST]) if os.environ.get(TRUST) else None)
    return Place(address, folder, named or (demo_roots if demo_roots.is_file() else None))


@contextmanager
def connected(where: Place, agency: str) -> Iterator[tuple[Client, str]]:
    """A client that speaks for an agency, and the agency's code, once the exchange is known to be the right one.

    Args:
        where: Where things are.
        agency: Its code, or a unique part of its name.

    Raises:
        InputError: ``E-AGENCY``, ``E-KEYS``.
        ExchangeError: The exchange cannot be reached, or is not believed; key or certificate cannot be read.
    """
    with httpx.Client(timeout=ATTEMPT_S) as http:
        public = PublicClient(where.server, http, clock=SystemClock(), random=os.urandom, retries=RETRIES)
        issuer = _believed(public, where.roots)
        code = agency if is_agency_code(agency) else resolved(agency, public.agencies())
        own = credentials(where.keys, code)
        client = Client(
            where.server,
            own,
            http,
            clock=SystemClock(),
            random=os.urandom,
            exchange=issuer,
            retries=RETRIES,
        )
        yield client, code


def credentials(keys: Path, code: str) -> Credentials:
    """Key and certificate of an agency.

    Raises:
        InputError: ``E-KEYS``: there are none.
        ExchangeError: They cannot be read, or are not of a pair.
    """
    folder = keys / code
    if not (folder / "key.pem").is_file():
        raise InputError("E-KEYS", f"found no key for {code}", f"{folder}/key.pem and certificate.pem")
    key = read_key(folder / "key.pem", password(KEY_PASSWORD, ask=False))
    return Credentials.of(code, key, read_certificate(folder / "certificate.pem"))


def resolved(text: str, agencies: Sequence[ListedAgency]) -> str:
    """The code of the one agency whose code or name this is, or a part of its name; marks and case do not matter.

    Raises:
        InputError: ``E-AGENCY``: none or several.
    """
    wanted = plain(text).casefold().strip()
    names = {one.code: (plain(one.name_vi).casefold(), one.name_en.casefold()) for one in agencies}
    if text in names:
        return text
    found = [code for code, both in names.items() if wanted in both]
    found = found or [code for code, both in names.items() if any(wanted in name for name in both)]
    if wanted and len(found) == 1:
        return found[0]
    shown = [f"{one.code} {one.name_vi}" for one in agencies if one.code in found][:SHOWN_MAX]
    if not shown:
        hint = "its code, or a part of its name; see the agencies.csv of the demo, or GET /v1/agencies"
        raise InputError("E-AGENCY", f"found no agency {text!r}", hint)
    more = f" and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
    raise InputError("E-AGENCY", f"{text!r} fits {len(found)} agencies", f"{'; '.join(shown)}{more}")


def ref_of(text: str, client: Client, own: str) -> Ref:
    """The message that is meant: ``SENDER:ID``, the beginning of an id in the own inbox, or the id of one sent.

    Raises:
        InputError: ``E-MESSAGE``: several messages of the inbox begin so.
        Refusal: ``message-unknown``: no message can be called so.
    """
    if ":" in text:
        return Ref.parse(text)
    found: set[Ref] = set()
    after, more = -1, len(text) >= PART_CHARS_MIN
    while more:
        answer = client.inbox(after=after, limit=1000)
        found |= {one.ref for one in answer.entries if one.ref.message_id.startswith(text)}
        after, more = answer.next, bool(answer.entries)
    if len(found) > 1:
        hint = "; ".join(sorted(map(str, found))[:SHOWN_MAX])
        raise InputError("E-MESSAGE", f"{text!r} begins {len(found)} messages", hint)
    return found.pop() if found else Ref.parse(f"{own}:{text}")


def _believed(public: PublicClient, roots: Path | None) -> Issuer:
    """The exchange at the address, its certificate checked where roots are at hand."""
    info = public.exchange()
    if roots is not None:
        above = [parse_certificate(der, _LIMITS) for der in info.chain[1:]]
        between = [one for one in above if one.subject != one.issuer]
        own = parse_certificate(info.certificate, _LIMITS)
        anchors = trust.Anchors.of(read_certificates(roots))
        trust.validate(own, between, anchors, at=now(), limits=_LIMITS)
        _require_name(own, info.issuer.name)
    return info.issuer


def _require_name(certificate: x509.Certificate, name: str) -> None:
    """An agency's certificate hangs from the same root; only the exchange's bears the exchange's name."""
    named = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    if [one.value for one in named] != [name]:
        found = f"{name} shows a certificate of {certificate.subject.rfc4514_string()[:120]}"
        raise InputError("issuer-mismatch", found, "the exchange's own certificate; ask its operator")
