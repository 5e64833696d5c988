"""From what a user asked for to a plan and its schedule.

Rule kept here: exactly one of rate, profile and scenario says when messages are due; everything else has a default that
makes the first command work; nothing is sent to another machine without leave, and nothing poisoned unless asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtests.adapters.finding import find_adapter
from loadtests.campaign import options as asked
from loadtests.campaign.exchanges import agency_codes
from loadtests.campaign.generating import Progress
from loadtests.campaign.options import Options
from loadtests.campaign.province import province_day
from loadtests.exchange.agencies import NAME_CHARACTERS_MAX
from loadtests.harness import profiles, sizes
from loadtests.harness.objectives import Objective
from loadtests.harness.plan import Plan, Receipts, Signing
from loadtests.harness.records import MUST_BE_REFUSED, Poison
from loadtests.harness.schedule import Schedule
from loadtests.harness.schedule_building import Drawn, Given, build
from sim.errors import InputError

SIZE: Final = "4 KiB"
FAN_OUT: Final = 2
_OF_SCENARIO: Final = ("day", "start", "alternative", "size_max")
_NOT_OF_SCENARIO: Final = ("size", "fan_out", "agencies")
KEYS_OF_REVOKED: Final = "revoked"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be sent, wherever it goes.

    Args:
        schedule: All of it.
        profile: For people and the plan's digest.
        title: In a line.
        name: Short, for a folder.
        duration_s: Of the schedule.
        extra: What else two comparable runs must share.
        agencies: Code and name of each, for an exchange of our own.
    """

    schedule: Schedule
    profile: Mapping[str, Any]
    title: str
    name: str
    duration_s: float
    extra: Mapping[str, Any]
    agencies: tuple[tuple[str, str], ...]


def one_source(options: Options) -> str:
    """Which of rate, profile and scenario was given; the rate where none was.

    Raises:
        InputError: ``E-OPTION``: more than one, or an option of another.
    """
    given = [name for name in ("rate", "profile", "scenario") if getattr(options, name) is not None]
    if len(given) > 1:
        found = " and ".join(f"--{name}" for name in given)
        raise InputError("E-OPTION", f"found {found}", "one of --rate, --profile and --scenario")
    source = given[0] if given else "rate"
    misplaced = []
    if source != "scenario":
        misplaced += [name for name in _OF_SCENARIO if getattr(options, name) is not None]
        misplaced += [
            name for name, usual in (("days", 1), ("speed", 1.0)) if getattr(options, name) != usual
        ]
    if misplaced:
        shown = {"start": "from", "size_max": "size-max"}.get(misplaced[0], misplaced[0])
        raise InputError(
            "E-OPTION", f"found --{shown} without --scenario", "it says which part of a scenario's day"
        )
    unread = [
        name for name in _NOT_OF_SCENARIO if source == "scenario" and getattr(options, name) is not None
    ]
    if unread:
        found = f"found --{unread[0].replace('_', '-')} with --scenario"
        raise InputError("E-OPTION", found, "the scenario's documents say that themselves")
    if source == "scenario" and options.day is None:
        raise InputError("E-OPTION", "found --scenario without --day", "name a day of it, such as 2015-03-02")
    return source


def load_of(options: Options, progress: Progress) -> Load:
    """Draw the load that was asked for.

    Args:
        options: As asked for.
        progress: Told what takes long.

    Raises:
        InputError: What is wrong with the options, by their codes.
    """
    if one_source(options) == "scenario":
        return _province_load(options, progress)
    duration_s = asked.seconds("--duration", options.duration or asked.DURATION, least_s=1.0)
    if options.profile is None:
        rate_per_s = profiles.parse_rate(options.rate or asked.RATE)
        profile = profiles.Profile.steady(rate_per_s, duration_s, options.arrivals)
        title, name = f"{options.arrivals} arrivals at {rate_per_s:g}/s", options.adapter.rpartition(":")[2]
    else:
        profile = profiles.load(options.profile, duration_s)
        title, name = f"profile {options.profile.stem}", options.profile.stem
    agencies = options.agencies or asked.AGENCIES
    chosen = sizes.parse(options.size or SIZE)
    fan_out = _fan_out(options, agencies)
    schedule = _built(
        options,
        profile.due_s(options.seed),
        Drawn(fan_out, chosen),
        agencies=agencies,
        duration_s=profile.duration_s,
    )
    extra = {"fan_out": fan_out, "size": chosen.text, "agencies": agencies}
    return Load(
        schedule, profile.to_json(), title, name, profile.duration_s, extra, tuple(agency_codes(agencies))
    )


def _province_load(options: Options, progress: Progress) -> Load:
    """The documents of a scenario's day, as messages."""
    assert options.scenario is not None
    window_s = asked.seconds("--duration", options.duration or asked.SCENARIO_DURATION, least_s=1.0)
    most = None if options.size_max is None else sizes.parse(options.size_max).values_bytes[-1]
    found = province_day(
        options.scenario,
        asked.day("--day", options.day or ""),
        days=options.days,
        speed=options.speed,
        window_s=window_s,
        alternative=options.alternative,
        seed=options.seed,
        start=options.start,
        size_max_bytes=most,
        progress=lambda done, all_, _: progress(0.0, 0.0, f"simulating days: {done} of {all_}"),
    )
    schedule = _built(options, found.due_s, found.given, agencies=len(found.agency_ids), duration_s=window_s)
    named = [" ".join(name.split())[:NAME_CHARACTERS_MAX] for name in found.agency_names]
    codes = [code for code, _ in agency_codes(len(named))]
    title = f"{found.title}: {found.days} x {found.day}, {window_s:g} s"
    extra = {"province": {"name": found.scenario, "busiest_hour": asdict(found.busiest_hour)}}
    agencies = tuple(zip(codes, named, strict=True))
    return Load(schedule, found.profile.to_json(), title, found.scenario, window_s, extra, agencies)


def _fan_out(options: Options, agencies: int) -> int:
    if options.fan_out is None:
        return min(FAN_OUT, agencies - 1)
    text = options.fan_out.strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) < agencies):
        hint = f"a whole number from 1 to {agencies - 1}: the other agencies"
        raise InputError("E-OPTION", f"found --fan-out {text!r}", hint)
    return int(text)


def plan_of(
    options: Options, load: Load, *, target: str, nonce: str, adapter_options: Mapping[str, str]
) -> Plan:
    """The plan of a load for a target.

    Args:
        options: As asked for.
        load: What is to be sent.
        target: URL of the exchange, allowed.
        nonce: 12 hexadecimal digits that no other run has.
        adapter_options: For the adapter's ``setup``.

    Raises:
        InputError: What is wrong with the options.
    """
    warmup_s = min(asked.WARMUP_S_MAX, asked.WARMUP_SHARE * load.duration_s)
    if options.warmup is not None:
        warmup_s = asked.seconds("--warmup", options.warmup)
    if warmup_s >= load.duration_s:
        found = f"found a warm-up of {warmup_s:g} s in a load of {load.duration_s:g} s"
        raise InputError("E-OPTION", found, "something must be left to judge: a shorter --warmup")
    return Plan(
        adapter=options.adapter,
        target=target,
        seed=options.seed,
        nonce=nonce,
        profile=load.profile,
        schedule_sha256=load.schedule.digest,
        duration_s=load.duration_s,
        warmup_s=warmup_s,
        drain_s=asked.seconds("--drain", options.drain, least_s=1.0),
        timeout_s=asked.seconds("--timeout", options.timeout, least_s=0.001),
        in_flight_max=options.in_flight,
        workers=options.workers,
        signing=Signing(_one_of("--signing", options.signing, [str(one) for one in Signing])),
        receipts=Receipts(_one_of("--receipts", options.receipts, [str(one) for one in Receipts])),
        attempts_max=options.attempts,
        collect=_collects(options),
        poll_s=asked.seconds("--poll", options.poll, least_s=0.1),
        acknowledge=_collects(options),
        human_s=asked.seconds("--human", options.human),
        objectives=objectives(options),
        adapter_options=dict(adapter_options),
        authorised=options.authorised.strip(),
        extra=load.extra,
    )


def objectives(options: Options) -> tuple[str, ...]:
    """What shall hold, each in its tidy form.

    Raises:
        InputError: ``E-OBJECTIVE``.
    """
    return tuple(Objective.parse(one).text for one in options.objectives or (asked.OBJECTIVE,))


def poisons(options: Options) -> frozenset[Poison]:
    """The kinds of this run: what the adapter can make with the keys that it gets."""
    adapter = find_adapter(options.adapter)
    given = asked.pairs("--option", options.adapter_options)
    if options.target is not None and KEYS_OF_REVOKED in adapter.options and KEYS_OF_REVOKED not in given:
        return adapter.poisons - {Poison.REVOKED}
    return adapter.poisons


def _built(
    options: Options, due_s: Floats, documents: Given | Drawn, *, agencies: int, duration_s: float
) -> Schedule:
    collects = _collects(options)
    return build(
        due_s,
        documents,
        seed=options.seed,
        agencies=agencies,
        duration_s=duration_s,
        poisons=poisons(options),
        poison_share=_share(options, "--poison", options.poison, poisons(options) & MUST_BE_REFUSED),
        replay_share=_share(options, "--replays", options.replays, poisons(options) & {Poison.REPLAY}),
        poll_s=asked.seconds("--poll", options.poll, least_s=0.1) if collects else None,
        tail_s=asked.seconds("--drain", options.drain, least_s=1.0),
    )


def _share(options: Options, name: str, text: str | None, kinds: frozenset[Poison]) -> float:
    """A share of messages that are not as they should be: none on another machine, unless asked for there."""
    if text is not None:
        return asked.share(name, text)
    return asked.share(name, asked.POISON) if kinds and _is_ours_to_poison(options) else 0.0


def _is_ours_to_poison(options: Options) -> bool:
    return options.target is None or asked.is_loopback(options.target)


def _collects(options: Options) -> bool:
    return options.collect and find_adapter(options.adapter).collects


def _one_of(option: str, value: str, allowed: list[str]) -> str:
    if value not in allowed:
        raise InputError("E-OPTION", f"found {option} {value!r}", f"one of: {', '.join(allowed)}")
    return value
