"""A run by hand: what stands on Locust's command line or in its web form becomes a plan and its schedule.

Rule kept here: started by ``congvan load``, everything comes from the run's folder; started by hand, each start makes a
plan, a schedule and a folder of its own.
"""

from __future__ import annotations

import os
import secrets
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from loadtests.adapters.finding import find_adapter
from loadtests.adapters.planning import FAN_OUT, SIZE, load_of_profile, plan_of
from loadtests.harness import options as usual
from loadtests.harness.options import Options, checked_target, pairs
from loadtests.harness.plan import Plan, Receipts, Signing
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.reports import write_json
from loadtests.locustfiles.threads import native_locks
from sim import runs
from sim.errors import InputError

PLAN: Final = "CONGVAN_LOAD_PLAN"
RAW: Final = "CONGVAN_LOAD_RAW"
_DEFAULTS: Final = Options()


def add_options(parser: ArgumentParser) -> None:
    """Add what a run by hand can be told; Locust's users, spawn rate and run time do not matter."""
    group = parser.add_argument_group("congvan", "Open-loop load on an exchange; --host names it")
    add = group.add_argument
    signing, receipts = [str(one) for one in Signing], [str(one) for one in Receipts]
    add("--rate", default=usual.RATE, help="arrivals, such as 50/s")
    add("--arrivals", default=_DEFAULTS.arrivals, help="how they follow one another: poisson or constant")
    add("--load-profile", default="", help="YAML file of a load that rises and falls, in place of --rate")
    add("--duration", default=usual.DURATION, help="length of the schedule")
    add("--warmup", default="", help="its first part, which is not judged (default: a tenth, at most 10 s)")
    add("--drain", default=_DEFAULTS.drain, help="how long to wait for what is open at the end")
    add("--adapter", default=_DEFAULTS.adapter, help="reference, as2, null or module:Class")
    add("--option", default=[], action="append", help="name=value for the adapter; may be repeated")
    add("--agencies", type=int, default=usual.AGENCIES, help="how many take part")
    add("--fan-out", default="", help=f"recipients of a message (default: {FAN_OUT})")
    add("--size", default=SIZE, help="of documents: pdf, or one such as 4 KiB")
    share = f"(default: {usual.POISON} on this machine, none elsewhere)"
    add("--poison", default="", help=f"share of messages that must be refused {share}")
    add("--replays", default="", help=f"share of messages that are sent a second time {share}")
    add("--poll", default=_DEFAULTS.poll, help="each agency polls once in so long")
    add("--human", default=_DEFAULTS.human, help="mean delay before a found message is accepted")
    add("--in-flight", type=int, default=_DEFAULTS.in_flight,
        help="messages of one worker under way; beyond, they are shed")  # fmt: skip
    add("--timeout", default=_DEFAULTS.timeout, help="after which a request has got no answer")
    add("--attempts", type=int, default=_DEFAULTS.attempts,
        help="requests for one message, where no answer or 'later' came")  # fmt: skip
    add("--signing", default=_DEFAULTS.signing, choices=signing, help="where messages are signed")
    add("--receipts", default=_DEFAULTS.receipts, choices=receipts, help="when receipts are checked")
    slo = f"what shall hold; may be repeated (default: {usual.OBJECTIVE})"
    add("--slo", default=[], action="append", help=slo)
    add("--seed", type=int, default=_DEFAULTS.seed, help="of everything that is drawn")
    add("--out", default="", help="folder for the first run's results (default: a new one in results/runs)")
    add("--authorised", default="", help="by whom and until when a target that is not loopback may be loaded")


def asked(options: Namespace, workers: int, host: str | None) -> tuple[Plan, Schedule, Path]:
    """Plan, schedule and the folder for what is recorded.

    Args:
        options: Locust's, with ours.
        workers: Processes that will send.
        host: The target, as Locust knows it.

    Raises:
        CongvanError: What is wrong with them.
    """
    folder = os.environ.get(PLAN)
    if folder:
        path = Path(folder)
        plan = Plan.from_json(runs.read_json(path, "plan.json"))
        schedule = Schedule.from_bytes((path / "schedule.npz").read_bytes())
        if schedule.digest != plan.schedule_sha256:
            raise InputError("E-RUN", f"{path}/schedule.npz is not the schedule of its plan", "plan it again")
        return plan, schedule, Path(os.environ.get(RAW) or path / "raw")
    plan, schedule = by_hand(options, workers, host or "")
    out, options.out = options.out, ""
    path = runs.new_folder(
        Path(out) if out else None, f"load-{plan.adapter.rpartition(':')[2]}", datetime.now(UTC)
    )
    (path / "schedule.npz").write_bytes(schedule.to_bytes())
    write_json(path / "plan.json", plan.to_json())
    return plan, schedule, path / "raw"


def by_hand(typed: Namespace, workers: int, host: str) -> tuple[Plan, Schedule]:
    """Plan and schedule from the options alone, as ``congvan load run`` would make them.

    Args:
        typed: Locust's options, with ours; an empty text is one that was not given.
        workers: Processes that will send.
        host: The target.

    Raises:
        InputError: What is wrong with them.
    """
    target = checked_target(host, typed.authorised, "--host")
    options = Options(
        target=target,
        adapter=typed.adapter,
        rate=None if typed.load_profile else typed.rate,
        arrivals=typed.arrivals,
        profile=Path(typed.load_profile) if typed.load_profile else None,
        duration=typed.duration,
        warmup=typed.warmup or None,
        drain=typed.drain,
        size=typed.size,
        fan_out=typed.fan_out or None,
        agencies=typed.agencies,
        poison=typed.poison or None,
        replays=typed.replays or None,
        poll=typed.poll,
        human=typed.human,
        in_flight=typed.in_flight,
        timeout=typed.timeout,
        workers=workers,
        signing=typed.signing,
        receipts=typed.receipts,
        attempts=typed.attempts,
        seed=typed.seed,
        objectives=_lines(typed.slo),
        adapter_options=_lines(typed.option),
        authorised=typed.authorised,
    )
    with native_locks():
        find_adapter(options.adapter)
    load = load_of_profile(options)
    given = pairs("--option", options.adapter_options)
    return plan_of(
        options, load, target=target, nonce=secrets.token_hex(6), adapter_options=given
    ), load.schedule


def _lines(typed: list[str] | str) -> tuple[str, ...]:
    """What may be repeated on the command line; the web form gives it in one text, one a line."""
    given = typed.split("\n") if isinstance(typed, str) else typed
    return tuple(filter(None, (text.strip() for text in given)))
