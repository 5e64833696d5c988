from __future__ import annotations

import json
import math

import numpy as np
import pytest

from sim.analysis.bootstrap import RESAMPLES, compact, pooled_quantile, too_few
from sim.observations import Floats
from sim.streams import Streams


def samples(*rows: tuple[float, ...]) -> list[Floats]:
    """Return one sample per replication."""
    return [np.array(row) for row in rows]


def resampled_by_hand(held: list[Floats], level: float, name: str) -> list[float]:
    """Draw and pool the replications one resample after another, as the description says."""
    chosen = Streams(0, 1).uniforms(RESAMPLES * len(held), "bootstrap", name) * len(held)
    rows = chosen.astype(int).reshape(RESAMPLES, len(held)).tolist()
    return sorted(float(np.quantile(np.concatenate([held[one] for one in row]), level)) for row in rows)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_interval_agrees_with_the_plain_way(level: float) -> None:
    """Counting gives the ends that pooling each of the thousand resamples gives.

    For five replications Student's 2.776 times sqrt(5 / 4) is 3.104 of a normal distribution: 0.0955 % lie
    outside at each end, so the ends are the least and the largest of a thousand.
    """
    held = samples((1.0, 5.0), (2.0, 3.0, 4.0), (10.0,), (7.0, 7.0), (0.5, 6.0, 20.0))
    found = pooled_quantile(held, level, "turnaround_s.x")
    plain = resampled_by_hand(held, level, "turnaround_s.x")
    assert (found["low"], found["high"]) == pytest.approx((plain[0], plain[-1]))
    assert found["estimate"] == pytest.approx(float(np.quantile(np.concatenate(held), level)))
    assert found["half_width"] == pytest.approx(
        max(found["estimate"] - found["low"], found["high"] - found["estimate"])
    )
    assert (found["method"], found["replications"], found["confidence"]) == ("pooled bootstrap", 5, 0.95)


def test_all_the_same_has_no_width() -> None:
    """Where every item is the same there is nothing to be unsure of."""
    found = pooled_quantile(samples(*[(3.0, 3.0)] * 5), 0.9, "x")
    assert (found["estimate"], found["half_width"], found["low"], found["high"]) == (3.0, 0.0, 3.0, 3.0)


def test_open_items_leave_ends_unknown() -> None:
    """A quantile that may lie among open items has no upper end, and one that does no estimate."""
    held = samples((1.0, 2.0), (1.0, 3.0), (2.0, math.inf), (1.0, math.inf), (1.0, 1.0))
    found = pooled_quantile(held, 0.7, "x")
    assert found["estimate"] is not None
    assert found["low"] is not None
    assert (found["high"], found["half_width"]) == (None, None)
    assert pooled_quantile(held, 0.95, "x")["estimate"] is None
    json.dumps(found, allow_nan=False)


def test_same_name_same_interval() -> None:
    """The resampling depends on the metric's name only; replications without items are left out."""
    held = samples(*((float(n), n + 2.0) for n in range(8)))
    first = pooled_quantile(held, 0.5, "turnaround_s.p50")
    assert pooled_quantile([*held, np.array([])], 0.5, "turnaround_s.p50") == first
    assert first["replications"] == 8


def test_few_is_on_average_and_needs_five_replications() -> None:
    """Twenty items beyond the quantile are enough; replications without items do not count."""
    assert not too_few([np.zeros(40)] * 5, 0.5)
    assert too_few([*[np.zeros(40)] * 4, np.zeros(39)], 0.5)
    assert not too_few([*[np.zeros(41)] * 4, np.zeros(39)], 0.5)
    assert not too_few([*[np.zeros(3)] * 4, np.zeros(0)], 0.5)


def test_what_travels() -> None:
    """Up to 500 items travel in ascending order; items that never have a value stay behind."""
    small = compact(np.array([3.0, math.inf, math.nan, 1.0]))
    assert small is not None
    assert small.tolist() == [1.0, 3.0, math.inf]
    assert compact(np.zeros(501)) is None
