"""``congvan serve``: run an exchange, or make a demo of one first.

Rule kept here: no logic; options become ``Settings``, and what is wrong with the data directory is said before
anything listens.
"""

from __future__ import annotations

import csv
import os
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from loadtests.commands.told import DEMO, KEY_PASSWORD, now, password, say, told
from sim.errors import InputError

if TYPE_CHECKING:
    from loadtests.commands.demo import Demo, Member
    from loadtests.endpoint.settings import Settings

ADDRESS_FILE: Final = "address"
"""In a demo's folder: where its server was last told to listen."""
LETTER_FILE: Final = "letter.pdf"
"""In a demo's folder: a document to send."""


@told
def serve(
    data: Annotated[
        Path | None, typer.Option(help=f"data directory; with --demo it is made, default: ./{DEMO}")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="postgresql://…; default: SQLite in the data directory")
    ] = None,
    host: Annotated[str | None, typer.Option(help="address to listen on; default: this machine only")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="TCP port; default: 8421")] = None,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", help="TLS certificate and chain, in PEM; default: plain HTTP")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="its private key, in PEM")] = None,
    public_url: Annotated[
        str | None,
        typer.Option(help="scheme and host that clients know, as https://exchange.example; behind a proxy"),
    ] = None,
    demo: Annotated[
        str | None,
        typer.Option(metavar="SCENARIO", help="make keys for the agencies of this scenario, and serve them"),
    ] = None,
    agencies: Annotated[
        int | None, typer.Option(min=1, help="of a demo: how many agencies at most; default: all")
    ] = None,
    in_flight: Annotated[
        int | None, typer.Option(min=1, help="submissions at a time; more are told to come again (503)")
    ] = None,
    agency_per_s: Annotated[
        float | None,
        typer.Option(min=0.001, help="submissions of one agency per second in the long run (429)"),
    ] = None,
    agency_burst: Annotated[
        int | None, typer.Option(min=1, help="submissions of one agency at once (429)")
    ] = None,
    connections: Annotated[int | None, typer.Option(min=1, help="open connections")] = None,
    crl_days: Annotated[
        float | None, typer.Option(min=0.001, help="how old a revocation list may be, in days")
    ] = None,
    answer_days: Annotated[
        float | None, typer.Option(min=0.001, help="after which a message that nobody answered has expired")
    ] = None,
    verifiers: Annotated[
        int | None, typer.Option(min=0, help="threads that verify signatures; 0 for none beside the main one")
    ] = None,
) -> None:
    """Run a document exchange: signed documents in, signed receipts out.

    With --demo everything it needs is made first: a root and an issuing authority, the exchange's certificate, one
    key and certificate for each agency of the scenario, fresh revocation lists. Started again it uses them again.

    Where the exchange's own key has a password, it is taken from CONGVAN_KEY_PASSWORD or asked for.

    Try it:

      congvan serve --demo quang-ninh --agencies 12

      congvan serve --data my-exchange --tls-cert server.pem --tls-key server-key.pem --host 0.0.0.0
    """
    if data is None and demo is None:
        raise InputError(
            "E-OPTION", "found neither --data nor --demo", "try: congvan serve --demo quang-ninh"
        )
    if agencies is not None and demo is None:
        raise InputError("E-OPTION", "found --agencies without --demo", "the registry says who takes part")
    options = {
        "database": database,
        "host": host,
        "port": port,
        "tls_certificate": tls_cert,
        "tls_key": tls_key,
        "public_url": public_url,
        "in_flight_max": in_flight,
        "agency_per_s": agency_per_s,
        "agency_burst": agency_burst,
        "connections_max": connections,
        "crl_age_s_max": None if crl_days is None else round(crl_days * 86_400),
        "answer_s_max": None if answer_days is None else round(answer_days * 86_400),
        "verifiers": verifiers,
    }
    _run(_settings(data or DEMO, options), demo, agencies)


def _settings(data: Path, options: dict[str, Any]) -> Settings:
    """The settings with the options that were given; all else as the settings say."""
    from loadtests.endpoint.settings import Settings  # noqa: PLC0415

    return Settings(data, **{name: value for name, value in options.items() if value is not None})


def _run(settings: Settings, scenario: str | None, agencies: int | None) -> None:
    from loadtests.commands.demo import Demo  # noqa: PLC0415
    from loadtests.endpoint.folder import Folder  # noqa: PLC0415
    from loadtests.endpoint.server import serve as run  # noqa: PLC0415

    demo = Demo(Folder(settings.data), os.urandom)
    if scenario is not None:
        _make(demo, scenario, agencies)
    elif not demo.folder.exchange_path.is_dir():
        hint = "name one with --data, make one with `congvan pki`, or try --demo gia-lai"
        raise InputError("E-DATA", f"{demo.folder.path} is no exchange's data directory", hint)
    with demo.renewing(now) if demo.is_there else nullcontext():
        secret = _key_password(settings)
        _require_fit(settings, secret)
        # Clients sign the address under which they ask, so a demo's must be the public one where there is one.
        run(settings, lambda url: _tell(demo, settings.public_url or url), password=secret)


def _make(demo: Demo, scenario: str, agencies: int | None) -> None:
    from sim.cli.bar import Bar  # noqa: PLC0415

    if demo.is_there:
        if demo.scenario != scenario:
            hint = "name another folder with --data, or leave out --demo to serve this one"
            raise InputError(
                "E-DEMO", f"{demo.folder.path} holds a demo of {demo.scenario}, not of {scenario}", hint
            )
        there = len(demo.members())
        if agencies not in {None, there} and len(_members(scenario)[:agencies]) != there:
            hint = "leave out --agencies, or name another folder with --data"
            raise InputError("E-DEMO", f"{demo.folder.path} holds a demo of {there} agencies", hint)
        say(f"{demo.folder.path}: the demo of {scenario} is used again")
        return
    wanted = _members(scenario)[:agencies]
    say(f"{demo.folder.path}: making keys and certificates for {len(wanted)} agencies of {scenario}")
    with Bar() as bar:
        shown = bar if bar.bar.console.is_terminal else lambda *_: None
        demo.make(scenario, wanted, now=now(), progress=shown)
    _write_letter(demo.folder.path / LETTER_FILE, wanted[0].name_vi)


def _write_letter(path: Path, sender: str) -> None:
    from loadtests.commands.letter import letter  # noqa: PLC0415
    from loadtests.endpoint.files import write_whole  # noqa: PLC0415

    day = datetime.fromtimestamp(now(), tz=UTC)
    write_whole(path, letter(sender, on=f"{day:%d/%m/%Y}"))


def _members(scenario: str) -> tuple[Member, ...]:
    from loadtests.commands.demo import members  # noqa: PLC0415
    from sim.scenario import find  # noqa: PLC0415

    path = find(scenario).parent / "agencies.csv"
    if not path.is_file():
        raise InputError("E-DEMO", f"found no {path}", "a scenario whose agencies stand in agencies.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or "id" not in rows[0]:
        raise InputError("E-DEMO", f"{path}: found no agencies", "a header with id and name, and a line each")
    return members(rows)


def _key_password(settings: Settings) -> bytes | None:
    """The password of the exchange's key; None where it has none."""
    from loadtests.endpoint.credentials import read_file  # noqa: PLC0415
    from loadtests.endpoint.folder import Folder  # noqa: PLC0415

    path = Folder(settings.data).exchange_path / "key.pem"
    if b"ENCRYPTED" not in read_file(path):
        return None
    if (found := password(KEY_PASSWORD, ask=sys.stdin.isatty())) is None:
        hint = f"set {KEY_PASSWORD}, or start it from a terminal"
        raise InputError("key-unreadable", f"{path} has a password", hint)
    return found


def _require_fit(settings: Settings, secret: bytes | None) -> None:
    """Refuse to serve with a certificate of its own that nobody would believe."""
    from loadtests.endpoint.folder import Folder  # noqa: PLC0415
    from loadtests.exchange import trust  # noqa: PLC0415

    folder = Folder(settings.data)
    trusted, identity, at = folder.trusted(), folder.identity(secret), now()
    chain = trust.validate(
        identity.certificate,
        trusted.intermediates,
        trusted.anchors,
        at=at,
        limits=settings.certificate_limits,
    )
    status = trusted.revocations.status(chain.certificates, at=at, freshness=settings.freshness)
    status.require_good()


def _tell(demo: Demo, url: str) -> None:
    """Say where it listens; of a demo, what to try next, as lines to copy."""
    from loadtests.endpoint.files import write_whole  # noqa: PLC0415

    say(f"{demo.folder.path}: listening on {url}, see {url}/docs; Ctrl-C stops it")
    if not demo.is_there:
        return
    path = demo.folder.path
    write_whole(path / ADDRESS_FILE, f"{url}\n".encode())
    members = demo.members()
    one, *others = members[:3]
    to = " ".join(f"--to {other.code}" for other in others or [one])
    last = (others or [one])[0].code
    keys = "" if path == DEMO else f"  export CONGVAN_KEYS={path / 'agencies'}\n"
    say(
        f"""{len(members)} agencies, listed in {path / "agencies.csv"}. In another terminal, in this folder:
{keys}  congvan send --as {one.code} {to} {path / LETTER_FILE}
  congvan inbox --as {last} --save inbox
  congvan acknowledge MESSAGE --as {last}
  congvan evidence MESSAGE --as {one.code} --out bundle.zip
  congvan verify bundle.zip --trust {path / "trust" / "roots.pem"}"""
    )
