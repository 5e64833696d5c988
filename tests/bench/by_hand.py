"""The flow as a competent person writes it in plain SimPy: a generator per document, a resource per pool."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator
from itertools import accumulate
from random import Random
from time import process_time
from typing import Any

import numpy as np
import simpy

from tests.bench.flow import (
    RATE_PER_H,
    TASKS,
    URGENT_SHARE,
    WEEK,
    H,
    Run,
    Setting,
    clock_end_s,
    mean_waits,
    office_intervals,
)

# Document, step, class; when enabled, started and ended; working time.
Record = tuple[int, int, int, float, float, float, float]


class OfficeHours:
    """Working time by prefix sums and bisection."""

    def __init__(self, until_s: float) -> None:
        intervals = office_intervals(until_s)
        self.starts = [start for start, _ in intervals]
        self.ends = [end for _, end in intervals]
        self.until = list(accumulate(end - start for start, end in intervals))
        self.before = [0.0, *self.until[:-1]]

    def finish(self, now: float, work_s: float) -> float:
        """Return when work begun now is done, suspended outside office hours."""
        at = bisect_right(self.ends, now)
        begun = max(now, self.starts[at])
        if begun + work_s <= self.ends[at]:
            return begun + work_s
        return self.clock(self.before[at] + (begun - self.starts[at]) + work_s)

    def clock(self, worked_s: float) -> float:
        """Return the moment at which so much office time has passed."""
        at = bisect_left(self.until, worked_s)
        return self.starts[at] + (worked_s - self.before[at])


Draw = Callable[[], float]
Pool = simpy.Resource | simpy.PriorityResource
Events = Generator[simpy.Event, Any, None]


def request(pool: Pool, urgency: int) -> simpy.resources.resource.Request:
    """Ask for somebody of a pool."""
    return pool.request(priority=urgency) if isinstance(pool, simpy.PriorityResource) else pool.request()


def document(
    env: simpy.Environment, number: int, urgency: int, steps: list[tuple[int, Pool, Draw]],
    hours: OfficeHours | None, records: list[Record],
) -> Events:  # fmt: skip
    """One document's life."""
    for step, pool, draw in steps:
        enabled = env.now
        with request(pool, urgency) as granted:
            yield granted
            started = env.now
            work = draw()
            yield env.timeout(work if hours is None else hours.finish(started, work) - started)
            records.append((number, step, urgency, enabled, started, env.now, work))


def arrivals(
    env: simpy.Environment, setting: Setting, rng: Random, steps: list[tuple[int, Pool, Draw]],
    hours: OfficeHours | None, records: list[Record],
) -> Events:  # fmt: skip
    """Documents are asked for, as a Poisson process over open time."""
    number, asked = 0, rng.expovariate(RATE_PER_H / H)
    while asked < setting.open_h * H:
        yield env.timeout((asked if hours is None else hours.clock(asked)) - env.now)
        urgency = 0 if setting.classes and rng.random() < URGENT_SHARE else 1
        env.process(document(env, number, urgency, steps, hours, records))
        number += 1
        asked += rng.expovariate(RATE_PER_H / H)


def sampler(rng: Random, mean_s: float, mu: float, sigma: float) -> Draw:
    """Return what draws the times of one task."""
    if sigma:
        return lambda: rng.lognormvariate(mu, sigma)
    return lambda: rng.expovariate(1 / mean_s)


def run(setting: Setting, seed: int) -> Run:
    """Run the flow and time it."""
    begun = process_time()
    env = simpy.Environment()
    rng = Random(seed)
    hours = OfficeHours(clock_end_s(setting) + 10 * WEEK) if setting.office_hours else None
    kind = simpy.PriorityResource if setting.classes else simpy.Resource
    steps: list[tuple[int, Pool, Draw]] = [
        (step, kind(env, task.people), sampler(rng, task.mean_s, task.mu, task.sigma))
        for step, task in enumerate(TASKS)
    ]
    records: list[Record] = []
    env.process(arrivals(env, setting, rng, steps, hours, records))
    env.run()
    seconds = process_time() - begun
    table = np.array(records)
    waits = mean_waits(setting, table[:, 1], table[:, 2], table[:, 3], table[:, 4])
    return Run(len(records) // len(TASKS), seconds, waits)
