"""``congvan load``: help that teaches, wrong input told, verdicts as exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadtests.campaign import campaigns
from loadtests.campaign.campaigns import Done
from loadtests.commands.load_options import LOAD
from loadtests.harness.options import Options
from sim.cli import main

SUMMARY: dict[str, Any] = {
    "verdict": {
        "outcome": "FAIL",
        "exit_code": 1,
        "reasons": [{"outcome": "FAIL", "code": "lost", "text": "messages were lost"}],
    },
    "offered": {"messages": 100, "rate_per_s": 50.0},
    "completed": 98,
    "completed_per_s": 49.0,
    "counts": {"shed": 2},
    "ledger": {"findings": [{"code": "lost", "count": 3}]},
    "objectives": [
        {
            "text": "submit p99 < 500 ms",
            "met": True,
            "bound_s": 0.5,
            "estimate_s": 0.02,
            "low_s": 0.01,
            "high_s": None,
            "samples": 90,
            "misses": 0,
        }
    ],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The options of runs that were asked for; nothing is run."""
    found: list[Options] = []

    def run_load(options: Options, **_: Any) -> Done:
        found.append(options)
        return Done(Path("somewhere"), SUMMARY, interrupted=options.seed == 13)

    monkeypatch.setattr(campaigns, "run_load", run_load)
    return found


def test_options_reach_the_run(asked: list[Options], capsys: pytest.CaptureFixture[str]) -> None:
    """What is typed becomes options; the verdict with reasons and counts is printed, its code is the exit code."""
    words = (
        "load run --rate 9/s --from 08:00 --size-max 1kB --no-collect --workers 2 --option a=b --option c=d"
    )
    code = main(
        [*words.split(), "--slo", "submit max < 1 s", "--fault", "freeze 1s at 1s", "--faulty", "lose=1"]
    )
    assert code == 1
    (options,) = asked
    assert (options.rate, options.start, options.size_max, options.workers) == ("9/s", "08:00", "1kB", 2)
    assert options.adapter_options == ("a=b", "c=d")
    assert options.objectives == ("submit max < 1 s",)
    assert (options.faults, options.faulty, options.collect) == (("freeze 1s at 1s",), "lose=1", False)
    out = capsys.readouterr().out
    assert out.startswith("FAIL\n  FAIL lost (3): messages were lost\n")
    assert "submit p99 < 500 ms: met, 20 ms (10 to –) of 90" in out
    assert "somewhere/report.html" in out


def test_every_option_has_the_default_of_options(asked: list[Options]) -> None:
    """A command line without options is ``Options()``: defaults stand in one place only in effect."""
    main(["load", "run"])
    assert asked == [Options()]


def test_json_goes_to_stdout_alone(asked: list[Options], capsys: pytest.CaptureFixture[str]) -> None:
    """A program that reads the summary gets nothing else."""
    assert main(["load", "run", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out) == SUMMARY
    assert asked


def test_an_interrupted_run_is_told(asked: list[Options], capsys: pytest.CaptureFixture[str]) -> None:
    """Its exit code is 1, and it is said that it was broken off."""
    assert main(["load", "run", "--seed", "13"]) == 1
    assert "interrupted" in capsys.readouterr().err
    assert asked


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "--target", "http://192.0.2.1"], "E-TARGET"),
        (["run", "--rate", "1/s", "--profile", "x.yaml"], "E-OPTION"),
        (["run", "--fault", "burn it at 1s"], "E-FAULT"),
        (["run", "--format", "xml"], "E-OPTION"),
        (["run", "--language", "fr"], "E-OPTION"),
        (["run", "--poison", "much"], "E-OPTION"),
        (["plan", "--rate", "1/s"], "E-OPTION"),
        (["search", "--slo", "fast"], "E-OBJECTIVE"),
        (["search", "--tolerance", "-1 %"], "E-OPTION"),
        (["report", "nowhere"], "E-RUN"),
        (["compare", "nowhere", "--versus", "nowhere"], "E-COMPARE-SIDES"),
        (["compare", "nowhere", "--versus", "elsewhere"], "E-RUN"),
    ],
)
def test_wrong_input_ends_with_two(
    words: list[str],
    code: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told in a line with its code, and nothing was made."""
    monkeypatch.chdir(tmp_path)
    assert main(["load", *words]) == 2
    assert code in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_plan_is_written_for_locust(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Plan and schedule lie in the folder, for a target that nobody has asked yet."""
    out = tmp_path / "plan"
    assert main(["load", "plan", "--target", "http://127.0.0.1:9", "--rate", "5/s", "--out", str(out)]) == 0
    assert json.loads((out / "plan.json").read_text())["target"] == "http://127.0.0.1:9"
    assert (out / "schedule.npz").exists()
    assert "poisson arrivals at 5/s" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["run", "plan", "search"])
def test_help_names_the_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Help is there and names what is shared."""
    assert main(["load", command, "--help"]) == 0
    out = capsys.readouterr().out
    assert "--slo" in out
    assert "congvan load" in out


def test_all_options_are_known_to_options() -> None:
    """Every option of the command line has its place."""
    assert set(LOAD) <= set(Options.__dataclass_fields__)
