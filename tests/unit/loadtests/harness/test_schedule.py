"""The schedule: shared over workers without loss, kept and sent without change, told apart by its digest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.harness.records import Poison
from loadtests.harness.schedule import Schedule
from loadtests.harness.schedule_building import Drawn, build
from loadtests.harness.sizes import parse

AGENCIES = 13


def schedule(count: int = 60, poll_s: float = 2.0) -> Schedule:
    """A schedule with everything in it."""
    return build(
        np.arange(count) / 5.0, Drawn(3, parse("4 KiB")), seed=1, agencies=AGENCIES, duration_s=count / 5.0,
        poisons=[Poison.TAMPERED], poison_share=0.1, replay_share=0.1, poll_s=poll_s,
    )  # fmt: skip


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 14))
def test_workers_share_all_arrivals_and_polls(count: int, workers: int) -> None:
    """Each arrival, and each agency's polls, belong to exactly one worker; shares differ by one at most."""
    whole = schedule(count) if count else build(
        np.empty(0), Drawn(1, parse("1 kB")), seed=1, agencies=2, duration_s=5.0
    )  # fmt: skip
    shares = [whole.share(worker, workers) for worker in range(workers)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(len(whole)))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    polls = [whole.polls_of(worker, workers) for worker in range(workers)]
    assert sorted(np.concatenate(polls).tolist()) == list(range(len(whole.poll_due_s)))
    owners = [set(whole.poll_agency[one].tolist()) for one in polls]
    assert sum(map(len, owners)) == len(set().union(*owners))


def test_a_replay_is_its_originals_workers() -> None:
    """With 1, 2, 3, 4, 6 or 12 workers the one that sends a message again is the one that sent it."""
    whole = schedule(500)
    again = np.flatnonzero(whole.of >= 0)
    assert len(again)
    for workers in (1, 2, 3, 4, 6, 12):
        assert (again % workers == whole.of[again] % workers).all()


def test_bytes_are_read_back() -> None:
    """What was written to bytes has the same arrays, types and digest when it is read."""
    whole = schedule()
    again = Schedule.from_bytes(whole.to_bytes())
    for name in Schedule.__slots__:
        here, there = np.asarray(getattr(whole, name)), np.asarray(getattr(again, name))
        assert np.array_equal(here, there)
        assert here.dtype == there.dtype
    assert again.digest == whole.digest
    assert again.agencies == AGENCIES


def test_the_digest_sees_every_change() -> None:
    """The same schedule has the same digest; a change of any one array or type gives another."""
    whole = schedule()
    assert schedule().digest == whole.digest
    changed = {whole.digest}
    for name in (
        "due_s",
        "sender",
        "recipient",
        "size_bytes",
        "urgency",
        "poison",
        "of",
        "poll_due_s",
        "poll_agency",
    ):
        values = getattr(whole, name).copy()
        values[3] += 1
        changed.add(replace(whole, **{name: values}).digest)
    changed.add(replace(whole, agencies=AGENCIES + 1).digest)
    changed.add(replace(whole, sender=whole.sender.astype(np.int64)).digest)
    assert len(changed) == 12


def test_recipients_are_those_of_one_arrival() -> None:
    """The recipients of all arrivals, one after another, are all recipients."""
    whole = schedule()
    told = [one for number in range(len(whole)) for one in whole.recipients_of(number)]
    assert told == whole.recipient.tolist()
