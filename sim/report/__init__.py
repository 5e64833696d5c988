"""The report of a run: one self-contained HTML file, made from ``summary.json`` and ``manifest.json`` only.

Rule kept here: rendering never simulates and never computes a statistic; it formats what the run directory
holds, in English or Vietnamese, and the same input gives the same bytes.
"""

from sim.report.html import render, write_report

__all__ = ["render", "write_report"]
