"""Faults on a real process: it stands still, dies and comes back, and its network is slowed and cut."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from loadtests.campaign.serving import Process, Server
from sim.errors import RunError

ECHO = """
import json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
threading.Thread(target=lambda: (sys.stdin.buffer.raw.read(1), os._exit(9)), daemon=True).start()
class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Echo)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
server.serve_forever()
"""
PATIENCE_S = 20.0


def command(port: int) -> list[str]:
    """A server that gives back what it gets."""
    return [sys.executable, "-c", ECHO, str(port)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """It, behind the proxy."""
    with Server(command, tmp_path / "log", proxied=True) as running:
        yield running


def ask(url: str, body: bytes = b"hello", timeout_s: float = PATIENCE_S) -> bytes:
    """What it gives back over a new connection."""
    return httpx.post(url, content=body, timeout=timeout_s, trust_env=False).content


def test_the_proxy_changes_no_byte(server: Server) -> None:
    """A large body comes back as it was sent, in both states of the network."""
    body = bytes(range(256)) * 8192
    assert ask(server.url, body) == body
    server.slow(0.01)
    assert ask(server.url, body) == body


def test_slow_lasts_as_long_as_told(server: Server) -> None:
    """Each request takes at least the delay longer, and none once it is cleared."""
    server.slow(0.3)
    began_s = time.monotonic()
    ask(server.url)
    assert time.monotonic() - began_s >= 0.3
    server.clear()
    assert ask(server.url) == b"hello"


def test_cut_resets_old_and_new_connections(server: Server) -> None:
    """A connection that was open is gone, a new one fails, and all is well once it is cleared."""
    with httpx.Client(trust_env=False, timeout=PATIENCE_S) as client:
        assert client.post(server.url, content=b"1").content == b"1"
        server.cut()
        with pytest.raises(httpx.TransportError):
            client.post(server.url, content=b"2")
    with pytest.raises(httpx.TransportError):
        ask(server.url)
    server.clear()
    assert ask(server.url) == b"hello"


def test_freeze_and_thaw(server: Server) -> None:
    """A frozen server answers nothing, and then everything."""
    server.freeze()
    with pytest.raises(httpx.TimeoutException):
        ask(server.url, timeout_s=0.2)
    server.thaw()
    assert ask(server.url) == b"hello"


def test_kill_and_restart_on_the_same_port(server: Server) -> None:
    """A killed server is gone and comes back at its address, as another process."""
    url, pid = server.url, server.pid
    server.kill()
    with pytest.raises(httpx.TransportError):
        ask(url)
    server.restart()
    assert server.pid != pid
    assert ask(url) == b"hello"


def test_ends_what_it_started_even_when_frozen(tmp_path: Path) -> None:
    """Leaving the block ends a server that stands still."""
    with Server(command, tmp_path / "log") as running:
        pid = running.pid
        running.freeze()
    assert not Path(f"/proc/{pid}").exists()


def test_a_server_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    """What it said is in the error."""
    with pytest.raises(RunError, match="no such exchange"):
        Server(
            lambda _: [sys.executable, "-c", "raise SystemExit('no such exchange')"], tmp_path / "log"
        ).__enter__()


def test_the_proxy_ends_with_its_input(tmp_path: Path) -> None:
    """Nobody has to kill a proxy whose starter is gone."""
    proxy = Process([sys.executable, "-m", "loadtests.campaign.proxy", "127.0.0.1:1"], tmp_path / "log")
    try:
        proxy.first_line()
        stdin = proxy._process.stdin
        assert stdin is not None
        stdin.close()
        deadline_s = time.monotonic() + PATIENCE_S
        while not proxy.ended:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
    finally:
        proxy.end()
