"""Gathering all that an evidence bundle needs: from the exchange, and where it does not have it, from files at hand.

Rule kept here: a bundle is made of what can be checked later without the exchange; what is missing is named, with the
option that brings it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final

from loadtests.bundle.contents import Contents, Stated
from loadtests.bundle.making import make
from loadtests.client import Client, Problem
from loadtests.endpoint.credentials import read_certificates, read_file
from loadtests.exchange import jws
from loadtests.exchange.pki import to_der
from loadtests.received import Message, MessageEvidence, Ref, SignedCheckpoint
from sim.errors import InputError, RunError

HEAD_S_MAX: Final = 30.0
HEAD_WAIT_S: Final = 0.25


def export(
    client: Client, ref: Ref, out: Path, certificates: Iterable[Path], crls: Iterable[Path]
) -> tuple[Message, MessageEvidence]:
    """Write the bundle of one message, as far as this agency may see it.

    Args:
        client: Speaks for the agency.
        ref: The message.
        out: The bundle's file.
        certificates: PEM files, read where the exchange does not have a certificate that the evidence names.
        crls: Files with revocation lists in DER, read where the exchange does not have a list that is named.

    Raises:
        InputError: ``E-CERTIFICATE``, ``E-CRL``: neither has what the evidence names.
        ExchangeError: The exchange refuses, or a bundle cannot be made.
    """
    message = client.message(ref)
    with tempfile.TemporaryDirectory() as folder:
        # Documents first: collecting them makes evidence of its own, which shall be in the bundle.
        documents = [
            client.download(message, position, Path(folder) / str(position))
            for position in range(len(message.manifest.documents))
        ]
        found = client.evidence(ref)
        make(_contents(client, message, found, certificates, crls), documents, out)
    return message, found


def _contents(
    client: Client,
    message: Message,
    found: MessageEvidence,
    certificates: Iterable[Path],
    crls: Iterable[Path],
) -> Contents:
    leaves = _leaves(found)
    head = _head(client, max(leaves) + 1)
    return Contents(
        manifest=message.compact,
        receipt=message.receipt,
        stated=tuple(Stated(one.evidence_bytes, one.report) for one in (*found.consignments, *found.events)),
        certificates=_certificates(client, found, message, certificates),
        crls=_crls(client, found, crls),
        checkpoint=head.compact,
        proofs={leaf: client.inclusion(leaf, head.checkpoint.size) for leaf in leaves},
    )


def _head(client: Client, size: int) -> SignedCheckpoint:
    """A head of the log that covers so many leaves: an exchange signs one from time to time."""
    until_s = time.monotonic() + HEAD_S_MAX
    while (head := client.checkpoint()).checkpoint.size < size:
        if time.monotonic() > until_s:
            found = f"the exchange signed a log of {head.checkpoint.size} leaves only, {size} are wanted"
            raise RunError("log-behind", found, "try again in a minute")
        time.sleep(HEAD_WAIT_S)
    return head


def _leaves(found: MessageEvidence) -> tuple[int, ...]:
    every = (found.receipt, *found.consignments, *found.events)
    return tuple(one.evidence.log.leaf_index for one in every if one.evidence.log is not None)


def _certificates(
    client: Client, found: MessageEvidence, message: Message, paths: Iterable[Path]
) -> tuple[bytes, ...]:
    """Of the exchange, of the authorities, and of everybody who signed something."""
    info, trust = client.exchange(), client.trust()
    kept = {sha256(der).digest(): der for der in (info.certificate, *info.chain, *trust.intermediates)}
    wanted = _named_certificates(found, message)
    at_hand = (to_der(one) for path in paths for one in read_certificates(path))
    _complete(kept, wanted, lambda digest: to_der(client.certificate(digest)), at_hand)
    for digest in wanted.keys() - kept.keys():
        hint = f"--certificate FILE with the one of thumbprint {digest.hex()}; ask the party for it"
        raise InputError("E-CERTIFICATE", f"found no certificate of {wanted[digest]}", hint)
    return tuple(kept.values())


def _named_certificates(found: MessageEvidence, message: Message) -> dict[bytes, str]:
    """Whose certificates are needed, by thumbprint; roots are not: a reader has them from elsewhere."""
    sender = f"the sender {message.ref.sender}"
    validation = found.receipt.evidence.validation
    above = validation.chain[1:-1] if validation else ()
    wanted = dict.fromkeys(above, f"an authority above {sender}")
    wanted[jws.parse(message.compact).certificate_sha256] = sender
    for one in found.events:
        if one.report is not None:
            whose = f"the recipient {one.evidence.recipients[0]}"
            wanted[jws.parse(one.report).certificate_sha256] = whose
    return wanted


def _crls(client: Client, found: MessageEvidence, paths: Iterable[Path]) -> tuple[bytes, ...]:
    """The exchange's newest lists, and those that the receipt and later evidence name."""
    kept = {sha256(der).digest(): der for der in client.trust().crls}
    validation = found.receipt.evidence.validation
    wanted = {one.sha256: "the receipt" for one in validation.crls} if validation else {}
    for later in (one.evidence for one in (*found.consignments, *found.events)):
        if later.revocation is not None:
            wanted[later.revocation.crl_sha256] = later.evidence_id
    _complete(kept, wanted, client.crl, map(read_file, paths))
    for digest in wanted.keys() - kept.keys():
        hint = "--crl FILE; the authority or the exchange's operator has its past lists"
        message = f"found no revocation list {digest.hex()}, which {wanted[digest]} names"
        raise InputError("E-CRL", message, hint)
    return tuple(kept.values())


def _complete(
    kept: dict[bytes, bytes],
    wanted: Mapping[bytes, str],
    ask: Callable[[bytes], bytes],
    at_hand: Iterable[bytes],
) -> None:
    """Add what is wanted and not kept: from the exchange, and what it does not have, from files.

    Args:
        kept: DER by SHA-256; grows.
        wanted: What must be there, by SHA-256.
        ask: Asks the exchange for one.
        at_hand: DER of what the files hold; read no further than needed.
    """
    for digest in wanted.keys() - kept.keys():
        try:
            kept[digest] = ask(digest)
        except Problem as problem:
            if problem.status != HTTPStatus.NOT_FOUND:
                raise
    missing = wanted.keys() - kept.keys()
    if not missing:
        return
    for der in at_hand:
        if (digest := sha256(der).digest()) in missing:
            kept[digest] = der
            missing -= {digest}
            if not missing:
                return
