"""The master's part: give out the plan, fix T0, hear the reports, see who is lost, end the run, write ``raw/``.

Rule kept here: a run ends in bounded time: workers that are lost are named, not waited for, and the others stop then.
Locust stops or quits nothing before the run has ended.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any, Final

import gevent
from locust.env import Environment
from locust.rpc.protocol import Message
from locust.runners import STATE_MISSING, MasterRunner

from loadtests.harness.plan import Plan
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles import worker as talk
from loadtests.locustfiles.reports import Collected, write_json
from sim.errors import CongvanError, RunError

LEAD_S: Final = 0.5
"""From fixing T0 until T0: workers must have heard of it."""
LOST_AFTER_S: Final = 10.0
"""A worker that reports every second and has not for so long is lost."""
_LOOK_S: Final = 0.1
_AWAIT_S: Final = 0.5
_PACKAGES: Final = ("locust", "gevent", "cryptography", "geventhttpclient")
logger = logging.getLogger("congvan")


class Conducted:
    """One run, as the master conducts it.

    Args:
        environment: Locust's.
        plan: Of the run.
        schedule: Of the run.
        raw: Where to write what was recorded.
    """

    def __init__(self, environment: Environment, plan: Plan, schedule: Schedule, raw: Path) -> None:
        self.error: CongvanError | None = None
        self.name = f"{time.time():.6f}"
        self._environment = environment
        self._plan, self._schedule, self._raw = plan, schedule, raw
        self._clients = self._connected()
        self.collected = Collected(plan, schedule, len(self._clients))
        self._heard_s = [time.monotonic()] * len(self._clients)
        self._ready: set[int] = set()
        self._lost: set[int] = set()
        self._stopping = False
        self._t0_unix: float | None = None

    def conduct(self) -> None:
        """Conduct the run from giving out the plan to writing what was recorded; never raises."""
        try:
            self._raw.mkdir(parents=True, exist_ok=True)
            self._prepare()
            self._follow()
            self._write()
        except CongvanError as error:
            self._give_up(error)
        except Exception as error:
            logger.exception("the run cannot go on")
            self._give_up(RunError("E-GENERATOR", f"{error!r}"))

    def stop(self) -> None:
        """End the schedule early; what is under way is drained."""
        if not self._stopping:
            self._stopping = True
            self._tell(talk.STOP, {})

    def ready(self, data: dict[str, Any]) -> None:
        """A worker is ready, or says why not."""
        if data["run"] != self.name:
            return
        if data["error"]:
            about = data["error"]
            kind = type("WorkerError", (CongvanError,), {"exit_code": about["exit_code"]})
            self.error = kind(about["code"], about["message"], about["hint"])
        self._ready.add(data["worker"])

    def report(self, data: dict[str, Any]) -> None:
        """A worker has reported."""
        if data["run"] == self.name:
            self._heard_s[data["worker"]] = time.monotonic()
            self.collected.add(data)

    def client_of(self, worker: int) -> str:
        """Locust's name of a worker."""
        return self._clients[worker]

    def _connected(self) -> list[str]:
        """The workers there are, in the order in which they came."""
        runner = self._environment.runner
        if not isinstance(runner, MasterRunner):
            return [""]
        there = [one.id for one in runner.clients.all if one.state != STATE_MISSING]
        return sorted(there, key=runner.get_worker_index)

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        for worker in range(len(self._clients)):
            if worker not in self._lost:
                self._send(kind, data, worker)

    def _send(self, kind: str, data: dict[str, Any], worker: int) -> None:
        runner: Any = self._environment.runner
        runner.send_message(kind, data, self._clients[worker] or None)

    def _prepare(self) -> None:
        """Give out the plan and wait until everybody is ready.

        Raises:
            CongvanError: Somebody cannot, is lost, or the run was stopped.
        """
        plan, schedule = self._plan.to_json(), self._schedule.to_bytes()
        for worker in range(len(self._clients)):
            data = {"run": self.name, "worker": worker, "workers": len(self._clients)}
            self._send(talk.PLAN, {**data, "plan": plan, "schedule": schedule}, worker)
        while len(self._ready) < len(self._clients):
            self._look_for_lost()
            if self.error is not None:
                raise self.error
            if self._lost:
                raise RunError("E-WORKER-LOST", f"worker {min(self._lost)} was lost before the run began")
            if self._stopping:
                raise RunError("E-STOPPED", "stopped before the run began")
            gevent.sleep(_LOOK_S)
        if self.error is not None:
            raise self.error

    def _follow(self) -> None:
        """Start everybody at the same time, and wait until all have ended or are lost."""
        self._t0_unix = time.time() + LEAD_S
        write_json(self._raw / "started.json", {"t0_unix": self._t0_unix})
        self._tell(talk.START, {"t0_unix": self._t0_unix})
        self._heard_s = [time.monotonic() + LEAD_S] * len(self._clients)
        drained, look_s = False, 0.0
        while self._alive():
            self._look_for_lost(silent_s=LOST_AFTER_S)
            if self._lost:
                self.stop()
            idle = all(self.collected.heard[one].idle for one in self._alive())
            if idle and not drained and time.monotonic() >= look_s:
                look_s = time.monotonic() + _AWAIT_S
                if self._lost or not self.collected.awaited():
                    drained = True
                    self._tell(talk.DRAINED, {})
            gevent.sleep(_LOOK_S)

    def _alive(self) -> list[int]:
        """Workers whose end is still to come."""
        heard = self.collected.heard
        return [one for one in range(len(heard)) if not heard[one].ended and one not in self._lost]

    def _look_for_lost(self, silent_s: float | None = None) -> None:
        runner = self._environment.runner
        now_s = time.monotonic()
        for worker in self._alive():
            gone = silent_s is not None and now_s - self._heard_s[worker] > silent_s
            if isinstance(runner, MasterRunner):
                client = runner.clients.get(self._clients[worker])
                gone = gone or client is None or client.state == STATE_MISSING
            if gone:
                logger.error("worker %d is lost: the run ends early and is invalid", worker)
                self._lost.add(worker)

    def _write(self) -> None:
        about = {
            "t0_unix": self._t0_unix,
            "ended_unix": time.time(),
            "lost": sorted(self._lost),
            "signing": str(self._plan.signing),
            "receipts": str(self._plan.receipts),
            "stopped": self._stopping,
            "versions": {**{name: _version(name) for name in _PACKAGES}, "python": python_version()},
        }
        self.collected.write(self._raw, about)

    def _give_up(self, error: CongvanError) -> None:
        """Let everybody stop, and leave a note of why there is nothing."""
        self.error = error
        logger.error("%s", error)
        self.stop()
        note = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "exit_code": error.exit_code,
        }
        if self._raw.is_dir():
            write_json(self._raw / "error.json", note)


class Master:
    """The process that conducts: Locust's master, or the only process there is.

    Args:
        environment: Locust's.
        asked: Gives plan, schedule and the folder for what is recorded, for each run anew.
        concluded: Is called with a run that is over; gives the exit code.
    """

    def __init__(
        self,
        environment: Environment,
        asked: Callable[[], tuple[Plan, Schedule, Path]],
        concluded: Callable[[Path, CongvanError | None], int],
    ) -> None:
        self._environment = environment
        self._asked = asked
        self._concluded = concluded
        self._run: Conducted | None = None
        self._ending: gevent.Greenlet | None = None
        self._stopped_outside = False

    def register(self) -> None:
        """Listen to workers."""
        runner: Any = self._environment.runner
        runner.register_message(talk.READY, self._ready)
        runner.register_message(talk.REPORT, self._report)
        runner.register_message(talk.PING, self._ping)

    def begin(self) -> None:
        """Begin a run, unless one is going on."""
        if self._ending is None or self._ending.ready():
            self._run, self._stopped_outside = None, False
            self._ending = gevent.spawn(self._whole)

    def finish(self) -> None:
        """End the run that is going on, if any, and wait until it is over and concluded."""
        if self._ending is None or self._ending.ready() or self._ending is gevent.getcurrent():
            return
        self._stopped_outside = True
        if self._run is not None:
            self._run.stop()
        self._ending.join()

    def _whole(self) -> None:
        """One run from asking what to do to its conclusion; then Locust may stop."""
        raw = Path()
        error: CongvanError | None = None
        try:
            plan, schedule, raw = self._asked()
        except CongvanError as found:
            error = found
            logger.error("%s", found)  # noqa: TRY400 - it says all that there is to say
        else:
            self._run = Conducted(self._environment, plan, schedule, raw)
            self._run.conduct()
            error = self._run.error
        self._environment.process_exit_code = self._concluded(raw, error)
        runner, options = self._environment.runner, self._environment.parsed_options
        if runner is None:
            return
        if options is not None and options.headless:
            runner.quit()
        elif not self._stopped_outside:
            runner.stop()

    def _ready(self, environment: Environment, msg: Message, **_: Any) -> None:  # noqa: ARG002
        if self._run is not None:
            self._run.ready(msg.data)

    def _report(self, environment: Environment, msg: Message, **_: Any) -> None:  # noqa: ARG002
        if self._run is not None:
            self._run.report(msg.data)

    def _ping(self, environment: Environment, msg: Message, **_: Any) -> None:  # noqa: ARG002
        runner: Any = self._environment.runner
        runner.send_message(talk.PONG, {**msg.data, "told_s": time.time()}, msg.node_id)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
