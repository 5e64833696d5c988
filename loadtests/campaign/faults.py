"""Faults on the timeline of a run: what is to be done to a server that we started, and what was done when.

Rule kept here: faults of one run do not overlap, each is undone however the run ends, and the times that count are
those that were recorded when it took effect, in seconds since T0.

    freeze 2s at 4s                   the server's process is stopped (SIGSTOP) and goes on
    kill at 10s restart after 1s      it is killed (SIGKILL) and started again on the same port
    slow 200ms from 5s to 10s         every request takes 200 ms longer on its way
    cut from 5s to 6s                 connections are reset, new ones too
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, Protocol

from sim.errors import CongvanError, InputError
from sim.units import Dimension, read

_TIME: Final = r"(\d[\d.]*\s*[a-z]+)"
_HINT: Final = (
    'one of "freeze 2s at 4s", "kill at 10s restart after 1s", "slow 200ms from 5s to 10s", '
    '"cut from 5s to 6s"'
)


class FaultKind(StrEnum):
    """What is done to the server."""

    FREEZE = "freeze"
    KILL = "kill"
    SLOW = "slow"
    CUT = "cut"


_FORMS: Final = {
    FaultKind.FREEZE: re.compile(rf"freeze {_TIME} at {_TIME}"),
    FaultKind.KILL: re.compile(rf"kill at {_TIME} restart after {_TIME}"),
    FaultKind.SLOW: re.compile(rf"slow {_TIME} from {_TIME} to {_TIME}"),
    FaultKind.CUT: re.compile(rf"cut from {_TIME} to {_TIME}"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Args:
        kind: What is done.
        at_s: When it begins, s since T0.
        until_s: When it is undone.
        delay_s: For ``slow``: how much longer a request takes.
        text: As it was written.
    """

    kind: FaultKind
    at_s: float
    until_s: float
    delay_s: float
    text: str

    def end_s(self, begun_s: float) -> float:
        """When to undo it, s since T0: a freeze and a pause before a restart last as long as was said.

        Args:
            begun_s: When it began, perhaps late.
        """
        return self.until_s if self.needs_proxy else begun_s + self.until_s - self.at_s

    @property
    def needs_proxy(self) -> bool:
        """True where the network is to be changed, not the process."""
        return self.kind in {FaultKind.SLOW, FaultKind.CUT}

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read a fault.

        Raises:
            InputError: ``E-FAULT``.
        """
        tidy = " ".join(text.lower().split())
        for kind, form in _FORMS.items():
            if found := form.fullmatch(tidy):
                return cls._of(kind, [_seconds(one, text) for one in found.groups()], text)
        raise InputError("E-FAULT", f"found --fault {text!r}", _HINT)

    @classmethod
    def _of(cls, kind: FaultKind, times_s: list[float], text: str) -> Fault:
        delay_s = 0.0
        match kind:
            case FaultKind.FREEZE:
                length_s, at_s = times_s
                until_s = at_s + length_s
            case FaultKind.KILL:
                at_s, after_s = times_s
                until_s = at_s + after_s
            case FaultKind.SLOW:
                delay_s, at_s, until_s = times_s
            case FaultKind.CUT:
                at_s, until_s = times_s
        if kind is not FaultKind.KILL and until_s <= at_s:
            raise InputError("E-FAULT", f"found --fault {text!r}, which ends before it begins", _HINT)
        return cls(kind, at_s, until_s, delay_s, " ".join(text.split()))


def timeline(texts: Sequence[str], duration_s: float) -> tuple[Fault, ...]:
    """The faults of a run in the order of their times.

    Args:
        texts: As written.
        duration_s: Length of the run's schedule.

    Raises:
        InputError: ``E-FAULT``: one does not parse, two overlap, or one ends after the schedule.
    """
    found = sorted((Fault.parse(one) for one in texts), key=lambda one: one.at_s)
    for one in found:
        if one.until_s > duration_s:
            hint = f"the schedule ends after {duration_s:g} s; a fault that ends later shows no recovery"
            raise InputError("E-FAULT", f"found --fault {one.text!r}", hint)
    for one, other in pairwise(found):
        if other.at_s < one.until_s:
            hint = "one fault at a time, so that what follows can be told apart"
            raise InputError("E-FAULT", f"found {one.text!r} and {other.text!r}, which overlap", hint)
    return tuple(found)


class Victim(Protocol):
    """What faults are done to; each method returns when it has taken effect."""

    def freeze(self) -> None:
        """Stop the process where it stands."""

    def thaw(self) -> None:
        """Let it go on."""

    def kill(self) -> None:
        """End it without a word."""

    def restart(self) -> None:
        """Start it again at the same address, and wait until it takes connections."""

    def slow(self, delay_s: float) -> None:
        """Make every request take so much longer."""

    def cut(self) -> None:
        """Cut the network."""

    def clear(self) -> None:
        """Make the network whole and fast again."""


class Timeline:
    """Does the faults of a run when they are due, in a thread of its own.

    Args:
        faults: In the order of their times.
        victim: What they are done to.
        t0_unix: T0 of the run, s since the epoch.
        clock: s since the epoch.
    """

    def __init__(
        self, faults: Sequence[Fault], victim: Victim, t0_unix: float, clock: Callable[[], float]
    ) -> None:
        self._faults, self._victim, self._t0, self._clock = faults, victim, t0_unix, clock
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults")
        self.records: list[dict[str, Any]] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Undo what is being done, do nothing more, and wait for the end."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        for fault in self._faults:
            if not self._wait(fault.at_s):
                return
            record: dict[str, Any] = {
                "kind": str(fault.kind),
                "at_s": fault.at_s,
                "until_s": fault.until_s,
                "detail": fault.text,
            }
            self.records.append(record)
            try:
                # A kill has its effect during the call, so its time is taken before; so has the end of a freeze.
                record["recorded_from_s"] = self._clock() - self._t0
                self._begin(fault)
                self._wait(fault.end_s(record["recorded_from_s"]))
                self._end(fault)
                record["recorded_until_s"] = self._clock() - self._t0
            except CongvanError as error:
                record["recorded_until_s"] = None
                record["detail"] += f"; it went wrong: {error}"
                return

    def _wait(self, until_s: float) -> bool:
        """Wait until a time; False where the run has ended before."""
        return not self._stopped.wait(max(0.0, self._t0 + until_s - self._clock()))

    def _begin(self, fault: Fault) -> None:
        match fault.kind:
            case FaultKind.FREEZE:
                self._victim.freeze()
            case FaultKind.KILL:
                self._victim.kill()
            case FaultKind.SLOW:
                self._victim.slow(fault.delay_s)
            case FaultKind.CUT:
                self._victim.cut()

    def _end(self, fault: Fault) -> None:
        match fault.kind:
            case FaultKind.FREEZE:
                self._victim.thaw()
            case FaultKind.KILL:
                self._victim.restart()
            case FaultKind.SLOW | FaultKind.CUT:
                self._victim.clear()


def _seconds(text: str, whole: str) -> float:
    try:
        value = read(text, Dimension.DURATION).value
    except InputError as error:
        raise InputError("E-FAULT", f"found --fault {whole!r}: {error.message}", _HINT) from None
    if not math.isfinite(value):
        raise InputError("E-FAULT", f"found --fault {whole!r}", _HINT)
    return value
