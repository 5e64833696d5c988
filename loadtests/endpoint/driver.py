"""The driver: performs what the machines of the protocol ask for, on the event loop.

Rule kept here: ``effects`` says what a driver owes a machine. In short: whatever an effect fails with is thrown in,
only ``Receive`` may be cut short by a sender that goes away, and everything else is performed to its end.

A request costs no task, no thread and no lock of its own: a machine runs inside the task of its request, what is
pure or in memory is done in place, and only the writer, the disk and a database on the network are waited for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import Any, Final, TypeVar

from loadtests.endpoint.folder import Identity
from loadtests.endpoint.limits import Quotas
from loadtests.endpoint.store.base import Audited, Reading
from loadtests.endpoint.writer import Lasting, Writer
from loadtests.exchange import evidence
from loadtests.exchange.effects import (
    Effect,
    Find,
    FindEntry,
    FindEvent,
    Keep,
    Look,
    Machine,
    Receive,
    Release,
    Reserve,
    Seal,
    Sign,
    Verify,
    VerifyReport,
)
from loadtests.exchange.errors import Refusal
from loadtests.exchange.manifest import Manifest
from loadtests.exchange.records import EntryKey, Key, MessageKey, Stored
from loadtests.exchange.reporting_verification import AuthenticReport
from loadtests.exchange.terms import Known, View
from loadtests.exchange.verification import Authentic, Received

T = TypeVar("T")
_Found = Authentic | AuthenticReport
Receiver = Callable[[Manifest], Awaitable[tuple[Received, ...]]]
ENTRY_WAIT_S_MAX: Final = 2.0
"""How long a reservation of an entry waits for the one before: nobody holds one longer than a commit takes."""
FINDS_MAX: Final = 256
"""Keys in one question to the store."""


class Threads:
    """Runs functions in threads, for futures that nobody can call off.

    Args:
        executor: The threads.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def call(self, work: Callable[..., T], *arguments: object) -> Lasting[T]:
        """What the function gives or raises."""
        loop = asyncio.get_running_loop()
        future: Lasting[T] = Lasting(loop=loop)

        def run() -> None:
            try:
                result = work(*arguments)
            except Exception as fault:  # whoever waits must hear of it, whatever it is
                loop.call_soon_threadsafe(future.set_exception, fault)
            else:
                loop.call_soon_threadsafe(future.set_result, result)

        self._executor.submit(run)
        return future


_Asked = list[tuple[MessageKey, Lasting[Stored | None]]]


class Finder:
    """Asks for many messages at a time: all that is asked in one turn of the loop, or while an answer is on its way.

    Also where the database is a file: each question lets the writer's thread in, and waits for its turn again.

    Args:
        find: ``Reading.find``.
        threads: Where it waits; None to ask in place.
    """

    def __init__(
        self, find: Callable[[Sequence[MessageKey]], tuple[Stored | None, ...]], threads: Threads | None
    ) -> None:
        self._find = find
        self._threads = threads
        self._waiting: _Asked = []
        self._asking = False

    def find(self, key: MessageKey) -> Lasting[Stored | None]:
        """The accepted message of this key, by a question that begins after this call."""
        loop = asyncio.get_running_loop()
        future: Lasting[Stored | None] = Lasting(loop=loop)
        self._waiting.append((key, future))
        if not self._asking:
            self._asking = True
            loop.call_soon(self._ask)
        return future

    def _ask(self) -> None:
        asked, self._waiting = self._waiting[:FINDS_MAX], self._waiting[FINDS_MAX:]
        self._asking = bool(asked)
        if not asked:
            return
        keys = [key for key, _ in asked]
        if self._threads is not None:
            answer = self._threads.call(self._find, keys)
        else:
            answer = Lasting(loop=asyncio.get_running_loop())
            try:
                answer.set_result(self._find(keys))
            except Exception as fault:  # whoever waits must hear of it, whatever it is
                answer.set_exception(fault)
        answer.add_done_callback(lambda future: self._tell(asked, future))

    def _tell(self, asked: _Asked, answer: asyncio.Future[tuple[Stored | None, ...]]) -> None:
        self._ask()
        fault = answer.exception()
        for place, (_, future) in enumerate(asked):
            if fault is None:
                future.set_result(answer.result()[place])
            else:
                future.set_exception(type(fault)(*fault.args) if isinstance(fault, Refusal) else fault)


class Reservations:
    """Which machine works on what; in memory, on one event loop.

    Args:
        wait_s_max: How long a reservation of an entry waits for the one before, s.
    """

    def __init__(self, wait_s_max: float = ENTRY_WAIT_S_MAX) -> None:
        self._held: dict[Key, deque[Lasting[bool]]] = {}
        self._wait_s_max = wait_s_max

    def __len__(self) -> int:
        return len(self._held)

    def take(self, key: Key) -> bool | Lasting[bool]:
        """Take the key; False where a message is being taken already, a future where an entry will soon be free."""
        waiting = self._held.get(key)
        if waiting is None:
            self._held[key] = deque()
            return True
        if not isinstance(key, EntryKey):
            return False
        loop = asyncio.get_running_loop()
        future: Lasting[bool] = Lasting(loop=loop)
        waiting.append(future)
        loop.call_later(self._wait_s_max, _give_up, future)
        return future

    def release(self, key: Key) -> None:
        """Give the key back, to who waits for it longest."""
        waiting = self._held[key]
        while waiting:
            future = waiting.popleft()
            if not future.done():
                future.set_result(True)
                return
        del self._held[key]


def _give_up(future: Lasting[bool]) -> None:
    if not future.done():
        future.set_result(False)


async def nothing_comes(_: Manifest) -> tuple[Received, ...]:
    """The ``Receiver`` of what has no body."""
    raise Refusal("request-incomplete", "there is no body", "send the documents with the manifest")


class Driver:
    """Performs effects; one for a service.

    Args:
        view: Time and trust.
        store: What is looked up.
        writer: What is written.
        identity: Who signs rejections.
        quotas: How much each agency may send.
        clock: s since the epoch, UTC.
        chains_max: Chains that are remembered, at least 1.
        verifiers: Threads that verify; None to verify in place.
        readers: Threads that look up, for a database on the network; None to look up in place.
    """

    def __init__(
        self,
        *,
        view: Callable[[], View],
        store: Reading,
        writer: Writer,
        identity: Identity,
        quotas: Quotas,
        clock: Callable[[], int],
        known: dict[bytes, Known],
        chains_max: int,
        verifiers: Threads | None = None,
        readers: Threads | None = None,
    ) -> None:
        self._view = view
        self._store = store
        self._writer = writer
        self._identity = identity
        self._quotas = quotas
        self._clock = clock
        self._known = known
        self._chains_max = chains_max
        self._verifiers = verifiers
        self._readers = readers
        finder = Finder(store.find, readers)
        self.reservations: Final = Reservations()
        # What each effect is performed by; where that gives a future, it is waited for.
        self._performers: dict[type[Effect[Any]], Callable[[Any], Any]] = {
            Look: lambda _: view(),
            Verify: self._verify,
            VerifyReport: self._verify,
            Reserve: lambda effect: self.reservations.take(effect.key),
            Release: lambda effect: self.reservations.release(effect.key),
            Find: lambda effect: finder.find(effect.key),
            FindEntry: lambda effect: self._read(store.standing, effect.key),
            FindEvent: lambda effect: self._read(store.event, effect.key),
            Seal: lambda effect: writer.seal(effect.item),
            Sign: self._sign,
            Keep: self._keep,
        }

    async def run(
        self, machine: Machine[T], receive: Receiver = nothing_comes, *, charged: bool = False
    ) -> T:
        """Drive a machine to its end.

        Args:
            machine: One that has not been started.
            receive: Reads the documents.
            charged: True for what a sender or a recipient brings: its first reservation counts against the quota
                of whoever signed it.

        Raises:
            CancelledError: It was cancelled meanwhile; the machine has ended all the same.
            Exception: What the machine ends with.
        """
        stopped: asyncio.CancelledError | None = None
        performers = self._performers
        try:
            effect = next(machine)
            while True:
                try:
                    if type(effect) is Receive:
                        result = await receive(effect.manifest)
                    else:
                        if charged and type(effect) is Reserve:
                            charged = False
                            self._charge(effect.key)
                        result = performers[type(effect)](effect)
                        if isinstance(result, Lasting):
                            try:
                                result = await result
                            except asyncio.CancelledError as stop:
                                stopped = stop
                                result = result.result()  # it is done; nobody can call it off
                except asyncio.CancelledError as stop:
                    stopped = stop
                    fault = Refusal("request-incomplete", "the server stops", "send it again in a moment")
                    effect = machine.throw(fault)
                except Exception as fault:  # whatever it is, the machine must let go of what it holds
                    effect = machine.throw(fault)
                else:
                    effect = machine.send(result)
        except StopIteration as end:
            if stopped is not None:
                raise stopped from None
            ended: T = end.value
            return ended

    # --- performing -----------------------------------------------------------------------------------------

    def _verify(self, effect: Verify | VerifyReport) -> _Found | Lasting[_Found]:
        if self._verifiers is None:
            return self._remember(effect.perform())
        perform: Callable[[], _Found] = effect.perform
        future = self._verifiers.call(perform)
        future.add_done_callback(lambda done: done.exception() or self._remember(done.result()))
        return future

    def _remember(self, found: _Found) -> _Found:
        """Keep the chain; where there are too many, what was found first goes."""
        origin = found.origin if isinstance(found, AuthenticReport) else found
        sha256 = origin.registered.sha256
        if self._known.get(sha256) is not origin.known:
            while len(self._known) >= self._chains_max:
                self._known.pop(next(iter(self._known)))
            self._known[sha256] = origin.known
        return found

    def _charge(self, key: Key) -> None:
        self._quotas.take(key.sender if isinstance(key, MessageKey) else key.recipient)

    def _read(self, ask: Callable[[Any], T], key: Any) -> T | Lasting[T]:
        return ask(key) if self._readers is None else self._readers.call(ask, key)

    def _sign(self, effect: Sign) -> tuple[bytes, ...]:
        key, certificate_sha256 = self._identity.key, self._identity.certificate_sha256
        return tuple(evidence.sign(one, key, certificate_sha256) for one in effect.evidences)

    def _keep(self, effect: Keep) -> Lasting[None]:
        said = effect.evidence
        return self._writer.keep(
            Audited(said.evidence_id, said.sender, said.message_id, self._clock(), effect.compact)
        )
