"""The search as a user runs it, on a server whose capacity is known by construction."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.load.commanding import serving

pytestmark = pytest.mark.soak
CAPACITY_PER_S = 100.0
"""One server that takes 10 ms for each message, offered at even gaps: below it nobody waits, above it a queue grows."""


def test_the_search_finds_a_known_capacity_within_5_percent(tmp_path: Path) -> None:
    """What it confirms lies at most 5 % below the capacity, what it saw fail at most 5 % above; it says PASS."""
    with serving("null_server", "--service-ms", "10", "--servers", "1") as (url, _):
        words = [
            "load",
            "search",
            "--adapter",
            "null",
            "--target",
            url,
            "--arrivals",
            "constant",
            "--start",
            "40",
        ]
        words += [
            "--size",
            "4 KiB",
            "--slo",
            "submit p99 < 100 ms",
            "--probe",
            "10s",
            "--tolerance",
            "3 %",
            "--budget",
            "25min",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "sim.cli", *words, "--replays", "0 %", "--out", str(tmp_path / "run")],
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "run/summary.json").read_text(encoding="utf-8"))["search"]
    assert 0.95 * CAPACITY_PER_S <= found["last_pass"] <= 1.005 * CAPACITY_PER_S
    assert found["first_fail"] <= 1.05 * CAPACITY_PER_S
    assert not found["at_least"]
    assert found["confirmed"]
