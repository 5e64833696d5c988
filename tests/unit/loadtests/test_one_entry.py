"""Recall, report, hand-over and expiry at one entry: at once, with failures, and with a crash at any effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from loadtests.exchange.effects import Commit, Effect, FindEntry, Look, Reserve, Seal, VerifyReport
from loadtests.exchange.errors import Refusal
from tests.unit.loadtests.exchanges import Exchange
from tests.unit.loadtests.journeys import ENTRY, MACHINES, arrived, run

GONE = Refusal("store-unavailable", "the store is gone")


def ended(machine: Iterator[Effect[Any]]) -> Any:
    """What a machine ends with."""
    while True:
        try:
            next(machine)
        except StopIteration as end:
            return end.value


def outcome_of(machine: Iterator[Effect[Any]]) -> str:
    """How a machine ends: a code, or that something was done, or that there was nothing to do."""
    try:
        answer = ended(machine)
    except Refusal as refusal:
        return refusal.code
    if answer is None:
        return "nothing"
    return answer.refusal.code if hasattr(answer, "refusal") else "done"


@pytest.mark.parametrize("first", MACHINES)
@pytest.mark.parametrize("second", MACHINES)
def test_two_at_one_entry_do_one_after_the_other(first: str, second: str) -> None:
    """At whichever effect the first one waits while the second runs: both are done in an order, or one tries again."""
    place, ends = 0, False
    while not ends:
        exchange = arrived()
        waiting = run(MACHINES[first](), exchange)
        for _ in range(place + 1):
            ends = next(waiting, None) is None
        quick = outcome_of(run(MACHINES[second](), exchange))
        slow = "done" if ends else outcome_of(waiting)
        entry, store = exchange.store.entries[ENTRY], exchange.store
        done = [quick, slow].count("done")
        assert {quick, slow} <= {"done", "nothing", "message-in-flight", "event-out-of-order"}, (
            place,
            quick,
            slow,
        )
        assert done >= 1
        assert store.head.size == len(store.items) == len(store.units)
        assert len(entry.history) <= done
        assert not exchange.reserved
        place += 1
    assert place > 4


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("fault", [GONE, Refusal("store-full", "no room"), OSError("broken")])
def test_a_failure_acknowledges_nothing(name: str, fault: Exception) -> None:
    """Whichever effect fails: nothing is stored, nothing stays reserved, and then the same is done."""
    for kind in (Look, VerifyReport, Reserve, FindEntry, Seal, Commit):
        exchange = arrived()
        if kind is VerifyReport and name != "report":
            continue
        exchange.fails[kind] = fault
        if isinstance(fault, Refusal):
            assert outcome_of(run(MACHINES[name](), exchange)) == fault.code
        else:
            with pytest.raises(OSError, match="broken"):
                ended(run(MACHINES[name](), exchange))
        assert not exchange.reserved
        assert exchange.store.head.size == 1
        exchange.fails.clear()
        assert outcome_of(run(MACHINES[name](), exchange)) == "done"


@pytest.mark.parametrize("name", MACHINES)
def test_a_crash_at_any_effect_asks_for_nothing(name: str) -> None:
    """Nothing is released or stored on the way out; a new process does it, or finds it done."""
    place, ended_well = 0, False
    while not ended_well:
        exchange = arrived()
        machine, steps = MACHINES[name](), 0
        effect: Effect[Any] | None = next(machine)
        while effect is not None and steps < place:
            effect, steps = next_of(machine, exchange.perform(effect)), steps + 1
        performed = len(exchange.performed)
        machine.close()
        ended_well = effect is None
        assert len(exchange.performed) == performed
        after = Exchange(exchange.store)
        assert outcome_of(run(MACHINES[name](), after)) in {"done", "nothing"}
        assert exchange.store.head.size == 2
        place += 1


def next_of(machine: Any, result: Any) -> Effect[Any] | None:
    """The next effect of a machine; None at its end."""
    try:
        effect: Effect[Any] = machine.send(result)
    except StopIteration:
        return None
    return effect
