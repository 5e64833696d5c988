"""Faults: how they are written, and that each is done and undone on the timeline of a run."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.campaign.faults import Fault, FaultKind, Timeline, timeline
from sim.errors import InputError, RunError


@pytest.mark.parametrize(
    ("text", "kind", "at_s", "until_s", "delay_s"),
    [
        ("freeze 2s at 4s", FaultKind.FREEZE, 4.0, 6.0, 0.0),
        ("Freeze  500 ms at 1.5 s", FaultKind.FREEZE, 1.5, 2.0, 0.0),
        ("kill at 10s restart after 1s", FaultKind.KILL, 10.0, 11.0, 0.0),
        ("slow 200ms from 5s to 10s", FaultKind.SLOW, 5.0, 10.0, 0.2),
        ("cut from 1min to 2 min", FaultKind.CUT, 60.0, 120.0, 0.0),
    ],
)
def test_parses(text: str, kind: FaultKind, at_s: float, until_s: float, delay_s: float) -> None:
    """Each form is read with its times in seconds."""
    found = Fault.parse(text)
    assert found.kind is kind
    assert (found.at_s, found.until_s, found.delay_s) == pytest.approx((at_s, until_s, delay_s))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "freeze",
        "freeze 2 at 4s",
        "freeze 2s at 4 parsecs",
        "freeze 0s at 4s",
        "cut from 6s to 5s",
        "cut from 5s to 5s",
        "kill at 10s",
        "slow from 5s to 6s",
        "burn 2s at 4s",
        "freeze 1.2.3s at 4s",
    ],
)
def test_refuses(text: str) -> None:
    """What is no fault is refused, and all forms are named."""
    with pytest.raises(InputError) as refused:
        Fault.parse(text)
    assert refused.value.code == "E-FAULT"
    assert "freeze 2s at 4s" in refused.value.hint


@given(st.text(max_size=40))
def test_never_crashes(text: str) -> None:
    """Any text is a fault or is refused as wrong input."""
    with suppress(InputError):
        assert Fault.parse(text).until_s >= 0


def test_timeline_is_sorted() -> None:
    """Faults come in the order of their times, however they were given."""
    found = timeline(["cut from 5s to 6s", "freeze 2s at 1s"], 10.0)
    assert [one.kind for one in found] == [FaultKind.FREEZE, FaultKind.CUT]


@pytest.mark.parametrize("texts", [["freeze 2s at 9s"], ["cut from 1s to 3s", "freeze 1s at 2s"]])
def test_timeline_refuses(texts: list[str]) -> None:
    """A fault beyond the schedule and two at a time are refused."""
    with pytest.raises(InputError) as refused:
        timeline(texts, 10.0)
    assert refused.value.code == "E-FAULT"


@dataclass
class Noted:
    """A victim that notes what is done to it."""

    done: list[str] = field(default_factory=list)
    fails: str = ""

    def _note(self, what: str) -> None:
        self.done.append(what)
        if what == self.fails:
            raise RunError("E-SERVER", "it did not come up")

    def freeze(self) -> None:
        """Note it."""
        self._note("freeze")

    def thaw(self) -> None:
        """Note it."""
        self._note("thaw")

    def kill(self) -> None:
        """Note it."""
        self._note("kill")

    def restart(self) -> None:
        """Note it."""
        self._note("restart")

    def slow(self, delay_s: float) -> None:
        """Note it."""
        self._note(f"slow {delay_s}")

    def cut(self) -> None:
        """Note it."""
        self._note("cut")

    def clear(self) -> None:
        """Note it."""
        self._note("clear")


def _run(texts: list[str], victim: Noted, *, stop_after_s: float | None = None) -> Timeline:
    made = Timeline(timeline(texts, 3600.0), victim, time.time(), time.time)
    made.start()
    if stop_after_s is None:
        made._thread.join(20.0)
    else:
        time.sleep(stop_after_s)
    made.stop()
    return made


def test_does_and_undoes_in_order() -> None:
    """Every fault is done and undone, and recorded no earlier than planned."""
    victim = Noted()
    texts = [
        "freeze 10ms at 10ms",
        "kill at 30ms restart after 5ms",
        "slow 200ms from 40ms to 50ms",
        "cut from 60ms to 70ms",
    ]
    made = _run(texts, victim)
    assert victim.done == ["freeze", "thaw", "kill", "restart", "slow 0.2", "clear", "cut", "clear"]
    for record in made.records:
        assert record["recorded_from_s"] >= record["at_s"] - 1e-3
        assert record["recorded_until_s"] >= record["until_s"] - 1e-3


def test_a_late_freeze_is_as_long_as_was_said() -> None:
    """A freeze that begins late ends later; what is said from and to ends when it was said."""
    assert Fault.parse("freeze 2s at 4s").end_s(4.5) == pytest.approx(6.5)
    assert Fault.parse("kill at 4s restart after 1s").end_s(4.5) == pytest.approx(5.5)
    assert Fault.parse("cut from 4s to 5s").end_s(4.5) == pytest.approx(5.0)


def test_undoes_when_the_run_ends_early() -> None:
    """A frozen server goes on when the run is broken off, and faults that are still to come are not done."""
    victim = Noted()
    _run(["freeze 10min at 0s", "kill at 20min restart after 1s"], victim, stop_after_s=0.2)
    assert victim.done == ["freeze", "thaw"]


def test_tells_what_went_wrong() -> None:
    """A server that does not come up again is told in the record, and ends the faults."""
    victim = Noted(fails="restart")
    made = _run(["kill at 0s restart after 1ms", "cut from 10ms to 20ms"], victim)
    assert victim.done == ["kill", "restart"]
    assert made.records[0]["recorded_until_s"] is None
    assert "E-SERVER" in made.records[0]["detail"]
