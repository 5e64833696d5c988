"""From what is accepted to rows of tables, and back.

Rule kept here: an entry's history has one spelling, because a change is taken only where the stored one is the very
text that the change was made from.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

from loadtests.endpoint.store.base import StoredDocument, StoredEvent, StoredMessage
from loadtests.endpoint.store.database import Change, Expect, Insert, Row, Step
from loadtests.endpoint.store.schema import (
    DOCUMENTS,
    EVENTS,
    HAND_OVER,
    INBOX,
    MESSAGES,
    MOVE_ENTRY,
    NODES,
    SIZE,
)
from loadtests.exchange import jws, manifest, records
from loadtests.exchange.lifecycle import Applied, Entry, State
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.records import EntryKey, Group, Handover, Happening, Message, MessageKey, Standing
from loadtests.exchange.strict import Limits

NO_HISTORY: Final = "[]"
MANIFESTS_MAX: Final = 256
"""Parsed manifests that are remembered; the largest take some 200 kB each, so this is 50 MB at worst."""
_ANY_SIZE: Final = 2**53
# What was accepted is read back whatever limits hold today; these are those of the format alone.
_STORED: Final = Limits(
    manifest_bytes_max=_ANY_SIZE,
    payload_bytes_max=_ANY_SIZE,
    header_bytes_max=_ANY_SIZE,
    signature_bytes_max=_ANY_SIZE,
    json_depth_max=64,
    recipients_max=_ANY_SIZE,
    documents_max=_ANY_SIZE,
    document_bytes_max=_ANY_SIZE,
    message_bytes_max=_ANY_SIZE,
)


class GroupRows:
    """The rows of a group, by table."""

    __slots__ = ("_documents", "_events", "_handed_over", "_inbox", "_messages", "_moved")

    def __init__(self, group: Group) -> None:
        self._messages: list[Row] = []
        self._documents: list[Row] = []
        self._inbox: list[Row] = []
        self._events: list[Row] = []
        self._moved: list[Row] = []
        self._handed_over: list[Row] = []
        for leaf_index, unit in enumerate(group.units, group.before.size):
            item = unit.item
            match item:
                case Message():
                    self._add_message(leaf_index, item, unit.receipt, unit.evidence.event_at)
                case Happening():
                    self._add_event(leaf_index, item.key.entry, item.changes[0].standing, unit.receipt, item)
                case Handover():
                    self._add_event(leaf_index, item.key, item.standing, unit.receipt)

    def steps(self, group: Group) -> list[Step]:
        """What stores the group: nothing of it unless all of it fits what is stored."""
        nodes = [(node.level, node.index, node.hash) for node in group.nodes]
        inserts = (
            (NODES, nodes),
            (MESSAGES, self._messages),
            (DOCUMENTS, self._documents),
            (INBOX, self._inbox),
            (EVENTS, self._events),
        )
        changes = ((MOVE_ENTRY, self._moved), (HAND_OVER, self._handed_over))
        return [
            Expect(SIZE, (group.before.size,)),
            *(Insert(table, rows) for table, rows in inserts if rows),
            *(Change(statement, rows) for statement, rows in changes if rows),
        ]

    def _add_message(self, leaf_index: int, item: Message, receipt: bytes, at: int) -> None:
        key, authentic = item.key, item.verified.authentic
        self._messages.append(
            (
                leaf_index,
                key.sender,
                key.message_id,
                at,
                authentic.manifest_sha256,
                authentic.registered.sha256,
                receipt,
                item.compact,
            )
        )
        self._documents += [
            (leaf_index, position, one.sha256, one.size_bytes, one.place)
            for position, one in enumerate(item.documents)
        ]
        self._inbox += [
            (leaf_index, entry.recipient, at, entry.state.value, NO_HISTORY, 0) for entry in item.inbox
        ]
        self._add_changes(item.changes)

    def _add_event(
        self,
        leaf_index: int,
        key: EntryKey,
        standing: Standing,
        evidence: bytes,
        happening: Happening | None = None,
    ) -> None:
        message_leaf = standing.leaf_index
        if happening is None:
            self._events.append((leaf_index, message_leaf, key.recipient, None, None, evidence))
            self._handed_over.append((message_leaf, key.recipient))
        else:
            event_id, compact = happening.key.event_id, happening.compact
            self._events.append((leaf_index, message_leaf, key.recipient, event_id, compact, evidence))
            self._add_changes(happening.changes)

    def _add_changes(self, changes: tuple[records.Change, ...]) -> None:
        for change in changes:
            before, after = change.standing, change.after
            self._moved.append(
                (
                    after.state.value,
                    render_history(after.history),
                    before.leaf_index,
                    before.key.recipient,
                    render_history(before.entry.history),
                )
            )


def render_history(history: tuple[Applied, ...]) -> str:
    """The events taken, as the text that stands in the table."""
    if not history:
        return NO_HISTORY
    rows = [[one.event_id, one.content_sha256.hex(), one.state.value] for one in history]
    return json.dumps(rows, separators=(",", ":"))


def parse_history(text: str) -> tuple[Applied, ...]:
    """The events of such a text."""
    if text == NO_HISTORY:
        return ()
    return tuple(
        Applied(event_id, bytes.fromhex(digest), State(state)) for event_id, digest, state in json.loads(text)
    )


@lru_cache(maxsize=MANIFESTS_MAX)
def stored_manifest(compact: bytes) -> Manifest:
    """The manifest of a message that was accepted."""
    return manifest.parse(jws.parse(compact, _STORED).payload, _STORED)


def standing_of(key: EntryKey, row: Row) -> Standing:
    """A row of ``schema.STANDING``."""
    leaf_index, state, history, handed_over, accepted_at, compact, manifest_sha256, certificate_sha256 = row
    return Standing(
        key=key,
        leaf_index=leaf_index,
        entry=Entry(key.message.sender, key.recipient, State(state), parse_history(history)),
        handed_over=bool(handed_over),
        accepted_at=accepted_at,
        manifest=stored_manifest(compact),
        manifest_sha256=manifest_sha256,
        sender_certificate_sha256=certificate_sha256,
    )


def entry_of(row: Row) -> Entry:
    """A row of ``schema.ENTRIES``."""
    sender, recipient, state, history = row
    return Entry(sender, recipient, State(state), parse_history(history))


def message_of(row: Row) -> StoredMessage:
    """A row of ``schema.MESSAGE``."""
    sender, message_id, *rest = row
    return StoredMessage(MessageKey(sender, message_id), *rest)


def document_of(position: int, sha256: bytes, size_bytes: int, content: Any = None) -> StoredDocument:
    """A row of ``schema.DOCUMENTS_OF`` or ``schema.DOCUMENT``."""
    return StoredDocument(position, sha256, size_bytes, content)


def event_of(row: Row) -> StoredEvent:
    """A row of ``schema.EVENTS_OF``."""
    return StoredEvent(*row)
