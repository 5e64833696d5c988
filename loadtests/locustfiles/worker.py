"""A worker's part of the talk with the master: plan, readiness, clock, start, stop.

Rule kept here: a worker does what the master's messages say and nothing of its own; what it cannot do it says at once.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import Any, Final

import gevent
from gevent.event import AsyncResult
from locust.env import Environment
from locust.rpc.protocol import Message
from locust.runners import WorkerRunner

from loadtests.harness.plan import Plan
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.clock import Ping, Skew, skew_of
from loadtests.locustfiles.session import Session
from loadtests.locustfiles.shown import Shown
from sim.errors import CongvanError

PLAN: Final = "congvan_plan"
START: Final = "congvan_start"
STOP: Final = "congvan_stop"
DRAINED: Final = "congvan_drained"
PONG: Final = "congvan_pong"
READY: Final = "congvan_ready"
REPORT: Final = "congvan_report"
PING: Final = "congvan_ping"
_PINGS: Final = 8
_PING_S: Final = 2.0
_PAUSE_S: Final = 0.05


class Worker:
    """One process that sends.

    Args:
        environment: Locust's.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._session: Session | None = None
        self._pongs: dict[int, AsyncResult[float]] = {}

    def register(self) -> None:
        """Listen to the master."""
        for kind, listener in (
            (PLAN, self._plan),
            (START, self._start),
            (STOP, self._stop),
            (DRAINED, self._drained),
            (PONG, self._pong),
        ):
            self._runner.register_message(kind, _hearing(listener))

    def finish(self) -> None:
        """Send nothing more and wait until the end has been reported."""
        if self._session is not None:
            self._session.stop()
            if self._session.started:
                self._session.ended.wait()

    @property
    def _runner(self) -> Any:
        return self._environment.runner

    def _plan(self, data: dict[str, Any]) -> None:
        gevent.spawn(self._prepare, data)

    def _start(self, data: dict[str, Any]) -> None:
        if self._session is not None:
            self._session.started = True
            gevent.spawn(self._session.run, data["t0_unix"])

    def _stop(self, _data: dict[str, Any]) -> None:
        if self._session is not None:
            self._session.stop()

    def _drained(self, _data: dict[str, Any]) -> None:
        if self._session is not None:
            self._session.drained.set()

    def _pong(self, data: dict[str, Any]) -> None:
        if data["number"] in self._pongs:
            self._pongs[data["number"]].set(data["told_s"])

    def _prepare(self, data: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"run": data["run"], "worker": data["worker"], "error": None}
        session = None
        try:
            plan = Plan.from_json(data["plan"])
            session = Session(
                plan,
                Schedule.from_bytes(data["schedule"]),
                run=data["run"],
                worker=data["worker"],
                workers=data["workers"],
                shown=Shown(self._environment.stats, plan.adapter.rpartition(":")[2]),
                send=lambda report: self._runner.send_message(REPORT, report),
            )
            session.skew = self._skew(data["worker"])
            self._session = session
            session.prepare()
        except CongvanError as error:
            answer["error"] = {
                "code": error.code,
                "message": error.message,
                "hint": error.hint,
                "exit_code": error.exit_code,
            }
        except Exception as error:
            text = f"{error!r}\n{traceback.format_exc()}"
            answer["error"] = {"code": "E-WORKER", "message": text, "hint": "", "exit_code": 1}
        if answer["error"] and session is not None:
            session.close()
            self._session = None
        self._runner.send_message(READY, answer)

    def _skew(self, worker: int) -> Skew:
        """The master's clock against this one, as the quickest of some pings shows it."""
        if not isinstance(self._runner, WorkerRunner):
            return Skew()
        pings: list[Ping] = []
        for number in range(_PINGS):
            self._pongs[number] = AsyncResult()
            asked_s = time.time()
            self._runner.send_message(PING, {"number": number, "worker": worker})
            try:
                told_s = self._pongs[number].get(timeout=_PING_S)
            except gevent.Timeout:
                continue
            pings.append(Ping(asked_s, told_s, time.time()))
            gevent.sleep(_PAUSE_S)
        self._pongs.clear()
        return skew_of(pings)


def _hearing(listener: Callable[[dict[str, Any]], None]) -> Callable[..., None]:
    """A listener as Locust calls it."""

    def heard(environment: Environment, msg: Message, **_: Any) -> None:  # noqa: ARG001
        listener(msg.data or {})

    return heard
