"""Words and marks: both languages are complete, and nothing is told by colour alone."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from sim.report.marks import CATEGORY_FILLS, DASHES, SEGMENT_FILLS, SHAPES, letters_on, luminance, swatch
from sim.report.texts import Texts, load


def leaves(node: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted key, text)."""
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_both_languages_have_the_same_keys_and_fields() -> None:
    """Each text exists twice with the same fields; only names of stages are open ended."""
    english, vietnamese = (
        {key: value for key, value in leaves(load(language)) if not key.startswith("names.stage.")}
        for language in ("en", "vi")
    )
    assert english.keys() == vietnamese.keys()
    for key, text in english.items():
        fields = [
            {field for _, field, _, _ in string.Formatter().parse(each) if field}
            for each in (text, vietnamese[key])
        ]
        assert fields[0] == fields[1], key


def test_unknown_names_are_shown_as_written_and_unknown_texts_are_faults() -> None:
    """A role the locale does not know is no error; a sentence it does not know is."""
    texts = Texts("vi")
    assert texts.name("role", "clerk") == "văn thư"
    assert texts.name("role", "one-stop") == "one stop"
    assert texts.name("no-such-group", "x-y") == "x y"
    with pytest.raises(KeyError):
        texts("answer.no-such-text")


def test_titles_choose_the_language() -> None:
    """A title is shown in the language of the page, else in the other one, else by its name."""
    texts = Texts("vi")
    assert texts.title({"en": "Paper", "vi": "Giấy"}) == "Giấy"
    assert texts.title({"en": "Paper", "vi": ""}) == "Paper"
    assert texts.title(None, "paper") == "paper"
    assert texts.title("Paper") == "Paper"
    assert texts.other_title({"en": "Paper", "vi": "Giấy"}) == ("en", "Paper")
    assert texts.other_title({"en": "Paper", "vi": ""}) == ("", "")
    assert texts.other_title("Paper") == ("", "")


@pytest.mark.parametrize("fills", [CATEGORY_FILLS, SEGMENT_FILLS])
def test_fills_get_lighter_in_the_order_of_the_key(fills: tuple[str, ...]) -> None:
    """In a black-and-white print neighbours differ by at least a step that the eye sees."""
    grey = [luminance(fill) for fill in fills]
    assert all(after - before >= 20 for before, after in pairwise(grey))
    assert (letters_on(fills[0]), letters_on(fills[-1])) == ("#ffffff", "#1c2430")


def test_alternatives_differ_in_dash_and_marker() -> None:
    """Six alternatives look different without colour; a seventh starts again."""
    assert 6 == len({tuple(dash) for dash in DASHES}) == len(set(SHAPES))
    assert len({swatch(index) for index in range(6)}) == 6
    assert swatch(7) == swatch(1)
