"""What agencies read: inbox, messages, documents, evidence, rejections.

Rule kept here: an agency is shown its own messages only, and of those a recipient sees its own entry and evidence
only; a message of others is answered as one that does not exist.

A recipient that has lost the right to receive, or whose message was recalled, still reads what was accepted for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, fields
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from loadtests.endpoint import documents
from loadtests.endpoint.access import Access, horizon_of
from loadtests.endpoint.handovers import Handovers
from loadtests.endpoint.metrics import Endpoint, measured
from loadtests.endpoint.queries import message_key, parameters, position, unknown, whole
from loadtests.endpoint.serving import Json, Serving
from loadtests.endpoint.store.base import Listed, Statement, StoredEvent, StoredMessage
from loadtests.exchange import evidence, jws, manifest
from loadtests.exchange.consignment import consignment
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import STATUS_CODES, Entry, State
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.merkle import SIZE_MAX
from loadtests.exchange.records import EntryKey, MessageKey, Standing
from loadtests.exchange.strict import Limits, encode_base64url

INBOX_MAX: Final = 1000
"""Entries of one answer: about 150 kB."""
INBOX_DEFAULT: Final = 100
WAIT_S_MAX: Final = 30
"""Shorter than the idle time of usual proxies and of clients that wait for a first byte."""
STATEMENTS_AT_ONCE: Final = 4
"""Each is a commit of its own: a message to a thousand recipients shall not keep the writer from all others."""
_INBOX_PARAMETERS: Final = frozenset({"after", "limit", "wait"})
_NO_PARAMETERS: Final[frozenset[str]] = frozenset()
_ACCEPTED: Final = Limits(*(2**40 for _ in fields(Limits)))
"""What was accepted is read, whatever the operator lets in today."""
_PRIVATE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Visible:
    """A message as one agency may see it.

    Args:
        stored: The message.
        content: Its manifest.
        entries: Where it stands, at all recipients for the sender, else at the one.
        recipient: The code of who reads as a recipient; None for the sender.
    """

    stored: StoredMessage
    content: Manifest
    entries: tuple[Entry, ...]
    recipient: str | None

    def key_of(self, recipient: str) -> EntryKey:
        """The message at one recipient."""
        return EntryKey(self.stored.key, recipient)


def routes(service: Serving) -> list[BaseRoute]:
    """The routes that want a signed request; call it once, when the service has started. Blocks for one look-up."""
    reads = Reads(service, Access(service, horizon_of(service)))
    message = "/v1/messages/{ref}"
    found: list[tuple[str, str, Endpoint]] = [
        ("inbox", "/v1/inbox", reads.inbox),
        ("message", message, reads.message),
        ("document", message + "/documents/{position}", reads.document),
        ("evidence", message + "/evidence", reads.evidence),
        ("rejections", message + "/rejections", reads.rejections),
    ]
    return [
        Route(path, measured(service.metrics, name, endpoint), methods=["GET"], name=name)
        for name, path, endpoint in found
    ]


class Reads:
    """Answers to signed requests.

    Args:
        service: What is read.
        access: Tells who reads.
    """

    def __init__(self, service: Serving, access: Access) -> None:
        self._service = service
        self._access = access
        self._handovers = Handovers(service)

    # --- inbox ----------------------------------------------------------------------------------------------

    async def inbox(self, request: Request) -> Response:
        """Entries after a cursor, waiting for the first where there are none yet."""
        reader = await self._access.reader(request)
        found = parameters(request, _INBOX_PARAMETERS)
        after = whole(found, "after", -1, SIZE_MAX, default=-1)
        limit = whole(found, "limit", 1, INBOX_MAX, default=INBOX_DEFAULT)
        wait_s = whole(found, "wait", 0, WAIT_S_MAX, default=0)
        entries = await self._entries(reader, after, limit, wait_s)
        last = entries[-1].leaf_index if entries else after
        return _json({"entries": [_listed(entry) for entry in entries], "next": last})

    async def _entries(self, reader: str, after: int, limit: int, wait_s: int) -> tuple[Listed, ...]:
        look = self._service.store.inbox
        entries = await run_in_threadpool(look, reader, after, limit)
        if entries or not wait_s:
            return entries
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        with self._service.arrivals.watch(reader) as bell:
            while True:  # looks once more after the bell is there: what came in between did not ring it
                entries = await run_in_threadpool(look, reader, after, limit)
                left_s = until - loop.time()
                if entries or left_s <= 0 or self._service.arrivals.closed:
                    return entries
                await bell.wait(left_s)

    # --- one message ----------------------------------------------------------------------------------------

    async def message(self, request: Request) -> Response:
        """The signed manifest, the receipt, and where it stands."""
        seen = await self._visible(request)
        answer = _json(_message(seen))
        recipient = seen.recipient
        if recipient is None or seen.content.documents or request.method != "GET":
            return answer

        async def finished() -> None:  # what has no documents is handed over with this
            await self._handovers.whole(seen.key_of(recipient))

        return documents.Delivery(
            bytes(answer.body),
            None,
            answer.headers,
            sent=_uncounted,
            finished=finished,
            broken=self._broken,
        )

    async def document(self, request: Request) -> Response:
        """One document."""
        seen = await self._visible(request)
        number = len(seen.content.documents)
        at = position(request, "position", number - 1)
        if at is None:
            raise Refusal("not-found", f"the message has {number} documents", "their positions begin at 0")
        document = seen.content.documents[at]
        if documents.matches(request.headers.get("if-none-match", ""), tag := documents.etag(document)):
            return Response(status_code=304, headers={"ETag": tag})
        if request.method == "HEAD":
            return Response(headers=documents.header_of(document))
        rest = await run_in_threadpool(self._pieces, seen, at)
        try:
            first = await run_in_threadpool(next, rest)
        except Refusal as refusal:
            self._broken(refusal)
            raise

        async def finished() -> None:
            if seen.recipient is not None:
                await self._handovers.sent(seen.key_of(seen.recipient), at, number)

        return documents.Delivery(
            first,
            rest,
            documents.header_of(document),
            sent=self._service.metrics.sent,
            finished=finished,
            broken=self._broken,
        )

    def _broken(self, refusal: Refusal) -> None:
        self._service.log.tell("document-damaged", code=refusal.code, message=refusal.message)

    def _pieces(self, seen: Visible, at: int) -> documents.Pieces:
        document = seen.content.documents[at]
        stored = self._service.store.document(seen.stored.leaf_index, at)
        inline = None if stored is None else stored.content
        source = self._service.blobs.path(document.sha256) if inline is None else inline
        return documents.pieces(source, document)

    async def evidence(self, request: Request) -> Response:
        """All that the exchange has signed about the message, for this reader."""
        seen = await self._visible(request)
        store, leaf_index = self._service.store, seen.stored.leaf_index
        consigned = await self._consigned(seen)
        events = await run_in_threadpool(store.events, leaf_index, seen.recipient)
        return _json(
            {
                "receipt": _text(seen.stored.receipt),
                "consignments": [
                    {"recipient": recipient, "evidence": _text(signed)}
                    for recipient, signed in sorted(consigned.items())
                ],
                "events": [_event(event) for event in events],
            }
        )

    async def _consigned(self, seen: Visible) -> dict[str, bytes]:
        """Evidence of consignment by recipient; what is missing is made, and kept before it is given out."""
        there, made = await run_in_threadpool(self._statements, seen)
        for first in range(0, len(made), STATEMENTS_AT_ONCE):
            batch = made[first : first + STATEMENTS_AT_ONCE]
            kept = await asyncio.gather(*(self._service.writer.state(one) for one in batch))
            there |= {one.recipient: signed for one, signed in zip(batch, kept, strict=True)}
        return there

    def _statements(self, seen: Visible) -> tuple[dict[str, bytes], list[Statement]]:
        """Statements by recipient as they are stored, and those that are missing."""
        store = self._service.store
        stored = store.statements(seen.stored.leaf_index, seen.recipient)
        there = {statement.recipient: statement.evidence for statement in stored}
        missing = (seen.key_of(one.recipient) for one in seen.entries if one.recipient not in there)
        standings = (store.standing(key) for key in missing)
        return there, [self._statement(standing) for standing in standings if standing is not None]

    def _statement(self, standing: Standing) -> Statement:
        identity = self._service.identity
        # Where the clock was set back: it stands there since its acceptance, no statement is older than that.
        at = max(self._service.clock(), standing.accepted_at)
        made = consignment(standing, identity.name, at)
        signed = evidence.sign(made, identity.key, identity.certificate_sha256)
        return Statement(made.evidence_id, standing.leaf_index, standing.key.recipient, signed)

    async def rejections(self, request: Request) -> Response:
        """Evidence of what was refused under this id; for its sender, whether or not any message was accepted."""
        reader = await self._access.reader(request)
        parameters(request, _NO_PARAMETERS)
        key = message_key(request)
        if key.sender != reader:
            raise unknown()
        audit = await run_in_threadpool(self._service.store.audit, key.sender, key.message_id)
        return _json(
            {"rejections": [{"kept_at": one.kept_at, "evidence": _text(one.evidence)} for one in audit]}
        )

    async def _visible(self, request: Request) -> Visible:
        """The message of the path, as the one who signed the request may see it."""
        reader = await self._access.reader(request)
        parameters(request, _NO_PARAMETERS)
        return await run_in_threadpool(self._seen, message_key(request), reader)

    def _seen(self, key: MessageKey, reader: str) -> Visible:
        store = self._service.store
        recipient = None if reader == key.sender else reader
        standing = None if recipient is None else store.standing(EntryKey(key, recipient))
        if recipient is not None and standing is None:
            raise unknown()
        stored = store.message(key)
        if stored is None:
            raise unknown()
        content = manifest.parse(jws.parse(stored.compact, _ACCEPTED).payload, _ACCEPTED)
        entries = store.entries(stored.leaf_index) if standing is None else (standing.entry,)
        return Visible(stored, content, entries, recipient)


def _uncounted(size_bytes: int) -> None:
    """What is no document is not counted as one."""


def _message(seen: Visible) -> Json:
    stored = seen.stored
    return {
        "sender": stored.key.sender,
        "message_id": stored.key.message_id,
        "accepted_at": stored.accepted_at,
        "leaf_index": stored.leaf_index,
        "manifest": _text(stored.compact),
        "receipt": _text(stored.receipt),
        "documents": [
            {
                "position": position,
                "name": document.name,
                "media_type": document.media_type,
                "size_bytes": document.size_bytes,
                "sha256": encode_base64url(document.sha256),
            }
            for position, document in enumerate(seen.content.documents)
        ],
        "entries": [{"recipient": one.recipient, **_where(one.state)} for one in seen.entries],
    }


def _listed(entry: Listed) -> Json:
    return {
        "leaf_index": entry.leaf_index,
        "sender": entry.key.sender,
        "message_id": entry.key.message_id,
        "accepted_at": entry.accepted_at,
        **_where(entry.state),
    }


def _where(state: State) -> Json:
    """The state, with its code after QCVN 102:2016 where it has one."""
    return {"state": state.value, "status_code": STATUS_CODES.get(state)}


def _event(event: StoredEvent) -> Json:
    return {
        "leaf_index": event.leaf_index,
        "recipient": event.recipient,
        "event_id": event.event_id,
        "report": None if event.compact is None else _text(event.compact),
        "evidence": _text(event.evidence),
    }


def _text(compact: bytes) -> str:
    return compact.decode("ascii")


def _json(values: Json) -> JSONResponse:
    return JSONResponse(values, headers=_PRIVATE)
