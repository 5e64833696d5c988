"""``congvan evidence`` and ``verify``: proof of what became of a message, for somebody who trusts a root only.

Rule kept here: no logic; ``verify`` reads the bundle and the root, and asks nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loadtests.commands.message_commands import As, Format, Keys, MessageName, Server, Trust
from loadtests.commands.told import moment, now, one_of, say, told
from sim.errors import InputError, RunError

if TYPE_CHECKING:
    from loadtests.bundle.checking import Checked


@told
def evidence(
    message: MessageName,
    agency: As,
    out: Annotated[Path, typer.Option(help="the bundle, a new .zip file")],
    certificate: Annotated[
        list[Path] | None,
        typer.Option(
            help="certificate that the exchange does not have, in PEM; repeat it; those in --keys count"
        ),
    ] = None,
    crl: Annotated[
        list[Path] | None,
        typer.Option(help="revocation list that the exchange does not have, in DER; repeat it"),
    ] = None,
    server: Server = None,
    keys: Keys = None,
    trust: Trust = None,
) -> None:
    """Put all that proves what became of a message into one file that is checked offline.

    It holds the documents, the signed manifest, the receipt and every later piece of evidence that this agency may
    see, with certificates, revocation lists and proofs that the log holds them. All of it comes from the exchange;
    files are read only for what it does not have.

    Example:  congvan evidence 6b0e3f1c-… --as 000.00.00.H49 --out bundle.zip
    """
    from loadtests.commands.exporting import export  # noqa: PLC0415
    from loadtests.commands.partner import connected, place, ref_of  # noqa: PLC0415

    where = place(server, keys, trust)
    with connected(where, agency) as (client, code):
        ref = ref_of(message, client, code)
        known = [*(certificate or []), *sorted(where.keys.glob("*/certificate.pem"))]
        _, found = export(client, ref, out, known, crl or [])
    say(f"{out}: {ref} with {1 + len(found.consignments) + len(found.events)} pieces of evidence")
    roots = where.roots or "root.pem"
    say(f"next: congvan verify {out} --trust {roots}")


@told
def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="the bundle, a .zip file")],
    trust: Annotated[
        Path,
        typer.Option(help="the root certificates that you trust, in PEM; have them from elsewhere"),
    ],
    format_: Format = "table",
) -> None:
    """Check an evidence bundle, offline, and print each check.

    Exit code 0: all of it holds; 1: something does not, and the first such thing is said; 2: wrong usage.

    Example:  congvan verify bundle.zip --trust root.pem
    """
    from loadtests.bundle.checking import check  # noqa: PLC0415
    from loadtests.endpoint.credentials import read_certificates  # noqa: PLC0415
    from loadtests.exchange.errors import Refusal  # noqa: PLC0415
    from loadtests.exchange.trust import Anchors  # noqa: PLC0415

    roots = read_certificates(trust)
    Anchors.of(roots)
    if not bundle.is_file():  # like what is no root: wrong usage, no failed check
        raise InputError("file-missing", f"found no file {bundle}", "check the name")
    steps: list[str] = []
    table = one_of("--format", format_, ("table", "json")) == "table"

    def passed(step: str) -> None:
        steps.append(step)
        if table:
            say(f"ok  {step}")

    try:
        checked = check(bundle, roots, passed, now())
    except Refusal as refusal:
        raise RunError(refusal.code, f"{bundle} does not hold: {refusal.message}", refusal.hint) from refusal
    if table:
        for line in _summary(checked):
            say(line)
    else:
        say(json.dumps(_row(checked, steps), ensure_ascii=False, indent=1))


def _summary(checked: Checked) -> Iterator[str]:
    content = checked.manifest
    for remark in checked.remarks:
        yield f"note: {remark}"
    yield f"all of it holds: {content.sender} to {', '.join(content.recipients)}"
    yield f"  {content.document_type} {content.number}/{content.notation}: {content.subject}"
    for one in (checked.receipt, *checked.stated):
        who = ", ".join(one.recipients)
        state = f", {one.progress.state}" if one.progress else ""
        yield f"  {moment(one.event_at)}  {one.event}  {who}{state}"
    yield f"  the exchange: {checked.exchange}; its log had {checked.head.size} leaves"


def _row(checked: Checked, steps: list[str]) -> dict[str, Any]:
    content = checked.manifest
    return {
        "holds": True,
        "steps": steps,
        "remarks": list(checked.remarks),
        "exchange": checked.exchange,
        "sender": content.sender,
        "message_id": content.message_id,
        "recipients": list(content.recipients),
        "subject": content.subject,
        "events": [
            {"event": str(one.event), "at": one.event_at, "recipients": list(one.recipients)}
            for one in (checked.receipt, *checked.stated)
        ],
    }
