"""What is remembered between the alternatives of a replication changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from sim import engine, scenario
from sim.calendars import WorkingTime
from sim.engine.memory import Memory
from sim.observations import Legs, Steps
from sim.streams import Streams
from sim.workload import generate


@pytest.mark.usefixtures("full_speed")
def test_alternatives_are_the_same_with_and_without_a_memory() -> None:
    """Every column of deliveries and steps, whichever alternative was run before."""
    sets = {"period.warm_up": "1 week", "period.measure": "1 week", "period.cool_down": "1 week"}
    file = scenario.load(scenario.find("ha-tinh"), sets=sets)
    names = ("paper", "as-found", "by-rules")
    streams, memory = Streams(3, 2), Memory()
    workload = generate(file, streams, names)
    for name in names:
        alone = engine.run(file, file.cases[name], workload, streams)
        beside = engine.run(file, file.cases[name], workload, streams, memory)
        for one, other, kind in ((alone.legs, beside.legs, Legs), (alone.steps, beside.steps, Steps)):
            for column in kind.__dataclass_fields__:
                assert np.array_equal(
                    getattr(one, column), getattr(other, column), equal_nan=column.endswith("_s")
                ), (name, column)


def test_what_was_drawn_is_not_drawn_again() -> None:
    """Times and calendars by their keys; a full memory draws again and keeps nothing."""
    drawn: list[int] = []

    def draw() -> np.ndarray:
        drawn.append(1)
        return np.zeros(4)

    memory = Memory(bytes_max=48)
    for key in ("a", "a", "b", "b"):
        memory.times(key, draw)
    assert len(drawn) == 3  # 32 bytes are kept, the next 32 do not fit
    always = WorkingTime.from_intervals([(0.0, 10.0)], 10.0)
    assert memory.duty("clerk", lambda: always) is memory.duty("clerk", lambda: always)
