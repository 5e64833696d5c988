"""When each person is on duty: office hours, duties elsewhere, and absences drawn by person and date.

Rule kept here: people, not counts. A person's absences are keyed by the person's name and the date, so that
one more colleague moves nobody's leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim import calendars
from sim.calendars import WorkingTime, away_days
from sim.engine.memory import Memory
from sim.scenario import Agency, Scenario, ScenarioFile, staff_of
from sim.scenario.params import in_seconds
from sim.scenario.schema import Absence, Staff
from sim.scenario.selection import absence_of
from sim.streams import Streams
from sim.units import DAY_S

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Post:
    """One person's place.

    Args:
        name: Such as ``d-noi-vu/clerk/1``.
        agency: Index of the agency in the workload.
        role: Main role.
        roles: All roles, the main one first.
        field: Field (division) among those of the role, from 0.
        duty: When on duty.
    """

    name: str
    agency: int
    role: str
    roles: tuple[str, ...]
    field: int
    duty: WorkingTime


class Roster:
    """Makes the calendars of people; calendars that are alike are one object.

    Args:
        file: The scenario, for office hours and the run's reach.
        scenario: The alternative.
        streams: The replication's random streams.
        memory: Of the replication.
    """

    def __init__(self, file: ScenarioFile, scenario: Scenario, streams: Streams, memory: Memory) -> None:
        self.office, self.days = file.office, file.horizon.days
        self.scenario, self.streams, self.memory = scenario, streams, memory
        self._hours: dict[tuple[str, ...], WorkingTime] = {}
        self._by_day: dict[int, list[tuple[int, list[Interval]]]] = {}

    def _hours_of(self, staff: Staff) -> tuple[str, str]:
        """Return presence and duty elsewhere of people of this kind, as a key."""
        duty = self.scenario.duties[staff.duty].hours if staff.duty else []
        return "|".join(staff.hours or ()), "|".join(duty)

    def _usual(self, staff: Staff) -> WorkingTime:
        """Return the presence of people of this kind on a day without absence."""
        duty = self.scenario.duties[staff.duty].hours if staff.duty else []
        key = self._hours_of(staff)
        known = self._hours.get(key)
        if known is None:
            known = self.office
            if staff.hours:
                known = known.intersect(WorkingTime.from_intervals(self._daily(staff.hours), known.day_s))
            if duty:
                known = known.minus(self._daily(duty))
            self._hours[key] = known
        return known

    def _daily(self, hours: Sequence[str]) -> list[Interval]:
        """Return spans of the day on every day of the run."""
        spans = calendars.merge_hours([calendars.parse_hours(one) for one in hours])
        return [(d * DAY_S + a, d * DAY_S + b) for d in range(self.days) for a, b in spans]

    def _days(self, usual: WorkingTime) -> list[tuple[int, list[Interval]]]:
        """Return a calendar's intervals by day."""
        known = self._by_day.get(id(usual))
        if known is None:
            by_day: dict[int, list[Interval]] = {}
            for start, end in zip(usual.starts, usual.ends, strict=True):
                by_day.setdefault(calendars.day_of(start), []).append((start, end))
            known = self._by_day[id(usual)] = sorted(by_day.items())
        return known

    def duty_of(self, person: str, staff: Staff, absence: Absence | None) -> WorkingTime:
        """Return when a person is on duty.

        Args:
            person: Unique name; keys the absences.
            staff: Hours and duties.
            absence: Days away, if the role has any.
        """
        usual = self._usual(staff)
        if absence is None or absence.away.value == 0 or usual.is_always:
            return usual
        spell = in_seconds(absence.spell, self.office.day_s) / self.office.day_s if absence.spell else 1.0
        share, spell = absence.away.value, max(1.0, spell)
        key = (person, *self._hours_of(staff), share, spell)
        return self.memory.duty(key, lambda: self._with_absences(person, usual, share, spell))

    def _with_absences(self, person: str, usual: WorkingTime, share: float, spell: float) -> WorkingTime:
        """Return a calendar without the days on which a person is away."""
        days = self._days(usual)
        u = self.streams.uniforms(len(days), "absence", person)
        away = away_days([day for day, _ in days], u, share, spell)
        if not np.any(away):
            return usual
        kept = [
            one for (_, spans), gone in zip(days, away.tolist(), strict=True) if not gone for one in spans
        ]
        return WorkingTime(kept, usual.day_s)  # some of a calendar's intervals are in order and apart


def posts(file: ScenarioFile, scenario: Scenario, agencies: Sequence[Agency], positions: Sequence[int],
          streams: Streams, memory: Memory | None = None) -> list[Post]:  # fmt: skip
    """List everybody of an alternative, agency by agency.

    Args:
        file: The scenario.
        scenario: The alternative.
        agencies: Its agencies.
        positions: Index of each agency in the workload.
        streams: The replication's random streams.
        memory: Of the replication.
    """
    roster = Roster(file, scenario, streams, memory or Memory())
    out: list[Post] = []
    for agency, position in zip(agencies, positions, strict=True):
        for role, staff in staff_of(scenario, agency).items():
            absence = absence_of(scenario, agency, role, staff)
            for k in range(staff.count):
                name = f"{agency.id}/{role}/{k + 1}"
                duty = roster.duty_of(name, staff, absence)
                out.append(Post(name, position, role, (role, *staff.also), k % staff.fields, duty))
    return out
