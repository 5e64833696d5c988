"""Checking a whole store: every leaf has its message or event, every receipt what it promises, every head its log.

Rule kept here: nothing in the store vouches for itself: hashes are computed anew, signatures are verified, states are
replayed, and the check goes on to the end whatever it finds.

A server may go on writing: the size of the log is read first, and what the log held then is checked. Nothing below
that size changes any more but entries, which only move on; ``happenings`` says how those are compared.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable

from loadtests.endpoint.store.base import Reading, StoredCheckpoint
from loadtests.endpoint.store.blobs import Blobs
from loadtests.endpoint.upkeep.findings import Check, Fault, Findings, shown, silent
from loadtests.endpoint.upkeep.happenings import Recall, check_entries, check_event
from loadtests.endpoint.upkeep.messages import (
    Content,
    check_documents,
    check_inboxes,
    check_message,
    check_statements,
    content_of,
    is_recall,
    message_name,
)
from loadtests.exchange import checkpoint, merkle, receipts
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.records import MessageKey

Progress = Callable[[int, int], object]
"""Told how many of how many steps are done."""


def fsck(
    store: Reading,
    blobs: Blobs,
    issuer: Issuer,
    progress: Progress = silent,
    told: Callable[[Fault], object] = silent,
) -> Findings:
    """Check a store from end to end; a server may be writing into it.

    Args:
        store: The store.
        blobs: The documents that are files.
        issuer: The exchange whose store it is: its name, its certificate's digest and public key.
        progress: Told after each step how many of how many are done.
        told: Told each fault when it is found; all of them are in the findings as well.

    Raises:
        Refusal: ``store-unavailable``: the database fails altogether.
    """
    check = Check(store, blobs, issuer, told)
    size = store.size()
    walk = _Walk(check, size, progress)
    walk.leaves()
    walk.entries()
    _check_end(check)
    _check_checkpoints(check)
    _remark_orphans(check)
    return check.findings(size)


def check_held(held: Iterable[bytes], store: Reading, blobs: Blobs, issuer: Issuer) -> Findings:
    """Look for what receipts in a client's hands promise, whatever the store says of itself.

    Args:
        held: Receipts as they were given out.
        store: The store.
        blobs: The documents that are files.
        issuer: The exchange that gave them out.

    Raises:
        Refusal: ``store-unavailable``.
    """
    check = Check(store, blobs, issuer, silent)
    for number, receipt in enumerate(held, 1):
        with check.judging("receipt-invalid", f"receipt {number}", f"a receipt signed by {issuer.name}"):
            _check_held(check, receipt, f"receipt {number}")
    return check.findings(check.messages)


def _check_held(check: Check, receipt: bytes, where: str) -> None:
    evidence = receipts.check_evidence(receipt, check.issuer)
    where = f"{where}, message {evidence.message_id} of {evidence.sender}"
    message = check.store.message(MessageKey(evidence.sender, evidence.message_id))
    if message is None:
        check.fault("message-lost", where, "no such message", "the message that was receipted")
        return
    check.messages += 1
    if message.receipt != receipt:
        check.fault(
            "receipt-differs", where, "another receipt is stored", "the very bytes that were given out"
        )
    content = content_of(message.compact)
    receipts.check_receipt(
        receipt,
        content.signed.payload,
        check.issuer,
        sender_certificate_sha256=content.signed.certificate_sha256,
    )
    leaf = evidence.log.leaf_index if evidence.log else -1
    check.expect("receipt-leaf-wrong", where, "the message at leaf", message.leaf_index, leaf)
    with check.judging("node-missing", where, "the leaf in the log"):
        stored = check.store.node(0, leaf)
        check.expect("leaf-wrong", where, "the leaf hash", stored, receipts.log_leaf(receipt))
    check_documents(check, where, message.leaf_index, content.manifest)
    check_inboxes(check, where, message.leaf_index, content)


class _Walk:
    """Two walks over the log: each leaf by itself, then each message with all that happened to it."""

    def __init__(self, check: Check, size: int, progress: Progress) -> None:
        self._check = check
        self._size = size
        self._progress = progress
        self._messages = array("q")
        self._recalls: defaultdict[int, list[Recall]] = defaultdict(list)
        self._frontier = Frontier()

    def leaves(self) -> None:
        for leaf in range(self._size):
            with self._check.judging("leaf-unreadable", f"leaf {leaf}", "a message or an event"):
                self._leaf(leaf)
            self._progress(leaf + 1, 2 * self._size)

    def entries(self) -> None:
        for done, leaf in enumerate(self._messages, 1):
            with self._check.judging("message-unreadable", f"leaf {leaf}", "a message and its entries"):
                self._entries(leaf)
            self._progress(self._size + done, self._size + len(self._messages))

    def _leaf(self, leaf: int) -> None:
        store, check = self._check.store, self._check
        message, event = store.message_at(leaf), store.event_at(leaf)
        if message is not None:
            check.messages += 1
            self._messages.append(leaf)
            self._node(leaf, message.receipt)
            self._note_recall(leaf, check_message(check, leaf, message))
        if event is not None:
            check.events += 1
            if message is not None:
                check.fault("leaf-twice", f"leaf {leaf}", "a message and an event", "one of them")
            else:
                self._node(leaf, event.evidence)
            check_event(check, leaf, event)
        if message is None and event is None:
            self._node(leaf, None)
            check.fault("leaf-missing", f"leaf {leaf}", "neither a message nor an event", "one of them")

    def _node(self, leaf: int, compact: bytes | None) -> None:
        """Compare a leaf with its evidence, and the nodes above with the leaves below."""
        check = self._check
        own = None if compact is None else receipts.log_leaf(compact)
        stored = self._stored_node(0, leaf)
        if stored is not None and own is not None:
            check.expect("leaf-wrong", f"leaf {leaf}", "the leaf hash", stored, own)
        # What stands above was computed from the stored leaf, so a wrong leaf is told of once.
        self._frontier, made = self._frontier.append(stored or own or bytes(merkle.HASH_BYTES))
        for node in made[1:]:
            found = self._stored_node(node.level, node.index)
            if found is not None:
                where = f"node {node.index} of level {node.level}"
                check.expect("node-wrong", where, "the hash", found, node.hash)

    def _stored_node(self, level: int, index: int) -> bytes | None:
        try:
            return self._check.store.node(level, index)
        except LookupError:
            where = f"node {index} of level {level}"
            self._check.fault("node-missing", where, "nothing", "the hash of a complete subtree")
            return None

    def _note_recall(self, leaf: int, content: Content | None) -> None:
        if content is None or not is_recall(content.manifest):
            return
        sent = content.manifest
        recalled = self._check.store.message(MessageKey(sent.sender, sent.refers_to or ""))
        if recalled is None or recalled.leaf_index >= leaf:
            where = f"leaf {leaf}, recall {sent.message_id} of {sent.sender}"
            self._check.fault("recall-without-message", where, f"no {sent.refers_to}", "an earlier message")
            return
        self._recalls[recalled.leaf_index].append(Recall.of(leaf, content))

    def _entries(self, leaf: int) -> None:
        check = self._check
        message = check.store.message_at(leaf)
        if message is None:
            check.fault("leaf-missing", f"leaf {leaf}", "a message that is gone", "what was there before")
            return
        where = message_name(leaf, message.key)
        content = content_of(message.compact)
        check_inboxes(check, where, leaf, content)
        check_entries(check, where, leaf, message, self._recalls.get(leaf, ()), self._size)
        check_statements(check, where, leaf, message, content)


# --- the log as a whole ---------------------------------------------------------------------------------------------


def _check_end(check: Check) -> None:
    """See whether something stands behind the end of the log."""
    store = check.store
    end = store.size()
    where = f"leaf {end}"
    with check.judging("leaf-unreadable", where, "nothing yet"):
        if (store.message_at(end) or store.event_at(end)) and store.size() == end:
            check.fault("beyond-log", where, "a message or an event", f"a log of more than {end} leaves")


def _check_checkpoints(check: Check) -> None:
    last: StoredCheckpoint | None = None
    for one in check.store.checkpoints():
        check.checkpoints += 1
        where = f"checkpoint {check.checkpoints} of {one.size} leaves"
        with check.judging("checkpoint-invalid", where, f"a head of this log, signed by {check.issuer.name}"):
            _check_checkpoint(check, where, one)
        if last is not None and one.size < last.size:
            check.fault(
                "checkpoint-shrinks", where, f"it follows one of {last.size}", "a log that only grows"
            )
        last = one


def _check_checkpoint(check: Check, where: str, one: StoredCheckpoint) -> None:
    head = checkpoint.check(one.compact, check.issuer)
    found, right = (one.size, one.issued_at), (head.size, head.issued_at)
    check.expect("checkpoint-row-wrong", where, "the row of", found, right)
    # The size of the log is read after the checkpoint: a newer one may have been signed while we were checking.
    if (size := check.store.size()) < head.size:
        check.fault("log-shrank", where, f"a log of {size} leaves", f"{head.size}, as was signed")
        return
    root = merkle.root(head.size, check.store.node)
    if root != head.root:
        found_root = f"a log whose root is {shown(root)}"
        check.fault("log-forked", where, found_root, f"{shown(head.root)}, as was signed")


def _remark_orphans(check: Check) -> None:
    with check.judging("documents-unreadable", "the folder of documents", "a folder one may read"):
        if orphans := sum(1 for _ in check.blobs.orphans(check.store.is_referenced)):
            what = (
                "of a message that is being taken, or of one that never was; the server removes them in time"
            )
            check.remarks.append(f"{orphans} files of documents belong to no message: {what}")
