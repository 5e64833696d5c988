"""Queueing systems with exact solutions: the table of ``congvan selftest``, which an installation checks itself by.

Rule kept here: one table for both, so that what a user runs is what the tests hold.
"""

from sim.selftest.models import MODELS, Model, replicate

__all__ = ["MODELS", "Model", "replicate"]
