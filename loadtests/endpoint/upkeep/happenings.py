"""Checking what happened to messages: the evidence of each event, and that entries stand where their events led.

Rule kept here: an entry is right if the lifecycle itself, fed with the signed events in the order of their leaves,
ends in it; a stored state is never believed.

A server may be writing meanwhile. Entries are read before the events, so every event in a history is found; what came
after the size of the log was read counts only where the history already has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from loadtests.endpoint.store.base import StoredEvent, StoredMessage
from loadtests.endpoint.upkeep.findings import Check
from loadtests.endpoint.upkeep.messages import Content, content_of, is_recall
from loadtests.exchange import events, evidence, jws, lifecycle, receipts
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import EVENT_OF_ACTION, Event, Evidence, Progress
from loadtests.exchange.lifecycle import Action, Applied, Entry, Role, State, followers
from loadtests.exchange.records import EntryKey, EventKey, MessageKey


@dataclass(frozen=True, slots=True)
class Recall:
    """A message that asks for an earlier one back.

    Args:
        leaf: Its leaf.
        message_id: Its id, which is the id of the event at each recipient.
        manifest_sha256: Its digest, which is the event's.
        recipients: At whom.
    """

    leaf: int
    message_id: str
    manifest_sha256: bytes
    recipients: frozenset[str]

    @classmethod
    def of(cls, leaf: int, content: Content) -> Recall:
        """The recall that this message is."""
        sent = content.manifest
        return cls(leaf, sent.message_id, content.sha256, frozenset(sent.recipients))


@dataclass(frozen=True, slots=True)
class _Happened:
    """One lifecycle event at one recipient: its leaf, who signed it, and the state it led to, as evidence says."""

    leaf: int
    event: lifecycle.Event
    role: Role
    state: State | None


# --- one leaf -------------------------------------------------------------------------------------------------------


def check_event(check: Check, leaf: int, event: StoredEvent) -> None:
    """Check the evidence of an event or a hand-over: its signature, what it is about, and the report it rests on."""
    where = f"leaf {leaf}, {event.event_id or 'hand-over'} at {event.recipient}"
    about = check.store.message_at(event.message_leaf_index)
    if about is None or event.message_leaf_index >= leaf:
        found = f"message leaf {event.message_leaf_index}"
        check.fault("event-message-missing", where, found, "the leaf of an earlier message")
        return
    with check.judging("event-invalid", where, f"evidence of an event, signed by {check.issuer.name}"):
        said = receipts.check_evidence(event.evidence, check.issuer)
        content = content_of(about.compact)
        named = said.log.leaf_index if said.log else None
        check.expect("event-leaf-wrong", where, "evidence for leaf", named, leaf)
        found_about = (said.message_id, said.sender, said.manifest_sha256, said.recipients)
        key = about.key
        right = (key.message_id, key.sender, content.sha256, (event.recipient,))
        check.expect("event-message-wrong", where, "evidence about", found_about, right)
        if event.recipient not in content.manifest.recipients:
            check.fault(
                "event-message-wrong", where, f"at {event.recipient}", "at a recipient of the message"
            )
        if event.event_id is None:
            check.expect("event-kind-wrong", where, "evidence of", said.event, Event.CONTENT_HANDOVER)
        else:
            _check_progress(
                check, where, EventKey(EntryKey(key, event.recipient), event.event_id), event, said
            )


def _check_progress(check: Check, where: str, key: EventKey, event: StoredEvent, said: Evidence) -> None:
    progress = said.progress
    if progress is None:
        check.fault("event-kind-wrong", where, f"evidence of {said.event}", "evidence of a lifecycle event")
        return
    check.expect("event-id-wrong", where, "evidence of the event", progress.event_id, key.event_id)
    right = EVENT_OF_ACTION[progress.action]
    check.expect("event-kind-wrong", where, f"{progress.action} as", said.event, right)
    found = check.store.event(key)
    check.expect("event-twice", where, "under its key evidence of", found, event.evidence)
    if event.compact is None:
        right_action = "expiry, or the report that the recipient signed"
        if progress.action is not Action.EXPIRE:
            check.fault("report-missing", where, f"{progress.action} without a report", right_action)
        return
    _check_report(check, where, event.compact, progress, key.entry)


def _check_report(check: Check, where: str, compact: bytes, progress: Progress, entry: EntryKey) -> None:
    signed = jws.parse(compact)
    jws.require_type(signed, events.EVENT_TYPE)
    said = events.parse(signed.payload)
    found = (said.event_id, said.action, said.message_id, said.sender, said.recipient, said.audience)
    message = entry.message
    about = (message.message_id, message.sender, entry.recipient, check.issuer.name)
    right = (progress.event_id, progress.action, *about)
    check.expect("report-wrong", where, "a report of", found, right)
    check.expect("report-wrong", where, "a report", sha256(signed.payload).digest(), progress.event_sha256)


# --- one message ----------------------------------------------------------------------------------------------------


def check_entries(
    check: Check, where: str, leaf: int, message: StoredMessage, recalls: Sequence[Recall], size: int
) -> None:
    """Replay what happened to a message at each recipient, and compare with where it stands.

    Args:
        check: The check.
        where: The message as faults name it.
        leaf: Its leaf.
        message: The message.
        recalls: Messages of the same sender, below ``size``, that ask for it back.
        size: Size of the log when the check began.
    """
    entries = check.store.entries(leaf)
    handed = {
        entry.recipient: standing.handed_over
        for entry in entries
        if (standing := check.store.standing(EntryKey(message.key, entry.recipient)))
    }
    stored = check.store.events(leaf)
    for entry in entries:
        place = f"{where}, entry of {entry.recipient}"
        own = [one for one in stored if one.recipient == entry.recipient]
        _check_handover(check, place, handed.get(entry.recipient, False), own, size)
        with check.judging("entry-unreadable", place, "an entry and events that can be replayed"):
            reported = tuple(_reported(own))
            later = _later_recalls(check, entry, message.key, reported, size)
            happened = [*reported, *_recalled(entry, (*recalls, *later))]
            _check_entry(check, place, entry, happened, size)
    for recipient in sorted({one.recipient for one in stored} - {entry.recipient for entry in entries}):
        check.fault("event-without-entry", where, f"an event at {recipient}", "events at recipients only")


def _check_handover(check: Check, place: str, flag: bool, own: Sequence[StoredEvent], size: int) -> None:
    leaves = [one.leaf_index for one in own if one.event_id is None]
    if len(leaves) > 1:
        check.fault(
            "handover-twice", place, f"hand-overs at leaves {' and '.join(map(str, leaves))}", "one at most"
        )
    if flag and not leaves:
        check.fault("handover-missing", place, "marked as handed over", "the evidence of it in the log")
    if not flag and any(one < size for one in leaves):
        check.fault(
            "handover-unmarked", place, f"a hand-over at leaf {leaves[0]}", "an entry that is marked so"
        )


def _reported(own: Sequence[StoredEvent]) -> Iterator[_Happened]:
    for one in own:
        if one.event_id is None:
            continue
        progress = evidence.parse(jws.parse(one.evidence).payload).progress
        if progress is None:
            continue  # told of when its leaf was checked
        if one.compact is None:
            event = lifecycle.Event(one.event_id, progress.action, progress.event_sha256)
            yield _Happened(one.leaf_index, event, Role.EXCHANGE, progress.state)
        else:
            signed = jws.parse(one.compact)
            event = events.event_of(events.parse(signed.payload), signed.payload)
            yield _Happened(one.leaf_index, event, Role.RECIPIENT, progress.state)


def _recalled(entry: Entry, recalls: Iterable[Recall]) -> Iterator[_Happened]:
    """The recalls that may have moved an entry."""
    for one in {one.leaf: one for one in recalls}.values():
        if entry.recipient in one.recipients:
            event = lifecycle.Event(one.message_id, Action.ASK_RECALL, one.manifest_sha256)
            yield _Happened(one.leaf, event, Role.SENDER, None)


def _later_recalls(
    check: Check, entry: Entry, key: MessageKey, reported: Sequence[_Happened], size: int
) -> Iterator[Recall]:
    """The recalls in a history that came after the check began."""
    known = {one.event.event_id for one in reported}
    for applied in entry.history:
        if applied.event_id in known:
            continue
        message = check.store.message(MessageKey(entry.sender, applied.event_id))
        if message is not None and message.leaf_index >= size:
            content = content_of(message.compact)
            if is_recall(content.manifest) and content.manifest.refers_to == key.message_id:
                yield Recall.of(message.leaf_index, content)


def _check_entry(check: Check, place: str, entry: Entry, happened: list[_Happened], size: int) -> None:
    in_history = {one.event_id for one in entry.history}
    counted = [one for one in happened if one.leaf < size or one.event.event_id in in_history]
    replayed = Entry(entry.sender, entry.recipient)
    for one in sorted(counted, key=lambda one: one.leaf):
        # A recall that comes too late is delivered as a message and moves nothing.
        if one.role is Role.SENDER and one.event.action not in followers(
            replayed.state, frozenset({one.role})
        ):
            continue
        what = f"{place}, {one.event.event_id} at leaf {one.leaf}"
        try:
            outcome = lifecycle.apply(replayed, one.event, frozenset({one.role}))
        except Refusal as refusal:
            check.fault("event-out-of-order", what, refusal.message, "what the lifecycle allows")
            continue
        replayed = outcome.entry
        if one.state is not None:
            check.expect("event-state-wrong", what, "evidence of the state", one.state, outcome.applied.state)
    check.expect("entry-state-wrong", place, "the state", entry.state, replayed.state)
    if entry.history != replayed.history:
        found, right = (_history(one.history) for one in (entry, replayed))
        check.fault("entry-history-wrong", place, f"the history {found}", right)


def _history(history: tuple[Applied, ...]) -> str:
    return ", ".join(f"{one.event_id} ({one.state})" for one in history)[:400] or "without events"
