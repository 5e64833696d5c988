"""Asking an exchange until it answers: what may be tried again, when, and how often.

Rule kept here: only what may succeed later is tried again, after a wait that grows, with a part left to chance and
never shorter than the exchange asks for; attempts and time are finite, and the last fault is what the caller sees.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, Protocol, TypeVar

import httpx

from loadtests.answers import ANSWER_BYTES_MAX
from loadtests.exchange.errors import ExchangeError, Refusal
from loadtests.exchange.strict import LIMITS, parse_object

RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What is tried again where the answer is no problem document: something between the client and the exchange spoke."""
_ANY_S: Final = float(2**53)
_DOUBLINGS_MAX: Final = 60  # far beyond any longest wait, and no number overflows
_T = TypeVar("_T")


class Problem(ExchangeError):  # noqa: N818 - what RFC 9457 calls it
    """The exchange refused: a problem document (RFC 9457).

    Args:
        code: A code of ``errors.CODES``; ``http-STATUS`` where the answer was no problem document.
        message: What was found.
        hint: What would be right.
        status: HTTP status code.
        retryable: True when the very same request may succeed later.
        evidence: The signed rejection, where the exchange gave one.
        retry_after_s: How long the exchange asks to wait, s; None where it does not say.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        status: int = 0,
        retryable: bool = False,
        evidence: bytes | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(code, message, hint)
        self.args = (code, message, hint, status, retryable, evidence, retry_after_s)
        self.status = status
        self.retryable = retryable
        self.evidence = evidence
        self.retry_after_s = retry_after_s


class AnswerRefused(ExchangeError):  # noqa: N818 - it says what was done
    """The exchange answered, and the answer does not hold: keep what was sent and ask its operator."""


class Unreachable(ExchangeError):  # noqa: N818 - it says what is so
    """No answer came: whether the request arrived is not known, and the same bytes may be sent again."""


class Clock(Protocol):
    """Time, as the client needs it."""

    def now(self) -> float:
        """The time of day, s since the epoch, UTC."""
        ...

    def elapsed_s(self) -> float:
        """A time that never jumps, s since some moment."""
        ...

    def sleep(self, wait_s: float) -> None:
        """Do nothing for so long."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        """The time of day, s since the epoch, UTC."""
        return time.time()

    def elapsed_s(self) -> float:
        """A time that never jumps, s since some moment."""
        return time.monotonic()

    def sleep(self, wait_s: float) -> None:
        """Do nothing for so long."""
        time.sleep(wait_s)


@dataclass(frozen=True, slots=True)
class Retries:
    """How persistent a client is.

    Args:
        attempts_max: Requests for one question, at least 1.
        first_wait_s: Wait after the first, more than 0; it doubles each time.
        wait_s_max: Longest wait of its own choice.
        total_s_max: No wait begins that would end later than this after the first request.
    """

    attempts_max: int = 8
    first_wait_s: float = 0.25
    wait_s_max: float = 15.0
    total_s_max: float = 120.0


@dataclass(frozen=True, slots=True)
class Attempts:
    """Asks, waits and asks again.

    Args:
        http: The connections.
        clock: The time.
        random: Gives so many random bytes.
        retries: How persistent it is.
    """

    http: httpx.Client
    clock: Clock
    random: Callable[[int], bytes]
    retries: Retries

    def ask(
        self,
        make: Callable[[], httpx.Request],
        take: Callable[[httpx.Response], _T],
        again_for: frozenset[str] = frozenset(),
    ) -> _T:
        """The answer to a question.

        Args:
            make: Makes the request, once for each attempt.
            take: Reads an answer of success, with ``read`` or in pieces.
            again_for: Codes that are tried again although the same request would fail, since ``make`` makes another.

        Raises:
            Problem: The exchange refused, for good or until the last attempt.
            AnswerRefused: What ``take`` refused.
            Unreachable: ``exchange-unreachable``.
        """
        started_s = self.clock.elapsed_s()
        for attempt in range(self.retries.attempts_max):
            try:
                return self._once(make(), take)
            except Problem as problem:
                fault: Problem | Unreachable = problem
                if not problem.retryable and problem.code not in again_for:
                    raise
            except httpx.TransportError as error:
                fault = Unreachable(
                    "exchange-unreachable",
                    f"{type(error).__name__}: {error}",
                    "is the exchange running, and is this its address?",
                )
                if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
                    raise fault from None  # a fault on this side stays one
            wait_s = self._wait_s(attempt, fault)
            spent_s = self.clock.elapsed_s() - started_s
            if attempt + 1 == self.retries.attempts_max or spent_s + wait_s > self.retries.total_s_max:
                break
            self.clock.sleep(wait_s)
        raise fault

    def _once(self, request: httpx.Request, take: Callable[[httpx.Response], _T]) -> _T:
        response = self.http.send(request, stream=True, follow_redirects=False)  # a signature is for one URL
        try:
            if not response.is_success:
                raise problem_of(response, self.clock.now())
            return take(response)
        except Refusal as refusal:
            message = f"{request.method} {request.url.path}: {refusal.message}"
            raise AnswerRefused(refusal.code, message, refusal.hint) from None
        finally:
            response.close()

    def _wait_s(self, attempt: int, fault: Problem | Unreachable) -> float:
        """Half of it for certain, half by chance, so that clients who failed together do not come back together."""
        longest_s = min(
            self.retries.wait_s_max, self.retries.first_wait_s * 2.0 ** min(attempt, _DOUBLINGS_MAX)
        )
        chance = int.from_bytes(self.random(8), "big") / 2**64
        asked_s = fault.retry_after_s if isinstance(fault, Problem) else None
        return max(longest_s * (1 + chance) / 2, asked_s or 0.0)


def pieces(response: httpx.Response) -> Iterator[bytes]:
    """The body of an answer as it comes.

    Raises:
        Refusal: ``content-encoding-unsupported``: we ask for the bytes themselves, and nobody makes us unpack any.
    """
    encoding = response.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise Refusal("content-encoding-unsupported", f"found {encoding[:40]!a}", "the bytes themselves")
    yield from response.iter_bytes()


def read(response: httpx.Response, size_bytes_max: int = ANSWER_BYTES_MAX) -> bytes:
    """The whole body of an answer.

    Raises:
        Refusal: ``body-too-large``, ``content-encoding-unsupported``.
    """
    body = bytearray()
    for chunk in pieces(response):
        body += chunk
        if len(body) > size_bytes_max:
            raise Refusal("body-too-large", f"found more than {size_bytes_max} bytes", "a shorter answer")
    return bytes(body)


def problem_of(response: httpx.Response, now: float) -> Problem:
    """What an answer other than success says.

    Args:
        response: The answer, not yet read.
        now: The time of day, s since the epoch, UTC.
    """
    status = response.status_code
    values: dict[str, object] = {}
    with suppress(Refusal):  # then somebody else spoke than the exchange
        values = parse_object(
            read(response), size_bytes_max=ANSWER_BYTES_MAX, depth_max=LIMITS.json_depth_max
        )
    code, retryable = _text(values, "code"), values.get("retryable")
    if not code or not isinstance(retryable, bool):
        code, retryable = f"http-{status}", status in RETRYABLE_STATUSES
    evidence = _text(values, "evidence")
    return Problem(
        code=code,
        message=_text(values, "detail") or f"answered with status {status} {response.reason_phrase}".rstrip(),
        hint=_text(values, "hint"),
        status=status,
        retryable=retryable,
        evidence=evidence.encode("utf-8") if evidence else None,
        retry_after_s=_retry_after_s(response.headers.get("retry-after", ""), now),
    )


def _text(values: dict[str, object], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _retry_after_s(value: str, now: float) -> float | None:
    """Retry-After as seconds (RFC 9110 §10.2.3): a number of them, or a date."""
    if value.isascii() and value.isdigit():
        return min(float(value), _ANY_S)
    with suppress(ValueError, TypeError, OverflowError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    return None
