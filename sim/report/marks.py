"""Colours, dashes and markers: the same alternative and the same category look the same everywhere.

Rule kept here: nothing is told by colour alone. Alternatives differ in dash and marker too; the lightness of
categories falls in the order of the key, so that they can be told apart in a black-and-white print.
"""

from __future__ import annotations

COLOURS = ("#1c2430", "#0067a5", "#c4501b", "#0b7d5c", "#8a4fa3", "#8c6d00")
DASHES: tuple[list[int], ...] = ([1, 0], [8, 3], [2, 3], [10, 3, 2, 3], [5, 5], [1, 2])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
_OUTLINES = {
    "circle": "M14 6a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
    "square": "M14.5 2.5h7v7h-7Z",
    "triangle-up": "M18 1.5l4.5 8h-9Z",
    "diamond": "M18 1l5 5l-5 5l-5 -5Z",
    "cross": "M16.5 1.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z",
    "triangle-down": "M18 10.5l4.5 -8h-9Z",
}

CATEGORIES = ("work_s", "wait_person_s", "wait_office_s", "wait_pickup_s", "travel_s", "other_s")
CATEGORY_FILLS = ("#0d2a4a", "#2a6496", "#4d9a9a", "#dda64a", "#f2dcae", "#ffffff")
SEGMENTS = ("asked_signed", "signed_sent", "sent_registered", "registered_finished")
SEGMENT_FILLS = ("#0d2a4a", "#2a6496", "#86b6c8", "#e4edf1")
OUTLINE = "#5b6573"
_LIGHT_TEXT_BELOW = 110  # of 255: fills darker than this carry white letters


def colour(index: int) -> str:
    """Return the colour of the alternative at that place."""
    return COLOURS[index % len(COLOURS)]


def dash(index: int) -> list[int]:
    """Return the dash pattern of the alternative at that place."""
    return DASHES[index % len(DASHES)]


def shape(index: int) -> str:
    """Return the marker of the alternative at that place."""
    return SHAPES[index % len(SHAPES)]


def luminance(fill: str) -> float:
    """Return how light a ``#rrggbb`` colour prints in grey, 0 to 255 (ITU-R BT.601 weights)."""
    red, green, blue = (int(fill[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def letters_on(fill: str) -> str:
    """Return the colour of letters that can be read on ``fill``."""
    return "#ffffff" if luminance(fill) < _LIGHT_TEXT_BELOW else "#1c2430"


def swatch(index: int) -> str:
    """Return a small SVG of an alternative's line and marker, for tables and keys."""
    dashes = " ".join(str(part) for part in dash(index)) if index else "none"
    return (
        '<svg class="swatch" viewBox="0 0 36 12" aria-hidden="true">'
        f'<path d="M0 6H36" fill="none" stroke="{colour(index)}" stroke-width="2" '
        f'stroke-dasharray="{dashes}"/>'
        f'<path d="{_OUTLINES[shape(index)]}" fill="{colour(index)}"/></svg>'
    )


def chip(fill: str) -> str:
    """Return a small SVG of a category's fill, for keys."""
    return (
        '<svg class="chip" viewBox="0 0 18 12" aria-hidden="true">'
        f'<rect x=".5" y=".5" width="17" height="11" fill="{fill}" stroke="{OUTLINE}"/></svg>'
    )
