"""From a scenario file to a run directory, through the command line."""

from __future__ import annotations

import json
import shutil
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sim import experiment, runs
from sim.cli import main
from sim.errors import RunError
from sim.experiment import execution, worker
from sim.scenario import load
from tests.integration.conftest import SMALL


def _summary(run: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    return data


def test_run_directory_holds_what_is_promised(run: Path) -> None:
    """A run leaves manifest, summary, tables, report and inputs, and the manifest has every file's digest."""
    manifest = runs.read_json(run, "manifest.json")
    wanted = {"summary.json", "documents.parquet", "legs.parquet", "steps.parquet", "report.html"}
    assert wanted <= set(manifest["files"])
    assert "inputs/scenario.yaml" in manifest["files"]
    assert manifest["files"] == runs.digests(run)
    assert manifest["days"]["off"]


def test_conservation_is_exact_in_the_summary(run: Path) -> None:
    """Created legs equal completed, refused, recalled and open ones, for every alternative."""
    for one in _summary(run)["alternatives"].values():
        for counts in (one["counts"], one["all_counts"]):
            parts = (counts[key] for key in ("completed", "refused", "recalled", "open"))
            assert counts["created"] == sum(parts)


def test_tables_agree_with_the_summary(run: Path) -> None:
    """The legs table has as many rows as legs were created in the cohort, and their mean turnaround."""
    legs = pl.read_parquet(run / "legs.parquet")
    for name, one in _summary(run)["alternatives"].items():
        mine = legs.filter(pl.col("alternative") == name)
        assert one["counts"]["created"] == mine.height
        done = mine.filter(pl.col("outcome") == "completed")
        by_replication = done.group_by("replication").agg((pl.col("finished_s") - pl.col("created_s")).mean())
        mean = by_replication["finished_s"].mean()
        assert mean == pytest.approx(one["turnaround_s"]["mean"]["estimate"], rel=1e-6)


def test_every_alternative_has_the_same_documents(run: Path) -> None:
    """Documents and their moments are the same for every alternative of the same volume."""
    documents = pl.read_parquet(run / "documents.parquet").filter(pl.col("flow") != "reply")
    sets = {
        name: frozenset(part.select("replication", "doc", "created_s").iter_rows())
        for (name,), part in documents.group_by("alternative")
    }
    assert len(set(sets.values())) == 1


def test_worker_processes_do_not_change_a_byte(scenario: Path, run: Path, tmp_path: Path) -> None:
    """One, two and four worker processes leave the same bytes."""
    mine = runs.read_json(run, "manifest.json")["files"]
    for jobs in (2, 4):
        out = tmp_path / str(jobs)
        options = [*SMALL[:-1], str(jobs)]
        assert main(["run", str(scenario), *options, "--out", str(out)]) == 0
        theirs = runs.read_json(out, "manifest.json")["files"]
        for name in ("summary.json", "documents.parquet", "legs.parquet", "steps.parquet"):
            assert mine[name] == theirs[name], name


def test_chosen_alternatives_do_not_change_one_another(scenario: Path, run: Path, tmp_path: Path) -> None:
    """An alternative has the same numbers whichever others run beside it."""
    whole = _summary(run)["alternatives"]
    name = list(whole)[-1]
    assert main(["run", str(scenario), *SMALL, "--alternatives", name, "--out", str(tmp_path / "one")]) == 0
    assert whole[name] == _summary(tmp_path / "one")["alternatives"][name]


def test_reproduce_confirms_a_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run made again on the same machine has the same bytes."""
    assert main(["reproduce", str(run), "--jobs", "1"]) == 0
    assert "reproduced (the same platform fingerprint)" in capsys.readouterr().out


def test_reproduce_names_the_first_difference(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A summary that says something else is found out, with the place of the first difference."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    summary = _summary(copy)
    name = next(iter(summary["alternatives"]))
    summary["alternatives"][name]["turnaround_s"]["mean"]["estimate"] *= 1 + 1e-6
    runs.write_bytes(copy / "summary.json", runs.dump_json(summary))
    manifest = runs.read_json(copy, "manifest.json")
    manifest["files"]["summary.json"] = runs.sha256_of(copy / "summary.json")
    runs.write_bytes(copy / "manifest.json", runs.dump_json(manifest))
    assert main(["reproduce", str(copy), "--jobs", "1"]) == 1
    assert f"summary.json: alternatives.{name}.turnaround_s.mean.estimate" in capsys.readouterr().out


def test_reproduce_refuses_a_damaged_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that does not fit the manifest is an error of the input, not a difference."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "inputs" / "scenario.yaml").write_text("schema: 1\n", encoding="utf-8")
    assert main(["reproduce", str(copy)]) == 2
    assert "E-RUN-DAMAGED" in capsys.readouterr().err


def test_report_is_rendered_again_in_vietnamese(run: Path, tmp_path: Path) -> None:
    """A report can be made again in the other language without simulating, and the manifest follows."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    assert main(["report", str(copy), "--language", "vi"]) == 0
    assert '<html lang="vi"' in (copy / "report.html").read_text(encoding="utf-8")
    assert runs.read_json(copy, "manifest.json")["files"] == runs.digests(copy)


def test_json_goes_to_stdout_and_all_else_to_stderr(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--format json`` prints summary.json and nothing else on stdout."""
    capsys.readouterr()
    out = tmp_path / "run"
    assert main(["run", str(scenario), *SMALL, "--format", "json", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == _summary(out)
    assert "report:" in shown.err


def test_interrupted_run_keeps_finished_replications(
    scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in the second replication keeps the first, says so, and the run can be reproduced."""
    real, seen = worker.run_one, []

    def stop(task: Any) -> Any:
        seen.append(task)
        if task.replication == 2:
            raise KeyboardInterrupt
        return real(task)

    monkeypatch.setattr(worker, "run_one", stop)
    out = tmp_path / "run"
    assert main(["run", str(scenario), *SMALL, "--out", str(out)]) == 1
    assert "1 of 2 replications are finished and kept" in capsys.readouterr().err
    manifest = runs.read_json(out, "manifest.json")
    assert (manifest["replications"], manifest["replications_asked"]) == (1, 2)
    monkeypatch.undo()
    assert main(["reproduce", str(out), "--jobs", "1"]) == 0


def test_interrupted_before_anything_is_finished_leaves_nothing(
    scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in the first replication fails with a clear message and leaves no half run behind."""

    def stop(_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "run_one", stop)
    out = tmp_path / "run"
    assert main(["run", str(scenario), *SMALL, "--out", str(out)]) == 1
    assert "E-INTERRUPTED" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (OSError(28, "No space left on device"), "E-WRITE"),
        (BrokenProcessPool("killed"), "E-WORKER"),
    ],
)
def test_what_the_machine_does_to_a_run_is_told_with_a_code(
    fault: Exception,
    code: str,
    scenario: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A full disk or a killed worker ends the run with exit code 1 and a hint, not with a traceback."""

    def fail(_: Any) -> Any:
        raise fault

    monkeypatch.setattr(worker, "run_one", fail)
    assert main(["run", str(scenario), *SMALL, "--out", str(tmp_path / "run")]) == 1
    assert code in capsys.readouterr().err


def test_a_manifest_without_its_parts_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A manifest that lacks what a run needs is named as damaged."""
    manifest = runs.read_json(run, "manifest.json")
    del manifest["seed"]
    runs.write_bytes(tmp_path / "manifest.json", runs.dump_json(manifest))
    assert main(["reproduce", str(tmp_path)]) == 2
    assert "E-RUN-DAMAGED" in capsys.readouterr().err


def test_failing_replication_leaves_no_parts_behind(
    scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in a worker is raised as it is, and its half-written rows are removed."""

    def fail(_: Any) -> Any:
        raise RunError("E-TEST", "on purpose")

    monkeypatch.setattr(worker, "run_one", fail)
    file = load(scenario / "scenario.yaml")
    plan = experiment.Plan(file, tuple(file.cases), 1, 1, 1, False, tmp_path / "run", ("congvan",))
    with pytest.raises(RunError, match="E-TEST"):
        experiment.execute(plan, lambda *_: None)
    assert not (tmp_path / "run" / execution.PARTS).exists()
