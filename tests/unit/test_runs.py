"""The run directory: whole files, digests, and refusals of what is no run."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sim import runs
from sim.errors import InputError, RunError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_file_is_written_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    """Writing twice leaves the second content and no neighbour files."""
    path = tmp_path / "deep" / "file"
    runs.write_bytes(path, b"one")
    runs.write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk gives E-WRITE, the old content stays and nothing half-written is left."""
    path = tmp_path / "file"
    runs.write_bytes(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="E-WRITE"):
        runs.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_stable_and_refuses_what_is_no_number() -> None:
    """Keys are sorted, Vietnamese stays readable, NaN is an error."""
    assert runs.dump_json({"b": 1, "a": "văn bản"}).decode() == '{\n  "a": "văn bản",\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="Out of range"):
        runs.dump_json({"a": float("nan")})


def test_digests_cover_every_file_but_the_manifest(tmp_path: Path) -> None:
    """Every file is listed by its path with its SHA-256."""
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "a").write_bytes(b"a")
    (tmp_path / "manifest.json").write_bytes(b"{}")
    assert runs.digests(tmp_path) == {"inputs/a": hashlib.sha256(b"a").hexdigest()}


@pytest.mark.parametrize("content", [None, b"\xff", b"[]", b"{"])
def test_what_is_no_run_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """A missing, unreadable or damaged file is the user's to mend: E-RUN."""
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(InputError, match="E-RUN"):
        runs.read_json(tmp_path, "manifest.json")


def test_a_new_folder_never_is_an_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs in the same second get folders of their own; a folder with content is refused."""
    monkeypatch.chdir(tmp_path)
    first = runs.new_folder(None, "quang-ninh", NOW)
    second = runs.new_folder(None, "quang-ninh", NOW)
    assert first.as_posix() == "results/runs/20260102T030405Z-quang-ninh"
    assert first != second
    (tmp_path / "kept").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="E-OUT-EXISTS"):
        runs.new_folder(tmp_path, "quang-ninh", NOW)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert runs.new_folder(empty, "quang-ninh", NOW) == empty


def test_the_fingerprint_says_what_decides_the_bytes() -> None:
    """Python, platform, vector instructions and the numerical packages are in it, no host name is."""
    found = runs.fingerprint()
    assert {"python", "system", "machine", "simd", "libc", "numpy", "scipy", "polars", "simpy"} == set(found)
    assert os.uname().nodename not in " ".join(found.values())


def test_git_state_is_unknown_outside_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git the commit is unknown, not wrong."""
    monkeypatch.setenv("PATH", "")
    assert runs.git_state() == {"commit": None, "dirty": None}
