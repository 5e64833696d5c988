"""The directory of a load run: where every part of it lies, and how plan and schedule are kept there.

Rule kept here: what workers record lies in ``raw/``, what a server of our own keeps in ``.server/``; both go when the
run has been concluded, everything else stays and is named in the manifest.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from loadtests.harness.plan import Plan
from loadtests.harness.schedule import Schedule
from sim import runs
from sim.errors import InputError

KIND: Final = "load"
"""Of a manifest and a summary, beside the simulator's ``simulation``."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's directory.

    Args:
        path: Where it is.
    """

    path: Path

    @property
    def plan_path(self) -> Path:
        """The plan."""
        return self.path / "plan.json"

    @property
    def schedule_path(self) -> Path:
        """The schedule."""
        return self.path / "schedule.npz"

    @property
    def raw(self) -> Path:
        """What the generator recorded, and what was sampled, injected and audited beside it."""
        return self.path / "raw"

    @property
    def server(self) -> Path:
        """Data, keys and log of a server of our own."""
        return self.path / ".server"

    @property
    def log_path(self) -> Path:
        """What the server told."""
        return self.server / "server.log"

    @property
    def data(self) -> Path:
        """The data directory of an exchange of our own."""
        return self.server / "data"

    @property
    def generator_log_path(self) -> Path:
        """What the generator told; kept with the run."""
        return self.path / "generator.log"

    def write_plan(self, plan: Plan, schedule: Schedule) -> None:
        """Put plan and schedule where workers look for them."""
        runs.write_bytes(self.schedule_path, schedule.to_bytes())
        runs.write_bytes(self.plan_path, runs.dump_json(plan.to_json()))
        self.raw.mkdir(exist_ok=True)

    def read_plan(self) -> Plan:
        """The plan.

        Raises:
            InputError: ``E-RUN`` there is none; ``E-PLAN`` it does not hold.
        """
        return Plan.from_json(runs.read_json(self.path, self.plan_path.name))

    def read_schedule(self, plan: Plan) -> Schedule:
        """The schedule that belongs to a plan.

        Raises:
            InputError: ``E-RUN``: it is missing, damaged, or of another plan.
        """
        try:
            schedule = Schedule.from_bytes(self.schedule_path.read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(
                "E-RUN", f"found no readable {self.schedule_path}", "name the folder of a load run"
            ) from None
        if schedule.digest != plan.schedule_sha256:
            raise InputError(
                "E-RUN", f"{self.schedule_path} is not the schedule of its plan", "plan it again"
            )
        return schedule

    def write_raw(self, name: str, data: Any) -> None:
        """Put a JSON file beside what the generator recorded."""
        runs.write_bytes(self.raw / name, runs.dump_json(data))

    def read_raw(self, name: str, default: Any = None) -> Any:
        """Read such a file; ``default`` where there is none, or only a part of one."""
        try:
            return json.loads((self.raw / name).read_bytes())
        except (OSError, ValueError):
            return default

    def clear(self) -> None:
        """Take away what only the run itself needed."""
        for path in (self.raw, self.server):
            shutil.rmtree(path, ignore_errors=True)


def new_run(out: Path | None, name: str, now: datetime) -> RunFolder:
    """Make the folder of a new run.

    Args:
        out: As asked for; default: ``results/runs/<UTC time>-load-<name>``.
        name: What the run is called: its adapter, or its scenario.
        now: UTC.

    Raises:
        InputError: ``E-OUT-EXISTS``.
    """
    return RunFolder(runs.new_folder(out, f"load-{name}", now))


def load_summary(path: Path) -> dict[str, Any]:
    """Read the summary of a load run.

    Raises:
        InputError: ``E-RUN``: no summary, or one of another kind of run.
    """
    summary = runs.read_json(path, runs.SUMMARY)
    if summary.get("kind") != KIND:
        raise InputError("E-RUN", f"{path} is no load run", "name a folder that `congvan load run` wrote")
    return summary


def write_manifest(
    folder: RunFolder,
    *,
    command: list[str],
    plan: Mapping[str, Any] | None,
    started: str,
    now: Callable[[], datetime] = runs.utc_now,
) -> None:
    """Write the manifest, last of all: how the run was made, and the SHA-256 of every other file.

    Args:
        folder: Of the run.
        command: The command line, the program's name first.
        plan: The plan as JSON; None for a directory of several runs.
        started: When it began, UTC, as ISO 8601.
        now: The present time, UTC.
    """
    left_out = {runs.MANIFEST}
    files = {
        name: digest
        for name, digest in runs.digests(folder.path, left_out).items()
        if not name.startswith(("raw/", ".server/"))
    }
    manifest = {
        "schema": runs.SCHEMA_VERSION,
        "kind": KIND,
        "command": command,
        "plan": dict(plan) if plan is not None else None,
        "fingerprint": runs.fingerprint(),
        "git": runs.git_state(),
        "started_utc": started,
        "ended_utc": f"{now():%Y-%m-%dT%H:%M:%SZ}",
        "files": files,
    }
    runs.write_bytes(folder.path / runs.MANIFEST, runs.dump_json(manifest))
