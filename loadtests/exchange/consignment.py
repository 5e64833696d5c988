"""Evidence that a message stands in a recipient's inbox (ETSI EN 319 522: ContentConsignment).

Rule kept here: it says nothing that the acceptance did not bring about in the same commit, so it needs no leaf of its
own; it has one id for each message and recipient, so that whoever asks again gets what is kept under it.
"""

from __future__ import annotations

from loadtests.exchange.evidence import Event, Evidence
from loadtests.exchange.records import Standing, about


def consignment_id(leaf_index: int, recipient: str) -> str:
    """The id of the evidence; the dots of the recipient's code are hyphens, which ids may have.

    Args:
        leaf_index: Leaf of the message's acceptance.
        recipient: Code of the agency in whose inbox it stands.
    """
    return f"consignment-{leaf_index:012d}-{recipient.replace('.', '-')}"


def consignment(standing: Standing, origin: str, at: int) -> Evidence:
    """What the exchange signs about a message in an inbox.

    Args:
        standing: The message at the recipient, as it is stored.
        origin: The exchange, as it calls itself.
        at: The time of the statement, s since the epoch, UTC; it stands there since its acceptance.
    """
    name = consignment_id(standing.leaf_index, standing.key.recipient)
    return about(standing, Event.CONTENT_CONSIGNMENT, evidence_id=name, issuer=origin, at=at)
