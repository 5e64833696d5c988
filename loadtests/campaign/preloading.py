"""Filling a store before a run: a closed loop of a few threads, as fast as the exchange takes messages.

Rule kept here: what fills a store is no load and is not measured; its ids are of a run of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import numpy as np

from loadtests.adapters.base import NoAnswer
from loadtests.campaign.auditing import asking, ready
from loadtests.harness.plan import Plan
from loadtests.harness.schedule_building import Drawn, build
from loadtests.harness.sizes import Sizes
from sim.errors import RunError

THREADS: Final = 8
TIMEOUT_S: Final = 60.0
_SOME: Final = 32
"""Messages that are sent between two looks at how far it is."""


def preload(
    plan: Plan, agencies: int, count: int, size_bytes: int, progress: Callable[[float, float, str], None]
) -> int:
    """Send so many messages, each to one recipient; how many were accepted.

    Args:
        plan: Of the run that follows: its target, adapter and options.
        agencies: How many there are.
        count: Of messages.
        size_bytes: Of each document.
        progress: Told how far it is.

    Raises:
        RunError: ``E-PRELOAD``: the exchange refused one, or gave no answer.
    """
    schedule = build(
        np.zeros(count),
        Drawn(1, Sizes("preload", (size_bytes,))),
        seed=plan.seed,
        agencies=agencies,
        duration_s=1.0,
    )
    adapter = ready(replace(plan, nonce=os.urandom(6).hex()), schedule)

    def send(number: int) -> bool:
        try:
            return adapter.submit(adapter.sign(adapter.make(number)), io).taken is True
        except NoAnswer:
            return False

    accepted = 0
    with asking(plan.target, TIMEOUT_S) as io, ThreadPoolExecutor(THREADS) as threads:
        for first in range(0, count, _SOME):
            progress(0.0, 0.0, f"filling the store: {first} of {count} messages")
            accepted += sum(threads.map(send, range(first, min(first + _SOME, count))))
    if accepted < count:
        found = f"the exchange took {accepted} of {count} messages that should fill its store"
        raise RunError("E-PRELOAD", found, "see .server/server.log in the folder of the run")
    return accepted
