"""Codes: why a message is not taken, and the store."""

from __future__ import annotations

from typing import Final

from loadtests.exchange.codes.kind import Kind

ACCEPTANCE: Final = {
    "audience-mismatch": Kind(
        "The message is meant for another exchange",
        422,
        False,
        "The manifest names the exchange that may take it, and this is another; correct the audience and sign again.",
    ),
    "manifest-from-the-future": Kind(
        "The message was made ahead of the exchange's clock",
        422,
        True,
        "Its creation or its signature lies further ahead than is allowed; compare clocks, or send it later.",
    ),
    "manifest-expired": Kind(
        "The message's time is over",
        422,
        False,
        "Its end has passed before it was complete here; make it anew with a later end and sign again.",
    ),
    "manifest-lifetime-too-long": Kind(
        "The message may be sent for too long",
        422,
        False,
        "Creation and end lie further apart than this exchange allows; choose an earlier end and sign again.",
    ),
    "signed-before-created": Kind(
        "The signature is older than the message",
        422,
        False,
        "The time of the signature lies before the manifest's creation; compare clocks and sign again.",
    ),
    "recipient-is-sender": Kind(
        "The sender is among the recipients",
        422,
        False,
        "What an agency sends to itself proves nothing to anybody; leave the sender out and sign again.",
    ),
    "recall-recipient-unknown": Kind(
        "A recall names somebody who never got the message",
        422,
        False,
        "A recall is addressed to recipients of the message that it refers to, some or all of them.",
    ),
    "reference-unknown": Kind(
        "The message that this one is about is not here",
        422,
        False,
        "A recall, an update or a replacement names an earlier message that this sender had accepted here.",
    ),
    "documents-incomplete": Kind(
        "There are more or fewer documents than the manifest names",
        422,
        False,
        "Send each document of the manifest once, in the manifest's order, and nothing else.",
    ),
    "document-mismatch": Kind(
        "A document is not the one that the manifest names",
        422,
        False,
        "Size or digest differ from the signed ones; send the very bytes that were digested, in the manifest's order.",
    ),
    "request-incomplete": Kind(
        "The request ended before its end",
        400,
        True,
        "The connection broke, or the body was cut; nothing was taken, send the same request again.",
    ),
    "message-id-reused": Kind(
        "The message id was used for another message",
        422,
        False,
        "An accepted message of this sender has the id and other content; give every message an id of its own.",
    ),
    "message-in-flight": Kind(
        "The message is being taken, or worked on, right now",
        409,
        True,
        "Send the same bytes again in a moment; where they were taken already, the answer is the receipt.",
    ),
    "store-unavailable": Kind(
        "The store cannot be reached",
        503,
        True,
        "Nothing was promised; send the same bytes again later. If they were stored after all, you get the receipt.",
    ),
    "store-full": Kind(
        "The store has no room",
        507,
        True,
        "Nothing was promised; the operator must make room, then send the same bytes again.",
    ),
}
