"""Checks of the people: who is there, who stands in for whom, what takes them away."""

from __future__ import annotations

from sim.scenario.checks.frame import check_hours
from sim.scenario.checks.subject import Subject
from sim.scenario.documents import Path_
from sim.scenario.overlays import closest
from sim.scenario.schema import Staff
from sim.scenario.selection import roles_held, staff_of


def check_staff(subject: Subject) -> None:
    """Duties exist, hours do not overlap, and somebody else holds the role that stands in."""
    for level, roles in subject.scenario.staff.items():
        full = {role: Staff(count=one) if isinstance(one, int) else one for role, one in roles.items()}
        held = roles_held(full)
        for role, spec in full.items():
            path: Path_ = ("staff", level, role)
            if spec.duty is not None:
                subject.known("E-DUTY", (*path, "duty"), spec.duty, subject.scenario.duties, "duty")
            if spec.hours is not None:
                check_hours(subject, (*path, "hours"), spec.hours)
            if role in spec.also or len(set(spec.also)) < len(spec.also):
                subject.report("E-ROLE", (*path, "also"), "found a role twice", "name each role once")
            if spec.fields > max(spec.count, 1):
                found = f"found {spec.fields} fields for {spec.count} people"
                subject.report("E-FIELDS", (*path, "fields"), found, "at most one field per person")
            if spec.away is not None and spec.away.value >= 1:
                subject.report("E-ABSENCE", (*path, "away"), f"found {spec.away.text!r}", "below one")
            if spec.cover is None:
                continue
            where: Path_ = (*path, "cover", "by")
            if spec.cover.by == role:
                subject.report("E-ROLE", where, "found a role that covers itself", "name another")
            elif spec.cover.by not in held:
                found = f"found {spec.cover.by!r}, a role nobody holds at {level}"
                subject.report("E-ROLE", where, found, closest(spec.cover.by, sorted(held)))


def check_duties(subject: Subject) -> None:
    """Hours of a duty do not overlap."""
    for name, duty in subject.scenario.duties.items():
        check_hours(subject, ("duties", name, "hours"), duty.hours)


def check_absence(subject: Subject) -> None:
    """Absences are of roles that exist, and not for ever."""
    scenario = subject.scenario
    everywhere = {
        one
        for agency in subject.agencies
        for role, spec in staff_of(scenario, agency).items()
        for one in (role, *spec.also)
    }
    for role, absence in scenario.absence.items():
        if role not in everywhere:
            found = f"found {role!r}, a role nobody holds"
            subject.report("E-ROLE", ("absence", role), found, closest(role, sorted(everywhere)))
        if absence.away.value >= 1:
            subject.report(
                "E-ABSENCE", ("absence", role, "away"), f"found {absence.away.text!r}", "below one"
            )
        if absence.spell is not None and absence.spell.value <= 0:
            found = f"found {absence.spell.text!r}"
            subject.report("E-ABSENCE", ("absence", role, "spell"), found, "more than nothing")
