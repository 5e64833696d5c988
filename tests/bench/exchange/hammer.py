"""A load generator that costs little: requests are bytes made before, connections are kept, answers are timed.

Two ways to load: closed (each connection sends the next request when it has the answer: what the server can do at
most), and open (requests have their times, and response times run from them: what a rate feels like; a request whose
time has come while all connections are busy waits, and the wait counts).

    python -m tests.bench.exchange.hammer --port 8901 --requests FILE --connections 64 [--rate 1000] [--seconds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import cast

import uvloop

_LENGTH = struct.Struct(">I")


def write_requests(path: Path, requests: list[bytes]) -> None:
    """Write requests to a file, each after its length."""
    with path.open("wb") as file:
        for request in requests:
            file.write(_LENGTH.pack(len(request)))
            file.write(request)


def read_requests(path: Path, skip: int, count: int) -> list[bytes]:
    """Read up to ``count`` requests of a file, after the first ``skip``."""
    found: list[bytes] = []
    with path.open("rb") as file:
        while len(found) < count and (head := file.read(_LENGTH.size)):
            (size_bytes,) = _LENGTH.unpack(head)
            if skip:
                file.seek(size_bytes, 1)
                skip -= 1
            else:
                found.append(file.read(size_bytes))
    return found


def as_request(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """The bytes of a POST with HTTP/1.1."""
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


@dataclass(slots=True)
class Seen:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    responses_s: list[float] = field(default_factory=list)
    first_at: float = 0.0
    last_at: float = 0.0


class _Connection(asyncio.Protocol):
    def __init__(self, hammer: Hammer) -> None:
        self._hammer = hammer
        self._buffer = b""
        self._intended_at = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone

    def connection_lost(self, error: Exception | None) -> None:
        self._hammer.lost(error)

    def send(self, request: bytes, intended_at: float) -> None:
        self._intended_at = intended_at
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lowered = head.lower()
        at = lowered.find(b"content-length:")
        length = int(lowered[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        self._hammer.answered(self, int(head[9:12]), self._intended_at)


class Hammer:
    """Sends all requests once over kept connections.

    Args:
        requests: What is sent, in order.
        rate: Requests per second (open), or None (closed).
    """

    def __init__(self, requests: list[bytes], rate: float | None) -> None:
        self._requests, self._rate = requests, rate
        self._next = 0
        self._begun_at = 0.0
        self._idle: deque[_Connection] = deque()
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.seen = Seen()

    async def run(self, port: int, connections: int) -> Seen:
        """Connect, send, wait for the last answer."""
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)
            for _ in range(connections)
        ]
        self._idle.extend(protocol for _, protocol in made)
        self._begun_at = self.seen.first_at = perf_counter()
        if self._rate is None:
            while self._idle and self._next < len(self._requests):
                self._send(self._idle.popleft(), perf_counter())
        else:
            self._due()
        await self._done
        for transport, _ in made:
            transport.close()
        return self.seen

    def answered(self, connection: _Connection, status: int, intended_at: float) -> None:
        """Note an answer, and send what is next."""
        now = perf_counter()
        self.seen.statuses[status] += 1
        self.seen.responses_s.append(now - intended_at)
        self.seen.last_at = now
        if len(self.seen.responses_s) == len(self._requests):
            self._done.set_result(None)
        elif self._next < len(self._requests) and (
            self._rate is None or self._intended_at(self._next) <= now
        ):
            self._send(connection, now if self._rate is None else self._intended_at(self._next))
        else:
            self._idle.append(connection)

    def lost(self, error: Exception | None) -> None:
        """Fail where a connection goes before all is answered."""
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed a connection"))

    def _intended_at(self, number: int) -> float:
        assert self._rate is not None
        return self._begun_at + number / self._rate

    def _send(self, connection: _Connection, intended_at: float) -> None:
        request = self._requests[self._next]
        self._next += 1
        connection.send(request, intended_at)

    def _due(self) -> None:
        """Send what is due while connections are free; come back when the next is."""
        now = perf_counter()
        while (
            self._idle and self._next < len(self._requests) and (at := self._intended_at(self._next)) <= now
        ):
            self._send(self._idle.popleft(), at)
        if self._next < len(self._requests):
            delay_s = max(self._intended_at(self._next) - perf_counter(), 0.0005)
            asyncio.get_running_loop().call_later(delay_s, self._due)


def summary(seen: Seen) -> dict[str, object]:
    """Rate and percentiles, in requests per second and s."""
    ordered = sorted(seen.responses_s)
    spent_s = seen.last_at - seen.first_at
    return {
        "requests": len(ordered),
        "statuses": {str(status): count for status, count in seen.statuses.items()},
        "rate": len(ordered) / spent_s,
        **{f"response_s_p{p}": ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 95, 99)},
    }


async def _main(given: argparse.Namespace) -> dict[str, object]:
    requests = read_requests(given.requests, given.skip, given.count)
    return summary(await Hammer(requests, given.rate).run(given.port, given.connections))


def main() -> None:
    """Load a server on loopback and print what came back as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--requests", type=Path, required=True)
    options.add_argument("--skip", type=int, default=0)
    options.add_argument("--count", type=int, default=10**9)
    options.add_argument("--connections", type=int, default=64)
    options.add_argument("--rate", type=float)
    print(json.dumps(uvloop.run(_main(options.parse_args()))))  # noqa: T201


if __name__ == "__main__":
    main()
