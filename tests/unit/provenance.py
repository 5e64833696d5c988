"""The tables of PROVENANCE.md as data: which numbers a row is about, and what it says of them.

Rule kept here: a row stands for the numbers whose dotted path fits its first cell. There ``*`` stands for anything
within one name, ``[a, b]`` for either name, ``[label: a, b]`` for either under a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

_ROW = re.compile(r"\| (?P<paths>`[^|]+`) \| (?P<value>[^|]*) \| (?P<grade>[a-z]+) \| (?P<range>[^|]*) \|")
_CHOICE = re.compile(r"\[(?:[\w ]+: )?(.*)\]")
_PARTS = re.compile(r"(?:\[[^\]]*\]|[^.\[])+")


@dataclass(frozen=True, slots=True)
class Row:
    """What a table says of some numbers.

    Args:
        names: Patterns of the parts of their paths, several where any of them will do.
        value: As written there.
        grade: One of the grades of the scenario file.
        range_text: Lowest and highest credible value, as written there.
    """

    names: tuple[tuple[str, ...], ...]
    value: str
    grade: str
    range_text: str

    def is_about(self, path: str, *, any_name: bool = False) -> bool:
        """Tell whether the row is about a number; ``any_name``: or about its like under another name."""
        parts = path.split(".")
        return len(parts) == len(self.names) and all(
            (any_name and place == 1) or any(fnmatchcase(part, one) for one in choice)
            for place, (part, choice) in enumerate(zip(parts, self.names, strict=True))
        )

    def says(self, value: str, grade: str, range_text: str) -> bool:
        """Tell whether value, grade and range are those of the row; commas and spaces do not count."""
        return (_plain(self.value), self.grade, _plain(self.range_text)) == (
            _plain(value), grade, _plain(range_text),
        )  # fmt: skip


def rows(text: str) -> Iterator[Row]:
    """Give the rows of all tables of parameters in the text of a PROVENANCE.md."""
    for line in text.splitlines():
        found = _ROW.match(line)
        if found is None:
            continue
        for path in re.findall(r"`([^`]+)`", found["paths"]):
            names = tuple(_choice(part) for part in _PARTS.findall(path))
            yield Row(names, found["value"].strip(), found["grade"], found["range"].strip())


def _choice(part: str) -> tuple[str, ...]:
    choice = _CHOICE.fullmatch(part)
    return tuple(one.strip() for one in choice[1].split(",")) if choice else (part,)


def _plain(text: str) -> str:
    return " ".join(re.sub("[,_]", " ", text).split())
