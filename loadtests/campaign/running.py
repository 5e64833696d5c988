"""One load run, from a plan to a directory that holds its verdict.

Rule kept here: whatever happens, what was started is ended and what was recorded is kept; the steps come in the order
of the contract: generate, sample and break meanwhile, audit after the drain, conclude.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from loadtests.adapters.base import Adapter
from loadtests.campaign.auditing import Sampler, audit, doubtful
from loadtests.campaign.directory import RunFolder
from loadtests.campaign.faults import Fault, Timeline, Victim
from loadtests.campaign.generating import Bounds, Generator, Progress, locust_command
from loadtests.campaign.raw import recorded
from loadtests.harness.plan import Plan
from sim import runs
from sim.errors import RunError

ARRIVALS: Final = "arrivals.npy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one run works with.

    Args:
        folder: Of the run, with plan and schedule in it.
        plan: The plan.
        messages: Length of the schedule.
        adapter: Set up, to ask the exchange with.
        faults: What is done to the server meanwhile.
        victim: The server that we started; None for one of others.
        foreign_expected: Messages of other runs that it holds; None where nobody looked.
        audit_demanded: A run whose exchange was not asked afterwards is worth nothing.
        context: What else the summary shall say: ``command``, ``title``, ``started_utc``, ``described``,
            ``store_messages``.
        generator: The generator's command for a plan.
    """

    folder: RunFolder
    plan: Plan
    messages: int
    adapter: Adapter
    faults: Sequence[Fault]
    victim: Victim | None
    foreign_expected: int | None
    audit_demanded: bool
    context: dict[str, Any]
    generator: Callable[[Plan], Sequence[str]] = locust_command


def execute(job: Job, progress: Progress, clock: Callable[[], float] = time.time) -> bool:
    """Send a plan's schedule and keep what came of it in ``raw/``; True where it was interrupted.

    Args:
        job: What to do.
        progress: Told how far it is.
        clock: s since the epoch, UTC.

    Raises:
        RunError: ``E-GENERATOR``: nothing was recorded.
    """
    folder, plan = job.folder, job.plan
    folder.write_raw("context.json", job.context)
    interrupted = False
    bounds = Bounds.of(plan, job.messages)
    t0: float | None = None
    timeline: Timeline | None = None
    with (
        Sampler(job.adapter, plan.target, clock) as sampler,
        Generator(job.generator(plan), folder) as generator,
    ):
        try:
            t0 = generator.t0(bounds.prepare_s, progress)
            if job.faults and job.victim is not None:
                timeline = Timeline(job.faults, job.victim, t0, clock)
                timeline.start()
            generator.wait(max(0.0, t0 - clock()) + bounds.run_s, _told(progress, plan, t0, clock))
        except KeyboardInterrupt:
            interrupted = True
            generator.wind_up(plan.drain_s + plan.timeout_s)
        finally:
            if timeline is not None:
                timeline.stop()
    if t0 is not None:
        folder.write_raw("metrics.json", sampler.since(t0))
    folder.write_raw("faults.json", timeline.records if timeline is not None else [])
    if not (folder.raw / ARRIVALS).exists():
        log = folder.generator_log_path
        raise RunError("E-GENERATOR", "the generator recorded nothing", f"what it told: {log}")
    progress(plan.duration_s, plan.duration_s, "asking the exchange what arrived")
    audited = audit(job.adapter, plan.target, doubtful(recorded(folder, "delivery")))
    audited.write(folder, job.foreign_expected, demanded=job.audit_demanded)
    return interrupted


def _told(progress: Progress, plan: Plan, t0: float, clock: Callable[[], float]) -> Callable[[], None]:
    def told() -> None:
        at_s = clock() - t0
        if at_s < plan.warmup_s:
            phase = "warming up"
        elif at_s < plan.duration_s:
            phase = "sending"
        else:
            phase = "waiting for what is open"
        progress(min(max(at_s, 0.0), plan.duration_s), plan.duration_s, phase)

    return told


def started_utc() -> str:
    """Now, as ISO 8601."""
    return f"{runs.utc_now():%Y-%m-%dT%H:%M:%SZ}"
