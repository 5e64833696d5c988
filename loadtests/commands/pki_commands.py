"""``congvan pki``: a small PKI for tests and trials: authorities, certificates, revocation lists.

Rule kept here: no logic; parse, call ``authority``, say what was done and what comes next.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from loadtests.commands.told import KEY_PASSWORD, PKI_PASSWORD, moment, now, one_of, password, say, show, told
from sim.errors import InputError

if TYPE_CHECKING:
    from cryptography import x509

    from loadtests.commands.authority import Pki
    from loadtests.exchange.pki_keys import KeyKind

KEYS: Final = ("p-256", "rsa-2048", "ed25519")
REASONS: Final = (
    "unspecified",
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
)

pki = typer.Typer(
    no_args_is_help=True,
    help="""Make and run a small PKI: for trials and tests, not for an authority's real keys.

Try it:

    congvan pki init my-pki

    congvan pki issue my-pki --code 000.00.00.H41 --name-vi "Tỉnh Nghệ An"

    congvan pki exchange my-pki my-exchange --name exchange.example.vn
""",
)

Dir = Annotated[Path, typer.Argument(metavar="DIR", help="folder of the PKI")]
Ask = Annotated[
    bool, typer.Option("--password", help=f"ask for the authorities' password; or set {PKI_PASSWORD}")
]
Days = Annotated[int, typer.Option(min=1, help="validity, in days")]
CrlDays = Annotated[int, typer.Option(min=1, help="until the next revocation list at the latest, in days")]
Data = Annotated[
    Path | None,
    typer.Option("--to", metavar="DATA", help="also give the lists to this exchange's data directory"),
]


@pki.command()
@told
def init(
    folder: Dir,
    organisation: Annotated[str, typer.Option(help="in the authorities' names")] = "Ban Cơ yếu (thử nghiệm)",
    root_days: Annotated[int, typer.Option(min=1, help="the root's validity, in days")] = 3650,
    issuing_days: Annotated[
        int, typer.Option(min=1, help="the issuing authority's validity, in days; at most the root's")
    ] = 1825,
    crl_days: CrlDays = 7,
    ask: Ask = False,
) -> None:
    """Make a root, an issuing authority below it, and their empty revocation lists.

    Private keys are written with mode 0600; with --password they are encrypted as well.

    Example:  congvan pki init my-pki --password
    """
    made = _pki(folder, password(PKI_PASSWORD, ask=ask, new=True))
    made.init(organisation, now=now(), root_days=root_days, issuing_days=issuing_days, crl_days=crl_days)
    say(f"{folder}: root until {_end(made.root)}, issuing authority until {_end(made.issuing)}")
    say(f'next: congvan pki issue {folder} --code 000.00.00.H41 --name-vi "…"')


@pki.command()
@told
def issue(
    folder: Dir,
    code: Annotated[str, typer.Option(help="the agency's code, such as 000.00.00.H41")],
    name_vi: Annotated[str, typer.Option("--name-vi", "--name", help="its name in Vietnamese")],
    name_en: Annotated[
        str | None, typer.Option("--name-en", help="its name in English; default: the Vietnamese one")
    ] = None,
    key: Annotated[str, typer.Option(help=f"one of: {', '.join(KEYS)}")] = "p-256",
    days: Days = 365,
    out: Annotated[
        Path | None, typer.Option(help="folder for key.pem and certificate.pem; default: DIR/agencies/CODE")
    ] = None,
    ask: Ask = False,
) -> None:
    """Make a key and a certificate with which an agency signs.

    The agency's key is encrypted where CONGVAN_KEY_PASSWORD is set. A second certificate of an agency goes into
    another folder (--out).

    Example:  congvan pki issue my-pki --code 000.00.00.H41 --name-vi "Tỉnh Nghệ An" --name-en "Nghe An province"
    """
    kind = _kind(key)
    target = out or folder / "agencies" / code
    _require_free(target)
    made = _pki(folder, password(PKI_PASSWORD, ask=ask))
    issued = made.issue_agency(code, name_vi, name_en or name_vi, kind, now=now(), days=days)
    issued.write(target, password(KEY_PASSWORD, ask=False))
    say(f"{target / 'certificate.pem'}: {code}, serial {issued.certificate.serial_number:x}")
    say(f"next: congvan registry add DATA --certificate {target / 'certificate.pem'}")


@pki.command()
@told
def exchange(
    folder: Dir,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="new data directory of an exchange")],
    name: Annotated[str, typer.Option(help="what the exchange calls itself, such as exchange.example.vn")],
    organisation: Annotated[str, typer.Option(help="in its certificate")] = "Trục liên thông (thử nghiệm)",
    key: Annotated[str, typer.Option(help=f"one of: {', '.join(KEYS)}")] = "p-256",
    days: Days = 365,
    ask: Ask = False,
) -> None:
    """Make the data directory of an exchange that trusts this PKI and has its certificate from it.

    Example:  congvan pki exchange my-pki my-exchange --name exchange.example.vn
    """
    from loadtests.commands.founding import found  # noqa: PLC0415

    made = _pki(folder, password(PKI_PASSWORD, ask=ask))
    found(made, data, name, organisation, _kind(key), now=now(), days=days)
    say(f"{data}: {name} trusts {folder}")
    say(f"next: congvan registry add {data} --certificate {folder}/agencies/CODE/certificate.pem")
    say(f"then: congvan serve --data {data}")


@pki.command(name="list")
@told
def list_(
    folder: Dir, format_: Annotated[str, typer.Option("--format", help="table or json")] = "table"
) -> None:
    """List the certificates that were issued to agencies and exchanges.

    Example:  congvan pki list my-pki
    """
    made = _pki(folder, None)
    revoked = made.revoked()
    rows = [
        {
            "serial": f"{one.serial_number:x}",
            "subject": one.subject.rfc4514_string(),
            "until": _end(one),
            "revoked": "yes" if one.serial_number in revoked else "",
        }
        for one in made.issued()
    ]
    columns = {"serial": "serial", "subject": "subject", "until": "valid until", "revoked": "revoked"}
    show(rows, columns, format_, empty="nothing was issued yet")


@pki.command()
@told
def revoke(
    folder: Dir,
    serial: Annotated[str | None, typer.Option(help="serial number in hexadecimal")] = None,
    certificate: Annotated[Path | None, typer.Option(help="or the certificate, in PEM")] = None,
    reason: Annotated[str, typer.Option(help=f"one of: {', '.join(REASONS)}")] = "unspecified",
    crl_days: CrlDays = 7,
    to: Data = None,
    ask: Ask = False,
) -> None:
    """Revoke a certificate: it stands on the next list, which is made at once.

    Example:  congvan pki revoke my-pki --certificate old.pem --reason keyCompromise --to my-exchange
    """
    from cryptography import x509  # noqa: PLC0415

    why = x509.ReasonFlags(one_of("--reason", reason, REASONS))
    number = _serial(serial, certificate)
    made = _pki(folder, password(PKI_PASSWORD, ask=ask))
    found = made.revoke(number, why, now=now(), crl_days=crl_days)
    say(f"revoked {number:x}: {found.subject.rfc4514_string()}")
    _deliver(made, to)


@pki.command()
@told
def crl(folder: Dir, to: Data = None, crl_days: CrlDays = 7, ask: Ask = False) -> None:
    """Make the next revocation lists of both authorities; they say the same, with a new date.

    An exchange takes nothing once a list is too old: run this at least as often as its lists grow old.

    Example:  congvan pki crl my-pki --to my-exchange
    """
    made = _pki(folder, password(PKI_PASSWORD, ask=ask))
    at = now()
    made.renew(now=at, crl_days=crl_days)
    say(f"{folder}: new lists, the next ones at the latest {moment(at + crl_days * 86_400)}")
    _deliver(made, to)


def _pki(folder: Path, secret: bytes | None) -> Pki:
    from loadtests.commands.authority import Pki  # noqa: PLC0415

    return Pki(folder, os.urandom, secret)


def _kind(key: str) -> KeyKind:
    from loadtests.exchange.pki_keys import KeyKind  # noqa: PLC0415

    return KeyKind(one_of("--key", key, KEYS))


def _end(certificate: x509.Certificate) -> str:
    return certificate.not_valid_after_utc.date().isoformat()


def _require_free(target: Path) -> None:
    if (target / "key.pem").exists():
        hint = "name another folder with --out, and register the new certificate with `registry rotate`"
        raise InputError("credentials-there", f"found {target / 'key.pem'}", hint)


def _serial(serial: str | None, certificate: Path | None) -> int:
    from loadtests.endpoint.credentials import read_certificate  # noqa: PLC0415

    if (serial is None) == (certificate is None):
        raise InputError("E-OPTION", "found both or neither of --serial and --certificate", "one of them")
    if certificate is not None:
        return read_certificate(certificate).serial_number
    try:
        return int(serial or "", 16)
    except ValueError:
        raise InputError("E-OPTION", f"found --serial {serial!r}", "hexadecimal digits") from None


def _deliver(made: Pki, to: Path | None) -> None:
    from loadtests.endpoint.folder import Folder  # noqa: PLC0415

    if to is None:
        say("next: give the lists to the exchange, `congvan pki crl DIR --to DATA`")
        return
    data = Folder(to)
    with data.changing_trust():
        for der in made.crls():
            data.write_crl(der)
    say(f"{to}: a running exchange reads the lists within a second")
