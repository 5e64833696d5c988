"""Drawings: ids are the figure's own, so that several can stand in one page."""

from __future__ import annotations

import re

import altair as alt

from sim.report.svg import to_svg
from sim.report.texts import Texts


def test_ids_are_named_after_the_figure() -> None:
    """vl-convert counts clip paths per process; here the same chart gives the same bytes each time."""
    rows: list[dict[str, float]] = [{"x": 1, "y": 2}, {"x": 3, "y": 4000.5}]
    data = alt.InlineData(values=rows)
    chart = alt.Chart(data).mark_line(clip=True).encode(x="x:Q", y="y:Q")
    first, again = (to_svg(chart, ident="f", label='a "b" <c>', texts=Texts("vi")) for _ in range(2))
    assert first == again
    assert re.findall(r'id="([^"]+)"', first) == ["f-1"]
    assert re.findall(r"url\(([^)]+)\)", first) == ["#f-1"]
    assert 'aria-label="a &quot;b&quot; &lt;c&gt;"' in first
    assert "4.000" in first
