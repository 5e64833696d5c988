"""One run of a bundled scenario in a process of its own, so that its peak memory is its own.

``python -m tests.bench.growing SCENARIO ALTERNATIVE VOLUME WEEKS`` prints one line of JSON: times in
processor seconds, memory in MiB. VOLUME multiplies the volume of every flow.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np

from sim import engine, scenario, workload
from sim.engine import model
from sim.engine.clock import Clock
from sim.streams import Streams

RSS_UNIT = 1024**2 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere


def peak_mib() -> float:
    """Return the most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / RSS_UNIT


def timed(spent: dict[str, float], name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that notes how long it takes."""

    def inner(*args: Any) -> Any:
        begun = process_time()
        result = call(*args)
        spent[name] = spent.get(name, 0.0) + process_time() - begun
        return result

    return inner


def sets_for(name: str, volume: float, weeks: int) -> dict[str, str]:
    """Return the changes that scale a scenario's volumes and set its measured period."""
    flows = scenario.load(scenario.find(name)).scenario.flows
    sets = {"period.measure": f"{weeks} weeks", "period.warm_up": "1 week"}
    if volume != 1:
        for flow, spec in flows.items():
            number, _, unit = spec.volume.text.partition(" ")
            sets[f"flows.{flow}.volume"] = f"{float(number) * volume!r} {unit}"
    return sets


def main(name: str, alternative: str, volume: float, weeks: int) -> dict[str, float]:
    """Run it once."""
    file = scenario.load(scenario.find(name), sets=sets_for(name, volume, weeks))
    loaded_mib = peak_mib()
    spent: dict[str, float] = {}
    Clock.run_while = timed(spent, "events", Clock.run_while)  # type: ignore[method-assign]
    vars(model)["observe"] = timed(spent, "write", vars(model)["observe"])
    streams = Streams(1, 1)
    documents = timed(spent, "workload", workload.generate)(file, streams)
    seen = timed(spent, "engine", engine.run)(file, file.cases[alternative], documents, streams)
    return {
        "documents": float(len(np.unique(seen.legs.doc))),
        "legs": float(len(seen.legs.leg)),
        "activities": float(len(seen.steps.doc)),
        "workload_s": spent["workload"],
        "build_s": spent["engine"] - spent["events"] - spent["write"],
        "events_s": spent["events"],
        "write_s": spent["write"],
        "loaded_mib": loaded_mib,
        "peak_mib": peak_mib(),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))))  # noqa: T201
