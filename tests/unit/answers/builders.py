"""A small file of questions and a summary that answers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim.answers import Questions, load_questions

QUESTIONS = """
runs:
  nation: {replications: 2, draws: 3, sets: {period.measure: 1 week}}
  nation-year: {replications: 2, draws: 2, sets: {period.measure: 52 weeks}}
questions:
  - id: sooner
    scenario: nation
    source: "a plan"
    question: {en: How much sooner?, vi: Nhanh hơn bao nhiêu?}
    baseline: paper
    alternatives: [scanned, signed]
    metric: turnaround_working_s.mean
    as: difference
    main_assumption: &main {path: flows.letters.volume, en: How many letters there are., vi: Số văn bản.}
    note: Only a test.
  - id: enough
    scenario: nation
    source: "a plan"
    question: {en: Which is enough?, vi: Phương án nào đủ?}
    baseline: paper
    alternatives: [scanned, signed]
    metric: by_flow.letters.all_registered_within.1
    as: threshold
    target: {at_least: 0.9}
    main_assumption: *main
  - id: money
    scenario: nation
    source: "a plan"
    period: year
    question: {en: Is it worth it?, vi: Có đáng không?}
    baseline: scanned
    alternatives: [signed]
    metric: cost.npv
    as: difference
    main_assumption: *main
"""


def questions(folder: Path, text: str = QUESTIONS) -> Questions:
    """Return the questions of a file with this text."""
    path = folder / "questions.yaml"
    path.write_text(text, encoding="utf-8")
    return load_questions(path)


def told(estimate: float | None, half: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    """Return an estimate with its spread over three draws."""
    spread: dict[str, Any] = {
        "low": low, "high": high, "median": low, "draws": 3 if low is not None else 0,
        "missing": 0 if low is not None else 3, "central": 1.0, "sign": {"same": 2, "draws": 3, "share_low": 0.1},
        "rules": "assumptions", "drivers": [], "holds_where": None,
    }  # fmt: skip
    return {"estimate": estimate, "half_width": half, "confidence": 0.95, "replications": 2, "spread": spread}


def summary() -> dict[str, Any]:
    """Return a summary of paper, scanned and signed in which shares rise and times fall."""
    shares = {"paper": (0.2, 0.1, 0.3), "scanned": (0.89, 0.5, 0.95), "signed": (0.97, 0.91, 0.99)}
    alternatives: dict[str, Any] = {
        name: {
            "title": {"en": name, "vi": name},
            "stable": name != "paper",
            "draws": {"count": 3, "overloaded": int(name == "paper")},
            "turnaround_working_s": {"mean": told(8 * 3600.0, 600.0, 7 * 3600.0, 9 * 3600.0)},
            "by_flow": {"letters": {"all_registered_within": {"1": told(share, 0.02, low, high)}}},
            "cost": {"against": {}},
        }
        for name, (share, low, high) in shares.items()
    }
    alternatives["signed"]["cost"]["against"]["scanned"] = {"npv": told(2e9, 1e8, -1e9, 3e9)}
    comparisons = [
        {
            "baseline": "paper", "alternative": name, "metric": "turnaround_working_s.mean",
            "difference": told(-4 * 3600.0, 60.0, None, None), "percent": {"estimate": -33.0},
            "spread": told(None, None, -6 * 3600.0, 3600.0)["spread"], "percent_spread": {}, "p_holm": 0.01,
            "differs": True, "shared": 10,
        }
        for name in ("scanned", "signed")
    ]  # fmt: skip
    return {
        "alternatives": alternatives, "comparisons": comparisons, "assumed_share": 0.9,
        "design": {"base": "paper", "assumptions": {"varied": 7}, "measured_working_days": 5, "day_s": 8 * 3600.0},
    }  # fmt: skip
