"""Turns a summary and a manifest into the one plain dict that the template is fed.

Rule kept here: the order of the report is the order of ``SECTIONS``; everything in the view is text, or SVG made by
this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loadtests.report.blocks import View, words
from loadtests.report.context import Context, context
from loadtests.report.sections import answer, journey, objectives, planning, response, running
from loadtests.report.texts import Language

_WORDS = ("contents", "made_from")
SECTIONS: tuple[tuple[str, Callable[[Context], list[View]]], ...] = (
    ("rate", response.rate),
    ("spectrum", response.spectrum),
    ("time", response.over),
    ("lateness", response.lateness),
    ("steps", journey.steps),
    ("ledger", journey.ledger),
    ("server", journey.server),
    ("capacity", planning.capacity),
    ("search", planning.search),
    ("compare", lambda found: planning.comparison(found, found.get("compare", {}))),
    ("generator", running.generator),
    ("environment", running.environment),
    ("reproduce", running.reproduce),
    ("checks", running.checks),
)
OPTIONAL = {"search": "search", "compare": "compare"}
"""Sections that are left out where the summary has no such part."""
OF_ONE_RUN = {"spectrum": "spectrum", "time": "series", "lateness": "generator", "steps": "steps", "ledger": "ledger",
              "server": "server", "capacity": "capacity", "generator": "generator",
              "checks": "verdict.checks"}  # fmt: skip
"""What a search leaves out, too, where its summary holds none of it: it is many runs."""
COMPARISON: tuple[tuple[str, Callable[[Context], list[View]]], ...] = (
    ("compare", lambda found: planning.comparison(found, found.summary)),
    ("environment", running.environment),
    ("reproduce", running.reproduce),
)


def build(summary: Mapping[str, Any], manifest: Mapping[str, Any], language: Language) -> View:
    """Return the view of a run, a search or a comparison.

    Args:
        summary: ``summary.json`` as a mapping.
        manifest: ``manifest.json`` as a mapping.
        language: Language of the report.
    """
    found = context(summary, manifest, language)
    alone = summary.get("kind") == "load-comparison"
    searched = bool(found.get("search"))
    needed = {**OPTIONAL, **OF_ONE_RUN} if searched else OPTIONAL
    sections = [each for each in SECTIONS if each[0] not in needed or found.get(needed[each[0]])]
    if searched:
        sections.sort(key=lambda each: each[0] != "search")
    view: View = {
        "language": language,
        "words": {word: found.texts(f"document.{word}") for word in _WORDS},
        "head": answer.head(found),
        "verdict": None,
        "tiles": [],
        "first": [],
        "sections": _sections(found, COMPARISON if alone else sections),
    }
    if alone:
        view["head"]["kicker"] = found.texts("document.comparison")
        view["head"]["title"] = found.texts.title(summary.get("title")) or found.texts("document.comparison")
        return view
    lead = [words(found.texts("search.of_run"))] if searched and found.get("offered") else []
    first = [*lead, *objectives.objectives(found), *objectives.glance(found)]
    return {**view, "verdict": answer.verdict(found), "tiles": answer.tiles(found), "first": first}


def _sections(found: Context, chosen: Any) -> list[View]:
    return [
        {
            "id": key,
            "number": str(place),
            "title": found.texts(f"{key}.title"),
            "lead": found.texts(f"{key}.lead"),
            "blocks": make(found),
        }
        for place, (key, make) in enumerate(chosen, 1)
    ]
