"""What a comparison must know of a run.

Rule kept here: a run is told by its plan, what sent it, and where it ran; everything else is its values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sim.errors import InputError


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a comparison must know of a run.

    Args:
        label: Which side it belongs to.
        plan_digest: Digest of its plan; the seed is part of it.
        values: By metric; ``None`` or not finite where the run has none (a percentile among the misses).
        seed: Of the plan.
        order: When it ran among the others, any ascending number.
        adapter: Its adapter.
        generator: What sent it: versions, workers, signing.
        host: Fingerprint of the machine.
        plan: Its whole plan, so that differences can be named.
        outcome: Its verdict.
        name: What people know it by.
    """

    label: str
    plan_digest: str
    values: Mapping[str, float | None]
    seed: int
    order: float
    adapter: str = ""
    generator: Mapping[str, Any] = field(default_factory=dict)
    host: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    outcome: str = ""
    name: str = ""


METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "submit p50": ("steps", "submit", "response_s", "p50"),
    "submit p95": ("steps", "submit", "response_s", "p95"),
    "submit p99": ("steps", "submit", "response_s", "p99"),
    "journey p99": ("steps", "journey", "response_s", "p99"),
    "completed per s": ("completed_per_s",),
}
"""What two runs are compared by unless something else is asked for: name to place in a summary."""


def facts_of(summary: Mapping[str, Any], label: str, order: float, name: str = "") -> RunFacts:
    """What a comparison must know of a run, from its summary.

    Args:
        summary: Of kind ``load``.
        label: The side it belongs to.
        order: When it ran among the others.
        name: What people know it by, such as its folder.

    Raises:
        InputError: ``E-COMPARE-KIND``: no summary of a load run.
    """
    plan = summary.get("plan")
    if summary.get("kind") != "load" or not isinstance(plan, Mapping) or "plan_digest" not in summary:
        raise InputError(
            "E-COMPARE-KIND", f"{name or label} is no load run", "give runs of `congvan load run`"
        )
    generator, environment = summary.get("generator") or {}, summary.get("environment") or {}
    return RunFacts(
        label=label,
        plan_digest=str(summary["plan_digest"]),
        values={metric: _at(summary, path) for metric, path in METRICS.items()},
        seed=int(plan["seed"]),
        order=order,
        adapter=str(plan.get("adapter", "")),
        generator=dict(generator.get("versions") or environment.get("versions") or {}),
        host=environment.get("fingerprint") or {},
        plan=plan,
        outcome=str((summary.get("verdict") or {}).get("outcome", "")),
        name=name,
    )


def _at(data: Any, path: Sequence[str]) -> float | None:
    for part in path:
        data = data.get(part) if isinstance(data, Mapping) else None
    return None if data is None else float(data)
