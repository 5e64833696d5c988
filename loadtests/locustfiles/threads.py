"""Native threads for what takes processor time, and the ways between them and the hub.

Rule kept here: nothing that computes longer than a request takes to send runs in a greenlet. Of all native threads of a
worker only as many compute at a time as there are turns: each one more that wants the interpreter makes the hub wait
longer for it, at every system call.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import gevent
from gevent.event import AsyncResult
from gevent.monkey import get_original

from loadtests.adapters.base import Answer, Request

SWITCH_S: Final = 0.0005
"""For ``sys.setswitchinterval``: with the default of 5 ms a thread waits as long to get the interpreter back after each
signature, see reference/load-testing.md §0.8."""

Done = Callable[[Any, Exception | None], None]


_LOCKS: Final = ("Lock", "_allocate_lock", "_CRLock", "Event", "local")
"""Of ``threading``; all others are built on these when they are made."""


@contextmanager
def native_locks() -> Iterator[None]:
    """Let what is imported or made meanwhile have locks that hold between native threads.

    Locust patches ``threading`` for the whole process, and a lock of gevent that two native threads want at once may
    never wake the second of them (seen with gevent 26.9, in ``Semaphore.__spin_on_native_lock``). An adapter's locks
    are for native threads, so its modules are imported, and it is made, in here.
    """
    patched = {name: getattr(threading, name) for name in _LOCKS}
    try:
        for name in _LOCKS:
            setattr(threading, name, get_original("threading", name))
        yield
    finally:
        for name, value in patched.items():
            setattr(threading, name, value)


class Turns:
    """How many native threads compute at a time: a semaphore that gevent has not patched.

    Args:
        count: So many.
    """

    def __init__(self, count: int) -> None:
        self._free = get_original("queue", "SimpleQueue")()
        for _ in range(count):
            self._free.put(None)

    def take(self) -> None:
        """Wait for a turn."""
        self._free.get()

    def leave(self) -> None:
        """Let another have it."""
        self._free.put(None)


class Crew:
    """Native threads that work for greenlets; as many as there is work for, up to a number.

    Args:
        most: How many at most.
        turns: To compute, shared with the worker's other crews.
    """

    def __init__(self, most: int, turns: Turns) -> None:
        self.most = most
        self.turns = turns
        self._threads = 0
        self._waiting = 0
        self._jobs = get_original("queue", "SimpleQueue")()
        self._calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._bell = gevent.get_hub().loop.async_()
        self._bell.start(self._hand_over)
        self._open = True

    def later(self, done: Done, work: Callable[..., Any], *what: Any) -> None:
        """Have ``work(*what)`` done in a thread; ``done(result, error)`` is called in the hub and must not block."""
        self._waiting += 1
        if self._waiting > self._threads and self._threads < self.most:
            self._threads += 1
            get_original("_thread", "start_new_thread")(self._work, ())
        self._jobs.put((done, work, what))

    def call(self, work: Callable[..., Any], *what: Any) -> Any:
        """Have it done in a thread while this greenlet waits.

        Raises:
            Exception: Whatever ``work`` raised.
        """
        waiting = AsyncResult()

        def done(result: Any, error: Exception | None) -> None:
            if error is None:
                waiting.set(result)
            else:
                waiting.set_exception(error)

        self.later(done, work, *what)
        return waiting.get()

    def in_hub(self, call: Callable[..., object], *what: Any) -> None:
        """From a thread: have something called in the hub; it must not block."""
        self._calls.append((call, what))
        if self._open:
            self._bell.send()

    def close(self) -> None:
        """Let the threads end when they have done what is waiting; what comes of it is not heard any more."""
        if self._open:
            self._open = False
            for _ in range(self._threads):
                self._jobs.put(None)
            self._bell.close()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            done, work, what = job
            result, error = None, None
            self.turns.take()
            try:
                result = work(*what)
            except Exception as raised:
                error = raised
            finally:
                self.turns.leave()
            self.in_hub(self._finished, done, result, error)

    def _finished(self, done: Done, result: Any, error: Exception | None) -> None:
        self._waiting -= 1
        done(result, error)

    def _hand_over(self) -> None:
        while self._calls:
            call, what = self._calls.popleft()
            call(*what)


class ThreadIo:
    """The ``Io`` for work in a crew's threads: the hub asks, and the thread waits without taking a turn.

    Threads with connections of their own would all want the interpreter at every system call, and the hub would come
    late: at 50 messages/s, 600 kB each, two recipients, that was tried and cost 380 ms of lateness at p99 in place of
    16.

    Args:
        crew: Whose threads ask.
        request: How the hub asks.
    """

    def __init__(self, crew: Crew, request: Callable[[Request, float | None], Answer]) -> None:
        self._crew = crew
        self._request = request

    def request(self, request: Request, timeout_s: float | None = None) -> Answer:
        """Send a request and wait for its answer, of whatever status.

        Raises:
            NoAnswer: None came.
        """
        came = get_original("_thread", "allocate_lock")()
        came.acquire()
        out: list[Any] = []

        def ask() -> None:
            try:
                out.append(self._request(request, timeout_s))
            except Exception as error:
                out.append(error)
            came.release()

        self._crew.in_hub(gevent.spawn_raw, ask)
        self._crew.turns.leave()
        came.acquire()
        self._crew.turns.take()
        if isinstance(out[0], Exception):
            raise out[0]
        answer: Answer = out[0]
        return answer
