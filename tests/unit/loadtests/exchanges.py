"""A small exchange in memory: agencies, what they send, and a driver that performs the effects of the machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

from loadtests.exchange import events, evidence, jws, pki
from loadtests.exchange.acceptance import Outcome, accept
from loadtests.exchange.certificates import Limits as CertificateLimits
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.effects import (
    Commit,
    Effect,
    Find,
    FindEntry,
    FindEvent,
    Keep,
    Locate,
    Look,
    Receive,
    Release,
    Reserve,
    Seal,
    Sign,
    Verify,
    VerifyReport,
    drive,
)
from loadtests.exchange.errors import Refusal
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.keys import PrivateKey
from loadtests.exchange.lifecycle import Action, Entry, State
from loadtests.exchange.manifest import Manifest, MessageKind
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.records import (
    Change,
    EntryKey,
    EventKey,
    Group,
    Handover,
    Key,
    Message,
    MessageKey,
    Standing,
    Stored,
    Unit,
)
from loadtests.exchange.registry import Agency, Registered, Registry
from loadtests.exchange.reporting import Refused, Taken, expire, hand_over, report
from loadtests.exchange.revocation import Freshness, Revocations
from loadtests.exchange.sequencer import Sequencer
from loadtests.exchange.strict import Limits
from loadtests.exchange.terms import Known, Terms, Trusted, View
from loadtests.exchange.trust import Anchors
from loadtests.exchange.verification import Received
from tests.unit.loadtests.authorities import AT, DAY_S, agency, issuing, key, leaf, root
from tests.unit.loadtests.manifests import a_document, a_manifest, as_bytes

SENDER, SECOND, THIRD = "000.00.00.H41", "000.00.01.H41", "000.00.02.H41"
NAME = "exchange.example"
BODY = b"abc"
TERMS = Terms(
    audience=NAME,
    skew_s=300,
    lifetime_s_max=7 * DAY_S,
    freshness=Freshness(max_age_s=DAY_S, skew_s=300),
    limits=Limits(),
    certificate_limits=CertificateLimits(),
)
EXCHANGE_CERTIFICATE = sha256(b"the certificate of the exchange").digest()
ISSUER = Issuer(NAME, EXCHANGE_CERTIFICATE, key("exchange").public_key())


@cache
def registry() -> Registry:
    """Three agencies with a certificate each."""
    agencies = (agency(code, registered_leaf(code)) for code in (SENDER, SECOND, THIRD))
    return Registry.of(agencies)


def registered_leaf(code: str) -> Registered:
    """The registration of an agency's certificate; its key has the agency's code as its name."""
    return Registered.of(leaf(code, code=code), added_at=AT - DAY_S)


def crl(authority: pki.Authority, *revoked: int, number: int = 1, at: int = AT - 3600) -> bytes:
    """A list of an authority that is good for a day."""
    entries = [pki.Entry(serial, at) for serial in revoked]
    made = pki.issue_crl(authority, entries, number=number, this_update_at=at, next_update_at=at + DAY_S)
    return pki.to_der(made)


@cache
def revocations(*revoked: int) -> Revocations:
    """Fresh lists of root and issuing authority; the latter names these serial numbers."""
    lists = Revocations().updated(crl(root()), root().certificate)
    return lists.updated(crl(issuing(), *revoked), issuing().certificate)


@cache
def trusted() -> Trusted:
    """What is trusted where nothing is wrong."""
    anchors = Anchors.of([root().certificate])
    return Trusted(registry(), anchors, (issuing().certificate,), revocations())


def with_agency(changed: Agency) -> Registry:
    """The registry with one agency as it is here."""
    others = (one for code, one in registry().agencies.items() if code != changed.code)
    return Registry.of([*others, changed])


def manifest_bytes(**changes: Any) -> bytes:
    """A manifest from ``SENDER`` to the other two, of now; ``...`` leaves a member out."""
    values = {"sender": SENDER, "recipients": [SECOND, THIRD], "created_at": AT - 60} | changes
    return as_bytes(a_manifest(**values))


def submission(
    payload: bytes | None = None,
    *,
    signer: str = SENDER,
    signing_key: PrivateKey | None = None,
    at: int = AT - 30,
    typ: str = jws.MANIFEST_TYPE,
    **changes: Any,
) -> bytes:
    """A signed manifest."""
    content = manifest_bytes(**changes) if payload is None else payload
    certificate = thumbprint(leaf(signer, code=signer))
    return jws.sign(content, signing_key or key(signer), certificate, at=at, typ=typ)


def numbered(number: int, **changes: Any) -> bytes:
    """A signed manifest with an id of its own."""
    return submission(message_id=f"message-{number:04d}", **changes)


def recall(message_id: str, refers_to: str, *, signer: str = SENDER, **changes: Any) -> bytes:
    """A signed recall of a message, without documents."""
    usual: dict[str, Any] = {"kind": int(MessageKind.RECALL), "refers_to": refers_to, "documents": []}
    return submission(message_id=message_id, signer=signer, sender=signer, **usual | changes)


def signed_report(
    event_id: str,
    action: Action,
    message: MessageKey,
    *,
    recipient: str = SECOND,
    signer: str | None = None,
    at: int = AT - 10,
    typ: str = events.EVENT_TYPE,
    **changes: Any,
) -> bytes:
    """A signed report of a recipient, with a reason."""
    said = events.Report(
        event_id, message.message_id, message.sender, recipient, action, at, NAME, "nhầm nơi nhận"
    )
    signer = signer or recipient
    certificate = thumbprint(leaf(signer, code=signer))
    return jws.sign(events.render(replace(said, **changes)), key(signer), certificate, at=at, typ=typ)


class Store:
    """What is durable: it takes a group as a whole or not at all, and only at the end of its log."""

    def __init__(self) -> None:
        self.head = Frontier()
        self.units: list[Unit] = []
        self.messages: dict[MessageKey, Unit] = {}
        self.items: dict[MessageKey | EntryKey | EventKey, Unit] = {}
        self.entries: dict[EntryKey, Entry] = {}
        self.audit: dict[str, bytes] = {}

    def commit(self, group: Group) -> None:
        """Take the group, unless its leaves or keys are there already, or an entry that it changes has moved."""
        keys = {unit.item.key for unit in group.units}
        changes = [change for unit in group.units for change in changes_of(unit)]
        moved = any(self.entries[one.standing.key] != one.standing.entry for one in changes)
        if self.head != group.before or keys & self.items.keys() or moved:
            raise Refusal("store-unavailable", "the log went on, a key is there, or an entry has moved")
        self.head = group.after
        self.units += group.units
        self.items |= {unit.item.key: unit for unit in group.units}
        for unit in group.units:
            if isinstance(unit.item, Message):
                self.messages[unit.item.key] = unit
                made = ((EntryKey(unit.item.key, entry.recipient), entry) for entry in unit.item.inbox)
                self.entries.update(made)
        self.entries |= {change.standing.key: change.after for change in changes}

    @property
    def inbox(self) -> dict[tuple[str, MessageKey], State]:
        """Where each message stands at each recipient."""
        return {(key.recipient, key.message): entry.state for key, entry in self.entries.items()}

    def find(self, wanted: MessageKey) -> Stored | None:
        """The accepted message."""
        unit = self.messages.get(wanted)
        if unit is None:
            return None
        return Stored(message_of(unit).verified.authentic.manifest_sha256, unit.receipt)

    def standing(self, wanted: EntryKey) -> Standing | None:
        """The message at this recipient."""
        entry = self.entries.get(wanted)
        if entry is None:
            return None
        unit = self.messages[wanted.message]
        authentic = message_of(unit).verified.authentic
        return Standing(
            key=wanted,
            leaf_index=self.units.index(unit),
            entry=entry,
            handed_over=wanted in self.items,
            accepted_at=unit.evidence.event_at,
            manifest=authentic.manifest,
            manifest_sha256=authentic.manifest_sha256,
            sender_certificate_sha256=authentic.registered.sha256,
        )

    def event(self, wanted: EventKey) -> bytes | None:
        """The evidence of an event."""
        unit = self.items.get(wanted)
        return unit.receipt if unit else None

    def leaves(self) -> list[bytes]:
        """The leaves of the log."""
        return [unit.leaf for unit in self.units]


def message_of(unit: Unit) -> Message:
    """The message that a unit must be."""
    assert isinstance(unit.item, Message)
    return unit.item


def changes_of(unit: Unit) -> tuple[Change, ...]:
    """The entries that a unit moves."""
    return () if isinstance(unit.item, Handover) else unit.item.changes


class Exchange:
    """A driver for one thread: it performs each effect at once, a group being one message.

    Args:
        store: What outlives it.
        bodies: What comes for each document, by its name; else ``BODY``.
    """

    def __init__(self, store: Store, bodies: Mapping[str, bytes] | None = None) -> None:
        self.store = store
        self.bodies = bodies or {}
        self.now = AT
        self.trusted = trusted()
        self.known: dict[bytes, Known] = {}
        self.reserved: set[Key] = set()
        self.sequencer = Sequencer(NAME)
        self.performed: list[Effect[Any]] = []
        self.fails: dict[type[Effect[Any]], Exception] = {}

    def send(self, compact: bytes) -> Outcome:
        """Take a submission."""
        return drive(accept(compact, TERMS), self.perform)

    def report(self, compact: bytes) -> Taken | Refused:
        """Take a report."""
        return drive(report(compact, TERMS), self.perform)

    def hand_over(self, key: EntryKey) -> bytes | None:
        """Put a hand-over on record."""
        return drive(hand_over(key, TERMS), self.perform)

    def expire(self, key: EntryKey) -> bytes | None:
        """Let an entry expire."""
        return drive(expire(key, TERMS), self.perform)

    def names(self) -> list[str]:
        """The effects performed so far, by name."""
        return [type(effect).__name__ for effect in self.performed]

    def perform(self, effect: Effect[Any]) -> Any:
        """Do what is asked for, or fail as told in ``fails``."""
        self.performed.append(effect)
        if fault := self.fails.get(type(effect)):
            raise fault
        return self.do(effect)

    def do(self, effect: Effect[Any]) -> Any:  # noqa: PLR0911, PLR0912 - one answer for each effect
        """Do what is asked for."""
        match effect:
            case Look():
                return View(self.now, self.trusted, self.known)
            case Verify():
                authentic = effect.perform()
                self.known[authentic.registered.sha256] = authentic.known
                return authentic
            case VerifyReport():
                return effect.perform()
            case Reserve(wanted):
                if wanted in self.reserved:
                    return False
                self.reserved.add(wanted)
                return True
            case Find(wanted):
                return self.store.find(wanted)
            case FindEntry(entry):
                return self.store.standing(entry)
            case FindEvent(event):
                return self.store.event(event)
            case Receive(content):
                return self.receive(content)
            case Seal(item):
                return drive(self.sequencer.seal((item,), self.now), self.perform)[0].receipt
            case Keep(statement, compact):
                return self.store.audit.setdefault(statement.evidence_id, compact) and None
            case Release(held):
                return self.reserved.remove(held)
            case Locate():
                return self.store.head
            case Sign(evidences):
                return tuple(evidence.sign(one, key("exchange"), EXCHANGE_CERTIFICATE) for one in evidences)
            case Commit(group):
                return self.store.commit(group)
        raise AssertionError(effect)

    def receive(self, content: Manifest) -> tuple[Received, ...]:
        """The documents as they come."""
        bodies = [self.bodies.get(document.name, BODY) for document in content.documents]
        return tuple(Received(sha256(body).digest(), len(body)) for body in bodies)


def second_document() -> dict[str, Any]:
    """One more document with the same bytes."""
    return a_document(name="Phụ lục.pdf")
