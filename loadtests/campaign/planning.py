"""From what a user asked for to the load: of a rate, a profile or a scenario's day.

Rule kept here: exactly one of rate, profile and scenario says when messages are due; an option that would not be
read is refused.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from loadtests.adapters.planning import Load, load_of_profile, schedule_of
from loadtests.campaign.generating import Progress
from loadtests.campaign.province import province_day
from loadtests.exchange.agencies import NAME_CHARACTERS_MAX
from loadtests.harness import options as asked
from loadtests.harness import sizes
from loadtests.harness.options import Options
from sim.errors import InputError

_OF_SCENARIO: Final = ("day", "start", "alternative", "size_max")
_NOT_OF_SCENARIO: Final = ("size", "fan_out", "agencies")


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
    return load_of_profile(options)


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
    schedule = schedule_of(
        options, found.due_s, found.given, agencies=len(found.agency_ids), duration_s=window_s
    )
    named = [" ".join(name.split())[:NAME_CHARACTERS_MAX] for name in found.agency_names]
    title = f"{found.title}: {found.days} x {found.day}, {window_s:g} s"
    extra = {"province": {"name": found.scenario, "busiest_hour": asdict(found.busiest_hour)}}
    return Load(schedule, found.profile.to_json(), title, found.scenario, window_s, extra, tuple(named))
