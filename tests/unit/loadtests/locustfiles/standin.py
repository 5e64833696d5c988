"""A stand-in for an exchange, its adapter, and the other parts that a worker's parts talk to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import sha256
from time import perf_counter
from typing import Any, ClassVar

import gevent
import numpy as np

from loadtests.adapters.base import (
    Acknowledged,
    Adapter,
    Answer,
    Entry,
    Io,
    Message,
    NoAnswer,
    Outcome,
    Polled,
    ReceiptError,
    Request,
)
from loadtests.harness.plan import Plan
from loadtests.harness.records import ARRIVAL, DELIVERY, POLL, Poison, Rows
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.post import Post
from loadtests.locustfiles.rows import Sheets
from loadtests.locustfiles.threads import Crew, Turns


def schedule_of(
    due_s: list[float],
    *,
    recipients: int = 1,
    agencies: int = 4,
    poison: dict[int, Poison] | None = None,
    of: dict[int, int] | None = None,
    polls: list[tuple[float, int]] | None = None,
) -> Schedule:
    """A schedule in which arrival k goes from agency k to the next ones."""
    count = len(due_s)
    numbers = np.arange(count)
    to = (numbers[:, None] + 1 + np.arange(recipients)) % agencies
    kinds, originals = np.zeros(count, np.uint8), np.full(count, -1, np.int32)
    for number, kind in (poison or {}).items():
        kinds[number] = kind
    for number, original in (of or {}).items():
        originals[number] = original
    return Schedule(
        due_s=np.array(due_s, dtype=np.float64),
        sender=(numbers % agencies).astype(np.int32),
        recipient_start=(np.arange(count + 1) * recipients).astype(np.int32),
        recipient=to.ravel().astype(np.int32),
        size_bytes=np.full(count, 100, np.int32),
        urgency=np.zeros(count, np.uint8),
        poison=kinds,
        of=originals,
        agencies=agencies,
        poll_due_s=np.array([at for at, _ in polls or []], dtype=np.float64),
        poll_agency=np.array([agency for _, agency in polls or []], dtype=np.int32),
    )


def plan_of(schedule: Schedule, **changes: Any) -> Plan:
    """A plan for a schedule, with short waits."""
    values: dict[str, Any] = {
        "adapter": "tests.unit.loadtests.locustfiles.standin:Standin",
        "target": "http://127.0.0.1:1",
        "seed": 7,
        "nonce": "00112233aabb",
        "profile": {},
        "schedule_sha256": schedule.digest,
        "duration_s": float(schedule.due_s[-1]) if len(schedule) else 0.0,
        "drain_s": 1.0,
        "timeout_s": 1.0,
        "poll_s": 0.1,
    }
    return Plan(**{**values, **changes})


class Standin(Adapter):
    """Says what it sends in JSON; a receipt is the id of what was sent."""

    name: ClassVar[str] = "standin"
    poisons: ClassVar[frozenset[Poison]] = frozenset(Poison)
    collects: ClassVar[bool] = True

    def setup(self, io: Io) -> None:
        pass

    def make(self, number: int) -> int:
        return number

    def sign(self, draft: Any) -> Message:
        id_ = f"{self.context.nonce.hex()}-{draft}"
        body = (f'{{"id": "{id_}"}}'.encode(),)
        return Message(draft, id_, sha256(id_.encode()).digest(), Request("POST", "/m", {}, body), b"kept")

    def submit(self, message: Message, io: Io) -> Outcome:
        answer = io.request(message.request)
        if answer.status == 201:
            return Outcome(True, receipt=answer.body, answer=answer)
        return Outcome(False, str(answer.status), again=answer.status == 503, answer=answer)

    def verify(self, message: Message, receipt: bytes) -> None:
        if message.id.encode() not in receipt:
            raise ReceiptError("receipt-other", "found another id")

    def number_of(self, id_: str) -> int | None:
        nonce, _, number = id_.partition("-")
        return int(number) if nonce == self.context.nonce.hex() else None

    def poll(self, agency: int, cursor: Any, io: Io) -> Polled:
        answer = io.request(Request("GET", f"/inbox/{agency}/{cursor or 0}"))
        found = json.loads(answer.body)
        entries = tuple(Entry(one["id"], one["place"], one["stamp"]) for one in found["entries"])
        return Polled(entries, found["next"], answer, more=found["more"])

    def acknowledge(self, agency: int, entry: Entry, io: Io) -> Acknowledged:
        answer = io.request(Request("POST", f"/accept/{agency}", body=(entry.id.encode(),)))
        done = answer.status == 201
        return Acknowledged(done, "" if done else "no", done, answer.sent_s, answer.done_s, answer.status)

    def poisoned_read(self, io: Io) -> Outcome:
        answer = io.request(Request("GET", "/again"))
        return Outcome(False, "nonce", answer=answer)


class Memory:
    """An exchange in memory: an ``Io`` that needs no connection.

    Args:
        answer: Gives status and body for a request, or raises ``NoAnswer``; it may sleep in the hub.
    """

    def __init__(self, answer: Callable[[Request], tuple[int, bytes]]) -> None:
        self.asked: list[tuple[float, Request]] = []
        self._answer = answer

    def request(self, request: Request, timeout_s: float | None = None) -> Answer:  # noqa: ARG002
        sent_s = perf_counter()
        self.asked.append((sent_s, request))
        status, body = self._answer(request)
        return Answer(status, {}, body, sent_s, perf_counter())


def receipts(request: Request) -> tuple[int, bytes]:
    """Answer every submission with its receipt at once."""
    return 201, b"".join(request.body)


def silence(request: Request) -> tuple[int, bytes]:  # noqa: ARG001
    """Never answer in time."""
    gevent.sleep(0.2)
    raise NoAnswer("timeout")


class Noted:
    """What Locust would have been shown."""

    def __init__(self) -> None:
        self.samples: list[tuple[str, float, str]] = []

    def add(self, step: str, response_s: float, size_bytes: int = 0, failure: str = "") -> None:  # noqa: ARG002
        self.samples.append((step, response_s, failure))

    def flush(self) -> None:
        pass

    def count(self) -> Mapping[tuple[str, str], int]:
        """How many samples there are of each step and failure."""
        return Counter((step, failure) for step, _, failure in self.samples)


class Desk:
    """A post and what it is made of; to be closed.

    Args:
        schedule: Of the run.
        io: The exchange.
        changes: To the plan.
    """

    def __init__(
        self, schedule: Schedule, io: Io, *, worker: int = 0, workers: int = 1, **changes: Any
    ) -> None:
        from loadtests.locustfiles.signing import context_of

        self.noted, self.sheets, self.failures = Noted(), Sheets(), list[str]()
        plan = plan_of(schedule, **changes)
        self.crew = Crew(4, Turns(2))
        self.post = Post(
            plan,
            schedule,
            Standin(context_of(plan, schedule)),
            io,
            thread_io=io,
            asking=self.crew,
            worker=worker,
            workers=workers,
            t0_unix=1_000_000.0,
            zero_s=perf_counter() + 0.05,
            sheets=self.sheets,
            shown=self.noted,
            failed=self.failures.append,
        )

    def rows(self) -> dict[str, Rows]:
        """All rows noted since, in order."""
        kinds = {"arrival": ARRIVAL, "delivery": DELIVERY, "poll": POLL}
        return {kind: np.frombuffer(data, kinds[kind]) for kind, data in self.sheets.take().items()}

    def close(self) -> None:
        self.crew.close()
