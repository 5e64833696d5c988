"""The life of one typical delivery in every alternative, for the pictures of the report.

Rule kept here: what happened is read from the rows of the first replication; nothing is simulated, and every
second of a step has one category. A task that was interrupted in office hours waits for the person who began it;
its work is put first, because when exactly the person was away is not recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from sim.calendars import WorkingTime
from sim.scenario import Scenario, ScenarioFile
from sim.scenario.procedures import inline, walk
from sim.scenario.steps import step_name

LIVES = 6  # alternatives whose lives are kept, the base first: what a reader can compare
CLOSED_LEAST_S = 2 * 3600.0  # shorter pauses of the office, such as lunch, are not told apart in a picture
SPAN_LEAST_S = 1.0  # what is shorter cannot be seen
REPLICATION = 1

Span = tuple[float, float, str]
"""From, until, category (:data:`sim.analysis.path.CATEGORIES`)."""

_KEEP = ("leg", "doc", "flow", "sender", "recipient", "procedure", "created_s", "released_s", "finished_s")


def typical_life(parts: Path, file: ScenarioFile, alternatives: Sequence[str]) -> dict[str, Any] | None:
    """Return ``life`` of summary.json: one delivery, step by step, in the first alternatives of a run.

    The delivery is the one whose turnarounds are nearest the medians of the first replication: with the least sum,
    over these alternatives, of the absolute logarithm of turnaround over median. Eligible is what all of them
    completed, sent direct and without asking for a reply: its path is one sender part and one way.

    Args:
        parts: Folder with the rows of the run, by replication and alternative.
        file: The scenario.
        alternatives: Names, the base first.

    Returns:
        ``None`` where there is no such delivery.
    """
    names = list(alternatives[:LIVES])
    tables = {name: _legs(parts, name) for name in names}
    medians_s = {name: table["took_s"].median() for name, table in tables.items()}
    scores = [_off(tables[name], medians_s[name]).rename({"off": name}) for name in names]
    together = scores[0]
    for one in scores[1:]:
        together = together.join(one, on="leg")
    if not together.height:
        return None
    leg = together.select("leg", pl.sum_horizontal(names).alias("off")).sort("off", "leg")["leg"][0]
    rows = {name: tables[name].row(by_predicate=pl.col("leg") == leg, named=True) for name in names}
    start_s = rows[names[0]]["created_s"]
    end_s = max(row["finished_s"] for row in rows.values())
    flow = file.cases[names[0]].scenario.flows[rows[names[0]]["flow"]]
    return {
        "replication": REPLICATION,
        "leg": leg,
        "doc": rows[names[0]]["doc"],
        "flow": rows[names[0]]["flow"],
        "flow_title": texts_of(flow.title, rows[names[0]]["flow"]),
        "closed": [[a, b] for a, b in _shut(file.office, start_s, end_s) if b - a >= CLOSED_LEAST_S],
        "alternatives": {
            name: {"median_s": medians_s[name], **_life(parts, file, name, row)} for name, row in rows.items()
        },
    }


def _off(table: pl.DataFrame, median_s: Any) -> pl.DataFrame:
    """Return how far the turnaround of each eligible delivery of an alternative is from the median."""
    eligible = (pl.col("released_by") < 0) & (pl.col("asks") != "reply") & (pl.col("took_s") > 0)
    off = (pl.col("took_s") / (median_s or 1.0)).log().abs().alias("off")
    return table.filter(eligible).select("leg", off)


def _part(parts: Path, table: str, alternative: str) -> pl.LazyFrame:
    return pl.scan_parquet(parts / f"{table}-{REPLICATION:06d}-{alternative}.parquet")


def _legs(parts: Path, alternative: str) -> pl.DataFrame:
    """Return the completed deliveries of an alternative with their turnaround."""
    rows = _part(parts, "legs", alternative).filter(pl.col("outcome") == "completed")
    took = (pl.col("finished_s") - pl.col("created_s")).alias("took_s")
    return rows.select(*_KEEP, "released_by", "asks", took).collect()


def texts_of(value: Any, default: str) -> dict[str, str]:
    """Return a title in English and Vietnamese."""
    if value is None or isinstance(value, str):
        return dict.fromkeys(("en", "vi"), value or default)
    return {"en": value.en, "vi": value.vi or value.en}


def _life(parts: Path, file: ScenarioFile, alternative: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the steps of one delivery in one alternative."""
    case = file.cases[alternative]
    mine = (pl.col("doc") == row["doc"]) & pl.col("on_path") & (
        (pl.col("leg") == row["leg"])
        | ((pl.col("leg") < 0) & (pl.col("completed_s") <= row["released_s"] + SPAN_LEAST_S))
    )  # fmt: skip
    steps = _part(parts, "steps", alternative).filter(
        mine & (pl.col("completed_s") <= row["finished_s"] + SPAN_LEAST_S)
    )
    found = steps.sort("enabled_s", "completed_s", maintain_order=True).collect()
    titles = titles_of(case.scenario)
    agencies = {one.id: one.name for one in case.agencies}
    return {
        "created_s": row["created_s"],
        "finished_s": row["finished_s"],
        "sender": agencies.get(row["sender"], row["sender"]),
        "recipient": agencies.get(row["recipient"], row["recipient"]),
        "procedure": row["procedure"],
        "steps": [
            {
                "part": "sender" if step["leg"] < 0 else "leg",
                "task": step["task"],
                "title": titles.get(step["task"], texts_of(None, step["task"])),
                "role": step["role"],
                "agency": agencies.get(step["agency"], step["agency"]) if step["role"] else None,
                "spans": [[a, b, category] for a, b, category in spans(step, file.office)],
            }
            for step in found.iter_rows(named=True)
        ],
    }


def titles_of(scenario: Scenario) -> dict[str, dict[str, str]]:
    """Return the titles of the steps of an alternative, by name."""
    out: dict[str, dict[str, str]] = {}
    for procedure in scenario.procedures.values():
        for part in (procedure.sender, procedure.leg, procedure.relay):
            for step in walk(inline(part, scenario.fragments)):
                if step.title is not None:
                    out.setdefault(step_name(step), texts_of(step.title, step_name(step)))
    return out


# --- where the time of one step went ------------------------------------------------------------------------


def spans(step: Mapping[str, Any], office: WorkingTime) -> list[Span]:
    """Return what each moment of a step went to, in time order.

    Args:
        step: Its row of ``steps.parquet``.
        office: Office hours.
    """
    ready_s, start_s, end_s = step["enabled_s"], step["started_s"], step["completed_s"]
    if step["kind"] == "transport":
        found = [(ready_s, start_s, "wait_pickup_s"), (start_s, end_s, "travel_s")]
    elif step["kind"] == "wait":
        found = [(ready_s, end_s, "other_s")]
    else:
        found = [*_by_hours(ready_s, start_s, "wait_person_s", office), *_worked(step, office)]
    out: list[Span] = []
    for a, b, category in found:
        if out and out[-1][1:] == (a, category):
            out[-1] = (out[-1][0], b, category)
        elif b > a:
            out.append((a, b, category))
    return [one for one in out if one[1] - one[0] >= SPAN_LEAST_S]


def _worked(step: Mapping[str, Any], office: WorkingTime) -> Iterator[Span]:
    """Give the work of a step and its interruptions; work beyond office hours is work, too."""
    start_s, end_s, left_s = step["started_s"], step["completed_s"], step["work_s"]
    if left_s >= end_s - start_s - SPAN_LEAST_S:
        yield start_s, end_s, "work_s"
        return
    for a, b, category in _by_hours(start_s, end_s, "work_s", office):
        if category != "work_s":
            yield a, b, category
            continue
        until = min(b, a + left_s)
        left_s -= until - a
        yield a, until, "work_s"
        yield until, b, "wait_person_s"


def _by_hours(start_s: float, end_s: float, category: str, office: WorkingTime) -> list[Span]:
    """Return a time cut at the hours of the office: ``category`` while it is open, else the closed office."""
    closed: list[Span] = [(a, b, "wait_office_s") for a, b in _shut(office, start_s, end_s)]
    edges = [start_s, *(edge for a, b, _ in closed for edge in (a, b)), end_s]
    opened: list[Span] = [(a, b, category) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return sorted(one for one in (*closed, *opened) if one[1] > one[0])


def _shut(office: WorkingTime, start_s: float, end_s: float) -> list[tuple[float, float]]:
    """Return when the office is closed between two moments."""
    if office.is_always:
        return []
    out, at = [], start_s
    while at < end_s:
        opens = min(office.next_open(at), end_s)
        if opens > at:
            out.append((at, opens))
        if opens >= end_s:
            break
        at = office.next_close(opens)
    return out
