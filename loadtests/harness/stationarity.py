"""Whether the warm-up was over when judging began: response times that settle are a fault of the run, growing ones not.

Rule kept here: only a *settling* (slow at first, faster from then on) says that the warm-up was too short. Response
times that grow until the end say that the server does not keep up: that is what the run was to find out, never a
reason to call it invalid. At an intended rate the completions follow the arrivals unless a backlog grows, and a backlog
shows in the response times from the intended time; so these are all that is looked at.

The judged time is cut into ``BATCHES`` of equal length. Of each batch the median and the 90th percentile are taken,
as logarithms, and the first quarter of the batches is compared with all later ones by a t test of batch means (Law and
Kelton, Simulation modeling and analysis), with the variance of the later ones round a straight line, enlarged by their
lag-1 autocorrelation. It is a settling only if it is significant, larger than ``RELATIVE_MIN`` of the later level and
than what matters, and if the last quarter, too, is faster than the first by as much. Growth is a rising order of the
batches (Kendall's tau) whose last quarter is slower by as much.

Simulated: of steady runs (M/M/1 queues at 50 to 96 % of capacity, autoregressive times) up to 1 % are called settling,
3 % where the correlation lasts a sixth of the run: drifts as long as the run cannot be told from a settling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr
from scipy.stats import kendalltau

from loadtests.harness.bounds import Bools, Floats

BATCHES: Final = 20
BATCH_MIN: Final = 5  # samples; medians of fewer tell nothing
ALPHA: Final = 0.001
RELATIVE_MIN: Final = 0.20
RELEVANT_S: Final = 0.001  # below that it is the timers' own noise
RATE_MIN: Final = 0.20
LEVELS: Final = (50, 90)
_NO_SPREAD: Final = 1e-20  # of logarithms: what rounding leaves where all times are equal


@dataclass(frozen=True, slots=True)
class Settling:
    """What the response times say of the warm-up.

    Args:
        settled: True: no settling is left; False: the judged time began before the server had settled; None: too few
            samples, or an offered rate that itself falls, so that nothing can be said.
        growing: The last quarter is slower than the first: the server does not keep up.
        text: The finding, for people.
    """

    settled: bool | None
    growing: bool
    text: str


def settled(
    due_s: Floats,
    values_s: Floats,
    *,
    relevant_s: float = RELEVANT_S,
    leave_out: Sequence[tuple[float, float]] = (),
) -> tuple[bool | None, str]:
    """Return what :func:`settling` finds, as the verdict takes it: whether the warm-up was over, and a text."""
    found = settling(due_s, values_s, relevant_s=relevant_s, leave_out=leave_out)
    return found.settled, found.text


def settling(
    due_s: Floats,
    values_s: Floats,
    *,
    relevant_s: float = RELEVANT_S,
    leave_out: Sequence[tuple[float, float]] = (),
) -> Settling:
    """Tell whether response times of the judged time still settle from the start.

    Args:
        due_s: When each arrival of the judged time was due, s.
        values_s: Their response times, +inf for what never came.
        relevant_s: What difference matters: the tolerated lateness of the generator is a good choice.
        leave_out: From when until when a planned fault disturbed the server, s.
    """
    kept = np.ones(due_s.size, np.bool_)
    for from_s, until_s in leave_out:
        kept &= (due_s < from_s) | (due_s >= until_s)
    values, due = values_s[kept], due_s[kept]
    came = values[np.isfinite(values)]
    if values.size < BATCHES * BATCH_MIN or not came.size:
        return Settling(None, False, f"{came.size} of {values.size} arrivals came: too few to see a trend in")
    place = _batches(due, float(due_s.min()), float(np.ptp(due_s)))
    sizes = np.bincount(place, minlength=BATCHES)
    used = sizes >= BATCH_MIN
    quarter = BATCHES // 4
    early, late = used & (np.arange(BATCHES) < quarter), used & (np.arange(BATCHES) >= quarter)
    if early.sum() < quarter - 1 or late.sum() < 2 * quarter:
        return Settling(None, False, "too few arrivals in parts of the judged time to see a trend in")
    capped = np.minimum(
        values, 2 * float(came.max()) + relevant_s
    )  # what never came is longer than all that came
    found = [_compared(capped, place, early, late, level, relevant_s) for level in LEVELS]
    worst = max(found, key=lambda one: one.ratio)
    if any(one.growing for one in found):
        text = f"response times grow until the end ({_told(found)}): the server does not keep up, which is no warm-up"
        return Settling(True, True, text)
    if not any(one.settles for one in found):
        return Settling(True, False, f"no settling: first quarter against the rest {_told(found)}")
    rates = sizes[early].mean() / sizes[late].mean()
    if rates > 1 + RATE_MIN:
        text = (
            f"the first quarter is slower ({_told(found)}), but {rates:.2f} times the rate was offered in it"
        )
        return Settling(None, False, text)
    text = f"the first quarter of the judged time is {worst.ratio:.2f} times as slow as the rest ({_told(found)})"
    return Settling(False, False, f"{text}: the warm-up was too short")


@dataclass(frozen=True, slots=True)
class _Compared:
    level: int
    ratio: float
    settles: bool
    growing: bool


def _compared(
    values: Floats, place: NDArray[np.int64], early: Bools, late: Bools, level: int, relevant_s: float
) -> _Compared:
    """Compare one percentile of the batches of the first quarter with that of the later ones."""
    by_batch = np.array(
        [
            np.percentile(values[place == one], level) if (place == one).any() else math.nan
            for one in range(BATCHES)
        ]
    )
    logs = np.log(np.maximum(by_batch, 1e-9))
    first, rest, last = logs[early], logs[late], logs[late][-early.sum() :]
    ratio = math.exp(first.mean() - rest.mean())
    chance = _chance(first, rest)

    def slower(one: Floats, other: Floats) -> bool:
        high, low = math.exp(float(one.mean())), math.exp(float(other.mean()))
        return high > (1 + RELATIVE_MIN) * low and high - low > relevant_s

    settles = chance < ALPHA and slower(first, rest) and slower(first, last)
    both = np.concatenate((first, rest))
    rises = kendalltau(np.arange(both.size), both, alternative="greater").pvalue < ALPHA
    return _Compared(level, ratio, settles, bool(rises) and slower(last, first))


def _chance(first: Floats, rest: Floats) -> float:
    """Return the chance of a first quarter that much slower by accident: a one-sided t test of batch means.

    The spread is that of the later batches alone, round a straight line, since a settling widens that of the first ones
    and may go on in the later ones.
    """
    places = np.arange(rest.size)
    deviations = rest - np.polyval(np.polyfit(places, rest, 1), places)
    square = float(np.sum(deviations**2))
    difference = float(first.mean() - rest.mean())
    if square < _NO_SPREAD:
        return 0.0 if difference > 0 else 1.0
    lag1 = min(max(float(np.sum(deviations[1:] * deviations[:-1])) / square, 0.0), 0.9)
    variance = square / (rest.size - 2) * (1 + lag1) / (1 - lag1) * (1 / first.size + 1 / rest.size)
    return float(stdtr(rest.size - 2, -difference / math.sqrt(variance)))


def _batches(due_s: Floats, first_s: float, window_s: float) -> NDArray[np.int64]:
    """Return the batch of each sample, by intended time."""
    return np.minimum(((due_s - first_s) / (window_s or 1.0) * BATCHES).astype(np.int64), BATCHES - 1)


def _told(found: Sequence[_Compared]) -> str:
    return ", ".join(f"p{one.level} {one.ratio:.2f} times" for one in found)
