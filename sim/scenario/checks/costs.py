"""Checks of prices: what an item names exists, and can be counted."""

from __future__ import annotations

from sim.scenario.checks.subject import Subject
from sim.scenario.documents import Path_
from sim.scenario.overlays import closest
from sim.scenario.selection import staff_of
from sim.units import Dimension


def check_costs(subject: Subject) -> None:
    """Transports, procedures, levels and roles of every item exist; only what goes by hand has envelopes."""
    scenario = subject.scenario
    if scenario.costs is None:
        return
    roles = {role for agency in subject.agencies for role in staff_of(scenario, agency)}
    for name, item in scenario.costs.items.items():
        path: Path_ = ("costs", "items", name)
        for via in item.via or ():
            known = subject.known("E-TRANSPORT", (*path, "via"), via, scenario.transports, "transport")
            if known and scenario.transports[via].kind == "exchange":
                found, hint = f"found {via!r}, which carries no envelopes", "name post or courier"
                subject.report("E-COST", (*path, "via"), found, hint)
        for one in item.procedures or ():
            subject.known("E-PROCEDURE", (*path, "procedures"), one, scenario.procedures, "procedure")
        for level in item.levels or ():
            subject.known("E-LEVEL", (*path, "levels"), level, subject.levels, "level")
        for role in item.roles or ():
            subject.known("E-ROLE", (*path, "roles"), role, roles, "role")
    _check_arithmetic(subject)


def _check_arithmetic(subject: Subject) -> None:
    """An arithmetic names an item, a published amount of money, and an alternative."""
    scenario = subject.scenario
    assert scenario.costs is not None
    for name, one in scenario.costs.arithmetic.items():
        path: Path_ = ("costs", "arithmetic", name)
        subject.known("E-COST", (*path, "item"), one.item, scenario.costs.items, "item")
        figure = scenario.published.get(one.published)
        if figure is None:
            found, hint = f"found {one.published!r}", closest(one.published, list(scenario.published))
            subject.report("E-COST", (*path, "published"), found, hint)
        elif figure.value.dimension is not Dimension.MONEY:
            found = f"found {one.published!r}, measured in {figure.value.dimension}"
            subject.report("E-COST", (*path, "published"), found, "name a figure in VND")
        if one.alternative is not None:
            known = scenario.alternatives or {"base": {}}
            subject.known("E-ALTERNATIVE", (*path, "alternative"), one.alternative, known, "alternative")
