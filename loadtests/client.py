"""A client of the exchange: send, collect, report, and check every answer before it counts.

Rule kept here: a message counts as sent when its receipt was checked against the very bytes that were sent, and not
before; until then the same bytes are sent again, and a fault never makes a second message.

Whoever writes a client in another language finds the parts in the order in which they are needed: ``composing`` makes
and signs a submission and its request body, ``attempts`` sends it until there is an answer, ``answers`` checks that,
``exchange.requests`` signs the reads, and ``Client`` puts them together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

import httpx
from cryptography import x509

from loadtests import answers, composing
from loadtests.attempts import AnswerRefused, Clock, Problem, Retries, SystemClock, Unreachable, pieces, read
from loadtests.composing import Content, File, FileError, Letter, Multipart, Prepared
from loadtests.exchange import events, jws, keys, manifest, requests
from loadtests.exchange.certificates import thumbprint
from loadtests.exchange.errors import ExchangeError, Refusal
from loadtests.exchange.issuer import Issuer
from loadtests.exchange.lifecycle import Action
from loadtests.exchange.receipts import check_document
from loadtests.exchange.strict import encode_base64url
from loadtests.public import PLAIN, PublicClient
from loadtests.received import (
    Inbox,
    Message,
    MessageEvidence,
    Ref,
    Reported,
    Sent,
    SignedCheckpoint,
    Statement,
)

__all__ = [
    "AnswerRefused",
    "Client",
    "Credentials",
    "CredentialsError",
    "File",
    "FileError",
    "Letter",
    "Prepared",
    "Problem",
    "Ref",
    "SystemClock",
    "Unreachable",
]

NONCE_RANDOM_BYTES: Final = 16  # 22 characters, more than ``nonces.NONCE_CHARS_MIN``
JOSE: Final = "application/jose"
# Each attempt at a read is signed anew, so what was too old (or older than the server's start) may succeed.
_SIGNED_ANEW: Final = frozenset({"request-expired"})


_T = TypeVar("_T")


class CredentialsError(ExchangeError):
    """Key and certificate of an agency do not belong together."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the client speaks for.

    Args:
        code: Code of the agency.
        key: Its private key.
        certificate_sha256: SHA-256 of its certificate in DER, 32 bytes.
        certificate: Its certificate.
    """

    code: str
    key: keys.PrivateKey = field(repr=False)
    certificate_sha256: bytes
    certificate: x509.Certificate

    @classmethod
    def of(cls, code: str, key: keys.PrivateKey, certificate: x509.Certificate) -> Credentials:
        """The credentials that key and certificate make.

        Raises:
            CredentialsError: ``credentials-mismatch``: the certificate is for another key.
        """
        if certificate.public_key() != key.public_key():
            hint = "the certificate that was issued for this key"
            raise CredentialsError(
                "credentials-mismatch", f"the certificate of {code} is for another key", hint
            )
        return cls(code, key, thumbprint(certificate), certificate)


class Client(PublicClient):
    """Speaks to one exchange for one agency.

    Args:
        url: Address of the exchange, as ``PublicClient`` takes it; what the exchange is known by, because reads are
            signed with it.
        credentials: Who speaks; None for submissions that were signed elsewhere.
        http: See ``PublicClient``, as for all that follows.
        clock: There.
        random: There.
        exchange: There.
        retries: There.
        seen: There.

    Raises:
        Unreachable: ``url-invalid``.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | None,
        http: httpx.Client,
        *,
        clock: Clock,
        random: Callable[[int], bytes],
        exchange: Issuer | None = None,
        retries: Retries = Retries(),  # noqa: B008 - it is frozen
        seen: SignedCheckpoint | None = None,
    ) -> None:
        super().__init__(url, http, clock=clock, random=random, exchange=exchange, retries=retries, seen=seen)
        self._credentials = credentials

    # --- sending --------------------------------------------------------------------------------------------------

    def send(self, letter: Letter, files: Sequence[File], *, lifetime_s: int = composing.LIFETIME_S) -> Sent:
        """Sign a message and send it until there is a receipt: ``prepare``, then ``submit``; raises as they do.

        After ``Unreachable`` it is not known whether the message was accepted. Who must know keeps what ``prepare``
        gave and submits it again later.
        """
        prepared = self.prepare(letter, files, lifetime_s=lifetime_s)
        return self.submit(prepared.compact, prepared.documents)

    def prepare(
        self, letter: Letter, files: Sequence[File], *, lifetime_s: int = composing.LIFETIME_S
    ) -> Prepared:
        """Sign a message, once; it can be submitted any number of times and is one message.

        Raises:
            FileError: ``file-unreadable``.
            Refusal: ``manifest-invalid`` and others of ``manifest.render``.
        """
        credentials, now = self._own(), int(self._clock.now())
        content = composing.compose(
            letter,
            files,
            sender=credentials.code,
            audience=self.issuer.name,
            message_id=self._new_id(),
            created_at=now,
            lifetime_s=lifetime_s,
        )
        return composing.sign(content, files, credentials.key, credentials.certificate_sha256, at=now)

    def submit(self, compact: bytes, documents: Sequence[Content]) -> Sent:
        """Send a signed message, as the same bytes until there is an answer, and check the receipt.

        Args:
            compact: The signed manifest, as ``prepare`` made it.
            documents: The documents in its order.

        Raises:
            Problem: The exchange refused; ``evidence`` is its signed rejection, checked, where it gave one.
            AnswerRefused: The receipt does not hold.
            Unreachable: No answer came in time.
            FileError: ``file-unreadable``, ``file-changed``.
            Refusal: The codes of ``jws.parse`` and ``manifest.parse``; ``documents-incomplete``.
        """
        issuer, content = self.issuer, manifest.parse(jws.parse(compact).payload)
        if len(documents) != len(content.documents):
            hint = f"the {len(content.documents)} of the manifest"
            raise Refusal("documents-incomplete", f"found {len(documents)} documents", hint)
        sizes_bytes = tuple(document.size_bytes for document in content.documents)
        body = Multipart(compact, tuple(documents), sizes_bytes)
        fields = {"Content-Type": body.content_type, "Content-Length": str(body.content_length)}

        def take(response: httpx.Response) -> Sent:
            return answers.sent(
                read(response), compact, issuer, replayed=response.status_code == httpx.codes.OK
            )

        try:
            return self._attempts.ask(partial(self._post, "/v1/messages", body, fields), take)
        except Problem as problem:
            _require_rejection(problem, compact, issuer)
            raise

    def report(self, ref: Ref | str, action: Action, reason: str | None = None) -> Reported:
        """Sign and report what happened to a message here, as its recipient.

        Args:
            ref: The message.
            action: One of ``events.REPORTABLE``.
            reason: Why; must be given for refusals.

        Raises:
            Problem: The exchange refused, such as with ``event-out-of-order``.
            AnswerRefused: The evidence does not hold.
            Unreachable: No answer came in time.
            Refusal: ``event-invalid``, ``message-unknown`` for what is no reference.
        """
        credentials, issuer, of, now = self._own(), self.issuer, _ref(ref), int(self._clock.now())
        content = events.Report(
            event_id=self._new_id(),
            message_id=of.message_id,
            sender=of.sender,
            recipient=credentials.code,
            action=action,
            reported_at=now,
            audience=issuer.name,
            reason=reason,
        )
        compact = jws.sign(
            events.render(content),
            credentials.key,
            credentials.certificate_sha256,
            at=now,
            typ=events.EVENT_TYPE,
        )

        def take(response: httpx.Response) -> Reported:
            replayed = response.status_code == httpx.codes.OK
            return answers.reported(read(response), compact, issuer, replayed=replayed)

        make = partial(self._post, f"/v1/messages/{of}/events", compact, {"Content-Type": JOSE})
        return self._attempts.ask(make, take)

    # --- collecting -----------------------------------------------------------------------------------------------

    def inbox(self, after: int = -1, limit: int = 100, wait_s: int = 0) -> Inbox:
        """What arrived after a place.

        Args:
            after: The place: ``Inbox.next`` of the last answer, -1 for the beginning.
            limit: At most so many, 1-1000.
            wait_s: Wait so long for the first one, 0-30.

        Raises:
            Problem, AnswerRefused, Unreachable: As everywhere.
        """
        take = partial(answers.inbox, after=after)
        return self._ask_signed(f"/v1/inbox?after={after}&limit={limit}&wait={wait_s}", take, wait_s=wait_s)

    def message(self, ref: Ref | str) -> Message:
        """A message that was sent from or to here, its receipt checked against its manifest.

        Raises:
            Problem, AnswerRefused, Unreachable: As everywhere.
            Refusal: ``message-unknown`` for what is no reference.
        """
        of, issuer = _ref(ref), self.issuer
        return self._ask_signed(f"/v1/messages/{of}", partial(answers.message, ref=of, issuer=issuer))

    def download(self, of: Message | Ref | str, position: int, out: Path) -> Path:
        """One document of a message into a file, which appears complete and checked, or not at all.

        Args:
            of: The message, as ``message`` gave it, else it is asked for first.
            position: Of the document in the manifest, from 0.
            out: The file; one that is there is replaced.

        Raises:
            Problem, AnswerRefused, Unreachable: As everywhere.
            FileError: ``file-unwritable``.
            Refusal: ``not-found`` for a position that the message does not have.
        """
        message = of if isinstance(of, Message) else self.message(of)
        if not 0 <= position < len(message.manifest.documents):
            there = f"0 to {len(message.manifest.documents) - 1}"
            raise Refusal("not-found", f"found no document {position}", there)
        part = out.with_name(f".{self._random(8).hex()}.part")
        try:
            self._attempts.ask(
                partial(self._get_signed, f"/v1/messages/{message.ref}/documents/{position}"),
                partial(_save, part=part, message=message, position=position),
                _SIGNED_ANEW,
            )
            part.replace(out)
        except OSError as error:
            raise FileError(
                "file-unwritable", f"{out}: {error.strerror}", "a folder one may write to"
            ) from None
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return out

    def evidence(self, ref: Ref | str) -> MessageEvidence:
        """All evidence about a message: each piece signed by the exchange, and about this message.

        Raises:
            Problem, AnswerRefused, Unreachable: As everywhere.
            Refusal: ``message-unknown`` for what is no reference.
        """
        of, issuer = _ref(ref), self.issuer
        take = partial(answers.message_evidence, ref=of, issuer=issuer)
        return self._ask_signed(f"/v1/messages/{of}/evidence", take)

    def rejections(self, ref: Ref | str) -> tuple[Statement, ...]:
        """Evidence of what was refused under an id of ours, oldest first; raises as ``evidence`` does."""
        of, issuer = _ref(ref), self.issuer
        take = partial(answers.rejections, ref=of, issuer=issuer)
        return self._ask_signed(f"/v1/messages/{of}/rejections", take)

    # --- requests -------------------------------------------------------------------------------------------------

    def _own(self) -> Credentials:
        if self._credentials is None:
            raise CredentialsError(
                "credentials-missing", "found none", "the key and certificate of an agency"
            )
        return self._credentials

    def _new_id(self) -> str:
        return composing.message_id_of(self._random(composing.MESSAGE_ID_RANDOM_BYTES))

    def _post(self, path: str, content: bytes | Multipart, fields: dict[str, str]) -> httpx.Request:
        return self._http.build_request("POST", self.url + path, content=content, headers=PLAIN | fields)

    def _ask_signed(self, path: str, take: Callable[[bytes], _T], *, wait_s: int = 0) -> _T:
        make = partial(self._get_signed, path, wait_s=wait_s)
        return self._attempts.ask(make, lambda response: take(read(response)), _SIGNED_ANEW)

    def _get_signed(self, path: str, *, wait_s: int = 0) -> httpx.Request:
        """A read, signed for now, with a nonce of its own; patient where the exchange is asked to wait."""
        request, credentials = self._get(path), self._own()
        request.headers.update(
            requests.sign_request(
                request.method,
                str(request.url),
                None,
                credentials.key,
                credentials.certificate_sha256,
                at=int(self._clock.now()),
                nonce=encode_base64url(self._random(NONCE_RANDOM_BYTES)),
            )
        )
        timeout = request.extensions["timeout"]
        if wait_s and timeout["read"] is not None:
            request.extensions["timeout"] = timeout | {"read": timeout["read"] + wait_s}
        return request


def _ref(ref: Ref | str) -> Ref:
    return ref if isinstance(ref, Ref) else Ref.parse(ref)


def _require_rejection(problem: Problem, compact: bytes, issuer: Issuer) -> None:
    """Return if the evidence of a refusal is the exchange's, about this manifest, and gives the same reason."""
    if problem.evidence is None:
        return
    try:
        reason = answers.rejection(problem.evidence, compact, issuer).reason
    except Refusal as refusal:
        raise AnswerRefused(
            refusal.code, f"the evidence of {problem.code}: {refusal.message}", refusal.hint
        ) from None
    if reason is None or reason.code != problem.code:
        found = f"the evidence does not give {problem.code} as its reason"
        raise AnswerRefused("evidence-event-mismatch", found, "one reason")


def _save(response: httpx.Response, *, part: Path, message: Message, position: int) -> None:
    """Write a document as it comes, and refuse it unless it is the one that the manifest names."""
    digest, size_bytes, named = sha256(), 0, message.manifest.documents[position]
    with part.open("wb") as file:
        for chunk in pieces(response):
            size_bytes += len(chunk)
            if size_bytes > named.size_bytes:
                break
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    check_document(message.evidence, position, digest.digest(), size_bytes)
