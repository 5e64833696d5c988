"""The store of a faulty exchange: it loses, duplicates, empties, and stores after the receipt was given out.

Rule kept here: what is written is written by the real store; what is faulty is what is shown of it, or when it is
written. Everything that is not named here goes to the real store as it is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from loadtests.adapters.servers.faults import Faults, Planted
from loadtests.endpoint.store.base import Listed, Store, StoredCheckpoint, StoredDocument
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.records import (
    EntryKey,
    EventKey,
    Group,
    Handover,
    Happening,
    Message,
    MessageKey,
    Standing,
    Stored,
)


class FaultyStore:
    """A store between the exchange and the real one.

    With duplicates, places in inboxes are twice the leaf's index, and a duplicate stands one behind it.

    Args:
        store: The real one.
        faults: What is wrong.
        planted: Who is struck.
    """

    def __init__(self, store: Store, faults: Faults, planted: Planted) -> None:
        self._store = store
        self._faults = faults
        self._planted = planted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, group: Group) -> None:
        """Store a group, and note who of it is struck."""
        self._store.commit(group)
        for unit in group.units:
            if isinstance(unit.item, Message):
                id_, recipients = unit.item.key.message_id, [one.recipient for one in unit.item.inbox]
                if (kind := self._kind_of(id_)) is not None:
                    self._planted.tell(kind, id_, recipients=recipients)

    def inbox(self, recipient: str, after: int, limit: int) -> tuple[Listed, ...]:
        """The entries after a place, some of them lost, some there twice."""
        step = 2 if self._faults.duplicate else 1
        shown: list[Listed] = []
        real = max(after // step - 1, -1)  # behind the leaf of ``after`` itself a duplicate may stand
        while len(shown) < limit:
            entries = self._store.inbox(recipient, real, limit)
            for one in entries:
                kind = self._kind_of(one.key.message_id)
                place = step * one.leaf_index
                places = {"lose": (), "duplicate": (place, place + 1)}.get(kind or "", (place,))
                shown += [replace(one, leaf_index=at) for at in places if at > after]
            if len(entries) < limit:
                break
            real = entries[-1].leaf_index
        return tuple(shown[:limit])

    def document(self, leaf_index: int, position: int) -> StoredDocument | None:
        """A document; of a hollow message one that is not there."""
        found = self._store.document(leaf_index, position)
        if found is None or not self._faults.hollow:
            return found
        message = self._store.message_at(leaf_index)
        hollow = message is not None and self._kind_of(message.key.message_id) == "hollow"
        return replace(found, content=b"\0" * found.size_bytes) if hollow else found

    def _kind_of(self, message_id: str) -> str | None:
        """The one fault that strikes a message: what is lost cannot stand there twice."""
        struck = (kind for kind, share in self._shares() if self._planted.strikes(kind, share, message_id))
        return next(struck, None)

    def _shares(self) -> tuple[tuple[str, float], ...]:
        faults = self._faults
        return (("lose", faults.lose), ("duplicate", faults.duplicate), ("hollow", faults.hollow))


class EarlyStore:
    """A store that says "stored" at once and stores later; a process that is killed meanwhile has lied.

    Only the writer's thread calls what writes; ``settle``, which it asks again and again as long as the answer is no,
    is where the time passes. What waits is known to whoever asks for it by its key, so that nothing is taken twice.

    Args:
        store: The real one, or a faulty one.
        delay_s: How much later.
        planted: Is told of every message that was answered (``early``) and stored (``early-stored``).
        clock: s since some moment.
    """

    def __init__(
        self, store: Any, delay_s: float, planted: Planted, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._delay_s = delay_s
        self._planted = planted
        self._clock = clock
        self._waiting: deque[tuple[float, Group]] = deque()
        self._messages: dict[MessageKey, Stored] = {}
        self._standings: dict[EntryKey, Standing] = {}
        self._events: dict[EventKey, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def locate(self) -> Frontier:
        """The log as it will be."""
        if self._waiting:
            return self._waiting[-1][1].after
        found: Frontier = self._store.locate()
        return found

    def commit(self, group: Group) -> None:
        """Promise to store a group."""
        for unit in group.units:
            item = unit.item
            if isinstance(item, Message):
                self._planted.tell("early", item.key.message_id)
                digest = item.verified.authentic.manifest_sha256
                self._messages[item.key] = Stored(digest, unit.receipt)
            elif isinstance(item, Happening):
                self._events[item.key] = unit.receipt
            if isinstance(item, Handover):
                self._standings[item.key] = replace(item.standing, handed_over=True)
            else:
                for change in item.changes:
                    self._standings[change.standing.key] = replace(change.standing, entry=change.after)
        self._waiting.append((self._clock() + self._delay_s, group))

    def settle(self) -> bool:
        """Store what is due; False where more waits."""
        self._store_until(self._clock())
        return not self._waiting and bool(self._store.settle())

    def mark(self, checkpoint: StoredCheckpoint) -> None:
        """Store all that waits, then the checkpoint that covers it."""
        self._store_until(float("inf"))
        self._store.mark(checkpoint)

    def close(self) -> None:
        """Store all that waits, and let go."""
        self._store_until(float("inf"))
        self._store.close()

    def find(self, keys: Sequence[MessageKey]) -> tuple[Stored | None, ...]:
        """The accepted messages of these keys, stored or not."""
        waiting = [self._messages.get(key) for key in keys]  # first: what is stored meanwhile is in the store
        found: tuple[Stored | None, ...] = self._store.find(keys)
        return tuple(one or other for one, other in zip(waiting, found, strict=True))

    def standing(self, key: EntryKey) -> Standing | None:
        """The message at this recipient, as it will be."""
        found: Standing | None = self._standings.get(key) or self._store.standing(key)
        return found

    def event(self, key: EventKey) -> bytes | None:
        """The evidence of a lifecycle event, stored or not."""
        found: bytes | None = self._events.get(key) or self._store.event(key)
        return found

    def _store_until(self, now_s: float) -> None:
        while self._waiting and self._waiting[0][0] <= now_s:
            group = self._waiting[0][1]
            self._store.commit(group)
            self._waiting.popleft()
            for unit in group.units:
                if isinstance(unit.item, Message):
                    self._planted.tell("early-stored", unit.item.key.message_id)
        if not self._waiting:  # now the store knows all of it
            self._messages.clear()
            self._standings.clear()
            self._events.clear()
