"""Which exchange a run loads: that of others, one of our own, a faulty one, or a server that does nothing.

Rule kept here: an exchange of our own is made anew for a run, with keys for as many agencies as take part; only to such
a one may anything be done.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.adapters.finding import find_adapter
from loadtests.adapters.planning import Load
from loadtests.adapters.servers.faults import Faults
from loadtests.adapters.servers.making import make_exchange
from loadtests.campaign.serving import Command, Server
from loadtests.harness.options import Options, checked_target, pairs
from sim.errors import InputError

REFERENCE, NULL = "reference", "null"
PLANTED: Final = "planted.jsonl"
"""In the faulty exchange's folder: what it did to whom."""
HOUR_S: Final = 3600
_CODES_MAX: Final = 10_000

Told = Callable[[float, float, str], None]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is loaded.

    Args:
        url: Where.
        adapter_options: For the adapter.
        server: The server, where it is ours; None for that of others.
        audited: It can be asked afterwards what it has, and must be.
    """

    url: str
    adapter_options: Mapping[str, str]
    server: Server | None
    audited: bool


def agencies_of(load: Load) -> list[tuple[str, str]]:
    """Code and name of each agency of a load, in the order of its schedule; who has no name gets one.

    Raises:
        InputError: ``E-OPTION``: more agencies than there are codes for.
    """
    if load.schedule.agencies > _CODES_MAX:
        found = f"found {load.schedule.agencies} agencies"
        raise InputError("E-OPTION", found, f"{_CODES_MAX} at most for an exchange of our own")
    names = load.agency_names or [f"Cơ quan {one + 1}" for one in range(load.schedule.agencies)]
    return [(f"000.{one // 100:02}.{one % 100:02}.H41", name) for one, name in enumerate(names)]


def check(options: Options) -> None:
    """Refuse what cannot go together, before anything is made.

    Raises:
        InputError: ``E-ADAPTER``, ``E-TARGET``, ``E-OPTION``, ``E-FAULT``, ``E-FAULTS``.
    """
    find_adapter(options.adapter)  # a name that nobody has is told as such, not as one that lacks a target
    if options.target is not None:
        checked_target(options.target, options.authorised)
        for name, given in (("--faulty", options.faulty), ("--preload", options.preload)):
            if given:
                raise InputError(
                    "E-OPTION", f"found {name} with --target", "it is for an exchange of our own"
                )
        if options.faults:
            hint = "faults are done only to a server that this run has started: leave out --target"
            raise InputError("E-FAULT", f"found --fault {options.faults[0]!r} with --target", hint)
    elif options.adapter not in {REFERENCE, NULL}:
        hint = "only reference and null have a server of their own here: name yours with --target"
        raise InputError("E-TARGET", f"found --adapter {options.adapter} without --target", hint)
    Faults.parse(options.faulty)
    if options.adapter != REFERENCE and (options.faulty or options.preload):
        raise InputError("E-OPTION", "found --faulty or --preload", "they are for the reference exchange")


@contextmanager
def exchange_of(
    options: Options,
    agencies: Sequence[tuple[str, str]],
    place: Path,
    log: Path,
    *,
    proxied: bool,
    told: Told,
) -> Iterator[Exchange]:
    """The exchange that is loaded, running as long as the block does where it is ours.

    Args:
        options: As asked for, checked.
        agencies: Code and name of each, in the order of the schedule.
        place: Where an exchange of our own is made.
        log: Where it tells what it does.
        proxied: True to put the proxy for network faults before it.
        told: Told what takes long.

    Raises:
        InputError: The adapter's options are wrong.
        RunError: ``E-SERVER``.
    """
    given = pairs("--option", options.adapter_options)
    if options.adapter == REFERENCE:
        # Every process of the run must make the same messages, on both sides of a full hour.
        given = {"created_at": str(int(time.time()) // HOUR_S * HOUR_S), **given}
    if options.target is not None:
        yield Exchange(checked_target(options.target, options.authorised), given, None, audited=False)
        return
    command: Command
    if options.adapter == NULL:
        command = _null_command
    else:
        made = make_exchange(
            place,
            agencies,
            now=int(time.time()),
            random=os.urandom,
            progress=lambda *_: told(0.0, 0.0, "making keys"),
        )
        given = {**made.options, **given}
        command = _command(place, options.faulty, options.seed)
    told(0.0, 0.0, "starting the exchange")
    with Server(command, log, proxied=proxied) as server:
        yield Exchange(server.url, given, server, audited=options.adapter == REFERENCE)


def _null_command(port: int) -> list[str]:
    return _module("null_server", port)


def _command(data: Path, faulty: str, seed: int) -> Command:
    """How the reference exchange is started, or the faulty one."""
    if not faulty:
        return lambda port: [*_module("reference_server", port), "--data", str(data)]
    planted = ["--faults", faulty, "--seed", str(seed), "--planted", str(data / PLANTED)]
    return lambda port: [*_module("faulty", port), "--data", str(data), *planted]


def _module(name: str, port: int) -> list[str]:
    module = f"loadtests.adapters.servers.{name}"
    return [sys.executable, "-m", module, "--port", str(port), "--while-stdin"]
