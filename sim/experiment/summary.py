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
from sim.analysis.spreads import Inputs, add_spreads, all_series, whole_cohorts, with_spreads
from sim.errors import Diagnostic
from sim.experiment import money
from sim.scenario import Draws, ScenarioFile, assumed_share, numbers, shares, staff_of
from sim.scenario.params import in_seconds
from sim.scenario.procedures import used_procedures
from sim.scenario.steps import Text
from sim.units import Dimension

SCHEMA_VERSION = 1


Pair = tuple[str, str]
"""Two alternatives that are compared, the baseline first."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Replications of all alternatives, made in one way: at the stated inputs, or at drawn ones.

    Args:
        finished: Per replication or draw, numbers by alternative.
        pairs: Paired numbers in the same order, by pair of alternatives.
    """

    finished: Sequence[Mapping[str, ReplicationNumbers]]
    pairs: Mapping[Pair, Sequence[PairedNumbers]]


@dataclass(frozen=True, slots=True)
class Results:
    """What a run yielded.

    Args:
        alternatives: Names, the base first.
        stated: Replications at the stated inputs.
        seed: Seed of the run.
        drawn: Replications at drawn inputs, ``None`` where none were drawn.
        inputs: The draws, ``None`` where there are none.
        precision: ``design.precision``, ``None`` where none was asked for.
        metrics: Dotted paths of further metrics to be compared, replication by replication.
    """

    alternatives: tuple[str, ...]
    stated: Arm
    seed: int
    drawn: Arm | None = None
    inputs: Draws | None = None
    precision: Mapping[str, Any] | None = None
    metrics: tuple[str, ...] = ()


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
        "comparisons": _comparisons(results),
        "money": money.told(file, alternatives, text),
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
        [finished[name] for finished in results.stated.finished],
        start=case.scenario.period.start,
        kind=case.scenario.period.kind,
        flow_titles={flow: text(spec.title, flow) for flow, spec in flows.items()},
        deadlines={
            flow: in_seconds(spec.deadline, file.office.day_s)
            for flow, spec in flows.items()
            if spec.deadline
        },
    )
    changes = {path: str(value) for path, value in case.overlay.items() if path not in file.sets}
    title = text(case.scenario.titles.get(name), name)
    if results.drawn is not None:
        add_spreads(part, [finished[name] for finished in results.drawn.finished])
    drawn, inputs = results.drawn, results.inputs
    varied = (drawn.finished, inputs.names, inputs.table) if drawn and inputs else None
    saved = {
        baseline: money.saved(baseline, name, results.stated.finished, varied)
        for baseline, alternative in results.stated.pairs
        if alternative == name
    }
    part["cost"]["against"] = {baseline: one for baseline, one in saved.items() if one}
    return {"title": title, "overlay": changes, **part}


def _comparisons(results: Results) -> list[dict[str, Any]]:
    """Return every pair of alternatives compared, with the spread over drawn inputs beside each."""
    stated, drawn = results.stated, results.drawn
    entries: list[dict[str, Any]] = []
    for pair, pairs in stated.pairs.items():
        told = compare(pairs)
        shared = {one["metric"] for one in told}
        metrics = [metric for metric in results.metrics if metric not in shared]
        mine = all_series(pairs, stated.finished, metrics)
        told += whole_cohorts({metric: mine[metric] for metric in metrics}, *pair)
        if drawn is not None and results.inputs is not None:
            theirs = all_series(drawn.pairs[pair], drawn.finished, metrics)
            told = with_spreads(told, mine, theirs, _inputs(results.inputs))
        entries += told
    return adjusted(entries)


def _inputs(draws: Draws) -> Inputs:
    """Return the draws as the statistics want them."""
    factors = {one.name: one for one in draws.factors}
    return Inputs(draws.names, draws.table, lambda name, quantile: factors[name].text_at(quantile))


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
        "replications": len(results.stated.finished),
        "seed": results.seed,
        "confidence": CONFIDENCE,
        "day_s": file.office.day_s,
        "agencies": len(file.cases[file.base].agencies),
        "people": people,
        "base": results.alternatives[0],
        "range": "simulation noise only" if results.drawn is None else "simulation noise, and assumptions",
        "assumptions": {
            "mode": "fixed" if results.inputs is None else "sampled",
            "draws": len(results.drawn.finished) if results.drawn is not None else 0,
            "varied": len(results.inputs.names) if results.inputs is not None else 0,
        },
        "precision": dict(results.precision) if results.precision is not None else None,
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
