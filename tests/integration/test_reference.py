"""The committed reference runs are what the code computes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.report import write_report
from sim import runs

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
MADE = sorted(path.parent for path in REFERENCE.glob("*/manifest.json"))
LOADS = [run for run in MADE if runs.read_json(run, runs.MANIFEST)["kind"] == "load"]
RUNS = [run for run in MADE if run not in LOADS]


def test_there_is_a_reference_of_quang_ninh() -> None:
    """The main job has a small committed run."""
    assert "quang-ninh" in [run.name for run in RUNS]


IN_SHORT = ("quang-ninh",)
"""What the README names; `make soak` has the others."""


@pytest.mark.parametrize(
    "run",
    [pytest.param(run, marks=() if run.name in IN_SHORT else pytest.mark.soak) for run in RUNS],
    ids=lambda run: run.name,
)
def test_reproduce_confirms_the_reference(run: Path) -> None:
    """``congvan reproduce`` finds the same numbers: the same bytes on the platform it was made on."""
    # a process of its own: a coverage tracer would make the simulation several times slower
    words = [sys.executable, "-m", "sim.cli", "reproduce", str(run), "--jobs", "1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("reproduced")


VERDICTS = {"load-quang-ninh": "PASS", "load-capacity": "PASS", "load-caught": "FAIL"}


def test_the_three_load_tests_of_the_readme_are_there() -> None:
    """A day of a province that passes, a capacity, and a faulty exchange that is caught."""
    assert {run.name: runs.read_json(run, runs.SUMMARY)["verdict"]["outcome"] for run in LOADS} == VERDICTS


@pytest.mark.parametrize("run", LOADS, ids=lambda run: run.name)
def test_a_load_test_is_whole_and_its_report_is_what_the_code_makes_of_it(run: Path, tmp_path: Path) -> None:
    """Every file has the digest of the manifest; the report, made again from the same numbers, is the same page."""
    manifest, summary = (runs.read_json(run, name) for name in (runs.MANIFEST, runs.SUMMARY))
    assert runs.digests(run) == manifest["files"]
    assert summary["environment"]["cpu"]
    assert summary["environment"]["cores"] > 0
    for name in (runs.MANIFEST, runs.SUMMARY):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    assert write_report(tmp_path).read_bytes() == (run / runs.REPORT).read_bytes()


@pytest.mark.parametrize("run", MADE, ids=lambda run: run.name)
def test_a_reference_names_no_machine(run: Path) -> None:
    """What is committed carries no path of a machine, and says which code made it."""
    manifest = runs.read_json(run, runs.MANIFEST)
    text = "".join((run / name).read_text(encoding="utf-8") for name in (runs.MANIFEST, runs.SUMMARY))
    assert not any(part in text for part in ("/home/", "/root/", "/work/", "/tmp/"))
    assert manifest["git"]["commit"]
    assert manifest["git"]["dirty"] is False
