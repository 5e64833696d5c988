"""The verdict on a run: PASS, FAIL, INCONCLUSIVE or INVALID, with every reason and every check that led to it.

Rule kept here: INVALID is about the generator only, and a server's fault is never called that. The order is: a loss (or
another fault) that receipts prove is FAIL whatever else; a generator that did not do what was planned makes the run
INVALID; an objective proved to be missed, or a fault in the ledger, is FAIL; an objective that is neither proved nor
refuted makes it INCONCLUSIVE; what is left is PASS. Reasons of lesser rank are told, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from loadtests.harness.ledger import Finding
from loadtests.harness.objectives import Judged, told_s
from loadtests.harness.validity import Check, Generator, gates, lateness_bound_s

__all__ = ["Check", "Generator", "Outcome", "Reason", "Verdict", "decide", "lateness_bound_s"]


class Outcome(StrEnum):
    """What a run ends in."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"

    @property
    def exit_code(self) -> int:
        """Exit code of the process that ran the load; 2 is kept for wrong input."""
        return {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.INVALID: 3, Outcome.INCONCLUSIVE: 4}[self]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a run cannot end better than in ``outcome``.

    Args:
        code: ``late``, ``stalled``, ``worker-lost``, ``report-lost``, ``strayed``, ``bank-empty``, ``receipts-left``,
            ``clock-skew``, ``warm-up``, ``audit-missing``, ``objective-missed``, ``objective-open``, a code of the
            ledger, or ``held`` for a pass.
        outcome: What it leads to.
        text: Figures and bounds, for people.
    """

    code: str
    outcome: Outcome
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run ends in, and why.

    Args:
        outcome: The verdict.
        reasons: All reasons against a pass, those that decided first; for a pass the one that says what held.
        checks: All that was looked at.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    checks: tuple[Check, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "outcome": self.outcome.value,
            "exit_code": self.outcome.exit_code,
            "reasons": [{**asdict(one), "outcome": one.outcome.value} for one in self.reasons],
            "checks": [asdict(one) for one in self.checks],
        }


def decide(generator: Generator, judged: Sequence[Judged], findings: Sequence[Finding]) -> Verdict:
    """Decide what a run ends in.

    Args:
        generator: What the generator did.
        judged: The objectives; none is allowed: then ledger and validity decide alone.
        findings: What the ledger says; those with a count of 0 are checks that passed.
    """
    checks: list[Check] = []
    against: list[tuple[int, Reason]] = []
    for finding in findings:
        checks.append(Check(f"ledger: {finding.code}", not finding.count, finding.text))
        if finding.count:
            against.append((0 if finding.proved else 2, Reason(finding.code, Outcome.FAIL, finding.text)))
    for code, check in gates(generator):
        checks.append(check)
        if code and check.passed is False:
            against.append((1, Reason(code, Outcome.INVALID, check.text)))
    for one in judged:
        text = f"{one.text}: {_told(one)}"
        checks.append(Check(f"objective: {one.text}", one.met, text))
        if one.met is False:
            against.append((2, Reason("objective-missed", Outcome.FAIL, text)))
        elif one.met is None:
            against.append((3, Reason("objective-open", Outcome.INCONCLUSIVE, text)))
    reasons = tuple(reason for _, reason in sorted(against, key=lambda one: one[0])) or (_held(len(judged)),)
    return Verdict(reasons[0].outcome, reasons, tuple(checks))


def _held(objectives: int) -> Reason:
    if not objectives:
        text = "no objective was given: the ledger holds and the generator kept its schedule, of times nothing is said"
    else:
        told = "the objective holds" if objectives == 1 else f"all {objectives} objectives hold"
        text = f"{told}, the ledger holds, and the generator kept its schedule"
    return Reason("held", Outcome.PASS, text)


def _told(one: Judged) -> str:
    if not one.samples or not math.isfinite(one.bound_s):
        return one.why
    if one.percentile >= 100:
        return f"maximum {told_s(one.estimate_s)}; {one.why}"
    if not math.isfinite(one.estimate_s):
        return f"p{one.percentile:g} lies among those that got no answer; {one.why}"
    interval = (
        f"between {told_s(one.low_s)} and {told_s(one.high_s)}"
        if math.isfinite(one.high_s)
        else (f"at least {told_s(one.low_s)}")
    )
    return f"p{one.percentile:g} {told_s(one.estimate_s)}, {interval}; {one.why}"
