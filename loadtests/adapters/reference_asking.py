"""Asking the reference exchange as an agency: signed reads, signed reports, and what its answers say at first sight.

Rule kept here: every read is signed anew with a nonce of its own, unless it is to be refused for being the same; what
is not an answer of this exchange is told as such and never taken for "nothing there".
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from loadtests import answers
from loadtests.adapters.base import Acknowledged, Answer, Entry, Io, NoAnswer, Outcome, Request
from loadtests.client import JOSE, NONCE_RANDOM_BYTES, Credentials
from loadtests.composing import MESSAGE_ID_RANDOM_BYTES, message_id_of
from loadtests.exchange import events, jws, keys, requests
from loadtests.exchange.errors import Refusal
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.receipts import check_document
from loadtests.exchange.strict import LIMITS, encode_base64url, parse_object
from loadtests.received import Inbox, Message, Ref

INBOX_MAX: Final = 1000
"""Entries of one answer, the most that the exchange gives."""
BUSY: Final = frozenset({408, 425, 429})
"""Refusals of now, not of the message; 503 is one as well, unless the store says that it does not know."""
_UNKNOWN: Final = "store-unavailable"


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks as any agency.

    Args:
        target: URL that reads are signed for.
        issuer: The exchange.
        now: s since the epoch, UTC.
    """

    target: str
    issuer: Issuer
    now: Callable[[], float]

    def read(self, path: str, reader: Credentials) -> Request:
        """A signed read of now."""
        nonce = encode_base64url(os.urandom(NONCE_RANDOM_BYTES))
        return Request("GET", path, signed_read(self.target + path, reader, at=int(self.now()), nonce=nonce))

    def inbox(self, reader: Credentials, after: int, io: Io) -> tuple[Answer, Inbox | None]:
        """What came after a place; None where that was refused.

        Raises:
            NoAnswer: None came, or one that is no inbox (``malformed``).
        """
        path = f"/v1/inbox?after={after}&limit={INBOX_MAX}&wait=0"
        answer = io.request(self.read(path, reader))
        if answer.status != 200:
            return answer, None
        try:
            return answer, answers.inbox(answer.body, after)
        except Refusal as refusal:
            raise NoAnswer("malformed", str(refusal)) from None

    def document(self, reader: Credentials, ref: Ref, io: Io) -> Answer:
        """The one document of a message."""
        return io.request(self.read(f"/v1/messages/{ref}/documents/0", reader))

    def acknowledge(self, reader: Credentials, entry: Entry, io: Io) -> Acknowledged:
        """Fetch a message and its document, check both, and report that it was accepted.

        Raises:
            NoAnswer: None came.
        """
        ref = Ref(str(entry.detail), entry.id)
        answer = io.request(self.read(f"/v1/messages/{ref}", reader))
        if answer.status != 200:
            return _failed(answer, outcome_of(answer).code)
        try:
            message = answers.message(answer.body, ref, self.issuer)
        except Refusal as refusal:
            return _failed(answer, refusal.code)
        answer = self.document(reader, ref, io)
        if answer.status != 200:
            refused = outcome_of(answer)
            there = False if refused.taken is False and not refused.again else None
            return _failed(answer, refused.code, there)
        try:
            check_document(message.evidence, 0, sha256(answer.body).digest(), len(answer.body))
        except Refusal as refusal:
            return _failed(answer, refusal.code, document=False)
        return self._report(reader, message, io)

    def _report(self, reader: Credentials, message: Message, io: Io) -> Acknowledged:
        now = int(self.now())
        said = events.Report(
            event_id=message_id_of(os.urandom(MESSAGE_ID_RANDOM_BYTES)),
            message_id=message.ref.message_id,
            sender=message.ref.sender,
            recipient=reader.code,
            action=Action.ACCEPT,
            reported_at=now,
            audience=self.issuer.name,
        )
        compact = jws.sign(
            events.render(said), reader.key, reader.certificate_sha256, at=now, typ=events.EVENT_TYPE
        )
        path = f"/v1/messages/{message.ref}/events"
        answer = io.request(Request("POST", path, {"Content-Type": JOSE}, (compact,)))
        if answer.status not in {200, 201}:
            return _failed(answer, outcome_of(answer).code, document=True)
        try:
            answers.reported(answer.body, compact, self.issuer, replayed=answer.status == 200)
        except Refusal as refusal:
            return _failed(answer, refusal.code, document=True)
        return Acknowledged(True, "", True, answer.sent_s, answer.done_s, answer.status)


def signed_read(url: str, reader: Credentials, *, at: int, nonce: str) -> dict[str, str]:
    """What ``requests.sign_request`` gives for a read.

    For keys on P-256 it is written here, without the library that takes ten times as long as the signature.

    Args:
        url: Absolute.
        reader: Who signs.
        at: s since the epoch, UTC.
        nonce: Letters, digits, hyphens and underscores.
    """
    if not isinstance(reader.key, ec.EllipticCurvePrivateKey):
        return requests.sign_request(
            "GET", url, None, reader.key, reader.certificate_sha256, at=at, nonce=nonce
        )
    signed = (
        f'("@method" "@target-uri");created={at};keyid="{encode_base64url(reader.certificate_sha256)}"'
        f';alg="ecdsa-p256-sha256";expires={at + requests.LIFETIME_S};nonce="{nonce}"'
    )
    base = f'"@method": GET\n"@target-uri": {url}\n"@signature-params": {signed}'  # RFC 9421 §2.5
    signature = base64.b64encode(keys.sign(reader.key, base.encode("ascii"))).decode("ascii")
    return {
        "Signature-Input": f"{requests.LABEL}={signed}",
        "Signature": f"{requests.LABEL}=:{signature}:",
    }


def outcome_of(answer: Answer) -> Outcome:
    """What an answer to a submission says; see ``Adapter.submit``.

    A 503 of a store that does not know whether it has stored the message, and every other fault of the server, leaves
    open what became of it; sending it again tells.
    """
    status = answer.status
    if status in {200, 201}:
        return Outcome(True, receipt=answer.body, answer=answer)
    code, retryable = _problem(answer)
    if status in BUSY or (status == 503 and code != _UNKNOWN):
        return Outcome(False, code, again=True, answer=answer)
    if 400 <= status < 500:
        return Outcome(False, code, again=retryable, answer=answer)
    return Outcome(None, code, again=status >= 500, answer=answer)


def _problem(answer: Answer) -> tuple[str, bool]:
    """Code and whether it may be sent again, of a problem document; else of the status alone."""
    plain = f"http-{answer.status}"
    try:
        values = parse_object(
            answer.body, size_bytes_max=answers.ANSWER_BYTES_MAX, depth_max=LIMITS.json_depth_max
        )
    except Refusal:
        return plain, False
    code = values.get("code")
    return code if isinstance(code, str) and code else plain, values.get("retryable") is True


def _failed(answer: Answer, code: str, document: bool | None = None) -> Acknowledged:
    return Acknowledged(
        False, code or f"http-{answer.status}", document, answer.sent_s, answer.done_s, answer.status
    )
