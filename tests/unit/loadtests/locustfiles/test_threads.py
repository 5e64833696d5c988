"""Native threads and the hub."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import gevent
import pytest

from loadtests.locustfiles.threads import Crew, Turns


def test_work_is_done_in_another_thread_while_the_hub_goes_on() -> None:
    """A greenlet that waits for a thread lets others run."""
    crew = Crew(2, Turns(2))
    ticks: list[float] = []

    def tick() -> None:
        while True:
            ticks.append(time.perf_counter())
            gevent.sleep(0.005)

    ticking = gevent.spawn(tick)

    def work() -> int:
        time.sleep(0.1)
        return threading.get_ident()

    found = crew.call(work)
    ticking.kill()
    assert found != threading.get_ident()
    assert len(ticks) > 3
    crew.close()


def test_what_work_raises_is_raised_where_it_was_asked_for() -> None:
    """A fault in a thread is not lost there."""
    crew = Crew(1, Turns(1))
    with pytest.raises(ZeroDivisionError):
        crew.call(lambda: 1 / 0)
    assert crew.call(lambda: 5) == 5
    crew.close()


def test_only_as_many_compute_as_there_are_turns() -> None:
    """Twenty jobs of eight threads with two turns never run three at a time."""
    crew, now, most = Crew(8, Turns(2)), [0], [0]
    lock = threading.Lock()

    def work() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.002)
        with lock:
            now[0] -= 1

    gevent.joinall([gevent.spawn(crew.call, work) for _ in range(20)])
    assert most[0] == 2
    crew.close()


def test_what_comes_after_the_end_is_not_heard() -> None:
    """Work that is still under way when its crew is closed does no harm."""
    crew, heard = Crew(1, Turns(1)), list[object]()
    crew.later(lambda result, error: heard.append((result, error)), time.sleep, 0.05)
    crew.close()
    crew.close()
    gevent.sleep(0.1)
    assert not heard


PATCHED = """
from gevent import monkey
monkey.patch_all()
import subprocess
import sys
import threading
import gevent
from loadtests.locustfiles.threads import Crew, Turns, native_locks
patched = threading.Lock
with native_locks():
    from loadtests.adapters.bodies import Bodies
    from loadtests.adapters.ids import Ids
    bodies = Bodies(1, Ids(bytes(6)))
    made = threading.Lock(), threading.RLock(), threading.Event()
assert threading.Lock is patched
assert not any("gevent" in type(one).__module__ for one in made), made
assert "gevent" not in type(bodies._lock).__module__, bodies._lock
crew = Crew(4, Turns(4))
work = lambda first: [bodies.document(number, 300_000 + number) for number in range(first, 400, 4)]
gevent.joinall([gevent.spawn(crew.call, work, first) for first in range(4)], raise_error=True)
crew.close()
print("done")
"""


def test_an_adapters_locks_hold_between_native_threads_under_locusts_patch() -> None:
    """What an adapter imports and makes has native locks; gevent's would let a thread wait for ever."""
    done = subprocess.run(
        [sys.executable, "-c", PATCHED], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "done\n", done.stderr
