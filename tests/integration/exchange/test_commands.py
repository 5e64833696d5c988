"""The commands as people type them: a demo server in a process of its own, and what agencies do with it."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from loadtests.commands import register
from loadtests.endpoint.folder import Folder
from sim.cli import app, main

SENDER, FIRST, SECOND, STRANGER = "000.00.00.H19", "000.00.01.H19", "000.00.02.H19", "000.00.03.H19"
ROTATED = "000.00.04.H19"
DEMO_WORDS = ("--demo", "dong-nai", "--agencies", "5")
ROOTS = "exchange-demo/trust/roots.pem"
START_S_MAX = 60.0
Capture = pytest.CaptureFixture[str]


class Demo:
    """A server in a process of its own, started in a folder in which its data lie; of a demo unless told otherwise.

    Args:
        folder: That folder.
        words: What is served.
        sign: What it says last when it is ready.
    """

    def __init__(
        self, folder: Path, words: Sequence[str] = DEMO_WORDS, sign: bytes = b"congvan verify"
    ) -> None:
        self.folder = folder
        self.words, self.sign = words, sign
        self.process: subprocess.Popen[bytes] | None = None
        self.said = ""

    def start(self) -> None:
        """Start it unless it runs."""
        if self.process is None:
            with (self.folder / "server.log").open("ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "sim.cli", "serve", "--port", "0", *self.words],
                    cwd=self.folder,
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
            self.said = self._until(self.process, self.sign)

    def stop(self) -> int:
        """Stop it as Ctrl-C does, if it runs; its exit code."""
        if self.process is None:
            return 0
        with self.process as process:
            process.send_signal(signal.SIGINT)
            self.process = None
            return process.wait(timeout=30)

    def _until(self, process: subprocess.Popen[bytes], sign: bytes) -> str:
        """What it says, up to the sign that it is ready."""
        assert process.stdout is not None
        said, until_s = b"", time.monotonic() + START_S_MAX
        while sign not in said:
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, until_s - time.monotonic()))
            piece = os.read(process.stdout.fileno(), 65_536) if ready else b""
            if not piece:
                self.stop()
                pytest.fail(f"no server: {said.decode()} {(self.folder / 'server.log').read_text()}")
            said += piece
        return said.decode()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo of five agencies of Đồng Nai."""
    register(app)
    one = Demo(tmp_path_factory.mktemp("served"))
    yield one
    one.stop()


@pytest.fixture(autouse=True)
def _beside_the_running_demo(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands are typed in the folder in which the demo lies, and it runs."""
    for name in ("CONGVAN_SERVER", "CONGVAN_KEYS", "CONGVAN_TRUST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(demo.folder)
    demo.start()


@pytest.fixture
def letter(demo: Demo) -> Path:
    """A PDF to be sent."""
    path = demo.folder / "Công văn mời họp.pdf"
    path.write_bytes(b"%PDF-1.4\n" + os.urandom(2000) + b"\n%%EOF\n")
    return path


def typed(capsys: Capture, *words: str) -> Any:
    """What a command that answers with JSON answers."""
    capsys.readouterr()
    assert main([*words, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: Capture, *words: str) -> str:
    """What a command says that ends as wrong usage: one line, and perhaps a hint below it."""
    capsys.readouterr()
    assert main([*words]) == 2
    shown = capsys.readouterr().err
    assert len(shown.splitlines()) <= 2
    return shown


def nobody(*_: object) -> None:
    """Refuse to ask anybody."""
    pytest.fail("asked somebody")


def test_a_document_goes_its_whole_way(
    demo: Demo, letter: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent to two, collected, acknowledged and refused, exported, verified offline: as the server's hints say."""
    assert f"congvan send --as {SENDER} --to {FIRST} --to {SECOND} exchange-demo/letter.pdf" in demo.said
    to = ["--to", "noi vu", "--to", "Sở Tư pháp"]
    sent = typed(
        capsys, "send", "--as", "van phong ubnd", *to, str(letter), "--subject", "Về việc họp giao ban"
    )
    message = sent["message"]
    assert sent["recipients"] == [FIRST, SECOND]

    rows = typed(capsys, "inbox", "--as", FIRST, "--save", "collected")
    saved = next(demo.folder / row["saved"] for row in rows if row["message"] == message)
    assert (saved / "documents" / letter.name).read_bytes() == letter.read_bytes()
    assert (saved / "receipt.jws").read_text() == sent["receipt"]

    (taken,) = typed(capsys, "acknowledge", message.partition(":")[2][:13], "--as", FIRST)
    assert (taken["message"], taken["state"]) == (message, "accepted")
    why = ["--action", "refuse", "--reason", "Không thuộc thẩm quyền"]
    (answer,) = typed(capsys, "acknowledge", message, "--as", SECOND, *why)
    assert answer["state"] == "refused"

    assert main(["evidence", message, "--as", SENDER, "--out", "bundle.zip"]) == 0
    capsys.readouterr()
    monkeypatch.setattr("socket.socket.connect", nobody)
    assert main(["verify", "bundle.zip", "--trust", ROOTS]) == 0
    shown = capsys.readouterr().out
    for check in ("the exchange signed the receipt", "as it was sent", f"{FIRST} signed the report"):
        assert check in shown
    assert f"all of it holds: {SENDER} to {FIRST}, {SECOND}" in shown
    assert "Về việc họp giao ban" in shown


def test_a_bundle_that_was_changed_does_not_hold(demo: Demo, letter: Path, capsys: Capture) -> None:
    """Verifying says which check fails, with exit code 1; a certificate that is no root is wrong usage."""
    message = typed(capsys, "send", "--as", SENDER, "--to", FIRST, str(letter))["message"]
    assert main(["evidence", message, "--as", FIRST, "--out", "changed.zip"]) == 0
    path = demo.folder / "changed.zip"
    at = path.read_bytes().index(letter.read_bytes()[:200])
    path.write_bytes(path.read_bytes()[: at + 50] + b"?" + path.read_bytes()[at + 51 :])
    capsys.readouterr()
    assert main(["verify", "changed.zip", "--trust", ROOTS]) == 1
    assert "changed.zip does not hold" in capsys.readouterr().err
    leaf = f"exchange-demo/agencies/{FIRST}/certificate.pem"
    assert refused(capsys, "verify", "changed.zip", "--trust", leaf).startswith("issuer-not-ca")


def test_evidence_needs_no_keys_but_the_agencys_own(
    demo: Demo, letter: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a list was renewed and the sender's certificate rotated, the exchange still gives all that is named."""
    message = typed(capsys, "send", "--as", ROTATED, "--to", FIRST, str(letter))["message"]
    assert main(["acknowledge", message, "--as", FIRST]) == 0
    assert main(["pki", "crl", "exchange-demo/pki", "--to", "exchange-demo"]) == 0
    own = demo.folder / "own-keys" / ROTATED
    issue = ["pki", "issue", "exchange-demo/pki", "--code", ROTATED, "--name", "Mới", "--out", str(own)]
    assert main(issue) == 0
    rotate = ["registry", "rotate", "exchange-demo", "--certificate", f"{own}/certificate.pem"]
    assert main([*rotate, "--overlap", "0"]) == 0
    address = (demo.folder / "exchange-demo" / "address").read_text().strip()
    elsewhere = demo.folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    words = ["evidence", message, "--as", ROTATED, "--keys", str(own.parent), "--server", address]
    until_s = time.monotonic() + 20
    while main([*words, "--out", "bundle.zip"]) != 0:
        assert time.monotonic() < until_s, capsys.readouterr().err
    monkeypatch.setattr("socket.socket.connect", nobody)
    assert main(["verify", "bundle.zip", "--trust", str(demo.folder / ROOTS)]) == 0
    assert f"{FIRST} signed the report" in capsys.readouterr().out


@pytest.fixture
def locked(demo: Demo) -> Path:
    """A copy of the exchange whose key has a password."""
    path = demo.folder / "locked"
    if not path.exists():
        shutil.copytree(demo.folder / "exchange-demo" / "exchange", path / "exchange")
        shutil.copytree(demo.folder / "exchange-demo" / "trust", path / "trust")
        own = Folder(path).identity()
        Folder(path).write_identity(own.name, own.key, own.certificate, b"secret")
    return path


def test_the_exchanges_key_may_have_a_password(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server takes it from the environment, without anybody at a terminal."""
    monkeypatch.setenv("CONGVAN_KEY_PASSWORD", "secret")
    served = Demo(locked.parent, ["--data", "locked"], b"Ctrl-C stops it")
    served.start()
    assert "locked: listening on http://" in served.said
    assert served.stop() == 0


def test_a_password_that_is_not_set_is_asked_for(
    locked: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal only; elsewhere one is told where it is looked for, and a wrong one serves nothing."""
    words = ["serve", "--data", str(locked), "--port", "0"]
    given: list[bytes | None] = []
    monkeypatch.setattr("loadtests.endpoint.server.serve", lambda *_, password: given.append(password))
    monkeypatch.delenv("CONGVAN_KEY_PASSWORD", raising=False)
    shown = refused(capsys, *words)
    assert shown.startswith("key-unreadable")
    assert "CONGVAN_KEY_PASSWORD" in shown
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    for typed_in, code in (("wrong", 2), ("secret", 0)):
        monkeypatch.setattr("typer.prompt", lambda *_, text=typed_in, **__: text)
        assert main(words) == code
    monkeypatch.setenv("CONGVAN_KEY_PASSWORD", "of another key")
    assert refused(capsys, *words).startswith("key-unreadable")
    assert given == [b"secret"]


def test_a_password_that_no_key_wants_does_no_harm(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable may be set for an agency's key; an exchange whose key has none is served all the same."""
    plain = locked.parent / "plain"
    shutil.copytree(locked, plain)
    own = Folder(plain).identity(b"secret")
    Folder(plain).write_identity(own.name, own.key, own.certificate)
    given: list[bytes | None] = []
    monkeypatch.setattr("loadtests.endpoint.server.serve", lambda *_, password: given.append(password))
    monkeypatch.setenv("CONGVAN_KEY_PASSWORD", "of an agency")
    assert main(["serve", "--data", "plain"]) == 0
    assert given == [None]


def test_a_demo_is_used_again(demo: Demo, letter: Path, capsys: Capture) -> None:
    """Started once more, a demo has its messages; evidence that names earlier revocation lists can still be had."""
    message = typed(capsys, "send", "--as", SENDER, "--to", FIRST, str(letter))["message"]
    assert demo.stop() == 0
    demo.start()
    assert "the demo of dong-nai is used again" in demo.said
    assert message in [row["message"] for row in typed(capsys, "inbox", "--as", FIRST)]
    assert main(["evidence", message, "--as", SENDER, "--out", "older.zip"]) == 0
    assert main(["verify", "older.zip", "--trust", ROOTS]) == 0
    in_use = refused(capsys, "serve", "--data", "exchange-demo", "--port", "0")
    assert in_use.startswith("folder-in-use")


def test_an_unanswered_message_is_sent_again(demo: Demo, letter: Path, capsys: Capture) -> None:
    """Where no answer came the signed message stays as a file; sent again, it is that message and no second one."""
    address = (demo.folder / "exchange-demo" / "address").read_text().strip()
    kept = _signed_without_answer(address, letter)
    sent = typed(capsys, "send", "--as", SENDER, str(letter), "--again", str(kept))
    assert sent["message"] in [row["message"] for row in typed(capsys, "inbox", "--as", FIRST)]
    assert not kept.exists()
    assert list(demo.folder.glob("unanswered-*.jws")) == []


def _signed_without_answer(address: str, letter: Path) -> Path:
    """What ``send`` leaves where the line breaks after the signature."""
    from loadtests.commands import partner
    from loadtests.composing import File, Letter

    where = partner.place(address, None, None)
    with partner.connected(where, SENDER) as (client, _):
        prepared = client.prepare(Letter((FIRST,), "Mất kết nối", "Công văn", "2", "CV"), [File(letter)])
    kept = Path(f"unanswered-{prepared.manifest.message_id}.jws")
    kept.write_bytes(prepared.compact)
    return kept


def test_a_suspended_agency_is_refused_within_seconds(letter: Path, capsys: Capture) -> None:
    """The running server takes a change of the registry up by itself, both ways."""
    words = ["send", "--as", STRANGER, "--to", FIRST, str(letter)]
    assert main(["registry", "suspend", "exchange-demo", "--agency", STRANGER]) == 0
    until_s = time.monotonic() + 20
    while main(words) == 0:
        assert time.monotonic() < until_s, "the server did not notice the suspension"
    assert refused(capsys, *words).startswith("agency-suspended")
    assert main(["registry", "resume", "exchange-demo", "--agency", STRANGER]) == 0
    while main(words) != 0:
        assert time.monotonic() < until_s + 20, "the server did not notice the end of it"


def test_fsck_finds_everything_in_place(demo: Demo, letter: Path, capsys: Capture) -> None:
    """While it serves, the store is checked from end to end, and the receipts in hand with it."""
    receipt = str(demo.folder / "receipt.jws")
    assert main(["send", "--as", SENDER, "--to", FIRST, str(letter), "--receipt", receipt]) == 0
    found, held = typed(capsys, "fsck", "exchange-demo", "--receipt", receipt)
    assert (found["faults"], held["faults"], held["messages"]) == ([], [], 1)
    assert found["messages"] >= 1


def test_a_backup_made_while_serving_is_restored(demo: Demo, letter: Path, capsys: Capture) -> None:
    """The copy has every receipt's message; damaged, it is found to be, with exit code 1."""
    receipt = str(demo.folder / "kept.jws")
    assert main(["send", "--as", SENDER, "--to", FIRST, str(letter), "--receipt", receipt]) == 0
    assert main(["backup", "exchange-demo", "backup"]) == 0
    assert main(["restore", "backup", "restored"]) == 0
    assert "all is well" in capsys.readouterr().out
    assert typed(capsys, "fsck", "restored", "--receipt", receipt)[1]["messages"] == 1
    with closing(sqlite3.connect(demo.folder / "restored" / "store.sqlite3")) as database, database:
        assert database.execute("DELETE FROM documents").rowcount > 0
    capsys.readouterr()
    assert main(["fsck", "restored"]) == 1
    assert "faults" in capsys.readouterr().out
    assert refused(capsys, "backup", "exchange-demo", "backup").startswith("target-not-empty")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["serve"], "E-OPTION"),
        (["serve", "--demo", "nowhere"], "E-DEMO"),
        (["serve", "--demo", "dong-nai", "--agencies", "3"], "E-DEMO"),
        (["serve", "--data", "exchange-demo", "--public-url", "exchange.example/x"], "setting-invalid"),
        (["serve", "--data", "nothing-here"], "E-DATA"),
        (["serve", "--data", "exchange-demo", "--tls-key", "key.pem"], "setting-invalid"),
        (["send", "--as", SENDER, "letter.pdf"], "E-OPTION"),
        (["send", "--as", SENDER, "--to", FIRST, "no-such.pdf"], "file-unreadable"),
        (["send", "--as", SENDER, "--to", "sở", "no-such.pdf"], "E-AGENCY"),
        (["send", "--as", "000.00.99.H19", "--to", FIRST, "no-such.pdf"], "E-KEYS"),
        (["send", "--as", SENDER, "--to", FIRST, "--urgency", "5", "no-such.pdf"], "E-OPTION"),
        (["inbox", "--as", "xyz"], "E-AGENCY"),
        (["inbox", "--as", FIRST, "--format", "xml"], "E-OPTION"),
        (["acknowledge", "0000", "--as", FIRST], "message-unknown"),
        (["acknowledge", f"{SENDER}:00000000", "--as", FIRST, "--action", "eat"], "E-OPTION"),
        (["verify", "no-such.zip", "--trust", ROOTS], "file-missing"),
        (["fsck", "nothing-here"], "file-missing"),
        (["restore", "nothing-here", "restored-again"], "not-a-backup"),
    ],
)
def test_wrong_usage_is_told_in_a_line(capsys: Capture, words: list[str], code: str) -> None:
    """Whatever is typed wrongly ends with a code, what would be right, and exit code 2."""
    assert refused(capsys, *words).startswith(f"{code}: ")


def test_an_exchange_that_is_away_is_no_wrong_usage(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers, trying again may help: exit code 1."""
    monkeypatch.setattr("loadtests.attempts.SystemClock.sleep", lambda *_: None)
    assert main(["inbox", "--as", FIRST, "--server", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err.startswith("exchange-unreachable")
