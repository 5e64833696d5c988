"""Refusals as HTTP answers: problem documents after RFC 9457.

Rule kept here: a client can decide by ``code`` and ``retryable`` alone what to do; nothing of the program's inside is
ever in an answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import Response

from loadtests.endpoint.limits import Postponed
from loadtests.exchange.errors import Refusal

MEDIA_TYPE: Final = "application/problem+json"
_LATER: Final = frozenset({409, 429, 503})
"""Answers that say when to come again; the code's kind says that it may help."""
Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that is at hand as a whole.

    Args:
        status: The status code.
        body: Its bytes.
        media_type: What they are.
        headers: What else is said.
    """

    status: int
    body: bytes
    media_type: bytes
    headers: tuple[Header, ...] = field(default=())

    @property
    def all_headers(self) -> list[Header]:
        """The header with length and type of the body."""
        return [
            (b"content-type", self.media_type),
            (b"content-length", b"%d" % len(self.body)),
            *self.headers,
        ]

    def response(self) -> Response:
        """The same as Starlette's endpoints give it."""
        made = Response(self.body, self.status)
        made.raw_headers = self.all_headers
        return made


def problem(
    refusal: Refusal,
    *,
    evidence: bytes | None = None,
    retry_after_s: int = 1,
    request_id: str | None = None,
    headers: tuple[Header, ...] = (),
) -> Answer:
    """The problem document of a refusal.

    Args:
        refusal: Why.
        evidence: The signed rejection, where there is one.
        retry_after_s: When to come again, whole s, where the refusal itself does not say.
        request_id: By which the operator finds it in the log.
        headers: More to say.
    """
    kind = refusal.kind
    values: dict[str, Any] = {
        "type": f"/problems#{refusal.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": refusal.message,
        "hint": refusal.hint,
        "code": refusal.code,
        "retryable": kind.retryable,
    }
    if evidence is not None:
        values["evidence"] = evidence.decode("ascii")
    if request_id is not None:
        values["request_id"] = request_id
    said = list(headers)
    if isinstance(refusal, Postponed):
        said.append((b"retry-after", b"%d" % refusal.retry_after_s))
    elif kind.retryable and kind.status in _LATER:
        said.append((b"retry-after", b"%d" % retry_after_s))
    if kind.status == 401:
        said.append((b"www-authenticate", b"Signature"))  # RFC 9110 §15.5.2: a 401 names a scheme
    body = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(kind.status, body, MEDIA_TYPE.encode(), tuple(said))
