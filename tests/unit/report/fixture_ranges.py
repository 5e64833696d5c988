"""The made-up run with its inputs drawn: the second range of every number, and a precision that was asked for."""

from __future__ import annotations

from typing import Any

from tests.unit.report import fixtures
from tests.unit.report.fixtures import Json

DRIVER = "absence.leader.away"
VARIED = 13


def spread(low: float | None, high: float | None, *, draws: int = 20, missing: int = 0) -> Json:
    """Return a range over draws: the middle 90 % of twenty or more, else lowest to highest."""
    middle = None if low is None or high is None else (low + high) / 2
    central = 0.9 if draws >= 20 else 1.0
    return {
        "low": low,
        "high": high,
        "median": middle,
        "draws": draws,
        "missing": missing,
        "central": central,
    }


def of_difference(estimate: float, *, same: int = 20, draws: int = 20) -> Json:
    """Return the second range of a difference that the assumptions rule; some draws may lose its sign."""
    lost = same < draws
    ends = (2 * estimate, -0.25 * estimate if lost else 0.5 * estimate)
    return spread(min(ends), max(ends), draws=draws) | {
        "sd_assumptions": 0.3 * abs(estimate),
        "sd_noise": 0.05 * abs(estimate),
        "rules": "assumptions",
        "sign": {"same": same, "draws": draws, "share_low": 0.7839 if lost else 0.8609},
        "drivers": [{"name": DRIVER, "correlation": -0.912, "p_holm": 0.00004}],
        "holds_where": {"name": DRIVER, "side": "above", "quantile": 0.2, "draws": same - 1, "text": "0.21"}
        if lost
        else None,
    }


def _with_spreads(node: Any) -> Any:
    """Return the same with a range beside every estimate, a fifth to either side."""
    if isinstance(node, dict):
        out = {key: _with_spreads(value) for key, value in node.items()}
        if node.get("estimate") is not None:
            ends = sorted(node["estimate"] * factor for factor in (0.8, 1.2))
            out["spread"] = spread(ends[0], ends[1])
        return out
    return [_with_spreads(value) for value in node] if isinstance(node, list) else node


def summary(*, same: int = 20) -> Json:
    """Return the complete made-up summary after twenty draws; of the differences ``same`` keep the sign."""
    made = fixtures.summary(unstable=False)
    made["design"] |= {
        "range": "simulation noise, and assumptions",
        "assumptions": {"mode": "sampled", "draws": 20, "varied": VARIED},
        "precision": None,
    }
    for name, one in made["alternatives"].items():
        made["alternatives"][name] = _with_spreads(one) | {"draws": {"count": 20, "overloaded": 0}}
    for each in made["comparisons"]:
        each["spread"] = of_difference(each["difference"]["estimate"], same=same)
        each["percent_spread"] = spread(-61.0, -22.0)
    return made


def precision(**changes: Any) -> Json:
    """Return ``design.precision`` of a run that met what was asked for, unless told otherwise."""
    met = {"asked": 0.05, "reached": 0.0391, "which": "signed", "replications_max": 40}
    return met | {"met": True, "bound_hit": False} | changes
