from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from loadtests.adapters.base import Adapter, AdapterError, ReceiptError, Request, TargetError
from loadtests.adapters.blocking_io import BlockingIo
from loadtests.adapters.finding import load
from loadtests.adapters.null import NullAdapter
from loadtests.adapters.servers.null_server import Queue, receipt_of
from loadtests.exchange import keys
from loadtests.exchange.pki_keys import KeyKind, derive_key
from tests.unit.loadtests.adapters.running import asking, context, schedule, serving


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A null server."""
    with serving("null_server") as (found, _):
        yield found


@pytest.fixture
def io(url: str) -> Iterator[BlockingIo]:
    """Connections to it."""
    with asking(url) as found:
        yield found


def adapter(url: str, nonce: bytes = b"abcdef", **options: str) -> Adapter:
    """A null adapter with 40 arrivals of 5 kB."""
    return load(context(url, options, schedule(40, sizes=dict.fromkeys(range(40), 5000)), nonce), "null")


def test_every_message_is_counted_once(url: str, io: BlockingIo) -> None:
    """Messages from many threads, one of them sent twice, are all counted, and the ids that differ."""
    made = adapter(url)
    made.setup(io)
    before = made.metrics(io)
    messages = [made.sign(made.make(number)) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda message: made.submit(message, io), [*messages, messages[0]]))
    assert all(one.taken for one in outcomes)
    for message, outcome in zip(messages, outcomes, strict=False):
        made.verify(message, outcome.receipt)
    after = made.metrics(io)
    assert before is not None
    assert after is not None
    assert {name: after[name] - before[name] for name in after} == {"requests": 41, "unique": 40}


def test_another_messages_receipt_does_not_hold(url: str) -> None:
    """The receipt must name the message."""
    made = adapter(url)
    message = made.sign(made.make(3))
    made.verify(message, receipt_of(message.id))
    for wrong in (b"", receipt_of(made.sign(made.make(4)).id), receipt_of(message.id) + b" "):
        with pytest.raises(ReceiptError):
            made.verify(message, wrong)


def test_ids_can_be_read_again(url: str) -> None:
    """The number of an id of this run comes back; of another run's there is none."""
    made = adapter(url)
    assert made.number_of(made.sign(made.make(7)).id) == 7
    assert made.number_of(adapter(url, b"ghijkl").sign((7, made.make(7)[1])).id) is None


def test_a_signature_is_real_where_it_is_asked_for(url: str) -> None:
    """It fits the digest of the body; without the option there is none."""
    message = adapter(url, sign="true").sign(adapter(url).make(1))
    key = derive_key(KeyKind.P256, sha256(b"congvan null 7").digest())
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signature = base64.b64decode(message.request.headers["X-Signature"])
    digest = sha256(b"".join(message.request.body)).digest()
    keys.verify(key.public_key(), keys.Algorithm.ES256, signature, digest)
    assert "X-Signature" not in adapter(url).sign(adapter(url).make(1)).request.headers


def test_a_wrong_option_is_refused(url: str) -> None:
    """``sign`` is true or false."""
    with pytest.raises(AdapterError, match="E-OPTION"):
        adapter(url, sign="maybe")


def test_another_server_is_no_null_server() -> None:
    """Set-up finds out that nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    with asking(gone) as io, pytest.raises(TargetError, match="E-TARGET"):
        NullAdapter(context(gone, {}, schedule(1))).setup(io)


def test_an_inbox_is_empty(io: BlockingIo) -> None:
    """Whatever is read is an empty inbox."""
    answer = io.request(Request("GET", "/v1/inbox?after=-1"))
    assert (answer.status, json.loads(answer.body)) == (200, {"entries": [], "next": -1})


def test_requests_may_come_in_any_pieces(url: str) -> None:
    """Byte by byte, and all at once: each request is answered once, and no body is taken for a request."""
    inner = b"POST /x HTTP/1.1\r\n\r\n"
    one = b"POST /a HTTP/1.1\r\nX-Message-ID: first\r\nContent-Length: %d\r\n\r\n%s" % (len(inner), inner)
    two = b"POST /a HTTP/1.1\r\ncontent-length: 0\r\nx-message-id: second\r\n\r\n"
    at = urlsplit(url)
    for pieces in (
        [one + two],
        [bytes([byte]) for byte in one + two],
        [one[:60], one[60:] + two[:5], two[5:]],
    ):
        with socket.create_connection((at.hostname or "", at.port or 0), 10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            came = b""
            while piece := connection.recv(65536):
                came += piece
        assert came.count(b"HTTP/1.1 201 Created") == 2
        assert came.index(receipt_of("first")) < came.index(receipt_of("second"))


@given(
    st.lists(st.floats(0, 10), max_size=40).map(sorted),
    st.floats(0.001, 2),
    st.integers(1, 5),
)
def test_the_queue_is_that_of_the_textbook(arrivals: list[float], service_s: float, servers: int) -> None:
    """With equal service, message k begins at its arrival or when message k - c ends, whichever is later."""
    queue = Queue(service_s, servers)
    ends: list[float] = []
    for number, at in enumerate(arrivals):
        free = ends[number - servers] if number >= servers else 0.0
        ends.append(max(at, free) + service_s)
        assert queue.end_s(at) == pytest.approx(ends[-1])


def test_a_calibrated_server_answers_no_faster_than_it_can() -> None:
    """Two places of 40 ms: the last of six messages that come at once is answered after 120 ms, not before."""
    with serving("null_server", "--service-ms", "40", "--servers", "2") as (url, process), asking(url) as io:
        made = adapter(url)
        messages = [made.sign(made.make(number)) for number in range(6)]
        began_s = time.perf_counter()
        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(lambda message: made.submit(message, io), messages))
        took_s = sorted(one.answer.done_s - began_s for one in outcomes if one.answer)
        assert len(took_s) == 6
        assert all(
            took >= least for took, least in zip(took_s, (0.04, 0.04, 0.08, 0.08, 0.12, 0.12), strict=True)
        )
        process.terminate()
        assert process.wait(10) == 0


def test_a_server_ends_with_its_standard_input() -> None:
    """Where whoever started it is gone, it does not stay."""
    command = [sys.executable, "-m", "loadtests.adapters.servers.null_server", "--while-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["url"].startswith("http://127.0.0.1:")
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(20) == 0
