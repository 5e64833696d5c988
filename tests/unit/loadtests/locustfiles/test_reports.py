"""What the master makes of reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtests.harness.records import UNPLANNED, Poison, Receipt, State
from loadtests.locustfiles.reports import Collected, write_json
from loadtests.locustfiles.rows import Arrival, Delivery, Sheets
from tests.unit.loadtests.locustfiles.standin import plan_of, schedule_of

SCHEDULE = schedule_of([0.0, 1.0, 2.0, 3.0], recipients=2, poison={3: Poison.TAMPERED})


def report(worker: int, number: int, sheets: Sheets | None = None, *, end: bool = False) -> dict[str, Any]:
    """A worker's report."""
    rows = sheets.take() if sheets else {}
    told = {"pid": 100 + worker}
    return {"worker": worker, "number": number, "rows": rows, "idle": end, "end": end, "told": told}


def collected(workers: int = 1, **plan: Any) -> Collected:
    """The reports of a run of the schedule above."""
    return Collected(plan_of(SCHEDULE, **plan), SCHEDULE, workers)


def test_what_was_never_reported_is_planned() -> None:
    """Every arrival has exactly one row, in order, even if nobody ever said a word about it."""
    rows = collected(2).arrivals
    assert rows["number"].tolist() == [0, 1, 2, 3]
    assert rows["worker"].tolist() == [0, 1, 0, 1]
    assert set(rows["state"]) == {State.PLANNED}
    assert np.isnan(rows["sent_s"]).all()


def test_the_last_row_about_an_arrival_counts() -> None:
    """First answered, then accepted: one row, which says accepted."""
    found, sheets = collected(), Sheets()
    sheets.arrival(Arrival(1, 0, State.ANSWERED))
    found.add(report(0, 1, sheets))
    assert found.arrivals["state"].tolist() == [0, State.ANSWERED, 0, 0]
    sheets.arrival(Arrival(1, 0, State.ACCEPTED, receipt=Receipt.GOOD))
    found.add(report(0, 2, sheets))
    assert found.arrivals["state"].tolist() == [0, State.ACCEPTED, 0, 0]


def test_the_last_row_about_a_delivery_counts_and_unplanned_ones_are_all_kept() -> None:
    """One row for each message and recipient; those without a number are different messages."""
    found, sheets = collected(), Sheets()
    for number, recipient, seen_s in [
        (1, 2, 1.0),
        (UNPLANNED, 2, 1.0),
        (0, 1, 2.0),
        (UNPLANNED, 2, 3.0),
        (1, 2, 4.0),
    ]:
        sheets.delivery(Delivery(number, recipient, 0, seen_s))
    found.add(report(0, 1, sheets))
    sheets.delivery(Delivery(0, 1, 0, 9.0))
    found.add(report(0, 2, sheets))
    rows = found.deliveries
    assert list(zip(rows["number"].tolist(), rows["seen_s"].tolist(), strict=True)) == [
        (0, 9.0), (1, 4.0), (UNPLANNED, 1.0), (UNPLANNED, 3.0),
    ]  # fmt: skip
    assert found.deliveries.tobytes() == rows.tobytes()


def test_a_report_that_is_missing_is_a_gap() -> None:
    """Reports 1 and 3 without 2, and the end all the same."""
    found = collected()
    found.add(report(0, 1))
    assert not found.heard[0].gap
    found.add(report(0, 3, end=True))
    assert found.heard[0].gap
    assert found.heard[0].ended


def test_deliveries_of_what_was_taken_are_awaited() -> None:
    """Each recipient of a good message that was answered with success, until it has been settled."""
    found, sheets = collected(), Sheets()
    assert found.awaited() == 0
    sheets.arrival(Arrival(0, 0, State.ACCEPTED))
    sheets.arrival(Arrival(1, 0, State.REJECTED))
    sheets.arrival(Arrival(2, 0, State.ANSWERED, receipt=Receipt.WRONG))
    sheets.arrival(Arrival(3, 0, State.ANSWERED))  # poisoned: nobody need ever see it
    found.add(report(0, 1, sheets))
    assert found.awaited() == 2
    sheets.delivery(Delivery(0, 1, 0, 1.0))
    found.add(report(0, 2, sheets))
    assert found.awaited() == 2
    sheets.delivery(Delivery(0, 1, 0, 1.0, acknowledged_s=2.0))
    sheets.delivery(Delivery(0, 2, 0, 1.0, code="refused"))
    found.add(report(0, 3, sheets))
    assert found.awaited() == 0


def test_without_acknowledging_seeing_is_enough() -> None:
    """Where nobody accepts, the drain waits for nothing but the inboxes."""
    found, sheets = collected(acknowledge=False), Sheets()
    sheets.arrival(Arrival(0, 0, State.ACCEPTED))
    for recipient in (1, 2):
        sheets.delivery(Delivery(0, recipient, 0, 1.0))
    found.add(report(0, 1, sheets))
    assert found.awaited() == 0


def test_what_is_written_is_what_was_told(tmp_path: Path) -> None:
    """All files are there, a worker that said nothing is named, and no half file is left."""
    found, sheets = collected(2), Sheets()
    sheets.arrival(Arrival(2, 0, State.SHED, code="in-flight-cap"))
    sheets.poll(1, 0, 200, 0, 0.2, 0.2, 0.3)
    sheets.poll(0, 0, 200, 0, 0.1, 0.1, 0.2)
    found.add(report(0, 1, sheets, end=True))
    found.write(tmp_path, {"lost": [1]})
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "arrivals.npy", "deliveries.npy", "polls.npy", "workers.json",
    ]  # fmt: skip
    assert np.load(tmp_path / "arrivals.npy")["state"].tolist() == [0, 0, State.SHED, 0]
    assert np.load(tmp_path / "polls.npy")["agency"].tolist() == [0, 1]
    told = json.loads((tmp_path / "workers.json").read_text())
    assert told["lost"] == [1]
    assert [(one["worker"], one["ended"], one["reports"], one["pid"]) for one in told["workers"]] == [
        (0, True, 1, 100), (1, False, 0, 0),
    ]  # fmt: skip


def test_a_number_that_is_none_is_not_written(tmp_path: Path) -> None:
    """JSON has no infinity; whoever writes one is told."""
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "one.json", {"value": float("inf")})
