"""What the check of a store finds wrong, and that it finds nothing where nothing is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from loadtests.endpoint.store.base import Reading, Statement, StoredCheckpoint
from loadtests.endpoint.upkeep.findings import FAILURES_MAX, Fault
from loadtests.endpoint.upkeep.fsck import check_held, fsck
from loadtests.exchange import checkpoint, evidence, jws
from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.consignment import consignment
from loadtests.exchange.errors import Refusal
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.lifecycle import Action, State
from tests.unit.loadtests.authorities import AT, key
from tests.unit.loadtests.endpoint.store.groups import entry_key
from tests.unit.loadtests.endpoint.upkept import LARGE, Place, Working, writing
from tests.unit.loadtests.exchanges import EXCHANGE_CERTIFICATE, ISSUER, NAME, SECOND, THIRD


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which all is well; never changed."""
    path = tmp_path_factory.mktemp("kept") / "data"
    Place.made(path)
    return path


@pytest.fixture
def place(kept: Path, tmp_path: Path) -> Place:
    """A copy of it, to be damaged."""
    path = tmp_path / "data"
    shutil.copytree(kept, path)
    return Place.at(path)


def test_nothing_is_found_where_nothing_is_wrong(place: Place) -> None:
    """A store with documents in both places, events, hand-over, recall, expiry and heads of the log is sound."""
    found = place.checked()
    assert found.faults == ()
    assert found.remarks == ()
    assert found.is_sound
    assert (found.leaves, found.messages, found.events) == (9, 4, 5)
    assert (found.documents, found.checkpoints) == (4, 2)


def test_an_empty_store_is_sound(tmp_path: Path, place: Place) -> None:
    """A store in which nothing was accepted yet has no faults."""
    empty = Place.at(place.folder.path, str(tmp_path / "empty.sqlite3"))
    with empty.open():
        pass
    place.large_path.unlink()
    assert empty.checked().faults == ()
    assert empty.checked().remarks == ()


DAMAGES = {
    "message row gone": (
        ["DELETE FROM messages WHERE leaf_index = 4"],
        {"leaf-missing", "event-message-missing", "recall-without-message"},
    ),
    "event row gone": (
        ["DELETE FROM events WHERE leaf_index = 2"],
        {"leaf-missing", "event-out-of-order", "entry-state-wrong", "entry-history-wrong"},
    ),
    "hand-over gone": (
        ["DELETE FROM events WHERE leaf_index = 1"],
        {"leaf-missing", "handover-missing"},
    ),
    "hand-over unmarked": (["UPDATE inbox SET handed_over = 0 WHERE handed_over = 1"], {"handover-unmarked"}),
    "leaf hash changed": (
        ["UPDATE nodes SET hash = zeroblob(32) WHERE level = 0 AND position = 8"],
        {"leaf-wrong", "log-forked"},
    ),
    "inner node changed": (
        ["UPDATE nodes SET hash = zeroblob(32) WHERE level = 1 AND position = 1"],
        {"node-wrong"},
    ),
    "inner node gone": (["DELETE FROM nodes WHERE level = 1 AND position = 2"], {"node-missing"}),
    "end of the log gone": (
        ["DELETE FROM nodes WHERE level = 0 AND position = 8"],
        {"log-shrank", "beyond-log"},
    ),
    "receipt of another message": (
        [
            "UPDATE messages SET receipt = (SELECT receipt FROM messages WHERE leaf_index = 0) WHERE leaf_index = 7"
        ],
        {"leaf-wrong", "receipt-invalid"},
    ),
    "receipt cut": (
        ["UPDATE messages SET receipt = substr(receipt, 1, 200) WHERE leaf_index = 7"],
        {"leaf-wrong", "receipt-invalid"},
    ),
    "manifest changed": (
        [
            "UPDATE messages SET compact = (SELECT compact FROM messages WHERE leaf_index = 0) WHERE leaf_index = 7"
        ],
        {
            "message-key-wrong",
            "manifest-digest-wrong",
            "receipt-invalid",
            "document-missing",
            "inbox-line-wrong",
        }
        | {"event-message-wrong"},
    ),
    "manifest unreadable": (
        ["UPDATE messages SET compact = 'x' WHERE leaf_index = 7"],
        {"manifest-unreadable", "event-invalid", "message-unreadable"},
    ),
    "digest of the manifest changed": (
        ["UPDATE messages SET manifest_sha256 = zeroblob(32) WHERE leaf_index = 7"],
        {"manifest-digest-wrong"},
    ),
    "sender's certificate changed": (
        ["UPDATE messages SET sender_certificate_sha256 = zeroblob(32) WHERE leaf_index = 7"],
        {"sender-certificate-wrong"},
    ),
    "time of acceptance changed": (
        ["UPDATE messages SET accepted_at = accepted_at + 1 WHERE leaf_index = 7"],
        {"accepted-at-wrong"},
    ),
    "id changed": (
        ["UPDATE messages SET message_id = 'message-9999' WHERE leaf_index = 7"],
        {"message-key-wrong", "inbox-line-wrong", "event-message-wrong"},
    ),
    "inbox entry gone": (
        [f"DELETE FROM inbox WHERE message_leaf = 4 AND recipient = '{SECOND}'"],
        {"inbox-entry-missing"},
    ),
    "inbox entry with an event gone": (
        [f"DELETE FROM inbox WHERE message_leaf = 4 AND recipient = '{THIRD}'"],
        {"inbox-entry-missing", "event-without-entry"},
    ),
    "inbox entry of a stranger": (
        [f"UPDATE inbox SET recipient = '000.09.00.H41' WHERE message_leaf = 4 AND recipient = '{SECOND}'"],
        {"inbox-entry-missing", "inbox-entry-extra", "entry-state-wrong", "entry-history-wrong"},
    ),
    "state changed": (
        [f"UPDATE inbox SET state = 'accepted' WHERE message_leaf = 0 AND recipient = '{SECOND}'"],
        {"entry-state-wrong"},
    ),
    "state unknown": (
        [f"UPDATE inbox SET state = 'lost' WHERE message_leaf = 0 AND recipient = '{SECOND}'"],
        {"message-unreadable"},
    ),
    "event forgotten in an entry": (
        [f"UPDATE inbox SET history = '[]' WHERE message_leaf = 0 AND recipient = '{SECOND}'"],
        {"entry-history-wrong"},
    ),
    "event invented in an entry": (
        [
            "UPDATE inbox SET state = 'refused', history = '[[\"event-invented\", \""
            + "00" * 32
            + '", "refused"]]\''
            f" WHERE message_leaf = 0 AND recipient = '{THIRD}'"
        ],
        {"entry-state-wrong", "entry-history-wrong"},
    ),
    "recall forgotten in an entry": (
        [
            f"UPDATE inbox SET state = 'available', history = '[]' WHERE message_leaf = 4 AND recipient = '{SECOND}'"
        ],
        {"entry-state-wrong", "entry-history-wrong"},
    ),
    "evidence of another event": (
        [
            "UPDATE events SET evidence = (SELECT evidence FROM events WHERE leaf_index = 2) WHERE leaf_index = 3"
        ],
        {"leaf-wrong", "event-leaf-wrong", "event-id-wrong", "report-wrong", "event-state-wrong"},
    ),
    "report changed": (
        [
            "UPDATE events SET compact = (SELECT compact FROM events WHERE leaf_index = 2) WHERE leaf_index = 3"
        ],
        {"report-wrong", "event-state-wrong", "entry-state-wrong", "entry-history-wrong"},
    ),
    "report gone": (
        ["UPDATE events SET compact = NULL WHERE leaf_index = 3"],
        {"report-missing", "event-out-of-order", "entry-state-wrong", "entry-history-wrong"},
    ),
    "event at another recipient": (
        [f"UPDATE events SET recipient = '{THIRD}' WHERE leaf_index = 3"],
        {
            "event-message-wrong",
            "report-wrong",
            "event-out-of-order",
            "entry-state-wrong",
            "entry-history-wrong",
        },
    ),
    "hand-over called an event": (
        ["UPDATE events SET event_id = 'event-unknown' WHERE leaf_index = 1"],
        {"event-kind-wrong", "handover-missing"},
    ),
    "event called a hand-over": (
        ["UPDATE events SET event_id = NULL WHERE leaf_index = 3"],
        {"event-kind-wrong", "handover-twice", "entry-state-wrong", "entry-history-wrong"},
    ),
    "document row gone": (["DELETE FROM documents WHERE message_leaf = 4"], {"document-missing"}),
    "document row too much": (
        [
            "INSERT INTO documents SELECT 4, 5, sha256, size_bytes, content FROM documents WHERE message_leaf = 4"
        ],
        {"document-extra"},
    ),
    "document content changed": (
        ["UPDATE documents SET content = x'616264' WHERE message_leaf = 4"],
        {"document-damaged"},
    ),
    "document digest changed": (
        ["UPDATE documents SET sha256 = zeroblob(32) WHERE message_leaf = 4"],
        {"document-row-wrong"},
    ),
    "document size changed": (
        ["UPDATE documents SET size_bytes = 4 WHERE message_leaf = 4"],
        {"document-row-wrong"},
    ),
    "document said to be a file": (
        ["UPDATE documents SET content = NULL WHERE message_leaf = 4"],
        {"document-missing"},
    ),
    "statement of another recipient": (
        [f"UPDATE statements SET recipient = '{THIRD}'"],
        {"statement-wrong"},
    ),
    "statement unreadable": (["UPDATE statements SET evidence = 'x'"], {"statement-invalid"}),
    "head of the log unreadable": (
        ["UPDATE checkpoints SET compact = 'x' WHERE number = 1"],
        {"checkpoint-invalid"},
    ),
    "size of a head changed": (
        ["UPDATE checkpoints SET size = 2 WHERE number = 1"],
        {"checkpoint-row-wrong"},
    ),
    "heads in another order": (
        ["UPDATE checkpoints SET number = 9 WHERE number = 1"],
        {"checkpoint-shrinks"},
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_found_and_named(place: Place, damage: str) -> None:
    """What is wrong in a row is found by just the faults that follow from it."""
    statements, codes = DAMAGES[damage]
    place.change(*statements)
    assert set(place.codes()) == codes


def test_a_fault_says_where_what_and_what_would_be_right(place: Place) -> None:
    """An operator reads which message and document it is, and both digests."""
    place.change("UPDATE documents SET content = x'616264' WHERE message_leaf = 4")
    (fault,) = place.checked().faults
    for part in ("leaf 4", "message-0002", "document 1 of 1", "a52d159f262b2c6d", "ba7816bf8f01cfea"):
        assert part in str(fault), part


def _cut(path: Path) -> None:
    path.write_bytes(LARGE[:-1])


def _changed(path: Path) -> None:
    path.write_bytes(LARGE.replace(b"a", b"b", 1))


@pytest.mark.parametrize(
    ("damage", "code"),
    [(Path.unlink, "document-missing"), (_cut, "document-damaged"), (_changed, "document-damaged")],
)
def test_documents_in_files_are_read_again(place: Place, damage: Callable[[Path], None], code: str) -> None:
    """A file that is gone, cut or changed is found."""
    damage(place.large_path)
    assert place.codes() == [code]


def test_a_document_that_cannot_be_read_is_a_fault(place: Place) -> None:
    """A folder in a file's place is told, not raised."""
    place.large_path.unlink()
    place.large_path.mkdir()
    assert place.codes() == ["document-unreadable"]


def test_a_file_that_nothing_refers_to_is_a_remark(place: Place) -> None:
    """It may belong to a message that is being taken just now."""
    incoming = place.blobs.incoming()
    incoming.write(b"of nobody")
    incoming.keep()
    found = place.checked()
    assert found.is_sound
    assert [one.split()[0] for one in found.remarks] == ["1"]


def test_another_exchange_vouches_for_nothing(place: Place) -> None:
    """Checked with another certificate, every receipt, event, statement and head is a fault, and all are told."""
    other = Issuer(NAME, b"\x01" * 32, ISSUER.public_key)
    told: list[Fault] = []
    with place.open(read_only=True) as store:
        found = fsck(store, place.blobs, other, told=told.append)
    counts = {
        code: sum(one.code == code for one in found.faults) for code in {one.code for one in found.faults}
    }
    assert counts == {
        "receipt-invalid": 4,
        "event-invalid": 5,
        "statement-invalid": 1,
        "checkpoint-invalid": 2,
    }
    assert tuple(told) == found.faults


def test_a_head_that_was_signed_for_another_log_is_found(place: Place) -> None:
    """A signed head whose root is not that of the log proves a fork."""
    head = Checkpoint(NAME, 9, b"\x07" * 32, AT)
    with place.open() as store:
        compact = checkpoint.sign(head, key("exchange"), EXCHANGE_CERTIFICATE)
        store.mark(StoredCheckpoint(9, AT, compact))
    assert place.codes() == ["log-forked"]


def test_evidence_of_a_wrong_state_is_found(place: Place) -> None:
    """Evidence that is signed and in the log, but says another state than the lifecycle led to."""
    with place.open() as store:
        stored = store.event_at(3)
        assert stored is not None
    said = evidence.parse(jws.parse(stored.evidence).payload)
    assert said.progress is not None
    changed = evidence.sign(
        replace(said, progress=replace(said.progress, state=State.REFUSED)),
        key("exchange"),
        EXCHANGE_CERTIFICATE,
    )
    place.change(f"UPDATE events SET evidence = x'{changed.hex()}' WHERE leaf_index = 3")
    assert place.codes() == ["event-state-wrong", "leaf-wrong"]


def test_a_recall_that_came_too_late_moves_nothing(place: Place) -> None:
    """A recall of work that is done is a message like any other, and no fault."""
    with place.open() as store:
        Working(store, place.blobs).recalled(1, "recall-of-message-1")
    assert place.checked().faults == ()


def test_a_statement_about_a_stranger_is_found(place: Place) -> None:
    """Evidence that a message stands in an inbox where it was never sent."""
    stranger = "000.09.00.H41"
    with place.open() as store:
        standing = store.standing(entry_key(1))
        assert standing is not None
        elsewhere = replace(standing, key=replace(standing.key, recipient=stranger))
        said = consignment(elsewhere, NAME, AT)
        signed = evidence.sign(said, key("exchange"), EXCHANGE_CERTIFICATE)
        store.state(Statement(said.evidence_id, 0, stranger, signed))
    assert place.codes() == ["statement-wrong"]


def test_progress_is_told_to_its_end(place: Place) -> None:
    """Each step is told, the last with as many done as there are."""
    steps: list[tuple[int, int]] = []
    with place.open(read_only=True) as store:
        fsck(store, place.blobs, ISSUER, lambda done, of: steps.append((done, of)))
    assert len(steps) == 9 + 4
    assert steps[-1][0] == steps[-1][1]


class Failing:
    """A store that fails whenever it is asked for an event, and works otherwise."""

    def __init__(self, store: Reading) -> None:
        self._store = store
        self.leaves = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def event_at(self, leaf: int) -> None:
        """It fails."""
        raise Refusal("store-unavailable", f"a page of leaf {leaf} cannot be read")

    def size(self) -> int:
        """As it is, or more."""
        return self.leaves or self._store.size()


def test_a_damaged_page_does_not_end_the_check_and_a_lost_database_does(place: Place) -> None:
    """What cannot be read is told leaf by leaf; a database that keeps failing ends it."""
    with place.open(read_only=True) as store:
        failing = Failing(store)
        found = fsck(failing, place.blobs, ISSUER)  # type: ignore[arg-type] # the rest is the store's own
        assert sum(one.code == "leaf-unreadable" for one in found.faults) == 10  # and what may follow
        failing.leaves = FAILURES_MAX + 1
        with pytest.raises(Refusal):
            fsck(failing, place.blobs, ISSUER)  # type: ignore[arg-type] # as above


class Overtaken:
    """A store in which something happens between two questions of the check.

    Args:
        store: The store.
        happens: One after the other, before each call that asks for entries.
    """

    def __init__(self, store: Reading, happens: Iterator[Callable[[], object]], before: str) -> None:
        self._store = store
        self._happens = happens
        self._before = before

    def __getattr__(self, name: str) -> object:
        if name == self._before:
            next(self._happens, lambda: None)()
        return getattr(self._store, name)


@pytest.mark.parametrize("before", ["entries", "events", "standing", "checkpoints", "message_at", "inbox"])
def test_what_happens_meanwhile_is_no_fault(place: Place, before: str) -> None:
    """A server that accepts, reports, recalls, hands over and signs during the check does not disturb it."""
    with place.open() as store, place.open(read_only=True) as read:
        exchange = Working(store, place.blobs)
        happens: list[Callable[[], object]] = [
            lambda: exchange.take(20),
            lambda: exchange.reported(1, "event-accept-9", Action.ACCEPT, THIRD),
            lambda: exchange.hand_over(entry_key(3)),
            lambda: exchange.reported(3, "event-accept-3", Action.ACCEPT),
            lambda: exchange.recalled(3, "recall-of-message-3"),
            lambda: exchange.reported(3, "event-consent-3", Action.CONSENT_TO_RECALL),
            lambda: exchange.recalled(1, "recall-of-message-1"),
            exchange.marked,
            lambda: exchange.reported(2, "event-consent-9", Action.CONSENT_TO_RECALL),
            lambda: exchange.take(21),
            exchange.marked,
        ]
        waiting = iter(happens)
        found = fsck(Overtaken(read, waiting, before), place.blobs, ISSUER)  # type: ignore[arg-type] # as above
        assert found.faults == ()
        for one in waiting:
            one()
    assert place.checked().faults == ()


def test_a_hand_over_between_entry_and_events_is_no_fault(place: Place) -> None:
    """An entry that was read before its hand-over is not marked, and need not be."""
    with place.open() as store, place.open(read_only=True) as read:
        exchange = Working(store, place.blobs)
        numbers = iter((1, 2))
        happens = iter([lambda: exchange.hand_over(entry_key(next(numbers), THIRD))] * 2)
        found = fsck(Overtaken(read, happens, "events"), place.blobs, ISSUER)  # type: ignore[arg-type] # as above
        assert next(numbers, None) is None
    assert found.faults == ()


def test_a_check_while_a_thread_writes_finds_nothing(place: Place) -> None:
    """The same with a writer that does not wait for the check."""
    found = []
    with writing(place) as wait:
        for _ in range(8):
            found.append(place.checked())
            wait()
    assert [one.faults for one in found] == [()] * 8
    assert found[-1].leaves > found[0].leaves


# --- receipts in a client's hands -----------------------------------------------------------------------------------


def held(place: Place, *receipts: bytes) -> list[str]:
    """The codes of what is wrong with receipts in somebody's hands."""
    with place.open(read_only=True) as store:
        return [one.code for one in check_held(receipts, store, place.blobs, ISSUER).faults]


def test_receipts_that_were_given_out_hold(place: Place) -> None:
    """Every receipt that the exchange gave out is found with all that it promises."""
    with place.open(read_only=True) as store:
        found = check_held(place.receipts, store, place.blobs, ISSUER)
    assert found.is_sound
    assert (found.messages, found.documents) == (3, 4)


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("DELETE FROM messages WHERE leaf_index = 4", ["message-lost"]),
        ("DELETE FROM inbox WHERE message_leaf = 4", ["inbox-entry-missing", "inbox-entry-missing"]),
        ("DELETE FROM documents WHERE message_leaf = 4", ["document-missing"]),
        ("DELETE FROM nodes WHERE level = 0 AND position = 4", ["node-missing"]),
        ("UPDATE nodes SET hash = zeroblob(32) WHERE level = 0 AND position = 4", ["leaf-wrong"]),
        ("UPDATE messages SET receipt = 'x' WHERE leaf_index = 4", ["receipt-differs"]),
    ],
)
def test_a_receipt_whose_promise_was_broken_is_found(place: Place, statement: str, codes: list[str]) -> None:
    """A lost message, entry, document or leaf, and other receipt bytes, are told."""
    place.change(statement)
    assert held(place, place.receipts[1]) == codes


def test_a_receipt_of_nobody_is_not_taken(place: Place) -> None:
    """What this exchange did not sign proves nothing against its store."""
    assert held(place, place.receipts[0][:-8] + b"AAAAAAAA", b"x") == ["receipt-invalid", "receipt-invalid"]
