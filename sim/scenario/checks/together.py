"""Checks that see all cases at once: who gets and sends documents that are drawn for another case.

Rule kept here: the documents of a flow are drawn once, with the agencies and the recipients of the first case
that has it, the base case before all others. What an alternative asks for beyond that does not happen, and
the planner is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sim.scenario.agencies import Agency
from sim.scenario.checks.doable import SHOWN_MAX
from sim.scenario.schema import Flow, Scenario
from sim.scenario.selection import circles, partner_levels, select


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finding about one alternative's flow, whose documents another case draws.

    Args:
        code: ``W-SENDERS`` or ``W-RECIPIENTS``.
        alternative: Its name.
        flow: Its name.
        message: What was found.
        hint: What would be right.
    """

    code: str
    alternative: str
    flow: str
    message: str
    hint: str


def examine_together(cases: Mapping[str, tuple[Scenario, Sequence[Agency]]], base: str) -> list[Drawn]:
    """Return what alternatives ask for and cannot get, because another case draws the flow's documents.

    A flow of another name in the alternative is drawn for it; so is whatever the base case does not have.

    Args:
        cases: Scenario and agencies of every case, by name, in the order of the file.
        base: Name of the base case.
    """
    drawing: dict[str, str] = {}
    for name in (base, *cases):
        for known in cases[name][0].flows:
            drawing.setdefault(known, name)
    findings: list[Drawn] = []
    for name, (scenario, agencies) in cases.items():
        for flow_name, flow in scenario.flows.items():
            drawer = drawing[flow_name]
            if drawer == name or flow.volume.value <= 0:
                continue
            drawn_scenario, drawn_agencies = cases[drawer]
            drawn = drawn_scenario.flows[flow_name]
            for code, message in _differences(flow, agencies, drawn, drawn_agencies):
                found = f"{message}: its documents are drawn for {drawer!r}"
                hint = f"give it a flow of another name than {flow_name!r}, with its own from, to and volume"
                findings.append(Drawn(code, name, flow_name, found, hint))
    return findings


def _differences(
    flow: Flow, agencies: Sequence[Agency], drawn: Flow, drawn_agencies: Sequence[Agency]
) -> list[tuple[str, str]]:
    """Return code and message of each way in which a flow differs from what is drawn for it."""
    here = {agency.id for agency in agencies}
    there = {agency.id for agency in drawn_agencies}
    out: list[tuple[str, str]] = []
    silent = [one for one in _ids(select(flow.sender, agencies), agencies) if one not in there]
    if silent:
        out.append(("W-SENDERS", f"found {_some(silent)} among the senders, who send none"))
    wanted = _receivers(flow, agencies)
    served = {one for one in _receivers(drawn, drawn_agencies) if one in here}
    missed = [one for one in wanted if one not in served]
    if missed:
        out.append(("W-RECIPIENTS", f"found {_some(missed)} among the recipients, who get none"))
    surplus = [one for one in _ids(range(len(agencies)), agencies) if one in served and one not in wanted]
    if surplus:
        out.append(
            ("W-RECIPIENTS", f"found {_some(surplus)} not among the recipients, who get it all the same")
        )
    if (flow.to.which, flow.to.all, flow.to.count) != (drawn.to.which, drawn.to.all, drawn.to.count):
        out.append(("W-RECIPIENTS", "found another number of recipients, or another relation to the sender"))
    return out


def _receivers(flow: Flow, agencies: Sequence[Agency]) -> list[str]:
    """Return the agencies that some sender of a flow may write to, in order."""
    pairs = circles(flow.to.which, select(flow.sender, agencies), select(flow.to, agencies), agencies)
    return _ids(sorted(partner_levels(pairs, agencies)[1]), agencies)


def _ids(positions: Collection[int], agencies: Sequence[Agency]) -> list[str]:
    return [agencies[index].id for index in positions]


def _some(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    shown = ", ".join(names[:SHOWN_MAX])
    return f"{shown} and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else shown
