"""Clocks that are wrong: each is set forward and back during the storm, and set right after it.

Rule kept here: nobody but the world reads simulated time as the time of day.
"""

from __future__ import annotations

from collections.abc import Generator
from random import Random

import simpy

from tests.simulation.odds import CLOCK_JUMP_S_MAX, STORM_S
from tests.unit.loadtests.authorities import AT


class Clock:
    """One machine's time of day.

    Args:
        env: True time.
        rng: Draws the jumps.
        jumps: How many there are in the storm.
    """

    def __init__(self, env: simpy.Environment, rng: Random, jumps: int) -> None:
        self._env = env
        self._rng = rng
        self._off_s = 0
        if jumps:
            env.process(self._wander(jumps))

    def now(self) -> int:
        """Whole s since the epoch, UTC, as this clock has it."""
        return AT + int(self._env.now) + self._off_s

    def _wander(self, jumps: int) -> Generator[simpy.Event, None, None]:
        moments = sorted(self._rng.uniform(0, STORM_S) for _ in range(jumps))
        for moment in moments:
            yield self._env.timeout(moment - self._env.now)
            small, large = self._rng.randint(-5, 5), self._rng.randint(-CLOCK_JUMP_S_MAX, CLOCK_JUMP_S_MAX)
            self._off_s = self._rng.choice((small, large))
        yield self._env.timeout(STORM_S - self._env.now)
        self._off_s = 0
