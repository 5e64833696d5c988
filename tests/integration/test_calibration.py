"""A simulation cites what a load run measured, through the doors that a planner uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from loadtests.harness.calibration import TRANSIT, profile
from sim import runs
from sim.cli import main
from tests.integration.conftest import SMALL
from tests.unit.loadtests.harness import profiled

SIGNED = ["--alternatives", "signed", "--set", "transports.exchange.outages=null"]


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """``calibration.json`` of a run whose deliveries took two seconds on average."""
    run = profiled.made()
    found = profile(run.plan, run.seen, target={"name": "known"}, machine={}, rng=np.random.default_rng(1))
    data: dict[str, Any] = json.loads(json.dumps(found))
    return data


def travel_s(run: Path) -> pl.Series:
    """How long each document was under way on the exchange, in the simulation."""
    steps = pl.read_parquet(run / "steps.parquet").filter(pl.col("task") == "by-exchange")
    return steps.select(pl.col("completed_s") - pl.col("started_s")).to_series()


def cited(measured: dict[str, Any]) -> tuple[np.ndarray[Any, Any], float]:
    """The values of the measured profile in seconds, and their mean."""
    spec = measured["fragment"][TRANSIT]["empirical"]
    values = np.array([float(text.removesuffix(" s")) for text in spec["values"]])
    return values, float(values @ np.array(spec["weights"]))


def are_the_measured_ones(run: Path, measured: dict[str, Any]) -> None:
    """Every travel time of a run is one of the measured values, and their mean fits the measured mean."""
    found = travel_s(run).to_numpy()
    values, mean = cited(measured)
    assert len(found) > 100
    apart = np.abs(found[:, None] - values[None, :]).min(axis=1)
    assert float(apart.max()) < 1e-6
    error = float(found.std(ddof=1)) / len(found) ** 0.5
    assert abs(float(found.mean()) - mean) < 5 * error


def test_a_simulation_uses_the_measured_profile(
    scenario: Path, measured: dict[str, Any], tmp_path: Path
) -> None:
    """With ``--set`` as the profile writes it, documents travel as long as the load run measured, no longer."""
    arguments = [part for one in measured["set"] for part in ("--set", one)]
    out = tmp_path / "run"
    assert main(["run", str(scenario), *SMALL, *SIGNED, *arguments, "--out", str(out)]) == 0
    are_the_measured_ones(out, measured)
    summary = runs.read_json(out, "summary.json")
    assert f"--set {TRANSIT}" in json.dumps(summary)
    assert measured["fragment"][TRANSIT]["source"] in json.dumps(summary, ensure_ascii=False)


def test_a_scenario_file_cites_the_measured_profile(
    scenario: Path, measured: dict[str, Any], tmp_path: Path
) -> None:
    """An alternative of a scenario of one's own cites it by the same path; another alternative keeps the library's."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "agencies.csv").write_bytes((scenario / "agencies.csv").read_bytes())
    text = (scenario / "scenario.yaml").read_text(encoding="utf-8")
    alternative = {
        "channels.electronic.share": 1,
        "transports.exchange.outages": None,
        **measured["fragment"],
    }
    cites = f"  measured: {json.dumps(alternative, ensure_ascii=False)}\n"
    (folder / "scenario.yaml").write_text(text + cites, encoding="utf-8")
    out = tmp_path / "run"
    arguments = ["--alternatives", "measured,signed", "--out", str(out)]
    assert main(["run", str(folder / "scenario.yaml"), *SMALL, *arguments]) == 0
    steps = pl.read_parquet(out / "steps.parquet").filter(pl.col("task") == "by-exchange")
    means = steps.group_by("alternative").agg(
        (pl.col("completed_s") - pl.col("started_s")).mean().alias("mean_s")
    )
    by = dict(means.iter_rows())
    _, mean = cited(measured)
    assert by["measured"] == pytest.approx(mean, rel=0.25)
    assert by["signed"] > 10 * by["measured"]
