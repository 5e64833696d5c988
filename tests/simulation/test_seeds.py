"""Many worlds, each from its seed: the exchange keeps its promises in all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from time import monotonic

import pytest

from tests.simulation.trace import Violation
from tests.simulation.world import World

SEEDS_OF_A_BLOCK = 10
SOAK_SEEDS = 5000
MET_IN_EVERY_BLOCK = (
    "receipt",
    "collected-by",
    "handed-over",
    "expired",
    "power-cut",
    "killed",
    "opened",
    "request-lost",
    "answer-lost",
    "request-duplicated",
    "answer-duplicated",
    "commit-refused",
    "commit-answer-lost",
    "commit-late",
    "late-commit-landed",
    "commit-sync-failed",
    "file-sync-failed",
    "database-full",
    "disk-full",
    "database-gone",
    "file-collected",
    "given-up",
    "hand-over-refused",
    "FindEvent",
    "Keep",
)


def broken_promise(seed: int) -> str | None:
    """What is wrong in the world of this seed, with the command that shows it; None where nothing is."""
    try:
        World(seed).run()
    except Violation as violation:
        return f"{violation}\n    CONGVAN_SEED={seed} pytest tests/simulation -k replay -s --no-cov"
    return None


@pytest.mark.usefixtures("full_speed")
@pytest.mark.parametrize("block", range(10))
def test_promises_are_kept(block: int) -> None:
    """Ten worlds: whatever was lost, killed, full or late, no promise is broken, and all that may happen happens."""
    counts = Counter[str]()
    for seed in range(block * SEEDS_OF_A_BLOCK, (block + 1) * SEEDS_OF_A_BLOCK):
        world = World(seed)
        try:
            world.run()
        except Violation:
            pytest.fail(broken_promise(seed) or f"seed {seed} breaks a promise, and not when it runs again")
        counts += world.trace.counts
    missing = [name for name in MET_IN_EVERY_BLOCK if not counts[name]]
    assert not missing


@pytest.mark.usefixtures("full_speed")
def test_replay() -> None:
    """The same seed gives the same trace; with CONGVAN_SEED that trace is printed, also of a run that fails."""
    asked = os.environ.get("CONGVAN_SEED")
    world = World(int(asked or 4))
    try:
        world.run()
    finally:
        if asked is not None:
            sys.stdout.write(f"\n{world.trace.text()}\n")
    again = World(int(asked or 4))
    again.run()
    assert again.trace.digest() == world.trace.digest()


@pytest.mark.usefixtures("full_speed")
def test_another_process_has_the_same_trace() -> None:
    """Nothing hangs on the order of sets, which differs from process to process."""
    world = World(5)
    world.run()
    program = (
        "from tests.simulation.world import World; world = World(5); world.run(); print(world.trace.digest())"
    )
    other_order = os.environ | {"PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"}
    told = subprocess.run(
        [sys.executable, "-c", program], env=other_order, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == world.trace.digest()


@pytest.mark.usefixtures("full_speed")
def test_another_seed_has_another_trace() -> None:
    """The seed matters, or a hundred of them would prove no more than one."""
    digests = set()
    for seed in (6, 7):
        world = World(seed)
        world.run()
        digests.add(world.trace.digest())
    assert len(digests) == 2


@pytest.mark.soak
def test_promises_are_kept_in_thousands_of_worlds() -> None:
    """As above, on all processors; CONGVAN_SEEDS says how many, and they are others than above."""
    count, first, begun_s = int(os.environ.get("CONGVAN_SEEDS", SOAK_SEEDS)), 1000, monotonic()
    broken = list[str]()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        runs = [pool.submit(broken_promise, seed) for seed in range(first, first + count)]
        for done, run in enumerate(as_completed(runs), start=1):
            if found := run.result():
                broken.append(found)
                sys.stdout.write(f"\n{found}\n")
            if done % 100 == 0 or done == count:
                rate = done / (monotonic() - begun_s)
                sys.stdout.write(f"\r{done} of {count} worlds, {rate:.1f}/s, {len(broken)} broken")
                sys.stdout.flush()
    assert not broken
