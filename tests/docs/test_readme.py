"""The README's commands run as written."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _commands() -> list[str]:
    """Return the lines of the README's console blocks, in order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [
        line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")
    ]


def test_readme_shows_the_main_commands() -> None:
    """The README names every command a newcomer needs."""
    shown = {shlex.split(one)[1] for one in _commands()}
    assert {"scenarios", "run", "report", "reproduce", "new", "check", "schema"} <= shown


@pytest.mark.xdist_group("readme")
def test_readme_commands_run_as_written(tmp_path: Path) -> None:
    """Every congvan command of the README ends with exit code 0, in the order shown, in an empty folder."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for line in _commands():
        words = shlex.split(line)
        assert words[0] == "congvan"
        done = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "results/runs/first/report.html").is_file()


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
