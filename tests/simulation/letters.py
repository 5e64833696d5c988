"""What an agency sends: honest messages, and every kind of wrong one, as parcels that are sent until answered.

Rule kept here: each parcel names the answers that it may end with, and what is put right afterwards under the same id
names the receipt alone: an id that was refused stays usable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random

from loadtests.exchange import events, manifest
from loadtests.exchange.events import Report
from loadtests.exchange.lifecycle import NEEDS_REASON, Action
from loadtests.exchange.manifest import Document, Manifest, MessageKind, Urgency
from loadtests.exchange.records import EntryKey, EventKey
from tests.simulation.parties import NAME, STRANGER, Signer
from tests.unit.loadtests.authorities import DAY_S

ACCEPTED = "accepted"
BODIES = (b"abc", b"x" * 60, b"Plan. " * 40, b"Minutes. " * 50, b"Annex. " * 90)
"""Few, so that messages share documents; the first two are small enough for the database."""


@dataclass(slots=True, eq=False)
class Parcel:
    """Something that is sent until it is answered.

    Args:
        label: What it is meant to show.
        compact: The signed manifest or report.
        bodies: The documents.
        may_end: The answers that are right: ``ACCEPTED`` or a code.
        key: What a report is about; None for a message.
        patience: It is given up after so many tries; None for never.
        decided: The first answer that is final.
    """

    label: str
    compact: bytes
    bodies: tuple[bytes, ...] = ()
    may_end: frozenset[str] = frozenset({ACCEPTED})
    key: EventKey | None = None
    patience: int | None = None
    decided: str | None = None


@dataclass(slots=True, eq=False)
class Round:
    """Parcels that are sent at the same time, and what follows when all of them are answered."""

    parcels: list[Parcel]
    then: list[Parcel] = field(default_factory=list)


class Letters:
    """Makes what one agency sends.

    Args:
        code: The agency.
        others: The other agencies.
        rng: Draws.
        now: The agency's own clock.
        kind: The only kind that it sends; None for all kinds.
    """

    def __init__(
        self, code: str, others: list[str], rng: Random, now: Callable[[], int], kind: str | None = None
    ) -> None:
        self._kind = kind
        self._kinds: Mapping[str, tuple[Callable[[], Round], int]] = {
            "plain": (self._plain, 5),
            "twins": (self._twins, 3),
            "signed again": (self._signed_again, 2),
            "clash": (self._clash, 3),
            "tampered": (self._tampered, 1),
            "wrong document": (self._wrong_document, 3),
            "unknown recipient": (self._unknown_recipient, 2),
            "old certificate": (self._old_certificate, 1),
            "wrong sender": (self._wrong_sender, 1),
            "short-lived": (self._short_lived, 3),
            "about an earlier one": (self._about_earlier, 4),
        }
        self._signer = Signer(code)
        self._others = others
        self._rng = rng
        self._now = now
        self._count = 0
        self.sent: list[Manifest] = []

    def drawn(self) -> Round:
        """The next round."""
        kinds = self._kinds if self._kind is None else {self._kind: self._kinds[self._kind]}
        made = self._rng.choices(
            [make for make, _ in kinds.values()], [weight for _, weight in kinds.values()]
        )[0]()
        if self._rng.random() < 0.1:
            made.parcels[0].patience = self._rng.randint(1, 3)
        return made

    # --- kinds ----------------------------------------------------------------------------------------------

    def _plain(self) -> Round:
        said, bodies = self._manifest()
        return Round([self._parcel("plain", said, bodies)])

    def _twins(self) -> Round:
        """The same bytes several times at once."""
        said, bodies = self._manifest()
        first = self._parcel("twins", said, bodies)
        return Round([first, *(replace(first) for _ in range(self._rng.randint(1, 3)))])

    def _signed_again(self) -> Round:
        """The same content under another signature."""
        said, bodies = self._manifest()
        first, later = (self._parcel("signed again", said, bodies, at=said.created_at + s) for s in (0, 1))
        return Round([first, later])

    def _clash(self) -> Round:
        """Two contents under one id."""
        said, bodies = self._manifest()
        other = replace(said, subject="Another subject")
        codes = ("message-id-reused",)
        return Round([self._parcel("clash", one, bodies, *codes) for one in (said, other)])

    def _tampered(self) -> Round:
        said, bodies = self._manifest()
        right = self._parcel("tampered, put right", said, bodies)
        header, payload, signature = right.compact.split(b".")
        swapped = signature[:10] + signature[10:12].swapcase() + signature[12:]
        middle = len(payload) // 2
        bent = (
            payload[:middle]
            + (b"A" if payload[middle : middle + 1] != b"A" else b"B")
            + payload[middle + 1 :]
        )
        parts = (header, bent, signature) if swapped == signature else (header, payload, swapped)
        codes = frozenset({"signature-invalid"})
        return Round([replace(right, label="tampered", compact=b".".join(parts), may_end=codes)], [right])

    def _wrong_document(self) -> Round:
        """Another document than the one that was signed, before the right one or at the same time."""
        said, bodies = self._manifest()
        right = self._parcel("wrong document, put right", said, bodies)
        short = self._rng.random() < 0.3
        sent = bodies[:-1] if short else (*bodies[:-1], bodies[-1][:-1] + b"!")
        codes = frozenset({"documents-incomplete" if short else "document-mismatch"})
        wrong = replace(right, label="wrong document", bodies=sent, may_end=codes)
        if self._rng.random() < 0.5:
            return Round([wrong], [right])
        # Whichever is first: who sends a wrong document with what was accepted gets the receipt of what was accepted.
        return Round([right, *(replace(wrong, may_end=codes | {ACCEPTED}) for _ in range(2))])

    def _unknown_recipient(self) -> Round:
        said, bodies = self._manifest()
        wrong = replace(said, recipients=(*said.recipients, STRANGER))
        return self._put_right("unknown recipient", "recipient-unknown", wrong, said, bodies)

    def _old_certificate(self) -> Round:
        said, bodies = self._manifest()
        signer = Signer(self._signer.code, old=True)
        return self._put_right("old certificate", "certificate-revoked", said, said, bodies, signer)

    def _wrong_sender(self) -> Round:
        """Signed by one agency in the name of another one, which sends nothing under that id."""
        said, bodies = self._manifest()
        wrong = replace(said, sender=said.recipients[0], recipients=(self._signer.code,))
        return self._put_right("wrong sender", "sender-certificate-mismatch", wrong, said, bodies)

    def _short_lived(self) -> Round:
        """Its end comes soon: it is accepted, or it is not, and what was accepted stays so."""
        said, bodies = self._manifest()
        said = replace(said, expires_at=said.created_at + self._rng.randint(1, 8))
        first = self._parcel("short-lived", said, bodies, "manifest-expired")
        return Round([first, replace(first)])

    def _about_earlier(self) -> Round:
        """A recall, an update or a replacement, perhaps before the message that it is about has come."""
        if not self.sent:
            return self._plain()
        earlier = self._rng.choice(self.sent)
        kind = self._rng.choice(
            (MessageKind.RECALL, MessageKind.RECALL, MessageKind.UPDATE, MessageKind.REPLACE)
        )
        said, bodies = self._manifest()
        recipients = earlier.recipients if kind is MessageKind.RECALL else said.recipients
        said = replace(said, kind=kind, refers_to=earlier.message_id, recipients=recipients)
        codes = ("reference-unknown", "recall-recipient-unknown")
        first = self._parcel(f"{kind.name.lower()}", said, bodies, *codes)
        return Round([first, *([replace(first)] if self._rng.random() < 0.3 else [])])

    # --- parts ----------------------------------------------------------------------------------------------

    def _put_right(
        self,
        label: str,
        code: str,
        wrong: Manifest,
        right: Manifest,
        bodies: tuple[bytes, ...],
        signer: Signer | None = None,
    ) -> Round:
        sent = (signer or self._signer).sign(manifest.render(wrong), wrong.created_at)
        first = Parcel(label, sent, bodies, frozenset({code}))
        return Round([first], [self._parcel(f"{label}, put right", right, bodies)])

    def _parcel(
        self, label: str, said: Manifest, bodies: tuple[bytes, ...], *codes: str, at: int | None = None
    ) -> Parcel:
        compact = self._signer.sign(manifest.render(said), said.created_at if at is None else at)
        return Parcel(label, compact, bodies, frozenset({ACCEPTED, *codes}))

    def _manifest(self) -> tuple[Manifest, tuple[bytes, ...]]:
        rng, now = self._rng, self._now()
        self._count += 1
        own = f"Message {self._count} of {self._signer.code}. ".encode() * 5
        bodies = tuple(rng.choices((*BODIES, own, own), k=rng.randint(1, 3)))
        documents = tuple(
            Document(f"{place}.pdf", "application/pdf", len(body), sha256(body).digest())
            for place, body in enumerate(bodies)
        )
        said = Manifest(
            message_id=f"message-{self._count:04d}",
            sender=self._signer.code,
            recipients=tuple(rng.sample(self._others, k=rng.randint(1, min(3, len(self._others))))),
            kind=MessageKind.NEW,
            document_type="Công văn",
            number=str(self._count),
            notation="CV-UBND",
            subject="Về việc gửi, nhận văn bản điện tử",
            urgency=Urgency.NORMAL,
            documents=documents,
            created_at=now,
            expires_at=now + DAY_S,
            audience=NAME,
        )
        self.sent.append(said)
        return said, bodies


def reported(signer: Signer, key: EntryKey, event_id: str, action: Action, now: int, remark: str) -> Parcel:
    """A report; what it says may come too late.

    Args:
        signer: The recipient.
        key: What it is about.
        event_id: Of the event.
        action: What happened.
        now: The recipient's time of day.
        remark: The reason that it gives; two reports of one id differ in it.
    """
    said = Report(
        event_id=event_id,
        message_id=key.message.message_id,
        sender=key.message.sender,
        recipient=key.recipient,
        action=action,
        reported_at=now,
        audience=NAME,
        reason=remark if remark or action not in NEEDS_REASON else "Not ours",
    )
    if not said.reason:
        said = replace(said, reason=None)
    compact = signer.sign(events.render(said), now, events.EVENT_TYPE)
    codes = frozenset({ACCEPTED, "event-out-of-order", "event-id-reused"})
    return Parcel(action.value, compact, (), codes, EventKey(key, event_id))
