"""Alternatives of runs of one workload, compared delivery by delivery from the tables that the runs left."""

from sim.comparing.comparing import compare_runs

__all__ = ["compare_runs"]
