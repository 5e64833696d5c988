from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from sim.analysis.stability import working_days
from sim.analysis.warmup import CHANGE_MAX, WEEKS_MIN, advise, assess, mser, welch
from sim.observations import Bools, Floats
from sim.units import WEEK_S

from .builders import office

WORKED = working_days(office(14), 14 * 7)


def series(*weeks: float) -> Floats:
    """Return open legs by calendar day, rising through each week around its mean; nobody counts weekends."""
    rhythm = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 90.0, 90.0])
    return np.concatenate([week + rhythm for week in weeks])


def filling(last: float = 100.0, weeks: int = 14) -> Floats:
    """Open work that fills up to a level within three weeks and then moves about it by one."""
    wave = [last + (-1) ** week for week in range(weeks)]
    return series(last / 4, last / 2, last * 0.8, *wave[3:])


def worked(weeks: int) -> Bools:
    """Return the working days of so many weeks."""
    return working_days(office(weeks), 7 * weeks)


def test_welch_averages_whole_weeks_of_working_days() -> None:
    """Inside the series each weekday counts once, so the rhythm of the week is gone; weekends never count."""
    smoothed = welch(series(*[10.0] * 6), worked(6))
    assert smoothed.size == 30
    np.testing.assert_allclose(smoothed[3:-3], 10.0)


def test_welch_shrinks_at_the_start_and_stops_at_the_end() -> None:
    """The first day stands for itself, the second for three; the last days have no full window."""
    smoothed = welch(np.arange(1.0, 15.0), np.ones(14, dtype=np.bool_))
    assert smoothed[:4].tolist() == [1, 2, 3, 4]
    assert np.isnan(smoothed[-3:]).all()
    assert smoothed[-4] == 11


def test_mser_finds_where_a_step_ends() -> None:
    """Three batches on the way up are dropped; a level series keeps all of them."""
    assert mser(np.array([10.0, 20, 30, 50, 51, 49, 50, 51, 49, 50])) == 3
    assert mser(np.full(12, 7.0)) == 0


def test_mser_statistic_by_hand() -> None:
    """Of 0, 4, 4, 4, 4, 5 dropping one has 0.8 / 25 against 15.5 / 36; with 4 for 0 it would be 0.8333 / 36."""
    assert mser(np.array([0.0, 4, 4, 4, 4, 5])) == 1
    assert mser(np.array([4.0, 4, 4, 4, 4, 5])) == 0


def test_a_warm_up_that_covers_the_filling_is_enough() -> None:
    """MSER-5 drops the three weeks of filling; three are enough and one is too short."""
    found = assess(filling(), WORKED, 3 * WEEK_S)
    assert (found.mser5_weeks, found.configured_weeks, found.enough) == (3, 3, True)
    assert found.text["en"] == "A warm-up of 3 weeks is enough: MSER-5 would drop 3 weeks."
    short = assess(filling(), WORKED, WEEK_S)
    assert (short.mser5_weeks, short.enough) == (3, False)
    assert short.text["en"].startswith("A warm-up of 1 week is too short: MSER-5 would drop 3 weeks")
    assert "quá ngắn" in short.text["vi"]


def test_a_longer_warm_up_that_changes_nothing_is_not_asked_for() -> None:
    """Weeks a hundredth below the level are dropped by MSER-5 and told, and the warm-up is enough."""
    weeks = [99.0, 99.0, 99.0, 99.0, *[100.0, 100.1] * 5]
    found = assess(series(*weeks), WORKED, WEEK_S)
    assert found.mser5_weeks == 4
    assert found.enough is True
    assert "only changes the mean open work by 0.2 %" in found.text["en"]
    assert "chỉ thay đổi 0,2 %" in found.text["vi"]


def test_open_work_that_grows_to_the_end_shows_no_steady_state() -> None:
    """A truncation in the second half is none: no advice, and no warm-up is enough."""
    found = assess(series(*np.linspace(10, 200, 14)), WORKED, 2 * WEEK_S)
    assert (found.mser5_weeks, found.enough) == (None, False)
    assert "No steady state was seen in 14 weeks" in found.text["en"]
    assert "Chưa thấy trạng thái ổn định trong 14 tuần" in found.text["vi"]


def test_a_late_truncation_that_changes_nothing_says_nothing() -> None:
    """MSER-5 points to the second half of a series that is level to a hundredth: neither enough nor too short."""
    found = assess(series(*[100.0, 100.5] * 4, *[100.2] * 6), WORKED, 2 * WEEK_S)
    assert (found.mser5_weeks, found.enough) == (None, None)


@pytest.mark.parametrize("weeks", [1, WEEKS_MIN - 1])
def test_a_short_series_is_not_judged(weeks: int) -> None:
    """Below ten whole weeks there is no advice, and the text says how many there are."""
    found = assess(filling()[: 7 * weeks + 3], working_days(office(12), 7 * weeks + 3), WEEK_S)
    assert (found.mser5_weeks, found.enough) == (None, None)
    assert f"Not judged: {weeks} week" in found.text["en"]
    assert f"có {weeks} tuần" in found.text["vi"]
    assert len(found.days) == found.mean.size == found.smoothed.size > 0


def test_weeks_of_holidays_keep_their_place() -> None:
    """A week without working days is no batch, and still counts as a week of warm-up."""
    open_days = WORKED.copy()
    open_days[7:14] = False
    assert assess(filling(), open_days, 3 * WEEK_S).mser5_weeks == 3


def test_a_terminating_run_has_no_warm_up_to_judge() -> None:
    """However much its open work grows."""
    found = assess(series(*np.linspace(10, 200, 14)), WORKED, 0.0, "terminating")
    assert (found.mser5_weeks, found.enough, found.configured_weeks) == (None, None, 0)
    assert "terminating" in found.text["en"]


def test_nothing_open_is_level() -> None:
    """Without open work there is nothing to warm up."""
    assert assess(np.zeros(98), WORKED, 0.0).enough is True


def test_dates_are_those_of_the_working_days() -> None:
    """The graph starts on the first working day; what has no value is null."""
    found = assess(filling(), WORKED, 2 * WEEK_S).to_json(date(2015, 1, 5))
    graph = found["welch"]
    assert len(graph["date"]) == len(graph["mean"]) == len(graph["smoothed"]) == 70
    assert (graph["date"][0], graph["date"][5]) == ("2015-01-05", "2015-01-12")
    assert graph["smoothed"][0] == graph["mean"][0]
    assert graph["smoothed"][-1] is None
    assert found["configured_weeks"] == 2


def test_advice_for_a_run_is_that_of_its_slowest_alternative() -> None:
    """The largest advice; an alternative without one is named and does not hide the others."""
    level, growing = series(*[50.0, 50.5] * 7), series(*np.linspace(10, 200, 14))
    found = advise({"paper": filling(), "signed": level, "worse": growing}, WORKED)
    assert found.weeks == 3
    assert found.by_alternative == {"paper": 3, "signed": 0, "worse": None}
    assert advise({"worse": growing}, WORKED).weeks is None


def test_level_noise_is_seldom_called_too_short() -> None:
    """MSER-5 alone asks for more than two weeks often; of 200 level, correlated series few are flagged for it."""
    rng = np.random.default_rng(7)
    asked = flagged = 0
    for _ in range(200):
        noise = np.zeros(14)
        for week in range(1, 14):
            noise[week] = 0.5 * noise[week - 1] + rng.standard_normal()
        found = assess(series(*(100 * (1 + CHANGE_MAX / 4 * noise))), WORKED, 2 * WEEK_S)
        asked += found.mser5_weeks is None or found.mser5_weeks > 2
        flagged += found.enough is False
    assert asked > 20
    assert flagged <= 4
