"""The votes that probes at one rate have cast.

Rule kept here: INVALID has no vote; INCONCLUSIVE has one only where nothing better is to be had.
"""

from __future__ import annotations

from dataclasses import dataclass

from loadtests.harness.search.asking import Probe, Settings
from loadtests.harness.verdict import Outcome


@dataclass(slots=True)
class Tally:
    """The votes at one rate.

    Args:
        settings: How many of them decide.
        passes: Probes that held.
        fails: Probes that did not.
        unsure: Probes that proved nothing.
        leaning: Of those, by how many more had estimates within the bounds than above.
    """

    settings: Settings
    passes: int = 0
    fails: int = 0
    unsure: int = 0
    leaning: int = 0

    def add(self, found: Probe) -> None:
        """Count a probe."""
        self.passes += found.outcome is Outcome.PASS
        self.fails += found.outcome is Outcome.FAIL
        if found.outcome is Outcome.INCONCLUSIVE:
            self.unsure += 1
            self.leaning += {True: 1, False: -1, None: 0}[found.leans]

    @property
    def votes(self) -> int:
        """All that count."""
        return self.passes + self.fails + self.unsure

    @property
    def asked_enough(self) -> bool:
        """No further probe is made for its own sake."""
        return self.votes >= self.settings.votes_max or self.unsure >= self.settings.unsure_max

    @property
    def decided(self) -> bool:
        """It held or it did not, for now."""
        return self.passes != self.fails or self.asked_enough

    @property
    def held(self) -> bool:
        """By the majority; where nothing was proved, by the estimates."""
        return self.passes > self.fails or (self.passes == self.fails and self.leaning > 0)

    def sure(self, lead: int) -> bool:
        """Decided by so many votes that it may be an end of the interval."""
        return abs(self.passes - self.fails) >= lead or self.asked_enough
