"""What a client gets from an exchange: values that hold nothing which was not read and checked by ``answers``.

Rule kept here: what the exchange signed is kept as the very bytes that came, beside what they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import Evidence
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.lifecycle import State
from loadtests.exchange.manifest import AGENCY_CODE, AGENCY_CODE_WORDS, MESSAGE_ID, MESSAGE_ID_WORDS, Manifest


@dataclass(frozen=True, slots=True)
class Ref:
    """What names a message at an exchange: who sent it, and the id that its sender gave it."""

    sender: str
    message_id: str

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read ``sender:message_id``.

        Raises:
            Refusal: ``message-unknown``: no message can be called so.
        """
        sender, _, message_id = text.partition(":")
        if not (AGENCY_CODE.fullmatch(sender) and MESSAGE_ID.fullmatch(message_id)):
            hint = f"SENDER:ID, the sender {AGENCY_CODE_WORDS}, the id {MESSAGE_ID_WORDS}"
            raise Refusal("message-unknown", f"found {text[:100]!a}", hint)
        return cls(sender, message_id)

    def __str__(self) -> str:
        return f"{self.sender}:{self.message_id}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that the exchange has accepted.

    Args:
        ref: The message.
        receipt: The very bytes of the receipt; keep them.
        evidence: What they say, checked.
        replayed: True where the exchange had accepted the same message before.
    """

    ref: Ref
    receipt: bytes
    evidence: Evidence
    replayed: bool


@dataclass(frozen=True, slots=True)
class Reported:
    """A lifecycle event that the exchange has taken.

    Args:
        event_id: The id that was given to it.
        evidence_bytes: The very bytes of the evidence; keep them.
        evidence: What they say, checked.
        replayed: True where the exchange had taken the same report before.
    """

    event_id: str
    evidence_bytes: bytes
    evidence: Evidence
    replayed: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """One line of an inbox; ``leaf_index`` is its place, for asking for what came after it."""

    ref: Ref
    leaf_index: int
    accepted_at: int
    state: State


@dataclass(frozen=True, slots=True)
class Inbox:
    """A stretch of an inbox, and the place to go on from."""

    entries: tuple[Arrival, ...]
    next: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the exchange hands it out.

    That the sender signed it is the exchange's word, given in the receipt; who has the sender's certificate can check
    ``compact`` with it.

    Args:
        ref: The message.
        compact: The signed manifest.
        manifest: What is in it.
        receipt: The very bytes of the receipt.
        evidence: What they say, checked against the manifest.
        states: Where it stands, by recipient; a recipient sees only itself.
    """

    ref: Ref
    compact: bytes
    manifest: Manifest
    receipt: bytes
    evidence: Evidence
    states: Mapping[str, State]


@dataclass(frozen=True, slots=True)
class Statement:
    """One piece of evidence about a message.

    Args:
        evidence_bytes: Its very bytes.
        evidence: What they say, checked.
        report: The recipient's signed report that it is about, or None.
    """

    evidence_bytes: bytes
    evidence: Evidence
    report: bytes | None = None


@dataclass(frozen=True, slots=True)
class MessageEvidence:
    """All evidence about a message: its receipt, then what concerns each recipient, in the order given."""

    receipt: Statement
    consignments: tuple[Statement, ...]
    events: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class ListedAgency:
    """An agency as the exchange lists it."""

    code: str
    name_en: str
    name_vi: str
    rights: tuple[str, ...]
    suspended: bool


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """What an exchange says of itself.

    Args:
        issuer: Its name and the key of its certificate; nothing here says that it is to be trusted.
        certificate: The certificate, DER.
        chain: What it gives to lead from that certificate to a root, DER.
        policy: What its evidence promises.
        limits: What it takes, by name.
    """

    issuer: Issuer
    certificate: bytes
    chain: tuple[bytes, ...]
    policy: str
    limits: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TrustLists:
    """What the exchange judges by, DER; roots that came from the exchange itself prove nothing."""

    roots: tuple[bytes, ...]
    intermediates: tuple[bytes, ...]
    crls: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A head of the log: its very bytes, to be kept, and what they say, checked."""

    compact: bytes
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Logged:
    """Proof that evidence stands in the log: a head, and the hashes that lead from the evidence's leaf to it."""

    head: SignedCheckpoint
    proof: tuple[bytes, ...]
