"""What a search asks, what it is answered, and what it may be told beforehand.

Rule kept here: plain values; a probe is one whole run at one rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from loadtests.harness.verdict import Outcome
from sim.errors import InputError


class Phase(StrEnum):
    """What a probe is for."""

    CEILING = "ceiling"  # of the generator, against a null server
    WIDEN = "widen"  # until a rate that holds and one that does not are known
    BISECT = "bisect"  # between the two, and their re-tests
    RECOVER = "recover"  # a low rate right after one that was too high
    CONFIRM = "confirm"  # fresh seeds at the rate found, on the preloaded store


@dataclass(frozen=True, slots=True)
class Ask:
    """One run that is asked for.

    Args:
        rate_per_s: Messages per second.
        duration_s: Judged time; a warm-up comes on top.
        seed: Of the schedule; no two probes of a search have the same.
        phase: What it is for.
        preloaded: On a store that is already filled.
    """

    rate_per_s: float
    duration_s: float
    seed: int
    phase: Phase
    preloaded: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of it.

    Args:
        ask: What was asked.
        outcome: The run's verdict.
        achieved_per_s: Completed messages per second.
        response_s: The objective's percentile of the response; inf where it falls among the misses, NaN unknown.
        low_s: Lower end of its interval.
        high_s: Upper end of its interval.
        backlog_slope_per_s: Growth of what is under way, see ``backlog_slope``; NaN where not recorded.
        backlog_error_per_s: Its standard error.
        leans: Where it is INCONCLUSIVE: the estimates themselves are within all bounds; ``None`` unknown.
        text: Why, in a few words.
        run: Where the run is kept; may be empty.
    """

    ask: Ask
    outcome: Outcome
    achieved_per_s: float = math.nan
    response_s: float = math.nan
    low_s: float = math.nan
    high_s: float = math.nan
    backlog_slope_per_s: float = math.nan
    backlog_error_per_s: float = math.nan
    leans: bool | None = None
    text: str = ""
    run: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain data for JSON; what is not finite is null."""
        return {
            "rate": self.ask.rate_per_s,
            "outcome": str(self.outcome),
            "p99_s": number(self.response_s),
            "low_s": number(self.low_s),
            "high_s": number(self.high_s),
            "achieved_per_s": number(self.achieved_per_s),
            "backlog_slope_per_s": number(self.backlog_slope_per_s),
            "backlog_error_per_s": number(self.backlog_error_per_s),
            "phase": str(self.ask.phase),
            "seed": self.ask.seed,
            "duration_s": self.ask.duration_s,
            "text": self.text,
            "run": self.run,
        }


@dataclass(frozen=True, slots=True)
class Settings:
    """How a search goes.

    Args:
        start_per_s: First rate.
        least_per_s: A search that must go below this ends: nothing holds.
        most_per_s: Nothing above this is asked.
        growth: Factor of widening, above 1.
        tolerance: Relative width of the interval at which it is narrow enough.
        probe_s: Judged time of a probe.
        ceiling_s: Judged time of a probe of the generator alone: whether it keeps a schedule shows within seconds.
        retest_factor: A re-test lasts so many times longer.
        longest_s: But no longer than this.
        votes_max: Probes at one rate at most, those that do not count left out.
        unsure_max: After so many INCONCLUSIVE probes at one rate their estimates decide; what they decide is proved, or
            not, by the confirmation.
        lead: By so many votes the two ends of the interval must be decided.
        invalid_retries: So often a probe that does not count is repeated.
        confirm_s: Judged time of each confirmation.
        confirm_seeds: Confirmations that must hold, 3 at least.
        confirm_rounds: Rates at which a confirmation is tried, each lower than the one before.
        backlog_alpha: Share of steady backlogs that may be called growing by a confirmation.
        budget_s: Time for everything.
        probes_max: Probes at most.
        seed: Of the first probe; the next has the next.
    """

    start_per_s: float = 10.0
    least_per_s: float = 0.1
    most_per_s: float = math.inf
    growth: float = 2.0
    tolerance: float = 0.05
    probe_s: float = 20.0
    ceiling_s: float = 5.0
    retest_factor: float = 2.0
    longest_s: float = 120.0
    votes_max: int = 5
    unsure_max: int = 3
    lead: int = 2
    invalid_retries: int = 2
    confirm_s: float = 120.0
    confirm_seeds: int = 3
    confirm_rounds: int = 6
    backlog_alpha: float = 0.01
    budget_s: float = 3600.0
    probes_max: int = 120
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what no search can be made with.

        Raises:
            InputError: ``E-SEARCH``.
        """
        right = {
            "rates": 0 < self.least_per_s <= self.start_per_s <= self.most_per_s,
            "growth": self.growth > 1,
            "tolerance": 0 < self.tolerance < 1,
            "durations": min(self.probe_s, self.ceiling_s, self.confirm_s) > 0 and self.retest_factor >= 1,
            "votes": self.votes_max >= self.lead >= 1 and self.unsure_max >= 1,
            "confirm_seeds": self.confirm_seeds >= 3 and self.confirm_rounds >= 1,
            "budget_s": self.budget_s > 0,
        }
        wrong = ", ".join(name for name, holds in right.items() if not holds)
        if wrong:
            hint = "rates above 0 and in order, growth above 1, tolerance between 0 and 1, at least 3 seeds"
            raise InputError("E-SEARCH", f"a search cannot have such {wrong}", hint)


def number(value: float | None) -> float | None:
    """For JSON: ``None`` for NaN and the infinities, which it does not have."""
    return float(value) if value is not None and math.isfinite(value) else None
