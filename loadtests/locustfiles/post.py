"""A worker's post in a run: what it sends, to whom, when its time began, and where it notes what happens.

Rule kept here: all parts of a worker count seconds from the same T0 and write to the same sheets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol, TypeVar

from loadtests.adapters.base import Adapter, Io
from loadtests.harness.plan import Plan
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.rows import Sheets
from loadtests.locustfiles.threads import Crew

T = TypeVar("T")


class Showing(Protocol):
    """Takes what Locust shows; see ``shown``."""

    def add(self, step: str, response_s: float, size_bytes: int = 0, failure: str = "") -> None:
        """Count one request of a step."""
        ...

    def flush(self) -> None:
        """Hand over what has been counted."""
        ...


@dataclass(frozen=True, slots=True)
class Post:
    """What all parts of a worker share in a run.

    Args:
        plan: Of the run.
        schedule: Of the run.
        adapter: Set up.
        io: How it asks from a greenlet.
        thread_io: How it asks from a native thread.
        asking: Native threads for what asks and computes in turn.
        worker: Number of this one.
        workers: How many there are.
        t0_unix: T0 on the master's clock, s since the epoch.
        zero_s: T0 on this worker's ``perf_counter``.
        sheets: Take the rows.
        shown: Takes what Locust shows.
        failed: Is told what went wrong where nothing should.
    """

    plan: Plan
    schedule: Schedule
    adapter: Adapter
    io: Io
    thread_io: Io
    asking: Crew
    worker: int
    workers: int
    t0_unix: float
    zero_s: float
    sheets: Sheets
    shown: Showing
    failed: Callable[[str], None]

    def now_s(self) -> float:
        """Seconds since T0."""
        return perf_counter() - self.zero_s

    def in_thread(self, work: Callable[..., T], *what: Any) -> T:
        """What an adapter both computes and asks for, in a native thread: ``work(*what, io)``.

        Raises:
            Exception: Whatever it raised.
        """
        done: T = self.asking.call(work, *what, self.thread_io)
        return done
