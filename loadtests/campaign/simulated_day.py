"""One simulated day of a scenario, as the documents that an exchange would get.

Rule kept here: documents are the simulator's own, drawn from its own streams; what is decided here is only which of
them an exchange sees, and at what moment a reply comes, which the simulator knows only after running the model.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim import calendars
from sim.engine import routing
from sim.errors import InputError
from sim.scenario import Case, ScenarioFile, find, load
from sim.scenario.carriage import carried
from sim.scenario.overlays import closest
from sim.scenario.schema import WEEKDAYS
from sim.streams import Streams
from sim.units import DAY_S, MINUTE_S
from sim.workload import ASKS, View, Workload, generate, view

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
REPLY_SPREAD_S: Final = 5 * MINUTE_S
"""How far from another document's moment a reply may lie, in open time, either way."""
_SEARCHED_DAYS: Final = 60
_ALONE_MAX: Final = 10
"""So many days are drawn in this process; for more, others are started."""


@dataclass(frozen=True, slots=True)
class Source:
    """What days are drawn from.

    Args:
        file: The scenario, whose period is the one day, with the base case and the alternative only.
        alternative: Whose legs count where an exchange carries them; None: every leg of the base case counts.
    """

    file: ScenarioFile
    alternative: str | None

    @property
    def case(self) -> Case:
        """The case whose documents count."""
        return self.file.cases[self.alternative or self.file.base]


@dataclass(frozen=True, slots=True)
class Day:
    """The documents of one simulated day, in order of their moments.

    Args:
        at_s: When each is asked for, s since midnight, ascending.
        sender: Index of its agency.
        fan_out: Recipients of each.
        recipient: Indices of agencies, those of one document beside one another.
        size_bytes: Of each; 0 where the scenario states no size.
        urgency: 0 normal … 3 express.
        replies: How many of them are replies.
        classified: Documents left out because they are classified.
        elsewhere: Documents left out because the alternative carries none of their copies over an exchange.
    """

    at_s: Floats
    sender: Ints
    fan_out: NDArray[np.int64]
    recipient: Ints
    size_bytes: Floats
    urgency: Ints
    replies: int
    classified: int
    elsewhere: int


def source(name: str, day: date, alternative: str | None) -> Source:
    """Load a scenario for one day.

    Args:
        name: A bundled id, a scenario.yaml or its folder.
        day: A working day of its calendar.
        alternative: As in :class:`Source`.

    Raises:
        ScenarioError: The scenario does not hold.
        InputError: ``E-SCENARIO-NAME``; ``E-ALTERNATIVE``: unknown; ``E-DAY``: nobody works that day.
    """
    path = find(name)
    file = load(path, sets={
        "period.start": day.isoformat(), "period.kind": "terminating",
        "period.warm_up": "0 s", "period.measure": "1 d", "period.cool_down": "0 s",
    })  # fmt: skip
    if alternative is not None and alternative not in file.cases:
        hint = closest(alternative, list(file.cases))
        raise InputError("E-ALTERNATIVE", f"found alternative {alternative!r} of {name}", hint)
    if not _works(file, day, day)[0]:
        raise InputError("E-DAY", f"found {day}, {_why_not(file, day)} in {name}", _nearest(file, day))
    cases = {one: case for one, case in file.cases.items() if one in {file.base, alternative}}
    return Source(replace(file, cases=cases), alternative)


def draw_days(from_: Source, seed: int, count: int, jobs: int) -> Iterator[Day]:
    """Draw independent days, numbered from 1, in order; the same for any number of jobs."""
    if jobs == 1 or count <= _ALONE_MAX:
        for number in range(1, count + 1):
            yield draw(from_, seed, number)
        return
    # spawned and ended here: processes that linger would disturb what is measured afterwards
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_keep, initargs=(from_, seed)) as pool:
        yield from pool.map(_draw_kept, range(1, count + 1), chunksize=5)


_kept: list[tuple[Source, int]] = []


def _keep(from_: Source, seed: int) -> None:
    """Keep in a worker process what every day needs."""
    _kept[:] = [(from_, seed)]


def _draw_kept(number: int) -> Day:
    from_, seed = _kept[0]
    return draw(from_, seed, number)


def draw(from_: Source, seed: int, number: int) -> Day:
    """Draw one day.

    Args:
        from_: What it is drawn from.
        seed: Of all days.
        number: Of the day, from 1; the simulator's replication.
    """
    streams = Streams(seed, number)
    names = tuple(from_.file.cases)
    workload = generate(from_.file, streams, names)
    seen = view(workload, from_.file, from_.case)
    is_reply = workload.reply_to >= 0
    on = seen.doc_on.copy()
    on[is_reply] &= _asked_for(workload, seen)[is_reply]
    legs = seen.leg_on & on[workload.doc_of]
    if from_.alternative is not None:
        legs &= _over_exchange(from_.case, workload, seen, streams)
    copies = np.bincount(workload.doc_of[legs], minlength=workload.documents)
    taken = on & ~seen.classified & (copies > 0)
    at_s = workload.created_s.copy()
    at_s[is_reply] = _reply_moments(from_.file, at_s[taken & ~is_reply], int(is_reply.sum()), streams)
    taken &= np.isfinite(at_s)
    documents = np.flatnonzero(taken)
    documents = documents[np.argsort(at_s[documents], kind="stable")]
    return Day(
        at_s=at_s[documents],
        sender=workload.sender[documents],
        fan_out=copies[documents],
        recipient=_recipients(workload, legs, documents),
        size_bytes=seen.size_bytes[documents],
        urgency=seen.urgency[documents],
        replies=int(is_reply[documents].sum()),
        classified=int((on & seen.classified).sum()),
        elsewhere=int((on & ~seen.classified & (copies == 0)).sum()),
    )


def _asked_for(workload: Workload, seen: View) -> Bools:
    """Tell which replies are ever asked for: the leg is there, and its document asks for a reply."""
    leg = np.maximum(workload.reply_to, 0)
    parent = workload.doc_of[leg]
    return np.asarray(seen.leg_on[leg] & seen.doc_on[parent] & (seen.asks[parent] == ASKS.index("reply")))


def _recipients(workload: Workload, legs: Bools, documents: NDArray[np.intp]) -> Ints:
    """Return the recipients of the legs that count, in the order of ``documents``."""
    place = np.full(workload.documents, -1, dtype=np.int64)
    place[documents] = np.arange(len(documents))
    chosen = np.flatnonzero(legs & (place[workload.doc_of] >= 0))
    order = np.argsort(place[workload.doc_of[chosen]], kind="stable")
    return workload.recipient[chosen[order]]


def _reply_moments(file: ScenarioFile, others_s: Floats, count: int, streams: Streams) -> Floats:
    """Draw moments for replies: that of another document of the day, moved by some open minutes.

    Moved, because two messages in the very same moment would be a burst that no office makes.
    """
    if not len(others_s):
        return np.full(count, np.nan)
    clock, open_ = _open_time(file)
    near = others_s[(streams.uniforms(count, "load reply") * len(others_s)).astype(np.int64)]
    moved = np.interp(near, clock, open_)
    moved += (2 * streams.uniforms(count, "load reply spread") - 1) * REPLY_SPREAD_S
    moved = np.abs(moved)  # what falls before the first minute or after the last is mirrored there
    moved = np.clip(np.where(moved > open_[-1], 2 * open_[-1] - moved, moved), 0.0, open_[-1])
    return np.minimum(np.interp(moved, open_, clock), np.nextafter(DAY_S, 0.0))


def _open_time(file: ScenarioFile) -> tuple[Floats, Floats]:
    """Return moments of the day, and the open time up to each."""
    spans = [(start, min(end, DAY_S)) for start, end in zip(file.office.starts, file.office.ends, strict=True)
             if start < DAY_S]  # fmt: skip
    clock = np.array([moment for span in spans for moment in span])
    return clock, np.cumsum([length for start, end in spans for length in (0.0, end - start)])


def _electronic(case: Case) -> Bools:
    """Tell which procedures of a case hand their copies to an exchange."""
    networks = {name for name, one in case.scenario.transports.items() if one.kind == "exchange"}
    using = {procedure for (procedure, _), via in carried(case.scenario).items() if via in networks}
    return np.array([name in using for name in case.scenario.procedures], dtype=bool)


def _over_exchange(case: Case, workload: Workload, seen: View, streams: Streams) -> Bools:
    """Tell which legs an alternative carries over an exchange."""
    facts = routing.Facts(workload, seen, routing.levels(workload, case))
    procedure = routing.resolve(case, facts, streams).procedure
    return np.asarray((procedure >= 0) & _electronic(case)[procedure])


def _works(file: ScenarioFile, first: date, last: date) -> list[bool]:
    """Tell for each day from ``first`` to ``last`` whether offices work."""
    calendar = file.scenario.calendar
    if isinstance(calendar.hours, str):  # round the clock
        return [True] * ((last - first).days + 1)
    resolved = calendars.resolve_holidays(
        calendar.country, first, last, days_off=calendar.days_off, make_up=calendar.make_up
    )
    weekdays = [WEEKDAYS.index(one) for one in calendar.weekdays]
    every = [first + timedelta(days=at) for at in range((last - first).days + 1)]
    return [resolved.is_working_day(one, weekdays) for one in every]


def _why_not(file: ScenarioFile, day: date) -> str:
    """Say what day it is."""
    name = file.resolved.days_off.get(day)
    return f"a day off ({name})" if name else f"a {day:%A}"


def _nearest(file: ScenarioFile, day: date) -> str:
    """Name the nearest working day, the later one of two."""
    around = timedelta(days=_SEARCHED_DAYS)
    works = _works(file, day - around, day + around)
    for away in range(1, _SEARCHED_DAYS + 1):
        for offset in (away, -away):
            if works[_SEARCHED_DAYS + offset]:
                found = day + timedelta(days=offset)
                return f"the nearest working day is {found:%A}, {found}"
    return f"no working day within {_SEARCHED_DAYS} days"
