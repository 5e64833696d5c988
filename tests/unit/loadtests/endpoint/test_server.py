"""The server on a socket: what a connection may do, and for how long."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from loadtests.endpoint import server
from loadtests.endpoint.app import MESSAGES
from loadtests.endpoint.logs import Lines
from loadtests.endpoint.settings import ServerError, Settings
from loadtests.exchange.evidence import Event
from loadtests.exchange.pki import to_pem
from loadtests.exchange.pki_keys import key_to_pem
from loadtests.exchange.receipts import check_evidence
from tests.unit.loadtests.authorities import key
from tests.unit.loadtests.endpoint.servers import FORM, Exchange, body_of, certificate, listening
from tests.unit.loadtests.exchanges import numbered

DEADLINE_S = 10


@contextmanager
def connected(url: str, **options: int) -> Iterator[socket.socket]:
    """A connection to a server."""
    parts = urlsplit(url)
    with socket.socket() as made:
        for name, value in options.items():
            made.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        made.settimeout(DEADLINE_S)
        made.connect((parts.hostname, parts.port))
        yield made


def until_end(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    came = b""
    try:
        while piece := connection.recv(65_536):
            came += piece
    except ConnectionResetError:
        pass
    return came


def sent_until_end(connection: socket.socket, pieces: list[bytes], pause_s: float = 0) -> int:
    """How many pieces could be sent before the server closed."""
    for number, piece in enumerate(pieces):
        try:
            connection.sendall(piece)
        except (ConnectionResetError, BrokenPipeError):
            return number
        time.sleep(pause_s)
    return len(pieces)


def answer(connection: socket.socket) -> tuple[int, bytes, bytes]:
    """One answer: status, header, body."""
    came = b""
    while b"\r\n\r\n" not in came:
        piece = connection.recv(65_536)
        assert piece, came
        came += piece
    head, _, body = came.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return int(head.split()[1]), head.lower(), body


def head_of(length: int | None, *lines: str, path: str = MESSAGES) -> bytes:
    """The head of a submission; chunked where there is no length."""
    how = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    said = [f"POST {path} HTTP/1.1", "Host: a", f"Content-Type: {FORM}", how, *lines, "", ""]
    return "\r\n".join(said).encode()


def chunked(body: bytes, size: int = 100) -> bytes:
    """A body in chunks, without its end."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces)


NUMBERS = count()
HASTY = {"header_s_max": 0.3, "body_idle_s_max": 0.2}


def new() -> tuple[bytes, bytes]:
    """A message that was not sent before, as a whole request and as the body of one."""
    body = body_of(numbered(next(NUMBERS)))
    return head_of(len(body)) + body, body


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Exchange]]:
    """A server with the usual settings."""
    with listening(tmp_path_factory.mktemp("usual") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Exchange]]:
    """A server that waits for nobody."""
    with listening(tmp_path_factory.mktemp("hasty") / "data", **HASTY) as found:
        yield found


def test_a_connection_is_used_again(usual: tuple[str, Exchange]) -> None:
    """A message and its replay over one connection; the answer does not name the software."""
    sent, _ = new()
    url, exchange = usual
    with connected(url) as connection:
        connection.sendall(sent)
        status, head, receipt = answer(connection)
        assert status == 201
        assert check_evidence(receipt, exchange.issuer).event is Event.SUBMISSION_ACCEPTANCE
        assert b"date: " in head
        assert b"server: " not in head
        connection.sendall(sent)
        assert answer(connection)[::2] == (200, receipt)


def test_a_body_in_chunks(usual: tuple[str, Exchange]) -> None:
    """A body whose length is not known beforehand is taken as well, also by one who waits to be asked for it."""
    _, body = new()
    url, _ = usual
    with connected(url) as connection:
        connection.sendall(head_of(None) + chunked(body) + b"0\r\n\r\n")
        assert answer(connection)[0] == 201
        connection.sendall(head_of(len(body), "Expect: 100-continue"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert answer(connection)[0] == 200


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("ends", [True, False])
def test_a_header_has_a_limit(usual: tuple[str, Exchange], pieces: int, ends: bool) -> None:
    """A header that is too large is refused, in one piece or in many, ended or not, and the connection closed."""
    sent = head_of(0, f"X-A: {'a' * 20_000}")
    sent = sent if ends else sent[:-4]
    url, exchange = usual
    before = len(exchange.lines)
    with connected(url) as connection:
        size = len(sent) // pieces + 1
        for at in range(0, len(sent), size):
            connection.sendall(sent[at : at + size])
            time.sleep(0.01)  # so that they are not put together again
        came = until_end(connection)
        assert came.startswith(b"HTTP/1.1 431 ")
        assert json.loads(came.partition(b"\r\n\r\n")[2])["code"] == "header-too-large"
        assert len(exchange.lines) == before


def test_many_small_headers_have_the_limit_too(usual: tuple[str, Exchange]) -> None:
    """It is the whole header that is counted, not one line of it."""
    sent = head_of(0, *[f"X-{n}: a" for n in range(3000)])
    url, _ = usual
    with connected(url) as connection:
        connection.sendall(sent)
        assert until_end(connection).startswith(b"HTTP/1.1 431 ")


def test_a_large_piece_is_no_large_header(usual: tuple[str, Exchange]) -> None:
    """A small header that comes in one piece with much of its body is taken."""
    body = body_of(numbered(9000), b"a" * 60_000)
    url, _ = usual
    with connected(url) as connection:
        connection.sendall(head_of(len(body)) + body)
        status, _, problem = answer(connection)
        assert (status, json.loads(problem)["code"]) == (413, "body-too-large")


def test_trailers_have_a_limit(usual: tuple[str, Exchange]) -> None:
    """After the last chunk nobody can send header lines without end."""
    url, _ = usual
    with connected(url) as connection:
        connection.sendall(head_of(None) + b"5\r\n--a-b\r\n0\r\n")
        sent = sent_until_end(connection, [b"X-A: " + b"a" * 1000 + b"\r\n"] * 1000, pause_s=0.001)
        assert sent < 500


SENT, _ = new()
SLOW = {
    "nothing": b"",
    "half a header": SENT[:40],
    "half a second header": SENT + SENT[:40],
    "a body that is not read any more": head_of(9_000, "Content-Encoding: gzip") + b"a",
}


@pytest.mark.parametrize("name", SLOW)
def test_who_does_not_go_on_is_ended(hasty: tuple[str, Exchange], name: str) -> None:
    """A connection that begins something and does not go on is closed, long before it may be idle."""
    url, _ = hasty
    with connected(url) as connection:
        connection.sendall(SLOW[name])
        begun_s = time.monotonic()
        time.sleep(0.01)
        if name.startswith("a body"):
            connection.sendall(b"a")
        until_end(connection)
        assert time.monotonic() - begun_s < DEADLINE_S / 2


def test_a_dripping_header_is_ended(tmp_path: Path) -> None:
    """A byte now and then does not buy time for a header."""
    with listening(tmp_path / "data", header_s_max=0.2) as (url, _), connected(url) as connection:
        drops = [bytes([one]) for one in head_of(0, f"X-A: {'a' * 5000}")]
        assert sent_until_end(connection, drops, pause_s=0.005) < 500


def test_an_idle_connection_is_kept(hasty: tuple[str, Exchange]) -> None:
    """After an answer a connection may be idle for longer than a header may take."""
    sent, _ = new()
    url, _ = hasty
    with connected(url) as connection:
        connection.sendall(sent)
        assert answer(connection)[0] == 201
        time.sleep(2 * HASTY["header_s_max"])
        connection.sendall(sent)
        assert answer(connection)[0] == 200


def test_what_is_read_away_in_time_ends_nothing(hasty: tuple[str, Exchange]) -> None:
    """After a refusal the rest of a small body may still come, and then the connection is idle as after any answer."""
    sent, _ = new()
    url, _ = hasty
    with connected(url) as connection:
        connection.sendall(head_of(1000, "Content-Encoding: gzip") + b"a" * 500)
        assert answer(connection)[0] == 415
        connection.sendall(b"a" * 100)
        time.sleep(0.05)
        connection.sendall(b"a" * 400)
        time.sleep(2 * HASTY["header_s_max"])
        connection.sendall(sent)
        assert answer(connection)[0] == 201


def test_connections_have_a_limit(tmp_path: Path) -> None:
    """One connection too many is told so and closed; the others go on."""
    sent, _ = new()
    with listening(tmp_path / "data", connections_max=1) as (url, _), connected(url) as first:
        first.sendall(sent)
        assert answer(first)[0] == 201
        with connected(url) as second:
            came = until_end(second)
            assert came.startswith(b"HTTP/1.1 503 ")
            assert json.loads(came.partition(b"\r\n\r\n")[2])["code"] == "too-many-in-flight"
        first.sendall(sent)
        assert answer(first)[0] == 200


def test_who_reads_nothing_is_ended(tmp_path: Path) -> None:
    """Answers that nobody reads are not kept for ever."""
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
    with (
        listening(tmp_path / "data", write_s_max=0.1) as (url, _),
        connected(url, SO_RCVBUF=4096) as connection,
    ):
        assert sent_until_end(connection, [asked * 10] * 20_000) < 20_000


def test_a_refusal_reaches_who_is_still_sending(usual: tuple[str, Exchange]) -> None:
    """A client that sends a large body to its end, then reads, finds the reason why it was refused."""
    large = body_of(numbered(9001), b"a" * 3_000_000)
    url, _ = usual
    with connected(url) as connection:
        connection.sendall(head_of(len(large)) + large)
        came = until_end(connection)
        assert json.loads(came.partition(b"\r\n\r\n")[2])["code"] == "body-too-large"


def test_slow_bodies_are_ended(hasty: tuple[str, Exchange]) -> None:
    """A body that stops coming is refused as such, and the connection closed."""
    sent, _ = new()
    url, exchange = hasty
    with connected(url) as connection:
        connection.sendall(sent[:-20])
        came = until_end(connection)
        assert came.startswith(b"HTTP/1.1 408 ")
        assert json.loads(came.partition(b"\r\n\r\n")[2])["code"] == "body-too-slow"
        assert exchange.service.places.taken == 0


def test_what_is_no_http_is_refused(usual: tuple[str, Exchange]) -> None:
    """Bytes that are no request are answered and the connection closed; the server goes on."""
    sent, _ = new()
    url, _ = usual
    with connected(url) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert until_end(connection).startswith(b"HTTP/1.1 400 ")
    with connected(url) as connection:
        connection.sendall(sent)
        assert answer(connection)[0] == 201


def test_a_server_that_stops(tmp_path: Path) -> None:
    """While a request in flight is finished, nobody waits for an inbox any more; then the connection ends."""
    sent, _ = new()
    with listening(tmp_path / "data") as (url, exchange), connected(url) as connection:
        connection.sendall(sent[:-20])
        wait_until(lambda: exchange.service.places.taken)
        exchange.stop()
        wait_until(lambda: exchange.service.arrivals.closed)
        connection.sendall(sent[-20:])
        assert until_end(connection).startswith(b"HTTP/1.1 201 ")


def wait_until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def head(*lines: str) -> bytes:
    """A head of these lines."""
    return "\r\n".join([*lines, "", ""]).encode()


POST = f"POST {MESSAGES} HTTP/1.1"
TWO_WAYS = {
    "no host": [POST, f"Content-Type: {FORM}", "Content-Length: 0"],
    "two hosts": [POST, "Host: a", "Host: b", f"Content-Type: {FORM}", "Content-Length: 0"],
    "an upgrade with a body": [POST, "Host: a", "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 9"],
    "no request": ["NONSENSE"],
}


@pytest.mark.parametrize("name", TWO_WAYS)
def test_what_can_be_read_in_two_ways_is_refused(usual: tuple[str, Exchange], name: str) -> None:
    """What is no clear request gets a problem document, and nothing more is read from its connection."""
    with connected(usual[0]) as connection:
        connection.sendall(head(*TWO_WAYS[name]) + b"a" * 9)
        came = until_end(connection)
        assert came.startswith(b"HTTP/1.1 400 ")
        assert came.count(b"HTTP/1.1 ") == 1
        assert json.loads(came.partition(b"\r\n\r\n")[2])["code"] == "request-malformed"


def test_what_was_asked_before_is_answered_first(usual: tuple[str, Exchange]) -> None:
    """Bytes that are no request do not take the place of the receipts of the messages before them."""
    one, other = new()[0], new()[0]
    with connected(usual[0]) as connection:
        connection.sendall(one + other + b"NONSENSE\r\n\r\n")
        came = until_end(connection)
        assert [part[:3] for part in came.split(b"HTTP/1.1 ")[1:]] == [b"201", b"201", b"400"]


def test_a_broken_body_ends_its_request(usual: tuple[str, Exchange]) -> None:
    """Where the chunks of a body cannot be read, its request ends at once, and its place is free."""
    url, exchange = usual
    with connected(url) as connection:
        connection.sendall(head_of(None) + b"5\r\n--a-b\r\nNONSENSE\r\n")
        assert until_end(connection).startswith(b"HTTP/1.1 400 ")
        wait_until(lambda: exchange.service.places.taken == 0)


def tls_files(path: Path) -> dict[str, Any]:
    """A certificate and its key."""
    pair = {"tls_certificate": path / "certificate.pem", "tls_key": path / "key.pem"}
    pair["tls_certificate"].write_bytes(to_pem(certificate()))
    pair["tls_key"].write_bytes(key_to_pem(key("exchange"), None))
    return pair


def test_tls(tmp_path: Path) -> None:
    """With a certificate the same is served over TLS, and old versions of it are not spoken."""
    sent, _ = new()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with listening(tmp_path / "data", **tls_files(tmp_path)) as (url, _):
        assert url.startswith("https://")
        with connected(url) as plain, context.wrap_socket(plain) as connection:
            assert connection.version() in {"TLSv1.2", "TLSv1.3"}
            connection.sendall(sent)
            assert answer(connection)[0] == 201


def test_lines_are_written_together() -> None:
    """The lines of one turn of the loop are one write; without a loop, and at the end, each is written at once."""
    written: list[str] = []
    lines = Lines(written.append)

    async def turns() -> None:
        lines("a\n")
        lines("b\n")
        assert not written
        await asyncio.sleep(0.01)
        lines("c\n")

    asyncio.run(turns())
    lines.flush()
    lines("d\n")
    assert written == ["a\nb\n", "c\n", "d\n"]


def test_what_cannot_be_listened_on(tmp_path: Path) -> None:
    """An address that is taken is told in one line."""
    with server.bound(Settings(tmp_path, port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError) as refused:
            server.bound(Settings(tmp_path, port=port))
    assert refused.value.code == "address-unavailable"
    assert str(port) in refused.value.message


def test_a_head_that_follows_in_the_same_segment_has_limits_too(usual: tuple[str, Exchange]) -> None:
    """What comes together with the request before it is measured as well."""
    with connected(usual[0]) as connection:
        connection.sendall(new()[0] + head("GET /healthz HTTP/1.1", "Host: a", f"X-A: {'a' * 20_000}"))
        came = until_end(connection)
        assert [part[:3] for part in came.split(b"HTTP/1.1 ")[1:]] == [b"201", b"431"]


def test_an_upgrade_that_is_not_spoken_ends_the_connection(usual: tuple[str, Exchange]) -> None:
    """What follows such a request is not read, so the client is not left to wait for an answer."""
    asked = head("GET /healthz HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: h2c")
    with connected(usual[0]) as connection:
        connection.sendall(asked + new()[0])
        assert until_end(connection).count(b"HTTP/1.1 200 ") == 1


def test_who_has_said_all_still_gets_the_answer(usual: tuple[str, Exchange]) -> None:
    """A client that closes its own side after the request has its receipt."""
    with connected(usual[0]) as connection:
        connection.sendall(new()[0])
        connection.shutdown(socket.SHUT_WR)
        assert until_end(connection).startswith(b"HTTP/1.1 201 ")
