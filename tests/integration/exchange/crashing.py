"""A server process that tests may kill, and the data directory from which it starts again.

Rule kept here: a process is ended by its own id, at the latest when its place is left or when the tests are gone; what
it told is kept, and shown where a test fails.
"""

from __future__ import annotations

import json
import os
import random
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self

from cryptography import x509

from loadtests.attempts import Retries, SystemClock
from loadtests.client import Credentials
from loadtests.endpoint.folder import Folder
from loadtests.endpoint.store.base import Store
from loadtests.endpoint.store.blobs import Blobs
from loadtests.endpoint.store.opening import open_store
from loadtests.exchange.issuer import Issuer
from tests.bench.exchange.workload import make_folder

ROOT: Final = Path(__file__).resolve().parents[3]
START_S: Final = 30.0
"""How long a server may take to start or to end, s, on a machine that does much else."""
PATIENCE_S: Final = 60.0
"""How long anything else may take that must happen."""
LOG_LINES: Final = 100
# The thread ends a server that has lost its tests: they hold the other end of its standard input. It reads without a
# buffer, whose lock the interpreter would wait for when it ends.
SCRIPT: Final = """
import json, os, sys, threading
from pathlib import Path
from loadtests.endpoint.server import serve
from loadtests.endpoint.settings import Settings

threading.Thread(target=lambda: (os.read(0, 1), os._exit(9)), daemon=True).start()
given = json.loads(sys.argv[1])
serve(Settings(Path(given.pop("data")), **given), lambda url: print(url, flush=True))
"""


def until(true: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return as soon as something is true; fail where that takes too long."""
    deadline_s = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline_s, f"waited {patience_s} s in vain for {what}"
        time.sleep(0.005)


class Server:
    """A server process.

    Args:
        command: What it runs.
    """

    def __init__(self, command: list[str]) -> None:
        self._log: deque[bytes] = deque(maxlen=LOG_LINES)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
        )
        # Not a file: the disk that a test fills, or a limit on the size of its files, shall not reach its log.
        self._reader = Thread(target=self._keep_log, name="log")
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    @property
    def memory_bytes(self) -> int:
        """What of it is in memory now (resident set)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize()

    @property
    def told(self) -> str:
        """The end of its log."""
        return b"".join(self._log).decode("utf-8", "replace")

    def ready(self) -> Self:
        """Wait until it takes connections."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_S)
        line = self.process.stdout.readline() if readable else b""
        if not line:
            self.kill()
        assert line, f"the server did not start:\n{self.told}"
        return self

    def kill(self) -> int:
        """Kill it, as ``kill -9`` does; its exit code."""
        return self.end(signal.SIGKILL)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal, unless it has ended, and wait; its exit code."""
        self.process.send_signal(number)
        try:
            self.process.wait(START_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return self.process.returncode

    def limit_files(self, size_bytes: int | None) -> None:
        """Let it write no file beyond this size, as if there were no more room; None for as large as it likes."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard if size_bytes is None else size_bytes, hard))

    def _keep_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._log.append(line)


@dataclass(slots=True)
class Place:
    """A data directory, its database, and the servers that were started for them.

    Args:
        data: The directory.
        database: Address of its PostgreSQL database; None for SQLite in the directory.
        agencies: Who takes part.
        issuer: The exchange.
        port: Where its servers listen, one after the other.
        servers: All of them so far.
    """

    data: Path
    database: str | None
    agencies: tuple[Credentials, ...]
    issuer: Issuer
    port: int
    servers: list[Server] = field(default_factory=list)

    @classmethod
    def made(cls, data: Path, database: str) -> Self:
        """A new one.

        Args:
            data: A directory that does not exist yet.
            database: ``postgresql://…``; anything else for SQLite.
        """
        senders = make_folder(data)
        folder = Folder(data)
        known = folder.registry().agencies
        agencies = tuple(
            Credentials.of(
                one.code,
                one.key,
                x509.load_der_x509_certificate(known[one.code].certificates[0].certificate),
            )
            for one in senders
        )
        url = database if "://" in database else None
        return cls(data, url, agencies, folder.identity().issuer, _free_port())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self.servers:
            if server.process.returncode is None:
                server.kill()
        if fault is not None:
            for server in self.servers[-3:]:
                print(f"log of server {server.pid}:\n{server.told}")  # noqa: T201 - pytest shows it with the failure

    @property
    def url(self) -> str:
        """Where its servers are found."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def folder(self) -> Folder:
        """The directory as the server sees it."""
        return Folder(self.data)

    @property
    def blobs(self) -> Blobs:
        """Its large documents."""
        return Blobs(self.folder.blobs_path, self.folder.incoming_path)

    @property
    def arriving(self) -> list[Path]:
        """What lies in the folder of documents that are being received."""
        return list(self.folder.incoming_path.glob("*"))

    def start(self, **settings: Any) -> Server:
        """Start a server; it is not ready yet. Args as for ``command``."""
        return self.run(self.command(**settings))

    def command(self, **settings: Any) -> list[str]:
        """What starts a server.

        Args:
            settings: Fields of ``Settings``, beside those that the place knows.
        """
        given = {
            "data": str(self.data),
            "database": self.database,
            "port": self.port,
            "checkpoint_s": 0.02,
            "checkpoint_every_s": 0.1,
            "agency_per_s": 1e9,  # what is tested here is not how much one agency may send
            "agency_burst": 10**9,
        } | settings
        return [sys.executable, "-c", SCRIPT, json.dumps(given)]

    def run(self, command: list[str]) -> Server:
        """Start a server by a command."""
        server = Server(command)
        self.servers.append(server)
        return server

    def open(self) -> Store:
        """Its store, for reading."""
        return open_store(self.database or self.folder.store_path, read_only=True)


class GivenUp(Exception):  # noqa: N818 - it says what was done
    """The test has failed: a client need not wait for its answer any more."""


class Impatient(SystemClock):
    """A clock for clients that wait a short time only, whatever they are asked for: more of them come at once.

    Args:
        given_up: Set where nobody waits for the clients any more.
    """

    def __init__(self, given_up: Event) -> None:
        self._given_up = given_up

    def sleep(self, wait_s: float) -> None:
        """Do nothing for so long, or a little while."""
        if self._given_up.wait(min(wait_s, 0.05)):
            raise GivenUp


PERSISTENT: Final = Retries(attempts_max=1000, first_wait_s=0.01, wait_s_max=0.05, total_s_max=PATIENCE_S)
"""Clients that send the same bytes until there is an answer."""


def _free_port() -> int:
    """A port that stays free while no server has it: none of those that clients are given."""
    for port in random.sample(range(20_000, 32_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError(f"no free port for {os.getpid()}")
