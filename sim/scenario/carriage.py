"""Which transport carries a document at which step of which procedure.

Rule kept here: a step is told by its procedure and its name, which the checks hold to be one step.
"""

from __future__ import annotations

from collections.abc import Mapping

from sim.scenario.procedures import inline, walk
from sim.scenario.schema import Scenario
from sim.scenario.steps import TransportStep


def carried(scenario: Scenario) -> Mapping[tuple[str, str], str]:
    """Return the transport by procedure and name of the transport step."""
    return {
        (name, step.transport): step.via
        for name, procedure in scenario.procedures.items()
        for step in walk(inline(procedure.leg, scenario.fragments))
        if isinstance(step, TransportStep)
    }
