"""Disks that are full or cannot be written to: a clear answer, nothing lost, and work goes on when there is room.

Without rights on the machine a limit on the size of files stands for the disk: whatever grows beyond it fails in the
system call, as on a disk without room. Where the tests may mount, real small disks are used beside it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from loadtests.attempts import Problem, Retries
from loadtests.client import Prepared
from tests.integration.exchange.aftermath import require_growing, require_sound
from tests.integration.exchange.crashing import Place, until
from tests.integration.exchange.crowd import LARGE_BYTES, Crowd, Ledger, Worker, at_work

pytestmark = pytest.mark.usefixtures("full_speed")

MIB = 2**20
ONCE = Retries(attempts_max=1)
FULL = {(507, "store-full", True), (503, "store-unavailable", True)}
ALWAYS = {(409, "message-in-flight", True), (401, "request-expired", False)}


def refused(worker: Worker, prepared: Prepared) -> tuple[int, str, bool]:
    """Status, code and ``retryable`` of the answer to a message that is not taken."""
    with pytest.raises(Problem) as caught:
        worker.submit(prepared, ONCE)
    assert caught.value.evidence is None, "a disk is no reason to reject a message"
    return caught.value.status, caught.value.code, caught.value.retryable


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """Messages are refused for the time being, what was accepted is read, and the process goes on when it can."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", "") as place, at_work(place, ledger) as worker:
        server = place.start().ready()
        before = worker.submit(worker.letter(10))
        server.limit_files(0)
        small, large = worker.letter(10), worker.letter(LARGE_BYTES)
        assert refused(worker, small) in FULL
        assert refused(worker, large) in FULL
        worker.read(before.evidence.recipients[0], before.ref)
        assert place.arriving == []
        server.limit_files(None)
        for prepared in (small, large):
            assert not worker.submit(prepared).replayed
        assert server.end() == 0
        require_sound(place, ledger)


def test_a_disk_that_is_full_for_large_documents(database_url: str, tmp_path: Path) -> None:
    """Where a document finds no room nothing is left of it, others are taken, and the same bytes are later."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", database_url) as place, at_work(place, ledger) as worker:
        server = place.start().ready()
        worker.submit(worker.letter(10))
        server.limit_files(2 * MIB)
        large = worker.letter(3 * MIB)
        assert refused(worker, large) in FULL
        assert place.arriving == []
        worker.submit(worker.letter(10))
        worker.submit(worker.letter(MIB))
        server.limit_files(None)
        assert not worker.submit(large).replayed
        assert server.end() == 0
        found = require_sound(place, ledger)
        assert found.remarks == ()


def test_a_disk_that_is_full_now_and_then(tmp_path: Path) -> None:
    """Clients at work while the disk refuses again and again get all their receipts in the end."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", "") as place:
        server = place.start().ready()
        with Crowd(place, ledger) as crowd:
            for size_bytes in (0, 64 * 1024, 0):
                crowd.receipts(20)
                wanted = count(ledger) + 10
                server.limit_files(size_bytes)
                until(partial(refusals, ledger, wanted), "clients that are refused")
                server.limit_files(None)
            crowd.receipts(20)
        assert set(ledger.problems) - ALWAYS <= FULL
        require_growing(place, ledger)
        assert server.end() == 0
        require_sound(place, ledger)


def refusals(ledger: Ledger, wanted: int) -> bool:
    """Whether clients were told so often that there is no room."""
    return count(ledger) >= wanted


def count(ledger: Ledger) -> int:
    """How often clients were told that there is no room."""
    return sum(ledger.problems[one] for one in FULL)


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    """Where not even the log has room, whom the operator suspends is suspended all the same, then and afterwards."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", "") as place, at_work(place, ledger) as worker:
        command = place.command(trust_every_s=0.02)
        server = place.run(["sh", "-c", 'exec "$@" 2>>"$0"', str(tmp_path / "log"), *command]).ready()
        small = worker.letter(10)
        server.limit_files(0)
        assert refused(worker, small) in FULL
        folder, code = place.folder, small.manifest.sender
        for suspended in (True, False, True, False):
            registry = folder.registry()
            changed = registry.suspend if suspended else registry.resume
            folder.write_registry(changed(code, at=int(time.time())))
            until(partial(is_suspended, place, code, suspended), "a registry that is read again", 10.0)
        server.limit_files(None)
        worker.submit(small)
        assert server.end() == 0
        require_sound(place, ledger)
        assert '"code":"accepted"' in (tmp_path / "log").read_text("utf-8")


def is_suspended(place: Place, code: str, wanted: bool) -> bool:
    """Whether an exchange says that an agency is suspended, or that it is not."""
    agencies = httpx.get(f"{place.url}/v1/agencies", trust_env=False).json()["agencies"]
    return any(one["code"] == code and one["suspended"] is wanted for one in agencies)


@contextmanager
def disk(path: Path, *options: str) -> Iterator[None]:
    """A file system of its own at a folder; skips where the tests may not mount."""
    mounted = subprocess.run(["mount", *options, str(path)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no right to mount: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def test_a_small_disk(database_url: str, tmp_path: Path) -> None:
    """On a real disk without room both kinds of documents are refused as such, and accepted when there is some."""
    ledger, small_disk = Ledger(), tmp_path / "disk"
    small_disk.mkdir()
    with (
        disk(small_disk, "-t", "tmpfs", "-o", "size=24m", "tmpfs"),
        Place.made(small_disk / "data", database_url) as place,
        at_work(place, ledger) as worker,
    ):
        server = place.start().ready()
        worker.submit(worker.letter(10))
        fill(small_disk / "ballast")
        large = worker.letter(3 * MIB)
        assert refused(worker, large) == (507, "store-full", True)
        assert place.arriving == []
        small = [worker.letter(60_000) for _ in range(20)]
        if place.database is None:
            answers = {answer_to(worker, one) for one in small}
            assert (507, "store-full", True) in answers
            assert answers <= {None, *FULL}
        (small_disk / "ballast").unlink()
        for prepared in (large, *small):
            worker.submit(prepared)
        assert server.end() == 0
        require_sound(place, ledger)


def fill(path: Path) -> None:
    """Write a file until there is no room."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def answer_to(worker: Worker, prepared: Prepared) -> tuple[int, str, bool] | None:
    """The problem that a message meets; None where it is taken."""
    try:
        worker.submit(prepared, ONCE)
    except Problem as problem:
        return problem.status, problem.code, problem.retryable
    return None


def test_a_folder_that_became_read_only(tmp_path: Path) -> None:
    """Where documents cannot become files, large ones are refused and small ones taken, until the folder is mended."""
    ledger = Ledger()
    with Place.made(tmp_path / "data", "") as place, at_work(place, ledger) as worker:
        server = place.start().ready()
        worker.submit(worker.letter(LARGE_BYTES))
        incoming = str(place.folder.incoming_path)
        large = worker.letter(LARGE_BYTES)
        with disk(place.folder.incoming_path, "--bind", "-o", "ro", incoming):
            assert refused(worker, large) == (503, "store-unavailable", True)
            worker.submit(worker.letter(10))
        worker.submit(large)
        assert server.end() == 0
        require_sound(place, ledger)


def test_a_read_only_disk_at_the_start(tmp_path: Path) -> None:
    """A server whose data directory cannot be written to does not start, and says why in one line."""
    with Place.made(tmp_path / "data", "") as place:
        place.start().ready()
        place.servers[-1].end()
        with disk(place.data, "--bind", "-o", "ro", str(place.data)):
            words = ["serve", "--data", str(place.data), "--port", "0"]
            server = place.run([sys.executable, "-m", "sim.cli", *words])
            until(lambda: server.process.poll() is not None, "the end of a server that must not start")
            assert server.end() == 2
            assert len(server.told.splitlines()) <= 2, server.told
            assert "Read-only" in server.told
        place.start().ready()
