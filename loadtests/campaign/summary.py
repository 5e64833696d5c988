"""The summary of a run: everything its report shows, computed from what was planned and what was recorded.

Rule kept here: this is the only place that turns rows into a verdict; it asks nobody, and the same directory gives the
same summary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loadtests.campaign import figures
from loadtests.campaign.directory import KIND, RunFolder
from loadtests.campaign.judging import generator_facts, judge_all
from loadtests.campaign.machine import machine
from loadtests.campaign.planners import capacity_rows
from loadtests.campaign.raw import Raw, read_raw
from loadtests.harness import timeline
from loadtests.harness.dispersion import dispersion
from loadtests.harness.histogram import Histogram
from loadtests.harness.ledger import Books, Ledger, reconcile
from loadtests.harness.measures import Seen, Step, lay_out, steps
from loadtests.harness.profiles import Profile
from loadtests.harness.validity import Generator
from loadtests.harness.verdict import Verdict, decide

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Concluded:
    """A run with all that was computed of it.

    Args:
        raw: As it was recorded.
        seen: Its rows over its schedule.
        steps: Every step that it has anything of.
        histograms: Of their responses.
        summary: ``summary.json``.
    """

    raw: Raw
    seen: Seen
    steps: Mapping[str, Step]
    histograms: Mapping[str, Histogram]
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What a summary says beside the rows.

    Args:
        title: Of the report.
        command: The command line, the program's name first.
        id_of: The message id of an arrival.
        stamp_resolution_s: Of the exchange's hand-over stamps.
        described: What the exchange says of itself.
        store_messages: Messages that the store held before the run; None where nobody knows.
    """

    title: str
    command: Sequence[str]
    id_of: Callable[[int], str]
    stamp_resolution_s: float = 1.0
    described: Mapping[str, Any] | None = None
    store_messages: int | None = None


def summarise(folder: RunFolder, about: About) -> Concluded:
    """Compute the summary of a run that has been recorded.

    Raises:
        InputError: ``E-RUN``, ``E-PLAN``: the directory is none of a load run.
    """
    raw = read_raw(folder)
    seen = lay_out(raw.plan, raw.schedule, raw.arrivals, raw.deliveries)
    found = steps(raw.plan, seen, raw.polls, stamp_resolution_s=about.stamp_resolution_s)
    parts = {name: figures.step_figures(step) for name, step in found.items()}
    histograms = {name: histogram for name, (_, histogram) in parts.items()}
    ledger = reconcile(_books(raw, about))
    judged = judge_all(raw.plan, found)
    generator = generator_facts(raw, seen, found)
    verdict = decide(generator, judged, ledger.findings)
    window_s = raw.plan.duration_s
    bound_s = min((one.bound_s for one in judged if one.step == "submit"), default=None)
    achieved = figures.achieved(raw, seen)
    summary = {
        "schema": SCHEMA,
        "kind": KIND,
        "title": about.title,
        "plan": raw.plan.to_json(),
        "plan_digest": raw.plan.digest,
        "command": list(about.command),
        "verdict": _verdict(verdict),
        "offered": figures.offered(raw, _dispersions(raw)),
        **achieved,
        "objectives": [_plain(asdict(one)) for one in judged],
        "steps": {name: part for name, (part, _) in parts.items()},
        "spectrum": {name: figures.spectrum(one) for name, one in histograms.items()},
        "series": timeline.seconds(seen, raw.polls, raw.end_s),
        "heat": timeline.heat(seen, window_s),
        "stages": timeline.stages(seen, Profile.from_json(raw.plan.profile).stages),
        "faults": timeline.faults(seen, raw.faults, bound_s),
        "ledger": _ledger(ledger, raw),
        "generator": _generator(raw, seen, generator, found),
        "server": {"described": dict(about.described or {}), "metrics": figures.server_series(raw.metrics)},
        "capacity": capacity_rows(raw, achieved, about.store_messages),
        "environment": machine(),
        "search": None,
        "compare": None,
    }
    return Concluded(raw, seen, found, histograms, summary)


def _books(raw: Raw, about: About) -> Books:
    drained = bool(raw.workers.get("workers")) and all(one.get("drained") for one in raw.workers["workers"])
    return Books(
        schedule=raw.schedule,
        arrivals=raw.arrivals,
        deliveries=raw.deliveries,
        audit=raw.audit,
        foreign=raw.audited.get("foreign"),
        foreign_expected=raw.audited.get("foreign_expected"),
        collected=raw.plan.collect and drained,
        id_of=about.id_of,
    )


def _dispersions(raw: Raw) -> dict[str, float | None]:
    due_s, duration_s = raw.schedule.due_s, raw.plan.duration_s
    return {
        f"{window}s": figures.finite(dispersion(due_s, duration_s, float(window)).index) for window in (1, 10)
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": str(verdict.outcome),
        "exit_code": verdict.outcome.exit_code,
        "reasons": [
            {"code": one.code, "outcome": str(one.outcome), "text": one.text} for one in verdict.reasons
        ],
        "checks": [{"name": one.name, "passed": one.passed, "text": one.text} for one in verdict.checks],
    }


def _ledger(ledger: Ledger, raw: Raw) -> dict[str, Any]:
    return {
        "states": dict(ledger.states),
        "findings": [_plain(asdict(one)) for one in ledger.findings],
        "poison": {kind: dict(counts) for kind, counts in ledger.poison.items()},
        "replay": dict(ledger.replay),
        "ambiguous_stored": ledger.ambiguous_stored,
        "audited": ledger.audited,
        "audit_text": raw.audited.get("text", "the server was not asked what it has"),
        "documents_checked": ledger.documents_checked,
    }


def _generator(raw: Raw, seen: Seen, facts: Generator, found: Mapping[str, Step]) -> dict[str, Any]:
    submit = found.get("submit")
    lateness = figures.told(figures.histogram_of(submit.lateness_s)) if submit is not None else {}
    return {
        "workers": [_worker(one, raw, seen) for one in raw.workers.get("workers", [])],
        "lateness_s": lateness,
        "lateness_bound_s": facts.lateness_bound_s,
        "signing": str(raw.plan.signing),
        "receipts": str(raw.plan.receipts),
        "versions": dict(raw.workers.get("versions", {})),
        "limit_text": _limit_text(raw, facts),
    }


def _worker(account: Mapping[str, Any], raw: Raw, seen: Seen) -> dict[str, Any]:
    """A worker's account of itself, with what its rows say; a host stands by its number among those that took part."""
    hosts = sorted({str(one.get("host", "")) for one in raw.workers["workers"]})
    mine = raw.arrivals["number"][raw.arrivals["worker"] == account["worker"]].astype(np.int64)
    late_s = figures.histogram_of((seen.sent_s - raw.schedule.due_s)[mine])
    return {
        **{name: value for name, value in account.items() if name != "pid"},
        "host": hosts.index(str(account.get("host", ""))) + 1,
        "sent": late_s.count,
        "lateness_s_p99": figures.finite(late_s.percentile(99.0)),
        "cpu_share": account["cpu_s"] / account["wall_s"] if account.get("wall_s") else None,
    }


def _limit_text(raw: Raw, facts: Generator) -> str:
    """What the generator itself could have done, as far as this run tells."""
    workers = raw.workers.get("workers", [])
    used = [one["cpu_s"] / one["wall_s"] for one in workers if one.get("wall_s")]
    if not used:
        return "the generator left no account of itself"
    text = (
        f"{len(workers)} worker{'s' * (len(workers) > 1)} at {max(used):.0%} of a core each at most; "
        f"99th percentile of lateness {facts.lateness_s_p99 * 1e3:.1f} ms, "
        f"allowed {facts.lateness_bound_s * 1e3:.1f} ms"
    )
    if max(used) > 0.8:
        text += "; this generator was near its limit: a higher rate needs more workers or another machine"
    return text


def _plain(data: Any) -> Any:
    """The data with None for what JSON cannot say, and lists for tuples."""
    if isinstance(data, float):
        return figures.finite(data)
    if isinstance(data, Mapping):
        return {name: _plain(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(one) for one in data]
    return data
