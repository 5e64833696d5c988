"""The writer: one thread through which everything is written, many items to a commit.

Rule kept here: an answer is known to nobody before what it stands on is durable, and no signed time lies before an
earlier one, whatever the clock does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Generic, TypeVar

from loadtests.endpoint.folder import Identity
from loadtests.endpoint.store.base import Audited, Statement, StoredCheckpoint, Writing
from loadtests.exchange import checkpoint, evidence
from loadtests.exchange.checkpoint import Checkpoint
from loadtests.exchange.effects import Commit, Effect, Locate, Sign, drive
from loadtests.exchange.errors import Refusal
from loadtests.exchange.records import Item, Unit
from loadtests.exchange.sequencer import Sequencer

T = TypeVar("T")
SETTLE_EVERY_S: Final = 0.2
"""How often a database that failed is asked what became of the last commit; submissions wait for the answer."""


class Lasting(asyncio.Future[T]):
    """A future that nobody can call off: who is cancelled while awaiting it hears of it when the result is there."""

    def cancel(self, msg: Any | None = None) -> bool:  # noqa: ARG002 - as asyncio names it
        """Do nothing: what was handed to another thread goes on."""
        return False


@dataclass(frozen=True, slots=True)
class _Sealing:
    item: Item
    future: Lasting[bytes]


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    work: Callable[[], T]
    future: Lasting[T]


_Asked = _Sealing | _Job[Any] | None
"""What the thread is asked for; None is the end."""
_Answer = tuple[Lasting[Any], Any, BaseException | None]


def _nothing(_: tuple[Unit, ...], __: float) -> None:
    """Nobody wants to know."""


class Writer:
    """The only one that writes to the store; used from one event loop.

    Args:
        store: Where to.
        identity: Who signs.
        clock: The time, s since the epoch, UTC.
        signed_at: The latest time that this exchange is known to have signed.
        group_max: Items in one commit at most, at least 1.
        sealed: Told on the event loop of each group that was committed, and of the seconds that this took.
    """

    def __init__(
        self,
        store: Writing,
        identity: Identity,
        clock: Callable[[], float],
        *,
        signed_at: int,
        group_max: int,
        sealed: Callable[[tuple[Unit, ...], float], None] = _nothing,
    ) -> None:
        self._store = store
        self._identity = identity
        self._clock = clock
        self._signed_at = signed_at
        self._group_max = group_max
        self._sealed = sealed
        self._sequencer = Sequencer(identity.name)
        self._asked: list[_Asked] = []
        self._queue: SimpleQueue[list[_Asked]] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None

    # --- on the event loop ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to write; called on the event loop that will ask."""
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Write all that was asked for, then end; whoever asks afterwards gets ``not-ready``."""
        thread, self._thread = self._thread, None
        if thread is not None and self._loop is not None:
            self._ask(None)
            await self._loop.run_in_executor(None, thread.join)

    def seal(self, item: Item) -> Lasting[bytes]:
        """Give the item a leaf; its evidence, when it is durable.

        Raises:
            Refusal: In the future: what the store refuses with; at once: ``not-ready``.
        """
        future: Lasting[bytes] = self._future()
        self._ask(_Sealing(item, future))
        return future

    def keep(self, audited: Audited) -> Lasting[None]:
        """Keep evidence of a rejection; see ``Writing.keep``."""
        return self.call(lambda: self._store.keep(audited))

    def state(self, statement: Statement) -> Lasting[bytes]:
        """Keep a statement outside the log; see ``Writing.state``."""
        return self.call(lambda: self._store.state(statement))

    def mark(self) -> Lasting[StoredCheckpoint]:
        """Sign the log as it is now, and keep the checkpoint; it may be given out when the future says so."""
        return self.call(self._mark)

    def call(self, work: Callable[[], T]) -> Lasting[T]:
        """Have this done in the writer's thread, between two commits.

        Raises:
            Refusal: ``not-ready``, at once.
        """
        future: Lasting[T] = self._future()
        self._ask(_Job(work, future))
        return future

    def _ask(self, asked: _Asked) -> None:
        """Hand over once for each turn of the loop: waking the thread for every item costs more than sealing it."""
        if not self._asked:
            self._loop.call_soon(self._hand_over)  # type: ignore[union-attr] # not None between start and stop
        self._asked.append(asked)

    def _hand_over(self) -> None:
        asked, self._asked = self._asked, []
        self._queue.put(asked)

    def _future(self) -> Lasting[Any]:
        if self._thread is None:
            raise Refusal("not-ready", "the exchange is starting or stopping", "send it again in a moment")
        return Lasting(loop=self._loop)

    # --- in the writer's thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            waiting = self._waiting()
            going = None not in waiting
            sealings = [one for one in waiting if type(one) is _Sealing]
            for first in range(0, len(sealings), self._group_max):
                self._seal(sealings[first : first + self._group_max])
            for one in waiting:
                if type(one) is _Job:
                    self._answer([self._done(one)])

    def _waiting(self) -> list[_Asked]:
        """All that is asked for by now; waits for the first, and meanwhile finds out what became of a commit."""
        while not self._store.settle():
            with suppress(Empty):
                waiting = self._queue.get(timeout=SETTLE_EVERY_S)
                break
        else:
            waiting = self._queue.get()
        try:
            while True:
                waiting += self._queue.get_nowait()
        except Empty:
            return waiting

    def _seal(self, sealings: list[_Sealing]) -> None:
        begun_s = time.perf_counter()
        items = tuple(one.item for one in sealings)
        try:
            units = drive(self._sequencer.seal(items, self._now()), self._perform)
        except Exception as fault:  # whoever waits must hear of it, whatever it is
            self._answer([(one.future, None, _own(fault)) for one in sealings])
            return
        answers: list[_Answer] = [
            (one.future, unit.receipt, None) for one, unit in zip(sealings, units, strict=True)
        ]
        self._answer(answers, units, time.perf_counter() - begun_s)

    def _perform(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Sign):
            identity = self._identity
            return tuple(
                evidence.sign(one, identity.key, identity.certificate_sha256) for one in effect.evidences
            )
        if isinstance(effect, Commit):
            return self._store.commit(effect.group)
        if isinstance(effect, Locate):
            return self._store.locate()
        message = f"the sequencer asks for {type(effect).__name__}"
        raise TypeError(message)

    def _done(self, job: _Job[Any]) -> _Answer:
        try:
            return job.future, job.work(), None
        except Exception as fault:  # whoever waits must hear of it, whatever it is
            return job.future, None, fault

    def _mark(self) -> StoredCheckpoint:
        log, at, identity = self._store.locate(), self._now(), self._identity
        head = Checkpoint(identity.name, log.size, log.root(), at)
        compact = checkpoint.sign(head, identity.key, identity.certificate_sha256)
        made = StoredCheckpoint(log.size, at, compact)
        self._store.mark(made)
        return made

    def _now(self) -> int:
        self._signed_at = max(self._signed_at, int(self._clock()))
        return self._signed_at

    def _answer(self, answers: list[_Answer], units: tuple[Unit, ...] = (), took_s: float = 0.0) -> None:
        """Tell everybody in one call: waking the event loop costs more than all the rest of it."""
        with suppress(
            RuntimeError
        ):  # the loop is closed: nobody waits any more, and what is durable stays so
            self._loop.call_soon_threadsafe(self._tell, answers, units, took_s)  # type: ignore[union-attr]

    def _tell(self, answers: list[_Answer], units: tuple[Unit, ...], took_s: float) -> None:
        for future, result, fault in answers:
            if fault is None:
                future.set_result(result)
            else:
                future.set_exception(fault)
        if units:
            self._sealed(units, took_s)


def _own(fault: Exception) -> Exception:
    """A refusal of its own for everybody who waits: each is thrown into another machine."""
    return type(fault)(*fault.args) if isinstance(fault, Refusal) else fault
