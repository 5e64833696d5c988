"""From options to a schedule and its plan: the same whether ``congvan load`` asks or Locust's own command line.

Rule kept here: everything has a default that makes the first command work, and one place for it; nothing poisoned is
sent to another machine unless asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from loadtests.adapters.finding import find_adapter
from loadtests.harness import options as asked
from loadtests.harness import profiles, sizes
from loadtests.harness.objectives import Objective
from loadtests.harness.options import Options
from loadtests.harness.plan import Plan, Receipts, Signing
from loadtests.harness.records import MUST_BE_REFUSED, Poison
from loadtests.harness.schedule import Schedule
from loadtests.harness.schedule_building import Drawn, Given, build
from sim.errors import InputError

SIZE: Final = "pdf"
FAN_OUT: Final = 2
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
        agency_names: Of those that take part, where they have any.
    """

    schedule: Schedule
    profile: Mapping[str, Any]
    title: str
    name: str
    duration_s: float
    extra: Mapping[str, Any]
    agency_names: tuple[str, ...] = ()


def load_of_profile(options: Options) -> Load:
    """Draw the load of a rate, or of a profile that rises and falls.

    Args:
        options: As asked for; what they say of a scenario is not read.

    Raises:
        InputError: What is wrong with the options, by their codes.
    """
    duration_s = asked.seconds("--duration", options.duration or asked.DURATION, least_s=1.0)
    if options.profile is None:
        rate_per_s = profiles.parse_rate(options.rate or asked.RATE)
        profile = profiles.Profile.steady(rate_per_s, duration_s, options.arrivals)
        title, name = f"{options.arrivals} arrivals at {rate_per_s:g}/s", options.adapter.rpartition(":")[2]
    else:
        profile = profiles.load(options.profile, duration_s)
        title, name = f"profile {options.profile.stem}", options.profile.stem
    agencies = asked.AGENCIES if options.agencies is None else options.agencies
    asked.count("--agencies", agencies, least=2)
    chosen = sizes.parse(options.size or SIZE)
    fan_out = _fan_out(options, agencies)
    schedule = schedule_of(
        options,
        profile.due_s(options.seed),
        Drawn(fan_out, chosen),
        agencies=agencies,
        duration_s=profile.duration_s,
    )
    extra = {"fan_out": fan_out, "size": chosen.text, "agencies": agencies}
    return Load(schedule, profile.to_json(), title, name, profile.duration_s, extra)


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
        in_flight_max=asked.count("--in-flight", options.in_flight),
        workers=asked.count("--workers", options.workers),
        signing=Signing(_one_of("--signing", options.signing, [str(one) for one in Signing])),
        receipts=Receipts(_one_of("--receipts", options.receipts, [str(one) for one in Receipts])),
        attempts_max=asked.count("--attempts", options.attempts),
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


def schedule_of(
    options: Options, due_s: Floats, documents: Given | Drawn, *, agencies: int, duration_s: float
) -> Schedule:
    """The schedule of documents that are due, with polls, poisoned messages and replays as asked for.

    Args:
        options: As asked for.
        due_s: When each message is due, ascending, seconds from the start.
        documents: What they are.
        agencies: How many take part.
        duration_s: Of the schedule.

    Raises:
        InputError: What is wrong with the options.
    """
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
