"""How a transport turns the moment a document is ready into when it leaves and when it arrives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from sim.calendars import WorkingTime
from sim.engine.transport import Carrier, clock_times, next_of, outage_spans
from sim.scenario.schema import Outages, Transport
from sim.streams import Streams
from sim.units import DAY_S, HOUR_S
from tests.builders import WORK_WEEK, Doc, documents, rows, scenario, simulate

DAYS = 28
OFFICE = WorkingTime.from_intervals(
    [
        (day * DAY_S + a * HOUR_S, day * DAY_S + b * HOUR_S)
        for day in range(DAYS)
        if day % 7 < 5
        for a, b in ((8, 12), (13, 17))
    ],
    8 * HOUR_S,
)
STREAMS = Streams(1, 1)


def carrier(spec: Mapping[str, object], distance_m: float = 0.0) -> Carrier:
    """Return a transport for one leg of this distance; time 0 is a Monday."""
    return Carrier(Transport.model_validate(spec), "it", OFFICE, STREAMS, np.array([distance_m]), DAYS)


def at(day: int, hour: float) -> float:
    """Return an hour of a day as seconds."""
    return day * DAY_S + hour * HOUR_S


POST = {"kind": "post", "pick_ups": ["16:00", "10:30"], "rounds": ["09:00", "14:00"], "transit": "3 h"}


@pytest.mark.parametrize(
    ("ready", "leaves", "arrives"),
    [
        (at(0, 8), at(0, 10.5), at(0, 14)),  # there at 13:30, brought round at 14:00
        (at(0, 10.5), at(0, 10.5), at(0, 14)),  # ready at the pick-up is picked up
        (at(0, 10.75), at(0, 16), at(1, 9)),
        (at(4, 16.5), at(7, 10.5), at(7, 14)),  # Friday evening: nobody comes before Monday
        (at(5, 9), at(7, 10.5), at(7, 14)),
    ],
)
def test_post_leaves_at_pick_ups_and_arrives_with_rounds(ready: float, leaves: float, arrives: float) -> None:
    """Pick-ups and rounds are those of working days."""
    post = carrier(POST)
    assert post.leaves(ready) == leaves
    assert post.arrives(leaves, 0) == arrives


def test_distance_takes_time() -> None:
    """Sixty kilometres by road of 1.5 times the line take three hours at 30 km/h."""
    post = carrier(
        {"kind": "post", "pick_ups": ["10:00"], "speed": "30 km/h", "detour": 1.5}, distance_m=60_000
    )
    assert post.arrives(at(0, 10), 0) == pytest.approx(at(0, 13))


@pytest.mark.parametrize(
    ("ready", "leaves"), [(at(0, 9), at(0, 9)), (at(0, 12.5), at(0, 13)), (at(4, 20), at(7, 8))]
)
def test_a_courier_leaves_at_once_in_office_hours(ready: float, leaves: float) -> None:
    """Off hours a courier leaves when the office opens, and travels on through the night."""
    courier = carrier({"kind": "courier", "transit": "10 h"})
    assert courier.leaves(ready) == leaves
    assert courier.arrives(leaves, 0) == leaves + 10 * HOUR_S


def test_an_outage_holds_an_exchange_up() -> None:
    """What is sent while the system is down leaves when it is up again; before and after nothing waits."""
    exchange = carrier(
        {
            "kind": "exchange",
            "transit": "1 min",
            "outages": {"up": {"exponential": {"mean": "1 day"}}, "down": {"exponential": {"mean": "2 h"}}},
        }
    )
    for start, end in zip(exchange.outage_starts, exchange.outage_ends, strict=True):
        assert exchange.leaves(start) == end
        assert exchange.leaves((start + end) / 2) == end
        assert exchange.leaves(end) == end
        assert exchange.leaves(start - 1e-3) == start - 1e-3
    assert len(exchange.outage_starts) > 10
    assert exchange.arrives(5.0, 0) == 65.0


def test_outages_are_drawn_by_system() -> None:
    """Two alternatives see the same outages of a system; two systems see others; the share down is right."""
    outages = Outages.model_validate(
        {"up": {"exponential": {"mean": "9 h"}}, "down": {"exponential": {"mean": "1 h"}}}
    )
    spans = outage_spans(outages, "exchange", STREAMS, 1000 * DAY_S)
    assert spans == outage_spans(outages, "exchange", STREAMS, 1000 * DAY_S)
    assert spans[:20] == outage_spans(outages, "exchange", STREAMS, 100 * DAY_S)[:20]
    assert spans != outage_spans(outages, "mail", STREAMS, 1000 * DAY_S)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert sum(end - start for start, end in spans) / (1000 * DAY_S) == pytest.approx(0.1, abs=0.01)


def test_times_of_day_are_those_of_working_days() -> None:
    """Two pick-ups a day on five days make ten a week, in order; behind the last there is none."""
    times = clock_times(["16:00", "10:30"], OFFICE, 14)
    assert len(times) == 20
    assert times == sorted(times)
    assert times[:2] == [at(0, 10.5), at(0, 16)]
    assert times[10] == at(7, 10.5)
    assert next_of(times, times[-1]) == times[-1]
    assert next_of(times, times[-1] + 1) == float("inf")


ENVELOPES = {
    "calendar": WORK_WEEK,
    "agencies": "[{id: a, level: office}, {id: b, level: office}, {id: c, level: office}]",
    "staff": "{office: {clerk: 3}}",
    "flows": """
        letter: {from: {id: a}, to: {id: [b, c], all: true}, volume: 1 / working day, procedure: paper}
        note: {from: {id: a}, to: {id: [b, c], all: true}, volume: 1 / working day, procedure: plain}
        """,
    "transports": '{post: {kind: post, pick_ups: ["10:30", "16:00"], transit: 1 h}}',
    "procedures": """
        paper:
          title: Paper
          leg:
            - {work: envelope, by: clerk, at: sender, per: envelope, via: post, takes: 30 min, marks: sent}
            - {transport: by-post, via: post, marks: arrived}
        plain:
          title: Plain
          leg:
            - {work: put-in, by: clerk, at: sender, per: envelope, via: post, takes: 30 min, marks: sent}
            - {transport: plain-post, via: post}
        """,
}


def test_one_envelope_per_recipient_and_pick_up() -> None:
    """Before it is ready documents join, before the pick-up they slip in, after it they start anew."""
    file = scenario(**ENVELOPES)
    asked = ("08:00", "08:10", "09:00", "10:40")
    obs = simulate(file, documents=documents(file, *(Doc(f"2015-01-05 {at_}") for at_ in asked)))
    made = [(one.doc, one.started[-5:], one.completed[-5:]) for one in rows(file, obs, "envelope")]
    assert made == [(0, "08:00", "08:30"), (1, "08:30", "08:30"), (3, "10:40", "11:10")]
    left = {one.doc: one.started[-5:] for one in rows(file, obs, "by-post")}
    assert left == {0: "10:30", 1: "10:30", 2: "10:30", 3: "16:00"}
    assert obs.envelopes == 2
    assert np.array_equal(obs.legs.sent_s / HOUR_S, [8.5, 8.5, 9.0, 11 + 1 / 6])


def test_recipients_have_envelopes_of_their_own() -> None:
    """One letter to two recipients goes in two envelopes, made up side by side by two clerks."""
    file = scenario(**ENVELOPES)
    obs = simulate(file, documents=documents(file, Doc("2015-01-05 08:00", to=("b", "c"))))
    assert [one.completed[-5:] for one in rows(file, obs, "envelope")] == ["08:30", "08:30"]
    assert obs.envelopes == 2


def test_procedures_share_the_envelope_of_one_transport() -> None:
    """A letter and a note to the same recipient at the same pick-up count as one envelope."""
    file = scenario(**ENVELOPES)
    docs = documents(file, Doc("2015-01-05 08:00"), Doc("2015-01-05 09:00", flow="note"))
    obs = simulate(file, documents=docs)
    assert [one.task for one in rows(file, obs)] == ["envelope", "by-post", "plain-post"]
    assert obs.envelopes == 1
