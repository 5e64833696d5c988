"""Reads a rendered page back: its text, its tables, its attributes, and whether its tags balance."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from sim.report import view
from sim.report.tables import View

VOID = {"meta", "br", "hr", "img", "link", "input"}


def only(monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    """Leave the sections with other keys empty: a page whose pictures nobody looks at is quicker to render."""
    nothing: View = {"lead": "", "figures": [], "tables": []}
    kept = tuple((key, make if key in keys else lambda _: dict(nothing)) for key, make in view.SECTIONS)
    monkeypatch.setattr(view, "SECTIONS", kept)


class Page(HTMLParser):
    """A page as a reader finds it.

    Args:
        source: The HTML.
    """

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = source
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._open: list[str] = []
        self._words: list[str] = []
        self._caption: list[str] = []
        self._rows: list[list[str]] = []
        self.feed(source)
        self.close()
        if self._open:
            self.faults.append(f"never closed: {self._open}")

    @property
    def text(self) -> str:
        """All text outside of style, with single spaces."""
        return " ".join(" ".join(self._words).replace("\u00a0", " ").split())

    def rows(self, caption: str) -> dict[str, list[str]]:
        """The rows of the table whose caption starts so, by heading; of equal headings the first counts."""
        found = next(rows for title, rows in self.tables.items() if title.startswith(caption))
        out: dict[str, list[str]] = {}
        for row in found:
            out.setdefault(row[0], row[1:])
        return out

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._caption, self._rows = [], []
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"th", "td"}:
            self._rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"unexpected </{tag}> at {self.getpos()}")
        if tag == "table":
            title = " ".join("".join(self._caption).split()) or f"table {len(self.tables)}"
            self.tables[title] = [[" ".join(cell.split()) for cell in row] for row in self._rows]

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self._words.append(data)
        if "caption" in self._open:
            self._caption.append(data)
        elif self._open and ("td" in self._open or "th" in self._open):
            self._rows[-1][-1] += data.replace("\u00a0", " ")
