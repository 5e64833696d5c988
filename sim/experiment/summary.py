"""From the numbers of all replications to ``summary.json``: everything the report shows, machine-readable.

Rule kept here: one number per replication, then an interval over replications; what the scenario says about
its own numbers (grades, sources, laws, published figures) stands beside what was simulated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sim.analysis import (
    CONFIDENCE,
    PairedNumbers,
    ReplicationNumbers,
    adjusted,
    compare,
    summarise,
    working_days,
)
from sim.errors import Diagnostic
from sim.scenario import ScenarioFile, assumed_share, numbers, shares, staff_of
from sim.scenario.params import in_seconds
from sim.scenario.procedures import used_procedures
from sim.scenario.steps import Text
from sim.units import Dimension

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Results:
    """What the replications yielded.

    Args:
        alternatives: Names, the base first.
        finished: Per replication, numbers by alternative.
        pairs: Per alternative but the base, its paired numbers by replication.
        seed: Seed of the run.
    """

    alternatives: tuple[str, ...]
    finished: Sequence[Mapping[str, ReplicationNumbers]]
    pairs: Mapping[str, Sequence[PairedNumbers]]
    seed: int


def text(value: Text | str | None, default: str = "") -> dict[str, str]:
    """Return a text in English and Vietnamese."""
    if value is None:
        return {"en": default, "vi": default}
    if isinstance(value, str):
        return {"en": value, "vi": value}
    return {"en": value.en, "vi": value.vi or value.en}


def build(file: ScenarioFile, results: Results) -> dict[str, Any]:
    """Return the summary of a run.

    Args:
        file: The scenario.
        results: What the replications yielded.
    """
    scenario = file.scenario
    alternatives = {name: _alternative(file, results, name) for name in results.alternatives}
    stated = [
        one for one in numbers(file)
        if not one.path.startswith("alternatives.") or one.path.split(".")[1] in results.alternatives
    ]  # fmt: skip
    return {
        "schema": SCHEMA_VERSION,
        "kind": "simulation",
        "scenario": {
            "id": scenario.id,
            "title": text(scenario.title),
            "question": text(scenario.question) if scenario.question else None,
            "network": scenario.network,
        },
        "design": _design(file, results),
        "alternatives": alternatives,
        "comparisons": adjusted(
            [
                {"baseline": results.alternatives[0], "alternative": name, **one}
                for name, pairs in results.pairs.items()
                for one in compare(pairs)
            ]
        ),
        "published": _published(file, alternatives),
        "assumptions": [
            {
                "path": one.path,
                "value": one.text,
                "grade": one.grade,
                "range": one.range_text,
                "source": one.source,
            }
            for one in stated
            if not one.path.startswith("alternatives.") or one.path.split(".")[1] in results.alternatives
        ],
        "assumed_share": assumed_share(stated),
        "grades": shares(stated),
        "laws": _laws(file, results.alternatives),
        "warnings": [_warning(one) for one in _relevant(file, results.alternatives)],
    }


def _alternative(file: ScenarioFile, results: Results, name: str) -> dict[str, Any]:
    """Return one alternative's part of the summary."""
    case = file.cases[name]
    flows = case.scenario.flows
    part = summarise(
        [finished[name] for finished in results.finished],
        start=case.scenario.period.start,
        flow_titles={flow: text(spec.title, flow) for flow, spec in flows.items()},
        deadlines={
            flow: in_seconds(spec.deadline, file.office.day_s)
            for flow, spec in flows.items()
            if spec.deadline
        },
    )
    changes = {path: str(value) for path, value in case.overlay.items() if path not in file.sets}
    title = text(case.scenario.titles.get(name), name)
    return {"title": title, "overlay": changes, **part}


def _design(file: ScenarioFile, results: Results) -> dict[str, Any]:
    """Say what was run."""
    scenario, horizon = file.scenario, file.horizon
    start = scenario.period.start
    worked = working_days(file.office, horizon.days, horizon.measure_start_s, horizon.measure_end_s)
    people = sum(
        spec.count
        for agency in file.cases[file.base].agencies
        for spec in staff_of(scenario, agency).values()
    )
    last = start + timedelta(seconds=horizon.measure_end_s) - timedelta(days=1)
    return {
        "kind": scenario.period.kind,
        "start": start.isoformat(),
        "warm_up_s": horizon.measure_start_s,
        "measure_s": horizon.measure_end_s - horizon.measure_start_s,
        "cool_down_s": horizon.cap_s - horizon.measure_end_s,
        "measured_working_days": int(worked.sum()),
        "measured_from": (start + timedelta(seconds=horizon.measure_start_s)).isoformat(),
        "measured_to": last.isoformat(),
        "replications": len(results.finished),
        "seed": results.seed,
        "confidence": CONFIDENCE,
        "day_s": file.office.day_s,
        "agencies": len(file.cases[file.base].agencies),
        "people": people,
        "base": results.alternatives[0],
        "range": "simulation noise only",
    }


def look_up(tree: Any, path: str) -> Any:
    """Return the node at a dotted path of a summary, or ``None``."""
    node = tree
    for part in path.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _published(file: ScenarioFile, alternatives: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Set published figures beside simulated ones; a figure without a metric is not compared."""
    out = []
    for name, one in file.scenario.published.items():
        metric, alternative = one.metric, one.alternative
        simulated = look_up(alternatives.get(alternative or "", {}), metric) if metric else None
        out.append(
            {
                "id": name, "title": text(one.title), "text": one.value.text, "value": one.value.value,
                "unit": "s" if one.value.dimension is Dimension.DURATION else str(one.value.dimension),
                "source": one.value.source, "grade": str(one.value.grade or "unstated"), "use": one.use,
                "why": one.why, "metric": metric, "alternative": alternative, "simulated": simulated,
            }
        )  # fmt: skip
    return out


def _laws(file: ScenarioFile, names: Sequence[str]) -> list[dict[str, Any]]:
    """List the legal basis of every procedure that some alternative uses."""
    out: dict[str, dict[str, Any]] = {}
    for name in names:
        scenario = file.cases[name].scenario
        for procedure in used_procedures(scenario):
            law = scenario.procedures[procedure].law
            if law is not None:
                out[procedure] = {
                    "procedure": procedure, "basis": law.basis,
                    "from": law.from_.isoformat() if law.from_ else None,
                    "to": law.to.isoformat() if law.to else None, "note": law.note,
                }  # fmt: skip
    return list(out.values())


def _relevant(file: ScenarioFile, names: Sequence[str]) -> list[Diagnostic]:
    """Return the warnings about what these alternatives use."""
    used = {procedure for name in names for procedure in used_procedures(file.cases[name].scenario)}
    return [
        one
        for one in file.warnings
        if not one.field.startswith("procedures.") or one.field.split(".")[1] in used
    ]


def _warning(found: Diagnostic) -> dict[str, str]:
    return {"code": found.code, "message": f"{found.field}: {found.message}", "hint": found.hint}
