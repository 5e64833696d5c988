"""The service: starting, stopping, and what it does without being asked."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from loadtests.endpoint.folder import Folder, FolderError
from loadtests.endpoint.settings import ServerError, Settings
from loadtests.endpoint.store.opening import open_store
from loadtests.exchange import checkpoint
from loadtests.exchange.acceptance import Accepted, accept
from loadtests.exchange.errors import Refusal
from loadtests.exchange.lifecycle import State
from loadtests.exchange.receipts import check_evidence
from loadtests.exchange.records import EntryKey, MessageKey
from loadtests.exchange.verification import Received
from tests.unit.loadtests.authorities import AT, DAY_S, issuing, leaf
from tests.unit.loadtests.endpoint import servers
from tests.unit.loadtests.endpoint.servers import Clock, body_of, made, started, submit
from tests.unit.loadtests.exchanges import BODY, SECOND, SENDER, THIRD, crl, numbered, submission

KEY = MessageKey(SENDER, "message-0001")


def run(main: Any) -> Any:
    """Run it, within a deadline."""

    async def within() -> Any:
        async with asyncio.timeout(15):
            return await main

    return asyncio.run(within())


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds; the deadline of ``run`` ends it."""
    while not holds():
        await asyncio.sleep(0.005)


# --- starting and stopping --------------------------------------------------------------------------------------


def test_signed_time_goes_on_after_a_restart(tmp_path: Path) -> None:
    """A clock that lies behind the last receipt is refused at the start, by how much."""

    async def first() -> None:
        async with started(tmp_path / "data") as exchange:
            assert (await submit(exchange, body_of(numbered(1)))).status == 201

    run(first())
    store = open_store(tmp_path / "data" / "store.sqlite3")
    try:
        with pytest.raises(ServerError) as refused:
            made(tmp_path / "data", store, Clock(AT - 7))
        assert refused.value.code == "clock-behind"
        assert "7 s" in refused.value.message
        made(tmp_path / "data", store, Clock(AT))
    finally:
        store.close()


@pytest.mark.parametrize("last", ["checkpoint", "event"])
def test_every_kind_of_last_signature_counts(tmp_path: Path, last: str) -> None:
    """A checkpoint and an event hold the clock as a receipt does."""

    async def first() -> None:
        async with started(tmp_path / "data", answer_s_max=10) as exchange:
            await submit(exchange, body_of(numbered(1)))
            exchange.clock.now = AT + 100
            if last == "checkpoint":
                await exchange.service.checkpoint()
            else:
                assert await exchange.service.expire_overdue() == 2

    run(first())
    store = open_store(tmp_path / "data" / "store.sqlite3")
    try:
        with pytest.raises(ServerError, match="clock-behind"):
            made(tmp_path / "data", store, Clock(AT + 99))
    finally:
        store.close()


def test_before_and_after(tmp_path: Path) -> None:
    """Before the start and after the stop nothing is taken, and whoever asks is told to come again."""

    async def main() -> None:
        store = open_store(servers.folder(tmp_path / "data").store_path)
        try:
            exchange = made(tmp_path / "data", store)
            service = exchange.service
            with pytest.raises(Refusal, match="not-ready"):
                service.require_ready()
            await service.start()
            service.require_ready()
            assert (await submit(exchange, body_of(numbered(1)))).status == 201
            await service.stop()
            answer = await submit(exchange, body_of(submission()))
            assert (answer.status, answer.code) == (503, "not-ready")
            assert "retry-after" in answer.headers
            with pytest.raises(Refusal, match="not-ready"):
                await service.checkpoint()
        finally:
            store.close()

    run(main())


def test_stopping_finishes_what_is_under_way(tmp_path: Path) -> None:
    """A submission whose commit is under way when the server stops still gets its receipt."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            go, holding = threading.Event(), threading.Event()

            def hold() -> None:
                holding.set()
                assert go.wait(10)

            held = exchange.service.writer.call(hold)
            await until(holding.is_set)
            sending = asyncio.create_task(submit(exchange, body_of(submission())))
            await until(lambda: len(exchange.service.driver.reservations))
            stopping = asyncio.create_task(exchange.service.stop())
            await asyncio.sleep(0.02)
            assert not stopping.done()
            go.set()
            await held
            assert (await sending).status == 201
            await stopping

    run(main())


def test_stopping_waits_for_bodies(tmp_path: Path) -> None:
    """A message whose documents are still coming when the server stops is sealed before the writer ends."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            service, go = exchange.service, asyncio.Event()

            async def slowly(_: object) -> tuple[Received, ...]:
                await go.wait()
                return (Received(sha256(BODY).digest(), len(BODY), BODY),)

            taking = asyncio.create_task(service.run(accept(submission(), service.terms), slowly))
            await until(lambda: len(service.driver.reservations))
            stopping = asyncio.create_task(service.stop())
            await asyncio.sleep(0.05)
            go.set()
            assert isinstance(await taking, Accepted)
            await stopping

    run(main())


# --- trust ------------------------------------------------------------------------------------------------------


def test_trust_is_read_again(tmp_path: Path) -> None:
    """A certificate that is revoked while the server runs counts no more, without a restart."""

    async def main() -> None:
        async with started(tmp_path / "data", trust_every_s=0.01) as exchange:
            before = exchange.service.trusted
            serial = leaf(SENDER, code=SENDER).serial_number
            exchange.service.folder.write_crl(crl(issuing(), serial, number=2))
            await until(lambda: exchange.service.trusted is not before)
            answer = await submit(exchange, body_of(submission()))
            assert answer.code == "certificate-revoked"
            await asyncio.sleep(0.1)
            assert len(exchange.told("trust-read")) == 1

    run(main())


def test_broken_trust_keeps_the_old_one(tmp_path: Path) -> None:
    """A broken file changes nothing but what the operator is told; a mended one is read."""

    async def main() -> None:
        async with started(tmp_path / "data", trust_every_s=0.01) as exchange:
            service = exchange.service
            whole = service.folder.registry_path.read_bytes()
            service.folder.registry_path.write_bytes(b"{")
            await until(lambda: service.trust_fault)
            with pytest.raises(Refusal, match="not-ready"):
                service.require_ready()
            assert exchange.told("trust-unreadable")
            assert (await submit(exchange, body_of(submission()))).status == 201
            service.folder.registry_path.write_bytes(whole)
            await until(lambda: service.trust_fault is None)
            service.require_ready()

    run(main())


def test_trust_that_cannot_be_read_for_a_moment_is_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revocation that could not be read when it came, such as for want of open files, is not missed."""

    async def main() -> None:
        async with started(tmp_path / "data", trust_every_s=0.01) as exchange:
            service, fault = exchange.service, FolderError("file-unreadable", "too many open files")
            with monkeypatch.context() as broken:
                broken.setattr(Folder, "trusted", Mock(side_effect=fault))
                serial = leaf(SENDER, code=SENDER).serial_number
                service.folder.write_crl(crl(issuing(), serial, number=2))
                await until(lambda: service.trust_fault)
                await asyncio.sleep(0.1)
                assert len(exchange.told("trust-unreadable")) == 1  # not with every look
            await until(lambda: service.trust_fault is None)
            assert (await submit(exchange, body_of(submission()))).code == "certificate-revoked"

    run(main())


# --- checkpoints ------------------------------------------------------------------------------------------------


def test_a_checkpoint_covers_what_was_receipted(tmp_path: Path) -> None:
    """Whoever has a receipt and asks for a checkpoint gets one that covers it, signed and stored."""

    async def main() -> None:
        async with started(tmp_path / "data") as exchange:
            for number in (1, 2, 3):
                await submit(exchange, body_of(numbered(number)))
                found = await exchange.service.checkpoint()
                assert checkpoint.check(found.compact, exchange.issuer).size == number
                assert exchange.store.checkpoint() == found

    run(main())


def test_checkpoints_are_apart(tmp_path: Path) -> None:
    """Many who ask at once share one checkpoint, and two of them are as far apart as they must be."""

    async def main() -> None:
        async with started(tmp_path / "data", checkpoint_s=0.2) as exchange:
            asked = [exchange.service.checkpoint() for _ in range(20)]
            assert len(set(await asyncio.gather(*asked))) == 1
            loop = asyncio.get_running_loop()
            begun_s = loop.time()
            await exchange.service.checkpoint()
            assert loop.time() - begun_s > 0.1
            assert len(list(exchange.store.checkpoints())) == 2

    run(main())


def test_a_log_that_grows_is_marked(tmp_path: Path) -> None:
    """A checkpoint is made without being asked for, and none where nothing has happened."""

    async def main() -> None:
        async with started(tmp_path / "data", checkpoint_every_s=0.01) as exchange:
            await submit(exchange, body_of(numbered(1)))
            await until(exchange.store.checkpoint)
            await asyncio.sleep(0.1)
            assert [one.size for one in exchange.store.checkpoints()] == [1]

    run(main())


# --- what nobody answers, and what nobody refers to -------------------------------------------------------------


def test_expiry(tmp_path: Path) -> None:
    """What nobody answers in time expires, at each recipient, with evidence in the log; once."""

    async def main() -> None:
        async with started(tmp_path / "data", expiry_every_s=0.01, answer_s_max=DAY_S) as exchange:
            await submit(exchange, body_of(submission(message_id=KEY.message_id)))
            exchange.clock.now = AT + DAY_S + 1
            await until(lambda: exchange.store.size() == 3)
            for recipient in (SECOND, THIRD):
                standing = exchange.store.standing(EntryKey(KEY, recipient))
                assert standing is not None
                assert standing.entry.state is State.EXPIRED
            (event,) = exchange.store.events(0, SECOND)
            assert check_evidence(event.evidence, exchange.issuer).event_at == AT + DAY_S + 1
            assert await exchange.service.expire_overdue() == 0

    run(main())


def test_orphans(tmp_path: Path) -> None:
    """A file that no message refers to goes when it is old; one that is referred to stays."""

    async def main() -> None:
        settings: dict[str, Any] = {"inline_bytes_max": 1, "orphans_every_s": 0.01, "orphan_age_s_min": 60.0}
        async with started(tmp_path / "data", **settings) as exchange:
            await submit(exchange, body_of(submission()))
            (kept,) = [one for one in exchange.service.folder.blobs_path.rglob("*") if one.is_file()]
            orphan = exchange.service.blobs.path(bytes(32))
            orphan.parent.mkdir()
            orphan.write_bytes(b"nobody's")
            for one in (orphan, kept):
                os.utime(one, (AT - DAY_S, AT - DAY_S))
            await until(lambda: exchange.told("orphans-removed"))
            assert kept.exists()
            assert not orphan.exists()

    run(main())


def test_the_background_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in the background is told, and tried again."""

    async def main() -> None:
        async with started(tmp_path / "data", expiry_every_s=0.01) as exchange:
            faults: list[Exception] = [ZeroDivisionError(), Refusal("store-unavailable", "away")]

            def fails(*_: object) -> Any:
                if faults:
                    raise faults.pop()
                return ()

            monkeypatch.setattr(exchange.store, "overdue", fails)
            await until(lambda: len(exchange.told("background")) == 2)
            refused, failed = exchange.told("background")
            assert (refused["code"], failed["error"]) == ("store-unavailable", "ZeroDivisionError")

    run(main())


# --- settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [{"port": 70_000}, {"group_max": 0}, {"body_idle_s_max": -1.0}, {"tls_certificate": Path("cert.pem")}],
)
def test_settings_that_cannot_be_meant(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """A limit of nought, a port that does not exist, half of a TLS pair: refused by name."""
    with pytest.raises(ServerError) as refused:
        Settings(tmp_path, **wrong)
    assert refused.value.code == "setting-invalid"
