"""The search against MLPerf LoadGen's own peak search, on one server whose capacity is known.

Both drive the same server in real time with Poisson arrivals and measure from the scheduled time. LoadGen is asked for
its ``FindPeakPerformance`` mode: doubling, then plain bisection, each probe judged by its binomial early stopping.
"""

from __future__ import annotations

import json
import math
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from loadtests.harness.objectives import Objective, judge
from loadtests.harness.search import Ask, Probe, Search, Settings
from loadtests.harness.verdict import Outcome

pytestmark = pytest.mark.bench

SERVICE_S = 0.005
BOUND_S = 0.025
PERCENTILE = 0.9
PROBE_S = 8.0
START_PER_S = 100.0
WITHIN = 0.10
"""Eight seconds are some 1,300 responses in bursts; chance moves the rate at which a tenth of them is late by some
percent, in either search, and LoadGen looks once at each rate."""


class Server:
    """M/D/1 in real time: one at a time, each takes ``SERVICE_S``."""

    def __init__(self) -> None:
        self.free_s = 0.0
        self.jobs: queue.Queue[tuple[float, Callable[[float], None] | None]] = queue.Queue()
        self.worker = threading.Thread(target=self._work)
        self.worker.start()

    def take(self, done: Callable[[float], None]) -> None:
        """Take a request; ``done`` is told when it is finished."""
        self.free_s = max(self.free_s, time.perf_counter()) + SERVICE_S
        self.jobs.put((self.free_s, done))

    def close(self) -> None:
        """Finish what is there, and end."""
        self.jobs.put((0.0, None))
        self.worker.join()

    def _work(self) -> None:
        while True:
            at_s, done = self.jobs.get()
            if done is None:
                return
            time.sleep(max(at_s - time.perf_counter(), 0.0))
            done(time.perf_counter())


@contextmanager
def serving() -> Iterator[Server]:
    """A server, and its end."""
    server = Server()
    try:
        yield server
    finally:
        server.close()


def responses_s(server: Server, due_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Send at the due times whatever comes of it, and measure from them."""
    done_s = np.zeros(len(due_s))
    left = threading.Semaphore(0)

    def done(number: int) -> Callable[[float], None]:
        def at(now_s: float) -> None:
            done_s[number] = now_s
            left.release()

        return at

    start_s = time.perf_counter() + 0.05
    for number, due in enumerate(due_s.tolist()):
        time.sleep(max(start_s + due - time.perf_counter(), 0.0))
        server.take(done(number))
    for _ in range(len(due_s)):
        left.acquire()
    return done_s - start_s - due_s


def ours() -> float:
    """What our search finds, before the confirmation: LoadGen has none."""
    objective = Objective.parse(f"submit p{PERCENTILE * 100:.0f} < {BOUND_S * 1000:.0f} ms")

    def probe(ask: Ask) -> Probe:
        rng = np.random.default_rng(ask.seed)
        due_s = np.sort(rng.random(rng.poisson(ask.rate_per_s * ask.duration_s)) * ask.duration_s)
        with serving() as server:
            seen_s = responses_s(server, due_s)
        found = judge(objective, seen_s, due_s, confidence=0.99, rng=rng)
        outcome = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.INCONCLUSIVE}[found.met]
        achieved_per_s = len(due_s) / ask.duration_s
        leans = found.estimate_s < BOUND_S
        return Probe(ask, outcome, achieved_per_s, found.estimate_s, found.low_s, found.high_s, leans=leans)

    settings = Settings(
        start_per_s=START_PER_S,
        probe_s=PROBE_S,
        longest_s=2 * PROBE_S,
        votes_max=3,
        confirm_s=2 * PROBE_S,
        budget_s=900,
    )
    found = Search(probe, settings, clock=time.monotonic).run()
    sys.stdout.write(f"{found.text}\n")
    low, high = found.narrowed
    assert low is not None
    assert high is not None
    assert found.last_pass is not None
    assert found.last_pass <= high
    return math.sqrt(low * high)


def theirs(loadgen: Any, folder: Path) -> float:
    """What LoadGen finds."""
    settings = loadgen.TestSettings()
    settings.scenario, settings.mode = loadgen.TestScenario.Server, loadgen.TestMode.FindPeakPerformance
    settings.server_target_qps = START_PER_S
    settings.server_target_latency_ns = round(BOUND_S * 1e9)
    settings.server_target_latency_percentile = PERCENTILE
    settings.min_duration_ms = round(PROBE_S * 1000)
    settings.min_query_count = 100
    settings.server_find_peak_qps_decimals_of_precision = 0
    settings.server_find_peak_qps_boundary_step_size = 1
    logs, output = loadgen.LogSettings(), loadgen.LogOutputSettings()
    output.outdir, output.copy_summary_to_stdout = str(folder), False
    logs.log_output, logs.enable_trace = output, False
    with serving() as server:

        def answer(number: int, _now_s: float) -> None:
            loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(number, 0, 0)])

        def issue(samples: Sequence[Any]) -> None:
            for sample in samples:
                server.take(partial(answer, sample.id))

        sut = loadgen.ConstructSUT(issue, lambda: None)
        samples = loadgen.ConstructQSL(64, 64, lambda _: None, lambda _: None)
        loadgen.StartTestWithLogSettings(sut, samples, settings, logs)
        loadgen.DestroyQSL(samples)
        loadgen.DestroySUT(sut)
    lines = (folder / "mlperf_log_detail.txt").read_text(encoding="utf-8").splitlines()
    told = [
        json.loads(line.removeprefix(":::MLLOG "))["value"]
        for line in lines
        if "Found peak performance" in line
    ]
    assert told, "LoadGen found no peak"
    return float(str(told[-1]).rsplit(" ", 1)[-1])


def truth() -> float:
    """The rate at which a long simulation of the same queue has its percentile at the bound."""
    low, high = START_PER_S, 1 / SERVICE_S
    for _ in range(12):
        middle = (low + high) / 2
        rng = np.random.default_rng(99)
        gaps_s = rng.exponential(1 / middle, 1_000_000)
        walk = np.cumsum(np.concatenate([[0.0], SERVICE_S - gaps_s[1:]]))
        response_s = walk - np.minimum.accumulate(walk) + SERVICE_S
        held = float(np.quantile(response_s, PERCENTILE)) < BOUND_S
        low, high = (middle, high) if held else (low, middle)
    return low


def test_the_search_agrees_with_loadgen(tmp_path: Path) -> None:
    """Both find the known capacity, and one another's, within 10 %."""
    loadgen = pytest.importorskip("mlperf_loadgen", reason="needs mlcommons-loadgen, extra `bench`")
    known = truth()
    theirs_per_s = theirs(loadgen, tmp_path)
    ours_per_s = ours()
    sys.stdout.write(f"known {known:.1f}/s, LoadGen {theirs_per_s:.1f}/s, ours {ours_per_s:.1f}/s\n")
    assert theirs_per_s == pytest.approx(known, rel=WITHIN)
    assert ours_per_s == pytest.approx(known, rel=WITHIN)
    assert ours_per_s == pytest.approx(theirs_per_s, rel=WITHIN)
