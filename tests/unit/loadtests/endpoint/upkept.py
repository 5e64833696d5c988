"""A store with something of everything in it, in a data directory: a test damages the one thing that is wrong."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from loadtests.endpoint.folder import Folder
from loadtests.endpoint.store.base import Statement, Store, StoredCheckpoint
from loadtests.endpoint.store.blobs import Blobs
from loadtests.endpoint.store.opening import open_store
from loadtests.endpoint.upkeep.findings import Findings
from loadtests.endpoint.upkeep.fsck import fsck
from loadtests.exchange import checkpoint, evidence, merkle
from loadtests.exchange.acceptance import Accepted
from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.consignment import consignment
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.reporting import Taken
from loadtests.exchange.strict import encode_base64url
from loadtests.exchange.verification import Received
from tests.unit.loadtests.authorities import AT, key
from tests.unit.loadtests.endpoint.folders import folder as made_folder
from tests.unit.loadtests.endpoint.store.groups import OnStore, entry_key, key_of
from tests.unit.loadtests.exchanges import (
    BODY,
    EXCHANGE_CERTIFICATE,
    ISSUER,
    NAME,
    SECOND,
    THIRD,
    recall,
    signed_report,
)
from tests.unit.loadtests.manifests import a_document

LARGE = b"a large document " * 1000
"""Kept as a file."""
WRITING_S = 20.0
"""How long a few commits may take on a busy machine, s."""


class Working(OnStore):
    """An exchange on a store that keeps larger documents as files, and reports what it was told to.

    Args:
        store: Opened.
        blobs: Where files go.
    """

    def __init__(self, store: Store, blobs: Blobs) -> None:
        super().__init__(store)
        self.blobs = blobs
        self.bodies = {"large.pdf": LARGE}

    def receive(self, content: Manifest) -> tuple[Received, ...]:
        """The documents, the large one as a file."""
        return tuple(self._placed(self.bodies.get(one.name, BODY)) for one in content.documents)

    def _placed(self, body: bytes) -> Received:
        if body is not LARGE:
            return Received(sha256(body).digest(), len(body), body)
        incoming = self.blobs.incoming()
        incoming.write(body)
        incoming.keep()
        return Received(incoming.sha256, incoming.size_bytes)

    def reported(self, number: int, event_id: str, action: Action, recipient: str = SECOND) -> None:
        """Take a report about message ``number``."""
        taken = self.report(signed_report(event_id, action, key_of(number), recipient=recipient))
        assert isinstance(taken, Taken), taken

    def recalled(self, number: int, message_id: str) -> None:
        """Take a recall of message ``number`` at all recipients."""
        outcome = self.send(recall(message_id, key_of(number).message_id))
        assert isinstance(outcome, Accepted), outcome

    def stated(self, number: int, recipient: str = SECOND) -> None:
        """Keep the statement that a message stands in an inbox."""
        standing = self.kept.standing(entry_key(number, recipient))
        assert standing is not None
        said = consignment(standing, NAME, AT)
        signed = evidence.sign(said, key("exchange"), EXCHANGE_CERTIFICATE)
        self.kept.state(Statement(said.evidence_id, standing.leaf_index, recipient, signed))

    def marked(self) -> None:
        """Sign the head of the log."""
        size = self.kept.size()
        head = Checkpoint(NAME, size, merkle.root(size, self.kept.node), AT)
        compact = checkpoint.sign(head, key("exchange"), EXCHANGE_CERTIFICATE)
        self.kept.mark(StoredCheckpoint(size, AT, compact))


def large(**changes: Any) -> dict[str, Any]:
    """The large document in a manifest."""
    digest = encode_base64url(sha256(LARGE).digest())
    return a_document(name="large.pdf", size_bytes=len(LARGE), sha256=digest, **changes)


def worked(exchange: Working) -> list[bytes]:
    """Have something of everything happen; the receipts that were given out.

    Leaves: 0 message 1 with both kinds of document, 1 its hand-over, 2 and 3 accepted and done at the second agency, 4
    message 2, 5 a recall of it, 6 the third agency's consent to that, 7 message 3, 8 its expiry at the third agency.
    """
    receipts = [exchange.take(1, documents=[a_document(), large()])]
    exchange.marked()
    exchange.hand_over(entry_key(1))
    exchange.reported(1, "event-accept-1", Action.ACCEPT)
    exchange.reported(1, "event-finish-1", Action.FINISH)
    exchange.stated(1)
    receipts.append(exchange.take(2))
    exchange.recalled(2, "recall-of-message-2")
    exchange.reported(2, "event-consent-2", Action.CONSENT_TO_RECALL, THIRD)
    receipts.append(exchange.take(3))
    exchange.expire(entry_key(3, THIRD))
    exchange.marked()
    return receipts


class Place:
    """A data directory and its store.

    Args:
        folder: The data directory.
        store_url: The store.
    """

    def __init__(self, folder: Folder, store_url: str) -> None:
        self.folder = folder
        self.store_url = store_url
        self.blobs = Blobs(folder.blobs_path, folder.incoming_path)

    @classmethod
    def made(cls, path: Path, store_url: str | None = None) -> Place:
        """A new one in which all of ``worked`` happened; the store is that of the folder, if no other is named."""
        folder = made_folder(path)
        place = cls(folder, store_url or str(folder.store_path))
        with place.open() as store:
            receipts = worked(Working(store, place.blobs))
        for number, receipt in enumerate(receipts):
            (path / f"receipt-{number}.jws").write_bytes(receipt)
        return place

    @classmethod
    def at(cls, path: Path, store_url: str | None = None) -> Place:
        """The one that is there."""
        folder = Folder(path)
        return cls(folder, store_url or str(folder.store_path))

    @property
    def receipts(self) -> list[bytes]:
        """The receipts that were given out."""
        return [path.read_bytes() for path in sorted(self.folder.path.glob("receipt-*.jws"))]

    @contextmanager
    def open(self, *, read_only: bool = False) -> Iterator[Store]:
        """The store, closed at the end."""
        store = open_store(self.store_url, read_only=read_only)
        try:
            yield store
        finally:
            store.close()

    def checked(self) -> Findings:
        """What the check finds."""
        with self.open(read_only=True) as store:
            return fsck(store, self.blobs, ISSUER)

    def codes(self) -> list[str]:
        """The codes of the faults found, each once, in alphabetical order."""
        return sorted({one.code for one in self.checked().faults})

    def change(self, *statements: str) -> None:
        """Damage the SQLite file behind the store's back."""
        with closing(sqlite3.connect(self.store_url, isolation_level=None)) as raw:
            for statement in statements:
                assert raw.execute(statement).rowcount != 0, f"{statement} changes nothing"

    @property
    def large_path(self) -> Path:
        """Where the large document is."""
        return self.blobs.path(sha256(LARGE).digest())


@contextmanager
def writing(place: Place) -> Iterator[Callable[[], None]]:
    """Another thread that goes on taking messages, reports and recalls and signing heads; fails if it does.

    Yields:
        A function that waits until it has done all of that once more.
    """
    stop, numbers, faults = threading.Event(), [100], list[BaseException]()

    def write(exchange: Working) -> None:
        try:
            while not stop.is_set():
                number = numbers[-1]
                exchange.take(number)
                exchange.stated(number)
                exchange.reported(number, f"event-accept-{number}", Action.ACCEPT)
                exchange.recalled(number, f"recall-of-message-{number}")
                exchange.marked()
                numbers.append(number + 1)
        except BaseException as fault:  # told at the end, in the thread of the test
            faults.append(fault)

    def wait() -> None:
        before, deadline = numbers[-1], time.monotonic() + WRITING_S
        while numbers[-1] == before and not faults:
            assert time.monotonic() < deadline, "nothing is written"
            time.sleep(0.001)

    with place.open() as store:
        thread = threading.Thread(target=write, args=(Working(store, place.blobs),))
        thread.start()
        try:
            yield wait
        finally:
            stop.set()
            thread.join()
    assert faults == []
