"""Whether the generator did what was planned, so that its measurements may be judged at all.

Rule kept here: a gate is about the generator, never about the server. An overloaded server sheds, refuses and answers
late, and none of that closes a gate; only what the generator did late, lost, left out or could not see does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from loadtests.harness.objectives import told_s, told_share

LATENESS_MAX_S: Final = 0.010
LATENESS_SHARE_MAX: Final = 0.10  # of the tightest objective
STRAYED_MAX: Final = 0.01
STALL_MAX_S: Final = 1.0
STALLED_SHARE_MAX: Final = 0.01  # of the time of all workers
CLOCK_SKEW_MAX_S: Final = 0.010


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at, whatever was found.

    Args:
        name: What, such as ``generator: lateness``.
        passed: None where it cannot be told, or where there is nothing to pass.
        text: Figures and bounds, for people.
    """

    name: str
    passed: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Generator:
    """What the generator did, as far as its right to judge goes.

    Args:
        lateness_s_p99: 99th percentile of sent - due; NaN or +inf where nothing was sent.
        lateness_bound_s: See ``lateness_bound_s``.
        stalls: When a worker's watchdog came late, and by how much, s; of all workers.
        workers: How many there were.
        lost: Those that ended without a last word, by number or otherwise.
        report_gaps: Workers of which a numbered report is missing.
        planned: Arrivals of the schedule.
        sent_or_shed: How many of them were sent or shed.
        duration_s: Length of the schedule.
        rate_off_share: How far the sent load strayed from the schedule otherwise, as a share.
        bank_empty_s: When a worker had no unique message left, s; None: never.
        receipts_left: Receipts that nobody has checked.
        skew_s_max: Largest difference between a worker's clock and the master's.
        clock_skew_bound_s: What is tolerated of that.
        warmup_stationary: False: the judged time began before the server had settled; None: cannot be told.
        warmup_text: The finding, for people.
        sheds: Arrivals shed at the cap of what may be under way, in time: the server's misses.
        sheds_late: Arrivals shed while the generator was late itself: its own fault.
        drained: Nothing was under way any more at the end.
        audit_available: The exchange was asked what it has.
        audit_demanded: The plan says that it must be.
        not_sent: Arrivals whose time never came.
    """

    lateness_s_p99: float
    lateness_bound_s: float
    planned: int
    sent_or_shed: int
    duration_s: float
    workers: int = 1
    stalls: Sequence[tuple[float, float]] = ()
    lost: Sequence[int | str] = ()
    report_gaps: int = 0
    rate_off_share: float = 0.0
    bank_empty_s: float | None = None
    receipts_left: int = 0
    skew_s_max: float = 0.0
    clock_skew_bound_s: float = CLOCK_SKEW_MAX_S
    warmup_stationary: bool | None = None
    warmup_text: str = "not looked at"
    sheds: int = 0
    sheds_late: int = 0
    drained: bool = True
    audit_available: bool = True
    audit_demanded: bool = False
    not_sent: int = 0


def lateness_bound_s(bounds_s: Iterable[float]) -> float:
    """Return how late a generator may send: the smaller of 10 ms and 10 % of the tightest objective.

    Args:
        bounds_s: Those of the objectives; what is not finite does not count.
    """
    finite = [one for one in bounds_s if math.isfinite(one)]
    return min(LATENESS_MAX_S, LATENESS_SHARE_MAX * min(finite, default=math.inf))


def gates(generator: Generator) -> Iterator[tuple[str, Check]]:
    """Check the generator; an empty code is for what is told and decides nothing."""
    yield "late", _late(generator)
    yield "stalled", _stalled(generator)
    lost, workers = generator.lost, generator.workers
    yield (
        "worker-lost",
        Check(
            "generator: workers",
            not lost,
            f"{len(lost)} of {workers} workers were lost"
            + (f": {', '.join(map(str, lost))}" if lost else ""),
        ),
    )
    yield (
        "report-lost",
        Check(
            "generator: reports",
            not generator.report_gaps,
            f"reports are missing of {generator.report_gaps} workers",
        ),
    )
    yield "strayed", _strayed(generator)
    empty = generator.bank_empty_s
    text = (
        "unique messages did not run out"
        if empty is None
        else f"no unique message was left after {empty:.1f} s"
    )
    yield "bank-empty", Check("generator: bank of messages", empty is None, text)
    left = generator.receipts_left
    yield "receipts-left", Check("generator: receipts", not left, f"{left} receipts were left unchecked")
    yield (
        "clock-skew",
        Check(
            "generator: clocks",
            generator.skew_s_max <= generator.clock_skew_bound_s,
            f"clocks differ by {told_s(generator.skew_s_max)} at most; "
            f"{told_s(generator.clock_skew_bound_s)} is tolerated",
        ),
    )
    yield "warm-up", Check("generator: warm-up", generator.warmup_stationary, generator.warmup_text)
    yield "audit-missing", _audit(generator)
    yield "", _sheds(generator)
    text = (
        "nothing was under way at the end"
        if generator.drained
        else ("messages were under way when the drain was over: they count as misses")
    )
    yield "", Check("server: drain", True if generator.drained else None, text)


def _late(generator: Generator) -> Check:
    late, bound = generator.lateness_s_p99, generator.lateness_bound_s
    name = "generator: lateness"
    if not math.isfinite(late) and generator.sheds:
        return Check(name, None, f"nothing was sent: all was shed; {told_s(bound)} is tolerated")
    if not math.isfinite(late):
        return Check(name, False, "nothing was sent, so nothing is known of the generator's lateness")
    return Check(name, late <= bound, f"p99 of lateness is {told_s(late)}; {told_s(bound)} is tolerated")


def _stalled(generator: Generator) -> Check:
    late_s = [late for _, late in generator.stalls]
    worst, share = max(late_s, default=0.0), sum(late_s) / max(generator.duration_s * generator.workers, 1e-9)
    text = (
        f"{len(late_s)} stalls, the longest {told_s(worst)}, {told_share(share)} of the time; "
        f"{told_s(STALL_MAX_S)} and {told_share(STALLED_SHARE_MAX)} are tolerated"
    )
    return Check("generator: stalls", worst <= STALL_MAX_S and share <= STALLED_SHARE_MAX, text)


def _strayed(generator: Generator) -> Check:
    planned, late = generator.planned, generator.sheds_late
    name = "generator: schedule"
    if not planned:
        return Check(name, False, "the schedule has no arrival: nothing was measured")
    undone = max(abs(planned - generator.sent_or_shed), generator.not_sent) + late
    share = max(undone / planned, generator.rate_off_share)
    text = (
        f"of {planned} planned arrivals {generator.sent_or_shed} were sent or shed, "
        f"{generator.not_sent} were never due, {late} shed while the generator was late: "
        f"{told_share(share)} off the schedule; {told_share(STRAYED_MAX)} is tolerated"
    )
    return Check(name, share <= STRAYED_MAX, text)


def _audit(generator: Generator) -> Check:
    name = "generator: audit"
    if generator.audit_available:
        return Check(name, True, "the exchange was asked what it has")
    if generator.audit_demanded:
        return Check(name, False, "an audit was demanded, and the exchange could not be asked what it has")
    return Check(
        name, None, "the exchange was not asked what it has: the ledger rests on what recipients saw"
    )


def _sheds(generator: Generator) -> Check:
    if not generator.sheds:
        return Check("server: shed arrivals", True, "none was shed while the generator was in time")
    text = f"{generator.sheds} arrivals were shed at the cap while the generator was in time: the server's misses"
    return Check("server: shed arrivals", None, text)
