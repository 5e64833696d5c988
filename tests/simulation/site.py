"""What outlives the exchange's program: its machine, disk and clock, and who watches.

Rule kept here: nothing here knows which run of the program it serves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import simpy

from loadtests.exchange.terms import Trusted
from tests.simulation.clocks import Clock
from tests.simulation.database import Database
from tests.simulation.files import Files
from tests.simulation.ledger import Ledger
from tests.simulation.odds import Odds
from tests.simulation.trace import Trace


@dataclass(frozen=True, slots=True)
class Site:
    """Where the exchange runs.

    Args:
        env: Time.
        odds: How bad it gets.
        rng: Draws of the program: how long things take, and the sizes of groups.
        trace: Told every step.
        clock: Time of day.
        database: The store.
        files: The folder of documents.
        ledger: Who watches the promises.
        trusted: What is trusted now.
    """

    env: simpy.Environment
    odds: Odds
    rng: Random
    trace: Trace
    clock: Clock
    database: Database
    files: Files
    ledger: Ledger
    trusted: Callable[[], Trusted]
