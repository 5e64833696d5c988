"""The demo's documents per second and peak memory, and how time and memory grow with volume; only printed."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

from tests.bench.growing import RSS_UNIT

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]
DEMO = [
    "run",
    "quang-ninh",
    "--alternatives",
    "paper,signed",
    "--set",
    "period.measure=4 weeks",
]  # as `make demo`
REPLICATIONS = 1  # the demo has five, all alike
WEEKS = 4
VOLUMES = (0.1, 0.3, 1.0)  # of the scenario's own, at which its people are already as busy as is plausible


def _process(arguments: list[str]) -> tuple[str, float]:
    """Run a Python process; return what it printed and the most memory it held, in MiB."""
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return printed, usage.ru_maxrss / RSS_UNIT


def test_demo_documents_per_second_and_peak_memory(tmp_path: Path) -> None:
    """The demo's command, one replication in one process, from start to report."""
    out = tmp_path / "run"
    fixed = ["--replications", str(REPLICATIONS), "--jobs", "1", "--out", str(out), "--format", "json"]
    begun = perf_counter()
    printed, peak = _process(["-m", "sim.cli", *DEMO, *fixed])
    seconds = perf_counter() - begun
    alternatives = json.loads(printed)["alternatives"].values()
    documents = sum(one["documents"] for one in alternatives)
    legs = sum(one["counts"]["created"] for one in alternatives)
    print(  # noqa: T201
        f"\nDemo, {REPLICATIONS} replication of paper and signed, one process, loading and report included:\n"
        f"{documents:,} measured documents ({legs:,} deliveries) in {seconds:.1f} s, "
        f"{documents / seconds:,.0f} documents/s, {legs / seconds:,.0f} deliveries/s, peak {peak:,.0f} MiB"
    )


@pytest.mark.parametrize("alternative", ["paper", "signed"])
def test_growth_from_one_to_ten_times_the_volume(alternative: str) -> None:
    """Processor time and memory against documents; an exponent of 1 is linear."""
    rows = []
    for volume in VOLUMES:
        arguments = ["quang-ninh", alternative, str(volume), str(WEEKS)]
        rows.append(json.loads(_process(["-m", "tests.bench.growing", *arguments])[0]))
    lines = [
        "",
        f"quang-ninh, {alternative}, a tenth of its volume to all of it: processor seconds, one core",
    ]
    keys = ("workload_s", "build_s", "events_s", "write_s")
    heads = "".join(f"{key[:-2]:>10}" for key in keys)
    rates = f"{'docs/s':>9}{'acts/s':>9}{'peak MiB':>10}"
    lines.append(f"{'documents':>10}{'activities':>12}{heads}{'all':>8}{rates}")
    for row in rows:
        total = sum(row[key] for key in keys)
        parts = "".join(f"{row[key]:10.2f}" for key in keys)
        lines.append(
            f"{row['documents']:10,.0f}{row['activities']:12,.0f}{parts}{total:8.2f}"
            f"{row['documents'] / total:9,.0f}{row['activities'] / total:9,.0f}{row['peak_mib']:10,.0f}"
        )
    first, last = rows[0], rows[-1]
    more = math.log(last["documents"] / first["documents"])
    time = math.log(sum(last[key] for key in keys) / sum(first[key] for key in keys)) / more
    events = math.log(last["events_s"] / first["events_s"]) / more
    memory = (
        math.log((last["peak_mib"] - last["loaded_mib"]) / (first["peak_mib"] - first["loaded_mib"])) / more
    )
    lines.append(
        f"documents x {math.exp(more):.1f}: time grows as documents^{time:.2f} (events alone ^{events:.2f}), "
        f"memory beyond the loaded scenario as documents^{memory:.2f}"
    )
    print("\n".join(lines))  # noqa: T201
