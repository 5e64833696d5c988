"""Whether the warm-up is long enough: Welch's moving average and MSER-5 on open work at the end of working days.

Rule kept here: the series is that of all replications averaged, from time 0, and whole weeks are its batches, so
that no weekday weighs more than another. MSER-5 is advice: on level but noisy series it asks for more than
two weeks, or finds nothing, in three to six cases of ten (simulated: 10 to 52 weeks, autocorrelation 0 to 0.8);
so a warm-up is called too short only where a longer one would change the mean open work by more than
:data:`CHANGE_MAX`.

Sources: Welch (1983), The statistical analysis of simulation results; White (1997), An effective truncation
heuristic for bias reduction in simulation output; Hoad, Robinson and Davies (2010), Automated selection of the
number of replications and of the warm-up, for the rule that a truncation in the second half is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from sim.analysis.intervals import number
from sim.analysis.load import percent_en, percent_vi
from sim.analysis.stability import weekly_means
from sim.observations import Bools, Floats
from sim.units import DAY_S, WEEK_S

BATCHES_LEFT_MIN = 5  # of fewer batches the variance is small by chance, and the statistic with it
WEEKS_MIN = 2 * BATCHES_LEFT_MIN  # with fewer a truncation could not even lie in the second half
WINDOW_DAYS = 7  # of Welch's moving average, centred: the shortest in which every weekday is found once
CHANGE_MAX = 0.02  # of the mean open work, and so by Little's law of the mean time; less concerns no planner

Text = dict[str, str]


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What the series of one alternative says about its warm-up.

    Args:
        days: Offsets of the working days from the first day of the run.
        mean: Open legs at the end of each of them, mean over replications.
        smoothed: Welch's moving average of it; NaN where the window reaches beyond the series' end.
        mser5_weeks: Whole weeks that MSER-5 would drop; ``None`` where it is not judged or no steady state seen.
        configured_weeks: Weeks of warm-up that were simulated.
        enough: Whether they are enough; ``None`` where that cannot be said.
        text: The finding in English and Vietnamese.
    """

    days: tuple[int, ...]
    mean: Floats
    smoothed: Floats
    mser5_weeks: int | None
    configured_weeks: float
    enough: bool | None
    text: Text

    def to_json(self, start: date) -> dict[str, Any]:
        """Return the finding as JSON data; ``start`` is the first day of the run."""
        return {
            "welch": {
                "date": [(start + timedelta(days=day)).isoformat() for day in self.days],
                "mean": [number(value) for value in self.mean.tolist()],
                "smoothed": [number(value) for value in self.smoothed.tolist()],
            },
            "mser5_weeks": self.mser5_weeks,
            "configured_weeks": self.configured_weeks,
            "enough": self.enough,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class Advice:
    """Warm-up advised for a run, which has the same one for all alternatives.

    Args:
        weeks: The largest that an alternative needs; ``None`` where none has an advice.
        by_alternative: Advice of each alternative; ``None`` for a short series or no steady state seen.
    """

    weeks: int | None
    by_alternative: dict[str, int | None]


def welch(counts: Floats, worked: Bools) -> Floats:
    """Return Welch's moving average over the working days of a series of calendar days.

    The window is centred and :data:`WINDOW_DAYS` calendar days wide, of which working days count; near the start
    it shrinks to what is symmetric, as Welch has it.

    Args:
        counts: One number per calendar day.
        worked: Which of the days are working days.

    Returns:
        One number per working day; NaN where the window reaches beyond the end of the series.
    """
    half = WINDOW_DAYS // 2
    smoothed = []
    for day in np.flatnonzero(worked).tolist():
        reach = min(day, half)
        window = slice(day - reach, day + reach + 1)
        inside = day + reach < counts.size
        smoothed.append(float(np.mean(counts[window][worked[window]])) if inside else math.nan)
    return np.array(smoothed)


def mser(batches: Floats) -> int:
    """Return how many batches to drop so that the squared standard error of the others' mean is least.

    Source: White (1997). The statistic of dropping d of n batches is the sum of squared deviations of the others
    from their mean over (n - d) squared.

    Args:
        batches: Batch means, :data:`BATCHES_LEFT_MIN` or more, of which so many are always kept.

    Returns:
        The least number with the least statistic; from half of the batches on, no steady state was seen.
    """
    kept = [batches[drop:] for drop in range(batches.size - BATCHES_LEFT_MIN + 1)]
    return int(np.argmin([float(np.sum((one - np.mean(one)) ** 2)) / one.size**2 for one in kept]))


def advise(series: Mapping[str, Floats], worked: Bools) -> Advice:
    """Return the warm-up that the alternatives of a run need, in whole weeks.

    Args:
        series: By alternative, open legs at the end of each calendar day from time 0, mean over replications.
        worked: Which of the days are working days.
    """
    found = {name: _truncated(_weeks(counts, worked))[0] for name, counts in series.items()}
    known = [weeks for weeks in found.values() if weeks is not None]
    return Advice(max(known, default=None), found)


def assess(counts: Floats, worked: Bools, configured_s: float, kind: str = "steady") -> WarmUp:
    """Say whether an alternative's warm-up is enough.

    Args:
        counts: Open legs at the end of each calendar day from time 0, mean over replications.
        worked: Which of the days are working days.
        configured_s: Warm-up that was simulated.
        kind: ``steady`` or ``terminating``; a terminating run has no warm-up to judge.
    """
    weeks = _weeks(counts, worked)
    configured = configured_s / WEEK_S
    advised: int | None = None
    enough: bool | None = None
    if kind == "terminating":
        text = _terminating()
    elif np.count_nonzero(np.isfinite(weeks)) < WEEKS_MIN:
        text = _too_short(int(np.count_nonzero(np.isfinite(weeks))))
    else:
        advised, dropped = _truncated(weeks)
        change = _change(weeks, configured, dropped)
        enough = dropped <= configured or change <= CHANGE_MAX
        if advised is None:
            enough = None if enough else False
            text = _no_steady_state(weeks.size, change)
        else:
            text = _finding(configured, advised, change, enough)
    days = np.flatnonzero(worked)
    return WarmUp(
        tuple(days.tolist()), counts[days], welch(counts, worked), advised, configured, enough, text
    )


def _weeks(counts: Floats, worked: Bools) -> Floats:
    """Return the means of the whole weeks from time 0, NaN for a week without working day."""
    return weekly_means(counts, worked, 0.0, counts.size * DAY_S)


def _truncated(weeks: Floats) -> tuple[int | None, int]:
    """Return the weeks that MSER-5 advises, and those it would drop whether or not that is an advice."""
    known = np.flatnonzero(np.isfinite(weeks))
    if known.size < WEEKS_MIN:
        return None, 0
    batches = mser(weeks[known])
    dropped = int(known[batches - 1]) + 1 if batches else 0
    return (dropped if batches < known.size / 2 else None), dropped


def _change(weeks: Floats, configured: float, dropped: int) -> float:
    """Return by what share the mean of the measured weeks changes when those up to ``dropped`` are left out."""
    week = np.arange(weeks.size)
    known = np.isfinite(weeks)
    if not np.any(known & (week >= configured)):
        return math.inf
    measured = float(np.mean(weeks[known & (week >= configured)]))
    later = float(np.mean(weeks[known & (week >= max(dropped, configured))]))
    if measured == later:
        return 0.0
    return abs(measured - later) / later if later else math.inf


def _terminating() -> Text:
    return {
        "en": "A terminating run starts empty on purpose and has no warm-up to judge.",
        "vi": "Đợt mô phỏng có điểm dừng chủ ý bắt đầu từ trạng thái trống nên không có chạy đà để đánh giá.",
    }


def _too_short(weeks: int) -> Text:
    return {
        "en": f"Not judged: {_en(weeks)} of the run, and MSER-5 needs {WEEKS_MIN}.",
        "vi": f"Chưa đánh giá: đợt mô phỏng có {_vi(weeks)}, trong khi MSER-5 cần {WEEKS_MIN} tuần.",
    }


def _no_steady_state(weeks: int, change: float) -> Text:
    return {
        "en": f"No steady state was seen in {_en(weeks)}: MSER-5 finds no end of the warm-up in their first half; "
        f"leaving out what it would drop changes the mean open work by {percent_en(change)}.",
        "vi": f"Chưa thấy trạng thái ổn định trong {_vi(weeks)}: MSER-5 không tìm được điểm kết thúc chạy đà trong "
        f"nửa đầu; bỏ phần mà MSER-5 muốn bỏ thì số lượt chưa xong trung bình thay đổi {percent_vi(change)}.",
    }


def _finding(configured: float, advised: int, change: float, enough: bool) -> Text:
    en = f"A warm-up of {_en(configured)} is {'enough' if enough else 'too short'}: MSER-5 would drop {_en(advised)}"
    vi = f"Chạy đà {_vi(configured)} là {'đủ' if enough else 'quá ngắn'}: MSER-5 muốn bỏ {_vi(advised)}"
    if advised > configured:
        en += f", which {'only ' if enough else ''}changes the mean open work by {percent_en(change)}"
        vi += f", khi đó số lượt chưa xong trung bình {'chỉ ' if enough else ''}thay đổi {percent_vi(change)}"
    return {"en": en + ".", "vi": vi + "."}


def _en(weeks: float) -> str:
    return f"{weeks:.3g} week{'' if weeks == 1 else 's'}"


def _vi(weeks: float) -> str:
    return f"{weeks:.3g} tuần".replace(".", ",")
