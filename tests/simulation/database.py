"""A database with a write-ahead log on a disk that forgets what was not synced.

Rule kept here: a transaction is prepared, written, synced and then seen, in this order; the program may be gone, or
the power, between any two of these, and what was written but not synced may then be there or not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from random import Random
from typing import Any

import simpy

from tests.simulation.odds import Odds
from tests.simulation.tables import Conflict, MakeTables, Tables, Transaction
from tests.simulation.trace import Trace

Wait = Generator[simpy.Event, Any, None]


class StoreFault(Exception):  # noqa: N818 - named for what it is, not for its kind
    """The database or the disk failed; whether anything was stored is not said."""


class DiskFull(StoreFault):
    """There is no room."""


class Weather:
    """What is wrong with disk and database now.

    Args:
        odds: How bad it gets.
        rng: Draws each fault.
    """

    def __init__(self, odds: Odds, rng: Random) -> None:
        self.odds = odds
        self.rng = rng
        self.storm = True
        self.full = False
        self.gone = False

    def strikes(self, share: float) -> bool:
        """True in that share of the asking, as long as the storm lasts."""
        return self.storm and self.rng.random() < share


class Database:
    """One database; outlives the programs that use it.

    Args:
        env: Time.
        weather: What is wrong.
        trace: Told what becomes of transactions.
        make: Makes empty tables.
    """

    def __init__(self, env: simpy.Environment, weather: Weather, trace: Trace, make: MakeTables) -> None:
        self._env = env
        self._weather = weather
        self._trace = trace
        self._make = make
        self._written: list[Transaction] = []
        self._synced = 0
        self._late: simpy.Process | None = None
        self._busy = False
        self._power_cuts = 0
        self.visible = make()
        self.durable = make()

    # --- what a program does with it ------------------------------------------------------------------------

    def check_reachable(self) -> None:
        """Return if it can be read.

        Raises:
            StoreFault: It is gone for a while.
        """
        if self._weather.gone:
            self._trace.note("database-gone")
            raise StoreFault("the database cannot be reached")

    def commit(
        self, transaction: Transaction, step: Callable[[str], None], *, syncs: bool = True
    ) -> Generator[simpy.Event, Any, None]:
        """Take a transaction: prepare, write, sync, see.

        Args:
            transaction: What is stored.
            step: Told where it stands; the program may end there.
            syncs: False for a commit that is seen without having been synced, as a broken exchange has it.

        Raises:
            StoreFault: The transaction was not stored, or it was, or it will be.
        """
        yield self._pause()
        self._prepare(transaction)
        if self._weather.strikes(self._weather.odds.late):
            self._trace.note("commit-late")
            self._late = self._env.process(self._go_on(transaction))
            raise StoreFault("the connection broke")
        self._busy = True
        try:
            yield from self._write(transaction, step, syncs=syncs)
        finally:
            self._busy = False
        if self._weather.strikes(self._weather.odds.answer_lost):
            self._trace.note("commit-answer-lost")
            raise StoreFault("the connection broke")

    def _write(self, transaction: Transaction, step: Callable[[str], None], *, syncs: bool) -> Wait:
        self._written.append(transaction)
        step("commit-written")
        yield self._pause()
        if syncs and self._weather.strikes(self._weather.odds.sync_fails):
            self._trace.note("commit-sync-failed")
            self._written.pop()
            raise StoreFault("the sync failed")
        if syncs:
            self._sync()
        step("commit-synced")
        yield self._pause()
        self.visible.apply(transaction)
        step("commit-visible")

    def settled(self) -> Wait:
        """Wait until no given-up commit is under way: what a lock that a session holds until its end gives."""
        if self._late is not None and self._late.is_alive:
            yield self._late

    def recover(self, *, syncs: bool = True) -> Wait:
        """Read what was written, after the program that wrote it ended, and make sure of it before it is shown.

        Args:
            syncs: False for a broken exchange, which shows what it found as it found it.
        """
        self.visible = self._read(len(self._written))
        yield self._pause()
        if syncs:
            self._sync()

    # --- what becomes of it ---------------------------------------------------------------------------------

    def program_ended(self, *, power: bool) -> None:
        """The program is gone; of what it was writing all is there, or nothing, and after a power cut for good."""
        if len(self._written) > self._synced:
            kept = self._weather.rng.randint(self._synced, len(self._written))
            self._trace.note("written-not-synced", len(self._written) - kept, "lost")
            del self._written[kept:]
        if power:
            self._power_cuts += 1
            self.durable = self._read(len(self._written))
            self._synced = len(self._written)
        self.visible = self._read(len(self._written))

    def _prepare(self, transaction: Transaction) -> None:
        weather = self._weather
        self.check_reachable()
        if weather.full:
            self._trace.note("database-full")
            raise DiskFull("no room in the database")
        try:
            self.visible.check(transaction)
        except Conflict as conflict:
            self._trace.note("commit-conflict", conflict)
            raise StoreFault(str(conflict)) from None
        if weather.strikes(weather.odds.commit_refused):
            self._trace.note("commit-refused")
            raise StoreFault("the database refused")

    def _go_on(self, transaction: Transaction) -> Wait:
        """A commit that was given up: the database finds out later whether it still fits."""
        rng, power_cuts = self._weather.rng, self._power_cuts
        yield self._env.timeout(rng.expovariate(1 / self._weather.odds.late_s_mean))
        while self._busy:  # another one's transaction holds the lock
            yield self._pause()
        if rng.random() < 0.3 or power_cuts != self._power_cuts:
            return
        try:
            self.visible.check(transaction)
        except Conflict:
            self._trace.note("late-commit-conflict")
            return
        self._trace.note("late-commit-landed")
        self._written.append(transaction)
        self._sync()
        self.visible.apply(transaction)

    def _sync(self) -> None:
        for transaction in self._written[self._synced :]:
            self.durable.apply(transaction)
        self._synced = len(self._written)

    def _read(self, count: int) -> Tables:
        tables = self._make()
        for transaction in self._written[:count]:
            tables.apply(transaction)
        return tables

    def _pause(self) -> simpy.Event:
        return self._env.timeout(self._weather.rng.expovariate(1 / self._weather.odds.sync_s_mean))
