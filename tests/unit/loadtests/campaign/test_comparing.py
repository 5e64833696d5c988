"""Comparing run directories: two sides, each run once, and only figures that all of them have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadtests.campaign.comparing import compare_loads, lines
from sim import runs
from sim.errors import InputError


def written(path: Path, at: int, p99_s: float | None, **more: Any) -> Path:
    """A run directory with what a comparison reads."""
    path.mkdir()
    response_s = {"p50": 0.01 + at * 1e-4, "p95": 0.02 + at * 1e-4, "p99": p99_s}
    summary = {
        "kind": "load",
        "plan": {"seed": 1, "adapter": "null"},
        "plan_digest": "d",
        "verdict": {"outcome": "PASS"},
        "steps": {"submit": {"response_s": response_s}},
        "completed_per_s": 50.0,
        "search": None,
        **more,
    }
    runs.write_bytes(path / runs.SUMMARY, runs.dump_json(summary))
    runs.write_bytes(path / runs.MANIFEST, runs.dump_json({"started_utc": f"2026-01-01T00:00:{at:02}Z"}))
    return path


def sides(folder: Path, *, slower: float = 1.0) -> tuple[list[Path], list[Path]]:
    """Eight runs of each side in turn, the second ones slower by a factor."""
    both: tuple[list[Path], list[Path]] = ([], [])
    for at in range(16):
        p99_s = (0.1 + 0.001 * (at * 7 % 5)) * (slower if at % 2 else 1.0)
        both[at % 2].append(written(folder / str(at), at, p99_s))
    return both


def test_a_slower_side_is_told(tmp_path: Path) -> None:
    """Twice the time is a difference, and the ratio's interval holds it."""
    found = compare_loads(*sides(tmp_path, slower=2.0), seed=1)
    (p99,) = [one for one in found["differences"] if one["metric"] == "submit p99"]
    assert p99["told"] == "higher"
    assert p99["low"] <= 2.0 <= p99["high"]
    said = lines(found)
    assert said[0].startswith("A: ")
    assert p99["text"] in said


def test_figures_that_a_run_lacks_are_named(tmp_path: Path) -> None:
    """A percentile among the misses of one run is compared nowhere, and that is said."""
    first, second = sides(tmp_path)
    first.append(written(tmp_path / "missed", 30, None))
    found = compare_loads(first, second, seed=1)
    assert "submit p99" in found["left_out"]
    assert "submit p99" in lines(found)[-1]
    assert "submit p50" in {one["metric"] for one in found["differences"]}


def test_the_machine_is_told_as_far_as_all_runs_agree_on_it(tmp_path: Path) -> None:
    """Cores that are the same stand in the comparison; a memory that is not does not."""
    first = written(tmp_path / "a", 1, 0.1, environment={"cores": 2, "memory_bytes": 8})
    second = written(tmp_path / "b", 2, 0.1, environment={"cores": 2, "memory_bytes": 16})
    assert compare_loads([first], [second], seed=1)["environment"] == {"cores": 2}


def test_one_run_on_both_sides(tmp_path: Path) -> None:
    """A run is no evidence against itself."""
    path = written(tmp_path / "run", 1, 0.1)
    with pytest.raises(InputError) as refused:
        compare_loads([path], [path], seed=1)
    assert refused.value.code == "E-COMPARE-SIDES"


def test_a_search_is_no_run(tmp_path: Path) -> None:
    """Its figures are those of many rates."""
    first, second = written(tmp_path / "a", 1, 0.1), written(tmp_path / "b", 2, 0.1, search={})
    with pytest.raises(InputError, match="search"):
        compare_loads([first], [second], seed=1)
