"""The generator as a process of its own: how it is started, waited for, and ended.

Rule kept here: this room never imports locust; it starts it, and every wait has an end. A generator and all the
workers it forked are one process group, which is ended as a whole.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import loadtests
from loadtests.campaign.directory import RunFolder
from loadtests.campaign.serving import tail
from loadtests.harness.plan import Plan
from sim.errors import InputError, RunError

LOCUSTFILE: Final = Path(loadtests.__file__).parent / "locustfiles" / "exchange.py"
EVERY_S: Final = 0.2
STARTED: Final = "started.json"
ERROR: Final = "error.json"
_NICE_TO_END_S: Final = 30.0
_CHECK_S: Final = 120.0
"""The generator itself gives receipts that are left so long, or twice the schedule's length."""

Progress = Callable[[float, float, str], None]
"""Told seconds done, seconds in all, and what is being done."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a generator may take; s.

    Args:
        prepare_s: From its start until T0 is known: it signs all messages first.
        run_s: From T0 until it has ended.
    """

    prepare_s: float
    run_s: float

    @classmethod
    def of(cls, plan: Plan, messages: int) -> Bounds:
        """Generous ones for a plan: whoever reaches them hangs."""
        return cls(
            prepare_s=120.0 + 0.02 * messages,
            run_s=plan.duration_s + plan.drain_s + plan.timeout_s + max(_CHECK_S, 2 * plan.duration_s) + 60.0,
        )


def locust_command(plan: Plan) -> list[str]:
    """How Locust is started for a plan."""
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]
    command += ["--host", plan.target]
    if plan.workers == 1:
        return command
    port = str(free_port())  # two runs on one machine must not meet each other's workers
    command += ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    return [*command, "--processes", str(plan.workers)]


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Generator:
    """One generator of one run.

    Args:
        command: How it is started.
        folder: Of the run, with plan and schedule.
    """

    def __init__(self, command: Sequence[str], folder: RunFolder) -> None:
        self._command, self._folder = command, folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
        surroundings = {
            **inherited,
            "CONGVAN_LOAD_PLAN": str(self._folder.path),
            "CONGVAN_LOAD_RAW": str(self._folder.raw),
        }
        with self._folder.generator_log_path.open("ab") as told:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                env=surroundings,
                start_new_session=True,  # Ctrl-C is ours to answer, and its workers end with it
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Its process, and the id of its group."""
        return self._started().pid

    @property
    def ended(self) -> bool:
        """True where it runs no more."""
        return self._started().poll() is not None

    def ask_to_end(self) -> None:
        """Tell it to send no more, drain and write what it has."""
        if not self.ended:
            self._started().send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and what it forked, at once."""
        process = self._started()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def t0(self, patience_s: float, progress: Progress) -> float:
        """Wait until T0 is known; s since the epoch.

        Raises:
            RunError: ``E-GENERATOR``: it ended before, or took too long.
        """
        began_s = time.monotonic()
        while True:
            started = self._folder.read_raw(STARTED)
            if started is not None:
                return float(started["t0_unix"])
            waited_s = time.monotonic() - began_s
            if self.ended and (error := self._folder.read_raw(ERROR)) is not None:
                kind = InputError if error["exit_code"] == InputError.exit_code else RunError
                raise kind(error["code"], error["message"], error["hint"])
            if self.ended or waited_s > patience_s:
                what = "ended" if self.ended else f"was not ready after {patience_s:.0f} s, and ended"
                log = self._folder.generator_log_path
                raise RunError("E-GENERATOR", f"the generator {what}: {tail(log)}", f"all of it: {log}")
            progress(0.0, 0.0, "signing messages")
            time.sleep(EVERY_S)

    def wait(self, patience_s: float, each_turn: Callable[[], None]) -> bool:
        """Wait for its end, telling so every turn; False where it took too long."""
        deadline_s = time.monotonic() + patience_s
        while not self.ended:
            if time.monotonic() > deadline_s:
                return False
            each_turn()
            time.sleep(EVERY_S)
        return True

    def wind_up(self, patience_s: float) -> None:
        """Ask it to end, and wait for that, at most so long."""
        self.ask_to_end()
        self.wait(patience_s + _NICE_TO_END_S, lambda: None)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RunError("E-GENERATOR", "the generator was not started", "use it in a with block")
        return self._process
