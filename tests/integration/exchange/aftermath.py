"""What must be so when all is over: the store holds what the clients hold, once, and nothing that nobody sent.

Rule kept here: the check of the store is asked, and beside it the store itself, so that neither vouches for the other.
"""

from __future__ import annotations

from contextlib import closing

import httpx

from loadtests.attempts import SystemClock
from loadtests.endpoint.store.base import Reading
from loadtests.endpoint.upkeep.findings import Findings
from loadtests.endpoint.upkeep.fsck import check_held, fsck
from loadtests.exchange import checkpoint
from loadtests.exchange.records import MessageKey
from loadtests.public import PublicClient
from tests.integration.exchange.crashing import PERSISTENT, Place
from tests.integration.exchange.crowd import Ledger

INBOX_MAX = 1_000_000


def require_sound(place: Place, ledger: Ledger) -> Findings:
    """Check a store, and what the clients hold against it; what was found."""
    blobs = place.blobs
    with closing(place.open()) as store:
        found = fsck(store, blobs, place.issuer)
        assert found.faults == ()
        held = check_held(ledger.receipts.values(), store, blobs, place.issuer)
        assert held.faults == ()
        assert held.messages == len(ledger.receipts)
        _require_receipts(store, ledger)
        _require_evidence(store, ledger)
        _require_inboxes(store, ledger)
        kept = {one.compact for one in store.checkpoints()}
        assert kept.issuperset(head.compact for head in ledger.heads)
    assert found.messages == len(ledger.begun), "the store holds what was sent, each message once"
    return found


def require_growing(place: Place, ledger: Ledger) -> None:
    """Ask a server that runs for proofs that each head that anybody saw is continued by the head of now."""
    with httpx.Client(trust_env=False) as http:
        clock = SystemClock()
        client = PublicClient(
            place.url, http, clock=clock, random=bytes, exchange=place.issuer, retries=PERSISTENT
        )
        last = client.checkpoint().checkpoint
        heads = {head.checkpoint.size: head.checkpoint for head in ledger.heads}
        roots = {(head.checkpoint.size, head.checkpoint.root) for head in ledger.heads}
        assert len(roots) == len(heads), "two heads of one size differ"
        for size, head in heads.items():
            if size:
                proof = client.consistency(size, last.size) if size < last.size else ()
                checkpoint.extends(head, last, proof)


def _require_receipts(store: Reading, ledger: Ledger) -> None:
    assert set(ledger.receipts) == set(ledger.begun), "every message was accepted in the end"
    leaves = set()
    for ref, receipt in ledger.receipts.items():
        message = store.message(MessageKey(ref.sender, ref.message_id))
        assert message is not None, f"{ref} is lost"
        assert message.receipt == receipt, f"{ref} has another receipt"
        leaves.add(message.leaf_index)
    assert len(leaves) == len(ledger.receipts)


def _require_evidence(store: Reading, ledger: Ledger) -> None:
    for key, evidence in ledger.evidence.items():
        assert store.event(key) == evidence, f"{key} has other evidence"


def _require_inboxes(store: Reading, ledger: Ledger) -> None:
    wanted: dict[str, set[MessageKey]] = {}
    for ref, recipients in ledger.begun.items():
        for recipient in recipients:
            wanted.setdefault(recipient, set()).add(MessageKey(ref.sender, ref.message_id))
    for recipient, keys in wanted.items():
        listed = [one.key for one in store.inbox(recipient, -1, INBOX_MAX)]
        assert len(listed) == len(set(listed)), f"something stands twice in the inbox of {recipient}"
        assert set(listed) == keys
