"""The command line: help that teaches, clear refusals, exit codes."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import typer

from sim import cli
from sim import scenario as scenarios
from sim.cli import main

SMALL = "(small)"  # stands for the small scenario of this folder


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    """The root help shows a whole session, and every command has a help of its own."""
    assert main(["--help"]) == 0
    assert "congvan run quang-ninh" in capsys.readouterr().out
    for command in ("scenarios", "new", "check", "schema", "run", "report", "reproduce"):
        assert main([command, "--help"]) == 0
        assert len(capsys.readouterr().out) > 100


def test_scenarios_lists_what_is_bundled(capsys: pytest.CaptureFixture[str]) -> None:
    """Bundled scenarios are listed with their alternatives."""
    assert main(["scenarios"]) == 0
    assert "quang-ninh" in (shown := capsys.readouterr().out)
    assert "double-running" in shown


def test_a_faulty_scenario_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bundled scenario with faults is named as such, and the list goes on."""
    assert main(["new", "sound", "--in", str(tmp_path)]) == 0
    faulty = tmp_path / "faulty" / "scenario.yaml"
    faulty.parent.mkdir()
    faulty.write_text("schema: 1\n", encoding="utf-8")
    listed = {"faulty": faulty, "sound": tmp_path / "sound" / "scenario.yaml"}
    monkeypatch.setattr(scenarios, "bundled", lambda: listed)
    capsys.readouterr()
    assert main(["scenarios"]) == 0
    shown = capsys.readouterr().out
    assert "faulty: faulty" in shown
    assert "alternatives: " in shown


def test_schema_is_the_committed_one(capsys: pytest.CaptureFixture[str]) -> None:
    """``congvan schema`` prints what is committed as scenarios/schema.json."""
    assert main(["schema"]) == 0
    committed = Path(__file__).parents[2] / "scenarios" / "schema.json"
    assert committed.read_text(encoding="utf-8") == capsys.readouterr().out


def test_check_reports_every_fault_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped key and a wrong unit are both found, with line and hint; exit code 2."""
    assert main(["new", "mine", "--in", str(tmp_path)]) == 0
    path = tmp_path / "mine" / "scenario.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip().startswith("warm_up:"))
    lines[at] = lines[at].replace("warm_up:", "warmup:")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["check", str(path)]) == 2
    shown = capsys.readouterr().out
    assert f"{path}:{at + 1}" in shown
    assert "E-UNKNOWN-KEY" in shown
    assert "warm_up" in shown


def test_check_of_a_right_scenario_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A right scenario is called right, with its warnings and the share of assumed numbers."""
    assert main(["check", "quang-ninh"]) == 0
    assert "quang-ninh: right." in (shown := capsys.readouterr().out)
    assert "W-LAW-DATE" in shown


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "nowhere"], "E-SCENARIO-NAME"),
        (["run", SMALL, "--alternatives", "papr"], "E-ALTERNATIVE"),
        (["run", SMALL, "--set", "period.measure"], "E-SET"),
        (["run", SMALL, "--set", "periode.measure=1 week"], "E-PATH"),
        (["run", SMALL, "--format", "xml"], "E-OPTION"),
        (["run", SMALL, "--language", "fr"], "E-OPTION"),
        (["report", "nowhere"], "E-RUN"),
        (["report", ".", "--language", "fr"], "E-OPTION"),
        (["reproduce", "."], "E-RUN"),
        (["check", "nowhere"], "E-SCENARIO-NAME"),
    ],
)
def test_wrong_input_is_refused_with_a_code(
    words: list[str], code: str, scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's mistake gives a stable code and exit code 2, never a traceback."""
    assert main([str(scenario) if word == SMALL else word for word in words]) == 2
    shown = capsys.readouterr()
    assert code in shown.err + shown.out


def test_unknown_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """An option that does not exist ends with exit code 2."""
    assert main(["run", "quang-ninh", "--replicatons", "3"]) == 2
    assert "replicat" in capsys.readouterr().err


def test_new_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that exists is left alone."""
    assert main(["new", "mine", "--in", str(tmp_path)]) == 0
    assert main(["new", "mine", "--in", str(tmp_path)]) == 2
    assert "E-OUT-EXISTS" in capsys.readouterr().err


def test_run_never_overwrites_a_run(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that holds something is refused before anything is simulated."""
    (tmp_path / "kept").write_text("kept", encoding="utf-8")
    assert main(["run", str(scenario), "--out", str(tmp_path)]) == 2
    assert "E-OUT-EXISTS" in capsys.readouterr().err


def test_other_packages_register_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An entry point of the group ``congvan.commands`` can add its own commands to the root."""

    class Entry:
        name = "load"

        @staticmethod
        def load() -> Any:
            def register(app: typer.Typer) -> None:
                @app.command("hello-from-outside")
                def hello() -> None:
                    """Say hello."""
                    print("hello")  # noqa: T201

            return register

    monkeypatch.setattr(
        metadata, "entry_points", lambda *, group: [Entry] if group == cli.COMMANDS_GROUP else []
    )
    before = list(cli.app.registered_commands)
    try:
        assert main(["hello-from-outside"]) == 0
    finally:
        cli.app.registered_commands[:] = before
    assert "hello" in capsys.readouterr().out
