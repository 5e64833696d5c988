"""Servers that are killed, stopped and started again while clients work: who holds a receipt can rely on it."""

from __future__ import annotations

import random
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from loadtests.composing import Multipart
from tests.integration.exchange.aftermath import require_growing, require_sound
from tests.integration.exchange.crashing import Place, until
from tests.integration.exchange.crowd import Crowd, Ledger, at_work

pytestmark = pytest.mark.usefixtures("full_speed")

KILLS = 6
STOPS = 2
LARGE_BYTES = 3_000_000
SERVE = "import sys; from sim.cli import main; sys.exit(main(sys.argv[1:]))"
BEHIND_S = 30
"""How far a clock is set back: less than makes the revocation lists of the place ones from the future."""


def test_servers_are_killed_while_clients_work(database_url: str, tmp_path: Path) -> None:
    """Whatever is killed when, each client gets its receipt, and the store holds what all of them hold, once."""
    chance, ledger = random.Random(0), Ledger()
    with Place.made(tmp_path / "data", database_url) as place:
        with Crowd(place, ledger) as crowd:
            for number in range(KILLS):
                server = place.start()
                if number == KILLS - 1:  # one that has not come to its senses
                    time.sleep(chance.uniform(0.1, 0.5))
                else:
                    server.ready()
                    crowd.receipts(chance.randrange(1, 60))
                server.kill()
            server = place.start().ready()
            crowd.receipts(20)
        require_growing(place, ledger)
        assert server.end() == 0
        assert place.arriving == []
        require_sound(place, ledger)
    assert ledger.answers <= {(409, "message-in-flight"), (401, "request-expired")}


def test_half_a_document_of_a_killed_server(database_url: str, tmp_path: Path) -> None:
    """What a killed server had received of a document is gone after the next one, and the whole is accepted."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", database_url) as place, at_work(place, ledger) as worker:
        prepared = worker.letter(LARGE_BYTES)
        server = place.start().ready()
        with half_sent(place, Multipart(prepared.compact, prepared.documents, (LARGE_BYTES,))):
            until(lambda: [one for one in place.arriving if one.stat().st_size], "a part of the document")
            server.kill()
        (left,) = place.arriving
        server = place.start().ready()
        sent = worker.submit(prepared)
        assert not sent.replayed
        assert not left.exists()
        assert server.end() == 0
        assert place.arriving == []
        found = require_sound(place, ledger)
        assert found.remarks == ()


@contextmanager
def half_sent(place: Place, body: Multipart) -> Iterator[None]:
    """A submission of which the second half does not come."""
    parts = urlsplit(place.url)
    head = (
        f"POST /v1/messages HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {body.content_type}\r\n"
        f"Content-Length: {body.content_length}\r\n\r\n"
    )
    whole = b"".join(body)
    with socket.create_connection((str(parts.hostname), place.port)) as connection:
        connection.sendall(head.encode() + whole[: len(whole) // 2])
        yield


def test_a_server_is_stopped_while_clients_work(database_url: str, tmp_path: Path) -> None:
    """At SIGTERM whatever was begun is answered: no message was accepted without its receipt reaching its sender."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", database_url) as place:
        with Crowd(place, ledger, steps={"send": 3, "report": 1}) as crowd:
            for _ in range(STOPS):
                server = place.start().ready()
                crowd.receipts(20)
                assert server.end(signal.SIGTERM) == 0
            place.start().ready()
            crowd.receipts(20)
        assert place.servers[-1].end() == 0
        require_sound(place, ledger)
    assert ledger.replayed == 0
    assert ledger.answers <= {(503, "not-ready")}


def test_a_second_server_is_told_in_one_line(tmp_path: Path) -> None:
    """Only one process serves a data directory; the other ends with exit code 2, and the first goes on."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", "") as place, at_work(place, ledger) as worker:
        place.start().ready()
        assert refused_start(place, SERVE).startswith("folder-in-use: ")
        worker.submit(worker.letter(10))


def test_a_clock_that_was_set_back_is_told_in_one_line(tmp_path: Path) -> None:
    """A server whose clock lies behind what was signed last does not start; with the right time it does."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", "") as place, at_work(place, ledger) as worker:
        server = place.start().ready()
        sent = worker.submit(prepared := worker.letter(10))
        server.kill()
        behind = f"import time; now = time.time; time.time = lambda: now() - {BEHIND_S}; {SERVE}"
        assert refused_start(place, behind).startswith("clock-behind: ")
        place.start().ready()
        assert worker.submit(prepared).receipt == sent.receipt


def refused_start(place: Place, script: str) -> str:
    """What ``congvan serve`` says that does not start: one line, and perhaps a hint below it."""
    words = ["serve", "--data", str(place.data), "--port", "0"]
    words += ["--database", place.database] if place.database else []
    server = place.run([sys.executable, "-c", script, *words])
    until(lambda: server.process.poll() is not None, "the end of a server that must not start")
    assert server.end() == 2
    said = server.told
    assert len(said.splitlines()) <= 2, said
    return said
