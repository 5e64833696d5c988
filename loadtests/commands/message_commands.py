"""``congvan send``, ``inbox`` and ``acknowledge``: what an agency does with documents.

Rule kept here: no logic of the protocol; what was signed is kept as a file until its receipt is there, so that sending
again never makes a second message.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from loadtests.commands.told import moment, one_of, say, show, told
from sim.cli.app import err
from sim.errors import InputError

if TYPE_CHECKING:
    from loadtests.client import Client
    from loadtests.composing import Letter
    from loadtests.received import Arrival, Message, Sent

URGENCIES: Final = ("normal", "urgent", "very-urgent", "express", "express-at-hour")
KINDS: Final = ("new", "recall", "update", "replace")
ACTIONS: Final = ("accept", "refuse", "assign", "start", "finish", "consent-to-recall", "refuse-recall")

As = Annotated[str, typer.Option("--as", metavar="AGENCY", help="who you are: a code, or a part of a name")]
Server = Annotated[str | None, typer.Option(help="address of the exchange; or set CONGVAN_SERVER")]
Keys = Annotated[
    Path | None,
    typer.Option(help="folder with CODE/key.pem and CODE/certificate.pem; or set CONGVAN_KEYS"),
]
Trust = Annotated[
    Path | None,
    typer.Option(help="root certificates, in PEM, that the exchange is believed by; or set CONGVAN_TRUST"),
]
Format = Annotated[str, typer.Option("--format", help="table, or json for machines")]
MessageName = Annotated[
    str, typer.Argument(metavar="MESSAGE", help="SENDER:ID, or how an id in your inbox begins")
]


@told
def send(
    sender: As,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE…", help="the documents")] = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="AGENCY", help="a recipient: a code, or a part of a name; repeat it"),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="what it is about; default: the first file's name")
    ] = None,
    number: Annotated[str, typer.Option(help="number in the sender's register")] = "1",
    notation: Annotated[str, typer.Option(help="such as QĐ-UBND")] = "CV",
    type_: Annotated[str, typer.Option("--type", help="such as Quyết định")] = "Công văn",
    urgency: Annotated[str, typer.Option(help=f"one of: {', '.join(URGENCIES)}; or 0 to 4")] = "normal",
    kind: Annotated[str, typer.Option(help=f"one of: {', '.join(KINDS)}")] = "new",
    refers_to: Annotated[
        str | None, typer.Option(help="id of your message that is recalled, updated or replaced")
    ] = None,
    due: Annotated[str | None, typer.Option(help="when an answer is due, YYYY-MM-DD")] = None,
    receipt: Annotated[Path | None, typer.Option(help="file for the signed receipt")] = None,
    again: Annotated[
        Path | None,
        typer.Option(help="send what was signed before and got no answer, with the same FILEs"),
    ] = None,
    server: Server = None,
    keys: Keys = None,
    trust: Trust = None,
    format_: Format = "table",
) -> None:
    """Sign documents and send them; done when the exchange's receipt is there and holds.

    Try it:

      congvan send --as 000.00.00.H49 --to "noi vu" --to "tu phap" letter.pdf --subject "Về việc họp giao ban"

      congvan send --as 000.00.00.H49 --to 000.00.01.H49 --kind recall --refers-to 6b0e…  (an id from `send`)
    """
    from loadtests.commands.partner import connected, place  # noqa: PLC0415

    one_of("--format", format_, ("table", "json"))
    if again is not None and (to, subject, refers_to, due) != (None,) * 4:
        hint = "only the FILEs: what was signed says all else"
        raise InputError("E-OPTION", "found --again with --to, --subject, --refers-to or --due", hint)
    with connected(place(server, keys, trust), sender) as (client, _):
        if again is not None:
            sent = client.submit(again.read_bytes(), files or [])
        else:
            letter = _letter(
                client, to or [], files or [], subject, number, notation, type_, urgency, kind, refers_to, due
            )
            sent = _send(client, letter, files or [])
    if again is not None:
        again.unlink()
    if receipt is not None:
        receipt.write_bytes(sent.receipt)
    _told_sent(sent, format_)


def _letter(
    client: Client,
    to: Sequence[str],
    files: Sequence[Path],
    subject: str | None,
    number: str,
    notation: str,
    type_: str,
    urgency: str,
    kind: str,
    refers_to: str | None,
    due: str | None,
) -> Letter:
    from loadtests.commands.partner import resolved  # noqa: PLC0415
    from loadtests.composing import Letter  # noqa: PLC0415
    from loadtests.exchange.agencies import is_agency_code  # noqa: PLC0415
    from loadtests.exchange.manifest import MessageKind, Urgency  # noqa: PLC0415

    if not to:
        raise InputError("E-OPTION", "found no --to", "at least one recipient")
    listed = () if all(map(is_agency_code, to)) else client.agencies()
    level = urgency if urgency not in map(str, range(len(URGENCIES))) else URGENCIES[int(urgency)]
    return Letter(
        recipients=tuple(one if is_agency_code(one) else resolved(one, listed) for one in to),
        subject=subject or (files[0].stem if files else kind),
        document_type=type_,
        number=number,
        notation=notation,
        urgency=Urgency(URGENCIES.index(one_of("--urgency", level, URGENCIES))),
        kind=MessageKind(KINDS.index(one_of("--kind", kind, KINDS))),
        refers_to=None if refers_to is None else refers_to.rpartition(":")[2],
        due_date=_date(due),
    )


def _date(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise InputError("E-OPTION", f"found --due {text!r}", "a day, YYYY-MM-DD") from None


def _send(client: Client, letter: Letter, files: Sequence[Path]) -> Sent:
    """Send; what was signed lies beside the user until there is an answer, and stays where there is none."""
    from loadtests.attempts import AnswerRefused, Problem, Unreachable  # noqa: PLC0415
    from loadtests.composing import File  # noqa: PLC0415

    prepared = client.prepare(letter, [File(path) for path in files])
    kept = Path(f"unanswered-{prepared.manifest.message_id}.jws")
    kept.write_bytes(prepared.compact)
    try:
        sent = client.submit(prepared.compact, prepared.documents)
    except (AnswerRefused, Unreachable):
        text = f"whether it was accepted is not known; --again {kept} sends the same message"
        err.print(text, highlight=False, soft_wrap=True)
        raise
    except Problem as problem:
        if not problem.retryable:
            kept.unlink()
        raise
    kept.unlink()
    return sent


def _told_sent(sent: Sent, format_: str) -> None:
    leaf = sent.evidence.log.leaf_index if sent.evidence.log else None
    if format_ == "json":
        told_ = {
            "message": str(sent.ref),
            "recipients": list(sent.evidence.recipients),
            "accepted_at": sent.evidence.event_at,
            "leaf_index": leaf,
            "replayed": sent.replayed,
            "receipt": sent.receipt.decode("ascii"),
        }
        say(json.dumps(told_, ensure_ascii=False, indent=1))
        return
    before = " (it had been accepted before)" if sent.replayed else ""
    say(f"accepted {moment(sent.evidence.event_at)}, leaf {leaf} of the log{before}")
    say(f"message  {sent.ref}")


@told
def inbox(
    agency: As,
    after: Annotated[int, typer.Option(min=-1, help="only what stands after this place; -1 for all")] = -1,
    wait: Annotated[int, typer.Option(min=0, max=30, help="wait so many s for the first one")] = 0,
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="collect the messages into this folder, each once")
    ] = None,
    server: Server = None,
    keys: Keys = None,
    trust: Trust = None,
    format_: Format = "table",
) -> None:
    """List what has arrived for an agency, and collect it.

    With --save each message gets a folder with its documents, the signed manifest and the receipt; every document is
    checked against what its sender signed.

    Try it:

      congvan inbox --as "noi vu" --save inbox

      congvan inbox --as 000.00.01.H49 --after 41 --wait 30 --format json
    """
    from loadtests.commands.partner import connected, place  # noqa: PLC0415

    one_of("--format", format_, ("table", "json"))
    with connected(place(server, keys, trust), agency) as (client, _):
        rows = [_row(client, arrival, save) for arrival in _arrivals(client, after, wait)]
    columns = {"place": "place", "message": "message", "accepted": "accepted", "state": "state"}
    show(rows, columns, format_, empty="nothing has arrived")
    if save is not None and rows:
        err.print(f"{len(rows)} in {save}, a folder each", highlight=False, markup=False, soft_wrap=True)


def _arrivals(client: Client, after: int, wait_s: int) -> Iterator[Arrival]:
    answer = client.inbox(after=after, limit=1000, wait_s=wait_s)
    while answer.entries:
        yield from answer.entries
        answer = client.inbox(after=answer.next, limit=1000)


def _row(client: Client, arrival: Arrival, save: Path | None) -> dict[str, Any]:
    row = {
        "place": arrival.leaf_index,
        "message": str(arrival.ref),
        "accepted_at": arrival.accepted_at,
        "accepted": moment(arrival.accepted_at),
        "state": str(arrival.state),
    }
    if save is not None:
        row["saved"] = str(_collected(client, arrival, save))
    return row


def _collected(client: Client, arrival: Arrival, save: Path) -> Path:
    """The folder of a message, with all of it; the receipt is written last and says that it is complete."""
    folder = save / f"{arrival.ref.sender}_{arrival.ref.message_id}"
    if (folder / "receipt.jws").exists():
        return folder
    message: Message = client.message(arrival.ref)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "documents").mkdir(exist_ok=True)
    for position, document in enumerate(message.manifest.documents):
        client.download(message, position, folder / "documents" / document.name)
    (folder / "manifest.jws").write_bytes(message.compact)
    (folder / "receipt.jws").write_bytes(message.receipt)
    return folder


@told
def acknowledge(
    message: MessageName,
    agency: As,
    action: Annotated[str, typer.Option(help=f"one of: {', '.join(ACTIONS)}")] = "accept",
    reason: Annotated[str | None, typer.Option(help="why; must be given for refusals")] = None,
    out: Annotated[Path | None, typer.Option(help="file for the exchange's signed evidence")] = None,
    server: Server = None,
    keys: Keys = None,
    trust: Trust = None,
    format_: Format = "table",
) -> None:
    """Sign and report what became of a message: accept it, refuse it, assign, start and finish the work.

    Try it:

      congvan acknowledge 6b0e3f1c --as "noi vu"

      congvan acknowledge 000.00.00.H49:6b0e… --as "tu phap" --action refuse --reason "Không thuộc thẩm quyền"
    """
    from loadtests.commands.partner import connected, place, ref_of  # noqa: PLC0415
    from loadtests.exchange.lifecycle import Action  # noqa: PLC0415

    one_of("--format", format_, ("table", "json"))
    what = Action(one_of("--action", action, ACTIONS))
    with connected(place(server, keys, trust), agency) as (client, code):
        ref = ref_of(message, client, code)
        reported = client.report(ref, what, reason)
    if out is not None:
        out.write_bytes(reported.evidence_bytes)
    progress = reported.evidence.progress
    state = str(progress.state) if progress else ""
    row = {
        "message": str(ref),
        "action": action,
        "state": state,
        "taken": moment(reported.evidence.event_at),
        "taken_at": reported.evidence.event_at,
        "event_id": reported.event_id,
    }
    show([row], {"message": "message", "state": "state", "taken": "taken"}, format_)
