"""Alternatives times replications, run in parallel, written to a run directory; and reproduced from one."""

from sim.experiment.execution import Interrupted, Plan, execute
from sim.experiment.reproduction import Difference, reproduce

__all__ = ["Difference", "Interrupted", "Plan", "execute", "reproduce"]
