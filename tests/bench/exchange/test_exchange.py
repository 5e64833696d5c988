"""Accepted, durably stored and receipted documents per second beside a bare pipeline, on both stores; only printed.

Server and load have a core each, rounds are interleaved, and every figure is a ratio of medians of one run. The
load runs on loopback, the disk is this machine's: absolute figures say little about another machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import pytest

from tests.bench.exchange.hammer import write_requests
from tests.bench.exchange.processes import Served, hammered, serving
from tests.bench.exchange.workload import elsewhere, make_folder, requests
from tests.integration.exchange.databases import Postgres

pytestmark = pytest.mark.bench

ROUNDS = 5
MESSAGES = 3000
SMALL_BYTES = 4096
LARGE_BYTES = 1024 * 1024
LARGE_MESSAGES = 60
HUGE_BYTES = 100 * 1024 * 1024
SLOWER_S = 0.001
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that syncs as PostgreSQL does by itself."""
    server = Postgres(settings=())
    yield server
    server.close()


class Bench:
    """One data directory for each server, and requests that no server has seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.senders = make_folder(folder / "sqlite")
        self._files = 0

    def another(self, name: str) -> Path:
        """A data directory of the same exchange, with a store of its own."""
        path = self.folder / name
        path.mkdir()
        for part in ("exchange", "trust"):
            (path / part).symlink_to(self.folder / "sqlite" / part)
        return path

    def requests(self, count: int, document_bytes: int, path: str = "/v1/messages") -> Path:
        """A file of new requests."""
        self._files += 1
        made = requests(self.senders, count, document_bytes, seed=self._files)
        file = self.folder / f"requests-{self._files}"
        write_requests(file, [elsewhere(one, path) for one in made])
        return file


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A new exchange."""
    return Bench(tmp_path)


def test_accepted_documents_per_second(bench: Bench, postgres: Postgres) -> None:
    """Targets: 60 % of the bare pipeline, 70 % of the own rate on a slower disk, PostgreSQL 70 % of SQLite."""
    rates: dict[str, list[float]] = {}
    with ExitStack() as stack:
        servers: dict[str, tuple[Served, str]] = {}
        for name, sync_s in (("bare", 0.0), ("bare, slower disk", SLOWER_S)):
            arguments = ["--database", str(bench.folder / f"{name}.sqlite3"), "--sync-s", str(sync_s)]
            servers[name] = (stack.enter_context(serving("bare", *arguments)), "/bare")
        servers["bare, tuned"] = (servers["bare"][0], "/tuned")
        servers["empty answer"] = (servers["bare"][0], "/empty")
        for name, arguments in {
            "exchange": [],
            "exchange, slower disk": ["--sync-s", str(SLOWER_S)],
            "exchange, PostgreSQL": ["--database", postgres.create()],
        }.items():
            data = str(bench.another(name))
            servers[name] = (
                stack.enter_context(serving("serving", "--data", data, *arguments)),
                "/v1/messages",
            )
        for _ in range(ROUNDS):
            for name, (served, path) in servers.items():
                told = hammered(served, bench.requests(MESSAGES, SMALL_BYTES, path), skip=0, count=MESSAGES)
                rates.setdefault(name, []).append(told["rate"])
    middle = {name: median(found) for name, found in rates.items()}
    lines = [
        "",
        f"{MESSAGES} messages of {SMALL_BYTES} bytes to two recipients, 64 connections, {ROUNDS} rounds",
    ]
    lines += [
        f"{name:24} {middle[name]:9,.0f}/s ({min(found):,.0f} to {max(found):,.0f}), "
        f"{middle[name] / middle['bare']:.2f} of the bare pipeline"
        for name, found in rates.items()
    ]
    slower = middle["exchange, slower disk"] / middle["exchange"]
    share = middle["exchange, PostgreSQL"] / middle["exchange"]
    lines.append(f"each sync 1 ms longer: {slower:.2f} of the own rate; PostgreSQL: {share:.2f} of SQLite")
    print("\n".join(lines))  # noqa: T201


def test_response_time_at_seventy_percent(bench: Bench) -> None:
    """Target: p99 below 100 ms where requests come at 70 % of the saturated rate, whether or not they are answered."""
    with serving("serving", "--data", str(bench.folder / "sqlite")) as served:
        saturated = [
            hammered(served, bench.requests(MESSAGES, SMALL_BYTES), skip=0, count=MESSAGES)["rate"]
            for _ in range(3)
        ]
        rate = 0.7 * median(saturated)
        found = [
            hammered(served, bench.requests(MESSAGES, SMALL_BYTES), skip=0, count=MESSAGES, rate=rate)
            for _ in range(ROUNDS)
        ]
    rows = [f"p{p} {1000 * median(one[f'response_s_p{p}'] for one in found):.1f} ms" for p in (50, 95, 99)]
    worst = 1000 * max(one["response_s_p99"] for one in found)
    print(  # noqa: T201
        f"\nopen load of {rate:,.0f}/s, 0.7 of {median(saturated):,.0f}/s, response times from the intended time, "
        f"median of {ROUNDS} rounds: {', '.join(rows)} (worst p99 {worst:.1f} ms)"
    )


def test_large_documents(bench: Bench) -> None:
    """Targets: 1 MiB documents at 100 MB/s or more, and memory that 100 MiB documents do not move."""
    with serving("serving", "--data", str(bench.folder / "sqlite")) as served:
        hammered(served, bench.requests(20, LARGE_BYTES), skip=0, count=20)
        rates = [
            hammered(served, bench.requests(LARGE_MESSAGES, LARGE_BYTES), skip=0, count=LARGE_MESSAGES)[
                "rate"
            ]
            for _ in range(3)
        ]
        before = served.memory_bytes
        hammered(served, bench.requests(4, HUGE_BYTES), skip=0, count=4)
        after = served.memory_bytes
    print(  # noqa: T201
        f"\n1 MiB documents: {median(rates) * LARGE_BYTES / 1e6:,.0f} MB/s "
        f"({min(rates) * LARGE_BYTES / 1e6:,.0f} to {max(rates) * LARGE_BYTES / 1e6:,.0f}); "
        f"memory {before / MIB:,.0f} MiB, after four documents of 100 MiB at once {after / MIB:,.0f} MiB"
    )
