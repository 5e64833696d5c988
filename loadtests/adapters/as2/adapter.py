"""AS2 (RFC 4130): messages signed with S/MIME, posted to one partner, answered with a signed disposition notification.

Rule kept here: the HTTP status proves nothing; what was taken is what the disposition says, and only a notification
that the pinned partner signed over our own digest is a receipt.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import Certificate

from loadtests.adapters.as2 import cms, ids, keys, mdn, mime, outgoing
from loadtests.adapters.base import (
    Adapter,
    AdapterError,
    Answer,
    Context,
    Io,
    Message,
    NoAnswer,
    Outcome,
    Request,
    ServerRecord,
    TargetError,
)
from loadtests.adapters.ids import Ids
from loadtests.harness.records import Poison

LATER: Final = frozenset({408, 425, 429, 503})
"""Statuses that ask for the same message later."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it is signed.

    Args:
        number: Of the arrival.
        id: Message-ID without angle brackets.
        signed: The entity that is signed.
        sent: The entity that is sent: another one where the message is to be refused for it.
        poison: What is wrong with it on purpose.
    """

    number: int
    id: str
    signed: bytes
    sent: bytes
    poison: Poison


class As2Adapter(Adapter):
    """One AS2 partner under load; every agency of the schedule sends under the one name ``own_id``.

    Args:
        context: What it works with.
    """

    name: ClassVar[str] = "as2"
    poisons: ClassVar[frozenset[Poison]] = frozenset(
        {Poison.TAMPERED, Poison.FOREIGN_KEY, Poison.WRONG_DIGEST, Poison.REPLAY}
    )
    options: ClassVar[Mapping[str, str]] = {
        "own_key": "PEM file of our private key, RSA or elliptic curve, without a password",
        "own_certificate": "PEM file of our certificate, as the partner knows it",
        "own_id": "our AS2 name (AS2-From)",
        "partner_certificate": "PEM file of the partner's certificate: receipts must be signed with its key",
        "partner_id": "the partner's AS2 name (AS2-To)",
        "path": "where messages are posted (default /)",
        "transfer": "base64 (default) or binary: how documents are written into messages",
        "health": "a path that must answer GET with 200; without it any answer at `path` will do",
        "audit_url": 'a path that answers GET with JSON [{"id": …, "digest": hexadecimal MIC or none}, …]',
    }

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._ids = Ids(context.nonce)

    def setup(self, io: Io) -> None:
        """Read keys and names, prepare the documents, and see that something answers.

        Raises:
            AdapterError: ``E-AS2-OPTION``, ``E-AS2-KEY``, ``E-AS2-CERTIFICATE``, ``E-AS2-PAIR``.
            TargetError: ``E-TARGET``: nothing answers, or the health path not with 200.
        """
        options, sizes = self.context.options, self.context.schedule.size_bytes
        self._own = keys.read_pair(options)
        self._partner: Certificate = keys.read_certificate(options, "partner_certificate")
        self._parties = outgoing.Parties(self._name("own_id"), self._name("partner_id"), self._path("path"))
        size_max = int(sizes.max()) if len(sizes) else 0
        self._documents = outgoing.Documents(self.context.seed, self._ids, size_max, self._transfer())
        forgeries = bool((self.context.schedule.poison == Poison.FOREIGN_KEY).any())
        self._forged = keys.forge(self._own.certificate) if forgeries else self._own
        if options.get("health"):
            self._ask(io, self._path("health"), any_status=False)
        else:
            self._ask(io, self._parties.path, any_status=True)

    def make(self, number: int) -> Draft:
        """The entity that an arrival sends; a replay makes the earlier message again."""
        schedule = self.context.schedule
        poison = Poison(int(schedule.poison[number]))
        source = int(schedule.of[number]) if poison is Poison.REPLAY else number
        sent = signed = self._documents.entity(source, int(schedule.size_bytes[source]))
        if poison is Poison.WRONG_DIGEST:
            signed = self._documents.other(source, int(schedule.size_bytes[source]))
        elif poison is Poison.TAMPERED:
            sent = _tampered(signed)
        return Draft(number, ids.message_id(self._ids, source), signed, sent, poison)

    def sign(self, draft: Draft) -> Message:
        """Sign it; the digest is that of what is sent, as its receiver computes it."""
        pair = self._forged if draft.poison is Poison.FOREIGN_KEY else self._own
        signature = cms.sign(sha256(draft.signed).digest(), pair.key, pair.certificate)
        digest = sha256(draft.sent).digest()
        request = outgoing.request(self._parties, draft.id, draft.sent, digest, signature)
        return Message(draft.number, draft.id, digest, request)

    def submit(self, message: Message, io: Io) -> Outcome:
        """Post a message and read the disposition, without checking who signed it.

        A warning without a digest, as of a duplicate, says that something is there and proves nothing: ambiguous.

        Raises:
            NoAnswer: None came.
        """
        answer = io.request(message.request)
        if not 200 <= answer.status < 300:
            later = answer.status in LATER
            taken = False if later or 400 <= answer.status < 500 else None
            return Outcome(taken, f"http-{answer.status}", later or answer.status >= 500, answer=answer)
        receipt = mdn.receipt_of(answer.headers.get("content-type", ""), answer.body)
        try:
            found = mdn.read(receipt)
        except mime.MimeError:
            return Outcome(None, "no-receipt", answer=answer)
        if not found.disposition.taken:
            return Outcome(False, found.disposition.code, answer=answer)
        if found.disposition.modifier and not found.mic:
            return Outcome(None, found.disposition.code, answer=answer)
        return Outcome(True, receipt=receipt, answer=answer)

    def verify(self, message: Message, receipt: bytes) -> None:
        """Check a receipt: the partner's signature, our Message-ID, our digest.

        Raises:
            ReceiptError: It does not hold; see ``mdn.check``.
        """
        mdn.check(receipt, partner=self._partner, message_id=message.id, digest=message.digest)

    def statement(self, receipt: bytes) -> bytes:
        """What a checked receipt says; AS2 partners sign a new one for a message that comes again."""
        return sha256(repr(mdn.read(receipt).says).encode()).digest()

    def id_of(self, number: int) -> str:
        """The Message-ID, without angle brackets, of an arrival."""
        return ids.message_id(self._ids, number)

    def number_of(self, id_: str) -> int | None:
        """The arrival that a Message-ID belongs to; None for one that is not of this run."""
        return ids.number_of(self._ids, id_)

    def audit(self, io: Io) -> Iterable[ServerRecord] | None:
        """All that the partner lists at ``audit_url``; it stands for every recipient of a message.

        Raises:
            TargetError: ``E-TARGET``, ``E-AUDIT``: the list cannot be had or read.
        """
        if not self.context.options.get("audit_url"):
            return None
        answer = self._ask(io, self._path("audit_url"), any_status=False)
        try:
            listed = Counter(
                (ids.bare(one["id"]), bytes.fromhex(one.get("digest") or ""))
                for one in json.loads(answer.body)
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TargetError(
                "E-AUDIT", f"the partner's list cannot be read: {error!r}", "[{id, digest}, …]"
            ) from None
        return [
            ServerRecord(id_, recipient, copies, digest)
            for (id_, digest), copies in listed.items()
            for recipient in self._recipients_of(id_)
        ]

    def describe(self, io: Io) -> Mapping[str, Any]:  # noqa: ARG002 - AS2 partners do not tell their version
        """Names and certificates."""
        return {
            "protocol": "AS2 (RFC 4130), signed, with signed receipts at once",
            "own_id": self._parties.own,
            "partner_id": self._parties.partner,
            "partner_certificate_sha256": self._partner.fingerprint(SHA256()).hex(),
        }

    def _recipients_of(self, id_: str) -> list[int]:
        number = self.number_of(id_)
        if number is None or number >= len(self.context.schedule):
            return [0]
        return self.context.schedule.recipients_of(number)

    def _ask(self, io: Io, path: str, *, any_status: bool) -> Answer:
        try:
            answer = io.request(Request("GET", path))
        except NoAnswer as error:
            raise TargetError(
                "E-TARGET", f"GET {path}: no answer ({error.code})", "is the partner running?"
            ) from None
        if answer.status != 200 and not any_status:
            raise TargetError("E-TARGET", f"GET {path}: HTTP {answer.status}", "200")
        return answer

    def _name(self, option: str) -> str:
        name = self.context.options.get(option, "")
        if not ids.is_name(name):
            raise AdapterError(
                "E-AS2-OPTION", f"{option}: {name!r}", "an AS2 name: 1 to 128 printable ASCII characters"
            )
        return name

    def _path(self, option: str) -> str:
        path = self.context.options.get(option) or "/"
        if not path.startswith("/"):
            raise AdapterError("E-AS2-OPTION", f"{option}: {path!r}", "a path that begins with a slash")
        return path

    def _transfer(self) -> outgoing.Transfer:
        text = self.context.options.get("transfer", outgoing.Transfer.BASE64)
        try:
            return outgoing.Transfer(text)
        except ValueError:
            raise AdapterError("E-AS2-OPTION", f"transfer: {text!r}", "base64 or binary") from None


def _tampered(entity: bytes) -> bytes:
    """The entity with one octet of its document changed, which leaves it well-formed."""
    at = entity.index(mime.END_OF_HEADER) + len(mime.END_OF_HEADER)
    return entity[:at] + (b"A" if entity[at : at + 1] != b"A" else b"B") + entity[at + 1 :]
