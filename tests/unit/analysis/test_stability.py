from __future__ import annotations

import numpy as np
import pytest

from sim.analysis.load import group_loads
from sim.analysis.stability import growth_per_week, judge, open_at_day_ends, weekly_means, working_days
from sim.calendars import WorkingTime
from sim.observations import Floats
from sim.units import DAY_S, WEEK_S

from .builders import NAMES, at, leg, legs, office, pools

EASY = group_loads([pools({})])


def weekly(*means: float) -> Floats:
    """Return weekly means."""
    return np.array(means)


def test_working_days_of_a_fortnight() -> None:
    """Weekends are no working days, and duty outside the period asked for does not count."""
    assert working_days(office(), 14).tolist() == ([True] * 5 + [False] * 2) * 2
    assert np.count_nonzero(working_days(office(), 14, 2 * DAY_S, 9 * DAY_S)) == 5
    assert working_days(office(), 2, at(9), at(17)).tolist() == [True, False]
    assert working_days(WorkingTime.always(), 7).all()


def test_open_legs_at_day_ends() -> None:
    """A leg is open from when it was asked for until it was closed, however it was closed."""
    table = legs(
        leg(0, at(9, 2)), leg(1, created_s=at(9, 1)), leg(2, 3600.0, created_s=at(9, 1), measured=False)
    )
    assert open_at_day_ends(table, 4).tolist() == [1, 2, 1, 1]


def test_weekly_means_take_whole_weeks_and_working_days() -> None:
    """Weekends and an incomplete last week are left out; a week of holidays has no mean."""
    counts = np.arange(28.0)
    worked = working_days(office(), 28)
    worked[14:21] = False
    means = weekly_means(counts, worked, WEEK_S, 4 * WEEK_S - DAY_S)
    np.testing.assert_array_equal(means, [9.0, np.nan])
    assert weekly_means(counts, worked, 0.0, DAY_S).size == 0


def test_slope_of_weekly_means() -> None:
    """A missing week keeps its place on the time axis; two weeks have no slope."""
    assert growth_per_week(weekly(10, 12, np.nan, 16)) == pytest.approx(2)
    assert np.isnan(growth_per_week(weekly(10, 12)))


def test_growth_beyond_doubt_is_unstable() -> None:
    """Growth in every replication that matters is named with its size, in both languages."""
    found = judge([weekly(100, 110, 120, 130), weekly(100, 109, 121, 132)], EASY, NAMES)
    assert not found.stable
    assert found.growth_per_week.estimate == pytest.approx((10 + 10.8) / 2)
    (reason,) = found.reasons
    assert reason["en"].startswith("Open deliveries grow by 10.4 ± 5.1 a week; over the 4 measured weeks")
    assert "tăng 10,4 ± 5,1 mỗi tuần" in reason["vi"]


@pytest.mark.parametrize(
    "replications",
    [
        pytest.param([weekly(100, 110, 120), weekly(120, 110, 100)], id="in doubt"),
        pytest.param([weekly(100, 101, 102), weekly(100, 101, 102)], id="certain and small"),
        pytest.param([weekly(100, 90, 80), weekly(100, 90, 80)], id="shrinking"),
        pytest.param([weekly(100, 200), weekly(100, 200)], id="too few weeks"),
        pytest.param([weekly(100, 200, 300)], id="one replication"),
    ],
)
def test_no_growth_to_speak_of(replications: list[Floats]) -> None:
    """What is in doubt, small, shrinking or not known is not called growth."""
    assert judge(replications, EASY, NAMES).stable


def test_daily_rhythm_is_not_growth() -> None:
    """Counts that rise through every day and week and fall back are stable."""
    start = np.arange(0, 6 * WEEK_S, 3600.0)
    worked = office().elapsed_many(start, start + 3600.0) > 0
    created = start[worked]
    table = legs(*(leg(n, at(20) - at(8) if n % 3 else 3600.0, created_s=s) for n, s in enumerate(created)))
    means = weekly_means(open_at_day_ends(table, 42), working_days(office(), 42), WEEK_S, 5 * WEEK_S)
    found = judge([means, means + 0.01], EASY, NAMES)
    assert found.stable
    assert found.growth_per_week.estimate == pytest.approx(0, abs=1e-9)


def test_overload_is_named_with_agency_role_and_load() -> None:
    """A load of one and more, averaged over replications, is unstable; the agency and role are said."""
    groups = group_loads([pools({"agency": 2, "offered_s": 95.0}), pools({"agency": 2, "offered_s": 115.0})])
    found = judge([weekly(), weekly()], groups, NAMES)
    assert not found.stable
    assert found.growth_per_week.to_json()["estimate"] is None
    (reason,) = found.reasons
    assert reason["en"].startswith("Commune, clerk: the work asked for takes 105.0 %")
    assert "Commune, vai trò clerk" in reason["vi"]
    assert "105,0 %" in reason["vi"]


def test_work_with_nobody_on_duty_is_unstable() -> None:
    """Work that nobody is there to do is an overload without a number."""
    groups = group_loads([pools({"on_duty_s": 0.0, "group_on_duty_s": 0.0})])
    (reason,) = judge([weekly()], groups, NAMES).reasons
    assert "nobody is on duty" in reason["en"]
    assert "không có ai trực" in reason["vi"]


def test_many_overloads_are_cut_short_and_counted() -> None:
    """Ten overloaded groups are named, the rest is counted."""
    table = pools(*({"agency": n % 3, "role": n % 2, "group": n, "offered_s": 200.0 - n} for n in range(6)))
    groups = group_loads([table]) * 2
    reasons = judge([weekly()], groups, NAMES).reasons
    assert len(reasons) == 11
    assert reasons[-1]["en"].startswith("2 further groups")
    assert reasons[-1]["vi"].startswith("Còn 2 nhóm")


def test_a_terminating_period_names_overloads_and_is_not_unstable() -> None:
    """An office at 105 % is named with its load; open work that grows is what such a period does."""
    groups = group_loads([pools({"agency": 2, "offered_s": 105.0})])
    found = judge([weekly(100, 110, 120, 130), weekly(100, 109, 121, 132)], groups, NAMES, kind="terminating")
    assert found.stable
    assert found.reasons == ()
    assert found.growth_per_week.to_json()["estimate"] is None
    (note,) = found.overload_notes
    assert note["en"].startswith("Commune, clerk: the work asked for in this period takes 105.0 %")
    assert "without end" not in note["en"]
    assert "105,0 %" in note["vi"]
    assert "tăng mãi" not in note["vi"]


def test_an_office_at_95_percent_is_not_named() -> None:
    """Neither in a terminating nor in a steady period."""
    groups = group_loads([pools({"offered_s": 95.0})])
    for kind in ("steady", "terminating"):
        found = judge([weekly()], groups, NAMES, kind=kind)
        assert (found.stable, found.reasons, found.overload_notes) == (True, (), ())
