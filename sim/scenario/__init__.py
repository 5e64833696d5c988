"""The file a planner writes: its schema, how it is read, and how alternatives are laid over it."""

from sim.scenario.agencies import Agency, distance_m
from sim.scenario.assumptions import Stated, assumed_share, numbers, shares
from sim.scenario.files import bundled, find, scenarios_folder
from sim.scenario.horizon import Horizon
from sim.scenario.json_schema import json_schema, render
from sim.scenario.loading import Case, ScenarioFile, load, outline
from sim.scenario.sampling import Draws, Factor, check_ranges, factors, hypercube, sampled
from sim.scenario.schema import Scenario
from sim.scenario.selection import select, staff_of
from sim.scenario.template import template

__all__ = [
    "Agency",
    "Case",
    "Draws",
    "Factor",
    "Horizon",
    "Scenario",
    "ScenarioFile",
    "Stated",
    "assumed_share",
    "bundled",
    "check_ranges",
    "distance_m",
    "factors",
    "find",
    "hypercube",
    "json_schema",
    "load",
    "numbers",
    "outline",
    "render",
    "sampled",
    "scenarios_folder",
    "select",
    "shares",
    "staff_of",
    "template",
]
