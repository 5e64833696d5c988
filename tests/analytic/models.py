"""Queueing systems with exact solutions, written as scenarios, and what is measured of them.

Rule kept here: one table (:data:`MODELS`). Lengths were chosen so that half-widths stay below two per cent of
the exact value; a model's seed is its place in the table, its replications are 1 to R, and neither is ever
changed to please. Seeds differ because models of one seed would share arrivals: their errors would not be
independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim import engine, workload
from sim.analysis import queueing
from sim.observations import Observations, StepKind
from sim.scenario import ScenarioFile
from sim.streams import Streams
from tests.builders import scenario

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SERVICE_S = 60.0
URGENT = 1


@dataclass(frozen=True, slots=True)
class Model:
    """One queueing system.

    Args:
        name: For people.
        sections: Of its scenario file.
        per_h: Documents per hour.
        hours: Length of the measured period.
        exact: By metric.
        measure: Gives the same metrics of one replication.
        main: The metric that speaks for the model where independent intervals are counted.
    """

    name: str
    sections: Mapping[str, str]
    per_h: float
    hours: int
    exact: Mapping[str, float]
    measure: Callable[[Observations], Mapping[str, float]]
    main: str = "wait"

    def file(self, hours: int | None = None) -> ScenarioFile:
        """Return the scenario; the length may be another."""
        length = f"measure: {hours or self.hours} h"
        period = f"{{start: 2015-01-05, kind: steady, warm_up: 8 h, {length}, cool_down: 2 days}}"
        flow = self.sections.get("urgency", "{normal: 1}")
        rest = {key: value for key, value in self.sections.items() if key != "urgency"}
        return scenario(
            period=period,
            flows=f"{{letter: {{from: {{id: a}}, to: {{id: b}}, volume: {self.per_h} / h, procedure: serve, "
            f"urgency: {flow}}}}}",
            **rest,
        )


def replicate(
    model: Model, seed: int, replications: Sequence[int], hours: int | None = None
) -> dict[str, list[float]]:
    """Return each metric of each replication; the length may be another than the model's."""
    file = model.file(hours)
    out: dict[str, list[float]] = {name: [] for name in model.exact}
    for number in replications:
        streams = Streams(seed, number)
        obs = engine.run(file, file.cases[file.base], workload.generate(file, streams), streams)
        assert not np.any(obs.legs.outcome[obs.legs.measured] == 0), "the cohort is followed to its end"
        for name, value in model.measure(obs).items():
            out[name].append(value)
    return out


# --- metrics ------------------------------------------------------------------------------------------------


def wait_s(obs: Observations, task: str = "serve", urgency: int | None = None) -> float:
    """Return the mean wait before a task, over all visits of measured documents."""
    chosen = obs.legs.measured if urgency is None else obs.legs.measured & (obs.legs.urgency == urgency)
    documents = np.zeros(int(obs.steps.doc.max()) + 1, dtype=bool)
    documents[obs.legs.doc[chosen]] = True
    rows = documents[obs.steps.doc] & (obs.steps.task == obs.names.tasks.index(task))
    rows &= obs.steps.kind == StepKind.WORK
    return float(np.mean((obs.steps.started_s - obs.steps.enabled_s)[rows]))


def response_s(obs: Observations) -> float:
    """Return the mean time from asked to finished of measured documents."""
    return float(np.mean((obs.legs.finished_s - obs.legs.created_s)[obs.legs.measured]))


def present(obs: Observations) -> float:
    """Return the mean number of documents in the system over the measured period, whenever created."""
    start_s, end_s = obs.measure_start_s, obs.measure_end_s
    left_s = np.where(np.isnan(obs.legs.finished_s), end_s, obs.legs.finished_s)
    spent = np.clip(left_s, start_s, end_s) - np.clip(obs.legs.created_s, start_s, end_s)
    return float(np.sum(spent)) / (end_s - start_s)


def utilisation(obs: Observations) -> float:
    """Return the share of their time on duty that people work."""
    used = obs.pools.busy_s > 0
    return float(np.sum(obs.pools.busy_s[used]) / np.sum(obs.pools.on_duty_s[used]))


def station(obs: Observations) -> Mapping[str, float]:
    """Return the metrics of a single station."""
    return {
        "wait": wait_s(obs),
        "response": response_s(obs),
        "present": present(obs),
        "utilisation": utilisation(obs),
    }


def classes(obs: Observations) -> Mapping[str, float]:
    """Return the metrics of a single station with two priority classes."""
    return {
        "wait": wait_s(obs, "serve", 0),
        "wait urgent": wait_s(obs, "serve", URGENT),
        "utilisation": utilisation(obs),
    }


def two_services(obs: Observations) -> Mapping[str, float]:
    """Return the metrics of a station whose classes have services of their own."""
    return {
        "wait": wait_s(obs, "serve"),
        "wait urgent": wait_s(obs, "serve-urgent"),
        "utilisation": utilisation(obs),
    }


def loop(obs: Observations) -> Mapping[str, float]:
    """Return the metrics of the two-station network with feedback."""
    return {
        "wait": wait_s(obs, "write"),
        "wait check": wait_s(obs, "check"),
        "response": response_s(obs),
        "present": present(obs),
    }


def pair(obs: Observations) -> Mapping[str, float]:
    """Return the metrics of fork and join."""
    return {"response": response_s(obs), "present": present(obs), "wait": wait_s(obs, "left")}


# --- the table ----------------------------------------------------------------------------------------------


def _one_step(takes: str) -> str:
    return f"""
        serve:
          title: serve
          sender: [{{work: serve, by: clerk, takes: {takes}}}]
          leg: [{{end: completed}}]
        """


def _queue(queue: queueing.Queue) -> dict[str, float]:
    return {
        "wait": queue.wait_mean_s,
        "response": queue.response_mean_s,
        "present": queue.present_mean,
        "utilisation": queue.load,
    }


def _single(name: str, takes: str, queue: queueing.Queue, hours: int, staff: int = 1) -> Model:
    return Model(
        name,
        {"staff": f"{{office: {{clerk: {staff}}}}}", "procedures": _one_step(takes)},
        queue.arrivals_per_s * 3600,
        hours,
        _queue(queue),
        station,
    )


def _mg1_classes() -> Model:
    normal, urgent = queueing.mg1_priority([0.005, 0.007], [30.0, 50.0], [1.0, 1.0])[::-1]
    procedures = """
        serve:
          title: serve
          sender:
            - {work: serve-urgent, by: clerk, when: {urgency: [urgent]}, takes: {exponential: {mean: 30 s}}}
            - {work: serve, by: clerk, when: {urgency: [normal]}, takes: {exponential: {mean: 50 s}}}
          leg: [{end: completed}]
        """
    exact = {
        "wait": normal.wait_mean_s,
        "wait urgent": urgent.wait_mean_s,
        "utilisation": normal.load + urgent.load,
    }
    sections = {
        "procedures": procedures,
        "urgency": "{normal: 0.5833333333333333, urgent: 0.4166666666666667}",
    }
    return Model("M/G/1, two classes", sections, 43.2, 540, exact, two_services)


def _mmc_classes() -> Model:
    urgent, normal = queueing.mmc_priority([0.3 / 60, 0.7 / 60], SERVICE_S, 2)
    exact = {
        "wait": normal.wait_mean_s,
        "wait urgent": urgent.wait_mean_s,
        "utilisation": normal.load + urgent.load,
    }
    sections = {
        "staff": "{office: {clerk: 2}}",
        "procedures": _one_step("{exponential: {mean: 60 s}}"),
        "urgency": "{normal: 0.7, urgent: 0.3}",
    }
    return Model("M/M/2, two classes", sections, 60.0, 850, exact, classes)


def _jackson() -> Model:
    network = queueing.jackson([1 / 150, 0.0], [[0.0, 1.0], [0.2, 0.0]], [60.0, 60.0], [1, 1])
    write, check = network.stations
    procedures = """
        serve:
          title: serve
          sender:
            - {work: write, by: officer, takes: {exponential: {mean: 60 s}}}
            - {work: check, by: clerk, takes: {exponential: {mean: 60 s}}}
            - {decide: returned, to: {write: 0.2}, loops_max: 20}
          leg: [{end: completed}]
        """
    exact = {
        "wait": write.wait_mean_s,
        "wait check": check.wait_mean_s,
        "response": network.response_mean_s,
        "present": network.response_mean_s / 150,
    }
    sections = {"staff": "{office: {officer: 1, clerk: 1}}", "procedures": procedures}
    return Model("Jackson network", sections, 24.0, 720, exact, loop, main="response")


def _fork_join() -> Model:
    per_s = 0.5 / SERVICE_S
    procedures = """
        serve:
          title: serve
          sender:
            - fork: both
              branches:
                left: [{work: left, by: clerk, takes: {exponential: {mean: 60 s}}}]
                right: [{work: right, by: officer, takes: {exponential: {mean: 60 s}}}]
          leg: [{end: completed}]
        """
    response = queueing.fork_join_mm1_pair_response_mean_s(per_s, SERVICE_S)
    exact = {
        "response": response,
        "present": per_s * response,
        "wait": queueing.mm1(per_s, SERVICE_S).wait_mean_s,
    }
    sections = {"staff": "{office: {officer: 1, clerk: 1}}", "procedures": procedures}
    return Model("fork and join", sections, per_s * 3600, 400, exact, pair, main="response")


MODELS: dict[str, Model] = {
    one.name: one
    for one in (
        _single("M/M/1", "{exponential: {mean: 60 s}}", queueing.mm1(0.5 / SERVICE_S, SERVICE_S), 800),
        _single("M/M/3", "{exponential: {mean: 60 s}}", queueing.mmc(1.8 / SERVICE_S, SERVICE_S, 3), 380, 3),
        _single("M/D/1", "60 s", queueing.md1(0.6 / SERVICE_S, SERVICE_S), 280),
        _single("M/G/1 gamma", "{gamma: {mean: 60 s, cv: 0.5}}",
                queueing.mg1(0.6 / SERVICE_S, SERVICE_S, 0.25), 360),
        _single("M/G/1 lognormal", "{lognormal: {mean: 60 s, cv: 0.9}}",
                queueing.mg1(0.5 / SERVICE_S, SERVICE_S, 0.81), 1250),
        _mg1_classes(),
        _mmc_classes(),
        _jackson(),
        _fork_join(),
    )
}  # fmt: skip
"""By name."""
