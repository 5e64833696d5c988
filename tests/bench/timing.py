"""Interleaved rounds, and whether their contenders simulated the same thing."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping
from statistics import fmean, median, variance

from scipy import stats

from tests.bench.flow import TASKS, Run

ERROR_RATE = 0.001  # of a false alarm in the whole comparison of waits


def interleave(contenders: Mapping[str, Callable[[int], Run]], rounds: int) -> dict[str, list[Run]]:
    """Run A B C A B C …, every round with a seed of its own."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for seed in range(1, rounds + 1):
        for name, contender in contenders.items():
            gc.collect()
            runs[name].append(contender(seed))
    return runs


def ratio(slower: list[Run], faster: list[Run]) -> tuple[float, float, float]:
    """Return the least, the median and the largest ratio of documents per second, round by round."""
    ratios = [
        (fast.documents / fast.seconds) / (slow.documents / slow.seconds)
        for slow, fast in zip(slower, faster, strict=True)
    ]
    return min(ratios), median(ratios), max(ratios)


def disagreements(runs: Mapping[str, list[Run]]) -> list[str]:
    """List the mean waits by step and class in which two contenders differ by more than chance."""
    names = list(runs)
    found: list[str] = []
    classes = len(runs[names[0]][0].waits[0])
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    tests = len(pairs) * len(TASKS) * classes
    for a, b in pairs:
        for step, task in enumerate(TASKS):
            for urgency in range(classes):
                one, two = ([run.waits[step][urgency] for run in runs[name]] for name in (a, b))
                error = math.sqrt(variance(one) / len(one) + variance(two) / len(two))
                limit = error * float(stats.t.ppf(1 - ERROR_RATE / tests / 2, len(one) + len(two) - 2))
                if abs(fmean(one) - fmean(two)) > limit:
                    found.append(
                        f"{task.name}, class {urgency}: {a} {fmean(one):.1f} s, {b} {fmean(two):.1f} s,"
                        f" more than {limit:.1f} s apart"
                    )
    return found
