"""Tables: what was recorded comes back, misses are null, and the same rows give the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from loadtests.harness.records import ARRIVAL, DELIVERY, POLL, Poison, Receipt, Rows, State
from loadtests.harness.schedule import Schedule
from loadtests.report.tables import arrival_table, write_rows, write_series
from tests.unit.loadtests.report import fixture

COUNT = 8


def schedule() -> Schedule:
    """Eight arrivals, one of them poisoned."""
    poison = np.zeros(COUNT, dtype=np.uint8)
    poison[5] = Poison.FOREIGN_KEY
    return Schedule(
        due_s=np.arange(COUNT) / 3.0,
        sender=np.zeros(COUNT, dtype=np.int32),
        recipient_start=np.arange(0, 2 * COUNT + 1, 2, dtype=np.int32),
        recipient=np.tile(np.array([1, 2], dtype=np.int32), COUNT),
        size_bytes=np.full(COUNT, 4096, dtype=np.int32),
        urgency=np.zeros(COUNT, dtype=np.uint8),
        poison=poison,
        of=np.full(COUNT, -1, dtype=np.int32),
        agencies=3,
        poll_due_s=np.zeros(0),
        poll_agency=np.zeros(0, dtype=np.int32),
    )


def arrivals() -> Rows:
    """Rows of all but the last: in each state once, and a poisoned one refused."""
    rows = np.zeros(COUNT - 1, dtype=ARRIVAL)
    rows["number"] = np.arange(COUNT - 1)
    states = (
        State.ACCEPTED,
        State.SHED,
        State.SENT,
        State.REJECTED,
        State.AMBIGUOUS,
        State.REJECTED,
        State.ANSWERED,
    )
    rows["state"] = states
    rows["receipt"][0] = Receipt.GOOD
    rows["code"] = "quá tải".encode()
    rows["sent_s"], rows["done_s"] = np.arange(7) / 3.0 + 0.001, np.arange(7) / 3.0 + 0.0123456789
    for name in ("sent_s", "done_s"):
        rows[name][1] = np.nan
    rows["done_s"][2] = np.nan
    rows["sign_s"], rows["check_s"], rows["checked_s"] = 0.0001, np.nan, np.nan
    return rows


def test_response_is_null_for_every_miss_and_only_there() -> None:
    """Shed, open, refused though good, and ambiguous have none; a poisoned one that was refused has its own."""
    table = arrival_table(schedule(), arrivals())
    assert table["number"].to_list() == list(range(COUNT))
    assert table["state"].to_list() == [
        "accepted", "shed", "sent", "rejected", "ambiguous", "rejected", "answered", "planned",
    ]  # fmt: skip
    assert table["poison"].to_list() == ["none"] * 5 + ["foreign-key"] + ["none"] * 2
    missing = [value is None for value in table["response_s"]]
    assert missing == [False, True, True, True, True, False, False, True]
    assert table["response_s"][0] == pytest.approx(0.012346, abs=1e-9)
    assert table["service_s"][6] == pytest.approx(0.011346, abs=1e-9)
    assert table["lateness_s"][2] == pytest.approx(0.001, abs=1e-9)
    assert table["code"][0] == "quá tải"
    assert table["recipients"].to_list() == [2] * COUNT


def test_rows_come_back_and_bytes_are_the_same(tmp_path: Path) -> None:
    """All three tables read back with their columns, without NaN; written twice they are the same file."""
    deliveries, polls = np.zeros(3, dtype=DELIVERY), np.zeros(2, dtype=POLL)
    deliveries["document"] = [0, 1, 2]
    deliveries["stamp_s"] = np.nan
    deliveries["seen_s"] = 1.23456789
    polls["due_s"] = [0.5, 1.5]
    contents = []
    for name in ("first", "second"):
        run = tmp_path / name
        write_rows(run, schedule(), arrivals(), deliveries, polls)
        contents.append({path.name: path.read_bytes() for path in sorted(run.iterdir())})
    assert contents[0] == contents[1]
    assert list(contents[0]) == ["arrivals.parquet", "deliveries.parquet", "polls.parquet"]
    found = pl.read_parquet(tmp_path / "first" / "deliveries.parquet")
    assert found.columns == list(DELIVERY.names or ())
    assert found["document"].to_list() == ["not-fetched", "right", "wrong"]
    assert found["stamp_s"].to_list() == [None] * 3
    assert found["seen_s"].to_list() == [1.234568] * 3
    assert pl.read_parquet(tmp_path / "first" / "polls.parquet")["due_s"].to_list() == [0.5, 1.5]
    assert pl.read_parquet(tmp_path / "first" / "arrivals.parquet").height == COUNT


def test_no_rows_at_all_are_tables_too(tmp_path: Path) -> None:
    """A run of which nothing was recorded leaves planned arrivals and empty tables."""
    write_rows(tmp_path, schedule(), np.zeros(0, ARRIVAL), np.zeros(0, DELIVERY), np.zeros(0, POLL))
    assert pl.read_parquet(tmp_path / "arrivals.parquet")["state"].unique().to_list() == ["planned"]
    assert pl.read_parquet(tmp_path / "polls.parquet").is_empty()


def test_a_number_recorded_twice_is_refused() -> None:
    """Two rows of one arrival are a fault of the recorder, not something to choose from."""
    rows = np.concatenate([arrivals(), arrivals()])
    with pytest.raises(pl.exceptions.ComputeError):
        arrival_table(schedule(), rows)


def test_the_series_is_the_same_in_both_forms(tmp_path: Path) -> None:
    """Parquet and CSV hold the same numbers; a percentile among misses is empty."""
    series = fixture.series(*fixture.queue())
    write_series(tmp_path, series)
    parquet, csv = pl.read_parquet(tmp_path / "series.parquet"), pl.read_csv(tmp_path / "series.csv")
    assert parquet.columns == csv.columns == list(series)
    assert parquet.height == csv.height == int(fixture.DURATION_S)
    for name in series:
        assert parquet[name].cast(pl.Float64).to_list() == csv[name].cast(pl.Float64).to_list()
    assert parquet["p99_s"].null_count() == sum(value is None for value in series["p99_s"])
