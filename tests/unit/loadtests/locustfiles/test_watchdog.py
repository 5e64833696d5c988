"""Stalls of the process and of its hub."""

from __future__ import annotations

import time

import gevent

from loadtests.locustfiles.watchdog import Watchdog


def test_a_hub_that_stands_still_is_seen_once() -> None:
    """A greenlet that computes for 400 ms stalls the hub: one stall, of about that length, about then."""
    zero_s = time.perf_counter()
    watchdog = Watchdog(zero_s)
    watchdog.start()
    gevent.sleep(0.1)
    begun_s = time.perf_counter()
    while time.perf_counter() < begun_s + 0.4:
        pass
    ended_s = time.perf_counter() - zero_s
    gevent.sleep(0.1)
    watchdog.stop()
    found = [(at_s, late_s) for at_s, late_s in watchdog.stalls if late_s > 0.25]
    assert len(found) == 1
    at_s, late_s = found[0]
    assert at_s >= ended_s - 0.01
    assert late_s >= 0.3


def test_what_both_watchers_saw_counts_once() -> None:
    """Stalls that overlap are one, with the longer time; others stay apart."""
    watchdog = Watchdog(0.0)
    watchdog._found = [(10.0, 2.0), (9.9, 1.5), (20.0, 0.2)]
    assert watchdog.stalls == [(10.0, 2.0), (20.0, 0.2)]
