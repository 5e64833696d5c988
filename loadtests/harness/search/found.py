"""What a search has found, told so that nobody takes more from it than it says.

Rule kept here: a rate counts as found only with what it was tested by; "at least", "not confirmed" and "ran out of
time" stand in the sentence itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from loadtests.harness.search.asking import Phase, Probe, Settings, number
from loadtests.harness.search.backlog import grows
from loadtests.harness.verdict import Outcome


class Ended(StrEnum):
    """Why a search narrowed no further."""

    NARROW = "narrow"  # the interval is as narrow as was asked
    CEILING = "ceiling"  # the generator, or the bound that was set, can do no more
    INVALID = "invalid"  # the generator failed below its ceiling
    TIME = "time"
    PROBES = "probes"
    NOTHING = "nothing"  # not even the least rate holds


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curve of response against rate.

    Args:
        rate_per_s: Asked for.
        achieved_per_s: Completed.
        response_s: The objective's percentile; inf among misses.
        outcome: Verdict.
        phase: What the probe was for.
    """

    rate_per_s: float
    achieved_per_s: float
    response_s: float
    outcome: Outcome
    phase: Phase


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found.

    Args:
        last_pass: Highest rate that held, 1/s; ``None`` where none did.
        first_fail: Lowest rate above it that did not, or was not shown to, 1/s; ``None`` where none was seen.
        narrowed: The two ends as the short probes left them, before the confirmation.
        confirmed: Fresh seeds of ``confirm_s`` on the preloaded store held at ``last_pass``.
        at_least: No failing rate was reached: capacity is ``last_pass`` or more.
        ceiling: Of the generator against the null server, 1/s; ``None`` where it was not tried.
        recovered: At a low rate right after a failing one the server held again; ``None`` where not seen.
        ended: Why the narrowing ended.
        why: The same in words; empty for ``NARROW``.
        unconfirmed: Why there is no confirmation; empty where there is one.
        probes: All of them, in order.
        settings: How it was searched.
    """

    last_pass: float | None
    first_fail: float | None
    narrowed: tuple[float | None, float | None]
    confirmed: bool
    at_least: bool
    ceiling: float | None
    recovered: bool | None
    ended: Ended
    why: str
    unconfirmed: str
    probes: tuple[Probe, ...]
    settings: Settings

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """Highest rate that held and lowest that did not."""
        return self.last_pass, self.first_fail

    @property
    def curve(self) -> tuple[Point, ...]:
        """Response against rate, all valid probes of the server itself, by rate."""
        seen = [
            Point(one.ask.rate_per_s, one.achieved_per_s, one.response_s, one.outcome, one.ask.phase)
            for one in self.probes
            if one.ask.phase is not Phase.CEILING and one.outcome is not Outcome.INVALID
        ]
        return tuple(sorted(seen, key=lambda point: point.rate_per_s))

    @property
    def text(self) -> str:
        """All of it in a few sentences."""
        said = [self._head(), self._confirmation(), self.why and f"{self.why}."]
        if self.recovered is not None:
            said.append(
                "After the overload the server held a low rate again."
                if self.recovered
                else "After the overload the server did not hold even a low rate: what came next may be too low."
            )
        return " ".join(one for one in said if one)

    def _head(self) -> str:
        if self.last_pass is None:
            return "No rate was found at which the objective holds."
        if self.at_least:
            return f"The objective holds at {told(self.last_pass)}: capacity is at least that."
        until = f"the lowest at which it does not is {told(self.first_fail)}" if self.first_fail else ""
        between = ""
        if self.narrowed[0] != self.last_pass and None not in self.narrowed:
            between = f" Short probes saw the limit between {' and '.join(told(one) for one in self.narrowed if one)}."
        return f"The highest rate at which the objective holds is {told(self.last_pass)}; {until}.{between}"

    def _confirmation(self) -> str:
        if self.last_pass is None:
            return ""
        if not self.confirmed:
            return f"Not confirmed: {self.unconfirmed}."
        at = [
            one
            for one in self.probes
            if one.ask.phase is Phase.CONFIRM
            and one.ask.rate_per_s == self.last_pass
            and one.outcome is not Outcome.INVALID
        ]
        alpha = self.settings.backlog_alpha
        steady = [one for one in at if not grows(one.backlog_slope_per_s, one.backlog_error_per_s, alpha)]
        held, proved = sum(map(supports, steady)), sum(one.outcome is Outcome.PASS for one in steady)
        return (
            f"Confirmed on the preloaded store with fresh seeds of {length(self.settings.confirm_s)} each: "
            f"{held} of {len(at)} held, {proved} of them proved it{_backlog(at)}."
        )

    def to_json(self, objectives: Sequence[str] = ()) -> dict[str, Any]:
        """As the part ``search`` of a summary.

        Args:
            objectives: What was searched for, as given.
        """
        return {
            "objective": list(objectives),
            "probes": [one.to_json() for one in self.probes],
            "last_pass": number(self.last_pass),
            "first_fail": number(self.first_fail),
            "interval": [number(self.last_pass), number(self.first_fail)],
            "narrowed": [number(one) for one in self.narrowed],
            "at_least": self.at_least,
            "ceiling": number(self.ceiling),
            "confirmed": self.confirmed,
            "confirm_s": self.settings.confirm_s,
            "confirm_seeds": self.settings.confirm_seeds,
            "tolerance": self.settings.tolerance,
            "recovered": self.recovered,
            "ended": str(self.ended),
            "text": self.text,
        }


def supports(probe: Probe) -> bool:
    """A probe that held, or one that proved nothing but whose estimates are within the bounds."""
    return probe.outcome is Outcome.PASS or (probe.outcome is Outcome.INCONCLUSIVE and probe.leans is True)


def told(rate_per_s: float) -> str:
    """A rate for people: four digits."""
    return f"{rate_per_s:.4g}/s" if rate_per_s < 1e4 else f"{rate_per_s:,.0f}/s"


def length(seconds: float) -> str:
    """A duration for people."""
    return f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.3g} s"


def _backlog(at: Sequence[Probe]) -> str:
    if any(math.isnan(one.backlog_slope_per_s) for one in at):
        return "; the backlog was not recorded"
    return "; no growing backlog was shown"
