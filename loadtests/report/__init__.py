"""The report of a load test: one self-contained HTML page, a JUnit file and tables, made from a run directory.

Rule kept here: nothing is measured and nothing is judged in this room; it shows what ``summary.json`` and
``manifest.json`` hold, in English or Vietnamese, and the same input gives the same bytes. Locust is never imported.
"""

from loadtests.report.html import render, write_report

__all__ = ["render", "write_report"]
