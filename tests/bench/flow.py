"""The document flow that every contender runs: draft, initial, check, sign, issue, register.

Six steps, six pools of several people, loads from 0.60 to 0.80; documents are asked for as a Poisson process
over open time. ``ROUND_THE_CLOCK`` has no calendar and one class, first come, first served. ``OFFICE_HOURS``
suspends work outside 07:30-11:30 and 13:00-17:00 from Monday to Friday; one document in five is urgent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE_PER_H = 20.0  # documents asked for per open hour
URGENT_SHARE = 0.2  # where there are classes: 0 urgent, 1 normal

H = 3600.0
DAY = 24 * H
WEEK = 7 * DAY
SHIFTS = ((7.5 * H, 11.5 * H), (13.0 * H, 17.0 * H))
OFFICE_DAY_S = sum(end - start for start, end in SHIFTS)


@dataclass(frozen=True)
class Task:
    """One step: its name, who does it, how many they are, and how long it takes in working time.

    ``cv`` is that of a lognormal time; 0 stands for an exponential one.
    """

    name: str
    role: str
    people: int
    mean_s: float
    cv: float = 0.0

    @property
    def sigma(self) -> float:
        """Standard deviation of the logarithm of a lognormal time."""
        return math.sqrt(math.log(1 + self.cv**2))

    @property
    def mu(self) -> float:
        """Mean of the logarithm of a lognormal time."""
        return math.log(self.mean_s) - self.sigma**2 / 2


TASKS = (
    Task("draft", "officer", 10, 21.0 * 60, cv=0.8),
    Task("initial", "head", 4, 8.4 * 60),
    Task("check", "checker", 3, 7.2 * 60, cv=1.2),
    Task("sign", "leader", 2, 3.9 * 60),
    Task("issue", "clerk", 3, 6.3 * 60),
    Task("register", "registrar", 2, 3.6 * 60),
)


@dataclass(frozen=True)
class Setting:
    """What a contender is asked to run.

    Args:
        name: For the tables.
        office_hours: Suspend work outside office hours.
        classes: Two priority classes; otherwise first come, first served.
        open_h: Open hours in which documents are asked for.
    """

    name: str
    office_hours: bool
    classes: bool
    open_h: float

    def scaled(self, factor: float) -> Setting:
        """Return the setting over a longer or shorter time."""
        return Setting(self.name, self.office_hours, self.classes, self.open_h * factor)


ROUND_THE_CLOCK = Setting("round the clock, first come first served", False, False, 1200.0)
OFFICE_HOURS = Setting("office hours, two priority classes", True, True, 1200.0)


@dataclass(frozen=True)
class Run:
    """What a contender did.

    Args:
        documents: Documents that went the whole way.
        seconds: Processor time, from nothing but the description of the flow to the records.
        waits: Mean wait in open time per step and class, in the order of ``TASKS``; urgent first.
    """

    documents: int
    seconds: float
    waits: list[list[float]]


def office_intervals(until_s: float) -> list[tuple[float, float]]:
    """Return the office hours of weeks that begin on a Monday at time 0."""
    days = range(math.ceil(until_s / DAY))
    return [(day * DAY + start, day * DAY + end) for day in days if day % 7 < 5 for start, end in SHIFTS]


def clock_end_s(setting: Setting) -> float:
    """Return when the open hours of a setting are over; office hours fill whole days."""
    if not setting.office_hours:
        return setting.open_h * H
    days = math.ceil(setting.open_h * H / OFFICE_DAY_S)
    return days // 5 * WEEK + days % 5 * DAY


def open_s(setting: Setting, enabled: Floats, started: Floats) -> Floats:
    """Return the open time between moments; an independent, slow-is-fine check of every contender."""
    if not setting.office_hours:
        return started - enabled
    edges = np.array(office_intervals(float(started.max()) + WEEK)).ravel()
    worked = np.concatenate([[0.0], np.cumsum(np.diff(edges) * (np.arange(len(edges) - 1) % 2 == 0))])
    open_time: Floats = np.interp(started, edges, worked) - np.interp(enabled, edges, worked)
    return open_time


def mean_waits(
    setting: Setting, task: Floats, urgency: Floats, enabled: Floats, started: Floats
) -> list[list[float]]:
    """Return the mean wait per step and class."""
    wait = open_s(setting, enabled, started)
    classes = (0, 1) if setting.classes else (1,)
    return [[float(wait[(task == k) & (urgency == c)].mean()) for c in classes] for k in range(len(TASKS))]
