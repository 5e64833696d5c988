"""Numbered reports from workers, and what the master makes of them: the files in ``raw/``.

Rule kept here: the master knows what it has not got: a report missing in the row of numbers, a worker without an end
report. What a worker told stays, whatever becomes of the worker.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtests.harness.plan import Plan
from loadtests.harness.records import KINDS, UNPLANNED, Poison, Receipt, Rows, State
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.rows import NAN

REPORT_S: Final = 1.0
ERRORS_MAX: Final = 50
"""Errors that a worker tells in full; the rest is counted in the last of them."""


@dataclass(slots=True)
class Heard:
    """What the master has heard of one worker.

    Args:
        received: Reports.
        highest: The highest number of them; they count from 1.
        ended: The last report has come.
        idle: Nothing is under way there, and nothing will be sent.
        told: What the worker tells of itself, as of the last report.
    """

    received: int = 0
    highest: int = 0
    ended: bool = False
    idle: bool = False
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def gap(self) -> bool:
        """Some report has not come."""
        return self.received != self.highest


class Collected:
    """All reports of a run.

    Args:
        plan: Of the run.
        schedule: Of the run.
        workers: How many there are.
    """

    def __init__(self, plan: Plan, schedule: Schedule, workers: int) -> None:
        self.heard = [Heard() for _ in range(workers)]
        self._plan = plan
        self._schedule = schedule
        self._new: dict[str, list[bytes]] = defaultdict(list)
        self._rows: dict[str, Rows] = {kind: np.zeros(0, dtype) for kind, dtype in KINDS.items()}
        self._arrivals = _planned(schedule, workers)

    def add(self, report: Mapping[str, Any]) -> None:
        """Take a report; its rows are looked at later, because the schedule may still be running in this process."""
        heard = self.heard[report["worker"]]
        heard.received += 1
        heard.highest = max(heard.highest, report["number"])
        heard.ended = heard.ended or report["end"]
        heard.idle = report["idle"]
        heard.told = report["told"]
        for kind, data in report["rows"].items():
            self._new[kind].append(data)

    @property
    def arrivals(self) -> Rows:
        """One row for each arrival of the schedule, as of the last reports, in order."""
        for data in self._new.pop("arrival", ()):
            rows = np.frombuffer(data, KINDS["arrival"])
            self._arrivals[rows["number"]] = rows
        return self._arrivals

    @property
    def deliveries(self) -> Rows:
        """One row for each message and recipient, in order; one for each of those that were never planned."""
        rows = self._all("delivery")
        keys = _legs(rows["number"], rows["recipient"], self._schedule)
        keys[rows["number"] == UNPLANNED] = -1 - np.arange((rows["number"] == UNPLANNED).sum())
        _, last = np.unique(keys[::-1], return_index=True)
        self._rows["delivery"] = rows = rows[np.sort(len(rows) - 1 - last)]
        return rows[np.lexsort((rows["recipient"], rows["number"]))]

    @property
    def polls(self) -> Rows:
        """One row for each poll, by its intended time."""
        rows = self._all("poll")
        return rows[np.argsort(rows["due_s"], kind="stable")]

    def awaited(self) -> int:
        """Deliveries of accepted messages that have not been seen yet or, where that is planned, not been settled."""
        arrivals, deliveries = self.arrivals, self.deliveries
        taken = (arrivals["state"] >= State.ANSWERED) & (arrivals["receipt"] != Receipt.WRONG)
        taken &= self._schedule.poison == Poison.NONE
        of_leg = np.repeat(np.arange(len(self._schedule)), np.diff(self._schedule.recipient_start))
        legs = _legs(of_leg, self._schedule.recipient, self._schedule)[taken[of_leg]]
        done = deliveries
        if self._plan.acknowledge:
            done = done[~np.isnan(done["acknowledged_s"]) | (done["code"] != b"")]
        return int((~np.isin(legs, _legs(done["number"], done["recipient"], self._schedule))).sum())

    def write(self, raw: Path, about: Mapping[str, Any]) -> None:
        """Write ``raw/``; ``workers.json``, the last, says that the rest is whole.

        Args:
            raw: The folder, which is there.
            about: What to tell beside the workers.
        """
        for name, rows in (
            ("arrivals", self.arrivals),
            ("deliveries", self.deliveries),
            ("polls", self.polls),
        ):
            half = raw / f"{name}.npy.part"
            with half.open("wb") as file:
                np.save(file, rows, allow_pickle=False)
            half.replace(raw / f"{name}.npy")
        workers = [_about(number, heard) for number, heard in enumerate(self.heard)]
        write_json(raw / "workers.json", {**about, "workers": workers})

    def _all(self, kind: str) -> Rows:
        parts = [np.frombuffer(data, KINDS[kind]) for data in self._new.pop(kind, ())]
        if parts:
            self._rows[kind] = np.concatenate([self._rows[kind], *parts])
        return self._rows[kind]


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file at one stroke; numbers that are not finite become null."""
    half = path.with_name(path.name + ".part")
    half.write_text(json.dumps(data, allow_nan=False, indent=1), encoding="utf-8")
    half.replace(path)


def _about(number: int, heard: Heard) -> dict[str, Any]:
    """One worker in ``workers.json``, one that has told nothing too."""
    return {
        "worker": number,
        "pid": 0,
        "host": "",
        "skew_s": 0.0,
        "stalls": [],
        "cpu_s": 0.0,
        "wall_s": 0.0,
        "signed": 0,
        "bank_empty_s": None,
        "in_flight_most": 0,
        "foreign_ids": 0,
        "errors": [],
        "drained": False,
        "receipts_left": 0,
        **heard.told,
        "ended": heard.ended,
        "reports": heard.highest,
        "received": heard.received,
        "gap": heard.gap,
    }


def _planned(schedule: Schedule, workers: int) -> Rows:
    """A row for each arrival whose time has not come."""
    rows = np.zeros(len(schedule), KINDS["arrival"])
    rows["number"] = np.arange(len(schedule))
    rows["worker"] = rows["number"] % max(workers, 1)
    rows["state"] = State.PLANNED
    for name in ("sent_s", "done_s", "checked_s"):
        rows[name] = NAN
    return rows


def _legs(numbers: NDArray[Any], recipients: NDArray[Any], schedule: Schedule) -> NDArray[np.int64]:
    """One key for each pair of message and recipient."""
    keys: NDArray[np.int64] = numbers.astype(np.int64) * max(schedule.agencies, 1) + recipients
    return keys
