"""Working time: which days and hours are worked, and arithmetic on them.

The rule of this package: a duration of work is counted in seconds on duty and nothing else. Work is suspended
off shift and resumes; a day is an office's own working day, never 24 hours divided. Simulated times are float
seconds since local midnight of a start date, the *origin*; the wall clock is naive.
"""

from sim.calendars.absence import away_days
from sim.calendars.clock import clock, day_of, merge_hours, parse_hours, seconds
from sim.calendars.days import ResolvedDays, resolve_holidays
from sim.calendars.working_time import WorkingTime

__all__ = [
    "ResolvedDays",
    "WorkingTime",
    "away_days",
    "clock",
    "day_of",
    "merge_hours",
    "parse_hours",
    "resolve_holidays",
    "seconds",
]
