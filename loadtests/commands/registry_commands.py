"""``congvan registry``: which agencies take part in an exchange, with which certificates and rights.

Rule kept here: the registry changes as a whole and under its lock, so that two operators never undo one another; a
certificate is registered only if the exchange would trust it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from loadtests.commands.told import moment, now, one_of, say, show, told

if TYPE_CHECKING:
    from cryptography import x509

    from loadtests.endpoint.folder import Folder
    from loadtests.exchange.registry import Agency, Registry, Right

RIGHTS: Final = ("send", "receive")
DAY_S: Final = 86_400

registry = typer.Typer(
    no_args_is_help=True,
    help="""Register agencies; a running exchange takes a change up within a second.

Try it:

    congvan registry list my-exchange

    congvan registry add my-exchange --certificate my-pki/agencies/000.00.00.H41/certificate.pem

    congvan registry suspend my-exchange --agency 000.00.00.H41
""",
)

Data = Annotated[Path, typer.Argument(metavar="DATA", help="data directory of the exchange")]
Code = Annotated[str, typer.Option("--agency", help="the agency's code")]
Certificate = Annotated[Path, typer.Option(help="the agency's certificate, in PEM")]


@registry.command()
@told
def add(
    data: Data,
    certificate: Certificate,
    name_vi: Annotated[
        str | None, typer.Option("--name-vi", "--name", help="in Vietnamese; default: the certificate's")
    ] = None,
    name_en: Annotated[
        str | None, typer.Option("--name-en", help="in English; default: the certificate's, or --name-vi")
    ] = None,
    code: Annotated[
        str | None, typer.Option(help="the agency's code; default: the certificate's common name")
    ] = None,
    rights: Annotated[str, typer.Option(help="what it may do, with commas")] = ",".join(RIGHTS),
) -> None:
    """Register an agency with its first certificate.

    Example:  congvan registry add my-exchange --certificate h41.pem --name-vi "Tỉnh Nghệ An" --name-en "Nghe An"
    """
    from loadtests.exchange.registry import Agency, Registered  # noqa: PLC0415

    found = _trusted(data, certificate)
    stated = _stated(found)
    vi = name_vi or stated["name_vi"]
    own = code or stated["code"]
    agency = Agency(
        own,
        name_en or stated["name_en"] or vi,
        vi,
        (Registered.of(found, added_at=now()),),
        _rights(rights),
    )
    _change(data, lambda known: known.add(agency))
    say(f"{own} {vi}: may {' and '.join(sorted(agency.rights))}")


@registry.command(name="list")
@told
def list_(
    data: Data,
    format_: Annotated[str, typer.Option("--format", help="table, or json with every certificate")] = "table",
) -> None:
    """List the agencies and their certificates.

    Example:  congvan registry list my-exchange --format json
    """
    at = now()
    rows = [_row(agency, at) for agency in _folder(data).registry().agencies.values()]
    columns = {
        "code": "code",
        "name_vi": "name",
        "may": "may",
        "standing": "standing",
        "until": "valid until",
    }
    show(rows, columns, format_, empty="no agency is registered")


@registry.command()
@told
def rotate(
    data: Data,
    certificate: Certificate,
    code: Annotated[
        str | None, typer.Option("--agency", help="its code; default: the certificate's common name")
    ] = None,
    overlap: Annotated[
        float, typer.Option(min=0, help="how long the old certificates still count, in days")
    ] = 7.0,
) -> None:
    """Register a new certificate of an agency; the old ones stop counting after the overlap.

    Example:  congvan registry rotate my-exchange --certificate new.pem --overlap 7
    """
    from loadtests.exchange.registry import Registered  # noqa: PLC0415

    found = _trusted(data, certificate)
    own, at, overlap_s = code or _stated(found)["code"], now(), round(overlap * DAY_S)
    _change(data, lambda known: known.rotate(own, Registered.of(found, added_at=at), overlap_s=overlap_s))
    say(f"{own}: the new certificate counts now, the old ones until {moment(at + overlap_s)}")


@registry.command()
@told
def suspend(data: Data, code: Code) -> None:
    """Take nothing of an agency and for it, until it is resumed; what was accepted stays.

    Example:  congvan registry suspend my-exchange --agency 000.00.00.H41
    """
    at = now()
    _change(data, lambda known: known.suspend(code, at=at))
    say(f"{code}: suspended since {moment(at)}")


@registry.command()
@told
def resume(data: Data, code: Code) -> None:
    """Lift an agency's suspension.

    Example:  congvan registry resume my-exchange --agency 000.00.00.H41
    """
    at = now()
    _change(data, lambda known: known.resume(code, at=at))
    say(f"{code}: takes part again")


@registry.command()
@told
def entitle(
    data: Data, code: Code, rights: Annotated[str, typer.Option(help="all it may do, with commas")]
) -> None:
    """Give an agency exactly these rights.

    Example:  congvan registry entitle my-exchange --agency 000.00.00.H41 --rights receive
    """
    given = _rights(rights)
    _change(data, lambda known: known.entitle(code, given))
    say(f"{code}: may {' and '.join(sorted(given))}")


@registry.command()
@told
def crl(
    data: Data,
    lists: Annotated[list[Path], typer.Argument(metavar="LIST…", help="revocation lists, in DER")],
) -> None:
    """Give the exchange new revocation lists of its authorities; earlier ones are kept, for receipts name them.

    Example:  congvan registry crl my-exchange issuing-ca.crl
    """
    from loadtests.endpoint.credentials import read_file  # noqa: PLC0415

    folder = _folder(data)
    with folder.changing_trust():
        for path in lists:
            say(f"{path}: now {folder.write_crl(read_file(path))}")


def _folder(data: Path) -> Folder:
    from loadtests.endpoint.folder import Folder  # noqa: PLC0415

    return Folder(data)


def _change(data: Path, change: Callable[[Registry], Registry]) -> None:
    folder = _folder(data)
    with folder.changing_trust():
        folder.write_registry(change(folder.registry()))


def _rights(text: str) -> frozenset[Right]:
    from loadtests.exchange.registry import Right  # noqa: PLC0415

    return frozenset(Right(one_of("--rights", part.strip(), RIGHTS)) for part in text.split(","))


def _trusted(data: Path, path: Path) -> x509.Certificate:
    """The certificate of a file, once the exchange's authorities are known to have issued it."""
    from loadtests.endpoint.credentials import read_certificate  # noqa: PLC0415
    from loadtests.exchange import trust  # noqa: PLC0415
    from loadtests.exchange.certificates import Limits  # noqa: PLC0415

    found = read_certificate(path)
    trusted = _folder(data).trusted()
    trust.validate(found, trusted.intermediates, trusted.anchors, at=now(), limits=Limits())
    return found


def _stated(certificate: x509.Certificate) -> dict[str, str]:
    """Code and names as the certificate says them; empty where it does not."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    def part(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
        return next((str(one.value) for one in name.get_attributes_for_oid(oid)), "")

    english = ""
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            for name in extension.value.get_values_for_type(x509.DirectoryName):
                english = part(name, NameOID.ORGANIZATION_NAME)
    subject = certificate.subject
    return {
        "code": part(subject, NameOID.COMMON_NAME),
        "name_vi": part(subject, NameOID.ORGANIZATION_NAME),
        "name_en": english,
    }


def _row(agency: Agency, at: int) -> dict[str, Any]:
    counting = [one for one in agency.certificates if one.counts_at(at)]
    return {
        "code": agency.code,
        "name_vi": agency.name_vi,
        "name_en": agency.name_en,
        "may": " ".join(sorted(agency.rights)),
        "standing": "suspended" if agency.is_suspended(at) else "takes part",
        "until": moment(max(one.not_after_at for one in counting)) if counting else "no certificate counts",
        "certificates": [
            {
                "sha256": one.sha256.hex(),
                "not_before_at": one.not_before_at,
                "not_after_at": one.not_after_at,
                "added_at": one.added_at,
                "removed_at": one.removed_at,
            }
            for one in agency.certificates
        ],
    }
