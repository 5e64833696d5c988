"""Which alternatives cannot keep up, and why.

Rule kept here: an alternative is unstable when somewhere more work is asked for than there is time to do it
in, or when open work grows from week to week beyond doubt. The rhythm of the day and of the week is not
growth: only ends of working days are looked at, and only means over whole weeks are compared. A terminating
period starts empty and ends: there an office that is asked for too much is named, and nothing is called unstable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.analysis.intervals import CONFIDENCE, Estimate, student
from sim.analysis.load import GroupLoad, percent_en, percent_vi
from sim.calendars import WorkingTime
from sim.observations import Bools, Floats, Legs, Names
from sim.units import DAY_S, WEEK_S

LOAD_MAX = 1.0  # offered load at which a queue has no end, whatever the order of service
WEEKS_MIN = 3  # with fewer weekly means a slope says nothing about growth
GROWTH_MIN = 0.10  # share of the mean open work; less is no concern of a planner, however certain
_NAMED_MAX = 10  # overloaded groups named one by one

Reason = dict[str, str]

# What an overload means: a queue without end, or, where the period ends, work that is left over.
_OVERLOAD: Reason = {
    "en": "{agency}, {role}: the work asked for takes {load} of the time on duty; the queue grows without end.",
    "vi": "{agency}, vai trò {role}: khối lượng việc được giao bằng {load} thời gian làm việc hiện có; "
    "việc tồn đọng sẽ tăng mãi.",
}
_OVERLOAD_TERMINATING: Reason = {
    "en": "{agency}, {role}: the work asked for in this period takes {load} of the time on duty in it.",
    "vi": "{agency}, vai trò {role}: khối lượng việc được giao trong thời kỳ này bằng {load} thời gian làm việc "
    "hiện có.",
}


@dataclass(frozen=True, slots=True)
class Stability:
    """The verdict on one alternative.

    Args:
        stable: No reason against it was found; always so in a terminating period, which has no steady state.
        growth_per_week: Open legs per week over the measured weeks; without value below three weeks, and in a
            terminating period.
        reasons: Why it is not stable, in English and Vietnamese.
        overload_notes: Of a terminating period: who is asked for more than there is time to do it in.
    """

    stable: bool
    growth_per_week: Estimate
    reasons: tuple[Reason, ...]
    overload_notes: tuple[Reason, ...] = ()


def working_days(office: WorkingTime, days: int, start_s: float = 0.0, end_s: float = math.inf) -> Bools:
    """Tell of the first calendar days whether the office is open in them.

    Args:
        office: Working time of the offices.
        days: How many days from the first on.
        start_s: Duty before this time does not count.
        end_s: Duty after this time does not count.
    """
    edges_s = np.clip(np.arange(days + 1) * DAY_S, start_s, end_s)
    return office.elapsed_many(edges_s[:-1], edges_s[1:]) > 0


def open_at_day_ends(legs: Legs, days: int) -> Floats:
    """Return how many legs, those of the warm-up included, are open at the end of each calendar day."""
    ends_s = (np.arange(days) + 1) * DAY_S
    created = np.searchsorted(np.sort(legs.created_s), ends_s, side="right")
    closed_s = np.sort(legs.closed_s[np.isfinite(legs.closed_s)])
    return (created - np.searchsorted(closed_s, ends_s, side="right")).astype(np.float64)


def weekly_means(open_legs: Floats, worked: Bools, start_s: float, end_s: float) -> Floats:
    """Return the mean of the working days' counts in each whole week of the measured period.

    Args:
        open_legs: Open legs at the end of each calendar day.
        worked: Which of those days are working days.
        start_s: Start of the measured period; weeks are counted from its day on.
        end_s: End of the measured period; an incomplete last week is left out.

    Returns:
        One mean per week; NaN for a week without working day.
    """
    first = round(start_s / DAY_S)
    weeks = max(0, math.floor((end_s - start_s) / WEEK_S))
    means = np.full(weeks, math.nan)
    for week in range(weeks):
        days = slice(first + 7 * week, first + 7 * week + 7)
        counts = open_legs[days][worked[days]]
        if counts.size:
            means[week] = np.mean(counts)
    return means


def growth_per_week(means: Floats) -> float:
    """Return the least-squares slope of weekly means, NaN with fewer than three of them."""
    week = np.flatnonzero(np.isfinite(means)).astype(np.float64)
    if week.size < WEEKS_MIN:
        return math.nan
    known = means[np.isfinite(means)]
    centred = week - np.mean(week)
    return float(np.sum(centred * known) / np.sum(centred**2))


def judge(
    weekly: Sequence[Floats],
    groups: Sequence[GroupLoad],
    names: Names,
    confidence: float = CONFIDENCE,
    *,
    kind: str = "steady",
) -> Stability:
    """Say whether an alternative is stable.

    Args:
        weekly: Weekly means of each replication, as :func:`weekly_means` gives them.
        groups: As :func:`sim.analysis.load.group_loads` gives them.
        names: Names behind the indices.
        confidence: Confidence of the interval of the growth.
        kind: ``steady`` or ``terminating``, as the scenario's period has it.

    Returns:
        The verdict. With fewer than two replications or three measured weeks growth is not judged.
    """
    if kind == "terminating":
        notes = _overloaded(groups, names, _OVERLOAD_TERMINATING)
        return Stability(True, student([], confidence), (), tuple(notes))
    growth = student([growth_per_week(means) for means in weekly], confidence)
    reasons = [*_overloaded(groups, names, _OVERLOAD), *_growing(growth, weekly)]
    return Stability(not reasons, growth, tuple(reasons))


def _overloaded(groups: Sequence[GroupLoad], names: Names, told: Reason) -> list[Reason]:
    over = [group for group in groups if group.load_mean >= LOAD_MAX]
    reasons = [_overload(group, names, told) for group in over[:_NAMED_MAX]]
    if len(over) > _NAMED_MAX:
        more = len(over) - _NAMED_MAX
        reasons.append(
            {
                "en": f"{more} further groups of staff are asked for more work than they have time for.",
                "vi": f"Còn {more} nhóm nhân sự khác được giao nhiều việc hơn thời gian làm việc hiện có.",
            }
        )
    return reasons


def _overload(group: GroupLoad, names: Names, told: Reason) -> Reason:
    agency, role, load = names.agency_names[group.agency], names.roles[group.role], group.load_mean
    if math.isinf(load):
        return {
            "en": f"{agency}, {role}: there is work, and nobody is on duty to do it.",
            "vi": f"{agency}, vai trò {role}: có việc nhưng không có ai trực để làm.",
        }
    return {
        "en": told["en"].format(agency=agency, role=role, load=percent_en(load)),
        "vi": told["vi"].format(agency=agency, role=role, load=percent_vi(load)),
    }


def _growing(growth: Estimate, weekly: Sequence[Floats]) -> list[Reason]:
    if not growth.low > 0:
        return []
    judged = [means[np.isfinite(means)] for means in weekly if not math.isnan(growth_per_week(means))]
    mean_open = float(np.mean([np.mean(means) for means in judged]))
    weeks = max(means.size for means in weekly)
    share = growth.estimate * weeks / mean_open
    if share <= GROWTH_MIN:
        return []
    slope, half_width = f"{growth.estimate:.1f}", f"{growth.half_width:.1f}"
    slope_vi, half_width_vi = slope.replace(".", ","), half_width.replace(".", ",")
    return [
        {
            "en": f"Open deliveries grow by {slope} ± {half_width} a week; over the {weeks} measured weeks "
            f"that is {percent_en(share)} of the mean number open.",
            "vi": f"Số lượt văn bản chưa xong tăng {slope_vi} ± {half_width_vi} mỗi tuần; trong {weeks} "
            f"tuần đo, mức tăng bằng {percent_vi(share)} số lượt chưa xong trung bình.",
        }
    ]
