"""What a capacity is compared with: published traffic of the national axis and of provinces, as rates.

Rule kept here: a published count becomes a rate by arithmetic that is written beside it; the peak factor and the
traffic inside provinces, which nobody published, are assumptions with a range. Submissions and deliveries are never
mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Range = tuple[float, float, float]
"""Value, lowest and highest credible value."""


class Grade(StrEnum):
    """How well a number is known."""

    PUBLISHED = "published"
    COMPUTED = "computed"  # arithmetic from published numbers, or a simulation's
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Traffic elsewhere.

    Args:
        name: Where and when.
        submissions_per_s: Value, lowest and highest credible, 1/s.
        deliveries_per_s: The same of deliveries, 1/s.
        bytes_per_s: The same of submitted bytes; ``None`` where sizes are not known.
        grade: How well it is known.
        source: Where it comes from and by what arithmetic.
    """

    name: str
    submissions_per_s: Range
    deliveries_per_s: Range
    bytes_per_s: Range | None
    grade: Grade
    source: str


AXIS_SENT: Final = 135_164
AXIS_RECEIVED: Final = 485_666
"""National axis, July 2022; an agency's statement, reported by antoanthongtin 108265 (published)."""
JULY_2022_WORKING_DAYS: Final = (
    21  # Mondays to Fridays; no public holiday in that month (Labour Code 2019, article 112)
)
HOURS: Final = (
    8.0,
    7.5,
    8.5,
)  # of a working day: 40 hours a week by law; how long the axis is busy is not known
PEAK_FACTOR: Final = (7.0, 5.0, 10.0)
"""Busiest hour against the mean working hour: published nowhere; assumed 5 to 10, and the middle on a log scale."""
PROVINCES: Final = 63  # until July 2025

GIA_LAI_SENT, GIA_LAI_RECEIVED = 240_500, 1_000_000
GIA_LAI_WORKING_DAYS: Final = 164  # January to August 2021, without public holidays
GIA_LAI: Final = (
    "Gia Lai, January to August 2021: 240,500 sent, over 1,000,000 received (gialaitv.vn p=531235, published)"
)
BINH_DUONG_YEAR: Final = 700_000
BINH_DUONG_WORKING_DAYS: Final = 252  # of 2020
BINH_DUONG: Final = "Bình Dương, about 2020: some 700,000 documents a year (baobinhduong a230368, published)"
QUANG_NINH_EXCHANGED: Final = 4_695_747
QUANG_NINH_WORKING_DAYS: Final = 959  # January 2015 to October 2018
QUANG_NINH: Final = "Quảng Ninh, 2015 to October 2018: 4,695,747 exchanged (baomoi c/28287009, published)"

_AXIS: Final = (
    "135,164 sent and 485,666 received in the month (antoanthongtin 108265, published), over "
    f"{JULY_2022_WORKING_DAYS} working days of {HOURS[0]:g} h ({HOURS[1]:g} to {HOURS[2]:g} h); the axis only, traffic "
    "inside provinces is not on it"
)
_INSIDE: Final = (
    f"assumed: each of {PROVINCES} provinces sends and receives as much as Gia Lai did on a working day. {GIA_LAI}. "
    f"Lowest and highest: {BINH_DUONG}, read as deliveries and as originals, at Gia Lai's fan-out of 4.16. "
    f"{QUANG_NINH}, read as deliveries, lies between. What came over the axis is in these counts and is not taken out"
)
_PEAK: Final = (
    f"times a peak factor of {PEAK_FACTOR[0]:g} ({PEAK_FACTOR[1]:g} to {PEAK_FACTOR[2]:g}), which is assumed: "
    "none was published"
)


def axis_mean() -> Traffic:
    """The national axis in July 2022, mean of its working hours."""
    return Traffic(
        "National axis, July 2022, mean working hour",
        _per_s(AXIS_SENT / JULY_2022_WORKING_DAYS),
        _per_s(AXIS_RECEIVED / JULY_2022_WORKING_DAYS),
        None,
        Grade.COMPUTED,
        _AXIS,
    )


def inside_provinces() -> Traffic:
    """An estimate of what was exchanged inside all provinces in 2022, mean of the working hours."""
    fan_out = GIA_LAI_RECEIVED / GIA_LAI_SENT
    a_day = BINH_DUONG_YEAR / BINH_DUONG_WORKING_DAYS
    sent = (GIA_LAI_SENT / GIA_LAI_WORKING_DAYS, a_day / fan_out, a_day)
    received = (GIA_LAI_RECEIVED / GIA_LAI_WORKING_DAYS, a_day, a_day * fan_out)
    return Traffic(
        f"Inside all {PROVINCES} provinces, estimate, mean working hour",
        _everywhere(sent),
        _everywhere(received),
        None,
        Grade.ASSUMED,
        _INSIDE,
    )


def at_peak(mean: Traffic, name: str) -> Traffic:
    """The busiest hour of a mean, by the assumed factor.

    Args:
        mean: Mean of the working hours.
        name: Of the result.
    """
    return Traffic(
        name,
        _times(mean.submissions_per_s, PEAK_FACTOR),
        _times(mean.deliveries_per_s, PEAK_FACTOR),
        None if mean.bytes_per_s is None else _times(mean.bytes_per_s, PEAK_FACTOR),
        Grade.ASSUMED,
        f"{mean.source}; {_PEAK}",
    )


def national_axis() -> tuple[Traffic, ...]:
    """The axis on average and at its busiest, and beside it the estimate of what is not on it."""
    axis, inside = axis_mean(), inside_provinces()
    return (
        axis,
        at_peak(axis, "National axis, July 2022, busiest hour"),
        inside,
        at_peak(inside, f"Inside all {PROVINCES} provinces, estimate, busiest hour"),
    )


def _per_s(a_day: float) -> Range:
    value, low, high = (a_day / (hours * 3600) for hours in (HOURS[0], HOURS[2], HOURS[1]))
    return value, low, high


def _everywhere(a_day: Range) -> Range:
    value, low, high = (PROVINCES * one for one in a_day)
    return _per_s(value)[0], _per_s(low)[1], _per_s(high)[2]


def _times(one: Range, other: Range) -> Range:
    return one[0] * other[0], one[1] * other[1], one[2] * other[2]
