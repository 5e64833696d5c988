"""Codes: what recipients report, what the exchange signed, and its log."""

from __future__ import annotations

from typing import Final

from loadtests.exchange.codes.kind import Kind

LIFECYCLE_EVIDENCE_LOG: Final = {
    "event-invalid": Kind(
        "A member of the event is missing, unknown or out of its range",
        422,
        False,
        "The message names what was found; correct it and sign again.",
    ),
    "event-not-permitted": Kind(
        "This agency may not report this event",
        403,
        False,
        "The recipient reports on its work, the sender asks for a recall, the exchange reports expiry.",
    ),
    "event-out-of-order": Kind(
        "The event cannot happen now",
        409,
        False,
        "Ask for the message's state at this recipient; the hint lists what can follow it.",
    ),
    "event-from-the-future": Kind(
        "The event was reported ahead of the exchange's clock",
        422,
        True,
        "Its time lies further ahead than is allowed; compare clocks, or send the same report later.",
    ),
    "event-id-reused": Kind(
        "The event id was used for another event",
        422,
        False,
        "The same id with the same content is answered as before; other content needs an id of its own.",
    ),
    "nonce-invalid": Kind(
        "The nonce is too short or too long",
        400,
        False,
        "Make a new random nonce for every request, as long as the message says.",
    ),
    "nonce-replayed": Kind(
        "The request was taken before",
        401,
        False,
        "A signed request counts once; sign a new one with a new nonce and creation time.",
    ),
    "request-expired": Kind(
        "The request's time is over",
        401,
        False,
        "It is too old, past its own end, or older than the server's memory; sign it again now.",
    ),
    "request-from-the-future": Kind(
        "The request was created ahead of the server's clock",
        401,
        True,
        "Compare clocks: the creation time lies further ahead than is allowed.",
    ),
    "too-many-requests": Kind(
        "Too many requests in the window",
        429,
        True,
        "The server remembers only so many requests of one agency at a time; send fewer and try later.",
    ),
    "issuer-mismatch": Kind(
        "Another exchange or another certificate issued this",
        422,
        False,
        "Check with the name and the certificate of the exchange that the message was sent to.",
    ),
    "signed-time-mismatch": Kind(
        "What was signed gives two times",
        422,
        False,
        "The time inside and the time of the signature must be one, for a report as near as clocks may differ.",
    ),
    "evidence-invalid": Kind(
        "A member of the evidence is missing, unknown or out of its range",
        422,
        False,
        "The message names the member and what was found; such evidence was not made by this protocol.",
    ),
    "evidence-event-mismatch": Kind(
        "The evidence tells of another event",
        422,
        False,
        "Only a SubmissionAcceptance says that a message is stored and stands in every inbox.",
    ),
    "evidence-message-mismatch": Kind(
        "The evidence is about another message",
        422,
        False,
        "Digest, id, sender, recipients or documents differ from those of the manifest at hand.",
    ),
    "evidence-document-mismatch": Kind(
        "The document is not the one in the evidence",
        422,
        False,
        "Digest or size differ from what was receipted; collect the document again.",
    ),
    "evidence-log-mismatch": Kind(
        "The evidence does not stand in this log",
        422,
        False,
        "It names no leaf, another log, or a leaf that the checkpoint does not cover yet; take a later checkpoint.",
    ),
    "checkpoint-invalid": Kind(
        "A member of the checkpoint is missing, unknown or out of its range",
        422,
        False,
        "The message names the member and what was found; such a checkpoint was not made by this protocol.",
    ),
    "checkpoint-out-of-order": Kind(
        "The checkpoint is older than the one at hand",
        409,
        False,
        "A log only grows; compare in the order of size and time, and keep both if the newer is smaller.",
    ),
    "log-range-invalid": Kind(
        "The log does not reach so far",
        400,
        False,
        "Ask for leaves and sizes that a checkpoint covers; from or about an empty log nothing can be proven.",
    ),
    "log-proof-invalid": Kind(
        "The proof does not hold",
        422,
        False,
        "It is too short, too long or leads to another root; ask the log again and keep the answer.",
    ),
    "log-forked": Kind(
        "The log shows two histories",
        409,
        False,
        "Two signed checkpoints of one size differ: keep both, they prove that the log was rewritten.",
    ),
}
