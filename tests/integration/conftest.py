"""A small scenario and one run of it, shared by the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.cli import main

SMALL = [
    "--set",
    "period.warm_up=1 week",
    "--set",
    "period.measure=1 week",
    "--replications",
    "2",
    "--jobs",
    "1",
]


@pytest.fixture(scope="session")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario that ``congvan new`` lays down."""
    folder = tmp_path_factory.mktemp("new")
    assert main(["new", "small", "--in", str(folder)]) == 0
    return folder / "small"


@pytest.fixture(scope="session")
def run(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of it."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["run", str(scenario), *SMALL, "--out", str(out)]) == 0
    return out
