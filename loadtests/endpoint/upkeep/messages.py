"""Checking one accepted message: its receipt, its documents, and where it stands.

Rule kept here: what a receipt promises is looked for in the store as its holder would, never concluded from the
receipt itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import file_digest, sha256

from loadtests.endpoint.store.base import StoredDocument, StoredMessage
from loadtests.endpoint.upkeep.findings import Check
from loadtests.exchange import jws, manifest, receipts
from loadtests.exchange.consignment import consignment_id
from loadtests.exchange.evidence import Event
from loadtests.exchange.manifest import Manifest, MessageKind
from loadtests.exchange.records import EntryKey, MessageKey


@dataclass(frozen=True, slots=True)
class Content:
    """What a sender signed: its parts, the manifest, and the digest of the manifest's bytes."""

    signed: jws.Unverified
    manifest: Manifest
    sha256: bytes


@lru_cache(maxsize=256)
def content_of(compact: bytes) -> Content:
    """The content of a signed manifest; events of one message ask for it again and again.

    Raises:
        Refusal: The codes of ``jws.parse`` and ``manifest.parse``.
    """
    signed = jws.parse(compact)
    return Content(signed, manifest.parse(signed.payload), sha256(signed.payload).digest())


def message_name(leaf: int, key: MessageKey) -> str:
    """A message as faults name it."""
    return f"leaf {leaf}, message {key.message_id} of {key.sender}"


def check_message(check: Check, leaf: int, message: StoredMessage) -> Content | None:
    """Check what stands about a message and does not change any more: rows, receipt, documents.

    Args:
        check: The check.
        leaf: The leaf under which it was found.
        message: The message.

    Returns:
        What its sender signed; None where that cannot be read.
    """
    where = message_name(leaf, message.key)
    content = None
    with check.judging("manifest-unreadable", where, "the signed manifest as it was accepted"):
        content = content_of(message.compact)
    if content is None:
        return None
    key = MessageKey(content.manifest.sender, content.manifest.message_id)
    check.expect("message-key-wrong", where, "the key", message.key, key)
    check.expect("manifest-digest-wrong", where, "the digest", message.manifest_sha256, content.sha256)
    found = check.store.message(message.key)
    check.expect("message-twice", where, "under its key leaf", found and found.leaf_index, leaf)
    _check_receipt(check, where, leaf, message, content)
    check_documents(check, where, leaf, content.manifest)
    return content


def _check_receipt(check: Check, where: str, leaf: int, message: StoredMessage, content: Content) -> None:
    with check.judging("receipt-invalid", where, f"a receipt of this message, signed by {check.issuer.name}"):
        evidence = receipts.check_receipt(
            message.receipt,
            content.signed.payload,
            check.issuer,
            sender_certificate_sha256=content.signed.certificate_sha256,
        )
        named = evidence.log.leaf_index if evidence.log else None
        check.expect("receipt-leaf-wrong", where, "a receipt for leaf", named, leaf)
        check.expect("accepted-at-wrong", where, "accepted at", message.accepted_at, evidence.event_at)


# --- documents ------------------------------------------------------------------------------------------------------


def check_documents(check: Check, where: str, leaf: int, content: Manifest) -> None:
    """Look for each document of the manifest and compute its digest anew."""
    with check.judging("documents-unreadable", where, "a row for each document"):
        rows = {row.position: row for row in check.store.documents(leaf)}
        named = [(one.sha256, one.size_bytes) for one in content.documents]
        for position in rows.keys() - set(range(len(named))):
            check.fault("document-extra", where, f"document {position + 1}", f"{len(named)} documents")
        for position, (digest, size_bytes) in enumerate(named):
            place = f"{where}, document {position + 1} of {len(named)}"
            row = rows.get(position)
            if row is None:
                check.fault("document-missing", place, "no row", "the document as it was receipted")
                continue
            check.expect("document-row-wrong", place, "the row of", row.sha256, digest)
            check.expect("document-row-wrong", place, "a row with bytes", row.size_bytes, size_bytes)
            _check_bytes(check, place, leaf, row, digest, size_bytes)


def _check_bytes(
    check: Check, place: str, leaf: int, row: StoredDocument, digest: bytes, size_bytes: int
) -> None:
    stored = check.store.document(leaf, row.position)
    try:
        if stored is not None and stored.content is not None:
            found, found_bytes, kept = sha256(stored.content).digest(), len(stored.content), "in the database"
        else:
            path = check.blobs.path(row.sha256)
            kept = f"in {path}"
            with path.open("rb") as file:
                found, found_bytes = file_digest(file, "sha256").digest(), file.tell()
    except FileNotFoundError:
        check.fault("document-missing", place, f"no file {path}", "the document as it was receipted")
        return
    except OSError as error:
        check.fault("document-unreadable", place, f"{path}: {error.strerror}", "a file one may read")
        return
    check.documents += 1
    if (found, found_bytes) != (digest, size_bytes):
        what = f"{found_bytes} bytes with the digest {found.hex()} {kept}"
        check.fault("document-damaged", place, what, f"{size_bytes} bytes with {digest.hex()}")


# --- inboxes --------------------------------------------------------------------------------------------------------


def check_inboxes(check: Check, where: str, leaf: int, content: Content) -> None:
    """See whether a message stands at each of its recipients, under its place in each inbox, and at nobody else."""
    found = {entry.recipient for entry in check.store.entries(leaf)}
    wanted = set(content.manifest.recipients)
    for recipient in sorted(wanted - found):
        check.fault("inbox-entry-missing", where, f"no entry of {recipient}", "an entry for each recipient")
    for recipient in sorted(found - wanted):
        check.fault("inbox-entry-extra", where, f"an entry of {recipient}", "entries of recipients only")
    key = MessageKey(content.manifest.sender, content.manifest.message_id)
    for recipient in sorted(found & wanted):
        listed = check.store.inbox(recipient, leaf - 1, 1)
        place = f"{where}, inbox of {recipient}"
        check.expect(
            "inbox-line-wrong", place, "line", [(one.leaf_index, one.key) for one in listed], [(leaf, key)]
        )
        standing = check.store.standing(EntryKey(key, recipient))
        if standing is not None:  # else its key is wrong, which was told
            found_signer = standing.sender_certificate_sha256
            right_signer = content.signed.certificate_sha256
            check.expect("sender-certificate-wrong", place, "the certificate", found_signer, right_signer)


def check_statements(check: Check, where: str, leaf: int, message: StoredMessage, content: Content) -> None:
    """Check the evidence outside the log: that the message stands in an inbox."""
    for one in check.store.statements(leaf):
        place = f"{where}, statement {one.evidence_id}"
        with check.judging("statement-invalid", place, f"evidence signed by {check.issuer.name}"):
            said = receipts.check_evidence(one.evidence, check.issuer)
            found = (said.evidence_id, said.event, said.message_id, said.sender, said.recipients)
            wanted_id = consignment_id(leaf, one.recipient)
            key = message.key
            right = (wanted_id, Event.CONTENT_CONSIGNMENT, key.message_id, key.sender, (one.recipient,))
            check.expect("statement-wrong", place, "a statement of", found, right)
            check.expect("statement-wrong", place, "an id", one.evidence_id, wanted_id)
            check.expect("statement-wrong", place, "the manifest", said.manifest_sha256, content.sha256)
            if one.recipient not in content.manifest.recipients:
                check.fault("statement-wrong", place, f"about {one.recipient}", "about a recipient")


def is_recall(content: Manifest) -> bool:
    """True for a message that asks for an earlier one back."""
    return content.kind is MessageKind.RECALL
