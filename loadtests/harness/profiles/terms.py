"""The words and numbers that profiles are told with, and the randomness behind arrivals.

Rule kept here: a seed and a purpose give the same numbers always, whatever else was drawn.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np

from sim import units
from sim.errors import InputError
from sim.units import Dimension

RATE_MAX_PER_S: Final = 1e6
DURATION_MAX_S: Final = 31 * units.DAY_S


class Kind(StrEnum):
    """What a profile is called; all but a trace and a scenario are pieces of steady or linearly changing rate."""

    CONSTANT = "constant"
    POISSON = "poisson"
    RAMP = "ramp"
    STEP = "step"
    SPIKE = "spike"
    SOAK = "soak"
    TRACE = "trace"
    SCENARIO = "scenario"


class Arrivals(StrEnum):
    """How arrivals follow the planned rate."""

    EVEN = "even"
    POISSON = "poisson"
    RECORDED = "recorded"  # or simulated: they are what they are


KIND_WORDS: Final = {
    Kind.CONSTANT: ("even gaps", "khoảng cách đều"),
    Kind.POISSON: ("Poisson arrivals", "lượt đến Poisson"),
    Kind.RAMP: ("a ramp", "tăng giảm dần"),
    Kind.STEP: ("steps", "theo bậc"),
    Kind.SPIKE: ("a spike", "đột biến"),
    Kind.SOAK: ("a soak", "chạy dài"),
    Kind.TRACE: ("a trace", "lượt gửi ghi lại"),
    Kind.SCENARIO: ("a scenario's documents", "văn bản của một kịch bản"),
}
"""English and Vietnamese."""


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers of one purpose, independent of those of any other.

    Args:
        seed: The plan's; a whole number, 0 or more.
        purpose: What they decide.

    Raises:
        InputError: ``E-SEED``.
    """
    if seed < 0:
        raise InputError("E-SEED", f"found seed {seed!r}", "a whole number, 0 or more")
    key = np.random.SeedSequence(int(seed), spawn_key=tuple(purpose.encode()))
    return np.random.Generator(np.random.PCG64(key))


def arrivals_of(text: str) -> Arrivals:
    """Read how arrivals follow the rate.

    Raises:
        InputError: ``E-ARRIVALS``.
    """
    known = {"poisson": Arrivals.POISSON, "constant": Arrivals.EVEN, "even": Arrivals.EVEN}
    if text not in known:
        raise InputError("E-ARRIVALS", f"found arrivals {text!r}", f"one of: {', '.join(known)}")
    return known[text]


def parse_rate(text: str, *, zero: bool = False) -> float:
    """Read a rate such as ``50/s``, ``300/min`` or ``2/h``, in 1/s.

    Args:
        text: As written.
        zero: Whether 0 is a rate, too.

    Raises:
        InputError: ``E-RATE``.
    """
    try:
        rate = units.read(text, Dimension.CLOCK_RATE).value
    except InputError as error:
        raise InputError("E-RATE", f"{error.message} as a rate", "such as 50/s, 300/min or 20/h") from None
    return 0.0 if zero and rate == 0 else checked_rate(rate, text)


def parse_duration(text: str, *, zero: bool = False) -> float:
    """Read a duration such as ``30 s``, ``2min`` or ``1 h``, in s.

    Args:
        text: As written.
        zero: Whether 0 s is one, too.

    Raises:
        InputError: ``E-DURATION``.
    """
    try:
        duration = units.read(text, Dimension.DURATION).value
    except InputError as error:
        raise InputError(
            "E-DURATION", f"{error.message} as a duration", "such as 30 s, 2min or 1 h"
        ) from None
    if not (0 if zero else 1e-6) <= duration <= DURATION_MAX_S:
        most = units.format_duration(DURATION_MAX_S)
        raise InputError("E-DURATION", f"found {text!r} as a duration", f"more than 0 s, and {most} at most")
    return duration


def checked_rate(rate_per_s: float, text: str) -> float:
    """Return a rate in 1/s that can be planned.

    Raises:
        InputError: ``E-RATE``: not between 0 and a million a second.
    """
    if not 0 < rate_per_s <= RATE_MAX_PER_S:
        raise InputError(
            "E-RATE", f"found {text!r} as a rate", f"more than 0, and {RATE_MAX_PER_S:g}/s at most"
        )
    return rate_per_s
