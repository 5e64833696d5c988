"""Once transport vanishes the scarcest desk rules: a tandem of desks that can be solved, formulas in README.md.

Rule kept here: the truth comes from a formula, never from a run; intervals are at 99.9 % so that some dozens of
them may be asked together.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from sim.analysis import queueing
from tests.analytic.conftest import Once
from tests.analytic.through import Results, covers, ends, simulated
from tests.builders import scenario

CONFIDENCE = 0.999
Entry: TypeAlias = dict[str, Any]
Tandem: TypeAlias = Callable[[float], Results]

PER_S = 48 / 3600
DESKS = {"write": ("officer", 30.0), "register": ("clerk", 54.0), "answer": ("leader", 42.0)}
"""Task: who does it and the mean seconds it takes; loads 0.40, 0.72 and 0.56."""
SCARCEST = "register"
FASTER = 0.9
WAYS_S = (3600.0, 600.0, 0.0)
PLACES = {"write": "sender.write", "register": "leg.register", "answer": "leg.answer"}
ALTERNATIVES = (
    "as-is",
    *(f"faster-{desk}" for desk in DESKS),
    "faster-ways",
    *(f"more-{desk}" for desk in DESKS),
)
REPLICATIONS = 8


def _way(way_s: float) -> str:
    return f"{{exponential: {{mean: {way_s} s}}}}" if way_s else "0 s"


def _task(desk: str, factor: float = 1.0) -> str:
    return f"{{exponential: {{mean: {DESKS[desk][1] * factor} s}}}}"


def _simulated(way_s: float) -> Results:
    """Simulate three desks with two ways of this mean length between them, and what speeds them up."""
    faster = "".join(
        f"faster-{desk}: {{procedures.serve.{PLACES[desk]}.takes: {_task(desk, FASTER)}}}, " for desk in DESKS
    )
    more = "".join(f"more-{desk}: {{staff.office.{role}: 2}}, " for desk, (role, _) in DESKS.items())
    ways = (
        f"{{transports.there.transit: {_way(FASTER * way_s)}, transports.on.transit: {_way(FASTER * way_s)}}}"
    )
    way = f"{{kind: exchange, transit: {_way(way_s)}}}"
    file = scenario(
        period="{start: 2015-01-05, kind: steady, warm_up: 8 h, measure: 60 h, cool_down: 9 days}",
        staff="{office: {officer: 1, clerk: 1, leader: 1}}",
        flows="{letter: {from: {id: a}, to: {id: b}, volume: 48 / h, procedure: serve}}",
        transports=f"{{there: {way}, on: {way}}}",
        procedures=f"""
            serve:
              title: Three desks
              sender: [{{work: write, by: officer, takes: {_task("write")}, stage: write}}]
              leg:
                - {{transport: way-there, via: there, stage: ways}}
                - {{work: register, by: clerk, takes: {_task("register")}, stage: register}}
                - {{transport: way-on, via: on, stage: ways}}
                - {{work: answer, by: leader, takes: {_task("answer")}, stage: answer}}
            """,
        alternatives=f"{{as-is: {{}}, {faster} {more} faster-ways: {ways}}}",
    )
    return simulated(file, ALTERNATIVES, 11, REPLICATIONS)


@pytest.fixture
def tandem(once: Once) -> Tandem:
    """The results by the length of the ways."""
    return lambda way_s: once(f"tandem-{way_s:g}", lambda: _simulated(way_s))


def _sojourn_s(desk: str, factor: float = 1.0, people: int = 1) -> float:
    return queueing.mmc(PER_S, DESKS[desk][1] * factor, people).response_mean_s


def _saved_s(way_s: float, change: str) -> float:
    """Return by how much theory says that a change shortens the mean turnaround."""
    how, what = change.split("-")
    if what == "ways":
        return 2 * way_s * (1 - FASTER)
    after_s = _sojourn_s(what, FASTER) if how == "faster" else _sojourn_s(what, people=2)
    return _sojourn_s(what) - after_s


def _saving(tandem: Tandem, way_s: float, change: str) -> Entry:
    """Return by how much the simulation says so."""
    entry: Entry = tandem(way_s).comparison(change, CONFIDENCE)["turnaround_s.mean"]["difference"]
    return {**entry, "estimate": -entry["estimate"]}


@pytest.mark.parametrize("way_s", WAYS_S)
def test_turnaround_is_the_sum_of_the_ways_and_of_single_desks(tandem: Tandem, way_s: float) -> None:
    """Each desk of a tandem is an M/M/1 by itself (Jackson), whatever lies between."""
    found = tandem(way_s).summary("as-is", CONFIDENCE)
    desks_s = {desk: _sojourn_s(desk) for desk in DESKS}
    noise_s = 0.2 * way_s  # exponential ways are known no better
    whole_s = sum(desks_s.values()) + 2 * way_s
    assert covers(found["turnaround_s"]["mean"], whole_s, 0.15 * whole_s)
    for desk, exact_s in desks_s.items():
        assert covers(found["stages"][desk]["total_s"], exact_s, 0.25 * exact_s), desk
    if way_s:
        assert covers(found["stages"]["ways"]["total_s"], 2 * way_s, noise_s)
    else:
        assert "ways" not in found["stages"]


@pytest.mark.parametrize("way_s", WAYS_S)
def test_a_tenth_less_work_saves_what_theory_says_at_every_desk(tandem: Tandem, way_s: float) -> None:
    """S(s) - S(0.9 s) with S(s) = s / (1 - s per_s): whatever the ways, most at the scarcest desk."""
    savings = {desk: _saving(tandem, way_s, f"faster-{desk}") for desk in DESKS}
    for desk, found in savings.items():
        exact_s = _saved_s(way_s, f"faster-{desk}")
        assert covers(found, exact_s, 0.6 * exact_s), desk
    scarcest_low_s, _ = ends(savings.pop(SCARCEST))
    assert all(scarcest_low_s > high_s for _, high_s in map(ends, savings.values()))


@pytest.mark.parametrize("way_s", WAYS_S)
def test_another_person_brings_most_at_the_scarcest_desk(tandem: Tandem, way_s: float) -> None:
    """An M/M/2 in place of the M/M/1."""
    savings = {desk: _saving(tandem, way_s, f"more-{desk}") for desk in DESKS}
    for desk, found in savings.items():
        exact_s = _saved_s(way_s, f"more-{desk}")
        assert covers(found, exact_s, 0.6 * exact_s), desk
    scarcest_low_s, _ = ends(savings.pop(SCARCEST))
    assert all(scarcest_low_s > high_s for _, high_s in map(ends, savings.values()))


def test_the_scarcest_desk_rules_once_the_ways_vanish(tandem: Tandem) -> None:
    """Over long ways faster carriage saves more than any desk; without them the scarcest desk alone matters."""
    assert (
        ends(_saving(tandem, WAYS_S[0], "faster-ways"))[0]
        > ends(_saving(tandem, WAYS_S[0], f"faster-{SCARCEST}"))[1]
    )
    assert (
        ends(_saving(tandem, WAYS_S[0], "faster-ways"))[0]
        > ends(_saving(tandem, WAYS_S[0], f"more-{SCARCEST}"))[1]
    )
    nothing = _saving(tandem, 0.0, "faster-ways")
    assert nothing["estimate"] == nothing["half_width"] == 0.0
    percent = [
        tandem(way_s).comparison(f"faster-{SCARCEST}", CONFIDENCE)["turnaround_s.mean"]["percent"]
        for way_s in WAYS_S
    ]
    for longer, shorter in itertools.pairwise(percent):
        assert ends(shorter)[1] < ends(longer)[0] < 0  # the same tenth is worth more and more
    stages = tandem(0.0).summary("as-is", CONFIDENCE)["stages"]
    whole_s = sum(stage["total_s"]["estimate"] for stage in stages.values())
    assert ends(stages[SCARCEST]["total_s"])[0] > whole_s / 2  # theory: 193 of 338 s
