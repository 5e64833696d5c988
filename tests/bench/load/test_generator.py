"""Messages per second that one worker sends on schedule, beside what others send at most; one run, ratios.

The null server has a core of its own, the load the other one; 4 KiB, signed before. "On schedule" is p99 of lateness
below 10 ms over all arrivals of a Poisson schedule of some seconds, nothing shed and nothing lost.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtests.harness import schedule_building, sizes
from loadtests.harness.plan import Plan, Receipts
from loadtests.harness.profiles import Profile
from loadtests.harness.records import State
from tests.bench.exchange.processes import ROOT, cores

pytestmark = pytest.mark.bench

SECONDS = 4.0
USERS = 20
LATENESS_S = 0.010
STEP = 1.2
STEPS = 10
TARGET = 0.5
WRK = "-t1 -c50"


@dataclass(frozen=True, slots=True)
class Sent:
    """What one run of the generator did: messages/s that were planned, p99 of lateness in s, all of them accepted."""

    rate_per_s: float
    lateness_s: float
    whole: bool

    @property
    def on_schedule(self) -> bool:
        """Whether it kept its schedule."""
        return self.whole and self.lateness_s < LATENESS_S


@contextmanager
def null_server() -> Iterator[str]:
    """A null server on its own core."""
    command = [sys.executable, "-m", "loadtests.adapters.servers.null_server", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            os.sched_setaffinity(process.pid, cores()[0])
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def on_the_other_core(command: list[str], **surroundings: str) -> str:
    """Run something to its end on the load's core, and give what it printed."""
    core = cores()[1]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **surroundings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, core),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def told(line: str) -> None:
    """Tell a line of the result."""
    sys.stdout.write(f"\n{line}")


def rate(counted: dict[str, Any]) -> float:
    """Requests per second."""
    assert counted["failures"] == 0
    return float(counted["requests"] / counted["seconds"])


def plain_locust(url: str, folder: Path) -> float:
    """FastHttpUser's closed loop."""
    counted = folder / "plain.json"
    command = [sys.executable, "-m", "locust", "-f", "tests/bench/load/plain_locust.py", "--headless"]
    command += ["--only-summary", "--host", url, "-u", str(USERS), "-r", "100", "-t", f"{SECONDS:.0f}s"]
    on_the_other_core(command, TOLD=str(counted))
    return rate(json.loads(counted.read_text()))


def raw_client(url: str) -> float:
    """Geventhttpclient's closed loop."""
    command = [sys.executable, "-m", "tests.bench.load.raw_client", url, str(SECONDS)]
    return rate(json.loads(on_the_other_core(command)))


def wrk(url: str, folder: Path) -> float | None:
    """wrk, where it is installed."""
    program = shutil.which("wrk")
    if program is None:
        return None
    script = folder / "post.lua"
    script.write_text('wrk.method = "POST"\nwrk.body = string.rep("x", 4096)\n')
    command = [program, *WRK.split(), f"-d{SECONDS:.0f}s", "-s", str(script), f"{url}/v1/messages"]
    found = re.search(r"Requests/sec: *([\d.]+)", on_the_other_core(command))
    assert found is not None
    return float(found[1])


def driven(url: str, folder: Path, rate_per_s: float, seed: int) -> Sent:
    """Our driver at a rate."""
    folder.mkdir()
    due_s = Profile.steady(rate_per_s, SECONDS).due_s(seed)
    drawn = schedule_building.Drawn(1, sizes.parse("4 KiB"))
    schedule = schedule_building.build(due_s, drawn, seed=seed, agencies=10, duration_s=SECONDS)
    plan = Plan(
        adapter="null",
        target=url,
        seed=seed,
        nonce=f"{seed:012x}",
        profile={},
        schedule_sha256=schedule.digest,
        duration_s=SECONDS,
        receipts=Receipts.AFTER,
        collect=False,
        in_flight_max=5000,
    )
    (folder / "plan.json").write_text(json.dumps(plan.to_json()))
    (folder / "schedule.npz").write_bytes(schedule.to_bytes())
    command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfiles/exchange.py", "--headless"]
    raw = folder / "raw"
    on_the_other_core(
        [*command, "--only-summary", "--host", url],
        CONGVAN_LOAD_PLAN=str(folder),
        CONGVAN_LOAD_RAW=str(raw),
    )
    rows = np.load(raw / "arrivals.npy")
    lateness_s = rows["sent_s"] - schedule.due_s
    whole = bool((rows["state"] == State.ACCEPTED).all())
    return Sent(len(schedule) / SECONDS, float(np.percentile(lateness_s, 99)), whole)


def highest_on_schedule(url: str, folder: Path, start_per_s: float) -> Sent:
    """The highest rate of a ladder at which the driver keeps its schedule; each rung may be tried twice."""
    best = Sent(0.0, 0.0, whole=True)
    for step in range(STEPS):
        for attempt in range(2):
            seed = 2 * step + attempt + 1
            sent = driven(url, folder / f"run-{seed}", start_per_s * STEP**step, seed)
            told(f"    {sent.rate_per_s:,.0f}/s: p99 of lateness {1000 * sent.lateness_s:.2f} ms")
            if sent.on_schedule:
                best = sent
                break
        else:
            break
    return best


def test_messages_on_schedule_beside_others_maximum(tmp_path: Path) -> None:
    """One worker on schedule sends at least half as many as plain FastHttpUser does in its closed loop at most."""
    with null_server() as url:
        plain = plain_locust(url, tmp_path)
        ours = highest_on_schedule(url, tmp_path, TARGET * plain)
        raw = raw_client(url)
        bare = wrk(url, tmp_path)
    told(f"one worker on schedule       {ours.rate_per_s:10,.0f}/s, p99 {1000 * ours.lateness_s:.2f} ms late")
    for name, value in (("FastHttpUser, closed loop", plain), ("raw geventhttpclient", raw), ("wrk", bare)):
        if value is not None:
            told(f"{name:28} {value:10,.0f}/s, ours / it = {ours.rate_per_s / value:.2f}")
    assert ours.rate_per_s >= TARGET * plain * 0.97  # a Poisson schedule has a few more or fewer than planned
