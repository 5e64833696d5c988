"""What a user may say about a load run, as it was typed, and how the parts are read.

Rule kept here: what cannot be meant is refused with what was found and what would be right; nothing is guessed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sim.errors import InputError
from sim.units import Dimension, read

WARMUP_SHARE: Final = 0.1
WARMUP_S_MAX: Final = 10.0
DURATION: Final = "1 min"
SCENARIO_DURATION: Final = "2 min"
RATE: Final = "20/s"
OBJECTIVE: Final = "submit p99 < 500 ms"
POISON: Final = "1 %"
AGENCIES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A load run as it was asked for; None where nothing was said.

    Args:
        target: URL of the exchange; None for one of our own.
        adapter: ``reference``, ``as2``, ``null`` or ``module:Class``.
        rate: Such as ``50/s``; exactly one of rate, profile and scenario.
        arrivals: With a rate: ``poisson`` or ``constant``.
        profile: A file that says how the load rises and falls.
        scenario: Whose documents are replayed.
        day: Which day of it, ISO 8601.
        days: How many independently simulated days lie over one another.
        speed: Send instants are compressed by this.
        start: Time of day at which the window begins, ``HH:MM``; None: where most is sent.
        alternative: Of the scenario: only copies that it carries over an exchange.
        size_max: Of the scenario's documents; larger ones are cut.
        duration: Length of the schedule.
        warmup: Its first part, not judged.
        drain: How long to wait for what is open at the end.
        size: Of documents.
        fan_out: Recipients of a message.
        agencies: How many take part.
        poison: Share of messages that must be refused.
        replays: Share of messages that are sent again.
        poll: Each agency polls once in so long.
        human: Mean delay before a found message is accepted.
        in_flight: Messages of one worker under way at a time.
        timeout: After which a request has got no answer.
        workers: Processes that send.
        signing: ``presigned``, ``processes`` or ``inline``.
        receipts: ``live`` or ``after``.
        attempts: Requests for one message.
        seed: Of everything that is drawn.
        objectives: Such as ``submit p99 < 500 ms``.
        adapter_options: ``name=value``.
        authorised: By whom and until when this target may be loaded.
        collect: Recipients poll and accept.
        faults: What is done to an exchange of our own meanwhile.
        faulty: What is wrong with it from the start, as ``lose=0.01``.
        preload: Messages that are put into its store first.
    """

    target: str | None = None
    adapter: str = "reference"
    rate: str | None = None
    arrivals: str = "poisson"
    profile: Path | None = None
    scenario: str | None = None
    day: str | None = None
    days: int = 1
    speed: float = 1.0
    start: str | None = None
    alternative: str | None = None
    size_max: str | None = None
    duration: str | None = None
    warmup: str | None = None
    drain: str = "30 s"
    size: str | None = None
    fan_out: str | None = None
    agencies: int | None = None
    poison: str | None = None
    replays: str | None = None
    poll: str = "10 s"
    human: str = "2 s"
    in_flight: int = 1000
    timeout: str = "10 s"
    workers: int = 1
    signing: str = "presigned"
    receipts: str = "live"
    attempts: int = 1
    seed: int = 1
    objectives: tuple[str, ...] = ()
    adapter_options: tuple[str, ...] = ()
    authorised: str = ""
    collect: bool = True
    faults: tuple[str, ...] = ()
    faulty: str = ""
    preload: int = 0


def seconds(option: str, text: str, *, least_s: float = 0.0) -> float:
    """Read a duration such as ``2min``.

    Args:
        option: Its name on the command line.
        text: As typed.
        least_s: It may not be shorter.

    Raises:
        InputError: ``E-OPTION``.
    """
    hint = "a number with its unit, such as 500 ms, 30 s or 2 min"
    try:
        value = read(text, Dimension.DURATION).value
    except InputError as error:
        raise InputError("E-OPTION", f"{option}: {error.message}", hint) from None
    if value < least_s:
        raise InputError("E-OPTION", f"found {option} {text!r}", f"at least {least_s:g} s")
    return value


def share(option: str, text: str) -> float:
    """Read a share such as ``1%``.

    Raises:
        InputError: ``E-OPTION``.
    """
    hint = "a share such as 1 % or 0.01, and 0 for none"
    try:
        value = read(text, Dimension.SHARE).value
    except InputError as error:
        raise InputError("E-OPTION", f"{option}: {error.message}", hint) from None
    if not 0 <= value <= 0.5:
        raise InputError("E-OPTION", f"found {option} {text!r}", f"{hint}; half of all at most")
    return value


def count(option: str, value: int, *, least: int = 1) -> int:
    """A whole number that may not be smaller than ``least``.

    Raises:
        InputError: ``E-OPTION``.
    """
    if value < least:
        raise InputError("E-OPTION", f"found {option} {value}", f"a whole number, {least} or more")
    return value


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Read ``name=value`` pairs.

    Raises:
        InputError: ``E-OPTION``.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InputError("E-OPTION", f"found {option} {text!r}", "write name=value")
        found[name.strip()] = value.strip()
    return found


def day(option: str, text: str) -> date:
    """Read a day.

    Raises:
        InputError: ``E-OPTION``.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputError("E-OPTION", f"found {option} {text!r}", "a day such as 2015-03-02") from None


def is_loopback(target: str) -> bool:
    """True where a URL names this machine: 127.0.0.0/8, ::1 or localhost."""
    host = urlsplit(target).hostname or ""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_target(target: str, authorised: str, option: str = "--target") -> str:
    """The URL of an exchange, without a slash at its end, if it may be loaded.

    Args:
        target: As typed.
        authorised: By whom and until when it may be loaded.
        option: Its name on the command line.

    Raises:
        InputError: ``E-TARGET``: it is no such URL, or is another machine and nobody has allowed to load it.
    """
    wanted = "scheme, host and perhaps a port, such as http://127.0.0.1:8421"
    try:
        at = urlsplit(target.rstrip("/"))
        whole = at.scheme in {"http", "https"} and at.hostname and (at.port is None or at.port > 0)
    except ValueError:
        raise InputError("E-TARGET", f"found {option} {target!r}", wanted) from None
    if not whole or at.path or at.query or at.fragment or at.username or at.password:
        raise InputError("E-TARGET", f"found {option} {target!r}", wanted)
    if not is_loopback(target) and not authorised.strip():
        hint = (
            "loading a machine that serves others may stop it: say who has allowed it and until when with "
            '--authorised "by whom, until when"; the run keeps these words'
        )
        raise InputError("E-TARGET", f"{at.hostname} is not this machine", hint)
    return target.rstrip("/")
