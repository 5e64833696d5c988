"""Recipients: each agency polls its inbox when the schedule says so, and accepts what it finds after a human delay.

Rule kept here: an agency polls whether or not mail waits, and polls on at its own pace after the schedule's end until
all that was accepted has been seen; polls are load, and each of them is a row.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass, field
from typing import Any, Final

import gevent

from loadtests.adapters.base import Acknowledged, Answer, Entry, Io, NoAnswer, Polled
from loadtests.harness.records import UNPLANNED
from loadtests.locustfiles.driver import back_off_s
from loadtests.locustfiles.post import Post
from loadtests.locustfiles.rows import NAN, Delivery

NO_ANSWER: Final = 0
SHED: Final = 1
_GONE: Final = (404, 410)


@dataclass(slots=True)
class Inbox:
    """What an agency knows of its inbox.

    Args:
        cursor: The adapter's.
        last_s: Sending time of the last poll that showed all there was, s since T0.
        busy: A poll is under way.
        places: Where each id has been seen.
    """

    cursor: Any = None
    last_s: float = NAN
    busy: bool = False
    places: dict[str, set[str]] = field(default_factory=dict)


class Collector:
    """Polls and accepts for the agencies of one worker.

    Args:
        post: Of this worker.
    """

    def __init__(self, post: Post) -> None:
        self.foreign = 0
        self.accepting = 0
        self._post = post
        self._plan, self._schedule = post.plan, post.schedule
        mine = post.schedule.polls_of(post.worker, post.workers)
        due_s, agencies = post.schedule.poll_due_s[mine].tolist(), post.schedule.poll_agency[mine].tolist()
        self._planned: list[tuple[float, int]] = list(zip(due_s, agencies, strict=True))
        self._inboxes = {agency: Inbox() for agency in agencies}
        self._rows: dict[tuple[int, int], Delivery] = {}
        self._over = False

    def run(self) -> None:
        """Poll until ``close``: as planned, and then on at the same pace."""
        for due_s, agency in self._planned:
            if self._poll_when_due(due_s, agency):
                return
        heap = [
            (due_s + self._plan.poll_s, agency) for agency, due_s in {a: d for d, a in self._planned}.items()
        ]
        heapq.heapify(heap)
        while heap:
            due_s, agency = heap[0]
            heapq.heapreplace(heap, (due_s + self._plan.poll_s, agency))
            if self._poll_when_due(due_s, agency):
                return

    def close(self) -> None:
        """Poll no longer, and note no more."""
        self._over = True

    def _poll_when_due(self, due_s: float, agency: int) -> bool:
        """Wait for a poll's time and begin it; True when it is over."""
        ahead_s = due_s - self._post.now_s()
        if ahead_s > 0:
            gevent.sleep(ahead_s)
        if self._over:
            return True
        inbox = self._inboxes[agency]
        if inbox.busy:
            self._post.sheets.poll(agency, self._post.worker, SHED, 0, due_s, NAN, NAN)
            self._post.shown.add("poll", self._plan.timeout_s, 0, "the poll before is not answered yet")
        else:
            inbox.busy = True
            gevent.spawn_raw(self._poll, agency, inbox, due_s)
        return False

    def _poll(self, agency: int, inbox: Inbox, due_s: float) -> None:
        """One planned poll, and those that follow it at once where an answer was full."""
        try:
            while self._poll_once(agency, inbox, due_s) and not self._over:
                due_s = self._post.now_s()
        except Exception as error:
            self._post.failed(f"poll of agency {agency}: {error!r}")
        finally:
            inbox.busy = False

    def _poll_once(self, agency: int, inbox: Inbox, due_s: float) -> bool:
        """One poll; True where another should follow at once."""
        sent_s = self._post.now_s()
        try:
            polled = self._post.in_thread(self._post.adapter.poll, agency, inbox.cursor)
        except NoAnswer as none:
            if not self._over:
                self._post.sheets.poll(agency, self._post.worker, NO_ANSWER, 0, due_s, sent_s, NAN)
                elapsed_s = self._post.now_s() - due_s
                self._post.shown.add("poll", max(elapsed_s, self._plan.timeout_s), 0, none.code)
            return False
        if self._over:
            return False
        self._note_poll(agency, due_s, polled)
        answer = polled.answer
        seen_s = answer.done_s - self._post.zero_s
        for entry in polled.entries:
            self._entry(agency, inbox, entry, seen_s)
        if answer.status < 400:
            inbox.cursor = polled.cursor
            if not polled.more:
                inbox.last_s = answer.sent_s - self._post.zero_s
        return polled.more

    def _note_poll(self, agency: int, due_s: float, polled: Polled) -> None:
        answer: Answer = polled.answer
        sent_s, done_s = answer.sent_s - self._post.zero_s, answer.done_s - self._post.zero_s
        self._post.sheets.poll(
            agency, self._post.worker, answer.status, len(polled.entries), due_s, sent_s, done_s
        )
        failure = "" if answer.status < 400 else str(answer.status)
        self._post.shown.add("poll", done_s - due_s, len(answer.body), failure)

    def _entry(self, agency: int, inbox: Inbox, entry: Entry, seen_s: float) -> None:
        """One line of an inbox: something new, something twice, or something of somebody else."""
        number = self._post.adapter.number_of(entry.id)
        if number is None:
            self.foreign += entry.id not in inbox.places
            inbox.places.setdefault(entry.id, set()).add(entry.place)
            return
        places = inbox.places.setdefault(entry.id, set())
        if entry.place in places:
            return
        places.add(entry.place)
        if not 0 <= number < len(self._schedule):
            number = UNPLANNED
        row = self._rows.get((number, agency))
        if row is not None and number != UNPLANNED:
            row.copies = len(places)
            self._post.sheets.delivery(row)
            return
        stamp_s = NAN if entry.stamp_s is None else entry.stamp_s - self._post.t0_unix
        row = Delivery(number, agency, self._post.worker, seen_s, absent_s=inbox.last_s, stamp_s=stamp_s)
        self._rows[number, agency] = row
        if number != UNPLANNED:
            self._post.shown.add("available", seen_s - self._schedule.due_s[number], 0)
        if self._plan.acknowledge:
            row.accept_due_s = seen_s + self._human_s(number, agency)
            self.accepting += 1
            ahead_s = row.accept_due_s - self._post.now_s()
            gevent.spawn_later(max(ahead_s, 0.0), self._accept, agency, entry, row)
        self._post.sheets.delivery(row)

    def _human_s(self, number: int, agency: int) -> float:
        """How long this recipient takes before it accepts: exponential, decided by seed, message and recipient."""
        if self._plan.human_s <= 0:
            return 0.0
        chance = random.Random(f"{self._plan.seed}:{number}:{agency}").random()
        return -math.log1p(-chance) * self._plan.human_s

    def _accept(self, agency: int, entry: Entry, row: Delivery) -> None:
        """Accept one message as its recipient."""
        try:
            if not self._over:
                self._acknowledge(agency, entry, row)
        except Exception as error:
            row.code = "generator"
            self._post.failed(f"accepting arrival {row.number} as agency {agency}: {error!r}")
        finally:
            self.accepting -= 1
            if not self._over:
                self._post.sheets.delivery(row)

    def _acknowledge(self, agency: int, entry: Entry, row: Delivery) -> None:
        attempt = 0
        while True:
            attempt += 1
            try:
                done = self._post.in_thread(self._acknowledged, agency, entry, row)
                break
            except NoAnswer as none:
                row.code = none.code
            if attempt >= self._plan.attempts_max or self._over:
                elapsed_s = self._post.now_s() - row.accept_due_s
                self._post.shown.add("accepted", max(elapsed_s, self._plan.timeout_s), 0, row.code)
                return
            gevent.sleep(back_off_s(self._plan.seed, row.number, attempt))
        self._settle(row, done)

    def _acknowledged(self, agency: int, entry: Entry, row: Delivery, io: Io) -> Acknowledged:
        """In a native thread: accept, and note when that began."""
        if math.isnan(row.accept_sent_s):
            row.accept_sent_s = self._post.now_s()
        return self._post.adapter.acknowledge(agency, entry, io)

    def _settle(self, row: Delivery, done: Acknowledged) -> None:
        row.status, row.code = done.status, done.code
        if done.document is None:
            row.document = 3 if done.status in _GONE and not done.done else 0
        else:
            row.document = 1 if done.document else 2
        accepted_s = done.done_s - self._post.zero_s
        self._post.shown.add(
            "accepted", accepted_s - row.accept_due_s, 0, "" if done.done else done.code or "refused"
        )
        if done.done:
            row.accepted_s = accepted_s
            row.acknowledged_s = self._post.now_s()
            self._post.shown.add("acknowledged", row.acknowledged_s - row.accept_due_s, 0)
        elif not row.code:
            row.code = "refused"
