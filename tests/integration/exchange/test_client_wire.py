"""What the client really writes to a socket: a server of the standard library reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import httpx
import pytest

from loadtests.attempts import Retries, SystemClock
from loadtests.client import Client, File, Letter, Unreachable
from tests.unit.loadtests.answering import Answering, credentials
from tests.unit.loadtests.authorities import AT
from tests.unit.loadtests.exchanges import ISSUER, SECOND

LETTER: Final = Letter((SECOND,), "Về việc gửi văn bản", "Công văn", "12", "UBND-VP")


class SetClock(SystemClock):
    """The machine's clock, set to the time of the test's certificates."""

    def now(self) -> float:
        """The time of day."""
        return float(AT)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def client(url: str, http: httpx.Client, retries: Retries) -> Client:
    """A client with the machine's randomness."""
    clock = SetClock()
    return Client(url, credentials(), http, clock=clock, random=os.urandom, exchange=ISSUER, retries=retries)


def test_a_large_document_is_streamed_after_the_exchange_had_no_room(tmp_path: Path) -> None:
    """With its length known, not in chunks; the first attempt is refused and cut off before the body was read."""
    document = os.urandom(3 * 2**20)
    path = tmp_path / "large.pdf"
    path.write_bytes(document)
    lengths: list[int] = []
    answering = Answering()

    class Handler(BaseHTTPRequestHandler):
        """Busy once, then as agreed."""

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            lengths.append(length)
            if len(lengths) == 1:
                self.close_connection = True
                self.send_response(503)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = self.rfile.read(length)
            request = httpx.Request("POST", self.path, headers=dict(self.headers), content=body)
            response = answering.answer(request)
            self.send_response(response.status_code)
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    with serving(Handler) as url, httpx.Client(trust_env=False) as http:
        sent = client(url, http, Retries(first_wait_s=0.01)).send(LETTER, [File(path)])
    assert lengths == [lengths[0]] * 2
    assert lengths[0] > len(document)
    assert sent.evidence.documents[0].size_bytes == len(document)
    assert [unit.receipt for unit in answering.exchange.store.units] == [sent.receipt]


def test_nobody_at_the_address_is_told_in_one_line() -> None:
    """After all attempts, as an error that names what to look at."""
    with serving(BaseHTTPRequestHandler) as url:
        pass
    with httpx.Client(trust_env=False) as http:
        asking = client(url, http, Retries(attempts_max=2, first_wait_s=0.01))
        with pytest.raises(Unreachable, match="exchange-unreachable"):
            asking.agencies()
