"""What a run has left in ``raw/``, read once and whole: rows, workers, server numbers, faults, audit.

Rule kept here: a missing file is a fact about the run, told by what reads it, and never filled in: without rows there
are no rows, without an audit nobody has looked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from loadtests.campaign.directory import RunFolder
from loadtests.harness.plan import Plan
from loadtests.harness.records import AUDIT, KINDS, Rows
from loadtests.harness.schedule import Schedule

_FILES: Final = {"arrival": "arrivals", "delivery": "deliveries", "poll": "polls"}


@dataclass(frozen=True, slots=True)
class Raw:
    """A run as it was recorded.

    Args:
        plan: What was to be done.
        schedule: What was to be sent.
        arrivals: Rows of ``records.ARRIVAL``.
        deliveries: Rows of ``records.DELIVERY``.
        polls: Rows of ``records.POLL``.
        audit: Rows of ``records.AUDIT``; None where the server was not or could not be asked.
        audited: ``audit.json``; empty where there is none.
        workers: ``workers.json``; empty where the generator ended before it wrote one.
        metrics: The server's numbers, sample by sample.
        faults: What was injected, as recorded.
    """

    plan: Plan
    schedule: Schedule
    arrivals: Rows
    deliveries: Rows
    polls: Rows
    audit: Rows | None
    audited: Mapping[str, Any]
    workers: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    faults: Sequence[Mapping[str, Any]]

    @property
    def end_s(self) -> float:
        """When the last thing happened: at least the end of the schedule."""
        moments = [self.arrivals["done_s"], self.arrivals["sent_s"]]
        latest = max(
            (float(np.nanmax(one)) for one in moments if len(one) and not np.isnan(one).all()), default=0.0
        )
        return max(self.plan.duration_s, latest)


def read_raw(folder: RunFolder) -> Raw:
    """Read what a run has recorded.

    Raises:
        InputError: ``E-RUN``, ``E-PLAN``: no plan, or a schedule of another.
    """
    plan = folder.read_plan()
    audit = folder.raw / "audit.npy"
    return Raw(
        plan=plan,
        schedule=folder.read_schedule(plan),
        arrivals=recorded(folder, "arrival"),
        deliveries=recorded(folder, "delivery"),
        polls=recorded(folder, "poll"),
        audit=_rows(audit, AUDIT) if audit.exists() else None,
        audited=folder.read_raw("audit.json", {}),
        workers=folder.read_raw("workers.json", {}),
        metrics=folder.read_raw("metrics.json", []),
        faults=folder.read_raw("faults.json", []),
    )


def recorded(folder: RunFolder, kind: str) -> Rows:
    """Rows of a kind as the generator recorded them; see ``records.KINDS``."""
    return _rows(folder.raw / f"{_FILES[kind]}.npy", KINDS[kind])


def _rows(path: Path, kind: np.dtype[Any]) -> Rows:
    """Rows of a kind; none where the file is missing, damaged or of another kind: the ledger shows what is missing."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return np.zeros(0, dtype=kind)
    return found if found.dtype == kind else np.zeros(0, dtype=kind)
