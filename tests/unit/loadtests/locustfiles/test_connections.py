"""Requests over real connections, against servers that behave and others."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import gevent
import gevent.ssl
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gevent.server import StreamServer

from loadtests.adapters.base import Answer, NoAnswer, Request
from loadtests.locustfiles import connections as module
from loadtests.locustfiles.connections import Connections
from loadtests.locustfiles.threads import Crew, ThreadIo, Turns
from loadtests.locustfiles.wire import LARGE_BYTES, Rendered, render
from sim.errors import InputError

OK = b"HTTP/1.1 201 Created\r\nX-One: two\r\nContent-Length: 2\r\n\r\nok"


def read_request(socket: Any) -> bytes:
    """One whole request; empty when the other side has closed."""
    data, more = b"", b""
    while b"\r\n\r\n" not in data:
        if not (more := socket.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
    while len(body) < length:
        if not (more := socket.recv(65536)):
            return b""
        body += more
    return head + b"\r\n\r\n" + body


@contextmanager
def serving(handle: Callable[[Any], Any], **tls: Any) -> Iterator[int]:
    """Serve each connection with ``handle`` on a port of loopback."""

    def one(socket: Any, _: object) -> None:
        with socket:
            handle(socket)

    server = StreamServer(("127.0.0.1", 0), one, **tls)
    server.start()
    yield server.server_port
    server.stop(timeout=0.1)


class InThread:
    """Asks from native threads, as adapters do for recipients."""

    def __init__(self, pool: Connections) -> None:
        self.crew = Crew(20, Turns(1))
        self.pool = pool
        self._io = ThreadIo(self.crew, pool.gently)

    @property
    def opened(self) -> int:
        return self.pool.opened

    def request(self, request: Request) -> Answer:
        answer: Answer = self.crew.call(self._io.request, request)
        return answer


ways = pytest.mark.parametrize("way", ["hub", "thread"])


@contextmanager
def asking(port: int, way: str = "hub", *, scheme: str = "http", timeout_s: float = 2.0) -> Iterator[Any]:
    """Connections to that port, for greenlets or for native threads."""
    made = Connections(f"{scheme}://127.0.0.1:{port}", timeout_s)
    if way == "hub":
        yield made
    else:
        threaded = InThread(made)
        yield threaded
        threaded.crew.close()
    made.close()


def answering(*answers: bytes) -> Callable[[Any], None]:
    """Give the requests of a connection these answers, and close it."""

    def handle(socket: Any) -> None:
        for answer in answers:
            if not read_request(socket):
                return
            socket.sendall(answer)

    return handle


def always(socket: Any) -> None:
    """Answer every request on a connection that stays open."""
    while read_request(socket):
        socket.sendall(OK)


def refused_with(port: int, way: str, timeout_s: float = 2.0) -> str:
    """The code with which a request gets no answer."""
    with asking(port, way, timeout_s=timeout_s) as io, pytest.raises(NoAnswer) as none:
        io.request(Request("POST", "/", body=(b"x",)))
    return none.value.code


@ways
def test_an_answer_is_told_as_it_came(way: str) -> None:
    """Status, headers in lower case, body and the order of its moments."""
    with serving(always) as port, asking(port, way) as io:
        answer = io.request(Request("POST", "/v1?a=b", {"X-Mine": "1"}, (b"bo", b"dy")))
    assert (answer.status, answer.body, answer.headers["x-one"]) == (201, b"ok", "two")
    assert answer.sent_s < answer.done_s


@ways
def test_a_connection_is_used_again_and_as_many_are_made_as_needed(way: str) -> None:
    """One after another takes one connection; twenty at a time take twenty, and nobody waits for one."""

    def slow(socket: Any) -> None:
        while read_request(socket):
            gevent.sleep(0.05)
            socket.sendall(OK)

    with serving(slow) as port, asking(port, way) as io:
        for _ in range(3):
            io.request(Request("GET", "/"))
        assert io.opened == 1
        gevent.joinall([gevent.spawn(io.request, Request("GET", "/")) for _ in range(20)], raise_error=True)
        assert io.opened == 20


@ways
def test_a_connection_that_was_closed_meanwhile_is_not_used_again(way: str) -> None:
    """The next request does not fail because the server closed an idle connection."""
    with serving(answering(OK)) as port, asking(port, way) as io:
        for _ in range(3):
            assert io.request(Request("GET", "/")).status == 201
            gevent.sleep(0.05)
        assert io.opened == 3


def test_what_has_been_idle_too_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tidying up closes idle connections before the server does."""
    with serving(always) as port, asking(port) as io:
        io.request(Request("GET", "/"))
        monkeypatch.setattr(module, "IDLE_MAX_S", 0.0)
        gevent.sleep(0.01)
        io.tidy()
        assert not io._idle


@ways
@pytest.mark.parametrize(
    ("handle", "code"),
    [
        (lambda _: gevent.sleep(5), "timeout"),
        (read_request, "reset"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "reset"),
        (answering(b"SMTP ready\r\n\r\n"), "malformed"),
    ],
)
def test_why_no_answer_came_is_told(way: str, handle: Callable[[Any], Any], code: str) -> None:
    """Silence, a close before or in the middle of an answer, and what is no HTTP have codes of their own."""
    with serving(handle) as port:
        assert refused_with(port, way, timeout_s=0.2) == code


@ways
def test_nobody_there_is_told_as_such(way: str) -> None:
    """A port that nobody listens on refuses."""
    with serving(always) as port:
        pass
    assert refused_with(port, way) == "refused"


def test_an_answer_without_length_ends_with_its_connection() -> None:
    """HTTP allows it; the connection is not used again."""
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end"
    with serving(answering(answer)) as port, asking(port) as io:
        assert io.request(Request("GET", "/")).body == b"until the end"
        assert not io._idle


@ways
def test_large_bodies_arrive_whole_and_in_order(way: str) -> None:
    """Ten megabytes in pieces of all sizes arrive as they were given, and come back."""
    body = tuple(bytes([one % 256]) * (7 + one * LARGE_BYTES // 9) for one in range(100))

    def echo(socket: Any) -> None:
        sent = read_request(socket).partition(b"\r\n\r\n")[2]
        socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(sent) + sent)

    with serving(echo) as port, asking(port, way, timeout_s=20.0) as io:
        assert io.request(Request("POST", "/", body=body)).body == b"".join(body)


@ways
def test_an_answer_that_comes_before_all_was_read_counts(way: str) -> None:
    """An exchange may refuse a large body, answer and close: that is its answer."""

    def early(socket: Any) -> None:
        socket.recv(1000)
        socket.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        gevent.sleep(0.1)

    with serving(early) as port, asking(port, way) as io:
        assert io.request(Request("POST", "/", body=(bytes(20_000_000),))).status == 413


def test_a_rendered_request_reads_as_it_was() -> None:
    """What the bank gives back looks to an adapter like the request that it made."""
    request = Request("PUT", "/a?b", {"One": "1", "Two": "2: 3"}, (b"small", bytes(LARGE_BYTES), b"end"))
    found = Rendered(render(request, "exchange.test"))
    assert (found.method, found.path, found.headers) == (request.method, request.path, request.headers)
    assert b"".join(found.body) == b"".join(request.body)
    assert found.body[0] == b"small"
    assert render(found, "another") is found.wire


def test_a_header_with_a_line_break_is_not_sent() -> None:
    """It would be another header, or another request."""
    with pytest.raises(ValueError, match="line break"):
        render(Request("GET", "/", {"X": "a\r\nY: b"}), "exchange.test")


def test_only_http_is_a_target() -> None:
    """Anything else is refused with what was found."""
    with pytest.raises(InputError, match="ftp"):
        Connections("ftp://exchange.test", 1.0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for loopback that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "certificate.pem", folder / "key.pem"


def tls_of(certificate: tuple[Path, Path]) -> dict[str, Any]:
    """What a server needs."""
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return {"ssl_context": context}


@ways
def test_tls_works_with_a_certificate_that_is_trusted(
    way: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several requests over one connection, large ones too."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with serving(always, **tls_of(certificate)) as port, asking(port, way, scheme="https") as io:
        for _ in range(3):
            assert io.request(Request("POST", "/", body=(bytes(100_000),))).body == b"ok"
        assert io.opened == 1


@ways
def test_a_certificate_that_nobody_trusts_is_refused(way: str, certificate: tuple[Path, Path]) -> None:
    """TLS is always checked; no option turns that off."""
    with serving(always, **tls_of(certificate)) as port, asking(port, way, scheme="https") as io:
        with pytest.raises(NoAnswer) as none:
            io.request(Request("GET", "/"))
        assert none.value.code == "refused"
        assert "certificate" in none.value.detail.lower()
