"""A scenario's day as load: the simulator's own documents, laid over one another, compressed only in sending."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from loadtests.campaign import simulated_day
from loadtests.campaign.overlaying import busiest_hour, busiest_start, cut
from loadtests.campaign.province import ProvinceDay, province_day
from loadtests.campaign.simulated_day import _draw_kept, _keep, draw, draw_days, source
from loadtests.harness.profiles import Profile
from loadtests.harness.schedule_building import Given, build
from sim import scenario
from sim.errors import InputError
from sim.scenario import ScenarioFile
from sim.streams import Streams
from sim.workload import generate, view

DAY = date(2019, 6, 3)


@pytest.fixture(scope="module", autouse=True)
def _loaded_once() -> Iterator[None]:
    """Load a scenario for a day only once: these tests load the same ones over and over."""
    known: dict[object, ScenarioFile] = {}

    def load(path: Path, sets: Mapping[str, str]) -> ScenarioFile:
        key = (path, *sorted(sets.items()))
        if key not in known:
            known[key] = scenario.load(path, sets=sets)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated_day, "load", load)
        yield


@pytest.fixture(scope="module")
def nation() -> ProvinceDay:
    """Three days of the nation's axis, an hour and a half of each in 54 s."""
    return province_day("nation", DAY, days=3, speed=100.0, window_s=54.0, seed=5, jobs=1)


@pytest.fixture(scope="module")
def whole() -> ProvinceDay:
    """The same three days from midnight to midnight, in 100 s."""
    return province_day("nation", DAY, days=3, speed=864.0, window_s=100.0, seed=5, start="00:00", jobs=1)


def same(one: ProvinceDay, other: ProvinceDay) -> bool:
    """Whether two windows hold the same messages."""
    names = ("sender", "recipient_start", "recipient", "size_bytes", "urgency")
    return np.array_equal(one.due_s, other.due_s) and all(
        np.array_equal(getattr(one.given, name), getattr(other.given, name)) for name in names
    )


def test_the_same_seed_is_the_same_load(nation: ProvinceDay) -> None:
    """Days drawn again are the same to the last bit; with another seed they are others."""
    again = province_day("nation", DAY, days=3, speed=100.0, window_s=54.0, seed=5, jobs=1)
    other = province_day("nation", DAY, days=3, speed=100.0, window_s=54.0, seed=6, jobs=1)
    assert same(nation, again)
    assert again.notes == nation.notes
    assert not same(nation, other)


def test_the_window_is_well_formed(nation: ProvinceDay) -> None:
    """Messages ascend within the window, agencies and recipients exist, nobody writes to itself, sizes are positive."""
    given_ = nation.given
    assert (np.diff(nation.due_s) >= 0).all()
    assert nation.due_s[0] >= 0
    assert nation.due_s[-1] < nation.window_s
    assert len(given_.recipient_start) == len(nation.due_s) + 1
    fan_out = np.diff(given_.recipient_start)
    assert (fan_out >= 1).all()
    assert given_.recipient_start[-1] == len(given_.recipient)
    assert (given_.recipient != np.repeat(given_.sender, fan_out)).all()
    assert given_.recipient.max() < len(nation.agency_ids) == len(nation.agency_names) == 95
    assert np.asarray(given_.size_bytes, dtype=np.float64).min() > 0
    whole = build(nation.due_s, given_, seed=1, agencies=95, duration_s=nation.window_s, poll_s=10.0)
    assert np.array_equal(np.diff(whole.recipient_start), fan_out)


def test_documents_are_the_simulators_own() -> None:
    """A day has every document that the simulator asks for, in its moment, to its recipients; replies come beside."""
    from_ = source("nation", DAY, None)
    day = draw(from_, 5, 2)
    workload = generate(from_.file, Streams(5, 2))
    seen = view(workload, from_.file, from_.case)
    own = np.flatnonzero(seen.doc_on & ~seen.classified & np.isfinite(workload.created_s))
    assert len(day.at_s) == len(own) + day.replies
    where = {float(moment): at for at, moment in enumerate(day.at_s)}
    ends = np.cumsum(day.fan_out)
    for document in own[::50]:
        at = where[float(workload.created_s[document])]
        first, last = workload.leg_start[document], workload.leg_start[document + 1]
        assert (
            day.recipient[ends[at] - day.fan_out[at] : ends[at]].tolist()
            == workload.recipient[first:last].tolist()
        )
        assert day.sender[at] == workload.sender[document]
        assert day.size_bytes[at] == seen.size_bytes[document]


def test_replies_come_in_office_hours() -> None:
    """No message, reply or not, has a moment outside the office's hours, and replies share none with another."""
    day = draw(source("nation", DAY, None), 5, 1)
    hours = day.at_s / 3600.0
    assert ((hours >= 7.5) & (hours <= 17.5)).all()
    assert day.replies > 20
    assert len(set(day.at_s.tolist())) > len(day.at_s) - 5


def test_speed_compresses_moments_of_sending_only(nation: ProvinceDay) -> None:
    """The same window at half the speed is the same messages in twice the time."""
    slower = province_day("nation", DAY, days=3, speed=50.0, window_s=108.0, seed=5, jobs=1)
    assert slower.start_s == nation.start_s
    assert slower.due_s == pytest.approx(2 * nation.due_s)
    assert np.array_equal(slower.given.recipient, nation.given.recipient)
    assert slower.busiest_hour == nation.busiest_hour


def test_a_whole_day_holds_all_documents(whole: ProvinceDay) -> None:
    """A window of a day has every document of all days; a window at a time of day begins there."""
    assert len(whole.due_s) == pytest.approx(3 * whole.documents_per_day)
    assert len(whole.given.recipient) == pytest.approx(3 * whole.deliveries_per_day)
    nine = province_day("nation", DAY, days=3, speed=36.0, window_s=100.0, seed=5, start="09:00", jobs=1)
    assert nine.start_s == 9 * 3600.0
    moments = whole.due_s * 864.0
    assert len(nine.due_s) == np.count_nonzero((moments >= 9 * 3600 - 1e-6) & (moments < 10 * 3600 - 1e-6))


def test_the_window_is_the_busiest(nation: ProvinceDay, whole: ProvinceDay) -> None:
    """No window of the same length, wherever it begins, holds more messages."""
    moments = whole.due_s * 864.0
    for begin in np.arange(7 * 3600.0, 18 * 3600.0, 60.0):
        assert np.count_nonzero((moments >= begin) & (moments < begin + 5400.0 - 1e-6)) <= len(nation.due_s)


def test_overlaid_days_are_as_busy_as_days_together(nation: ProvinceDay) -> None:
    """Three days at once have at most three times the mean busiest hour of one, and at least its mean hour's load."""
    one, three = nation.busiest_hour, nation.busiest_hour_overlaid
    for name in ("submissions_per_s", "deliveries_per_s", "megabytes_per_s"):
        assert getattr(three, name) <= 3 * getattr(one, name) + 1e-9
        assert getattr(three, name) >= getattr(one, name)
    assert one.submissions_per_s * 3600 * 8 > nation.documents_per_day
    assert one.deliveries_per_s > one.submissions_per_s


def test_the_busiest_hour_is_counted_apart_for_each_figure() -> None:
    """Documents, copies and bytes have their largest hour at different times of this small day."""
    at_s = np.array([0.0, 10.0, 20.0, 7200.0, 20_000.0])
    given_ = Given(
        sender=np.zeros(5, dtype=np.int32), recipient=np.ones(14, dtype=np.int32),
        recipient_start=np.array([0, 1, 2, 3, 13, 14]),
        size_bytes=np.array([1e6, 1e6, 1e6, 1e6, 9e6]), urgency=np.zeros(5, dtype=np.uint8),
    )  # fmt: skip
    found = busiest_hour(at_s, given_)
    assert found.submissions_per_s == pytest.approx(3 / 3600)
    assert found.deliveries_per_s == pytest.approx(10 / 3600)
    assert found.megabytes_per_s == pytest.approx(9 / 3600)
    assert busiest_start(at_s, 60.0) == 0.0
    part = cut(given_, 2, 4)
    assert part.recipient_start.tolist() == [0, 1, 11]
    assert len(part.recipient) == 11


def test_processes_draw_the_same_days() -> None:
    """What a worker process is given and asked for yields the days that are drawn without one."""
    from_ = source("nation", DAY, None)
    _keep(*pickle.loads(pickle.dumps((from_, 5))))
    for number, alone in enumerate(draw_days(from_, 5, 2, 2), start=1):
        kept = _draw_kept(number)
        assert np.array_equal(alone.at_s, kept.at_s)
        assert np.array_equal(alone.recipient, kept.recipient)


def test_an_alternative_counts_what_it_carries_over_an_exchange(nation: ProvinceDay) -> None:
    """All of the signed alternative's copies go over it, none of the paper one's; notes say which counted."""
    signed = province_day(
        "nation", DAY, days=3, speed=100.0, window_s=54.0, seed=5, alternative="signed", jobs=1
    )
    assert signed.documents_per_day == nation.documents_per_day
    assert any("'signed'" in note for note in signed.notes)
    with pytest.raises(InputError) as found:
        province_day("nation", DAY, window_s=54.0, alternative="paper", jobs=1)
    assert found.value.code == "E-ALTERNATIVE"


def test_large_documents_are_cut_and_told() -> None:
    """A limit of the exchange cuts what is larger, and a note says how many."""
    found = province_day("nation", DAY, speed=100.0, window_s=54.0, seed=5, size_max_bytes=1_000_000, jobs=1)
    assert found.given.size_bytes.max() == 1_000_000
    assert any("cut to that size" in note for note in found.notes)


def test_a_window_is_a_profile(nation: ProvinceDay) -> None:
    """Its profile names the scenario, has the window's mean rate as its one stage, and goes through JSON."""
    profile = nation.profile
    assert profile.rate_per_s == pytest.approx(len(nation.due_s) / 54.0)
    again = Profile.from_json(profile.to_json())
    assert again.stages == profile.stages
    assert again.to_json() == profile.to_json()
    assert again.about["days"] == 3
    assert "nation" in again.text["en"]
    assert "nation" in again.text["vi"]
    with pytest.raises(InputError):
        again.due_s(1)


@pytest.mark.parametrize(
    ("name", "day", "more", "code", "told"),
    [
        ("nation", date(2019, 6, 2), {}, "E-DAY", "2019-06-03"),
        ("nation", date(2019, 9, 2), {}, "E-DAY", "2019-09-03"),
        ("nation", DAY, {"alternative": "sined"}, "E-ALTERNATIVE", "signed"),
        ("notion", DAY, {}, "E-SCENARIO-NAME", "nation"),
        ("nation", DAY, {"days": 0}, "E-DAYS", "1"),
        ("nation", DAY, {"speed": 0.0}, "E-SPEED", "0"),
        ("nation", DAY, {"speed": 1e4}, "E-WINDOW", "8.64"),
        ("nation", DAY, {"start": "25:00"}, "E-WINDOW", "09:00"),
        ("nation", DAY, {"start": "02:00"}, "E-WINDOW", "documents come from"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    name: str, day: date, more: dict[str, object], code: str, told: str
) -> None:
    """A day off, an unknown scenario or alternative, and an impossible window are errors with a way out."""
    with pytest.raises(InputError) as found:
        province_day(name, day, window_s=54.0, jobs=1, **more)  # type: ignore[arg-type]
    assert found.value.code == code
    assert told in found.value.hint


def test_classified_documents_are_left_out_and_counted() -> None:
    """Dong Nai has classified documents; none is among the messages, and a note counts them."""
    from_ = source("dong-nai", date(2019, 3, 4), None)
    day = draw(from_, 1, 1)
    assert day.classified > 0
    assert len(day.at_s) > 300
    workload = generate(from_.file, Streams(1, 1))
    seen = view(workload, from_.file, from_.case)
    secret = workload.created_s[seen.classified & np.isfinite(workload.created_s)]
    assert len(secret)
    assert not np.isin(secret, day.at_s).any()
