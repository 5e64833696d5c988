"""A real server under attack: what is said to it over a socket, what it answers, and what that leaves behind.

Rule kept here: nothing is sent by an HTTP library, which would put right what is meant to be wrong.
"""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadtests.exchange.errors import CODES
from loadtests.exchange.evidence import Event
from loadtests.exchange.receipts import check_evidence
from tests.unit.loadtests.endpoint.servers import FORM, Exchange, body_of, listening
from tests.unit.loadtests.exchanges import submission

MESSAGES = "/v1/messages"
DEADLINE_S = 15
_MEMBERS = {"type", "title", "status", "detail", "hint", "code", "retryable"}
_AUDIT = "audit"
_KEPT = ("messages", "documents", "inbox", "events", "statements", "nodes", _AUDIT)


@dataclass(frozen=True)
class Answer:
    """One answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        values = json.loads(self.body)
        assert isinstance(values, dict)
        return values


@dataclass(frozen=True)
class Trace:
    """What stands in the store and on the disk: a digest of each table, and the files."""

    tables: Mapping[str, tuple[int, str]]
    files: frozenset[str]

    def audited(self) -> int:
        """Rows of the audit table."""
        return self.tables[_AUDIT][0]

    def without_audit(self) -> tuple[dict[str, tuple[int, str]], frozenset[str]]:
        """All that a refusal must leave as it was."""
        return {name: found for name, found in self.tables.items() if name != _AUDIT}, self.files


@dataclass
class Siege:
    """A server, and what its enemies need."""

    url: str
    exchange: Exchange
    data: Path
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def trace(self) -> Trace:
        """What is stored now, read behind the server's back."""
        with closing(sqlite3.connect(f"file:{self.data / 'store.sqlite3'}?mode=ro", uri=True)) as store:
            tables = {name: _digest(store.execute(f"SELECT * FROM {name} ORDER BY 1, 2")) for name in _KEPT}
        places = (self.exchange.service.folder.blobs_path, self.exchange.service.folder.incoming_path)
        found = (one for place in places for one in place.rglob("*") if one.is_file())
        return Trace(tables, frozenset(one.relative_to(self.data).as_posix() for one in found))

    def good(self) -> bytes:
        """A request with a message that nobody has sent before, and that must be taken."""
        now = int(self.exchange.clock.now)
        times: dict[str, Any] = {"at": now - 1, "created_at": now - 2, "expires_at": now + 3600}
        body = body_of(submission(message_id=f"good-{next(self._numbers):06d}", **times))
        return request("POST", MESSAGES, [f"Content-Type: {FORM}"], body)

    def require_going_on(self) -> None:
        """Return if the server is as good as before: it takes a message, and holds nothing of any other."""
        (answer,) = self.say(self.good())
        assert answer.status == 201, answer
        assert self.exchange.service.places.taken == 0
        assert len(self.exchange.service.driver.reservations) == 0
        assert not self.exchange.told("internal-error")

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """A connection to the server."""
        parts = urlsplit(self.url)
        with socket.create_connection((parts.hostname, parts.port), DEADLINE_S) as made:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield made

    def say(
        self, *pieces: bytes, pause_s: float = 0, answers: int | None = 1, bodiless: bool = False
    ) -> list[Answer]:
        """Send pieces over a connection of their own; what is answered until so many came or the server closes."""
        with self.connected() as connection:
            for number, piece in enumerate(pieces):
                time.sleep(pause_s if number else 0)
                with suppress(ConnectionResetError, BrokenPipeError):  # it may have had enough
                    connection.sendall(piece)
            return heard(connection, answers, bodiless=bodiless)


@contextmanager
def besieged(path: Path, **settings: Any) -> Iterator[Siege]:
    """A server on a free port of this machine, with small patience."""
    # Trust is changed by tests, not by a look at the files that may come at any time.
    patience = {"linger_s_max": 0.2, "header_s_max": 2.0, "body_idle_s_max": 2.0, "trust_every_s": 1e6}
    with listening(path, **patience | settings) as (url, exchange):
        exchange.clock.now += 5  # what is signed from now on was not taken by any server before this one
        yield Siege(url, exchange, path)


def heard(connection: socket.socket, answers: int | None = None, *, bodiless: bool = False) -> list[Answer]:
    """Answers, until so many came; all until the server closes where no number is given."""
    came, found = b"", list[Answer]()
    while answers is None or len(found) < answers:
        one, rest = _taken_off(came, bodiless)
        if one is not None:
            found.append(one)
            came = rest
            continue
        try:
            piece = connection.recv(65_536)
        except ConnectionResetError:
            break
        if not piece:
            break
        came += piece
    return found


def _taken_off(came: bytes, bodiless: bool) -> tuple[Answer | None, bytes]:
    """The first whole answer, and what came after it."""
    head, end, rest = came.partition(b"\r\n\r\n")
    if not end:
        return None, came
    lines = head.decode("latin-1").split("\r\n")
    headers = dict[str, str]()
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    length = 0 if bodiless else int(headers.get("content-length", "0"))
    if len(rest) < length:
        return None, came
    return Answer(int(lines[0].split()[1]), headers, rest[:length]), rest[length:]


def wait_until(holds: Callable[[], object]) -> None:
    """Return as soon as it holds."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s, "it did not come about"
        time.sleep(0.001)


def request(method: str, target: str, headers: Iterable[str] = (), body: bytes | None = None) -> bytes:
    """A request as it goes over the wire; with a length where there is a body."""
    lines = [f"{method} {target} HTTP/1.1", "Host: exchange.test", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def require_problem(answer: Answer, code: str, status: int | None = None) -> dict[str, Any]:
    """Return what a problem document says, if it is one as RFC 9457 and the table of codes want it."""
    assert answer.headers["content-type"] == "application/problem+json", answer
    values = answer.json()
    assert values.keys() - {"evidence", "request_id"} == _MEMBERS
    kind = CODES[code]
    said = {name: values[name] for name in ("code", "title", "status", "retryable", "type")}
    right = {"code": code, "title": kind.title, "status": kind.status, "retryable": kind.retryable}
    assert said == right | {"type": f"/problems#{code}"}, values
    assert answer.status == kind.status == (status or kind.status)
    assert values["detail"]
    assert "Traceback" not in values["detail"]
    assert ("retry-after" in answer.headers) == (kind.status in {429, 503} or code == "message-in-flight")
    assert ("www-authenticate" in answer.headers) == (kind.status == 401)
    assert not re.search(r"\.py|0x[0-9a-f]{6,}", values["detail"])  # nothing of the program's inside
    return values


def require_no_trace(siege: Siege, before: Trace, answer: Answer, *, evidence: bool) -> None:
    """Return if a refusal left the store as it was, but for evidence of the rejection where there must be some."""
    after = siege.trace()
    assert after.without_audit() == before.without_audit()
    assert after.audited() - before.audited() == int(evidence)
    signed = answer.json().get("evidence") if answer.body.startswith(b"{") else None
    assert (signed is not None) == evidence
    if signed is not None:
        said = check_evidence(signed.encode(), siege.exchange.issuer)
        assert said.event is Event.SUBMISSION_REJECTION
        assert said.log is None
        kept = siege.exchange.store.audit(said.sender, said.message_id)
        assert signed in {one.evidence.decode() for one in kept}


def _digest(rows: Iterable[tuple[Any, ...]]) -> tuple[int, str]:
    found = list(rows)
    return len(found), sha256(repr(found).encode()).hexdigest()
