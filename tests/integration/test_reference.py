"""The committed reference runs are what the code computes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sim import runs

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
RUNS = sorted(path.parent for path in REFERENCE.glob("*/manifest.json"))


def test_there_is_a_reference_of_quang_ninh() -> None:
    """The main job has a small committed run."""
    assert "quang-ninh" in [run.name for run in RUNS]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_reproduce_confirms_the_reference(run: Path) -> None:
    """``congvan reproduce`` finds the same numbers: the same bytes on the platform it was made on."""
    # a process of its own: a coverage tracer would make the simulation several times slower
    words = [sys.executable, "-m", "sim.cli", "reproduce", str(run), "--jobs", "1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("reproduced")


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_reference_names_no_machine(run: Path) -> None:
    """What is committed carries no path of a machine, and says which code made it."""
    manifest = runs.read_json(run, runs.MANIFEST)
    text = (run / runs.MANIFEST).read_text(encoding="utf-8")
    assert not any(part in text for part in ("/home/", "/root/", "/work/", "/tmp/"))
    assert manifest["git"]["commit"]
    assert manifest["git"]["dirty"] is False
