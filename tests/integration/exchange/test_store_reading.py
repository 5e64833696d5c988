"""What a store answers, on both databases: in the right order, and never less than what was committed."""

from __future__ import annotations

import threading

import pytest

from loadtests.endpoint.store.base import Store
from loadtests.exchange import merkle
from loadtests.exchange.lifecycle import Action, State
from tests.unit.loadtests.endpoint.store.groups import (
    OnStore,
    entry_key,
    group_of,
    group_on,
    key_of,
    messages,
)
from tests.unit.loadtests.exchanges import SECOND, SENDER, THIRD, recall, signed_report
from tests.unit.loadtests.manifests import AT


@pytest.fixture
def filled(store: Store) -> Store:
    """Five messages to two recipients; the second one refused the first and accepted the second."""
    exchange = OnStore(store)
    for number in range(5):
        exchange.now = AT + number
        exchange.take(number)
    exchange.report(signed_report("event-0000", Action.REFUSE, key_of(0)))
    exchange.report(signed_report("event-0001", Action.ACCEPT, key_of(1)))
    return store


def test_an_inbox_is_read_in_the_order_of_the_log(filled: Store) -> None:
    """Pages of an inbox follow one another by the cursor, each entry once, with its state of now."""
    pages, after = list[list[int]](), -1
    for _ in range(4):
        pages.append([one.leaf_index for one in filled.inbox(SECOND, after, 2)])
        after = pages[-1][-1] if pages[-1] else after
    assert pages == [[0, 1], [2, 3], [4], []]
    first, second, third = filled.inbox(SECOND, -1, 3)
    assert [first.state, second.state, third.state] == [State.REFUSED, State.ACCEPTED, State.AVAILABLE]
    assert (second.key, second.accepted_at) == (key_of(1), AT + 1)
    assert filled.inbox(SENDER, -1, 10) == ()


def test_nobody_answered(filled: Store) -> None:
    """Overdue are the oldest entries that are available or asked back, and none that was answered."""
    late = AT + 3
    assert filled.overdue(late, 10) == (
        entry_key(0, THIRD),
        entry_key(1, THIRD),
        entry_key(2, SECOND),
        entry_key(2, THIRD),
    )
    assert filled.overdue(late, 1) == (entry_key(0, THIRD),)
    assert filled.overdue(AT, 10) == ()
    OnStore(filled).send(recall("recall-0002", "message-0002"))
    assert entry_key(2, SECOND) in filled.overdue(late, 10)


def test_what_is_not_there_is_none(filled: Store) -> None:
    """Unknown messages, leaves of another kind, documents and events are None or empty, never an error."""
    assert filled.message(key_of(9)) is None
    assert filled.message_at(5) is None  # an event
    assert filled.event_at(0) is None  # a message
    assert filled.document(0, 1) is None
    assert filled.standing(entry_key(9)) is None
    assert filled.standing(entry_key(0, SENDER)) is None
    assert filled.documents(99) == ()
    assert filled.entries(99) == ()
    assert filled.events(0, THIRD) == ()
    with pytest.raises(LookupError):
        filled.node(0, filled.size())
    assert filled.size() == 7  # and the connection is as good as before


def test_a_standing_is_what_evidence_needs(filled: Store) -> None:
    """A standing has the manifest as it was signed, its digest, and the certificate that signed it."""
    standing = filled.standing(entry_key(1))
    message = filled.message(key_of(1))
    assert standing is not None
    assert message is not None
    assert (standing.leaf_index, standing.accepted_at) == (1, AT + 1)
    assert standing.manifest.message_id == "message-0001"
    assert standing.manifest.recipients == (SECOND, THIRD)
    assert standing.manifest_sha256 == message.manifest_sha256
    assert len(standing.sender_certificate_sha256) == 32


def test_proofs_are_made_from_the_nodes(filled: Store) -> None:
    """Every leaf of the log is proven from the stored nodes, up to the root of the frontier."""
    size, root = filled.size(), filled.locate().root()
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, filled.node)
        merkle.verify_inclusion(leaf=filled.node(0, index), index=index, size=size, proof=proof, root=root)


def test_many_are_found_at_once(store: Store) -> None:
    """A hundred keys are answered in their order."""
    store.commit(group_of(messages(store, *range(50)), store.locate()))
    found = store.find([key_of(number) for number in reversed(range(100))])
    assert [one is not None for one in found] == [False] * 50 + [True] * 50
    last = store.message(key_of(0))
    assert last is not None
    assert found[-1] is not None
    assert found[-1].receipt == last.receipt


def test_reads_see_what_was_committed(store: Store) -> None:
    """Other threads see every group as soon as its commit returned, and never a part of one."""
    committed, done, faults = [0], threading.Event(), list[str]()

    def look() -> None:
        while not done.is_set():
            least = committed[0]
            size = store.size()
            listed = len(store.inbox(SECOND, -1, 1000))
            if size < least or listed < size or size % 4:
                faults.append(f"{least} were committed, found {size} leaves and then {listed} entries")

    groups = [messages(store, *range(first, first + 4)) for first in range(0, 40, 4)]
    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for parts in groups:
        store.commit(group_of(parts, store.locate()))
        committed[0] += len(parts)
    done.set()
    for reader in readers:
        reader.join()
    assert not faults
    assert store.size() == 40


def test_the_log_goes_on_after_other_leaves(store: Store) -> None:
    """Messages, events and hand-overs share the leaves of one log."""
    store.commit(group_on(store, 1, 2))
    exchange = OnStore(store)
    exchange.hand_over(entry_key(1))
    exchange.report(signed_report("event-0001", Action.ACCEPT, key_of(1)))
    exchange.take(3)
    message = store.message(key_of(3))
    assert message is not None
    assert message.leaf_index == 4
    assert [event.leaf_index for event in store.events(0)] == [2, 3]
    assert store.locate() == merkle.frontier(5, store.node)
