"""One delivery's life in every alternative, as time-lines over the same axis.

Rule kept here: the delivery is the one that the run chose and says how; nothing is chosen while the report is written.
"""

from __future__ import annotations

from sim.report import pictures
from sim.report.context import Context
from sim.report.marks import CATEGORIES, CATEGORY_FILLS, chip
from sim.report.tables import View, figure
from sim.units import HOUR_S

MARGIN_S = 2 * HOUR_S  # before the document was asked for, and after it was finished


def life(context: Context) -> View:
    """Return the time-lines."""
    texts, numbers = context.texts, context.numbers
    found = context.summary.get("life")
    drawn = [each for each in context.alternatives if each.key in (found or {}).get("alternatives", {})]
    if not found or not drawn:
        return {"figures": [], "tables": [], "empty": texts("life.none")}
    lives = {each.key: found["alternatives"][each.key] for each in drawn}
    frame = {
        "from": min(one["created_s"] for one in lives.values()) - MARGIN_S,
        "until": max(one["finished_s"] for one in lives.values()) + MARGIN_S,
        "closed": found["closed"],
    }
    key = [
        {"mark": chip(fill), "text": texts.name("category", part)}
        for part, fill in zip(CATEGORIES, CATEGORY_FILLS, strict=True)
    ]
    figures = []
    for place, each in enumerate(drawn):
        told = lives[each.key]
        caption = texts(
            "life.figure", name=context.label(each), flow=texts.title(found["flow_title"], found["flow"]),
            sender=told["sender"], recipient=told["recipient"],
            took=numbers.duration(told["finished_s"] - told["created_s"], working=False),
            median=numbers.duration(told["median_s"], working=False),
        )  # fmt: skip
        figures.append(figure(pictures.life(context, place, caption, told, frame), caption, key))
    all_ = len(context.alternatives)
    more = [texts("life.more", n=len(drawn), all=all_)] if len(drawn) < all_ else []
    return {"figures": figures, "tables": [], "paragraphs": more}
