"""Asking an exchange outside the generator, for set-up, audit and metrics: a thread waits for each answer.

Rule kept here: nothing is tried again, nothing is followed, and no answer is unpacked: what came is what is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx

from loadtests.adapters.base import Answer, NoAnswer, Request

CONNECTIONS_MAX: Final = 64
_FIRST_BYTE: Final = "http11.send_request_headers.started"
_GONE: Final = ("disconnected", "closed connection")
"""What the library says of a connection that went where an answer was awaited, and calls a fault of the protocol."""


class BlockingIo:
    """Asks one target over connections of its own; may be used from several threads.

    Args:
        target: URL of the exchange, without a path at its end.
        timeout_s: After which a request has got no answer, where it does not say itself.
        clock: s since some moment, such as ``time.perf_counter``.
    """

    def __init__(self, target: str, timeout_s: float, clock: Callable[[], float]) -> None:
        self.target = target.rstrip("/")
        self._timeout_s = timeout_s
        self._clock = clock
        self._client = httpx.Client(
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
            trust_env=False,  # a proxy of the machine stands in nobody's plan
            headers={"Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        self._client.close()

    def request(self, request: Request, timeout_s: float | None = None) -> Answer:
        """Send a request and wait for its answer, of whatever status; see ``base.Io``.

        Raises:
            NoAnswer: None came in time.
        """
        patience_s = self._timeout_s if timeout_s is None else timeout_s
        clock, began_s = self._clock, self._clock()
        sent_s = began_s

        def trace(event: str, _: Mapping[str, Any]) -> None:
            nonlocal sent_s
            if event == _FIRST_BYTE:
                sent_s = clock()

        try:
            with self._client.stream(
                request.method,
                self.target + request.path,
                headers=dict(request.headers),
                content=b"".join(request.body) if request.body else None,
                timeout=patience_s,
                extensions={"trace": trace},
            ) as response:
                pieces = []
                for piece in response.iter_raw():
                    pieces.append(piece)
                    if clock() - began_s > patience_s:
                        raise NoAnswer("timeout", f"not all of the answer came in {patience_s} s")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, b"".join(pieces), sent_s, clock())
        except httpx.HTTPError as error:
            raise NoAnswer(_code_of(error), f"{type(error).__name__}: {error}") from None


def _code_of(error: httpx.HTTPError) -> str:
    match error:
        case httpx.TimeoutException():
            return "timeout"
        case httpx.ConnectError():
            return "refused"
        case httpx.RemoteProtocolError() if not any(word in str(error) for word in _GONE):
            return "malformed"
        case httpx.NetworkError() | httpx.RemoteProtocolError():
            return "reset"
    return "malformed"
