"""An office that cannot keep up is named unstable by every command that speaks of a run; one that can is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.cli import main

pytestmark = pytest.mark.usefixtures("module_at_full_speed")

SCENARIO = """
schema: 1
id: desk
title: One desk
period: {start: 2015-03-02, warm_up: 2 weeks, measure: 8 weeks, cool_down: 1 week}
calendar: {hours: ["08:00-12:00", "13:00-17:00"]}
agencies: [{id: a, level: office}, {id: b, level: office}]
staff: {office: {clerk: 1}}
flows:
  letters: {from: {id: a}, to: {id: b}, volume: 48 / working day, procedure: serve}
procedures:
  serve:
    title: Serve
    sender: [{work: serve, by: clerk, takes: 10 min}]
    leg: [{end: completed}]
alternatives:
  calm: {flows.letters.volume: 45.6 / working day}
  swamped: {flows.letters.volume: 50.4 / working day}
"""
STABLE = {"calm": True, "swamped": False}
"""The desk has time for 48 documents a day, eight hours of ten minutes: it is asked for 95 % and 105 % of that."""

SAID = {
    "en": "“{name}” is unstable: it cannot keep up with its work.",
    "vi": "Phương án “{name}” không ổn định: không theo kịp khối lượng công việc.",
}


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give tables the room that they need."""
    monkeypatch.setenv("COLUMNS", "250")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a desk at 95 % and at 105 % of its time."""
    folder = tmp_path_factory.mktemp("stability")
    path = folder / "scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    assert _simulate(path, folder / "run") == 0
    return folder / "run"


def _simulate(scenario: Path, out: Path, *words: str) -> int:
    return main(["run", str(scenario), "--replications", "3", "--jobs", "1", "--out", str(out), *words])


def _judged(table: str) -> dict[str, bool]:
    """Return what the last column of a printed table says of each alternative."""
    rows = [line.replace("│", " ").split() for line in table.splitlines()]
    said = {row[0]: row[-1] for row in rows if row and row[0] in STABLE and row[-1] in {"yes", "NO"}}
    return {name: word == "yes" for name, word in said.items()}


def test_the_summary_says_so_with_its_reasons(run: Path) -> None:
    """Offered load of one or more is a reason, and it names the desk; nothing is held against 95 %."""
    alternatives = json.loads((run / "summary.json").read_text(encoding="utf-8"))["alternatives"]
    assert {name: one["stable"] for name, one in alternatives.items()} == STABLE
    assert alternatives["calm"]["unstable_reasons"] == []
    assert any("a, clerk" in reason["en"] for reason in alternatives["swamped"]["unstable_reasons"])


def test_run_says_so_in_its_table(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last column is a plain yes or NO."""
    assert _simulate(run / "inputs" / "scenario.yaml", tmp_path / "run") == 0
    assert _judged(capsys.readouterr().out) == STABLE


def test_run_says_so_in_json(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So does what a program reads."""
    assert _simulate(run / "inputs" / "scenario.yaml", tmp_path / "run", "--format", "json") == 0
    alternatives = json.loads(capsys.readouterr().out)["alternatives"]
    assert {name: one["stable"] for name, one in alternatives.items()} == STABLE


@pytest.mark.parametrize("language", SAID)
def test_the_report_says_so(run: Path, language: str) -> None:
    """A banner names who cannot keep up, and nobody else, in either language."""
    assert main(["report", str(run), "--language", language]) == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert {name: SAID[language].format(name=name) not in page for name in STABLE} == STABLE


def test_compare_says_so_in_its_table(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Differences to and from what cannot keep up are called unstable, and a warning says who it is."""
    for baseline, other in (("calm", "swamped"), ("swamped", "calm")):
        assert main(["compare", str(run), "--baseline", baseline]) == 0
        shown = capsys.readouterr()
        (row,) = (line for line in shown.out.splitlines() if other in line and "unstable" in line)
        assert "differs" not in row
        assert "W-UNSTABLE: swamped" in shown.err
        assert "W-UNSTABLE: calm" not in shown.err


def test_compare_says_so_in_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of both, whichever is the baseline."""
    assert main(["compare", str(run), "--format", "json"]) == 0
    alternatives = json.loads(capsys.readouterr().out)["alternatives"]
    assert {name: one["stable"] for name, one in alternatives.items()} == STABLE


@pytest.mark.parametrize("load", STABLE)
def test_explain_says_so(load: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would help is not told of what cannot keep up without the warning; of what can it is."""
    words = ["--alternative", load, "--replications", "2", "--top", "1", "--jobs", "1"]
    assert main(["explain", str(run), *words, "--out", str(tmp_path / "run")]) == 0
    assert ("W-UNSTABLE" not in capsys.readouterr().err) is STABLE[load]


@pytest.mark.parametrize("load", STABLE)
def test_reproduce_does_not_lose_it(
    load: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An alternative by itself is judged as it is beside others, and again when it is reproduced."""
    out = tmp_path / "run"
    assert _simulate(run / "inputs" / "scenario.yaml", out, "--alternatives", load) == 0
    assert _judged(capsys.readouterr().out) == {load: STABLE[load]}
    assert main(["reproduce", str(out), "--jobs", "1"]) == 0
    assert "reproduced" in capsys.readouterr().out
