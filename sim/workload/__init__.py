"""The documents to be handled in one replication, as arrays; the same for every alternative."""

from sim.workload.arrivals import intensity
from sim.workload.generation import generate, superset_agencies, superset_flows
from sim.workload.tables import ASKS, URGENCIES, View, Workload
from sim.workload.views import view

__all__ = [
    "ASKS",
    "URGENCIES",
    "View",
    "Workload",
    "generate",
    "intensity",
    "superset_agencies",
    "superset_flows",
    "view",
]
