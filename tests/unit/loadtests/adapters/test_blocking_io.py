from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from loadtests.adapters.base import NoAnswer, Request
from loadtests.adapters.blocking_io import BlockingIo

OK = b"HTTP/1.1 404 Not Found\r\nX-Kind: a\r\nContent-Length: 4\r\n\r\nnone"


@contextmanager
def answering(answer: Callable[[socket.socket, bytes], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads one request of each connection and leaves the rest to ``answer``; its URL, and what came."""
    came: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    data = b""
                    while not _whole(data) and (piece := connection.recv(65536)):
                        data += piece
                    came.append(data)
                    answer(connection, data)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", came
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _whole(data: bytes) -> bool:
    head, ended, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return bool(ended) and len(body) == (int(length[1]) if length else 0)


def ask(url: str, request: Request, timeout_s: float | None = None) -> tuple[int, dict[str, str], bytes]:
    """One question."""
    with BlockingIo(url, 10.0, time.perf_counter) as io:
        answer = io.request(request, timeout_s)
        assert answer.sent_s <= answer.done_s
        return answer.status, dict(answer.headers), answer.body


def test_an_answer_of_any_status_is_an_answer() -> None:
    """Pieces go out as one body, names of headers come back in lower case."""
    with answering(lambda connection, _: connection.sendall(OK)) as (url, came):
        request = Request("POST", "/v1/x?a=1&b=%20", {"Content-Type": "a/b"}, (b"be", b"gin", b"end"))
        status, headers, body = ask(url, request)
    assert (status, headers["x-kind"], body) == (404, "a", b"none")
    head, _, sent = came[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/x?a=1&b=%20 HTTP/1.1\r\n")
    assert b"content-type: a/b" in head.lower()
    assert b"content-length: 8" in head.lower()
    assert sent == b"beginend"


def test_times_are_of_the_clock_that_was_given() -> None:
    """The first byte goes out after the question was asked, the last came before it was answered."""
    ticks = iter(range(1000))
    with (
        answering(lambda connection, _: connection.sendall(OK)) as (url, _),
        BlockingIo(url, 10.0, lambda: float(next(ticks))) as io,
    ):
        answer = io.request(Request("GET", "/"))
    assert 0 < answer.sent_s < answer.done_s < 1000


def test_nobody_there() -> None:
    """A closed port is ``refused``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(NoAnswer) as fault:
        ask(url, Request("GET", "/"))
    assert fault.value.code == "refused"


def _reset(connection: socket.socket, _: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda *_: None, "reset"),
        (_reset, "reset"),
        (lambda connection, _: connection.sendall(OK[:-1]), "reset"),
        (lambda connection, _: connection.sendall(b"hello\r\n\r\n"), "malformed"),
    ],
)
def test_no_whole_answer(answer: Callable[[socket.socket, bytes], None], code: str) -> None:
    """What ends too soon or is no HTTP is told by its code."""
    with answering(answer) as (url, _), pytest.raises(NoAnswer) as fault:
        ask(url, Request("GET", "/"))
    assert fault.value.code == code


def test_silence_and_dripping_end_in_time() -> None:
    """Neither who says nothing nor who says a byte now and then keeps us."""
    stop = threading.Event()

    def drip(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not stop.wait(0.02):
            try:
                connection.sendall(b"x")
            except OSError:
                return

    def wait(*_: object) -> None:
        stop.wait(10)

    for answer in (drip, wait):
        stop.clear()
        with answering(answer) as (url, _):
            with pytest.raises(NoAnswer) as fault:
                ask(url, Request("GET", "/"), 0.2)
            stop.set()
        assert fault.value.code == "timeout"
