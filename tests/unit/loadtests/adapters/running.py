"""Servers of the harness as processes of their own, small schedules, and adapters that are set up on both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from loadtests.adapters.base import Adapter, Context, Request
from loadtests.adapters.blocking_io import BlockingIo
from loadtests.adapters.finding import load
from loadtests.adapters.reference import ReferenceAdapter
from loadtests.adapters.servers.making import Made, make_exchange
from loadtests.harness.records import Poison
from loadtests.harness.schedule import Schedule

NONCE = bytes.fromhex("0123456789ab")
AGENCIES = 4
SIZE_BYTES = 2000
PATIENCE_S = 30.0


def schedule(
    arrivals: int,
    *,
    poison: Mapping[int, Poison] | None = None,
    of: Mapping[int, int] | None = None,
    sizes: Mapping[int, int] | None = None,
    agencies: int = AGENCIES,
) -> Schedule:
    """Arrivals from each agency in turn to the two after it; some are poisoned, are replays, or have another size."""
    numbers = np.arange(arrivals, dtype=np.int32)
    kinds, originals = np.zeros(arrivals, np.uint8), np.full(arrivals, -1, np.int32)
    for number, kind in (poison or {}).items():
        kinds[number] = kind
    for number, original in (of or {}).items():
        kinds[number], originals[number] = Poison.REPLAY, original
    size_bytes = np.full(arrivals, SIZE_BYTES, np.int32)
    for number, other in (sizes or {}).items():
        size_bytes[number] = other
    return Schedule(
        due_s=np.arange(arrivals, dtype=np.float64) / 100,
        sender=numbers % agencies,
        recipient_start=np.arange(arrivals + 1, dtype=np.int32) * 2,
        recipient=np.stack([(numbers + 1) % agencies, (numbers + 2) % agencies], axis=1).ravel(),
        size_bytes=size_bytes,
        urgency=np.zeros(arrivals, np.uint8),
        poison=kinds,
        of=originals,
        agencies=agencies,
        poll_due_s=np.zeros(0),
        poll_agency=np.zeros(0, np.int32),
    )


def context(
    url: str, options: Mapping[str, str], of: Schedule, nonce: bytes = NONCE, seed: int = 7
) -> Context:
    """What an adapter works with."""
    return Context(url, options, seed, nonce, of, time.time)


def make(path: Path, agencies: int = AGENCIES) -> Made:
    """An exchange's data directory with so many agencies."""
    named = [(f"000.00.{number:02}.H41", f"Cơ quan {number}") for number in range(agencies)]
    return make_exchange(path, named, now=int(time.time()), random=os.urandom)


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server of ``loadtests.adapters.servers`` in a process of its own: its URL and the process."""
    command = [sys.executable, "-m", f"loadtests.adapters.servers.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, "the server did not start"
            yield json.loads(line)["url"], process
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@contextmanager
def asking(url: str) -> Iterator[BlockingIo]:
    """Connections to a server, closed in the end."""
    with BlockingIo(url, PATIENCE_S, time.perf_counter) as io:
        yield io


def wait_ready(io: BlockingIo) -> None:
    """Wait until an exchange takes signed reads: it refuses those of the second in which it began."""
    until_s = time.monotonic() + PATIENCE_S
    while io.request(Request("GET", "/readyz")).status != 200:
        assert time.monotonic() < until_s
        time.sleep(0.05)


def set_up(io: BlockingIo, at: Context) -> ReferenceAdapter:
    """A reference adapter that is ready."""
    adapter: Adapter = load(at, "reference")
    assert isinstance(adapter, ReferenceAdapter)
    adapter.setup(io)
    return adapter
