"""The locustfile: open-loop load on an exchange, with Locust's processes, hosts and web page.

    locust -f loadtests/locustfiles/exchange.py --host http://127.0.0.1:8080 --rate 50/s --duration "2 min" …

Rule kept here: Locust's users do nothing; each worker's one driver keeps the schedule, see ``driver``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import gevent
from locust import User, constant, events, task
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner
from locust.stats import CSV_STATS_INTERVAL_SEC

from loadtests.harness.plan import Plan
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.master import Master
from loadtests.locustfiles.options import PLAN, add_options, asked
from loadtests.locustfiles.shown import use_three_digits
from loadtests.locustfiles.threads import SWITCH_S
from loadtests.locustfiles.worker import Worker
from sim.errors import CongvanError

CSV_WRITING_S: Final = 0.2


class Exchange(User):
    """What Locust wants to count; the load does not depend on how many there are."""

    wait_time = constant(1)

    @task
    def nothing(self) -> None:
        """Do nothing: the worker's driver does it."""


def _options(parser: ArgumentParser, **_: Any) -> None:
    add_options(parser)


def _begin(environment: Environment, **_: Any) -> None:
    """Take up this process's parts: master, worker, or both where it is the only one."""
    sys.setswitchinterval(SWITCH_S)
    use_three_digits()
    runner, hooks = environment.runner, cast("Any", environment.events)
    parts: list[Worker | Master] = []
    if isinstance(runner, MasterRunner | LocalRunner):
        master = Master(environment, partial(_asked, environment, runner), _concluded)
        hooks.test_start.add_listener(lambda **_: master.begin())
        parts.append(master)
    if isinstance(runner, WorkerRunner | LocalRunner):
        parts.append(Worker(environment))
    if isinstance(runner, WorkerRunner):
        environment.process_exit_code = 0  # what came of the run is the master's to say

    def finish(**_: Any) -> None:
        for part in parts:
            part.finish()

    for part in parts:
        part.register()
    hooks.test_stopping.add_listener(finish)
    if not isinstance(runner, WorkerRunner):
        hooks.quitting.add_listener(_wait_for_csv)  # listeners of this event are called last first
    hooks.quitting.add_listener(finish)


def _wait_for_csv(environment: Environment, **_: Any) -> None:
    """Let Locust write its CSV files once more: it does so once a second, and not at its end."""
    options = environment.parsed_options
    if options is not None and options.csv_prefix:
        gevent.sleep(CSV_STATS_INTERVAL_SEC + CSV_WRITING_S)


def _asked(environment: Environment, runner: LocalRunner | MasterRunner) -> tuple[Plan, Schedule, Path]:
    return asked(environment.parsed_options or Namespace(), runner.worker_count, environment.host)


def _concluded(raw: Path, error: CongvanError | None) -> int:
    """What is left to do when a run is over; the exit code of this process."""
    if error is not None:
        return error.exit_code
    if os.environ.get(PLAN):
        return 0  # whoever started it concludes
    command = [sys.executable, "-m", "loadtests.campaign.conclude", str(raw.parent)]
    return subprocess.run(command, check=False).returncode


_hooks: Any = events
_hooks.init_command_line_parser.add_listener(_options)
_hooks.init.add_listener(_begin)
