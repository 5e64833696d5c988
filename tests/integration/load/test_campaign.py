"""``congvan load run`` from end to end: server, Locust, faults, audit, verdict and a directory that can be trusted.

The machine of a test is slow and noisy, so nothing here depends on whether the generator kept its schedule: an INVALID
run has the same ledger, the same files and the same rows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from loadtests.campaign import conclude as concluding
from loadtests.campaign.directory import RunFolder
from loadtests.harness.histogram import Histogram
from sim import runs
from sim.cli import main

LOAD = [
    "load",
    "run",
    "--rate",
    "30/s",
    "--duration",
    "4s",
    "--agencies",
    "6",
    "--poll",
    "1 s",
    "--human",
    "100 ms",
]
LOAD += ["--drain", "5s", "--size", "4 KiB"]
FILES = {
    "arrivals.parquet",
    "calibration.json",
    "deliveries.parquet",
    "generator.log",
    "histograms.json",
    "junit.xml",
    "plan.json",
    "polls.parquet",
    "report.html",
    "schedule.npz",
    "series.csv",
    "series.parquet",
    "summary.json",
}
CODES = {"PASS": 0, "FAIL": 1, "INVALID": 3, "INCONCLUSIVE": 4}


def loaded(out: Path, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit code and summary of a run."""
    code = main([*LOAD, *more, "--out", str(out)])
    return code, runs.read_json(out, runs.SUMMARY)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, dict[str, Any]]:
    """A run whose exchange stood still for a second; everything is kept."""
    out = tmp_path_factory.mktemp("load") / "run"
    return out, *loaded(out, "--fault", "freeze 1s at 2s", "--keep")


def test_the_exit_code_is_the_verdicts(frozen: tuple[Path, int, dict[str, Any]]) -> None:
    """Whatever the verdict, its code is the exit code."""
    _, code, summary = frozen
    assert code == CODES[summary["verdict"]["outcome"]]


def test_nothing_is_lost_by_a_freeze(frozen: tuple[Path, int, dict[str, Any]]) -> None:
    """The clean exchange keeps every message, refuses all poison, and has been asked."""
    _, _, summary = frozen
    ledger = summary["ledger"]
    assert ledger["findings"] == []
    assert ledger["audited"]
    assert all(kind["accepted"] == 0 for kind in ledger["poison"].values())
    assert sum(kind["sent"] for kind in ledger["poison"].values()) == summary["offered"]["poisoned"] > 0
    assert summary["completed"] == summary["offered"]["good"]


def test_the_freeze_is_seen_where_it_was(frozen: tuple[Path, int, dict[str, Any]]) -> None:
    """Whoever was due early in the freeze waited for its end, by the recorded times."""
    out, _, summary = frozen
    (fault,) = summary["faults"]
    recorded = json.loads((out / "raw" / "faults.json").read_bytes())[0]
    assert 1.0 <= recorded["recorded_until_s"] - recorded["recorded_from_s"] < 30.0
    rows = pl.read_parquet(out / "arrivals.parquet").filter(
        (pl.col("due_s") > recorded["recorded_from_s"] + 0.05)
        & (pl.col("due_s") < recorded["recorded_until_s"])
    )
    assert len(rows) > 0
    early = rows.filter(pl.col("sent_s") < recorded["recorded_until_s"])
    assert (early["done_s"] >= recorded["recorded_until_s"] - 0.05).all()
    assert fault["kind"] == "freeze"


def test_the_directory_holds_what_it_says(frozen: tuple[Path, int, dict[str, Any]]) -> None:
    """Every file is there and has the digest that the manifest names; rows and histograms agree."""
    out, _, summary = frozen
    manifest = runs.read_json(out, runs.MANIFEST)
    assert set(manifest["files"]) == FILES
    assert all(runs.sha256_of(out / name) == digest for name, digest in manifest["files"].items())
    assert manifest["kind"] == "load"
    assert len(pl.read_parquet(out / "arrivals.parquet")) == summary["offered"]["messages"]
    histogram = Histogram.from_json(runs.read_json(out, "histograms.json")["submit"])
    assert histogram.count == summary["steps"]["submit"]["count"]
    assert len(pl.read_csv(out / "series.csv")) == len(summary["series"]["second_s"])


def test_the_plan_can_be_read_again(frozen: tuple[Path, int, dict[str, Any]]) -> None:
    """Plan and schedule belong together, and the digest is the summary's."""
    folder = RunFolder(frozen[0])
    plan = folder.read_plan()
    assert plan.digest == frozen[2]["plan_digest"]
    assert len(folder.read_schedule(plan)) == frozen[2]["offered"]["messages"]


def test_the_report_can_be_made_again(frozen: tuple[Path, int, dict[str, Any]]) -> None:
    """In the other language, and the manifest knows the new file."""
    out, _, _ = frozen
    before = runs.sha256_of(out / runs.REPORT)
    assert main(["load", "report", str(out), "--language", "vi"]) == 0
    after = runs.sha256_of(out / runs.REPORT)
    assert after != before
    assert runs.read_json(out, runs.MANIFEST)["files"][runs.REPORT] == after


def test_concluded_again_it_says_the_same(
    frozen: tuple[Path, int, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same rows give the same summary; nobody is asked, and what was recorded goes."""
    out, code, summary = frozen
    assert concluding.main([str(out)]) == code
    assert runs.read_json(out, runs.SUMMARY) == summary
    assert capsys.readouterr().out.startswith(summary["verdict"]["outcome"])
    assert not (out / "raw").exists()


@pytest.mark.soak
def test_a_faulty_exchange_is_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was planted is found: losses, and every forgery; the verdict is FAIL."""
    out = tmp_path / "run"
    code, summary = loaded(out, "--faulty", "lose=0.2,forge=1")
    found = {one["code"]: one["count"] for one in summary["ledger"]["findings"]}
    assert code == 1
    assert found["lost"] > 0
    assert found["forged-accepted"] == summary["offered"]["poisoned"]
    assert f"lost ({found['lost']})" in capsys.readouterr().out
    assert not (out / "raw").exists()
    assert not (out / ".server").exists()
