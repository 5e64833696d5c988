"""The run directory: what a run leaves behind so that others can trust and repeat it.

Rule kept here: a file appears whole or not at all, and the manifest, written last, holds the SHA-256 of
every other file. Contents of a run directory:

``manifest.json``      how the run was made; see :func:`manifest`
``summary.json``       everything the report shows
``documents.parquet``  one row per document of the cohort: alternative, replication, doc, flow, sender,
                       created_s, legs (recipients), and its turnaround to the first, 90 % and last of
                       them: first_s, p90_s, last_s
``legs.parquet``       one row per leg (delivery) of the cohort: the columns of ``sim.observations.Legs``
``steps.parquet``      one row per step, for the replications kept: the columns of ``sim.observations.Steps``
``report.html``        made from summary and manifest
``inputs/``            the scenario and everything it names, as read

Times in the tables are seconds since midnight of the scenario's first day, rounded to the microsecond.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError, RunError

MANIFEST, SUMMARY, REPORT = "manifest.json", "summary.json", "report.html"
DOCUMENTS, LEGS, STEPS = "documents.parquet", "legs.parquet", "steps.parquet"
INPUTS = "inputs"
SCHEMA_VERSION = 1
PACKAGES = ("congvan", "simpy", "numpy", "scipy", "polars", "pydantic", "ruamel.yaml", "holidays", "joblib",
            "altair", "vl-convert-python", "jinja2")  # fmt: skip


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: to a neighbour first, then rename.

    Raises:
        RunError: ``E-WRITE`` when the disk is full or the folder may not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RunError(
            "E-WRITE", f"{path}: {error.strerror}", "free some space or name another --out"
        ) from None


def dump_json(data: Any) -> bytes:
    """Return JSON with sorted keys, two spaces and a newline at its end; NaN is refused."""
    return (json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def read_json(run: Path, name: str) -> dict[str, Any]:
    """Read a JSON file of a run directory.

    Raises:
        InputError: ``E-RUN`` when it is missing or not JSON.
    """
    path = run / name
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise InputError("E-RUN", f"found no readable {name} in {run}", "name the folder of a run") from None
    except json.JSONDecodeError as error:
        raise InputError("E-RUN", f"{path} line {error.lineno} is not JSON", "the run is damaged") from None
    if not isinstance(data, dict):
        raise InputError("E-RUN", f"{path} holds no mapping", "the run is damaged")
    return data


def new_folder(out: Path | None, scenario: str, now: datetime) -> Path:
    """Make the folder of a new run.

    Args:
        out: As asked for; it may exist if it is empty. Default: ``results/runs/<UTC time>-<scenario>``.
        scenario: The scenario's id.
        now: Present time, UTC.

    Raises:
        InputError: ``E-OUT-EXISTS`` when the folder holds something.
    """
    path = out if out is not None else Path("results/runs") / f"{now:%Y%m%dT%H%M%SZ}-{scenario}"
    number = 2
    while out is None and path.exists():
        path = path.with_name(f"{now:%Y%m%dT%H%M%SZ}-{scenario}-{number}")
        number += 1
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(
            "E-OUT-EXISTS", f"{path} is not empty", "name a new folder; a run never overwrites another"
        )
    path.mkdir(parents=True, exist_ok=True)
    return path


def fingerprint() -> dict[str, str]:
    """Return what decides whether two machines compute the same bytes."""
    versions = {name: _version(name) for name in ("numpy", "scipy", "polars", "simpy")}
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.system(),
        "machine": platform.machine(),
        "simd": " ".join(simd.get("found", [])) or "baseline",
        "libc": " ".join(platform.libc_ver()),
        **versions,
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _git(folder: Path, *words: str) -> str | None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, timeout=20, check=False
        )
        if done.returncode == 0:
            return done.stdout.strip()
    return None


def git_state() -> dict[str, Any]:
    """Return the commit of the code and whether it was changed since; unknown where there is no checkout."""
    folder = Path(__file__).resolve().parent
    commit = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain", "--", ".", "../scenarios")
    return {"commit": commit, "dirty": bool(status) if status is not None else None}


def manifest(
    *,
    command: Sequence[str],
    scenario: Mapping[str, Any],
    seed: int,
    replications: int,
    replications_asked: int,
    alternatives: Sequence[str],
    sets: Mapping[str, str],
    steps_kept: Sequence[int],
    days: Mapping[str, Any],
    git: Mapping[str, Any],
    started: datetime,
    ended: datetime,
    files: Mapping[str, str],
    draws: int,
    precision: Mapping[str, Any] | None,
    metrics: Sequence[str],
    versus: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """Return the manifest of a run.

    Args:
        command: Command line, the program's name first.
        scenario: id, digest, and digest of each input file by name.
        seed: Seed.
        replications: Replications finished for every alternative.
        replications_asked: Replications asked for; more than finished when the run was interrupted.
        alternatives: Names, the base first.
        sets: Changes from the command line.
        steps_kept: Replications whose steps were kept.
        days: Resolved holidays and make-up days.
        git: See :func:`git_state`.
        started: UTC.
        ended: UTC.
        files: SHA-256 of every other file by relative name.
        draws: Draws of the assumptions; 0: the inputs as stated only.
        precision: Relative error asked for, replications to begin with and at most; ``None``: not asked for.
        metrics: Further metrics that were compared.
        versus: Further pairs that were compared, baseline first.
    """
    return {
        "schema": SCHEMA_VERSION,
        "kind": "simulation",
        "command": list(command),
        "scenario": dict(scenario),
        "seed": seed,
        "replications": replications,
        "replications_asked": replications_asked,
        "alternatives": list(alternatives),
        "sets": dict(sets),
        "steps_kept": list(steps_kept),
        "draws": draws,
        "precision": dict(precision) if precision else None,
        "metrics": list(metrics),
        "versus": [list(pair) for pair in versus],
        "days": dict(days),
        "packages": {name: _version(name) for name in PACKAGES},
        "fingerprint": fingerprint(),
        "machine": {
            "cores": os.cpu_count() or 0,
            "python": sys.version.split()[0],
            "system": platform.platform(),
        },
        "git": dict(git),
        "started_utc": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ended_utc": ended.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "files": dict(files),
    }


def digests(run: Path, leave_out: Iterable[str] = (MANIFEST,)) -> dict[str, str]:
    """Return the SHA-256 of every file of a run by relative name, sorted."""
    skip = set(leave_out)
    found = {
        path.relative_to(run).as_posix(): sha256_of(path)
        for path in sorted(run.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    return {name: digest for name, digest in found.items() if name not in skip}


def utc_now() -> datetime:
    """Return the present time, UTC."""
    return datetime.now(UTC)
