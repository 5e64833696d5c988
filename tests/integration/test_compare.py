"""Runs set beside one another through the command line: the same answer as in one run, or a clear refusal."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sim import runs
from sim.analysis.comparison import METRICS, OF_EACH, RESTRICTED
from sim.cli import main
from tests.builders import random_sections, scenario_text

pytestmark = pytest.mark.usefixtures("module_at_full_speed")

PERIOD = "{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 5 days, cool_down: 1 days}"
EXTRA = """
  reports: {flows.directive.volume: 0 / working day}
  directives: {flows.report.volume: 0 / working day / agency, flows.note.volume: 0 / working day / agency}
  few-reports: {flows.report.volume: 0.1 / working day / agency, flows.note.volume: 0 / working day / agency}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scenario in which some deliveries are answered, refused, or open at the end."""
    folder = tmp_path_factory.mktemp("compare")
    sections = random_sections(1) | {"period": PERIOD}
    sections["alternatives"] = "paper: {}\nsigned: {channels.electronic.share: 1}" + EXTRA.replace(
        "\n  ", "\n"
    )
    (folder / "scenario.yaml").write_text(scenario_text(**sections), encoding="utf-8")
    return folder


def made(place: Path, name: str, alternatives: str, *options: str, replications: int = 3) -> Path:
    """Run some alternatives and return the run's folder."""
    out = place / name
    words = ["run", str(place), "--alternatives", alternatives, "--replications", str(replications),
             "--jobs", "1", "--out", str(out), *options]  # fmt: skip
    assert main(words) == 0
    return out


@pytest.fixture(scope="module")
def both(place: Path) -> Path:
    """One run of paper and signed."""
    return made(place, "both", "paper,signed")


@pytest.fixture(scope="module")
def apart(place: Path) -> Path:
    """Another run, of paper, in which everybody is online: what ``signed`` is in the first."""
    return made(place, "apart", "paper", "--set", "channels.electronic.share=1")


@pytest.fixture(scope="module")
def volumes(place: Path) -> Path:
    """One replication of alternatives with other volumes."""
    return made(place, "volumes", "reports,directives,few-reports", replications=1)


def compared(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    """Compare and return what is printed as JSON."""
    capsys.readouterr()
    assert main(["compare", *map(str, words), "--format", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """Return why a comparison is refused."""
    capsys.readouterr()
    assert main(["compare", *map(str, words)]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    return streams.err


def entries(comparisons: Sequence[dict[str, Any]], alternative: str) -> dict[str, dict[str, Any]]:
    """Return the entries of one alternative by metric."""
    return {one["metric"]: one for one in comparisons if one["alternative"] == alternative}


def close(one: float | None, two: float | None, relative: float) -> bool:
    """Tell whether two values are the same but for the rounding of times to the microsecond."""
    if one is None or two is None:
        return one is two
    return math.isclose(one, two, rel_tol=relative, abs_tol=2e-6)


def codes(found: dict[str, Any]) -> set[str]:
    """Return the codes of the warnings."""
    return {one["code"] for one in found["warnings"]}


def copied(run: Path, to: Path, **changes: Any) -> Path:
    """Copy a run, and change its manifest."""
    shutil.copytree(run, to)
    runs.write_bytes(to / runs.MANIFEST, runs.dump_json(runs.read_json(to, runs.MANIFEST) | changes))
    return to


def resealed(run: Path) -> None:
    """Give the manifest of a copy the digests of the files as they are now."""
    manifest = runs.read_json(run, runs.MANIFEST)
    runs.write_bytes(run / runs.MANIFEST, runs.dump_json(manifest | {"files": runs.digests(run)}))


# --- answers ------------------------------------------------------------------------------------------------


def test_two_runs_give_the_differences_of_one_run(
    both: Path, apart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What two runs say of each other is what one run says of both alternatives, but for the tables' rounding."""
    summary = runs.read_json(both, runs.SUMMARY)
    counts = summary["alternatives"]["signed"]["counts"]
    assert counts["open"]
    assert counts["refused"]
    theirs = entries(summary["comparisons"], "signed")
    found = compared(capsys, both, apart, "--baseline", "both:paper", "--alternatives", "apart:paper")
    ours = entries(found["comparisons"], "apart:paper")
    assert set(ours) == {*METRICS, RESTRICTED, *OF_EACH}
    assert ours["turnaround_s.mean"]["difference"]["estimate"] != 0
    for metric, one in ours.items():
        assert one["baseline"] == "both:paper"
        for key in ("shared", "only_baseline", "only_alternative", "paired", "unit", "differs"):
            assert one[key] == theirs[metric][key], (metric, key)
        for key in ("difference", "percent", "baseline_value", "alternative_value"):
            assert one[key].keys() == theirs[metric][key].keys()
            for part, value in one[key].items():
                assert close(value, theirs[metric][key][part], 1e-9), (metric, key, part)
        for key in ("correlation", "variance_saved", "p_value", "p_holm"):
            assert close(one[key], theirs[metric][key], 1e-6), (metric, key)
    assert "W-OPEN" in codes(found)


def test_identical_runs_do_not_differ_at_all(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run against its own copy: every difference is nought, without any range."""
    same = copied(both, tmp_path / "same")
    found = compared(capsys, both, same, "--alternatives", "same:paper")
    assert found["baseline"] == "both:paper"
    for one in entries(found["comparisons"], "same:paper").values():
        assert (one["difference"]["estimate"], one["difference"]["half_width"]) == (0, 0), one["metric"]
        assert one["baseline_value"] == one["alternative_value"]
        assert (one["p_value"], one["differs"], one["only_baseline"], one["only_alternative"]) == (
            1,
            False,
            0,
            0,
        )


def test_every_alternative_of_every_run_has_a_name(
    both: Path, apart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that one run has stands alone; one that several have is told with its run; all share one correction."""
    found = compared(capsys, both, apart)
    assert set(found["alternatives"]) == {"both:paper", "signed", "apart:paper"}
    metric = "turnaround_s.mean"
    p_values = {name: entries(found["comparisons"], name)[metric] for name in ("signed", "apart:paper")}
    assert all(one["p_holm"] >= one["p_value"] for one in p_values.values())
    assert max(one["p_holm"] / one["p_value"] for one in p_values.values()) > 1
    twice = compared(capsys, both, both, "--baseline", "both#1:paper", "--alternatives", "signed")
    assert set(twice["alternatives"]) == {"both#1:paper", "both#1:signed", "both#2:signed"}
    one_run = compared(capsys, both, "--baseline", "signed")
    assert set(one_run["alternatives"]) == {"signed", "paper"}
    back = entries(one_run["comparisons"], "paper")[metric]["difference"]["estimate"]
    assert back == pytest.approx(-p_values["signed"]["difference"]["estimate"])
    assert "known: both:paper, signed, apart:paper" in refused(capsys, both, apart, "--baseline", "sealed")
    assert "one of: both:paper, apart:paper" in refused(capsys, both, apart, "--baseline", "paper")
    assert "nothing to compare with paper" in refused(capsys, both, "--alternatives", "paper")


def test_other_volumes_of_one_scenario_are_paired_by_what_they_share(
    both: Path, volumes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An alternative without directives shares the reports; where few are shared, that is said."""
    found = compared(capsys, both, volumes, "--alternatives", "reports")
    one = entries(found["comparisons"], "reports")["turnaround_s.mean"]
    assert one["shared"]
    assert one["only_baseline"] > one["only_alternative"]
    assert one["difference"]["half_width"] is None
    assert one["differs"] is None
    assert {"W-REPLICATIONS"} <= codes(found)
    assert "W-FEW-SHARED" not in codes(found)
    few = compared(capsys, volumes, "--baseline", "reports", "--alternatives", "few-reports")
    assert "W-FEW-SHARED" in codes(few)


def test_the_table_says_what_was_compared(
    both: Path, apart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table has a row for each alternative, with verdict and counts; warnings go to stderr."""
    capsys.readouterr()
    assert main(["compare", str(both), str(apart), "--alternatives", "apart:paper"]) == 0
    streams = capsys.readouterr()
    summary = runs.read_json(both, runs.SUMMARY)
    theirs = entries(summary["comparisons"], "signed")["turnaround_working_s.mean"]
    day_s = summary["design"]["day_s"]
    assert f"{theirs['difference']['estimate'] / day_s:.2f} ± " in streams.out
    assert f"{theirs['shared']:,}" in streams.out
    assert "3 replications" in streams.out
    assert "W-OPEN" in streams.err


def test_what_does_not_keep_up_is_named_unstable(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An alternative that its run found unstable is so in every comparison, in place of a verdict."""
    other = copied(both, tmp_path / "other")
    summary = runs.read_json(other, runs.SUMMARY)
    reasons = [{"en": "the clerk of p has too much to do", "vi": "văn thư của p quá tải"}]
    summary["alternatives"]["signed"] |= {"stable": False, "unstable_reasons": reasons}
    runs.write_bytes(other / runs.SUMMARY, runs.dump_json(summary))
    resealed(other)
    capsys.readouterr()
    assert main(["compare", str(both), str(other), "--alternatives", "both:signed,other:signed"]) == 0
    streams = capsys.readouterr()
    assert "W-UNSTABLE: other:signed does not keep up: the clerk of p has too much to do" in streams.err
    answer = streams.out.split("What each difference rests on")[0]
    rows = [line.split("│") for line in answer.splitlines() if "│" in line]
    verdicts = {row[1].strip(): row[-2].strip() for row in rows}
    assert verdicts["other:signed"] == "unstable"
    assert verdicts["both:signed"].startswith(("yes", "not shown"))


# --- refusals -----------------------------------------------------------------------------------------------


def test_another_workload_is_refused_with_the_first_difference(
    place: Path, both: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A volume changed from the command line makes other documents, and one of them is named."""
    busier = made(place, "busier", "paper", "--set", "flows.directive.volume=9 / working day", replications=1)
    said = refused(capsys, both, busier)
    assert "E-NOT-PAIRED: found different documents under delivery" in said
    assert "both has document" in said
    assert "busier has document" in said


def test_another_seed_is_refused(both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs with other random numbers are not paired."""
    assert "E-NOT-PAIRED: found seed" in refused(capsys, both, copied(both, tmp_path / "other", seed=77))


def test_nothing_shared_is_refused(volumes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where two alternatives have no delivery in common there is nothing to say."""
    words = ("--baseline", "reports", "--alternatives", "directives")
    assert "E-NOT-PAIRED: found no delivery that" in refused(capsys, volumes, *words)


def test_no_replication_in_common_is_refused(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Replications are paired by their number; runs that have none in common have nothing to pair."""
    parts = []
    for name, kept in (("first", pl.col("replication") == 1), ("rest", pl.col("replication") > 1)):
        part = copied(both, tmp_path / name)
        pl.read_parquet(both / runs.LEGS).filter(kept).write_parquet(part / runs.LEGS)
        resealed(part)
        parts.append(part)
    assert "E-NOT-PAIRED: found no replication that all runs have" in refused(capsys, *parts)
    assert compared(capsys, both, parts[1])["design"]["replications"] == 2


def test_another_program_is_said(both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs made by two versions of the program are compared, with a warning."""
    other = copied(both, tmp_path / "other", git={"commit": "0" * 40, "dirty": False})
    assert "W-PROGRAM" in codes(compared(capsys, both, other))


def test_a_run_without_its_tables_says_how_to_make_them(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reference run has no deliveries; the command that makes them is told."""
    bare = copied(both, tmp_path / "bare", command=["congvan", "run", "a place", "--seed", "1"])
    (bare / runs.LEGS).unlink()
    said = refused(capsys, both, bare)
    assert "E-NO-TABLES" in said
    assert "congvan run 'a place' --seed 1" in said


@pytest.mark.parametrize("name", [runs.LEGS, runs.SUMMARY, "inputs/scenario.yaml"])
def test_a_changed_run_is_refused(
    name: str, both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not the file that the manifest lists is not compared."""
    changed = copied(both, tmp_path / "changed")
    with (changed / name).open("ab") as file:
        file.write(b"\n")
    assert "E-RUN-DAMAGED" in refused(capsys, both, changed)
    (changed / name).unlink()
    assert {runs.LEGS: "E-NO-TABLES"}.get(name, "E-RUN-DAMAGED") in refused(capsys, both, changed)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"kind": "load test"}, "E-RUN"), ({"schema": 99}, "E-RUN"), ({"digest": 1}, "E-RUN-DAMAGED")],
)
def test_what_is_no_run_is_refused(
    changes: dict[str, Any], code: str, both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another kind of run, another schema, and a scenario that is not the one that was run."""
    if "digest" in changes:
        changes = {"scenario": runs.read_json(both, runs.MANIFEST)["scenario"] | changes}
    assert f"{code}: " in refused(capsys, both, copied(both, tmp_path / "other", **changes))
    assert "E-RUN" in refused(capsys, both, tmp_path / "nowhere")
    assert "E-OPTION" in refused(capsys, both, "--format", "yaml")
