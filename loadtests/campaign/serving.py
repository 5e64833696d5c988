"""Servers that a run starts for itself: the exchange in a process of its own on loopback, and the proxy before it.

Rule kept here: whatever is started here is ended here, by its own id, and ends by itself when this process is gone (it
reads a pipe of ours to its end); a server that is started again takes the port that it had.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from sim.errors import RunError

START_S: Final = 60.0
"""How long a server may take to start or to end: a machine under load is slow."""
STOP_S: Final = 20.0
TAIL_BYTES: Final = 2000

Command = Callable[[int], Sequence[str]]
"""The command of a server that listens on this port (0: any); its first line is ``{"url": …}``."""


class Process:
    """A child that prints a first line when it is ready and ends with its standard input.

    Args:
        command: What it runs.
        log: Where its standard error goes; appended to.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as told:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                start_new_session=True,  # Ctrl-C is ours to answer: the server must outlive the generator
            )

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """True where it runs no more."""
        return self._process.poll() is not None

    def first_line(self) -> str:
        """Wait until it is ready.

        Raises:
            RunError: ``E-SERVER``: it ended, or took too long.
        """
        return self.line(START_S) or self._failed()

    def _failed(self) -> str:
        self.end(signal.SIGKILL)
        raise RunError(
            "E-SERVER", f"a server of our own did not start: {tail(self.log)}", f"all of it: {self.log}"
        )

    def line(self, patience_s: float) -> str:
        """The next line of what it prints; empty where none came."""
        out = self._process.stdout
        assert out is not None
        readable, _, _ = select.select([out], [], [], patience_s)
        return out.readline().decode().strip() if readable else ""

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        entry = self._process.stdin
        assert entry is not None
        entry.write(f"{line}\n".encode())
        entry.flush()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens where it has ended."""
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, whatever state it is in, and wait until it is gone."""
        if not self.ended:
            self.send(signal.SIGCONT)
            self.send(number)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


class Server:
    """An exchange of our own, with a proxy before it where one is asked for; a ``faults.Victim``.

    Args:
        command: How it is started on a port.
        log: Where it tells what it does.
        proxied: True to put the proxy before it.
    """

    def __init__(self, command: Command, log: Path, *, proxied: bool = False) -> None:
        self._command, self._log, self._proxied = command, log, proxied
        self._process: Process | None = None
        self._proxy: Process | None = None
        self._own_url = ""
        self.url = ""
        """Where clients shall ask."""

    def __enter__(self) -> Self:
        try:
            self._start(0)
            if self._proxied:
                self._start_proxy()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._running().pid

    def stop(self) -> None:
        """End server and proxy."""
        for one in (self._proxy, self._process):
            if one is not None:
                one.end()
        self._proxy = self._process = None

    def freeze(self) -> None:
        """Stop the process where it stands."""
        self._running().send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._running().send(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word."""
        self._running().end(signal.SIGKILL)

    def restart(self) -> None:
        """Start it again on the same port.

        Raises:
            RunError: ``E-SERVER``.
        """
        self._start(urlsplit(self._own_url).port or 0)

    def slow(self, delay_s: float) -> None:
        """Make every request take so much longer."""
        self._tell_proxy(f"slow {delay_s!r}")

    def cut(self) -> None:
        """Reset all connections, and every new one."""
        self._tell_proxy("cut")

    def clear(self) -> None:
        """Let the proxy pass everything on at once."""
        self._tell_proxy("clear")

    def _start(self, port: int) -> None:
        self._process = Process(self._command(port), self._log)
        said = self._process.first_line()
        try:
            self._own_url = str(json.loads(said)["url"])
        except (ValueError, KeyError, TypeError):
            raise RunError(
                "E-SERVER", f"a server of our own said {said[:200]!r}", "its URL, as JSON"
            ) from None
        if not self._proxied:
            self.url = self._own_url

    def _start_proxy(self) -> None:
        at = urlsplit(self._own_url)
        command = [sys.executable, "-m", "loadtests.campaign.proxy", f"{at.hostname}:{at.port}"]
        self._proxy = Process(command, self._log)
        self.url = f"http://127.0.0.1:{self._proxy.first_line()}"

    def _running(self) -> Process:
        if self._process is None:
            raise RunError("E-SERVER", "no server runs", "start one first")
        return self._process

    def _tell_proxy(self, line: str) -> None:
        if self._proxy is None:
            raise RunError("E-SERVER", "no proxy stands before the server", "ask for one")
        self._proxy.tell(line)
        if not self._proxy.line(STOP_S):
            raise RunError("E-SERVER", f"the proxy did not answer {line!r}", f"see {self._log}")


def tail(log: Path) -> str:
    """The end of a log, in one line."""
    with suppress(OSError), log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").split("\n")
        return " | ".join(line for line in lines if line)[-TAIL_BYTES:]
    return "it told nothing"
