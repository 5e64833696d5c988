"""What happens to a message after its acceptance: three state machines over one recipient's entry.

Rule kept here: an entry moves under its reservation and in one commit with its evidence, so that every event and every
hand-over has one leaf, one evidence and one answer, however often it comes. Nothing here is withheld because a
sender's certificate was revoked since; the evidence says it.

    report      Look, VerifyReport, Reserve, FindEntry     then FindEvent for what came before, else Seal
    hand_over   Look, Reserve, FindEntry, Seal             the first complete hand-over to a recipient
    expire      Look, Reserve, FindEntry, Seal             what nobody answered, as the exchange sees it

``effects`` says how to drive them; all of them end with Release of what they reserved.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from loadtests.exchange import evidence, lifecycle
from loadtests.exchange.certificates import parse_certificate
from loadtests.exchange.effects import (
    FindEntry,
    FindEvent,
    Look,
    Machine,
    Reserve,
    Seal,
    VerifyReport,
    ask,
    releasing,
)
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import Action, Event, followers, roles
from loadtests.exchange.records import (
    Change,
    EntryKey,
    EventKey,
    Handover,
    Happening,
    Key,
    MessageKey,
    Standing,
)
from loadtests.exchange.revocation import Link
from loadtests.exchange.strict import render_object
from loadtests.exchange.terms import Terms, View
from loadtests.exchange.trust import signed_by


@dataclass(frozen=True, slots=True)
class Taken:
    """The event stands in the log, and this is the evidence.

    Args:
        key: Entry and event.
        evidence: The evidence's bytes, the same for every equal report.
        replayed: True where the event had been taken before.
    """

    key: EventKey
    evidence: bytes
    replayed: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """The event is not taken; a report is not evidence against its recipient, so nothing is kept of it."""

    refusal: Refusal


def report(compact: bytes, terms: Terms) -> Machine[Taken | Refused]:
    """Take one report of a recipient, or refuse it.

    Args:
        compact: The signed report as it came.
        terms: What this exchange takes.

    Raises:
        Exception: What an effect failed with, other than a ``Refusal``; all that was reserved has been released.
    """
    held: list[Key] = []
    return (yield from releasing(_report(compact, terms, held), held))


def _report(compact: bytes, terms: Terms, held: list[Key]) -> Machine[Taken | Refused]:
    try:
        view = yield from ask(Look())
        authentic = yield from ask(VerifyReport(compact, view, terms))
        said = authentic.report
        entry_key = EntryKey(MessageKey(said.sender, said.message_id), said.recipient)
        standing = yield from _reserved(entry_key, held)
        signer = roles(standing.entry, authentic.origin.agency.code, terms.audience)
        outcome = lifecycle.apply(standing.entry, authentic.event, signer)
        key = EventKey(entry_key, said.event_id)
        if outcome.replayed:
            return Taken(key, (yield from _evidence(key)), replayed=True)
        happening = Happening(
            key=key,
            action=said.action,
            compact=compact,
            applied=outcome.applied,
            changes=(Change(standing, outcome.entry),),
            revocation=revocation_of(standing, view, terms),
        )
        return Taken(key, (yield from ask(Seal(happening))), replayed=False)
    except Refusal as refusal:
        return Refused(refusal)


def hand_over(key: EntryKey, terms: Terms) -> Machine[bytes | None]:
    """Put on record that a recipient was given all of a message; asked after the last byte went out.

    Args:
        key: Message and recipient.
        terms: What this exchange takes.

    Returns:
        The evidence of the first complete hand-over; None where that had happened before.

    Raises:
        Refusal: ``message-in-flight`` (ask once more in a moment), ``message-unknown``, what an effect failed with.
        Exception: Another fault of an effect; all that was reserved has been released.
    """
    held: list[Key] = []
    return (yield from releasing(_hand_over(key, terms, held), held))


def _hand_over(key: EntryKey, terms: Terms, held: list[Key]) -> Machine[bytes | None]:
    view = yield from ask(Look())
    standing = yield from _reserved(key, held)
    if standing.handed_over:
        return None
    return (yield from ask(Seal(Handover(key, standing, revocation_of(standing, view, terms)))))


def expire(key: EntryKey, terms: Terms) -> Machine[bytes | None]:
    """Let an entry expire that its recipient has not answered; how long one waits for that is the caller's affair.

    Args:
        key: Message and recipient.
        terms: What this exchange takes.

    Returns:
        The evidence; None where the recipient had answered, or where the entry had expired before.

    Raises:
        Refusal: ``message-in-flight`` (somebody answers it right now), ``message-unknown``, what an effect failed
            with.
        Exception: Another fault of an effect; all that was reserved has been released.
    """
    held: list[Key] = []
    return (yield from releasing(_expire(key, terms, held), held))


def _expire(key: EntryKey, terms: Terms, held: list[Key]) -> Machine[bytes | None]:
    view = yield from ask(Look())
    standing = yield from _reserved(key, held)
    signer = roles(standing.entry, terms.audience, terms.audience)
    if Action.EXPIRE not in followers(standing.entry.state, signer):
        return None
    event = expiry(standing, terms.audience)
    outcome = lifecycle.apply(standing.entry, event, signer)
    happening = Happening(
        key=EventKey(key, event.event_id),
        action=event.action,
        compact=None,
        applied=outcome.applied,
        changes=(Change(standing, outcome.entry),),
        revocation=revocation_of(standing, view, terms),
    )
    return (yield from ask(Seal(happening)))


# --- parts of them ----------------------------------------------------------------------------------------------


def _reserved(key: EntryKey, held: list[Key]) -> Machine[Standing]:
    """The entry as it is stored, which from now on nobody else moves."""
    named = f"{key.message.message_id} at {key.recipient}"
    if not (yield from ask(Reserve(key))):
        raise Refusal("message-in-flight", f"{named} is being worked on", "send it again in a moment")
    held.append(key)
    standing = yield from ask(FindEntry(key))
    if standing is None:
        raise Refusal("message-unknown", f"there is no {named}", "the sender and id of an accepted message")
    return standing


def _evidence(key: EventKey) -> Machine[bytes]:
    """The evidence of an event that the entry's history holds."""
    found = yield from ask(FindEvent(key))
    if found is None:
        # Not a refusal: the store contradicts itself, and no answer to the recipient could mend it.
        raise LookupError(f"no evidence is stored of the event {key.event_id}")
    return found


def expiry(standing: Standing, audience: str) -> Event:
    """The event of an entry's expiry: nobody signs a report of it, so its digest is that of this JSON object.

    ``event_id``, ``message_id``, ``sender``, ``recipient``, ``action`` and ``audience``, in this order, as a report
    would have them. The id is one that the recipient has not used for an event of its own, or it could prevent expiry.
    """
    used = {applied.event_id for applied in standing.entry.history}
    event_id = next(
        name for n in range(len(used) + 1) if (name := f"expiry-{standing.leaf_index:012d}-{n}") not in used
    )
    said = {
        "event_id": event_id,
        "message_id": standing.key.message.message_id,
        "sender": standing.key.message.sender,
        "recipient": standing.key.recipient,
        "action": Action.EXPIRE.value,
        "audience": audience,
    }
    return Event(event_id, Action.EXPIRE, sha256(render_object(said)).digest())


def revocation_of(standing: Standing, view: View, terms: Terms) -> evidence.Revocation | None:
    """What the current list says of the certificate that signed a message; None where it does not stand there.

    None as well where there is no fresh list, or the certificate's issuer cannot be told any more: evidence without
    a revocation says nothing good of the certificate.
    """
    with suppress(Refusal):
        links = _links(standing, view, terms)
        status = view.trusted.revocations.status_of(links, at=view.now, freshness=terms.freshness)
        if status.revoked:
            since = status.revoked[0].revocation.revoked_at
            return evidence.Revocation(since, status.snapshots[0].id)
    return None


def _links(standing: Standing, view: View, terms: Terms) -> tuple[Link, ...]:
    """Certificate and issuer, from a chain that is known or anew (it may be past its validity by now), or nothing."""
    certificate_sha256 = standing.sender_certificate_sha256
    known = view.known.get(certificate_sha256)
    if known is not None and known.thumbprints[0] == certificate_sha256:
        return known.links[:1]
    agency = view.trusted.registry.agencies.get(standing.key.message.sender)
    registered = agency and agency.registered(certificate_sha256)
    if not registered:
        return ()
    leaf = parse_certificate(registered.certificate, terms.certificate_limits)
    issuers = (*view.trusted.intermediates, *view.trusted.anchors.certificates)
    return tuple(Link.of(leaf, issuer) for issuer in issuers if signed_by(leaf, issuer))[:1]
