"""The driver of one worker: it keeps the schedule, one greenlet for each arrival.

Rule kept here: the next arrival is due when the schedule says so, whatever became of those before; what is late is sent
at once, and what is due while as many as allowed are under way is shed and counted.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import gevent

from loadtests.adapters.base import Message, NoAnswer, Outcome
from loadtests.harness.records import MUST_BE_REFUSED, Poison, State
from loadtests.locustfiles.checking import Checker
from loadtests.locustfiles.post import Post
from loadtests.locustfiles.rows import Arrival
from loadtests.locustfiles.signing import Messages

BACK_OFF_S: Final = 0.25
BACK_OFF_MOST_S: Final = 8.0
_AT_ONCE: Final = 32
"""Late arrivals that are begun before others get a turn."""


@dataclass(slots=True)
class Tally:
    """What a worker tells of itself at the end.

    Args:
        in_flight: Messages under way now.
        in_flight_most: The most that ever were.
        bank_empty_s: When a message was due that had not been signed yet, s since T0.
        over: Nothing will be sent any more.
    """

    in_flight: int = 0
    in_flight_most: int = 0
    bank_empty_s: float | None = None
    over: bool = False


def back_off_s(seed: int, number: int, attempt: int) -> float:
    """How long to wait before another attempt: doubling, capped, and between half and all of it by chance."""
    full_s = min(BACK_OFF_S * 2.0 ** (attempt - 1), BACK_OFF_MOST_S)
    return full_s * random.Random(f"{seed}:{number}:{attempt}").uniform(0.5, 1.0)


class Driver:
    """Sends one worker's share of a schedule.

    Args:
        post: Of this worker.
        messages: Signed, or to be signed.
        checker: Takes the receipts.
    """

    def __init__(self, post: Post, messages: Messages, checker: Checker) -> None:
        self.tally = Tally()
        self._post = post
        self._plan, self._schedule = post.plan, post.schedule
        self._messages = messages
        self._checker = checker
        self._numbers: list[int] = post.schedule.share(post.worker, post.workers).tolist()
        self._due_s: list[float] = post.schedule.due_s[self._numbers].tolist()
        self._open: dict[int, Arrival] = {}
        self._stopped = False
        self._closed = False

    def run(self) -> None:
        """Keep the schedule until it ends or ``stop`` is called."""
        zero_s, most, tally = self._post.zero_s, self._plan.in_flight_max, self.tally
        begun = 0
        for number, due_s in zip(self._numbers, self._due_s, strict=True):
            ahead_s = zero_s + due_s - perf_counter()
            if ahead_s > 0:
                gevent.sleep(ahead_s)
                begun = 0
            elif begun >= _AT_ONCE:
                gevent.sleep(0)
                begun = 0
            if self._stopped:
                break
            begun += 1
            if tally.in_flight >= most:
                self._shed(number, due_s, "in-flight-cap")
                continue
            tally.in_flight += 1
            tally.in_flight_most = max(tally.in_flight_most, tally.in_flight)
            gevent.spawn_raw(self._arrival, number, due_s)
        tally.over = True

    def stop(self) -> None:
        """Send nothing more; what is under way goes on."""
        self._stopped = True

    def close(self) -> None:
        """Note what is still under way as such, and listen to it no longer."""
        self._closed = True
        for row in self._open.values():
            self._post.sheets.arrival(row)
            self._show(row, self._schedule.due_s[row.number], "no answer until the end")
        self._open.clear()

    def _arrival(self, number: int, due_s: float) -> None:
        """One arrival, from its intended time to its answer."""
        try:
            self._send(number, due_s)
        except Exception as error:
            self._post.failed(f"arrival {number}: {error!r}")
            row = self._open.pop(number, None) or Arrival(number, self._post.worker, State.AMBIGUOUS)
            row.state, row.code = State.AMBIGUOUS, "generator"
            if not self._closed:
                self._finish(row, due_s)
        finally:
            self.tally.in_flight -= 1

    def _send(self, number: int, due_s: float) -> None:
        message, sign_s = None, 0.0
        poison = self._schedule.poison[number]
        if poison != Poison.REPLAYED_NONCE:
            deposit = self._messages.take(number)
            if deposit is None:
                now_s = self._post.now_s()
                self.tally.bank_empty_s = (
                    now_s if self.tally.bank_empty_s is None else self.tally.bank_empty_s
                )
                self._shed(number, due_s, "bank-empty")
                return
            message = deposit.message
            sign_s = deposit.sign_s if message.number == number else 0.0
        row = Arrival(number, self._post.worker, State.SENT, sign_s=sign_s)
        row.sent_s = self._post.now_s()
        self._open[number] = row
        outcome = self._attempts(row, message)
        if self._closed:
            return
        del self._open[number]
        self._settle(row, due_s, message, outcome)

    def _attempts(self, row: Arrival, message: Message | None) -> Outcome:
        """Submit until something other than "later" comes back, or the attempts are used up."""
        while True:
            row.attempts += 1
            try:
                if message is None:
                    outcome: Outcome = self._post.in_thread(self._post.adapter.poisoned_read)
                else:
                    outcome = self._post.adapter.submit(message, self._post.io)
            except NoAnswer as none:
                outcome = Outcome(None, none.code, again=True)
            if row.attempts == 1 and outcome.answer is not None and message is not None:
                row.sent_s = outcome.answer.sent_s - self._post.zero_s
            done = outcome.taken is True or not outcome.again
            if done or row.attempts >= self._plan.attempts_max or self._closed:
                return outcome
            gevent.sleep(back_off_s(self._plan.seed, row.number, row.attempts))

    def _settle(self, row: Arrival, due_s: float, message: Message | None, outcome: Outcome) -> None:
        """Note what an arrival came to, and have its receipt checked."""
        answer = outcome.answer
        if answer is not None:
            row.status, row.done_s = answer.status, answer.done_s - self._post.zero_s
        row.code = outcome.code
        if outcome.taken is None:
            row.state, row.code = State.AMBIGUOUS, outcome.code or "ambiguous"
        else:
            row.state = State.ANSWERED if outcome.taken else State.REJECTED
        self._finish(row, due_s, len(answer.body) if answer else 0)
        if outcome.taken and message is not None:
            self._checker.take(row, message, outcome.receipt)

    def _shed(self, number: int, due_s: float, why: str) -> None:
        self._finish(Arrival(number, self._post.worker, State.SHED, code=why), due_s)

    def _finish(self, row: Arrival, due_s: float, size_bytes: int = 0) -> None:
        self._post.sheets.arrival(row)
        why = "" if row.state == State.ANSWERED else row.code or State(row.state).name.lower()
        self._show(row, due_s, why, size_bytes)

    def _show(self, row: Arrival, due_s: float, failure: str, size_bytes: int = 0) -> None:
        """Tell Locust's statistics; for what must be refused, being refused is success."""
        poison = self._schedule.poison[row.number]
        step = "submit"
        if poison in MUST_BE_REFUSED:
            step = "poisoned"
            refused = row.state == State.REJECTED
            failure = "" if refused else failure or "accepted, but must be refused"
        elif poison == Poison.REPLAY:
            step = "replay"
        response_s = row.done_s - due_s
        if not response_s >= 0:
            elapsed_s = self._post.now_s() - due_s
            response_s = max(elapsed_s, self._plan.timeout_s)
        self._post.shown.add(step, response_s, size_bytes, failure)
