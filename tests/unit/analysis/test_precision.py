"""How many replications an interval needs."""

from __future__ import annotations

import pytest

from sim.analysis.comparison import PairedNumbers, pair
from sim.analysis.output import ReplicationNumbers, replication_numbers
from sim.analysis.precision import reached, target, to_json

from .builders import at, leg, legs, observations, office
from .test_comparison import numbers

Pairs = dict[tuple[str, str], list[PairedNumbers]]


def runs_of(*hours: tuple[float, float]) -> tuple[list[dict[str, ReplicationNumbers]], Pairs]:
    """Return replications of paper and signed with one leg each, of these working hours on the first day."""
    finished: list[dict[str, ReplicationNumbers]] = []
    pairs: Pairs = {("paper", "signed"): []}
    for replication, (paper_h, signed_h) in enumerate(hours, 1):
        paper = numbers("paper", replication, leg(1, paper_h * 3600, created_s=at(8)))
        signed = numbers("signed", replication, leg(1, signed_h * 3600, created_s=at(8)))
        pairs["paper", "signed"].append(pair(paper, signed))
        finished.append({"paper": paper.slim(), "signed": signed.slim()})
    return finished, pairs


def test_bound_holds_the_error_against_the_truth() -> None:
    """Law 9.4.1: a half-width of g / (1 + g) of the estimate keeps the error within g of the truth."""
    half = target(0.05)
    assert half / (1 - half) == pytest.approx(0.05)


def test_the_worst_known_alternative_decides() -> None:
    """The alternative whose mean varies most asks for more replications, as the square of what is missing."""
    finished, pairs = runs_of((2.0, 1.0), (2.01, 3.0), (2.0, 1.0), (2.01, 3.0))
    found = reached(0.05, finished, pairs)
    assert found.which == "signed"
    assert found.relative > target(0.05)
    assert found.needed == pytest.approx(4 * (found.relative / target(0.05)) ** 2, abs=1)


def test_equal_replications_need_no_more() -> None:
    """Without noise what is asked for is met at once."""
    finished, pairs = runs_of(*[(2.0, 1.0)] * 10)
    found = reached(0.01, finished, pairs)
    assert (found.relative, found.needed) == (0.0, 10)
    told = to_json(0.01, found, 200, 10)
    assert (told["met"], told["bound_hit"], told["reached"]) == (True, False, 0.0)


def test_a_bound_that_was_hit_is_told() -> None:
    """More noise than the bound allows for: not met, and the bound is named."""
    finished, pairs = runs_of((2.0, 1.0), (2.0, 3.0), (2.0, 1.0))
    told = to_json(0.01, reached(0.01, finished, pairs), 3, 3)
    assert (told["met"], told["bound_hit"], told["replications_max"]) == (False, True, 3)


def test_nothing_finished_is_never_precise() -> None:
    """Where nothing was finished there is no estimate, and none is claimed to be precise."""
    obs = observations(alternative="paper", replication=1, legs=legs(leg(1)))
    found = reached(0.05, [{"paper": replication_numbers(obs, office(), None)}], {})
    assert to_json(0.05, found, 200, 1) == {
        "asked": 0.05, "reached": None, "which": "", "replications_max": 200, "met": False, "bound_hit": False,
    }  # fmt: skip
