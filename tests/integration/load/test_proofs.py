"""What the harness promises, shown on real servers: honest percentiles, and whose fault is whose."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import psutil
import pytest

from loadtests.adapters.servers.faults import read_planted
from tests.integration.load.commanding import Run, load_in_time, load_run, serving

HERE = Path(__file__).parent
FREEZE_S = 2.0


def expected_percentiles_s(run: Run) -> dict[float, float]:
    """What the percentiles must be: whoever was due while the server stood still waited until it went on."""
    rows = run.arrivals.filter(
        (pl.col("poison") == "none") & (pl.col("due_s") >= run.summary["plan"]["warmup_s"])
    )
    due_s = rows["due_s"].to_numpy()
    (fault,) = run.summary["faults"]
    frozen = (due_s >= fault["at_s"]) & (due_s < fault["until_s"])
    usual_s = float(np.median(rows["response_s"].to_numpy()[~frozen]))
    response_s = np.sort(np.where(frozen, fault["until_s"] - due_s, 0.0) + usual_s)
    return {share: float(response_s[int(np.ceil(share * len(due_s))) - 1]) for share in (0.90, 0.95)}


class TestFreeze:
    """50 messages per second for 10 s, and a server that stands still for 2 s of them."""

    @pytest.mark.quiet
    def test_percentiles_are_those_of_the_schedule_and_the_freeze(self, tmp_path: Path) -> None:
        """The 90th and 95th percentile are within 5 % of what this run's own schedule and freeze imply."""
        run = load_in_time(
            tmp_path,
            "--adapter",
            "null",
            "--rate",
            "50/s",
            "--duration",
            "10s",
            "--fault",
            "freeze 2s at 4s",
        )
        expected_s = expected_percentiles_s(run)
        assert expected_s[0.95] > 1.0
        for share, name in ((0.90, "p90"), (0.95, "p95")):
            measured_s = run.summary["steps"]["submit"]["response_s"][name]
            assert measured_s == pytest.approx(expected_s[share], rel=0.05)
        assert run.outcome in {"FAIL", "INCONCLUSIVE"}

    @pytest.mark.soak
    def test_plain_locust_hides_the_same_freeze(self, tmp_path: Path) -> None:
        """Ten users of the same rate on the same kind of server: their 95th percentile is off by ten times."""
        with serving("null_server") as (url, pid):
            words = ["-f", str(HERE / "closed_loop.py"), "--headless", "-u", "10", "-r", "10", "-t", "10s"]
            command = [
                sys.executable,
                "-m",
                "locust",
                *words,
                "--host",
                url,
                "--csv",
                str(tmp_path / "plain"),
            ]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as locust:
                time.sleep(5.0)  # one or two seconds until it has started, then three of ten
                os.kill(pid, signal.SIGSTOP)
                time.sleep(FREEZE_S)
                os.kill(pid, signal.SIGCONT)
                assert locust.wait(60) == 0
        with (tmp_path / "plain_stats.csv").open(encoding="utf-8", newline="") as file:
            (row,) = (one for one in csv.DictReader(file) if one["Name"] == "submit")
        assert float(row["Max Response Time"]) > 1000 * (FREEZE_S - 0.6)  # the freeze fell into its run
        # Of 50/s in 10 s a fifth is due in the freeze, so a quarter of these wait 1.5 s or more.
        assert float(row["95%"]) < 1500 / 10


def test_no_sample_is_lost_on_the_way(tmp_path: Path) -> None:
    """Of 3,000 arrivals in 6 s each has one row, and the server has counted each of them once."""
    with serving("null_server") as (url, _):
        run = load_run(
            tmp_path / "run", "--adapter", "null", "--target", url, "--rate", "500/s", "--duration", "6s",
            "--size", "1 KiB", "--replays", "0 %",
        )  # fmt: skip
        counted = httpx.get(f"{url}/stats", trust_env=False).json()
    numbers = run.arrivals["number"].to_numpy()
    assert np.array_equal(np.sort(numbers), np.arange(run.summary["offered"]["messages"]))
    assert counted["unique"] == len(numbers)
    assert run.summary["counts"]["accepted"] == len(numbers)
    submit = run.summary["steps"]["submit"]
    exact_s = np.sort(
        run.arrivals.filter(pl.col("due_s") >= run.summary["plan"]["warmup_s"])["response_s"].to_numpy()
    )
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        exact = exact_s[int(np.ceil(share * len(exact_s))) - 1]
        assert submit["response_s"][name] == pytest.approx(exact, rel=1e-3, abs=2e-6)


@pytest.mark.quiet
def test_an_overloaded_server_is_fail_and_never_invalid(tmp_path: Path) -> None:
    """A server that can do 100/s is offered 150/s: its backlog grows, and the generator is not to blame."""
    with serving("null_server", "--service-ms", "20", "--servers", "2") as (url, _):
        run = load_in_time(
            tmp_path, "--adapter", "null", "--target", url, "--rate", "150/s", "--duration", "7s",
            "--slo", "submit p99 < 500 ms", "--timeout", "60s", "--drain", "60s",
        )  # fmt: skip
    assert run.outcome == "FAIL", run.told
    assert "objective-missed" in run.reasons


@pytest.mark.quiet
def test_sheds_at_the_cap_are_the_servers_misses(tmp_path: Path) -> None:
    """With room for 50 under way the same overload is shed: counted, in the percentiles, FAIL and not INVALID."""
    with serving("null_server", "--service-ms", "20", "--servers", "2") as (url, _):
        run = load_in_time(
            tmp_path, "--adapter", "null", "--target", url, "--rate", "150/s", "--duration", "7s",
            "--in-flight", "50", "--slo", "submit p99 < 2 s", "--timeout", "60s",
        )  # fmt: skip
    assert run.summary["shed"] > 50
    assert run.summary["steps"]["submit"]["response_s"]["p99"] is None
    assert run.summary["steps"]["submit"]["completed_s"]["p99"] < 2.0
    assert run.outcome == "FAIL", run.told


def test_a_generator_that_is_too_slow_is_invalid_and_never_fail(tmp_path: Path) -> None:
    """Nobody sends 30,000 messages per second from one process; that says nothing of the server."""
    with serving("null_server") as (url, _):
        run = load_run(
            tmp_path / "run", "--adapter", "null", "--target", url, "--rate", "30000/s", "--duration", "1s",
            "--size", "64 B", "--replays", "0 %",
        )  # fmt: skip
    assert run.outcome == "INVALID", run.told
    assert {"late", "strayed", "stalled"} & set(run.reasons)


def worker_of(parent: int, deadline_s: float) -> int:
    """The last worker that Locust has forked under a process."""
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        for one in psutil.Process(parent).children(recursive=True):
            forked = [child for child in one.children() if "locust" in " ".join(child.cmdline())]
            if len(forked) >= 2:
                return int(forked[-1].pid)
        time.sleep(0.1)
    raise AssertionError("no worker appeared")


def test_a_worker_that_is_killed_makes_the_run_invalid(tmp_path: Path) -> None:
    """Half of the load is gone in the middle: INVALID, and the lost worker is named."""
    with serving("null_server") as (url, _):
        words = [
            "--adapter",
            "null",
            "--target",
            url,
            "--rate",
            "50/s",
            "--duration",
            "6s",
            "--size",
            "4 KiB",
            "--workers",
            "2",
        ]
        command = [
            sys.executable,
            "-m",
            "sim.cli",
            "load",
            "run",
            *words,
            "--out",
            str(tmp_path / "run"),
            "--keep",
        ]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            victim = worker_of(running.pid, 60)

            def kill() -> None:
                started = tmp_path / "run/raw/started.json"
                while not started.exists():
                    time.sleep(0.05)
                time.sleep(3.0)
                os.kill(victim, signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()
            told, _ = running.communicate(timeout=120)
            killer.join()
    assert running.returncode == 3, told
    assert "worker-lost" in told


FAULTS = "lose=0.05,duplicate=0.05,forge=1,wrong-receipt=0.05"


FEW = ["--rate", "60/s", "--duration", "4s", "--agencies", "6", "--fan-out", "2", "--poison", "5 %", "--replays", "0 %",
       "--poll", "1 s", "--human", "0 s", "--drain", "4 s", "--keep"]  # fmt: skip


def test_every_planted_fault_is_found(tmp_path: Path) -> None:
    """Losses, duplicates, forgeries, wrong receipts: as many findings as the exchange says it has planted."""
    run = load_run(tmp_path / "run", *FEW, "--faulty", FAULTS)
    (path,) = (tmp_path / "run/.server").rglob("planted.jsonl")
    planted = read_planted(path)
    found = {one["code"]: one["count"] for one in run.summary["ledger"]["findings"]}
    copies = 2
    assert set(found) == {"lost", "duplicated", "receipt-wrong", "forged-accepted"}
    assert found["lost"] == copies * len(planted["lose"] - planted["wrong-receipt"] - planted["forge"]) > 0
    assert found["duplicated"] == copies * len(planted["duplicate"] - planted["lose"]) > 0
    assert found["receipt-wrong"] == len(planted["wrong-receipt"] - planted["forge"]) > 0
    forged = sum(counts["sent"] for counts in run.summary["ledger"]["poison"].values())
    assert found["forged-accepted"] == forged == len(planted["forge"]) + len(planted["forged-read"]) > 0
    assert run.outcome == "FAIL"


def test_nothing_is_found_on_the_clean_exchange(tmp_path: Path) -> None:
    """The same load on the exchange without faults: no finding, and all that was poisoned refused."""
    run = load_run(tmp_path / "run", *FEW)
    assert run.summary["ledger"]["findings"] == []
    assert run.outcome != "FAIL", run.told
    for counts in run.summary["ledger"]["poison"].values():
        assert counts["refused"] == counts["sent"] > 0


@pytest.mark.soak
def test_two_workers_send_what_one_sends(tmp_path: Path) -> None:
    """The same schedule, the same messages, the same ledger, whether one process sends it or a master and two."""
    runs = []
    for workers in ("1", "2"):
        run = load_run(
            tmp_path / workers, "--rate", "60/s", "--duration", "5s", "--agencies", "6", "--poll", "1 s",
            "--human", "0 s", "--workers", workers,
        )  # fmt: skip
        runs.append(run)
    one, two = runs
    assert one.summary["plan"]["schedule_sha256"] == two.summary["plan"]["schedule_sha256"]
    assert one.summary["plan_digest"] == two.summary["plan_digest"]
    for name in ("states", "poison", "replay", "findings"):
        assert one.summary["ledger"][name] == two.summary["ledger"][name]
    columns = ["number", "due_s", "sender", "size_bytes", "poison", "state", "receipt"]
    assert one.arrivals.sort("number").select(columns).equals(two.arrivals.sort("number").select(columns))
    assert set(two.arrivals["worker"].to_list()) == {0, 1}
