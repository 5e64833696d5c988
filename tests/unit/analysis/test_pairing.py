from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sim.analysis.pairing import adjusted, correlation, holm, paired_p, variance_saved


def entry(alternative: str, p_value: float | None, **changes: Any) -> dict[str, Any]:
    """Return as much of an entry of ``comparisons`` as the correction looks at."""
    fixed = {"baseline": "paper", "alternative": alternative, "metric": "turnaround_s.mean"}
    return {**fixed, "p_value": p_value, **changes}


def test_holm_by_hand() -> None:
    """0.01, 0.04, 0.03, 0.005 times 3, 1, 2, 4 in their order, and never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_verdict_depends_on_the_other_alternatives() -> None:
    """A p of 0.04 differs alone and not among three."""
    alone = adjusted([entry("a", 0.04)])
    assert [(one["p_holm"], one["differs"]) for one in alone] == [(0.04, True)]
    among = adjusted([entry("a", 0.04), entry("b", 0.01), entry("c", 0.5)])
    assert [one["differs"] for one in among] == [False, True, False]
    assert among[0]["p_holm"] == pytest.approx(0.08)
    assert [one["alternative"] for one in among] == ["a", "b", "c"]


def test_a_family_is_one_metric_against_one_baseline() -> None:
    """Neither another metric nor another baseline enters the correction."""
    rest = [entry("a", 0.03, metric="turnaround_s.p90"), entry("b", 0.03, baseline="scanned")]
    assert [one["p_holm"] for one in adjusted([entry("a", 0.03), *rest])] == [0.03] * 3


def test_what_was_not_tested_has_no_verdict() -> None:
    """A single replication has no p value, and does not weigh on the others."""
    given = [entry("a", None), entry("b", 0.03)]
    found = adjusted(given)
    assert [(one["p_holm"], one["differs"]) for one in found] == [(None, None), (0.03, True)]
    assert "p_holm" not in given[0]


def test_paired_p_by_hand() -> None:
    """Differences of 1 and 3 have t = 2 with one degree of freedom: p = 1 - 2 atan(2) / pi."""
    assert paired_p(np.array([1.0, 3.0, math.nan])) == pytest.approx(1 - 2 * math.atan(2) / math.pi)
    assert paired_p(np.array([5.0, 5.0])) == 0.0
    assert paired_p(np.zeros(4)) == 1.0
    assert math.isnan(paired_p(np.array([5.0, math.inf])))


def test_pairing_against_independent_noise() -> None:
    """Opposite values make the difference noisier: correlation -1, and as much variance lost as there was."""
    a, b = np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])
    assert correlation(a, b) == pytest.approx(-1)
    assert variance_saved(a, b) == pytest.approx(-1)


def test_what_does_not_vary_has_no_correlation() -> None:
    """A constant alternative has no correlation, and no variance to save; nor have two replications."""
    a, b = np.array([1.0, 2.0, 3.0]), np.full(3, 2.0)
    assert math.isnan(correlation(a, b))
    assert variance_saved(a, b) == pytest.approx(0)
    assert math.isnan(variance_saved(b, b))
    assert math.isnan(correlation(a[:2], a[:2]))
    assert math.isnan(variance_saved(np.array([1.0, 2.0, math.nan]), a))
