"""From measured steps to judged objectives, and from workers' accounts to what is held against the generator.

Rule kept here: an objective about a step that the run has nothing of is open, never met; a worker that says nothing is
lost, never fine.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from loadtests.campaign.raw import Raw
from loadtests.harness.measures import Bools, Floats, Seen, Step
from loadtests.harness.objectives import Judged, Objective, judge
from loadtests.harness.plan import Plan, Signing
from loadtests.harness.records import State
from loadtests.harness.stationarity import settled
from loadtests.harness.validity import Generator, lateness_bound_s


def judge_all(plan: Plan, steps: Mapping[str, Step]) -> list[Judged]:
    """Judge every objective of the plan, each with draws of its own."""
    out = []
    for number, text in enumerate(plan.objectives):
        objective = Objective.parse(text)
        step = steps.get("submit" if objective.step == "failed" else objective.step)
        values_s = step.response_s if step is not None else np.empty(0)
        due_s = step.due_s if step is not None else np.empty(0)
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([plan.seed, number])))
        out.append(judge(objective, values_s, due_s, rng=rng))
    return out


def generator_facts(raw: Raw, seen: Seen, steps: Mapping[str, Step]) -> Generator:
    """What is held against the generator."""
    plan = raw.plan
    workers = raw.workers.get("workers", [])
    bound_s = lateness_bound_s(Objective.parse(text).bound_s for text in plan.objectives)
    judged_time = seen.schedule.due_s >= plan.warmup_s
    sent = judged_time & ~np.isnan(seen.sent_s)
    late_s = seen.sent_s[sent] - seen.schedule.due_s[sent]
    if plan.signing is Signing.INLINE:  # then signing is a step of the journey, not lateness
        late_s = late_s - np.nan_to_num(seen.sign_s[sent])
    shed = judged_time & (seen.state == State.SHED)
    stationary, stationary_text = _stationary(raw, steps, bound_s)
    lost = sorted({*raw.workers.get("lost", []), *(one["worker"] for one in workers if not one.get("ended"))})
    missing = max(plan.workers - len(workers) - len(set(lost) - {one["worker"] for one in workers}), 0)
    empty = [one["bank_empty_s"] for one in workers if one.get("bank_empty_s") is not None]
    return Generator(
        lateness_s_p99=_p99(late_s),
        lateness_bound_s=bound_s,
        stalls=tuple((float(at), float(late)) for one in workers for at, late in one.get("stalls", [])),
        workers=plan.workers,
        lost=(*lost, *["unheard of"] * missing),
        report_gaps=sum(bool(one.get("gap")) for one in workers),
        duration_s=plan.duration_s,
        planned=len(raw.schedule),
        sent_or_shed=int((seen.state != State.PLANNED).sum()),
        not_sent=int((seen.state == State.PLANNED).sum()),
        bank_empty_s=min(empty, default=None),
        receipts_left=sum(int(one.get("receipts_left", 0)) for one in workers),
        skew_s_max=max((abs(float(one.get("skew_s") or 0.0)) for one in workers), default=0.0),
        warmup_stationary=stationary,
        warmup_text=stationary_text,
        sheds=int(shed.sum()),
        sheds_late=_sheds_late(seen, shed, late_s, seen.schedule.due_s[sent], bound_s),
        drained=bool(workers) and all(one.get("drained") for one in workers),
        audit_available=raw.audit is not None,
        audit_demanded=bool(raw.audited.get("demanded", False)),
    )


def _p99(values_s: Floats) -> float:
    """The 99th percentile by nearest rank; infinite where nothing was sent."""
    if not len(values_s):
        return float("inf")
    ordered = np.sort(values_s)
    return max(float(ordered[int(np.ceil(0.99 * len(ordered))) - 1]), 0.0)


def _stationary(raw: Raw, steps: Mapping[str, Step], relevant_s: float) -> tuple[bool | None, str]:
    submit = steps.get("submit")
    if submit is None:
        return None, "nothing was sent after the warm-up"
    faults = [(float(one["recorded_from_s"]), float(one["recorded_until_s"])) for one in raw.faults]
    return settled(submit.due_s, submit.response_s, relevant_s=relevant_s, leave_out=faults)


def _sheds_late(seen: Seen, shed: Bools, late_s: Floats, sent_due_s: Floats, bound_s: float) -> int:
    """Sheds of seconds in which the generator itself was late: the cap was reached because it did not keep up."""
    second, sent_second = seen.schedule.due_s[shed].astype(np.int64), sent_due_s.astype(np.int64)
    late = []
    for one in np.unique(second):
        then = late_s[sent_second == one]
        if len(then) and float(np.median(then)) > bound_s:  # a hiccup that makes a few late fills no cap
            late.append(one)
    return int(np.isin(second, late).sum())
