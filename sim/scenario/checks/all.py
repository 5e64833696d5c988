"""All checks of one case, in the order in which a planner reads the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.errors import Diagnostic
from sim.scenario.agencies import Agency
from sim.scenario.checks import costs, doable, flows, frame, law, people, steps
from sim.scenario.checks.subject import Subject
from sim.scenario.documents import Document, Path_
from sim.scenario.schema import Scenario

_CHECKS: tuple[Callable[[Subject], None], ...] = (
    frame.check_period,
    frame.check_calendar,
    frame.check_levels,
    frame.check_published,
    people.check_staff,
    people.check_duties,
    people.check_absence,
    flows.check_shares,
    flows.check_flows,
    flows.check_profiles,
    flows.check_channels,
    steps.check_steps,
    steps.check_parts,
    doable.check_doable,
    law.check_law,
    costs.check_costs,
)


def examine(
    scenario: Scenario, document: Document, agencies: Sequence[Agency]
) -> list[tuple[Path_, Diagnostic]]:
    """Examine one case and return every finding with its path; errors and warnings together."""
    subject = Subject(scenario, document, agencies)
    for one in _CHECKS:
        one(subject)
    return subject.findings


def check(scenario: Scenario, document: Document, agencies: Sequence[Agency]) -> list[Diagnostic]:
    """Examine one case and return every finding; errors and warnings together."""
    return [found for _, found in examine(scenario, document, agencies)]
