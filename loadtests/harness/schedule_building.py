"""From arrival times to a whole schedule: who sends what to whom, what is poisoned, what is sent twice, who polls.

Rule kept here: each decision has random numbers of its own, keyed by the seed and its purpose, so that changing one
(such as the share of poison) moves no other; and nothing depends on how many workers will share the schedule.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from loadtests.harness.profiles import generator
from loadtests.harness.records import Poison
from loadtests.harness.schedule import Schedule
from loadtests.harness.sizes import Sizes, quantised
from sim.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Numbers = NDArray[np.int64]
REPLAY_STRIDE: Final = 12
"""A replay follows its original at a multiple of this: 1, 2, 3, 4, 6 or 12 workers keep both on one."""
REPLAY_AFTER_S: Final = 2.0
_REPLAY_TRIES: Final = 64
_REPLAY_SPREAD: Final = 20
DELIVERIES_MAX: Final = 200_000_000


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of each arrival, as from a scenario.

    Args:
        sender: Index of the agency, for each arrival.
        recipient_start: First recipient of each arrival in ``recipient``; length arrivals + 1.
        recipient: Indices of agencies.
        size_bytes: Of each arrival's document; rounded to at most 64 different sizes.
        urgency: 0 normal … 3 express, for each.
    """

    sender: NDArray[np.integer]
    recipient_start: NDArray[np.integer]
    recipient: NDArray[np.integer]
    size_bytes: NDArray[np.generic]
    urgency: NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn for each arrival, alike for all agencies.

    Args:
        fan_out: Recipients of each document, from 1 to the number of other agencies.
        sizes: Of documents.
    """

    fan_out: int
    sizes: Sizes


def build(
    due_s: Floats,
    documents: Given | Drawn,
    *,
    seed: int,
    agencies: int,
    duration_s: float,
    poisons: Collection[Poison] = (),
    poison_share: float = 0.0,
    replay_share: float = 0.0,
    poll_s: float | None = None,
    tail_s: float = 0.0,
) -> Schedule:
    """Build a schedule.

    Args:
        due_s: Arrivals, ascending, in [0, ``duration_s``).
        documents: What is sent by whom to whom.
        seed: The plan's.
        agencies: How many there are; senders and recipients are 0 … agencies - 1.
        duration_s: Length of the schedule.
        poisons: What the adapter can make of what must be refused; replays need nothing of it.
        poison_share: Share of arrivals that are poisoned and must be refused, spread evenly over the kinds; rounded
            to whole arrivals, at least one.
        replay_share: Share of arrivals that send an earlier message again, at least 2 s after it; fewer where there
            are too few earlier ones.
        poll_s: Each agency polls once in so long, with a phase of its own; None or 0: nobody polls.
        tail_s: For how long beyond ``duration_s`` polls go on.

    Raises:
        InputError: ``E-AGENCIES``, ``E-FAN-OUT``, ``E-DELIVERIES``, ``E-SHARE``, ``E-POISON``.
    """
    if len(due_s) and (np.any(np.diff(due_s) < 0) or due_s[0] < 0):
        raise ValueError("found arrivals that are not ascending from 0")
    given = documents if isinstance(documents, Given) else _drawn(documents, len(due_s), seed, agencies)
    poison, of = _poisoned(due_s, seed, poisons, poison_share, replay_share)
    row = np.where(of >= 0, of, np.arange(len(due_s)))  # a replay is its original, word for word
    start, recipient = _rows(given.recipient_start, given.recipient, row)
    poll_due_s, poll_agency = _polls(seed, agencies, poll_s or 0.0, duration_s + tail_s)
    return Schedule(
        due_s=np.ascontiguousarray(due_s, dtype=np.float64),
        sender=given.sender[row].astype(np.int32),
        recipient_start=start,
        recipient=recipient,
        size_bytes=quantised(given.size_bytes)[row],
        urgency=given.urgency[row].astype(np.uint8),
        poison=poison,
        of=of,
        agencies=agencies,
        poll_due_s=poll_due_s,
        poll_agency=poll_agency,
    )


def _drawn(documents: Drawn, count: int, seed: int, agencies: int) -> Given:
    """Draw sender, recipients and size of each arrival.

    Recipients are the others in steps around the circle of agencies: each arrival has a first one and a step of its
    own, and a step that has no divisor in common with the number of others meets none twice.
    """
    others, fan_out = agencies - 1, documents.fan_out
    if agencies < 2:
        raise InputError(
            "E-AGENCIES", f"found {agencies} agencies", "2 at least: one sends, another receives"
        )
    if not 1 <= fan_out <= others:
        hint = f"from 1 to {others}, the number of other agencies"
        raise InputError("E-FAN-OUT", f"found {fan_out} recipients of each document", hint)
    if count * fan_out > DELIVERIES_MAX:
        hint = f"at most {DELIVERIES_MAX} in one run"
        raise InputError("E-DELIVERIES", f"found {count * fan_out} deliveries", hint)
    sender = _indices(generator(seed, "sender"), count, agencies)
    rng = generator(seed, "recipients")
    steps = np.array([one for one in range(1, others + 1) if math.gcd(one, others) == 1])
    first, step = _indices(rng, count, others), steps[_indices(rng, count, len(steps))]
    beyond = (first[:, None] + np.arange(fan_out) * step[:, None]) % others
    recipient = (sender[:, None] + 1 + beyond) % agencies
    return Given(
        sender=sender,
        recipient_start=np.arange(count + 1) * fan_out,
        recipient=recipient.ravel(),
        size_bytes=documents.sizes.draw(count, generator(seed, "size")),
        urgency=np.zeros(count, dtype=np.uint8),
    )


def _indices(rng: np.random.Generator, count: int, among: int) -> Numbers:
    return (rng.random(count) * among).astype(np.int64)


def _rows(start: NDArray[np.integer], values: NDArray[np.integer], row: Numbers) -> tuple[Ints, Ints]:
    """Take rows of a ragged table."""
    counts = np.diff(start)[row]
    ends = np.concatenate([[0], np.cumsum(counts)])
    at = np.arange(ends[-1]) + np.repeat(start[row] - ends[:-1], counts)
    return ends.astype(np.int32), values[at].astype(np.int32)


def _poisoned(
    due_s: Floats, seed: int, poisons: Collection[Poison], poison_share: float, replay_share: float
) -> tuple[NDArray[np.uint8], Ints]:
    """Choose what is poisoned, and what is sent again."""
    for share, what in ((poison_share, "poison"), (replay_share, "replays")):
        if not 0 <= share <= 0.5:
            raise InputError("E-SHARE", f"found a share of {share:g} for {what}", "from 0 to 0.5")
    kinds = sorted(set(poisons) - {Poison.NONE, Poison.REPLAY})
    if poison_share and not kinds:
        raise InputError("E-POISON", "found a share of poison", "0: this adapter makes no poisoned message")
    poison = np.zeros(len(due_s), dtype=np.uint8)
    # an order of its own for each purpose: which are poisoned does not depend on the share of replays
    chosen = generator(seed, "poison").permutation(len(due_s))[: _count(poison_share, len(due_s))]
    for at, kind in enumerate(kinds):
        poison[chosen[at :: len(kinds)]] = kind
    of = np.full(len(due_s), -1, dtype=np.int32)
    if replay_share:
        _replay(due_s, generator(seed, "replay"), _count(replay_share, len(due_s)), poison, of)
    return poison, of


def _count(share: float, of: int) -> int:
    return max(1, round(share * of)) if share and of else 0


def _replay(due_s: Floats, rng: np.random.Generator, count: int, poison: NDArray[np.uint8], of: Ints) -> None:
    """Choose replays and their originals; both are unpoisoned, and an original is sent again once."""
    number = np.arange(len(due_s))
    earlier = (
        np.searchsorted(due_s, due_s - REPLAY_AFTER_S, side="right") - 1
    )  # the last that is early enough
    least = np.maximum(-(-(number - earlier) // REPLAY_STRIDE), 1)
    most = number // REPLAY_STRIDE
    fit = number[(poison == Poison.NONE) & (earlier >= 0) & (least <= most)]
    pending = np.sort(rng.permutation(fit)[:count])
    poison[pending] = Poison.REPLAY
    for _ in range(_REPLAY_TRIES):
        if not len(pending):
            break
        room = np.minimum(most[pending] - least[pending] + 1, _REPLAY_SPREAD)
        back = least[pending] + (rng.random(len(pending)) * room).astype(np.int64)
        original = pending - REPLAY_STRIDE * back
        good = poison[original] == Poison.NONE
        good &= ~np.isin(original, of)
        first = np.zeros(len(pending), dtype=bool)
        first[np.unique(original, return_index=True)[1]] = True
        good &= first
        of[pending[good]] = original[good]
        pending = pending[~good]
    poison[pending] = Poison.NONE


def _polls(seed: int, agencies: int, poll_s: float, until_s: float) -> tuple[Floats, Ints]:
    """Each agency's polls in [0, ``until_s``), all together in order of time."""
    if poll_s <= 0:
        return np.empty(0), np.empty(0, dtype=np.int32)
    phase_s = generator(seed, "polls").random(agencies) * poll_s
    rounds = np.arange(math.ceil(until_s / poll_s) + 1) * poll_s
    due = (rounds[:, None] + phase_s).ravel()
    agency = np.tile(np.arange(agencies, dtype=np.int32), len(rounds))
    order = np.argsort(due, kind="stable")
    order = order[due[order] < until_s]
    return due[order], agency[order]
