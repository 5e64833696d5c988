"""What a section is made of: plain dicts that the template draws one below another.

Rule kept here: tables and figures have the shape of ``sim.report.tables``, so that the macros of the simulator's report
draw them; everything in them is text, or SVG made by this package.
"""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.report.context import View
from sim.report.tables import body, column, figure, row, table

__all__ = ["View", "body", "code", "column", "drawn", "english", "fold", "items", "row", "tabled", "words"]


def words(line: str, *, language: str = "") -> View:
    """Return a paragraph; what stands between backticks is a name; ``language`` where it is not the page's."""
    return {"kind": "words", "text": line, "language": language}


def items(lines: Sequence[str], *, language: str = "") -> View:
    """Return a list; ``language`` where it is not that of the page."""
    return {"kind": "items", "items": list(lines), "language": language}


def code(line: str, command: str) -> View:
    """Return a command with a sentence before it."""
    return {"kind": "code", "text": line, "code": command}


def drawn(svgs: str | Sequence[str], caption: str, key: Sequence[View] = (), *, note: str = "") -> list[View]:
    """Return a figure, or nothing where nothing was drawn; ``note`` is small print below it."""
    made = figure([each for each in ([svgs] if isinstance(svgs, str) else svgs) if each], caption, key)
    return [{"kind": "figure", "figure": made, "note": note}] if made["svgs"] else []


def tabled(
    caption: str,
    columns: Sequence[View],
    bodies: Sequence[View],
    notes: Sequence[str] = (),
    *,
    wide: bool = False,
) -> list[View]:
    """Return a table, or nothing where it has no rows."""
    made = table(caption, columns, bodies, notes=notes, wide=wide)
    return [{"kind": "table", "table": made}] if made["bodies"] else []


def fold(title: str, made: Sequence[View]) -> list[View]:
    """Return tables that are shown on demand, or nothing where there are none."""
    return [{"kind": "fold", "title": title, "table": each["table"]} for each in made]


def english(heading: View) -> View:
    """Return a column heading whose cells are in English whatever the page's language."""
    return {**heading, "lang": "en"}
