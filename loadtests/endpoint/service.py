"""The service: everything that one exchange consists of while it runs, and what it does without being asked.

Rule kept here: what cannot be read keeps what was read before, and says so; nothing that goes wrong in the background
stops the taking of messages.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Final, TypeVar

from loadtests.endpoint.arrivals import Arrivals
from loadtests.endpoint.driver import Driver, Receiver, Threads, nothing_comes
from loadtests.endpoint.folder import Folder, Identity
from loadtests.endpoint.limits import Places, Quotas
from loadtests.endpoint.logs import Log
from loadtests.endpoint.metrics import Metrics
from loadtests.endpoint.settings import ServerError, Settings
from loadtests.endpoint.store.base import Reading, Store, StoredCheckpoint
from loadtests.endpoint.store.blobs import Blobs
from loadtests.endpoint.writer import Writer
from loadtests.exchange import jws
from loadtests.exchange.effects import Machine
from loadtests.exchange.errors import ExchangeError, Refusal
from loadtests.exchange.records import Message, Unit
from loadtests.exchange.reporting import expire
from loadtests.exchange.terms import Known, Terms, Trusted, View

T = TypeVar("T")
READERS: Final = 4
"""Threads that wait for a database on the network; more would not be answered sooner by one that has two cores."""
OVERDUE_MAX: Final = 200
"""Entries that expire at a time; what is left over waits for the next look."""


class Service:
    """One exchange, for one event loop.

    Args:
        settings: How it is run.
        folder: Who it is and whom it trusts.
        store: What it keeps; closed by whoever opened it, after ``stop``.
        clock: s since the epoch, UTC.
        random: So many random bytes.
        log: What the operator is told.
        password: Of the exchange's private key, where it has one.

    Raises:
        FolderError: The folder is not as it must be.
        ServerError: ``clock-behind``.
        Refusal: ``store-unavailable``.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Folder,
        store: Store,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        log: Log,
        password: bytes | None = None,
    ) -> None:
        self.settings: Final = settings
        self.folder: Final = folder
        self.store: Final = store
        self.log: Final = log
        self._clock = clock
        self.identity: Final[Identity] = folder.identity(password)
        self.terms: Final[Terms] = settings.terms(self.identity.name)
        self._trust_token = folder.trust_changed_at()
        self.trusted: Trusted = folder.trusted()
        self.trust_fault: ExchangeError | None = None
        signed_at = _signed_at(store)
        if (behind_s := signed_at - self.clock()) > 0:
            found = f"the clock is {behind_s} s behind what this exchange signed last"
            raise ServerError("clock-behind", found, "set the clock of this machine, then start again")
        self.arrivals: Final = Arrivals()
        self.metrics: Final = Metrics()
        self.blobs: Final = Blobs(folder.blobs_path, folder.incoming_path)
        self.places: Final = Places(settings.in_flight_max, settings.retry_after_s)
        self._request_ids = map(f"{random(6).hex()}-{{:x}}".format, count(1))
        self._known: dict[bytes, Known] = {}
        self._executors: list[ThreadPoolExecutor] = []
        self.disk: Final = self._threads("disk", settings.disk_threads)
        self.writer: Final = Writer(
            store,
            self.identity,
            clock,
            signed_at=signed_at,
            group_max=settings.group_max,
            sealed=self._sealed,
        )
        self.driver: Final = Driver(
            view=self.view,
            store=store,
            writer=self.writer,
            identity=self.identity,
            quotas=Quotas(settings.agency_per_s, settings.agency_burst, time.monotonic),
            clock=self.clock,
            known=self._known,
            chains_max=settings.chains_max,
            verifiers=self._threads("verifier", settings.verifiers) if settings.verifiers else None,
            readers=self._threads("reader", READERS) if settings.database else None,
        )
        self._going = False
        self._running = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._marking: asyncio.Task[StoredCheckpoint] | None = None
        self._marked_s = float("-inf")

    # --- what others use ------------------------------------------------------------------------------------

    def clock(self) -> int:
        """The time, whole s since the epoch, UTC."""
        return int(self._clock())

    def view(self) -> View:
        """The time, and what is trusted now."""
        return View(int(self._clock()), self.trusted, self._known)

    def request_id(self) -> str:
        """An id for one request, by which it is found in the log."""
        return next(self._request_ids)

    async def run(
        self, machine: Machine[T], receive: Receiver = nothing_comes, *, charged: bool = False
    ) -> T:
        """Drive a machine to its end; see ``Driver.run``."""
        self._running += 1
        try:
            return await self.driver.run(machine, receive, charged=charged)
        finally:
            self._running -= 1

    async def checkpoint(self) -> StoredCheckpoint:
        """A signed checkpoint of the log as it is now, or as it is in a moment: they are ``checkpoint_s`` apart.

        Raises:
            Refusal: ``store-unavailable``, ``not-ready``.
        """
        if self._marking is None or self._marking.done():
            self._marking = asyncio.create_task(self._mark())
        return await asyncio.shield(self._marking)

    def require_going(self) -> None:
        """Return if messages are taken.

        Raises:
            Refusal: ``not-ready``.
        """
        if not self._going:
            raise Refusal("not-ready", "the exchange is starting or stopping", "send it again in a moment")

    def require_ready(self) -> None:
        """Return if messages are taken, and judged by the trust files as they are now.

        Raises:
            Refusal: ``not-ready``.
        """
        self.require_going()
        if self.trust_fault is not None:
            found = f"the trust files cannot be read ({self.trust_fault.code}); what was read before counts"
            raise Refusal("not-ready", found, "the operator finds the reason in the log")

    # --- starting and stopping ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to take messages, on the running event loop."""
        self.writer.start()
        self._going = True
        settings = self.settings
        for every_s, work in (
            (settings.trust_every_s, self.reload),
            (settings.expiry_every_s, self.expire_overdue),
            (settings.orphans_every_s, self._collect_orphans),
            (settings.checkpoint_every_s, self._checkpoint_grown),
        ):
            self._tasks.append(asyncio.create_task(self._repeat(every_s, work)))
        self.log.tell("started", exchange=self.identity.name, leaves=self.store.size())

    def retire(self) -> None:
        """Begin nothing more: whoever comes is told to come again, whoever waits for an inbox waits no longer."""
        self._going = False
        self.arrivals.close()

    async def stop(self) -> None:
        """Finish what was begun, then stop."""
        self.retire()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *filter(None, [self._marking]), return_exceptions=True)
        while self._running:  # each waits only for the writer, the disk, or a body whose time is bounded
            await asyncio.sleep(0.01)
        await self.writer.stop()
        for executor in self._executors:
            executor.shutdown()
        self.log.tell("stopped", exchange=self.identity.name)

    # --- in the background ----------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Read the trust files again if one of them changed; where they cannot be read, the old trust stays."""
        token = await asyncio.to_thread(self.folder.trust_changed_at)
        if token == self._trust_token and self.trust_fault is None:
            return
        try:
            self.trusted = await asyncio.to_thread(self.folder.trusted, self.trusted)
        except (
            ExchangeError
        ) as error:  # perhaps for this moment only, so it is tried again without another change
            known, self.trust_fault = self.trust_fault, error
            if known is None or known.args != error.args:
                self.log.tell("trust-unreadable", code=error.code, message=error.message)
        else:
            self._trust_token, self.trust_fault = token, None
            self.log.tell("trust-read", agencies=len(self.trusted.registry.agencies))

    async def expire_overdue(self) -> int:
        """Let entries expire that nobody answered in time; returns how many did."""
        before = self.clock() - self.settings.answer_s_max
        keys = await asyncio.to_thread(self.store.overdue, before, OVERDUE_MAX)
        ended = await asyncio.gather(
            *(self.run(expire(key, self.terms)) for key in keys), return_exceptions=True
        )
        for key, fault in zip(keys, ended, strict=True):
            if isinstance(fault, Exception):
                named = {"message_id": key.message.message_id, "recipient": key.recipient}
                self.log.fault("expiry-failed", fault, **named)
        expired = sum(isinstance(one, bytes) for one in ended)
        if expired:
            self.log.tell("expired", entries=expired)
        return expired

    async def _collect_orphans(self) -> None:
        removed = await asyncio.to_thread(
            self.blobs.collect, self.store.is_referenced, self.settings.orphan_age_s_min, self._clock()
        )
        if removed:
            self.log.tell("orphans-removed", files=removed)

    async def _checkpoint_grown(self) -> None:
        size = await asyncio.to_thread(self.store.size)
        last = await asyncio.to_thread(self.store.checkpoint)
        if size > (last.size if last else 0):
            await self.checkpoint()

    async def _mark(self) -> StoredCheckpoint:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._marked_s + self.settings.checkpoint_s - loop.time()))
        made = await self.writer.mark()
        self._marked_s = loop.time()
        return made

    async def _repeat(self, every_s: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await work()
            except Refusal as refusal:  # such as a database that is away; the next turn tries again
                self.log.tell("background", work=work.__name__, code=refusal.code, message=refusal.message)
            except Exception as fault:  # a fault of the program shall not stop the others
                self.log.fault("background", fault, work=work.__name__)

    def _sealed(self, units: tuple[Unit, ...], took_s: float) -> None:
        self.metrics.grouped(len(units), took_s)
        for unit in units:
            if isinstance(unit.item, Message):
                self.arrivals.notify(entry.recipient for entry in unit.item.inbox)

    def _threads(self, name: str, number: int) -> Threads:
        executor = ThreadPoolExecutor(number, thread_name_prefix=name)
        self._executors.append(executor)
        return Threads(executor)


def _signed_at(store: Reading) -> int:
    """The latest time that this exchange is known to have signed, s since the epoch; 0 where it signed nothing.

    Of the last leaf or the last checkpoint: what is signed never lies before them again.
    """
    times = [0]
    if (checkpoint := store.checkpoint()) is not None:
        times.append(checkpoint.issued_at)
    last = store.size() - 1
    if (message := store.message_at(last)) is not None:
        times.append(message.accepted_at)
    elif (event := store.event_at(last)) is not None:
        times.append(jws.parse(event.evidence).signed_at)
    return max(times)
