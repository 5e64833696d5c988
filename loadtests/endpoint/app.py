"""The application: what is brought in (messages, reports), and all routes with one way to answer refusals.

Rule kept here: every answer that is not a success is a problem document; an unexpected error leaves its kind and place
in the log under an id, and only that id in the answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from loadtests.endpoint import log_reads, openapi, pages, public_reads, reads
from loadtests.endpoint.intake import SIGNED_TYPE, Body, Intake
from loadtests.endpoint.problems import Answer, Header, problem
from loadtests.endpoint.queries import message_key
from loadtests.endpoint.service import Service
from loadtests.exchange import events, evidence, jws
from loadtests.exchange.acceptance import Accepted, Rejected, accept
from loadtests.exchange.errors import Refusal
from loadtests.exchange.records import MessageKey
from loadtests.exchange.reporting import Taken, report

MESSAGES: Final = "/v1/messages"
REPORT_BYTES_MAX: Final = 16 * 1024
"""A report of 8 KiB in base64url, with its header and the longest signature."""
_JOSE: Final = SIGNED_TYPE.encode()
_CLOSE: Final[Header] = (b"connection", b"close")
_ENDS: Final = frozenset({"body-too-slow", "request-incomplete"})
"""After these nobody can tell what the next bytes are: the rest of the body that was cut, or another request."""
_CODES: Final = {404: "not-found", 405: "method-not-allowed"}


@dataclass(slots=True)
class Outcome:
    """What became of one request.

    Args:
        answer: What is answered.
        code: ``accepted``, ``replayed``, or the code of the refusal.
        agency: Who signed what came, where that is known.
        message_id: The message that it is about.
    """

    answer: Answer
    code: str
    agency: str | None = None
    message_id: str | None = None


class Taking:
    """An endpoint that takes something in: counted, answered, told to the log.

    Args:
        service: Where it goes.
    """

    EVENT = ""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun_s = time.perf_counter()
        service = self._service
        body = Body(scope, receive, service.settings)
        try:
            service.require_going()
            service.places.take()  # before a byte of the body is read
        except Refusal as refusal:
            outcome = self._refused(refusal)
        else:
            service.metrics.in_flight(1)
            try:
                outcome = await self.take(scope, body)
            except Refusal as refusal:
                outcome = self._refused(refusal)
            finally:
                service.places.leave()
                service.metrics.in_flight(-1)
        await _finish(send, outcome.answer, body, service.settings.linger_s_max, self._keeps(body, outcome))
        took_s = time.perf_counter() - begun_s
        self.count(outcome, took_s)
        service.log.tell(
            self.EVENT,
            request_id=service.request_id(),
            agency=outcome.agency,
            message_id=outcome.message_id,
            code=outcome.code,
            status=outcome.answer.status,
            seconds=round(took_s, 6),
        )

    async def take(self, scope: Scope, body: Body) -> Outcome:
        """Take it in.

        Raises:
            Refusal: It is not taken.
        """
        raise NotImplementedError

    def count(self, outcome: Outcome, took_s: float) -> None:
        """Count what became of it."""

    def _refused(self, refusal: Refusal, signed: bytes | None = None) -> Outcome:
        answer = problem(refusal, evidence=signed, retry_after_s=self._service.settings.retry_after_s)
        return Outcome(answer, refusal.code)

    def _keeps(self, body: Body, outcome: Outcome) -> bool:
        """Whether the connection can be used again: little is left of the body, and it may be expected to come."""
        unread_bytes = body.unread_bytes
        if unread_bytes is None or outcome.code in _ENDS:
            return False
        # Who waits for 100 Continue may send the body or not; nobody can tell what comes next.
        waits = body.expects and not body.read_bytes and unread_bytes > 0
        return unread_bytes <= self._service.settings.unread_bytes_max and not waits


class Submissions(Taking):
    """``POST /v1/messages``."""

    EVENT = "submission"

    async def take(self, scope: Scope, body: Body) -> Outcome:  # noqa: ARG002 - all of it is in the body
        """Take a message."""
        service = self._service
        intake = Intake(body, service.settings, service.blobs, service.disk)
        try:
            compact = await intake.manifest()
            outcome = await service.run(accept(compact, service.terms), intake.documents, charged=True)
            if isinstance(outcome, Rejected):
                return self._rejected(outcome)
            if not body.complete:  # a replay: who is still sending shall not miss the receipt
                with suppress(Refusal):
                    await intake.skip()
        finally:
            intake.discard()
        return _accepted(outcome)

    def count(self, outcome: Outcome, took_s: float) -> None:
        """Count it among the submissions."""
        self._service.metrics.submitted(outcome.code, took_s)

    def _rejected(self, rejected: Rejected) -> Outcome:
        made = self._refused(rejected.refusal, rejected.evidence)
        if rejected.evidence is not None:  # only then is it known who sent it
            said = evidence.parse(jws.parse(rejected.evidence).payload)
            made.agency, made.message_id = said.sender, said.message_id
        return made


class Reports(Taking):
    """``POST /v1/messages/{sender}:{message_id}/events``."""

    EVENT = "report"

    async def take(self, scope: Scope, body: Body) -> Outcome:
        """Take a recipient's report."""
        service = self._service
        key = message_key(Request(scope))
        if body.content_type.partition(";")[0].strip().lower() != SIGNED_TYPE:
            found = f"found Content-Type {body.content_type[:80]!a}"
            raise Refusal("body-invalid", found, f"a signed report, {SIGNED_TYPE}")
        compact = await body.whole(REPORT_BYTES_MAX)
        _require_about(key, compact)
        outcome = await service.run(report(compact, service.terms), charged=True)
        if not isinstance(outcome, Taken):
            return self._refused(outcome.refusal)
        answer = Answer(200 if outcome.replayed else 201, outcome.evidence, _JOSE)
        code = "replayed" if outcome.replayed else "accepted"
        return Outcome(answer, code, outcome.key.entry.recipient, key.message_id)


def _accepted(accepted: Accepted) -> Outcome:
    key = accepted.key
    location = f"{MESSAGES}/{key.sender}:{key.message_id}".encode("ascii")
    status, code = (200, "replayed") if accepted.replayed else (201, "accepted")
    answer = Answer(status, accepted.receipt, _JOSE, ((b"location", location),))
    return Outcome(answer, code, key.sender, key.message_id)


def _require_about(key: MessageKey, compact: bytes) -> None:
    """Return if a report, not yet verified, is about the message that the path names."""
    said = events.parse(jws.parse(compact).payload)
    if (said.sender, said.message_id) != (key.sender, key.message_id):
        found = f"the report is about {said.sender}:{said.message_id}"
        raise Refusal("event-invalid", found, f"the message of the path, {key.sender}:{key.message_id}")


# --- answering --------------------------------------------------------------------------------------------------


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.all_headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _finish(send: Send, answer: Answer, body: Body, linger_s: float, keeps: bool) -> None:
    """Answer; where much of the body is unread, read on for a moment, then have the connection closed."""
    if keeps:
        await _send(send, answer)
        return
    headers = [*answer.all_headers, _CLOSE]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    if not body.expects:
        with suppress(Refusal, TimeoutError):
            async with asyncio.timeout(linger_s):
                while not body.complete:
                    await body.read()
    await send({"type": "http.response.body", "body": b""})


class Guard:
    """Stands before everything: what nobody expected is answered here, and submissions take the short way.

    Args:
        app: All other routes.
        service: Whose log.
        submissions: Where most requests go; Starlette's way through the routes would cost more than the parsing.
    """

    def __init__(self, app: ASGIApp, service: Service, submissions: Submissions) -> None:
        self._app = app
        self._service = service
        self._submissions = submissions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun = False

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            if scope.get("path") == MESSAGES and scope["method"] == "POST":
                await self._submissions(scope, receive, noting)
            else:
                await self._app(scope, receive, noting)
        except Exception as fault:
            request_id = self._service.request_id()
            self._service.log.fault("internal-error", fault, request_id=request_id)
            if begun:
                raise  # the answer cannot be taken back; the server closes the connection
            refusal = Refusal("internal-error", f"look for {request_id} in the log", "send it again later")
            await _send(send, problem(refusal, request_id=request_id, headers=(_CLOSE,)))


def build_app(service: Service) -> Starlette:
    """The application of a service that has started."""
    submissions, reports = Submissions(service), Reports(service)
    routes: list[BaseRoute] = [
        Route(MESSAGES, submissions, methods=["POST"], name="submit"),
        Route(f"{MESSAGES}/{{ref}}/events", reports, methods=["POST"], name="report"),
    ]
    for part in (public_reads, reads, log_reads, openapi, pages):
        routes += part.routes(service)
    app = Starlette(
        routes=[_gated(one, service) for one in routes],
        middleware=[Middleware(Guard, service=service, submissions=submissions)],
        exception_handlers={Refusal: _refused, HTTPException: _refused},
    )
    app.router.redirect_slashes = False  # one path for one thing: a signed target is never another one
    return app


def _gated(route: BaseRoute, service: Service) -> BaseRoute:
    """``/readyz`` says no as well where the service itself is not ready."""
    if not isinstance(route, Route) or route.path != "/readyz":
        return route
    endpoint: Callable[[Request], Awaitable[Response]] = route.endpoint

    async def ready(request: Request) -> Response:
        service.require_ready()
        return await endpoint(request)

    return Route(route.path, ready, methods=["GET"], name=route.name)


async def _refused(_: Request, fault: Exception) -> Response:
    if isinstance(fault, Refusal):
        return problem(fault).response()
    assert isinstance(fault, HTTPException)
    code = _CODES.get(fault.status_code, "request-malformed")
    headers = tuple(
        (name.lower().encode(), value.encode("latin-1")) for name, value in (fault.headers or {}).items()
    )
    refusal = Refusal(code, "the path or the method is not one of this exchange", "see /openapi.json")
    return problem(refusal, headers=headers).response()
