"""Checks of the law: a scenario outside a law's validity gets a warning, which the report repeats."""

from __future__ import annotations

from datetime import date, timedelta

from sim.scenario.checks.subject import Subject
from sim.scenario.documents import Path_
from sim.scenario.horizon import SPAN_DAYS_MAX, span_days
from sim.scenario.procedures import used_procedures


def check_law(subject: Subject) -> None:
    """Procedures that are used describe a law that is in force, for agencies of this network."""
    scenario = subject.scenario
    period, start = scenario.period, scenario.period.start
    days = sum(span_days(span, scenario.calendar) for span in (period.warm_up, period.measure))
    end = start + timedelta(days=min(days, SPAN_DAYS_MAX))
    for name in used_procedures(scenario):
        law = scenario.procedures[name].law if name in scenario.procedures else None
        if law is None:
            continue
        path: Path_ = ("procedures", name, "law")
        since, until = law.from_ or date.min, law.to or date.max
        if start < since or end > until:
            what = f"in force from {law.from_}" if start < since else f"in force until {law.to}"
            found = f"{law.basis} ({what}) does not govern {start} to {end}"
            hint = "read it as the description of the work, not as the law of that time"
            subject.report("W-LAW-DATE", path, found, hint)
        if scenario.network not in law.network:
            found = f"{law.basis} governs {', '.join(law.network)} agencies, not {scenario.network} ones"
            subject.report("W-LAW-NETWORK", path, found, "say in the scenario why it is used")
