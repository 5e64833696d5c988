"""Statistics over observations: samples with open items, estimates over replications, paired comparisons.

The rule of this room: it reads :mod:`sim.observations` and never simulates. One replication becomes numbers
in the worker process; only numbers travel back and become estimates.
"""

from sim.analysis.comparison import PairedNumbers, compare, pair
from sim.analysis.intervals import CONFIDENCE, Estimate, student
from sim.analysis.output import ReplicationNumbers, replication_numbers, restricted_mean
from sim.analysis.pairing import adjusted, correlation, holm, paired_p, variance_saved
from sim.analysis.path import TimeSpent, time_spent
from sim.analysis.stability import working_days
from sim.analysis.summary import summarise

__all__ = [
    "CONFIDENCE",
    "Estimate",
    "PairedNumbers",
    "ReplicationNumbers",
    "TimeSpent",
    "adjusted",
    "compare",
    "correlation",
    "holm",
    "pair",
    "paired_p",
    "replication_numbers",
    "restricted_mean",
    "student",
    "summarise",
    "time_spent",
    "variance_saved",
    "working_days",
]
