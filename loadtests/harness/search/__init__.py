"""The highest sustained rate that meets the objective: what is asked, what is found, and how.

Rule kept here: pure; whoever searches gives the function that probes and the clock.
"""

from loadtests.harness.search.asking import Ask, Phase, Probe, Settings
from loadtests.harness.search.backlog import DEGREES, backlog_slope, grows
from loadtests.harness.search.controller import Search
from loadtests.harness.search.found import Ended, Found, Point

__all__ = [
    "DEGREES",
    "Ask",
    "Ended",
    "Found",
    "Phase",
    "Point",
    "Probe",
    "Search",
    "Settings",
    "backlog_slope",
    "grows",
]
