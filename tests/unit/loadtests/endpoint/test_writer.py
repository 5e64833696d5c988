"""The writer: groups, failures, time, stopping."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from loadtests.endpoint.folder import Identity
from loadtests.endpoint.store.base import Audited, StoredCheckpoint
from loadtests.endpoint.writer import Writer
from loadtests.exchange import checkpoint
from loadtests.exchange.effects import Seal
from loadtests.exchange.errors import Refusal
from loadtests.exchange.evidence import LogEntry
from loadtests.exchange.merkle import Frontier
from loadtests.exchange.receipts import check_evidence
from loadtests.exchange.records import Group, Item, Unit
from tests.unit.loadtests import exchanges
from tests.unit.loadtests.authorities import AT, key
from tests.unit.loadtests.endpoint.servers import Clock, certificate
from tests.unit.loadtests.exchanges import EXCHANGE_CERTIFICATE, ISSUER, NAME, numbered

DEADLINE_S = 10


class Store:
    """A store in memory that holds every commit until it is let through."""

    def __init__(self) -> None:
        self.inner = exchanges.Store()
        self.through = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.groups: list[Group] = []
        self.audits: list[Audited] = []
        self.marks: list[StoredCheckpoint] = []
        self.fault: Exception | None = None
        self.unknown = 0

    def locate(self) -> Frontier:
        """The log."""
        return self.inner.head

    def commit(self, group: Group) -> None:
        """Take the group when told to."""
        self.entered.release()
        assert self.through.acquire(timeout=DEADLINE_S)
        fault, self.fault = self.fault, None
        if fault is not None:
            raise fault
        self.inner.commit(group)
        self.groups.append(group)

    async def busy(self) -> None:
        """Wait until a commit is under way."""
        assert await asyncio.to_thread(self.entered.acquire, timeout=DEADLINE_S)

    def keep(self, audited: Audited) -> None:
        """Keep a rejection."""
        self.audits.append(audited)

    def state(self, _: Any) -> bytes:
        """Not asked here."""
        raise NotImplementedError

    def mark(self, made: StoredCheckpoint) -> None:
        """Keep a checkpoint."""
        self.marks.append(made)

    def settle(self) -> bool:
        """Find out, as often as ``unknown`` says in vain."""
        self.unknown -= 1
        return self.unknown < 0


def items(number: int, first: int = 0) -> list[Item]:
    """Messages that may be sealed."""
    sealed: list[Item] = []

    class Noting(exchanges.Exchange):
        def do(self, effect: Any) -> Any:
            if isinstance(effect, Seal):
                sealed.append(effect.item)
            return super().do(effect)

    exchange = Noting(exchanges.Store())
    for one in range(first, first + number):
        exchange.send(numbered(one))
    return sealed


@asynccontextmanager
async def writing(
    store: Store, clock: Clock | None = None, group_max: int = 100, signed_at: int = 0
) -> AsyncIterator[tuple[Writer, list[tuple[Unit, ...]]]]:
    """A writer that has started; it is stopped with all commits let through."""
    told: list[tuple[Unit, ...]] = []
    identity = Identity(NAME, key("exchange"), certificate(), EXCHANGE_CERTIFICATE)
    writer = Writer(
        store,
        identity,
        clock or Clock(),
        signed_at=signed_at,
        group_max=group_max,
        sealed=lambda units, _: told.append(units),
    )
    writer.start()
    try:
        yield writer, told
    finally:
        store.through.release(1000)
        await writer.stop()


def run(main: Any) -> None:
    """Run it, within the deadline."""
    asyncio.run(asyncio.wait_for(main, DEADLINE_S))


def test_all_that_waits_is_one_group() -> None:
    """What came while a commit was under way is committed together, with consecutive leaves."""

    async def main() -> None:
        store = Store()
        async with writing(store) as (writer, told):
            first, *others = items(5)
            begun = writer.seal(first)
            await store.busy()
            waiting = [writer.seal(one) for one in others]
            store.through.release(1000)
            receipts = await asyncio.gather(*waiting)
            assert begun.done()
            assert [len(group.units) for group in store.groups] == [1, 4]
            assert [len(units) for units in told] == [1, 4]
            leaves = [check_evidence(one, ISSUER).log for one in receipts]
            assert [one.leaf_index for one in leaves if one] == [1, 2, 3, 4]

    run(main())


def test_groups_have_a_limit() -> None:
    """No group is larger than it may be; what is left comes in the next one."""

    async def main() -> None:
        store = Store()
        async with writing(store, group_max=2) as (writer, _):
            first, *others = items(6)
            futures = [writer.seal(first)]
            await store.busy()
            futures += [writer.seal(one) for one in others]
            store.through.release(1000)
            await asyncio.gather(*futures)
            assert [len(group.units) for group in store.groups] == [1, 2, 2, 1]

    run(main())


def test_nobody_has_a_receipt_before_the_commit() -> None:
    """While the store is still committing, no future is done."""

    async def main() -> None:
        store = Store()
        async with writing(store) as (writer, _):
            future = writer.seal(items(1)[0])
            done, _ = await asyncio.wait([future], timeout=0.05)
            assert not done
            store.through.release()
            await future
            assert len(store.groups) == 1

    run(main())


@pytest.mark.parametrize("fault", [Refusal("store-full", "no room"), ZeroDivisionError("a fault")])
def test_a_failed_group_fails_for_all(fault: Exception) -> None:
    """Everybody of a group that failed hears why, and the next group stands on the log as it is."""

    async def main() -> None:
        store = Store()
        store.fault = fault
        async with writing(store) as (writer, _):
            first = writer.seal(items(1)[0])
            store.through.release()
            with pytest.raises(type(fault)):
                await first
            store.through.release(1000)
            receipt = await writer.seal(items(1, first=1)[0])
            found = check_evidence(receipt, ISSUER).log
            assert found is not None
            assert found.leaf_index == 0

    run(main())


def test_everybody_has_a_refusal_of_his_own() -> None:
    """A refusal that several wait for is not one object, because each is thrown into another machine."""

    async def main() -> None:
        store = Store()
        async with writing(store) as (writer, _):
            first, *others = items(3)
            begun = writer.seal(first)
            await store.busy()
            waiting = [writer.seal(one) for one in others]
            store.through.release()
            await begun
            store.fault = Refusal("store-full", "no room")
            store.through.release(1000)
            one, other = await asyncio.gather(*waiting, return_exceptions=True)
            assert isinstance(one, Refusal)
            assert isinstance(other, Refusal)
            assert one is not other

    run(main())


def test_signed_time_never_goes_back() -> None:
    """What is signed bears no earlier time than what was signed before, whatever the clock says."""

    async def main() -> None:
        store, clock = Store(), Clock(AT + 5)
        store.through.release(1000)
        async with writing(store, clock, signed_at=AT + 3) as (writer, _):
            one, two, three = items(3)
            clock.now = AT
            await writer.seal(one)
            clock.now = AT + 10
            await writer.seal(two)
            clock.now = AT + 1
            await writer.seal(three)
            marked = await writer.mark()
            times = [group.units[0].evidence.event_at for group in store.groups]
            assert times == [AT + 3, AT + 10, AT + 10]
            assert marked.issued_at == AT + 10

    run(main())


def test_jobs_come_between_groups() -> None:
    """A rejection is kept, and a checkpoint signed and kept, before their futures are done."""

    async def main() -> None:
        store = Store()
        store.through.release(1000)
        async with writing(store) as (writer, _):
            await writer.seal(items(1)[0])
            audited = Audited("rejection-1", "A", "message-1", AT, b"a.b.c")
            await writer.keep(audited)
            assert store.audits == [audited]
            made = await writer.mark()
            assert store.marks == [made]
            head = checkpoint.check(made.compact, ISSUER)
            assert (head.size, head.root, head.issued_at) == (1, store.inner.head.root(), AT)

    run(main())


def test_a_job_that_fails_is_told() -> None:
    """What a job fails with comes out of its future, and the writer goes on."""

    async def main() -> None:
        store = Store()
        store.through.release(1000)
        async with writing(store) as (writer, _):
            with pytest.raises(ZeroDivisionError):
                await writer.call(lambda: 1 // 0)
            await writer.seal(items(1)[0])

    run(main())


def test_stopping_writes_what_waits() -> None:
    """What was asked for before the stop is committed; what comes afterwards is refused."""

    async def main() -> None:
        store = Store()
        async with writing(store) as (writer, _):
            futures = [writer.seal(one) for one in items(3)]
            stopping = asyncio.create_task(writer.stop())
            await asyncio.sleep(0)
            with pytest.raises(Refusal) as refused:
                writer.seal(items(1, first=3)[0])
            assert refused.value.code == "not-ready"
            store.through.release(1000)
            assert len(await asyncio.gather(*futures)) == 3
            await stopping

    run(main())


def test_nobody_can_call_a_commit_off() -> None:
    """A task that is cancelled while it waits hears of it when the commit is there, and has its receipt."""

    async def main() -> None:
        store = Store()
        async with writing(store) as (writer, _):
            future = writer.seal(items(1)[0])

            async def wait() -> bytes:
                return await future

            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=0.05)
            assert not done
            store.through.release()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert check_evidence(future.result(), ISSUER).log == LogEntry(NAME, 0)

    run(main())


def test_what_became_of_a_commit_is_found_out_without_being_asked() -> None:
    """While the store does not know, the writer asks it again and again, and writes nothing."""

    async def main() -> None:
        store = Store()
        store.unknown = 3
        async with writing(store):
            deadline_s = time.monotonic() + DEADLINE_S
            while store.unknown >= 0:
                assert time.monotonic() < deadline_s
                await asyncio.sleep(0.01)
        assert not store.groups

    run(main())
