"""What ``loadtests/LOAD.md`` shows works as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from loadtests.adapters.servers.faults import Faults
from loadtests.campaign.faults import timeline
from loadtests.harness import profiles
from loadtests.harness.ledger import Finding
from loadtests.harness.verdict import Outcome
from tests.integration.load.commanding import serving

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "loadtests/LOAD.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


def test_the_profile_is_one(tmp_path: Path) -> None:
    """Five seconds at 20/s, five at 60/s: 400 messages are expected."""
    path = tmp_path / "day.yaml"
    path.write_text(_block("yaml"), encoding="utf-8")
    profile = profiles.load(path)
    assert profile.duration_s == 10.0
    assert [one.rate_per_s for one in profile.stages] == [20.0, 60.0]


def test_the_faults_can_be_read() -> None:
    """Every fault that the guide names is understood."""
    (shown,) = re.findall(r"`--faulty ([^`]+)`", GUIDE)
    assert Faults.parse(shown).lose == 0.02
    named = re.findall(r'`?(?:--fault )?"((?:freeze|kill|slow|cut) [^"]+)"', GUIDE)
    assert [len(timeline([one], 60.0)) for one in named] == [1, 1, 1, 1]


def test_every_finding_and_every_exit_code_is_explained() -> None:
    """The codes that ``Finding`` documents stand in the table, and the verdicts with their exit codes."""
    assert Finding.__doc__ is not None
    codes = re.findall(r"``([a-z-]+)``", Finding.__doc__.split("count:")[0])
    assert len(codes) == 10
    for code in codes:
        assert f"`{code}`" in GUIDE
    for one in Outcome:
        assert f"{one.exit_code} {one}" in GUIDE


def test_the_adapter_loads_an_exchange(tmp_path: Path) -> None:
    """The class of the guide, written to a file, is all that is needed."""
    (tmp_path / "small.py").write_text(_block("python"), encoding="utf-8")
    with serving("null_server") as (url, _):
        words = [
            "load",
            "run",
            "--target",
            url,
            "--adapter",
            "small:Small",
            "--rate",
            "200/s",
            "--duration",
            "4s",
            "--size",
            "4 KiB",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "sim.cli", *words, "--out", str(tmp_path / "run")],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode in {0, 3}, done.stdout + done.stderr  # 3: other tests made the generator late
    assert "completed 8" in done.stdout or "completed 7" in done.stdout
