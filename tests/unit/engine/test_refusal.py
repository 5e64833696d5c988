"""Refusal and sending again: a document that comes back keeps the clock that started when it was asked for."""

from __future__ import annotations

import numpy as np

from sim.analysis.cohort import segment
from sim.observations import Observations, Outcome
from sim.scenario import ScenarioFile
from sim.units import HOUR_S, MINUTE_S
from tests.builders import Doc, documents, rows, scenario, simulate, time_of

MONDAY = "2015-01-05"
ASKED = Doc(f"{MONDAY} 08:00")

# Returned by the recipient so many times as loops_max allows, mended by its sender, and sent again.
SENT_AGAIN = """
    serve:
      title: Serve
      sender: [{{work: sign, by: officer, takes: 10 min, marks: signed}}]
      leg:
        - {{work: send, by: clerk, at: sender, takes: 20 min, marks: sent}}
        - {{wait: travel, takes: 2 h, marks: arrived}}
        - {{work: check, by: clerk, takes: 10 min}}
        - {{decide: returned, to: {{send: {share}}}, loops_max: {times}}}
        - {{work: register, by: clerk, takes: 5 min, marks: registered}}
        - {{work: handle, by: officer, takes: 1 h}}
    """
TRIP_S = 20 * MINUTE_S + 2 * HOUR_S + 10 * MINUTE_S


def served(times: int, *docs: Doc, share: float = 1.0) -> tuple[ScenarioFile, Observations]:
    """Return a run round the clock in which every document is returned so many times."""
    file = scenario(
        staff="{office: {clerk: 1, officer: 1}}", procedures=SENT_AGAIN.format(share=share, times=times)
    )
    return file, simulate(file, documents=documents(file, *docs))


def test_a_document_sent_again_keeps_its_first_clock() -> None:
    """Asked for at 8:00 and returned twice: turnaround and time to registration are counted from 8:00."""
    file, obs = served(2, ASKED)
    assert len(rows(file, obs, "send")) == len(rows(file, obs, "check")) == 3
    assert time_of(file, obs.legs, "created_s") == f"{MONDAY} 08:00"
    turnaround_s = 10 * MINUTE_S + 3 * TRIP_S + 5 * MINUTE_S + HOUR_S
    np.testing.assert_allclose(obs.legs.finished_s - obs.legs.created_s, turnaround_s)
    np.testing.assert_allclose(segment(obs.legs, "created_s", "registered_s"), turnaround_s - HOUR_S)
    assert obs.legs.outcome.tolist() == [Outcome.COMPLETED]


def test_it_was_signed_and_sent_when_it_was_first() -> None:
    """Sending again moves neither moment; the way there and back counts from the first sending."""
    file, obs = served(1, ASKED)
    assert time_of(file, obs.legs, "signed_s") == f"{MONDAY} 08:10"
    assert time_of(file, obs.legs, "sent_s") == f"{MONDAY} 08:30"
    assert time_of(file, obs.legs, "registered_s") == f"{MONDAY} 13:15"


def test_each_return_adds_one_trip_and_no_document() -> None:
    """The same draws, the same legs: what differs with the number of returns is the trips."""
    turnarounds = []
    for times in (0, 1, 3):
        _, obs = served(times, ASKED)
        assert obs.legs.leg.size == 1
        turnarounds.append(float(obs.legs.finished_s[0] - obs.legs.created_s[0]))
    np.testing.assert_allclose(np.diff(turnarounds), [TRIP_S, 2 * TRIP_S])


def test_a_document_still_being_sent_again_at_the_end_is_open_since_it_was_first_asked_for() -> None:
    """The age of open work is that of the first asking, not of the last sending."""
    file = scenario(
        period="{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 1 days, cool_down: 0 days}",
        staff="{office: {clerk: 1, officer: 1}}",
        procedures=SENT_AGAIN.format(share=1.0, times=20),
    )
    obs = simulate(file, documents=documents(file, ASKED))
    assert obs.legs.outcome.tolist() == [Outcome.OPEN]
    assert obs.end_s - obs.legs.created_s[0] == 16 * HOUR_S
    assert np.isposinf(segment(obs.legs, "created_s", "registered_s")).all()


def test_a_refusal_that_ends_the_leg_is_not_sent_again() -> None:
    """Refused for good, the leg is closed with its first clock; nothing starts another one for it."""
    file = scenario(
        staff="{office: {clerk: 1}}",
        procedures="serve: {title: Serve, sender: [], leg: [{work: check, by: clerk, takes: 10 min}, "
        "{decide: accepted, to: {refused: 1.0}}]}",
    )
    obs = simulate(file, documents=documents(file, ASKED))
    assert obs.legs.outcome.tolist() == [Outcome.REFUSED]
    assert len(rows(file, obs, "check")) == 1
    assert time_of(file, obs.legs, "closed_s") == f"{MONDAY} 08:10"
    assert np.isnan(obs.legs.finished_s).all()
