"""Driving a search for capacity: each probe is a short run of its own, and the whole search one directory.

Rule kept here: which rate is tried next is decided by ``harness.search`` alone. An exchange of our own is made anew for
each probe, so that no probe finds what another left; only recovery is looked for on the very server that was
overloaded, and confirmations share one whose store was filled before.

    RUN/summary.json  with ``search``      RUN/probes/<number>-<phase>/summary.json
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from loadtests.adapters.planning import objectives
from loadtests.campaign.campaigns import Done, one_run
from loadtests.campaign.conclude import about_run, show
from loadtests.campaign.directory import RunFolder, new_run, write_manifest
from loadtests.campaign.exchanges import NULL, REFERENCE, Exchange, agencies_of, check, exchange_of
from loadtests.campaign.generating import Progress
from loadtests.campaign.planners import busiest_hour, found_capacity
from loadtests.campaign.planning import load_of
from loadtests.campaign.running import started_utc
from loadtests.campaign.summary import Concluded, summarise
from loadtests.harness.options import WARMUP_S_MAX, Options, seconds, share
from loadtests.harness.search import Ask, Ended, Found, Phase, Probe, Search, Settings, backlog_slope
from loadtests.harness.verdict import Outcome
from sim import runs
from sim.errors import InputError

PROBES: Final = "probes"
CONFIRM_S, CONFIRM_LONG_S = 60.0, 1800.0
BUDGET_S, BUDGET_LONG_S = 1800.0, 10_800.0
WARMUP_SHARE: Final = 0.2
"""Of a probe's judged time, on top of it: a fresh server is cold."""
_LEAST_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How a search was asked for.

    Args:
        start: First rate, 1/s.
        most: No rate above this is tried, 1/s.
        tolerance: How narrow the interval shall be.
        probe: Judged time of a probe.
        confirm: True for confirmations of half an hour.
        budget: Time for everything.
        preload: Messages in the store when it is confirmed.
    """

    start: float = 20.0
    most: float | None = None
    tolerance: str = "10 %"
    probe: str = "15 s"
    confirm: bool = False
    budget: str | None = None
    preload: int = 2000

    def settings(self, seed: int) -> Settings:
        """As ``harness.search`` takes it.

        Raises:
            InputError: ``E-OPTION``, ``E-SEARCH``.
        """
        budget_s = BUDGET_LONG_S if self.confirm else BUDGET_S
        return Settings(
            start_per_s=self.start,
            least_per_s=min(self.start, max(self.start * _LEAST_SHARE, 0.1)),
            most_per_s=math.inf if self.most is None else self.most,
            tolerance=share("--tolerance", self.tolerance),
            probe_s=seconds("--probe", self.probe, least_s=1.0),
            confirm_s=CONFIRM_LONG_S if self.confirm else CONFIRM_S,
            budget_s=budget_s if self.budget is None else seconds("--budget", self.budget, least_s=1.0),
            seed=seed,
        )


def search_load(
    options: Options,
    wanted: SearchOptions,
    *,
    out: Path | None,
    command: Sequence[str],
    language: str,
    progress: Progress,
    note: Callable[[str], None],
) -> Done:
    """Search for the highest rate at which the objectives hold.

    Args:
        options: The load, without its rate.
        wanted: How to search.
        out: New folder; None for one in ``results/runs``.
        command: The command line.
        language: Of the report.
        progress: Told how far a probe is.
        note: Told of each step, in a line.

    Raises:
        InputError: The options are wrong.
        RunError: A server or a generator did not start.
    """
    check(options)
    texts, settings = objectives(options), wanted.settings(options.seed)
    folder = new_run(out, f"search-{options.adapter.rpartition(':')[2]}", runs.utc_now())
    started = started_utc()
    with ExitStack() as stack:
        probing = _Probing(options, folder, command, progress, preload=wanted.preload)
        stack.callback(probing.close)
        null = replace(
            options, target=None, adapter=NULL, adapter_options=(), collect=False, poison="0", replays="0"
        )
        against_null = _Probing(null, folder, command, progress, preload=0)
        stack.callback(against_null.close)
        is_null = options.adapter == NULL and options.target is None
        found = Search(
            probing.probe,
            settings,
            clock=time.monotonic,
            null_probe=None if is_null else against_null.probe,
            note=note,
        ).run()
        last = probing.best or against_null.best
    if last is None:
        raise InputError("E-SEARCH", f"no probe was made: {found.text}", "a longer --budget")
    summary = {**last, "search": found.to_json(texts), "title": f"Capacity under {' and '.join(texts)}"}
    summary["command"] = list(command)
    summary["capacity"] = found_capacity(found, summary, busiest_hour(progress))
    summary["verdict"] = {**summary["verdict"], **_verdict(found)}
    runs.write_bytes(folder.path / runs.SUMMARY, runs.dump_json(summary))
    folder.clear()
    write_manifest(folder, command=list(command), plan=summary["plan"], started=started)
    show(folder.path, language)
    return Done(folder.path, summary, interrupted=False)


class _Probing:
    """Probes of one kind of exchange.

    Args:
        options: The load, without its rate.
        folder: Of the search.
        command: The command line.
        progress: Told how far a probe is.
        preload: Messages in the store of confirmations.
    """

    def __init__(
        self, options: Options, folder: RunFolder, command: Sequence[str], progress: Progress, *, preload: int
    ) -> None:
        self.best: dict[str, Any] | None = None
        """The summary that says most: of the last confirmation that held, else of the last probe."""
        self._options, self._folder, self._command, self._progress = options, folder, command, progress
        self._preload = preload if options.adapter == REFERENCE and options.target is None else 0
        self._running = ExitStack()
        self._exchange: Exchange | None = None
        self._phase: Phase | None = None
        self._stored = 0
        self._number = 0

    def close(self) -> None:
        """End the server that runs."""
        self._running.close()

    def probe(self, ask: Ask) -> Probe:
        """One run at one rate."""
        self._number += 1
        warmup_s = min(WARMUP_S_MAX, WARMUP_SHARE * ask.duration_s)
        options = replace(
            self._options,
            rate=f"{ask.rate_per_s!r}/s",
            duration=f"{ask.duration_s + warmup_s!r} s",
            warmup=f"{warmup_s!r} s",
            seed=ask.seed,
        )
        load = load_of(options, self._progress)
        folder = RunFolder(
            self._folder.path / PROBES / f"{self._number:03}-{ask.phase}-{self._options.adapter}"
        )
        folder.path.mkdir(parents=True)
        exchange = self._exchange_for(options, agencies_of(load), ask.phase)
        if ask.phase is Phase.CONFIRM and not self._stored:
            options = replace(options, preload=self._preload)
        interrupted = one_run(
            options,
            load,
            exchange,
            folder,
            faults=(),
            command=self._command,
            progress=self._progress,
            stored=self._stored,
        )
        if interrupted:
            raise KeyboardInterrupt
        concluded = summarise(folder, about_run(folder))
        summary = concluded.summary
        self._stored = _stored(concluded, self._stored + options.preload)
        runs.write_bytes(folder.path / runs.SUMMARY, runs.dump_json(summary))
        self._tidy(folder)
        if self.best is None or ask.phase is not Phase.RECOVER:
            self.best = summary
        return probe_of(ask, summary, folder.path.relative_to(self._folder.path).as_posix())

    def _exchange_for(self, options: Options, agencies: Sequence[tuple[str, str]], phase: Phase) -> Exchange:
        """A fresh one, unless this phase goes on with the one that runs."""
        kept = phase in {Phase.RECOVER, Phase.CEILING} or (
            phase is Phase.CONFIRM and self._phase is Phase.CONFIRM
        )
        self._phase = phase
        if self._exchange is None or not (kept or options.target is not None):
            self._running.close()
            self._stored = 0
            place, log = self._folder.server / f"{options.adapter}-{self._number:03}", self._folder.log_path
            self._running.callback(shutil.rmtree, place, ignore_errors=True)  # all of them would be gigabytes
            self._exchange = self._running.enter_context(
                exchange_of(options, agencies, place, log, proxied=False, told=self._progress)
            )
        return self._exchange

    @staticmethod
    def _tidy(folder: RunFolder) -> None:
        """Of a probe only its summary stays."""
        folder.clear()
        for path in (folder.plan_path, folder.schedule_path, folder.generator_log_path):
            path.unlink(missing_ok=True)


def _stored(done: Concluded, before: int) -> int:
    """Messages that an exchange holds after a run: as the audit saw them, else those before and what it accepted.

    After an overload the exchange may hold messages whose answer nobody has seen; only the audit knows them.
    """
    if done.raw.audit is None:
        return before + int(done.summary["completed"])
    return int(done.raw.audited["foreign"]) + len(np.unique(done.raw.audit["number"]))


def probe_of(ask: Ask, summary: dict[str, Any], run: str) -> Probe:
    """What a search must know of a run.

    Args:
        ask: What was asked.
        summary: Of the run.
        run: Its folder, within the search's.
    """
    judged = [one for one in summary["objectives"] if one["bound_s"] is not None]
    one = judged[0] if judged else {}
    series, plan = summary["series"], summary["plan"]
    inside = slice(int(np.ceil(plan["warmup_s"])), int(plan["duration_s"]))
    slope, error = backlog_slope(np.array(series["in_flight"][inside], dtype=np.float64))
    outcome = Outcome(summary["verdict"]["outcome"])
    reasons = "; ".join(reason["text"] for reason in summary["verdict"]["reasons"])
    return Probe(
        ask,
        outcome,
        achieved_per_s=summary["completed_per_s"],
        response_s=_or(one.get("estimate_s"), np.inf),
        low_s=_or(one.get("low_s"), np.nan),
        high_s=_or(one.get("high_s"), np.inf),
        backlog_slope_per_s=slope,
        backlog_error_per_s=error,
        leans=_leans(summary["objectives"]),
        text="" if outcome is Outcome.PASS else reasons,
        run=run,
    )


def _leans(objectives: Sequence[dict[str, Any]]) -> bool | None:
    """What a probe that proves nothing points to: whether every objective held in it; None where one has no sample."""
    if not objectives or any(one.get("share") is None for one in objectives):
        return None
    return all(one["share"] <= one["share_allowed"] for one in objectives)


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else float(value)


def _verdict(found: Found) -> dict[str, Any]:
    """The verdict of a search: PASS where a rate was found and confirmed."""
    if found.last_pass is not None:
        outcome = Outcome.PASS if found.confirmed else Outcome.INCONCLUSIVE
    elif found.ended is Ended.NOTHING:
        outcome = Outcome.FAIL
    else:
        outcome = Outcome.INVALID if found.ended is Ended.INVALID else Outcome.INCONCLUSIVE
    reason = {"code": f"search-{found.ended}", "outcome": str(outcome), "text": found.text}
    return {"outcome": str(outcome), "exit_code": outcome.exit_code, "reasons": [reason]}
