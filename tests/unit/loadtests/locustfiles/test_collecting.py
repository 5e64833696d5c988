"""Recipients that poll and accept."""

from __future__ import annotations

import json
import time
from typing import Any

import gevent
import numpy as np
import pytest

from loadtests.adapters.base import NoAnswer, Request
from loadtests.harness.records import UNPLANNED
from loadtests.locustfiles.collecting import NO_ANSWER, SHED, Collector
from tests.unit.loadtests.locustfiles.conftest import MakeDesk
from tests.unit.loadtests.locustfiles.standin import Memory, schedule_of

MINE = "00112233aabb"


class Inboxes:
    """The inboxes of an exchange in memory: what lies there, in order."""

    def __init__(self) -> None:
        self.entries: dict[int, list[dict[str, Any]]] = {}
        self.page = 100
        self.answer_s = 0.0
        self.silent = 0
        self.refuse_accepting = False
        self.accepted: list[tuple[int, str]] = []

    def put(self, agency: int, id_: str, place: str | None = None, stamp: float | None = None) -> None:
        """Hand something over."""
        there = self.entries.setdefault(agency, [])
        there.append({"id": id_, "place": place or str(len(there)), "stamp": stamp})

    def answer(self, request: Request) -> tuple[int, bytes]:
        """What the exchange says."""
        time.sleep(self.answer_s)  # in a native thread
        if self.silent:
            self.silent -= 1
            raise NoAnswer("timeout")
        _, what, agency, *rest = request.path.split("/")
        if what == "accept":
            if self.refuse_accepting:
                return 403, b""
            self.accepted.append((int(agency), b"".join(request.body).decode()))
            return 201, b""
        after = int(rest[0])
        there = self.entries.get(int(agency), [])
        found = there[after : after + self.page]
        more = len(there) > after + self.page
        return 200, json.dumps({"entries": found, "next": after + len(found), "more": more}).encode()


def collected(collector: Collector, seconds: float) -> None:
    """Let it collect for so long."""
    running = gevent.spawn(collector.run)
    gevent.sleep(seconds)
    collector.close()
    gevent.sleep(0.05)
    running.kill()


def test_every_agency_polls_when_it_is_due_and_then_on_at_its_pace(desk: MakeDesk) -> None:
    """Whether or not mail waits; after the planned polls the next ones follow one period apart."""
    polls = [(0.0, 0), (0.05, 1), (0.1, 0), (0.15, 1)]
    made = desk(schedule_of([0.0], polls=polls), Memory(Inboxes().answer))
    collected(Collector(made.post), 0.5)
    rows = made.rows()["poll"]
    planned = rows["due_s"][:4].tolist()
    assert planned == [at for at, _ in polls]
    assert (rows["sent_s"] >= rows["due_s"]).all()
    for agency in (0, 1):
        gaps = np.diff(rows["due_s"][rows["agency"] == agency])
        assert len(gaps) >= 3
        assert gaps == pytest.approx(0.1)


def test_only_its_own_agencies_poll(desk: MakeDesk) -> None:
    """Agency k polls at worker k mod workers."""
    polls = [(0.01 * one, one) for one in range(4)]
    made = desk(schedule_of([0.0], polls=polls), Memory(Inboxes().answer), worker=1, workers=2)
    collected(Collector(made.post), 0.15)
    assert set(made.rows()["poll"]["agency"]) == {1, 3}


def test_what_comes_is_seen_once_and_accepted(desk: MakeDesk) -> None:
    """A delivery has the bounds that polling puts on it, the stamp on the run's time, and its acknowledgement."""
    inboxes = Inboxes()
    made = desk(schedule_of([0.0], polls=[(0.0, 1), (0.1, 1), (0.2, 1)]), Memory(inboxes.answer))
    running = gevent.spawn_later(0.12, inboxes.put, 1, f"{MINE}-0", None, 1_000_000.07)
    collected(Collector(made.post), 0.4)
    running.join()
    rows = made.rows()
    last, polls = rows["delivery"][-1], rows["poll"]
    assert (last["number"], last["recipient"], last["copies"], last["document"]) == (0, 1, 1, 1)
    assert last["stamp_s"] == pytest.approx(0.07, abs=1e-6)
    assert last["absent_s"] == polls["sent_s"][polls["done_s"] < last["seen_s"]].max()
    assert last["absent_s"] < last["seen_s"]
    moments = ("seen_s", "accept_sent_s", "accepted_s", "acknowledged_s")
    assert np.diff([float(last[name]) for name in moments]).min() >= 0
    assert last["accept_due_s"] == last["seen_s"]
    assert inboxes.accepted == [(1, f"{MINE}-0")]
    seen = made.noted.count()
    assert (seen["available", ""], seen["accepted", ""], seen["acknowledged", ""]) == (1, 1, 1)


def test_copies_at_different_places_are_counted_and_the_same_place_is_not(desk: MakeDesk) -> None:
    """A duplicate is two places with one id; an entry that is shown again is none."""
    inboxes = Inboxes()
    for place in ("a", "b", "b"):
        inboxes.put(1, f"{MINE}-0", place)
    made = desk(schedule_of([0.0], polls=[(0.0, 1)]), Memory(inboxes.answer), acknowledge=False)
    collected(Collector(made.post), 0.15)
    assert made.rows()["delivery"]["copies"].max() == 2


def test_messages_of_other_runs_are_counted_and_those_nobody_planned_are_kept(desk: MakeDesk) -> None:
    """An id of this run beyond its schedule is a row of its own; one of another run is a number."""
    inboxes = Inboxes()
    for id_ in ("ffff-0", "ffff-1", f"{MINE}-99"):
        inboxes.put(1, id_)
    made = desk(schedule_of([0.0], polls=[(0.0, 1), (0.1, 1)]), Memory(inboxes.answer), acknowledge=False)
    collector = Collector(made.post)
    collected(collector, 0.25)
    assert collector.foreign == 2
    assert made.rows()["delivery"]["number"].tolist() == [UNPLANNED]


def test_a_full_answer_is_followed_by_another_poll_at_once(desk: MakeDesk) -> None:
    """Five entries in pages of two take three polls, each of them a row, and all are seen."""
    inboxes = Inboxes()
    inboxes.page = 2
    for number in range(5):
        inboxes.put(1, f"{MINE}-{number}")
    made = desk(
        schedule_of([0.0] * 5, polls=[(0.0, 1)]), Memory(inboxes.answer), poll_s=9.0, acknowledge=False
    )
    collected(Collector(made.post), 0.2)
    rows = made.rows()
    assert rows["poll"]["entries"].tolist() == [2, 2, 1]
    assert sorted(rows["delivery"]["number"].tolist()) == [0, 1, 2, 3, 4]
    assert np.isnan(rows["delivery"]["absent_s"]).all()


def test_a_poll_that_is_due_before_the_last_was_answered_is_shed(desk: MakeDesk) -> None:
    """An agency asks one question at a time; what it could not ask is a row, and a miss."""
    inboxes = Inboxes()
    inboxes.answer_s = 0.25
    made = desk(schedule_of([0.0], polls=[(0.0, 1), (0.1, 1), (0.4, 1)]), Memory(inboxes.answer), poll_s=9.0)
    collected(Collector(made.post), 0.75)
    rows = made.rows()["poll"]
    assert rows["status"][np.argsort(rows["due_s"])].tolist() == [200, SHED, 200]


def test_a_poll_without_an_answer_is_a_row_and_loses_nothing(desk: MakeDesk) -> None:
    """What was not shown then is shown by the next one."""
    inboxes = Inboxes()
    inboxes.silent = 1
    inboxes.put(1, f"{MINE}-0")
    made = desk(schedule_of([0.0], polls=[(0.0, 1), (0.1, 1)]), Memory(inboxes.answer), acknowledge=False)
    collected(Collector(made.post), 0.2)
    rows = made.rows()
    assert rows["poll"]["status"][:2].tolist() == [NO_ANSWER, 200]
    assert rows["delivery"]["number"].tolist() == [0]
    assert made.noted.count()["poll", "timeout"] == 1


def test_a_refused_acceptance_is_told(desk: MakeDesk) -> None:
    """Seen, tried, and not acknowledged."""
    inboxes = Inboxes()
    inboxes.refuse_accepting = True
    inboxes.put(1, f"{MINE}-0")
    made = desk(schedule_of([0.0], polls=[(0.0, 1)]), Memory(inboxes.answer))
    collected(Collector(made.post), 0.2)
    last = made.rows()["delivery"][-1]
    assert (last["code"], last["status"]) == (b"no", 403)
    assert np.isnan(last["acknowledged_s"])
    assert made.noted.count()["accepted", "no"] == 1


def test_human_delays_are_decided_by_the_seed_and_have_their_mean(desk: MakeDesk) -> None:
    """Ten thousand delays have the planned mean within five standard errors (false alarm 6e-7), and stay the same."""
    made = desk(schedule_of([0.0], polls=[(0.0, 1)]), Memory(Inboxes().answer), human_s=20.0)
    collector = Collector(made.post)
    delays = np.array([collector._human_s(number, 1) for number in range(10_000)])
    assert delays.mean() == pytest.approx(20.0, abs=5 * 20.0 / 100)
    assert (delays == [collector._human_s(number, 1) for number in range(10_000)]).all()
