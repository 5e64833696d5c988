"""Life, network and clocks of the simulation do what they are said to do."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
import simpy

from loadtests.exchange.records import EntryKey, MessageKey
from tests.simulation.clocks import Clock
from tests.simulation.database import Weather
from tests.simulation.letters import BODIES
from tests.simulation.life import Doing, Life
from tests.simulation.network import AskHead, Collect, Network, Submit
from tests.simulation.odds import CLOCK_JUMP_S_MAX, STORM_S, Odds
from tests.simulation.trace import Trace, Violation, require
from tests.unit.loadtests.authorities import AT


def _network(env: simpy.Environment, **odds: Any) -> Network:
    calm = replace(Odds.drawn(Random(0)), loss=0.0, duplicates=0.0, cut=0.0, delay_s_mean=1.0)
    return Network(env, Weather(replace(calm, **odds), Random(1)), Trace(env))


def test_a_killed_program_does_nothing_any_more() -> None:
    """What it does at the same time ends with it, also what had not begun; others are told once."""
    env, done, ended = simpy.Environment(), list[str](), list[float]()
    life = Life(env, 2, "b", lambda: ended.append(env.now))

    def doing(name: str, at: float) -> Doing:
        yield env.timeout(at)
        done.append(name)
        life.step(name)
        yield env.timeout(1)
        done.append(f"{name} later")

    for name, at in (("a", 1.0), ("b", 2.0), ("b", 3.0), ("never", 4.0)):
        life.do(doing(name, at))
    env.run()
    assert (done, ended) == (["a", "b", "a later", "b"], [3.0])
    life.do(doing("after", 0.0))
    env.run()
    assert "after" not in done
    assert not life.alive


@pytest.mark.parametrize(("odds", "copies"), [({}, 1), ({"loss": 1.0}, 0), ({"duplicates": 1.0}, 2)])
def test_the_network_loses_and_duplicates(odds: dict[str, float], copies: int) -> None:
    """A request comes once, never or twice, and so does its answer."""
    env = simpy.Environment()
    network, served, taken = _network(env, **odds), list[object](), list[object]()

    def serve(request: object, reply: Any) -> None:
        served.append(request)
        assert reply("answer") is (copies > 0)

    network.serve = serve
    network.send(AskHead(), taken.append)
    env.run()
    assert served == [AskHead()] * copies
    assert taken == ["answer"] * copies**2


def test_the_network_reorders() -> None:
    """What is sent first does not always come first."""
    env = simpy.Environment()
    network, served = _network(env), list[object]()
    network.serve = lambda request, _reply: served.append(request)
    sent = [Collect(EntryKey(MessageKey("", str(number)), "")) for number in range(10)]
    for one in sent:
        network.send(one, lambda _answer: None)
    env.run()
    assert sorted(map(str, served)) == sorted(map(str, sent))
    assert served != sent


def test_a_connection_breaks_within_the_documents() -> None:
    """Before the first, between two, or after the last one."""
    env = simpy.Environment()
    network, cuts = _network(env, cut=1.0), set[int | None]()
    network.serve = lambda request, _reply: cuts.add(request.cut if isinstance(request, Submit) else None)
    for _ in range(40):
        network.send(Submit(b"", BODIES[:2]), lambda _answer: None)
    env.run()
    assert cuts == {0, 1, 2}


def test_a_clock_jumps_in_the_storm_and_is_right_after_it() -> None:
    """Forward and back, not further than it may."""
    env = simpy.Environment()
    off = set()
    clock = Clock(env, Random(3), 3)
    for moment in range(1, int(STORM_S) + 5):
        env.run(until=moment)
        off.add(clock.now() - AT - moment)
    assert clock.now() == AT + env.now
    assert len(off) == 4
    assert max(map(abs, off)) <= CLOCK_JUMP_S_MAX


def test_a_trace_is_what_was_noted() -> None:
    """Its digest tells two of them apart, and bytes stand in it by their digests."""
    traces = [Trace(simpy.Environment()) for _ in range(3)]
    for trace, content in zip(traces, (b"one", b"one", b"two"), strict=True):
        trace.note("receipt", "an id", content)
    digests = [trace.digest() for trace in traces]
    assert digests[0] == digests[1] != digests[2]
    assert "7692c3ad3540" in traces[0].text()  # of SHA-256 of "one"
    assert traces[0].counts == {"receipt": 1}


def test_a_broken_promise_says_which() -> None:
    """Nothing happens where it holds."""
    require(True, "all is well")
    with pytest.raises(Violation, match="all is well: 7"):
        require(False, "all is well", 7)
