"""Turns a summary and a manifest into the one plain dict that the template is fed.

Rule kept here: the order of the report is the order of this list; everything in the view is text, numbers are
already formatted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sim.report.context import Context, context
from sim.report.sections import (
    answer,
    held_up,
    life,
    money,
    open_work,
    reach,
    reproduce,
    sources,
    times,
    work,
)
from sim.report.tables import View
from sim.report.texts import Language

# Key of each section (its anchor and its texts) and what builds it, in the order of the page.
_DEFAULTS: View = {"paragraphs": [], "items": [], "commands": [], "folds": [], "empty": ""}
SECTIONS: tuple[tuple[str, Callable[[Context], View]], ...] = (
    ("turnaround", times.turnaround),
    ("segments", times.segments),
    ("groups", times.groups),
    ("reach", reach.reach),
    ("where", work.where),
    ("deadlines", work.deadlines),
    ("desks", work.desks),
    ("held_up", held_up.held_up),
    ("help", held_up.help_),
    ("life", life.life),
    ("open", open_work.open_work),
    ("money", money.money),
    ("ledgers", sources.ledgers),
    ("published", sources.published),
    ("assumptions", sources.assumptions),
    ("reproduce", reproduce.reproduce),
)


def build(summary: Mapping[str, Any], manifest: Mapping[str, Any], language: Language) -> View:
    """Return the view of a run.

    Args:
        summary: ``summary.json`` as a mapping.
        manifest: ``manifest.json`` as a mapping.
        language: Language of the report.

    Returns:
        ``head``, ``answer``, ``sections`` and the few fixed words of the page.
    """
    found = context(summary, manifest, language)
    texts = found.texts
    numbers = {key: str(place) for place, (key, _) in enumerate(SECTIONS, 1)}
    sections = []
    for key, make in SECTIONS:
        made = make(found)
        lead = made.pop("lead", None)
        if lead is None:
            lead = texts(f"{key}.lead", ledgers=numbers["ledgers"])
        made["figures"] = [each for each in made["figures"] if any(each["svgs"])]
        made["tables"] = [each for each in made["tables"] if each["bodies"]]
        sections.append(
            {
                "id": key,
                "number": numbers[key],
                "title": texts(f"{key}.title"),
                "lead": lead,
                **_DEFAULTS,
                **made,
            }
        )
    words = ("report", "question", "contents", "made_from", "back")
    return {
        "language": language,
        "words": {word: texts(f"document.{word}") for word in words},
        "answer_words": {word: texts(f"answer.{word}") for word in ("open_title", "open_note", "warnings")},
        "head": answer.head(found),
        "answer": answer.answer(found),
        "sections": sections,
    }
