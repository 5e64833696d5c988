"""Exchanges that are broken on purpose: the simulation finds each of them, for the right reason."""

from __future__ import annotations

import re

import pytest

from tests.simulation.broken import BROKEN, Broken
from tests.simulation.trace import Violation
from tests.simulation.world import World

SEEDS_MAX = 60


@pytest.mark.usefixtures("full_speed")
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_exchange_is_found(broken: Broken) -> None:
    """Within a few seeds a run says which promise it breaks."""
    found = list[str]()
    for seed in range(SEEDS_MAX):
        try:
            World(seed, broken.build, broken.odds).run()
        except Violation as violation:
            if re.search(broken.breaks, str(violation)):
                return
            found.append(str(violation))
    pytest.fail(f"not found in {SEEDS_MAX} seeds, but: {found}")
