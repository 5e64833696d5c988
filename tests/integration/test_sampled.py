"""Runs whose assumed inputs are drawn, and runs that go on until they are precise."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim import runs
from sim.cli import main

from .conftest import SMALL
from .test_stability import SCENARIO

pytestmark = pytest.mark.usefixtures("module_at_full_speed")


@pytest.fixture(scope="module")
def drawn(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the small scenario with as many draws of its assumptions as it has replications."""
    out = tmp_path_factory.mktemp("drawn") / "run"
    words = ["run", str(scenario), *SMALL, "--assumptions", "sampled", "--draws", "2", "--out", str(out)]
    assert main(words) == 0
    return out


def test_draws_leave_the_stated_answer_alone(run: Path, drawn: Path) -> None:
    """Estimates, intervals and rows at the stated inputs are those of a run without draws."""
    fixed, sampled = runs.read_json(run, runs.SUMMARY), runs.read_json(drawn, runs.SUMMARY)
    for name, one in fixed["alternatives"].items():
        for metric in ("turnaround_working_s", "turnaround_last_s"):
            mean = dict(sampled["alternatives"][name][metric]["mean"])
            assert mean.pop("spread")["draws"] == 2
            assert mean == one[metric]["mean"]
    for old, new in zip(fixed["comparisons"], sampled["comparisons"], strict=True):
        assert {key: new[key] for key in old} == old
        assert new["spread"]["draws"] + new["spread"]["missing"] == 2
    digests = [runs.read_json(one, runs.MANIFEST)["files"][runs.LEGS] for one in (run, drawn)]
    assert digests[0] == digests[1]


def test_drawn_inputs_move_the_answer(drawn: Path) -> None:
    """A draw has the random numbers of the replication of its number: were its inputs as stated, so were its values."""
    summary = runs.read_json(drawn, runs.SUMMARY)
    assert summary["design"]["assumptions"]["mode"] == "sampled"
    assert summary["design"]["assumptions"]["varied"] > 10
    for one in summary["alternatives"].values():
        mean = one["turnaround_working_s"]["mean"]
        middle_s = (mean["spread"]["low"] + mean["spread"]["high"]) / 2
        assert abs(middle_s - mean["estimate"]) > 60.0
        assert one["draws"]["count"] == 2


def test_a_sampled_run_is_reproduced(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The manifest says how many draws there were, and they are drawn again, to the byte."""
    assert main(["reproduce", str(drawn), "--jobs", "2"]) == 0
    assert "reproduced" in capsys.readouterr().out


def test_precision_adds_replications_and_is_reproduced(scenario: Path, tmp_path: Path) -> None:
    """A precision that ten replications do not give ends at the bound, which is told, and runs again alike."""
    out = tmp_path / "run"
    more = ["--precision", "0.1%", "--replications-max", "12", "--jobs", "2", "--out", str(out)]
    assert main(["run", str(scenario), *SMALL, *more]) == 0
    told = runs.read_json(out, runs.SUMMARY)["design"]
    assert told["replications"] == 12
    assert told["precision"]["bound_hit"]
    assert told["precision"]["asked"] == 0.001
    assert main(["reproduce", str(out), "--jobs", "2"]) == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--draws", "5"], "E-OPTION"),
        (["--assumptions", "guessed"], "E-OPTION"),
        (["--precision", "often"], "E-PRECISION"),
        (["--precision", "0"], "E-PRECISION"),
        (["--precision", "5%", "--replications-max", "3"], "E-PRECISION"),
        (["--metrics", "turnaround_s.men"], "E-METRIC"),
    ],
)
def test_wrong_options_are_refused(
    scenario: Path, tmp_path: Path, words: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its code, exit 2, and nothing is left behind that looks like a run."""
    out = tmp_path / "run"
    assert main(["run", str(scenario), *SMALL, *words, "--out", str(out)]) == 2
    assert code in capsys.readouterr().err
    assert not (out / runs.SUMMARY).exists()


def test_a_scenario_without_ranges_has_nothing_to_draw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing with a range: refused, instead of a second range of no width."""
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    words = ["run", str(path), "--assumptions", "sampled", "--jobs", "1", "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert "E-DRAWS" in capsys.readouterr().err


def test_further_pairs_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside every alternative against the base, the pairs asked for; a pair of what is not run is refused."""
    path, out = tmp_path / "scenario.yaml", tmp_path / "run"
    path.write_text(
        SCENARIO.replace("measure: 8 weeks", "measure: 1 week")
        + "  quiet: {flows.letters.volume: 40 / working day}\n",
        encoding="utf-8",
    )
    words = ["run", str(path), "--replications", "2", "--jobs", "1", "--versus", "swamped:quiet"]
    assert main([*words, "--out", str(out)]) == 0
    entries = runs.read_json(out, runs.SUMMARY)["comparisons"]
    pairs = {(one["baseline"], one["alternative"]) for one in entries}
    assert pairs == {("calm", "swamped"), ("calm", "quiet"), ("swamped", "quiet")}
    assert main(["reproduce", str(out), "--jobs", "1"]) == 0
    assert main([*words[:-1], "swamped:nobody", "--out", str(tmp_path / "other")]) == 2
    assert "E-ALTERNATIVE" in capsys.readouterr().err
