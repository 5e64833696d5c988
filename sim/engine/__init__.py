"""The discrete-event engine; the only room that imports simpy."""

from sim.engine.memory import Memory
from sim.engine.model import run

__all__ = ["Memory", "run"]
