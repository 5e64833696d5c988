"""``congvan fsck``, ``backup`` and ``restore``: what an operator does with a store beside serving it.

Rule kept here: no logic; a check that finds anything ends with exit code 1, so that a script notices.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadtests.commands.message_commands import Format
from loadtests.commands.told import moment, now, one_of, say, told

if TYPE_CHECKING:
    from loadtests.endpoint.upkeep.findings import Findings

Data = Annotated[Path, typer.Argument(metavar="DATA", help="data directory of the exchange")]
Database = Annotated[
    str | None, typer.Option(help="postgresql://…, as for serve; default: SQLite in the data directory")
]


@told
def fsck(
    data: Data,
    database: Database = None,
    receipt: Annotated[
        list[Path] | None,
        typer.Option(
            help="also look for what this receipt promises; a file, or a folder of *.jws; repeat it"
        ),
    ] = None,
    format_: Format = "table",
) -> None:
    """Check a store from end to end, while it serves or not.

    Every receipt has its message, documents, digests, inbox entries and leaf of the log, every leaf its message; all
    signed heads of the log agree with it. Exit code 0: all is well; 1: something is wrong, and it is said what.

    Try it:

      congvan fsck exchange-demo

      congvan fsck my-exchange --receipt kept-receipts --format json
    """
    table = one_of("--format", format_, ("table", "json")) == "table"
    found = _checked(data, database, list(_receipts(receipt or [])))
    _told_findings(found, table=table)


@told
def backup(
    data: Data,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="new folder for the backup")],
    database: Database = None,
    check: Annotated[bool, typer.Option(help="check the backup from end to end when it is made")] = True,
) -> None:
    """Copy all of an exchange into a new folder, while it serves or not.

    The copy holds the exchange's private key: guard it as the original. A demo's keys are copied too.

    Example:  congvan backup my-exchange backups/monday
    """
    from loadtests.endpoint.folder import Folder  # noqa: PLC0415
    from loadtests.endpoint.upkeep.backup import backup as make  # noqa: PLC0415

    folder = Folder(data)
    with _progress("copying") as progress:
        listing = make(folder, database or folder.store_path, out, now(), progress)
    for fault in listing.faults:
        say(f"already wrong in {data}: {fault}")
    say(f"{out}: {listing.leaves} leaves of the log, {len(listing.files)} files")
    if check:
        _told_findings(_checked(out, None, []), table=True)
    if listing.faults:
        raise typer.Exit(1)


@told
def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="the folder that `congvan backup` made")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="data directory to be; missing or empty")],
    database: Annotated[
        str | None, typer.Option(help="postgresql://…, an empty database; default: SQLite in DATA")
    ] = None,
    check: Annotated[bool, typer.Option(help="check the store from end to end when it is in place")] = True,
) -> None:
    """Put a backup in place as a data directory and a store.

    What was accepted after the backup is not in it: an exchange that goes on from it gives out leaves of the log
    anew, and whoever kept a later head of the log sees that.

    Example:  congvan restore backups/monday my-exchange
    """
    from loadtests.endpoint.upkeep.restore import restore as put  # noqa: PLC0415

    with _progress("restoring") as progress:
        listing = put(source, data, database, progress)
    say(f"{data}: the exchange as of {moment(listing.made_at)}, {listing.leaves} leaves of the log")
    if check:
        _told_findings(_checked(data, database, []), table=True)
    say(f"next: congvan serve --data {data}{f' --database {database}' if database else ''}")


def _checked(data: Path, database: str | None, held: list[bytes]) -> list[Findings]:
    """What is found in a store, and of the receipts in hand."""
    from loadtests.endpoint.folder import Folder  # noqa: PLC0415
    from loadtests.endpoint.store.blobs import Blobs  # noqa: PLC0415
    from loadtests.endpoint.store.opening import open_store  # noqa: PLC0415
    from loadtests.endpoint.upkeep.fsck import check_held, fsck  # noqa: PLC0415

    folder = Folder(data)
    issuer = folder.issuer()
    store = open_store(database or folder.store_path, read_only=True)
    try:
        blobs = Blobs(folder.blobs_path, folder.incoming_path)
        with _progress("checking") as progress:
            found = [fsck(store, blobs, issuer, progress)]
        if held:
            found.append(check_held(held, store, blobs, issuer))
        return found
    finally:
        store.close()


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from sim.cli.bar import Bar  # noqa: PLC0415

    with Bar() as bar:
        shown = bar.bar.console.is_terminal
        yield lambda done, total: bar(done, total, what) if shown else None


def _receipts(paths: list[Path]) -> Iterator[bytes]:
    from loadtests.endpoint.credentials import read_file  # noqa: PLC0415

    for path in paths:
        for one in sorted(path.glob("**/*.jws")) if path.is_dir() else [path]:
            yield read_file(one)


def _told_findings(found: list[Findings], *, table: bool) -> None:
    """Print what was found; the command ends with exit code 1 where anything is wrong."""
    if table:
        _print_findings(found)
    else:
        say(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
    if not all(one.is_sound for one in found):
        raise typer.Exit(1)


def _print_findings(found: list[Findings]) -> None:
    for one in found:
        for line in (*one.faults, *(f"note: {remark}" for remark in one.remarks)):
            say(str(line))
    whole, *held = found
    faults = sum(len(one.faults) for one in found)
    say(
        f"{whole.leaves} leaves, {whole.messages} messages, {whole.events} events, {whole.documents} documents, "
        f"{whole.checkpoints} signed heads of the log: {f'{faults} faults' if faults else 'all is well'}"
    )
    for one in held:
        say(f"{one.messages} messages of the receipts given were found")
