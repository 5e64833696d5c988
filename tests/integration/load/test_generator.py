"""The generator as users and ``congvan load`` start it: a process of Locust against a server."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtests.adapters.null import NullAdapter
from loadtests.harness import schedule_building, sizes
from loadtests.harness.plan import Plan
from loadtests.harness.profiles import Profile
from loadtests.harness.records import ARRIVAL, State
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.signing import context_of
from tests.integration.load.stubborn import Stubborn

ROOT = Path(__file__).resolve().parents[3]
END_S = 60.0


class Run:
    """One run of the generator in a folder.

    Args:
        folder: An empty one.
        server: What is loaded.
        rate_per_s: Of a Poisson schedule.
        duration_s: Of the schedule.
        changes: To the plan.
    """

    def __init__(
        self, folder: Path, server: Stubborn, rate_per_s: float, duration_s: float, **changes: Any
    ) -> None:
        due_s = Profile.steady(rate_per_s, duration_s).due_s(11)
        drawn = schedule_building.Drawn(1, sizes.parse("4 KiB"))
        self.schedule: Schedule = schedule_building.build(
            due_s, drawn, seed=11, agencies=5, duration_s=duration_s
        )
        plan = Plan(
            adapter="null",
            target=server.url,
            seed=11,
            nonce="a1b2c3d4e5f6",
            profile={},
            schedule_sha256=self.schedule.digest,
            duration_s=duration_s,
            drain_s=5.0,
            collect=False,
        )
        self.plan = replace(plan, **changes)
        self.folder = folder
        self.raw = folder / "raw"
        (folder / "plan.json").write_text(json.dumps(self.plan.to_json()))
        (folder / "schedule.npz").write_bytes(self.schedule.to_bytes())

    @property
    def arrivals(self) -> Any:
        """Its rows."""
        rows = np.load(self.raw / "arrivals.npy")
        assert rows.dtype == ARRIVAL
        return rows

    @property
    def workers(self) -> dict[str, Any]:
        """What is told of its workers."""
        told: dict[str, Any] = json.loads((self.raw / "workers.json").read_text())
        return told

    def ids(self) -> list[str]:
        """The message ids of its schedule."""
        adapter = NullAdapter(context_of(self.plan, self.schedule))
        return [adapter.id_of(number) for number in range(len(self.schedule))]

    @contextmanager
    def going(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The process, from its start until it has ended, or is ended."""
        with closing(socket.create_server(("127.0.0.1", 0))) as one:
            port = str(one.getsockname()[1])
        command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfiles/exchange.py", "--headless"]
        command += [
            "--only-summary",
            "--host",
            self.plan.target,
            "--master-bind-port",
            port,
            "--master-port",
            port,
        ]
        surroundings = {
            **os.environ,
            "CONGVAN_LOAD_PLAN": str(self.folder),
            "CONGVAN_LOAD_RAW": str(self.raw),
            "TMPDIR": str(self.folder),
        }
        with subprocess.Popen(
            [*command, "--master-bind-host", "127.0.0.1", *arguments],
            cwd=ROOT,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def to_end(self, *arguments: str) -> str:
        """Run it, and give what it printed."""
        with self.going(*arguments) as process:
            printed, _ = process.communicate(timeout=END_S)
        assert process.returncode == 0, printed
        return printed

    def begun(self, process: subprocess.Popen[str]) -> float:
        """Wait for T0, s since the epoch."""
        started = self.raw / "started.json"
        while not started.exists():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        t0_unix: float = json.loads(started.read_text())["t0_unix"]
        return t0_unix


def assert_all_sent(run: Run, server: Stubborn) -> None:
    """Every arrival has one row, was sent once, accepted once, and not before its time."""
    rows = run.arrivals
    assert rows["number"].tolist() == list(range(len(run.schedule)))
    assert set(rows["state"]) == {State.ACCEPTED}
    assert set(rows["attempts"]) == {1}
    assert (rows["sent_s"] >= run.schedule.due_s).all()
    assert (rows["done_s"] >= rows["sent_s"]).all()
    assert server.ids == dict.fromkeys(run.ids(), 1)


def assert_whole(run: Run, workers: int) -> None:
    """Nobody and nothing is missing."""
    told = run.workers
    assert told["lost"] == []
    assert [one["worker"] for one in told["workers"]] == list(range(workers))
    for one in told["workers"]:
        assert one["ended"], one
        assert one["drained"], one
        assert not one["gap"], one
        assert one["reports"] == one["received"] > 0
        assert one["receipts_left"] == 0
        assert one["errors"] == []
    assert sum(one["signed"] for one in told["workers"]) == len(run.schedule)


def test_one_process_loses_nothing_and_locusts_own_numbers_tell_the_truth(tmp_path: Path) -> None:
    """Each arrival has one row and reached the server once; Locust's CSV has the response from the intended time."""
    with Stubborn() as server:
        run = Run(tmp_path, server, 100.0, 2.0)
        run.to_end("--csv", str(tmp_path / "shown"))
        assert_all_sent(run, server)
    assert_whole(run, 1)
    rows = run.arrivals
    response_ms = 1000 * (rows["done_s"] - run.schedule.due_s)
    with (tmp_path / "shown_stats.csv").open() as file:
        (shown,) = [one for one in csv.DictReader(file) if one["Name"] == "submit"]
    assert int(shown["Request Count"]) == len(rows)
    assert int(shown["Failure Count"]) == 0
    assert float(shown["Average Response Time"]) == pytest.approx(response_ms.mean(), rel=1e-6)
    assert float(shown["Max Response Time"]) == pytest.approx(response_ms.max(), rel=1e-6)
    service_ms = 1000 * (rows["done_s"] - rows["sent_s"])
    assert float(shown["Average Response Time"]) > service_ms.mean()


def test_two_workers_send_the_same_schedule(tmp_path: Path) -> None:
    """Master and workers give the rows that one process gives, each worker its own share, at the same times."""
    with Stubborn() as server:
        run = Run(tmp_path, server, 100.0, 1.0, workers=2)
        run.to_end("--processes", "2")
        assert_all_sent(run, server)
    assert_whole(run, 2)
    rows = run.arrivals
    assert (rows["worker"] == rows["number"] % 2).all()
    assert all(abs(one["skew_s"]) < 0.5 for one in run.workers["workers"])
    lateness_s = rows["sent_s"] - run.schedule.due_s
    assert np.median(lateness_s[rows["worker"] == 0]) < 0.5
    assert np.median(lateness_s[rows["worker"] == 1]) < 0.5


@pytest.mark.soak
def test_a_worker_that_is_killed_is_lost_and_the_run_ends(tmp_path: Path) -> None:
    """Of a run of an hour, the other worker's part is written within seconds, and the loss is told."""
    with Stubborn() as server:
        run = Run(tmp_path, server, 20.0, 1800.0, workers=2, adapter_options={})
        with run.going("--processes", "2") as process:
            t0_unix = run.begun(process)
            time.sleep(max(t0_unix + 1.0 - time.time(), 0))
            children = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
            )
            os.kill(int(children.stdout.split()[0]), signal.SIGKILL)
            printed, _ = process.communicate(timeout=END_S)
        assert process.returncode == 0, printed
    told = run.workers
    assert len(told["lost"]) == 1
    (lost,) = told["lost"]
    assert [one["ended"] for one in told["workers"]] == [one != lost for one in range(2)]
    assert told["stopped"]
    assert told["ended_unix"] - t0_unix < 30.0
    rows = run.arrivals
    assert len(rows) == len(run.schedule)
    survivors = rows[rows["worker"] != lost]
    assert (survivors["state"] == State.ACCEPTED).sum() > 5
    assert (survivors["state"] == State.PLANNED).sum() > 1000


def test_what_gets_no_answer_is_told_as_it_was_and_a_stop_is_heard(tmp_path: Path) -> None:
    """A silent server: in flight up to the cap, shed beyond it, timed out, and open when the run was stopped."""
    with Stubborn(silent=True) as server:
        run = Run(tmp_path, server, 50.0, 60.0, in_flight_max=10, timeout_s=1.0, drain_s=0.3)
        with run.going() as process:
            t0_unix = run.begun(process)
            time.sleep(max(t0_unix + 1.9 - time.time(), 0))
            process.send_signal(signal.SIGTERM)
            printed, _ = process.communicate(timeout=END_S)
        assert process.returncode == 0, printed
        rows, due_s = run.arrivals, run.schedule.due_s
        assert len(server.ids) == np.isin(rows["state"], (State.SENT, State.AMBIGUOUS)).sum()
    state = rows["state"]
    assert set(state) == {State.PLANNED, State.SHED, State.SENT, State.AMBIGUOUS}
    assert set(rows["code"][state == State.AMBIGUOUS]) == {b"timeout"}
    assert set(rows["code"][state == State.SHED]) == {b"in-flight-cap"}
    assert (state == State.SENT).sum() <= 10
    assert np.isnan(rows["done_s"]).all()
    assert np.isnan(rows["sent_s"][np.isin(state, (State.PLANNED, State.SHED))]).all()
    assert due_s[state == State.PLANNED].min() > due_s[state != State.PLANNED].max()
    (told,) = run.workers["workers"]
    assert told["in_flight_most"] == 10
    assert not told["drained"]
    assert "in-flight-cap" in printed


def test_a_run_that_cannot_begin_says_why(tmp_path: Path) -> None:
    """Nobody listens at the target: the exit code and a note tell, and there are no rows."""
    with Stubborn() as server:
        run = Run(tmp_path, server, 10.0, 1.0)
    with run.going() as process:
        printed, _ = process.communicate(timeout=END_S)
    assert process.returncode == 1
    assert "E-TARGET" in printed
    assert json.loads((run.raw / "error.json").read_text())["code"] == "E-TARGET"
    assert not (run.raw / "workers.json").exists()
