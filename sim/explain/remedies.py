"""What could help at a desk: one more person, one more hour of presence, one approval hop fewer.

Rule kept here: a remedy is a list of changes to the scenario by dotted path, and it counts what it costs: people,
hours a day, hops. What cannot be had (somebody who is present throughout) is said and not simulated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.calendars import merge_hours, parse_hours
from sim.explain.choosing import Desk, Picked
from sim.explain.hops import hops
from sim.explain.remedy import Missing, Remedy
from sim.scenario import Agency, Case
from sim.scenario.schema import ROUND_THE_CLOCK, Scenario, Staff
from sim.scenario.selection import absence_of, staff_of
from sim.units import HOUR_S, MINUTE_S


def remedies(case: Case, staff: Mapping[str, Any], day_s: float, picked: Picked) -> list[Remedy | Missing]:
    """Return what could help at the picked desks, and what cannot be had there.

    Args:
        case: The alternative.
        staff: Its staff as written, with the alternative's own changes.
        day_s: An office's working day, seconds.
        picked: Where.
    """
    out: list[Remedy | Missing] = []
    for desk in (*picked.desks, *([picked.worst] if picked.worst else [])):
        entries, sections = _entries(case, staff, desk)
        out.append(_person(desk, entries, sections))
        out.append(_hour(case, desk, entries, sections, day_s))
    return out + list(hops(case, picked))


# --- people -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the scenario's staff, the agencies it is for, and who of it holds the role."""

    key: str
    agencies: tuple[Agency, ...]
    role: str
    spec: Staff
    is_count: bool  # written as a bare head-count


def _entries(
    case: Case, staff: Mapping[str, Any], desk: Desk
) -> tuple[list[_Entry], dict[str, dict[str, Any]]]:
    """Return the entries that staff a desk, and the entry that a single agency needs for its own."""
    by_key: dict[str, list[Agency]] = {}
    sections: dict[str, dict[str, Any]] = {}
    for agency in case.agencies:
        if agency.level == desk.level and desk.agency in ("", agency.id):
            key = agency.id if agency.id in staff else agency.level
            if desk.agency and key == agency.level:
                sections["staff"] = {agency.id: staff[key]}
                key = agency.id
            by_key.setdefault(key, []).append(agency)
    found = []
    for key, agencies in by_key.items():
        typed = staff_of(case.scenario, agencies[0])
        role = _holder(typed, desk.role)
        if role:
            raw = (staff.get(key) or staff[agencies[0].level])[role]
            found.append(_Entry(key, tuple(agencies), role, typed[role], not isinstance(raw, Mapping)))
    return found, sections


def _holder(staff: Mapping[str, Staff], role: str) -> str:
    """Return the main role of those who hold a role; empty where nobody does."""
    if role in staff and staff[role].count:
        return role
    return next((main for main, spec in staff.items() if role in spec.also and spec.count), "")


def _person(desk: Desk, entries: Sequence[_Entry], sections: Mapping[str, Any]) -> Remedy | Missing:
    """Return one more person at each agency of a desk."""
    if not entries:
        return Missing("person", desk.level, desk.role, desk.agency_name, "nobody")
    count = sum(len(entry.agencies) for entry in entries)
    changes = {
        f"staff.{entry.key}.{entry.role}" + ("" if entry.is_count else ".count"): entry.spec.count + 1
        for entry in entries
    }
    return Remedy("person", desk.level, desk.role, desk.agency, desk.agency_name, agencies=count, people=count,
                  changes=changes, sections=sections)  # fmt: skip


# --- hours --------------------------------------------------------------------------------------------------


def _hour(
    case: Case, desk: Desk, entries: Sequence[_Entry], sections: Mapping[str, Mapping[str, Any]], day_s: float
) -> Remedy | Missing:
    """Return one more hour of presence a day of everybody at a desk who is not there throughout."""
    changes: dict[str, Any] = {}
    more = {name: dict(part) for name, part in sections.items()}
    people, hours, hows, agencies = 0, 0.0, [], 0
    for entry in entries:
        found = _presence(case.scenario, entry, day_s)
        if found is None:
            continue
        how, change, gained_s, duty = found
        at = f"staff.{entry.key}.{entry.role}"
        changes |= {at: {"count": entry.spec.count, **change}} if entry.is_count else {
            f"{at}.{name}": value for name, value in change.items()
        }  # fmt: skip
        if duty:
            more.setdefault("duties", {}).update(duty)
        here = entry.spec.count * len(entry.agencies)
        people, hours, agencies = (
            people + here,
            hours + here * gained_s / HOUR_S,
            agencies + len(entry.agencies),
        )
        hows.append(how)
    if not changes:
        return Missing("hour", desk.level, desk.role, desk.agency_name, "present" if entries else "nobody")
    return Remedy("hour", desk.level, desk.role, desk.agency, desk.agency_name, how="-".join(dict.fromkeys(hows)),
                  agencies=agencies, people=people, hours=hours, changes=changes, sections=more)  # fmt: skip


def _presence(
    scenario: Scenario, entry: _Entry, day_s: float
) -> tuple[str, dict[str, Any], float, dict[str, Any]] | None:
    """Return how an hour of presence is had, its changes, the seconds gained a day, and a new duty."""
    spec, office = entry.spec, scenario.calendar.hours
    if office == ROUND_THE_CLOCK:
        return None
    if spec.duty is not None:
        spans = _spans(scenario.duties[spec.duty].hours)
        shorter = _ends_earlier(spans, HOUR_S)
        gained_s = _inside(_spans(office), spans) - _inside(_spans(office), shorter)
        name = f"{spec.duty}-one-hour-less"
        duty = {name: {"hours": _written(shorter)}} if shorter else {}
        return "duty", {"duty": name if shorter else None}, gained_s, duty
    if spec.hours is not None:
        spans = _spans(spec.hours)
        longer = _longer(spans, _spans(office))
        gained_s = _inside(_spans(office), longer) - _inside(_spans(office), spans)
        if gained_s > 0:
            return "hours", {"hours": _written(longer)}, gained_s, {}
    absence = absence_of(scenario, entry.agencies[0], entry.role, spec)
    away = absence.away.value if absence is not None else 0.0
    if away <= 0:
        return None
    less = max(0.0, away - HOUR_S / day_s)
    return "away", {"away": round(less, 6)}, (away - less) * day_s, {}


_Spans = list[tuple[float, float]]


def _spans(hours: Sequence[str] | str) -> _Spans:
    return list(merge_hours([parse_hours(one) for one in ([hours] if isinstance(hours, str) else hours)]))


def _inside(office: _Spans, spans: _Spans) -> float:
    """Return the seconds of a day that are in both."""
    return sum(max(0.0, min(b, d) - max(a, c)) for a, b in office for c, d in spans)


def _ends_earlier(spans: _Spans, less_s: float) -> _Spans:
    """Return spans of the day whose last part is cut away."""
    out = list(spans)
    while out and less_s > 0:
        start, end = out.pop()
        if end - start > less_s:
            out.append((start, end - less_s))
        less_s -= end - start
    return out


def _longer(spans: _Spans, office: _Spans) -> _Spans:
    """Return spans that end up to an hour of office time later, or begin earlier where the office closes."""
    opens, closes = office[0][0], office[-1][1]
    before_s = _inside(office, spans)
    start, end = spans[0][0], spans[-1][1]
    for later in (True, False):
        while _inside(office, spans) - before_s < HOUR_S and (end < closes if later else start > opens):
            start, end = (start, end + MINUTE_S) if later else (start - MINUTE_S, end)
            spans = [(start, spans[0][1]), *spans[1:]]
            spans = [*spans[:-1], (spans[-1][0], end)]
    return spans


def _written(spans: _Spans) -> list[str]:
    """Return spans as a planner writes them."""
    return [
        "-".join(f"{int(t // HOUR_S):02d}:{int(t % HOUR_S // MINUTE_S):02d}" for t in span) for span in spans
    ]
