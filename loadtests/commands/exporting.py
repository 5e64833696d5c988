"""Gathering all that an evidence bundle needs, from the exchange and from files at hand.

Rule kept here: a bundle is made of what can be checked later without the exchange; what is missing is named, with the
option that brings it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from loadtests.bundle.contents import Contents, Stated
from loadtests.bundle.making import make
from loadtests.client import Client
from loadtests.endpoint.credentials import read_certificates, read_file
from loadtests.exchange import jws
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.evidence import Evidence
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
        certificates: PEM files; those of the parties are looked for among them.
        crls: Files with revocation lists in DER; those that the receipt names are looked for among them.

    Raises:
        InputError: ``E-CERTIFICATE``, ``E-CRL``: what the evidence names is not at hand.
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
        crls=_crls(client, message.evidence, crls),
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
    signers = {jws.parse(message.compact).certificate_sha256: f"the sender {message.ref.sender}"}
    for one in found.events:
        if one.report is not None:
            whose = f"the recipient {one.evidence.recipients[0]}"
            signers[jws.parse(one.report).certificate_sha256] = whose
    for path in paths:
        if signers.keys() <= kept.keys():
            break
        for certificate in read_certificates(path):
            if (digest := thumbprint(certificate)) in signers:
                kept[digest] = to_der(certificate)
    for digest in signers.keys() - kept.keys():
        hint = "--certificate FILE, once for each party; ask the party for it"
        raise InputError("E-CERTIFICATE", f"found no certificate of {signers[digest]}", hint)
    return tuple(kept.values())


def _crls(client: Client, receipt: Evidence, paths: Iterable[Path]) -> tuple[bytes, ...]:
    """The exchange's newest lists, and those that the receipt names."""
    kept = {sha256(der).digest(): der for der in client.trust().crls}
    used = {one.sha256 for one in receipt.validation.crls} if receipt.validation else set()
    for path in paths:
        if used <= kept.keys():
            break
        der = read_file(path)
        if (digest := sha256(der).digest()) in used:
            kept[digest] = der
    for digest in used - kept.keys():
        hint = "--crl FILE; the authority or the exchange's operator has its past lists"
        raise InputError("E-CRL", f"found no revocation list {digest.hex()}, which the receipt names", hint)
    return tuple(kept.values())
