"""What a database must be able to do for the store, however it is called and reached.

Rule kept here: a connection fails with ``Refusal`` (``store-unavailable``, ``store-full``) where its database does;
it is not usable afterwards, unless only what was asked did not fit, and the next one to ask opens another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from loadtests.endpoint.store.schema import Table
from loadtests.exchange.errors import ExchangeError, Refusal

Row = tuple[Any, ...]
IDLE_MAX: Final = 8
"""Connections that wait for the next reader: more than processors that could use them, and little memory."""


class StoreError(ExchangeError):
    """The store cannot be opened; the operator must change the address, the database or its rights."""


@dataclass(frozen=True, slots=True)
class Insert:
    """New rows of a table."""

    table: Table
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Change:
    """A statement for each of these rows; each of them must change exactly one row, or nothing is done."""

    statement: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Expect:
    """A question that must be answered with exactly this row, or nothing is done."""

    statement: str
    row: Row


@dataclass(frozen=True, slots=True)
class Run:
    """A statement that may change something or not."""

    statement: str
    values: Row = ()


Step = Insert | Change | Expect | Run


class Connection(Protocol):
    """One connection, used by one thread at a time."""

    def ask(self, statement: str, values: Row = ()) -> list[Row]:
        """All rows of an answer."""
        ...

    def ask_each(self, statement: str, many: Sequence[Row]) -> list[Row | None]:
        """The first row of the answer to each of these values."""
        ...

    def write(self, steps: Sequence[Step]) -> None:
        """All steps in one transaction, durable on return; where it raises, all or nothing was done."""
        ...

    @property
    def usable(self) -> bool:
        """False after a failure, and where it is known to lead nowhere any more; costs no round trip."""
        ...

    def close(self) -> None:
        """Let go of it; never raises."""
        ...


class Database(Protocol):
    """Where connections come from."""

    tables: str
    """Statement: the names of the tables that are there."""

    def creation(self) -> list[str]:
        """Statements that make all tables."""
        ...

    def reader(self) -> Connection:
        """A new connection that only reads."""
        ...

    def writer(self) -> Connection:
        """A new connection that writes, the only one where the database can see to that."""
        ...


class Pool:
    """Connections that are used by turns, by any thread.

    Args:
        connect: Opens one.
        idle_max: How many are kept while nobody uses them.
    """

    def __init__(self, connect: Callable[[], Connection], idle_max: int = IDLE_MAX) -> None:
        self._connect = connect
        self._idle: deque[Connection] = deque()
        self._idle_max = idle_max
        self._closed = False

    @contextmanager
    def taken(self) -> Iterator[Connection]:
        """A connection for this thread; let go of where it failed."""
        connection = self.take()
        try:
            yield connection
        except BaseException:
            if connection.usable:
                self.give(connection)
            else:
                connection.close()
            raise
        self.give(connection)

    def take(self) -> Connection:
        """An idle connection, or a new one."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if connection.usable:
                return connection
            connection.close()
        return self._connect()

    def give(self, connection: Connection) -> None:
        """Take a connection back that has done what it was taken for."""
        if self._closed or len(self._idle) >= self._idle_max:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        """Close the idle ones, and the others when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


def moved_on() -> Refusal:
    """What a group is refused with that does not fit what is stored."""
    return Refusal(
        "store-unavailable",
        "the log went on, an entry has moved, or a key is there already",
        "read again what is stored, then try again",
    )
