"""Keys of figures: the small drawings that say what a line, a marker or an outcome looks like.

Rule kept here: nothing is told by colour alone; a line has its dash, an outcome its shape.
"""

from __future__ import annotations

from loadtests.report.context import Context, View
from loadtests.report.figures import OUTCOMES, outcome_icon
from loadtests.report.plot import marker


def met_key(context: Context) -> list[View]:
    """Return the key of outcomes for figures."""
    return [{"mark": outcome_icon(key), "text": context.texts.name("outcome", key)} for key in OUTCOMES]


def line_mark(tint: str, dash: str = "none", *, shape: str = "", hollow: bool = False) -> str:
    """Return a small drawing of a line, with a marker where ``shape`` names one."""
    sign = marker(18, 6, shape, tint, hollow=hollow) if shape else ""
    line = f'<path d="M0 6H36" stroke="{tint}" stroke-width="2" stroke-dasharray="{dash}"/>'
    return f'<svg class="swatch" viewBox="0 0 36 12" aria-hidden="true">{line}{sign}</svg>'
