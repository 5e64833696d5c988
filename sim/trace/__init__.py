"""One document's life, step by step, from the tables of a run."""

from sim.trace.life import Leg, Life, Step, Traced
from sim.trace.telling import LEGS_SHOWN, Told, listed

__all__ = ["LEGS_SHOWN", "Leg", "Life", "Step", "Told", "Traced", "listed"]
