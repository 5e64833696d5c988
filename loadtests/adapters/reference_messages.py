"""Making and signing what is sent to the reference exchange, good and poisoned.

Rule kept here: a message depends on seed, nonce, number and the run's one creation time, so whoever signs it signs the
same bytes; what is poisoned is wrong in one thing only.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from loadtests.adapters.base import AdapterError, Message, Request
from loadtests.adapters.bodies import Bodies, Document
from loadtests.adapters.ids import Ids
from loadtests.adapters.reference_keys import Keys
from loadtests.client import Credentials
from loadtests.composing import Multipart
from loadtests.exchange import jws
from loadtests.exchange.manifest import MessageKind
from loadtests.exchange.strict import encode_base64url, render_object
from loadtests.harness.records import Poison
from loadtests.harness.schedule import Schedule

MESSAGES: Final = "/v1/messages"
INBOX: Final = "/v1/inbox"
MEDIA_TYPE: Final = "application/pdf"
_NUMBER: Final = b'"number":"'


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it is signed.

    Args:
        number: Of the arrival.
        id: Message id; for a replay that of the message that is sent again.
        payload: The manifest.
        document: What it names.
        signer: Whose key signs.
        poison: What will be wrong with it.
    """

    number: int
    id: str
    payload: bytes
    document: Document
    signer: Credentials
    poison: Poison


@dataclass(frozen=True, slots=True)
class Times:
    """When the messages of a run were made and until when they may be sent in, s since the epoch, UTC."""

    created_at: int
    expires_at: int


class Letters:
    """Makes the messages of one run; may be asked from several threads.

    Args:
        schedule: Who sends what to whom.
        ids: Of the run.
        bodies: Of the run.
        keys: Who signs.
        audience: What the exchange calls itself.
        times: The same for all messages, so that each has the same bytes whoever signs it, and when.
    """

    def __init__(
        self, schedule: Schedule, ids: Ids, bodies: Bodies, keys: Keys, audience: str, times: Times
    ) -> None:
        self._schedule = schedule
        self._ids = ids
        self._bodies = bodies
        self._keys = keys
        self._audience = audience
        self._times = times

    def document(self, number: int) -> Document:
        """The document of an arrival, or of the one that it sends again."""
        return self._bodies.document(*self._named(number))

    def make(self, number: int) -> Draft:
        """What an arrival says.

        Raises:
            AdapterError: ``E-POISON``: it cannot be poisoned as the schedule says; ``E-SIZE``.
        """
        schedule = self._schedule
        poison = Poison(int(schedule.poison[number]))
        named, size_bytes = self._named(number)
        document = self._bodies.document(named, size_bytes)
        sender = int(schedule.sender[named])
        own = self._keys.credentials[sender]
        signer = own
        if poison is Poison.FOREIGN_KEY:
            signer = self._keys.credentials[(sender + 1) % len(self._keys.codes)]
            if signer is own:
                raise AdapterError("E-POISON", "found one agency", "a second one, for another's key")
        elif poison is Poison.REVOKED:
            if self._keys.revoked is None:
                hint = "--option revoked=DIR, the folder of an agency whose certificate was revoked"
                raise AdapterError("E-POISON", "found no key whose certificate was revoked", hint)
            own = signer = self._keys.revoked  # its own message: only the revocation is wrong with it
        id_ = self._ids.id_of(named)
        recipients = [self._keys.codes[one] for one in schedule.recipients_of(named)]
        payload = self._payload(named, id_, own.code, recipients, document)
        return Draft(number, id_, payload, document, signer, poison)

    def sign(self, draft: Draft) -> Message:
        """The signed message."""
        payload, poison = draft.payload, draft.poison
        if (
            poison is Poison.REPLAYED_NONCE
        ):  # it is a read; a worker that sent this all the same would be refused
            return Message(draft.number, draft.id, sha256(payload).digest(), Request("GET", INBOX))
        signer, at = draft.signer, self._times.created_at
        compact = jws.sign(payload, signer.key, signer.certificate_sha256, at=at, typ=jws.MANIFEST_TYPE)
        if poison is Poison.TAMPERED:
            payload = _tampered(payload)
            header, _, signature = compact.split(b".")
            compact = b".".join((header, encode_base64url(payload).encode("ascii"), signature))
        document = draft.document
        pieces = document.other() if poison is Poison.WRONG_DIGEST else document.pieces
        # The framing of an empty document: start, head of the part, nothing, end.
        framing = Multipart(compact, (b"",), (0,))
        start, head, _, end = framing
        request = Request(
            "POST", MESSAGES, {"Content-Type": framing.content_type}, (start + head, *pieces, end)
        )
        keep = signer.certificate_sha256 + payload  # what ``receipts.check_receipt`` asks for
        return Message(draft.number, draft.id, sha256(payload).digest(), request, keep)

    def _named(self, number: int) -> tuple[int, int]:
        """The arrival that a message is made from, and the size of its document."""
        schedule = self._schedule
        of = int(schedule.of[number])
        named = of if schedule.poison[number] == Poison.REPLAY and of >= 0 else number
        return named, int(schedule.size_bytes[named])

    def _payload(
        self, number: int, id_: str, sender: str, recipients: list[str], document: Document
    ) -> bytes:
        """The manifest, as ``manifest.render`` writes it, without reading it once more to be sure."""
        values: dict[str, Any] = {
            "message_id": id_,
            "sender": sender,
            "recipients": recipients,
            "kind": int(MessageKind.NEW),
            "document_type": "Công văn",
            "number": str(number),
            "notation": "UBND-VP",
            "subject": "Về việc gửi, nhận văn bản điện tử (đo tải)",
            "urgency": int(self._schedule.urgency[number]),
            "documents": [
                {
                    "name": f"van-ban-{number}.pdf",
                    "media_type": MEDIA_TYPE,
                    "size_bytes": document.size_bytes,
                    "sha256": encode_base64url(document.sha256),
                }
            ],
            "created_at": self._times.created_at,
            "expires_at": self._times.expires_at,
            "audience": self._audience,
        }
        return render_object(values)


def _tampered(payload: bytes) -> bytes:
    """The manifest with one digit of the document's number changed: still a manifest, and another one."""
    at = payload.index(_NUMBER) + len(_NUMBER)
    return payload[:at] + (b"1" if payload[at : at + 1] != b"1" else b"2") + payload[at + 1 :]
