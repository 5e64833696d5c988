"""The documents of a replication: when, from whom, to whom, and what each alternative has of them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from sim import workload
from sim.analysis.intervals import student
from sim.errors import InputError
from sim.scenario import ScenarioFile
from sim.streams import Streams
from sim.units import DAY_S, HOUR_S
from sim.workload import Workload
from tests.builders import WORK_WEEK, scenario

SURE = 0.9999  # confidence of the intervals below; seeds are fixed
SERVE = "{serve: {title: Serve, leg: []}}"
BETWEEN = "letter: {{from: {{level: office}}, to: {{level: office}}, procedure: serve, volume: {}}}"
LONG = "{start: 2015-01-05, kind: terminating, warm_up: 0 days, measure: 364 days, cool_down: 0 days}"


def office(flow: str = "volume: 12 / working day", **sections: str) -> ScenarioFile:
    """Return two offices, one of which writes to the other for a year."""
    given = {
        "calendar": WORK_WEEK,
        "period": LONG,
        "flows": f"{{letter: {{from: {{id: a}}, to: {{id: b}}, procedure: serve, {flow}}}}}",
        "procedures": SERVE,
    }
    return scenario(**given | sections)


def drawn(file: ScenarioFile, replication: int = 1) -> Workload:
    """Return one replication's documents."""
    return workload.generate(file, Streams(1, replication))


def per_day(file: ScenarioFile, replication: int = 1) -> NDArray[np.int64]:
    """Return the documents of each working day."""
    found = np.bincount((drawn(file, replication).created_s // DAY_S).astype(int), minlength=364)
    days: NDArray[np.int64] = found[[day for day in file.office.working_days() if day < 364]]
    return days


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of a nearly certain interval."""
    found = student(values, SURE)
    return found.low, found.high


def test_arrivals_are_poisson_in_office_hours() -> None:
    """Counts per working day have the stated mean and a variance equal to it; nothing comes off hours."""
    file = office()
    counts = np.concatenate([per_day(file, replication) for replication in range(1, 6)]).astype(float)
    low, high = interval(counts)
    assert low < 12 < high
    low, high = interval((counts - 12) ** 2)
    assert low < 12 < high
    assert all(file.office.is_open(at) for at in drawn(file).created_s.tolist())


def test_gaps_are_exponential_in_working_time() -> None:
    """Measured in office time, the gaps between documents have equal mean and standard deviation."""
    file = office()
    times = np.sort(drawn(file).created_s)
    gaps = file.office.elapsed_many(times[:-1], times[1:])
    low, high = interval(gaps)
    assert low < 8 * HOUR_S / 12 < high
    assert np.std(gaps) / np.mean(gaps) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(
    ("volume", "per_working_day"),
    [("16 / working day", 16), ("2 / h", 16), ("8 / working day / agency", 16)],
)
def test_a_volume_is_of_all_senders_or_of_each(volume: str, per_working_day: int) -> None:
    """Per working day is shared by the senders, per agency is for each, per hour is of open office."""
    file = office(flows=BETWEEN.format(volume))
    counts = per_day(file).astype(float)
    low, high = interval(counts)
    assert low < per_working_day < high
    by_sender = np.bincount(drawn(file).sender, minlength=2)
    assert by_sender[0] / by_sender.sum() == pytest.approx(0.5, abs=0.04)


def test_holidays_have_no_documents() -> None:
    """Nothing is asked for on a day off; a make-up Saturday is a day like others."""
    file = office(calendar='{country: VN, hours: ["08:00-12:00", "13:00-17:00"]}')
    days = set((drawn(file).created_s // DAY_S).astype(int).tolist())
    start = date(2015, 1, 5)
    assert (date(2015, 4, 28) - start).days not in days
    assert (date(2015, 4, 25) - start).days in days


def test_a_profile_of_the_day_moves_documents_not_their_number() -> None:
    """Three times as many in the first two hours as in the rest, and the same in a whole day."""
    file = office(
        "volume: 40 / working day, profile: mornings",
        profiles='{mornings: {hours: {"08:00": 3, "10:00": 1}}}',
    )
    times = drawn(file).created_s % DAY_S
    early = float(np.mean(times < 10 * HOUR_S))
    assert early == pytest.approx(6 / 12, abs=0.02)  # 2 h at 3, 6 h at 1
    low, high = interval(per_day(file).astype(float))
    assert low < 40 < high


def test_a_profile_of_the_week_moves_documents_not_their_number() -> None:
    """Mondays with twice the weight of other days have a third of the week's documents."""
    file = office(
        "volume: 20 / working day, profile: mondays",
        profiles="{mondays: {weekdays: {mon: 2, tue: 1, wed: 1, thu: 1, fri: 1}}}",
    )
    counts = per_day(file).reshape(-1, 5).astype(float)
    low, high = interval(counts.sum(axis=1))
    assert low < 100 < high
    assert counts[:, 0].sum() / counts.sum() == pytest.approx(2 / 6, abs=0.02)


def test_a_profile_of_the_year_moves_documents_between_months() -> None:
    """A month of double weight has twice the documents per working day."""
    months = ", ".join(f"{month}: {2 if month == 3 else 1}" for month in range(1, 13))
    file = office(
        "volume: 30 / working day, profile: spring", profiles=f"{{spring: {{months: {{{months}}}}}}}"
    )
    counts = per_day(file)
    days = [day for day in file.office.working_days() if day < 364]
    march = np.array([(date(2015, 1, 5) + timedelta(days=day)).month == 3 for day in days])
    assert counts[march].mean() / counts[~march].mean() == pytest.approx(2, abs=0.15)


def test_over_dispersion_keeps_the_mean_and_adds_its_variance() -> None:
    """With day_cv 0.5 counts per day have mean m and variance m + (0.5 m)^2, and gamma day factors."""
    file = office("volume: 20 / working day, profile: bursts", profiles="{bursts: {day_cv: 0.5}}")
    counts = np.concatenate([per_day(file, replication) for replication in range(1, 9)]).astype(float)
    low, high = interval(counts)
    assert low < 20 < high
    low, high = interval((counts - 20) ** 2)
    assert low < 20 + 100 < high


def test_senders_of_a_flow_share_its_bursts() -> None:
    """A day that is busy for one sender is busy for the other."""
    flows = BETWEEN.format("40 / working day, profile: bursts")
    file = office(flows=flows, profiles="{bursts: {day_cv: 0.8}}")
    docs = drawn(file)
    days = (docs.created_s // DAY_S).astype(int)
    one, two = (np.bincount(days[docs.sender == sender], minlength=364) for sender in (0, 1))
    open_days = [day for day in file.office.working_days() if day < 364]
    assert np.corrcoef(one[open_days], two[open_days])[0, 1] > 0.6


def test_documents_are_numbered_by_flow_and_sender() -> None:
    """Each block is in order of time and numbered from nought; legs are contiguous."""
    docs = drawn(office(flows=BETWEEN.format("9 / working day")))
    for sender in (0, 1):
        rows = docs.sender == sender
        assert np.array_equal(docs.number[rows], np.arange(rows.sum()))
        assert np.all(np.diff(docs.created_s[rows]) > 0)
    assert docs.leg_start[-1] == docs.legs
    assert np.array_equal(docs.doc_of, np.repeat(np.arange(docs.documents), np.diff(docs.leg_start)))


TREE = """
    [{id: p, level: province}, {id: d, level: district, parent: p}, {id: e, level: district, parent: p},
     {id: x, level: commune, parent: d}, {id: y, level: commune, parent: d},
     {id: z, level: commune, parent: e}]
    """
STAFF = "{province: {clerk: 1}, district: {clerk: 1}, commune: {clerk: 1}}"


@pytest.mark.parametrize(
    ("sender", "to", "expected"),
    [
        ("d", "{which: parent}", {"p"}),
        ("d", "{which: children, all: true}", {"x", "y"}),
        ("d", "{which: siblings}", {"e"}),
        ("d", "{within: [d], all: true}", {"x", "y"}),  # never to itself
        ("p", "{level: [district, commune], exclude: [z], all: true}", {"d", "e", "x", "y"}),
        ("x", "{level: commune, count: {integer: {min: 1, max: 2}}}", {"y", "z"}),
    ],
)
def test_recipients_are_those_selected(sender: str, to: str, expected: set[str]) -> None:
    """Relations are seen from the sender, who never receives; nobody receives a document twice."""
    file = office(
        agencies=TREE,
        staff=STAFF,
        flows=f"{{letter: {{from: {{id: {sender}}}, to: {to}, procedure: serve, volume: 2 / working day}}}}",
    )
    docs = drawn(file)
    assert {docs.agencies[one] for one in docs.recipient.tolist()} == expected
    for doc in range(docs.documents):
        mine = docs.recipient[docs.leg_start[doc] : docs.leg_start[doc + 1]].tolist()
        assert len(mine) == len(set(mine)) > 0
        assert not ("all: true" in to and len(mine) != len(expected))


def test_fan_out_has_its_mean_and_is_even() -> None:
    """Two to four of five recipients, each as often as the other."""
    file = office(
        agencies=TREE,
        staff=STAFF,
        flows="letter: {from: {id: p}, to: {count: {integer: {min: 2, max: 4}}}, procedure: serve, "
        "volume: 20 / working day}",
    )
    docs = drawn(file)
    low, high = interval(np.diff(docs.leg_start).astype(float))
    assert low < 3 < high
    shares = np.bincount(docs.recipient, minlength=6)[1:] / docs.legs
    assert shares == pytest.approx([0.2] * 5, abs=0.015)


def test_attributes_have_their_shares() -> None:
    """Urgency, secrecy and what is asked for come in their shares; pages and size by their distributions."""
    file = office(
        "volume: 20 / working day, urgency: {normal: 0.7, urgent: 0.2, express: 0.1}, classified: 0.05, "
        "asks: {information: 0.5, action: 0.3, reply: 0.2}, reply: answer, deadline: 2 working days, "
        "pages: {geometric: {mean: 4}}, size: {gamma: {mean: 2 MB, cv: 0.5}}}, "
        "answer: {from: {id: b}, to: {id: a}, procedure: serve, volume: 0 / working day"
    )
    docs = drawn(file)
    seen = workload.view(docs, file, file.cases["base"])
    own = docs.reply_to < 0
    n = int(own.sum())
    assert np.bincount(seen.urgency[own], minlength=4) / n == pytest.approx([0.7, 0.2, 0.0, 0.1], abs=0.025)
    assert np.bincount(seen.asks[own], minlength=3) / n == pytest.approx([0.5, 0.3, 0.2], abs=0.025)
    assert np.mean(seen.classified[own]) == pytest.approx(0.05, abs=0.012)
    assert np.mean(seen.pages[own]) == pytest.approx(4, abs=0.2)
    assert np.mean(seen.size_bytes[own]) == pytest.approx(2e6, rel=0.03)
    assert np.all(seen.deadline_s[own] == 16 * HOUR_S)
    assert np.all(np.isnan(seen.deadline_s[~own]))


def test_every_leg_that_may_ask_for_a_reply_has_one() -> None:
    """A reply goes back from the recipient to the sender, is not timed, and is made for nobody else."""
    file = office(
        "volume: 20 / working day, asks: {information: 0.6, reply: 0.4}, reply: answer}, "
        "answer: {from: {id: b}, to: {id: a}, procedure: serve, volume: 0 / working day"
    )
    docs = drawn(file)
    seen = workload.view(docs, file, file.cases["base"])
    asked = np.flatnonzero(docs.reply_doc >= 0)
    assert np.array_equal(seen.asks[docs.doc_of[asked]] == 2, np.ones(len(asked), dtype=bool))
    assert len(asked) == int(np.sum(seen.asks[docs.reply_to < 0] == 2))
    for leg in asked.tolist():
        reply = int(docs.reply_doc[leg])
        assert docs.reply_to[reply] == leg
        assert docs.sender[reply] == docs.recipient[leg]
        assert docs.recipient[docs.leg_start[reply]] == docs.sender[docs.doc_of[leg]]
        assert np.isnan(docs.created_s[reply])
        assert seen.doc_on[reply]


def test_a_larger_share_of_replies_contains_the_smaller() -> None:
    """Documents that ask for a reply at 20 % do so at 40 %, and keep their urgency."""
    file = office(
        "volume: 20 / working day, asks: {information: 0.8, reply: 0.2}, reply: answer, "
        "urgency: {normal: 0.5, urgent: 0.5}}, "
        "answer: {from: {id: b}, to: {id: a}, procedure: serve, volume: 0 / working day",
        alternatives="{few: {}, many: {flows.letter.asks: {information: 0.6, reply: 0.4}}}",
    )
    docs = drawn(file)
    few, many = (workload.view(docs, file, file.cases[name]) for name in ("few", "many"))
    assert np.all(many.asks[few.asks == 2] == 2)
    assert np.sum(many.asks == 2) > np.sum(few.asks == 2)
    assert np.array_equal(few.urgency, many.urgency)


def test_thinned_and_extended_volumes_are_poisson_with_their_own_means() -> None:
    """Half the volume, the base's, and one and a half times: each has its mean, equal to its variance."""
    file = office(
        alternatives="{base: {}, half: {flows.letter.volume: 6 / working day}, "
        "more: {flows.letter.volume: 18 / working day}}"
    )
    docs = drawn(file)
    days = [day for day in file.office.working_days() if day < 364]
    for name, mean in (("half", 6), ("base", 12), ("more", 18)):
        on = workload.view(docs, file, file.cases[name]).doc_on
        counts = np.bincount((docs.created_s[on] // DAY_S).astype(int), minlength=364)[days].astype(float)
        low, high = interval(counts)
        assert low < mean < high
        low, high = interval((counts - mean) ** 2)
        assert low < mean < high


def test_a_base_without_extensions_is_the_same_base() -> None:
    """Documents beyond the base case come behind and leave its rows as they are; they can be left out."""
    more = "{base: {}, more: {flows.letter.volume: 18 / working day}}"
    plain, file = office(), office(alternatives=more)
    alone, docs = drawn(plain), drawn(file)
    n = alone.documents
    assert not docs.extension[:n].any()
    assert docs.extension[n:].all()
    for column in ("flow", "sender", "number", "created_s", "keep"):
        assert np.array_equal(getattr(docs, column)[:n], getattr(alone, column))
    for purpose, u in alone.draws.items():
        assert np.array_equal(docs.draws[purpose][:n], u)


def test_no_documents_at_all_is_an_error() -> None:
    """A period in which nobody asks for anything is a slip, not a result."""
    with pytest.raises(InputError) as caught:
        drawn(office("volume: 0 / working day"))
    assert caught.value.code == "E-EMPTY-WORKLOAD"
