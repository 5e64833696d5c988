"""The scenario is the workload: independently simulated days of a province, laid over one another, sent for real.

Rule kept here: ``speed`` compresses moments of sending and nothing else; what was left out, moved or assumed on the way
from the simulator's documents to messages stands in ``notes``, with its number.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtests.campaign.overlaying import Rates, busiest_hour, busiest_start, cut, mean, overlaid
from loadtests.campaign.simulated_day import REPLY_SPREAD_S, Day, Source, draw_days, source
from loadtests.harness.profiles import Arrivals, Kind, Piece, Profile
from loadtests.harness.schedule_building import Given
from sim.errors import InputError
from sim.units import DAY_S, HOUR_S, MINUTE_S, format_duration
from sim.workload import superset_agencies

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
DAYS_MAX: Final = 10_000
SPEED_MAX: Final = 1e4
_TIME_OF_DAY: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class ProvinceDay:
    """The messages of a window of simulated days laid over one another.

    Args:
        scenario: Its id.
        title: The scenario's, in English.
        day: Which day was simulated.
        days: How many times.
        speed: Seconds of the day in one second of sending.
        window_s: Length of the window, after compression.
        start_s: Where it starts, s since midnight of the simulated day.
        due_s: Moment of sending of each message, s since the window's start after compression, ascending.
        given: Its sender, recipients, size and urgency; indices into ``agency_ids``.
        agency_ids: All agencies of the scenario, those without a message, too.
        agency_names: Their names.
        documents_per_day: Documents of one day, mean over all that were simulated.
        deliveries_per_day: Their copies to recipients, likewise.
        megabytes_per_day: Their size, likewise.
        busiest_hour: Of one day: the mean over the days of each one's own busiest hour.
        busiest_hour_overlaid: Of all days together.
        notes: What a reader must know, in English.
    """

    scenario: str
    title: str
    day: date
    days: int
    speed: float
    window_s: float
    start_s: float
    due_s: Floats
    given: Given
    agency_ids: tuple[str, ...]
    agency_names: tuple[str, ...]
    documents_per_day: float
    deliveries_per_day: float
    megabytes_per_day: float
    busiest_hour: Rates
    busiest_hour_overlaid: Rates
    notes: tuple[str, ...]

    @property
    def profile(self) -> Profile:
        """What it is among profiles: one stage, at the mean rate of the window."""
        mean = len(self.due_s) / self.window_s
        load = f"{mean:.4g}/s, {format_duration(self.window_s)}"
        about: dict[str, Any] = {
            "text": {
                "en": f"{self.days} simulated days of {self.scenario}, {self.day}; {load}",
                "vi": f"{self.days} ngày mô phỏng của {self.scenario}, {self.day}; {load}",
            },
            "scenario": self.scenario,
            "title": self.title,
            "day": self.day.isoformat(),
            "days": self.days,
            "speed": self.speed,
            "start_s": self.start_s,
            "documents_per_day": self.documents_per_day,
            "deliveries_per_day": self.deliveries_per_day,
            "notes": list(self.notes),
        }
        return Profile(
            Kind.SCENARIO, Arrivals.RECORDED, (Piece("window", self.window_s, mean, mean),), None, about
        )


def province_day(
    scenario: str,
    day: date,
    *,
    days: int = 1,
    speed: float = 1.0,
    window_s: float,
    alternative: str | None = None,
    seed: int = 1,
    start: str | None = None,
    size_max_bytes: int | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int, str], None] = lambda *_: None,
) -> ProvinceDay:
    """Simulate days of a scenario, and take a window of them for sending.

    Args:
        scenario: A bundled id, a scenario.yaml or its folder.
        day: A working day of its calendar.
        days: How many independent days are laid over one another, from 1 to 10,000.
        speed: Seconds of the day in one second of sending, more than 0.
        window_s: How long to send, s.
        alternative: Count only the copies that this alternative carries over an exchange; None: every copy of every
            document, as if all went over it.
        seed: Of all days.
        start: Time of day at which the window begins, ``HH:MM``; None: where it holds most documents.
        size_max_bytes: Larger documents are cut to this; None: as simulated.
        jobs: Processes that simulate; None: one per core.
        progress: Told how many days are done, of how many, and what comes next.

    Raises:
        ScenarioError: The scenario does not hold.
        InputError: ``E-SCENARIO-NAME``, ``E-ALTERNATIVE``, ``E-DAY``; ``E-DAYS``, ``E-SPEED``, ``E-WINDOW``: out of
            range, or nothing in the window.
    """
    start_s = _checked(days, speed, window_s, start)
    found = source(scenario, day, alternative)
    drawn = _drawn(found, seed, days, jobs or os.cpu_count() or 1, progress)
    at_s, given, sizes_note = overlaid(drawn, size_max_bytes)
    if alternative is not None and not len(at_s):
        hint = "name one that uses an exchange, or none to count every copy"
        raise InputError("E-ALTERNATIVE", f"found {alternative!r}, which hands nothing to an exchange", hint)
    if start_s is None:
        start_s = busiest_start(at_s, window_s * speed)
    first, last = np.searchsorted(at_s, [start_s, start_s + window_s * speed])
    if first == last:
        raise InputError(
            "E-WINDOW",
            f"found no document from {_clock(start_s)} on, for {format_duration(window_s * speed)}",
            f"documents come from {_clock(at_s[0])} to {_clock(at_s[-1])}" if len(at_s) else "raise a volume",
        )
    due_s = np.clip((at_s[first:last] - start_s) / speed, 0.0, np.nextafter(window_s, 0.0))
    names = {agency.id: agency.name for case in found.file.cases.values() for agency in case.agencies}
    agencies = superset_agencies(found.file)
    return ProvinceDay(
        scenario=found.file.scenario.id,
        title=_title(found),
        day=day,
        days=days,
        speed=speed,
        window_s=window_s,
        start_s=start_s,
        due_s=due_s,
        given=cut(given, int(first), int(last)),
        agency_ids=agencies,
        agency_names=tuple(names[one] for one in agencies),
        documents_per_day=len(at_s) / days,
        deliveries_per_day=len(given.recipient) / days,
        megabytes_per_day=float(given.size_bytes.sum()) / days / 1e6,
        busiest_hour=mean([busiest_hour(*overlaid([one], size_max_bytes)[:2]) for one in drawn]),
        busiest_hour_overlaid=busiest_hour(at_s, given),
        notes=(*_notes(found, day, drawn, speed, start is not None), *sizes_note),
    )


def _checked(days: int, speed: float, window_s: float, start: str | None) -> float | None:
    """Check what was asked for; return where the window starts, if that was said."""
    if not 1 <= days <= DAYS_MAX:
        raise InputError("E-DAYS", f"found {days} days", f"from 1 to {DAYS_MAX}")
    if not 0 < speed <= SPEED_MAX:
        raise InputError("E-SPEED", f"found speed {speed:g}", f"more than 0, and {SPEED_MAX:g} at most")
    if not 0 < window_s * speed <= DAY_S:
        found = f"found {format_duration(window_s)} at speed {speed:g}, which is {window_s * speed:g} s of the day"
        raise InputError("E-WINDOW", found, f"at most one day: {DAY_S / speed:g} s at this speed")
    if start is None:
        return None
    told = _TIME_OF_DAY.fullmatch(start.strip())
    if told is None:
        raise InputError("E-WINDOW", f"found {start!r} as the window's start", "a time of day, such as 09:00")
    return int(told[1]) * HOUR_S + int(told[2]) * MINUTE_S


def _drawn(
    found: Source, seed: int, count: int, jobs: int, progress: Callable[[int, int, str], None]
) -> list[Day]:
    out = []
    for number, one in enumerate(draw_days(found, seed, count, jobs), start=1):
        out.append(one)
        progress(number, count, f"day {number + 1}")
    return out


def _clock(at_s: float) -> str:
    minutes = int(at_s // MINUTE_S)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _title(found: Source) -> str:
    title = found.file.scenario.title
    return title if isinstance(title, str) else title.en


def _notes(found: Source, day: date, drawn: Sequence[Day], speed: float, chosen: bool) -> list[str]:
    """Say what was left out, moved and assumed."""
    count = len(drawn)
    total = max(sum(len(one.at_s) for one in drawn), 1)
    replies, classified = sum(one.replies for one in drawn), sum(one.classified for one in drawn)
    elsewhere = sum(one.elsewhere for one in drawn)
    what = (
        f"{count} independently simulated days, laid over one another" if count > 1 else "one simulated day"
    )
    notes = [
        f"{what}: {day:%A}, {day}",
        (
            "a message is sent when its document is asked for: the workload is the same, scaled in time; drafting, "
            "approval and queues, which come before sending in the simulation, are left out"
        ),
        f"{classified / count:.4g} classified documents a day never take the open network and are left out",
        (
            f"{replies / total:.1%} of the messages are replies: those that the day's documents ask for stand for "
            f"those that it issues, each within {REPLY_SPREAD_S / MINUTE_S:g} open minutes of another of its documents"
        ),
    ]
    if found.alternative is None:
        notes.append("every copy of every document counts, as if all of them went over the exchange")
    else:
        notes.append(
            f"only copies that {found.alternative!r} carries over an exchange count, those that a parent passes on as "
            f"copies of the original; {elsewhere / count:.4g} documents a day have none and are left out"
        )
    if speed != 1.0:
        notes.append(
            f"moments of sending are compressed {speed:g} times; time-outs, polls and delays of people are not"
        )
    if not chosen:
        notes.append("the window is the one with most documents; a mean window is quieter")
    notes.append("a busiest hour is any 60 minutes, found for submissions, deliveries and bytes apart")
    return notes
