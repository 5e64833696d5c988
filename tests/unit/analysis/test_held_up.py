"""Who holds documents up: by hand, in agreement with where the time goes, and ranked over replications."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.analysis.held_up import AGENCIES, DESKS, MEASURES, HeldUp, held_up, summarised
from sim.analysis.path import CATEGORIES, counted_steps, time_spent
from sim.observations import Names, Observations, StepKind
from sim.units import HOUR_S

from .builders import NAMES, at, leg, legs, observations, office, steps, work

DRAFT, POST, REGISTER, _ = range(4)
CLERK, OFFICER = range(2)
PERSON = CATEGORIES.index("wait_person_s")


def two_legs() -> Observations:
    """One document drafted at the province for two recipients, one of whom waits two hours for a clerk."""
    return observations(
        legs=legs(
            leg(0, at(14) - at(8), doc=0, created_s=at(8), released_s=at(10)),
            leg(1, at(11) - at(8), doc=0, created_s=at(8), released_s=at(10), recipient=2),
        ),
        steps=steps(
            # an hour's wait, then an hour of work; the folder then is with both legs
            work(DRAFT, (at(8), at(9), at(10)), HOUR_S, role=OFFICER),
            # from 10:00 until after lunch: two hours of waiting for a person, one for the office
            work(REGISTER, (at(10), at(13), at(14)), HOUR_S, leg=0, agency=1, role=CLERK),
            work(REGISTER, (at(10), at(10), at(11)), HOUR_S, leg=1, agency=2, role=CLERK),
            # beside the way that decided: in no turnaround
            work(REGISTER, (at(10), at(12), at(12)), 0.0, leg=1, agency=2, role=CLERK, on_path=False),
            {"leg": 1, "task": POST, "kind": StepKind.TRANSPORT, "person": -1, "role": -1,
             "enabled_s": at(10), "started_s": at(10), "completed_s": at(10)},
        ),
    )  # fmt: skip


def hours(found: HeldUp) -> dict[tuple[str, ...], tuple[float, ...]]:
    """Return the measures by desk, seconds in hours."""
    return {
        desk: tuple(round(value / (1 if name == "visits" else HOUR_S), 9)
                    for name, value in zip(MEASURES, values, strict=True))
        for desk, values in found.desks.items()
    }  # fmt: skip


def test_two_legs_by_hand() -> None:
    """A sender's step counts for both legs, a recipient's for its own; everything is per leg."""
    obs = two_legs()
    found = held_up(obs, counted_steps(obs, office()))
    assert hours(found) == {
        ("province", "officer", "drafting"): (1.0, 1.0, 0.0, 1.0),
        ("district", "clerk", "receiving"): (1.0, 0.5, 0.5, 0.5),
        ("commune", "clerk", "receiving"): (0.0, 0.5, 0.0, 0.5),
    }
    assert found.agencies_s.tolist() == [[0.0, HOUR_S], [HOUR_S, 0.0], [0.0, 0.0]]


def test_waiting_for_a_person_adds_up_to_where_the_time_goes() -> None:
    """No second of waiting is lost between the stages and the desks."""
    obs = two_legs()
    counted = counted_steps(obs, office())
    spent = time_spent(obs, office(), counted)
    found = held_up(obs, counted)
    total_s = float(np.sum(spent.sums_s[:, PERSON])) / spent.legs
    assert sum(values[0] for values in found.desks.values()) == pytest.approx(total_s)
    assert float(np.sum(found.agencies_s)) == pytest.approx(total_s)


def test_work_of_a_stand_in_counts_for_the_role_it_was_asked_of() -> None:
    """Who did it does not matter: the record says which role the step asked for."""
    rows: dict[str, Any] = {"role": CLERK, "person": 0, "agency": 2}
    obs = observations(
        legs=legs(leg(0, at(10) - at(8), created_s=at(8), released_s=at(8))),
        steps=steps(work(REGISTER, (at(8), at(9), at(10)), HOUR_S, leg=0, **rows)),
    )
    assert list(held_up(obs, counted_steps(obs, office())).desks) == [("commune", "clerk", "receiving")]


def replication(*waits_h: float, names: Names = NAMES) -> HeldUp:
    """Return a replication whose clerks waited so many hours at the first agencies."""
    agencies_s = np.zeros((len(names.agencies), len(names.roles)))
    agencies_s[: len(waits_h), CLERK] = np.array(waits_h) * HOUR_S
    desks = {
        (level, "clerk", "receiving"): (wait * HOUR_S, 60.0, 0.0, 1.0)
        for level, wait in zip(names.levels, waits_h, strict=False)
    }
    return HeldUp(desks, agencies_s)


def test_the_longest_waits_come_first_with_intervals_over_replications() -> None:
    """Two replications give a mean, a half-width and a share of all waiting for each desk."""
    found = summarised([replication(1.0, 3.0), replication(2.0, 4.0)], NAMES)
    assert [row["level"] for row in found["by_desk"]] == ["district", "province"]
    first = found["by_role"][0]
    assert (first["level"], first["role"]) == ("district", "clerk")
    assert first["wait_person_s"]["estimate"] == 3.5 * HOUR_S
    assert first["wait_person_s"]["half_width"] > 0
    assert first["share"]["estimate"] == pytest.approx((3 / 4 + 4 / 6) / 2)
    assert [row["agency_name"] for row in found["by_agency"]] == ["District", "Province"]


def test_a_desk_that_one_replication_never_came_to_counts_there_as_nought() -> None:
    """Its mean is over all replications, not over those that came to it."""
    found = summarised([replication(1.0, 3.0), replication(1.0)], NAMES)
    district = next(row for row in found["by_desk"] if row["level"] == "district")
    assert (district["wait_person_s"]["estimate"], district["wait_person_s"]["replications"]) == (
        1.5 * HOUR_S,
        2,
    )


def test_replications_without_finished_legs_say_nothing() -> None:
    """Nothing finished is not the same as nothing waited for."""
    obs = observations()
    nothing = held_up(obs, counted_steps(obs, office()))
    assert np.isnan(nothing.agencies_s).all()
    assert summarised([nothing], NAMES) == {"by_desk": [], "by_role": [], "by_agency": []}
    assert summarised([nothing, replication(2.0)], NAMES)["by_role"][0]["wait_person_s"]["replications"] == 1


def test_the_lists_are_as_long_as_a_page() -> None:
    """Of many agencies and levels only the longest waits are named."""
    many = 20
    names = Names(
        agencies=tuple(f"a{n}" for n in range(many)), agency_names=tuple(f"A{n}" for n in range(many)),
        levels=tuple(f"level-{n}" for n in range(many)), flows=(), procedures=(), tasks=("register",),
        task_stages=("receiving",), roles=("clerk", "officer"), people=(),
    )  # fmt: skip
    found = summarised([replication(*(float(n) for n in range(many)), names=names)], names)
    assert [len(found[kind]) for kind in ("by_desk", "by_role", "by_agency")] == [DESKS, DESKS, AGENCIES]
    assert found["by_agency"][0]["agency"] == f"a{many - 1}"
