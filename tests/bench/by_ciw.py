"""The flow in Ciw: a network of nodes, servers on a schedule that interrupts and resumes services."""

from __future__ import annotations

from random import Random
from time import process_time
from typing import Any

import ciw
import numpy as np

from tests.bench.by_hand import OfficeHours
from tests.bench.flow import (
    DAY,
    RATE_PER_H,
    SHIFTS,
    TASKS,
    URGENT_SHARE,
    WEEK,
    H,
    Run,
    Setting,
    clock_end_s,
    mean_waits,
)


def gaps(setting: Setting, share: float, rng: Random, hours: OfficeHours | None) -> list[float]:
    """Return the times between arrivals of one class; Ciw has no Poisson process over office hours."""
    out: list[float] = []
    asked, last = rng.expovariate(share * RATE_PER_H / H), 0.0
    while asked < setting.open_h * H:
        at = asked if hours is None else hours.clock(asked)
        out.append(at - last)
        last = at
        asked += rng.expovariate(share * RATE_PER_H / H)
    return [*out, float("inf")]


def week_of(people: int) -> ciw.Schedule:
    """Return a pool's week: all there in a shift, nobody outside, work resumes where it stopped."""
    marks: list[tuple[int, float]] = []
    for day in range(5):
        for start, end in SHIFTS:
            marks += [(0, day * DAY + start), (people, day * DAY + end)]
    marks.append((0, WEEK))
    return ciw.Schedule([n for n, _ in marks], [t for _, t in marks], preemption="resume")


def run(setting: Setting, seed: int) -> Run:
    """Run the flow and time it."""
    begun = process_time()
    ciw.seed(seed)
    rng = Random(seed)
    hours = OfficeHours(clock_end_s(setting) + 10 * WEEK) if setting.office_hours else None
    shares = {"urgent": URGENT_SHARE, "normal": 1 - URGENT_SHARE} if setting.classes else {"normal": 1.0}
    service = [
        ciw.dists.Lognormal(task.mu, task.sigma) if task.cv else ciw.dists.Exponential(1 / task.mean_s)
        for task in TASKS
    ]
    nowhere = [None] * (len(TASKS) - 1)
    last = len(TASKS) - 1
    routing = [[1.0 if b == a + 1 else 0.0 for b in range(len(TASKS))] for a in range(last + 1)]
    arguments: dict[str, Any] = {
        "arrival_distributions": {
            name: [ciw.dists.Sequential(gaps(setting, share, rng, hours)), *nowhere]
            for name, share in shares.items()
        },
        "service_distributions": dict.fromkeys(shares, service),
        "routing": dict.fromkeys(shares, routing),
        "number_of_servers": [
            week_of(task.people) if setting.office_hours else task.people for task in TASKS
        ],
    }
    if setting.classes:
        arguments["priority_classes"] = {"urgent": 0, "normal": 1}
    simulation = ciw.Simulation(ciw.create_network(**arguments))
    simulation.simulate_until_max_time(clock_end_s(setting) + 2 * WEEK)
    records = simulation.get_all_records()
    seconds = process_time() - begun
    return Run(*_read(setting, records, seconds))


def _read(setting: Setting, records: list[Any], seconds: float) -> tuple[int, float, list[list[float]]]:
    """Return documents, seconds and waits; the wait ends at the first start of an interrupted service."""
    first: dict[tuple[int, int], Any] = {}
    for record in records:
        key = (record.id_number, record.node)
        known = first.get(key)
        if known is None or record.service_start_date < known.service_start_date:
            first[key] = record
    chosen = first.values()
    waits = mean_waits(
        setting,
        np.array([record.node - 1 for record in chosen]),
        np.array([0 if record.customer_class == "urgent" else 1 for record in chosen]),
        np.array([record.arrival_date for record in chosen]),
        np.array([record.service_start_date for record in chosen]),
    )
    done = sum(1 for record in records if record.node == len(TASKS) and record.record_type == "service")
    return done, seconds, waits
