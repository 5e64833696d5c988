"""The README's commands run as written."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


EXCHANGE, LOAD = "## Exchange signed documents", "## Load-test an exchange"


def _sections() -> tuple[str, str, str]:
    """Return the section about the exchange, all the rest, and the section about load tests."""
    exchange, rest = _cut((ROOT / "README.md").read_text(encoding="utf-8"), EXCHANGE)
    load, rest = _cut(rest, LOAD)
    return exchange, rest, load


def _cut(text: str, heading: str) -> tuple[str, str]:
    """Return a section of a text, and the text without it."""
    before, found, after = text.partition(f"{heading}\n")
    assert found
    section, separator, after = after.partition("\n## ")
    return section, before + separator + after


def _commands(text: str) -> list[str]:
    """Return the lines of a text's console blocks, in order."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [
        line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")
    ]


def test_readme_shows_the_main_commands() -> None:
    """The README names every command a newcomer needs."""
    shown = {shlex.split(one)[1] for part in _sections() for one in _commands(part)}
    assert {
        "scenarios",
        "run",
        "report",
        "reproduce",
        "new",
        "check",
        "schema",
        "serve",
        "send",
        "load",
    } <= shown


@pytest.mark.xdist_group("readme")
def test_readme_commands_run_as_written(tmp_path: Path) -> None:
    """Every congvan command of the README ends with exit code 0, in the order shown, in an empty folder."""
    environment = _environment()
    for line in _commands(_sections()[1]):
        words = shlex.split(line)
        assert words[0] == "congvan"
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "results/runs/first/report.html").is_file()


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def test_readme_commands_of_the_exchange_run_as_written(tmp_path: Path) -> None:
    """The demo server starts; a PDF is sent, collected and acknowledged; its evidence is exported and verified."""
    serve, *others = _commands(_sections()[0])
    words = [*shlex.split(serve), "--port", "0"]  # the README's own port may be taken on this machine
    environment, message = _environment(), "MESSAGE"
    with (tmp_path / "serve.log").open("wb") as log:
        server = subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while b"In another terminal" not in (tmp_path / "serve.log").read_bytes():
            assert server.poll() is None, (tmp_path / "serve.log").read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for line in others:
            done = subprocess.run(
                shlex.split(line.replace("MESSAGE", message)),
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            if found := re.search(r"^message +(\S+)$", done.stdout, re.MULTILINE):
                message = found[1]
        assert message != "MESSAGE"
        assert "all of it holds" in (told := _last(tmp_path, others, environment))
        assert "ConsignmentAcceptance" in told
        (collected,) = (tmp_path / "inbox").rglob("letter.pdf")
        assert collected.read_bytes() == (tmp_path / "exchange-demo/letter.pdf").read_bytes()
        assert collected.read_bytes().startswith(b"%PDF-")
    finally:
        server.terminate()
        server.wait(30)


LOAD_EXITS = {"quang-ninh-100": {0}, "capacity": {0}, "caught": {1}}


@pytest.mark.soak
def test_readme_commands_of_the_load_tests_run_as_written(tmp_path: Path) -> None:
    """A hundred days of Quang Ninh pass, a capacity is found and confirmed, the faulty exchange is caught."""
    for line in _commands(_sections()[2]):
        done = _load(tmp_path, line, timeout_s=3600)
        name = Path(shlex.split(line)[-1]).name
        assert done.returncode in LOAD_EXITS[name], f"{line}\n{done.stdout}\n{done.stderr}"
        assert (tmp_path / "results/runs" / name / "report.html").is_file()


def _load(folder: Path, line: str, *, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run a command of the section in a folder."""
    return subprocess.run(
        shlex.split(line),
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def _last(folder: Path, lines: list[str], environment: dict[str, str]) -> str:
    """Return what the README's verification prints, run once more."""
    (line,) = (one for one in lines if one.startswith("congvan verify"))
    return subprocess.run(
        shlex.split(line), cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=True
    ).stdout


def test_first_two_commands_are_demo_and_test() -> None:
    """The README's first two commands are make demo and make test."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    assert [line.split("#")[0].strip() for line in block[1].splitlines()] == ["make demo", "make test"]


def test_every_command_is_in_the_readme_or_explains_itself() -> None:
    """Every command has a help text of more than a line."""
    listed = subprocess.run(
        [sys.executable, "-m", "sim.cli", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    for name in ("scenarios", "new", "check", "schema", "run", "report", "reproduce"):
        assert name in listed
