"""The processes of the bench: servers on one core, the load on another, all of them ended by their ids."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
START_S = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs: its port and its process."""

    port: int
    pid: int

    @property
    def memory_bytes(self) -> int:
        """What of it is in memory now (resident set), bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def cores() -> tuple[set[int], set[int]]:
    """A core for the server and one for the load; the same one twice where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return {usable[0]}, {usable[-1]}


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[Served]:
    """Run a module of this package as a server on a free port of loopback, on the server's core."""
    port = _free_port()
    command = [sys.executable, "-m", f"tests.bench.exchange.{module}", "--port", str(port), *arguments]
    core, _ = cores()
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            os.sched_setaffinity(process.pid, core)
            _wait_for(port, process)
            yield Served(port, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START_S)


def hammered(
    served: Served, requests: Path, *, skip: int, count: int, rate: float | None = None
) -> dict[str, Any]:
    """Load a server from the other core; every answer must be a success."""
    command = [sys.executable, "-m", "tests.bench.exchange.hammer", "--port", str(served.port)]
    command += ["--requests", str(requests), "--skip", str(skip), "--count", str(count)]
    if rate is not None:
        command += ["--rate", str(rate)]
    _, core = cores()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        os.sched_setaffinity(process.pid, core)
        printed, _ = process.communicate()
    assert process.returncode == 0
    told: dict[str, Any] = json.loads(printed)
    assert told["statuses"].keys() <= {"200", "201"}, told["statuses"]
    assert told["requests"] == count
    return told


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as one:
        port: int = one.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while not _answers(port):
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
