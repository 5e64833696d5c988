"""Money from a scenario file to the summary: what is paid for is what the engine moved."""

from __future__ import annotations

import pytest

from sim import engine
from sim.analysis import replication_numbers
from sim.analysis.cost import against
from sim.analysis.cost_drivers import count, terms
from sim.scenario import ScenarioFile
from sim.streams import Streams
from sim.workload import generate
from tests.unit.scenario.build import loaded
from tests.unit.scenario.test_costs import WITH

Values = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> ScenarioFile:
    """A small scenario with prices."""
    return loaded(tmp_path_factory.mktemp("money"), WITH)


def simulated(file: ScenarioFile, name: str, number: int) -> tuple[Values, dict[str, float], int]:
    """Return values, counted things and the engine's own count of envelopes of one replication."""
    workload = generate(file, Streams(7, number), tuple(file.cases))
    obs = engine.run(file, file.cases[name], workload, Streams(7, number))
    known = terms(file, file.cases[name], workload)
    assert known is not None
    things = dict(count(obs, file.office, known).things)
    return replication_numbers(obs, file.office, None, known).values, things, obs.envelopes


@pytest.mark.parametrize("number", [1, 2, 3])
def test_envelopes_by_transport_are_those_that_the_engine_counted(file: ScenarioFile, number: int) -> None:
    """Told from the steps afterwards; the only transport with envelopes is the post."""
    _, things, envelopes = simulated(file, "paper", number)
    assert things["postage"] == envelopes > 0


def test_each_alternative_pays_for_what_it_has(file: ScenarioFile) -> None:
    """Postage on paper, tokens of those who sign where it is signed; nothing is saved that was not paid."""
    paper, _, _ = simulated(file, "paper", 1)
    signed, things, _ = simulated(file, "signed", 1)
    assert paper["cost", "cash_items", "tokens"] == 0
    assert signed["cost", "cash_items", "postage"] == 0
    assert things["tokens"] == 1  # of the province, the only one that sends
    saved = against(paper, signed)["cash_saved_per_working_day"]
    both = [one["cost", "cash_per_working_day"] for one in (paper, signed)]
    assert saved == pytest.approx(both[0] - both[1])
    hours = sum(value for path, value in paper.items() if path[:2] == ("cost", "staff_hours"))
    assert hours > 0
