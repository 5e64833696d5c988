"""A server process as operators run it: signals, kills, restarts, and the same on both databases."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from loadtests.endpoint.app import MESSAGES
from loadtests.endpoint.folder import Folder
from loadtests.endpoint.store.opening import open_store
from loadtests.exchange import checkpoint
from loadtests.exchange.receipts import check_evidence
from loadtests.exchange.records import MessageKey
from loadtests.exchange.strict import decode_base64url, encode_base64url
from tests.unit.loadtests.authorities import AT
from tests.unit.loadtests.endpoint.servers import FORM, body_of, folder
from tests.unit.loadtests.exchanges import SENDER, numbered, submission

DEADLINE_S = 20
SCRIPT = """
import sys, time
from pathlib import Path
from loadtests.endpoint.server import serve
from loadtests.endpoint.settings import Settings
from loadtests.exchange.errors import ExchangeError

data, database, begun_at = Path(sys.argv[1]), sys.argv[2] or None, float(sys.argv[3])
started_s = time.monotonic()
settings = Settings(data, database, port=0, checkpoint_every_s=0.05, checkpoint_s=0.05, stop_s_max=5)
try:
    serve(settings, lambda url: print(url, flush=True), clock=lambda: begun_at + time.monotonic() - started_s)
except ExchangeError as error:
    sys.exit(error.code)
"""


class Process:
    """A server process.

    Args:
        data: Its data directory.
        database: Its PostgreSQL database, or nothing.
        at: What its clock shows at the start.
    """

    def __init__(self, data: Path, database: str = "", at: float = AT) -> None:
        command = [sys.executable, "-c", SCRIPT, str(data), database, str(at)]
        root = Path(__file__).parents[3]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()
        self._lines: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        """Its log, so that it never waits for a reader."""
        assert self.process.stderr is not None
        self._lines.extend(self.process.stderr)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, list[dict[str, Any]]]:
        """Send it a signal, and wait; its status and its log."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, list[dict[str, Any]]]:
        """Wait until it has ended; its status and its log."""
        status = self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return status, [json.loads(line) for line in self._lines if line.startswith(b"{")]

    @property
    def error(self) -> str:
        """What it ended with instead of serving."""
        return b"".join(self._lines).decode().strip()


@contextmanager
def process(data: Path, database: str = "", at: float = AT) -> Iterator[Process]:
    """A server process, killed at the end if nothing else has ended it."""
    made = Process(data, database, at)
    try:
        yield made
    finally:
        if made.process.returncode is None:
            made.end(signal.SIGKILL)


def send(url: str, number: int) -> httpx.Response:
    """A message."""
    with httpx.Client(base_url=url, timeout=DEADLINE_S) as client:
        return client.post(MESSAGES, content=body_of(numbered(number)), headers={"content-type": FORM})


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Nothing for SQLite in the data directory, or the address of a new database."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres").create())


def test_a_server_is_killed_and_started_again(tmp_path: Path, database: str) -> None:
    """What has a receipt has the same one after ``kill -9``, its message once, and the log only grows."""
    data = folder(tmp_path / "data").path
    receipts: dict[int, bytes] = {}
    heads = []
    for turn in range(2):
        with process(data, database, at=AT + 100 * turn) as server, ThreadPoolExecutor(8) as senders:
            numbers = [number % 12 + 8 * turn for number in range(24)]  # each twice, some from before

            def one(number: int, url: str = server.url) -> None:
                with suppress(httpx.TransportError):
                    answer = send(url, number)
                    if answer.status_code in {200, 201}:
                        assert receipts.setdefault(number, answer.content) == answer.content

            sending = [senders.submit(one, number) for number in numbers]
            for done in sending[: 8 + 4 * turn]:
                done.result()
            server.end(signal.SIGKILL)
            for done in sending:
                done.result()
    with process(data, database, at=AT + 1000) as server:
        for number, receipt in receipts.items():
            answer = send(server.url, number)
            assert (answer.status_code, answer.content) == (200, receipt)
        issuer = Folder(data).identity().issuer
        head = httpx.get(f"{server.url}/v1/log/checkpoint").content
        heads = [checkpoint.check(head, issuer)]
        assert server.end()[0] == 0
    assert receipts
    store = open_store(database or data / "store.sqlite3", read_only=True)
    try:
        leaves = [check_evidence(receipt, issuer).log for receipt in receipts.values()]
        assert len({leaf.leaf_index for leaf in leaves if leaf}) == len(receipts)
        made = [checkpoint.check(one.compact, issuer) for one in store.checkpoints()]
        assert [one.size for one in made] == sorted(one.size for one in made)
        assert [one.issued_at for one in made] == sorted(one.issued_at for one in made)
        assert heads[0].size == store.size() >= len(receipts)
        for number in receipts:
            assert store.find([MessageKey(SENDER, f"message-{number:04d}")])[0] is not None
    finally:
        store.close()


def test_a_signal_ends_it_in_good_order(tmp_path: Path) -> None:
    """At SIGTERM what is under way gets its receipt, nobody new is let in, and the process ends well."""
    data = folder(tmp_path / "data").path
    with process(data) as server:
        assert send(server.url, 1).status_code == 201
        parts = urlsplit(server.url)
        body = body_of(numbered(2))
        head = f"POST {MESSAGES} HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection((parts.hostname, parts.port), DEADLINE_S) as connection:
            connection.sendall(head.encode() + body[:-30])
            while not in_flight(server.url):
                pass
            server.process.send_signal(signal.SIGTERM)
            while can_connect(parts.hostname, parts.port):
                pass
            connection.sendall(body[-30:])
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 201 ")
        status, log = server.wait()
    assert status == 0
    assert [line["event"] for line in log if line["event"] != "submission"] == [
        "started",
        "listening",
        "stopped",
    ]
    assert [line["code"] for line in log if line["event"] == "submission"] == ["accepted", "accepted"]


def in_flight(url: str) -> bool:
    """Whether a submission is being taken."""
    return "congvan_submissions_in_flight 1.0" in httpx.get(f"{url}/metrics").text


def can_connect(host: str | None, port: int | None) -> bool:
    """Whether the server takes connections."""
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def test_one_process_serves_a_folder(tmp_path: Path) -> None:
    """A second server for the same folder does not start."""
    data = folder(tmp_path / "data").path
    with process(data) as first, process(data) as second:
        assert second.wait()[0] == 1
        assert second.error == "folder-in-use"
        assert send(first.url, 1).status_code == 201


def test_a_clock_that_was_set_back(tmp_path: Path, database: str) -> None:
    """A server whose clock lies behind what it signed does not start."""
    data = folder(tmp_path / "data").path
    with process(data, database, at=AT + 100) as server:
        assert send(server.url, 1).status_code == 201
        server.end()
    with process(data, database, at=AT) as server:
        assert server.wait()[0] == 1
        assert server.error == "clock-behind"


def test_a_tls_key_that_does_not_fit(tmp_path: Path) -> None:
    """A certificate file that is none is told in a word, not by a traceback."""
    data = folder(tmp_path / "data").path
    (tmp_path / "bad.pem").write_text("no certificate")
    bad = f"Path({str(tmp_path / 'bad.pem')!r})"
    script = SCRIPT.replace("port=0,", f"port=0, tls_certificate={bad}, tls_key={bad},")
    command = [sys.executable, "-c", script, str(data), "", str(AT)]
    ended = subprocess.run(
        command, capture_output=True, cwd=Path(__file__).parents[3], timeout=DEADLINE_S, check=False
    )
    assert ended.stderr.decode().splitlines()[-1] == "tls-unusable"
    assert b"Traceback" not in ended.stderr


def test_large_documents_go_through_the_disk(tmp_path: Path, database: str) -> None:
    """A document of some megabytes is stored as a file, and read back as it was sent."""
    data = folder(tmp_path / "data").path
    large = os.urandom(3_000_000)
    digest = encode_base64url(sha256(large).digest())
    named = {"name": "a.pdf", "media_type": "application/pdf", "size_bytes": len(large), "sha256": digest}
    with process(data, database) as server:
        sent = body_of(submission(documents=[named]), large)
        answer = httpx.post(
            f"{server.url}{MESSAGES}", content=sent, headers={"content-type": FORM}, timeout=DEADLINE_S
        )
        assert answer.status_code == 201
        server.end(signal.SIGKILL)
    name = decode_base64url(digest).hex()
    assert (data / "blobs" / name[:2] / name[2:]).read_bytes() == large
