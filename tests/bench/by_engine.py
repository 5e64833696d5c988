"""The flow through the public scenario format and our engine; records are always on."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import numpy as np

from sim import engine, workload
from sim.scenario import ScenarioFile, load
from sim.streams import Streams
from tests.bench.flow import DAY, RATE_PER_H, TASKS, URGENT_SHARE, Run, Setting, Task, clock_end_s, mean_waits


def scenario_text(setting: Setting) -> str:
    """Write the flow as a planner would."""
    hours = '["07:30-11:30", "13:00-17:00"]' if setting.office_hours else "round the clock"
    urgency = f"urgency: {{urgent: {URGENT_SHARE}, normal: {1 - URGENT_SHARE}}}" if setting.classes else ""
    staff = ", ".join(f"{task.role}: {task.people}" for task in TASKS[:-1])

    def step(task: Task) -> str:
        kind, cv = ("lognormal", f", cv: {task.cv}") if task.cv else ("exponential", "")
        return f"{{work: {task.name}, by: {task.role}, takes: {{{kind}: {{mean: {task.mean_s} s{cv}}}}}}}"

    sender = "\n".join(f"      - {step(task)}" for task in TASKS[:-1])
    return f"""schema: 1
id: bench
title: Six steps
period:
  start: 2015-01-05
  kind: terminating
  warm_up: 0 days
  measure: {clock_end_s(setting) / DAY:g} days
  cool_down: 14 days
calendar: {{hours: {hours}}}
agencies: [{{id: a, level: department}}, {{id: b, level: commune}}]
staff:
  department: {{{staff}}}
  commune: {{{TASKS[-1].role}: {TASKS[-1].people}}}
flows:
  letter: {{from: {{id: a}}, to: {{id: b}}, volume: {RATE_PER_H} / h, procedure: six-steps, {urgency}}}
procedures:
  six-steps:
    title: Draft, initial, check, sign, issue, register
    sender:
{sender}
    leg:
      - {step(TASKS[-1])}
"""


def prepare(setting: Setting, folder: Path) -> ScenarioFile:
    """Write the scenario and read it; not timed."""
    path = folder / "scenario.yaml"
    path.write_text(scenario_text(setting), encoding="utf-8")
    return load(path)


def run(setting: Setting, file: ScenarioFile, seed: int) -> Run:
    """Run the flow and time it: workload, building, simulating and records."""
    begun = process_time()
    streams = Streams(seed, 1)
    documents = workload.generate(file, streams)
    seen = engine.run(file, file.cases[file.base], documents, streams)
    seconds = process_time() - begun
    steps = seen.steps
    position = [[task.name for task in TASKS].index(name) for name in seen.names.tasks]
    urgency = np.where(np.isin(steps.doc, seen.legs.doc[seen.legs.urgency > 0]), 0, 1)
    waits = mean_waits(setting, np.array(position)[steps.task], urgency, steps.enabled_s, steps.started_s)
    return Run(int(np.count_nonzero(seen.legs.outcome == 1)), seconds, waits)
