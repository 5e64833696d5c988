"""A whole load run as the command line asks for it: options, exchange, plan, run, conclusion.

Rule kept here: what is wrong with the options is said before anything is made or started.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from loadtests.adapters.finding import find_adapter
from loadtests.adapters.planning import Load, plan_of
from loadtests.campaign.auditing import described, ready
from loadtests.campaign.conclude import conclude
from loadtests.campaign.directory import RunFolder, new_run
from loadtests.campaign.exchanges import Exchange, agencies_of, check, exchange_of
from loadtests.campaign.faults import Fault, timeline
from loadtests.campaign.generating import Progress
from loadtests.campaign.planning import load_of
from loadtests.campaign.preloading import preload
from loadtests.campaign.running import Job, execute, started_utc
from loadtests.harness.options import Options, checked_target, pairs
from loadtests.harness.plan import Plan
from sim import runs
from sim.errors import InputError

NONCE_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class Done:
    """A run that has been concluded.

    Args:
        path: Its folder.
        summary: Its summary.
        interrupted: It was broken off.
    """

    path: Path
    summary: dict[str, Any]
    interrupted: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that somebody else will send.

    Args:
        plan: The plan.
        title: In a line.
    """

    plan: Plan
    title: str


def run_load(
    options: Options,
    *,
    out: Path | None,
    command: Sequence[str],
    language: str,
    keep: bool,
    progress: Progress,
) -> Done:
    """Load an exchange once.

    Args:
        options: As asked for.
        out: New folder; None for one in ``results/runs``.
        command: The command line.
        language: Of the report.
        keep: True to keep ``raw/`` and ``.server/``.
        progress: Told how far it is.

    Raises:
        InputError: The options, or what they name, are wrong.
        RunError: ``E-SERVER``, ``E-GENERATOR``, ``E-PRELOAD``, ``E-WRITE``; ``TargetError``.
    """
    check(options)
    find_adapter(options.adapter)
    load = load_of(options, progress)
    faults = timeline(options.faults, load.duration_s)
    plan_of(
        options, load, target="http://127.0.0.1", nonce="0" * 12, adapter_options={}
    )  # faults come to light now
    folder = new_run(out, load.name, runs.utc_now())
    proxied = any(one.needs_proxy for one in faults)
    with exchange_of(
        options, agencies_of(load), folder.data, folder.log_path, proxied=proxied, told=progress
    ) as exchange:
        interrupted = one_run(
            options, load, exchange, folder, faults=faults, command=command, progress=progress
        )
    progress(load.duration_s, load.duration_s, "computing")
    summary = conclude(folder, language=language, keep=keep)
    return Done(folder.path, summary, interrupted)


def one_run(
    options: Options,
    load: Load,
    exchange: Exchange,
    folder: RunFolder,
    *,
    faults: Sequence[Fault],
    command: Sequence[str],
    progress: Progress,
    stored: int = 0,
) -> bool:
    """Send a load to a running exchange and keep what came of it; True where it was interrupted.

    Args:
        options: As asked for.
        load: What is sent.
        exchange: Where to.
        folder: Of the run.
        faults: What is done to the exchange meanwhile.
        command: The command line.
        progress: Told how far it is.
        stored: Messages that an exchange of our own holds already.
    """
    plan = plan_of(
        options,
        load,
        target=exchange.url,
        nonce=os.urandom(NONCE_BYTES).hex(),
        adapter_options=exchange.adapter_options,
    )
    folder.write_plan(plan, load.schedule)
    if options.preload:
        size_bytes = int(np.median(load.schedule.size_bytes))
        stored += preload(plan, load.schedule.agencies, options.preload, size_bytes, progress)
    adapter = ready(plan, load.schedule)
    job = Job(
        folder=folder,
        plan=plan,
        messages=len(load.schedule),
        adapter=adapter,
        faults=faults,
        victim=exchange.server,
        foreign_expected=stored if exchange.server is not None else None,
        audit_demanded=exchange.audited,
        context={
            "command": list(command),
            "title": load.title,
            "started_utc": started_utc(),
            "described": described(adapter, plan),
            "store_messages": stored if exchange.server is not None else None,
        },
    )
    return execute(job, progress)


def plan_load(options: Options, *, out: Path | None) -> tuple[Path, Planned]:
    """Write a plan that is sent by a Locust that somebody starts.

    Raises:
        InputError: ``E-OPTION``: no target; what else is wrong with the options.
    """
    if options.target is None:
        raise InputError(
            "E-OPTION", "found no --target", "the exchange that Locust shall load, such as http://…"
        )
    check(options)
    load = load_of(options, lambda *_: None)
    plan = plan_of(
        options,
        load,
        target=checked_target(options.target, options.authorised),
        nonce=os.urandom(NONCE_BYTES).hex(),
        adapter_options=pairs("--option", options.adapter_options),
    )
    folder = new_run(out, load.name, runs.utc_now())
    folder.write_plan(plan, load.schedule)
    return folder.path, Planned(plan, load.title)
