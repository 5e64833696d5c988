"""``congvan load run`` as a user runs it, for tests: a process of its own, and the directory that it leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

PATIENCE_S = 240
EXIT_CODES = {"PASS": 0, "FAIL": 1, "INVALID": 3, "INCONCLUSIVE": 4}


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has ended.

    Args:
        path: Its directory.
        summary: Its ``summary.json``.
        told: What the command printed.
    """

    path: Path
    summary: dict[str, Any]
    told: str

    @property
    def outcome(self) -> str:
        """Its verdict."""
        return str(self.summary["verdict"]["outcome"])

    @property
    def reasons(self) -> list[str]:
        """The codes of its reasons."""
        return [one["code"] for one in self.summary["verdict"]["reasons"]]

    @property
    def arrivals(self) -> pl.DataFrame:
        """Its rows."""
        return pl.read_parquet(self.path / "arrivals.parquet")


def load_run(path: Path, *words: str) -> Run:
    """Run ``congvan load run`` with small documents; its exit code must be that of its verdict."""
    if "--size" not in words:
        words = (*words, "--size", "4 KiB")
    command = [sys.executable, "-m", "sim.cli", "load", "run", *words, "--out", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    told = done.stdout + done.stderr
    assert (path / "summary.json").exists(), told
    run = Run(path, json.loads((path / "summary.json").read_text(encoding="utf-8")), told)
    assert done.returncode == EXIT_CODES[run.outcome], told
    return run


def load_in_time(path: Path, *words: str) -> Run:
    """The same, up to three times while this machine makes the generator late: then a run says nothing of a server."""
    for attempt in range(3):
        run = load_run(path / str(attempt), *words)
        if not {"late", "stalled", "strayed"} & set(run.reasons):
            break
    return run


@contextmanager
def serving(*words: str) -> Iterator[tuple[str, int]]:
    """A server of ``loadtests.adapters.servers`` as long as the block runs: its URL and its process's id."""
    command = [sys.executable, "-m", f"loadtests.adapters.servers.{words[0]}", "--port", "0", *words[1:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())["url"], server.pid
        finally:
            server.terminate()
            server.wait(20)
