"""The discrete-event engine; the only room that imports simpy."""

from sim.engine.model import run

__all__ = ["run"]
