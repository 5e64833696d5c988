"""Rows and series of a run as tables that others can read: Parquet (zstd), and CSV for the series.

Rule kept here: every arrival of the schedule has a row, sent or not; what did not happen is null, never NaN and never
nought; times are seconds since T0 (the first intended moment), rounded to the microsecond.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from loadtests.harness.records import Poison, Receipt, Rows, State
from loadtests.harness.schedule import Schedule
from sim import runs

SERIES_PARQUET, SERIES_CSV = "series.parquet", "series.csv"
ARRIVALS, DELIVERIES, POLLS = "arrivals.parquet", "deliveries.parquet", "polls.parquet"
_DOCUMENT: Final = ("not-fetched", "right", "wrong", "missing")
_DECIMALS: Final = 6


def write_series(run: Path, series: Mapping[str, Sequence[Any]]) -> None:
    """Write ``series.parquet`` and ``series.csv``: one row per second of the run.

    Args:
        run: The run directory.
        series: Part ``series`` of the summary: columns of one length. ``second_s``: start of the second, s since T0.
            By intended second: ``offered``, ``shed``, ``failed`` (other misses): arrivals; ``p50_s``, ``p99_s``:
            response, null where it lies among misses; ``lateness_p99_s``. By actual second: ``sent``, ``done``:
            messages; ``in_flight``: under way at its end; ``polls``.

    Raises:
        RunError: ``E-WRITE``.
    """
    table = _rounded(pl.DataFrame({name: list(values) for name, values in series.items()}, strict=False))
    _write(run / SERIES_PARQUET, table)
    runs.write_bytes(run / SERIES_CSV, table.write_csv().encode())


def write_rows(run: Path, schedule: Schedule, arrivals: Rows, deliveries: Rows, polls: Rows) -> None:
    """Write ``arrivals.parquet``, ``deliveries.parquet`` and ``polls.parquet``.

    ``arrivals``: number, due_s, sender, recipients (how many), size_bytes, urgency, poison, state, receipt, status,
    code, sent_s, done_s, response_s (done - due; null for a miss), service_s (done - sent), lateness_s (sent - due),
    sign_s, check_s, checked_s, attempts, worker. ``deliveries`` and ``polls``: the columns of ``harness.records``,
    ``document`` in words.

    Args:
        run: The run directory.
        schedule: What was to be sent; an arrival without a record is ``planned``.
        arrivals: Rows of ``records.ARRIVAL``, at most one for each number.
        deliveries: Rows of ``records.DELIVERY``.
        polls: Rows of ``records.POLL``.

    Raises:
        RunError: ``E-WRITE``.
    """
    _write(run / ARRIVALS, arrival_table(schedule, arrivals))
    found = _plain(deliveries).with_columns(_words("document", dict(enumerate(_DOCUMENT))))
    _write(run / DELIVERIES, _rounded(found))
    _write(run / POLLS, _rounded(_plain(polls)))


def arrival_table(schedule: Schedule, arrivals: Rows) -> pl.DataFrame:
    """Return one row for each arrival of the schedule, with what was recorded of it."""
    planned = pl.DataFrame({
        "number": np.arange(len(schedule), dtype=np.uint32),
        "due_s": schedule.due_s,
        "sender": schedule.sender,
        "recipients": np.diff(schedule.recipient_start),
        "size_bytes": schedule.size_bytes,
        "urgency": schedule.urgency,
        "poison": schedule.poison,
    })  # fmt: skip
    found = planned.join(_plain(arrivals), on="number", how="left", maintain_order="left", validate="1:1")
    answered = pl.col("state").is_in([State.ANSWERED, State.ACCEPTED])
    refused_rightly = (pl.col("state") == State.REJECTED) & (pl.col("poison") != Poison.NONE)
    timed = found.with_columns(
        state=pl.col("state").fill_null(int(State.PLANNED)),
        receipt=pl.col("receipt").fill_null(int(Receipt.NONE)),
        response_s=pl.when(answered | refused_rightly).then(pl.col("done_s") - pl.col("due_s")),
        service_s=pl.col("done_s") - pl.col("sent_s"),
        lateness_s=pl.col("sent_s") - pl.col("due_s"),
    )
    named = timed.with_columns(
        *(
            _words(name, {int(one): one.name.lower().replace("_", "-") for one in kind})
            for name, kind in (("poison", Poison), ("state", State), ("receipt", Receipt))
        )
    )
    order = ("number", "due_s", "sender", "recipients", "size_bytes", "urgency", "poison", "state", "receipt", "status",
             "code", "sent_s", "done_s", "response_s", "service_s", "lateness_s", "sign_s", "check_s", "checked_s",
             "attempts", "worker")  # fmt: skip
    return _rounded(named.select(order))


def _plain(rows: Rows) -> pl.DataFrame:
    """Return records as columns: texts decoded, NaN as null, seconds in double precision."""
    columns: dict[str, pl.Series] = {}
    for name in rows.dtype.names or ():
        values = np.ascontiguousarray(rows[name])
        if values.dtype.kind == "S":
            columns[name] = pl.Series([one.decode("utf-8", "replace") for one in values], dtype=pl.String)
        elif values.dtype.kind == "f":
            columns[name] = pl.Series(values.astype(np.float64), nan_to_null=True)
        else:
            columns[name] = pl.Series(values)
    return pl.DataFrame(columns)


def _words(name: str, words: Mapping[int, str]) -> pl.Expr:
    """Return a column of codes as words; an unknown code as its number."""
    number = pl.col(name).cast(pl.Int64)
    return number.replace_strict(words, default=number.cast(pl.String), return_dtype=pl.String).alias(name)


def _rounded(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with times to the microsecond."""
    return table.with_columns(pl.col(pl.Float64, pl.Float32).round(_DECIMALS))


def _write(path: Path, table: pl.DataFrame) -> None:
    out = io.BytesIO()
    table.write_parquet(out, compression="zstd")
    runs.write_bytes(path, out.getvalue())
