"""This installation against queueing theory, through the public scenario format."""

from sim.selftest.execution import REPLICATIONS, REPLICATIONS_MIN, Metric, Selftest, selftest
from sim.selftest.table import tables, verdict

__all__ = ["REPLICATIONS", "REPLICATIONS_MIN", "Metric", "Selftest", "selftest", "tables", "verdict"]
