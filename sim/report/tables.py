"""The one shape of a table in the view: plain dicts that the template knows how to draw.

Rule kept here: every table has a caption, every column a heading with its unit, every row a heading cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.report.context import Alternative, Context
from sim.report.marks import swatch

View = dict[str, Any]
_LONG_ROWS = 8  # a longer table may be split over printed pages


def column(text: str, unit: str = "", *, left: bool = False, short: bool = False) -> View:
    """Return a column heading; ``left`` for words instead of numbers, ``short`` for words on one line."""
    return {"text": text, "unit": unit, "style": "left short" if short else "left" if left else ""}


def row(head: str, cells: Sequence[str], *, mark: str = "", note: str = "", flag: str = "") -> View:
    """Return a row.

    Args:
        head: Its heading cell.
        cells: The other cells, one per column after the first.
        mark: SVG of the line style or colour that stands for the row in figures.
        note: Small print under the heading.
        flag: A warning beside the heading, such as ``not steady``.
    """
    return {"head": head, "cells": list(cells), "mark": mark, "note": note, "flag": flag}


def alternative_row(context: Context, alternative: Alternative, cells: Sequence[str]) -> View:
    """Return the row of an alternative, with its line style and, where due, ``not steady``."""
    flag = "" if alternative.stable else context.texts("numbers.not_steady")
    return row(alternative.title, cells, mark=swatch(alternative.index), flag=flag)


def body(rows: Sequence[View], title: str = "") -> View:
    """Return rows that belong together, with an optional heading across the table."""
    return {"title": title, "rows": list(rows)}


def table(
    caption: str,
    columns: Sequence[Mapping[str, Any]],
    bodies: Sequence[View],
    *,
    spans: Sequence[tuple[str, int]] = (),
    notes: Sequence[str] = (),
    wide: bool = False,
    even: bool = False,
) -> View:
    """Return a table.

    Args:
        caption: What it shows.
        columns: Headings, the first one over the row headings.
        bodies: Groups of rows.
        spans: Headings over several columns each, after the first column.
        notes: Remarks below.
        wide: Long words in it: smaller print.
        even: Its columns are alternatives: all of one width.
    """
    kept = [each for each in bodies if each["rows"]]
    styles = (
        ("wide", wide),
        ("even", even),
        ("long", sum(len(each["rows"]) for each in kept) > _LONG_ROWS),
        ("grouped", len(kept) > 1),
    )
    return {
        "caption": caption,
        "columns": list(columns),
        "bodies": kept,
        "spans": [{"text": text, "span": span} for text, span in spans],
        "notes": list(notes),
        "style": "".join(f" {name}" for name, on in styles if on),
    }


def figure(svg: str | Sequence[str], caption: str, key: Sequence[View] = ()) -> View:
    """Return a figure: one or more SVGs that share a caption and a key."""
    return {"svgs": [svg] if isinstance(svg, str) else list(svg), "caption": caption, "key": list(key)}


def alternatives_key(context: Context) -> list[View]:
    """Return the key of line styles: one entry per alternative."""
    return [{"mark": swatch(a.index), "text": context.label(a)} for a in context.alternatives]
