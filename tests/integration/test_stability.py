"""An office that cannot keep up is named unstable; one that can is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.cli import main

SCENARIO = """
schema: 1
id: desk
title: One desk
period: {{start: 2015-03-02, warm_up: 2 weeks, measure: 8 weeks, cool_down: 1 week}}
calendar: {{hours: ["08:00-12:00", "13:00-17:00"]}}
agencies: [{{id: a, level: office}}, {{id: b, level: office}}]
staff: {{office: {{clerk: 1}}}}
flows:
  letters: {{from: {{id: a}}, to: {{id: b}}, volume: {volume} / working day, procedure: serve}}
procedures:
  serve:
    title: Serve
    sender: [{{work: serve, by: clerk, takes: 10 min}}]
    leg: [{{end: completed}}]
"""
CAPACITY_PER_DAY = 48  # eight hours of ten minutes


@pytest.mark.parametrize(("load", "stable"), [(1.05, False), (0.95, True)])
def test_a_desk_is_unstable_at_105_percent_and_not_at_95(
    load: float, stable: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Offered load of one or more, or work that grows from week to week, is said by table, summary and report."""
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO.format(volume=CAPACITY_PER_DAY * load), encoding="utf-8")
    out = tmp_path / "run"
    assert main(["run", str(path), "--replications", "3", "--jobs", "1", "--out", str(out)]) == 0
    only = json.loads((out / "summary.json").read_text(encoding="utf-8"))["alternatives"]["base"]
    assert only["stable"] is stable
    assert bool(only["unstable_reasons"]) is not stable
    shown = capsys.readouterr().out
    assert ("NO" in shown.split()) is not stable
    page = (out / "report.html").read_text(encoding="utf-8")
    assert ("cannot keep up with its work" in page) is not stable
