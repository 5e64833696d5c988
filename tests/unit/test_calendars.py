"""What working time means, by example."""

from __future__ import annotations

import csv
import math
import pickle
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from sim.calendars import (
    ResolvedDays,
    WorkingTime,
    away_days,
    clock,
    day_of,
    merge_hours,
    parse_hours,
    resolve_holidays,
    seconds,
)
from sim.errors import InputError
from sim.units import DAY_S, HOUR_S

WEEK = range(5)
MONDAY = date(2015, 1, 5)
NO_HOLIDAYS = ResolvedDays({}, {})
VN_LIST = Path(__file__).parents[3] / "shared" / "data" / "vn_holidays_2010_2030.csv"


def h(hour: float, day: int = 0) -> float:
    """Return the seconds from the origin to an hour of a day."""
    return day * DAY_S + hour * HOUR_S


def office(days: int = 14, resolved: ResolvedDays = NO_HOLIDAYS, origin: date = MONDAY) -> WorkingTime:
    """An office that works 08-12 and 13-17 from Monday to Friday."""
    return WorkingTime.from_office([(h(8), h(12)), (h(13), h(17))], WEEK, resolved, origin, days)


class TestHours:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("07:30-11:30", (27000.0, 41400.0)),
            ("7:30 – 11:30", (27000.0, 41400.0)),
            ("00:00-24:00", (0.0, 86400.0)),
        ],
    )
    def test_hours_become_seconds_since_midnight(self, text: str, expected: tuple[float, float]) -> None:
        """Hours are written as on a notice board, with any dash, and a day may end at 24:00."""
        assert parse_hours(text) == expected

    @pytest.mark.parametrize(
        "text",
        ["", "8-12", "08:00", "08:60-09:00", "12:00-12:00", "22:00-06:00", "08:00-24:01", "08:00-12:00 x"],
    )
    def test_other_hours_are_refused(self, text: str) -> None:
        """Everything else is an error that says what would be right."""
        with pytest.raises(InputError) as caught:
            parse_hours(text)
        assert caught.value.code == "E-HOURS"
        assert caught.value.hint

    def test_hours_are_sorted_and_touching_ranges_joined(self) -> None:
        """The order of writing does not matter."""
        assert merge_hours([(h(13), h(17)), (h(8), h(10)), (h(10), h(12))]) == ((h(8), h(12)), (h(13), h(17)))

    @pytest.mark.parametrize(
        "ranges", [[], [(h(8), h(12)), (h(11), h(17))], [(h(8), h(8))], [(h(20), h(25))], [(-1.0, h(2))]]
    )
    def test_hours_that_are_no_working_day_are_refused(self, ranges: list[tuple[float, float]]) -> None:
        """No hours, overlapping hours, empty hours and hours of another day are errors."""
        with pytest.raises(InputError, match="E-HOURS"):
            merge_hours(ranges)


class TestClock:
    def test_clock_and_seconds_are_inverse(self) -> None:
        """A simulated time is a reading of the local clock."""
        when = datetime(2015, 1, 6, 7, 30, 15, 250000)
        assert seconds(MONDAY, when) == h(7.5, day=1) + 15.25
        assert clock(MONDAY, seconds(MONDAY, when)) == when

    def test_a_time_before_the_origin_is_negative(self) -> None:
        """The second before the origin belongs to day -1."""
        t = seconds(MONDAY, datetime(2015, 1, 4, 23, 59, 59))
        assert t == -1.0
        assert day_of(t) == -1
        assert [day_of(t) for t in (0.0, DAY_S - 0.1, DAY_S)] == [0, 0, 1]

    def test_a_time_zone_is_refused(self) -> None:
        """A time with a zone is no reading of the local clock."""
        with pytest.raises(InputError, match="E-TIME-ZONE"):
            seconds(MONDAY, datetime(2015, 1, 5, tzinfo=UTC))


class TestHolidays:
    def test_tet_2015_is_off(self) -> None:
        """Lunar New Year 2015: no weekday is worked from 16 to 23 February, 13 and 24 February are."""
        resolved = resolve_holidays("VN", date(2015, 2, 9), date(2015, 2, 28))
        weekdays = [date(2015, 2, 9) + timedelta(days=n) for n in range(20)]
        worked = [day.day for day in weekdays if resolved.is_working_day(day, WEEK)]
        assert worked == [9, 10, 11, 12, 13, 14, 24, 25, 26, 27]

    def test_make_up_saturdays_are_worked(self) -> None:
        """In 2026 Monday 31 August is off and Saturday 22 August is worked instead."""
        resolved = resolve_holidays("VN", date(2026, 8, 1), date(2026, 9, 30))
        assert list(resolved.make_up) == [date(2026, 8, 22)]
        assert resolved.is_working_day(date(2026, 8, 22), WEEK)
        assert not resolved.is_working_day(date(2026, 8, 29), WEEK)
        assert not resolved.is_working_day(date(2026, 8, 31), WEEK)

    def test_a_make_up_day_for_a_day_off_in_the_next_year_is_found(self) -> None:
        """27 December 2014 makes up for 2 January 2015, even when only December is asked for."""
        assert date(2014, 12, 27) in resolve_holidays("VN", date(2014, 12, 1), date(2014, 12, 31)).make_up

    def test_every_vietnamese_day_from_2010_to_2030_agrees_with_the_list(self) -> None:
        """Days off, make-up days and the names of holidays are those of the independent list."""
        if not VN_LIST.exists():
            pytest.skip("the list of Vietnamese holidays is not part of the repository")
        with VN_LIST.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        resolved = resolve_holidays("VN", date(2010, 1, 1), date(2030, 12, 31))
        off = {date.fromisoformat(row["date"]): row["name"] for row in rows if row["kind"] == "off"}
        assert resolved.days_off == off
        assert sorted(resolved.make_up) == [date.fromisoformat(r["date"]) for r in rows if r["kind"] != "off"]

    def test_only_the_days_of_the_period_are_listed(self) -> None:
        """Both ends of the period are part of it, nothing else is."""
        resolved = resolve_holidays("VN", date(2015, 4, 30), date(2015, 5, 1), days_off={MONDAY: "elsewhere"})
        assert list(resolved.days_off) == [date(2015, 4, 30), date(2015, 5, 1)]

    def test_what_the_planner_says_wins(self) -> None:
        """A planner's make-up day cancels a holiday, a planner's day off cancels a make-up day."""
        holiday, saturday = date(2026, 9, 2), date(2026, 8, 22)
        resolved = resolve_holidays(
            "VN", date(2026, 8, 1), date(2026, 9, 30), days_off={saturday: "move"}, make_up={holiday: "rush"}
        )
        assert resolved.is_working_day(holiday, WEEK)
        assert not resolved.is_working_day(saturday, WEEK)
        assert holiday not in resolved.days_off
        assert resolved.days_off[saturday] == "move"
        assert resolved.make_up == {holiday: "rush"}

    def test_without_a_country_there_are_no_holidays(self) -> None:
        """A scenario need not name a country."""
        assert resolve_holidays(None, MONDAY, MONDAY) == NO_HOLIDAYS

    @pytest.mark.parametrize("country", ["XX", "vn", "Vietnam", "HolidayBase", ""])
    def test_an_unknown_country_is_refused(self, country: str) -> None:
        """The error says what was found and what to write."""
        with pytest.raises(InputError) as caught:
            resolve_holidays(country, MONDAY, MONDAY)
        assert caught.value.code == "E-COUNTRY"
        assert repr(country) in caught.value.message
        assert "VN" in caught.value.hint

    def test_contradictions_are_refused(self) -> None:
        """A day cannot be off and worked, a period cannot end before it starts."""
        with pytest.raises(InputError, match="E-DAYS"):
            resolve_holidays(None, MONDAY, MONDAY, days_off={MONDAY: "a"}, make_up={MONDAY: "b"})
        with pytest.raises(InputError, match="E-PERIOD"):
            resolve_holidays(None, MONDAY, MONDAY - timedelta(days=1))

    def test_resolved_days_survive_pickling(self) -> None:
        """Workers of an experiment receive the very days of the manifest."""
        resolved = resolve_holidays("VN", date(2015, 1, 1), date(2015, 12, 31))
        assert pickle.loads(pickle.dumps(resolved)) == resolved


class TestWork:
    def test_work_is_suspended_over_lunch(self) -> None:
        """A 6 h task begun at 08:00 with a break from 12 to 13 ends at 15:00."""
        assert office().finish(h(8), 6 * HOUR_S) == h(15)

    def test_work_that_ends_with_the_morning_ends_at_noon(self) -> None:
        """It is done at 12:00, not after lunch."""
        assert office().finish(h(8), 4 * HOUR_S) == h(12)

    def test_rounding_does_not_carry_work_over_lunch(self) -> None:
        """Work measured up to 12:00 and done again still ends at 12:00."""
        calendar = office()
        for start in np.linspace(h(8), h(12), 1001)[:-1].tolist():
            assert calendar.finish(start, calendar.elapsed(start, h(12)) + 1e-9) == h(12)

    def test_work_is_suspended_over_night_and_weekend(self) -> None:
        """2 h begun on Friday at 16:00 end on Monday at 09:00."""
        assert office().finish(h(16, day=4), 2 * HOUR_S) == h(9, day=7)

    def test_work_begun_off_duty_waits(self) -> None:
        """A task brought at lunch is begun at 13:00, and no work at all is done then too."""
        assert office().finish(h(12.5), HOUR_S) == h(14)
        assert office().finish(h(12.5), 0.0) == h(13)

    def test_no_work_on_duty_takes_no_time(self) -> None:
        """An empty task is done when it is begun."""
        assert office().finish(h(9), 0.0) == h(9)

    def test_a_day_is_the_offices_own_working_day(self) -> None:
        """Five working days begun on Monday at 08:00 end on Friday at 17:00."""
        calendar = office()
        assert calendar.day_s == 8 * HOUR_S
        assert calendar.finish(h(8), 5 * calendar.day_s) == h(17, day=4)

    def test_work_goes_on_on_a_make_up_saturday_and_not_on_the_day_made_up_for(self) -> None:
        """17 h from Friday 21 August 2026 end on Monday 24: Saturday is worked; the 31st is skipped."""
        origin = date(2026, 8, 17)
        calendar = office(28, resolve_holidays("VN", origin, date(2026, 9, 30)), origin)
        assert clock(origin, calendar.finish(h(8, day=4), 17 * HOUR_S)) == datetime(2026, 8, 24, 9)
        assert calendar.elapsed(0.0, h(0, day=28)) == calendar.day_s * (20 + 1 - 1 - 2)

    def test_work_that_the_calendar_cannot_hold_never_ends(self) -> None:
        """Beyond the last interval, answers are infinite."""
        calendar = office(days=1)
        assert calendar.finish(h(8), 8 * HOUR_S) == h(17)
        assert calendar.finish(h(8), 8 * HOUR_S + 1) == math.inf
        assert calendar.finish(h(17), 0.0) == math.inf
        assert calendar.next_open(h(17)) == math.inf

    def test_negative_work_is_refused(self) -> None:
        """Negative work is a mistake of the caller, whatever the start."""
        calls = (
            lambda: office().finish(h(9), -1.0),
            lambda: office().finish(h(12), -1.0),
            lambda: office().finish_many(np.array([h(9)]), np.array([-1.0])),
        )
        for call in calls:
            with pytest.raises(ValueError, match="of work"):
                call()


class TestDuty:
    def test_intervals_are_half_open(self) -> None:
        """An office that works from 08:00 to 12:00 is open at 08:00 and closed at 12:00."""
        calendar = office()
        assert [calendar.is_open(t) for t in (h(8) - 1, h(8), h(12) - 1, h(12))] == [False, True, True, False]

    def test_next_open_and_next_close(self) -> None:
        """An open office is open now; a closed one opens with its next interval."""
        calendar = office()
        assert calendar.next_open(h(9)) == h(9)
        assert calendar.next_open(h(12)) == h(13)
        assert calendar.next_open(h(17, day=4)) == h(8, day=7)
        assert calendar.next_close(h(9)) == h(12)
        with pytest.raises(ValueError, match="not on duty"):
            calendar.next_close(h(12))

    def test_elapsed_counts_duty_only(self) -> None:
        """From Friday 11:00 to Monday 09:00 an office works six hours."""
        assert office().elapsed(h(11, day=4), h(9, day=7)) == 6 * HOUR_S
        assert office().elapsed(h(12), h(13)) == 0.0
        assert office().elapsed(h(10), h(9)) == 0.0

    def test_working_days(self) -> None:
        """Days with any duty are listed once, a day after a night shift included."""
        assert office(days=9).working_days() == [0, 1, 2, 3, 4, 7, 8]
        assert WorkingTime.from_intervals(
            [(h(22), h(6, day=1)), (h(22, day=1), h(24, day=1))], 8.0
        ).working_days() == [0, 1]

    def test_vectorised_answers_keep_gaps(self) -> None:
        """A time that is not known has no answer; other entries are not affected."""
        a = np.array([h(8), np.nan, h(8), h(10)])
        b = np.array([h(17), h(17), np.nan, h(9)])
        np.testing.assert_array_equal(office().elapsed_many(a, b), [8 * HOUR_S, np.nan, np.nan, 0.0])
        np.testing.assert_array_equal(office().finish_many(a, b - b), [h(8), np.nan, np.nan, h(10)])


class TestMaking:
    def test_always_is_on_duty_round_the_clock(self) -> None:
        """A server works 24 hours a day, without end."""
        always = WorkingTime.always()
        assert always.is_always
        assert always.day_s == DAY_S
        assert always.is_open(0.0)
        assert not always.is_open(math.inf)
        assert always.finish(h(3), 100 * DAY_S) == h(3, day=100)
        assert always.elapsed(h(3), h(5)) == h(2)
        assert always.elapsed(h(3), math.inf) == math.inf
        assert always.next_close(0.0) == math.inf
        assert always.working_days(until=h(1, day=2)) == [0, 1, 2]
        with pytest.raises(ValueError, match="without end"):
            always.working_days()

    def test_absences_interrupt_work_that_goes_on_for_ever(self) -> None:
        """A server that is down for a day resumes, and is no longer always up."""
        server = WorkingTime.always().minus([(h(0, day=1), h(0, day=2))])
        assert not server.is_always
        assert server.finish(h(12), 24 * HOUR_S) == h(12, day=2)
        assert server.elapsed(0.0, math.inf) == math.inf

    def test_absences_do_not_change_the_length_of_a_day(self) -> None:
        """A clerk who is away on Tuesday has a working day of 8 h all the same."""
        clerk = office().minus([(h(0, day=1), h(0, day=2)), (h(12), h(13))])
        assert clerk.day_s == 8 * HOUR_S
        assert clerk.finish(h(16), 2 * HOUR_S) == h(9, day=2)

    def test_an_office_round_the_clock_has_no_breaks(self) -> None:
        """Days from 00:00 to 24:00 join into one interval."""
        guard = WorkingTime.from_office([parse_hours("00:00-24:00")], range(7), NO_HOLIDAYS, MONDAY, 3)
        assert (guard.starts, guard.ends) == ((0.0,), (3 * DAY_S,))

    def test_nobody_on_duty(self) -> None:
        """A calendar may be empty; nothing is ever done then."""
        nobody = office().minus([(0.0, math.inf)])
        one = np.array([1.0, np.nan])
        assert nobody.starts == ()
        assert not nobody.is_open(0.0)
        assert nobody.next_open(0.0) == math.inf
        assert nobody.finish(0.0, 1.0) == math.inf
        assert nobody.elapsed(0.0, math.inf) == 0.0
        assert nobody.working_days() == []
        np.testing.assert_array_equal(nobody.finish_many(one, one), [math.inf, np.nan])
        np.testing.assert_array_equal(nobody.elapsed_many(one, one), [0.0, np.nan])

    def test_totals_stay_exact_over_many_odd_intervals(self) -> None:
        """Thirty years of intervals with odd fractions add up to the microsecond."""
        intervals = [(n * 10000 + 0.1, n * 10000 + 4000.3 + 1e-4 * (n % 7)) for n in range(90000)]
        calendar = WorkingTime.from_intervals(intervals, DAY_S)
        exact = math.fsum(end - start for start, end in intervals)
        assert calendar.elapsed(0.0, 1e12) == pytest.approx(exact, abs=1e-6, rel=0)

    @pytest.mark.parametrize("interval", [(2.0, 1.0), (math.nan, 1.0), (0.0, math.nan), (-math.inf, 0.0)])
    def test_intervals_that_are_none_are_refused(self, interval: tuple[float, float]) -> None:
        """An interval has a finite start and ends after it."""
        with pytest.raises(ValueError, match="interval"):
            WorkingTime.from_intervals([interval], DAY_S)

    @pytest.mark.parametrize("day_s", [0.0, -1.0, DAY_S + 1, math.nan])
    def test_a_day_has_some_seconds_and_no_more_than_24_hours(self, day_s: float) -> None:
        """A nominal day of another length is a mistake of the caller."""
        with pytest.raises(ValueError, match="working day"):
            WorkingTime.from_intervals([], day_s)

    @pytest.mark.parametrize("weekdays", [[], [7], [-1, 0]])
    def test_weekdays_are_0_to_6(self, weekdays: list[int]) -> None:
        """An office works on some day of the week."""
        with pytest.raises(InputError, match="E-WEEKDAYS"):
            WorkingTime.from_office([(h(8), h(12))], weekdays, NO_HOLIDAYS, MONDAY, 7)

    def test_pickling_keeps_answers_and_forgets_lookups(self) -> None:
        """A calendar that was used has the same bytes as one that was not."""
        used = office()
        used.finish(h(9, day=8), HOUR_S)
        assert pickle.dumps(used) == pickle.dumps(office())
        again = pickle.loads(pickle.dumps(used))
        assert (again.starts, again.ends, again.day_s) == (used.starts, used.ends, used.day_s)
        assert repr(again) == "<WorkingTime: 20 intervals, 80 h, days of 8 h>"


class TestAbsence:
    def test_share_and_spell_are_those_asked_for(self) -> None:
        """Over many days, the share away and the mean spell are the parameters."""
        u = np.random.default_rng(7).random(200_000)
        away = away_days(range(len(u)), u, share=0.3, spell_days=4.0)
        begun = int(np.count_nonzero(away[1:] & ~away[:-1])) + int(away[0])
        assert away.mean() == pytest.approx(0.3, abs=0.01)
        assert away.sum() / begun == pytest.approx(4.0, rel=0.03)

    def test_the_first_day_follows_the_long_run_law(self) -> None:
        """A run does not begin with everybody present."""
        first = [bool(away_days([0], np.array([u]), 0.3, 4.0)[0]) for u in (0.29, 0.31)]
        assert first == [True, False]

    def test_a_larger_share_only_adds_days(self) -> None:
        """With the same numbers, whoever is away stays away when absence grows."""
        u = np.random.default_rng(8).random(5000)
        few, many = (away_days(range(len(u)), u, share, 5.0) for share in (0.1, 0.2))
        assert few.any()
        assert (few <= many).all()
        assert (few != many).any()

    def test_nobody_is_away_with_a_share_of_zero(self) -> None:
        """Without absence there is none, not even on the smallest number."""
        assert not away_days([0, 1], np.zeros(2), 0.0, 1.0).any()

    def test_single_days_can_fill_half_of_the_time(self) -> None:
        """Spells of one day alternate at most."""
        away = away_days(range(6), np.full(6, 0.4), 0.5, 1.0)
        assert away.tolist() == [True, False, True, False, True, False]

    @pytest.mark.parametrize(
        ("share", "spell_days"),
        [(0.6, 1.0), (0.9, 5.0), (1.0, 5.0), (-0.1, 5.0), (0.1, 0.5), (0.1, math.nan)],
    )
    def test_what_cannot_be_is_refused(self, share: float, spell_days: float) -> None:
        """A share that such spells cannot reach is an error, as is a parameter out of range."""
        with pytest.raises(InputError, match="E-ABSENCE"):
            away_days([0], np.array([0.5]), share, spell_days)

    def test_each_day_needs_its_number(self) -> None:
        """Too few or too many numbers are a mistake of the caller."""
        with pytest.raises(ValueError, match="uniform numbers"):
            away_days([0, 1], np.array([0.5]), 0.1, 2.0)
