"""A document's life in words, line by line.

Rule kept here: clock times with weekday and date, durations in hours and minutes; a day is a working day of the
office and is called so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sim.trace.life import OLDEST_OPEN, SHOWN_LEAST_S, Leg, Life, Span, Step, Traced

LEGS_SHOWN = 5  # deliveries of one document, unless all are asked for: a directive may have hundreds
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def duration(seconds: float) -> str:
    """Return a duration in hours and minutes, minutes and seconds, or seconds; never in days of 24 hours."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    minutes = round(seconds / 60)
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


class Told:
    """A document's life in words: see :meth:`lines`.

    Args:
        traced: Where it was read.
        life: What is to be told.
    """

    def __init__(self, traced: Traced, life: Life) -> None:
        self.traced, self.life = traced, life
        self.midnight = datetime.combine(traced.file.scenario.period.start, datetime.min.time())
        self.names = {one.id: one.name for one in traced.file.cases[traced.alternative].agencies}

    def at(self, time_s: float, like_s: float = float("nan")) -> str:
        """Return a moment; without its date where that is the date of ``like_s``."""
        moment = self.midnight + timedelta(seconds=time_s)
        if like_s // 86400 == time_s // 86400:
            return f"{moment:%H:%M}"
        return f"{WEEKDAYS[moment.weekday()]} {moment:%Y-%m-%d %H:%M}"

    def lines(self, legs_most: int | None = LEGS_SHOWN) -> Iterator[str]:
        """Give the life line by line.

        Args:
            legs_most: How many deliveries are told, ``None`` for all.
        """
        life, traced = self.life, self.traced
        first = f"document {life.doc}, {traced.alternative}, replication {traced.replication}"
        if life.row is None:
            yield f"{first}: asked for outside the measured period, only its steps are kept"
        else:
            row = life.row
            yield f"{first}: {row['flow']} from {self._agency(row['sender'])}, {_deliveries(row['legs'])}"
            yield f"asked for {self.at(row['created_s'])}"
        if life.answers is not None:
            yield f"a reply: answers delivery {life.answers[0]} of document {life.answers[1]}"
        yield from ("", "sender part")
        for step in life.sender:
            yield from self._step(step, "")
        for leg in life.legs[:legs_most]:
            yield ""
            yield from self._leg(leg)
        left = len(life.legs[legs_most:]) if legs_most is not None else 0
        if left:
            yield from ("", f"… and {_deliveries(left)} more: --all shows them")

    def _agency(self, key: str) -> str:
        name = self.names.get(key, key)
        return key if name == key else f"{key} ({name})"

    def _leg(self, leg: Leg) -> Iterator[str]:
        row = leg.row
        if row is None:
            yield f"delivery {leg.key}"
        else:
            classified = ", classified" if row["classified"] else ""
            yield (
                f"delivery {leg.key} to {self._agency(row['recipient'])}: procedure {row['procedure']}, "
                f"{row['urgency']}, for {row['asks']}{classified}"
            )
            if row["released_by"] >= 0:
                yield f"    passed on as a copy by the recipient of delivery {row['released_by']}"
            yield f"    {self._outcome(row)}"
        for step in leg.steps:
            yield from self._step(step, row["recipient"] if row else "")
        if leg.passed_on:
            shown = ", ".join(map(str, leg.passed_on[:LEGS_SHOWN]))
            more = f" and {len(leg.passed_on) - LEGS_SHOWN} more" if len(leg.passed_on) > LEGS_SHOWN else ""
            yield f"  copies passed on: deliveries {shown}{more}"
        if leg.reply is not None:
            yield f"  answered by document {leg.reply}"
        elif row and row["asks"] == "reply":
            yield "  asks for a reply; none was begun"

    def _outcome(self, row: Mapping[str, Any]) -> str:
        closed_s, office = row["closed_s"], self.traced.file.office
        if row["outcome"] == "open":
            return "open at the end of the run"
        took_s = closed_s - row["created_s"]
        working = office.elapsed(row["created_s"], closed_s) / office.day_s
        days = f"{working:.1f} working days of {office.day_s / 3600:g} h"
        return f"{row['outcome']} {self.at(closed_s)}, {duration(took_s)} after it was asked for ({days})"

    def _step(self, step: Step, recipient: str) -> Iterator[str]:
        row = step.row
        ready_s, start_s, end_s = row["enabled_s"], row["started_s"], row["completed_s"]
        where = f" by {row['person']}" if row["person"] else ""  # the record of a wait names no place
        if row["kind"] == "transport":
            where = f" from {row['agency']}" + (f" to {recipient}" if recipient else "")
        note = f" [copies to pass on, procedure {row['relay']}]" if row["relay"] else ""
        if not row["on_path"] and not row["relay"]:
            note = " [beside the way that decided]"
        yield f"  {self.at(ready_s)}  {row['task']}{where}{note}"
        until_s = end_s if row["kind"] == "wait" else start_s
        if until_s - ready_s >= SHOWN_LEAST_S:
            waited = f"waited {duration(until_s - ready_s)} until {self.at(until_s, ready_s)}"
            yield f"      {waited} ({_reasons(step.waits)})"
        if row["kind"] == "transport":
            yield f"      travelled {duration(end_s - start_s)} until {self.at(end_s, start_s)}"
        elif row["kind"] == "work" and end_s > start_s:
            pauses = "".join(f", interrupted {duration(spent_s)}: {why}" for spent_s, why in step.breaks)
            yield f"      worked {duration(row['work_s'])} until {self.at(end_s, start_s)}{pauses}"


def _reasons(spans: Sequence[Span]) -> str:
    """Return what a wait was for; each reason with its length where there are several."""
    if len(spans) == 1:
        return spans[0][1]
    return ", ".join(f"{duration(spent_s)} {why}" for spent_s, why in spans)


def _deliveries(count: int) -> str:
    return f"{count} deliver{'y' if count == 1 else 'ies'}"


def listed(traced: Traced) -> Iterator[str]:
    """Give a few documents of the traced replication, one a line: what each stands for, and what it is."""
    yield f"{traced.alternative}, replication {traced.replication}"
    for what, row in traced.picks():
        took = "not finished" if what == OLDEST_OPEN else duration(row["last_s"])
        yield (
            f"  {what:<11}  document {row['doc']:<7}  {took:>12}  {row['flow']} from {row['sender']}, "
            f"{_deliveries(row['legs'])}"
        )
