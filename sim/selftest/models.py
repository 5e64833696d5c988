"""Queueing systems with exact solutions, written as scenarios in the public format.

Rule kept here: one table (:data:`MODELS`). Lengths were chosen so that half-widths stay below two per cent of
the exact value; a model's seed is its place in the table, its replications are 1 to R, and neither is ever
changed to please. Seeds differ because models of one seed would share arrivals: their errors would not be
independent. ``tests/analytic`` runs the same table.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent, indent

import numpy as np

from sim import engine, workload
from sim.analysis import queueing
from sim.errors import RunError
from sim.observations import Observations, Outcome
from sim.scenario import ScenarioFile, load
from sim.selftest import metrics
from sim.streams import Streams

SERVICE_S = 60.0
TWO_DESKS = "{office: {officer: 1, clerk: 1}}"

OFFICE = """\
schema: 1
id: selftest
title: Selftest
period: {period}
calendar: {calendar}
agencies: [{{id: a, level: office}}, {{id: b, level: office}}]
staff: {staff}
flows: {flows}
procedures:
{procedures}
"""
"""The scenario file of every model: an office ``a`` that sends to an office ``b``."""


def loaded(*, period: str, calendar: str, staff: str, flows: str, procedures: str) -> ScenarioFile:
    """Return the scenario with these sections, written to a file and loaded from it as any other."""
    text = OFFICE.format(
        period=period, calendar=calendar, staff=staff, flows=flows,
        procedures=indent(dedent(procedures).strip("\n"), "  "),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path)


@dataclass(frozen=True, slots=True)
class Model:
    """One queueing system.

    Args:
        name: For people.
        procedures: Section of its scenario file.
        per_h: Documents per hour.
        hours: Length of the measured period.
        exact: By metric; numbers of documents, shares of one, all else in seconds.
        measure: Gives the same metrics of one replication.
        staff: Section of its scenario file.
        urgency: Shares of the urgencies.
        main: The metric that speaks for the model where independent intervals are counted.
    """

    name: str
    procedures: str
    per_h: float
    hours: int
    exact: Mapping[str, float]
    measure: Callable[[Observations], Mapping[str, float]]
    staff: str = "{office: {clerk: 1}}"
    urgency: str = "{normal: 1}"
    main: str = "wait"

    def file(self, hours: int | None = None) -> ScenarioFile:
        """Return the scenario; the length may be another."""
        length = f"measure: {hours or self.hours} h"
        return loaded(
            period=f"{{start: 2015-01-05, kind: steady, warm_up: 8 h, {length}, cool_down: 2 days}}",
            calendar="{hours: round the clock}",
            staff=self.staff,
            flows=f"{{letter: {{from: {{id: a}}, to: {{id: b}}, volume: {self.per_h} / h, procedure: serve, "
            f"urgency: {self.urgency}}}}}",
            procedures=self.procedures,
        )


def replicate(
    model: Model, seed: int, replications: Sequence[int], hours: int | None = None
) -> dict[str, list[float]]:
    """Return each metric of each replication; the length may be another than the model's.

    Raises:
        RunError: ``E-SELFTEST`` documents of the measured period were not followed to their end.
    """
    file = model.file(hours)
    out: dict[str, list[float]] = {name: [] for name in model.exact}
    for number in replications:
        streams = Streams(seed, number)
        obs = engine.run(file, file.cases[file.base], workload.generate(file, streams), streams)
        if np.any(obs.legs.outcome[obs.legs.measured] == Outcome.OPEN):
            raise RunError("E-SELFTEST", f"{model.name}: found open documents at the end", "report this")
        for name, value in model.measure(obs).items():
            out[name].append(value)
    return out


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
        _one_step(takes),
        queue.arrivals_per_s * 3600,
        hours,
        _queue(queue),
        metrics.station,
        staff=f"{{office: {{clerk: {staff}}}}}",
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
    shares = "{normal: 0.5833333333333333, urgent: 0.4166666666666667}"
    return Model("M/G/1, two classes", procedures, 43.2, 540, exact, metrics.two_services, urgency=shares)


def _mmc_classes() -> Model:
    urgent, normal = queueing.mmc_priority([0.3 / 60, 0.7 / 60], SERVICE_S, 2)
    exact = {
        "wait": normal.wait_mean_s,
        "wait urgent": urgent.wait_mean_s,
        "utilisation": normal.load + urgent.load,
    }
    return Model(
        "M/M/2, two classes", _one_step("{exponential: {mean: 60 s}}"), 60.0, 850, exact, metrics.classes,
        staff="{office: {clerk: 2}}", urgency="{normal: 0.7, urgent: 0.3}",
    )  # fmt: skip


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
    return Model(
        "Jackson network", procedures, 24.0, 720, exact, metrics.loop, staff=TWO_DESKS, main="response"
    )


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
    return Model(
        "fork and join", procedures, per_s * 3600, 400, exact, metrics.pair, staff=TWO_DESKS, main="response"
    )


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
