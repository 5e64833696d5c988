"""A chart specification becomes an SVG that can stand inside an HTML page.

Rule kept here: same specification, same bytes. vl-convert numbers its clip paths by a counter of the process,
so ids are renamed after the figure; the size is given by the view box alone, so that the figure scales.
"""

from __future__ import annotations

import html
import re
from typing import Any

import altair as alt
import vl_convert

from sim.report.texts import Texts

FONT = "Inter, 'Noto Sans', 'DejaVu Sans', sans-serif"
INK, MUTED, GRID = "#1c2430", "#5b6573", "#e3e7ec"
_VERSION = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
_EMPTY = re.compile(r'<path class="(?:back|fore)ground"[^>]*/>')
_LOCALES: dict[str, dict[str, Any]] = {
    "en": {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["", ""], "minus": "−"},
    "vi": {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", ""], "minus": "−"},
}
_AXIS = {
    "domainColor": "#9aa4b0",
    "gridColor": GRID,
    "labelColor": INK,
    "labelFlush": False,
    "labelFontSize": 12,
    "labelPadding": 6,
    "tickColor": "#9aa4b0",
    "tickSize": 4,
    "titleColor": MUTED,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
    "titlePadding": 8,
}
CONFIG: dict[str, Any] = {
    "aria": False,
    "background": "white",
    "font": FONT,
    "axis": _AXIS,
    "view": {"stroke": None},
    "text": {"color": INK, "fontSize": 12},
    "header": {"labelColor": INK, "labelFontSize": 13, "labelFontWeight": "bold", "labelPadding": 6},
}


def to_svg(chart: Any, *, ident: str, label: str, texts: Texts) -> str:
    """Return the SVG element of a chart.

    Args:
        chart: An Altair chart of any kind.
        ident: Name of the figure, unique in the page.
        label: What the figure shows, for those who cannot see it.
        texts: Gives the marks of numbers on axes.

    Returns:
        One ``<svg>`` element with a view box, no fixed size and no reference outside itself.
    """
    spec = chart.configure(**CONFIG).to_dict()
    raw = vl_convert.vegalite_to_svg(spec, vl_version=_VERSION, format_locale=_LOCALES[texts.language])
    head, _, body = raw.partition(">")
    view = re.search(r'viewBox="([^"]+)"', head)
    box = view.group(1) if view else "0 0 0 0"
    names = {name: f"{ident}-{index}" for index, name in enumerate(re.findall(r'\bid="([^"]+)"', body), 1)}
    for old, new in names.items():
        body = body.replace(f'id="{old}"', f'id="{new}"').replace(f"url(#{old})", f"url(#{new})")
    body = _EMPTY.sub(lambda found: found[0] if "fill=" in found[0] or "stroke=" in found[0] else "", body)
    width = box.split()[2]
    return (
        f'<svg class="chart" role="img" aria-label="{html.escape(label)}" viewBox="{box}" '
        f'style="max-width:{width}px">{body}'
    )
