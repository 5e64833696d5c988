"""The file a planner writes: its schema, how it is read, and how alternatives are laid over it."""

from sim.scenario.agencies import Agency, distance_m
from sim.scenario.checks import select, staff_of
from sim.scenario.loading import Case, Horizon, ScenarioFile, bundled, find, load, scenarios_folder
from sim.scenario.schema import Scenario

__all__ = [
    "Agency",
    "Case",
    "Horizon",
    "Scenario",
    "ScenarioFile",
    "bundled",
    "distance_m",
    "find",
    "load",
    "scenarios_folder",
    "select",
    "staff_of",
]
