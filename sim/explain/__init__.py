"""What holds documents up most in a run, and what would help there, found by simulation.

Rule kept here: a remedy is an alternative of a scenario file like any other, run on the same documents and the same
random draws as the unchanged case; nothing is estimated without running it.
"""

from sim.explain.choosing import TOP, Picked, pick
from sim.explain.running import explain
from sim.explain.told import lines, notes, rows, warnings

__all__ = ["TOP", "Picked", "explain", "lines", "notes", "pick", "rows", "warnings"]
