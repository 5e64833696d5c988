"""What a store does with groups, on both databases: all of them or nothing, and nothing twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loadtests.endpoint.store.base import Audited, Statement, Store, StoredCheckpoint
from loadtests.endpoint.store.opening import open_store
from loadtests.exchange import merkle
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import Action, State
from loadtests.exchange.records import Group, MessageKey
from loadtests.exchange.reporting import Taken
from tests.unit.loadtests.endpoint.store.groups import (
    OnStore,
    entry_key,
    group_of,
    group_on,
    key_of,
    message_of,
    messages,
    prepared,
)
from tests.unit.loadtests.exchanges import BODY, SECOND, SENDER, THIRD, recall, signed_report
from tests.unit.loadtests.manifests import AT


def everything(store: Store) -> tuple[Any, ...]:
    """What a group could have left behind."""
    keys = [key_of(number) for number in range(5)]
    listed = tuple(store.inbox(code, -1, 100) for code in (SECOND, THIRD))
    leaves = range(store.size() + 3)
    documents = tuple(store.documents(leaf) for leaf in leaves)
    entries = tuple(store.entries(leaf) for leaf in leaves)
    return store.locate(), store.find(keys), listed, documents, entries


def refused(store: Store, group: Group) -> str:
    """The code that a group is refused with, which must have changed nothing."""
    before = everything(store)
    with pytest.raises(Refusal) as caught:
        store.commit(group)
    assert everything(store) == before
    return caught.value.code


def test_a_group_is_stored_with_all_its_parts(store: Store) -> None:
    """Messages, documents, entries, receipts and the log of a group are there when it was committed."""
    group = group_on(store, 1, 2, 3)
    store.commit(group)
    assert store.locate() == group.after
    assert [store.node(node.level, node.index) for node in group.nodes] == [node.hash for node in group.nodes]
    for leaf_index, unit in enumerate(group.units):
        message = store.message_at(leaf_index)
        assert message == store.message(key_of(leaf_index + 1))
        assert message is not None
        assert (message.receipt, message.accepted_at) == (unit.receipt, AT)
        assert message.compact == message_of(group, leaf_index).compact
        assert [entry.recipient for entry in store.entries(leaf_index)] == [SECOND, THIRD]
        (document,) = store.documents(leaf_index)
        assert (document.position, document.size_bytes, document.content) == (0, len(BODY), None)
        assert store.document(leaf_index, 0) == replace(document, content=BODY)


def test_a_document_that_is_a_file_is_referred_to(store: Store) -> None:
    """A document without bytes is stored as a reference, and only such a document holds its file."""
    file, inline = messages(store, 1, as_files=True), messages(store, 2)
    store.commit(group_of(inline, store.locate()))
    (digest,) = {document.sha256 for document in store.documents(0)}
    assert not store.is_referenced(digest)
    store.commit(group_of(file, store.locate()))
    assert store.is_referenced(digest)
    document = store.document(1, 0)
    assert document is not None
    assert document.content is None
    assert not store.is_referenced(bytes(32))


def test_a_group_with_one_bad_unit_leaves_nothing(store: Store) -> None:
    """Where the last unit cannot be stored, the first is not either, and the next group fits."""
    group = group_on(store, 1, 2, 3)
    last = message_of(group, 2)
    twice = replace(last, inbox=(*last.inbox, last.inbox[0]))
    bad = replace(group, units=(*group.units[:2], replace(group.units[2], item=twice)))
    assert refused(store, bad) == "store-unavailable"
    store.commit(group)
    assert store.size() == 3


def test_a_fork_is_refused(store: Store) -> None:
    """Of two groups made from the same head only the first is stored."""
    first, second = group_on(store, 1), group_on(store, 2)
    store.commit(first)
    assert refused(store, second) == "store-unavailable"
    assert store.locate() == first.after


def test_a_gap_is_refused(store: Store) -> None:
    """A group that begins beyond the end of the log is not stored."""
    ahead = merkle.Frontier().append(merkle.leaf_hash(b"never stored"))[0]
    assert refused(store, group_of(messages(store, 1), ahead)) == "store-unavailable"


def test_a_message_is_stored_once(store: Store) -> None:
    """A group with a message that was stored before is refused, whatever its leaf is."""
    message = messages(store, 1)
    other = messages(store, 2)
    store.commit(group_of(message, store.locate()))
    assert refused(store, group_of(other + message, store.locate())) == "store-unavailable"


def test_an_event_moves_the_entry_it_was_made_from(store: Store) -> None:
    """An accepted report is stored with its evidence, and the entry has its state and history."""
    exchange = OnStore(store)
    exchange.take(1)
    compact = signed_report("event-0001", Action.ACCEPT, key_of(1))
    taken = exchange.report(compact)
    assert isinstance(taken, Taken)
    assert store.event(taken.key) == taken.evidence
    standing = store.standing(entry_key(1))
    assert standing is not None
    assert standing.entry == store.entries(0)[0]
    assert standing.entry.state is State.ACCEPTED
    assert [applied.event_id for applied in standing.entry.history] == ["event-0001"]
    (event,) = store.events(0, SECOND)
    assert event == store.event_at(1)
    assert (event.leaf_index, event.event_id, event.compact) == (1, "event-0001", compact)
    again = exchange.report(compact)
    assert isinstance(again, Taken)
    assert again.replayed


def test_an_entry_that_has_moved_is_left_alone(store: Store) -> None:
    """Of two events made from the same entry the second is refused with all of its group."""
    exchange = OnStore(store)
    exchange.take(1)
    late = signed_report("event-0002", Action.REFUSE, key_of(1))
    happening = prepared(store, lambda one: one.report(late))
    exchange.report(signed_report("event-0001", Action.ACCEPT, key_of(1)))
    group = group_of((*messages(store, 2), happening), store.locate())
    assert refused(store, group) == "store-unavailable"
    assert store.entries(0)[0].state is State.ACCEPTED


def test_a_recall_moves_the_entries_of_another_message(store: Store) -> None:
    """A recall changes the entries of the message that it refers to, in the transaction of its own acceptance."""
    exchange = OnStore(store)
    exchange.take(1)
    exchange.send(recall("recall-0001", "message-0001"))
    assert store.size() == 2
    assert {entry.state for entry in store.entries(0)} == {State.RECALL_OF_AVAILABLE}
    assert {entry.state for entry in store.entries(1)} == {State.AVAILABLE}


def test_a_hand_over_is_recorded_once(store: Store) -> None:
    """The first hand-over to a recipient is an event without an id; another one is refused by the store."""
    exchange = OnStore(store)
    exchange.take(1)
    before = store.standing(entry_key(1))
    assert before is not None
    assert not before.handed_over
    late = prepared(store, lambda one: one.hand_over(entry_key(1)))
    evidence = exchange.hand_over(entry_key(1))
    (event,) = store.events(0)
    assert (event.event_id, event.compact, event.evidence) == (None, None, evidence)
    after = store.standing(entry_key(1))
    assert after is not None
    assert after.handed_over
    assert store.events(0, THIRD) == ()
    assert refused(store, group_of((late,), store.locate())) == "store-unavailable"


def test_a_statement_is_kept_once(store: Store) -> None:
    """The evidence that was kept first is what everybody gets."""
    OnStore(store).take(1)
    first = Statement("consignment-1", 0, SECOND, b"first")
    assert store.state(first) == b"first"
    assert store.state(replace(first, evidence=b"second")) == b"first"
    assert store.state(Statement("consignment-2", 0, THIRD, b"third")) == b"third"
    assert store.statements(0, SECOND) == (first,)
    assert len(store.statements(0)) == 2


def test_rejections_stand_outside_messages_and_log(store: Store) -> None:
    """Evidence of a rejection is found by the id, the oldest first and each once, and the id stays usable."""
    newer = Audited("rejection-1", SENDER, "message-0001", 20, b"newer")
    older = Audited("rejection-2", SENDER, "message-0001", 10, b"older")
    for audited in (newer, older, newer):
        store.keep(audited)
    assert store.audit(SENDER, "message-0001") == (older, newer)
    assert store.audit(SECOND, "message-0001") == ()
    assert store.size() == 0
    OnStore(store).take(1)


def test_checkpoints_are_kept_in_their_order(store: Store) -> None:
    """All checkpoints that were signed come back as they were, and the last one alone."""
    assert store.checkpoint() is None
    signed = [StoredCheckpoint(size, AT - size, b"%d" % n) for n, size in enumerate((0, 1, 5, 5))]
    for checkpoint in signed:
        store.mark(checkpoint)
    assert store.checkpoint() == signed[-1]
    assert list(store.checkpoints()) == signed


def test_a_restart_gives_the_same_log(database_url: str) -> None:
    """Whoever opens the store again finds the frontier that was left, and goes on from there."""
    first = open_store(database_url)
    exchange = OnStore(first)
    receipts = [exchange.take(number) for number in range(5)]
    left = first.locate()
    first.close()
    second = open_store(database_url)
    assert second.locate() == left
    assert [found and found.receipt for found in second.find([key_of(n) for n in range(5)])] == receipts
    OnStore(second).take(5)
    assert second.size() == 6
    second.close()


def test_keys_of_other_senders_are_others(store: Store) -> None:
    """The same id of another sender is another message, and unknown keys are None in their places."""
    exchange = OnStore(store)
    exchange.take(1)
    exchange.take(1, sender=SECOND, signer=SECOND, recipients=[SENDER])
    keys = [MessageKey(THIRD, "message-0001"), key_of(1, SECOND), key_of(2), key_of(1)]
    found = store.find(keys)
    assert [one is not None for one in found] == [False, True, False, True]
    assert found[1] != found[3]
    assert store.find([]) == ()
