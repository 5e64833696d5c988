"""The whole way from a scenario to what a user reads: engine, one number per replication, estimates, differences.

Rule kept here: nothing is estimated here; every alternative of a replication gets the same documents and draws.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sim import engine, workload
from sim.analysis import PairedNumbers, ReplicationNumbers, compare, pair, replication_numbers, summarise
from sim.scenario import ScenarioFile
from sim.streams import Streams


@dataclass(frozen=True, slots=True)
class Results:
    """What the replications of some alternatives yielded, the first being the baseline.

    Args:
        file: The scenario.
        numbers: By alternative, one per replication.
        pairs: By alternative but the baseline, one per replication.
    """

    file: ScenarioFile
    numbers: Mapping[str, Sequence[ReplicationNumbers]]
    pairs: Mapping[str, Sequence[PairedNumbers]]

    def summary(self, name: str, confidence: float) -> dict[str, Any]:
        """Return an alternative's part of summary.json."""
        return summarise(
            self.numbers[name],
            start=self.file.scenario.period.start, flow_titles={}, deadlines={}, confidence=confidence,
        )  # fmt: skip

    def comparison(self, name: str, confidence: float) -> dict[str, dict[str, Any]]:
        """Return an alternative's entries of ``comparisons`` in summary.json, by metric."""
        return {entry["metric"]: entry for entry in compare(self.pairs[name], confidence)}


def simulated(file: ScenarioFile, names: Sequence[str], seed: int, replications: int) -> Results:
    """Simulate alternatives of a scenario, replications 1 to R.

    The horizon of restricted means is the cap of the run minus the end of measuring, as in a user's run.
    """
    numbers: dict[str, list[ReplicationNumbers]] = {name: [] for name in names}
    pairs: dict[str, list[PairedNumbers]] = {name: [] for name in names[1:]}
    horizon_s = file.horizon.cap_s - file.horizon.measure_end_s
    for number in range(1, replications + 1):
        streams = Streams(seed, number)
        documents = workload.generate(file, streams)
        found = {}
        for name in names:
            seen = engine.run(file, file.cases[name], documents, streams)
            found[name] = replication_numbers(seen, file.office, horizon_s)
            numbers[name].append(found[name].slim())
        for name, paired in pairs.items():
            paired.append(pair(found[names[0]], found[name]))
    return Results(file, numbers, pairs)


@contextmanager
def at_full_speed() -> Iterator[None]:
    """Take a coverage tracer off while millions of steps are simulated: it makes them four times slower.

    The marker ``no_cover`` does not do it in workers of pytest-xdist.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


def ends(found: Mapping[str, Any]) -> tuple[float, float]:
    """Return the ends of an estimate's interval, by its half-width."""
    return found["estimate"] - found["half_width"], found["estimate"] + found["half_width"]


def covers(found: Mapping[str, Any], exact: float, half_width_most: float) -> bool:
    """Tell whether an interval holds the exact value and is narrow enough to have missed it."""
    low, high = ends(found)
    return low <= exact <= high and found["half_width"] <= half_width_most
