"""The accept sequence: the one state machine that turns a submission into a receipt or a refusal.

Rule kept here: the receipt is signed before the commit and given out after it, so that every receipt in anybody's
hands stands on a stored message, and every stored message has its receipt.

``accept`` goes through these states; ``effects`` says how to drive it:

    Look, Verify      who says what                           fails: refused, no evidence (the sender is not known)
    Reserve           one submission per sender and id        taken: ``message-in-flight``
    Find              accepted before?                        equal: the same receipt; else ``message-id-reused``
    (authorise)       may it be taken now?
    Find              what a recall or an update is about     missing: ``reference-unknown``
    Receive           its documents, compared with the manifest
    Look              judged once more if time went by
    Reserve           only for a recall: the entries that it may move     taken: ``message-in-flight``
    FindEntry         and where they stand                    never there: ``recall-recipient-unknown``
    Seal              the sequencer: leaf, receipt, commit    fails: retryable, nothing acknowledged
    Sign, Keep        only for a final refusal: its evidence
    Release           all that was reserved, in every case

The look-up comes before the authorisation, because an acceptance is a fact: who sends an accepted message once more,
after its end or after a recipient was suspended, gets the receipt, never evidence of a rejection that contradicts it.
It comes after the reservation, because only then can nobody commit between looking up and sealing. The entries of a
recall are reserved when its documents have come, so that a slow recall holds up nobody's work.

A recall moves an entry where the table lets its sender ask for one. Where it does not (the work is done, or a recall
is being answered) the entry stays, and the recall is delivered as a message all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from loadtests.exchange.effects import (
    Find,
    FindEntry,
    Keep,
    Look,
    Machine,
    Receive,
    Reserve,
    Seal,
    Sign,
    Verify,
    ask,
    releasing,
)
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import Action, Entry, Event, apply, followers, roles
from loadtests.exchange.manifest import MessageKind
from loadtests.exchange.records import Change, EntryKey, Key, Message, MessageKey, Stored, rejection
from loadtests.exchange.terms import Terms, View
from loadtests.exchange.verification import Authentic, Received, authorise, check_documents, renewed


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message is stored for all of its recipients, and this is the receipt.

    Args:
        key: Sender and id.
        receipt: The receipt's bytes, the same for every equal submission.
        replayed: True where the message had been accepted before.
    """

    key: MessageKey
    receipt: bytes
    replayed: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """The message is not taken.

    Args:
        refusal: Why.
        evidence: Signed SubmissionRejection, kept in the audit table as well; None where the sender is not known,
            where trying again may help, and where the evidence could not be kept.
    """

    refusal: Refusal
    evidence: bytes | None


Outcome = Accepted | Rejected


def accept(compact: bytes, terms: Terms) -> Machine[Outcome]:
    """Take one submission, or refuse it.

    Args:
        compact: The signed manifest as it came.
        terms: What this exchange takes.

    Raises:
        Exception: What an effect failed with, other than a ``Refusal``; all that was reserved has been released.
    """
    held: list[Key] = []
    return (yield from releasing(_accept(compact, terms, held), held))


def _accept(compact: bytes, terms: Terms, held: list[Key]) -> Machine[Outcome]:
    try:
        view = yield from ask(Look())
        authentic = yield from ask(Verify(compact, view, terms))
        key = MessageKey(authentic.manifest.sender, authentic.manifest.message_id)
        reserved = yield from ask(Reserve(key))
    except Refusal as refusal:
        return Rejected(refusal, None)
    if not reserved:
        found = f"{key.message_id} is being taken"
        return Rejected(Refusal("message-in-flight", found, "send it again in a moment"), None)
    held.append(key)
    try:
        stored = yield from ask(Find(key))
        if stored is not None:
            return _replayed(key, authentic, stored)
        message = yield from _prepared(key, authentic, compact, view, terms, held)
    except Refusal as refusal:
        return Rejected(refusal, (yield from _rejection(authentic, refusal, terms)))
    try:
        receipt = yield from ask(Seal(message))
    except Refusal as refusal:
        # It may be stored all the same, so there is no evidence of a rejection; trying again tells.
        return Rejected(refusal, None)
    return Accepted(key, receipt, replayed=False)


def _replayed(key: MessageKey, authentic: Authentic, stored: Stored) -> Accepted:
    if stored.manifest_sha256 != authentic.manifest_sha256:
        found = f"{key.message_id} is an accepted message with other content"
        raise Refusal("message-id-reused", found, "give every message an id of its own")
    return Accepted(key, stored.receipt, replayed=True)


def _prepared(
    key: MessageKey, authentic: Authentic, compact: bytes, view: View, terms: Terms, held: list[Key]
) -> Machine[Message]:
    """All that is stored but the receipt, of a message that may be taken at the time when it is complete."""
    content = authentic.manifest
    verified = authorise(authentic, view, terms)
    referred = None if content.refers_to is None else MessageKey(content.sender, content.refers_to)
    if referred is not None:
        earlier = yield from ask(Find(referred))
        if earlier is None:
            found = f"{content.sender} has no accepted message {content.refers_to}"
            raise Refusal("reference-unknown", found, "the id of an accepted message of the same sender")
    received: tuple[Received, ...] = ()
    if content.documents:
        received = yield from ask(Receive(content))
        check_documents(content, received)
        # A gibibyte takes its time; nothing is accepted on what was true before it came.
        later = yield from ask(Look())
        if later.now != view.now or later.trusted is not view.trusted:
            verified = authorise(renewed(authentic, later, terms), later, terms)
    changes: tuple[Change, ...] = ()
    if referred is not None and content.kind is MessageKind.RECALL:
        changes = yield from _recalled(referred, authentic, terms, held)
    inbox = tuple(Entry(sender=key.sender, recipient=code) for code in content.recipients)
    return Message(key, compact, verified, received, inbox, changes)


def _recalled(
    recalled: MessageKey, authentic: Authentic, terms: Terms, held: list[Key]
) -> Machine[tuple[Change, ...]]:
    """What a recall moves, of entries that nobody else moves until it is sealed."""
    content = authentic.manifest
    event = Event(content.message_id, Action.ASK_RECALL, authentic.manifest_sha256)
    changes = list[Change]()
    for recipient in content.recipients:
        key = EntryKey(recalled, recipient)
        if not (yield from ask(Reserve(key))):
            found = f"{recipient} reports on {recalled.message_id}"
            raise Refusal("message-in-flight", found, "send it again in a moment")
        held.append(key)
        standing = yield from ask(FindEntry(key))
        if standing is None:
            found = f"{recipient} was no recipient of {recalled.message_id}"
            raise Refusal("recall-recipient-unknown", found, "recipients of the message that is recalled")
        signer = roles(standing.entry, content.sender, terms.audience)
        if event.action in followers(standing.entry.state, signer):
            changes.append(Change(standing, apply(standing.entry, event, signer).entry))
    return tuple(changes)


def _rejection(authentic: Authentic, refusal: Refusal, terms: Terms) -> Machine[bytes | None]:
    """Signed and kept evidence of a refusal that is final; what may succeed later is not put on record."""
    if refusal.kind.retryable:
        return None
    try:
        view = yield from ask(Look())
        evidence = rejection(authentic, refusal, terms.audience, view.now)
        (signed,) = yield from ask(Sign((evidence,)))
        yield from ask(Keep(evidence, signed))
    except Refusal:
        return None  # the sender learns the reason all the same
    return signed
