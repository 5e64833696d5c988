"""One run on one worker: prepare, keep the schedule, drain, check what is left, report the end.

Rule kept here: nothing ends before everything under way has been answered, has timed out, or the drain is over, and the
last report says how it ended.
"""

from __future__ import annotations

import gc
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import gevent
from gevent.event import Event

from loadtests.adapters.base import Adapter
from loadtests.adapters.finding import load
from loadtests.harness.plan import Plan, Receipts, Signing
from loadtests.harness.records import Poison
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.bank import Spool
from loadtests.locustfiles.checking import Checker
from loadtests.locustfiles.clock import Skew, anchored
from loadtests.locustfiles.collecting import Collector
from loadtests.locustfiles.connections import Connections
from loadtests.locustfiles.driver import Driver
from loadtests.locustfiles.post import Post, Showing
from loadtests.locustfiles.reports import ERRORS_MAX, REPORT_S
from loadtests.locustfiles.rows import Sheets, chunks
from loadtests.locustfiles.signing import Messages, context_of, original_of
from loadtests.locustfiles.threads import Crew, ThreadIo, Turns, native_locks
from loadtests.locustfiles.watchdog import Watchdog
from sim.errors import RunError

CHECK_S: Final = 30.0
"""How long the receipts that are left may take after the drain, at least."""
CHECK_EACH_S: Final = 0.01
"""And for each message of the worker's share."""
FLUSH_S: Final = 0.25
"""How often Locust's statistics are brought up to date."""
_LOOK_S: Final = 0.02
_TURNS: Final = 2
"""Native threads that compute at a time, to sign; one of them while messages are sent, unless they are signed then."""
_ASKING_MAX: Final = 256
"""Polls and acceptances of one worker under way at a time."""
_FREEZE: Final = 200_000
"""Objects made between two collections of the youngest generation: collecting must not make arrivals late."""


class Session:
    """One run on one worker.

    Args:
        plan: Of the run.
        schedule: Of the run.
        run: Its name, which every report bears.
        worker: Number of this one.
        workers: How many there are.
        shown: Takes what Locust shows.
        send: Sends a report to the master.
    """

    def __init__(
        self,
        plan: Plan,
        schedule: Schedule,
        *,
        run: str,
        worker: int,
        workers: int,
        shown: Showing,
        send: Callable[[dict[str, Any]], None],
    ) -> None:
        self.ended = Event()
        self.started = False
        self.drained = Event()
        self.skew = Skew()
        self._plan, self._schedule = plan, schedule
        self._run_name = run
        self._worker, self._workers = worker, workers
        self._send = send
        self._shown = shown
        self._sheets = Sheets()
        self._errors: list[dict[str, Any]] = []
        self._stopped = Event()
        self._number = 0
        self._zero_s = perf_counter()
        self._folder = tempfile.TemporaryDirectory(prefix="congvan-load-")
        self._turns = Turns(_TURNS)
        self._crew = Crew(_TURNS, self._turns)
        self._asking = Crew(_ASKING_MAX, self._turns)
        self._adapter: Adapter | None = None
        self._io: Connections | None = None
        self._messages: Messages | None = None
        self._checker: Checker | None = None
        self._driver: Driver | None = None
        self._collector: Collector | None = None
        self._watchdog: Watchdog | None = None
        self._told: dict[str, Any] = {"pid": os.getpid(), "host": socket.gethostname()}
        self._begun_s = (0.0, 0.0)
        self._idle = False
        self._prepared = False

    def prepare(self) -> None:
        """Set the adapter up and sign what is to be signed before.

        Raises:
            CongvanError: Options, keys or the target are not as they must be, or it was stopped meanwhile.
        """
        self._io = Connections(self._plan.target, self._plan.timeout_s)
        with native_locks():
            self._adapter = load(context_of(self._plan, self._schedule), self._plan.adapter)
        self._asking.call(self._adapter.setup, ThreadIo(self._asking, self._io.gently))
        self._messages = Messages(
            self._plan,
            self._schedule,
            self._adapter,
            worker=self._worker,
            workers=self._workers,
            host=self._io.host,
            folder=Path(self._folder.name),
            crew=self._crew,
        )
        self._messages.prepare()
        if self._stopped.is_set():
            raise RunError("E-STOPPED", "stopped before the run began")
        self._prepared = True
        if self._plan.signing is not Signing.INLINE:
            self._turns.take()
        gc.collect()
        gc.freeze()
        gc.set_threshold(_FREEZE)

    def run(self, t0_unix: float) -> None:
        """Send the schedule from T0 on, drain and report, whatever goes wrong."""
        reporter = None
        try:
            self._zero_s = anchored(t0_unix, self.skew, wall_s=time.time(), counter_s=perf_counter())
            self._begin(t0_unix)
            reporter = gevent.spawn(self._report_on)
            self._keep_schedule()
            self._drain()
            self._check_rest()
        except Exception as error:
            self._failed(f"the worker: {error!r}")
        finally:
            if reporter is not None:
                reporter.kill()
            self._report(end=True)
            self.close()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped.set()
        if self._driver is not None:
            self._driver.stop()
        if self._messages is not None:
            self._messages.stop()
        if self._prepared and not self.started:
            self.close()

    def close(self) -> None:
        """Let go of all that this run holds."""
        if self.ended.is_set():
            return
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._io is not None:
            self._io.close()
        if self._messages is not None:
            self._messages.close()
        self._crew.close()
        self._asking.close()
        self._folder.cleanup()
        gc.unfreeze()
        self.ended.set()

    def _begin(self, t0_unix: float) -> None:
        assert self._adapter is not None and self._io is not None and self._messages is not None  # noqa: PT018
        post = Post(
            self._plan,
            self._schedule,
            self._adapter,
            self._io,
            thread_io=ThreadIo(self._asking, self._io.gently),
            asking=self._asking,
            worker=self._worker,
            workers=self._workers,
            t0_unix=t0_unix,
            zero_s=self._zero_s,
            sheets=self._sheets,
            shown=self._shown,
            failed=self._failed,
        )
        after = self._plan.receipts is Receipts.AFTER
        spool = Spool(Path(self._folder.name) / "receipts") if after else None
        again, originals = self._messages.again, self._originals()
        self._checker = Checker(post, self._crew, spool, again=again, originals=originals)
        self._driver = Driver(post, self._messages, self._checker)
        if self._plan.collect and self._adapter.collects:
            self._collector = Collector(post)
        self._watchdog = Watchdog(self._zero_s)
        self._watchdog.start()
        self._begun_s = (perf_counter(), process_time())

    def _originals(self) -> dict[int, int]:
        """For each replay of this worker the arrival whose bytes it is sent with."""
        mine = self._schedule.share(self._worker, self._workers)
        replays = mine[self._schedule.poison[mine] == Poison.REPLAY].tolist()
        found = {one: original_of(self._schedule, one, self._worker, self._workers) for one in replays}
        return {number: of for number, of in found.items() if number != of}

    def _keep_schedule(self) -> None:
        assert self._driver is not None
        driving = gevent.spawn(self._driver.run)
        if self._collector is not None:
            gevent.spawn(self._collector.run)
        end_s = self._zero_s + self._plan.duration_s
        while not self._stopped.is_set() and not (driving.ready() and perf_counter() >= end_s):
            self._stopped.wait(max(min(end_s - perf_counter(), REPORT_S), _LOOK_S))
        driving.kill()  # asleep until something is due, if it has not ended
        driving.get()
        self._driver.tally.over = True

    def _drain(self) -> None:
        """Wait until nothing is under way and every accepted message was seen, or for as long as the plan allows."""
        assert self._driver is not None
        until_s = perf_counter() + self._plan.drain_s
        while perf_counter() < until_s:
            idle = self._driver.tally.in_flight == 0 and (
                self._collector is None or self._collector.accepting == 0
            )
            if idle and (self._collector is None or self.drained.is_set()):
                break
            if idle != self._idle:
                self._idle = idle
                self._report()
            gevent.sleep(_LOOK_S)
        open_ = self._driver.tally.in_flight > 0
        self._told["drained"] = not open_ and (self._collector is None or self.drained.is_set())
        self._driver.close()
        if self._collector is not None:
            self._collector.close()
        if self._watchdog is not None:
            self._watchdog.stop()
        self._told["wall_s"] = perf_counter() - self._begun_s[0]
        self._told["cpu_s"] = process_time() - self._begun_s[1]

    def _check_rest(self) -> None:
        assert self._checker is not None
        self._checker.finish(perf_counter() + CHECK_S + CHECK_EACH_S * len(self._schedule) / self._workers)

    def _report_on(self) -> None:
        """Report once a second, and let Locust show what there is in between."""
        due_s = perf_counter() + REPORT_S
        while True:
            gevent.sleep(FLUSH_S)
            self._shown.flush()
            if perf_counter() >= due_s:
                due_s += REPORT_S
                self._report()
                if self._io is not None:
                    self._io.tidy()

    def _report(self, *, end: bool = False) -> None:
        self._shown.flush()
        portions = list(chunks(self._sheets.take()))
        for place, rows in enumerate(portions):
            self._number += 1
            self._send(
                {
                    "run": self._run_name,
                    "worker": self._worker,
                    "number": self._number,
                    "rows": rows,
                    "idle": self._idle,
                    "end": end and place == len(portions) - 1,
                    "told": self._state(),
                }
            )

    def _state(self) -> dict[str, Any]:
        """What this worker tells of itself now."""
        told = {
            **self._told,
            "skew_s": self.skew.ahead_s,
            "skew_doubt_s": self.skew.doubt_s,
            "errors": self._errors,
        }
        if self._messages is not None:
            told["signed"] = self._messages.ready
        if self._watchdog is not None:
            told["stalls"] = [list(one) for one in self._watchdog.stalls]
        if self._driver is not None:
            told["bank_empty_s"] = self._driver.tally.bank_empty_s
            told["in_flight_most"] = self._driver.tally.in_flight_most
        if self._checker is not None:
            told["receipts_left"] = self._checker.left
        if self._collector is not None:
            told["foreign_ids"] = self._collector.foreign
        if self._io is not None:
            told["connections"] = self._io.opened
        return told

    def _failed(self, text: str) -> None:
        """Note what went wrong; the first ones in full."""
        if self._io is not None and self._io.out_of_files:
            text = f"{text} (out of file descriptors {self._io.out_of_files} times)"
        if len(self._errors) < ERRORS_MAX:
            self._errors.append({"at_s": perf_counter() - self._zero_s, "text": text[:500]})
        else:
            self._errors[-1]["more"] = self._errors[-1].get("more", 0) + 1
