"""The AS2 adapter before two implementations of other people: they take what is good, and their receipts hold."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from loadtests.adapters.as2.adapter import As2Adapter
from loadtests.adapters.base import Message, Outcome
from loadtests.adapters.blocking_io import BlockingIo
from loadtests.harness.records import Poison
from loadtests.harness.schedule import Schedule
from tests.integration.as2 import partners
from tests.integration.load.commanding import load_run
from tests.unit.loadtests.adapters.as2.partner import context, pair, schedule, write_pair

SIZES = (0, 1, 32, 570, 571, 100_000)
GOOD = (Poison.NONE,) * len(SIZES)
LOAD = schedule(
    (*GOOD, Poison.TAMPERED, Poison.WRONG_DIGEST, Poison.FOREIGN_KEY, Poison.REPLAY), of=(-1,) * 9 + (3,)
)
LOAD.size_bytes[: len(SIZES)] = SIZES
TAMPERED, WRONG_DIGEST, FOREIGN_KEY, REPLAY = range(len(SIZES), len(LOAD))


class Talk:
    """An adapter and the partner it is connected with."""

    def __init__(self, io: BlockingIo, url: str, options: Mapping[str, str], load: Schedule = LOAD) -> None:
        # A nonce of its own, because the partner is the same for several tests.
        self.adapter = As2Adapter(context(options, load, target=url, nonce=os.urandom(6)))
        self.io = io
        self.adapter.setup(io)

    def send(self, number: int) -> tuple[Message, Outcome]:
        """Make, sign and submit a message."""
        message = self.adapter.sign(self.adapter.make(number))
        return message, self.adapter.submit(message, self.io)

    def send_good(self, number: int) -> Message:
        """Submit a message that is taken with a receipt that holds."""
        message, outcome = self.send(number)
        assert outcome.taken, (number, outcome)
        self.adapter.verify(message, outcome.receipt)
        return message

    def listed(self) -> dict[str, int]:
        """What the partner has of this run: id -> copies; a digest that it tells is ours."""
        records = self.adapter.audit(self.io)
        assert records is not None
        return {one.id: one.copies for one in records if self.adapter.number_of(one.id) is not None}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the keys of both sides."""
    folder = tmp_path_factory.mktemp("as2")
    write_pair(folder, "own", "rsa")
    write_pair(folder, "partner", "rsa")
    key = pair("partner", "rsa").key
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (folder / "partner.locked").write_bytes(locked)
    return folder


@pytest.fixture(scope="module")
def options(files: Path) -> dict[str, str]:
    """What both partners need."""
    return {
        "own_key": str(files / "own.key"),
        "own_certificate": str(files / "own.pem"),
        "own_id": "own",
        "partner_certificate": str(files / "partner.pem"),
        "partner_id": "partner",
        "audit_url": "/messages",
    }


@pytest.fixture(scope="module")
def libas2(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of npm's libas2 behind Node."""
    modules = {"NODE_PATH": str(partners.libas2())}
    command = [
        "node",
        str(partners.HERE / "libas2_server.js"),
        *(str(files / name) for name in ("partner.key", "partner.pem", "own.pem")),
    ]
    with partners.running(command, tmp_path_factory.mktemp("libas2"), modules) as url:
        yield url


@pytest.fixture(scope="module")
def pyas2(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of django-pyas2."""
    modules = {"PYTHONPATH": str(partners.pyas2())}
    command = [
        sys.executable,
        "-S",
        str(partners.HERE / "pyas2_site.py"),
        *(str(files / name) for name in ("partner.locked", "partner.pem", "own.pem")),
    ]
    with partners.running(command, tmp_path_factory.mktemp("pyas2"), modules) as url:
        yield url


def test_libas2(libas2: str, options: dict[str, str]) -> None:
    """Good messages of every size are taken, receipts hold, digests are ours; changed ones are refused.

    Two faults of libas2 are found on the way, as a load run would find them: it keeps a replayed message twice, and it
    believes a certificate that came with the message and only calls itself like the one it was given.
    """
    with BlockingIo(libas2, 10.0, time.perf_counter) as io:
        talk = Talk(io, libas2, options)
        good = [talk.send_good(number) for number in range(len(SIZES))]
        assert talk.listed() == {message.id: 1 for message in good}
        records = talk.adapter.audit(io)
        assert records is not None
        assert {one.digest for one in records} == {message.digest for message in good}
        for number in (TAMPERED, WRONG_DIGEST):
            _, outcome = talk.send(number)
            assert (outcome.taken, outcome.code) == (False, "could-not-verify-signature")
        forged, outcome = talk.send(FOREIGN_KEY)
        assert outcome.taken
        replay = talk.send_good(REPLAY)
        assert talk.listed() == {**{message.id: 1 for message in good}, forged.id: 1, replay.id: 2}
        stranger = Talk(io, libas2, {**options, **strangers(Path(options["own_key"]).parent)})
        _, outcome = stranger.send(0)
        assert (outcome.taken, outcome.code) == (False, "could-not-verify-signature")


def test_libas2_under_load(libas2: str, options: dict[str, str], tmp_path: Path) -> None:
    """The harness loads an exchange that is not ours: every receipt holds, and both of its faults are found."""
    named = [word for name, value in options.items() for word in ("--option", f"{name}={value}")]
    words = ["--adapter", "as2", "--target", libas2, "--rate", "40/s", "--duration", "4s", "--agencies", "2"]
    run = load_run(tmp_path / "run", *words, "--fan-out", "1", "--poison", "6 %", "--replays", "6 %", *named)
    ledger = run.summary["ledger"]
    assert ledger["states"]["accepted"] == run.summary["offered"]["good"] > 0
    assert {one["code"] for one in ledger["findings"]} == {"forged-accepted", "duplicated"}
    assert ledger["poison"]["foreign-key"]["accepted"] == ledger["poison"]["foreign-key"]["sent"] > 0
    assert ledger["poison"]["tampered"]["accepted"] == 0
    assert run.outcome == "FAIL"


def strangers(folder: Path) -> dict[str, str]:
    """A key and certificate of somebody whom no partner knows."""
    key, certificate = write_pair(folder, "stranger", "rsa")
    return {"own_key": str(key), "own_certificate": str(certificate)}


def test_pyas2(pyas2: str, options: dict[str, str]) -> None:
    """Good messages of every size are taken, receipts hold; forged and changed ones are refused, replays known.

    An unknown sender gets HTTP 200 too; the disposition says what became of the message.
    """
    options = {**options, "path": "/pyas2/as2receive", "health": "/messages"}
    with BlockingIo(pyas2, 10.0, time.perf_counter) as io:
        for transfer in ("base64", "binary"):
            talk = Talk(io, pyas2, {**options, "transfer": transfer})
            good = [talk.send_good(number) for number in range(len(SIZES))]
            for number in (TAMPERED, WRONG_DIGEST, FOREIGN_KEY):
                _, outcome = talk.send(number)
                assert (outcome.taken, outcome.code) == (False, "authentication-failed")
            _, outcome = talk.send(REPLAY)
            assert (outcome.taken, outcome.code) == (None, "duplicate-document")
            assert talk.listed() == {message.id: 1 for message in good}
        _, outcome = Talk(io, pyas2, {**options, "own_id": "nobody"}).send(0)
        assert outcome.answer is not None
        assert (outcome.answer.status, outcome.taken) == (200, False)
