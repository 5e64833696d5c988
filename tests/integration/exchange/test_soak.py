"""For minutes what the short tests do for seconds: ``CONGVAN_SOAK_S`` s for each test, 600 if nothing is said."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.integration.exchange.aftermath import require_growing, require_sound
from tests.integration.exchange.crashing import PATIENCE_S, Place, Server
from tests.integration.exchange.crowd import Crowd, Ledger, at_work
from tests.integration.exchange.databases import Postgres

pytestmark = pytest.mark.soak

SOAK_S = float(os.environ.get("CONGVAN_SOAK_S", "600"))
WARM_S = min(60.0, SOAK_S / 5)
"""After so long all caches of a server are as full as they get."""
MIB = 2**20
HUGE_BYTES = 100 * MIB
GROWTH_BYTES_MAX = 64 * MIB
"""What memory may grow by after that: less than one of the documents that went through by then."""
LIFE_S_MEAN = 2.0
STEP_PAUSE_S = 0.1


def test_kills_for_a_long_time(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Servers that live a few seconds each, at random, and a database that crashes now and then: nothing is lost."""
    seed = int(time.time())
    chance, ledger = random.Random(seed), Ledger()
    postgres: Postgres | None = request.getfixturevalue("postgres") if "://" in database_url else None
    crashes = 0
    until_s = time.monotonic() + SOAK_S
    with Place.made(tmp_path / "data", database_url) as place:
        with Crowd(place, ledger, seed=seed, pause_s=STEP_PAUSE_S) as crowd:
            while time.monotonic() < until_s:
                server = place.start()
                if chance.random() < 0.9:
                    server.ready()
                    crowd.receipts(1)
                time.sleep(min(chance.expovariate(1 / LIFE_S_MEAN), 5 * LIFE_S_MEAN))
                if postgres is not None and chance.random() < 0.1:
                    postgres.kill()
                    postgres.start()
                    crashes += 1
                server.kill()
                crowd.require_well()
            server = place.start().ready()
            crowd.receipts(20)
        require_growing(place, ledger)
        assert server.end() == 0
        found = require_sound(place, ledger)
        print(  # noqa: T201
            f"\nseed {seed}: {len(place.servers) - 1} servers and {crashes} databases killed in {SOAK_S:.0f} s; "
            f"{found.messages} messages, {found.events} events, {found.documents} documents, "
            f"{len(ledger.heads)} heads of the log, {ledger.replayed} replays; problems {dict(ledger.problems)}"
        )


def test_memory_stays_flat(database_url: str, tmp_path: Path) -> None:
    """After a minute a server at work has all the memory it needs, whatever streams through it."""
    ledger, over = Ledger(), Event()
    huge = tmp_path / "huge.bin"
    huge.write_bytes(random.Random(0).randbytes(HUGE_BYTES))
    faults: list[BaseException] = []
    streamed: list[float] = []

    def stream() -> None:
        """Send and collect documents of a hundred megabytes, one after the other."""
        try:
            with at_work(place, ledger) as worker:
                while not over.wait(1.0):
                    begun_s = time.monotonic()
                    sent = worker.submit(worker.letter(huge))
                    streamed.append(time.monotonic() - begun_s)
                    worker.read(sent.evidence.recipients[0], sent.ref)
        except BaseException as fault:  # raised below
            faults.append(fault)

    with Place.made(tmp_path / "data", database_url) as place:
        server = place.start().ready()
        thread = Thread(target=stream)
        thread.start()
        try:
            with Crowd(place, ledger, pause_s=STEP_PAUSE_S) as crowd:
                samples = _sampled(server, crowd, faults)
        finally:
            over.set()
            thread.join(PATIENCE_S)
        assert not faults, faults
        assert streamed
        require_growing(place, ledger)
        assert server.end() == 0
        found = require_sound(place, ledger)
    warm, most = samples[round(WARM_S)], max(samples[round(WARM_S) :])
    series = ", ".join(f"{one / MIB:.0f}" for one in samples[:: max(1, len(samples) // 20)])
    print(  # noqa: T201
        f"\n{SOAK_S:.0f} s, {found.messages} messages, {len(streamed)} documents of 100 MiB "
        f"({HUGE_BYTES / 1e6 * len(streamed) / sum(streamed):.0f} MB/s beside the rest); memory "
        f"{warm / MIB:.0f} MiB after {WARM_S:.0f} s, {most / MIB:.0f} MiB at most afterwards; over time {series}"
    )
    assert most <= warm + GROWTH_BYTES_MAX


def _sampled(server: Server, crowd: Crowd, faults: list[BaseException]) -> list[int]:
    """The memory of a server, every second."""
    samples: list[int] = []
    begun_s = time.monotonic()
    while (spent_s := time.monotonic() - begun_s) < SOAK_S and not faults:
        samples.append(server.memory_bytes)
        crowd.require_well()
        time.sleep(max(0.0, len(samples) - spent_s))
    return samples
