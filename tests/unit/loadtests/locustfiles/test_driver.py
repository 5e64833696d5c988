"""The driver: what is due is sent, shed or left, and every arrival has its row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import numpy as np
import pytest

from loadtests.adapters.base import NoAnswer, Request
from loadtests.harness.plan import Signing
from loadtests.harness.records import Poison, Receipt, State
from loadtests.locustfiles.bank import Spool
from loadtests.locustfiles.checking import Checker
from loadtests.locustfiles.driver import BACK_OFF_MOST_S, BACK_OFF_S, Driver, back_off_s
from loadtests.locustfiles.signing import Messages
from tests.unit.loadtests.locustfiles.conftest import MakeDesk
from tests.unit.loadtests.locustfiles.standin import Desk, Memory, receipts, schedule_of, silence

HOST = "exchange.test"


@pytest.fixture
def driven(tmp_path: Path) -> Callable[..., tuple[Driver, Any]]:
    """Drive a desk's schedule to its end and give the driver and the rows of all arrivals, in order."""

    def drive(
        desk: Desk, *, originals: dict[int, int] | None = None, after: bool = False
    ) -> tuple[Driver, Any]:
        post = desk.post
        place = {"worker": post.worker, "workers": post.workers, "host": HOST, "folder": tmp_path}
        messages = Messages(post.plan, post.schedule, post.adapter, crew=desk.crew, **place)  # type: ignore[arg-type]
        messages.prepare()
        spool = Spool(tmp_path / "receipts") if after else None
        checker = Checker(post, desk.crew, spool, again=messages.again, originals=originals or {})
        driver = Driver(post, messages, checker)
        driver.run()
        for _ in range(100):
            if driver.tally.in_flight == 0:
                break
            gevent.sleep(0.01)
        driver.close()
        checker.finish(post.zero_s + 10.0)
        messages.close()
        rows = desk.rows()["arrival"]
        last = {int(row["number"]): row for row in rows}
        return driver, np.array([last[number] for number in sorted(last)], dtype=rows.dtype)

    return drive


Driven = Callable[..., tuple[Driver, Any]]


def test_every_arrival_is_sent_once_at_its_time(desk: MakeDesk, driven: Driven) -> None:
    """None before it is due, each with its receipt checked, and what was asked is what was planned."""
    memory = Memory(receipts)
    made = desk(schedule_of([0.01 * one for one in range(20)]), memory)
    _, rows = driven(made)
    assert rows["number"].tolist() == list(range(20))
    assert set(rows["state"]) == {State.ACCEPTED}
    assert set(rows["receipt"]) == {Receipt.GOOD}
    assert (rows["sent_s"] >= made.post.schedule.due_s).all()
    assert (rows["done_s"] >= rows["sent_s"]).all()
    assert (rows["checked_s"] >= rows["done_s"]).all()
    assert (rows["sign_s"] > 0).all()
    assert len({request.body for _, request in memory.asked}) == 20
    assert made.noted.count() == {("submit", ""): 20, ("receipt", ""): 20}
    assert not made.failures


def test_slow_answers_do_not_delay_what_is_due(desk: MakeDesk, driven: Driven) -> None:
    """With answers of half a second, arrivals every 10 ms are begun all the same: the loop is open."""

    def slow(request: Request) -> tuple[int, bytes]:
        gevent.sleep(0.5)
        return receipts(request)

    made = desk(schedule_of([0.01 * one for one in range(20)]), Memory(slow))
    driver, rows = driven(made)
    assert driver.tally.in_flight_most == 20
    assert np.nanmax(rows["sent_s"] - made.post.schedule.due_s) < 0.4


def test_what_is_late_is_sent_at_once_and_keeps_its_intended_time(desk: MakeDesk, driven: Driven) -> None:
    """Arrivals whose time has passed are not spread out again, and their rows show how late they were."""
    made = desk(schedule_of([-1.0 + 0.001 * one for one in range(100)]), Memory(receipts))
    _, rows = driven(made)
    lateness_s = rows["sent_s"] - made.post.schedule.due_s
    assert lateness_s.min() > 0.8
    assert set(rows["state"]) == {State.ACCEPTED}


def test_beyond_the_cap_arrivals_are_shed(desk: MakeDesk, driven: Driven) -> None:
    """With three under way that get no answer, the rest is shed, with a row each."""
    made = desk(schedule_of([0.001 * one for one in range(10)]), Memory(silence), in_flight_max=3)
    driver, rows = driven(made)
    assert rows["state"].tolist() == [State.AMBIGUOUS] * 3 + [State.SHED] * 7
    assert rows["code"].tolist() == [b"timeout"] * 3 + [b"in-flight-cap"] * 7
    assert np.isnan(rows["sent_s"][3:]).all()
    assert driver.tally.in_flight_most == 3
    assert made.noted.count() == {("submit", "timeout"): 3, ("submit", "in-flight-cap"): 7}
    assert all(response_s >= made.post.plan.timeout_s for _, response_s, _ in made.noted.samples)


def test_what_is_under_way_at_the_end_is_noted_as_sent(desk: MakeDesk, driven: Driven) -> None:
    """No answer by the end of the drain is neither an answer nor nothing."""

    def never(request: Request) -> tuple[int, bytes]:
        gevent.sleep(3.0)
        return receipts(request)

    made = desk(schedule_of([0.0, 0.01]), Memory(never))
    _, rows = driven(made)
    assert rows["state"].tolist() == [State.SENT, State.SENT]
    assert rows["attempts"].tolist() == [1, 1]
    assert not np.isnan(rows["sent_s"]).any()
    assert np.isnan(rows["done_s"]).all()
    gevent.sleep(0)
    assert not made.sheets.take()["arrival"]


def test_only_what_may_be_sent_again_is(desk: MakeDesk, driven: Driven) -> None:
    """Silence and "later" are tried again up to the plan's number; a refusal is not."""
    times: dict[str, int] = {}

    def answer(request: Request) -> tuple[int, bytes]:
        body = b"".join(request.body).decode()
        number = int(body.split("-")[1][:-2])
        times[body] = times.get(body, 0) + 1
        if number == 0:
            return 422, b""
        if number == 1 and times[body] < 3:
            return 503, b""
        if number == 2 and times[body] < 2:
            raise NoAnswer("reset")
        return (503, b"") if number == 3 else receipts(request)

    made = desk(schedule_of([0.0] * 4), Memory(answer), attempts_max=3)
    driver, rows = driven(made)
    assert driver.tally.in_flight == 0
    assert rows["state"].tolist() == [State.REJECTED, State.ACCEPTED, State.ACCEPTED, State.REJECTED]
    assert rows["attempts"].tolist() == [1, 3, 2, 3]
    assert rows["status"].tolist() == [422, 201, 201, 503]
    assert (rows["done_s"] - rows["sent_s"])[1] > BACK_OFF_S  # the first sending counts, and the last answer


def test_back_off_doubles_and_has_a_cap() -> None:
    """Between half and all of 0.25, 0.5, 1 … s, the same for the same seed, and never more than the cap."""
    for attempt in range(1, 12):
        full_s = min(BACK_OFF_S * 2 ** (attempt - 1), BACK_OFF_MOST_S)
        waits = [back_off_s(1, number, attempt) for number in range(50)]
        assert all(0.5 * full_s <= one <= full_s for one in waits)
        assert len(set(waits)) > 40
        assert waits == [back_off_s(1, number, attempt) for number in range(50)]


def test_two_workers_send_each_arrival_once(desk: MakeDesk, driven: Driven) -> None:
    """Each worker sends its own share, and no other's."""
    found: list[int] = []
    for worker in range(2):
        made = desk(
            schedule_of([0.001 * one for one in range(11)]), Memory(receipts), worker=worker, workers=2
        )
        _, rows = driven(made)
        assert set(rows["worker"]) == {worker}
        found += rows["number"].tolist()
    assert sorted(found) == list(range(11))


def test_poison_that_is_refused_is_no_failure_and_what_is_accepted_is_one(
    desk: MakeDesk, driven: Driven
) -> None:
    """Locust's page calls the exchange's errors errors, and nothing else."""

    def answer(request: Request) -> tuple[int, bytes]:
        return (400, b"") if b"-0" in b"".join(request.body) else receipts(request)

    poison = {0: Poison.TAMPERED, 1: Poison.TAMPERED, 2: Poison.REPLAYED_NONCE}
    made = desk(schedule_of([0.0] * 3, poison=poison), Memory(answer))
    _, rows = driven(made)
    assert rows["state"].tolist() == [State.REJECTED, State.ACCEPTED, State.REJECTED]
    assert rows["code"][2] == b"nonce"
    seen = made.noted.count()
    assert seen["poisoned", ""] == 2
    assert seen["poisoned", "accepted, but must be refused"] == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("same", "expected"), [(True, Receipt.GOOD), (False, Receipt.DIFFERS)])
def test_a_replay_is_its_originals_bytes_and_must_get_its_receipt(
    desk: MakeDesk, driven: Driven, same: bool, after: bool, expected: Receipt
) -> None:
    """What is sent again is what was sent; another receipt for it is found, however receipts are checked."""
    memory = Memory(receipts)

    def answer(request: Request) -> tuple[int, bytes]:
        return 201, b"".join(request.body) + (b"" if same else b"%d" % len(memory.asked))

    memory._answer = answer
    schedule = schedule_of([0.0, 0.01, 0.05], poison={2: Poison.REPLAY}, of={2: 0})
    made = desk(schedule, memory, receipts="after" if after else "live")
    _, rows = driven(made, originals={2: 0}, after=after)
    sent = [b"".join(request.body) for _, request in memory.asked]
    assert sent[2] == sent[0] != sent[1]
    assert rows["receipt"].tolist() == [Receipt.GOOD, Receipt.GOOD, expected]
    assert rows["state"].tolist() == [State.ACCEPTED] * 3


def test_a_replay_that_overtakes_its_original_is_compared_too(desk: MakeDesk, driven: Driven) -> None:
    """The original's answer comes last, and differs: found at the end."""
    count = [0]

    def answer(request: Request) -> tuple[int, bytes]:
        count[0] += 1
        mine = count[0]
        if mine == 1:
            gevent.sleep(0.2)
        return 201, b"".join(request.body) + b"%d" % mine

    schedule = schedule_of([0.0, 0.02], poison={1: Poison.REPLAY}, of={1: 0})
    _, rows = driven(desk(schedule, Memory(answer)), originals={1: 0})
    assert rows["receipt"].tolist() == [Receipt.GOOD, Receipt.DIFFERS]


@pytest.mark.parametrize("after", [False, True])
def test_a_receipt_that_does_not_hold_is_told(desk: MakeDesk, driven: Driven, after: bool) -> None:
    """Answered with success, and not accepted: the receipt is about something else."""
    made = desk(schedule_of([0.0]), Memory(lambda _: (201, b"another")))
    _, rows = driven(made, after=after)
    assert (rows["state"][0], rows["receipt"][0], rows["code"][0]) == (
        State.ANSWERED,
        Receipt.WRONG,
        b"receipt-other",
    )
    assert made.noted.count()["receipt", "receipt-other"] == 1


def test_an_adapters_fault_is_told_and_ends_nothing(desk: MakeDesk, driven: Driven) -> None:
    """One arrival fails in the generator; the others are sent, and the fault has a text."""

    def answer(request: Request) -> tuple[int, bytes]:
        if b"-1" in b"".join(request.body):
            raise ZeroDivisionError("planted")
        return receipts(request)

    made = desk(schedule_of([0.0, 0.0, 0.0]), Memory(answer))
    driver, rows = driven(made)
    assert rows["state"].tolist() == [State.ACCEPTED, State.AMBIGUOUS, State.ACCEPTED]
    assert rows["code"][1] == b"generator"
    assert "planted" in made.failures[0]
    assert driver.tally.in_flight == 0


def test_signed_when_due(desk: MakeDesk, driven: Driven) -> None:
    """Signing is done between the intended time and sending, and its time is in the row."""
    made = desk(schedule_of([0.0, 0.01]), Memory(receipts), signing=Signing.INLINE)
    _, rows = driven(made)
    assert set(rows["state"]) == {State.ACCEPTED}
    assert (rows["sent_s"] - made.post.schedule.due_s >= rows["sign_s"]).all()
    assert (rows["sign_s"] > 0).all()


def test_a_message_that_is_not_signed_in_time_is_shed_and_the_bank_called_empty(
    desk: MakeDesk, tmp_path: Path
) -> None:
    """No message is sent in the place of another, and the moment is told."""
    made = desk(schedule_of([0.0, 0.01]), Memory(receipts), signing=Signing.PROCESSES)
    post = made.post
    messages = Messages(
        post.plan,
        post.schedule,
        post.adapter,
        worker=0,
        workers=1,
        host=HOST,
        folder=tmp_path,
        crew=made.crew,
    )
    driver = Driver(post, messages, Checker(post, made.crew, None, again=messages.again, originals={}))
    driver.run()
    gevent.sleep(0.02)
    assert made.rows()["arrival"]["code"].tolist() == [b"bank-empty"] * 2
    assert driver.tally.bank_empty_s is not None
    assert driver.tally.bank_empty_s < 5.0
    messages.close()


def test_after_a_stop_nothing_more_is_sent(desk: MakeDesk, tmp_path: Path) -> None:
    """What was under way goes on; the rest has no row."""
    made = desk(schedule_of([0.0, 0.3, 0.6]), Memory(receipts))
    post = made.post
    messages = Messages(
        post.plan,
        post.schedule,
        post.adapter,
        worker=0,
        workers=1,
        host=HOST,
        folder=tmp_path,
        crew=made.crew,
    )
    messages.prepare()
    driver = Driver(post, messages, Checker(post, made.crew, None, again=messages.again, originals={}))
    driving = gevent.spawn(driver.run)
    gevent.sleep(0.15)
    driver.stop()
    driving.join()
    assert driver.tally.over
    assert set(made.rows()["arrival"]["number"].tolist()) == {0}
    messages.close()
