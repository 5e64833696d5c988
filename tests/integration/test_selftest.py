"""``congvan selftest`` and ``congvan trace`` as they are typed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from sim.cli import look_commands, main
from sim.selftest import selftest
from sim.selftest.models import MODELS

SHORT_H = 20


def test_the_selftest_agrees_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every model and calendar case is shown, and the exit code is 0; shorter runs than a user's."""
    monkeypatch.setattr(look_commands, "selftest", partial(selftest, hours=SHORT_H))
    assert main(["selftest", "--replications", "3", "--jobs", "1"]) == 0
    shown = capsys.readouterr()
    for name in MODELS:
        assert name in shown.out
    assert "agrees: " in shown.out
    assert "0 of 10" in shown.out
    assert f"{3 * len(MODELS)}/{3 * len(MODELS)} simulated" in shown.err


def test_a_selftest_that_does_not_agree_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1 when a model disagrees with its formula."""
    wrong = replace(
        MODELS["M/D/1"], exact={"wait": 1e-3, "response": 1e-3, "present": 9.0, "utilisation": 0.1}
    )
    monkeypatch.setattr(look_commands, "selftest", partial(selftest, hours=SHORT_H, models=[wrong]))
    assert main(["selftest", "--replications", "20", "--jobs", "1"]) == 1
    assert "DOES NOT AGREE" in capsys.readouterr().out


def test_a_document_is_listed_and_traced(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list names documents whose life can be told."""
    assert main(["trace", str(run)]) == 0
    listed = capsys.readouterr().out.splitlines()
    slowest = next(line for line in listed if "slowest" in line)
    number = slowest.split("document")[1].split()[0]
    assert main(["trace", str(run), number, "--all"]) == 0
    shown = capsys.readouterr().out
    assert f"document {number}, " in shown
    assert "sender part" in shown
    assert "delivery " in shown


def test_an_alternative_can_be_chosen(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the chosen alternative is listed."""
    names = pl.read_parquet(run / "documents.parquet")["alternative"].unique(maintain_order=True)
    assert main(["trace", str(run), "--alternative", names[-1]]) == 0
    heads = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert heads == [f"{names[-1]}, replication 1"]


def test_a_run_without_tables_says_how_to_get_them(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hint is the command of the manifest."""
    shutil.copytree(run, tmp_path / "kept", ignore=shutil.ignore_patterns("*.parquet"))
    assert main(["trace", str(tmp_path / "kept")]) == 2
    shown = capsys.readouterr().err
    assert "E-NO-TABLES" in shown
    assert "congvan" in shown
