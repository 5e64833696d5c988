"""What is measured of one replication of a queueing system.

Rule kept here: one number per metric and replication, over all visits of the documents of the measured period;
times in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sim.observations import Observations, StepKind

URGENT = 1


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
