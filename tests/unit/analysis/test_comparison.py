from __future__ import annotations

import json
from typing import Any

import pytest

from sim.analysis.comparison import METRICS, OF_EACH, compare, pair
from sim.analysis.output import ReplicationNumbers, replication_numbers
from sim.errors import InputError
from sim.observations import Outcome

from .builders import leg, legs, observations, office


def numbers(
    alternative: str, replication: int, *rows: dict[str, Any], horizon_s: float | None = None
) -> ReplicationNumbers:
    """Return the numbers of one replication with these legs."""
    obs = observations(alternative=alternative, replication=replication, legs=legs(*rows))
    return replication_numbers(obs, office(), horizon_s)


def by_metric(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the entries by their metric."""
    return {entry["metric"]: entry for entry in entries}


def test_thinned_legs_are_counted_and_not_compared() -> None:
    """Only legs of both enter the difference; how many only one has is said."""
    paper = numbers("paper", 1, leg(1, 100.0), leg(2, 200.0), leg(3, 9000.0))
    signed = numbers("signed", 1, leg(2, 50.0), leg(1, 40.0), leg(4, 1.0), leg(5, 1.0))
    paired = pair(paper, signed)
    assert (paired.shared, paired.only_baseline, paired.only_alternative) == (2, 1, 2)
    assert paired.values["turnaround_s.mean"] == (150.0, 45.0)
    assert paired.values["turnaround_s.p50"] == (150.0, 45.0)
    assert paired.paired["turnaround_s.mean"] == 2


def test_legs_open_or_refused_in_either_are_not_compared() -> None:
    """A leg that one of the two did not complete is shared but not compared."""
    paper = numbers("paper", 1, leg(1, 100.0), leg(2), leg(3, 300.0))
    signed = numbers("signed", 1, leg(1, 80.0), leg(2, 50.0), leg(3, outcome=Outcome.REFUSED, closed_s=1.0))
    paired = pair(paper, signed)
    assert paired.shared == 3
    assert paired.values["turnaround_s.mean"] == (100.0, 80.0)


def test_last_recipient_is_over_shared_legs() -> None:
    """A document goes by the shared legs both completed; one that is open in either is left out."""
    paper = numbers(
        "paper",
        1,
        leg(1, 10.0, doc=1),
        leg(2, 20.0, doc=1),
        leg(3, 90.0, doc=1),
        leg(4, 5.0, doc=2),
        leg(5, doc=2),
    )
    signed = numbers(
        "signed", 1, leg(1, 8.0, doc=1), leg(2, 4.0, doc=1), leg(4, 1.0, doc=2), leg(5, 1.0, doc=2)
    )
    paired = pair(paper, signed)
    assert paired.values["turnaround_last_s.mean"] == (20.0, 8.0)
    assert paired.paired["turnaround_last_s.mean"] == 1


def test_signed_to_registered_needs_both_moments_in_both() -> None:
    """A leg without one of the moments in one alternative does not enter that metric."""
    moments = {"signed_s": 10.0, "registered_s": 40.0}
    paper = numbers("paper", 1, leg(1, 100.0, **moments), leg(2, 100.0, **moments))
    signed = numbers("signed", 1, leg(1, 50.0), leg(2, 50.0, signed_s=10.0, registered_s=15.0))
    paired = pair(paper, signed)
    assert paired.values["signed_registered_s.mean"] == (30.0, 5.0)
    assert paired.paired["signed_registered_s.mean"] == 1


def test_difference_and_percent_per_replication() -> None:
    """Differences are taken in each replication before the interval is: it is zero where all agree."""
    pairs = [
        pair(numbers("paper", n, leg(1, 100.0 * n)), numbers("signed", n, leg(1, 100.0 * n - 20)))
        for n in (1, 2)
    ]
    entries = compare(pairs)
    assert [entry["metric"] for entry in entries] == [*METRICS, *OF_EACH]
    found = by_metric(entries)["turnaround_s.mean"]
    assert (found["baseline"], found["alternative"], found["unit"]) == ("paper", "signed", "s")
    assert found["difference"] == {"estimate": -20, "half_width": 0, "confidence": 0.95, "replications": 2}
    assert found["percent"]["estimate"] == pytest.approx(-15)
    assert found["baseline_value"]["estimate"] == 150
    assert found["alternative_value"]["estimate"] == 130
    assert (found["shared"], found["paired"]) == (2, 2)
    json.dumps(entries, allow_nan=False)


def test_what_pairing_achieved_and_the_p_value() -> None:
    """Three replications (10, 20, 30) and (11, 21, 28) s: correlation, variance saved and p by hand."""
    pairs = [
        pair(numbers("paper", n, leg(1, before_s)), numbers("signed", n, leg(1, after_s)))
        for n, (before_s, after_s) in enumerate(((10.0, 11.0), (20.0, 21.0), (30.0, 28.0)), start=1)
    ]
    found = by_metric(compare(pairs))["turnaround_s.mean"]
    # deviations (-10, 0, 10) and (-9, 1, 8): 170 / sqrt(200 * 146); differences (1, 1, -2) with variance 3
    assert found["correlation"] == pytest.approx(170 / 29200**0.5)
    assert found["variance_saved"] == pytest.approx(1 - 3 / (100 + 73))
    assert found["p_value"] == pytest.approx(1.0)
    two = by_metric(compare(pairs[:2]))["turnaround_s.mean"]
    assert (two["correlation"], two["variance_saved"], two["p_value"]) == (None, None, 0.0)
    assert by_metric(compare(pairs[:1]))["turnaround_s.mean"]["p_value"] is None


def test_percentiles_of_each_legs_difference() -> None:
    """The median of the differences is not the difference of the medians, and both are told."""
    before, after = (100.0, 200.0, 300.0), (110.0, 210.0, 30.0)
    paired = pair(
        numbers("paper", 1, *(leg(n, s) for n, s in enumerate(before)), leg(7)),
        numbers("signed", 1, *(leg(n, s) for n, s in enumerate(after)), leg(7, 5.0)),
    )
    assert paired.values["turnaround_s.p50"] == (200.0, 110.0)
    assert paired.of_each == dict.fromkeys(OF_EACH, 10.0)  # of 10, 10 and -270
    found = by_metric(compare([paired]))["difference_of_each.p50"]
    assert (found["difference"]["estimate"], found["unit"], found["paired"]) == (10.0, "s", 3)
    assert found.keys() == by_metric(compare([paired]))["turnaround_s.p50"].keys()
    for key in ("percent", "baseline_value", "alternative_value"):
        assert found[key]["estimate"] is None
    assert (found["correlation"], found["variance_saved"]) == (None, None)


def test_restricted_mean_counts_legs_that_are_open() -> None:
    """Open in one alternative counts as the horizon there; refused in either does not count."""
    refused = leg(3, outcome=Outcome.REFUSED, closed_s=1.0)
    paper = numbers("paper", 1, leg(1, 100.0), leg(2), leg(3, 10.0), horizon_s=1000.0)
    signed = numbers("signed", 1, leg(1, 80.0), leg(2, 20.0), refused, horizon_s=1000.0)
    paired = pair(paper, signed)
    assert paired.values["restricted_mean_s"] == (550.0, 50.0)
    assert paired.paired["restricted_mean_s"] == 2
    assert by_metric(compare([paired]))["restricted_mean_s"]["difference"]["estimate"] == -500.0
    other = numbers("signed", 1, leg(1, 80.0), horizon_s=500.0)
    assert "restricted_mean_s" not in pair(paper, other).values


def test_percent_of_nothing() -> None:
    """Where the baseline is zero there is a difference and no percentage."""
    entries = compare([pair(numbers("paper", 1, leg(1, 0.0)), numbers("signed", 1, leg(1, 5.0)))])
    found = by_metric(entries)["turnaround_s.mean"]
    assert (found["difference"]["estimate"], found["percent"]["estimate"]) == (5, None)


def test_nothing_shared() -> None:
    """Alternatives without a leg in common have counts and no difference."""
    entries = compare([pair(numbers("paper", 1, leg(1, 1.0)), numbers("signed", 1, leg(2, 1.0)))])
    for entry in entries:
        assert (entry["shared"], entry["only_baseline"], entry["only_alternative"]) == (0, 1, 1)
        assert entry["difference"]["estimate"] is None


def test_what_cannot_be_paired() -> None:
    """Different replications, numbers without legs, mixed pairs and no pairs are the caller's error."""
    paper, signed = numbers("paper", 1, leg(1, 1.0)), numbers("signed", 1, leg(1, 1.0))
    with pytest.raises(InputError, match="E-NOT-PAIRED"):
        pair(paper, numbers("signed", 2))
    with pytest.raises(InputError, match="E-NOT-PAIRED"):
        pair(paper.slim(), signed)
    with pytest.raises(InputError, match="E-NOT-PAIRED"):
        compare([pair(paper, signed), pair(signed, paper)])
    with pytest.raises(InputError, match="E-NO-REPLICATIONS"):
        compare([])
