"""People, the queues they serve, and the equipment they share.

Rule kept here: nobody who is free and on duty idles while work that this person may do waits. Work waits in
one heap per pool; which work is taken up is decided when a person becomes free or comes on duty: urgent first,
then first come, first served. SimPy's ``PriorityResource`` sorts its whole queue at every request; a heap does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from sim.calendars import WorkingTime
from sim.engine.clock import EARLY, NEVER, Alarm, Clock

if TYPE_CHECKING:
    from sim.engine.journey import Token

Entry = tuple[int, int, "Token"]


class Equipment:
    """Pieces that a step needs besides a person: a seal, a token.

    Args:
        pieces: How many the agency has.
    """

    __slots__ = ("free", "parked")

    def __init__(self, pieces: int) -> None:
        self.free = pieces
        self.parked: dict[Pool, list[Entry]] = {}

    def give_back(self) -> list[Pool]:
        """Take a piece back; return the pools to whose queues parked work went back, most urgent first.

        The first parked task of every pool goes back: which pool has somebody free is not known here.
        """
        self.free += 1
        back = [pool for pool, parked in self.parked.items() if parked]
        for pool in back:
            heappush(pool.queue, heappop(self.parked[pool]))
        return sorted(back, key=lambda pool: pool.queue[0])


class Person:
    """One person: on duty by calendar, busy with one token at most.

    Args:
        index: Index into the names of people.
        agency: Index of the agency.
        duty: When the person is on duty.
        clock: The simulation clock.
    """

    __slots__ = ("agency", "clock", "covers", "duty", "index", "off_until", "pools", "token")

    def __init__(self, index: int, agency: int, duty: WorkingTime, clock: Clock) -> None:
        self.index, self.agency, self.duty, self.clock = index, agency, duty, clock
        self.token: Token | None = None
        self.pools: list[Pool] = []
        self.covers: list[Pool] = []
        self.off_until = 0.0  # the answer of the calendar when it was asked last

    def on_duty(self, now: float) -> bool:
        """Tell whether the person is on duty; if not, ``off_until`` says when that will be."""
        duty = self.duty
        if duty.lo <= now < duty.hi:
            return True
        if now >= self.off_until:
            self.off_until = duty.next_open(now)
        return now >= self.off_until

    def begin(self, token: Token, now: float) -> None:
        """Take up a task; it ends when its working time has been done on duty."""
        self.token = token
        token.person = self
        token.started = now
        op = token.op
        if op.equipment is not None:
            op.equipment[self.agency].free -= 1
        duty, end = self.duty, now + token.work_s
        if not (duty.lo <= now <= end <= duty.hi or op.finish_off_shift):
            end = duty.finish(now, token.work_s)
        self.clock.at(end, token)

    def best_pool(self, now: float) -> Pool | None:
        """Return the pool whose first task this person should do, or ``None`` where nothing waits."""
        best: Pool | None = None
        first: Entry | None = None
        for pool in self.pools:
            if pool.queue and (first is None or pool.queue[0] < first):
                best, first = pool, pool.queue[0]
        for pool in self.covers:
            if pool.queue and (first is None or pool.queue[0] < first) and pool.is_covered(now):
                best, first = pool, pool.queue[0]
        return best

    def next_task(self, now: float) -> bool:
        """Take up the first startable task that waits, if on duty; return whether there was one.

        Whoever is off duty makes sure of being called when coming on duty.
        """
        duty = self.duty
        if not (duty.lo <= now < duty.hi or self.on_duty(now)):
            for pool in (*self.pools, *self.covers):
                if pool.queue:
                    pool.watch(now)
            return False
        while (best := self.best_pool(now)) is not None:
            entry = heappop(best.queue)
            if entry[2].op.equipment is None or best.startable(entry):
                self.begin(entry[2], now)
                return True
        for pool in self.covers:
            if pool.queue:  # not yet this person's to do: be called when it is
                pool.watch(now)
        return False


class Pool:
    """The people of one role (or field, or one desk) of an agency, and the tasks that wait for them.

    Args:
        clock: The simulation clock.
        members: Who does this work.
        order: Numbers tasks in the order in which they were enabled; one for the whole model.
        covers: Who stands in.
        cover_hours: When they may; ignored without covers.
    """

    __slots__ = (
        "clock", "cover_hours", "covers", "covers_from", "members", "order", "queue", "turn", "wake_at",
    )  # fmt: skip

    def __init__(
        self,
        clock: Clock,
        members: Sequence[Person],
        order: count[int],
        covers: Sequence[Person] = (),
        cover_hours: WorkingTime | None = None,
    ) -> None:
        self.clock, self.members, self.order = clock, list(members), order
        self.covers = list(covers) if cover_hours is not None else []
        self.cover_hours = cover_hours if cover_hours is not None else _NO_HOURS
        self.covers_from = 0.0  # the answer of the calendar when it was asked last
        self.queue: list[Entry] = []
        self.turn = 0
        self.wake_at = NEVER

    def offer(self, token: Token) -> None:
        """Give a task to whoever is free and on duty, or let it wait."""
        now = self.clock._now
        if not self.queue:
            person = self.free_person(now)
            if person is not None:
                alone = len(person.pools) == 1 and not person.covers
                if token.op.equipment is None and (alone or person.best_pool(now) is None):
                    person.begin(token, now)
                    return
                heappush(self.queue, (token.prio, next(self.order), token))
                if not person.next_task(now) and self.queue:
                    self.watch(now)
                return
            heappush(self.queue, (token.prio, next(self.order), token))
            self.watch(now)
            return
        heappush(self.queue, (token.prio, next(self.order), token))
        self.dispatch(now)

    def free_person(self, now: float) -> Person | None:
        """Return somebody free and on duty, members in turn before covers, or ``None``."""
        members = self.members
        n = len(members)
        if n == 1:
            person = members[0]
            if person.token is None:
                duty = person.duty
                if duty.lo <= now < duty.hi or person.on_duty(now):
                    return person
        else:
            start = self.turn
            for k in range(n):
                person = members[(start + k) % n]
                if person.token is None and person.on_duty(now):
                    self.turn = (start + k + 1) % n
                    return person
        if self.covers and self.is_covered(now):
            for person in self.covers:
                if person.token is None and person.on_duty(now):
                    return person
        return None

    def is_covered(self, now: float) -> bool:
        """Tell whether stand-ins may work; if not, ``covers_from`` says when they may."""
        if now >= self.covers_from:
            self.covers_from = self.cover_hours.next_open(now)
        return now >= self.covers_from

    def startable(self, entry: Entry) -> bool:
        """Tell whether the task's equipment is free; if not, park the task until it is."""
        token = entry[2]
        if token.op.equipment is None:
            return True
        piece = token.op.equipment[self.members[0].agency]
        if piece.free:
            return True
        heappush(piece.parked.setdefault(self, []), entry)
        return False

    def dispatch(self, now: float) -> None:
        """Let everybody who is free and on duty take up waiting work; see to the next opening."""
        while self.queue:
            person = self.free_person(now)
            if person is None or not person.next_task(now):
                break
        if self.queue:
            self.watch(now)

    def watch(self, now: float) -> None:
        """Make sure that somebody looks at the queue when the next free person comes on duty."""
        soonest = NEVER
        for person in self.members:
            if person.token is None:
                if person.on_duty(now):
                    return
                soonest = min(soonest, person.off_until)
        if self.covers and (self.is_covered(now) or self.covers_from < min(soonest, self.wake_at)):
            for person in self.covers:
                if person.token is None:
                    soonest = min(soonest, _both_open(person.duty, self.cover_hours, now))
        if now < soonest < self.wake_at:
            self.wake_at = soonest
            self.clock.at(soonest, Alarm(self._wake), EARLY)

    def _wake(self, _: Alarm) -> None:
        now = self.clock.now
        if now == self.wake_at:  # an earlier call may have been set since
            self.wake_at = NEVER
            self.dispatch(now)


_NO_HOURS = WorkingTime.from_intervals([], 1.0)


def _both_open(one: WorkingTime, two: WorkingTime, now: float) -> float:
    """Return the next moment at which both are open."""
    t = now
    while t < NEVER:
        t = one.next_open(t)
        if t == NEVER or two.is_open(t):
            return t
        t = two.next_open(t)
    return NEVER


def cover_windows(members: Sequence[WorkingTime], office: WorkingTime, after_s: float) -> WorkingTime:
    """Return when stand-ins may work: nobody of the role has been on duty for ``after_s`` of office time.

    Args:
        members: When each of the role is on duty.
        office: Office hours.
        after_s: Working time of absence after which a stand-in may act, seconds.
    """
    if not members:
        return office
    shifts = list(zip(office.starts, office.ends, strict=True))
    present = {shift for one in members for shift in zip(one.starts, one.ends, strict=True)}
    if present.issubset(shifts):  # almost always: whole shifts, so that no interval needs cutting
        pieces = [(*shift, shift in present) for shift in shifts]
    else:
        absent = office.minus(present)
        pieces = [(*shift, False) for shift in zip(absent.starts, absent.ends, strict=True)]
        pieces = sorted(pieces + [(*shift, True) for shift in present])
    windows: list[tuple[float, float]] = []
    missed = 0.0
    for start, end, somebody in pieces:
        if somebody:
            missed = 0.0  # the count starts again
            continue
        opens = start + max(0.0, after_s - missed)
        if opens < end:
            windows.append((opens, end))
        missed += end - start
    return WorkingTime.from_intervals(windows, office.day_s)
