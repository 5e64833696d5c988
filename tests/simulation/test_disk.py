"""The modelled disk and database forget what was not synced, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
import simpy

from tests.simulation.database import Database, StoreFault, Weather
from tests.simulation.files import Files
from tests.simulation.life import Doing, Killed
from tests.simulation.odds import Odds
from tests.simulation.tables import Marked, Tables
from tests.simulation.trace import Trace

CALM: dict[str, Any] = dict.fromkeys(
    ("late", "sync_fails", "commit_refused", "answer_lost", "loss", "duplicates", "cut"), 0.0
)
FIRST, SECOND = Marked(1, 10, b"first"), Marked(2, 20, b"second")


class Disk:
    """A database and files, with the weather that a test wants."""

    def __init__(self, seed: int = 0, **odds: Any) -> None:
        self.env = simpy.Environment()
        self.weather = Weather(replace(Odds.drawn(Random(0)), **(CALM | odds)), Random(seed))
        trace = Trace(self.env)
        self.database = Database(self.env, self.weather, trace, Tables)
        self.files = Files(self.env, self.weather, trace)

    def does(self, doing: Doing) -> Exception | None:
        """What it fails with, after it has come to its end."""

        def kept() -> Doing:
            try:
                yield from doing
            except StoreFault as fault:
                return fault

        failed: Exception | None = self.env.run(self.env.process(kept()))
        return failed

    def commits(self, transaction: Marked, killed_at: str = "") -> Exception | None:
        """A commit, in the middle of which the program may be killed."""

        def step(name: str) -> None:
            if name == killed_at:
                raise Killed

        try:
            return self.does(self.database.commit(transaction, step))
        except Killed:
            return None

    def shown(self) -> list[Marked]:
        """What programs see."""
        return self.database.visible.checkpoints


def test_what_a_commit_stored_survives_a_power_cut() -> None:
    """It was synced before it returned, and it is seen before and after."""
    disk = Disk()
    assert disk.commits(FIRST) is None
    assert disk.shown() == disk.database.durable.checkpoints == [FIRST]
    disk.database.program_ended(power=True)
    assert disk.shown() == disk.database.durable.checkpoints == [FIRST]


@pytest.mark.parametrize("power", [True, False])
def test_what_was_not_synced_is_there_as_a_whole_or_not_at_all(*, power: bool) -> None:
    """Killed between writing and syncing: either way happens, and what was synced before stays."""
    ends = set()
    for seed in range(20):
        disk = Disk(seed)
        disk.commits(FIRST)
        disk.commits(SECOND, killed_at="commit-written")
        assert disk.shown() == [FIRST]
        disk.database.program_ended(power=power)
        ends.add(len(disk.shown()))
        assert disk.shown()[:1] == [FIRST]
    assert ends == {1, 2}


def test_what_a_killed_program_left_is_not_durable_until_it_is_synced() -> None:
    """It is seen after the restart, a power cut may still take it, and ``recover`` makes sure of it."""
    disk = next(one for one in map(Disk, range(20)) if _left_behind(one))
    assert (disk.shown(), disk.database.durable.checkpoints) == ([FIRST], [])
    disk.does(disk.database.recover())
    assert disk.database.durable.checkpoints == [FIRST]


def _left_behind(disk: Disk) -> bool:
    disk.commits(FIRST, killed_at="commit-written")
    disk.database.program_ended(power=False)
    return bool(disk.shown())


def test_what_was_synced_and_not_yet_seen_is_seen_after_the_restart() -> None:
    """A transaction counts from its sync on, whoever was told."""
    disk = Disk()
    disk.commits(FIRST, killed_at="commit-synced")
    assert disk.shown() == []
    disk.database.program_ended(power=True)
    assert disk.shown() == [FIRST]


def test_a_failed_sync_stores_nothing() -> None:
    """The transaction is rolled back."""
    disk = Disk(sync_fails=1.0)
    assert isinstance(disk.commits(FIRST), StoreFault)
    disk.database.program_ended(power=False)
    assert disk.shown() == []


def test_a_commit_may_succeed_and_be_reported_as_failed() -> None:
    """The answer is lost, the transaction is not."""
    disk = Disk(answer_lost=1.0)
    assert isinstance(disk.commits(FIRST), StoreFault)
    assert disk.database.durable.checkpoints == [FIRST]


def test_a_commit_that_was_given_up_may_happen_later() -> None:
    """Nothing is there when it fails; who waits until it is settled knows what became of it."""
    ends = set()
    for seed in range(20):
        disk = Disk(seed, late=1.0)
        assert isinstance(disk.commits(FIRST), StoreFault)
        assert disk.shown() == []
        disk.does(disk.database.settled())
        settled = list(disk.shown())
        disk.env.run(until=disk.env.now + 1000)
        assert disk.shown() == settled
        ends.add(len(settled))
    assert ends == {0, 1}


def test_no_room_and_no_database_store_nothing() -> None:
    """Both fail before anything is written."""
    for spell in ("full", "gone"):
        disk = Disk()
        setattr(disk.weather, spell, True)
        assert isinstance(disk.commits(FIRST), StoreFault)
        disk.database.program_ended(power=False)
        assert disk.shown() == []


def test_a_file_is_durable_when_its_bytes_and_its_name_are() -> None:
    """Neither alone is enough."""
    disk = Disk()
    disk.files.write("a", b"content", 0)
    assert disk.files.durable("a") is None
    disk.does(disk.files.sync("a"))
    assert disk.files.durable("a") is None
    disk.does(disk.files.sync_folder())
    assert disk.files.durable("a") == b"content"
    disk.files.write("b", b"other", 0)
    disk.does(disk.files.sync_folder())
    assert disk.files.durable("b") is None
    disk.files.program_ended(power=True)
    assert disk.files.read("a") == b"content"


def test_a_power_cut_takes_names_and_tears_bytes() -> None:
    """A name without a sync may be gone; bytes without a sync may be none, a part, or all."""
    found = set()
    for seed in range(60):
        disk = Disk(seed)
        disk.files.write("a", b"content", 0)
        disk.files.program_ended(power=True)
        found.add(disk.files.read("a"))
    assert found == {None, b"", b"con", b"content"}


def test_a_killed_program_loses_no_file() -> None:
    """What it wrote is in the memory of the machine, and not durable either."""
    disk = Disk()
    disk.files.write("a", b"content", 0)
    disk.files.program_ended(power=False)
    assert (disk.files.read("a"), disk.files.durable("a")) == (b"content", None)


def test_a_failed_sync_of_a_file_is_not_mended_by_another() -> None:
    """The bytes are lost to the disk for good, although the second sync succeeds."""
    disk = Disk(sync_fails=1.0)
    disk.files.write("a", b"content", 0)
    assert isinstance(disk.does(disk.files.sync("a")), StoreFault)
    disk.weather.storm = False
    disk.does(disk.files.sync("a"))
    disk.does(disk.files.sync_folder())
    assert disk.files.durable("a") is None


def test_a_file_in_the_place_of_another_needs_its_own_sync() -> None:
    """A power cut may bring either, so both must be whole."""
    disk = Disk()
    for synced in (True, False):
        disk.files.write("incoming", b"content", 0)
        if synced:
            disk.does(disk.files.sync("incoming"))
        disk.files.rename("incoming", "a")
        disk.does(disk.files.sync_folder())
        assert (disk.files.durable("a") == b"content") is synced
