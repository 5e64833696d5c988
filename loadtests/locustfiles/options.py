"""A run by hand: what stands on Locust's command line or in its web form becomes a plan and its schedule.

Rule kept here: started by ``congvan load``, everything comes from the run's folder; started by hand, each start makes a
plan, a schedule and a folder of its own.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from loadtests.adapters.finding import find_adapter
from loadtests.harness import schedule_building, sizes
from loadtests.harness.objectives import Objective
from loadtests.harness.plan import Plan, Receipts, Signing
from loadtests.harness.profiles import Profile, load, parse_duration, parse_rate
from loadtests.harness.schedule import Schedule
from loadtests.locustfiles.reports import write_json
from loadtests.locustfiles.threads import native_locks
from sim import runs
from sim.errors import InputError

PLAN: Final = "CONGVAN_LOAD_PLAN"
RAW: Final = "CONGVAN_LOAD_RAW"
OBJECTIVE: Final = "submit p99 < 500 ms"
WARMUP_SHARE: Final = 0.1
WARMUP_S_MAX: Final = 10.0


def add_options(parser: ArgumentParser) -> None:
    """Add what a run by hand can be told; Locust's users, spawn rate and run time do not matter."""
    group = parser.add_argument_group("congvan", "Open-loop load on an exchange; --host names it")
    add = group.add_argument
    add("--rate", default="50/s", help="arrivals, such as 50/s")
    add("--arrivals", default="poisson", choices=["poisson", "constant"], help="how they follow one another")
    add("--load-profile", default="", help="YAML file of a load that rises and falls, in place of --rate")
    add("--duration", default="30 s", help="length of the schedule")
    add("--warmup", default="", help="its first part, which is not judged (default: a tenth, at most 10 s)")
    add("--drain", default="30 s", help="how long to wait for what is open at the end")
    add("--adapter", default="reference", help="reference, as2, null or module:Class")
    add("--option", default=[], action="append", help="name=value for the adapter; may be repeated")
    add("--agencies", type=int, default=20, help="how many take part")
    add("--fan-out", type=int, default=1, help="recipients of a message")
    add("--size", default="pdf", help="of documents: pdf, or one such as 4 KiB")
    add("--poison", type=float, default=0.0, help="share of messages that must be refused")
    add("--replays", type=float, default=0.0, help="share of messages that are sent a second time")
    add("--poll", default="10 s", help="each agency polls once in so long")
    add("--human", default="0 s", help="mean delay before a found message is accepted")
    add("--in-flight", type=int, default=1000, help="messages of one worker under way; beyond, they are shed")
    add("--timeout", default="10 s", help="after which a request has got no answer")
    add("--attempts", type=int, default=1, help="requests for one message, where no answer or 'later' came")
    add(
        "--signing",
        default="presigned",
        choices=[str(one) for one in Signing],
        help="where messages are signed",
    )
    add(
        "--receipts", default="live", choices=[str(one) for one in Receipts], help="when receipts are checked"
    )
    add("--slo", default=[], action="append", help=f"what shall hold, such as '{OBJECTIVE}'; may be repeated")
    add("--seed", type=int, default=1, help="of everything that is drawn")
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


def by_hand(options: Namespace, workers: int, target: str) -> tuple[Plan, Schedule]:
    """Plan and schedule from the options alone.

    Raises:
        InputError: What is wrong with them.
    """
    target = allowed(target, options.authorised)
    with native_locks():
        adapter = find_adapter(options.adapter)
    profile = _profile(options)
    poll_s = parse_duration(options.poll) if adapter.collects else None
    drain_s = parse_duration(options.drain)
    schedule = schedule_building.build(
        profile.due_s(options.seed),
        schedule_building.Drawn(options.fan_out, sizes.parse(options.size)),
        seed=options.seed,
        agencies=options.agencies,
        duration_s=profile.duration_s,
        poisons=adapter.poisons,
        poison_share=options.poison,
        replay_share=options.replays,
        poll_s=poll_s,
    )
    warmup_s = min(WARMUP_S_MAX, WARMUP_SHARE * profile.duration_s)
    plan = Plan(
        adapter=options.adapter,
        target=target,
        seed=options.seed,
        nonce=secrets.token_hex(6),
        profile=profile.to_json(),
        schedule_sha256=schedule.digest,
        duration_s=profile.duration_s,
        warmup_s=parse_duration(options.warmup, zero=True) if options.warmup else warmup_s,
        drain_s=drain_s,
        timeout_s=parse_duration(options.timeout),
        in_flight_max=options.in_flight,
        workers=workers,
        signing=Signing(options.signing),
        receipts=Receipts(options.receipts),
        attempts_max=options.attempts,
        collect=adapter.collects,
        poll_s=poll_s or 0.0,
        acknowledge=adapter.collects,
        human_s=parse_duration(options.human, zero=True),
        objectives=tuple(Objective.parse(one).text for one in options.slo or [OBJECTIVE]),
        adapter_options=_pairs(options.option),
        authorised=options.authorised,
    )
    return plan, schedule


def allowed(target: str, authorised: str) -> str:
    """A target that may be loaded.

    Raises:
        InputError: ``E-TARGET``: none was named, or one of another machine without leave.
    """
    parts = urlsplit(target)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError("E-TARGET", f"found the target {target!r}", "--host http://127.0.0.1:8080")
    if not authorised and not _is_loopback(parts.hostname):
        hint = '--authorised "by whom, until when"; loopback needs none'
        raise InputError("E-TARGET", f"found {parts.hostname}, another machine", hint)
    return target.rstrip("/")


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _profile(options: Namespace) -> Profile:
    duration_s = parse_duration(options.duration)
    if options.load_profile:
        return load(Path(options.load_profile), duration_s)
    return Profile.steady(parse_rate(options.rate), duration_s, options.arrivals)


def _pairs(options: list[str] | str) -> dict[str, str]:
    """``name=value`` of the command line; the web form gives them in one text, one a line.

    Raises:
        InputError: ``E-OPTION``.
    """
    given = options.split("\n") if isinstance(options, str) else options
    out: dict[str, str] = {}
    for one in filter(None, (text.strip() for text in given)):
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise InputError("E-OPTION", f"found --option {one!r}", "name=value")
        out[name.strip()] = value.strip()
    return out
